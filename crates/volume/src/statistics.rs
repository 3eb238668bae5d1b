//! Minimum, maximum, mean and histogram of stored values, gathered while slices stream by.
//!
//! The results do not depend on how the stream was cut: sums are made slice by slice, and bins of wide types have
//! the same edges whichever values came first.

use parallel::prelude::*;

use crate::{Histogram, Sample, SampleType, ValueKind};

/// Bins of a histogram at most.
const BINS: i64 = 65_536;

/// What the stored values of a volume are like as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Smallest finite stored value; 0 when there is none.
    pub min: f64,
    /// Largest finite stored value; 0 when there is none.
    pub max: f64,
    /// Mean of the finite stored values; 0 when there are none.
    pub mean: f64,
    /// How often each stored value occurs.
    pub histogram: Histogram,
}

/// Gathers [`Statistics`] from slices in order.
#[derive(Debug)]
pub struct StatisticsBuilder<T> {
    slice_len: usize,
    gathered: Gathered,
    of: std::marker::PhantomData<T>,
}

#[derive(Debug)]
enum Gathered {
    /// 8 and 16 bits: one count for each value, from the lowest that the type can hold.
    Exact(Vec<u64>),
    Binned(Binned),
}

impl<T: Sample> StatisticsBuilder<T> {
    /// For slices of `slice_len` samples.
    pub fn new(slice_len: usize) -> Self {
        let gathered = match T::TYPE.size() {
            1 => Gathered::Exact(vec![0; 1 << 8]),
            2 => Gathered::Exact(vec![0; 1 << 16]),
            _ => Gathered::Binned(Binned::new(T::TYPE)),
        };
        Self {
            slice_len: slice_len.max(1),
            gathered,
            of: std::marker::PhantomData,
        }
    }

    /// Adds the next whole slices, in parallel.
    pub fn add(&mut self, slices: &[T]) {
        match &mut self.gathered {
            Gathered::Exact(counts) => count_exactly(slices, counts),
            Gathered::Binned(binned) => binned.add(slices, self.slice_len),
        }
    }

    /// The statistics of all that was added.
    pub fn finish(self) -> Statistics {
        match self.gathered {
            Gathered::Exact(counts) => from_exact(T::LOWEST.to_f64(), &counts),
            Gathered::Binned(binned) => binned.finish(),
        }
    }
}

/// Adds one to `counts[sample - T::LOWEST]` for each sample of an 8- or 16-bit type.
fn count_exactly<T: Sample>(samples: &[T], counts: &mut [u64]) {
    // Fewer, larger pieces than rayon would make: each fills tables of its own.
    let piece = samples
        .len()
        .div_ceil(parallel::current_num_threads())
        .clamp(1 << 20, 1 << 31);
    let tables: Vec<Vec<u32>> = samples
        .par_chunks(piece)
        .map(|piece| count_piece(piece, counts.len()))
        .collect();
    for table in tables {
        for pair in table.chunks_exact(counts.len()) {
            for (count, &n) in counts.iter_mut().zip(pair) {
                *count += u64::from(n);
            }
        }
    }
}

/// Two tables of counts, one after the other: neighbors that are equal, as in air, would wait for each other's
/// store if they went to the same one.
fn count_piece<T: Sample>(piece: &[T], bins: usize) -> Vec<u32> {
    let mut tables = vec![0u32; 2 * bins];
    let (even, odd) = tables.split_at_mut(bins);
    let mut count = |index: fn(&T) -> usize| {
        let mut pairs = piece.chunks_exact(2);
        for pair in &mut pairs {
            even[index(&pair[0])] += 1;
            odd[index(&pair[1])] += 1;
        }
        for sample in pairs.remainder() {
            even[index(sample)] += 1;
        }
    };
    match T::TYPE {
        SampleType::U8 => count(|s| usize::from(bytemuck::cast::<T, u8>(*s))),
        SampleType::U16 => count(|s| usize::from(bytemuck::cast::<T, u16>(*s))),
        // The order of i16 is that of u16 with the sign turned over.
        SampleType::I16 => count(|s| usize::from(bytemuck::cast::<T, u16>(*s) ^ 0x8000)),
        SampleType::I32 | SampleType::U32 | SampleType::F32 => unreachable!("wide types are binned"),
    }
    tables
}

fn from_exact(lowest: f64, counts: &[u64]) -> Statistics {
    let first = counts.iter().position(|&n| n > 0).unwrap_or(0);
    let last = counts.iter().rposition(|&n| n > 0).map_or(first, |i| i + 1);
    let mut total = 0i128;
    let mut sum = 0i128;
    for (i, &n) in counts.iter().enumerate() {
        total += i128::from(n);
        sum += i as i128 * i128::from(n);
    }
    let (min, max, mean) = if total == 0 {
        (0.0, 0.0, 0.0)
    } else {
        let mean = lowest + sum as f64 / total as f64;
        (lowest + first as f64, lowest + (last - 1) as f64, mean)
    };
    Statistics {
        min,
        max,
        mean,
        histogram: Histogram {
            first: min,
            width: 1.0,
            kind: ValueKind::Integers,
            counts: counts[first..last].to_vec(),
            not_finite: 0,
        },
    }
}

/// Counts of 32-bit values in bins of `2^exponent`, bin 0 starting at `origin * 2^exponent`. The exponent is the
/// smallest with which all values so far fit into [`BINS`], so it depends on the values alone.
#[derive(Debug)]
struct Binned {
    kind: ValueKind,
    exponent: i32,
    origin: i64,
    counts: Vec<u64>,
    not_finite: u64,
    finite: u64,
    min: f64,
    max: f64,
    sum: f64,
}

/// Sums of one slice.
#[derive(Clone, Copy)]
struct SliceSums {
    min: f64,
    max: f64,
    sum: f64,
    finite: u64,
}

impl Binned {
    fn new(sample_type: SampleType) -> Self {
        Self {
            kind: match sample_type {
                SampleType::F32 => ValueKind::Reals,
                _ => ValueKind::Integers,
            },
            exponent: 0,
            origin: 0,
            counts: Vec::new(),
            not_finite: 0,
            finite: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            sum: 0.0,
        }
    }

    fn add<T: Sample>(&mut self, samples: &[T], slice_len: usize) {
        let sums: Vec<SliceSums> = samples.par_chunks(slice_len).map(sum_slice).collect();
        for slice in sums {
            self.min = self.min.min(slice.min);
            self.max = self.max.max(slice.max);
            self.sum += slice.sum;
            self.finite += slice.finite;
        }
        if self.finite == 0 {
            self.not_finite += samples.len() as u64;
            return;
        }
        self.widen();
        let scale = 2f64.powi(-self.exponent);
        let (origin, bins) = (self.origin, self.counts.len());
        let piece = samples
            .len()
            .div_ceil(parallel::current_num_threads())
            .max(1 << 18);
        let tables: Vec<(Vec<u64>, u64)> = samples
            .par_chunks(piece)
            .map(|piece| {
                let mut table = vec![0u64; bins];
                let mut not_finite = 0;
                for sample in piece {
                    let value = sample.to_f64();
                    if value.is_finite() {
                        table[(floor(value * scale) - origin) as usize] += 1;
                    } else {
                        not_finite += 1;
                    }
                }
                (table, not_finite)
            })
            .collect();
        for (table, not_finite) in tables {
            self.not_finite += not_finite;
            for (count, n) in self.counts.iter_mut().zip(table) {
                *count += n;
            }
        }
    }

    /// Makes room for all values between `min` and `max`. Bins are merged in whole powers of two, so nothing that
    /// was counted has to be split.
    fn widen(&mut self) {
        let lowest_exponent = match self.kind {
            ValueKind::Integers => 0,
            // Finer bins than the largest value resolves would overflow the bin numbers.
            ValueKind::Reals => {
                let largest = self.min.abs().max(self.max.abs());
                (largest.max(f64::from(f32::MIN_POSITIVE)).log2().floor() as i32 - 30).max(-149)
            }
        };
        let bin_of = |value: f64, exponent: i32| floor(value * 2f64.powi(-exponent));
        let mut exponent = lowest_exponent;
        while bin_of(self.max, exponent) - bin_of(self.min, exponent) >= BINS {
            exponent += 1;
        }
        let origin = bin_of(self.min, exponent);
        let mut counts = vec![0; (bin_of(self.max, exponent) - origin + 1) as usize];
        for (i, &n) in self.counts.iter().enumerate() {
            let bin = (self.origin + i as i64) >> (exponent - self.exponent).min(63);
            counts[(bin - origin) as usize] += n;
        }
        self.exponent = exponent;
        self.origin = origin;
        self.counts = counts;
    }

    fn finish(self) -> Statistics {
        let width = 2f64.powi(self.exponent);
        let of_finite = |value: f64| if self.finite == 0 { 0.0 } else { value };
        Statistics {
            min: of_finite(self.min),
            max: of_finite(self.max),
            mean: of_finite(self.sum / self.finite as f64),
            histogram: Histogram {
                first: of_finite(self.origin as f64 * width),
                width,
                kind: self.kind,
                counts: self.counts,
                not_finite: self.not_finite,
            },
        }
    }
}

/// The largest whole number not above `value`; a call of `f64::floor` for each sample takes several times as long
/// where the machine has no instruction for it.
fn floor(value: f64) -> i64 {
    let towards_zero = value as i64;
    towards_zero - i64::from(towards_zero as f64 > value)
}

/// Sums of one slice in a fixed order: eight running sums, so that additions need not wait for one another.
fn sum_slice<T: Sample>(slice: &[T]) -> SliceSums {
    let mut sums = [0.0; 8];
    let mut total = SliceSums {
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        sum: 0.0,
        finite: 0,
    };
    for chunk in slice.chunks(8) {
        for (sum, sample) in sums.iter_mut().zip(chunk) {
            let value = sample.to_f64();
            if value.is_finite() {
                *sum += value;
                total.min = total.min.min(value);
                total.max = total.max.max(value);
                total.finite += 1;
            }
        }
    }
    total.sum = sums.iter().sum();
    total
}

/// Smallest and largest of `samples`, not counting NaN; zeros when there is nothing to count.
pub fn range_of<T: Sample>(samples: &[T]) -> (T, T) {
    // NaN is the only value that does not equal itself.
    #[expect(clippy::eq_op, reason = "the comparison finds NaN")]
    let Some(start) = samples.iter().position(|s| s == s) else {
        return (T::default(), T::default());
    };
    // Lanes of their own let the compiler compare many at a time; a comparison with NaN is false and changes none.
    const LANES: usize = 32;
    let first = samples[start];
    let (mut low, mut high) = ([first; LANES], [first; LANES]);
    let mut chunks = samples[start..].chunks_exact(LANES);
    for chunk in &mut chunks {
        for ((low, high), &sample) in low.iter_mut().zip(&mut high).zip(chunk) {
            *low = if sample < *low { sample } else { *low };
            *high = if sample > *high { sample } else { *high };
        }
    }
    let (mut min, mut max) = (first, first);
    for &sample in chunks.remainder().iter().chain(&low).chain(&high) {
        min = if sample < min { sample } else { min };
        max = if sample > max { sample } else { max };
    }
    (min, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<T: Sample>(samples: &[T], slice_len: usize) -> Statistics {
        let mut builder = StatisticsBuilder::new(slice_len);
        builder.add(samples);
        builder.finish()
    }

    #[test]
    fn sixteen_bits_are_counted_exactly() {
        let s = of(&[i16::MIN, i16::MAX, -1, -1, 0, 7, 7, 7], 4);
        assert_eq!((s.min, s.max), (-32_768.0, 32_767.0));
        assert_eq!(s.mean, (-1.0 - 2.0 + 21.0) / 8.0);
        assert_eq!(s.histogram.counts.len(), 65_536);
        assert_eq!(s.histogram.counts[32_767], 2);
        assert_eq!(s.histogram.counts[32_768 + 7], 3);
        let s = of(&[300u16, 302, 302], 3);
        assert_eq!(s.histogram.counts, vec![1, 0, 2]);
        assert_eq!((s.histogram.first, s.histogram.value(2)), (300.0, 302.0));
        let s = of(&[255u8, 250], 1);
        assert_eq!(s.histogram.counts, vec![1, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn wide_integers_in_a_small_range_are_counted_exactly() {
        let s = of(&[-3i32, 4, 4, 5], 2);
        assert_eq!(s.histogram.width, 1.0);
        assert_eq!(s.histogram.counts, vec![1, 0, 0, 0, 0, 0, 0, 2, 1]);
        assert_eq!(s.mean, 2.5);
    }

    #[test]
    fn the_widest_integers_fill_all_bins() {
        let s = of(&[0u32, u32::MAX, 65_535, 65_536], 2);
        assert_eq!(s.histogram.width, 65_536.0);
        assert_eq!(s.histogram.counts.len(), 65_536);
        assert_eq!(&s.histogram.counts[..2], &[2, 1]);
        assert_eq!(s.max, f64::from(u32::MAX));
        let s = of(&[i32::MIN, i32::MAX], 2);
        assert_eq!((s.min, s.max), (f64::from(i32::MIN), f64::from(i32::MAX)));
        assert_eq!(s.histogram.total(), 2);
    }

    #[test]
    fn what_is_not_finite_is_counted_apart() {
        let s = of(&[f32::NAN, 1.0, f32::INFINITY, 3.0, f32::NEG_INFINITY], 5);
        assert_eq!((s.min, s.max, s.mean), (1.0, 3.0, 2.0));
        assert_eq!((s.histogram.not_finite, s.histogram.total()), (3, 2));
        let s = of(&[f32::NAN; 3], 3);
        assert_eq!((s.min, s.max, s.mean), (0.0, 0.0, 0.0));
        assert_eq!((s.histogram.not_finite, s.histogram.total()), (3, 0));
        let s = of(&[f32::MAX, f32::MIN, f32::from_bits(1), 0.0], 4);
        assert_eq!(s.histogram.total(), 4);
        assert_eq!((s.min, s.max), (f64::from(f32::MIN), f64::from(f32::MAX)));
    }

    #[test]
    fn results_do_not_depend_on_how_the_stream_was_cut() {
        let samples: Vec<f32> = (0..600)
            .map(|i| ((i * 7919) % 613) as f32 * if i > 400 { 1e4 } else { 1e-3 } - 0.3)
            .collect();
        let whole = of(&samples, 10);
        for cut in [10, 50, 230] {
            let mut builder = StatisticsBuilder::new(10);
            for part in samples.chunks(cut) {
                builder.add(part);
            }
            assert_eq!(builder.finish(), whole, "cut {cut}");
        }
    }

    #[test]
    fn the_range_leaves_nan_out() {
        assert_eq!(range_of(&[f32::NAN, 2.0, f32::NAN, -1.0]), (-1.0, 2.0));
        assert_eq!(range_of(&[f32::INFINITY; 40]), (f32::INFINITY, f32::INFINITY));
        assert_eq!(range_of(&[f32::NAN; 40]), (0.0, 0.0));
        assert_eq!(range_of::<u8>(&[]), (0, 0));
        let samples: Vec<i16> = (0..1000).map(|i| (i * 7919 % 1009) as i16 - 500).collect();
        let expected = (*samples.iter().min().unwrap(), *samples.iter().max().unwrap());
        assert_eq!(range_of(&samples), expected);
    }
}
