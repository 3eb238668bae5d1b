//! How samples of each type are blended.
//!
//! Values are blended at four places at once, from pairs along x; gradients at one place, from rows of four along x.
//! Integers of up to 16 bits stay integers until two rows are blended (one multiply-add for four results), with
//! weights in 2^14ths; wider types are blended as floats. Either way nothing is converted or copied beforehand.

use super::lanes::{F32x4, I16x8};

/// A sample type that the caster blends.
pub(super) trait Voxel: Copy + Send + Sync + 'static {
    /// Weights between the two of each of four pairs.
    type Pairs: Copy;
    /// Four samples along a row.
    type Quad: Copy;
    /// Weights between two rows.
    type Rows: Copy;
    /// What blending multiplies values by.
    const UNIT: f32;
    /// What is taken from stored values before they are blended.
    const OFFSET: f32;

    /// Weights for places `fraction` (0 to 1) of the way between two samples.
    fn pairs(fraction: F32x4) -> Self::Pairs;

    /// The values between the two of each pair, times [`Self::UNIT`], less [`Self::OFFSET`].
    fn within(pairs: [[Self; 2]; 4], weights: Self::Pairs) -> F32x4;

    fn quad(samples: [Self; 4]) -> Self::Quad;

    /// Weights for a place `fraction` (0 to 1) of the way between two rows.
    fn rows(fraction: f32) -> Self::Rows;

    /// The values between `near` and `far`, times [`Self::UNIT`].
    fn between(near: Self::Quad, far: Self::Quad, rows: Self::Rows) -> F32x4;

    /// The central difference between four successive rows at a place between the middle two, times
    /// [`Self::UNIT`].
    fn slope(rows: [Self::Quad; 4], weights: Self::Rows) -> F32x4;
}

/// What a whole is as a weight: two such products of 16 bits add up within 31.
const WHOLE: i16 = 1 << 14;

/// Weights between two rows of integers.
#[derive(Clone, Copy)]
pub(super) struct IntegerRows {
    between: I16x8,
    inner: I16x8,
    outer: I16x8,
}

impl IntegerRows {
    #[inline(always)]
    fn new(fraction: f32) -> Self {
        let far = F32x4::splat(fraction * f32::from(WHOLE) + 0.5).truncated().0[0] as i16;
        let near = WHOLE.wrapping_sub(far);
        Self {
            between: I16x8::pairs(near, far),
            inner: I16x8::pairs(far.wrapping_neg(), near),
            outer: I16x8::pairs(near.wrapping_neg(), far),
        }
    }

    #[inline(always)]
    fn between(self, near: I16x8, far: I16x8) -> F32x4 {
        near.woven(far).dot(self.between)
    }

    #[inline(always)]
    fn slope(self, [before, near, far, after]: [I16x8; 4]) -> F32x4 {
        near.woven(far).dot(self.inner) + before.woven(after).dot(self.outer)
    }
}

macro_rules! integer_voxel {
    ($type:ty, $offset:expr, $widen:expr) => {
        impl Voxel for $type {
            type Pairs = I16x8;
            type Quad = I16x8;
            type Rows = IntegerRows;
            const UNIT: f32 = WHOLE as f32;
            const OFFSET: f32 = $offset;

            #[inline(always)]
            fn pairs(fraction: F32x4) -> I16x8 {
                I16x8::shares(
                    WHOLE,
                    fraction * F32x4::splat(WHOLE.into()) + F32x4::splat(0.5),
                )
            }
            #[inline(always)]
            fn within(pairs: [[Self; 2]; 4], weights: I16x8) -> F32x4 {
                let widen: fn(Self) -> i16 = $widen;
                let [[a, b], [c, d], [e, f], [g, h]] = pairs;
                let pairs = [
                    [widen(a), widen(b)],
                    [widen(c), widen(d)],
                    [widen(e), widen(f)],
                    [widen(g), widen(h)],
                ];
                I16x8::four_pairs(pairs).dot(weights)
            }
            #[inline(always)]
            fn quad([a, b, c, d]: [Self; 4]) -> I16x8 {
                let widen: fn(Self) -> i16 = $widen;
                I16x8::four([widen(a), widen(b), widen(c), widen(d)])
            }
            #[inline(always)]
            fn rows(fraction: f32) -> IntegerRows {
                IntegerRows::new(fraction)
            }
            #[inline(always)]
            fn between(near: I16x8, far: I16x8, rows: IntegerRows) -> F32x4 {
                rows.between(near, far)
            }
            #[inline(always)]
            fn slope(rows: [I16x8; 4], weights: IntegerRows) -> F32x4 {
                weights.slope(rows)
            }
        }
    };
}

integer_voxel!(i16, 0.0, |s| s);
integer_voxel!(u8, 0.0, i16::from);
// Halfway down, so that all of it fits signed arithmetic.
integer_voxel!(u16, 32_768.0, |s| (s ^ 0x8000) as i16);

macro_rules! float_voxel {
    ($type:ty) => {
        impl Voxel for $type {
            type Pairs = F32x4;
            type Quad = F32x4;
            type Rows = (F32x4, F32x4);
            const UNIT: f32 = 1.0;
            const OFFSET: f32 = 0.0;

            #[inline(always)]
            fn pairs(fraction: F32x4) -> F32x4 {
                fraction
            }
            #[inline(always)]
            fn within(pairs: [[Self; 2]; 4], fraction: F32x4) -> F32x4 {
                let [[a, b], [c, d], [e, f], [g, h]] = pairs;
                let near = F32x4::new([a as f32, c as f32, e as f32, g as f32]);
                let far = F32x4::new([b as f32, d as f32, f as f32, h as f32]);
                near * (F32x4::splat(1.0) - fraction) + far * fraction
            }
            #[inline(always)]
            fn quad([a, b, c, d]: [Self; 4]) -> F32x4 {
                F32x4::new([a as f32, b as f32, c as f32, d as f32])
            }
            #[inline(always)]
            fn rows(fraction: f32) -> (F32x4, F32x4) {
                (F32x4::splat(1.0 - fraction), F32x4::splat(fraction))
            }
            #[inline(always)]
            fn between(near: F32x4, far: F32x4, (w_near, w_far): (F32x4, F32x4)) -> F32x4 {
                near * w_near + far * w_far
            }
            #[inline(always)]
            fn slope([before, near, far, after]: [F32x4; 4], (w_near, w_far): (F32x4, F32x4)) -> F32x4 {
                (far - before) * w_near + (after - near) * w_far
            }
        }
    };
}

float_voxel!(i32);
float_voxel!(u32);
float_voxel!(f32);
