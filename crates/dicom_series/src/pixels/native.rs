//! Uncompressed frames (PS3.5 section 8 and annex D): bytes to samples.

use std::borrow::Cow;

use crate::instance::{ByteOrder, Photometric, PixelDescription, PixelLocation, Planar, SampleFormat};

use super::error::PixelError;
use super::fit::Fit;
use super::{Frame, PixelSamples};

/// The bytes of a range of the data set.
pub(crate) fn range(bytes: &[u8], offset: u64, len: u64) -> Result<&[u8], PixelError> {
    usize::try_from(offset)
        .ok()
        .and_then(|start| bytes.get(start..)?.get(..usize::try_from(len).ok()?))
        .ok_or(PixelError::Range {
            offset,
            len,
            available: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        })
}

/// The value of native pixel data.
pub(crate) fn value<'a>(bytes: &'a [u8], pixels: &PixelDescription) -> Result<&'a [u8], PixelError> {
    match pixels.location {
        PixelLocation::Native { offset, len } => range(bytes, offset, len),
        PixelLocation::Encapsulated { .. } => Err(PixelError::NoImage),
    }
}

/// Samples of one frame.
pub(crate) fn samples_a_frame(pixels: &PixelDescription) -> usize {
    to_usize(pixels.rows)
        .saturating_mul(to_usize(pixels.columns))
        .saturating_mul(usize::from(pixels.samples_per_pixel))
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Whether pairs of pixels share their chrominances.
fn is_subsampled(pixels: &PixelDescription) -> bool {
    pixels.samples_per_pixel == 3
        && matches!(
            pixels.photometric,
            Photometric::YbrFull422 | Photometric::YbrPartial422
        )
}

/// Bytes of one frame of at least 8 bits a sample.
fn frame_len(pixels: &PixelDescription) -> usize {
    let len = samples_a_frame(pixels).saturating_mul(usize::from(pixels.bits_allocated / 8));
    if is_subsampled(pixels) { len / 3 * 2 } else { len }
}

/// The bytes of frame number `frame`, in little-endian order where a sample has one byte.
fn frame_bytes<'a>(
    value: &'a [u8],
    pixels: &PixelDescription,
    frame: u32,
) -> Result<Cow<'a, [u8]>, PixelError> {
    let len = frame_len(pixels);
    let start = len.saturating_mul(to_usize(frame));
    let short = || PixelError::Short {
        actual: value.len(),
        needed: start.saturating_add(len),
    };
    if pixels.byte_order != ByteOrder::BigWords {
        let bytes = value
            .get(start..)
            .and_then(|rest| rest.get(..len))
            .ok_or_else(short)?;
        return Ok(Cow::Borrowed(bytes));
    }
    // Words are swapped, so a frame of odd length begins or ends in the middle of one.
    let first = start & !1;
    let end = start.saturating_add(len).next_multiple_of(2);
    let words = value.get(first..end).ok_or_else(short)?;
    let mut swapped: Vec<u8> = words
        .as_chunks::<2>()
        .0
        .iter()
        .flat_map(|&[a, b]| [b, a])
        .collect();
    swapped.drain(..start.saturating_sub(first));
    swapped.truncate(len);
    Ok(Cow::Owned(swapped))
}

/// The bytes of a frame that [`widen_into`] takes as they are: little-endian, of one or two bytes a sample, in
/// the order of the output. `None` for others.
pub(crate) fn direct<'a>(
    value: &'a [u8],
    pixels: &PixelDescription,
    frame: u32,
) -> Result<Option<&'a [u8]>, PixelError> {
    let plain = matches!(pixels.bits_allocated, 8 | 16)
        && pixels.format == SampleFormat::Integer
        && pixels.byte_order == ByteOrder::Little
        && (pixels.samples_per_pixel == 1 || pixels.planar == Planar::ByPixel)
        && !is_subsampled(pixels);
    if !plain {
        return Ok(None);
    }
    match frame_bytes(value, pixels, frame)? {
        Cow::Borrowed(bytes) => Ok(Some(bytes)),
        Cow::Owned(_) => Ok(None),
    }
}

/// Writes little-endian samples of one or two bytes, as many as `out` has.
pub(crate) fn widen_into(bytes: &[u8], fit: Fit, out: &mut [u16]) {
    if bytes.len() == out.len() {
        fit.pass_8(bytes.iter().copied(), out);
    } else {
        let words = bytes.as_chunks::<2>().0;
        fit.pass_16(words.iter().map(|&word| u16::from_le_bytes(word)), out);
    }
}

/// Decodes frame number `frame` of the value.
pub(crate) fn frame(value: &[u8], pixels: &PixelDescription, frame: u32) -> Result<Frame, PixelError> {
    let samples = match pixels.bits_allocated {
        1 => PixelSamples::U8(single_bits(value, pixels, frame)?),
        _ => samples(&frame_bytes(value, pixels, frame)?, pixels)?,
    };
    let by_pixel = match pixels.planar {
        _ if is_subsampled(pixels) => expand(samples)?,
        Planar::ByPlane if pixels.samples_per_pixel > 1 => interleave(samples, pixels.samples_per_pixel),
        _ => samples,
    };
    Ok(Frame {
        rows: pixels.rows,
        columns: pixels.columns,
        channels: pixels.samples_per_pixel,
        photometric: match pixels.photometric {
            Photometric::YbrFull422 => Photometric::YbrFull,
            other => other,
        },
        samples: by_pixel,
    })
}

/// Single bits, the lowest of a byte first; frames follow one another without padding (PS3.5 8.1.1, D.1).
fn single_bits(value: &[u8], pixels: &PixelDescription, frame: u32) -> Result<Vec<u8>, PixelError> {
    let count = samples_a_frame(pixels);
    let first = count.saturating_mul(to_usize(frame));
    let end = first.saturating_add(count);
    let packed = value.get(first / 8..end.div_ceil(8)).ok_or(PixelError::Short {
        actual: value.len(),
        needed: end.div_ceil(8),
    })?;
    // Bytes of big-endian words are swapped back by looking at the neighbor.
    let swapped: Cow<'_, [u8]> = if pixels.byte_order == ByteOrder::BigWords {
        let start = first / 8;
        (start..end.div_ceil(8))
            .map(|index| value.get(index ^ 1).copied().unwrap_or(0))
            .collect::<Vec<u8>>()
            .into()
    } else {
        packed.into()
    };
    Ok(swapped
        .iter()
        .flat_map(|&byte| [0, 1, 2, 3, 4, 5, 6, 7].map(|bit: u32| (byte >> bit) & 1))
        .skip(first % 8)
        .take(count)
        .collect())
}

/// The samples of the bytes of a frame.
fn samples(bytes: &[u8], pixels: &PixelDescription) -> Result<PixelSamples, PixelError> {
    let big = pixels.byte_order == ByteOrder::Big;
    let fit = Fit::native(pixels);
    Ok(match (pixels.format, pixels.bits_allocated) {
        (SampleFormat::Float32, _) => {
            PixelSamples::F32(words(bytes, big, f32::from_le_bytes, f32::from_be_bytes))
        }
        (SampleFormat::Float64, _) => {
            PixelSamples::F64(words(bytes, big, f64::from_le_bytes, f64::from_be_bytes))
        }
        (SampleFormat::Integer, 8) => fit.words_8(bytes.to_vec()),
        (SampleFormat::Integer, 16) => {
            fit.words_16(words(bytes, big, u16::from_le_bytes, u16::from_be_bytes))
        }
        (SampleFormat::Integer, 24) => fit.words_32(words(
            bytes,
            big,
            |[a, b, c]| u32::from_le_bytes([a, b, c, 0]),
            |[a, b, c]| u32::from_be_bytes([0, a, b, c]),
        )),
        (SampleFormat::Integer, 32) => {
            fit.words_32(words(bytes, big, u32::from_le_bytes, u32::from_be_bytes))
        }
        (SampleFormat::Integer, bits) => {
            return Err(PixelError::Unsupported {
                what: format!("{bits} bits allocated"),
            });
        }
    })
}

/// Words of `N` bytes in one of two orders.
fn words<const N: usize, T>(
    bytes: &[u8],
    big: bool,
    little_endian: impl Fn([u8; N]) -> T,
    big_endian: impl Fn([u8; N]) -> T,
) -> Vec<T> {
    let words = bytes.as_chunks::<N>().0.iter();
    if big {
        words.map(|&word| big_endian(word)).collect()
    } else {
        words.map(|&word| little_endian(word)).collect()
    }
}

/// Gives each pixel of a pair its own chrominances: Y1 Y2 B R to Y1 B R Y2 B R (PS3.3 C.7.6.3.1.2).
fn expand(samples: PixelSamples) -> Result<PixelSamples, PixelError> {
    fn pairs<T: Copy>(samples: &[T]) -> Vec<T> {
        samples
            .as_chunks::<4>()
            .0
            .iter()
            .flat_map(|&[y1, y2, b, r]| [y1, b, r, y2, b, r])
            .collect()
    }
    Ok(match samples {
        PixelSamples::U8(samples) => PixelSamples::U8(pairs(&samples)),
        PixelSamples::U16(samples) => PixelSamples::U16(pairs(&samples)),
        _ => {
            return Err(PixelError::Unsupported {
                what: "subsampled color other than unsigned of 8 or 16 bits".to_owned(),
            });
        }
    })
}

/// Planes of channels to color by pixel.
fn interleave(samples: PixelSamples, channels: u16) -> PixelSamples {
    fn by_pixel<T: Copy>(samples: &[T], channels: usize) -> Vec<T> {
        let plane = samples.len() / channels.max(1);
        let mut out = Vec::with_capacity(samples.len());
        for pixel in 0..plane {
            out.extend(
                samples
                    .iter()
                    .skip(pixel)
                    .step_by(plane.max(1))
                    .take(channels)
                    .copied(),
            );
        }
        out
    }
    let channels = usize::from(channels);
    match samples {
        PixelSamples::U8(samples) => PixelSamples::U8(by_pixel(&samples, channels)),
        PixelSamples::I8(samples) => PixelSamples::I8(by_pixel(&samples, channels)),
        PixelSamples::U16(samples) => PixelSamples::U16(by_pixel(&samples, channels)),
        PixelSamples::I16(samples) => PixelSamples::I16(by_pixel(&samples, channels)),
        PixelSamples::U32(samples) => PixelSamples::U32(by_pixel(&samples, channels)),
        PixelSamples::I32(samples) => PixelSamples::I32(by_pixel(&samples, channels)),
        PixelSamples::F32(samples) => PixelSamples::F32(by_pixel(&samples, channels)),
        PixelSamples::F64(samples) => PixelSamples::F64(by_pixel(&samples, channels)),
    }
}
