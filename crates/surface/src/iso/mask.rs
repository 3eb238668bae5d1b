//! One bit a sample: whether it is inside. 64 samples are then asked at once by boolean algebra on words.

use parallel::prelude::*;
use volume::{Sample, SampleType};

/// The smallest value of `T` that is inside, or nothing when no finite value is.
///
/// Inside is `value >= threshold`; compared in the type of the samples, the answer is exact for every threshold.
pub(super) fn floor_of<T: Sample>(threshold: f64) -> Option<T> {
    if threshold > T::HIGHEST.to_f64() {
        return None;
    }
    Some(match T::TYPE {
        SampleType::F32 => {
            let nearest = threshold as f32;
            let is_below = f64::from(nearest) < threshold;
            bytemuck::cast(if is_below { nearest.next_up() } else { nearest })
        }
        _ => T::from_f64(threshold.ceil()),
    })
}

/// The bits of successive slices: `[slice][row][word]`, bit `x % 64` of word `x / 64` for column `x`, zero beyond the
/// last column.
pub(super) struct Masks {
    words: Vec<u64>,
    row_words: usize,
    rows: usize,
}

impl Masks {
    /// Classifies whole slices of `columns` x `rows` samples.
    pub(super) fn classify<T: Sample>(samples: &[T], columns: usize, rows: usize, floor: T) -> Self {
        let row_words = columns.div_ceil(64);
        let slices = samples.len() / (columns * rows);
        let mut words = vec![0u64; row_words * rows * slices];
        words
            .par_chunks_mut(row_words * rows)
            .zip(samples.par_chunks(columns * rows))
            .for_each(|(words, samples)| {
                for (words, samples) in words.chunks_mut(row_words).zip(samples.chunks(columns)) {
                    classify_row(samples, floor, words);
                }
            });
        Self {
            words,
            row_words,
            rows,
        }
    }

    /// The words of row `y` of the slice `slice` (counted from the first slice classified).
    #[inline]
    pub(super) fn row(&self, slice: usize, y: usize) -> &[u64] {
        let start = (slice * self.rows + y) * self.row_words;
        &self.words[start..start + self.row_words]
    }
}

fn classify_row<T: Sample>(samples: &[T], floor: T, words: &mut [u64]) {
    let (full, rest) = samples.as_chunks::<64>();
    let inside = |value: T| u8::from(value >= floor && value <= T::HIGHEST);
    for (word, samples) in words.iter_mut().zip(full) {
        *word = pack(&samples.map(inside));
    }
    if let Some(last) = words.get_mut(full.len()) {
        let mut flags = [0; 64];
        for (flag, &value) in flags.iter_mut().zip(rest) {
            *flag = inside(value);
        }
        *last = pack(&flags);
    }
}

/// The lowest bits of 64 bytes.
fn pack(flags: &[u8; 64]) -> u64 {
    let (groups, _) = flags.as_chunks::<8>();
    let mut word = 0;
    for (i, group) in groups.iter().enumerate() {
        // The product brings bit 0 of byte k to bit 56 + k.
        let byte = u64::from_le_bytes(*group).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word |= byte << (8 * i);
    }
    word
}

/// The first `count` columns, as bits of word `word`.
#[inline]
pub(super) fn columns_below(count: usize, word: usize) -> u64 {
    match count.saturating_sub(word * 64) {
        0 => 0,
        bits if bits >= 64 => u64::MAX,
        bits => (1 << bits) - 1,
    }
}

/// Word `word` of a row, moved by one column: bit `x` is column `x + 1`.
#[inline]
pub(super) fn next_column(row: &[u64], word: usize) -> u64 {
    let following = row.get(word + 1).copied().unwrap_or(0);
    row[word] >> 1 | following << 63
}

/// The positions of the set bits of `word`, from the lowest.
#[inline]
pub(super) fn set_bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let bit = word.trailing_zeros() as usize;
        word &= word - 1;
        Some(bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_the_smallest_inside_value() {
        assert_eq!(floor_of::<i16>(299.5), Some(300));
        assert_eq!(floor_of::<i16>(300.0), Some(300));
        assert_eq!(floor_of::<i16>(-299.5), Some(-299));
        assert_eq!(floor_of::<i16>(-1e9), Some(i16::MIN));
        assert_eq!(floor_of::<i16>(32_767.0), Some(i16::MAX));
        assert_eq!(floor_of::<i16>(32_767.1), None);
        assert_eq!(floor_of::<u8>(0.4), Some(1));
        assert_eq!(floor_of::<u32>(4_294_967_294.5), Some(u32::MAX));
        assert_eq!(floor_of::<f32>(0.1), Some(0.1));
        assert_eq!(floor_of::<f32>(0.3), Some(0.3));
        assert_eq!(floor_of::<f32>(16_777_217.0), Some(16_777_218.0));
        assert_eq!(floor_of::<f32>(1e300), None);
    }

    #[test]
    fn rows_of_any_length_are_classified_like_single_samples() {
        let samples: Vec<i16> = (0..3 * 131).map(|i| (i * 7919 % 2011 - 1000) as i16).collect();
        let masks = Masks::classify(&samples, 131, 3, 17);
        for (i, value) in samples.iter().enumerate() {
            let (x, y) = (i % 131, i / 131);
            assert_eq!(masks.row(0, y)[x / 64] >> (x % 64) & 1 == 1, *value >= 17);
        }
        assert!((0..3).all(|y| masks.row(0, y)[2] >> 3 == 0));
    }

    #[test]
    fn what_is_not_finite_is_outside() {
        let poison = [
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::MAX,
            f32::MIN,
            5.0,
        ];
        let masks = Masks::classify(&poison, 6, 1, 5.0);
        assert_eq!(masks.row(0, 0), [0b10_1000]);
    }
}
