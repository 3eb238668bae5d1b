//! Four floats and eight 16-bit integers at a time: the few operations that the caster's kernels are made of.
//!
//! On x86-64 they are SSE2 instructions, which every such machine has; on WebAssembly with `simd128` those of
//! PR WebAssembly/simd; elsewhere plain arrays, which are also what the tests compare the others with. All are exact
//! and the same everywhere; `min` and `max` of NaN are the other operand's, of two NaN either.

use std::ops::{Add, Div, Mul, Sub};

#[cfg(target_arch = "x86_64")]
use x86 as imp;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use wasm as imp;

#[cfg(not(any(
    target_arch = "x86_64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
use plain as imp;

/// Four floats.
#[derive(Clone, Copy)]
pub(super) struct F32x4(imp::Floats);

/// Yes or no for each of four.
#[derive(Clone, Copy)]
pub(super) struct Mask(imp::Bits);

impl Mask {
    #[inline(always)]
    pub(super) fn and(self, other: Self) -> Self {
        Self(imp::both(self.0, other.0))
    }

    #[inline(always)]
    pub(super) fn any(self) -> bool {
        imp::bits(self.0) != 0
    }

    #[inline(always)]
    pub(super) fn all(self) -> bool {
        imp::bits(self.0) == 0b1111
    }
}

/// Eight 16-bit integers.
#[derive(Clone, Copy)]
pub(super) struct I16x8(imp::Shorts);

impl F32x4 {
    #[inline(always)]
    pub(super) fn new(lanes: [f32; 4]) -> Self {
        Self(imp::floats(lanes))
    }

    #[inline(always)]
    pub(super) fn splat(value: f32) -> Self {
        Self::new([value; 4])
    }

    #[inline(always)]
    pub(super) fn lanes(self) -> [f32; 4] {
        imp::lanes(self.0)
    }

    /// The lesser; `other` where `self` is NaN.
    #[inline(always)]
    pub(super) fn min(self, other: Self) -> Self {
        Self(imp::min(self.0, other.0))
    }

    /// The greater; `other` where `self` is NaN.
    #[inline(always)]
    pub(super) fn max(self, other: Self) -> Self {
        Self(imp::max(self.0, other.0))
    }

    /// Toward zero, as integers and as floats. Lanes must lie within `i32`.
    #[inline(always)]
    pub(super) fn truncated(self) -> ([i32; 4], Self) {
        let (integers, floats) = imp::truncate(self.0);
        (integers, Self(floats))
    }

    /// `self` with its sign turned where `other` is negative.
    #[inline(always)]
    pub(super) fn signed_as(self, other: Self) -> Self {
        Self(imp::signed_as(self.0, other.0))
    }

    /// Where `self` lies between two others, and is neither.
    #[inline(always)]
    pub(super) fn between(self, low: Self, high: Self) -> Mask {
        Mask(imp::both(imp::less(low.0, self.0), imp::less(self.0, high.0)))
    }

    /// Where `self` is less than `other`.
    #[inline(always)]
    pub(super) fn less(self, other: Self) -> Mask {
        Mask(imp::less(self.0, other.0))
    }

    /// Where `self` is at most `other`.
    #[inline(always)]
    pub(super) fn at_most(self, other: Self) -> Mask {
        Mask(imp::at_most(self.0, other.0))
    }

    /// `self` where `mask` says so, else `other`.
    #[inline(always)]
    pub(super) fn where_else(self, mask: Mask, other: Self) -> Self {
        Self(imp::select(mask.0, self.0, other.0))
    }

    /// Rows to columns.
    #[inline(always)]
    pub(super) fn transposed(of: [Self; 4]) -> [Self; 4] {
        let [a, b, c, d] = of;
        let [a, b, c, d] = imp::transpose([a.0, b.0, c.0, d.0]);
        [Self(a), Self(b), Self(c), Self(d)]
    }

    #[inline(always)]
    pub(super) fn sqrt(self) -> Self {
        Self(imp::sqrt(self.0))
    }

    /// The sums of the lanes of each of four.
    #[inline(always)]
    pub(super) fn sums(of: [Self; 4]) -> Self {
        let [a, b, c, d] = of;
        Self(imp::sums([a.0, b.0, c.0, d.0]))
    }
}

impl Add for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(imp::add(self.0, other.0))
    }
}

impl Sub for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(imp::sub(self.0, other.0))
    }
}

impl Mul for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(imp::mul(self.0, other.0))
    }
}

impl Div for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(imp::div(self.0, other.0))
    }
}

impl I16x8 {
    /// Four pairs side by side.
    #[inline(always)]
    pub(super) fn four_pairs(of: [[i16; 2]; 4]) -> Self {
        Self(imp::four_pairs(of))
    }

    /// For each of four, `whole` less its `share` toward zero, and that share: weights of pairs.
    #[inline(always)]
    pub(super) fn shares(whole: i16, share: F32x4) -> Self {
        Self(imp::shares(whole, share.0))
    }

    /// Products added up by twos, exact as integers, then rounded to floats.
    #[inline(always)]
    pub(super) fn dot(self, other: Self) -> F32x4 {
        F32x4(imp::dot(self.0, other.0))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    #![expect(
        unsafe_code,
        reason = "vector instructions can not be called safely outside functions marked for them"
    )]

    use std::arch::x86_64::{
        __m128, __m128i, _mm_add_epi32, _mm_add_ps, _mm_and_ps, _mm_andnot_ps, _mm_cmple_ps, _mm_cmplt_ps,
        _mm_cvtepi32_ps, _mm_cvttps_epi32, _mm_div_ps, _mm_madd_epi16, _mm_max_ps, _mm_min_ps, _mm_movehl_ps,
        _mm_movelh_ps, _mm_movemask_ps, _mm_mul_ps, _mm_or_ps, _mm_set1_epi32, _mm_set1_ps, _mm_setr_epi32,
        _mm_setr_ps, _mm_slli_epi32, _mm_sqrt_ps, _mm_sub_epi32, _mm_sub_ps, _mm_unpackhi_ps,
        _mm_unpacklo_ps, _mm_xor_ps,
    };

    /// An expression of SSE2 instructions on values.
    macro_rules! sse2 {
        ($body:expr) => {
            // SAFETY: every x86-64 processor has SSE2, and none of the instructions used here touches memory.
            unsafe { $body }
        };
    }

    pub(super) type Floats = __m128;
    pub(super) type Bits = __m128;
    pub(super) type Shorts = __m128i;

    #[inline(always)]
    pub(super) fn floats([a, b, c, d]: [f32; 4]) -> Floats {
        sse2!(_mm_setr_ps(a, b, c, d))
    }

    #[inline(always)]
    pub(super) fn lanes(v: Floats) -> [f32; 4] {
        bytemuck::cast(v)
    }

    #[inline(always)]
    pub(super) fn add(a: Floats, b: Floats) -> Floats {
        sse2!(_mm_add_ps(a, b))
    }

    #[inline(always)]
    pub(super) fn sub(a: Floats, b: Floats) -> Floats {
        sse2!(_mm_sub_ps(a, b))
    }

    #[inline(always)]
    pub(super) fn mul(a: Floats, b: Floats) -> Floats {
        sse2!(_mm_mul_ps(a, b))
    }

    #[inline(always)]
    pub(super) fn div(a: Floats, b: Floats) -> Floats {
        sse2!(_mm_div_ps(a, b))
    }

    #[inline(always)]
    pub(super) fn min(a: Floats, b: Floats) -> Floats {
        sse2!(_mm_min_ps(a, b))
    }

    #[inline(always)]
    pub(super) fn max(a: Floats, b: Floats) -> Floats {
        sse2!(_mm_max_ps(a, b))
    }

    #[inline(always)]
    pub(super) fn truncate(v: Floats) -> ([i32; 4], Floats) {
        sse2!({
            let integers = _mm_cvttps_epi32(v);
            (bytemuck::cast(integers), _mm_cvtepi32_ps(integers))
        })
    }

    #[inline(always)]
    pub(super) fn signed_as(a: Floats, b: Floats) -> Floats {
        sse2!(_mm_xor_ps(a, _mm_and_ps(b, _mm_set1_ps(-0.0))))
    }

    #[inline(always)]
    pub(super) fn less(a: Floats, b: Floats) -> Bits {
        sse2!(_mm_cmplt_ps(a, b))
    }

    #[inline(always)]
    pub(super) fn at_most(a: Floats, b: Floats) -> Bits {
        sse2!(_mm_cmple_ps(a, b))
    }

    #[inline(always)]
    pub(super) fn bits(mask: Bits) -> u8 {
        sse2!(_mm_movemask_ps(mask)) as u8
    }

    #[inline(always)]
    pub(super) fn both(a: Bits, b: Bits) -> Bits {
        sse2!(_mm_and_ps(a, b))
    }

    #[inline(always)]
    pub(super) fn select(mask: Bits, yes: Floats, no: Floats) -> Floats {
        sse2!(_mm_or_ps(_mm_and_ps(mask, yes), _mm_andnot_ps(mask, no)))
    }

    #[inline(always)]
    pub(super) fn sqrt(v: Floats) -> Floats {
        sse2!(_mm_sqrt_ps(v))
    }

    #[inline(always)]
    pub(super) fn transpose([a, b, c, d]: [Floats; 4]) -> [Floats; 4] {
        sse2!({
            let (ab_low, ab_high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
            let (cd_low, cd_high) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
            [
                _mm_movelh_ps(ab_low, cd_low),
                _mm_movehl_ps(cd_low, ab_low),
                _mm_movelh_ps(ab_high, cd_high),
                _mm_movehl_ps(cd_high, ab_high),
            ]
        })
    }

    #[inline(always)]
    pub(super) fn sums([a, b, c, d]: [Floats; 4]) -> Floats {
        sse2!({
            let ab = _mm_add_ps(_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
            let cd = _mm_add_ps(_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
            _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab))
        })
    }

    #[inline(always)]
    pub(super) fn four_pairs([a, b, c, d]: [[i16; 2]; 4]) -> Shorts {
        let (a, b, c, d) = (
            bytemuck::cast(a),
            bytemuck::cast(b),
            bytemuck::cast(c),
            bytemuck::cast(d),
        );
        sse2!(_mm_setr_epi32(a, b, c, d))
    }

    #[inline(always)]
    pub(super) fn shares(whole: i16, share: Floats) -> Shorts {
        sse2!({
            let far = _mm_cvttps_epi32(share);
            // The far weight in the upper half; less the same, plus the whole, in the lower.
            let pairs = _mm_sub_epi32(_mm_slli_epi32(far, 16), far);
            _mm_add_epi32(pairs, _mm_set1_epi32(whole.into()))
        })
    }

    #[inline(always)]
    pub(super) fn dot(a: Shorts, b: Shorts) -> Floats {
        sse2!(_mm_cvtepi32_ps(_mm_madd_epi16(a, b)))
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm {
    use std::arch::wasm32::{
        f32x4, f32x4_add, f32x4_convert_i32x4, f32x4_div, f32x4_extract_lane, f32x4_le, f32x4_lt, f32x4_mul,
        f32x4_pmax, f32x4_pmin, f32x4_splat, f32x4_sqrt, f32x4_sub, i32x4, i32x4_add, i32x4_bitmask,
        i32x4_dot_i16x8, i32x4_extract_lane, i32x4_shl, i32x4_shuffle, i32x4_splat, i32x4_sub,
        i32x4_trunc_sat_f32x4, v128, v128_and, v128_bitselect, v128_xor,
    };

    pub(super) type Floats = v128;
    pub(super) type Bits = v128;
    pub(super) type Shorts = v128;

    #[inline(always)]
    pub(super) fn floats([a, b, c, d]: [f32; 4]) -> Floats {
        f32x4(a, b, c, d)
    }

    #[inline(always)]
    pub(super) fn lanes(v: Floats) -> [f32; 4] {
        [
            f32x4_extract_lane::<0>(v),
            f32x4_extract_lane::<1>(v),
            f32x4_extract_lane::<2>(v),
            f32x4_extract_lane::<3>(v),
        ]
    }

    #[inline(always)]
    pub(super) fn add(a: Floats, b: Floats) -> Floats {
        f32x4_add(a, b)
    }

    #[inline(always)]
    pub(super) fn sub(a: Floats, b: Floats) -> Floats {
        f32x4_sub(a, b)
    }

    #[inline(always)]
    pub(super) fn mul(a: Floats, b: Floats) -> Floats {
        f32x4_mul(a, b)
    }

    #[inline(always)]
    pub(super) fn div(a: Floats, b: Floats) -> Floats {
        f32x4_div(a, b)
    }

    #[inline(always)]
    pub(super) fn min(a: Floats, b: Floats) -> Floats {
        f32x4_pmin(b, a)
    }

    #[inline(always)]
    pub(super) fn max(a: Floats, b: Floats) -> Floats {
        f32x4_pmax(b, a)
    }

    #[inline(always)]
    pub(super) fn truncate(v: Floats) -> ([i32; 4], Floats) {
        let integers = i32x4_trunc_sat_f32x4(v);
        let lanes = [
            i32x4_extract_lane::<0>(integers),
            i32x4_extract_lane::<1>(integers),
            i32x4_extract_lane::<2>(integers),
            i32x4_extract_lane::<3>(integers),
        ];
        (lanes, f32x4_convert_i32x4(integers))
    }

    #[inline(always)]
    pub(super) fn signed_as(a: Floats, b: Floats) -> Floats {
        v128_xor(a, v128_and(b, f32x4_splat(-0.0)))
    }

    #[inline(always)]
    pub(super) fn less(a: Floats, b: Floats) -> Bits {
        f32x4_lt(a, b)
    }

    #[inline(always)]
    pub(super) fn at_most(a: Floats, b: Floats) -> Bits {
        f32x4_le(a, b)
    }

    #[inline(always)]
    pub(super) fn bits(mask: Bits) -> u8 {
        i32x4_bitmask(mask)
    }

    #[inline(always)]
    pub(super) fn both(a: Bits, b: Bits) -> Bits {
        v128_and(a, b)
    }

    #[inline(always)]
    pub(super) fn select(mask: Bits, yes: Floats, no: Floats) -> Floats {
        v128_bitselect(yes, no, mask)
    }

    #[inline(always)]
    pub(super) fn sqrt(v: Floats) -> Floats {
        f32x4_sqrt(v)
    }

    #[inline(always)]
    pub(super) fn transpose([a, b, c, d]: [Floats; 4]) -> [Floats; 4] {
        let (ab_low, ab_high) = (
            i32x4_shuffle::<0, 4, 1, 5>(a, b),
            i32x4_shuffle::<2, 6, 3, 7>(a, b),
        );
        let (cd_low, cd_high) = (
            i32x4_shuffle::<0, 4, 1, 5>(c, d),
            i32x4_shuffle::<2, 6, 3, 7>(c, d),
        );
        [
            i32x4_shuffle::<0, 1, 4, 5>(ab_low, cd_low),
            i32x4_shuffle::<2, 3, 6, 7>(ab_low, cd_low),
            i32x4_shuffle::<0, 1, 4, 5>(ab_high, cd_high),
            i32x4_shuffle::<2, 3, 6, 7>(ab_high, cd_high),
        ]
    }

    #[inline(always)]
    pub(super) fn sums([a, b, c, d]: [Floats; 4]) -> Floats {
        let low = |a, b| i32x4_shuffle::<0, 4, 1, 5>(a, b);
        let high = |a, b| i32x4_shuffle::<2, 6, 3, 7>(a, b);
        let ab = f32x4_add(low(a, b), high(a, b));
        let cd = f32x4_add(low(c, d), high(c, d));
        f32x4_add(
            i32x4_shuffle::<0, 1, 4, 5>(ab, cd),
            i32x4_shuffle::<2, 3, 6, 7>(ab, cd),
        )
    }

    #[inline(always)]
    pub(super) fn four_pairs([a, b, c, d]: [[i16; 2]; 4]) -> Shorts {
        let (a, b, c, d) = (
            bytemuck::cast(a),
            bytemuck::cast(b),
            bytemuck::cast(c),
            bytemuck::cast(d),
        );
        i32x4(a, b, c, d)
    }

    #[inline(always)]
    pub(super) fn shares(whole: i16, share: Floats) -> Shorts {
        let far = i32x4_trunc_sat_f32x4(share);
        // The far weight in the upper half; less the same, plus the whole, in the lower.
        let pairs = i32x4_sub(i32x4_shl(far, 16), far);
        i32x4_add(pairs, i32x4_splat(whole.into()))
    }

    #[inline(always)]
    pub(super) fn dot(a: Shorts, b: Shorts) -> Floats {
        f32x4_convert_i32x4(i32x4_dot_i16x8(a, b))
    }
}

#[cfg(any(
    test,
    not(any(
        target_arch = "x86_64",
        all(target_arch = "wasm32", target_feature = "simd128")
    ))
))]
mod plain {
    #![cfg_attr(test, allow(dead_code, reason = "tests compare results, not every operation"))]

    use std::array::from_fn;

    pub(super) type Floats = [f32; 4];
    pub(super) type Bits = [bool; 4];
    pub(super) type Shorts = [i16; 8];

    #[inline(always)]
    pub(super) fn floats(lanes: [f32; 4]) -> Floats {
        lanes
    }

    #[inline(always)]
    pub(super) fn lanes(v: Floats) -> [f32; 4] {
        v
    }

    #[inline(always)]
    pub(super) fn add(a: Floats, b: Floats) -> Floats {
        from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    pub(super) fn sub(a: Floats, b: Floats) -> Floats {
        from_fn(|i| a[i] - b[i])
    }

    #[inline(always)]
    pub(super) fn mul(a: Floats, b: Floats) -> Floats {
        from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    pub(super) fn div(a: Floats, b: Floats) -> Floats {
        from_fn(|i| a[i] / b[i])
    }

    #[inline(always)]
    pub(super) fn min(a: Floats, b: Floats) -> Floats {
        from_fn(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    pub(super) fn max(a: Floats, b: Floats) -> Floats {
        from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    pub(super) fn truncate(v: Floats) -> ([i32; 4], Floats) {
        let integers = v.map(|f| f as i32);
        (integers, integers.map(|i| i as f32))
    }

    #[inline(always)]
    pub(super) fn signed_as(a: Floats, b: Floats) -> Floats {
        from_fn(|i| if b[i].is_sign_negative() { -a[i] } else { a[i] })
    }

    #[inline(always)]
    pub(super) fn less(a: Floats, b: Floats) -> Bits {
        from_fn(|i| a[i] < b[i])
    }

    #[inline(always)]
    pub(super) fn at_most(a: Floats, b: Floats) -> Bits {
        from_fn(|i| a[i] <= b[i])
    }

    #[inline(always)]
    pub(super) fn bits(mask: Bits) -> u8 {
        mask.iter().rev().fold(0, |bits, &bit| bits << 1 | u8::from(bit))
    }

    #[inline(always)]
    pub(super) fn both(a: Bits, b: Bits) -> Bits {
        from_fn(|i| a[i] & b[i])
    }

    #[inline(always)]
    pub(super) fn select(mask: Bits, yes: Floats, no: Floats) -> Floats {
        from_fn(|i| if mask[i] { yes[i] } else { no[i] })
    }

    #[inline(always)]
    pub(super) fn sqrt(v: Floats) -> Floats {
        v.map(f32::sqrt)
    }

    #[inline(always)]
    pub(super) fn transpose(of: [Floats; 4]) -> [Floats; 4] {
        from_fn(|i| of.map(|f| f[i]))
    }

    #[inline(always)]
    pub(super) fn sums(of: [Floats; 4]) -> Floats {
        of.map(|f| (f[0] + f[2]) + (f[1] + f[3]))
    }

    #[inline(always)]
    pub(super) fn four_pairs([a, b, c, d]: [[i16; 2]; 4]) -> Shorts {
        [a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]]
    }

    #[inline(always)]
    pub(super) fn shares(whole: i16, share: Floats) -> Shorts {
        four_pairs(share.map(|s| [whole - s as i16, s as i16]))
    }

    #[inline(always)]
    pub(super) fn dot(a: Shorts, b: Shorts) -> Floats {
        let product = |i: usize| i32::from(a[i]) * i32::from(b[i]);
        from_fn(|i| (product(2 * i) + product(2 * i + 1)) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [f32; 4] = [1.5, -2.25, 3.75, -1e9];
    const B: [f32; 4] = [-0.5, 8.0, 3.75, 1e-9];

    #[test]
    fn floats_are_those_of_plain_arrays() {
        let (a, b) = (F32x4::new(A), F32x4::new(B));
        assert_eq!((a + b).lanes(), plain::add(A, B));
        assert_eq!((a - b).lanes(), plain::sub(A, B));
        assert_eq!((a * b).lanes(), plain::mul(A, B));
        assert_eq!((a / b).lanes(), plain::div(A, B));
        assert_eq!(a.min(b).lanes(), plain::min(A, B));
        assert_eq!(a.max(b).lanes(), plain::max(A, B));
        let (integers, floats) = a.truncated();
        assert_eq!((integers, floats.lanes()), plain::truncate(A));
        assert_eq!(a.signed_as(b).lanes(), plain::signed_as(A, B));
        let (low, high) = (F32x4::splat(-1.0), F32x4::splat(3.0));
        assert_eq!(
            a.where_else(a.between(low, high), b).lanes(),
            [A[0], B[1], B[2], B[3]]
        );
        assert_eq!(imp::bits(a.less(b).0), 0b1010);
        assert_eq!(imp::bits(a.at_most(b).0), 0b1110);
        assert_eq!(
            (a.less(b).any(), a.less(b).all(), a.at_most(a).all()),
            (true, false, true)
        );
        assert!(!a.less(b).and(b.less(a)).any());
        let four = [A, B, [1.0, 10.0, 100.0, 1000.0], [0.25; 4]];
        assert_eq!(F32x4::sums(four.map(F32x4::new)).lanes(), plain::sums(four));
        let turned = F32x4::transposed(four.map(F32x4::new)).map(F32x4::lanes);
        assert_eq!(turned, plain::transpose(four));
        assert_eq!((a * a).sqrt().lanes(), plain::sqrt(plain::mul(A, A)));
    }

    #[test]
    fn integers_are_those_of_plain_arrays() {
        let pairs = [[i16::MIN, 5], [-1, 1], [300, i16::MAX], [7, -7]];
        let shares = [0.0, 16_384.0, 8191.7, 1.0];
        assert_eq!(
            I16x8::four_pairs(pairs)
                .dot(I16x8::shares(16_384, F32x4::new(shares)))
                .lanes(),
            plain::dot(plain::four_pairs(pairs), plain::shares(16_384, shares))
        );
    }
}
