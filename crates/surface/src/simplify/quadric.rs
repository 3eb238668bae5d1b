//! Quadric error: the area-weighted sum of squared distances to planes (Garland and Heckbert, "Surface simplification
//! using quadric error metrics", SIGGRAPH 1997), kept about the vertex itself so that `f32` is exact enough.

/// `x^T A x + 2 b x + c` for `x` relative to a point, mm^4, and the area that it stands for, mm^2.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Quadric {
    /// xx, xy, xz, yy, yz, zz.
    a: [f32; 6],
    b: [f32; 3],
    c: f32,
    weight: f32,
}

/// What it costs to put one vertex in the place of two.
pub(crate) struct Merge {
    /// Squared distances times weight.
    pub(crate) cost: f32,
    /// Mean squared distance, mm^2.
    pub(crate) mean_square: f32,
}

/// Where the vertex of a merge may lie.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Placing {
    /// Where the error is smallest.
    Best,
    /// On the second vertex.
    Second,
}

/// How much of the squared length of an edge counts as error, so that flat parts are thinned evenly.
const LENGTH_SHARE: f32 = 1e-5;
/// How strongly, as a share of the quadric, a vertex is drawn to the middle of its edge; decides on flat parts only.
const MIDDLE_SHARE: f32 = 1e-4;
/// A vertex goes at most so far from the middle of its edge, as a share of half the squared edge: beyond, planes
/// meet where no surface is.
const REACH_SQUARED: f32 = 0.6;
/// An end of the edge is taken instead of the best place if it costs at most so much more. Ends lie on the surface,
/// best places beside it.
const END_TOLERANCE: f32 = 1.4;

impl Quadric {
    /// The plane of a triangle through the point: `normal` is as long as twice its area, which is `length`.
    ///
    /// The weight is the root of the area. By area, the many small triangles that marching cubes cuts off count for
    /// too little against the others: measured, distances to the full surface are a few percent larger.
    pub(crate) fn plane(normal: [f32; 3], length: f32) -> Self {
        let [x, y, z] = normal;
        let weight = length.sqrt();
        let scale = weight / (length * length);
        Self {
            a: [x * x, x * y, x * z, y * y, y * z, z * z].map(|v| v * scale),
            b: [0.0; 3],
            c: 0.0,
            weight,
        }
    }

    /// The plane through a border edge, across its triangle, as heavy as a triangle whose `normal` is so long. It
    /// holds the border in place but stands for no area.
    pub(crate) fn border(normal: [f32; 3], length: f32) -> Self {
        Self {
            weight: 0.0,
            ..Self::plane(normal, length)
        }
    }

    /// Adds another quadric about the same point.
    #[inline]
    pub(crate) fn add(&mut self, other: &Self) {
        for i in 0..6 {
            self.a[i] += other.a[i];
        }
        for i in 0..3 {
            self.b[i] += other.b[i];
        }
        self.c += other.c;
        self.weight += other.weight;
    }

    /// The same quadric about the point at `offset`.
    #[inline]
    pub(crate) fn moved(&self, offset: [f32; 3]) -> Self {
        let turned = self.turned(offset);
        let b: [f32; 3] = std::array::from_fn(|i| self.b[i] + turned[i]);
        let c = self.c + dot(offset, self.b) + dot(offset, b);
        Self { b, c, ..*self }
    }

    #[inline]
    fn turned(&self, v: [f32; 3]) -> [f32; 3] {
        let [xx, xy, xz, yy, yz, zz] = self.a;
        [
            xx * v[0] + xy * v[1] + xz * v[2],
            xy * v[0] + yy * v[1] + yz * v[2],
            xz * v[0] + yz * v[1] + zz * v[2],
        ]
    }

    #[inline]
    fn value(&self, v: [f32; 3]) -> f32 {
        let turned = self.turned(v);
        dot(v, turned) + 2.0 * dot(v, self.b) + self.c
    }

    /// The cost of merging a vertex with this quadric, and a second one `step` further with `second`.
    #[inline]
    pub(crate) fn merge(&self, second: &Self, step: [f32; 3], placing: Placing) -> Merge {
        let sum = self.joined(second, step);
        let error = match placing {
            Placing::Best => sum.chosen(step).1.max(0.0),
            Placing::Second => sum.c.max(0.0),
        };
        Merge {
            cost: error + LENGTH_SHARE * sum.weight * dot(step, step),
            mean_square: error / sum.weight.max(f32::MIN_POSITIVE),
        }
    }

    /// Where the merged vertex goes, relative to the second one.
    pub(crate) fn place(&self, second: &Self, step: [f32; 3], placing: Placing) -> [f32; 3] {
        match placing {
            Placing::Best => self.joined(second, step).chosen(step).0,
            Placing::Second => [0.0; 3],
        }
    }

    /// The place for the vertex of an edge, relative to its second end, and the value there.
    #[inline]
    fn chosen(&self, step: [f32; 3]) -> ([f32; 3], f32) {
        let first = step.map(|v| -v);
        let best = self.lowest_near(step.map(|v| v * -0.5));
        let at_first = self.value(first);
        if at_first.min(self.c) > END_TOLERANCE * best.1.max(0.0) {
            best
        } else if at_first < self.c {
            (first, at_first)
        } else {
            ([0.0; 3], self.c)
        }
    }

    #[inline]
    fn joined(&self, second: &Self, step: [f32; 3]) -> Self {
        let mut sum = self.moved(step);
        sum.add(second);
        sum
    }

    /// Where the quadric, with a pull to `middle`, is lowest, and its value there; solved by an LDL decomposition.
    #[inline]
    fn lowest_near(&self, middle: [f32; 3]) -> ([f32; 3], f32) {
        let [xx, xy, xz, yy, yz, zz] = self.a;
        let pull = MIDDLE_SHARE * (xx + yy + zz) + f32::MIN_POSITIVE;
        let right: [f32; 3] = std::array::from_fn(|i| pull * middle[i] - self.b[i]);
        let r0 = 1.0 / (xx + pull);
        let (l1, l2) = (xy * r0, xz * r0);
        let r1 = 1.0 / (yy + pull - l1 * xy);
        let below = yz - l2 * xy;
        let l3 = below * r1;
        let r2 = 1.0 / (zz + pull - l2 * xz - l3 * below);
        let y1 = right[1] - l1 * right[0];
        let y2 = right[2] - l2 * right[0] - l3 * y1;
        let z = y2 * r2;
        let y = y1 * r1 - l3 * z;
        let x = right[0] * r0 - l1 * y - l2 * z;
        let away: [f32; 3] = [x - middle[0], y - middle[1], z - middle[2]];
        let (reach, far) = (REACH_SQUARED * dot(middle, middle), dot(away, away));
        if far <= reach {
            // There, `A x + b = pull * (middle - x)`.
            let lowest = [x, y, z];
            return (lowest, self.c + dot(lowest, self.b) - pull * dot(lowest, away));
        }
        let scale = (reach / far).sqrt();
        let lowest = if scale > 0.0 {
            std::array::from_fn(|i| middle[i] + away[i] * scale)
        } else {
            middle
        };
        (lowest, self.value(lowest))
    }
}

#[inline]
pub(crate) fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[inline]
pub(crate) fn sub(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

#[inline]
pub(crate) fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_quadric_does_not_change_its_values() {
        let mut q = Quadric::plane([0.0, 3.0, 4.0], 5.0);
        q.add(&Quadric::plane([1.0, 2.0, -2.0], 3.0).moved([0.5, -1.0, 2.0]));
        let moved = q.moved([1.0, -2.0, 3.0]);
        for x in [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [-4.0, 0.5, 2.5]] {
            let expected = q.value([x[0] + 1.0, x[1] - 2.0, x[2] + 3.0]);
            assert!((moved.value(x) - expected).abs() < 1e-4 * expected.max(1.0));
        }
    }

    #[test]
    fn three_planes_meet_where_the_merge_is_put() {
        let corner = [1.0, 2.0, 3.0];
        let (first, second) = ([1.3, 2.2, 2.7], [0.8, 1.9, 3.2]);
        let mut a = Quadric::plane([20.0, 0.0, 0.0], 20.0);
        a.add(&Quadric::plane([0.0, 20.0, 0.0], 20.0));
        let (a, b) = (
            a.moved(sub(first, corner)),
            Quadric::plane([0.0, 0.0, 20.0], 20.0).moved(sub(second, corner)),
        );
        let step = sub(second, first);
        let offset = a.place(&b, step, Placing::Best);
        for axis in 0..3 {
            assert!((second[axis] + offset[axis] - corner[axis]).abs() < 0.001);
        }
        assert!(a.merge(&b, step, Placing::Best).mean_square < 1e-4);
    }

    #[test]
    fn the_lowest_value_is_the_value_at_the_lowest_place() {
        let mut q = Quadric::plane([0.3, 3.0, 4.0], 5.0);
        q.add(&Quadric::plane([1.0, 2.0, -2.0], 3.0).moved([0.2, -0.1, 0.3]));
        q.add(&Quadric::plane([-1.0, 1.0, 0.5], 1.5).moved([0.1, 0.2, -0.1]));
        for reach in [0.05, 0.5, 5.0] {
            let (lowest, value) = q.lowest_near([reach, -reach, 0.5 * reach]);
            assert!((q.value(lowest) - value).abs() < 1e-3, "{reach}");
        }
    }

    #[test]
    fn on_a_plane_an_end_is_as_good_as_any_place() {
        let plane = Quadric::plane([0.0, 0.0, 2.0], 2.0);
        let step = [4.0, 2.0, 0.0];
        assert_eq!(plane.place(&plane, step, Placing::Best), [0.0; 3]);
        assert_eq!(plane.merge(&plane, step, Placing::Best).mean_square, 0.0);
        assert!((plane.lowest_near([2.0, 1.0, 0.0]).0[0] - 2.0).abs() < 1e-5);
    }
}
