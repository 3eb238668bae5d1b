//! Planes through volumes: exact values, and the picture of them.
//!
//! Places are computed in `f64` and a place within a millionth of a voxel of a sample is that sample, so that a plane on
//! the grid shows stored values exactly, whatever way the grid lies.

use geometry::{DVec2, DVec3};
use parallel::prelude::*;
use volume::{Sample, with_samples};

use crate::picture::Picture;
use crate::resident::mix;
use crate::slice::{
    Interpolation, Inversion, Slab, SlabProjection, Slice, SliceError, SliceLayer, SlicePlane,
};
use crate::transfer::TransferFunction;

/// Parts of a voxel that are no distance.
const EXACT: f64 = 1e-6;

/// The meaningful values on a plane: `[layer][row][column]`, in the unit of each volume; NaN where a volume has none.
pub(super) fn values(slice: &Slice<'_>, width: u32, height: u32) -> Result<Vec<f32>, SliceError> {
    slice.check()?;
    let (width, height) = (width.max(1), height.max(1));
    let mut values = vec![f32::NAN; slice.layers.len() * width as usize * height as usize];
    let per_layer = values.chunks_exact_mut(width as usize * height as usize);
    for (layer, values) in slice.layers.iter().zip(per_layer) {
        let plane = Traverse::new(layer, &slice.plane, slice.slab, width, height);
        let rows = values.par_chunks_exact_mut(width as usize).enumerate();
        with_samples!(layer.volume.samples(), samples => {
            rows.for_each(|(row, out)| {
                if !layer.volume.is_empty() {
                    plane.row(samples, layer, row, out);
                }
                cut(slice, row, (width, height), out);
            });
        });
    }
    Ok(values)
}

/// The picture of a plane.
pub(super) fn draw(slice: &Slice<'_>, width: u32, height: u32) -> Result<Picture, SliceError> {
    slice.check()?;
    let (width, height) = (width.max(1), height.max(1));
    let layers: Vec<(Traverse, Ramp)> = slice
        .layers
        .iter()
        .map(|layer| {
            let plane = Traverse::new(layer, &slice.plane, slice.slab, width, height);
            (plane, Ramp::new(layer))
        })
        .collect();
    let background = slice.background.map(byte);
    let mut rgba = vec![255u8; width as usize * height as usize * 4];
    let rows = rgba.par_chunks_exact_mut(width as usize * 4).enumerate();
    rows.for_each_init(
        || vec![f32::NAN; width as usize],
        |values, (row, out)| {
            for pixel in out.chunks_exact_mut(4) {
                pixel[..3].copy_from_slice(&background);
            }
            for (layer, (plane, ramp)) in slice.layers.iter().zip(&layers) {
                values.fill(f32::NAN);
                if layer.volume.is_empty() {
                    continue;
                }
                with_samples!(layer.volume.samples(), samples => plane.row(samples, layer, row, values));
                cut(slice, row, (width, height), values);
                ramp.paint(layer, values, out);
            }
        },
    );
    Ok(Picture { width, height, rgba })
}

/// Takes away what the slice's clip does not keep.
fn cut(slice: &Slice<'_>, row: usize, (width, height): (u32, u32), values: &mut [f32]) {
    if !slice.clip.cuts() {
        return;
    }
    for (column, value) in values.iter_mut().enumerate() {
        let p = DVec2::new(column as f64 + 0.5, row as f64 + 0.5);
        if !slice.clip.keeps(slice.plane.mm_of(p, width, height)) {
            *value = f32::NAN;
        }
    }
}

/// A plane of pixels in the voxels of one volume.
struct Traverse {
    dims: [usize; 3],
    /// The middle of the first pixel, and the steps to the next one and the next row.
    first: DVec3,
    across: DVec3,
    along: DVec3,
    /// The step through the slab, and the numbers of the first and the last one; 0 is the plane.
    inward: DVec3,
    steps: [i64; 2],
    projection: SlabProjection,
    /// Where rows of pixels run along one axis of the grid.
    straight: Option<Straight>,
}

/// Rows of pixels that run along one axis of the grid: where a pixel lies along it is the same in every row.
struct Straight {
    axis: usize,
    /// For each column of pixels, the steps from the first sample of a line to those before and behind it, and how far
    /// between them it lies; `None` outside.
    places: Vec<Option<(usize, usize, f64)>>,
}

impl Straight {
    fn new(first: DVec3, across: DVec3, dims: [usize; 3], width: u32) -> Option<Self> {
        // Over the whole row, the other axes may not move by what counts as a distance.
        let moves = |axis: usize| (across[axis] * f64::from(width)).abs() > EXACT;
        let axis = match [moves(0), moves(1), moves(2)] {
            [true, false, false] => 0,
            [false, true, false] => 1,
            [false, false, true] => 2,
            _ => return None,
        };
        let stride = strides(dims)[axis];
        let place = |column: u32| {
            let v = first[axis] + across[axis] * f64::from(column);
            let (low, high, part) = between(v, dims[axis]);
            is_within(v, dims[axis]).then_some((low * stride, high * stride, part))
        };
        Some(Self {
            axis,
            places: (0..width).map(place).collect(),
        })
    }
}

fn strides(dims: [usize; 3]) -> [usize; 3] {
    [1, dims[0], dims[0] * dims[1]]
}

impl Traverse {
    fn new(layer: &SliceLayer<'_>, plane: &SlicePlane, slab: Slab, width: u32, height: u32) -> Self {
        let grid = layer.volume.grid();
        let voxel_from_patient = grid.voxel_from_patient();
        let step = |direction: DVec3| voxel_from_patient.transform_vector3(direction);
        let first = plane.mm_of(DVec2::splat(0.5), width, height);
        // One step through the slab passes one sample along the axis that is passed fastest.
        let inward = step(plane.inward());
        let fastest = inward.abs().max_element().max(f64::MIN_POSITIVE);
        let half = (slab.thickness_mm * 0.5 * fastest + EXACT).floor();
        // There is nothing before the nearest corner of the volume or behind the farthest.
        let bounds = grid.bounds_mm();
        let corners = (0..8u8).map(|corner| {
            let pick = |bit: u8, low: f64, high: f64| if corner & bit == 0 { low } else { high };
            let corner = DVec3::new(
                pick(1, bounds.min.x, bounds.max.x),
                pick(2, bounds.min.y, bounds.max.y),
                pick(4, bounds.min.z, bounds.max.z),
            );
            plane.distance_mm(corner) * fastest
        });
        let (near, far) = corners.fold((f64::INFINITY, f64::NEG_INFINITY), |(near, far), at| {
            (near.min(at), far.max(at))
        });
        let dims = grid.dims().map(|n| n as usize);
        let first = voxel_from_patient.transform_point3(first);
        let across = step(plane.right * plane.mm_per_pixel);
        Self {
            dims,
            first,
            across,
            straight: Straight::new(first, across, dims, width),
            along: step(plane.down * plane.mm_per_pixel),
            inward: inward / fastest,
            steps: [(-half).max(near.floor()) as i64, half.min(far.ceil()) as i64],
            projection: slab.projection,
        }
    }

    /// The values of one row of pixels; those outside the volume are left as they are.
    fn row<T: Sample>(&self, samples: &[T], layer: &SliceLayer<'_>, row: usize, out: &mut [f32]) {
        let rescale = layer.volume.rescale();
        let start = self.first + self.along * row as f64;
        if self.steps == [0, 0] {
            return match (layer.interpolation, &self.straight) {
                (Interpolation::Linear, Some(straight)) => {
                    self.straight(samples, start, straight, rescale, out);
                }
                (Interpolation::Linear, None) => self.thin(samples, start, linear, rescale, out),
                (Interpolation::Nearest, _) => self.thin(samples, start, nearest, rescale, out),
            };
        }
        match layer.interpolation {
            Interpolation::Linear => self.thick(samples, start, linear, rescale, out),
            Interpolation::Nearest => self.thick(samples, start, nearest, rescale, out),
        }
    }

    /// As [`Traverse::thin`] with [`linear`], where rows run along an axis: up to four lines of samples are mixed.
    fn straight<T: Sample>(
        &self,
        samples: &[T],
        start: DVec3,
        straight: &Straight,
        rescale: &volume::Rescale,
        out: &mut [f32],
    ) {
        let [a, b] = match straight.axis {
            0 => [1, 2],
            1 => [0, 2],
            _ => [0, 1],
        };
        if !is_within(start[a], self.dims[a]) || !is_within(start[b], self.dims[b]) {
            return;
        }
        let strides = strides(self.dims);
        let (a0, a1, a_part) = between(start[a], self.dims[a]);
        let (b0, b1, b_part) = between(start[b], self.dims[b]);
        let line = |a_at: usize, b_at: usize| &samples[a_at * strides[a] + b_at * strides[b]..];
        let pixels = out.iter_mut().zip(&straight.places);
        let along = |line: &[T], (low, high, part): (usize, usize, f64)| {
            mix(line[low].to_f64(), line[high].to_f64(), part)
        };
        match (a_part == 0.0, b_part == 0.0) {
            (true, true) => {
                let only = line(a0, b0);
                for (out, place) in pixels {
                    if let Some(place) = *place {
                        *out = rescale.value(along(only, place)) as f32;
                    }
                }
            }
            (false, true) | (true, false) => {
                let (first, second, part) = if b_part == 0.0 {
                    (line(a0, b0), line(a1, b0), a_part)
                } else {
                    (line(a0, b0), line(a0, b1), b_part)
                };
                for (out, place) in pixels {
                    if let Some(place) = *place {
                        let value = mix(along(first, place), along(second, place), part);
                        *out = rescale.value(value) as f32;
                    }
                }
            }
            (false, false) => {
                let [p, q, r, s] = [line(a0, b0), line(a1, b0), line(a0, b1), line(a1, b1)];
                for (out, place) in pixels {
                    if let Some(place) = *place {
                        let front = mix(along(p, place), along(q, place), a_part);
                        let back = mix(along(r, place), along(s, place), a_part);
                        *out = rescale.value(mix(front, back, b_part)) as f32;
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn thin<T: Sample>(
        &self,
        samples: &[T],
        start: DVec3,
        sample: impl Fn(&[T], [usize; 3], DVec3) -> f64,
        rescale: &volume::Rescale,
        out: &mut [f32],
    ) {
        for (column, out) in out.iter_mut().enumerate() {
            let p = start + self.across * column as f64;
            if is_inside(p, self.dims) {
                *out = rescale.value(sample(samples, self.dims, p)) as f32;
            }
        }
    }

    #[inline(always)]
    fn thick<T: Sample>(
        &self,
        samples: &[T],
        start: DVec3,
        sample: impl Fn(&[T], [usize; 3], DVec3) -> f64,
        rescale: &volume::Rescale,
        out: &mut [f32],
    ) {
        for (column, out) in out.iter_mut().enumerate() {
            let middle = start + self.across * column as f64;
            let mut seen = Through::default();
            for step in self.steps[0]..=self.steps[1] {
                let p = middle + self.inward * step as f64;
                if is_inside(p, self.dims) {
                    seen.add(rescale.value(sample(samples, self.dims, p)));
                }
            }
            if seen.count > 0 {
                *out = seen.value(self.projection) as f32;
            }
        }
    }
}

/// What is met through a slab.
struct Through {
    count: u32,
    sum: f64,
    smallest: f64,
    largest: f64,
}

impl Default for Through {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            smallest: f64::INFINITY,
            largest: f64::NEG_INFINITY,
        }
    }
}

impl Through {
    /// NaN is no value and does not count.
    fn add(&mut self, value: f64) {
        if !value.is_nan() {
            self.count += 1;
            self.sum += value;
            self.smallest = self.smallest.min(value);
            self.largest = self.largest.max(value);
        }
    }

    fn value(&self, projection: SlabProjection) -> f64 {
        match projection {
            SlabProjection::Maximum => self.largest,
            SlabProjection::Minimum => self.smallest,
            SlabProjection::Mean => self.sum / f64::from(self.count),
        }
    }
}

/// Whether a place lies in the voxels of a volume, up to their outer faces.
#[inline(always)]
fn is_inside(p: DVec3, dims: [usize; 3]) -> bool {
    is_within(p.x, dims[0]) && is_within(p.y, dims[1]) && is_within(p.z, dims[2])
}

#[inline(always)]
fn is_within(v: f64, n: usize) -> bool {
    v >= -0.5 - EXACT && v <= n as f64 - 0.5 + EXACT
}

/// The sample before a place, the one behind it, and how far between them it lies; a place outside is moved to the border.
#[inline(always)]
fn between(v: f64, n: usize) -> (usize, usize, f64) {
    let v = v.max(0.0).min((n - 1) as f64);
    let low = v as usize;
    let part = v - low as f64;
    if part < EXACT {
        (low, low, 0.0)
    } else if part > 1.0 - EXACT {
        (low + 1, low + 1, 0.0)
    } else {
        (low, low + 1, part)
    }
}

#[inline(always)]
fn linear<T: Sample>(samples: &[T], dims: [usize; 3], p: DVec3) -> f64 {
    let (x0, x1, x) = between(p.x, dims[0]);
    let (y0, y1, y) = between(p.y, dims[1]);
    let (z0, z1, z) = between(p.z, dims[2]);
    let row = |y: usize, z: usize| {
        let start = (z * dims[1] + y) * dims[0];
        let row = &samples[start..start + dims[0]];
        mix(row[x0].to_f64(), row[x1].to_f64(), x)
    };
    let slice = |z: usize| {
        let first = row(y0, z);
        if y == 0.0 {
            first
        } else {
            mix(first, row(y1, z), y)
        }
    };
    let first = slice(z0);
    if z == 0.0 { first } else { mix(first, slice(z1), z) }
}

#[inline(always)]
fn nearest<T: Sample>(samples: &[T], dims: [usize; 3], p: DVec3) -> f64 {
    let at = |v: f64, n: usize| ((v + 0.5).max(0.0) as usize).min(n - 1);
    let (x, y, z) = (at(p.x, dims[0]), at(p.y, dims[1]), at(p.z, dims[2]));
    samples[(z * dims[1] + y) * dims[0] + x].to_f64()
}

/// Brightness to what is painted.
struct Ramp {
    /// Red, green, blue (0 to 255) and opacity, for brightness from 0 to 1; empty for gray.
    colors: Vec<[f32; 4]>,
    opacity: f32,
}

/// Entries of a ramp, over which colors run straight.
const RAMP: usize = 1024;

impl Ramp {
    fn new(layer: &SliceLayer<'_>) -> Self {
        let opacity = if layer.opacity.is_nan() {
            0.0
        } else {
            layer.opacity.clamp(0.0, 1.0)
        };
        let entry = |colors: &TransferFunction, i: usize| {
            let ([r, g, b], shown) = colors.display_at(i as f64 / (RAMP - 1) as f64);
            [r * 255.0, g * 255.0, b * 255.0, shown * opacity]
        };
        let colors = layer
            .colors
            .map_or_else(Vec::new, |colors| (0..RAMP).map(|i| entry(colors, i)).collect());
        Self { colors, opacity }
    }

    /// Paints a row of values over what is there.
    fn paint(&self, layer: &SliceLayer<'_>, values: &[f32], out: &mut [u8]) {
        if self.colors.is_empty() && self.opacity == 1.0 {
            return paint_gray(layer, values, out);
        }
        for (&value, pixel) in values.iter().zip(out.chunks_exact_mut(4)) {
            if value.is_nan() {
                continue;
            }
            let brightness = layer.window.brightness(f64::from(value)) as f32;
            let brightness = match layer.inversion {
                Inversion::Off => brightness,
                Inversion::On => 1.0 - brightness,
            };
            let (color, opacity) = if self.colors.is_empty() {
                ([brightness * 255.0; 3], self.opacity)
            } else {
                let [r, g, b, opacity] = self.colors[(brightness * (RAMP - 1) as f32 + 0.5) as usize];
                ([r, g, b], opacity)
            };
            for (out, color) in pixel.iter_mut().zip(color) {
                let below = f32::from(*out);
                *out = (below + (color - below) * opacity + 0.5) as u8;
            }
        }
    }
}

/// Paints an opaque gray row: what most slices are.
fn paint_gray(layer: &SliceLayer<'_>, values: &[f32], out: &mut [u8]) {
    let (from, to) = match layer.inversion {
        Inversion::Off => (0.0, 1.0),
        Inversion::On => (1.0, -1.0),
    };
    for (&value, pixel) in values.iter().zip(out.as_chunks_mut::<4>().0) {
        if value.is_nan() {
            continue;
        }
        let brightness = from + to * layer.window.brightness(f64::from(value)) as f32;
        let gray = (brightness * 255.0 + 0.5) as u8;
        *pixel = [gray, gray, gray, pixel[3]];
    }
}

/// An sRGB component as a byte.
fn byte(component: f32) -> u8 {
    (component.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}
