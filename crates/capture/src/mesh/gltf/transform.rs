//! Where a node is: glTF 2.0 section 3.5.3.

use super::json::Node;

/// `[row][column]` of the upper three rows of an affine map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine(pub(super) [[f64; 4]; 3]);

impl Affine {
    pub(super) const IDENTITY: Self =
        Self([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);

    /// `parent_from_node`.
    pub(super) fn of(node: &Node) -> Self {
        if let Some([a, b, c, _, d, e, f, _, g, h, i, _, x, y, z, _]) = node.matrix {
            return Self([[a, d, g, x], [b, e, h, y], [c, f, i, z]]);
        }
        let [tx, ty, tz] = node.translation.unwrap_or_default();
        let [x, y, z, w] = node.rotation.unwrap_or([0.0, 0.0, 0.0, 1.0]);
        let [sx, sy, sz] = node.scale.unwrap_or([1.0; 3]);
        Self([
            [
                (1.0 - 2.0 * (y * y + z * z)) * sx,
                2.0 * (x * y - z * w) * sy,
                2.0 * (x * z + y * w) * sz,
                tx,
            ],
            [
                2.0 * (x * y + z * w) * sx,
                (1.0 - 2.0 * (x * x + z * z)) * sy,
                2.0 * (y * z - x * w) * sz,
                ty,
            ],
            [
                2.0 * (x * z - y * w) * sx,
                2.0 * (y * z + x * w) * sy,
                (1.0 - 2.0 * (x * x + y * y)) * sz,
                tz,
            ],
        ])
    }

    /// `self` after `inner`.
    pub(super) fn after(&self, inner: &Self) -> Self {
        let [b0, b1, b2] = inner.0;
        Self(self.0.map(|[x, y, z, t]| {
            let column = |(p, q, r): (f64, f64, f64)| x * p + y * q + z * r;
            let ([p0, p1, p2, p3], [q0, q1, q2, q3], [r0, r1, r2, r3]) = (b0, b1, b2);
            [
                column((p0, q0, r0)),
                column((p1, q1, r1)),
                column((p2, q2, r2)),
                column((p3, q3, r3)) + t,
            ]
        }))
    }

    pub(super) fn apply(&self, [x, y, z]: [f32; 3]) -> [f64; 3] {
        let [x, y, z] = [x, y, z].map(f64::from);
        self.0.map(|[a, b, c, t]| a * x + b * y + c * z + t)
    }

    /// Whether it turns left hands into right ones.
    pub(super) fn is_mirror(&self) -> bool {
        let [[a, b, c, _], [d, e, f, _], [g, h, i, _]] = self.0;
        a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) < 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(json: &str) -> Affine {
        Affine::of(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn parts_are_applied_scale_first() {
        // A quarter turn around z.
        let half = std::f64::consts::FRAC_1_SQRT_2;
        let map = node(&format!(
            r#"{{"translation":[1,2,3],"rotation":[0,0,{half},{half}],"scale":[2,3,5]}}"#
        ));
        let [x, y, z] = map.apply([1.0, 1.0, 1.0]);
        assert!((x + 2.0).abs() < 1e-12 && (y - 4.0).abs() < 1e-12 && (z - 8.0).abs() < 1e-12);
        assert!(!map.is_mirror());
        assert!(node(r#"{"scale":[1,-1,1]}"#).is_mirror());
    }

    #[test]
    fn matrices_are_columns_and_nest() {
        let parent = node(r#"{"matrix":[0,1,0,0, -1,0,0,0, 0,0,1,0, 10,20,30,1]}"#);
        assert_eq!(parent.apply([1.0, 2.0, 3.0]), [8.0, 21.0, 33.0]);
        let child = node(r#"{"translation":[1,0,0]}"#);
        assert_eq!(parent.after(&child).apply([0.0; 3]), [10.0, 21.0, 30.0]);
        assert_eq!(Affine::IDENTITY.after(&parent), parent);
    }
}
