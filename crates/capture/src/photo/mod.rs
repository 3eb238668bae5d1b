//! Photographs: JPEG, PNG, WebP, TIFF and HEIC to upright pixels in sRGB.
//!
//! A room of its own because five formats end in one thing: rows of red, green and blue as a person should see them.
//! Each format's module gives a `Raw` picture (samples as stored, with what the file says of color and of which way is
//! up); what follows is the same for all: budget, color profile to sRGB, transparency onto white, turning upright. Nothing
//! but pixels comes out: places, devices, comments and embedded thumbnails stay in the original.
//!
//! Of files with several pictures (animations, pages) the first is taken, which is told. A picture that is not complete
//! in its file is refused: what is missing of a finding must not look like its absence.
//!
//! # Limits
//! High dynamic range is refused where it is the picture itself (PQ, HLG) and ignored where it is an extra (gain maps).
//! AVIF, arithmetic JPEG and floating-point TIFF are refused.

mod color;
mod exif;
mod finding;
mod heif;
mod jpeg;
mod orientation;
mod png;
mod strip;
mod tiff;
mod webp;

use intake::{Kind, budget};
use serde::{Deserialize, Serialize};

pub use finding::PhotoFinding;
pub use orientation::Orientation;
pub use strip::stripped;

use crate::CaptureError;
use color::{ColorSource, Converter};

/// Bytes of the largest picture that [`read_into`] writes.
pub const MAX_PICTURE_BYTES: u64 = budget::MAX_PHOTO_PIXELS * 3;

/// What is known of a photograph besides its pixels. Nothing of it is personal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhotoFacts {
    /// Pixels along a row, upright.
    pub columns: u32,
    /// Rows, upright.
    pub rows: u32,
    /// Name of the format, as a person says it.
    pub format: String,
    /// What was done to it that a viewer should know.
    pub findings: Vec<PhotoFinding>,
}

impl PhotoFacts {
    /// Bytes of the pixels.
    pub fn picture_bytes(&self) -> u64 {
        u64::from(self.columns) * u64::from(self.rows) * 3
    }
}

/// A photograph, upright and in sRGB.
#[derive(Clone, Debug, PartialEq)]
pub struct Photo {
    /// What is known of it.
    pub facts: PhotoFacts,
    /// `[row][column][red, green, blue]`, `u8`, sRGB (IEC 61966-2-1).
    pub rgb: Vec<u8>,
}

/// Whether files of this kind are photographs for [`read`], readable or not.
pub fn is_photo(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Jpeg | Kind::Png | Kind::WebP | Kind::Tiff | Kind::Heif
    )
}

/// Reads a photograph.
///
/// # Errors
/// [`CaptureError::Budget`] beyond [`budget::MAX_PHOTO_PIXELS`], told from the header before pixels are decoded;
/// [`CaptureError::Truncated`] when the picture is not complete; otherwise what the format's decoder refuses.
pub fn read(bytes: &[u8]) -> Result<Photo, CaptureError> {
    let raw = decode(bytes)?;
    let mut rgb = vec![0; raw.picture_len()];
    let facts = finish(raw, &mut rgb)?;
    Ok(Photo { facts, rgb })
}

/// Reads a picture that is laid on a surface: its pixels stay where its file has them, because places on it are told by
/// them (glTF 2.0, 3.8.2).
///
/// # Errors
/// As [`read`].
pub fn read_texture(bytes: &[u8]) -> Result<Photo, CaptureError> {
    let raw = Raw {
        orientation: Orientation::UPRIGHT,
        ..decode(bytes)?
    };
    let mut rgb = vec![0; raw.picture_len()];
    let facts = finish(raw, &mut rgb)?;
    Ok(Photo { facts, rgb })
}

/// Reads a photograph into the beginning of `out`, which needs at most [`MAX_PICTURE_BYTES`].
///
/// # Errors
/// As [`read`], and when the picture does not fit.
pub fn read_into(bytes: &[u8], out: &mut [u8]) -> Result<PhotoFacts, CaptureError> {
    let raw = decode(bytes)?;
    let format = raw.format;
    let out = out
        .get_mut(..raw.picture_len())
        .ok_or_else(|| malformed(format, "its pixels do not fit the memory set aside for them"))?;
    finish(raw, out)
}

/// A picture as its file holds it.
struct Raw {
    format: &'static str,
    columns: u32,
    rows: u32,
    channels: Channels,
    samples: Samples,
    color: ColorSource,
    /// How to turn it.
    orientation: Orientation,
    findings: Vec<PhotoFinding>,
}

/// What the samples of a pixel are, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channels {
    Gray,
    GrayAlpha,
    Rgb,
    Rgba,
    /// Ink: 0 is none.
    Cmyk,
}

impl Channels {
    fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }
}

/// `[row][column][channel]`, the full range of the type.
enum Samples {
    U8(Vec<u8>),
    U16(Vec<u16>),
}

impl Raw {
    /// Bytes of the finished picture; the budget has been checked.
    fn picture_len(&self) -> usize {
        self.columns as usize * self.rows as usize * 3
    }
}

/// The picture of any format, within the budget.
fn decode(bytes: &[u8]) -> Result<Raw, CaptureError> {
    match intake::sniff(bytes) {
        Kind::Jpeg => jpeg::decode(bytes),
        Kind::Png => png::decode(bytes),
        Kind::WebP => webp::decode(bytes),
        Kind::Tiff => tiff::decode(bytes),
        Kind::Heif => heif::decode(bytes),
        kind => Err(CaptureError::Unsupported {
            format: "photograph",
            what: format!("a file of this kind ({})", kind.word()),
        }),
    }
}

/// Checks the declared size of a picture before anything is allocated for it.
fn check_size(format: &'static str, columns: u32, rows: u32) -> Result<(), CaptureError> {
    if columns == 0 || rows == 0 {
        return Err(malformed(
            format,
            format!("{columns} x {rows} pixels are no picture"),
        ));
    }
    Ok(budget::check_photo(columns.into(), rows.into())?)
}

/// Converts and turns `raw` into `out`, which has its length.
fn finish(raw: Raw, out: &mut [u8]) -> Result<PhotoFacts, CaptureError> {
    let Raw {
        format,
        columns,
        rows,
        channels,
        samples,
        color,
        orientation,
        mut findings,
    } = raw;
    let expected = columns as usize * rows as usize * channels.count();
    let actual = match &samples {
        Samples::U8(samples) => samples.len(),
        Samples::U16(samples) => samples.len(),
    };
    if actual != expected {
        return Err(malformed(
            format,
            format!("it holds {actual} samples, its size asks for {expected}"),
        ));
    }
    let mut converter = Converter::new(channels, &color, columns as usize);
    let mut line = vec![0; columns as usize * 3];
    let stride = columns as usize * channels.count();
    let turn = orientation.turn(columns as usize, rows as usize);
    match &samples {
        Samples::U8(samples) => {
            for (row, source) in samples.chunks_exact(stride).enumerate() {
                converter.row_of_u8(source, &mut line);
                turn.place_row(row, &line, out);
            }
        }
        Samples::U16(samples) => {
            for (row, source) in samples.chunks_exact(stride).enumerate() {
                converter.row_of_u16(source, &mut line);
                turn.place_row(row, &line, out);
            }
        }
    }
    if orientation != Orientation::UPRIGHT {
        findings.push(PhotoFinding::TurnedUpright { orientation });
    }
    findings.extend(converter.findings());
    if matches!(samples, Samples::U16(_)) {
        findings.push(PhotoFinding::DepthReduced);
    }
    let (columns, rows) = orientation.size(columns, rows);
    Ok(PhotoFacts {
        columns,
        rows,
        format: format.to_owned(),
        findings,
    })
}

fn malformed(format: &'static str, what: impl Into<String>) -> CaptureError {
    CaptureError::Malformed {
        format,
        what: what.into(),
    }
}

fn unsupported(format: &'static str, what: impl Into<String>) -> CaptureError {
    CaptureError::Unsupported {
        format,
        what: what.into(),
    }
}

/// The file ends before its picture does.
fn cut(format: &'static str, bytes: &[u8]) -> CaptureError {
    CaptureError::Truncated {
        format,
        what: "a part of the picture".to_owned(),
        offset: bytes.len() as u64,
    }
}
