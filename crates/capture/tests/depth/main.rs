//! Depth captures: every layout in small, every set of test data that is there, and files that lie.

mod layouts;
mod refused;
mod sets;
mod truedepth;

use capture::depth::{Capture, Frame, FrameBytes, Layout, decode_frame, recognize};
use capture::{CaptureError, NamedBytes};
use std::path::{Path, PathBuf};

/// The folder of a set of test data, if it is there.
pub(crate) fn data(set: &str) -> Option<PathBuf> {
    let root = std::env::var_os("VITRINE_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = root.join(set);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {set} is not there");
    None
}

/// An upload in memory.
pub(crate) struct Upload(Vec<(String, Vec<u8>)>);

impl Upload {
    pub(crate) fn of(files: &[(&str, &[u8])]) -> Self {
        Self(files.iter().map(|(n, b)| ((*n).to_owned(), b.to_vec())).collect())
    }

    pub(crate) fn from_folder(folder: &Path) -> Self {
        fn walk(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
                if entry.path().is_dir() {
                    walk(&entry.path(), &format!("{name}/"), files);
                } else {
                    files.push((name, std::fs::read(entry.path()).unwrap()));
                }
            }
        }
        let mut files = Vec::new();
        walk(folder, "", &mut files);
        Self(files)
    }

    pub(crate) fn layouts(&self) -> Vec<Layout> {
        recognize(self.0.iter().map(|(name, _)| name.as_str()))
    }

    pub(crate) fn only(&self) -> Layout {
        let mut layouts = self.layouts();
        assert_eq!(layouts.len(), 1, "{layouts:?}");
        layouts.remove(0)
    }

    pub(crate) fn bytes(&self, name: &str) -> &[u8] {
        &self.0.iter().find(|(n, _)| n == name).unwrap().1
    }

    pub(crate) fn read(&self, layout: &Layout) -> Result<Capture, CaptureError> {
        let wanted = self
            .0
            .iter()
            .filter(|(name, _)| layout.description.contains(name));
        let files: Vec<NamedBytes<'_>> = wanted.map(|(name, bytes)| NamedBytes { name, bytes }).collect();
        layout.read(&files)
    }

    pub(crate) fn frame(&self, capture: &Capture, n: usize) -> Result<Frame, CaptureError> {
        let plan = &capture.frames[n];
        let optional = |name: &Option<String>| name.as_ref().map(|name| self.bytes(name));
        let bytes = FrameBytes {
            depth: self.bytes(&plan.files.depth),
            color: optional(&plan.files.color),
            confidence: optional(&plan.files.confidence),
        };
        decode_frame(plan, &bytes)
    }
}

pub(crate) fn png(
    width: u32,
    height: u32,
    color: png::ColorType,
    depth: png::BitDepth,
    bytes: &[u8],
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.write_header().unwrap().write_image_data(bytes).unwrap();
    out
}

/// A depth picture whose value is its column plus ten times its row, plus `base`.
pub(crate) fn depth_png(width: u32, height: u32, base: u32) -> Vec<u8> {
    let values = (0..width * height).map(|i| (base + i % width + 10 * (i / width)) as u16);
    let bytes: Vec<u8> = values.flat_map(u16::to_be_bytes).collect();
    png(
        width,
        height,
        png::ColorType::Grayscale,
        png::BitDepth::Sixteen,
        &bytes,
    )
}

pub(crate) fn color_png(width: u32, height: u32) -> Vec<u8> {
    let bytes: Vec<u8> = (0..width * height)
        .flat_map(|i| [(i % width) as u8, (i / width) as u8, 7])
        .collect();
    png(width, height, png::ColorType::Rgb, png::BitDepth::Eight, &bytes)
}

pub(crate) const INTRINSIC: &[u8] =
    br#"{"width": 7, "height": 5, "intrinsic_matrix": [6.0, 0, 0, 0, 6.5, 0, 3.25, 2.5, 1]}"#;
pub(crate) const TURN: &str = "0 -1 0 0.1\n1 0 0 0.2\n0 0 1 0.3\n0 0 0 1\n";

/// An LZFSE stream of one uncompressed block.
pub(crate) fn lzfse(raw: &[u8]) -> Vec<u8> {
    let length = u32::try_from(raw.len()).unwrap().to_le_bytes();
    [b"bvx-", &length[..], raw, b"bvx$"].concat()
}
