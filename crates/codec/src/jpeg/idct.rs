//! The inverse DCT: the Independent JPEG Group's accurate integer transform (`jidctint.c`), bit for bit.
//!
//! Loeffler, Ligtenberg and Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications", ICASSP 1989, in fixed
//! point with 13 fractional bits. Other arithmetic of equal accuracy would round a few samples differently, and then gray
//! pictures would differ from those of other DICOM software.

use std::num::Wrapping;

/// Fractional bits of the constants.
const FRACTION_BITS: usize = 13;

type Fixed = Wrapping<i32>;

const fn fixed(value: i32) -> Fixed {
    Wrapping(value)
}

const FIX_0_298631336: Fixed = fixed(2446);
const FIX_0_390180644: Fixed = fixed(3196);
const FIX_0_541196100: Fixed = fixed(4433);
const FIX_0_765366865: Fixed = fixed(6270);
const FIX_0_899976223: Fixed = fixed(7373);
const FIX_1_175875602: Fixed = fixed(9633);
const FIX_1_501321110: Fixed = fixed(12299);
const FIX_1_847759065: Fixed = fixed(15137);
const FIX_1_961570560: Fixed = fixed(16069);
const FIX_2_053119869: Fixed = fixed(16819);
const FIX_2_562915447: Fixed = fixed(20995);
const FIX_3_072711026: Fixed = fixed(25172);

/// Turns coefficients into samples.
///
/// `coefficients` are as coded, `[vertical][horizontal]` frequency; `steps` the quantization table in the same order;
/// `precision` is 8 or 12 bits. The result is `[row][column]`, 0 to `2^precision - 1`.
pub(super) fn inverse(coefficients: &[i16; 64], steps: &[u16; 64], precision: u8) -> [u16; 64] {
    let center = Wrapping(1i32 << (precision - 1));
    let largest = (1i32 << precision) - 1;
    // The first pass keeps some fractional bits; at 12 bits one fewer fits 32-bit arithmetic.
    let kept_bits: usize = if precision == 8 { 2 } else { 1 };
    let mut block = [fixed(0); 64];
    for ((value, &coefficient), &step) in block.iter_mut().zip(coefficients).zip(steps) {
        *value = Wrapping(i32::from(coefficient)) * Wrapping(i32::from(step));
    }
    let (lines, _) = block.as_chunks::<8>();
    let mut columns = [[fixed(0); 8]; 8];
    for (row, line) in lines.iter().enumerate() {
        for (column, &value) in columns.iter_mut().zip(line) {
            if let Some(slot) = column.get_mut(row) {
                *slot = value;
            }
        }
    }
    for column in &mut columns {
        if let [dc, ac @ ..] = column
            && ac.iter().all(|&value| value == fixed(0))
        {
            *column = [*dc << kept_bits; 8];
        } else {
            *column = pass(*column, FRACTION_BITS - kept_bits);
        }
    }
    let mut samples = [0u16; 64];
    for (row, target) in samples.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let line = columns
            .each_ref()
            .map(|column| column.get(row).copied().unwrap_or_default());
        let line = pass(line, FRACTION_BITS + kept_bits + 3);
        *target = line.map(|value| (value + center).0.clamp(0, largest) as u16);
    }
    samples
}

/// One dimension of the transform over eight values, rounded down by `shift` bits.
#[inline(always)]
fn pass(input: [Fixed; 8], shift: usize) -> [Fixed; 8] {
    let [c0, c1, c2, c3, c4, c5, c6, c7] = input;
    // Even part.
    let z1 = (c2 + c6) * FIX_0_541196100;
    let t2 = z1 - c6 * FIX_1_847759065;
    let t3 = z1 + c2 * FIX_0_765366865;
    let t0 = (c0 + c4) << FRACTION_BITS;
    let t1 = (c0 - c4) << FRACTION_BITS;
    let even = [t0 + t3, t1 + t2, t1 - t2, t0 - t3];
    // Odd part.
    let z5 = (c7 + c3 + c5 + c1) * FIX_1_175875602;
    let z1 = -(c7 + c1) * FIX_0_899976223;
    let z2 = -(c5 + c3) * FIX_2_562915447;
    let z3 = z5 - (c7 + c3) * FIX_1_961570560;
    let z4 = z5 - (c5 + c1) * FIX_0_390180644;
    let o0 = c7 * FIX_0_298631336 + z1 + z3;
    let o1 = c5 * FIX_2_053119869 + z2 + z4;
    let o2 = c3 * FIX_3_072711026 + z2 + z3;
    let o3 = c1 * FIX_1_501321110 + z1 + z4;
    let [e0, e1, e2, e3] = even;
    let round = fixed(1) << (shift - 1);
    [
        e0 + o3,
        e1 + o2,
        e2 + o1,
        e3 + o0,
        e3 - o0,
        e2 - o1,
        e1 - o2,
        e0 - o3,
    ]
    .map(|value| (value + round) >> shift)
}
