//! Volumes with known answers.
#![allow(dead_code, reason = "each test program uses some of these")]

use geometry::{DAffine3, DMat3, DVec3, GridGeometry};
use surface::{Closing, Mesh, isosurface};

/// Three grids over about the same place, all with unequal sizes and spacings: upright, sheared and oblique, and
/// left-handed.
pub(crate) fn grids() -> Vec<(&'static str, GridGeometry)> {
    let origin = DVec3::new(-31.0, 12.0, 400.0);
    let upright = GridGeometry::axis_aligned([81, 70, 45], [0.8, 0.9, 1.5], origin).unwrap();
    let turn = DMat3::from_axis_angle(DVec3::new(1.0, 2.0, -0.5).normalize(), 0.7);
    let shear = DMat3::from_cols(
        DVec3::new(0.8, 0.0, 0.0),
        DVec3::new(0.0, 0.9, 0.0),
        DVec3::new(0.1, -0.4, 1.4),
    );
    let oblique = DAffine3 {
        matrix3: turn * shear,
        translation: origin,
    };
    let mirrored = DAffine3 {
        matrix3: DMat3::from_cols(
            DVec3::new(0.8, 0.0, 0.0),
            DVec3::new(0.0, 0.9, 0.0),
            DVec3::new(0.0, 0.0, -1.5),
        ),
        translation: origin,
    };
    vec![
        ("upright", upright),
        ("oblique", GridGeometry::new([81, 70, 45], oblique).unwrap()),
        ("mirrored", GridGeometry::new([81, 70, 45], mirrored).unwrap()),
    ]
}

/// `[slice][row][column]` samples of `value` (patient mm to stored value).
pub(crate) fn sample<T>(grid: &GridGeometry, value: impl Fn(DVec3) -> T) -> Vec<T> {
    let [columns, rows, slices] = grid.dims();
    let mut samples = Vec::new();
    for z in 0..slices {
        for y in 0..rows {
            for x in 0..columns {
                let voxel = DVec3::new(f64::from(x), f64::from(y), f64::from(z));
                samples.push(value(grid.patient_from_voxel().transform_point3(voxel)));
            }
        }
    }
    samples
}

/// The place of a voxel, given as shares of the grid, patient mm.
pub(crate) fn at(grid: &GridGeometry, shares: [f64; 3]) -> DVec3 {
    let dims = grid.dims().map(|n| f64::from(n - 1));
    let voxel = DVec3::new(shares[0] * dims[0], shares[1] * dims[1], shares[2] * dims[2]);
    grid.patient_from_voxel().transform_point3(voxel)
}

/// A rough volume from whole numbers, so that every machine has the same.
pub(crate) fn rough(dims: [u32; 3]) -> Vec<i16> {
    let mut samples = Vec::new();
    for z in 0..i64::from(dims[2]) {
        for y in 0..i64::from(dims[1]) {
            for x in 0..i64::from(dims[0]) {
                let value = x * x * 3 + y * y * 5 + z * z * 7 + x * y * 11 + y * z * 13 + x * z * 17;
                samples.push((value % 401 - 200) as i16);
            }
        }
    }
    samples
}

pub(crate) fn closed(grid: &GridGeometry, samples: &[i16], threshold: f64) -> Mesh {
    isosurface(grid, samples, threshold, Closing::Closed).unwrap()
}

pub(crate) fn assert_near(actual: f64, expected: f64, tolerance: f64, what: &str) {
    let off = (actual - expected).abs() / expected.abs();
    assert!(
        off <= tolerance,
        "{what}: {actual} instead of {expected}, off by {off}"
    );
}
