//! Reading and decoding: the header of one CT file, one uncompressed frame, and a series of 400 files on disk.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dicom_series::pixels::decode_frame_into;
use dicom_series::read;
use rayon::prelude::*;
use testkit::dicom::SeriesSpec;

const SIDE: usize = 512;
const SLICES: u32 = 400;

fn spec() -> SeriesSpec {
    SeriesSpec::ct([SIDE as u32, SIDE as u32, SLICES], [0.45, 0.5, 0.75])
}

fn fill(z: u32, plane: &mut [i16]) {
    for (i, sample) in plane.iter_mut().enumerate() {
        *sample = ((i * 31) as u32 ^ z.wrapping_mul(977)) as i16;
    }
}

fn one_file(c: &mut Criterion) {
    let mut plane = vec![0; SIDE * SIDE];
    fill(3, &mut plane);
    let synthetic = spec().file(3, &plane).bytes;
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/ct-head-cranium/IM0009.dcm");
    c.bench_function("read/synthetic ct", |b| b.iter(|| read(black_box(&synthetic))));
    match std::fs::read(&real) {
        Ok(bytes) => {
            c.bench_function("read/real ct", |b| b.iter(|| read(black_box(&bytes))));
        }
        Err(_) => println!("skipped: no test data at {}", real.display()),
    }
    let instance = read(&synthetic).unwrap();
    let mut out = vec![0_u16; SIDE * SIDE];
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Bytes((SIDE * SIDE * 2) as u64));
    group.bench_function("native 16 bit", |b| {
        b.iter(|| decode_frame_into(black_box(&synthetic), &instance, 0, &mut out).unwrap());
    });
    group.finish();
}

fn series(c: &mut Criterion) {
    let folder = std::env::temp_dir().join(format!("vitrine-bench-decode-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    spec().write(&folder, fill).unwrap();
    let paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let mut volume = vec![0_u16; SIDE * SIDE * SLICES as usize];
    let mut group = c.benchmark_group("series");
    group.sample_size(10);
    group.bench_function("400 files of 512 x 512", |b| {
        b.iter(|| {
            paths
                .par_iter()
                .zip(volume.par_chunks_mut(SIDE * SIDE))
                .for_each(|(path, out)| {
                    let bytes = std::fs::read(path).unwrap();
                    let instance = read(&bytes).unwrap();
                    decode_frame_into(&bytes, &instance, 0, out).unwrap();
                });
        });
    });
    group.finish();
    std::fs::remove_dir_all(&folder).unwrap();
}

criterion_group!(benches, one_file, series);
criterion_main!(benches);
