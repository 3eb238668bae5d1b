//! A volume made ready for casting: samples as `i16`, a lookup table, and a map of where there is nothing.

use geometry::{DAffine3, DMat3};
use rayon::prelude::*;
use volume::Samples;

use crate::resident::BLOCK_SIDE;
use crate::scene::VolumeLayer;
use crate::{DataId, TransferFunction};

/// Samples along each edge of a block.
pub(super) const BLOCK: usize = BLOCK_SIDE;
const BLOCK_SHIFT: usize = 3;
/// Entries of the lookup table.
const TABLE: usize = 4096;

/// What is derived from a volume and its transfer function, and kept from picture to picture.
pub(super) struct Tables {
    key: Key,
    /// The samples, where they are stored as anything but `i16`.
    field: Option<Vec<i16>>,
    voxel_from_patient: DAffine3,
    step_mm: f32,
    table: Vec<[f32; 4]>,
    table_scale: f32,
    table_offset: f32,
    blocks: [usize; 3],
    /// For each block, how far (in blocks, by the largest axis) the nearest block lies that holds anything
    /// visible: 0 is such a block itself.
    distance: Vec<u8>,
}

/// What tables are made from.
#[derive(Clone, PartialEq)]
struct Key {
    volume: DataId,
    revision: u64,
    transfer: TransferFunction,
    steps_per_voxel: f64,
}

/// A volume made ready for casting.
#[derive(Clone, Copy)]
pub(super) struct PreparedVolume<'a> {
    tables: &'a Tables,
    /// Columns, rows, slices.
    pub(super) dims: [usize; 3],
    /// `[slice][row][column]`.
    field: &'a [i16],
    pub(super) voxel_from_patient: DAffine3,
    /// Takes gradients over voxels to normals in patient space: the transpose of `voxel_from_patient`.
    pub(super) normal_from_gradient: DMat3,
    pub(super) step_mm: f32,
}

impl Tables {
    /// Whether these are the tables of `layer` as it is now.
    pub(super) fn are_of(&self, layer: &VolumeLayer<'_>, steps_per_voxel: f64) -> bool {
        self.key.volume == layer.volume.id()
            && self.key.revision == layer.volume.revision()
            && self.key.transfer == *layer.transfer
            && self.key.steps_per_voxel == steps_per_voxel
    }

    pub(super) fn new(layer: &VolumeLayer<'_>, steps_per_voxel: f64) -> Self {
        let volume = layer.volume;
        let grid = volume.grid();
        let (field, stored_from_field) = as_field(volume.samples());
        let smallest = grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
        let step_mm = smallest / steps_per_voxel.max(0.1);
        let to_field = |stored: f32| (f64::from(stored) - stored_from_field.1) / stored_from_field.0;
        let ranges = volume.blocks().ranges();
        let (min, max) = ranges
            .iter()
            .filter(|[low, high]| low <= high)
            .fold((f32::MAX, f32::MIN), |(min, max), [low, high]| {
                (min.min(*low), max.max(*high))
            });
        let within = |v: f64| v.clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as f32;
        let (min, max) = if min > max {
            (0.0, 0.0)
        } else {
            (within(to_field(min)), within(to_field(max)))
        };
        let table_scale = (TABLE - 1) as f32 / (max - min).max(1.0);
        let table_offset = -min * table_scale;
        let table = (0..TABLE)
            .map(|i| {
                let in_field = f64::from((i as f32 - table_offset) / table_scale);
                let value = volume
                    .rescale()
                    .value(stored_from_field.0 * in_field + stored_from_field.1);
                let [r, g, b, opacity] = layer.transfer.at(value);
                // Opacity is given for 1 mm; a step of another length lets another part through (Beer-Lambert).
                let of_step = 1.0 - (1.0 - opacity.min(0.999_9)).powf(step_mm as f32);
                [r, g, b, of_step]
            })
            .collect();
        let mut tables = Self {
            key: Key {
                volume: volume.id(),
                revision: volume.revision(),
                transfer: layer.transfer.clone(),
                steps_per_voxel,
            },
            field,
            voxel_from_patient: grid.voxel_from_patient(),
            step_mm: step_mm as f32,
            table,
            table_scale,
            table_offset,
            blocks: volume.blocks().counts(),
            distance: Vec::new(),
        };
        let visible = tables.visible_ranges();
        let mut distance: Vec<u8> = ranges
            .par_iter()
            .map(|&[low, high]| {
                let is_seen = low <= high && visible(within(to_field(low)), within(to_field(high)));
                if is_seen { 0 } else { u8::MAX }
            })
            .collect();
        spread(&mut distance, tables.blocks);
        tables.distance = distance;
        tables
    }

    /// A test whether any field value between two bounds is visible.
    fn visible_ranges(&self) -> impl Fn(f32, f32) -> bool + Sync + use<> {
        let mut before = Vec::with_capacity(TABLE + 1);
        let mut count = 0u32;
        before.push(0);
        for entry in &self.table {
            count += u32::from(entry[3] > 0.0);
            before.push(count);
        }
        let (scale, offset) = (self.table_scale, self.table_offset);
        move |min, max| {
            let index = |v: f32, slack: f32| {
                let at = v.mul_add(scale, offset) + slack;
                (at.max(0.0) as usize).min(TABLE - 1)
            };
            // A bin to either side, because looking up rounds.
            before[index(max, 1.0) + 1] > before[index(min, -1.0)]
        }
    }

    /// Bytes that are kept.
    pub(super) fn bytes(&self) -> u64 {
        let field = self
            .field
            .as_ref()
            .map_or(0, |field| field.len() * size_of::<i16>());
        (field + self.distance.len() + size_of_val(self.table.as_slice())) as u64
    }
}

impl<'a> PreparedVolume<'a> {
    /// The volume of `layer` with its tables.
    pub(super) fn new(layer: &VolumeLayer<'a>, tables: &'a Tables) -> Self {
        let field = match (&tables.field, layer.volume.samples()) {
            (Some(field), _) => field.as_slice(),
            (None, Samples::I16(samples)) => samples.as_slice(),
            (None, _) => &[],
        };
        Self {
            tables,
            dims: layer.volume.grid().dims().map(|n| n as usize),
            field,
            voxel_from_patient: tables.voxel_from_patient,
            normal_from_gradient: tables.voxel_from_patient.matrix3.transpose(),
            step_mm: tables.step_mm,
        }
    }

    /// Linear color and opacity of one step at an interpolated field value.
    #[inline(always)]
    pub(super) fn look_up(&self, value: f32) -> [f32; 4] {
        let tables = self.tables;
        let at = value.mul_add(tables.table_scale, tables.table_offset + 0.5);
        tables.table[(at as usize).min(TABLE - 1)]
    }

    /// How many blocks around the one that holds this voxel are empty.
    #[inline(always)]
    pub(super) fn empty_blocks(&self, voxel: [usize; 3]) -> u8 {
        let [x, y, z] = voxel.map(|v| v >> BLOCK_SHIFT);
        let blocks = self.tables.blocks;
        self.tables.distance[(z * blocks[1] + y) * blocks[0] + x]
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

/// Samples as `i16` unless they are, and (scale, offset) from there to stored values. 16 bits and fewer are exact; wider
/// types are spread over the 16 bits between their own extremes, which is finer than a picture shows. NaN becomes the
/// lowest.
fn as_field(samples: &Samples) -> (Option<Vec<i16>>, (f64, f64)) {
    match samples {
        Samples::I16(_) => (None, (1.0, 0.0)),
        Samples::U8(v) => (Some(v.par_iter().map(|&s| i16::from(s)).collect()), (1.0, 0.0)),
        Samples::U16(v) => (
            Some(v.par_iter().map(|&s| (s ^ 0x8000) as i16).collect()),
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
) -> (Option<Vec<i16>>, (f64, f64)) {
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
    (Some(field), (1.0 / scale, min + 32_767.0 / scale))
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
        let field = field.unwrap();
        let back: Vec<f64> = field.iter().map(|&f| f64::from(f) * scale + offset).collect();
        assert!((back[0] + 2.0).abs() < 1e-3 && (back[1] - 0.5).abs() < 1e-3 && (back[3] - 8.0).abs() < 1e-3);
        assert_eq!(field[2], i16::MIN);
        let samples = Samples::U16(vec![0, 65_535]);
        let (field, (_, offset)) = as_field(&samples);
        let field = field.unwrap();
        assert_eq!(
            field.iter().map(|&f| f64::from(f) + offset).collect::<Vec<_>>(),
            [0.0, 65_535.0]
        );
    }
}
