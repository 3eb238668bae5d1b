//! Where the numbers of a glTF file are: buffers and views, plain or compressed.

use std::borrow::Cow;
use std::collections::HashMap;

use intake::budget;

use super::super::draco::Decoded;
use super::super::reference::{Upload, percent_decoded};
use super::super::text::short;
use super::json::{Compressed, Draco, Primitive, Root};
use super::{FORMAT, malformed};
use crate::CaptureError;

/// The buffers and views of a file. A view is looked up or decompressed when it is first asked for.
pub(super) struct Buffers<'a> {
    root: &'a Root,
    upload: &'a Upload<'a>,
    /// The binary chunk of a GLB.
    chunk: Option<&'a [u8]>,
    buffers: Vec<Option<Cow<'a, [u8]>>>,
    decompressed: Vec<Option<Vec<u8>>>,
    /// What accessors hold whose data is in a Draco stream: values with their width, and indexes.
    decoded: HashMap<usize, (usize, Vec<f32>)>,
    decoded_indexes: HashMap<usize, Vec<u32>>,
    pub(super) files_used: Vec<String>,
}

impl<'a> Buffers<'a> {
    pub(super) fn new(root: &'a Root, upload: &'a Upload<'a>, chunk: Option<&'a [u8]>) -> Self {
        Self {
            root,
            upload,
            chunk,
            buffers: root.buffers.iter().map(|_| None).collect(),
            decompressed: root.buffer_views.iter().map(|_| None).collect(),
            decoded: HashMap::new(),
            decoded_indexes: HashMap::new(),
            files_used: Vec::new(),
        }
    }

    /// Decodes the Draco stream of a primitive, once: its accessors have no data but this.
    pub(super) fn load_draco(&mut self, primitive: &Primitive, draco: &Draco) -> Result<(), CaptureError> {
        let known = primitive.attributes.get("POSITION");
        if known.is_some_and(|accessor| self.decoded.contains_key(accessor)) {
            return Ok(());
        }
        self.load(draco.buffer_view)?;
        let (bytes, _) = self.view(draco.buffer_view)?;
        let decoded = Decoded::new(bytes)?;
        for (name, id) in &draco.attributes {
            // The others are not read.
            let is_read = name == "POSITION" || name == "COLOR_0" || name.starts_with("TEXCOORD_");
            if let (true, Some(&accessor), Some(values)) =
                (is_read, primitive.attributes.get(name), decoded.attribute(*id))
            {
                self.decoded.insert(accessor, values);
            }
        }
        if let Some(accessor) = primitive.indices {
            let indexes = decoded.triangles.into_flattened();
            self.decoded_indexes.insert(accessor, indexes);
        }
        Ok(())
    }

    /// What a Draco stream holds for an accessor: how many numbers an element has, and the numbers.
    pub(super) fn decoded(&self, accessor: usize) -> Option<(usize, &[f32])> {
        let (width, values) = self.decoded.get(&accessor)?;
        Some((*width, values))
    }

    /// The indexes that a Draco stream holds for an accessor.
    pub(super) fn decoded_indexes(&self, accessor: usize) -> Option<&[u32]> {
        self.decoded_indexes.get(&accessor).map(Vec::as_slice)
    }

    /// Makes the bytes of view `i` ready for [`Self::view`].
    pub(super) fn load(&mut self, i: usize) -> Result<(), CaptureError> {
        let view = self
            .root
            .buffer_views
            .get(i)
            .ok_or_else(|| missing("buffer view", i))?;
        let Some(compressed) = &view.extensions.meshopt else {
            return self.load_buffer(view.buffer);
        };
        if self.decompressed.get(i).is_some_and(Option::is_none) {
            self.load_buffer(compressed.buffer)?;
            let bytes = self.part(compressed.buffer, compressed.byte_offset, compressed.byte_length)?;
            let decompressed = decompress(bytes, compressed)?;
            if let Some(slot) = self.decompressed.get_mut(i) {
                *slot = Some(decompressed);
            }
        }
        Ok(())
    }

    /// The bytes of a view that is loaded, and how far apart its elements are, where it says so.
    pub(super) fn view(&self, i: usize) -> Result<(&[u8], Option<usize>), CaptureError> {
        let view = self
            .root
            .buffer_views
            .get(i)
            .ok_or_else(|| missing("buffer view", i))?;
        let stride = view
            .extensions
            .meshopt
            .as_ref()
            .map(|c| c.byte_stride)
            .or(view.byte_stride);
        let stride = stride.and_then(|stride| usize::try_from(stride).ok());
        match self.decompressed.get(i).and_then(Option::as_deref) {
            // Indexes are one after the other.
            Some(bytes) => Ok((bytes, stride)),
            None => Ok((
                self.part(view.buffer, view.byte_offset, view.byte_length)?,
                stride,
            )),
        }
    }

    fn part(&self, buffer: usize, offset: u64, len: u64) -> Result<&[u8], CaptureError> {
        let bytes = self
            .buffers
            .get(buffer)
            .and_then(Option::as_deref)
            .unwrap_or_default();
        let start = budget::check_length(offset, bytes.len())?;
        let rest = bytes.get(start..).unwrap_or_default();
        let len = budget::check_length(len, rest.len())?;
        Ok(rest.get(..len).unwrap_or_default())
    }

    fn load_buffer(&mut self, i: usize) -> Result<(), CaptureError> {
        let buffer = self.root.buffers.get(i).ok_or_else(|| missing("buffer", i))?;
        if self.buffers.get(i).is_none_or(Option::is_some) {
            return Ok(());
        }
        let bytes = match &buffer.uri {
            Some(uri) => {
                let (bytes, name) = resolve(uri, self.upload)?.ok_or_else(|| CaptureError::Reference {
                    format: FORMAT,
                    reference: short(uri.as_bytes()),
                    why: "which is not in the upload; it holds the geometry",
                })?;
                self.files_used.extend(name);
                bytes
            }
            None if i == 0 => Cow::Borrowed(self.chunk.unwrap_or_default()),
            // A placeholder that only compressed views may refer to.
            None => Cow::Borrowed(&[][..]),
        };
        if buffer.uri.is_some() || i == 0 {
            budget::check_length(buffer.byte_length, bytes.len())?;
        }
        if let Some(slot) = self.buffers.get_mut(i) {
            *slot = Some(bytes);
        }
        Ok(())
    }
}

/// Bytes, and the name of the file that they are in.
type Resolved<'a> = (Cow<'a, [u8]>, Option<String>);

/// The bytes that a URI stands for, with the name of their file if they are in one: data in the URI itself, or a file of
/// the upload.
pub(super) fn resolve<'a>(uri: &str, upload: &Upload<'a>) -> Result<Option<Resolved<'a>>, CaptureError> {
    if let Some(data) = uri.strip_prefix("data:") {
        let (kind, text) = data.split_once(',').unwrap_or((data, ""));
        if !kind.ends_with(";base64") {
            return Err(CaptureError::Unsupported {
                format: FORMAT,
                what: "data in a URI that is not base64".to_owned(),
            });
        }
        return Ok(Some((Cow::Owned(from_base64(text)?), None)));
    }
    let found = upload.find(FORMAT, &percent_decoded(uri))?;
    Ok(found.map(|file| (Cow::Borrowed(file.bytes), Some(file.name.to_owned()))))
}

/// RFC 4648 section 4; white space and missing padding are let pass.
fn from_base64(text: &str) -> Result<Vec<u8>, CaptureError> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ if byte.is_ascii_whitespace() => continue,
            _ => return Err(malformed("data in a URI is not base64".to_owned())),
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Ok(bytes)
}

/// The elements of a view under `EXT_meshopt_compression`.
fn decompress(bytes: &[u8], view: &Compressed) -> Result<Vec<u8>, CaptureError> {
    let expanded = view.count.saturating_mul(view.byte_stride);
    // The codecs spend a bit on sixteen bytes at the least; what says that it expands more is no such stream.
    budget::check_expansion(bytes.len() as u64, expanded)?;
    let (count, stride) = (view.count as usize, view.byte_stride as usize);
    let damaged = |_| malformed("a compressed view is damaged".to_owned());
    match (view.mode.as_str(), stride) {
        ("ATTRIBUTES", _) => {
            let mut elements = decode_vertices(bytes, count, stride)?;
            match view.filter.as_deref() {
                None | Some("NONE") => {}
                Some("EXPONENTIAL") if stride.is_multiple_of(4) => exponential(&mut elements),
                Some(filter) => {
                    return Err(CaptureError::Unsupported {
                        format: FORMAT,
                        what: format!(
                            "the filter {} for positions, colors or textures",
                            short(filter.as_bytes())
                        ),
                    });
                }
            }
            Ok(elements)
        }
        ("TRIANGLES", 2) if count.is_multiple_of(3) => {
            let decoded: Vec<u16> = meshopt::decode_index_buffer(bytes, count).map_err(damaged)?;
            Ok(decoded.iter().flat_map(|v| v.to_le_bytes()).collect())
        }
        ("TRIANGLES", 4) if count.is_multiple_of(3) => {
            let decoded: Vec<u32> = meshopt::decode_index_buffer(bytes, count).map_err(damaged)?;
            Ok(decoded.iter().flat_map(|v| v.to_le_bytes()).collect())
        }
        ("INDICES", 2) => {
            let decoded: Vec<u16> = meshopt::decode_index_sequence(bytes, count).map_err(damaged)?;
            Ok(decoded.iter().flat_map(|v| v.to_le_bytes()).collect())
        }
        ("INDICES", 4) => {
            let decoded: Vec<u32> = meshopt::decode_index_sequence(bytes, count).map_err(damaged)?;
            Ok(decoded.iter().flat_map(|v| v.to_le_bytes()).collect())
        }
        (mode, _) => Err(malformed(format!(
            "a compressed view has the mode {} with {stride} bytes an element",
            short(mode.as_bytes())
        ))),
    }
}

/// The vertex codec is told the size of an element by a type.
fn decode_vertices(bytes: &[u8], count: usize, stride: usize) -> Result<Vec<u8>, CaptureError> {
    macro_rules! by_words {
        ($($words:literal)*) => {
            match stride {
                $(stride if stride == $words * 4 => {
                    let decoded: Vec<[u32; $words]> = meshopt::decode_vertex_buffer(bytes, count)
                        .map_err(|_| malformed("a compressed view is damaged".to_owned()))?;
                    Ok(bytemuck::cast_slice(&decoded).to_vec())
                })*
                _ => Err(malformed(format!("a compressed view has {stride} bytes an element"))),
            }
        };
    }
    by_words!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32)
}

/// Words of an exponent (8 bits) and a mantissa (24 bits), both with a sign, become floats (appendix B of the extension).
fn exponential(elements: &mut [u8]) {
    let (words, _) = elements.as_chunks_mut::<4>();
    for word in words {
        let bits = u32::from_le_bytes(*word) as i32;
        let value = f64::from((bits << 8) >> 8) * 2f64.powi(bits >> 24);
        *word = (value as f32).to_le_bytes();
    }
}

pub(super) fn missing(what: &str, i: usize) -> CaptureError {
    malformed(format!("there is no {what} {i}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_with_and_without_padding() {
        for (text, expected) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8", "fo"),
            ("Zm9v\n", "foo"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(from_base64(text).unwrap(), expected.as_bytes(), "{text}");
        }
        assert!(from_base64("Z*==").is_err());
    }

    #[test]
    fn the_exponential_filter_gives_floats() {
        let word = |exponent: i32, mantissa: i32| (exponent << 24 | mantissa & 0x00FF_FFFF).to_le_bytes();
        let mut bytes = [word(-3, -20), word(2, 3)].concat();
        exponential(&mut bytes);
        assert_eq!(bytes, [(-2.5f32).to_le_bytes(), 12f32.to_le_bytes()].concat());
    }
}
