//! Turns edges of a simplified surface so that it is nearer to the full one, with the vertices that it has.
//!
//! Quadrics say which vertices to keep, not which way the edges between them run. Here two triangles beside each other
//! become the two on the other diagonal, where the vertices of the full surface that are nearest to them are nearer to
//! these (the swap of Hoppe, DeRose, Duchamp, McDonald, Stuetzle, "Mesh optimization", SIGGRAPH 1993). The best ones go
//! first, and no two that touch go at once; so the result does not depend on threads.

use parallel::prelude::*;

use super::deviation::Shape;
use super::incidence::{Incidence, Lists};
use super::quadric::{cross, dot, sub};
use crate::distance::{Four, Nearest};

/// How often edges are looked at: all of them, then those beside what has changed. On the bone of a head the passes take
/// 3.0, 1.6 and 0.8 % off the mean distance.
const PASSES: usize = 2;
/// The least sum of squared distances of two triangles worth a look, as a share of the mean one.
const WORTH: f32 = 0.25;
/// What must be gained, as a share of the sum of squared distances.
const LEAST_GAIN: f32 = 0.05;
/// The least cosine between the normal of a new triangle and those of the two before.
const LEAST_COSINE: f32 = 0.5;
/// How thin a new triangle may be, as a share of the thinner one before.
const THINNER: f32 = 0.5;
/// Triangles that are judged in one go.
const TRIANGLES_AT_ONCE: usize = 4096;

/// The triangles `[a, b, c]` and `[b, a, d]`, which may become `[a, d, c]` and `[d, b, c]`.
struct Flip {
    /// By how much the sum of squared distances falls, mm^2.
    gain: f32,
    triangles: [u32; 2],
    corners: [u32; 4],
}

impl Flip {
    fn after(&self) -> [[u32; 3]; 2] {
        let [a, b, c, d] = self.corners;
        [[a, d, c], [d, b, c]]
    }
}

/// Turns edges of the shape that lies `around`, brings what is `nearest` to each vertex of `full` up to date, and returns the triangles. No
/// squared distance beyond `most` grows, mm^2, and no edge between two `fixed` vertices appears.
pub(super) fn flip(
    full: Shape<'_>,
    around: Incidence<'_>,
    nearest: &mut [(u32, Nearest)],
    fixed: &[bool],
    most: f32,
) -> Vec<[u32; 3]> {
    let reduced = around.shape();
    let mut first = Some(around);
    let mut triangles = reduced.triangles.to_vec();
    let mut asked = Asked {
        triangles: vec![true; triangles.len()],
        vertices: vec![true; reduced.positions.len()],
    };
    let mut sums = vec![0.0f32; triangles.len()];
    for (_, near) in nearest.iter().filter(|(_, near)| near.squared.is_finite()) {
        sums[near.triangle as usize] += near.squared;
    }
    let enough = WORTH * 2.0 * sums.iter().sum::<f32>() / sums.len().max(1) as f32;
    for _ in 0..PASSES {
        let shape = Shape {
            positions: reduced.positions,
            triangles: &triangles,
        };
        let judge = Judge {
            full,
            around: match first.take() {
                Some(around) => around,
                None => Incidence::new(shape),
            },
            pulls: Lists::new(triangles.len(), || {
                let all = nearest.iter().zip(0..).map(|((_, near), i)| (near, i));
                let near = all.filter(|(near, _)| near.squared.is_finite());
                near.map(|(near, i)| (near.triangle, i))
            }),
            nearest,
            fixed,
            most,
            enough,
            sums: &sums,
            asked: &asked,
        };
        let mut found = judge.flips();
        let Judge { pulls, .. } = judge;
        if found.is_empty() {
            break;
        }
        asked.choose(&mut found);
        for flip in found {
            let after = flip.after();
            let lanes = lanes(reduced.positions, after);
            for (t, corners) in flip.triangles.into_iter().zip(after) {
                triangles[t as usize] = corners;
                sums[t as usize] = 0.0;
            }
            for &i in flip.triangles.iter().flat_map(|&t| pulls.of(t)) {
                let (v, near) = &mut nearest[i as usize];
                *near = lanes.nearest(full.positions[*v as usize]);
                near.triangle = flip.triangles[near.triangle as usize % 2];
                sums[near.triangle as usize] += near.squared;
            }
        }
    }
    triangles
}

/// What is looked at: the edges of some triangles, and all vertices of these.
struct Asked {
    triangles: Vec<bool>,
    vertices: Vec<bool>,
}

impl Asked {
    /// Keeps of `flips`, the best ones first, those that touch none before, and asks again about all of them: what must
    /// wait, and what is beside a change.
    fn choose(&mut self, flips: &mut Vec<Flip>) {
        self.triangles.fill(false);
        self.vertices.fill(false);
        let mut is_touched = vec![false; self.vertices.len()];
        flips.retain(|flip| {
            for t in flip.triangles {
                self.triangles[t as usize] = true;
            }
            let is_free = flip.corners.iter().all(|&v| !is_touched[v as usize]);
            for v in flip.corners {
                self.vertices[v as usize] = true;
                is_touched[v as usize] |= is_free;
            }
            is_free
        });
        // In the order of the triangles, so that what is near lies near in memory.
        flips.sort_unstable_by_key(|flip| flip.triangles[0]);
    }
}

/// What is asked while the best flips are sought.
struct Judge<'a> {
    full: Shape<'a>,
    around: Incidence<'a>,
    nearest: &'a [(u32, Nearest)],
    /// For each triangle the places in `nearest` of what is nearest to it.
    pulls: Lists,
    fixed: &'a [bool],
    most: f32,
    enough: f32,
    /// The sum of squared distances to each triangle, mm^2.
    sums: &'a [f32],
    asked: &'a Asked,
}

impl Judge<'_> {
    /// The flips that bring something at edges of some triangles, the best ones first.
    fn flips(&self) -> Vec<Flip> {
        let count = self.around.shape().triangles.len();
        let found: Vec<Vec<Flip>> = (0..count)
            .into_par_iter()
            .fold_chunks(TRIANGLES_AT_ONCE, Vec::new, |mut found, t| {
                found.extend((0..3).filter_map(|side| self.flip(t as u32, side)));
                found
            })
            .collect();
        let mut flips: Vec<Flip> = found.into_iter().flatten().collect();
        flips.sort_by(|a, b| b.gain.total_cmp(&a.gain));
        flips
    }

    /// The flip of the edge from one corner of `t` to the next, if it may be and brings enough.
    fn flip(&self, t: u32, side: usize) -> Option<Flip> {
        let shape = self.around.shape();
        let triangle = shape.triangles[t as usize];
        let [a, b, c] = [0, 1, 2].map(|i| triangle[(side + i) % 3]);
        // Each edge is looked at from one side.
        if a > b || [a, b].iter().any(|&v| !self.asked.vertices[v as usize]) {
            return None;
        }
        let (other, d) = self.across(a, b)?;
        let before = self.sums[t as usize] + self.sums[other as usize];
        let flip = Flip {
            gain: 0.0,
            triangles: [t, other],
            corners: [a, b, c, d],
        };
        let is_asked = [t, other].iter().any(|&t| self.asked.triangles[t as usize]);
        let is_held = self.fixed[c as usize] && self.fixed[d as usize];
        if before <= self.enough || !is_asked || is_held || !is_sound(shape, &flip) || self.around.meet(c, d)
        {
            return None;
        }
        let after = self.sum_after(&flip, before * (1.0 - LEAST_GAIN))?;
        Some(Flip {
            gain: before - after,
            ..flip
        })
    }

    /// The sum of squared distances after a flip, if it is below a limit and none beyond what is allowed grows.
    fn sum_after(&self, flip: &Flip, limit: f32) -> Option<f32> {
        let lanes = lanes(self.around.shape().positions, flip.after());
        let mut pulls = flip.triangles.iter().flat_map(|&t| self.pulls.of(t));
        let mut sum = 0.0;
        while let Some(&first) = pulls.next() {
            let second = pulls.next().copied();
            let two = [first, second.unwrap_or(first)].map(|i| &self.nearest[i as usize]);
            let [p, q] = two.map(|(v, _)| self.full.positions[*v as usize]);
            let each = lanes.squared_each([p, p, q, q]);
            let squared = [each[0].min(each[1]), each[2].min(each[3])];
            let grows = |i: usize| squared[i] > self.most && squared[i] > two[i].1.squared;
            sum += squared[0] + if second.is_some() { squared[1] } else { 0.0 };
            if sum > limit || grows(0) || grows(1) {
                return None;
            }
        }
        (sum < limit).then_some(sum)
    }

    /// The triangle on the other side of the edge from `a` to `b` and its third corner, if there is one on each side.
    fn across(&self, a: u32, b: u32) -> Option<(u32, u32)> {
        let (mut sides, mut found) = ([0, 0], None);
        for &t in self.around.triangles(a) {
            let [p, q, r] = self.around.shape().triangles[t as usize];
            let (next, last) = if p == a {
                (q, r)
            } else if q == a {
                (r, p)
            } else {
                (p, q)
            };
            sides[0] += usize::from(next == b);
            if last == b {
                sides[1] += 1;
                found = Some((t, next));
            }
        }
        found.filter(|_| sides == [1, 1])
    }
}

/// Whether new triangles lie as those before did, and are not much thinner.
fn is_sound(shape: Shape<'_>, flip: &Flip) -> bool {
    let [a, b, c, d] = flip.corners;
    // Twice the area as a vector, its length, and that over the square of the longest side.
    let measured = |t: [u32; 3]| {
        let [p, q, r] = t.map(|v| shape.positions[v as usize]);
        let sides = [sub(q, p), sub(r, p), sub(r, q)];
        let normal = cross(sides[0], sides[1]);
        let length = dot(normal, normal).sqrt();
        let longest = sides
            .iter()
            .map(|&side| dot(side, side))
            .fold(f32::MIN_POSITIVE, f32::max);
        (normal, length, length / longest)
    };
    let before = [[a, b, c], [b, a, d]].map(measured);
    let after = flip.after().map(measured);
    let least = THINNER * before[0].2.min(before[1].2);
    // What has no area lies no way.
    after.iter().all(|new| {
        let is_along = |old: &([f32; 3], f32, f32)| dot(new.0, old.0) > LEAST_COSINE * new.1 * old.1;
        new.2 >= least && before.iter().all(is_along)
    })
}

/// Two triangles, side by side twice.
fn lanes(positions: &[[f32; 3]], [first, second]: [[u32; 3]; 2]) -> Four {
    Four::new([first, second, first, second].map(|t| t.map(|v| positions[v as usize])))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square whose second and last corners are high, and the two triangles over it.
    const CORNERS: [[f32; 3]; 4] = [[0.0, 0.0, 0.0], [2.0, 0.0, 1.0], [2.0, 2.0, 0.0], [0.0, 2.0, 1.0]];
    const BEFORE: [[u32; 3]; 2] = [[0, 1, 2], [2, 3, 0]];
    /// Points above the middle of the square, on either diagonal.
    const ON_THE_OTHER: [f32; 3] = [1.0, 1.0, 1.0];
    const ON_THIS: [f32; 3] = [1.0, 1.0, 0.0];

    /// The triangles over the square, and what is nearest to a point, after the edge may have turned.
    fn flipped(point: [f32; 3], fixed: [bool; 4], most: f32) -> (Vec<[u32; 3]>, Nearest) {
        let reduced = Shape {
            positions: &CORNERS,
            triangles: &BEFORE,
        };
        let full = Shape {
            positions: &[point],
            triangles: &[],
        };
        let mut nearest = [(0, Incidence::new(reduced).fan(0).nearest(point))];
        let triangles = flip(full, Incidence::new(reduced), &mut nearest, &fixed, most);
        (triangles, nearest[0].1)
    }

    #[test]
    fn an_edge_turns_towards_the_full_surface() {
        let (triangles, nearest) = flipped(ON_THE_OTHER, [false; 4], f32::INFINITY);
        assert!(
            triangles.iter().all(|t| t.contains(&1) && t.contains(&3)),
            "{triangles:?}"
        );
        assert!(nearest.squared < 1e-6);
        let normal = |t: &[u32; 3]| {
            let [p, q, r] = t.map(|v| CORNERS[v as usize]);
            cross(sub(q, p), sub(r, p))
        };
        assert!(
            triangles.iter().all(|t| normal(t)[2] > 0.0),
            "a triangle turned over"
        );
    }

    #[test]
    fn an_edge_that_lies_well_stays() {
        assert_eq!(flipped(ON_THIS, [false; 4], f32::INFINITY).0, BEFORE);
    }

    #[test]
    fn no_edge_appears_between_fixed_vertices() {
        let fixed = [false, true, false, true];
        assert_eq!(flipped(ON_THE_OTHER, fixed, f32::INFINITY).0, BEFORE);
    }

    /// A point on the diagonal that is there, and three on the other one: turning the edge brings more than it costs.
    #[test]
    fn no_distance_grows_beyond_what_is_allowed() {
        let points = [ON_THIS, ON_THE_OTHER, ON_THE_OTHER, ON_THE_OTHER];
        let reduced = Shape {
            positions: &CORNERS,
            triangles: &BEFORE,
        };
        let full = Shape {
            positions: &points,
            triangles: &[],
        };
        let fan = Incidence::new(reduced);
        let asked = |most: f32| {
            let mut nearest: Vec<(u32, Nearest)> = (0..4)
                .map(|v| (v, fan.fan(0).nearest(points[v as usize])))
                .collect();
            flip(full, Incidence::new(reduced), &mut nearest, &[false; 4], most)
        };
        assert_ne!(asked(f32::INFINITY), BEFORE);
        assert_eq!(asked(0.01), BEFORE);
    }
}
