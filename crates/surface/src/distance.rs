//! Distances between points and triangles.

use glam::Vec4;

use crate::simplify::quadric::{dot, sub};

/// Four triangles side by side. Points are measured against all of them at once, without a branch: the nearest point is
/// on the plane where the point lies over the triangle, and on one of the edges elsewhere.
pub(crate) struct Four {
    a: Lanes,
    ab: Lanes,
    ac: Lanes,
    bc: Lanes,
    /// One over the squared lengths of `ab`, `ac` and `bc`; 0 for an edge without length.
    of_edges: [Vec4; 3],
    /// The squared lengths of `ab` and `ac`, their product, and one over the determinant of these; 0 for a triangle
    /// without area.
    inner: [Vec4; 3],
    of_area: Vec4,
}

/// Vectors side by side, `[x, y, z]`.
type Lanes = [Vec4; 3];

impl Four {
    /// The triangles `[a, b, c]`.
    #[inline]
    pub(crate) fn new(triangles: [[[f32; 3]; 3]; 4]) -> Self {
        let corner = |i: usize| -> Lanes {
            std::array::from_fn(|axis| Vec4::from_array(triangles.map(|t| t[i][axis])))
        };
        let (a, b, c) = (corner(0), corner(1), corner(2));
        let (ab, ac, bc) = (less(b, a), less(c, a), less(c, b));
        let inner = [along(ab, ab), along(ac, ac), along(ab, ac)];
        Self {
            a,
            ab,
            ac,
            bc,
            of_edges: [inner[0], inner[1], along(bc, bc)].map(inverse),
            inner,
            of_area: inverse(inner[0] * inner[1] - inner[2] * inner[2]),
        }
    }

    /// The squared distance of `p` to the nearest of the four, edges and corners included.
    #[inline]
    pub(crate) fn squared(&self, p: [f32; 3]) -> f32 {
        self.squared_lanes(p.map(Vec4::splat)).min_element()
    }

    /// The squared distances of four points, each to one of the four.
    #[inline]
    pub(crate) fn squared_each(&self, points: [[f32; 3]; 4]) -> [f32; 4] {
        let lanes = std::array::from_fn(|axis| Vec4::from_array(points.map(|p| p[axis])));
        self.squared_lanes(lanes).to_array()
    }

    #[inline(always)]
    fn squared_lanes(&self, p: Lanes) -> Vec4 {
        let ap = less(p, self.a);
        let (d1, d2) = (along(self.ab, ap), along(self.ac, ap));
        let [bb, cc, bc] = self.inner;
        let v = (cc * d1 - bc * d2) * self.of_area;
        let w = (bb * d2 - bc * d1) * self.of_area;
        let over = v.cmpge(Vec4::ZERO) & w.cmpge(Vec4::ZERO) & (v + w).cmple(Vec4::ONE);
        let plane = rest(rest_of(ap, self.ab, v), self.ac, w);
        let to_b = edge(ap, self.ab, d1 * self.of_edges[0]);
        let to_c = edge(ap, self.ac, d2 * self.of_edges[1]);
        let bp = less(ap, self.ab);
        let across = edge(bp, self.bc, along(self.bc, bp) * self.of_edges[2]);
        let inside = Vec4::select(over, plane, to_b);
        inside.min(to_b).min(to_c).min(across)
    }

    /// The nearest place to `p` on the four.
    #[inline]
    pub(crate) fn nearest(&self, p: [f32; 3]) -> Nearest {
        let ap = less(p.map(Vec4::splat), self.a);
        let (d1, d2) = (along(self.ab, ap), along(self.ac, ap));
        let [bb, cc, bc] = self.inner;
        let v = (cc * d1 - bc * d2) * self.of_area;
        let w = (bb * d2 - bc * d1) * self.of_area;
        let over = v.cmpge(Vec4::ZERO) & w.cmpge(Vec4::ZERO) & (v + w).cmple(Vec4::ONE);
        let plane = rest(rest_of(ap, self.ab, v), self.ac, w);
        let share = |share: Vec4| share.max(Vec4::ZERO).min(Vec4::ONE);
        let on_b = share(d1 * self.of_edges[0]);
        let on_c = share(d2 * self.of_edges[1]);
        let bp = less(ap, self.ab);
        let on_a = share(along(self.bc, bp) * self.of_edges[2]);
        let mut best = [Vec4::select(over, plane, Vec4::INFINITY), v, w];
        for other in [
            [rest(ap, self.ab, on_b), on_b, Vec4::ZERO],
            [rest(ap, self.ac, on_c), Vec4::ZERO, on_c],
            [rest(bp, self.bc, on_a), Vec4::ONE - on_a, on_a],
        ] {
            let is_nearer = other[0].cmplt(best[0]);
            best = [0, 1, 2].map(|i| Vec4::select(is_nearer, other[i], best[i]));
        }
        let [squared, second, third] = best.map(|lanes| lanes.to_array());
        let mut lane = 0;
        for i in 1..4 {
            lane = if squared[i] < squared[lane] { i } else { lane };
        }
        Nearest {
            squared: squared[lane],
            triangle: lane as u32,
            shares: [second[lane], third[lane]],
        }
    }
}

/// A place on one of several triangles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nearest {
    /// Its squared distance, mm^2.
    pub(crate) squared: f32,
    /// Which triangle.
    pub(crate) triangle: u32,
    /// The shares of the second and the third corner; the first has the rest.
    pub(crate) shares: [f32; 2],
}

#[inline]
fn less(a: Lanes, b: Lanes) -> Lanes {
    std::array::from_fn(|i| a[i] - b[i])
}

#[inline]
fn along(a: Lanes, b: Lanes) -> Vec4 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// What is left of `p` without `share` of `step`.
#[inline]
fn rest_of(p: Lanes, step: Lanes, share: Vec4) -> Lanes {
    std::array::from_fn(|i| p[i] - step[i] * share)
}

/// The squared length of [`rest_of`].
#[inline]
fn rest(p: Lanes, step: Lanes, share: Vec4) -> Vec4 {
    let rest = rest_of(p, step, share);
    along(rest, rest)
}

/// The squared distance of `p` to an edge from the origin, `share` of which is below `p`.
#[inline]
fn edge(p: Lanes, step: Lanes, share: Vec4) -> Vec4 {
    rest(p, step, share.max(Vec4::ZERO).min(Vec4::ONE))
}

/// One over each; 0 where there is no such number.
#[inline]
fn inverse(of: Vec4) -> Vec4 {
    Vec4::select(of.cmpgt(Vec4::splat(f32::MIN_POSITIVE)), of.recip(), Vec4::ZERO)
}

/// The squared distance of `p` to the triangle `[a, b, c]`, edges and corners included (Ericson, "Real-Time Collision
/// Detection", 2005, 5.1.5: the region of the triangle that `p` lies over is found by signs).
#[inline]
pub(crate) fn to_triangle_squared(p: [f32; 3], [a, b, c]: [[f32; 3]; 3]) -> f32 {
    let (ab, ac, ap) = (sub(b, a), sub(c, a), sub(p, a));
    let away = |u: f32, v: f32| {
        let rest: [f32; 3] = std::array::from_fn(|i| ap[i] - ab[i] * u - ac[i] * v);
        dot(rest, rest)
    };
    let (d1, d2) = (dot(ab, ap), dot(ac, ap));
    if d1 <= 0.0 && d2 <= 0.0 {
        return dot(ap, ap);
    }
    let bp = sub(p, b);
    let (d3, d4) = (dot(ab, bp), dot(ac, bp));
    if d3 >= 0.0 && d4 <= d3 {
        return dot(bp, bp);
    }
    let vc = d1 * d4 - d3 * d2;
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 {
        return away(d1 / (d1 - d3), 0.0);
    }
    let cp = sub(p, c);
    let (d5, d6) = (dot(ab, cp), dot(ac, cp));
    if d6 >= 0.0 && d5 <= d6 {
        return dot(cp, cp);
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 {
        return away(0.0, d2 / (d2 - d6));
    }
    let va = d3 * d6 - d5 * d4;
    let (from_b, from_c) = (d4 - d3, d5 - d6);
    if va <= 0.0 && from_b >= 0.0 && from_c >= 0.0 {
        let share = from_b / (from_b + from_c);
        return away(1.0 - share, share);
    }
    let scale = 1.0 / (va + vb + vc);
    away(vb * scale, vc * scale)
}

#[cfg(test)]
mod tests {
    use super::{Four, Nearest, dot, to_triangle_squared};

    #[test]
    fn the_nearest_point_may_be_inside_on_an_edge_or_a_corner() {
        let triangle = [[0.0, 0.0, 1.0], [4.0, 0.0, 1.0], [0.0, 3.0, 1.0]];
        for (p, expected) in [
            ([1.0, 1.0, 3.0], 4.0),
            ([2.0, -2.0, 1.0], 4.0),
            ([-2.0, 1.0, 2.0], 5.0),
            ([-3.0, -4.0, 1.0], 25.0),
            ([4.0, 3.0, 1.0], 5.76),
            ([9.0, -1.0, 1.0], 26.0),
            ([0.0, 5.0, 1.0], 4.0),
            ([0.0, 0.0, 1.0], 0.0),
        ] {
            assert!(
                (to_triangle_squared(p, triangle) - expected).abs() < 1e-5,
                "{p:?}"
            );
        }
        let point = [[1.0, 2.0, 3.0]; 3];
        assert_eq!(to_triangle_squared([1.0, 2.0, 5.0], point), 4.0);
    }
    #[test]
    fn four_at_once_are_measured_as_one_by_one() {
        // Points all around, triangles of every shape: blunt, needle, without area, a point.
        let triangles = [
            [[0.0, 0.0, 1.0], [4.0, 0.0, 1.0], [0.0, 3.0, 1.0]],
            [[1.0, -2.0, 0.5], [1.5, 2.0, 0.25], [1.25, 0.0, 3.0]],
            [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]],
            [[-1.0, -1.0, 2.0]; 3],
        ];
        for one in triangles {
            let four = Four::new([one; 4]);
            for i in 0..1000 {
                let p = [7, 11, 13].map(|step| f32::from((i * step % 97) as i16) * 0.1 - 4.0);
                let (expected, squared) = (to_triangle_squared(p, one), four.squared(p));
                assert!(
                    (squared - expected).abs() < 1e-4 * (1.0 + expected),
                    "{p:?} {one:?}"
                );
            }
        }
        let all = Four::new(triangles);
        for p in [[9.0, 9.0, 9.0], [-1.0, -1.0, 2.5], [0.5, 0.5, 1.0]] {
            let nearest = triangles.map(|t| to_triangle_squared(p, t));
            let nearest = nearest.into_iter().fold(f32::INFINITY, f32::min);
            assert!((all.squared(p) - nearest).abs() < 1e-4 * (1.0 + nearest), "{p:?}");
        }
    }

    #[test]
    fn the_nearest_place_is_as_far_as_it_says() {
        let triangles = [
            [[0.0, 0.0, 1.0], [4.0, 0.0, 1.0], [0.0, 3.0, 1.0]],
            [[1.0, -2.0, 0.5], [1.5, 2.0, 0.25], [1.25, 0.0, 3.0]],
            [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]],
            [[-1.0, -1.0, 2.0]; 3],
        ];
        let all = Four::new(triangles);
        for i in 0..1000 {
            let p: [f32; 3] = [7, 11, 13].map(|step| f32::from((i * step % 97) as i16) * 0.1 - 4.0);
            let Nearest {
                squared,
                triangle,
                shares,
            } = all.nearest(p);
            assert!((squared - all.squared(p)).abs() < 1e-4 * (1.0 + squared), "{p:?}");
            let [a, b, c] = triangles[triangle as usize];
            let [second, third] = shares;
            assert!(
                second >= 0.0 && third >= 0.0 && second + third <= 1.0 + 1e-5,
                "{p:?}"
            );
            let away: [f32; 3] =
                std::array::from_fn(|i| p[i] - a[i] * (1.0 - second - third) - b[i] * second - c[i] * third);
            assert!(
                (dot(away, away) - squared).abs() < 1e-3 * (1.0 + squared),
                "{p:?}"
            );
        }
    }
}
