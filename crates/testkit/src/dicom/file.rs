//! A data set as a file (PS3.10 7).

use std::io::Write;

use super::dataset::{DataSet, Tag, Value, Vr};
use super::encode::{Encoding, Order, VrMode};
use super::tag;

/// Transfer syntax UIDs (PS3.6 A).
#[allow(missing_docs, reason = "the names are those of the standard")]
pub mod syntax {
    pub const IMPLICIT_LITTLE: &str = "1.2.840.10008.1.2";
    pub const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
    pub const DEFLATED_LITTLE: &str = "1.2.840.10008.1.2.1.99";
    pub const EXPLICIT_BIG: &str = "1.2.840.10008.1.2.2";
    pub const JPEG_BASELINE: &str = "1.2.840.10008.1.2.4.50";
    pub const JPEG_LOSSLESS_SV1: &str = "1.2.840.10008.1.2.4.70";
    pub const JPEG_LS_LOSSLESS: &str = "1.2.840.10008.1.2.4.80";
    pub const JPEG_2000_LOSSLESS: &str = "1.2.840.10008.1.2.4.90";
    pub const RLE: &str = "1.2.840.10008.1.2.5";
}

/// Whether a file begins with 128 bytes and `DICM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preamble {
    /// It does.
    Written,
    /// It begins with its first element.
    Absent,
}

/// Whether a file has a meta group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meta {
    /// It has.
    Written,
    /// It has none: the reader must see the syntax from the bytes.
    Absent,
}

/// One file.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// What it holds, without meta group.
    pub set: DataSet,
    /// Transfer Syntax UID; it decides VR mode, byte order and deflation. Unknown and encapsulated ones are explicit
    /// little endian.
    pub transfer_syntax: String,
    /// Preamble or none.
    pub preamble: Preamble,
    /// Meta group or none.
    pub meta: Meta,
    /// How sequences and items end; VR mode and byte order here are those of the transfer syntax.
    pub encoding: Encoding,
}

impl File {
    /// A complete file of `set` in the transfer syntax, one of [`syntax`] or any other UID.
    pub fn new(set: DataSet, transfer_syntax: &str) -> Self {
        let (vr, order) = match transfer_syntax {
            syntax::IMPLICIT_LITTLE => (VrMode::Implicit, Order::Little),
            syntax::EXPLICIT_BIG => (VrMode::Explicit, Order::Big),
            _ => (VrMode::Explicit, Order::Little),
        };
        Self {
            set,
            transfer_syntax: transfer_syntax.to_owned(),
            preamble: Preamble::Written,
            meta: Meta::Written,
            encoding: Encoding {
                vr,
                order,
                ..Encoding::EXPLICIT_LITTLE
            },
        }
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.preamble == Preamble::Written {
            out.resize(128, 0);
            out.extend(b"DICM");
        }
        if self.meta == Meta::Written {
            out.extend(self.meta_bytes());
        }
        let body = self.encoding.encode(&self.set);
        if self.transfer_syntax == syntax::DEFLATED_LITTLE {
            let mut deflate = flate2::write::DeflateEncoder::new(out, flate2::Compression::fast());
            deflate.write_all(&body).expect("writing to memory");
            return deflate.finish().expect("writing to memory");
        }
        out.extend(body);
        out
    }

    fn meta_bytes(&self) -> Vec<u8> {
        let copied = |of: Tag| match self.set.get(of).map(|element| &element.value) {
            Some(Value::Bytes(bytes)) => bytes.clone(),
            _ => Vec::new(),
        };
        let rest = DataSet::new()
            .with(Tag(0x0002, 0x0001), Vr::OB, Value::Bytes(vec![0, 1]))
            .with(
                Tag(0x0002, 0x0002),
                Vr::UI,
                Value::Bytes(copied(tag::SOP_CLASS_UID)),
            )
            .with(
                Tag(0x0002, 0x0003),
                Vr::UI,
                Value::Bytes(copied(tag::SOP_INSTANCE_UID)),
            )
            .text(Tag(0x0002, 0x0010), Vr::UI, &self.transfer_syntax)
            .text(Tag(0x0002, 0x0012), Vr::UI, "2.25.1");
        let rest = Encoding::EXPLICIT_LITTLE.encode(&rest);
        let length = DataSet::new().with(Tag(0x0002, 0x0000), Vr::UL, Value::U32(vec![rest.len() as u32]));
        let mut out = Encoding::EXPLICIT_LITTLE.encode(&length);
        out.extend(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn set() -> DataSet {
        DataSet::new()
            .text(tag::SOP_CLASS_UID, Vr::UI, "1.2.3")
            .us(tag::ROWS, 0x0102)
    }

    #[test]
    fn a_complete_file_has_preamble_and_counted_meta_group() {
        let bytes = File::new(set(), syntax::EXPLICIT_LITTLE).to_bytes();
        assert_eq!(&bytes[128..132], b"DICM");
        assert_eq!(&bytes[132..140], b"\x02\x00\x00\x00UL\x04\x00");
        let length = u32::from_le_bytes(bytes[140..144].try_into().unwrap()) as usize;
        let body = Encoding::EXPLICIT_LITTLE.encode(&set());
        assert_eq!(&bytes[144 + length..], body);
    }

    #[test]
    fn a_bare_file_begins_with_its_first_element() {
        let mut file = File::new(set(), syntax::EXPLICIT_BIG);
        file.preamble = Preamble::Absent;
        file.meta = Meta::Absent;
        assert!(file.to_bytes().starts_with(b"\x00\x08\x00\x16UI\x00\x06"));
    }

    #[test]
    fn a_deflated_body_inflates_to_explicit_little_endian() {
        let mut file = File::new(set(), syntax::DEFLATED_LITTLE);
        file.preamble = Preamble::Absent;
        file.meta = Meta::Absent;
        let mut body = Vec::new();
        flate2::read::DeflateDecoder::new(file.to_bytes().as_slice())
            .read_to_end(&mut body)
            .unwrap();
        assert_eq!(body, Encoding::EXPLICIT_LITTLE.encode(&set()));
    }
}
