//! How much of each small part of a volume stands in the way of light: what soft shadows and ambient occlusion are read
//! from.
//!
//! Both back ends read the same bytes. They depend on the samples and the transfer function, not on the camera or the
//! light, so turning a volume costs nothing here. A cone of light that widens on its way reads coarser and coarser
//! levels, which is what makes shadows soft (after Crassin et al., "Interactive indirect illumination using voxel cone
//! tracing", 2011).

use parallel::prelude::*;
use volume::{Sample, with_samples};

use crate::scene::VolumeLayer;
use crate::{BLOCK_SIDE, BlockRanges, DataId, TransferFunction};

/// Levels, each of half the cells of the one before along each axis.
pub(crate) const LEVELS: usize = 3;

/// A cell has about as many samples along the axis where they lie closest.
const CELL: f64 = 4.0;

/// Most samples of a cell along an axis.
const LONGEST: u32 = 16;

/// Entries over the stored values of a volume.
const ENTRIES: usize = 4096;

/// The part of light that each cell of a volume stops, over the length of a cell.
#[derive(Debug)]
pub(crate) struct Coverage {
    key: Key,
    cells: [usize; 3],
    /// `[level][z][y][x]`, 255 for all of it.
    levels: [Vec<u8>; LEVELS],
    /// Takes voxels, half a voxel added, to 0 to 1 over all cells, by axis.
    unit_from_voxel: [f32; 3],
    cell_mm: f32,
}

/// What all of it is made from.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    volume: DataId,
    revision: u64,
    transfer: TransferFunction,
}

impl Coverage {
    /// That of the volume of `layer` seen through its transfer function.
    pub(crate) fn new(layer: &VolumeLayer<'_>) -> Self {
        let volume = layer.volume;
        let grid = volume.grid();
        let dims = grid.dims().map(|n| n as usize);
        let spacing = grid.spacing_mm();
        let cell_mm = CELL * spacing.into_iter().fold(f64::INFINITY, f64::min);
        // Cells are about as long along every axis.
        let sides = spacing.map(|mm| ((cell_mm / mm).round() as u32).clamp(1, LONGEST) as usize);
        // As many as halve evenly on every level.
        let multiple = 1 << (LEVELS - 1);
        let cells: [usize; 3] =
            std::array::from_fn(|axis| dims[axis].div_ceil(sides[axis]).next_multiple_of(multiple));
        let opacities = Opacities::new(layer, cell_mm);
        let finest = with_samples!(volume.samples(), samples => {
            finest(samples, dims, (cells, sides), &opacities, volume.blocks())
        });
        let mut levels = [finest, Vec::new(), Vec::new()];
        for level in 1..LEVELS {
            levels[level] = halved(&levels[level - 1], cells.map(|n| n >> (level - 1)));
        }
        Self {
            key: Key::of(layer),
            unit_from_voxel: std::array::from_fn(|axis| 1.0 / (cells[axis] * sides[axis]) as f32),
            cells,
            levels,
            cell_mm: cell_mm as f32,
        }
    }

    /// Whether this was made for `layer` as it is now.
    pub(crate) fn is_of(&self, layer: &VolumeLayer<'_>) -> bool {
        self.key.volume == layer.volume.id()
            && self.key.revision == layer.volume.revision()
            && self.key.transfer == *layer.transfer
    }

    /// The bytes of the levels, finest first, each `[z][y][x]`.
    #[cfg(any(feature = "gpu", feature = "webgpu"))]
    pub(crate) fn levels(&self) -> &[Vec<u8>; LEVELS] {
        &self.levels
    }

    /// Cells of the finest level along columns, rows and slices.
    #[cfg(any(feature = "gpu", feature = "webgpu"))]
    pub(crate) fn cells(&self) -> [usize; 3] {
        self.cells
    }

    /// Takes voxels, half a voxel added, to 0 to 1 over all cells, by axis.
    pub(crate) fn unit_from_voxel(&self) -> [f32; 3] {
        self.unit_from_voxel
    }

    /// Length of a cell, mm.
    pub(crate) fn cell_mm(&self) -> f32 {
        self.cell_mm
    }

    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> u64 {
        self.levels.iter().map(|level| level.len() as u64).sum()
    }

    /// The part of light that is stopped around a place, 0 to 1 over all cells along each axis: linear between the cells of
    /// a level.
    #[inline]
    pub(crate) fn at(&self, place: [f32; 3], level: usize) -> f32 {
        let cells = self.cells.map(|n| n >> level);
        let mut first = [0usize; 3];
        let mut next = [0usize; 3];
        let mut part = [0.0f32; 3];
        for axis in 0..3 {
            let last = (cells[axis] - 1) as f32;
            let at = (place[axis] * cells[axis] as f32 - 0.5).max(0.0).min(last);
            first[axis] = at as usize;
            next[axis] = (first[axis] + 1).min(cells[axis] - 1);
            part[axis] = at - first[axis] as f32;
        }
        let bytes = &self.levels[level];
        let row = |z: usize, y: usize| {
            let start = (z * cells[1] + y) * cells[0];
            let (a, b) = (bytes[start + first[0]], bytes[start + next[0]]);
            f32::from(a) + (f32::from(b) - f32::from(a)) * part[0]
        };
        let face = |z: usize| {
            let (a, b) = (row(z, first[1]), row(z, next[1]));
            a + (b - a) * part[1]
        };
        let (a, b) = (face(first[2]), face(next[2]));
        (a + (b - a) * part[2]) * (1.0 / 255.0)
    }
}

impl Key {
    fn of(layer: &VolumeLayer<'_>) -> Self {
        Self {
            volume: layer.volume.id(),
            revision: layer.volume.revision(),
            transfer: layer.transfer.clone(),
        }
    }
}

/// What stops light by stored value, over the length of a cell, of 65 535.
struct Opacities {
    entries: Vec<u16>,
    /// How many of the entries before each stop any.
    some_before: Vec<u32>,
    scale: f32,
    offset: f32,
}

impl Opacities {
    fn new(layer: &VolumeLayer<'_>, cell_mm: f64) -> Self {
        let points = layer.transfer.points();
        let rescale = layer.volume.rescale();
        let ends = [&points[0], &points[points.len() - 1]].map(|p| rescale.stored(p.value));
        let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        let (low, span) = if low.is_finite() && high > low && high.is_finite() {
            (low, high - low)
        } else {
            (0.0, 1.0)
        };
        let last = (ENTRIES - 1) as f64;
        let entries: Vec<u16> = (0..ENTRIES)
            .map(|i| {
                let [_, _, _, opacity] = layer.transfer.at(rescale.value(low + span * (i as f64 / last)));
                let through = (1.0 - f64::from(opacity.min(0.999_9))).powf(cell_mm);
                ((1.0 - through) * f64::from(u16::MAX)).round() as u16
            })
            .collect();
        let mut count = 0;
        let some_before = std::iter::once(0)
            .chain(entries.iter().map(|&entry| {
                count += u32::from(entry > 0);
                count
            }))
            .collect();
        Self {
            entries,
            some_before,
            scale: (last / span) as f32,
            offset: (0.5 - low * last / span) as f32,
        }
    }

    /// NaN stops as much as the lowest value.
    #[inline]
    fn index(&self, stored: f32) -> usize {
        ((stored * self.scale + self.offset).max(0.0) as usize).min(ENTRIES - 1)
    }

    /// Whether any value of a range stops any light.
    fn any_between(&self, [low, high]: [f32; 2]) -> bool {
        low <= high && self.some_before[self.index(high) + 1] > self.some_before[self.index(low)]
    }
}

/// The finest level.
fn finest<T: Sample>(
    samples: &[T],
    dims: [usize; 3],
    (cells, sides): ([usize; 3], [usize; 3]),
    opacities: &Opacities,
    blocks: &BlockRanges,
) -> Vec<u8> {
    let counts = blocks.counts();
    let stops: Vec<bool> = (0..blocks.len())
        .into_par_iter()
        .map(|block| opacities.any_between(blocks.at(block)))
        .collect();
    let any = |start: [usize; 3], end: [usize; 3]| {
        let of = |axis: usize| start[axis] / BLOCK_SIDE..end[axis].div_ceil(BLOCK_SIDE);
        of(2).any(|z| of(1).any(|y| of(0).any(|x| stops[(z * counts[1] + y) * counts[0] + x])))
    };
    let mut out = vec![0u8; cells.iter().product()];
    out.par_chunks_exact_mut(cells[0])
        .enumerate()
        .for_each(|(row, out)| {
            let (y, z) = (row % cells[1], row / cells[1]);
            for (x, out) in out.iter_mut().enumerate() {
                let start: [usize; 3] = std::array::from_fn(|axis| [x, y, z][axis] * sides[axis]);
                let end: [usize; 3] = std::array::from_fn(|axis| (start[axis] + sides[axis]).min(dims[axis]));
                if (0..3).any(|axis| start[axis] >= end[axis]) || !any(start, end) {
                    continue;
                }
                let mut sum = 0u64;
                for z in start[2]..end[2] {
                    for y in start[1]..end[1] {
                        let row = &samples[(z * dims[1] + y) * dims[0]..][start[0]..end[0]];
                        let stopped = row
                            .iter()
                            .map(|v| u64::from(opacities.entries[opacities.index(v.to_f32())]));
                        sum += stopped.sum::<u64>();
                    }
                }
                // What lies beyond the grid stops nothing.
                let whole = (sides[0] * sides[1] * sides[2]) as u64 * 257;
                *out = ((sum + whole / 2) / whole) as u8;
            }
        });
    out
}

/// The means of two by two by two.
fn halved(finer: &[u8], [nx, ny, nz]: [usize; 3]) -> Vec<u8> {
    let [x, y, z] = [nx / 2, ny / 2, nz / 2];
    let mut out = Vec::with_capacity(x * y * z);
    for k in 0..z {
        for j in 0..y {
            let row = |dz: usize, dy: usize| &finer[((2 * k + dz) * ny + 2 * j + dy) * nx..][..nx];
            let rows = [row(0, 0), row(0, 1), row(1, 0), row(1, 1)];
            out.extend((0..x).map(|i| {
                let sum: u32 = rows
                    .iter()
                    .flat_map(|row| &row[2 * i..2 * i + 2])
                    .map(|&b| u32::from(b))
                    .sum();
                ((sum + 4) / 8) as u8
            }));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use geometry::{DVec3, GridGeometry};
    use volume::{Rescale, Samples};

    use super::*;
    use crate::{ControlPoint, ResidentVolume};

    fn transfer() -> TransferFunction {
        let point = |value, opacity| ControlPoint {
            value,
            color: [1.0; 3],
            opacity,
        };
        TransferFunction::new(vec![point(0.0, 0.0), point(100.0, 0.5)]).unwrap()
    }

    #[test]
    fn cells_are_as_long_along_every_axis_and_cover_what_the_function_says() {
        // Opaque where x is 20 or more; slices four times as far apart as rows.
        let dims = [37u32, 22, 9];
        let grid = GridGeometry::axis_aligned(dims, [1.0, 1.3, 4.0], DVec3::ZERO).unwrap();
        let samples = (0..37 * 22 * 9)
            .map(|i| if i % 37 >= 20 { 100i16 } else { 0 })
            .collect();
        let volume = ResidentVolume::dense(grid, Samples::I16(samples), Rescale::IDENTITY).unwrap();
        let transfer = transfer();
        let layer = VolumeLayer::new(&volume, &transfer);
        let coverage = Coverage::new(&layer);
        // Four columns, three rows, one slice.
        assert_eq!(coverage.cells, [12, 8, 12]);
        assert!(coverage.is_of(&layer));
        // Half of the light in every mm: a sixteenth is left behind 4 mm.
        let unit = coverage.unit_from_voxel();
        let at = |x: f32, level| coverage.at([(x + 0.5) * unit[0], 0.4, 0.3], level);
        for level in 0..LEVELS {
            assert!(at(3.5, level) < 0.003, "{}", at(3.5, level));
        }
        // The coarsest cells reach over the wall.
        for level in 0..2 {
            assert!((at(27.5, level) - 0.9375).abs() < 0.003, "{}", at(27.5, level));
        }
        // Cells end at the wall, and it is halfway between their middles.
        assert!((at(19.5, 0) - 0.469).abs() < 0.003, "{}", at(19.5, 0));
        // The last samples, and nothing behind them.
        assert_eq!(coverage.at([0.99, 0.99, 0.99], 0), 0.0);
    }

    #[test]
    fn poison_covers_nothing_or_all() {
        let dims = [9u32, 10, 11];
        let grid = GridGeometry::axis_aligned(dims, [0.3, 0.4, 0.5], DVec3::ZERO).unwrap();
        let poison = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX];
        let samples = (0..990).map(|i| poison[i % 4]).collect();
        let volume = ResidentVolume::dense(grid, Samples::F32(samples), Rescale::IDENTITY).unwrap();
        let transfer = transfer();
        let coverage = Coverage::new(&VolumeLayer::new(&volume, &transfer));
        for place in [[0.1, 0.2, 0.3], [-4.0, 9.0, 0.5], [f32::NAN, 0.5, 0.5]] {
            let covered = coverage.at(place, 0);
            assert!((0.0..=1.0).contains(&covered), "{covered}");
        }
    }
}
