//! Where there is something to see: whether a transfer function shows anything of a block, and how far it is to the next
//! one of which it does.

use rayon::prelude::*;

use crate::{BLOCK_SIDE, BlockRanges};

/// Distances are counted no farther, which bounds the time they take.
const FARTHEST: u8 = 31;

/// What a transfer function leaves visible.
pub(super) struct Visible {
    /// Blocks along x, y and z.
    blocks: [usize; 3],
    /// `[z][y][x]`: 0 for a block that shows something, else how many blocks around it (by the largest axis) show
    /// nothing, at most [`FARTHEST`].
    distances: Vec<u8>,
    /// Visible blocks with an invisible one or the end of the grid beside them: any ray that meets a visible block
    /// enters and leaves through these.
    faces: Vec<[u16; 3]>,
}

impl Visible {
    pub(super) fn new(ranges: &BlockRanges, shows: impl Fn([f32; 2]) -> bool + Sync) -> Self {
        let blocks = ranges.counts();
        let visible = Bits::of(blocks, ranges.ranges(), shows);
        Self::of_bits(&visible)
    }

    fn of_bits(visible: &Bits) -> Self {
        Self {
            blocks: visible.blocks,
            distances: visible.distances(),
            faces: visible.faces(),
        }
    }

    /// How many blocks around that of `voxel` show nothing; 0 when it shows something.
    #[inline(always)]
    pub(super) fn distance(&self, voxel: [i32; 3]) -> u8 {
        let [x, y, z] = voxel.map(|v| v as usize / BLOCK_SIDE);
        self.distances[(z * self.blocks[1] + y) * self.blocks[0] + x]
    }

    /// Bytes that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.distances.len() + size_of_val(self.faces.as_slice())
    }

    pub(super) fn faces(&self) -> &[[u16; 3]] {
        &self.faces
    }
}

/// One bit a block, rows along x in whole words.
#[derive(Clone)]
struct Bits {
    blocks: [usize; 3],
    words: usize,
    bits: Vec<u64>,
}

impl Bits {
    fn of(blocks: [usize; 3], ranges: &[[f32; 2]], shows: impl Fn([f32; 2]) -> bool + Sync) -> Self {
        let words = blocks[0].div_ceil(64);
        let mut bits = vec![0u64; words * blocks[1] * blocks[2]];
        bits.par_chunks_mut(words)
            .zip(ranges.par_chunks(blocks[0]))
            .with_min_len(64)
            .for_each(|(bits, ranges)| {
                for (word, ranges) in bits.iter_mut().zip(ranges.chunks(64)) {
                    for (at, &range) in ranges.iter().enumerate() {
                        *word |= u64::from(shows(range)) << at;
                    }
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

    /// Ranges of which every `n`th reaches 1.
    fn some(blocks: [usize; 3], nth: usize) -> Vec<[f32; 2]> {
        (0..blocks.iter().product())
            .map(|i: usize| {
                [
                    0.0,
                    f32::from(u8::from(i.wrapping_mul(2_654_435_761).is_multiple_of(nth))),
                ]
            })
            .collect()
    }

    fn visible(blocks: [usize; 3], ranges: &[[f32; 2]]) -> Visible {
        Visible::of_bits(&Bits::of(blocks, ranges, |[_, high]| high > 0.5))
    }

    #[test]
    fn distances_are_those_of_a_chessboard() {
        for (blocks, nth) in [
            ([7, 5, 3], 40),
            ([67, 9, 11], 900),
            ([64, 3, 2], 100),
            ([130, 1, 4], 64),
        ] {
            let ranges = some(blocks, nth);
            let visible = visible(blocks, &ranges);
            let at = |x: usize, y: usize, z: usize| (z * blocks[1] + y) * blocks[0] + x;
            let mut seeds = Vec::new();
            for z in 0..blocks[2] {
                for y in 0..blocks[1] {
                    seeds.extend(
                        (0..blocks[0])
                            .filter(|&x| ranges[at(x, y, z)][1] > 0.5)
                            .map(|x| [x, y, z]),
                    );
                }
            }
            assert!(!seeds.is_empty());
            for z in 0..blocks[2] {
                for y in 0..blocks[1] {
                    for x in 0..blocks[0] {
                        let nearest = seeds
                            .iter()
                            .map(|s| s[0].abs_diff(x).max(s[1].abs_diff(y)).max(s[2].abs_diff(z)))
                            .min();
                        let expected = nearest.unwrap_or(usize::MAX).min(usize::from(FARTHEST));
                        let voxel = [x, y, z].map(|b| (b * BLOCK_SIDE + 3) as i32);
                        assert_eq!(usize::from(visible.distance(voxel)), expected, "{x} {y} {z}");
                    }
                }
            }
        }
    }

    #[test]
    fn faces_are_visible_blocks_beside_invisible_ones() {
        let blocks = [70, 6, 5];
        let inside = |x: usize, y: usize, z: usize| (1..69).contains(&x) && y < 5 && z > 0;
        let mut ranges = Vec::new();
        for z in 0..5 {
            for y in 0..6 {
                ranges.extend((0..70).map(|x| [0.0, f32::from(u8::from(inside(x, y, z)))]));
            }
        }
        let visible = visible(blocks, &ranges);
        let mut expected = Vec::new();
        for z in 1..5 {
            for y in 0..5 {
                expected.extend((1..69).filter_map(|x: u16| {
                    let within = (2..68).contains(&x) && (1..4).contains(&y) && (2..4).contains(&z);
                    (!within).then_some([x, y, z])
                }));
            }
        }
        assert_eq!(visible.faces(), expected);
    }
}
