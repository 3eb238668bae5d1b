//! How often each stored value occurs, and the thresholds that follow from it.

use serde::{Deserialize, Serialize};

/// Whether the values in a bin are whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// Whole numbers: a bin of width 1 holds exactly one value.
    Integers,
    /// Any number.
    Reals,
}

/// Counts of stored values in bins of equal width.
///
/// Bin `i` holds the values from `first + i * width` up to, not including, `first + (i + 1) * width`. For 8- and
/// 16-bit samples the width is 1 and the counts are exact for each value; wider types get at most 65,536 bins
/// whose width is a power of two. The first and the last bin are not empty, unless all are.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Lowest value of bin 0, stored values.
    pub first: f64,
    /// Width of a bin, stored values; positive.
    pub width: f64,
    /// Whether values are whole numbers.
    pub kind: ValueKind,
    /// Samples in each bin.
    pub counts: Vec<u64>,
    /// Samples that are NaN or infinite and in no bin.
    pub not_finite: u64,
}

impl Histogram {
    /// Samples in all bins.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The middle of the values that bin `i` may hold: the value itself for integers in bins of width 1.
    pub fn value(&self, i: usize) -> f64 {
        let reach = match self.kind {
            ValueKind::Integers => self.width - 1.0,
            ValueKind::Reals => self.width,
        };
        self.first + i as f64 * self.width + reach * 0.5
    }

    /// Halfway between the last value of bin `i` and the first of the next: a threshold that parts them, and half
    /// an integer for integers.
    fn boundary_above(&self, i: usize) -> f64 {
        let edge = self.first + (i + 1) as f64 * self.width;
        match self.kind {
            ValueKind::Integers => edge - 0.5,
            ValueKind::Reals => edge,
        }
    }

    /// The value that `fraction` (0 to 1) of the samples do not exceed; `None` without samples.
    pub fn percentile(&self, fraction: f64) -> Option<f64> {
        self.percentile_bin(fraction).map(|i| self.value(i))
    }

    fn percentile_bin(&self, fraction: f64) -> Option<usize> {
        let total = self.total();
        let wanted = (fraction.clamp(0.0, 1.0) * total as f64).ceil().max(1.0);
        let mut below = 0u64;
        self.counts.iter().position(|&n| {
            below += n;
            n > 0 && below as f64 >= wanted
        })
    }

    /// This histogram with at most `bins` bins, neighbors added up.
    #[must_use]
    pub fn coarser(&self, bins: usize) -> Self {
        let merge = self.counts.len().div_ceil(bins.max(1)).max(1);
        Self {
            width: self.width * merge as f64,
            counts: self
                .counts
                .chunks(merge)
                .map(|chunk| chunk.iter().sum())
                .collect(),
            ..*self
        }
    }
}

/// The threshold between the two classes with the largest variance between them (Otsu, *A threshold selection
/// method from gray-level histograms*, IEEE Trans. SMC 9, 1979, eq. 14). Values above it are the upper class.
/// `None` when fewer than two bins are occupied.
pub fn otsu_threshold(histogram: &Histogram) -> Option<f64> {
    otsu_bin(histogram, histogram.counts.len()).map(|i| histogram.boundary_above(i))
}

/// The last bin of the lower class among the first `bins` bins.
fn otsu_bin(histogram: &Histogram, bins: usize) -> Option<usize> {
    let counts = histogram.counts.get(..bins)?;
    let total: f64 = counts.iter().map(|&n| n as f64).sum();
    let moment: f64 = counts.iter().enumerate().map(|(i, &n)| i as f64 * n as f64).sum();
    let (mut weight, mut sum) = (0.0, 0.0);
    let mut best = (0.0, None);
    for (i, &n) in counts.iter().enumerate() {
        weight += n as f64;
        sum += i as f64 * n as f64;
        if n == 0 || weight >= total {
            continue;
        }
        let gap = (moment - sum) / (total - weight) - sum / weight;
        let between = weight * (total - weight) * gap * gap;
        if between > best.0 {
            best = (between, Some(i));
        }
    }
    best.1
}

/// The threshold that parts air from tissue where nothing says what values mean, as in MR: minimum cross entropy
/// (Li and Tam, *An iterative algorithm for minimum cross entropy thresholding*, Pattern Recognition Letters 19,
/// 1998, eq. 7), never above Otsu's. Otsu's own threshold lies halfway between air and the *bright* tissue and
/// so cuts dim skin away. `None` when fewer than two bins are occupied.
///
/// One sample in a thousand at either end counts as the nearest other value, so that a few hot or padded ones
/// don't move the result.
///
/// # Limits
/// Expects air to be darker than tissue and to be a good part of the picture. A padding value that fills a
/// good part of the volume is taken for air.
pub fn air_threshold(histogram: &Histogram) -> Option<f64> {
    let otsu = otsu_threshold(histogram)?;
    let low = histogram.percentile_bin(0.001)?;
    let high = histogram.percentile_bin(0.999)?;
    let mut counts = histogram.counts.get(low..=high)?.to_vec();
    let clipped = |part: Option<&[u64]>| part.map_or(0, |part| part.iter().sum());
    *counts.first_mut()? += clipped(histogram.counts.get(..low));
    *counts.last_mut()? += clipped(histogram.counts.get(high + 1..));

    // Bin numbers from 1/2 stand for values: cross entropy needs positive ones.
    let mut threshold = mean_between(&counts, 0.0, f64::INFINITY)?;
    for _ in 0..100 {
        let below = mean_between(&counts, 0.0, threshold);
        let above = mean_between(&counts, threshold, f64::INFINITY);
        let (Some(below), Some(above)) = (below, above) else {
            return Some(otsu);
        };
        let next = (above - below) / (above.ln() - below.ln());
        let step = (next - threshold).abs();
        threshold = next;
        if step < 0.01 {
            break;
        }
    }
    let last_below = (low as f64 + threshold).floor() as usize;
    Some(histogram.boundary_above(last_below.saturating_sub(1)).min(otsu))
}

/// Mean of the bin numbers (from 1/2) in `from..to`; `None` without samples.
fn mean_between(counts: &[u64], from: f64, to: f64) -> Option<f64> {
    let (mut weight, mut sum) = (0.0, 0.0);
    for (i, &n) in counts.iter().enumerate() {
        let middle = i as f64 + 0.5;
        if middle >= from && middle < to {
            weight += n as f64;
            sum += middle * n as f64;
        }
    }
    (weight > 0.0).then(|| sum / weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integers(first: f64, counts: Vec<u64>) -> Histogram {
        Histogram {
            first,
            width: 1.0,
            kind: ValueKind::Integers,
            counts,
            not_finite: 0,
        }
    }

    #[test]
    fn percentiles_of_integers_are_values() {
        let histogram = integers(-2.0, vec![1, 0, 2, 1]);
        assert_eq!(histogram.total(), 4);
        assert_eq!(histogram.percentile(0.0), Some(-2.0));
        assert_eq!(histogram.percentile(0.25), Some(-2.0));
        assert_eq!(histogram.percentile(0.26), Some(0.0));
        assert_eq!(histogram.percentile(0.75), Some(0.0));
        assert_eq!(histogram.percentile(1.0), Some(1.0));
        assert_eq!(integers(0.0, vec![]).percentile(0.5), None);
    }

    #[test]
    fn coarser_bins_keep_the_total() {
        let coarse = integers(10.0, vec![1, 2, 3, 4, 5]).coarser(2);
        assert_eq!(coarse.counts, vec![6, 9]);
        assert_eq!((coarse.first, coarse.width), (10.0, 3.0));
        assert_eq!(coarse.value(0), 11.0);
    }

    #[test]
    fn otsu_parts_two_peaks_between_their_values() {
        let mut counts = vec![0; 1000];
        counts[100] = 700;
        counts[900] = 300;
        assert_eq!(otsu_threshold(&integers(-500.0, counts)), Some(-399.5));
        assert_eq!(otsu_threshold(&integers(0.0, vec![5])), None);
        assert_eq!(otsu_threshold(&integers(0.0, vec![])), None);
    }

    /// Air around 12, dim skin around 150, brain around 500, as in a head MR.
    fn head_mr() -> Histogram {
        let bell = |i: usize, at: f64, width: f64, n: f64| {
            (n / width * (-0.5 * ((i as f64 - at) / width).powi(2)).exp()) as u64
        };
        let counts = (0..1400)
            .map(|i| bell(i, 12.0, 6.0, 6e6) + bell(i, 150.0, 40.0, 4e5) + bell(i, 500.0, 80.0, 3e6))
            .collect();
        integers(0.0, counts)
    }

    #[test]
    fn the_air_threshold_keeps_dim_skin() {
        let threshold = air_threshold(&head_mr()).unwrap();
        assert!((45.0..160.0).contains(&threshold), "{threshold}");
        assert!(otsu_threshold(&head_mr()).unwrap() > 200.0);
    }

    #[test]
    fn a_few_hot_samples_do_not_move_the_air_threshold() {
        let plain = air_threshold(&head_mr()).unwrap();
        let mut hot = head_mr();
        hot.counts.resize(60_000, 0);
        hot.counts[59_999] = 500;
        assert!((air_threshold(&hot).unwrap() - plain).abs() < 3.0);
    }

    #[test]
    fn two_values_are_parted_between_them() {
        let threshold = air_threshold(&integers(0.0, vec![50, 0, 0, 0, 50])).unwrap();
        assert!((0.0..4.0).contains(&threshold), "{threshold}");
        assert_eq!(air_threshold(&integers(7.0, vec![9])), None);
    }
}
