//! The unsigned words that samples are packed as, and the signed numbers that predictions are made in.

/// An unsigned word of the size of a sample. All arithmetic wraps.
pub(super) trait Word: bytemuck::Pod + PartialEq {
    const BITS: u32;
    /// Words in 128 bits: as many stand side by side in a packed block.
    const LANES: usize = 128 / Self::BITS as usize;
    const ZERO: Self;

    fn from_u32(value: u32) -> Self;
    fn to_u32(self) -> u32;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    /// Shift counts are taken modulo the number of bits.
    fn shl(self, bits: u32) -> Self;
    fn shr(self, bits: u32) -> Self;
    fn leading_zeros(self) -> u32;

    /// A difference with a sign as a small number without one: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4.
    fn zigzag(self) -> Self;
    fn unzigzag(self) -> Self;

    /// The sum of a row of at most 65,535 words.
    fn sum(row: &[Self]) -> u64;

    /// The lowest `bits` bits set; all for `bits` of at least [`Word::BITS`].
    fn mask(bits: u32) -> Self;
}

macro_rules! word {
    ($unsigned:ty, $signed:ty, $sum:ty) => {
        impl Word for $unsigned {
            const BITS: u32 = <$unsigned>::BITS;
            const ZERO: Self = 0;

            #[inline(always)]
            fn from_u32(value: u32) -> Self {
                value as Self
            }
            #[inline(always)]
            fn to_u32(self) -> u32 {
                u32::from(self)
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn and(self, other: Self) -> Self {
                self & other
            }
            #[inline(always)]
            fn or(self, other: Self) -> Self {
                self | other
            }
            #[inline(always)]
            fn shl(self, bits: u32) -> Self {
                self.wrapping_shl(bits)
            }
            #[inline(always)]
            fn shr(self, bits: u32) -> Self {
                self.wrapping_shr(bits)
            }
            #[inline(always)]
            fn leading_zeros(self) -> u32 {
                <$unsigned>::leading_zeros(self)
            }
            #[inline(always)]
            fn zigzag(self) -> Self {
                (self << 1) ^ ((self as $signed) >> (Self::BITS - 1)) as $unsigned
            }
            #[inline(always)]
            fn unzigzag(self) -> Self {
                (self >> 1) ^ (self & 1).wrapping_neg()
            }
            #[inline(always)]
            fn sum(row: &[Self]) -> u64 {
                // The narrowest sum that holds them lets the compiler add many at a time.
                row.iter()
                    .map(|&word| <$sum>::from(word))
                    .sum::<$sum>()
                    .into()
            }
            #[inline(always)]
            fn mask(bits: u32) -> Self {
                if bits >= Self::BITS {
                    !0
                } else {
                    (1 << bits) - 1
                }
            }
        }
    };
}

word!(u8, i8, u32);
word!(u16, i16, u32);
word!(u32, i32, u64);

/// A signed number in which differences of words `W` are added up. All arithmetic wraps, so that both ends of the
/// stream agree whatever the bytes say.
pub(super) trait Lane<W>: Copy {
    /// `a - b` with its sign. Of words wider than 8 bits the difference is taken modulo their size.
    fn difference(a: W, b: W) -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    /// Shifts right, rounding down.
    fn shr(self, bits: u32) -> Self;
    fn word(self) -> W;
}

macro_rules! lane {
    ($word:ty, $lane:ty, $difference:expr) => {
        impl Lane<$word> for $lane {
            #[inline(always)]
            fn difference(a: $word, b: $word) -> Self {
                let difference: fn($word, $word) -> $lane = $difference;
                difference(a, b)
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn shr(self, bits: u32) -> Self {
                self >> bits
            }
            #[inline(always)]
            fn word(self) -> $word {
                self as $word
            }
        }
    };
}

lane!(u8, i16, |a, b| i16::from(a) - i16::from(b));
lane!(u16, i16, |a, b| a.wrapping_sub(b) as i16);
lane!(u16, i32, |a, b| i32::from(a.wrapping_sub(b) as i16));
lane!(u32, i32, |a, b| a.wrapping_sub(b) as i32);
