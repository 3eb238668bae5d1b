//! JPEG-LS against the samples that other decoders give of the test data. The standard leaves a decoder no
//! freedom, in near-lossless mode neither, so all must be equal.

mod support;

use codec::{Expected, Samples, jpeg_ls};
use sha2::{Digest, Sha256};

const LOSSLESS: &str = "1.2.840.10008.1.2.4.80";
const NEAR_LOSSLESS: &str = "1.2.840.10008.1.2.4.81";

fn little_endian(samples: &Samples, bits_allocated: u16) -> Vec<u8> {
    match (samples, bits_allocated) {
        (Samples::U8(samples), 8) => samples.clone(),
        (Samples::U8(samples), 16) => samples
            .iter()
            .flat_map(|&sample| u16::from(sample).to_le_bytes())
            .collect(),
        (Samples::U16(samples), 16) => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
        other => panic!("unexpected samples: {other:?}"),
    }
}

#[test]
fn equals_other_decoders_on_test_data() {
    let Some(data_dir) = support::data_dir() else {
        return;
    };
    let entries = support::entries(&data_dir, &[LOSSLESS, NEAR_LOSSLESS]);
    assert!(entries.len() > 300, "{} files", entries.len());
    for entry in &entries {
        let image = support::read(&entry.path);
        let expected = Expected {
            columns: image.columns,
            rows: image.rows,
            channels: image.channels,
        };
        let mut hash = Sha256::new();
        for frame in &image.frames {
            let decoded =
                jpeg_ls::decode(frame, expected).unwrap_or_else(|error| panic!("{}: {error}", entry.name));
            hash.update(little_endian(&decoded.samples, image.bits_allocated));
        }
        let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, entry.pixel_sha256, "{}", entry.name);
    }
    println!(
        "{} files equal, {} of them near-lossless",
        entries.len(),
        count(&entries, NEAR_LOSSLESS)
    );
}

fn count(entries: &[support::Entry], transfer_syntax: &str) -> usize {
    entries
        .iter()
        .filter(|entry| entry.transfer_syntax == transfer_syntax)
        .count()
}
