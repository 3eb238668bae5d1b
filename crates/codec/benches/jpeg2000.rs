//! JPEG 2000 on slices and pictures of the test data, or on small streams where that is missing: samples a second on
//! one core.

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "a benchmark needs less of a file than the tests do")]
mod support;
#[path = "../tests/support/texture.rs"]
#[expect(dead_code, reason = "a benchmark does not compare samples")]
mod texture;

use std::hint::black_box;

use codec::{Expected, jpeg2000};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Files by what they are.
const FILES: [(&str, &str); 5] = [
    (
        "lossless, CT",
        "zoo-ctimage/CTImage.dcm_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm",
    ),
    ("lossless, RGB", "zoo-wg04-a/J2KR/VL6_J2KR"),
    ("lossy, CT", "zoo-wg04-a/J2KI/CT1_J2KI"),
    ("lossy, RGB", "zoo-wg04-a/J2KI/VL6_J2KI"),
    ("high throughput, CT", "zoo-htj2k/CT1_HTJ2K_LOSSLESS.dcm"),
];
const STREAMS: [&str; 4] = [
    "gray12.j2k",
    "rgb8_rpcl_precincts.j2k",
    "irreversible_gray12.j2k",
    "ht_gray16_blocks.j2c",
];

/// Names, streams, and what they hold.
fn inputs() -> Vec<(String, Vec<u8>, Expected)> {
    let Some(folder) = support::data_dir() else {
        let streams = STREAMS.map(texture::stream);
        return streams
            .map(|stream| (stream.name, stream.bytes, stream.expected))
            .into();
    };
    FILES
        .map(|(name, file)| {
            let mut image = support::read(&folder.join(file));
            let expected = Expected {
                columns: image.columns,
                rows: image.rows,
                channels: image.channels,
            };
            (name.to_owned(), image.frames.remove(0), expected)
        })
        .into()
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("jpeg2000");
    for (name, stream, expected) in inputs() {
        let samples = u64::from(expected.columns) * u64::from(expected.rows) * u64::from(expected.channels);
        group.throughput(Throughput::Elements(samples));
        group.bench_function(name, |bencher| {
            bencher.iter(|| jpeg2000::decode(black_box(&stream), expected));
        });
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
