//! How far a simplified mesh is from the full one, measured, not estimated.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use parallel::prelude::*;

use super::fit::{Fitted, fit};
use super::flips::flip;
use super::incidence::{Fan, Incidence, Lists};
use super::partition::Working;
use super::quadric::{dot, sub};
use crate::distance::to_triangle_squared;
use crate::nearest::TriangleGrid;

/// Distances between a full mesh and a simplified one, mm.
///
/// Each is the distance from a vertex to the nearest point of the other surface, or a little more: most vertices are
/// compared only with the triangles around the vertex that they became.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Deviation {
    /// The largest distance from a vertex of the full mesh to the simplified one, mm.
    pub max_from_full_mm: f64,
    /// The mean of the same distances, mm.
    pub mean_from_full_mm: f64,
    /// The largest distance from a vertex of the simplified mesh to the full one, mm.
    pub max_from_simplified_mm: f64,
}

impl Deviation {
    /// The largest distance either way, mm.
    pub fn max_mm(&self) -> f64 {
        self.max_from_full_mm.max(self.max_from_simplified_mm)
    }
}

/// A mesh that is measured against.
#[derive(Clone, Copy)]
pub(crate) struct Shape<'a> {
    /// `[vertex][x, y, z]`, mm.
    pub(crate) positions: &'a [[f32; 3]],
    /// `[triangle][corner]`.
    pub(crate) triangles: &'a [[u32; 3]],
}

impl Shape<'_> {
    pub(crate) fn corners(&self, triangle: usize) -> [[f32; 3]; 3] {
        self.triangles[triangle].map(|v| self.positions[v as usize])
    }

    /// At least the triangles that have a point within the reach, mm, of one of `balls`.
    fn triangles_near(&self, balls: impl Iterator<Item = ([f32; 3], f32)> + Clone) -> Vec<[u32; 3]> {
        let reach = balls.clone().map(|ball| ball.1).fold(f32::MIN_POSITIVE, f32::max);
        let low = balls.clone().fold([f32::MAX; 3], |low, (p, _)| {
            std::array::from_fn(|i| low[i].min(p[i]))
        });
        let high = balls.clone().fold([f32::MIN; 3], |high, (p, _)| {
            std::array::from_fn(|i| high[i].max(p[i]))
        });
        let low = low.map(|v| v - reach);
        let longest = sub(high, low).into_iter().fold(0.0, f32::max) + reach;
        let cells_a_mm = (BLOCKS as f32 / longest).min(1.0 / reach);
        let cell = |p: [f32; 3]| p.map(|v| (v * cells_a_mm).clamp(-1.0, BLOCKS as f32) as isize);
        let cells_of = |low_end: [f32; 3], high_end: [f32; 3]| {
            let (first, last) = (cell(sub(low_end, low)), cell(sub(high_end, low)));
            let range = move |i: usize| first[i].max(0)..=last[i].min(BLOCKS as isize - 1);
            range(2).flat_map(move |z| {
                range(1).flat_map(move |y| {
                    range(0).map(move |x| ((z as usize * BLOCKS) + y as usize) * BLOCKS + x as usize)
                })
            })
        };
        let mut is_near = vec![false; BLOCKS * BLOCKS * BLOCKS];
        for (p, reach) in balls {
            for block in cells_of(p.map(|v| v - reach), p.map(|v| v + reach)) {
                is_near[block] = true;
            }
        }
        let touches = |t: &[u32; 3]| {
            let [a, b, c] = t.map(|v| self.positions[v as usize]);
            let low_end = std::array::from_fn(|i| a[i].min(b[i]).min(c[i]));
            let high_end = std::array::from_fn(|i| a[i].max(b[i]).max(c[i]));
            cells_of(low_end, high_end).any(|block| is_near[block])
        };
        self.triangles.iter().filter(|t| touches(t)).copied().collect()
    }
}

/// Blocks along each axis, for telling which triangles are near.
const BLOCKS: usize = 64;

/// Measures `reduced`, whose vertex `became[v]` replaces vertex `v` of `full`.
///
/// Largest distances are exact where they are above `known_mm`; below, they are only told to be at most that.
pub(crate) fn measure(full: Shape<'_>, reduced: Shape<'_>, became: &[u32], known_mm: f32) -> Deviation {
    let around = Incidence::new(reduced);
    // What is where it was need not be measured.
    let is_moved = |(&now, p): (&u32, &[f32; 3])| match reduced.positions.get(now as usize) {
        Some(to) if to != p => now,
        _ => u32::MAX,
    };
    let moved: Vec<u32> = became.iter().zip(full.positions).map(is_moved).collect();
    let measured = of_each(full, &around, &moved, |fan, p| fan.squared(p));
    told(full, &around, became, &measured, known_mm)
}

/// Turns edges of `reduced` and moves its vertices, but the `fixed` ones, so that it is nearer to `full`, and measures
/// it then; see [`measure`]. What is farther than `max_error_mm` does not become farther. What is known of how far the
/// surface has moved away is replaced by what is measured.
pub(crate) fn fit_and_measure(
    full: Shape<'_>,
    reduced: &mut Working,
    became: &[u32],
    fixed: &[bool],
    max_error_mm: f32,
    known_mm: f32,
) -> Deviation {
    let around = Incidence::new(reduced.shape());
    let mut nearest = of_each(full, &around, became, |fan, p| fan.nearest(p));
    let most = max_error_mm * max_error_mm;
    reduced.triangles = flip(full, around, &mut nearest, fixed, most);
    let Fitted { positions, squared } = fit(full, reduced.shape(), &nearest, fixed, most);
    let measured: Vec<(u32, f32)> = nearest
        .iter()
        .zip(squared)
        .map(|(&(v, _), squared)| (v, squared))
        .collect();
    drop(nearest);
    let places = positions.iter().zip(&reduced.positions);
    for (history, (to, from)) in reduced.histories.iter_mut().zip(places) {
        history.quadric = history.quadric.moved(sub(*to, *from));
        history.drift_mm = 0.0;
    }
    for &(v, squared) in &measured {
        if let Some(history) = reduced.histories.get_mut(became[v as usize] as usize) {
            history.drift_mm = history.drift_mm.max(squared.sqrt());
        }
    }
    reduced.positions = positions;
    let around = Incidence::new(reduced.shape());
    told(full, &around, became, &measured, known_mm)
}

/// What is told of the distances between `full` and the shape that lies `around`, when bounds of the squared ones from
/// `full` are `measured`.
fn told(
    full: Shape<'_>,
    around: &Incidence<'_>,
    became: &[u32],
    measured: &[(u32, f32)],
    known_mm: f32,
) -> Deviation {
    let known = known_mm * known_mm;
    let sum: f64 = measured
        .iter()
        .map(|&(_, squared)| f64::from(squared).sqrt())
        .sum();
    let mut bounds = vec![0.0f32; full.positions.len()];
    for &(v, squared) in measured {
        bounds[v as usize] = squared;
    }
    lower(full.positions, &mut bounds, became, around, known);
    let max = worst(full.positions, &bounds, around.shape(), known);
    let from_simplified = from_simplified(full, around.shape(), became, max.max(known));
    Deviation {
        max_from_full_mm: f64::from(max).sqrt(),
        mean_from_full_mm: sum / full.positions.len().max(1) as f64,
        max_from_simplified_mm: f64::from(from_simplified).sqrt(),
    }
}

/// Asks for each vertex of `full` that is still there about the triangles around the vertex that it became. Those are
/// laid out once for all that became the same.
fn of_each<R: Send>(
    full: Shape<'_>,
    around: &Incidence<'_>,
    became: &[u32],
    ask: impl Fn(&Fan<'_>, [f32; 3]) -> R + Sync,
) -> Vec<(u32, R)> {
    let still = || {
        let all = became.iter().zip(0..).map(|(&now, v)| (now, v));
        all.filter(|&(now, _)| now != u32::MAX)
    };
    let reduced = around.shape().positions.len();
    let merged = Lists::new(reduced, still);
    let found: Vec<Vec<(u32, R)>> = (0..reduced)
        .into_par_iter()
        .fold_chunks(VERTICES_AT_ONCE, Vec::new, |mut found, now| {
            let gone = merged.of(now as u32);
            if !gone.is_empty() {
                let fan = around.fan(now as u32);
                found.extend(gone.iter().map(|&v| (v, ask(&fan, full.positions[v as usize]))));
            }
            found
        })
        .collect();
    found.into_iter().flatten().collect()
}

/// Lowers the largest of the squared distances `bounds`, which are to the triangles around the vertex that each became:
/// often those one vertex further are nearer. What is at most `least` stays.
fn lower(points: &[[f32; 3]], bounds: &mut [f32], became: &[u32], around: &Incidence<'_>, least: f32) {
    // Bounds above the limit have been lowered.
    let mut limit = f32::INFINITY;
    let mut ring = Vec::new();
    loop {
        let largest = bounds.iter().copied().fold(0.0, f32::max);
        if largest <= least || largest > limit || !largest.is_finite() {
            return;
        }
        let enough = (0.25 * largest).max(least);
        let all = bounds.iter_mut().zip(became).zip(points);
        for ((bound, &now), &p) in all.filter(|((bound, _), _)| **bound > enough && **bound <= limit) {
            around.ring(now, &mut ring);
            for &[next, _] in &ring {
                *bound = bound.min(around.fan(next).squared(p));
            }
        }
        limit = enough;
    }
}

/// New vertices that are measured in one go.
const VERTICES_AT_ONCE: usize = 4096;

/// The largest squared distance from a new vertex to `full`; not exact where it is below `least`. First bounds are the
/// distances to the vertices that became each; only where these may be the largest, triangles are looked at.
fn from_simplified(full: Shape<'_>, reduced: Shape<'_>, became: &[u32], least: f32) -> f32 {
    let mut squared = vec![f32::INFINITY; reduced.positions.len()];
    for (&p, &now) in full.positions.iter().zip(became) {
        if let Some(squared) = squared.get_mut(now as usize) {
            let away = sub(p, reduced.positions[now as usize]);
            *squared = squared.min(dot(away, away));
        }
    }
    // A vertex that nothing became is where it was.
    for squared in squared.iter_mut().filter(|squared| squared.is_infinite()) {
        *squared = 0.0;
    }
    for (t, triangle) in full.triangles.iter().enumerate() {
        for &v in triangle {
            let now = became[v as usize] as usize;
            // What is near enough need not be measured to the end.
            if squared.get(now).is_some_and(|&squared| squared > least) {
                squared[now] = squared[now].min(to_triangle_squared(reduced.positions[now], full.corners(t)));
            }
        }
    }
    worst(reduced.positions, &squared, full, least)
}

/// The largest of the squared distances of `points` to `shape`, when `bounds` are upper bounds of them. Only bounds
/// that could be the largest, and are above `least`, are made exact.
fn worst(points: &[[f32; 3]], bounds: &[f32], shape: Shape<'_>, least: f32) -> f32 {
    let largest = bounds.par_iter().copied().reduce(|| 0.0, f32::max);
    if largest <= least || !largest.is_finite() {
        return largest;
    }
    let mut exact = least;
    let mut enough = largest;
    loop {
        enough = (0.25 * enough).max(least);
        let mut candidates: Vec<usize> = (0..points.len()).filter(|&i| bounds[i] > enough).collect();
        candidates.sort_unstable_by(|&a, &b| bounds[b].total_cmp(&bounds[a]));
        exact = worst_of(&candidates, points, bounds, shape, exact);
        // Far below the first bound, how far exactly does not matter.
        if exact >= enough || enough <= least.max(1e-6 * largest) {
            return exact;
        }
    }
}

/// As [`worst`], for points whose bounds fall, when one is known to be `known` away. Those with the largest bounds are
/// made exact first; mostly that rules out nearly all others.
fn worst_of(candidates: &[usize], points: &[[f32; 3]], bounds: &[f32], shape: Shape<'_>, known: f32) -> f32 {
    let (first, others) = candidates.split_at(candidates.len().min(FIRST_CANDIDATES));
    // The bits of positive numbers are in the order of the numbers.
    let exact = AtomicU32::new(known.to_bits());
    let so_far = || f32::from_bits(exact.load(Relaxed));
    for some in [first, others] {
        let still = &some[..some.partition_point(|&i| bounds[i] > so_far())];
        if still.is_empty() {
            break;
        }
        let near = shape.triangles_near(still.iter().map(|&i| (points[i], bounds[i].sqrt())));
        let grid = TriangleGrid::new(Shape {
            positions: shape.positions,
            triangles: &near,
        });
        // Points that are nearer than another one is known to be need not be measured to the end.
        still.par_iter().for_each(|&i| {
            let squared = grid.squared(points[i], bounds[i], so_far());
            exact.fetch_max(squared.to_bits(), Relaxed);
        });
    }
    so_far()
}

/// How many points are made exact first.
const FIRST_CANDIDATES: usize = 256;
