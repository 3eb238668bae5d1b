//! JPEG-LS on a picture like a noisy CT slice: samples a second on one core.

use std::hint::black_box;

use codec::{Expected, jpeg_ls};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use testkit::encode::jpeg_ls::{Interleave, Settings, encode};

const COLUMNS: u16 = 512;
const ROWS: u16 = 480;

/// A disk of tissue in air, both with noise, `[row][column][channel]`, below `levels`.
fn slice(channels: u8, levels: u32) -> Vec<u16> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut noise = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 20)
            .to_be_bytes()
            .iter()
            .map(|&byte| u32::from(byte >> 4))
            .sum::<u32>()
    };
    let mut samples = Vec::new();
    for y in 0..i32::from(ROWS) {
        for x in 0..i32::from(COLUMNS) {
            let is_tissue = (x - 250).pow(2) + (y - 240).pow(2) < 190 * 190;
            for _ in 0..channels {
                let level = if is_tissue { levels / 4 + x as u32 / 16 } else { 0 };
                samples.push((level + noise() * levels / 4096).min(levels - 1) as u16);
            }
        }
    }
    samples
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("jpeg_ls");
    for (name, channels, precision_bits, near, interleave) in [
        ("lossless, 12 bits", 1, 12, 0, Interleave::None),
        ("near-lossless, 12 bits", 1, 12, 2, Interleave::None),
        ("lossless, RGB by line", 3, 8, 0, Interleave::Line),
        ("lossless, RGB by sample", 3, 8, 0, Interleave::Sample),
    ] {
        let settings = Settings {
            near,
            interleave,
            ..Settings::lossless(precision_bits)
        };
        let samples = slice(channels, 1 << precision_bits);
        let stream = encode(&samples, COLUMNS, channels, &settings);
        let expected = Expected {
            columns: COLUMNS.into(),
            rows: ROWS.into(),
            channels: channels.into(),
        };
        group.throughput(Throughput::Elements(samples.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| jpeg_ls::decode(black_box(&stream), expected));
        });
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
