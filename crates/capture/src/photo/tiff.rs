//! TIFF: the first page, uncompressed or by LZW, deflate, PackBits or JPEG.

use std::io::{Cursor, ErrorKind};

use ::tiff::decoder::{Decoder, DecodingResult, Limits};
use ::tiff::tags::Tag;
use ::tiff::{ColorType, TiffError};
use intake::budget;

use super::color::ColorSource;
use super::jpeg::rgb_from_ybr;
use super::{Channels, Orientation, PhotoFinding, Raw, Samples, check_size, cut, malformed, unsupported};
use crate::CaptureError;

const FORMAT: &str = "TIFF";
/// Bytes of the longest tag, which is the color profile or the table of strips.
const MAX_TAG_BYTES: usize = 16 << 20;
/// Bytes of decoded samples: four channels of 16 bits.
const MAX_SAMPLE_BYTES: usize = budget::MAX_PHOTO_PIXELS as usize * 8;

pub(super) fn decode(bytes: &[u8]) -> Result<Raw, CaptureError> {
    let failed = |error| from_tiff(error, bytes);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_SAMPLE_BYTES;
    limits.ifd_value_size = MAX_TAG_BYTES;
    limits.intermediate_buffer_size = MAX_SAMPLE_BYTES;
    let mut decoder = Decoder::new(Cursor::new(bytes))
        .map_err(failed)?
        .with_limits(limits);
    let (columns, rows) = decoder.dimensions().map_err(failed)?;
    check_size(FORMAT, columns, rows)?;
    let color_type = decoder.colortype().map_err(failed)?;
    let channels = channels(color_type)?;
    let planar = decoder
        .find_tag_unsigned::<u16>(Tag::PlanarConfiguration)
        .map_err(failed)?
        == Some(2);
    let orientation = decoder.find_tag_unsigned::<u32>(Tag::Orientation).ok().flatten();
    let profile = decoder.get_tag_u8_vec(Tag::IccProfile).ok();
    let mut result = DecodingResult::U8(Vec::new());
    decoder.read_image_to_buffer(&mut result).map_err(failed)?;
    let planes = if planar { channels.count() } else { 1 };
    let samples = match result {
        DecodingResult::U8(samples) => Samples::U8(ybr_to_rgb(color_type, interleaved(samples, planes))),
        DecodingResult::U16(samples) => Samples::U16(interleaved(samples, planes)),
        _ => {
            return Err(unsupported(
                FORMAT,
                "samples that are not whole numbers of 8 or 16 bits",
            ));
        }
    };
    let mut findings = Vec::new();
    if decoder.more_images() {
        findings.push(PhotoFinding::FirstPictureOnly { pictures: None });
    }
    Ok(Raw {
        format: FORMAT,
        columns,
        rows,
        channels,
        samples,
        color: profile.map_or(ColorSource::Srgb, ColorSource::Icc),
        orientation: orientation
            .and_then(Orientation::from_exif)
            .unwrap_or(Orientation::UPRIGHT),
        findings,
    })
}

fn channels(color_type: ColorType) -> Result<Channels, CaptureError> {
    Ok(match color_type {
        ColorType::Gray(8 | 16) => Channels::Gray,
        ColorType::GrayA(8 | 16)
        | ColorType::Multiband {
            bit_depth: 8 | 16,
            num_samples: 2,
        } => Channels::GrayAlpha,
        ColorType::RGB(8 | 16) | ColorType::YCbCr(8) => Channels::Rgb,
        ColorType::RGBA(8 | 16) => Channels::Rgba,
        ColorType::CMYK(8 | 16) => Channels::Cmyk,
        other => return Err(unsupported(FORMAT, format!("a picture of the kind {other:?}"))),
    })
}

/// Samples side by side, from planes one after the other.
fn interleaved<T: Copy + Default>(samples: Vec<T>, planes: usize) -> Vec<T> {
    if planes <= 1 {
        return samples;
    }
    let mut out = vec![T::default(); samples.len()];
    let len = samples.len() / planes;
    for (index, plane) in samples.chunks_exact(len.max(1)).enumerate() {
        for (slot, &v) in out.iter_mut().skip(index).step_by(planes).zip(plane) {
            *slot = v;
        }
    }
    out
}

fn ybr_to_rgb(color_type: ColorType, mut samples: Vec<u8>) -> Vec<u8> {
    if matches!(color_type, ColorType::YCbCr(_)) {
        for pixel in samples.as_chunks_mut::<3>().0 {
            *pixel = rgb_from_ybr(*pixel);
        }
    }
    samples
}

fn from_tiff(error: TiffError, bytes: &[u8]) -> CaptureError {
    match error {
        TiffError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => cut(FORMAT, bytes),
        TiffError::UnsupportedError(what) => unsupported(FORMAT, format!("a picture of this kind ({what})")),
        error => malformed(FORMAT, error.to_string()),
    }
}
