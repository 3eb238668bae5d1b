//! The tables of contexts (ISO/IEC 15444-1 D.3), and what a sample tells those around it when it becomes significant.
#![expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, where a bad index can't pass"
)]

use crate::jpeg2000::tile::BandKind;

/// What is to be added to the block's columns when a sample becomes significant, by its row in the stripe. They keep
/// for each column of four samples what is significant there and around, in 18 bits: six rows, from the one above
/// the stripe to the one below, and in each the left column, the own one, the right one.
#[derive(Clone, Copy, Default)]
pub(super) struct Spread {
    pub(super) own: u32,
    pub(super) left: u32,
    pub(super) right: u32,
    /// The same in the stripe above or below, when the sample lies at its edge.
    pub(super) beyond: [u32; 3],
    /// How far that stripe's columns lie from the own ones.
    pub(super) step: usize,
    /// What a positive sign adds to the balance of the sample above.
    pub(super) above: u8,
}

/// For a sample in `row` of its stripe, where stripes are `stride` columns apart.
pub(super) const fn spread(row: u32, causal: bool, stride: usize) -> Spread {
    let beyond = match row {
        0 if causal => [0; 3],
        0 => [1 << 16, 1 << 17, 1 << 15],
        3 => [1 << 1, 1 << 2, 1 << 0],
        _ => [0; 3],
    };
    let step = match row {
        0 => stride.wrapping_neg(),
        3 => stride,
        _ => 0,
    };
    let above = if causal && row == 0 { 0 } else { VERTICAL };
    Spread {
        own: 1 << (3 * row + 4),
        left: 1 << (3 * row + 5),
        right: 1 << (3 * row + 3),
        beyond,
        step,
        above,
    }
}

/// First contexts of signs and of magnitude refinement (tables D.2 to D.4).
const SIGN: u8 = 9;
pub(super) const MAGNITUDE: u8 = 14;

/// Context by the nine bits of significance around a sample, for bands LL and LH, HL, HH (table D.1).
static ZERO_CODING: [[u8; 512]; 3] = zero_coding();

/// The contexts of zero coding in a band of this kind.
pub(super) fn zero_contexts(kind: BandKind) -> &'static [u8; 512] {
    match kind {
        BandKind::Ll | BandKind::Lh => &ZERO_CODING[0],
        BandKind::Hl => &ZERO_CODING[1],
        BandKind::Hh => &ZERO_CODING[2],
    }
}

/// No neighbor, or as many positive ones as negative ones on both axes.
pub(super) const BALANCED: u8 = 12;
/// What a positive neighbor adds above or below, and to the left or right; a negative one takes as much.
pub(super) const VERTICAL: u8 = 5;
pub(super) const HORIZONTAL: u8 = 1;

const fn zero_coding() -> [[u8; 512]; 3] {
    let mut tables = [[0; 512]; 3];
    let mut index = 0_usize;
    while index < 512 {
        let d = (index & 0x145).count_ones();
        let v = (index & 0x82).count_ones();
        let h = (index & 0x28).count_ones();
        tables[0][index] = zero_coding_edges(h, v, d);
        tables[1][index] = zero_coding_edges(v, h, d);
        tables[2][index] = match (d, h + v) {
            (0, 0) => 0,
            (0, 1) => 1,
            (0, _) => 2,
            (1, 0) => 3,
            (1, 1) => 4,
            (1, _) => 5,
            (2, 0) => 6,
            (2, _) => 7,
            _ => 8,
        };
        index += 1;
    }
    tables
}

/// The context in a band whose edges run along the first of both neighbor counts.
const fn zero_coding_edges(along: u32, across: u32, diagonal: u32) -> u8 {
    match (along, across, diagonal) {
        (2, _, _) => 8,
        (1, 0, 0) => 5,
        (1, 0, _) => 6,
        (1, _, _) => 7,
        (_, 2, _) => 4,
        (_, 1, _) => 3,
        (_, _, 0) => 0,
        (_, _, 1) => 1,
        _ => 2,
    }
}

/// Context, and in bit 7 whether the sign is flipped (table D.3), by what the nearest neighbors' signs add up to:
/// [`BALANCED`], [`VERTICAL`] and [`HORIZONTAL`].
pub(super) const fn sign_coding() -> [u8; 32] {
    let mut table = [0; 32];
    let mut index = 0;
    while index < 25 {
        let vertical = (index as i32 / 5 - 2).signum();
        let horizontal = (index as i32 % 5 - 2).signum();
        let flip = horizontal < 0 || horizontal == 0 && vertical < 0;
        let (horizontal, vertical) = if flip {
            (-horizontal, -vertical)
        } else {
            (horizontal, vertical)
        };
        let context = if horizontal == 1 { 3 + vertical } else { vertical };
        table[index] = (SIGN + context as u8) | (flip as u8) << 7;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_neighbors_choose_context_and_flip() {
        let table = sign_coding();
        // Rows of table D.3: horizontal and vertical contribution, context, flip.
        for (horizontal, vertical, context, flip) in [
            (1, 1, 13, 0),
            (1, 0, 12, 0),
            (1, -1, 11, 0),
            (0, 1, 10, 0),
            (0, 0, 9, 0),
            (0, -1, 10, 1),
            (-1, 1, 11, 1),
            (-1, 0, 12, 1),
            (-1, -1, 13, 1),
        ] {
            for (both, once) in [(2, 2), (2, 1), (1, 2), (1, 1)] {
                let balance = i32::from(BALANCED)
                    + vertical * both * i32::from(VERTICAL)
                    + horizontal * once * i32::from(HORIZONTAL);
                assert_eq!(
                    table[balance as usize],
                    context | flip << 7,
                    "{horizontal} {vertical}"
                );
            }
        }
    }

    #[test]
    fn bands_of_horizontal_and_vertical_detail_swap_axes() {
        let [left_and_right, above_and_below] = [0b000_101_000, 0b010_000_010];
        assert_eq!(zero_contexts(BandKind::Lh)[left_and_right], 8);
        assert_eq!(zero_contexts(BandKind::Lh)[above_and_below], 4);
        assert_eq!(zero_contexts(BandKind::Hl)[left_and_right], 4);
        assert_eq!(zero_contexts(BandKind::Hl)[above_and_below], 8);
        assert_eq!(
            zero_contexts(BandKind::Hh)[left_and_right],
            zero_contexts(BandKind::Hh)[above_and_below]
        );
        assert_eq!(zero_contexts(BandKind::Hh)[0b101_000_101], 8);
    }
}
