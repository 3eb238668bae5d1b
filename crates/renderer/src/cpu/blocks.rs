//! Where there is something to see: of which small cells a transfer function shows anything, and how far it is to the next
//! such cell.
//!
//! Blocks of 8 cubed samples, whose ranges the volume keeps, tell where to look; blocks that are shown in part are looked
//! at in eight cells each, so that rays leap closer to what they meet.

use parallel::prelude::*;
use volume::{Sample, with_samples};

use crate::{BLOCK_SIDE, ResidentVolume};

/// Samples along each edge of a cell.
pub(super) const CELL: usize = BLOCK_SIDE / 2;

/// Distances are counted no farther, which bounds the time they take.
const FARTHEST: u8 = 20;

/// How much of a range of values is visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    Part,
    All,
}

/// What a transfer function leaves visible.
pub(super) struct Visible {
    /// Cells along x, y and z.
    cells: [usize; 3],
    /// `[z][y][x]`: 0 for a cell that shows something, else how many cells around it (by the largest axis) show nothing,
    /// at most [`FARTHEST`].
    distances: Vec<u8>,
    /// Blocks that show something and have one that does not, or the end of the grid, beside them: any ray that meets
    /// what is visible enters and leaves through these.
    faces: Vec<[u16; 3]>,
}

impl Visible {
    pub(super) fn new(volume: &ResidentVolume, shows: impl Fn([f32; 2]) -> Shown + Sync) -> Self {
        let dims = volume.grid().dims().map(|n| n as usize);
        let blocks = volume.blocks().counts();
        let masks: Vec<u8> = with_samples!(volume.samples(), samples => {
            let all = (0..volume.blocks().len()).into_par_iter().with_min_len(256);
            all
                .map(|at| {
                    let range = volume.blocks().at(at);
                    let place = [at % blocks[0], at / blocks[0] % blocks[1], at / blocks[0] / blocks[1]];
                    match shows(range) {
                        Shown::Nothing => 0,
                        Shown::All => u8::MAX,
                        Shown::Part => cells_shown(samples, dims, place, &shows),
                    }
                })
                .collect()
        });
        Self::of_masks(dims, blocks, &masks)
    }

    /// From the visible cells of each block, a bit each: x first, then y, then z.
    fn of_masks(dims: [usize; 3], blocks: [usize; 3], masks: &[u8]) -> Self {
        let cells = dims.map(|n| n.div_ceil(CELL));
        let visible = Bits::of(cells, |[x, y, z]| {
            let mask = masks[(z / 2 * blocks[1] + y / 2) * blocks[0] + x / 2];
            mask >> ((z & 1) << 2 | (y & 1) << 1 | x & 1) & 1 != 0
        });
        let faces = Bits::of(blocks, |[x, y, z]| {
            masks[(z * blocks[1] + y) * blocks[0] + x] != 0
        });
        Self {
            cells,
            distances: visible.distances(),
            faces: faces.faces(),
        }
    }

    /// How many cells around that of `voxel` show nothing; 0 when it shows something.
    #[inline(always)]
    pub(super) fn distance(&self, [x, y, z]: [i32; 3]) -> u8 {
        let cell = |v: i32| v as usize / CELL;
        self.distances[(cell(z) * self.cells[1] + cell(y)) * self.cells[0] + cell(x)]
    }

    pub(super) fn faces(&self) -> &[[u16; 3]] {
        &self.faces
    }

    /// Bytes that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.distances.len() + size_of_val(self.faces.as_slice())
    }
}

/// Which of the eight cells of a block show something.
fn cells_shown<T: Sample>(
    samples: &[T],
    dims: [usize; 3],
    block: [usize; 3],
    shows: impl Fn([f32; 2]) -> Shown,
) -> u8 {
    let ranges = cell_ranges(samples, dims, block.map(|b| b * BLOCK_SIDE));
    let mut mask = 0;
    for (cell, [low, high]) in ranges.into_iter().enumerate() {
        let is_shown = low <= high && shows([low.to_f32(), high.to_f32()]) != Shown::Nothing;
        mask |= u8::from(is_shown) << cell;
    }
    mask
}

/// Samples that are met along an edge of a block: its own and the first of the next.
const EDGE: usize = BLOCK_SIDE + 1;

/// Smallest and largest of several samples at each place along a row.
#[derive(Clone, Copy)]
struct Rows<T> {
    low: [T; EDGE],
    high: [T; EDGE],
}

impl<T: Sample> Rows<T> {
    const NONE: Self = Self {
        low: [T::HIGHEST; EDGE],
        high: [T::LOWEST; EDGE],
    };

    #[inline(always)]
    fn take(&mut self, low: &[T; EDGE], high: &[T; EDGE]) {
        for i in 0..EDGE {
            self.low[i] = if low[i] < self.low[i] { low[i] } else { self.low[i] };
            self.high[i] = if high[i] > self.high[i] {
                high[i]
            } else {
                self.high[i]
            };
        }
    }
}

/// Smallest and largest sample met in each of the eight cells of the block that begins at `start`. NaN does not count; a
/// cell of nothing else has its range turned around.
fn cell_ranges<T: Sample>(samples: &[T], [nx, ny, nz]: [usize; 3], start: [usize; 3]) -> [[T; 2]; 8] {
    // Which halves a sample belongs to: the middle one is the last of the first and the first of the second.
    let halves = |at: usize| usize::from(at > CELL)..1 + usize::from(at >= CELL);
    let mut folded = [[Rows::NONE; 2]; 2];
    for z in 0..EDGE.min(nz - start[2]) {
        let mut of_slice = [Rows::NONE; 2];
        for y in 0..EDGE.min(ny - start[1]) {
            let row =
                &samples[((start[2] + z) * ny + start[1] + y) * nx..][start[0]..nx.min(start[0] + EDGE)];
            // Beyond the grid the last one again.
            let row: [T; EDGE] = match row.try_into() {
                Ok(row) => row,
                Err(_) => std::array::from_fn(|x| row[x.min(row.len() - 1)]),
            };
            for half in halves(y) {
                of_slice[half].take(&row, &row);
            }
        }
        for half in halves(z) {
            for (all, slice) in folded[half].iter_mut().zip(&of_slice) {
                all.take(&slice.low, &slice.high);
            }
        }
    }
    std::array::from_fn(|cell| {
        let rows = &folded[cell >> 2][cell >> 1 & 1];
        let columns = (cell & 1) * CELL..=(cell & 1) * CELL + CELL;
        let low = rows.low[columns.clone()].iter();
        let high = rows.high[columns].iter();
        [
            low.fold(T::HIGHEST, |low, &v| if v < low { v } else { low }),
            high.fold(T::LOWEST, |high, &v| if v > high { v } else { high }),
        ]
    })
}

/// One bit for each of a grid of blocks or cells, rows along x in whole words.
#[derive(Clone)]
struct Bits {
    blocks: [usize; 3],
    words: usize,
    bits: Vec<u64>,
}

impl Bits {
    fn of(blocks: [usize; 3], is_set: impl Fn([usize; 3]) -> bool + Sync) -> Self {
        let words = blocks[0].div_ceil(64);
        let mut bits = vec![0u64; words * blocks[1] * blocks[2]];
        bits.par_chunks_mut(words)
            .enumerate()
            .with_min_len(64)
            .for_each(|(row, bits)| {
                let (y, z) = (row % blocks[1], row / blocks[1]);
                for x in 0..blocks[0] {
                    bits[x / 64] |= u64::from(is_set([x, y, z])) << (x % 64);
                }
            });
        Self { blocks, words, bits }
    }

    /// Each bit joined with its 26 neighbors by `join`, which is `or` or `and`; beyond the grid lies `outside`.
    fn joined(&self, outside: u64, join: impl Fn(u64, u64) -> u64 + Sync) -> Self {
        let (words, [bx, by, bz]) = (self.words, self.blocks);
        let beyond = vec![outside; words * by.max(1)];
        // Bits past the end of a row count as outside.
        let spare = (words * 64 - bx) as u32;
        let tail = if spare == 0 { 0 } else { u64::MAX << (64 - spare) };
        let mut along_x = self.clone();
        for row in along_x.bits.chunks_exact_mut(words) {
            row[words - 1] = (row[words - 1] & !tail) | (outside & tail);
            let mut before = outside;
            for at in 0..words {
                let here = row[at];
                let after = if at + 1 < words { row[at + 1] } else { outside };
                let sides = join(here << 1 | before >> 63, here >> 1 | after << 63);
                row[at] = join(here, sides);
                before = here;
            }
        }
        let combine = |out: &mut [u64], rows: [&[u64]; 3]| {
            for (at, word) in out.iter_mut().enumerate() {
                *word = join(rows[1][at], join(rows[0][at], rows[2][at]));
            }
        };
        let mut along_y = along_x.clone();
        for (z, slice) in along_y.bits.chunks_exact_mut(words * by).enumerate() {
            let source = &along_x.bits[z * words * by..][..words * by];
            for (y, out) in slice.chunks_exact_mut(words).enumerate() {
                let row = |y: usize| source.get(y * words..(y + 1) * words).unwrap_or(&beyond[..words]);
                combine(out, [row(y.wrapping_sub(1).min(by)), row(y), row(y + 1)]);
            }
        }
        let mut along_z = along_x;
        for (z, out) in along_z.bits.chunks_exact_mut(words * by).enumerate() {
            let length = words * by;
            let slice = |z: usize| {
                along_y
                    .bits
                    .get(z * length..(z + 1) * length)
                    .unwrap_or(&beyond[..length])
            };
            combine(out, [slice(z.wrapping_sub(1).min(bz)), slice(z), slice(z + 1)]);
        }
        // Nothing stays set past the end of a row.
        for row in along_z.bits.chunks_exact_mut(words) {
            row[words - 1] &= !tail;
        }
        along_z
    }

    /// Chessboard distances to the nearest set bit, by growing what is set one block at a time.
    fn distances(&self) -> Vec<u8> {
        let mut out = vec![FARTHEST; self.blocks.iter().product()];
        self.each_set(|_, at| out[at] = 0);
        let mut near = self.clone();
        for distance in 1..FARTHEST {
            let grown = near.joined(0, |a, b| a | b);
            let mut newly = grown.clone();
            for (word, old) in newly.bits.iter_mut().zip(&near.bits) {
                *word &= !old;
            }
            let mut any = false;
            newly.each_set(|_, at| {
                out[at] = distance;
                any = true;
            });
            if !any {
                break;
            }
            near = grown;
        }
        out
    }

    fn faces(&self) -> Vec<[u16; 3]> {
        let inner = self.joined(0, |a, b| a & b);
        let mut faces = self.clone();
        for (word, inner) in faces.bits.iter_mut().zip(&inner.bits) {
            *word &= !inner;
        }
        let mut list = Vec::new();
        faces.each_set(|block, _| list.push(block.map(|b| b as u16)));
        list
    }

    /// Calls `found` with the place and the index of each set bit.
    fn each_set(&self, mut found: impl FnMut([usize; 3], usize)) {
        let [bx, by, _] = self.blocks;
        for (row, words) in self.bits.chunks_exact(self.words).enumerate() {
            for (word, &bits) in words.iter().enumerate() {
                let mut bits = bits;
                while bits != 0 {
                    let x = word * 64 + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    found([x, row % by, row / by], row * bx + x);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_a_chessboard() {
        for (blocks, nth) in [
            ([7, 5, 3], 40),
            ([67, 9, 11], 900),
            ([64, 3, 2], 100),
            ([130, 1, 4], 64),
        ] {
            let mut seeds = Vec::new();
            for z in 0..blocks[2] {
                for y in 0..blocks[1] {
                    seeds.extend((0..blocks[0]).map(|x| [x, y, z]).filter(|[x, y, z]| {
                        let at: usize = (z * blocks[1] + y) * blocks[0] + x;
                        at.wrapping_mul(2_654_435_761).is_multiple_of(nth)
                    }));
                }
            }
            let distances = Bits::of(blocks, |place| seeds.contains(&place)).distances();
            for (at, &distance) in distances.iter().enumerate() {
                let (x, y, z) = (
                    at % blocks[0],
                    at / blocks[0] % blocks[1],
                    at / blocks[0] / blocks[1],
                );
                let nearest = seeds
                    .iter()
                    .map(|s| s[0].abs_diff(x).max(s[1].abs_diff(y)).max(s[2].abs_diff(z)))
                    .min();
                let expected = nearest.map_or(FARTHEST, |n| n.min(FARTHEST.into()) as u8);
                assert_eq!(distance, expected, "{x} {y} {z}");
            }
        }
    }

    #[test]
    fn faces_are_visible_blocks_beside_invisible_ones() {
        let blocks = [70, 6, 5];
        let inside = |x: usize, y: usize, z: usize| (1..69).contains(&x) && y < 5 && z > 0;
        let faces = Bits::of(blocks, |[x, y, z]| inside(x, y, z)).faces();
        let mut expected = Vec::new();
        for z in 1..5 {
            for y in 0..5 {
                expected.extend((1..69).filter_map(|x: u16| {
                    let within = (2..68).contains(&x) && (1..4).contains(&y) && (2..4).contains(&z);
                    (!within).then_some([x, y, z])
                }));
            }
        }
        assert_eq!(faces, expected);
    }

    #[test]
    fn cells_that_show_nothing_meet_nothing() {
        // One bright sample; cells that reach it, and no others, show something.
        let dims = [19u32, 14, 21];
        let grid =
            geometry::GridGeometry::axis_aligned(dims, [0.7, 0.8, 0.9], geometry::DVec3::ZERO).unwrap();
        for bright in [[0, 0, 0], [8, 4, 12], [7, 9, 20], [18, 13, 1], [11, 8, 8]] {
            let mut samples = vec![f32::NAN; 19 * 14 * 21];
            samples[(bright[2] * 14 + bright[1]) * 19 + bright[0]] = 9.0;
            let samples = volume::Samples::F32(samples);
            let volume = ResidentVolume::dense(grid, samples, volume::Rescale::IDENTITY).unwrap();
            let visible = Visible::new(&volume, |[low, high]| match (low > 5.0, high > 5.0) {
                (true, true) => Shown::Part,
                _ => Shown::Nothing,
            });
            for z in 0..21 {
                for y in 0..14 {
                    for x in 0..19 {
                        let reached = [x, y, z].iter().zip(bright).all(|(&at, bright)| {
                            let first = at / CELL * CELL;
                            (first..=first + CELL).contains(&bright)
                        });
                        let distance = visible.distance([x, y, z].map(|v| v as i32));
                        assert_eq!(distance == 0, reached, "{x} {y} {z} of {bright:?}");
                    }
                }
            }
        }
    }
}
