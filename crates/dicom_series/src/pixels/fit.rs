//! Samples into their container: the significant bits of a word moved down, masked, and their sign extended
//! (PS3.5 8.1.1). One left and one right shift in the width of the container do all of it.

use crate::instance::{PixelDescription, Sign};

use super::PixelSamples;
use super::error::PixelError;

/// Which bits of a word are the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    /// Position of the highest bit of the sample.
    high_bit: u32,
    /// Bits of the sample.
    bits: u32,
    sign: Sign,
}

impl Fit {
    /// The sample as High Bit and Bits Stored say.
    pub(crate) fn native(pixels: &PixelDescription) -> Self {
        Self {
            high_bit: u32::from(pixels.high_bit),
            bits: u32::from(pixels.bits_stored),
            sign: pixels.sign,
        }
    }

    /// The lowest `bits` of the word.
    pub(crate) fn lowest(bits: u16, sign: Sign) -> Self {
        Self {
            high_bit: u32::from(bits.saturating_sub(1)),
            bits: u32::from(bits),
            sign,
        }
    }

    /// How far to shift left and then right in a container of `width` bits.
    fn shifts(self, width: u32) -> (u32, u32) {
        let most = width.saturating_sub(1);
        (
            most.saturating_sub(self.high_bit),
            width.saturating_sub(self.bits).min(most),
        )
    }

    /// Fits 8-bit words.
    pub(crate) fn words_8(self, mut words: Vec<u8>) -> PixelSamples {
        let (left, right) = self.shifts(8);
        match self.sign {
            Sign::Unsigned => {
                if (left, right) != (0, 0) {
                    for word in &mut words {
                        *word = (*word << left) >> right;
                    }
                }
                PixelSamples::U8(words)
            }
            Sign::Signed => PixelSamples::I8(
                words
                    .into_iter()
                    .map(|word| (word << left).cast_signed() >> right)
                    .collect(),
            ),
        }
    }

    /// Fits 16-bit words.
    pub(crate) fn words_16(self, mut words: Vec<u16>) -> PixelSamples {
        let (left, right) = self.shifts(16);
        match self.sign {
            Sign::Unsigned => {
                if (left, right) != (0, 0) {
                    for word in &mut words {
                        *word = (*word << left) >> right;
                    }
                }
                PixelSamples::U16(words)
            }
            Sign::Signed => PixelSamples::I16(
                words
                    .into_iter()
                    .map(|word| (word << left).cast_signed() >> right)
                    .collect(),
            ),
        }
    }

    /// Fits 32-bit words.
    pub(crate) fn words_32(self, words: Vec<u32>) -> PixelSamples {
        let (left, right) = self.shifts(32);
        match self.sign {
            Sign::Unsigned => {
                PixelSamples::U32(words.into_iter().map(|word| (word << left) >> right).collect())
            }
            Sign::Signed => PixelSamples::I32(
                words
                    .into_iter()
                    .map(|word| (word << left).cast_signed() >> right)
                    .collect(),
            ),
        }
    }

    /// Fits words as they pass from `words` to `out`, 16 bits each.
    pub(crate) fn pass_16(self, words: impl Iterator<Item = u16>, out: &mut [u16]) {
        let (left, right) = self.shifts(16);
        let pairs = out.iter_mut().zip(words);
        match (self.sign, (left, right)) {
            (_, (0, 0)) => pairs.for_each(|(out, word)| *out = word),
            (Sign::Unsigned, _) => pairs.for_each(|(out, word)| *out = (word << left) >> right),
            (Sign::Signed, _) => {
                pairs.for_each(|(out, word)| *out = ((word << left).cast_signed() >> right).cast_unsigned());
            }
        }
    }

    /// Fits 8-bit words as they widen from `words` to `out`.
    pub(crate) fn pass_8(self, words: impl Iterator<Item = u8>, out: &mut [u16]) {
        let (left, right) = self.shifts(8);
        let pairs = out.iter_mut().zip(words);
        match self.sign {
            Sign::Unsigned => pairs.for_each(|(out, word)| *out = u16::from((word << left) >> right)),
            Sign::Signed => {
                pairs.for_each(|(out, word)| {
                    *out = i16::from((word << left).cast_signed() >> right).cast_unsigned();
                });
            }
        }
    }
}

/// Copies samples of at most 16 bits.
pub(crate) fn copy_into(samples: PixelSamples, out: &mut [u16]) -> Result<(), PixelError> {
    match samples {
        PixelSamples::U8(samples) => widen(samples.into_iter().map(u16::from), out),
        PixelSamples::I8(samples) => widen(
            samples
                .into_iter()
                .map(|sample| i16::from(sample).cast_unsigned()),
            out,
        ),
        PixelSamples::U16(samples) => widen(samples.into_iter(), out),
        PixelSamples::I16(samples) => widen(samples.into_iter().map(i16::cast_unsigned), out),
        PixelSamples::U32(_) | PixelSamples::I32(_) | PixelSamples::F32(_) => {
            return Err(PixelError::TooWide { bits: 32 });
        }
        PixelSamples::F64(_) => return Err(PixelError::TooWide { bits: 64 }),
    }
    Ok(())
}

fn widen(samples: impl Iterator<Item = u16>, out: &mut [u16]) {
    out.iter_mut()
        .zip(samples)
        .for_each(|(out, sample)| *out = sample);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(high_bit: u32, bits: u32, sign: Sign) -> Fit {
        Fit { high_bit, bits, sign }
    }

    #[test]
    fn bits_outside_the_sample_are_dropped() {
        let words = vec![0xF00F, 0x0FFF, 0x0800, 0x7000];
        assert_eq!(
            fit(11, 12, Sign::Unsigned).words_16(words.clone()),
            PixelSamples::U16(vec![0x00F, 0xFFF, 0x800, 0])
        );
        assert_eq!(
            fit(11, 12, Sign::Signed).words_16(words.clone()),
            PixelSamples::I16(vec![15, -1, -2048, 0])
        );
        assert_eq!(
            fit(15, 12, Sign::Unsigned).words_16(words.clone()),
            PixelSamples::U16(vec![0xF00, 0x0FF, 0x080, 0x700])
        );
        assert_eq!(
            fit(15, 16, Sign::Signed).words_16(words),
            PixelSamples::I16(vec![-4081, 4095, 2048, 28672])
        );
        assert_eq!(
            fit(5, 6, Sign::Signed).words_8(vec![0xFF, 0x1F, 0xE0]),
            PixelSamples::I8(vec![-1, 31, -32])
        );
        assert_eq!(
            fit(0, 1, Sign::Unsigned).words_8(vec![0xFF, 0x02]),
            PixelSamples::U8(vec![1, 0])
        );
        assert_eq!(
            fit(23, 24, Sign::Signed).words_32(vec![0xFF80_0000, 0x7F_FFFF]),
            PixelSamples::I32(vec![-0x80_0000, 0x7F_FFFF])
        );
    }

    #[test]
    fn passing_equals_fitting() {
        let words: Vec<u16> = (0..=u16::MAX).collect();
        for (high_bit, bits) in [(15, 16), (11, 12), (14, 10), (0, 1)] {
            for sign in [Sign::Unsigned, Sign::Signed] {
                let fit = fit(high_bit, bits, sign);
                let mut passed = vec![0; words.len()];
                fit.pass_16(words.iter().copied(), &mut passed);
                let mut fitted = vec![0; words.len()];
                copy_into(fit.words_16(words.clone()), &mut fitted).unwrap();
                assert_eq!(passed, fitted);
            }
        }
        let bytes: Vec<u8> = (0..=u8::MAX).collect();
        for (high_bit, bits) in [(7, 8), (5, 6), (7, 3)] {
            for sign in [Sign::Unsigned, Sign::Signed] {
                let fit = fit(high_bit, bits, sign);
                let mut passed = vec![0; bytes.len()];
                fit.pass_8(bytes.iter().copied(), &mut passed);
                let mut fitted = vec![0; bytes.len()];
                copy_into(fit.words_8(bytes.clone()), &mut fitted).unwrap();
                assert_eq!(passed, fitted);
            }
        }
    }
}
