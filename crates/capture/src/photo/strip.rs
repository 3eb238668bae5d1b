//! Textures: pictures that are handed on as they are encoded, without what is not their pixels.

use crate::CaptureError;

use super::{cut, malformed, unsupported};

const JPEG: &str = "JPEG";
const PNG: &str = "PNG";
const PNG_SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// The bytes of a JPEG or PNG without comments, Exif, XMP, color profiles and whatever stands behind the picture. Its
/// pixels are the same.
///
/// # Errors
/// When it is neither, or its segments or chunks do not fit its length.
pub fn stripped(bytes: &[u8]) -> Result<Vec<u8>, CaptureError> {
    if bytes.starts_with(b"\xFF\xD8") {
        jpeg(bytes)
    } else if bytes.starts_with(PNG_SIGNATURE) {
        png(bytes)
    } else {
        Err(unsupported("texture", "a picture that is neither JPEG nor PNG"))
    }
}

/// Keeps what decoding needs (T.81, B.1.1.3): all but application segments and comments; of those, Adobe's, which says
/// what the colors are, cut to its twelve bytes.
fn jpeg(bytes: &[u8]) -> Result<Vec<u8>, CaptureError> {
    let mut out = vec![0xFF, 0xD8];
    let mut at = 2;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let [0xFF, code, ..] = *rest else {
            return Err(if rest.len() < 2 {
                cut(JPEG, bytes)
            } else {
                malformed(JPEG, format!("no marker stands at byte {at}"))
            });
        };
        match code {
            // Fill bytes and markers that stand alone.
            0xFF => at += 1,
            0x01 | 0xD0..=0xD8 => at += 2,
            0xD9 => {
                out.extend([0xFF, 0xD9]);
                return Ok(out);
            }
            _ => {
                let len = rest.get(2..4).and_then(|two| two.try_into().ok());
                let len = usize::from(u16::from_be_bytes(len.ok_or_else(|| cut(JPEG, bytes))?));
                let segment = rest.get(..len + 2).ok_or_else(|| cut(JPEG, bytes))?;
                at += segment.len();
                match code {
                    0xEE if segment.get(4..9) == Some(b"Adobe") => {
                        let body = segment.get(4..16).ok_or_else(|| cut(JPEG, bytes))?;
                        out.extend([0xFF, 0xEE, 0, 14]);
                        out.extend(body);
                    }
                    0xE0..=0xEF | 0xFE => {}
                    0xDA => {
                        out.extend(segment);
                        let scan = scan_len(bytes.get(at..).unwrap_or_default());
                        out.extend(bytes.get(at..at + scan).unwrap_or_default());
                        at += scan;
                    }
                    _ => out.extend(segment),
                }
            }
        }
    }
}

/// Bytes of entropy-coded data: up to a marker that is neither a stuffed byte nor a restart.
fn scan_len(rest: &[u8]) -> usize {
    rest.array_windows()
        .position(|&[mark, code]| mark == 0xFF && code != 0 && !(0xD0..=0xD7).contains(&code))
        .unwrap_or(rest.len())
}

/// Keeps the chunks that make the pixels.
fn png(bytes: &[u8]) -> Result<Vec<u8>, CaptureError> {
    let mut out = PNG_SIGNATURE.to_vec();
    let mut rest = bytes.get(PNG_SIGNATURE.len()..).unwrap_or_default();
    loop {
        let Some((&[a, b, c, d, kind @ ..], _)) = rest.split_first_chunk::<8>() else {
            return Err(cut(PNG, bytes));
        };
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        let chunk = rest
            .get(..len.saturating_add(12))
            .ok_or_else(|| cut(PNG, bytes))?;
        rest = rest.get(chunk.len()..).unwrap_or_default();
        if matches!(&kind, b"IHDR" | b"PLTE" | b"tRNS" | b"IDAT" | b"IEND") {
            out.extend(chunk);
        }
        if &kind == b"IEND" {
            return Ok(out);
        }
    }
}
