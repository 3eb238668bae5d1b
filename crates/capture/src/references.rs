//! Which other files a mesh file speaks of, without reading the mesh.
//!
//! Readers look names up among the files that they are given; this says which to give. It takes too many rather than too
//! few and judges none: what a name means, and whether it may be followed, is for the reader to say.

use std::borrow::Cow;

use serde::Deserialize;

/// Names of one file, at most.
const MAX_NAMES: usize = 256;
/// Bytes of a name, at most.
const MAX_NAME_BYTES: usize = 1024;
/// Bytes of the header of a PLY file that are looked at.
const PLY_HEADER_BYTES: usize = 64 << 10;

/// The last parts of the paths that `bytes` (OBJ, its material library, glTF or PLY) name, each once.
pub fn names(bytes: &[u8]) -> Vec<String> {
    let mut found = Found::default();
    if let Some(rest) = bytes.strip_prefix(b"glTF") {
        // Version, length; then the length and type of the JSON chunk (glTF 2.0, 4.4).
        let json = rest
            .get(8..12)
            .and_then(|four| four.try_into().ok())
            .map(u32::from_le_bytes)
            .and_then(|len| rest.get(16..16usize.checked_add(len as usize)?));
        found.gltf(json.unwrap_or_default());
    } else if bytes.trim_ascii_start().starts_with(b"{") {
        found.gltf(bytes);
    } else if bytes.starts_with(b"ply") {
        found.ply(bytes.get(..PLY_HEADER_BYTES).unwrap_or(bytes));
    } else {
        found.obj(&as_utf8(bytes));
    }
    found.names
}

/// UTF-16 with its mark as UTF-8; anything else as it is.
fn as_utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    let (rest, word): (_, fn([u8; 2]) -> u16) = match bytes {
        [0xFE, 0xFF, rest @ ..] => (rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => (rest, u16::from_le_bytes),
        _ => return Cow::Borrowed(bytes),
    };
    let words = rest.as_chunks::<2>().0.iter().map(|&pair| word(pair));
    let text: String = char::decode_utf16(words)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    Cow::Owned(text.into_bytes())
}

#[derive(Default)]
struct Found {
    names: Vec<String>,
}

/// What of a glTF document names files.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, default)]
    buffers: Vec<Entry<'a>>,
    #[serde(borrow, default)]
    images: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    uri: Option<Cow<'a, str>>,
}

impl Found {
    fn add(&mut self, name: &[u8]) {
        let name = name.trim_ascii();
        let last = name.rsplit(|b| matches!(b, b'/' | b'\\')).next().unwrap_or(name);
        if last.is_empty() || last.len() > MAX_NAME_BYTES || self.names.len() >= MAX_NAMES {
            return;
        }
        let last = String::from_utf8_lossy(last).into_owned();
        if !self.names.contains(&last) {
            self.names.push(last);
        }
    }

    fn gltf(&mut self, json: &[u8]) {
        let Ok(document) = serde_json::from_slice::<Document<'_>>(json) else {
            return;
        };
        for uri in document
            .buffers
            .into_iter()
            .chain(document.images)
            .filter_map(|entry| entry.uri)
        {
            if !uri.starts_with("data:") {
                self.add(uri.as_bytes());
                self.add(&without_percent(&uri));
            }
        }
    }

    fn ply(&mut self, header: &[u8]) {
        for line in header.split(|b| matches!(b, b'\n' | b'\r')) {
            if line.starts_with(b"end_header") {
                return;
            }
            if let Some(name) = line.strip_prefix(b"comment TextureFile") {
                self.add(name);
            }
        }
    }

    /// Lines of an OBJ file or of a material library: a name may hold spaces, and may follow options.
    fn obj(&mut self, text: &[u8]) {
        for line in text.split(|b| matches!(b, b'\n' | b'\r')) {
            let line = line.trim_ascii();
            let is_word_of_interest = match line.first() {
                Some(b'm' | b'M') => starts_with(line, b"mtllib") || starts_with(line, b"map_"),
                Some(b'b' | b'd' | b'n' | b'r' | b'B') => ["bump", "disp", "decal", "norm", "refl"]
                    .iter()
                    .any(|word| starts_with(line, word.as_bytes())),
                _ => false,
            };
            if !is_word_of_interest {
                continue;
            }
            let rest = line
                .iter()
                .position(u8::is_ascii_whitespace)
                .and_then(|at| line.get(at..))
                .unwrap_or_default();
            self.add(rest);
            let words = rest
                .split(u8::is_ascii_whitespace)
                .filter(|word| !word.is_empty());
            for word in words {
                self.add(word);
            }
        }
    }
}

fn starts_with(line: &[u8], word: &[u8]) -> bool {
    line.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// A URI's path with `%20` and the like as bytes (RFC 3986, 2.1).
fn without_percent(uri: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let code = after
            .get(..2)
            .filter(|_| first == b'%')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        out.push(code.unwrap_or(first));
        if code.is_some() {
            rest = after.get(2..).unwrap_or_default();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_every_format() {
        for (bytes, expected) in [
            (&b"# a\nmtllib ./a b.mtl\r\nv 1 2 3\n"[..], vec!["a b.mtl", "a", "b.mtl"]),
            (b"newmtl m\nmap_Kd -s 1 1 1 tex\\skin.jpg\nKd 1 1 1\nbump n.png", vec!["skin.jpg", "-s", "1", "n.png"]),
            (b"v 1 2 3\nf 1 1 1\nmap of nowhere\n", vec![]),
            (b"{\"buffers\":[{\"uri\":\"x/a%20b.bin\"},{\"uri\":\"data:,x\"}],\"images\":[{\"uri\":\"http://h/i.png\"},{\"bufferView\":0}]}", vec!["a%20b.bin", "a b.bin", "i.png"]),
            (b"ply\nformat ascii 1.0\ncomment TextureFile face.png\nend_header\ncomment TextureFile no.png\n", vec!["face.png"]),
            (b"\xFF\xFEm\0t\0l\0l\0i\0b\0 \0a\0\n\0", vec!["a"]),
            (b"{\"buffers\":7}", vec![]),
            (b"glTF\x02\0\0\0\xff\xff\xff\xff\xff\xff\xff\xffJSON{}", vec![]),
            (b"", vec![]),
        ] {
            assert_eq!(names(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
        let glb = b"glTF\x02\0\0\0\0\0\0\0\x20\0\0\0JSON{\"images\":[{\"uri\":\"t.jpg\"}]}    ";
        assert_eq!(names(glb), ["t.jpg"]);
    }

    #[test]
    fn a_file_names_only_so_many() {
        let many: String = (0..10_000).map(|n| format!("mtllib {n}\n")).collect();
        assert_eq!(names(many.as_bytes()).len(), MAX_NAMES);
        let long = [b"mtllib ".to_vec(), vec![b'x'; 5000]].concat();
        assert!(names(&long).is_empty());
    }
}
