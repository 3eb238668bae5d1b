//! NIfTI headers against closed forms.

use artifact::ArtifactError;
use artifact::nifti::NiftiWriter;
use geometry::{DAffine3, DMat3, DVec3, GridGeometry};
use volume::{Rescale, Sample, SampleType, Unit};

fn rescale() -> Rescale {
    Rescale {
        slope: 0.25,
        intercept: -1024.0,
        unit: Unit::Hu,
    }
}

fn write<T: Sample>(grid: &GridGeometry, samples: &[T]) -> Vec<u8> {
    let mut writer = NiftiWriter::new(Vec::new(), grid, T::TYPE, &rescale()).unwrap();
    let slice_len = (grid.dims()[0] * grid.dims()[1]) as usize;
    for slices in samples.chunks(2 * slice_len) {
        writer.write_slices(slices).unwrap();
    }
    writer.finish().unwrap()
}

fn i16_at(bytes: &[u8], at: usize) -> i16 {
    i16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn f32_at(bytes: &[u8], at: usize) -> f64 {
    f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()).into()
}

/// The map of the sform, voxel to RAS mm.
fn sform(bytes: &[u8]) -> DAffine3 {
    let row = |i: usize| std::array::from_fn::<f64, 4, _>(|j| f32_at(bytes, 280 + 16 * i + 4 * j));
    let [x, y, z] = [row(0), row(1), row(2)];
    let column = |j: usize| DVec3::new(x[j], y[j], z[j]);
    DAffine3 {
        matrix3: DMat3::from_cols(column(0), column(1), column(2)),
        translation: column(3),
    }
}

/// The map of the qform, from the formula in `nifti1.h` (method 2), with half turns read as the reference library
/// reads them: what 32 bits leave of a part a of zero is none.
fn qform(bytes: &[u8]) -> DAffine3 {
    let parts = DVec3::from_array([256, 260, 264].map(|at| f32_at(bytes, at)));
    let rest = 1.0 - parts.length_squared();
    let (a, parts) = if rest < 1e-7 {
        (0.0, parts.normalize())
    } else {
        (rest.sqrt(), parts)
    };
    let [b, c, d] = parts.to_array();
    let rows = [
        [
            a * a + b * b - c * c - d * d,
            2.0 * (b * c - a * d),
            2.0 * (b * d + a * c),
        ],
        [
            2.0 * (b * c + a * d),
            a * a + c * c - b * b - d * d,
            2.0 * (c * d - a * b),
        ],
        [
            2.0 * (b * d - a * c),
            2.0 * (c * d + a * b),
            a * a + d * d - b * b - c * c,
        ],
    ];
    let column = |j: usize| DVec3::new(rows[0][j], rows[1][j], rows[2][j]);
    let sign = f32_at(bytes, 76);
    let [dx, dy, dz] = [80, 84, 88].map(|at| f32_at(bytes, at));
    DAffine3 {
        matrix3: DMat3::from_cols(column(0) * dx, column(1) * dy, column(2) * (dz * sign)),
        translation: DVec3::from_array([268, 272, 276].map(|at| f32_at(bytes, at))),
    }
}

fn assert_near(a: DAffine3, b: DAffine3) {
    for p in [DVec3::ZERO, DVec3::X * 100.0, DVec3::Y * 100.0, DVec3::Z * 100.0] {
        let apart = (a.transform_point3(p) - b.transform_point3(p)).length();
        assert!(apart < 1e-3, "{a:?} {b:?}: {apart} mm apart");
    }
}

fn ras(grid: &GridGeometry) -> DAffine3 {
    DAffine3::from_scale(DVec3::new(-1.0, -1.0, 1.0)) * grid.patient_from_voxel()
}

fn rotated(rotation: DMat3, spacing_mm: [f64; 3]) -> GridGeometry {
    let affine = DAffine3 {
        matrix3: rotation * DMat3::from_diagonal(DVec3::from_array(spacing_mm)),
        translation: DVec3::new(-101.5, 33.25, 700.0),
    };
    GridGeometry::new([3, 4, 5], affine).unwrap()
}

#[test]
fn fields_stand_where_the_format_wants_them() {
    let grid = GridGeometry::axis_aligned([3, 4, 5], [0.5, 0.75, 2.0], DVec3::new(10.0, 20.0, 30.0)).unwrap();
    let samples: Vec<i16> = (0..60).map(|i| i * 100 - 3000).collect();
    let bytes = write(&grid, &samples);
    assert_eq!(bytes.len(), 352 + 120);
    assert_eq!(i32::from_le_bytes(bytes[..4].try_into().unwrap()), 348);
    let dim: Vec<i16> = (0..8).map(|i| i16_at(&bytes, 40 + 2 * i)).collect();
    assert_eq!(dim, [3, 3, 4, 5, 1, 1, 1, 1]);
    assert_eq!((i16_at(&bytes, 70), i16_at(&bytes, 72)), (4, 16));
    assert_eq!([80, 84, 88].map(|at| f32_at(&bytes, at)), [0.5, 0.75, 2.0]);
    assert_eq!(
        [108, 112, 116].map(|at| f32_at(&bytes, at)),
        [352.0, 0.25, -1024.0]
    );
    assert_eq!(bytes[123], 2);
    assert_eq!((i16_at(&bytes, 252), i16_at(&bytes, 254)), (1, 1));
    assert_eq!(&bytes[344..352], b"n+1\0\0\0\0\0");
    assert_eq!(&bytes[352..], bytemuck::cast_slice::<i16, u8>(&samples));
}

#[test]
fn every_sample_type_has_its_code() {
    let grid = GridGeometry::axis_aligned([3, 4, 5], [0.5, 0.75, 2.0], DVec3::ZERO).unwrap();
    let codes = |bytes: Vec<u8>| (i16_at(&bytes, 70), i16_at(&bytes, 72), bytes.len() - 352);
    assert_eq!(codes(write(&grid, &[0u8; 60])), (2, 8, 60));
    assert_eq!(codes(write(&grid, &[0i16; 60])), (4, 16, 120));
    assert_eq!(codes(write(&grid, &[0i32; 60])), (8, 32, 240));
    assert_eq!(codes(write(&grid, &[0f32; 60])), (16, 32, 240));
    assert_eq!(codes(write(&grid, &[0u16; 60])), (512, 16, 120));
    assert_eq!(codes(write(&grid, &[0u32; 60])), (768, 32, 240));
}

#[test]
fn both_forms_place_every_rotation_and_mirror() {
    let turn = std::f64::consts::PI;
    let mut rotations = vec![DMat3::IDENTITY];
    for angle in [0.3, turn / 2.0, turn, -2.0] {
        rotations.extend([
            DMat3::from_rotation_x(angle),
            DMat3::from_rotation_y(angle),
            DMat3::from_rotation_z(angle),
            DMat3::from_axis_angle(DVec3::new(0.6, -0.48, 0.64), angle),
        ]);
    }
    for rotation in rotations {
        for mirror in [1.0, -1.0] {
            let grid = rotated(
                rotation * DMat3::from_diagonal(DVec3::new(1.0, 1.0, mirror)),
                [0.5, 0.75, 2.0],
            );
            let bytes = write(&grid, &[0u8; 60]);
            assert_eq!((i16_at(&bytes, 252), i16_at(&bytes, 254)), (1, 1));
            assert_near(sform(&bytes), ras(&grid));
            assert_near(qform(&bytes), ras(&grid));
        }
    }
}

#[test]
fn a_sheared_grid_has_an_sform_only() {
    let shear = DMat3::from_cols(DVec3::X, DVec3::new(0.0, 0.95, -0.31), DVec3::Z);
    let grid = rotated(shear, [0.5, 0.75, 2.0]);
    let bytes = write(&grid, &[0u8; 60]);
    assert_eq!((i16_at(&bytes, 252), i16_at(&bytes, 254)), (0, 1));
    assert_near(sform(&bytes), ras(&grid));
}

#[test]
fn what_does_not_fit_is_refused() {
    let long = |n| GridGeometry::axis_aligned([1, 1, n], [1.0, 2.0, 3.0], DVec3::ZERO).unwrap();
    let new = |n| NiftiWriter::new(Vec::new(), &long(n), SampleType::U8, &rescale()).map(|_| ());
    assert!(new(32_767).is_ok());
    assert!(matches!(new(32_768), Err(ArtifactError::Inconsistent { .. })));

    let grid = GridGeometry::axis_aligned([3, 4, 5], [0.5, 0.75, 2.0], DVec3::ZERO).unwrap();
    let mut writer = NiftiWriter::new(Vec::new(), &grid, SampleType::U8, &rescale()).unwrap();
    assert!(matches!(
        writer.write_slices(&[0i16; 12]),
        Err(ArtifactError::WrongType { .. })
    ));
    assert!(matches!(
        writer.write_slices(&[0u8; 13]),
        Err(ArtifactError::Inconsistent { .. })
    ));
    writer.write_slices(&[0u8; 48]).unwrap();
    assert!(matches!(
        writer.write_slices(&[0u8; 24]),
        Err(ArtifactError::Inconsistent { .. })
    ));
    assert!(matches!(
        writer.finish(),
        Err(ArtifactError::Incomplete {
            missing: 1,
            expected: 5,
            ..
        })
    ));
}
