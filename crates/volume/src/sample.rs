//! Samples: their types, their rescale and their unit.

use serde::{Deserialize, Serialize};

/// The type of the stored samples of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleType {
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 16 bits.
    U16,
    /// Signed, 32 bits.
    I32,
    /// Unsigned, 32 bits.
    U32,
    /// IEEE 754 binary32.
    F32,
}

impl SampleType {
    /// Bytes a sample.
    pub fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
        }
    }
}

/// What only this room needs of a sample: exact sums for means.
pub(crate) mod sealed {
    pub trait Sealed: Copy {
        /// Holds the sum of eight samples exactly (integers) or nearly so (`f64` for `f32`).
        type Sum: Copy + Send + Default + std::ops::Add<Output = Self::Sum>;

        fn widen(self) -> Self::Sum;

        /// The mean of `2^log2_count` samples that add up to `sum`: to nearest, ties towards positive infinity.
        fn mean(sum: Self::Sum, log2_count: u32) -> Self;
    }
}

/// A number that a volume can store.
pub trait Sample:
    sealed::Sealed + bytemuck::Pod + PartialOrd + Default + Send + Sync + std::fmt::Debug + 'static
{
    /// The name of this type in headers.
    const TYPE: SampleType;
    /// The smallest finite value.
    const LOWEST: Self;
    /// The largest finite value.
    const HIGHEST: Self;

    /// The value as `f32`; 32-bit integers beyond 2^24 are rounded.
    fn to_f32(self) -> f32;
    /// The value as `f64`, exactly.
    fn to_f64(self) -> f64;
    /// The nearest value of this type, clamped to its range; NaN becomes zero for integers.
    fn from_f64(value: f64) -> Self;
    /// As [`Sample::from_f64`], halves up: several times as fast where rounding away from zero is no instruction, as in
    /// wasm.
    fn from_f64_up(value: f64) -> Self;
    /// A typed vector as samples of any type.
    fn into_samples(samples: Vec<Self>) -> Samples;
    /// The typed samples inside, if they are of this type.
    fn of_samples(samples: &Samples) -> Option<&[Self]>;
}

macro_rules! sample {
    ($type:ty, $name:ident, $round:expr, $round_up:expr, $sum:ty, $mean:expr) => {
        impl sealed::Sealed for $type {
            type Sum = $sum;

            #[inline(always)]
            fn widen(self) -> $sum {
                self.into()
            }
            #[inline(always)]
            fn mean(sum: $sum, log2_count: u32) -> Self {
                let mean: fn($sum, u32) -> $sum = $mean;
                mean(sum, log2_count) as $type
            }
        }
        impl Sample for $type {
            const TYPE: SampleType = SampleType::$name;
            const LOWEST: Self = <$type>::MIN;
            const HIGHEST: Self = <$type>::MAX;

            #[inline(always)]
            fn to_f32(self) -> f32 {
                self as f32
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                let round: fn(f64) -> f64 = $round;
                round(value) as $type
            }
            #[inline(always)]
            fn from_f64_up(value: f64) -> Self {
                let round: fn(f64) -> f64 = $round_up;
                round(value) as $type
            }
            fn into_samples(samples: Vec<Self>) -> Samples {
                Samples::$name(samples)
            }
            fn of_samples(samples: &Samples) -> Option<&[Self]> {
                match samples {
                    Samples::$name(samples) => Some(samples),
                    _ => None,
                }
            }
        }
    };
}

sample!(
    u8,
    U8,
    f64::round,
    |value| (value + 0.5).floor(),
    i32,
    |sum, n| (sum + (1 << n >> 1)) >> n
);
sample!(
    i16,
    I16,
    f64::round,
    |value| (value + 0.5).floor(),
    i32,
    |sum, n| (sum + (1 << n >> 1)) >> n
);
sample!(
    u16,
    U16,
    f64::round,
    |value| (value + 0.5).floor(),
    i32,
    |sum, n| (sum + (1 << n >> 1)) >> n
);
sample!(
    i32,
    I32,
    f64::round,
    |value| (value + 0.5).floor(),
    i64,
    |sum, n| (sum + (1 << n >> 1)) >> n
);
sample!(
    u32,
    U32,
    f64::round,
    |value| (value + 0.5).floor(),
    i64,
    |sum, n| (sum + (1 << n >> 1)) >> n
);
sample!(f32, F32, |value| value, |value| value, f64, |sum, n| sum
    / f64::from(1u32 << n));

/// Runs `$body` with `$name` bound to the typed vector inside a [`Samples`].
#[macro_export]
macro_rules! with_samples {
    ($samples:expr, $name:ident => $body:expr) => {
        match $samples {
            $crate::Samples::U8($name) => $body,
            $crate::Samples::I16($name) => $body,
            $crate::Samples::U16($name) => $body,
            $crate::Samples::I32($name) => $body,
            $crate::Samples::U32($name) => $body,
            $crate::Samples::F32($name) => $body,
        }
    };
}

/// Samples of any type, owned.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// Unsigned, 8 bits.
    U8(Vec<u8>),
    /// Signed, 16 bits.
    I16(Vec<i16>),
    /// Unsigned, 16 bits.
    U16(Vec<u16>),
    /// Signed, 32 bits.
    I32(Vec<i32>),
    /// Unsigned, 32 bits.
    U32(Vec<u32>),
    /// IEEE 754 binary32.
    F32(Vec<f32>),
}

impl Samples {
    /// The type of the samples.
    pub fn sample_type(&self) -> SampleType {
        match self {
            Self::U8(_) => SampleType::U8,
            Self::I16(_) => SampleType::I16,
            Self::U16(_) => SampleType::U16,
            Self::I32(_) => SampleType::I32,
            Self::U32(_) => SampleType::U32,
            Self::F32(_) => SampleType::F32,
        }
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        with_samples!(self, samples => samples.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The samples as bytes, little endian on every machine that the product runs on.
    pub fn as_bytes(&self) -> &[u8] {
        with_samples!(self, samples => bytemuck::cast_slice(samples.as_slice()))
    }
}

/// What a rescaled value means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Hounsfield units.
    Hu,
    /// Standardized uptake value, by body weight, g/ml.
    SuvBw,
    /// No unit: only the order of values means something.
    None,
    /// A unit that the source names, in its own word.
    Named(String),
}

/// Stored value to meaningful value: `slope * stored + intercept` (PS3.3 C.11.1.1.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rescale {
    /// Meaningful units a stored step.
    pub slope: f64,
    /// The meaningful value of stored zero.
    pub intercept: f64,
    /// The unit of the result.
    pub unit: Unit,
}

impl Rescale {
    /// Stored values mean themselves.
    pub const IDENTITY: Self = Self {
        slope: 1.0,
        intercept: 0.0,
        unit: Unit::None,
    };

    /// The meaningful value of `stored`.
    pub fn value(&self, stored: f64) -> f64 {
        self.slope * stored + self.intercept
    }

    /// The stored value (not rounded) that means `value`.
    pub fn stored(&self, value: f64) -> f64 {
        (value - self.intercept) / self.slope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_a_type_are_clamped() {
        assert_eq!(i16::from_f64(40_000.0), i16::MAX);
        assert_eq!(u8::from_f64(-3.0), 0);
        assert_eq!(u16::from_f64(f64::NAN), 0);
        assert_eq!(i32::from_f64(-2.5), -3);
        assert_eq!(
            [-2.5, -2.6, 2.5, 2.4, 40_000.0].map(i16::from_f64_up),
            [-2, -3, 3, 2, i16::MAX]
        );
        assert_eq!([f64::NAN, -3.0].map(u8::from_f64_up), [0, 0]);
        assert!(f32::from_f64(f64::NAN).is_nan());
    }

    #[test]
    fn means_round_to_nearest_and_ties_up() {
        use super::sealed::Sealed;
        assert_eq!(i16::mean(-3, 1), -1);
        assert_eq!(i16::mean(3, 1), 2);
        assert_eq!(i16::mean(8 * i32::from(i16::MIN), 3), i16::MIN);
        assert_eq!(u16::mean(8 * 65_535, 3), u16::MAX);
        assert_eq!(u32::mean(8 * i64::from(u32::MAX), 3), u32::MAX);
        assert_eq!(u8::mean(7, 0), 7);
        assert_eq!(f32::mean(8.0 * f64::from(f32::MAX), 3), f32::MAX);
        assert!(f32::mean(f64::NAN, 3).is_nan());
    }

    #[test]
    fn rescale_goes_both_ways() {
        let hu = Rescale {
            slope: 2.0,
            intercept: -1024.0,
            unit: Unit::Hu,
        };
        assert_eq!(hu.value(500.0), -24.0);
        assert_eq!(hu.stored(-24.0), 500.0);
    }
}
