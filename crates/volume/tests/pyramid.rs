//! The streamed pyramid against a plain one computed from the whole volume.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Mutex;

use geometry::{DVec3, GridGeometry};
use proptest::prelude::*;
use volume::{
    Brick, BrickKey, BrickSink, BuildError, PyramidBuilder, PyramidLayout, Rescale, Sample, SampleType,
    Volume,
};

/// Collects all bricks: extent, samples, range.
type Collected<T> = HashMap<BrickKey, ([u32; 3], Vec<T>, (T, T))>;

#[derive(Default)]
struct Collect<T>(Mutex<Collected<T>>);

impl<T: Sample> BrickSink<T> for Collect<T> {
    type Error = Infallible;

    fn brick(&self, brick: Brick<'_, T>) -> Result<(), Infallible> {
        let kept = (brick.extent, brick.samples.to_vec(), brick.range);
        let before = self.0.lock().unwrap().insert(brick.key, kept);
        assert!(before.is_none(), "{:?} came twice", brick.key);
        Ok(())
    }
}

fn grid(dims: [u32; 3]) -> GridGeometry {
    GridGeometry::axis_aligned(dims, [0.5, 0.75, 2.0], DVec3::new(-7.0, 11.0, 13.0)).unwrap()
}

/// Any sample from a place, spread over the whole range of the type.
fn noise<T: Sample>(seed: u64, i: usize) -> T {
    let hash = (i as u64 + 1)
        .wrapping_mul(seed | 1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let bits = (hash ^ (hash >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32;
    if T::TYPE == SampleType::F32 {
        return T::from_f64(bits as f64 / 1e3 - 2e6);
    }
    bytemuck::pod_read_unaligned(&bits.to_le_bytes()[..size_of::<T>()])
}

fn samples<T: Sample>(dims: [u32; 3], seed: u64) -> Vec<T> {
    (0..dims.iter().product::<u32>() as usize)
        .map(|i| noise(seed, i))
        .collect()
}

/// The next level, sample by sample.
fn halved<T: Sample>(fine: &Volume<T>) -> Volume<T> {
    let coarse = fine.grid().halved();
    let [nx, ny, nz] = coarse.dims();
    let mut out = Vec::new();
    for z in 0..nz {
        for y in 0..ny {
            for x in 0..nx {
                let mut parts = Vec::new();
                for corner in 0..8u32 {
                    let at = [
                        2 * x + (corner & 1),
                        2 * y + (corner >> 1 & 1),
                        2 * z + (corner >> 2),
                    ];
                    parts.extend(fine.get(at).map(Sample::to_f64));
                }
                let mean = parts.iter().sum::<f64>() / parts.len() as f64;
                let integers = T::from_f64(0.5).to_f64() != 0.5;
                out.push(T::from_f64(if integers { (mean + 0.5).floor() } else { mean }));
            }
        }
    }
    Volume::new(coarse, Rescale::IDENTITY, out).unwrap()
}

fn plain_bricks<T: Sample>(volume: Volume<T>) -> Collected<T> {
    let layout = PyramidLayout::new(*volume.grid());
    let mut bricks = HashMap::new();
    let mut level_volume = volume;
    for level in 0..layout.levels().len() as u32 {
        assert_eq!(Some(level_volume.grid()), layout.grid(level));
        for key in layout.bricks(level) {
            let start = layout.core_start(key).map(i64::from);
            let extent = layout.extent(key).unwrap();
            let mut out = Vec::new();
            for z in 0..i64::from(extent[2]) {
                for y in 0..i64::from(extent[1]) {
                    for x in 0..i64::from(extent[0]) {
                        let dims = level_volume.grid().dims();
                        let at = [x, y, z].map(|n| n - 1);
                        let at: [u32; 3] = std::array::from_fn(|a| {
                            (start[a] + at[a]).clamp(0, i64::from(dims[a]) - 1) as u32
                        });
                        out.push(level_volume.get(at).unwrap());
                    }
                }
            }
            let pick = |better: fn(&T, &T) -> bool| {
                *out.iter()
                    .reduce(|a, b| if better(b, a) { b } else { a })
                    .unwrap()
            };
            let range = (pick(|a, b| a < b), pick(|a, b| a > b));
            bricks.insert(key, (extent, out, range));
        }
        level_volume = halved(&level_volume);
    }
    bricks
}

/// Builds from pushes of the given numbers of slices, again and again.
fn streamed<T: Sample>(dims: [u32; 3], samples: &[T], pushes: &[usize]) -> Collected<T> {
    let mut builder = PyramidBuilder::new(grid(dims), Collect(Mutex::default()));
    let slice_len = (dims[0] * dims[1]) as usize;
    let mut rest = samples;
    for slices in pushes.iter().cycle() {
        let (part, later) = rest.split_at((slices * slice_len).min(rest.len()));
        builder.push_slices(part).unwrap();
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    let (built, sink) = builder.finish().unwrap();
    let volume = Volume::new(grid(dims), Rescale::IDENTITY, samples.to_vec()).unwrap();
    assert_eq!(built.statistics, volume.statistics());
    sink.0.into_inner().unwrap()
}

fn check<T: Sample>(dims: [u32; 3], pushes: &[usize]) {
    let samples = samples::<T>(dims, 0x5EED);
    let plain = plain_bricks(Volume::new(grid(dims), Rescale::IDENTITY, samples.clone()).unwrap());
    let streamed = streamed(dims, &samples, pushes);
    assert_eq!(plain.len(), streamed.len(), "{dims:?}");
    for (key, brick) in plain {
        assert!(streamed[&key] == brick, "{dims:?} {pushes:?}: {key:?} differs");
    }
}

#[test]
fn every_edge_case_of_an_axis() {
    for dims in [
        [1, 1, 1],
        [2, 1, 3],
        [63, 2, 64],
        [64, 63, 65],
        [65, 66, 63],
        [66, 64, 129],
        [129, 65, 66],
        [3, 129, 2],
        [1, 130, 1],
        [5, 1, 200],
    ] {
        check::<i16>(dims, &[1000]);
        check::<i16>(dims, &[1]);
    }
}

#[test]
fn every_sample_type() {
    let dims = [67, 31, 69];
    check::<u8>(dims, &[5]);
    check::<i16>(dims, &[64]);
    check::<u16>(dims, &[65]);
    check::<i32>(dims, &[66]);
    check::<u32>(dims, &[33, 1]);
    check::<f32>(dims, &[7, 60]);
}

#[test]
fn the_kept_level_is_the_finest_that_fits() {
    let dims = [130, 70, 67];
    let samples = samples::<i16>(dims, 9);
    let fine = Volume::new(grid(dims), Rescale::IDENTITY, samples.clone()).unwrap();
    let kept = |at_most| {
        let mut builder = PyramidBuilder::new(grid(dims), Collect(Mutex::default()))
            .keep_level_with_at_most(at_most, Rescale::IDENTITY);
        builder.push_slices(&samples).unwrap();
        let kept = builder.finish().unwrap().0.kept.unwrap();
        (kept.level, kept.volume)
    };
    let level_1 = halved(&fine);
    let level_2 = halved(&level_1);
    assert_eq!(kept(level_1.grid().len()), (1, level_1.clone()));
    assert_eq!(kept(level_1.grid().len() - 1), (2, level_2.clone()));
    assert_eq!(kept(fine.grid().len()), (0, fine));
    assert_eq!(kept(0), (2, level_2));
}

#[test]
fn what_is_no_stream_of_slices_is_refused() {
    let dims = [3, 4, 5];
    let mut builder = PyramidBuilder::new(grid(dims), Collect::<u8>(Mutex::default()));
    let partial = BuildError::PartialSlice {
        samples: 13,
        slice_len: 12,
    };
    assert_eq!(builder.push_slices(&[0; 13]), Err(partial));
    builder.push_slices(&[0; 48]).unwrap();
    let too_many = BuildError::TooManySlices {
        expected: 5,
        actual: 6,
    };
    assert_eq!(builder.push_slices(&[0; 24]), Err(too_many));
    let too_few = BuildError::TooFewSlices {
        expected: 5,
        actual: 4,
    };
    assert_eq!(builder.finish().map(|_| ()), Err(too_few));
}

#[derive(Debug, PartialEq)]
struct Full;

struct Refuse;

impl BrickSink<u8> for Refuse {
    type Error = Full;

    fn brick(&self, _: Brick<'_, u8>) -> Result<(), Full> {
        Err(Full)
    }
}

#[test]
fn a_refused_brick_ends_the_building() {
    let mut builder = PyramidBuilder::new(grid([3, 4, 70]), Refuse);
    builder.push_slices(&[0; 12 * 64]).unwrap();
    assert_eq!(builder.push_slices(&[0; 12]), Err(BuildError::Sink(Full)));
    assert_eq!(builder.push_slices(&[0; 12]), Err(BuildError::Broken));
    assert_eq!(builder.finish().map(|_| ()), Err(BuildError::Broken));
}

#[test]
fn nan_spreads_to_means_but_not_to_ranges() {
    let dims = [70, 2, 2];
    let mut samples = vec![3.0f32; 280];
    samples[0] = f32::NAN;
    samples[1] = 5.0;
    let bricks = streamed(dims, &samples, &[1]);
    let (_, fine, range) = &bricks[&BrickKey {
        level: 0,
        x: 0,
        y: 0,
        z: 0,
    }];
    assert!(fine[0].is_nan());
    assert_eq!(*range, (3.0, 5.0));
    let (_, coarse, range) = &bricks[&BrickKey {
        level: 1,
        x: 0,
        y: 0,
        z: 0,
    }];
    assert!(coarse[1].is_nan());
    assert_eq!(*range, (3.0, 3.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_chunking_gives_the_same_bricks(
        dims in (1u32..80, 1u32..20, 1u32..200),
        pushes in proptest::collection::vec(1usize..90, 1..6),
    ) {
        check::<i16>([dims.0, dims.1, dims.2], &pushes);
    }
}
