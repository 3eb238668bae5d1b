//! Moves the vertices of a simplified surface so that it is nearer to the full one, with the triangles that it has.
//!
//! Quadrics put a vertex where the planes around it meet; what lies between vertices they do not see. Here each vertex
//! of the full surface pulls the corners of the triangle that it is nearest to: part of a step of least squares (Hoppe,
//! DeRose, Duchamp, McDonald, Stuetzle, "Mesh optimization", SIGGRAPH 1993).

use super::deviation::Shape;
use super::quadric::{cross, dot, sub};
use crate::distance::{Four, Nearest};

/// How far a step goes, as a share of the mean pull. A longer one brings the triangles nearer to the vertices of the full
/// surface, but takes their own vertices off it: for the bone of a head, with shares of 0, 0.5 and 1, the mean distances
/// were 0.0238, 0.0222 and 0.0212 mm from the full surface, and 0.0171, 0.0197 and 0.0230 mm to it.
const STEP: f32 = 0.25;
/// Vertices of the full surface that must pull, counted by their shares.
const LEAST_PULL: f32 = 0.5;
/// The least cosine between the normals of a triangle before and after.
const LEAST_COSINE: f32 = 0.5;

/// A surface with its vertices moved.
pub(super) struct Fitted {
    /// `[vertex][x, y, z]`, mm.
    pub(super) positions: Vec<[f32; 3]>,
    /// For each vertex that pulled an upper bound of its squared distance, mm^2.
    pub(super) squared: Vec<f32>,
}

/// Moves the vertices of `reduced` towards vertices of `full`, each with the place that is nearest to it. Vertices that
/// are `fixed`, or at a border, stay; none moves so that a triangle turns, or a distance beyond `most` grows, mm^2.
pub(super) fn fit(
    full: Shape<'_>,
    reduced: Shape<'_>,
    nearest: &[(u32, Nearest)],
    fixed: &[bool],
    most: f32,
) -> Fitted {
    let mut positions = pulled(full, reduced, nearest, fixed);
    let is_limited = most.is_finite();
    // By their bits: what is no number is moved by nothing.
    let bits = |p: &[f32; 3]| p.map(f32::to_bits);
    let pairs = positions.iter().zip(reduced.positions);
    let mut moved: Vec<bool> = pairs.map(|(to, from)| bits(to) != bits(from)).collect();
    let mut back: Vec<u32> = Vec::new();
    loop {
        let is_moved = |v: u32| moved[v as usize];
        for t in reduced.triangles {
            let corners = |of: &[[f32; 3]]| t.map(|v| of[v as usize]);
            if t.iter().any(|&v| is_moved(v)) && turns(corners(reduced.positions), corners(&positions)) {
                back.extend(t);
            }
        }
        for (v, near) in nearest
            .iter()
            .filter(|(_, near)| is_limited && near.squared.is_finite())
        {
            let corners = reduced.triangles[near.triangle as usize];
            let away = sub(full.positions[*v as usize], place(&positions, corners, near));
            let squared = dot(away, away);
            if squared > most && squared > near.squared && corners.iter().any(|&v| is_moved(v)) {
                back.extend(corners);
            }
        }
        if back.is_empty() {
            let squared = distances(full, reduced.triangles, &positions, nearest);
            return Fitted { positions, squared };
        }
        for v in back.drain(..) {
            positions[v as usize] = reduced.positions[v as usize];
            moved[v as usize] = false;
        }
    }
}

/// The squared distance of each vertex that pulled to the triangle that it was nearest to.
fn distances(
    full: Shape<'_>,
    triangles: &[[u32; 3]],
    positions: &[[f32; 3]],
    nearest: &[(u32, Nearest)],
) -> Vec<f32> {
    let mut squared = Vec::with_capacity(nearest.len() + 3);
    for some in nearest.chunks(4) {
        let four = [0, 1, 2, 3].map(|i: usize| some[i.min(some.len() - 1)]);
        let points = four.map(|(v, _)| full.positions[v as usize]);
        let corners = [0, 1, 2, 3].map(|i| {
            let triangle = triangles.get(four[i].1.triangle as usize);
            triangle.map_or([points[i]; 3], |t| t.map(|v| positions[v as usize]))
        });
        let each = Four::new(corners).squared_each(points);
        // One without a triangle stays infinitely far.
        let each = each.into_iter().zip(four);
        squared.extend(each.map(|(squared, (_, near))| match near.squared.is_finite() {
            true => squared,
            false => near.squared,
        }));
    }
    squared.truncate(nearest.len());
    squared
}

/// Where the vertices go if nothing holds them back.
fn pulled(full: Shape<'_>, reduced: Shape<'_>, nearest: &[(u32, Nearest)], fixed: &[bool]) -> Vec<[f32; 3]> {
    let mut pulls = vec![[0.0f32; 4]; reduced.positions.len()];
    for (v, near) in nearest.iter().filter(|(_, near)| near.squared.is_finite()) {
        let corners = reduced.triangles[near.triangle as usize];
        let away = sub(
            full.positions[*v as usize],
            place(reduced.positions, corners, near),
        );
        for (corner, share) in corners.into_iter().zip(shares(near)) {
            let pull = &mut pulls[corner as usize];
            *pull = [
                pull[0] + share * away[0],
                pull[1] + share * away[1],
                pull[2] + share * away[2],
                pull[3] + share,
            ];
        }
    }
    let mut rings = vec![0u32; reduced.positions.len()];
    for &[a, b, c] in reduced.triangles {
        for (v, next, last) in [(a, b, c), (b, c, a), (c, a, b)] {
            // Around a closed ring each neighbor is once the next and once the last one.
            rings[v as usize] = rings[v as usize].wrapping_add(next).wrapping_sub(last);
        }
    }
    let all = reduced.positions.iter().zip(&pulls).zip(fixed.iter().zip(&rings));
    all.map(|((p, pull), (&is_fixed, &ring))| {
        let is_held = is_fixed || ring != 0 || pull[3] < LEAST_PULL;
        let step = if is_held { 0.0 } else { STEP / pull[3] };
        std::array::from_fn(|i| p[i] + step * pull[i])
    })
    .collect()
}

fn shares(near: &Nearest) -> [f32; 3] {
    let [second, third] = near.shares;
    [1.0 - second - third, second, third]
}

fn place(positions: &[[f32; 3]], corners: [u32; 3], near: &Nearest) -> [f32; 3] {
    let [a, b, c] = corners.map(|v| positions[v as usize]);
    let [of_a, of_b, of_c] = shares(near);
    std::array::from_fn(|i| of_a * a[i] + of_b * b[i] + of_c * c[i])
}

/// Whether a triangle turns, or loses its area.
fn turns(before: [[f32; 3]; 3], after: [[f32; 3]; 3]) -> bool {
    let normal = |[a, b, c]: [[f32; 3]; 3]| cross(sub(b, a), sub(c, a));
    let (before, after) = (normal(before), normal(after));
    let (b, a) = (dot(before, before), dot(after, after));
    // One without area has no side: it stays as it is.
    !(b > 1e-16 && a > 1e-2 * b && dot(before, after) > LEAST_COSINE * (a * b).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flat pyramid with a point `high`, its vertices and its triangles.
    fn pyramid(high: f32) -> ([[f32; 3]; 5], [[u32; 3]; 6]) {
        let positions = [
            [0.0, 0.0, 0.0],
            [4.0, 0.0, 0.0],
            [4.0, 4.0, 0.0],
            [0.0, 4.0, 0.0],
            [2.0, 2.0, high],
        ];
        let triangles = [[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4], [0, 2, 1], [0, 3, 2]];
        (positions, triangles)
    }

    #[test]
    fn a_vertex_goes_to_where_it_is_pulled() {
        let (positions, triangles) = pyramid(0.8);
        let reduced = Shape {
            positions: &positions,
            triangles: &triangles,
        };
        // The full surface has its point at 1 mm.
        let points = [[2.0, 2.0, 1.0]; 3];
        let full = Shape {
            positions: &points,
            triangles: &[],
        };
        let at_the_point = Nearest {
            squared: 0.04,
            triangle: 0,
            shares: [0.0, 1.0],
        };
        let nearest: Vec<(u32, Nearest)> = (0..3).map(|v| (v, at_the_point)).collect();
        let go = |fixed: [bool; 5], most: f32| fit(full, reduced, &nearest, &fixed, most);
        let fitted = go([false; 5], f32::INFINITY);
        assert!((fitted.positions[4][2] - (0.8 + STEP * 0.2)).abs() < 1e-5);
        assert_eq!(fitted.positions[..4], positions[..4]);
        assert!(fitted.squared.iter().all(|&squared| squared < 0.04));
        assert_eq!(go([true; 5], f32::INFINITY).positions, positions);

        // A fourth one far below, that is too far away already, is not left behind farther.
        let points = [[2.0, 2.0, 1.0], [2.0, 2.0, 1.0], [2.0, 2.0, 1.0], [2.0, 2.0, 0.5]];
        let full = Shape {
            positions: &points,
            triangles: &[],
        };
        let nearest: Vec<(u32, Nearest)> = (0..4)
            .map(|v| {
                let squared = if v < 3 { 0.04 } else { 0.09 };
                (
                    v,
                    Nearest {
                        squared,
                        ..at_the_point
                    },
                )
            })
            .collect();
        let held = fit(full, reduced, &nearest, &[false; 5], 0.05);
        assert_eq!(held.positions, positions);
    }
}
