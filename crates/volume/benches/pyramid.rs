//! Time from slices in memory to bricks handed out, nothing done with them.

use std::convert::Infallible;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use geometry::{DVec3, GridGeometry};
use volume::{Brick, BrickSink, PyramidBuilder, StatisticsBuilder};

struct Drop;

impl BrickSink<i16> for Drop {
    type Error = Infallible;

    fn brick(&self, brick: Brick<'_, i16>) -> Result<(), Infallible> {
        black_box(brick.samples);
        Ok(())
    }
}

/// A ball of 40 in air of -1000, with noise of about 12, as in a CT.
fn slices(dims: [u32; 3]) -> Vec<i16> {
    let mut state = 1u32;
    let mut samples = Vec::new();
    let half = dims.map(|n| f64::from(n) / 2.0);
    for z in 0..dims[2] {
        for y in 0..dims[1] {
            for x in 0..dims[0] {
                let away = |p: u32, half: f64| (f64::from(p) / half - 1.0).powi(2);
                let inside = away(x, half[0]) + away(y, half[1]) + away(z, half[2]) < 0.6;
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (state >> 27) as i16 - 16 + ((state >> 22) & 31) as i16 - 16;
                samples.push(if inside { 40 } else { -1000 } + noise);
            }
        }
    }
    samples
}

fn pyramid(c: &mut Criterion) {
    let dims = [512, 512, 400];
    let grid = GridGeometry::axis_aligned(dims, [0.45, 0.5, 0.6], DVec3::ZERO).unwrap();
    let samples = slices(dims);
    let slice_len = 512 * 512;
    let mut group = c.benchmark_group("pyramid of 512 x 512 x 400 i16");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(2 * samples.len() as u64));
    for at_a_time in [400, 64, 16] {
        group.bench_function(format!("{at_a_time} slices at a time"), |b| {
            b.iter(|| {
                let mut builder = PyramidBuilder::new(grid, Drop);
                for part in samples.chunks(at_a_time * slice_len) {
                    builder.push_slices(part).unwrap();
                }
                builder.finish().unwrap()
            });
        });
    }
    group.bench_function("statistics alone", |b| {
        b.iter(|| {
            let mut statistics = StatisticsBuilder::new(slice_len);
            statistics.add(&samples);
            statistics.finish()
        });
    });
    group.finish();
}

criterion_group!(benches, pyramid);
criterion_main!(benches);
