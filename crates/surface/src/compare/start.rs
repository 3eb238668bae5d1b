//! Where a registration starts when nobody says it: motions tried coarsely, the best kept.
//!
//! Tried are: as the surfaces lie; turned as they lie but shifted so that their middles or sides meet (a face before a
//! head); principal axes onto principal axes; and the 60 turns of an icosahedron, of which one is within 45 degrees of
//! any turn.

use geometry::{Aabb, DAffine3, DMat3, DVec3};
use glam::DQuat;
use parallel::prelude::*;

use super::icp::Ground;
use super::sample::Sample;
use super::target::Target;
use super::{icp, rigid};

/// Rounds of the first look at every candidate, and of the closer look at the best.
const FIRST_ROUNDS: usize = 6;
const CLOSER_ROUNDS: usize = 30;
/// Candidates that get a closer look.
const FINALISTS: usize = 8;
/// Pairs farther apart than this share of the size count as none.
const NO_PAIR: f64 = 0.03;
/// An earlier candidate stays unless a later one is better by this factor: what lies right is not turned upside down
/// for a trifle.
const BETTER: f64 = 0.9;

/// Samples of both surfaces, and the surfaces: `a` is to be moved onto `b`.
pub(super) struct Sides<'a> {
    pub(super) a_samples: &'a [Sample],
    pub(super) b_samples: &'a [Sample],
    pub(super) a: &'a Target,
    pub(super) b: Ground<'a>,
}

/// The best start found; `None` when no candidate brings the surfaces together.
pub(super) fn find(sides: &Sides<'_>) -> Option<DAffine3> {
    let few: Vec<Sample> = every(sides.a_samples, 250);
    let some: Vec<Sample> = every(sides.a_samples, 800);
    let size = extent(sides.a_samples).min(extent(sides.b_samples));
    let rank = |candidates: Vec<DAffine3>, samples: &[Sample], rounds: usize| {
        let mut ranked: Vec<(f64, usize, DAffine3)> = candidates
            .into_par_iter()
            .enumerate()
            .filter_map(|(at, start)| {
                let fit = icp::improve(samples, sides.b, start, rounds, size * 1e-5)?;
                Some((misfit(sides, samples, fit.b_from_a, size), at, fit.b_from_a))
            })
            .collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        ranked
    };
    let first = rank(candidates(sides), &few, FIRST_ROUNDS);
    let mut finalists: Vec<(usize, DAffine3)> = first
        .iter()
        .take(FINALISTS)
        .map(|&(_, at, motion)| (at, motion))
        .collect();
    finalists.sort_by_key(|&(at, _)| at);
    let closer = rank(
        finalists.into_iter().map(|(_, motion)| motion).collect(),
        &some,
        CLOSER_ROUNDS,
    );
    let best = closer.first()?.0;
    closer
        .into_iter()
        .filter(|&(misfit, ..)| misfit * BETTER <= best)
        .min_by_key(|&(_, at, _)| at)
        .map(|(.., motion)| motion)
}

/// How badly the surfaces meet, 0 to 2: the mean squared distance of the samples of each to the other, cut off.
fn misfit(sides: &Sides<'_>, a_samples: &[Sample], b_from_a: DAffine3, size: f64) -> f64 {
    let limit = (size * NO_PAIR).powi(2);
    let one_way = |samples: &[Sample], target: &Target, motion: DAffine3| {
        let losses = samples.iter().map(|sample| {
            let p = motion.transform_point3(sample.point_mm);
            let found = target.nearest(p);
            let is_pair =
                !found.is_on_border && motion.transform_vector3(sample.normal).dot(found.normal) > 0.5;
            if is_pair {
                (found.distance_mm.powi(2) / limit).min(1.0)
            } else {
                1.0
            }
        });
        losses.sum::<f64>() / samples.len() as f64
    };
    let back = every(sides.b_samples, a_samples.len());
    one_way(a_samples, sides.b.target, b_from_a) + one_way(&back, sides.a, b_from_a.inverse())
}

/// `count` of the samples, spread evenly.
fn every(samples: &[Sample], count: usize) -> Vec<Sample> {
    let count = count.min(samples.len());
    (0..count).map(|i| samples[i * samples.len() / count]).collect()
}

fn extent(samples: &[Sample]) -> f64 {
    bounds(samples).size().length()
}

fn bounds(samples: &[Sample]) -> Aabb {
    Aabb::around(samples.iter().map(|s| s.point_mm))
}

fn mean(samples: &[Sample]) -> DVec3 {
    samples.iter().map(|s| s.point_mm).sum::<DVec3>() / samples.len() as f64
}

fn candidates(sides: &Sides<'_>) -> Vec<DAffine3> {
    let (middle_a, middle_b) = (mean(sides.a_samples), mean(sides.b_samples));
    let turned = |turn: DMat3| DAffine3::from_mat3_translation(turn, middle_b - turn * middle_a);
    let mut all = vec![DAffine3::IDENTITY, turned(DMat3::IDENTITY)];
    let (box_a, box_b) = (bounds(sides.a_samples), bounds(sides.b_samples));
    let part = |bounds: Aabb, which: [usize; 3]| {
        let share = DVec3::from_array(which.map(|w| w as f64 * 0.5));
        bounds.min + bounds.size() * share
    };
    for i in 0..27 {
        let which = [i % 3, i / 3 % 3, i / 9];
        all.push(DAffine3::from_translation(
            part(box_b, which) - part(box_a, which),
        ));
    }
    let axes = |samples: &[Sample], middle| {
        let (_, [x, y, z]) = rigid::spread(&mut samples.iter().map(|s| s.point_mm - middle));
        DMat3::from_cols(x, y, if x.cross(y).dot(z) < 0.0 { -z } else { z })
    };
    let (axes_a, axes_b) = (axes(sides.a_samples, middle_a), axes(sides.b_samples, middle_b));
    all.extend(cube_turns().map(|turn| turned(axes_b * turn * axes_a.transpose())));
    all.extend(icosahedron_turns().map(turned));
    all
}

/// The 24 turns that take a cube to itself.
fn cube_turns() -> impl Iterator<Item = DMat3> {
    let axes = [
        DVec3::X,
        DVec3::Y,
        DVec3::Z,
        DVec3::NEG_X,
        DVec3::NEG_Y,
        DVec3::NEG_Z,
    ];
    axes.into_iter().flat_map(move |x| {
        axes.into_iter()
            .filter(move |y| y.dot(x) == 0.0)
            .map(move |y| DMat3::from_cols(x, y, x.cross(y)))
    })
}

/// The 60 turns that take an icosahedron to itself, from the binary icosahedral group (Conway and Smith, "On
/// Quaternions and Octonions", 2003, 3.5).
fn icosahedron_turns() -> impl Iterator<Item = DMat3> {
    let golden = (1.0 + 5f64.sqrt()) / 2.0;
    let mut all: Vec<[f64; 4]> = Vec::new();
    for i in 0..4 {
        let mut q = [0.0; 4];
        q[i] = 1.0;
        all.push(q);
    }
    let sign = |bits: usize, bit: usize| if bits >> bit & 1 == 0 { 0.5 } else { -0.5 };
    all.extend((0..8).map(|bits| [0.5, sign(bits, 0), sign(bits, 1), sign(bits, 2)]));
    // Even permutations of (golden, 1, 1 / golden, 0) / 2 with any signs.
    let even = [
        [0, 1, 2, 3],
        [0, 2, 3, 1],
        [0, 3, 1, 2],
        [1, 0, 3, 2],
        [1, 2, 0, 3],
        [1, 3, 2, 0],
        [2, 0, 1, 3],
        [2, 1, 3, 0],
        [2, 3, 0, 1],
        [3, 0, 2, 1],
        [3, 1, 0, 2],
        [3, 2, 1, 0],
    ];
    for order in even {
        for bits in 0..8 {
            let parts = [golden * sign(bits, 0), sign(bits, 1), sign(bits, 2) / golden, 0.0];
            let mut q = [0.0; 4];
            for (at, part) in order.into_iter().zip(parts) {
                q[at] = part;
            }
            // Of a quaternion and its negative, which are one turn, the one whose first part is positive.
            if q.iter().find(|v| **v != 0.0).is_some_and(|v| *v > 0.0) {
                all.push(q);
            }
        }
    }
    all.into_iter()
        .map(|[w, x, y, z]| DMat3::from_quat(DQuat::from_xyzw(x, y, z, w).normalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_proper_and_different() {
        for (turns, count) in [
            (cube_turns().collect::<Vec<_>>(), 24),
            (icosahedron_turns().collect(), 60),
        ] {
            assert_eq!(turns.len(), count);
            for (i, turn) in turns.iter().enumerate() {
                assert!((turn.determinant() - 1.0).abs() < 1e-9);
                assert!(turns[..i].iter().all(|other| !other.abs_diff_eq(*turn, 1e-6)));
            }
        }
    }
}
