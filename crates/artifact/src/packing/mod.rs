//! Lossless packing of an array of samples, made for speed and for noise.
//!
//! Bricks and frames are packed alike, as arrays `[slice][row][column]` whose dimensions the reader knows from
//! elsewhere. All numbers are little endian. Byte 0 says how the rest is to be read:
//!
//! | byte 0 | rest |
//! |---|---|
//! | 0 raw | the samples as they are |
//! | 1 constant | one sample, which all are |
//! | 2 packed | predictors and blocks, offsets added in 32 bits |
//! | 3 packed, narrow | the same for 16-bit samples, offsets added in 16 bits, which is faster and the same where they span at most 4,095 |
//!
//! *Packed*: samples are taken as unsigned words of their size; `f32` so that the order of words is the order of
//! numbers, every NaN keeping its bits. For each slice and in it each 128 rows comes one byte, the predictor
//! ([`predict`]) of these rows. What is left of each sample after prediction is a small number with a sign; they
//! are written zigzag, in memory order through the whole array, in blocks of 128 ([`block`]), the last filled
//! up with zeros. Nothing follows the last block.
//!
//! Measured beside it and left out: Rice codes in place of fixed widths with exceptions (a tenth smaller, decoding
//! a third as fast), predictors fitted by least squares for each brick (within 3 % of the best fixed one).

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod block;
mod predict;
mod word;

use volume::{Sample, SampleType, Samples, range_of};

use block::BLOCK;
use predict::{Known, PREDICTORS, removers, restorers};
use word::{Lane, Word};

use crate::ArtifactError;

const RAW: u8 = 0;
const CONSTANT: u8 = 1;
const PACKED: u8 = 2;
const PACKED_NARROW: u8 = 3;

/// Rows that share a predictor.
const BAND: usize = 128;
/// Of these rows one in so many is tried with every predictor.
const TRY_EVERY: usize = 16;
/// The widest span of 16-bit samples with which no offset overflows 16 bits: their weights add up to 8.
const NARROW_SPAN: f64 = 4095.0;

/// Appends the packed `samples` to `out`. `dims` are columns, rows and slices, none zero, and `samples` are as many.
pub(crate) fn encode<T: Sample>(samples: &[T], dims: [usize; 3], out: &mut Vec<u8>) {
    debug_assert_eq!(samples.len(), dims.iter().product::<usize>());
    match T::TYPE {
        SampleType::U8 => encode_words::<u8, i16>(PACKED, bytemuck::cast_slice(samples), dims, out),
        SampleType::I16 | SampleType::U16 => {
            let (min, max) = range_of(samples);
            if max.to_f64() - min.to_f64() <= NARROW_SPAN {
                encode_words::<u16, i16>(PACKED_NARROW, bytemuck::cast_slice(samples), dims, out);
            } else {
                encode_words::<u16, i32>(PACKED, bytemuck::cast_slice(samples), dims, out);
            }
        }
        SampleType::I32 | SampleType::U32 => {
            encode_words::<u32, i32>(PACKED, bytemuck::cast_slice(samples), dims, out);
        }
        SampleType::F32 => {
            let at = out.len();
            let bits: &[u32] = bytemuck::cast_slice(samples);
            let ordered: Vec<u32> = bits.iter().map(|&bits| ordered_from_bits(bits)).collect();
            encode_words::<u32, i32>(PACKED, &ordered, dims, out);
            restore_literal_floats(out.get_mut(at..).unwrap_or_default());
        }
    }
}

/// Raw and constant samples are written as they are: turns the ordered words of such an array back into floats.
fn restore_literal_floats(packed: &mut [u8]) {
    if let [RAW | CONSTANT, words @ ..] = packed {
        for word in words.as_chunks_mut::<4>().0 {
            *word = bits_from_ordered(u32::from_le_bytes(*word)).to_le_bytes();
        }
    }
}

/// The bits of an `f32` as a word that is the larger, the larger the number.
fn ordered_from_bits(bits: u32) -> u32 {
    bits ^ (((bits as i32) >> 31) as u32 | 0x8000_0000)
}

/// Undoes [`ordered_from_bits`].
fn bits_from_ordered(word: u32) -> u32 {
    word ^ (((!word as i32) >> 31) as u32 | 0x8000_0000)
}

fn encode_words<W: Word, A: Lane<W>>(mode: u8, words: &[W], dims: [usize; 3], out: &mut Vec<u8>) {
    let Some((&first, others)) = words.split_first() else {
        return;
    };
    if others.iter().all(|&word| word == first) {
        out.push(CONSTANT);
        out.extend_from_slice(bytemuck::bytes_of(&first));
        return;
    }
    let start = out.len();
    let raw = size_of_val(words);
    out.reserve(raw / 2);
    out.push(mode);
    encode_packed::<W, A>(words, dims, out);
    if out.len() - start > raw {
        out.truncate(start);
        out.push(RAW);
        out.extend_from_slice(bytemuck::cast_slice(words));
    }
}

/// Appends predictors and blocks.
#[expect(
    clippy::indexing_slicing,
    reason = "hot; rows lie inside `words`, whose length is the product of `dims`, and `left_over` holds a row and a block"
)]
fn encode_packed<W: Word, A: Lane<W>>(words: &[W], dims: [usize; 3], out: &mut Vec<u8>) {
    let [columns, rows, slices] = dims;
    let bands = rows.div_ceil(BAND);
    let predictors_at = out.len();
    out.resize(predictors_at + slices * bands, 0);
    let removers = removers::<W, A>();
    let zeros = vec![W::ZERO; columns];
    let mut tried = vec![W::ZERO; columns];
    let mut left_over = vec![W::ZERO; columns + BLOCK];
    let mut pending = 0;
    for z in 0..slices {
        for band in 0..bands {
            let band_rows = band * BAND..rows.min((band + 1) * BAND);
            let known = |y| Known::of(words, &zeros, [columns, rows], y, z);
            let row = |y: usize| &words[(z * rows + y) * columns..][..columns];
            let mut costs = [0u64; PREDICTORS];
            // A different set of rows in each slice; the middle one where there are few.
            let first = (3 * z % TRY_EVERY).min(band_rows.len() / 2);
            for y in band_rows.clone().skip(first).step_by(TRY_EVERY) {
                let (row, known) = (row(y), known(y));
                for (cost, remove) in costs.iter_mut().zip(&removers) {
                    remove(row, &known, &mut tried);
                    *cost += W::sum(&tried);
                }
            }
            let best = (0..PREDICTORS).min_by_key(|&i| costs[i]).unwrap_or(0);
            out[predictors_at + z * bands + band] = best as u8;
            for y in band_rows {
                removers[best](row(y), &known(y), &mut left_over[pending..pending + columns]);
                pending = flush(&mut left_over, pending + columns, out);
            }
        }
    }
    if pending > 0 {
        left_over[pending..].fill(W::ZERO);
        flush(&mut left_over, BLOCK, out);
    }
}

/// Writes the whole blocks among the first `pending` numbers, moves the rest to the front and returns how many.
fn flush<W: Word>(numbers: &mut [W], pending: usize, out: &mut Vec<u8>) -> usize {
    let (blocks, _) = numbers.get(..pending).unwrap_or_default().as_chunks::<BLOCK>();
    for numbers in blocks {
        block::encode(numbers, out);
    }
    let written = blocks.len() * BLOCK;
    if written > 0 {
        numbers.copy_within(written..pending, 0);
    }
    pending - written
}

/// As [`decode`], into samples of a type that is known only now.
///
/// # Errors
/// As [`decode`].
pub(crate) fn decode_samples(
    of_type: SampleType,
    bytes: &[u8],
    dims: [usize; 3],
) -> Result<Samples, ArtifactError> {
    fn of<T: Sample>(bytes: &[u8], dims: [usize; 3]) -> Result<Vec<T>, ArtifactError> {
        let mut samples = Vec::new();
        decode(bytes, dims, &mut samples)?;
        Ok(samples)
    }
    match of_type {
        SampleType::U8 => of(bytes, dims).map(Samples::U8),
        SampleType::I16 => of(bytes, dims).map(Samples::I16),
        SampleType::U16 => of(bytes, dims).map(Samples::U16),
        SampleType::I32 => of(bytes, dims).map(Samples::I32),
        SampleType::U32 => of(bytes, dims).map(Samples::U32),
        SampleType::F32 => of(bytes, dims).map(Samples::F32),
    }
}

/// Sets `out` to the samples of an array of `dims` (columns, rows, slices) packed in `bytes`.
///
/// # Errors
/// When `bytes` are no such array: cut, with bytes left over, or with contents that packing never writes. What is
/// allocated is bounded by `dims`, and for packed arrays by the number of bytes too.
pub(crate) fn decode<T: Sample>(
    bytes: &[u8],
    dims: [usize; 3],
    out: &mut Vec<T>,
) -> Result<(), ArtifactError> {
    let damaged = |what: &'static str| ArtifactError::Damaged { what };
    let (&mode, rest) = bytes.split_first().ok_or(damaged("a packed array is empty"))?;
    let count = dims
        .iter()
        .try_fold(1usize, |count, &n| count.checked_mul(n))
        .and_then(|count| count.checked_mul(size_of::<T>()).map(|_| count))
        .ok_or(damaged("a packed array is larger than memory"))?;
    out.clear();
    match mode {
        RAW if rest.len() == count * size_of::<T>() => {
            out.resize(count, T::default());
            bytemuck::cast_slice_mut::<T, u8>(out).copy_from_slice(rest);
            Ok(())
        }
        CONSTANT if rest.len() == size_of::<T>() => {
            out.resize(count, bytemuck::pod_read_unaligned(rest));
            Ok(())
        }
        PACKED | PACKED_NARROW => {
            // Each block takes a byte at least.
            if count.div_ceil(BLOCK) > rest.len() {
                return Err(damaged("a packed array has fewer bytes than blocks"));
            }
            out.resize(count.next_multiple_of(BLOCK), T::default());
            decode_packed_samples(mode, rest, dims, out).ok_or(damaged("a packed array is broken"))?;
            out.truncate(count);
            Ok(())
        }
        RAW | CONSTANT => Err(damaged("a packed array has the wrong length")),
        _ => Err(damaged("a packed array is of an unknown kind")),
    }
}

/// Fills `out`, whose length is rounded up to whole blocks.
fn decode_packed_samples<T: Sample>(mode: u8, bytes: &[u8], dims: [usize; 3], out: &mut [T]) -> Option<()> {
    match (T::TYPE, mode) {
        (SampleType::U8, PACKED) => decode_packed::<u8, i16>(bytes, dims, bytemuck::cast_slice_mut(out)),
        (SampleType::I16 | SampleType::U16, PACKED_NARROW) => {
            decode_packed::<u16, i16>(bytes, dims, bytemuck::cast_slice_mut(out))
        }
        (SampleType::I16 | SampleType::U16, PACKED) => {
            decode_packed::<u16, i32>(bytes, dims, bytemuck::cast_slice_mut(out))
        }
        (SampleType::I32 | SampleType::U32, PACKED) => {
            decode_packed::<u32, i32>(bytes, dims, bytemuck::cast_slice_mut(out))
        }
        (SampleType::F32, PACKED) => {
            let words = bytemuck::cast_slice_mut::<T, u32>(out);
            decode_packed::<u32, i32>(bytes, dims, words)?;
            for word in words {
                *word = bits_from_ordered(*word);
            }
            Some(())
        }
        _ => None,
    }
}

fn decode_packed<W: Word, A: Lane<W>>(bytes: &[u8], dims: [usize; 3], out: &mut [W]) -> Option<()> {
    let [columns, rows, slices] = dims;
    let bands = rows.div_ceil(BAND);
    let (predictors, mut blocks) = bytes.split_at_checked(slices.checked_mul(bands)?)?;
    let restorers = restorers::<W, A>();
    let zeros = vec![W::ZERO; columns];
    let mut scratch = vec![W::ZERO; columns];
    let mut predictors = predictors.iter();
    let mut unpacked = 0;
    for z in 0..slices {
        for band in 0..bands {
            let restore = restorers.get(usize::from(*predictors.next()?))?;
            for y in band * BAND..rows.min((band + 1) * BAND) {
                let start = (z * rows + y) * columns;
                // Only as far as this row needs, while the first rows are still in the nearest cache.
                while unpacked < start + columns {
                    block::decode(&mut blocks, out.get_mut(unpacked..)?.first_chunk_mut()?)?;
                    unpacked += BLOCK;
                }
                let (done, rest) = out.split_at_mut_checked(start)?;
                let known = Known::of(done, &zeros, [columns, rows], y, z);
                restore(rest.get_mut(..columns)?, &known, &mut scratch);
            }
        }
    }
    blocks.is_empty().then_some(())
}

#[cfg(test)]
mod tests;
