//! How samples of each type are blended: the two of a pair, at four places at once.
//!
//! Integers of up to 16 bits stay integers until then (one multiply-add for four pairs), with weights in 2^14ths; wider
//! types are blended as floats. Either way nothing is converted or copied beforehand.

use volume::Sample;

use super::lanes::{F32x4, I16x8};

/// A sample type that the caster blends.
pub(super) trait Voxel: Sample {
    /// Weights between the two of each of four pairs.
    type Weights: Copy;
    /// What blending multiplies values by.
    const UNIT: f32;
    /// What is taken from stored values before they are blended.
    const OFFSET: f32;

    /// Weights for places `fraction` (0 to 1) of the way between two samples.
    fn weights(fraction: F32x4) -> Self::Weights;

    /// The values between the two of each pair, less [`Self::OFFSET`], times [`Self::UNIT`].
    fn blend(pairs: [[Self; 2]; 4], weights: Self::Weights) -> F32x4;
}

/// What a whole is as a weight: two such products of 16 bits add up within 31.
const WHOLE: i16 = 1 << 14;

macro_rules! integer_voxel {
    ($type:ty, $offset:expr, $widen:expr) => {
        impl Voxel for $type {
            type Weights = I16x8;
            const UNIT: f32 = WHOLE as f32;
            const OFFSET: f32 = $offset;

            #[inline(always)]
            fn weights(fraction: F32x4) -> I16x8 {
                I16x8::shares(
                    WHOLE,
                    fraction * F32x4::splat(WHOLE.into()) + F32x4::splat(0.5),
                )
            }
            #[inline(always)]
            fn blend(pairs: [[Self; 2]; 4], weights: I16x8) -> F32x4 {
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
            type Weights = F32x4;
            const UNIT: f32 = 1.0;
            const OFFSET: f32 = 0.0;

            #[inline(always)]
            fn weights(fraction: F32x4) -> F32x4 {
                fraction
            }
            #[inline(always)]
            fn blend(pairs: [[Self; 2]; 4], fraction: F32x4) -> F32x4 {
                let [[a, b], [c, d], [e, f], [g, h]] = pairs;
                let near = F32x4::new([a as f32, c as f32, e as f32, g as f32]);
                let far = F32x4::new([b as f32, d as f32, f as f32, h as f32]);
                near * (F32x4::splat(1.0) - fraction) + far * fraction
            }
        }
    };
}

float_voxel!(i32);
float_voxel!(u32);
float_voxel!(f32);
