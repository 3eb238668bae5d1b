//! Throughput of packing and unpacking bricks, through the writer and the head as ingest and viewers use them.

use std::convert::Infallible;
use std::sync::Mutex;

use artifact::pyramid::{BodySink, Description, PyramidHead, PyramidWriter};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use geometry::{DVec3, GridGeometry};
use volume::{BrickKey, PyramidBuilder, Rescale};

#[derive(Default)]
struct Body(Mutex<Vec<u8>>);

impl BodySink for Body {
    type Error = Infallible;

    fn append(&self, bytes: Vec<u8>) -> Result<u64, Infallible> {
        let mut body = self.0.lock().unwrap();
        let offset = body.len() as u64;
        body.extend(bytes);
        Ok(offset)
    }
}

const SIDE: u32 = 64;

/// A brick of soft tissue with noise of about 12, beside a shell of bone.
fn noisy_ct() -> Vec<i16> {
    let mut state = 1u32;
    (0..SIDE.pow(3))
        .map(|i| {
            let [x, y, z] = [i % SIDE, i / SIDE % SIDE, i / SIDE / SIDE].map(f64::from);
            let r = ((x - 10.0).powi(2) + (y - 20.0).powi(2) + (z - 5.0).powi(2)).sqrt();
            let tissue = if (50.0..58.0).contains(&r) { 900.0 } else { 40.0 };
            // The sum of twelve even numbers is nearly normal.
            let noise: u32 = (0..12)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    state >> 20
                })
                .sum();
            (tissue + 12.0 * (f64::from(noise) / 4096.0 - 6.0)).round() as i16
        })
        .collect()
}

fn packing(c: &mut Criterion) {
    let grid = GridGeometry::axis_aligned([SIDE; 3], [0.45, 0.5, 0.6], DVec3::ZERO).unwrap();
    let samples = noisy_ct();
    let writer =
        || PyramidWriter::<i16, Body>::new(grid, Rescale::IDENTITY, Description::default(), Body::default());
    let (built, writer_done) = {
        let mut builder = PyramidBuilder::new(grid, writer());
        builder.push_slices(&samples).unwrap();
        builder.finish().unwrap()
    };
    let (head, body) = writer_done.finish(&built.statistics).unwrap();
    let head = PyramidHead::parse(&head).unwrap();
    let body = body.0.into_inner().unwrap();
    println!("packed to {} of {} bytes", body.len(), 2 * samples.len());

    let mut group = c.benchmark_group("brick of noisy CT");
    group.throughput(Throughput::Bytes(2 * 66 * 66 * 66));
    group.bench_function("pack, with cutting and statistics", |b| {
        b.iter_batched(
            || PyramidBuilder::new(grid, writer()),
            |mut builder| builder.push_slices(&samples).unwrap(),
            BatchSize::LargeInput,
        );
    });
    let key = BrickKey {
        level: 0,
        x: 0,
        y: 0,
        z: 0,
    };
    let mut out = Vec::<i16>::new();
    group.bench_function("unpack", |b| {
        b.iter(|| head.decode_brick_into(key, &body, &mut out).unwrap());
    });
    group.finish();
}

criterion_group!(benches, packing);
criterion_main!(benches);
