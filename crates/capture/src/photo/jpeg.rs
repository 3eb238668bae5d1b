//! JPEG: what its markers say, and the pixels by `codec`.

use codec::{ColorSpace, Decoded, Expected};
use intake::budget;

use super::color::ColorSource;
use super::exif::Exif;
use super::{Channels, Raw, Samples, check_size, cut, exif, malformed, unsupported};
use crate::{CaptureError, photo::Orientation};

const FORMAT: &str = "JPEG";
/// Bytes of the color profile in one segment, after its own header.
const PROFILE_HEADER: &[u8] = b"ICC_PROFILE\0";
const MAX_PROFILE_BYTES: usize = 16 << 20;

/// What stands before the first scan.
#[derive(Default)]
struct Head<'a> {
    columns: u32,
    rows: u32,
    components: u16,
    lossless: bool,
    /// The transform of an Adobe segment.
    adobe: Option<u8>,
    exif: Exif,
    /// Pieces of the color profile, each with its number.
    profile: Vec<(u8, &'a [u8])>,
}

pub(super) fn decode(bytes: &[u8]) -> Result<Raw, CaptureError> {
    let head = Head::read(bytes)?;
    check_size(FORMAT, head.columns, head.rows)?;
    let expected = Expected {
        columns: head.columns,
        rows: head.rows,
        channels: head.components,
    };
    let decoded = codec::jpeg::decode(bytes, expected).map_err(|error| from_codec(&error, bytes))?;
    let color = head.color()?;
    let (channels, samples) = samples(decoded, &head)?;
    Ok(Raw {
        format: FORMAT,
        columns: head.columns,
        rows: head.rows,
        channels,
        samples: Samples::U8(samples),
        color,
        orientation: head.exif.orientation.unwrap_or(Orientation::UPRIGHT),
        findings: Vec::new(),
    })
}

impl<'a> Head<'a> {
    /// Walks through the segments up to the first scan (ITU-T T.81, B.1).
    fn read(bytes: &'a [u8]) -> Result<Self, CaptureError> {
        let mut head = Self::default();
        let mut at = 2;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            // Fill bytes and stray data between segments are passed over, as decoders do.
            let Some(skipped) = rest.array_windows().position(|&[mark, code]| {
                mark == 0xFF && code != 0 && code != 0xFF && !(0xD0..=0xD7).contains(&code) && code != 1
            }) else {
                return Err(cut(FORMAT, bytes));
            };
            let rest = rest.get(skipped..).unwrap_or_default();
            let &[_, code, high, low] = rest.first_chunk::<4>().ok_or_else(|| cut(FORMAT, bytes))?;
            if code == 0xD8 {
                at = at.saturating_add(skipped).saturating_add(2);
                continue;
            }
            if code == 0xD9 {
                return Err(cut(FORMAT, bytes));
            }
            let length = usize::from(u16::from_be_bytes([high, low]));
            let body = rest
                .get(4..length.saturating_add(2).max(4))
                .ok_or_else(|| cut(FORMAT, bytes))?;
            match code {
                0xDA if head.components == 0 => {
                    return Err(malformed(FORMAT, "it has no frame header before its picture"));
                }
                0xDA => return Ok(head),
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => head.frame(code, body)?,
                _ => head.application(code, body),
            }
            at = at
                .saturating_add(skipped)
                .saturating_add(2)
                .saturating_add(length);
        }
    }

    /// A frame header (T.81, B.2.2).
    fn frame(&mut self, code: u8, body: &[u8]) -> Result<(), CaptureError> {
        if self.components != 0 {
            return Err(malformed(FORMAT, "it has two frame headers"));
        }
        let &[_, y1, y0, x1, x0, components] = body
            .first_chunk::<6>()
            .ok_or_else(|| malformed(FORMAT, "its frame header is too short"))?;
        self.rows = u16::from_be_bytes([y1, y0]).into();
        self.columns = u16::from_be_bytes([x1, x0]).into();
        if self.rows == 0 {
            return Err(unsupported(FORMAT, "a height that is told after the picture"));
        }
        self.lossless = code == 0xC3;
        self.components = components.into();
        Ok(())
    }

    fn application(&mut self, code: u8, body: &'a [u8]) {
        match code {
            0xE1 if body.starts_with(b"Exif\0") && self.exif == Exif::default() => {
                self.exif = exif::parse(body);
            }
            0xE2 => {
                if let Some([number, _count, piece @ ..]) = body.strip_prefix(PROFILE_HEADER) {
                    self.profile.push((*number, piece));
                }
            }
            0xEE if body.starts_with(b"Adobe") => self.adobe = body.get(11).copied(),
            _ => {}
        }
    }

    /// The color profile in one piece (ICC.1:2022, B.4), or what stands for it.
    fn color(&self) -> Result<ColorSource, CaptureError> {
        if self.profile.is_empty() {
            return Ok(if self.exif.adobe_rgb && self.components == 3 {
                ColorSource::AdobeRgb
            } else {
                ColorSource::Srgb
            });
        }
        let len: usize = self.profile.iter().map(|(_, piece)| piece.len()).sum();
        budget::check_length(len as u64, MAX_PROFILE_BYTES)?;
        let mut pieces = self.profile.clone();
        pieces.sort_by_key(|(number, _)| *number);
        Ok(ColorSource::Icc(
            pieces.iter().flat_map(|(_, piece)| *piece).copied().collect(),
        ))
    }
}

fn from_codec(error: &codec::CodecError, bytes: &[u8]) -> CaptureError {
    match error {
        codec::CodecError::Truncated { .. } => cut(FORMAT, bytes),
        codec::CodecError::Unsupported { what, .. } => unsupported(FORMAT, *what),
        codec::CodecError::Malformed { what, offset, .. } => {
            malformed(FORMAT, format!("{what} at byte {offset}"))
        }
        codec::CodecError::Mismatch { .. } => {
            malformed(FORMAT, "its headers contradict each other".to_owned())
        }
    }
}

/// Samples of 8 bits: gray, red-green-blue, or ink where 0 is none.
fn samples(decoded: Decoded, head: &Head<'_>) -> Result<(Channels, Vec<u8>), CaptureError> {
    let bits = decoded.precision_bits;
    let color = decoded.color;
    let mut samples = match decoded.samples {
        codec::Samples::U8(samples) if bits == 8 => samples,
        codec::Samples::U8(samples) => scaled(samples.into_iter().map(u32::from), bits),
        codec::Samples::U16(samples) => scaled(samples.into_iter().map(u32::from), bits),
        codec::Samples::I32(_) => return Err(unsupported(FORMAT, "more than 16 bits a sample")),
    };
    match head.components {
        1 => Ok((Channels::Gray, samples)),
        3 => {
            // Without a word of the file, components are luminance and chrominance, as in all software; lossless
            // files hold colors as they are.
            let rgb = color == ColorSpace::Rgb || (color == ColorSpace::AsDeclared && head.lossless);
            if !rgb {
                for pixel in samples.as_chunks_mut::<3>().0 {
                    *pixel = rgb_from_ybr(*pixel);
                }
            }
            Ok((Channels::Rgb, samples))
        }
        4 => {
            for pixel in samples.as_chunks_mut::<4>().0 {
                let [a, b, c, black] = *pixel;
                let [a, b, c] = if head.adobe == Some(2) {
                    rgb_from_ybr([a, b, c])
                } else {
                    [a, b, c]
                };
                // Programs that mark their files with an Adobe segment store the complement of the ink.
                *pixel = if head.adobe.is_some() {
                    [255 - a, 255 - b, 255 - c, 255 - black]
                } else {
                    [a, b, c, black]
                };
            }
            Ok((Channels::Cmyk, samples))
        }
        n => Err(unsupported(FORMAT, format!("a picture of {n} components"))),
    }
}

/// Samples of `bits` to the nearest of 8 bits.
fn scaled(samples: impl Iterator<Item = u32>, bits: u8) -> Vec<u8> {
    let max = (1u32 << bits.clamp(1, 16)) - 1;
    samples
        .map(|v| ((v.min(max) * 255 + max / 2) / max) as u8)
        .collect()
}

/// JFIF's conversion (ITU-T T.871, 7), in 16 bits of fraction.
pub(super) fn rgb_from_ybr([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let y = i32::from(y) << 16;
    let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
    let half = 1 << 15;
    let red = y + 91_881 * cr + half;
    let green = y - 22_554 * cb - 46_802 * cr + half;
    let blue = y + 116_130 * cb + half;
    [red, green, blue].map(|v| (v >> 16).clamp(0, 255) as u8)
}
