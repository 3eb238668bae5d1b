//! How fast the codecs of most archived series are, on one core: a 512 x 512 slice of 12 bits with the noise of a CT.
//!
//! Throughput is in elements: samples a second.

use codec::{Expected, jpeg, rle};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use testkit::encode::{LosslessJpeg, Scans, encode_jpeg_lossless, encode_rle};

const EDGE: usize = 512;
const EXPECTED: Expected = Expected {
    columns: EDGE as u32,
    rows: EDGE as u32,
    channels: 1,
};

/// A round head in air, with a skull and inner structure, stored as HU + 1024, and noise of 12 HU.
fn slice() -> Vec<u16> {
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut uniform = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 40) as f64 / (1u64 << 24) as f64
    };
    let mut samples = Vec::with_capacity(EDGE * EDGE);
    for index in 0..EDGE * EDGE {
        let x = (index % EDGE) as f64 / 256.0 - 1.0;
        let y = (index / EDGE) as f64 / 256.0 - 1.0;
        let radius = (x / 0.62).hypot(y / 0.78);
        let hu = match radius {
            r if r < 0.82 => 35.0 + 6.0 * (25.0 * x).sin() * (21.0 * y).sin(),
            r if r < 0.91 => 950.0 + 120.0 * (60.0 * x).sin() * (60.0 * y).sin(),
            r if r < 1.0 => 45.0,
            _ => -1000.0,
        };
        // The sum of twelve uniform numbers is near enough to a normal distribution of variance 1.
        let noise: f64 = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        samples.push((hu + 12.0 * noise + 1024.0).round().clamp(0.0, 4095.0) as u16);
    }
    samples
}

fn benchmark(criterion: &mut Criterion) {
    let samples = slice();
    let mut group = criterion.benchmark_group("ct slice");
    group.throughput(Throughput::Elements(samples.len() as u64));
    for predictor in 1..=7 {
        let stream = encode_jpeg_lossless(&LosslessJpeg {
            samples: &samples,
            columns: EDGE,
            rows: EDGE,
            channels: 1,
            precision: 16,
            predictor,
            point_transform: 0,
            restart_rows: 0,
            scans: Scans::Interleaved,
        });
        group.bench_function(format!("lossless jpeg, predictor {predictor}"), |bencher| {
            bencher.iter(|| jpeg::decode(black_box(&stream), EXPECTED));
        });
    }
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let stream = encode_rle(&bytes, EDGE, 1, 2);
    group.bench_function("rle", |bencher| {
        bencher.iter(|| rle::decode(black_box(&stream), EXPECTED, 16));
    });
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
