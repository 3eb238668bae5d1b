//! The refining passes against a plain model of them: an encoder visits the samples one by one as 15444-15 words it.

use super::*;
use crate::jpeg2000::header::BlockStyle;
use crate::jpeg2000::tile::BandKind;

const WIDTH: usize = 10;
const HEIGHT: usize = 7;

/// The block without its lowest bit-plane.
fn coarse(x: usize, y: usize) -> i32 {
    if (x * 7 + y * 3) % 5 < 3 {
        0
    } else {
        (x * 3 + y * 5 + x * y) as i32 % 15 - 7
    }
}

/// The clean-up pass of [`coarse`], as OpenJPH codes it.
const CLEAN_UP: [u8; 36] = [
    0x23, 0xC1, 0xE8, 0x46, 0x37, 0x21, 0xB0, 0x91, 0xB1, 0xA2, 0xF8, 0x40, 0x9F, 0xD0, 0x3F, 0x24, 0xAF,
    0xFA, 0x16, 0xC3, 0xFE, 0xA3, 0xB5, 0xD7, 0xEE, 0xA7, 0xC9, 0x3D, 0x9E, 0x85, 0xA4, 0xB3, 0xA4, 0xDF,
    0x79, 0x01,
];

/// The lowest bit of the magnitude at a place, and the sign of what is zero without it.
fn finest(x: usize, y: usize) -> (u32, u32) {
    let mix = x * 29 + y * 53 + x * x * y;
    ((mix / 3 % 2) as u32, (mix / 5 % 2) as u32)
}

fn shape(style: u8, planes: u8) -> BlockShape {
    BlockShape {
        size: [WIDTH as u16, HEIGHT as u16],
        kind: BandKind::Ll,
        style: BlockStyle::from_bits(style),
        zero_planes: 8,
        planes,
        fraction_bits: 1,
    }
}

/// Places in the order of the scan: stripes of four rows, column by column.
fn scan() -> impl Iterator<Item = (usize, usize)> {
    (0..HEIGHT)
        .step_by(4)
        .flat_map(|top| (0..WIDTH).flat_map(move |x| (top..HEIGHT.min(top + 4)).map(move |y| (x, y))))
}

/// Bits, lowest first, into bytes of which one has seven bits after one of ones.
fn forward(bits: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut bits = bits.iter();
    while bits.len() > 0 {
        let room = if bytes.last() == Some(&0xFF) { 7 } else { 8 };
        bytes.push(
            bits.by_ref()
                .take(room)
                .enumerate()
                .map(|(at, bit)| (*bit as u8) << at)
                .sum(),
        );
    }
    bytes
}

/// Bits, lowest first, into bytes from the last to the first, of which one has seven bits when those are ones and the
/// byte behind it is above 0x8F, or is not there.
fn backward(bits: &[u32]) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    let mut at = 0;
    while at < bits.len() {
        let bit = |index: usize| bits.get(at + index).map_or(0, |bit| *bit as u8);
        let seven: u8 = (0..7).map(|index| bit(index) << index).sum();
        if bytes.last().is_none_or(|byte| *byte > 0x8F) && seven == 0x7F {
            bytes.push(seven);
            at += 7;
        } else {
            bytes.push(seven | bit(7) << 7);
            at += 8;
        }
    }
    bytes.reverse();
    bytes
}

/// The bits of the significance propagation pass, and which samples become significant in it.
fn significance(causal: bool) -> (Vec<u32>, [[bool; WIDTH]; HEIGHT]) {
    let mut bits = Vec::new();
    let mut found = [[false; WIDTH]; HEIGHT];
    let mut signs = Vec::new();
    for (x, y) in scan() {
        // Signs follow each group of four columns of a stripe.
        if x % 4 == 0 && y % 4 == 0 {
            bits.append(&mut signs);
        }
        let near = (y.saturating_sub(1)..HEIGHT.min(y + 2)).any(|b| {
            (x.saturating_sub(1)..WIDTH.min(x + 2))
                .any(|a| (!causal || b / 4 <= y / 4) && (coarse(a, b) != 0 || found[b][a]))
        });
        if coarse(x, y) == 0 && near {
            let (bit, sign) = finest(x, y);
            bits.push(bit);
            if bit == 1 {
                found[y][x] = true;
                signs.push(sign);
            }
        }
    }
    bits.append(&mut signs);
    (bits, found)
}

fn decoded(decoder: &BlockDecoder) -> Vec<(i64, u32)> {
    let rows = (0..HEIGHT).flat_map(|y| decoder.row(y).to_vec());
    rows.map(|sample| (i64::from(sample & 0x7FFF_FFFF), sample >> 31))
        .collect()
}

#[test]
fn a_clean_up_pass_alone_leaves_the_middle_of_what_is_open() {
    let mut decoder = BlockDecoder::default();
    for (planes, unit) in [(1, 2), (2, 4), (5, 32)] {
        assert_eq!(decoder.decode(&shape(0x40, planes), 1, &CLEAN_UP, &[]), Some(()));
        let all = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| coarse(x, y)));
        let expected = all.map(|value| match value {
            0 => (0, 0),
            _ => (i64::from(value.abs()) * unit + unit / 2, u32::from(value < 0)),
        });
        assert_eq!(decoded(&decoder), expected.collect::<Vec<_>>());
    }
}

#[test]
fn refining_passes_give_the_lowest_bit_plane() {
    let mut decoder = BlockDecoder::default();
    for (style, causal) in [(0x40, false), (0x48, true)] {
        let (bits, found) = significance(causal);
        let magnitudes: Vec<u32> = scan()
            .filter(|(x, y)| coarse(*x, *y) != 0)
            .map(|(x, y)| finest(x, y).0)
            .collect();
        assert!(bits.len() > 20 && magnitudes.len() > 20);
        let propagation = forward(&bits);
        for passes in [2, 3] {
            let refinement = if passes == 3 {
                backward(&magnitudes)
            } else {
                Vec::new()
            };
            let refining = [&propagation[..], &refinement].concat();
            assert_eq!(
                decoder.decode(&shape(style, 2), passes, &CLEAN_UP, &refining),
                Some(())
            );
            let mut expected = Vec::new();
            for (y, found) in found.iter().enumerate() {
                for (x, found) in found.iter().enumerate() {
                    let value = coarse(x, y);
                    let (bit, sign) = finest(x, y);
                    expected.push(match (value, passes) {
                        (0, _) if *found => (3, sign),
                        (0, _) => (0, 0),
                        (_, 2) => (i64::from(value.abs()) * 4 + 2, u32::from(value < 0)),
                        _ => (
                            i64::from(value.abs()) * 4 + i64::from(bit) * 2 + 1,
                            u32::from(value < 0),
                        ),
                    });
                }
            }
            assert_eq!(decoded(&decoder), expected, "{passes} passes, causal: {causal}");
        }
    }
}

#[test]
fn runs_and_lengths_that_contradict_the_bytes_are_refused() {
    let mut decoder = BlockDecoder::default();
    let mut tail_beyond = CLEAN_UP;
    tail_beyond[35] = 0x02;
    let mut no_tail = CLEAN_UP;
    [no_tail[34], no_tail[35]] = [0x70, 0];
    for bytes in [&[][..], &[0x10], &tail_beyond, &no_tail] {
        assert_eq!(
            decoder.decode(&shape(0x40, 1), 1, bytes, &[]),
            None,
            "{bytes:02X?}"
        );
    }
    // Magnitudes of more bits than the band has.
    let narrow = BlockShape {
        zero_planes: 0,
        ..shape(0x40, 1)
    };
    assert_eq!(decoder.decode(&narrow, 1, &CLEAN_UP, &[]), None);
}
