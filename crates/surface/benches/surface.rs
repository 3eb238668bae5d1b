//! Isosurface, simplification and the finished surface of a rough ball.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use geometry::{DVec3, GridGeometry};
use surface::{Closing, Goal, IslandRule, Reduction, SurfacePlan, isosurface, simplify};

const SIZE: [u32; 3] = [256, 240, 200];

/// A ball with a bumpy, noisy skin, like bone under a high threshold.
fn ball() -> (GridGeometry, Vec<i16>) {
    let grid = GridGeometry::axis_aligned(SIZE, [0.45, 0.5, 0.55], DVec3::ZERO).expect("a grid");
    let mut samples = Vec::with_capacity(grid.len() as usize);
    for z in 0..SIZE[2] {
        for y in 0..SIZE[1] {
            for x in 0..SIZE[0] {
                let at = DVec3::new(f64::from(x), f64::from(y), f64::from(z));
                let middle = DVec3::new(128.0, 120.0, 100.0);
                let bumps = (at * 0.4).to_array().map(f64::sin).iter().product::<f64>();
                let noise = (u64::from(x + 999 * y + 999_983 * z)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58;
                samples.push(((90.0 - at.distance(middle) + 4.0 * bumps) * 20.0 + noise as f64) as i16);
            }
        }
    }
    (grid, samples)
}

fn surfaces(criterion: &mut Criterion) {
    let (grid, samples) = ball();
    let full = isosurface(&grid, &samples, 300.0, Closing::Open).expect("a surface");
    let mut group = criterion.benchmark_group(format!("{} triangles", full.triangles.len()));
    group.sample_size(10);
    group.bench_function("isosurface", |b| {
        b.iter(|| isosurface(&grid, black_box(&samples), 300.0, Closing::Open));
    });
    group.bench_function("simplify", |b| {
        let goal = Goal {
            triangles: full.triangles.len() / 10,
            max_error_mm: 1.0,
        };
        b.iter(|| simplify(black_box(&full), goal));
    });
    let plan = SurfacePlan {
        grid,
        threshold: 300.0,
        closing: Closing::Closed,
        islands: IslandRule::default(),
        reduction: Some(Reduction {
            share: 0.1,
            max_error_mm: 1.0,
        }),
    };
    group.bench_function("surface", |b| b.iter(|| plan.surface(black_box(&samples))));
    group.finish();
}

criterion_group!(benches, surfaces);
criterion_main!(benches);
