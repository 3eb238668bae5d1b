//! Isosurfaces against closed forms, against VTK, and against every kind of poison.

mod common;

use common::{assert_near, at, closed, grids, rough, sample};
use geometry::{DVec3, GridGeometry};
use proptest::prelude::*;
use surface::{Closing, Mesh, SurfaceError, isosurface};
use volume::Sample;

#[test]
fn spheres_have_their_volume_and_area_and_look_outward() {
    for (name, grid) in grids() {
        let (center, radius) = (at(&grid, [0.52, 0.48, 0.5]), 17.3);
        let samples = sample(&grid, |p| i16::from_f64((radius - p.distance(center)) * 100.0));
        let mesh = closed(&grid, &samples, 0.5);
        let measures = mesh.measure();
        assert!(measures.is_watertight(), "{name}: {measures:?}");
        assert_eq!(measures.components, 1, "{name}");
        let pi = std::f64::consts::PI;
        assert_near(measures.volume_mm3, 4.0 / 3.0 * pi * radius.powi(3), 0.005, name);
        assert_near(measures.area_mm2, 4.0 * pi * radius.powi(2), 0.005, name);
        for (p, n) in mesh.positions_mm.iter().zip(&mesh.normals) {
            let outward = (DVec3::from_array(p.map(f64::from)) - center).normalize();
            let normal = DVec3::from_array(n.map(f64::from));
            assert!((normal.length() - 1.0).abs() < 1e-5, "{name}");
            assert!(normal.dot(outward) > 0.995, "{name}: {normal} at {p:?}");
        }
    }
}

/// The body is a slab along the axes of the grid that reaches out of the volume on three sides.
#[test]
fn a_closed_block_ends_at_the_outermost_samples() {
    for (name, grid) in grids() {
        let voxel_from_patient = grid.voxel_from_patient();
        let inside = |p: DVec3| {
            let v = voxel_from_patient.transform_point3(p);
            // Linear in each axis, so that the surface lies exactly at 20.25, 30.5 and 9.75 voxels.
            let depth = (20.25 - v.x).min(30.5 - v.y).min(v.z - 9.75);
            (depth * 1000.0) as f32
        };
        let samples = sample(&grid, inside);
        let mesh = isosurface(&grid, &samples, 0.0, Closing::Closed).unwrap();
        let measures = mesh.measure();
        assert!(measures.is_watertight(), "{name}: {measures:?}");
        let expected = 20.25 * 30.5 * (44.0 - 9.75) * grid.voxel_volume_mm3();
        assert_near(measures.volume_mm3, expected, 0.005, name);
        let open = isosurface(&grid, &samples, 0.0, Closing::Open).unwrap().measure();
        assert!(open.boundary_edges > 0 && open.non_manifold_edges == 0, "{name}");
        let m = grid.patient_from_voxel().matrix3;
        let (x, y, z) = (m.x_axis * 20.25, m.y_axis * 30.5, m.z_axis * 34.25);
        let area = 2.0 * (x.cross(y).length() + y.cross(z).length() + z.cross(x).length());
        assert_near(measures.area_mm2, area, 0.005, name);
    }
}

#[test]
fn a_volume_full_of_body_is_a_block() {
    let grid = GridGeometry::axis_aligned([5, 4, 3], [0.5, 2.0, 3.0], DVec3::new(7.0, 8.0, 9.0)).unwrap();
    let measures = closed(&grid, &[9; 60], 9.0).measure();
    assert!(measures.is_watertight());
    assert_near(measures.volume_mm3, 2.0 * 6.0 * 6.0, 1e-6, "volume");
    assert_near(measures.area_mm2, 2.0 * (12.0 + 12.0 + 36.0), 1e-6, "area");
    assert!(
        isosurface(&grid, &[9i16; 60], 9.0, Closing::Open)
            .unwrap()
            .triangles
            .is_empty()
    );
}

/// Counts, areas and sums computed once with VTK 9 (vtkFlyingEdges3D) on the same numbers. Vertices and normals are
/// the same ones; polygons of more than four corners, frequent in the rough volume only, are cut differently.
#[test]
fn flying_edges_of_vtk_finds_the_same_surface() {
    let grid = GridGeometry::axis_aligned([23, 19, 17], [0.7, 0.9, 1.3], DVec3::ZERO).unwrap();
    let rough = rough(grid.dims());
    let smooth: Vec<i16> = sample(&grid, |p| {
        let v = grid.voxel_from_patient().transform_point3(p).round() - DVec3::new(11.0, 8.0, 9.0);
        (700.0 - 6.0 * v.x * v.x - 9.0 * v.y * v.y - 11.0 * v.z * v.z + 5.0 * v.x * v.y) as i16
    });
    let same =
        |samples: &[i16], threshold, counts, area, tolerance, positions: [f64; 3], normals: [f64; 3]| {
            let mesh = isosurface(&grid, samples, threshold, Closing::Open).unwrap();
            assert_eq!((mesh.positions_mm.len(), mesh.triangles.len()), counts);
            assert_near(mesh.area_mm2(), area, tolerance, "area");
            for axis in 0..3 {
                let sum = |of: &[[f32; 3]]| of.iter().map(|v| f64::from(v[axis])).sum::<f64>();
                assert!((sum(&mesh.positions_mm) - positions[axis]).abs() < 0.05);
                assert!((sum(&mesh.normals) - normals[axis]).abs() < 0.05);
            }
            let measures = mesh.measure();
            assert_eq!((measures.non_manifold_edges, measures.misoriented_edges), (0, 0));
        };
    let (p, n) = (
        [75022.3156, 79113.8079, 96515.3702],
        [51.3892, -150.5517, 234.0215],
    );
    same(&rough, 17.5, (10349, 17334), 5436.9237, 0.01, p, n);
    let (p, n) = (
        [75116.3861, 79213.9189, 96574.0673],
        [42.8607, -161.9077, 237.3419],
    );
    same(&rough, 17.0, (10359, 17352), 5445.8246, 0.01, p, n);
    let (p, n) = ([11440.4794, 11147.7450, 16458.8864], [-1.2822, 75.9650, -62.4055]);
    same(&smooth, 17.5, (1462, 2820), 817.8664, 0.001, p, n);
    let (p, n) = ([11425.0845, 11133.5485, 16417.0225], [-1.2904, 75.9678, -63.9988]);
    same(&smooth, 17.0, (1460, 2816), 817.7974, 0.001, p, n);
}

#[test]
fn every_type_of_sample_gives_the_same_surface() {
    fn of<T: Sample>(grid: &GridGeometry, samples: &[i16]) -> Mesh {
        let samples: Vec<T> = samples
            .iter()
            .map(|&v| T::from_f64(f64::from(v) / 4.0 + 60.0))
            .collect();
        isosurface(grid, &samples, 70.5, Closing::Closed).unwrap()
    }
    let grid = GridGeometry::axis_aligned([70, 9, 8], [0.7, 0.9, 1.3], DVec3::ZERO).unwrap();
    let samples = rough(grid.dims());
    let expected = of::<i16>(&grid, &samples);
    assert_eq!(of::<u8>(&grid, &samples), expected);
    assert_eq!(of::<u16>(&grid, &samples), expected);
    for wide in [of::<i32>(&grid, &samples), of::<u32>(&grid, &samples)] {
        assert_eq!(wide.triangles, expected.triangles);
        assert_eq!(wide.positions_mm, expected.positions_mm);
    }
}

#[test]
fn samples_of_any_size_leave_unit_normals() {
    let grid = GridGeometry::axis_aligned([4, 3, 3], [0.7, 0.9, 1.3], DVec3::ZERO).unwrap();
    for scale in [1e-38f32, 1.0, 3e37] {
        let samples: Vec<f32> = (0..36).map(|i| ((i * 7 % 11) as f32 - 5.0) * scale).collect();
        let mesh = isosurface(&grid, &samples, 0.0, Closing::Closed).unwrap();
        assert!(mesh.measure().is_watertight());
        for n in &mesh.normals {
            let length = n.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
            assert!((length - 1.0).abs() < 1e-4, "{scale}: {n:?}");
        }
    }
}

#[test]
fn wrong_input_is_refused() {
    let grid = GridGeometry::axis_aligned([4, 3, 2], [1.0, 2.0, 3.0], DVec3::ZERO).unwrap();
    let short = isosurface(&grid, &[0i16; 23], 0.0, Closing::Open);
    assert_eq!(
        short,
        Err(SurfaceError::SampleCount {
            expected: 24,
            actual: 23
        })
    );
    for threshold in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let result = isosurface(&grid, &[0i16; 24], threshold, Closing::Open);
        assert!(matches!(result, Err(SurfaceError::Threshold(_))));
    }
    for flat in [[1, 3, 2], [4, 1, 2], [4, 3, 1]] {
        let grid = GridGeometry::axis_aligned(flat, [1.0, 2.0, 3.0], DVec3::ZERO).unwrap();
        let samples = vec![5i16; grid.len() as usize];
        assert_eq!(
            isosurface(&grid, &samples, 0.0, Closing::Closed),
            Ok(Mesh::default())
        );
    }
    let nothing = isosurface(&grid, &[i16::MAX; 24], 1e9, Closing::Closed).unwrap();
    assert!(nothing.triangles.is_empty());
}

/// All 256 cells, each closed by lids, alone in the smallest volume.
#[test]
fn every_cell_is_closed_by_its_lids() {
    let grid = GridGeometry::axis_aligned([2, 2, 2], [1.0, 2.0, 3.0], DVec3::ZERO).unwrap();
    for case in 0..256u32 {
        let samples: Vec<i16> = (0..8)
            .map(|corner| if case >> corner & 1 == 1 { 90 } else { -10 })
            .collect();
        let mesh = closed(&grid, &samples, 0.0);
        let measures = mesh.measure();
        assert!(measures.is_watertight(), "case {case}: {measures:?}");
        assert_eq!(measures.volume_mm3 > 0.0, case != 0, "case {case}");
    }
}

fn assert_sound<T: Sample>(dims: [u32; 3], samples: &[T], threshold: f64) {
    let grid = GridGeometry::axis_aligned(dims, [0.7, 1.1, 1.9], DVec3::new(-5.0, 3.0, 100.0)).unwrap();
    let mesh = isosurface(&grid, samples, threshold, Closing::Closed).unwrap();
    let measures = mesh.measure();
    assert!(measures.is_watertight(), "{dims:?} at {threshold}: {measures:?}");
    let bounds = grid.bounds_mm();
    for (p, n) in mesh.positions_mm.iter().zip(&mesh.normals) {
        assert!(p.iter().chain(n).all(|v| v.is_finite()));
        assert!((0..3).all(|i| f64::from(p[i]) >= bounds.min[i] && f64::from(p[i]) <= bounds.max[i]));
    }
    assert!(measures.volume_mm3 >= -1e-3);
    let open = isosurface(&grid, samples, threshold, Closing::Open)
        .unwrap()
        .measure();
    assert_eq!((open.non_manifold_edges, open.misoriented_edges), (0, 0));
}

fn small_volume<T: std::fmt::Debug + Clone + 'static>(
    value: impl Strategy<Value = T> + Clone + 'static,
) -> impl Strategy<Value = ([u32; 3], Vec<T>)> {
    (2u32..=3, 2u32..=4, 2u32..=3).prop_flat_map(move |(x, y, z)| {
        let samples = prop::collection::vec(value.clone(), (x * y * z) as usize);
        (Just([x, y, z]), samples)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_small_volume_gives_a_closed_surface(
        (dims, samples) in small_volume(prop_oneof![Just(i16::MIN), Just(i16::MAX), Just(40i16), 39i16..=41, -100i16..100]),
        threshold in prop_oneof![Just(40.0), Just(39.5), Just(-32768.0), Just(32767.0)],
    ) {
        assert_sound(dims, &samples, threshold);
    }

    #[test]
    fn poison_among_the_samples_is_outside(
        (dims, samples) in small_volume(prop_oneof![
            Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(f32::MAX), Just(f32::MIN),
            Just(1.5f32), Just(f32::MIN_POSITIVE), -3.0f32..3.0,
        ]),
        threshold in prop_oneof![Just(1.5), Just(0.0), Just(1e-300), Just(3.4e38)],
    ) {
        assert_sound(dims, &samples, threshold);
    }

    #[test]
    fn rows_longer_than_a_word_are_seamless(
        seed in 0u64..1000,
        columns in 62u32..=131,
    ) {
        let dims = [columns, 3, 4];
        let samples: Vec<i16> = (0..columns as u64 * 12)
            .map(|i| ((i ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as i16)
            .collect();
        assert_sound(dims, &samples, 128.0);
    }
}
