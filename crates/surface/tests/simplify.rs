//! Simplification keeps what a surface is.

mod common;

use common::{assert_near, at, closed, grids, rough, sample};
use geometry::{DVec3, GridGeometry};
use proptest::prelude::*;
use surface::{Closing, Goal, Mesh, isosurface, simplify};
use volume::Sample;

const ANY_ERROR: f32 = 1e9;

fn to_share(mesh: &Mesh, share: f64) -> surface::Simplified {
    let goal = Goal {
        triangles: (mesh.triangles.len() as f64 * share) as usize,
        max_error_mm: ANY_ERROR,
    };
    simplify(mesh, goal)
}

#[test]
fn a_sphere_keeps_its_volume_its_area_and_its_outside() {
    for (name, grid) in grids() {
        let (center, radius) = (at(&grid, [0.5, 0.5, 0.5]), 19.1);
        let samples = sample(&grid, |p| i16::from_f64((radius - p.distance(center)) * 100.0));
        let full = closed(&grid, &samples, 0.0);
        let simplified = to_share(&full, 0.1);
        let measures = simplified.mesh.measure();
        assert!(measures.is_watertight(), "{name}: {measures:?}");
        assert!(
            simplified.mesh.triangles.len() <= full.triangles.len() / 10 + 1,
            "{name}"
        );
        let pi = std::f64::consts::PI;
        assert_near(measures.volume_mm3, 4.0 / 3.0 * pi * radius.powi(3), 0.005, name);
        assert_near(measures.area_mm2, 4.0 * pi * radius.powi(2), 0.005, name);
        assert!(
            simplified.deviation.max_mm() < 0.25,
            "{name}: {:?}",
            simplified.deviation
        );
        for (p, n) in simplified.mesh.positions_mm.iter().zip(&simplified.mesh.normals) {
            let outward = (DVec3::from_array(p.map(f64::from)) - center).normalize();
            assert!(outward.dot(DVec3::from_array(n.map(f64::from))) > 0.97, "{name}");
        }
        for &t in &simplified.mesh.triangles {
            let [a, b, c] = simplified.mesh.corners_mm(t);
            let outward = (a + b + c) / 3.0 - center;
            assert!(
                (b - a).cross(c - a).dot(outward) > 0.0,
                "{name}: a triangle is turned over"
            );
        }
    }
}

/// The stated distance holds for every vertex of the full surface, measured against all triangles.
#[test]
fn the_stated_deviation_is_an_upper_bound() {
    let grid = GridGeometry::axis_aligned([23, 19, 17], [0.7, 0.9, 1.3], DVec3::ZERO).unwrap();
    let full = closed(&grid, &rough(grid.dims()), 17.5);
    let simplified = to_share(&full, 0.5);
    let stated = simplified.deviation;
    let mut sum = 0.0;
    for p in &full.positions_mm {
        let distance = distance(*p, &simplified.mesh);
        assert!(distance <= stated.max_from_full_mm + 1e-4);
        sum += distance;
    }
    assert!(sum / full.positions_mm.len() as f64 <= stated.mean_from_full_mm + 1e-6);
    for p in &simplified.mesh.positions_mm {
        assert!(distance(*p, &full) <= stated.max_from_simplified_mm + 1e-4);
    }
    assert!(stated.max_mm() > 0.0);
}

/// The distance of a point to the nearest triangle, by trying all: the nearest point of a triangle is in its inside,
/// or on one of its edges.
fn distance(p: [f32; 3], mesh: &Mesh) -> f64 {
    let p = DVec3::from_array(p.map(f64::from));
    let to_segment = |a: DVec3, b: DVec3| {
        let share = ((p - a).dot(b - a) / (b - a).length_squared().max(1e-30)).clamp(0.0, 1.0);
        p.distance(a + (b - a) * share)
    };
    let to_triangle = |&t: &[u32; 3]| {
        let [a, b, c] = mesh.corners_mm(t);
        let normal = (b - a).cross(c - a);
        let is_over = |a: DVec3, b: DVec3| (b - a).cross(p - a).dot(normal) >= 0.0;
        let edges = to_segment(a, b).min(to_segment(b, c)).min(to_segment(c, a));
        if normal.length() > 1e-12 && is_over(a, b) && is_over(b, c) && is_over(c, a) {
            edges.min((p - a).dot(normal.normalize()).abs())
        } else {
            edges
        }
    };
    mesh.triangles
        .iter()
        .map(to_triangle)
        .fold(f64::INFINITY, f64::min)
}

#[test]
fn nothing_goes_beyond_the_allowed_error() {
    let grid = GridGeometry::axis_aligned([23, 19, 17], [0.7, 0.9, 1.3], DVec3::ZERO).unwrap();
    let full = closed(&grid, &rough(grid.dims()), 17.5);
    let mut before = usize::MAX;
    for max_error_mm in [0.0, 0.01, 0.05, 0.2] {
        let simplified = simplify(
            &full,
            Goal {
                triangles: 0,
                max_error_mm,
            },
        );
        let left = simplified.mesh.triangles.len();
        assert!(left < before, "{max_error_mm} mm leaves {left} triangles");
        before = left;
        assert!(simplified.mesh.measure().is_watertight());
    }
}

#[test]
fn a_block_keeps_its_corners_and_its_flat_sides() {
    let grid = GridGeometry::axis_aligned([40, 30, 20], [0.7, 0.9, 1.3], DVec3::new(5.0, 6.0, 7.0)).unwrap();
    let full = closed(&grid, &vec![1i16; 24_000], 0.5);
    let simplified = simplify(
        &full,
        Goal {
            triangles: 40,
            max_error_mm: 0.001,
        },
    );
    assert!(
        simplified.mesh.triangles.len() <= 60,
        "{}",
        simplified.mesh.triangles.len()
    );
    let measures = simplified.mesh.measure();
    assert!(measures.is_watertight());
    assert_near(measures.volume_mm3, full.volume_mm3(), 1e-4, "volume");
    assert_near(measures.area_mm2, full.area_mm2(), 1e-4, "area");
}

#[test]
fn an_open_border_stays_where_it_is() {
    let grid = GridGeometry::axis_aligned([40, 30, 20], [0.7, 0.9, 1.3], DVec3::ZERO).unwrap();
    let samples = sample(&grid, |p| i16::from_f64((p.z - 11.0 + 0.1 * p.x) * 50.0));
    let full = isosurface(&grid, &samples, 0.0, Closing::Open).unwrap();
    let simplified = to_share(&full, 0.02);
    let (before, after) = (full.measure(), simplified.mesh.measure());
    assert!(after.boundary_edges > 3 && after.boundary_edges < before.boundary_edges / 2);
    assert_eq!((after.non_manifold_edges, after.misoriented_edges), (0, 0));
    assert_near(after.area_mm2, before.area_mm2, 0.001, "area");
    assert!((after.bounds_mm.size() - before.bounds_mm.size()).length() < 0.05);
}

#[test]
fn meshes_that_are_no_surface_do_not_break_it() {
    let point = Mesh {
        positions_mm: vec![[1.0, 2.0, 3.0]; 3],
        normals: Vec::new(),
        triangles: vec![[0, 1, 2], [0, 1, 2], [2, 1, 0]],
    };
    let nan = Mesh {
        positions_mm: vec![
            [f32::NAN, 0.0, 0.0],
            [f32::INFINITY, 1.0, 0.0],
            [0.0, 1.0, 1.0],
            [1.0, 1.0, 1.0],
        ],
        normals: Vec::new(),
        triangles: vec![[0, 1, 2], [0, 3, 1], [1, 3, 2], [0, 2, 3]],
    };
    let fan = Mesh {
        positions_mm: (0..9)
            .map(|i| [i as f32, (i * i % 5) as f32, (i % 3) as f32])
            .collect(),
        normals: Vec::new(),
        triangles: vec![[0, 1, 2], [0, 1, 3], [0, 1, 4], [0, 1, 5], [0, 6, 7], [0, 7, 8]],
    };
    for mesh in [point, nan, fan, Mesh::default()] {
        let simplified = to_share(&mesh, 0.0);
        assert!(simplified.mesh.triangles.len() <= mesh.triangles.len());
        let vertices = simplified.mesh.positions_mm.len() as u32;
        assert!(simplified.mesh.triangles.iter().flatten().all(|&v| v < vertices));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Rough volumes have thin walls, tunnels and specks: none may tear, merge or vanish.
    #[test]
    fn the_topology_of_rough_surfaces_survives(seed in 0u64..10_000, share in 0.05f64..0.9, levels in 2u64..40) {
        let grid = GridGeometry::axis_aligned([11, 9, 8], [0.7, 0.9, 1.3], DVec3::ZERO).unwrap();
        let samples: Vec<i16> = (0..grid.len())
            .map(|i| ((i ^ (seed << 20)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) % levels)
            .map(|v| v as i16)
            .collect();
        let full = closed(&grid, &samples, levels as f64 / 2.0);
        let simplified = to_share(&full, share);
        let (before, after) = (full.measure(), simplified.mesh.measure());
        prop_assert!(after.is_watertight(), "{after:?}");
        prop_assert_eq!(before.components, after.components);
        // The number of handles stays: Euler's V - E + F, with E = 3/2 F.
        let euler = |mesh: &Mesh| mesh.positions_mm.len() as i64 - mesh.triangles.len() as i64 / 2;
        prop_assert_eq!(euler(&full), euler(&simplified.mesh));
    }

    /// As above, for surfaces that are smooth enough for many vertices to be merged at once.
    #[test]
    fn the_topology_of_smooth_surfaces_survives(seed in 0u32..10_000, share in 0.01f64..0.2, wavelength in 3.0f64..9.0) {
        let grid = GridGeometry::axis_aligned([30, 27, 24], [0.7, 0.9, 1.3], DVec3::new(3.0, -5.0, 8.0)).unwrap();
        let samples = sample(&grid, |p| {
            let wave = |i: u32| {
                let turn = f64::from(seed) + f64::from(i) * 1.7;
                let along = DVec3::new(turn.sin(), (turn * 1.3).cos(), (turn * 0.7).sin()).normalize();
                (p.dot(along) * std::f64::consts::TAU / wavelength + turn).sin()
            };
            i16::from_f64((0..5).map(wave).sum::<f64>() * 100.0)
        });
        let full = closed(&grid, &samples, 40.5);
        let simplified = to_share(&full, share);
        let (before, after) = (full.measure(), simplified.mesh.measure());
        prop_assert!(after.is_watertight(), "{after:?}");
        prop_assert_eq!(before.components, after.components);
        let euler = |mesh: &Mesh| mesh.positions_mm.len() as i64 - mesh.triangles.len() as i64 / 2;
        prop_assert_eq!(euler(&full), euler(&simplified.mesh));
    }
}
