//! WebP, lossy or lossless, and the first picture of an animated one.

use std::io::{Cursor, ErrorKind};

use image_webp::{DecodingError, WebPDecoder};

use super::color::ColorSource;
use super::{
    Channels, Orientation, PhotoFinding, Raw, Samples, check_size, cut, exif, malformed, unsupported,
};
use crate::CaptureError;

const FORMAT: &str = "WebP";
/// Bytes of the longest color profile or Exif block that is read.
const MAX_EXTRA_BYTES: usize = 16 << 20;

pub(super) fn decode(bytes: &[u8]) -> Result<Raw, CaptureError> {
    let failed = |error| from_webp(error, bytes);
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(failed)?;
    decoder.set_memory_limit(MAX_EXTRA_BYTES);
    let (columns, rows) = decoder.dimensions();
    check_size(FORMAT, columns, rows)?;
    // Extras that cannot be read say nothing.
    let exif = decoder.exif_metadata().ok().flatten();
    let exif = exif.as_deref().map(exif::parse).unwrap_or_default();
    let color = match decoder.icc_profile() {
        Ok(Some(profile)) => ColorSource::Icc(profile),
        _ => ColorSource::Srgb,
    };
    let len = decoder
        .output_buffer_size()
        .ok_or_else(|| malformed(FORMAT, "its size is impossible"))?;
    let mut samples = vec![0; len];
    decoder.read_image(&mut samples).map_err(failed)?;
    let mut findings = Vec::new();
    if decoder.is_animated() && decoder.num_frames() > 1 {
        findings.push(PhotoFinding::FirstPictureOnly {
            pictures: Some(decoder.num_frames()),
        });
    }
    Ok(Raw {
        format: FORMAT,
        columns,
        rows,
        channels: if decoder.has_alpha() {
            Channels::Rgba
        } else {
            Channels::Rgb
        },
        samples: Samples::U8(samples),
        color,
        orientation: exif.orientation.unwrap_or(Orientation::UPRIGHT),
        findings,
    })
}

fn from_webp(error: DecodingError, bytes: &[u8]) -> CaptureError {
    match error {
        DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => cut(FORMAT, bytes),
        DecodingError::UnsupportedFeature(what) => unsupported(FORMAT, what),
        error => malformed(FORMAT, error.to_string()),
    }
}
