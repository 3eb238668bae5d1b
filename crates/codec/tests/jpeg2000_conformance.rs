//! JPEG 2000 and its high-throughput form on the test data: lossless files equal what other decoders give, lossy ones
//! stay close to their lossless twins.

mod support;

use codec::{Decoded, Expected, Samples, jpeg2000};
use sha2::{Digest, Sha256};

const LOSSLESS: [&str; 3] = [
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.4.202",
];
const LOSSY: [&str; 2] = ["1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.203"];

fn decode(image: &support::Image, name: &str) -> Vec<Decoded> {
    let expected = Expected {
        columns: image.columns,
        rows: image.rows,
        channels: image.channels,
    };
    let decode =
        |frame: &Vec<u8>| jpeg2000::decode(frame, expected).unwrap_or_else(|error| panic!("{name}: {error}"));
    image.frames.iter().map(decode).collect()
}

/// Samples as the file declares them: where it says that they have a sign and the stream does not, the highest bit
/// is the sign (PS3.5 8.2.4 leaves such files to the reader).
fn values(decoded: &Decoded, file_is_signed: bool) -> Vec<i32> {
    let unsigned: Vec<i32> = match &decoded.samples {
        Samples::U8(samples) => samples.iter().map(|sample| i32::from(*sample)).collect(),
        Samples::U16(samples) if decoded.signed => {
            return samples.iter().map(|sample| i32::from(*sample as i16)).collect();
        }
        Samples::U16(samples) => samples.iter().map(|sample| i32::from(*sample)).collect(),
        Samples::I32(samples) => samples.clone(),
    };
    if !file_is_signed {
        return unsigned;
    }
    let shift = 32 - u32::from(decoded.precision_bits);
    unsigned
        .into_iter()
        .map(|sample| sample << shift >> shift)
        .collect()
}

/// Whether Pixel Representation (0028,0103) says that samples have a sign.
fn is_signed(file: &std::path::Path) -> bool {
    let bytes = std::fs::read(file).expect("the file can be read");
    let element = [0x28, 0, 0x03, 0x01, b'U', b'S', 2, 0];
    let at = bytes
        .windows(8)
        .position(|window| window == element)
        .expect("a pixel representation");
    bytes[at + 8] == 1
}

#[test]
fn lossless_files_equal_other_decoders() {
    let Some(data_dir) = support::data_dir() else {
        return;
    };
    let entries = support::entries(&data_dir, &LOSSLESS);
    assert!(entries.len() >= 28, "{} files", entries.len());
    for entry in &entries {
        let image = support::read(&entry.path);
        let signed = is_signed(&entry.path);
        let mut hash = Sha256::new();
        for decoded in decode(&image, &entry.name) {
            for value in values(&decoded, signed) {
                hash.update(&value.to_le_bytes()[..usize::from(image.bits_allocated / 8)]);
            }
        }
        let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, entry.pixel_sha256, "{}", entry.name);
    }
    for transfer_syntax in LOSSLESS {
        let count = entries
            .iter()
            .filter(|entry| entry.transfer_syntax == transfer_syntax)
            .count();
        println!("{transfer_syntax}: {count} files equal");
    }
}

#[test]
fn lossy_files_stay_close_to_their_lossless_twins() {
    let Some(data_dir) = support::data_dir() else {
        return;
    };
    let entries = support::entries(&data_dir, &LOSSY);
    let mut twins = 0;
    // A file without a hash is one that other decoders refuse, for damage that shows in the stream.
    for entry in entries.iter().filter(|entry| !entry.pixel_sha256.is_empty()) {
        let image = support::read(&entry.path);
        let lossy = decode(&image, &entry.name);
        if !entry.name.contains("/J2KI/") {
            continue;
        }
        let twin = data_dir.join(entry.name.replace("J2KI", "J2KR"));
        let lossless = decode(&support::read(&twin), &entry.name);
        let signed = is_signed(&entry.path);
        let (a, b) = (values(&lossy[0], signed), values(&lossless[0], signed));
        let mean = a
            .iter()
            .zip(&b)
            .map(|(a, b)| f64::from((a - b).abs()))
            .sum::<f64>()
            / a.len() as f64;
        let range = f64::from(b.iter().max().expect("samples") - b.iter().min().expect("samples"));
        println!(
            "{}: mean error {:.3} % of the range",
            entry.name,
            100.0 * mean / range
        );
        assert!(
            mean > 0.0 && mean < 0.02 * range,
            "{}: {mean} of {range}",
            entry.name
        );
        twins += 1;
    }
    assert!(twins >= 5, "{twins} twins");
}
