//! Registration from a start: pairs of nearest points, the motion that closes their gaps, and again.
//!
//! Point to plane (Chen and Medioni, "Object modelling by registration of multiple range images", 1992) with weights
//! that fall to zero for pairs far beyond the spread of most (Tukey's biweight, at 4.685 standard deviations by the
//! median): the smooth form of trimming, by which a part that changed does not pull.

use geometry::{DAffine3, DVec3};
use parallel::prelude::*;

use super::sample::Sample;
use super::target::Target;
use super::{Region, eigen, rigid};

/// Tukey's constant times what makes a median absolute deviation a standard deviation.
const CUTOFF: f64 = 4.685 * 1.4826;
/// The spread below which pairs are not told apart, mm: rounding.
const LEAST_SPREAD_MM: f64 = 1e-4;
/// Pairs whose normals are farther apart than 60 degrees are of different parts.
const LEAST_COSINE: f64 = 0.5;
/// Directions this much softer than the stiffest are left alone: nothing holds the surfaces there.
const LOOSE: f64 = 1e-6;
/// Pairs that are worth a task of their own; a fixed number, so that sums come out the same.
const A_TASK: usize = 512;

/// How a registration ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fit {
    pub(super) b_from_a: DAffine3,
    /// Root mean square of the distances of pairs to the planes, by weight, mm.
    pub(super) rms_mm: f64,
    /// What 95 % of the pairs that count stay within, mm.
    pub(super) percentile_95_mm: f64,
    /// Samples that count, 0 to 1.
    pub(super) share: f64,
    /// The softest direction beside the stiffest one, 0 to 1.
    pub(super) stiffness: f64,
}

/// A pair of a sample and the plane at its nearest point.
#[derive(Clone, Copy)]
struct Pair {
    point_mm: DVec3,
    normal: DVec3,
    gap_mm: f64,
}

/// Where samples go: a surface, of which only the part in `region` counts.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) target: &'a Target,
    pub(super) region: &'a Region,
}

/// Improves `start` on `samples` of one surface until a step is below `settled_mm`, at most `rounds` times. `None` when
/// there are not enough pairs.
pub(super) fn improve(
    samples: &[Sample],
    ground: Ground<'_>,
    start: DAffine3,
    rounds: usize,
    settled_mm: f64,
) -> Option<Fit> {
    let mut near = vec![0u32; samples.len()];
    let mut fit = Fit {
        b_from_a: start,
        rms_mm: f64::INFINITY,
        percentile_95_mm: f64::INFINITY,
        share: 0.0,
        stiffness: 0.0,
    };
    for _ in 0..rounds {
        let pairs = pair(samples, ground, fit.b_from_a, &mut near);
        if pairs.len() < 6 {
            return None;
        }
        let moved_mm = advance(&mut fit, &pairs, samples.len())?;
        if moved_mm < settled_mm {
            break;
        }
    }
    Some(fit)
}

/// Pairs of samples with planes, of those that have a counterpart.
fn pair(samples: &[Sample], ground: Ground<'_>, b_from_a: DAffine3, near: &mut [u32]) -> Vec<Pair> {
    let parts: Vec<Vec<Pair>> = samples
        .par_chunks(A_TASK)
        .zip(near.par_chunks_mut(A_TASK))
        .map(|(samples, near)| {
            let pairs = samples.iter().zip(near).filter_map(|(sample, near)| {
                let point_mm = b_from_a.transform_point3(sample.point_mm);
                let found = ground.target.nearest_from(point_mm, *near);
                *near = found.triangle;
                let faces = b_from_a.transform_vector3(sample.normal).dot(found.normal) >= LEAST_COSINE;
                let counts = faces && !found.is_on_border && ground.region.contains(found.point_mm);
                counts.then(|| Pair {
                    point_mm,
                    normal: found.normal,
                    gap_mm: (point_mm - found.point_mm).dot(found.normal),
                })
            });
            pairs.collect()
        })
        .collect();
    parts.concat()
}

/// What this part of the gaps below `cutoff` stays within, mm.
fn within(mut gaps: Vec<f64>, cutoff: f64, part: f64) -> f64 {
    gaps.retain(|gap| *gap < cutoff);
    let last = gaps.len().saturating_sub(1);
    let at = (gaps.len() as f64 * part) as usize;
    match gaps.is_empty() {
        true => f64::INFINITY,
        false => *gaps.select_nth_unstable_by(at.min(last), f64::total_cmp).1,
    }
}

/// Takes one step; how far it moves the samples, mm. `None` when nothing has a place.
fn advance(fit: &mut Fit, pairs: &[Pair], samples: usize) -> Option<f64> {
    let mut gaps: Vec<f64> = pairs.iter().map(|pair| pair.gap_mm.abs()).collect();
    let middle = gaps.len() / 2;
    let median = *gaps.select_nth_unstable_by(middle, f64::total_cmp).1;
    let cutoff = CUTOFF * median.max(LEAST_SPREAD_MM);
    let center = pairs.iter().map(|pair| pair.point_mm).sum::<DVec3>() / pairs.len() as f64;
    let size = (pairs
        .iter()
        .map(|pair| pair.point_mm.distance_squared(center))
        .sum::<f64>()
        / pairs.len() as f64)
        .sqrt()
        .max(1e-9);
    let sums = pairs
        .par_chunks(A_TASK)
        .map(|pairs| Sums::over(pairs, center, size, cutoff))
        .collect::<Vec<_>>()
        .into_iter()
        .reduce(|all, part| all.plus(&part))?;
    if sums.weight.is_nan() || sums.weight <= 0.0 {
        return None;
    }
    fit.rms_mm = (sums.squares / sums.weight).sqrt();
    fit.percentile_95_mm = within(gaps, cutoff, 0.95);
    fit.share = sums.counting as f64 / samples as f64;
    let (values, vectors) = eigen::symmetric(sums.matrix);
    fit.stiffness = (values[5] / values[0]).max(0.0);
    let mut step = [0.0; 6];
    for (value, vector) in values.iter().zip(vectors) {
        if *value > LOOSE * values[0] {
            let along: f64 = vector.iter().zip(sums.slope).map(|(v, s)| v * s).sum();
            for (step, v) in step.iter_mut().zip(vector) {
                *step -= v * along / value;
            }
        }
    }
    // A turn of more than half a radian is beyond what planes can tell.
    let turn_mm = DVec3::new(step[0], step[1], step[2]).clamp_length_max(0.5 * size);
    let shift_mm = DVec3::new(step[3], step[4], step[5]);
    fit.b_from_a = rigid::tidy(rigid::step(turn_mm / size, shift_mm, center) * fit.b_from_a);
    let moved_mm = turn_mm.length() + shift_mm.length();
    moved_mm.is_finite().then_some(moved_mm)
}

/// The normal equations of one step: turn (times the size, so that all is in mm), then shift.
struct Sums {
    matrix: [[f64; 6]; 6],
    slope: [f64; 6],
    weight: f64,
    squares: f64,
    counting: usize,
}

impl Sums {
    fn over(pairs: &[Pair], center: DVec3, size: f64, cutoff: f64) -> Self {
        let mut sums = Self {
            matrix: [[0.0; 6]; 6],
            slope: [0.0; 6],
            weight: 0.0,
            squares: 0.0,
            counting: 0,
        };
        for pair in pairs {
            let ratio = pair.gap_mm / cutoff;
            let weight = (1.0 - ratio * ratio).max(0.0).powi(2);
            if weight == 0.0 {
                continue;
            }
            let turn = (pair.point_mm - center).cross(pair.normal) / size;
            let row = [
                turn.x,
                turn.y,
                turn.z,
                pair.normal.x,
                pair.normal.y,
                pair.normal.z,
            ];
            for (i, &a) in row.iter().enumerate() {
                for (sum, b) in sums.matrix[i].iter_mut().zip(row) {
                    *sum += weight * a * b;
                }
                sums.slope[i] += weight * a * pair.gap_mm;
            }
            sums.weight += weight;
            sums.squares += weight * pair.gap_mm * pair.gap_mm;
            sums.counting += 1;
        }
        sums
    }

    fn plus(mut self, other: &Self) -> Self {
        for (row, more) in self.matrix.iter_mut().zip(other.matrix) {
            for (sum, more) in row.iter_mut().zip(more) {
                *sum += more;
            }
        }
        for (sum, more) in self.slope.iter_mut().zip(other.slope) {
            *sum += more;
        }
        self.weight += other.weight;
        self.squares += other.squares;
        self.counting += other.counting;
        self
    }
}
