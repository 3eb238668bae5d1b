//! Triangles that bring their own corners (STL), with corners shared where they are near each other in the file.

use rayon::prelude::*;

/// Triangles of a piece: what two caches hold of a table of their corners.
const PIECE: usize = 1 << 14;
const TABLE_BITS: u32 = (PIECE * 8).ilog2();
const NONE: u32 = u32::MAX;

/// Positions and triangles of `count` triangles, of which `corners` gives three positions each.
///
/// Within a piece of the file, corners with the same bits (0 and -0 the same) become one vertex; corners of different
/// pieces do not, so that all pieces are worked on at once and most of the repetition is gone before it takes memory.
/// Vertices and triangles keep the order of the file. `count` must be within the budget of triangles.
pub(super) fn index(
    count: usize,
    corners: impl Fn(usize) -> [[f32; 3]; 3] + Sync,
) -> (Vec<[f32; 3]>, Vec<[u32; 3]>) {
    let mut triangles = vec![[0; 3]; count];
    let pieces: Vec<Vec<[f32; 3]>> = triangles
        .par_chunks_mut(PIECE)
        .enumerate()
        .map_init(
            || vec![NONE; 1 << TABLE_BITS],
            |table, (piece, triangles)| {
                table.fill(NONE);
                let mut positions = Vec::with_capacity(triangles.len() * 5 / 8);
                for (i, triangle) in triangles.iter_mut().enumerate() {
                    *triangle = corners(piece * PIECE + i).map(|p| place(p, table, &mut positions));
                }
                positions
            },
        )
        .collect();
    let mut total = 0;
    let starts: Vec<u32> = pieces
        .iter()
        .map(|piece| {
            let start = total;
            total += piece.len() as u32;
            start
        })
        .collect();
    let shift = |(triangles, start): (&mut [[u32; 3]], &u32)| {
        triangles.as_flattened_mut().iter_mut().for_each(|v| *v += start);
    };
    triangles.par_chunks_mut(PIECE).zip(&starts).for_each(shift);
    let mut positions = Vec::with_capacity(total as usize);
    for piece in pieces {
        positions.extend_from_slice(&piece);
    }
    (positions, triangles)
}

/// The number of `position` in its piece.
#[expect(
    clippy::indexing_slicing,
    reason = "a slot is reduced to the size of the table, which has more slots than a piece has corners"
)]
fn place(position: [f32; 3], table: &mut [u32], positions: &mut Vec<[f32; 3]>) -> u32 {
    // Adding zero turns -0 into 0.
    let bits = position.map(|v| (v + 0.0).to_bits());
    let [x, y, z] = bits.map(u64::from);
    let mixed = (x | y << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ z.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    let mut slot = ((mixed ^ mixed >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - TABLE_BITS)) as usize;
    loop {
        let number = table[slot];
        if number == NONE {
            let number = positions.len() as u32;
            positions.push(position);
            table[slot] = number;
            return number;
        }
        if positions[number as usize].map(|v| (v + 0.0).to_bits()) == bits {
            return number;
        }
        slot = (slot + 1) & ((1 << TABLE_BITS) - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_shared_within_a_piece() {
        // A strip: triangle i has the corners i, i + 1, i + 2.
        let at = |i: usize| [i as f32, (i % 2) as f32, 0.0];
        let count = 2 * PIECE + 100;
        let (positions, triangles) = index(count, |i| [at(i), at(i + 1), at(i + 2)]);
        assert_eq!(positions.len(), count + 3 * 2);
        for (i, triangle) in triangles.iter().enumerate() {
            let corners = triangle.map(|v| positions[v as usize]);
            assert_eq!(corners, [at(i), at(i + 1), at(i + 2)]);
        }
        assert_eq!(triangles[0], [0, 1, 2]);
    }

    #[test]
    fn zeros_of_both_signs_are_one_place_and_nan_is_kept() {
        let corners = [[0.0, 1.0, f32::NAN], [-0.0, 1.0, f32::NAN], [0.0; 3]];
        let (positions, triangles) = index(1, |_| corners);
        assert_eq!((positions.len(), triangles[0]), (2, [0, 0, 1]));
        assert_eq!(index(0, |_| corners), (Vec::new(), Vec::new()));
    }
}
