//! Finds the codestream: raw, or inside the boxes of JP2 or JPH (ISO/IEC 15444-1 annex I, 15444-15 annex D).
//!
//! Boxes beside the codestream say how to show the picture (color, palette, channel order). DICOM says that in
//! its own attributes and tells readers to go by those (PS3.5 8.2.4), so they are passed over.

use super::{malformed, truncated};
use crate::CodecError;

/// The bytes that every raw codestream begins with: SOC, then SIZ.
const RAW_START: [u8; 4] = [0xFF, 0x4F, 0xFF, 0x51];
/// The signature box that every JP2 or JPH file begins with.
const BOX_START: [u8; 8] = [0, 0, 0, 12, b'j', b'P', b' ', b' '];

/// The codestream in `data`, and its offset there.
///
/// # Errors
/// When `data` is neither a codestream nor a sequence of boxes with one.
pub(super) fn codestream(data: &[u8]) -> Result<(&[u8], usize), CodecError> {
    if data.starts_with(&RAW_START) {
        return Ok((data, 0));
    }
    if data.len() < BOX_START.len() {
        return Err(truncated(data.len()));
    }
    if !data.starts_with(&BOX_START) {
        return Err(malformed("neither a codestream nor a JP2 file", 0));
    }
    let mut at = 0_usize;
    loop {
        let rest = data.get(at..).unwrap_or_default();
        let [l0, l1, l2, l3, k0, k1, k2, k3, body @ ..] = rest else {
            return Err(truncated(data.len()));
        };
        let (length, header) = match u32::from_be_bytes([*l0, *l1, *l2, *l3]) {
            0 => (rest.len(), 8),
            1 => match body {
                [b0, b1, b2, b3, b4, b5, b6, b7, ..] => {
                    let wide = u64::from_be_bytes([*b0, *b1, *b2, *b3, *b4, *b5, *b6, *b7]);
                    (usize::try_from(wide).unwrap_or(usize::MAX), 16)
                }
                _ => return Err(truncated(data.len())),
            },
            short => (short as usize, 8),
        };
        if length < header {
            return Err(malformed("box shorter than its own header", at));
        }
        if [*k0, *k1, *k2, *k3] == *b"jp2c" {
            let end = length.min(rest.len());
            let stream = rest.get(header..end).unwrap_or_default();
            if !stream.starts_with(&RAW_START) {
                return Err(malformed("no codestream in the codestream box", at));
            }
            return Ok((stream, at + header));
        }
        at = at.saturating_add(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut out = (body.len() as u32 + 8).to_be_bytes().to_vec();
        out.extend(kind);
        out.extend(body);
        out
    }

    #[test]
    fn a_codestream_is_found_raw_and_in_boxes() {
        let raw = [&RAW_START[..], &[1, 2, 3]].concat();
        assert_eq!(codestream(&raw), Ok((&raw[..], 0)));
        let signature = boxed(b"jP  ", &[13, 10, 0x87, 10]);
        let filed = [
            signature.clone(),
            boxed(b"ftyp", b"jp2 "),
            boxed(b"jp2c", &raw),
            vec![9; 5],
        ]
        .concat();
        assert_eq!(codestream(&filed), Ok((&raw[..], 32)));
        let open_ended = [signature.clone(), vec![0, 0, 0, 0], b"jp2c".to_vec(), raw.clone()].concat();
        assert_eq!(codestream(&open_ended), Ok((&raw[..], 20)));
        let wide = [
            signature,
            vec![0, 0, 0, 1],
            b"jp2c".to_vec(),
            23_u64.to_be_bytes().to_vec(),
            raw.clone(),
        ]
        .concat();
        assert_eq!(codestream(&wide), Ok((&raw[..], 28)));
    }

    #[test]
    fn what_holds_no_codestream_is_refused() {
        assert_eq!(codestream(&[]), Err(truncated(0)));
        assert!(matches!(
            codestream(&[0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0, 0]),
            Err(CodecError::Malformed { .. })
        ));
        let signature = boxed(b"jP  ", &[13, 10, 0x87, 10]);
        assert_eq!(codestream(&signature), Err(truncated(12)));
        let zero_length = [signature, vec![0, 0, 0, 7], b"free".to_vec()].concat();
        assert_eq!(
            codestream(&zero_length),
            Err(malformed("box shorter than its own header", 12))
        );
    }
}
