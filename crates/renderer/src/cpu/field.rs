//! A volume made ready for casting: samples as `i16`, a lookup table, and a map of where there is nothing.

use std::borrow::Cow;

use geometry::{DAffine3, DMat3};
use rayon::prelude::*;
use volume::Samples;

use crate::scene::VolumeLayer;

/// Samples along each edge of a block.
pub(super) const BLOCK: usize = 8;
const BLOCK_SHIFT: usize = 3;
/// Entries of the lookup table.
const TABLE: usize = 4096;

/// A volume made ready for casting.
pub(super) struct PreparedVolume<'a> {
    /// Columns, rows, slices.
    pub(super) dims: [usize; 3],
    /// `[slice][row][column]`.
    pub(super) field: Cow<'a, [i16]>,
    pub(super) voxel_from_patient: DAffine3,
    /// Takes gradients over voxels to normals in patient space: the transpose of `voxel_from_patient`.
    pub(super) normal_from_gradient: DMat3,
    pub(super) step_mm: f32,
    table: Vec<[f32; 4]>,
    table_scale: f32,
    table_offset: f32,
    blocks: [usize; 3],
    /// For each block, how far (in blocks, by the largest axis) the nearest block lies that holds anything
    /// visible: 0 is such a block itself.
    distance: Vec<u8>,
}

impl<'a> PreparedVolume<'a> {
    pub(super) fn new(layer: &VolumeLayer<'a>, steps_per_voxel: f64) -> Self {
        let dims = layer.grid.dims().map(|n| n as usize);
        let (field, stored_from_field) = as_field(layer.samples);
        let spacing = layer.grid.spacing_mm();
        let smallest = spacing.iter().copied().fold(f64::INFINITY, f64::min);
        let step_mm = smallest / steps_per_voxel.max(0.1);

        let (min, max) = extremes(&field);
        let span = (f32::from(max) - f32::from(min)).max(1.0);
        let table_scale = (TABLE - 1) as f32 / span;
        let table_offset = -f32::from(min) * table_scale;
        let table: Vec<[f32; 4]> = (0..TABLE)
            .map(|i| {
                let in_field = f64::from((i as f32 - table_offset) / table_scale);
                let value = layer
                    .rescale
                    .value(stored_from_field.0 * in_field + stored_from_field.1);
                let [r, g, b, opacity] = layer.transfer.at(value);
                // Opacity is given for 1 mm; a step of another length lets another part through (Beer-Lambert).
                let of_step = 1.0 - (1.0 - opacity.min(0.999_9)).powf(step_mm as f32);
                [r, g, b, of_step]
            })
            .collect();
        let voxel_from_patient = layer.grid.voxel_from_patient();
        let mut prepared = Self {
            dims,
            field,
            voxel_from_patient,
            normal_from_gradient: voxel_from_patient.matrix3.transpose(),
            step_mm: step_mm as f32,
            table,
            table_scale,
            table_offset,
            blocks: dims.map(|n| n.div_ceil(BLOCK)),
            distance: Vec::new(),
        };
        prepared.distance = prepared.distances();
        prepared
    }

    /// Linear color and opacity of one step at an interpolated field value.
    #[inline(always)]
    pub(super) fn look_up(&self, value: f32) -> [f32; 4] {
        let at = value.mul_add(self.table_scale, self.table_offset + 0.5);
        self.table[(at as usize).min(TABLE - 1)]
    }

    /// How many blocks around the one that holds this voxel are empty.
    #[inline(always)]
    pub(super) fn empty_blocks(&self, voxel: [usize; 3]) -> u8 {
        let [x, y, z] = voxel.map(|v| v >> BLOCK_SHIFT);
        self.distance[(z * self.blocks[1] + y) * self.blocks[0] + x]
    }

    /// The field at a voxel position inside `[0, dims - 1]`, trilinear.
    #[inline(always)]
    pub(super) fn sample(&self, p: [f32; 3]) -> f32 {
        let [nx, ny, nz] = self.dims;
        let clamp = |v: f32, n: usize| v.clamp(0.0, (n - 1) as f32);
        let (x, y, z) = (clamp(p[0], nx), clamp(p[1], ny), clamp(p[2], nz));
        let (ix, iy, iz) = (x as usize, y as usize, z as usize);
        let (fx, fy, fz) = (x - ix as f32, y - iy as f32, z - iz as f32);
        let dx = usize::from(ix + 1 < nx);
        let dy = if iy + 1 < ny { nx } else { 0 };
        let dz = if iz + 1 < nz { nx * ny } else { 0 };
        let at = (iz * ny + iy) * nx + ix;
        let v = |offset: usize| f32::from(self.field[at + offset]);
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        let front = mix(mix(v(0), v(dx), fx), mix(v(dy), v(dy + dx), fx), fy);
        let back = mix(
            mix(v(dz), v(dz + dx), fx),
            mix(v(dz + dy), v(dz + dy + dx), fx),
            fy,
        );
        mix(front, back, fz)
    }

    fn distances(&self) -> Vec<u8> {
        let visible = self.visible_ranges();
        let [bx, by, bz] = self.blocks;
        let mut distance = vec![0u8; bx * by * bz];
        distance.par_chunks_mut(bx).enumerate().for_each(|(row, out)| {
            let (y, z) = (row % by, row / by);
            for (x, d) in out.iter_mut().enumerate() {
                let (min, max) = self.block_range([x, y, z]);
                *d = if visible(min, max) { 0 } else { u8::MAX };
            }
        });
        spread(&mut distance, self.blocks);
        distance
    }

    /// A test whether any field value between two bounds is visible.
    fn visible_ranges(&self) -> impl Fn(i16, i16) -> bool + Sync + '_ {
        let mut before = Vec::with_capacity(TABLE + 1);
        let mut count = 0u32;
        before.push(0);
        for entry in &self.table {
            count += u32::from(entry[3] > 0.0);
            before.push(count);
        }
        move |min, max| {
            let index = |v: i16, slack: f32| {
                let at = f32::from(v).mul_add(self.table_scale, self.table_offset) + slack;
                (at.max(0.0) as usize).min(TABLE - 1)
            };
            // A bin to either side, because looking up rounds.
            before[index(max, 1.0) + 1] > before[index(min, -1.0)]
        }
    }

    /// Smallest and largest field value that interpolation inside a block can meet.
    fn block_range(&self, block: [usize; 3]) -> (i16, i16) {
        let [nx, ny, _] = self.dims;
        let start = block.map(|b| b * BLOCK);
        let end: [usize; 3] = std::array::from_fn(|axis| (start[axis] + BLOCK + 1).min(self.dims[axis]));
        let (mut min, mut max) = (i16::MAX, i16::MIN);
        for z in start[2]..end[2] {
            for y in start[1]..end[1] {
                let row = (z * ny + y) * nx;
                for &v in &self.field[row + start[0]..row + end[0]] {
                    min = min.min(v);
                    max = max.max(v);
                }
            }
        }
        (min, max)
    }
}

/// Turns 0 and 255 into exact chessboard distances to the nearest 0, in two sweeps (Rosenfeld and Pfaltz 1966).
fn spread(distance: &mut [u8], [bx, by, bz]: [usize; 3]) {
    let mut relax = |x: usize, y: usize, z: usize, half: &dyn Fn(isize) -> bool| {
        let at = (z * by + y) * bx + x;
        let mut best = distance[at];
        for (dz, dy, dx) in neighbors() {
            if !half((dz * 3 + dy) * 3 + dx) {
                continue;
            }
            let inside = |v: usize, d: isize, n: usize| v.checked_add_signed(d).filter(|&v| v < n);
            let (Some(x), Some(y), Some(z)) = (inside(x, dx, bx), inside(y, dy, by), inside(z, dz, bz))
            else {
                continue;
            };
            best = best.min(distance[(z * by + y) * bx + x].saturating_add(1));
        }
        distance[at] = best;
    };
    for z in 0..bz {
        for y in 0..by {
            for x in 0..bx {
                relax(x, y, z, &|order| order < 0);
            }
        }
    }
    for z in (0..bz).rev() {
        for y in (0..by).rev() {
            for x in (0..bx).rev() {
                relax(x, y, z, &|order| order > 0);
            }
        }
    }
}

fn neighbors() -> impl Iterator<Item = (isize, isize, isize)> {
    (-1..=1).flat_map(|z| (-1..=1).flat_map(move |y| (-1..=1).map(move |x| (z, y, x))))
}

fn extremes(field: &[i16]) -> (i16, i16) {
    field
        .par_chunks(1 << 16)
        .map(|chunk| {
            chunk
                .iter()
                .fold((i16::MAX, i16::MIN), |(lo, hi), &v| (lo.min(v), hi.max(v)))
        })
        .reduce(|| (i16::MAX, i16::MIN), |a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Samples as `i16`, and (scale, offset) from there to stored values. 16 bits and fewer are exact; wider types are
/// spread over the 16 bits between their own extremes, which is finer than a picture shows. NaN becomes the lowest.
fn as_field(samples: &Samples) -> (Cow<'_, [i16]>, (f64, f64)) {
    match samples {
        Samples::I16(v) => (Cow::Borrowed(v), (1.0, 0.0)),
        Samples::U8(v) => (
            Cow::Owned(v.par_iter().map(|&s| i16::from(s)).collect()),
            (1.0, 0.0),
        ),
        Samples::U16(v) => (
            Cow::Owned(v.par_iter().map(|&s| (s ^ 0x8000) as i16).collect()),
            (1.0, 32_768.0),
        ),
        Samples::I32(v) => squeeze(v, f64::from),
        Samples::U32(v) => squeeze(v, f64::from),
        Samples::F32(v) => squeeze(v, f64::from),
    }
}

fn squeeze<T: Copy + Sync>(
    samples: &[T],
    to_f64: impl Fn(T) -> f64 + Sync,
) -> (Cow<'static, [i16]>, (f64, f64)) {
    let (min, max) = samples
        .par_chunks(1 << 16)
        .map(|chunk| {
            chunk
                .iter()
                .map(|&s| to_f64(s))
                .filter(|v| v.is_finite())
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| {
                    (lo.min(v), hi.max(v))
                })
        })
        .reduce(
            || (f64::INFINITY, f64::NEG_INFINITY),
            |a, b| (a.0.min(b.0), a.1.max(b.1)),
        );
    let (min, span) = if max > min {
        (min, max - min)
    } else {
        (if min.is_finite() { min } else { 0.0 }, 1.0)
    };
    let scale = 65_534.0 / span;
    let field = samples
        .par_iter()
        .map(|&s| {
            let v = to_f64(s);
            if v.is_nan() {
                i16::MIN
            } else {
                ((v - min) * scale - 32_767.0).round() as i16
            }
        })
        .collect();
    (Cow::Owned(field), (1.0 / scale, min + 32_767.0 / scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_a_chessboard() {
        let dims = [7, 5, 3];
        let mut distance = vec![u8::MAX; 7 * 5 * 3];
        distance[(5 + 1) * 7 + 2] = 0;
        spread(&mut distance, dims);
        for z in 0..3usize {
            for y in 0..5usize {
                for x in 0..7usize {
                    let expected = x.abs_diff(2).max(y.abs_diff(1)).max(z.abs_diff(1));
                    assert_eq!(
                        usize::from(distance[(z * 5 + y) * 7 + x]),
                        expected,
                        "{x} {y} {z}"
                    );
                }
            }
        }
    }

    #[test]
    fn wide_samples_keep_their_values() {
        let samples = Samples::F32(vec![-2.0, 0.5, f32::NAN, 8.0]);
        let (field, (scale, offset)) = as_field(&samples);
        let back: Vec<f64> = field.iter().map(|&f| f64::from(f) * scale + offset).collect();
        assert!((back[0] + 2.0).abs() < 1e-3 && (back[1] - 0.5).abs() < 1e-3 && (back[3] - 8.0).abs() < 1e-3);
        assert_eq!(field[2], i16::MIN);
        let samples = Samples::U16(vec![0, 65_535]);
        let (field, (_, offset)) = as_field(&samples);
        assert_eq!(
            field.iter().map(|&f| f64::from(f) + offset).collect::<Vec<_>>(),
            [0.0, 65_535.0]
        );
    }
}
