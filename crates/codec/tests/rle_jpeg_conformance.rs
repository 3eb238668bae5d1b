//! RLE and JPEG against the samples that other decoders give of the test data. Lossy JPEG leaves a decoder freedom, but
//! following the reference library, ours takes the same.

mod support;

use codec::{Expected, Samples, jpeg, rle};
use sha2::{Digest, Sha256};

const RLE: &str = "1.2.840.10008.1.2.5";
const JPEG: [&str; 6] = [
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.53",
    "1.2.840.10008.1.2.4.55",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
];

/// Files whose line in the manifest is of a decoder with another inverse transform (no sample is more than 1 away), with
/// what dcmtk's `dcmdjpeg` gives.
const BY_DCMTK: [(&str, &str); 3] = [
    (
        "zoo-ctimage/CT0012.fragmented_no_bot_jpeg_baseline.51.dcm",
        "a62ceec7a17af3ceae9deb9f93b71437e52a6ab04897266acaade66ea8cd6987",
    ),
    (
        "zoo-ctimage/CTImage.dcm_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm",
        "85e3b617e00dc755e55971bfe8770210f17d4909b17db5d71d2617e22254b3b9",
    ),
    (
        "zoo-pydicom/test_files/JPGExtended.dcm",
        "d30242775a414c01d616447854ebe3f2b20259822894bcd6891f879bcdcbf313",
    ),
];

/// A file whose data set is in no transfer syntax; its frame is that of `SC_jpeg_no_color_transform.dcm`.
const UNREADABLE: &str = "zoo-pydicom/test_files/SC_rgb_jpeg.dcm";

fn little_endian(samples: &Samples, bits_allocated: u16) -> Vec<u8> {
    match (samples, bits_allocated) {
        (Samples::U8(samples), 8) => samples.clone(),
        (Samples::U8(samples), 16) => samples.iter().flat_map(|&sample| [sample, 0]).collect(),
        (Samples::U16(samples), 16) => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
        (Samples::I32(samples), 32) => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
        other => panic!("unexpected samples: {other:?}"),
    }
}

#[test]
fn equals_other_decoders_on_test_data() {
    let Some(data_dir) = support::data_dir() else {
        return;
    };
    let mut entries = support::entries(&data_dir, &JPEG);
    entries.extend(support::entries(&data_dir, &[RLE]));
    entries.retain(|entry| !entry.pixel_sha256.is_empty() && entry.name != UNREADABLE);
    assert!(entries.len() > 270, "{} files", entries.len());
    for entry in &entries {
        let image = support::read(&entry.path);
        let expected = Expected {
            columns: image.columns,
            rows: image.rows,
            channels: image.channels,
        };
        let mut hash = Sha256::new();
        for frame in &image.frames {
            let decoded = if entry.transfer_syntax == RLE {
                rle::decode(frame, expected, image.bits_allocated)
            } else {
                jpeg::decode(frame, expected)
            };
            let decoded = decoded.unwrap_or_else(|error| panic!("{}: {error}", entry.name));
            hash.update(little_endian(&decoded.samples, image.bits_allocated));
        }
        let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let by_dcmtk = BY_DCMTK.iter().find(|(name, _)| *name == entry.name);
        assert_eq!(
            hash,
            by_dcmtk.map_or(entry.pixel_sha256.as_str(), |(_, hash)| hash),
            "{}",
            entry.name
        );
    }
    println!("{} files equal", entries.len());
}
