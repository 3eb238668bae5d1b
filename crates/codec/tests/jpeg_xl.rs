//! JPEG XL against the reference decoder's pictures of the test data, and against a small stream made by it.

mod support;

use std::path::Path;

use codec::{CodecError, ColorSpace, Decoded, Expected, Samples, jpeg, jpeg_xl};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

const LOSSLESS: &str = "1.2.840.10008.1.2.4.110";
const RECOMPRESSED: &str = "1.2.840.10008.1.2.4.111";
const LOSSY: &str = "1.2.840.10008.1.2.4.112";

/// A codestream of 13 x 9 samples of 12 bits, (97 x + 311 y) mod 4096, written without loss by libjxl.
const GRAY: [u8; 106] = [
    0xFF, 0x0A, 0x40, 0x40, 0x18, 0x14, 0x2D, 0x02, 0x08, 0x04, 0x01, 0x00, 0x70, 0x01, 0x4B, 0x38, 0x68,
    0x18, 0xC2, 0xDB, 0x85, 0x0A, 0x12, 0x22, 0x46, 0x2C, 0x66, 0x8C, 0xC1, 0x3D, 0x8E, 0x31, 0xC6, 0xE8,
    0x18, 0xC4, 0xB1, 0x00, 0x70, 0x3B, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0xC1, 0x27, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x16, 0x00, 0x00, 0x00, 0x00, 0x00, 0xC0, 0x02, 0x00, 0x80, 0x96, 0x0B, 0x00,
    0x00, 0x00, 0x58, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0B, 0x00, 0x00, 0x00, 0x00, 0x00, 0x60, 0x01,
    0x00, 0x80, 0xF9, 0x01, 0x00, 0x00, 0x00, 0x2C, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x05, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00,
];

const GRAY_EXPECTED: Expected = Expected {
    columns: 13,
    rows: 9,
    channels: 1,
};

fn gray_samples() -> Samples {
    Samples::U16(
        (0..9)
            .flat_map(|y| (0..13).map(move |x| (97 * x + 311 * y) % 4096))
            .collect(),
    )
}

fn little_endian(samples: &Samples) -> Vec<u8> {
    match samples {
        Samples::U8(samples) => samples.clone(),
        Samples::U16(samples) => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
        Samples::I32(_) => panic!("JPEG XL here has at most 16 bits"),
    }
}

fn values(samples: &Samples) -> Vec<i32> {
    match samples {
        Samples::U8(samples) => samples.iter().copied().map(i32::from).collect(),
        Samples::U16(samples) => samples.iter().copied().map(i32::from).collect(),
        Samples::I32(samples) => samples.clone(),
    }
}

/// The largest difference of two pictures of one size.
fn largest_difference(a: &[i32], b: &[i32]) -> i32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .max()
        .expect("a picture")
}

fn decode_file(path: &Path) -> Decoded {
    let image = support::read(path);
    let expected = Expected {
        columns: image.columns,
        rows: image.rows,
        channels: image.channels,
    };
    jpeg_xl::decode(&image.frames[0], expected).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn lossless_equals_other_decoders() {
    let Some(data_dir) = support::data_dir() else {
        return;
    };
    let entries = support::entries(&data_dir, &[LOSSLESS, RECOMPRESSED, LOSSY]);
    assert_eq!(entries.len(), 7);
    for entry in entries.iter().filter(|entry| entry.transfer_syntax == LOSSLESS) {
        let decoded = decode_file(&entry.path);
        let hash = Sha256::digest(little_endian(&decoded.samples));
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, entry.pixel_sha256, "{}", entry.name);
    }
}

/// The reference decoder is off the lossless twin by the numbers of `reference.json`; another one may round
/// each sample to the other side.
#[test]
fn lossy_is_as_far_off_as_the_reference() {
    let Some(data_dir) = support::data_dir() else {
        return;
    };
    for (name, reference) in [("MR4", 144), ("US1", 179), ("VL6", 98)] {
        let [lossy, lossless] = ["LOSSY", "LOSSLESS"].map(|kind| {
            let decoded = decode_file(&data_dir.join(format!("zoo-jxl/{name}_JXL_{kind}.dcm")));
            values(&decoded.samples)
        });
        let difference = largest_difference(&lossy, &lossless);
        assert!(
            (difference - reference).abs() <= 1,
            "{name}: {difference}, the reference {reference}"
        );
    }
}

/// The picture of a recompressed JPEG is that of the JPEG, after its color transform.
#[test]
fn recompressed_jpeg_equals_the_jpeg() {
    let Some(data_dir) = support::data_dir() else {
        return;
    };
    let entries = support::entries(&data_dir, &[RECOMPRESSED]);
    let decoded = decode_file(&entries[0].path);
    assert_eq!(decoded.color, ColorSpace::Rgb);
    let original = support::read(&data_dir.join("zoo-pydicom/test_files/SC_rgb_jpeg_dcmtk.dcm"));
    let expected = Expected {
        columns: original.columns,
        rows: original.rows,
        channels: original.channels,
    };
    let original = jpeg::decode(&original.frames[0], expected).expect("the original can be decoded");
    let to_rgb = |ybr: &[i32]| {
        let [y, b, r] = [ybr[0], ybr[1] - 128, ybr[2] - 128].map(f64::from);
        [y + 1.402 * r, y - 0.344_136 * b - 0.714_136 * r, y + 1.772 * b]
            .map(|value| value.round().clamp(0.0, 255.0) as i32)
    };
    let original: Vec<i32> = match original.color {
        ColorSpace::Rgb => values(&original.samples),
        _ => values(&original.samples)
            .chunks_exact(3)
            .flat_map(to_rgb)
            .collect(),
    };
    // The JPEG decoder rounds and clamps luminance and chrominance before they become colors, this one only
    // after.
    let difference = largest_difference(&values(&decoded.samples), &original);
    assert!(difference <= 8, "off by {difference}");
}

/// A box of a container.
fn container_box(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32 + 8).to_be_bytes();
    [&length, &kind[..], payload].concat()
}

fn container(boxes: &[Vec<u8>]) -> Vec<u8> {
    let signature = container_box(b"JXL ", b"\r\n\x87\n");
    let kind = container_box(b"ftyp", b"jxl \0\0\0\0jxl ");
    [signature, kind, boxes.concat()].concat()
}

#[test]
fn a_codestream_comes_bare_or_in_a_container() {
    let whole = container_box(b"jxlc", &GRAY);
    let (first, second) = GRAY.split_at(40);
    let parts = [
        container_box(b"jxlp", &[&[0, 0, 0, 0], first].concat()),
        container_box(b"free", b"anything"),
    ];
    let last = container_box(b"jxlp", &[&[0x80, 0, 0, 1], second].concat());
    let mut open_ended = whole.clone();
    open_ended[..4].fill(0);
    let mut wide = whole.clone();
    wide[..4].copy_from_slice(&[0, 0, 0, 1]);
    wide.splice(8..8, (GRAY.len() as u64 + 16).to_be_bytes());
    for stream in [
        GRAY.to_vec(),
        [&GRAY[..], &[0]].concat(),
        container(&[whole]),
        container(&[open_ended]),
        container(&[wide]),
        container(&[parts.concat(), last]),
    ] {
        let decoded = jpeg_xl::decode(&stream, GRAY_EXPECTED).expect("the stream is valid");
        assert_eq!(
            (decoded.precision_bits, decoded.color),
            (12, ColorSpace::AsDeclared)
        );
        assert_eq!(decoded.samples, gray_samples());
    }
}

#[test]
fn another_size_is_refused() {
    for expected in [
        Expected {
            columns: 12,
            ..GRAY_EXPECTED
        },
        Expected {
            rows: 10,
            ..GRAY_EXPECTED
        },
        Expected {
            channels: 3,
            ..GRAY_EXPECTED
        },
    ] {
        let result = jpeg_xl::decode(&GRAY, expected);
        assert!(matches!(result, Err(CodecError::Mismatch { .. })), "{result:?}");
    }
}

#[test]
fn a_stream_cut_anywhere_is_an_error() {
    for length in 0..GRAY.len() {
        let result = jpeg_xl::decode(&GRAY[..length], GRAY_EXPECTED);
        assert!(
            matches!(result, Err(CodecError::Truncated { .. })),
            "cut to {length} bytes: {result:?}"
        );
    }
    let whole = container(&[container_box(b"jxlc", &GRAY)]);
    for length in 0..whole.len() {
        assert!(
            jpeg_xl::decode(&whole[..length], GRAY_EXPECTED).is_err(),
            "cut to {length} bytes"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn damage_ends_in_an_error_or_a_picture(
        flips in prop::collection::vec((0..GRAY.len(), 1..=255_u8), 1..6),
    ) {
        let mut stream = GRAY;
        for (index, flip) in flips {
            stream[index] ^= flip;
        }
        if let Ok(decoded) = jpeg_xl::decode(&stream, GRAY_EXPECTED) {
            prop_assert_eq!(values(&decoded.samples).len(), 13 * 9);
        }
    }
}
