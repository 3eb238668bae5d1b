//! Reads the test data for the conformance tests: frames of encapsulated files and what the manifest says of them.

use std::path::{Path, PathBuf};

/// The folder of test data, or `None` after saying that it is missing.
pub(crate) fn data_dir() -> Option<PathBuf> {
    let dir = std::env::var_os("VITRINE_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    if dir.join("MANIFEST.tsv").is_file() {
        return Some(dir);
    }
    println!("skipped: no test data at {}", dir.display());
    None
}

/// A line of `MANIFEST.tsv`.
pub(crate) struct Entry {
    pub path: PathBuf,
    pub name: String,
    pub transfer_syntax: String,
    /// SHA-256 of the decoded samples, little endian, in lower-case hexadecimal.
    pub pixel_sha256: String,
}

/// The files whose transfer syntax is one of the given.
pub(crate) fn entries(data_dir: &Path, transfer_syntaxes: &[&str]) -> Vec<Entry> {
    let manifest = std::fs::read_to_string(data_dir.join("MANIFEST.tsv")).expect("the manifest can be read");
    let mut lines = manifest.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().expect("the manifest has a head");
    let column = |name| {
        head.iter()
            .position(|&title| title == name)
            .expect("the manifest has the column")
    };
    let [path, transfer_syntax, pixel_sha256] = ["path", "ts", "pixel_sha256"].map(column);
    lines
        .filter(|line| transfer_syntaxes.contains(&line[transfer_syntax]))
        .map(|line| Entry {
            path: data_dir.join(line[path]),
            name: line[path].to_owned(),
            transfer_syntax: line[transfer_syntax].to_owned(),
            pixel_sha256: line[pixel_sha256].to_owned(),
        })
        .collect()
}

/// What a test needs of an encapsulated file.
#[derive(Debug, Default)]
pub(crate) struct Image {
    pub rows: u32,
    pub columns: u32,
    pub channels: u16,
    pub bits_allocated: u16,
    /// The compressed frames.
    pub frames: Vec<Vec<u8>>,
}

/// Reads a file in explicit little endian with encapsulated pixels. Panics on anything else: it is a test's input.
pub(crate) fn read(path: &Path) -> Image {
    let bytes = std::fs::read(path).expect("the file can be read");
    let mut walker = Walker {
        bytes: &bytes,
        at: 132,
    };
    let mut image = Image {
        channels: 1,
        ..Image::default()
    };
    let mut frame_count = 1;
    while walker.at + 8 <= bytes.len() {
        let (tag, length) = walker.element();
        if tag == (0x7FE0, 0x0010) {
            image.frames = frames(&walker.items(), frame_count);
            return image;
        }
        if length == u32::MAX {
            walker.skip_sequence();
            continue;
        }
        let value = walker.take(length as usize);
        let number = || u16::from_le_bytes([value[0], value[1]]);
        match tag {
            (0x0028, 0x0002) => image.channels = number(),
            (0x0028, 0x0008) => {
                let text = String::from_utf8_lossy(value);
                frame_count = text.trim_matches([' ', '\0']).parse().expect("number of frames");
            }
            (0x0028, 0x0010) => image.rows = number().into(),
            (0x0028, 0x0011) => image.columns = number().into(),
            (0x0028, 0x0100) => image.bits_allocated = number(),
            _ => {}
        }
    }
    panic!("no pixel data in {}", path.display());
}

/// One frame an item where the numbers agree; all items after the offset table where there is one frame; else a frame
/// begins with each item that begins a stream of the JPEG family.
fn frames(items: &[&[u8]], count: usize) -> Vec<Vec<u8>> {
    let fragments = &items[1..];
    if count == 1 {
        return vec![fragments.concat()];
    }
    if fragments.len() == count {
        return fragments.iter().map(|fragment| fragment.to_vec()).collect();
    }
    let mut frames: Vec<Vec<u8>> = Vec::new();
    for fragment in fragments {
        match frames.last_mut() {
            Some(frame) if !fragment.starts_with(&[0xFF, 0xD8]) => frame.extend(*fragment),
            _ => frames.push(fragment.to_vec()),
        }
    }
    assert_eq!(frames.len(), count, "frames found by their first bytes");
    frames
}

struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walker<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let bytes = &self.bytes[self.at..self.at + count];
        self.at += count;
        bytes
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take(2).try_into().expect("two bytes"))
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().expect("four bytes"))
    }

    /// Tag and length of the next element; the value follows.
    fn element(&mut self) -> ((u16, u16), u32) {
        let tag = (self.u16(), self.u16());
        if tag.0 == 0xFFFE {
            return (tag, self.u32());
        }
        let length = match self.take(2) {
            b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT"
            | b"UV" => {
                self.u16();
                self.u32()
            }
            _ => self.u16().into(),
        };
        (tag, length)
    }

    /// Items of pixel data up to the delimiter, the offset table first.
    fn items(&mut self) -> Vec<&'a [u8]> {
        let mut items = Vec::new();
        while self.at + 8 <= self.bytes.len() {
            let ((_, element), length) = self.element();
            if element == 0xE0DD {
                break;
            }
            items.push(self.take(length as usize));
        }
        items
    }

    /// Passes over a sequence or item of undefined length.
    fn skip_sequence(&mut self) {
        loop {
            match self.element() {
                ((0xFFFE, 0xE00D | 0xE0DD), _) => return,
                (_, u32::MAX) => self.skip_sequence(),
                ((0xFFFE, 0xE000), _) => {}
                (_, length) => {
                    self.take(length as usize);
                }
            }
        }
    }
}
