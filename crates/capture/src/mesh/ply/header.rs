//! The header of a PLY file (Greg Turk, "The PLY Polygon File Format", 1994).

use super::super::text::{integer, short, words};
use super::{FORMAT, malformed, truncated};
use crate::CaptureError;

/// Bytes that a header may have, and elements and properties in it.
const MAX_HEADER_BYTES: usize = 1 << 20;
const MAX_PARTS: usize = 1024;

/// How the body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Text,
    LittleEndian,
    BigEndian,
}

/// The type of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

impl Scalar {
    fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"char" | b"int8" => Self::I8,
            b"uchar" | b"uint8" => Self::U8,
            b"short" | b"int16" => Self::I16,
            b"ushort" | b"uint16" => Self::U16,
            b"int" | b"int32" => Self::I32,
            b"uint" | b"uint32" => Self::U32,
            b"int64" | b"long" => Self::I64,
            b"uint64" | b"ulong" => Self::U64,
            b"float" | b"float32" => Self::F32,
            b"double" | b"float64" => Self::F64,
            _ => return None,
        })
    }

    pub(super) fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// The factor that makes a color channel a fraction of one.
    pub(super) fn fraction(self) -> f64 {
        match self {
            Self::F32 | Self::F64 => 1.0,
            Self::I16 | Self::U16 => 1.0 / 65535.0,
            _ => 1.0 / 255.0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    One(Scalar),
    List { count: Scalar, item: Scalar },
}

#[derive(Clone, Debug)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) count: u64,
    pub(super) properties: Vec<Property>,
}

impl Element {
    /// The least bytes of a row.
    pub(super) fn least_bytes(&self, encoding: Encoding) -> usize {
        let least = |property: &Property| match (encoding, property.kind) {
            // A digit, and what separates it from the next one.
            (Encoding::Text, _) => 2,
            (_, Kind::One(scalar)) => scalar.bytes(),
            (_, Kind::List { count, .. }) => count.bytes(),
        };
        self.properties.iter().map(least).sum()
    }

    pub(super) fn find(&self, names: &[&str]) -> Option<usize> {
        self.properties
            .iter()
            .position(|property| names.contains(&property.name.as_str()))
    }
}

pub(super) struct Header {
    pub(super) encoding: Encoding,
    pub(super) elements: Vec<Element>,
    pub(super) comments: Vec<String>,
    /// Where the body begins.
    pub(super) body: usize,
}

/// Reads up to and including the line `end_header`. Lines end as the first one does: the body may begin with any byte.
pub(super) fn read(bytes: &[u8]) -> Result<Header, CaptureError> {
    let window = bytes.get(..MAX_HEADER_BYTES).unwrap_or(bytes);
    let first_end = window
        .iter()
        .position(|b| matches!(b, b'\n' | b'\r'))
        .unwrap_or(window.len());
    let line_end: &[u8] = match window.get(first_end..) {
        Some([b'\r', b'\n', ..]) => b"\r\n",
        Some([b'\r', ..]) => b"\r",
        _ => b"\n",
    };
    let mut header = Header {
        encoding: Encoding::Text,
        elements: Vec::new(),
        comments: Vec::new(),
        body: 0,
    };
    let mut has_format = false;
    let mut parts = 0;
    let mut at = 0;
    loop {
        let rest = window.get(at..).unwrap_or_default();
        let Some(len) = rest.windows(line_end.len()).position(|end| end == line_end) else {
            // The body of an empty mesh may be missing altogether.
            if rest.trim_ascii() == b"end_header" {
                header.body = bytes.len();
                break;
            }
            return Err(truncated("the end of the header", at));
        };
        let line = rest.get(..len).unwrap_or_default();
        at += len + line_end.len();
        let words: Vec<&[u8]> = words(line).take(8).collect();
        match words.as_slice() {
            [b"end_header", ..] => {
                header.body = at;
                break;
            }
            [b"format", name, ..] => {
                has_format = true;
                header.encoding = match *name {
                    b"ascii" => Encoding::Text,
                    b"binary_little_endian" => Encoding::LittleEndian,
                    b"binary_big_endian" => Encoding::BigEndian,
                    _ => return Err(malformed(format!("the format \"{}\" is not known", short(name)))),
                };
            }
            [b"comment" | b"obj_info", ..] if header.comments.len() < MAX_PARTS => {
                header.comments.push(String::from_utf8_lossy(line).into_owned());
            }
            [b"element", name, count, ..] => {
                let count = integer(count).and_then(|n| u64::try_from(n).ok());
                header.elements.push(Element {
                    name: String::from_utf8_lossy(name).into_owned(),
                    count: count.ok_or_else(|| {
                        malformed(format!("element \"{}\" has no usable count", short(name)))
                    })?,
                    properties: Vec::new(),
                });
                parts += 1;
            }
            [b"property", rest @ ..] => {
                let property =
                    property(rest).ok_or_else(|| malformed(format!("\"{}\" is no property", short(line))))?;
                let element = header
                    .elements
                    .last_mut()
                    .ok_or_else(|| malformed("a property comes before any element".to_owned()))?;
                element.properties.push(property);
                parts += 1;
            }
            _ => {}
        }
        if parts > MAX_PARTS {
            return Err(malformed(format!(
                "more than {MAX_PARTS} elements and properties"
            )));
        }
    }
    // A file of only `ply` and `end_header` is some programs' empty mesh.
    if !has_format && !header.elements.is_empty() {
        return Err(CaptureError::Malformed {
            format: FORMAT,
            what: "the header names no format".to_owned(),
        });
    }
    Ok(header)
}

fn property(words: &[&[u8]]) -> Option<Property> {
    let (name, kind) = match *words {
        [b"list", count, item, name, ..] => {
            let count = Scalar::of(count).filter(|c| !matches!(c, Scalar::F32 | Scalar::F64))?;
            let item = Scalar::of(item)?;
            (name, Kind::List { count, item })
        }
        [kind, name, ..] => (name, Kind::One(Scalar::of(kind)?)),
        _ => return None,
    };
    Some(Property {
        name: String::from_utf8_lossy(name).into_owned(),
        kind,
    })
}
