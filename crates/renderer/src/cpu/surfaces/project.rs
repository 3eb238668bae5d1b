//! Volumes seen as one value a ray: the largest, the smallest or the mean.
//!
//! Such a volume is one opaque place along each ray, so it is blended with surfaces as they are with each other. Blocks
//! whose range cannot change what was found so far are leapt over.

use volume::{Sample, with_samples};

use super::super::{Ray, View};
use super::Fragment;
use crate::resident::BLOCK_SIDE;
use crate::scene::{Projection, VolumeLayer};

/// Entries of the table of colors.
const TABLE: usize = 1024;

/// A projected volume in one picture.
pub(super) struct Projected<'a> {
    layer: &'a VolumeLayer<'a>,
    dims: [usize; 3],
    step_mm: f32,
    /// Linear colors between the outer control points of the transfer function.
    colors: Vec<[f32; 3]>,
    low: f64,
    scale: f64,
}

/// What is found along a ray, in stored values.
struct Found {
    value: f32,
    at: f32,
}

impl<'a> Projected<'a> {
    pub(super) fn new(layer: &'a VolumeLayer<'a>, steps_per_voxel: f64) -> Self {
        let points = layer.transfer.points();
        let (low, high) = (points[0].value, points[points.len() - 1].value);
        let span = if high > low { high - low } else { 1.0 };
        let entry = |i: usize| {
            let [r, g, b, _] = layer.transfer.at(low + span * i as f64 / (TABLE - 1) as f64);
            [r, g, b]
        };
        let grid = layer.volume.grid();
        let smallest = grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
        Self {
            layer,
            dims: grid.dims().map(|n| n as usize),
            step_mm: (smallest / steps_per_voxel.max(0.1)) as f32,
            colors: (0..TABLE).map(entry).collect(),
            low,
            scale: (TABLE - 1) as f64 / span,
        }
    }

    /// What of the volume is seen between two places along a ray, mm along it.
    pub(super) fn along(
        &self,
        view: &View,
        ray: &Ray,
        pixel: [usize; 2],
        [from, to]: [f32; 2],
    ) -> Option<Fragment> {
        if self.layer.volume.is_empty() {
            return None;
        }
        let voxel_from_patient = self.layer.volume.grid().voxel_from_patient();
        let line = Line {
            origin: voxel_from_patient
                .transform_point3(ray.origin_mm)
                .as_vec3()
                .to_array(),
            direction: voxel_from_patient
                .transform_vector3(ray.direction)
                .as_vec3()
                .to_array(),
        };
        let (enter, leave) = line.inside(self.dims)?;
        let (enter, leave) = (enter.max(from).max(0.0), leave.min(to));
        let jitter = view.jitter(pixel[0], pixel[1]);
        let found = with_samples!(self.layer.volume.samples(), samples => match self.layer.projection {
            Projection::Maximum => self.extreme(samples, &line, [enter, leave], jitter, 1.0),
            Projection::Minimum => self.extreme(samples, &line, [enter, leave], jitter, -1.0),
            Projection::Composite | Projection::Average => self.mean(samples, &line, [enter, leave], jitter),
        })?;
        let value = self.layer.volume.rescale().value(f64::from(found.value));
        let entry = ((value - self.low) * self.scale + 0.5).max(0.0) as usize;
        Some(Fragment {
            depth_mm: found.at * ray.cosine,
            color: self.colors[entry.min(TABLE - 1)],
            opacity: 1.0,
        })
    }

    /// The sample whose value times `sign` is largest.
    fn extreme<T: Sample>(
        &self,
        samples: &[T],
        line: &Line,
        [enter, leave]: [f32; 2],
        jitter: f32,
        sign: f32,
    ) -> Option<Found> {
        let ranges = self.layer.volume.blocks().ranges();
        let [bx, by, _] = self.layer.volume.blocks().counts();
        let step = self.step_mm;
        let mut best: Option<Found> = None;
        let mut index = (enter / step - jitter).ceil().max(0.0);
        loop {
            let at = (index + jitter) * step;
            if at.is_nan() || at > leave {
                return best;
            }
            let p = line.at(at);
            let block: [usize; 3] =
                std::array::from_fn(|axis| (p[axis].max(0.0) as usize).min(self.dims[axis] - 1) / BLOCK_SIDE);
            let [low, high] = ranges[(block[2] * by + block[1]) * bx + block[0]];
            let most = if sign > 0.0 { high } else { -low };
            if best.as_ref().is_some_and(|best| most <= best.value * sign) || low > high {
                index = (line.leaves(block) / step - jitter).ceil().max(index + 1.0);
                continue;
            }
            let value = trilinear(samples, self.dims, p);
            if best.as_ref().is_none_or(|best| value * sign > best.value * sign) && !value.is_nan() {
                best = Some(Found { value, at });
            }
            index += 1.0;
        }
    }

    fn mean<T: Sample>(
        &self,
        samples: &[T],
        line: &Line,
        [enter, leave]: [f32; 2],
        jitter: f32,
    ) -> Option<Found> {
        let step = self.step_mm;
        let (mut sum, mut count) = (0.0f64, 0u32);
        let mut index = (enter / step - jitter).ceil().max(0.0);
        while (index + jitter) * step <= leave {
            let value = trilinear(samples, self.dims, line.at((index + jitter) * step));
            if value.is_finite() {
                sum += f64::from(value);
                count += 1;
            }
            index += 1.0;
        }
        (count > 0).then(|| Found {
            value: (sum / f64::from(count)) as f32,
            at: enter,
        })
    }
}

/// A ray in voxels; its direction is voxels a mm.
struct Line {
    origin: [f32; 3],
    direction: [f32; 3],
}

impl Line {
    fn at(&self, mm: f32) -> [f32; 3] {
        std::array::from_fn(|axis| self.origin[axis] + self.direction[axis] * mm)
    }

    /// Where it enters and leaves the box of sample middles, mm.
    fn inside(&self, dims: [usize; 3]) -> Option<(f32, f32)> {
        let (mut enter, mut leave) = (0.0f32, f32::INFINITY);
        for (axis, len) in dims.into_iter().enumerate() {
            let last = (len - 1) as f32;
            if self.direction[axis].abs() < 1e-9 {
                if !(0.0..=last).contains(&self.origin[axis]) {
                    return None;
                }
                continue;
            }
            let a = -self.origin[axis] / self.direction[axis];
            let b = (last - self.origin[axis]) / self.direction[axis];
            enter = enter.max(a.min(b));
            leave = leave.min(a.max(b));
        }
        (enter <= leave).then_some((enter, leave))
    }

    /// Where it leaves a block, mm.
    fn leaves(&self, block: [usize; 3]) -> f32 {
        let mut leave = f32::INFINITY;
        for (axis, block) in block.into_iter().enumerate() {
            let wall = if self.direction[axis] > 1e-9 {
                (block + 1) * BLOCK_SIDE
            } else if self.direction[axis] < -1e-9 {
                block * BLOCK_SIDE
            } else {
                continue;
            };
            leave = leave.min((wall as f32 - self.origin[axis]) / self.direction[axis]);
        }
        leave
    }
}

/// The stored value between the eight samples around a place, which is held inside the array.
#[inline(always)]
fn trilinear<T: Sample>(samples: &[T], dims: [usize; 3], p: [f32; 3]) -> f32 {
    let [nx, ny, nz] = dims;
    let place = |v: f32, n: usize| {
        let v = v.max(0.0).min((n - 1) as f32);
        let low = (v as usize).min(n - 1);
        (low, usize::from(low + 1 < n), v - low as f32)
    };
    let ((x, dx, fx), (y, dy, fy), (z, dz, fz)) = (place(p[0], nx), place(p[1], ny), place(p[2], nz));
    let start = (z * ny + y) * nx + x;
    let (dy, dz) = (dy * nx, dz * nx * ny);
    let mix = |a: f32, b: f32, part: f32| if part == 0.0 { a } else { a + (b - a) * part };
    let row = |at: usize| mix(samples[at].to_f32(), samples[at + dx].to_f32(), fx);
    let slice = |at: usize| mix(row(at), row(at + dy), fy);
    mix(slice(start), slice(start + dz), fz)
}
