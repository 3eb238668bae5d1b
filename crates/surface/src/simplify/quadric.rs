//! Quadric error: the area-weighted sum of squared distances to planes (Garland and Heckbert, "Surface simplification
//! using quadric error metrics", SIGGRAPH 1997), kept about the vertex itself so that `f32` is exact enough.

use std::ops::{Add, Div, Mul, Sub};

use glam::{Mat4, Vec4};

/// What the formulas below are written for: one number, or four side by side.
pub(crate) trait Number:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    fn of(value: f32) -> Self;
    fn root(self) -> Self;
    /// The smaller one; `other` when one is NaN.
    fn least(self, other: Self) -> Self;
    /// The larger one; `other` when one is NaN.
    fn most(self, other: Self) -> Self;
    /// `yes` where this is below `limit`, else (or for NaN) `no`.
    fn below(self, limit: Self, yes: Self, no: Self) -> Self;
}

impl Number for f32 {
    #[inline(always)]
    fn of(value: f32) -> Self {
        value
    }
    #[inline(always)]
    fn root(self) -> Self {
        self.sqrt()
    }
    #[inline(always)]
    fn least(self, other: Self) -> Self {
        if self < other { self } else { other }
    }
    #[inline(always)]
    fn most(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
    #[inline(always)]
    fn below(self, limit: Self, yes: Self, no: Self) -> Self {
        if self < limit { yes } else { no }
    }
}

impl Number for Vec4 {
    #[inline(always)]
    fn of(value: f32) -> Self {
        Self::splat(value)
    }
    #[inline(always)]
    fn root(self) -> Self {
        self.sqrt()
    }
    #[inline(always)]
    fn least(self, other: Self) -> Self {
        Self::select(self.cmplt(other), self, other)
    }
    #[inline(always)]
    fn most(self, other: Self) -> Self {
        Self::select(self.cmpgt(other), self, other)
    }
    #[inline(always)]
    fn below(self, limit: Self, yes: Self, no: Self) -> Self {
        Self::select(self.cmplt(limit), yes, no)
    }
}

/// `x^T A x + 2 b x + c` for `x` relative to a point: squared distances, mm^2, times the weight of their planes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub(crate) struct Quadric<N = f32> {
    /// xx, xy, xz, yy, yz, zz.
    a: [N; 6],
    b: [N; 3],
    c: N,
    weight: N,
}

/// What it costs to put one vertex in the place of two.
#[derive(Clone, Copy)]
pub(crate) struct Merge<N = f32> {
    /// Squared distances times weight.
    pub(crate) cost: N,
    /// Mean squared distance, mm^2.
    pub(crate) mean_square: N,
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
    /// The weight is the area to three quarters. By area, the small triangles that marching cubes cuts off count for too
    /// little: measured, the largest distance is twice as large. By its root they count for too much, and mean distances
    /// are two percent larger.
    pub(crate) fn plane(normal: [f32; 3], length: f32) -> Self {
        let [x, y, z] = normal;
        let root = length.sqrt();
        let weight = root * root.sqrt();
        let scale = weight / (length * length);
        Self {
            a: [x * x, x * y, x * z, y * y, y * z, z * z].map(|v| v * scale),
            b: [0.0; 3],
            c: 0.0,
            weight,
        }
    }

    /// How much the planes weigh together.
    pub(crate) fn weight(&self) -> f32 {
        self.weight
    }

    /// The place of least error within a reach of `middle`, or the best of `ends` where that is nearly as good, and the
    /// error there.
    #[inline]
    pub(crate) fn lowest_of(
        &self,
        middle: [f32; 3],
        reach_squared: f32,
        ends: impl Iterator<Item = [f32; 3]>,
    ) -> ([f32; 3], f32) {
        let (best, lowest) = self.lowest_within(middle, reach_squared);
        let ends = ends.map(|end| (end, self.value(end)));
        let limit = END_TOLERANCE * lowest.max(0.0);
        match ends.min_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((end, value)) if value <= limit || value <= lowest => (end, value.max(0.0)),
            _ => (best, lowest.max(0.0)),
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

    /// The costs of merging a vertex with this quadric with four others, each a step further.
    pub(crate) fn merge_four(
        &self,
        others: [&Self; 4],
        steps: [[f32; 3]; 4],
        placings: [Placing; 4],
    ) -> Merge<[f32; 4]> {
        let rows = others.map(|q| {
            let ([xx, xy, xz, yy, yz, zz], [bx, by, bz]) = (q.a, q.b);
            [
                Vec4::new(xx, xy, xz, yy),
                Vec4::new(yz, zz, bx, by),
                Vec4::new(bz, q.c, q.weight, 0.0),
            ]
        });
        let turned = |i: usize| {
            Mat4::from_cols(rows[0][i], rows[1][i], rows[2][i], rows[3][i])
                .transpose()
                .to_cols_array_2d()
                .map(Vec4::from_array)
        };
        let [first, second, third] = [0, 1, 2].map(turned);
        let others = Quadric {
            a: [first[0], first[1], first[2], first[3], second[0], second[1]],
            b: [second[2], second[3], third[0]],
            c: third[1],
            weight: third[2],
        };
        let own = Quadric {
            a: self.a.map(Vec4::splat),
            b: self.b.map(Vec4::splat),
            c: Vec4::splat(self.c),
            weight: Vec4::splat(self.weight),
        };
        let step = std::array::from_fn(|i| Vec4::from_array(steps.map(|step| step[i])));
        let is_free =
            Vec4::from_array(placings.map(|placing| if placing == Placing::Best { 1.0 } else { 0.0 }));
        let merge = own.merge(&others, step, is_free);
        Merge {
            cost: merge.cost.to_array(),
            mean_square: merge.mean_square.to_array(),
        }
    }

    /// Where a vertex with this quadric and one `step` further go, relative to the second one.
    pub(crate) fn place(&self, second: &Self, step: [f32; 3], placing: Placing) -> [f32; 3] {
        match placing {
            Placing::Best => self.joined(second, step).chosen(step).0,
            Placing::Second => [0.0; 3],
        }
    }
}

impl<N: Number> Quadric<N> {
    /// Adds another quadric about the same point.
    #[inline(always)]
    pub(crate) fn add(&mut self, other: &Self) {
        for i in 0..6 {
            self.a[i] = self.a[i] + other.a[i];
        }
        for i in 0..3 {
            self.b[i] = self.b[i] + other.b[i];
        }
        self.c = self.c + other.c;
        self.weight = self.weight + other.weight;
    }

    /// The same quadric about the point at `offset`.
    #[inline(always)]
    pub(crate) fn moved(&self, offset: [N; 3]) -> Self {
        let turned = self.turned(offset);
        let b: [N; 3] = std::array::from_fn(|i| self.b[i] + turned[i]);
        let c = self.c + dot(offset, self.b) + dot(offset, b);
        Self { b, c, ..*self }
    }

    #[inline(always)]
    fn turned(&self, v: [N; 3]) -> [N; 3] {
        let [xx, xy, xz, yy, yz, zz] = self.a;
        [
            xx * v[0] + xy * v[1] + xz * v[2],
            xy * v[0] + yy * v[1] + yz * v[2],
            xz * v[0] + yz * v[1] + zz * v[2],
        ]
    }

    #[inline(always)]
    fn value(&self, v: [N; 3]) -> N {
        let turned = self.turned(v);
        dot(v, std::array::from_fn(|i| turned[i] + self.b[i] + self.b[i])) + self.c
    }

    /// The cost of merging a vertex with this quadric, and a second one `step` further with `second`; it may go
    /// anywhere where `is_free` is 1, and to the second one where it is 0.
    #[inline(always)]
    fn merge(&self, second: &Self, step: [N; 3], is_free: N) -> Merge<N> {
        let sum = self.joined(second, step);
        let error = is_free
            .below(N::of(0.5), sum.c, sum.chosen(step).1)
            .most(N::of(0.0));
        Merge {
            cost: error + N::of(LENGTH_SHARE) * sum.weight * dot(step, step),
            mean_square: error / sum.weight.most(N::of(f32::MIN_POSITIVE)),
        }
    }

    /// The place for the vertex of an edge, relative to its second end, and the value there.
    #[inline(always)]
    fn chosen(&self, step: [N; 3]) -> ([N; 3], N) {
        let zero = N::of(0.0);
        let first = step.map(|v| zero - v);
        let (best, lowest) = self.lowest_near(step.map(|v| v * N::of(-0.5)));
        let at_first = self.value(first);
        let limit = at_first.least(self.c);
        let least = N::of(END_TOLERANCE) * lowest.most(zero);
        let place = std::array::from_fn(|i| {
            let end = at_first.below(self.c, first[i], zero);
            least.below(limit, best[i], end)
        });
        (place, least.below(limit, lowest, limit))
    }

    #[inline(always)]
    fn joined(&self, second: &Self, step: [N; 3]) -> Self {
        let mut sum = self.moved(step);
        sum.add(second);
        sum
    }

    /// Where the quadric, with a pull to `middle`, is lowest, and its value there; solved by an LDL decomposition.
    #[inline(always)]
    fn lowest_near(&self, middle: [N; 3]) -> ([N; 3], N) {
        self.lowest_within(middle, N::of(REACH_SQUARED) * dot(middle, middle))
    }

    /// As [`Self::lowest_near`], not farther than a reach from `middle`.
    #[inline(always)]
    fn lowest_within(&self, middle: [N; 3], reach_squared: N) -> ([N; 3], N) {
        let one = N::of(1.0);
        let [xx, xy, xz, yy, yz, zz] = self.a;
        let pull = N::of(MIDDLE_SHARE) * (xx + yy + zz) + N::of(f32::MIN_POSITIVE);
        let right: [N; 3] = std::array::from_fn(|i| pull * middle[i] - self.b[i]);
        let r0 = one / (xx + pull);
        let (l1, l2) = (xy * r0, xz * r0);
        let r1 = one / (yy + pull - l1 * xy);
        let below = yz - l2 * xy;
        let l3 = below * r1;
        let r2 = one / (zz + pull - l2 * xz - l3 * below);
        let y1 = right[1] - l1 * right[0];
        let y2 = right[2] - l2 * right[0] - l3 * y1;
        let z = y2 * r2;
        let y = y1 * r1 - l3 * z;
        let x = right[0] * r0 - l1 * y - l2 * z;
        let away = [x - middle[0], y - middle[1], z - middle[2]];
        let scale = (reach_squared / dot(away, away)).root().least(one);
        let lowest = std::array::from_fn(|i| middle[i] + away[i] * scale);
        (lowest, self.value(lowest))
    }
}

#[inline(always)]
pub(crate) fn dot<N: Number>(a: [N; 3], b: [N; 3]) -> N {
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
        assert!(a.merge(&b, step, 1.0).mean_square < 1e-4);
    }

    #[test]
    fn four_merges_at_once_are_four_merges() {
        let mut q = Quadric::plane([0.3, 3.0, 4.0], 5.0);
        q.add(&Quadric::plane([1.0, 2.0, -2.0], 3.0).moved([0.2, -0.1, 0.3]));
        let zero = Quadric::default();
        let others = [
            q.moved([0.1, 0.2, -0.1]),
            q,
            Quadric::plane([0.0, 0.0, 1.0], 1.0),
            zero,
        ];
        let steps = [[0.5, 0.1, -0.2], [0.0; 3], [0.3, 0.3, 0.4], [1.0, -1.0, 0.0]];
        let placings = [Placing::Best, Placing::Best, Placing::Second, Placing::Best];
        let four = q.merge_four([0, 1, 2, 3].map(|i| &others[i]), steps, placings);
        for i in 0..4 {
            let is_free = if placings[i] == Placing::Best { 1.0 } else { 0.0 };
            let one = q.merge(&others[i], steps[i], is_free);
            assert!((four.cost[i] - one.cost).abs() <= 1e-5 * one.cost, "{i}");
            assert!(
                (four.mean_square[i] - one.mean_square).abs() <= 1e-5 * one.mean_square,
                "{i}"
            );
        }
    }

    #[test]
    fn on_a_plane_an_end_is_as_good_as_any_place() {
        let plane = Quadric::plane([0.0, 0.0, 2.0], 2.0);
        let step = [4.0, 2.0, 0.0];
        assert_eq!(plane.place(&plane, step, Placing::Best), [0.0; 3]);
        assert_eq!(plane.merge(&plane, step, 1.0).mean_square, 0.0);
        assert!((plane.lowest_near([2.0, 1.0, 0.0]).0[0] - 2.0).abs() < 1e-5);
    }
}
