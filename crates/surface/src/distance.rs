//! Distances between points and triangles.

use crate::simplify::quadric::{dot, sub};

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
    use super::to_triangle_squared;

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
}
