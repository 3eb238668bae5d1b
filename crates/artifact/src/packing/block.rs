//! Blocks of 128 small numbers in as few bits as most of them need.
//!
//! A block is one byte, and then what it says:
//!
//! | byte 0 | follows |
//! |---|---|
//! | `0xFF` | nothing: all numbers are 0 |
//! | bits 0-5: width `k`, 0 to the bits of a word | bit 7 set: a byte `n`, the number of exceptions |
//! | | `16 k` bytes: the lowest `k` bits of every number |
//! | bit 7: there are exceptions | `n` bytes: which of the numbers, 0 to 127, have more bits |
//! | bit 6: their high bits are words | `n` bytes or words: their bits from `k` up |
//!
//! The low bits stand in 128-bit rows of little-endian words. Number `i` belongs to lane `i % lanes`, where `lanes`
//! words make a row; within a lane the numbers follow one another bit by bit, lowest first, and run on into the
//! same lane of the next row. So a row is packed and unpacked with the same shifts in all lanes, which any machine
//! with 128-bit vectors does at once, and one without does word by word.
//!
//! The outliers of noise are exceptions so that one in a hundred does not widen the rest (as in Zukowski et al.,
//! *Super-scalar RAM-CPU cache compression*, ICDE 2006, section 3).

#![expect(
    clippy::indexing_slicing,
    reason = "hot kernels over arrays of fixed length; widths are checked where a block is opened"
)]

use super::word::Word;

/// Numbers a block.
pub(super) const BLOCK: usize = 128;

const ALL_ZERO: u8 = 0xFF;
const EXCEPTIONS: u8 = 0x80;
const WORDS: u8 = 0x40;
const WIDTH: u8 = 0x3F;

/// Bytes of a block at most: all bits of 128 words, or fewer bytes with exceptions, and the two bytes before.
const LONGEST: usize = 2 + BLOCK * 4;

/// Appends `numbers` to `out`.
pub(super) fn encode<W: Word>(numbers: &[W; BLOCK], out: &mut Vec<u8>) {
    let any = numbers.iter().fold(W::ZERO, |any, &n| any.or(n));
    if any == W::ZERO {
        out.push(ALL_ZERO);
        return;
    }
    let widest = W::BITS - any.leading_zeros();
    let (width, exceptions) = choose_width(numbers, widest);
    let low_len = 16 * width as usize;
    // Gathered here first, because a vector that grows by single bytes costs more than all the rest.
    let mut block = [0; LONGEST];
    if exceptions == 0 {
        block[0] = width as u8;
        pack(numbers, width, &mut block[1..][..low_len]);
        out.extend_from_slice(&block[..1 + low_len]);
        return;
    }
    let as_words = widest - width > 8;
    block[0] = width as u8 | EXCEPTIONS | if as_words { WORDS } else { 0 };
    block[1] = exceptions as u8;
    pack(numbers, width, &mut block[2..][..low_len]);
    let mut positions = [0; BLOCK];
    let positions = exceptional(numbers, width, &mut positions);
    let mut len = 2 + low_len;
    block[len..][..positions.len()].copy_from_slice(positions);
    len += positions.len();
    for &i in positions {
        let high = numbers[usize::from(i)].shr(width);
        if as_words {
            block[len..][..size_of::<W>()].copy_from_slice(bytemuck::bytes_of(&high));
            len += size_of::<W>();
        } else {
            block[len] = high.to_u32() as u8;
            len += 1;
        }
    }
    out.extend_from_slice(&block[..len]);
}

/// The width that costs the fewest bytes, and how many numbers are wider.
fn choose_width<W: Word>(numbers: &[W; BLOCK], widest: u32) -> (u32, u32) {
    const AT_ONCE: u32 = 4;
    let mut best = (16 * widest, widest, 0);
    let mut above = widest;
    while above > 0 {
        let widths: [u32; AT_ONCE as usize] = std::array::from_fn(|i| above.saturating_sub(i as u32 + 1));
        for (width, fitting) in widths.into_iter().zip(count_fitting(numbers, widths)) {
            let exceptions = BLOCK as u32 - fitting;
            let high_bytes = if widest - width > 8 { W::BITS / 8 } else { 1 };
            let bytes = 16 * width + 1 + exceptions * (1 + high_bytes);
            if bytes < best.0 {
                best = (bytes, width, exceptions);
            }
        }
        above = above.saturating_sub(AT_ONCE);
        // The cost has one valley for all but odd blocks: below the best it only rises.
        if best.1 != above {
            break;
        }
    }
    (best.1, best.2)
}

/// How many numbers need no more than each of the widths, all less than the bits of a word.
fn count_fitting<W: Word>(numbers: &[W; BLOCK], widths: [u32; 4]) -> [u32; 4] {
    let mut counts = [W::ZERO; 4];
    for &number in numbers {
        for (count, width) in counts.iter_mut().zip(widths) {
            *count = count.add(W::from_u32(u32::from(number.shr(width) == W::ZERO)));
        }
    }
    counts.map(W::to_u32)
}

/// The positions of the numbers wider than `width`, in order.
fn exceptional<'a, W: Word>(numbers: &[W; BLOCK], width: u32, positions: &'a mut [u8; BLOCK]) -> &'a [u8] {
    let mut wider = [0u8; BLOCK];
    for (wider, number) in wider.iter_mut().zip(numbers) {
        *wider = u8::from(number.shr(width) != W::ZERO);
    }
    // One bit a number: the product gathers the lowest bit of each of eight bytes in its highest byte.
    let mut bits = 0u128;
    for (i, eight) in wider.as_chunks::<8>().0.iter().enumerate() {
        let gathered = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits |= u128::from(gathered) << (8 * i);
    }
    let mut found = 0;
    while bits != 0 {
        positions[found] = bits.trailing_zeros() as u8;
        found += 1;
        bits &= bits - 1;
    }
    &positions[..found]
}

/// Sets `out`, `16 * width` bytes, to the lowest `width` bits of each number.
fn pack<W: Word>(numbers: &[W; BLOCK], width: u32, out: &mut [u8]) {
    if width == W::BITS {
        out.copy_from_slice(bytemuck::cast_slice(numbers));
        return;
    }
    let mask = W::mask(width);
    let mut packed = [W::ZERO; BLOCK];
    let mut rows_out = packed.chunks_exact_mut(W::LANES);
    let mut open = [W::ZERO; 16];
    let open = &mut open[..W::LANES];
    let mut used = 0;
    for row in numbers.chunks_exact(W::LANES) {
        for (open, &number) in open.iter_mut().zip(row) {
            *open = open.or(number.and(mask).shl(used));
        }
        used += width;
        if used >= W::BITS {
            used -= W::BITS;
            if let Some(row_out) = rows_out.next() {
                row_out.copy_from_slice(open);
            }
            for (open, &number) in open.iter_mut().zip(row) {
                *open = number.and(mask).shr(width - used);
            }
        }
    }
    out.copy_from_slice(&bytemuck::cast_slice(&packed)[..out.len()]);
}

/// Undoes [`pack`]; `bytes` are `16 * width`.
fn unpack<W: Word>(bytes: &[u8], width: u32, numbers: &mut [W; BLOCK]) {
    // One row more than the widest block fills, so that the last number may look beyond its own.
    let mut packed = [W::ZERO; BLOCK + 16];
    bytemuck::cast_slice_mut::<W, u8>(&mut packed)[..bytes.len()].copy_from_slice(bytes);
    let mask = W::mask(width);
    for (i, row) in numbers.chunks_exact_mut(W::LANES).enumerate() {
        let bit = i as u32 * width;
        let (first, used) = ((bit / W::BITS) as usize * W::LANES, bit % W::BITS);
        let (low, high) = packed[first..first + 2 * W::LANES].split_at(W::LANES);
        for ((number, &low), &high) in row.iter_mut().zip(low).zip(high) {
            // In two steps, because a shift by all bits of a word is none.
            *number = low.shr(used).or(high.shl(1).shl(W::BITS - 1 - used)).and(mask);
        }
    }
}

/// Reads one block from the front of `bytes`; `None` when they are no block.
pub(super) fn decode<W: Word>(bytes: &mut &[u8], numbers: &mut [W; BLOCK]) -> Option<()> {
    let (&head, mut rest) = bytes.split_first()?;
    if head == ALL_ZERO {
        *numbers = [W::ZERO; BLOCK];
        *bytes = rest;
        return Some(());
    }
    let width = u32::from(head & WIDTH);
    let mut exceptions = 0;
    if head & EXCEPTIONS != 0 {
        let (&count, after) = rest.split_first()?;
        exceptions = usize::from(count);
        rest = after;
    }
    // Beyond the width of a word there are no bits that an exception could set.
    if width > W::BITS || (width == W::BITS && exceptions > 0) {
        return None;
    }
    let (low, rest) = rest.split_at_checked(16 * width as usize)?;
    unpack(low, width, numbers);
    let (positions, rest) = rest.split_at_checked(exceptions)?;
    let high_size = if head & WORDS != 0 { size_of::<W>() } else { 1 };
    let (high, rest) = rest.split_at_checked(exceptions * high_size)?;
    for (&position, high) in positions.iter().zip(high.chunks_exact(high_size)) {
        let number = numbers.get_mut(usize::from(position))?;
        let high = match *high {
            [byte] => W::from_u32(u32::from(byte)),
            _ => bytemuck::pod_read_unaligned(high),
        };
        *number = number.or(high.shl(width));
    }
    *bytes = rest;
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip<W: Word + std::fmt::Debug>(numbers: [W; BLOCK]) -> usize {
        let mut bytes = Vec::new();
        encode(&numbers, &mut bytes);
        let mut back = [W::mask(W::BITS); BLOCK];
        let mut rest = bytes.as_slice();
        assert_eq!(decode(&mut rest, &mut back), Some(()));
        assert!(rest.is_empty());
        assert_eq!(back, numbers);
        for cut in 0..bytes.len() {
            assert_eq!(decode(&mut &bytes[..cut], &mut back), None, "cut at {cut}");
        }
        bytes.len()
    }

    #[test]
    fn every_width_of_every_word() {
        for bits in 0..=32 {
            let mask = u32::MAX.checked_shr(32 - bits).unwrap_or(0);
            let numbers: [u32; BLOCK] =
                std::array::from_fn(|i| (i as u32 + 1).wrapping_mul(0x9E37_79B9) & mask);
            round_trip(numbers);
            round_trip(numbers.map(|n| n as u16));
            round_trip(numbers.map(|n| n as u8));
        }
    }

    #[test]
    fn one_outlier_does_not_widen_the_rest() {
        let mut numbers = [3u16; BLOCK];
        assert_eq!(round_trip(numbers), 1 + 2 * 16);
        numbers[77] = 200;
        assert_eq!(round_trip(numbers), 2 + 2 * 16 + 2);
        numbers[78] = u16::MAX;
        assert_eq!(round_trip(numbers), 2 + 2 * 16 + 2 * 3);
        assert_eq!(round_trip([0u32; BLOCK]), 1);
    }

    #[test]
    fn a_block_that_says_too_much_is_refused() {
        let mut numbers = [0u16; BLOCK];
        let no_such_width = [17; 400];
        assert_eq!(decode(&mut no_such_width.as_slice(), &mut numbers), None);
        let no_such_number = [EXCEPTIONS, 1, 128, 1];
        assert_eq!(decode(&mut no_such_number.as_slice(), &mut numbers), None);
        let mut above_all_bits = [0u8; 300];
        above_all_bits[0] = EXCEPTIONS | 16;
        above_all_bits[1] = 1;
        assert_eq!(decode(&mut above_all_bits.as_slice(), &mut numbers), None);
    }

    proptest! {
        #[test]
        fn any_numbers_come_back(
            numbers in proptest::collection::vec((any::<u32>(), 0u32..33), BLOCK),
        ) {
            let numbers: [u32; BLOCK] = std::array::from_fn(|i| {
                let (value, shift) = numbers[i];
                value.checked_shr(shift).unwrap_or(0)
            });
            round_trip(numbers);
            round_trip(numbers.map(|n| n as u16));
            round_trip(numbers.map(|n| n as u8));
        }

        #[test]
        fn any_bytes_are_a_block_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
            let mut numbers = [0u16; BLOCK];
            let mut rest = bytes.as_slice();
            let _ = decode(&mut rest, &mut numbers);
            prop_assert!(rest.len() <= bytes.len());
            let _ = decode(&mut bytes.as_slice(), &mut [0u32; BLOCK]);
            let _ = decode(&mut bytes.as_slice(), &mut [0u8; BLOCK]);
        }
    }
}
