//! Compressed frames: fragments joined, the codec called, its samples brought into the container that the file
//! declares. A stream decides by itself which codec it is for, where it says so; the transfer syntax may lie.

use std::borrow::Cow;

use codec::{CodecError, ColorSpace, Decoded, Expected, Samples};

use crate::instance::{Photometric, PixelDescription, PixelLocation, Sign};
use crate::read::inflate::inflate_frame;
use crate::read::syntax::{Compression, sniff, syntax_of};

use super::error::PixelError;
use super::fit::Fit;
use super::{Frame, PixelSamples, fit, native};

/// The compressed stream of one frame.
#[derive(Debug)]
pub(crate) struct Stream<'a> {
    bytes: Cow<'a, [u8]>,
    compression: Compression,
    transfer_syntax_uid: &'a str,
}

impl<'a> Stream<'a> {
    /// Joins the fragments of frame number `frame`.
    pub(crate) fn of(
        data_set: &'a [u8],
        transfer_syntax_uid: &'a str,
        pixels: &PixelDescription,
        frame: u32,
    ) -> Result<Self, PixelError> {
        let PixelLocation::Encapsulated { frames } = &pixels.location else {
            return Err(PixelError::NoImage);
        };
        let fragments = usize::try_from(frame)
            .ok()
            .and_then(|index| frames.get(index))
            .ok_or(PixelError::NoFrame {
                frame,
                frames: pixels.frames,
            })?;
        let bytes = match fragments.as_slice() {
            &[(offset, len)] => Cow::Borrowed(native::range(data_set, offset, len)?),
            fragments => {
                let parts = fragments
                    .iter()
                    .map(|&(offset, len)| native::range(data_set, offset, len))
                    .collect::<Result<Vec<_>, _>>()?;
                Cow::Owned(parts.concat())
            }
        };
        let declared =
            syntax_of(transfer_syntax_uid).map_or(Compression::Unknown, |syntax| syntax.compression);
        Ok(Self {
            compression: sniff(&bytes).unwrap_or(declared),
            bytes,
            transfer_syntax_uid,
        })
    }

    /// Decodes the frame.
    pub(crate) fn frame(&self, pixels: &PixelDescription) -> Result<Frame, PixelError> {
        match self.compression {
            Compression::DeflatedFrame => {
                let needed = bytes_a_frame(pixels);
                let inflated = inflate_frame(&self.bytes, needed).ok_or_else(|| PixelError::Unsupported {
                    what: "a frame that does not inflate".to_owned(),
                })?;
                native::frame(&inflated, pixels, 0)
            }
            Compression::Native => native::frame(&self.bytes, pixels, 0),
            _ => self.finish(self.decode(pixels)?, pixels),
        }
    }

    /// Decodes the frame into 16-bit samples.
    pub(crate) fn into_16(self, pixels: &PixelDescription, out: &mut [u16]) -> Result<(), PixelError> {
        if matches!(self.compression, Compression::DeflatedFrame | Compression::Native)
            || pixels.bits_allocated > 16
        {
            return fit::copy_into(self.frame(pixels)?.samples, out);
        }
        let decoded = self.decode(pixels)?;
        let fit = self.fit(&decoded, pixels)?;
        match decoded.samples {
            Samples::U8(samples) if pixels.bits_allocated == 8 => fit.pass_8(samples.into_iter(), out),
            Samples::U8(samples) => fit.pass_16(samples.into_iter().map(u16::from), out),
            Samples::U16(samples) => fit.pass_16(samples.into_iter(), out),
            Samples::I32(samples) => fit.pass_16(samples.into_iter().map(|sample| sample as u16), out),
        }
        Ok(())
    }

    /// Calls the codec.
    fn decode(&self, pixels: &PixelDescription) -> Result<Decoded, PixelError> {
        let expected = Expected {
            columns: pixels.columns,
            rows: pixels.rows,
            channels: pixels.samples_per_pixel,
        };
        let bytes = &self.bytes;
        let decoded: Result<Decoded, CodecError> = match self.compression {
            Compression::Rle => codec::rle::decode(bytes, expected, pixels.bits_allocated),
            Compression::Jpeg => codec::jpeg::decode(bytes, expected),
            Compression::JpegLs => codec::jpeg_ls::decode(bytes, expected),
            Compression::Jpeg2000 => codec::jpeg2000::decode(bytes, expected),
            Compression::JpegXl => codec::jpeg_xl::decode(bytes, expected),
            Compression::Native | Compression::DeflatedFrame | Compression::Video | Compression::Unknown => {
                return Err(PixelError::Unsupported {
                    what: format!("transfer syntax {}", self.transfer_syntax_uid),
                });
            }
        };
        decoded.map_err(|source| PixelError::Codec {
            transfer_syntax_uid: self.transfer_syntax_uid.to_owned(),
            source,
        })
    }

    /// Which bits of the codec's samples count, and with which sign.
    ///
    /// RLE holds the words of the file, so High Bit and Bits Stored say. JPEG knows no sign and holds what was
    /// put into it, garbage above Bits Stored included. The samples of JPEG-LS, JPEG 2000 and JPEG XL have the
    /// precision of their stream; JPEG 2000 alone says whether they have a sign, and where the file says
    /// otherwise, the file is right about the meaning and the stream about the bits.
    fn fit(&self, decoded: &Decoded, pixels: &PixelDescription) -> Result<Fit, PixelError> {
        let precision = u16::from(decoded.precision_bits);
        let container = pixels.bits_allocated.next_multiple_of(8);
        if precision > container {
            return Err(PixelError::Precision {
                expected: pixels.bits_allocated,
                actual: precision,
            });
        }
        let whole = Fit::lowest(container, pixels.sign);
        Ok(match self.compression {
            Compression::Rle => Fit::native(pixels),
            Compression::Jpeg => Fit::lowest(pixels.bits_stored, pixels.sign),
            Compression::Jpeg2000 if decoded.signed == (pixels.sign == Sign::Signed) => whole,
            Compression::Jpeg2000 => Fit::lowest(precision, pixels.sign),
            _ if pixels.sign == Sign::Signed => Fit::lowest(precision, pixels.sign),
            _ => whole,
        })
    }

    /// Brings samples into the declared container.
    fn finish(&self, decoded: Decoded, pixels: &PixelDescription) -> Result<Frame, PixelError> {
        let fit = self.fit(&decoded, pixels)?;
        let photometric = photometric(self.compression, decoded.color, pixels);
        let samples: PixelSamples = match (pixels.bits_allocated, decoded.samples) {
            (..=8, Samples::U8(samples)) => fit.words_8(samples),
            // Signed samples of at most 8 bits come in 16.
            (..=8, Samples::U16(samples)) => {
                fit.words_8(samples.into_iter().map(|sample| sample as u8).collect())
            }
            (..=8, Samples::I32(samples)) => {
                fit.words_8(samples.into_iter().map(|sample| sample as u8).collect())
            }
            (9..=16, Samples::U8(samples)) => fit.words_16(samples.into_iter().map(u16::from).collect()),
            (9..=16, Samples::U16(samples)) => fit.words_16(samples),
            (9..=16, Samples::I32(samples)) => {
                fit.words_16(samples.into_iter().map(|sample| sample as u16).collect())
            }
            (_, Samples::U8(samples)) => fit.words_32(samples.into_iter().map(u32::from).collect()),
            (_, Samples::U16(samples)) if decoded.signed => fit.words_32(
                samples
                    .into_iter()
                    .map(|sample| i32::from(sample.cast_signed()).cast_unsigned())
                    .collect(),
            ),
            (_, Samples::U16(samples)) => fit.words_32(samples.into_iter().map(u32::from).collect()),
            (_, Samples::I32(samples)) => fit.words_32(samples.into_iter().map(i32::cast_unsigned).collect()),
        };
        Ok(Frame {
            rows: decoded.rows,
            columns: decoded.columns,
            channels: decoded.channels,
            photometric,
            samples,
        })
    }
}

/// What the channels mean after decoding.
fn photometric(compression: Compression, color: ColorSpace, pixels: &PixelDescription) -> Photometric {
    if pixels.samples_per_pixel != 3 {
        return pixels.photometric;
    }
    match (color, pixels.photometric) {
        (ColorSpace::Rgb, _) => Photometric::Rgb,
        (ColorSpace::Ybr, _) => Photometric::YbrFull,
        (ColorSpace::AsDeclared, Photometric::YbrFull422) => Photometric::YbrFull,
        // The transforms of JPEG 2000 belong to it: without them the stream holds what they are made from.
        (ColorSpace::AsDeclared, Photometric::YbrIct | Photometric::YbrRct)
            if compression == Compression::Jpeg2000 =>
        {
            Photometric::Rgb
        }
        (ColorSpace::AsDeclared, declared) => declared,
    }
}

/// Bytes of one native frame of its own.
fn bytes_a_frame(pixels: &PixelDescription) -> usize {
    let samples = native::samples_a_frame(pixels);
    if pixels.bits_allocated == 1 {
        samples.div_ceil(8)
    } else {
        samples.saturating_mul(usize::from(pixels.bits_allocated / 8))
    }
}
