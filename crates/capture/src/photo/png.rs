//! PNG, and the first picture of an animated one.

use std::io::{Cursor, ErrorKind};

use ::png::{BitDepth, ColorType, Decoder, DecodingError, Info, Limits, ScaledFloat, Transformations};

use super::color::{Chromaticities, ColorSource};
use super::{
    Channels, Orientation, PhotoFinding, Raw, Samples, check_size, cut, exif, malformed, unsupported,
};
use crate::CaptureError;

const FORMAT: &str = "PNG";
/// Bytes that the decoder may use for itself: some lines of the widest picture, and a color profile.
const WORKING_BYTES: usize = 256 << 20;

pub(super) fn decode(bytes: &[u8]) -> Result<Raw, CaptureError> {
    let failed = |error| from_png(&error, bytes);
    let limits = Limits { bytes: WORKING_BYTES };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let header = decoder.read_header_info().map_err(failed)?;
    check_size(FORMAT, header.width, header.height)?;
    let mut reader = decoder.read_info().map_err(failed)?;
    let len = reader
        .output_buffer_size()
        .ok_or_else(|| malformed(FORMAT, "its size is impossible"))?;
    let mut buffer = vec![0; len];
    let frame = reader.next_frame(&mut buffer).map_err(failed)?;
    if (frame.width, frame.height) != reader.info().size() {
        return Err(unsupported(FORMAT, "an animation whose first picture is a part"));
    }
    // What stands behind the picture may say which way is up; that it is cut off takes nothing from the picture.
    let _ = reader.finish();
    let info = reader.info();
    let channels = match frame.color_type {
        ColorType::Grayscale => Channels::Gray,
        ColorType::GrayscaleAlpha => Channels::GrayAlpha,
        ColorType::Rgb => Channels::Rgb,
        ColorType::Rgba => Channels::Rgba,
        ColorType::Indexed => return Err(malformed(FORMAT, "its palette is missing")),
    };
    buffer.truncate(frame.buffer_size());
    let samples = match frame.bit_depth {
        BitDepth::Sixteen => {
            let pairs = buffer.as_chunks::<2>().0;
            Samples::U16(pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
        }
        _ => Samples::U8(buffer),
    };
    let exif = info.exif_metadata.as_deref().map(exif::parse).unwrap_or_default();
    let pictures = info.animation_control.map(|control| control.num_frames);
    Ok(Raw {
        format: FORMAT,
        columns: frame.width,
        rows: frame.height,
        channels,
        samples,
        color: color(info),
        orientation: exif.orientation.unwrap_or(Orientation::UPRIGHT),
        findings: pictures
            .filter(|n| *n > 1)
            .map(|n| PhotoFinding::FirstPictureOnly { pictures: Some(n) })
            .into_iter()
            .collect(),
    })
}

/// What holds for the colors, the strongest word first (PNG, third edition, 4.3).
fn color(info: &Info<'_>) -> ColorSource {
    if let Some(points) = &info.coding_independent_code_points {
        return ColorSource::CodePoints {
            primaries: points.color_primaries,
            transfer: points.transfer_function,
        };
    }
    if let Some(profile) = &info.icc_profile {
        return ColorSource::Icc(profile.to_vec());
    }
    let (None, Some(gamma)) = (info.srgb, info.gama_chunk) else {
        return ColorSource::Srgb;
    };
    let pair = |(x, y): (ScaledFloat, ScaledFloat)| [x.into_value(), y.into_value()];
    let chromaticities = info.chrm_chunk.map(|told| Chromaticities {
        white: pair(told.white),
        red: pair(told.red),
        green: pair(told.green),
        blue: pair(told.blue),
    });
    let exponent = gamma.into_value();
    // The usual screen, which writers of sRGB say by this number.
    if (exponent - 0.454_55).abs() < 0.01 && chromaticities.is_none_or(is_srgb) {
        return ColorSource::Srgb;
    }
    ColorSource::Gamma {
        exponent,
        chromaticities,
    }
}

fn is_srgb(told: Chromaticities) -> bool {
    let told = [told.white, told.red, told.green, told.blue];
    let srgb = [[0.3127, 0.329], [0.64, 0.33], [0.3, 0.6], [0.15, 0.06]];
    let all = told.as_flattened().iter().zip(srgb.as_flattened());
    all.into_iter().all(|(a, b): (&f32, &f32)| (a - b).abs() < 0.002)
}

fn from_png(error: &DecodingError, bytes: &[u8]) -> CaptureError {
    match error {
        DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => cut(FORMAT, bytes),
        DecodingError::LimitsExceeded => unsupported(FORMAT, "a picture with lines or extras of this length"),
        error => malformed(FORMAT, error.to_string()),
    }
}
