//! The pictures of a frame: depth and confidence as PNG, color as PNG or JPEG.

use codec::{ColorSpace, Expected, Samples};
use intake::budget::{check_frame, check_photo};

use crate::CaptureError;

/// A decoded PNG.
pub(super) struct Png {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) color: png::ColorType,
    pub(super) depth: png::BitDepth,
    /// Rows of samples, big endian where they have 16 bits.
    pub(super) bytes: Vec<u8>,
}

const PNG: &str = "PNG";
const JPEG: &str = "JPEG";

fn broken(format: &'static str, what: &dyn std::fmt::Display) -> CaptureError {
    CaptureError::Malformed {
        format,
        what: what.to_string(),
    }
}

/// Decodes a PNG; palettes and samples of fewer than 8 bits are expanded.
pub(super) fn png(bytes: &[u8]) -> Result<Png, CaptureError> {
    let mut decoder = png::Decoder::new_with_limits(
        std::io::Cursor::new(bytes),
        png::Limits {
            bytes: intake::budget::MAX_FRAME_BYTES as usize,
        },
    );
    decoder.set_transformations(png::Transformations::EXPAND);
    decoder.ignore_checksums(false);
    let mut reader = decoder.read_info().map_err(|error| broken(PNG, &error))?;
    let (width, height) = (reader.info().width, reader.info().height);
    check_photo(u64::from(width), u64::from(height))?;
    check_frame(u64::from(height), u64::from(width), 4, 2)?;
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| broken(PNG, &"a picture too large to be read"))?;
    // A row compresses to a thousandth at best: what is declared far beyond the bytes is not there.
    intake::budget::check_expansion((bytes.len() as u64).saturating_mul(8), size as u64)?;
    let mut pixels = vec![0; size];
    let frame = reader
        .next_frame(&mut pixels)
        .map_err(|error| broken(PNG, &error))?;
    pixels.truncate(frame.buffer_size());
    Ok(Png {
        width,
        height,
        color: frame.color_type,
        depth: frame.bit_depth,
        bytes: pixels,
    })
}

/// The samples of a gray PNG, whatever their bits.
pub(super) fn gray(bytes: &[u8]) -> Result<(u32, u32, Vec<u16>), CaptureError> {
    let picture = png(bytes)?;
    let samples = match (picture.color, picture.depth) {
        (png::ColorType::Grayscale, png::BitDepth::Sixteen) => {
            let (pairs, _) = picture.bytes.as_chunks::<2>();
            pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect()
        }
        (png::ColorType::Grayscale, _) => picture.bytes.iter().map(|&v| u16::from(v)).collect(),
        (other, _) => {
            return Err(CaptureError::Unsupported {
                format: PNG,
                what: format!("depth in a picture of kind {other:?}"),
            });
        }
    };
    Ok((picture.width, picture.height, samples))
}

/// The pixels of a color picture, PNG or JPEG.
pub(super) fn color(bytes: &[u8]) -> Result<(u32, u32, Vec<[u8; 3]>), CaptureError> {
    if bytes.starts_with(&[0xFF, 0xD8]) {
        return jpeg(bytes);
    }
    let picture = png(bytes)?;
    let wide = picture.depth == png::BitDepth::Sixteen;
    let high: Vec<u8> = if wide {
        picture.bytes.iter().step_by(2).copied().collect()
    } else {
        picture.bytes
    };
    let channels = picture.color.samples();
    let pixels = high
        .chunks_exact(channels)
        .map(|pixel| match *pixel {
            [v] | [v, _] => [v; 3],
            [r, g, b] | [r, g, b, _] => [r, g, b],
            _ => [0; 3],
        })
        .collect();
    Ok((picture.width, picture.height, pixels))
}

fn jpeg(bytes: &[u8]) -> Result<(u32, u32, Vec<[u8; 3]>), CaptureError> {
    let expected = jpeg_size(bytes).ok_or_else(|| broken(JPEG, &"no frame header"))?;
    check_photo(u64::from(expected.columns), u64::from(expected.rows))?;
    let picture = codec::jpeg::decode(bytes, expected).map_err(|error| broken(JPEG, &error))?;
    let Samples::U8(samples) = picture.samples else {
        return Err(CaptureError::Unsupported {
            format: JPEG,
            what: "a picture of more than 8 bits".to_owned(),
        });
    };
    let pixels = match (expected.channels, picture.color) {
        (1, _) => samples.iter().map(|&v| [v; 3]).collect(),
        (3, ColorSpace::Rgb) => samples.as_chunks::<3>().0.to_vec(),
        // Three channels without a word on their meaning are luminance and chrominances.
        (3, _) => samples
            .as_chunks::<3>()
            .0
            .iter()
            .map(|&pixel| rgb(pixel))
            .collect(),
        (channels, _) => {
            return Err(CaptureError::Unsupported {
                format: JPEG,
                what: format!("a picture of {channels} channels"),
            });
        }
    };
    Ok((expected.columns, expected.rows, pixels))
}

/// ITU-T T.871, section 7, in 16-bit fractions.
fn rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y) << 16, i32::from(cb) - 128, i32::from(cr) - 128);
    let channel = |v: i32| ((v + (1 << 15)) >> 16).clamp(0, 255) as u8;
    [
        channel(y + 91_881 * cr),
        channel(y - 22_554 * cb - 46_802 * cr),
        channel(y + 116_130 * cb),
    ]
}

/// Size and channels from the frame header, which stands before any samples.
fn jpeg_size(bytes: &[u8]) -> Option<Expected> {
    let mut at = 2usize;
    loop {
        while *bytes.get(at)? != 0xFF {
            at = at.checked_add(1)?;
        }
        while *bytes.get(at)? == 0xFF {
            at = at.checked_add(1)?;
        }
        let marker = *bytes.get(at)?;
        let segment = bytes.get(at.checked_add(1)?..)?;
        let length = u16::from_be_bytes(*segment.first_chunk()?);
        match marker {
            0x01 | 0xD0..=0xD7 => at = at.checked_add(1)?,
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                let [_, _, _, h1, h0, w1, w0, channels] = *segment.first_chunk::<8>()?;
                return Some(Expected {
                    columns: u32::from(u16::from_be_bytes([w1, w0])),
                    rows: u32::from(u16::from_be_bytes([h1, h0])),
                    channels: u16::from(channels),
                });
            }
            0xD9 | 0xDA => return None,
            _ => at = at.checked_add(1)?.checked_add(usize::from(length))?,
        }
    }
}
