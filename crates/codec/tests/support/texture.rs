//! The committed JPEG 2000 streams, and the picture that all of them hold.

use std::path::{Path, PathBuf};

use codec::{ColorSpace, Decoded, Expected, Samples};

/// What a stream holds of the texture.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Lossless,
    Lossy,
    /// Fewer samples than pixels in some components.
    Subsampled,
}

/// A line of the streams' manifest.
pub(crate) struct Stream {
    pub name: String,
    pub bytes: Vec<u8>,
    pub expected: Expected,
    pub bits: u32,
    pub signed: bool,
    pub color: ColorSpace,
    pub kind: Kind,
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpeg2000")
}

/// All streams.
pub(crate) fn streams() -> Vec<Stream> {
    let manifest = std::fs::read_to_string(folder().join("MANIFEST.tsv")).expect("the manifest can be read");
    manifest
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let number = |index: usize| fields[index].parse::<u32>().expect("a number");
            Stream {
                name: fields[0].to_owned(),
                bytes: std::fs::read(folder().join(fields[0])).expect("the stream can be read"),
                expected: Expected {
                    columns: number(1),
                    rows: number(2),
                    channels: number(3) as u16,
                },
                bits: number(4),
                signed: number(5) == 1,
                color: if fields[6] == "Rgb" {
                    ColorSpace::Rgb
                } else {
                    ColorSpace::AsDeclared
                },
                kind: match fields[7] {
                    "lossless" => Kind::Lossless,
                    "lossy" => Kind::Lossy,
                    _ => Kind::Subsampled,
                },
            }
        })
        .collect()
}

/// One stream by its name.
pub(crate) fn stream(name: &str) -> Stream {
    let found = streams().into_iter().find(|stream| stream.name == name);
    found.unwrap_or_else(|| panic!("no stream {name}"))
}

/// The picture: slopes, with a pattern that looks like noise. `[row][column][channel]`.
pub(crate) fn texture(stream: &Stream) -> Vec<i32> {
    let Expected {
        columns,
        rows,
        channels,
    } = stream.expected;
    let mut samples = Vec::new();
    for y in 0..i64::from(rows) {
        for x in 0..i64::from(columns) {
            for k in 0..i64::from(channels) {
                let pattern = (x * x * 31 + y * y * 17 + x * y * 7 + k * 101) % 23;
                let level = (x * 5 + y * 3 + k * 17 + pattern) % 256;
                let sample = match stream.bits.checked_sub(8) {
                    Some(more) => (level << more) | (level * 37 % (1 << more)),
                    None => level >> (8 - stream.bits),
                };
                let offset = if stream.signed { 1 << (stream.bits - 1) } else { 0 };
                samples.push((sample - offset) as i32);
            }
        }
    }
    samples
}

/// Decoded samples as numbers.
pub(crate) fn values(decoded: &Decoded) -> Vec<i32> {
    match &decoded.samples {
        Samples::U8(samples) => samples.iter().map(|sample| i32::from(*sample)).collect(),
        Samples::U16(samples) if decoded.signed => {
            samples.iter().map(|sample| i32::from(*sample as i16)).collect()
        }
        Samples::U16(samples) => samples.iter().map(|sample| i32::from(*sample)).collect(),
        Samples::I32(samples) => samples.clone(),
    }
}
