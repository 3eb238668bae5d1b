//! Surfaces from slabs against surfaces of whole volumes.

mod common;

use std::collections::HashMap;

use common::{assert_near, at, grids, rough, sample};
use geometry::{DVec3, GridGeometry};
use surface::{
    Closing, IslandRule, Mesh, Reduction, Stitcher, Surface, SurfaceError, SurfacePlan, Window, isosurface,
};
use volume::Sample;

fn streamed<T: Sample>(plan: &SurfacePlan, samples: &[T], layers: u32) -> Surface {
    let slice = plan.grid.dims()[0] as usize * plan.grid.dims()[1] as usize;
    let mut stitcher = Stitcher::new(*plan);
    let mut slabs: Vec<_> = plan.slabs(layers).collect();
    // They may come in any order.
    if slabs.len() > 2 {
        slabs.swap(0, 2);
    }
    for range in slabs {
        let window = Window {
            samples: &samples[range.slices.start as usize * slice..range.slices.end as usize * slice],
            first_slice: range.slices.start,
        };
        stitcher.push(plan.slab(window, range.planes).unwrap()).unwrap();
    }
    stitcher.finish().unwrap()
}

/// Triangles as places instead of numbers, each from its smallest corner on, with how often they are there.
fn placed(mesh: &Mesh) -> HashMap<[[u32; 3]; 3], usize> {
    let mut places = HashMap::new();
    for t in &mesh.triangles {
        let mut corners = t.map(|v| mesh.positions_mm[v as usize].map(f32::to_bits));
        let first = (0..3).min_by_key(|&i| corners[i]).unwrap();
        corners.rotate_left(first);
        *places.entry(corners).or_default() += 1;
    }
    places
}

#[test]
fn slabs_of_any_thickness_make_the_same_surface() {
    let grid = GridGeometry::axis_aligned([23, 19, 17], [0.7, 0.9, 1.3], DVec3::new(9.0, -4.0, 2.0)).unwrap();
    let samples = rough(grid.dims());
    for closing in [Closing::Open, Closing::Closed] {
        let whole = isosurface(&grid, &samples, 17.0, closing).unwrap();
        let plan = SurfacePlan {
            grid,
            threshold: 17.0,
            closing,
            islands: IslandRule::KEEP_ALL,
            reduction: None,
        };
        for layers in [1, 2, 3, 5, 7, 15, 16, 400] {
            let surface = streamed(&plan, &samples, layers);
            assert_eq!(
                surface.mesh.positions_mm.len(),
                whole.positions_mm.len(),
                "{layers} layers"
            );
            assert_eq!(surface.triangles_extracted, whole.triangles.len() as u64);
            assert_eq!(placed(&surface.mesh), placed(&whole), "{layers} layers");
            let (streamed, expected) = (surface.mesh.measure(), whole.measure());
            assert_eq!(
                streamed.boundary_edges, expected.boundary_edges,
                "{layers} layers"
            );
            assert_eq!(streamed.components, expected.components, "{layers} layers");
            assert_eq!(surface.components, expected.components as u64);
            assert_eq!((surface.error_mm, streamed.non_manifold_edges), (0.0, 0));
        }
    }
}

/// A large sphere through many slabs, a small one inside one slab, a middling one across a seam, a cavity.
#[test]
fn islands_go_wherever_the_slabs_end() {
    for (name, grid) in grids() {
        let spheres = [
            ([0.45, 0.45, 0.5], 16.0),
            ([0.9, 0.9, 0.12], 3.1),
            ([0.9, 0.1, 0.75], 3.7),
        ];
        let centers = spheres.map(|(place, radius)| (at(&grid, place), radius));
        let cavity = (at(&grid, [0.45, 0.45, 0.45]), 4.2);
        let samples = sample(&grid, |p| {
            let solid = centers
                .iter()
                .map(|(c, r)| r - p.distance(*c))
                .fold(f64::MIN, f64::max);
            i16::from_f64(solid.min(p.distance(cavity.0) - cavity.1) * 200.0)
        });
        for (min_area_mm2, pieces) in [(0.0, 4), (150.0, 3), (200.0, 2), (500.0, 1)] {
            let plan = SurfacePlan {
                grid,
                threshold: 0.5,
                closing: Closing::Closed,
                islands: IslandRule {
                    min_area_mm2,
                    min_share_of_largest: 0.0,
                },
                reduction: None,
            };
            for layers in [4, 9, 64] {
                let surface = streamed(&plan, &samples, layers);
                let measures = surface.mesh.measure();
                assert_eq!(
                    measures.components, pieces,
                    "{name}, {layers} layers, {min_area_mm2} mm^2"
                );
                assert_eq!(surface.components + surface.islands_dropped, 4);
                assert!(measures.is_watertight());
            }
        }
    }
}

#[test]
fn a_simplified_stream_stays_a_sphere() {
    for (name, grid) in grids() {
        let (center, radius) = (at(&grid, [0.5, 0.5, 0.5]), 23.6);
        let samples = sample(&grid, |p| i16::from_f64((radius - p.distance(center)) * 100.0));
        let plan = SurfacePlan {
            grid,
            threshold: 0.0,
            closing: Closing::Closed,
            islands: IslandRule::default(),
            reduction: Some(Reduction {
                share: 0.1,
                max_error_mm: 0.3,
            }),
        };
        for layers in [7, 11, 64] {
            let surface = streamed(&plan, &samples, layers);
            let measures = surface.mesh.measure();
            let what = format!("{name}, {layers} layers");
            assert!(measures.is_watertight(), "{what}: {measures:?}");
            assert_eq!(measures.components, 1, "{what}");
            let share = surface.mesh.triangles.len() as f64 / surface.triangles_extracted as f64;
            assert!(share < 0.101, "{what}: {share}");
            let pi = std::f64::consts::PI;
            assert_near(measures.volume_mm3, 4.0 / 3.0 * pi * radius.powi(3), 0.005, &what);
            assert_near(measures.area_mm2, 4.0 * pi * radius.powi(2), 0.005, &what);
            assert!(
                surface.error_mm > 0.0 && surface.error_mm < 0.3,
                "{what}: {}",
                surface.error_mm
            );
            assert!(surface.mean_error_mm < surface.error_mm);
            for (p, n) in surface.mesh.positions_mm.iter().zip(&surface.mesh.normals) {
                let from_center = DVec3::from_array(p.map(f64::from)) - center;
                assert!(
                    (from_center.length() - radius).abs() < surface.error_mm + 0.05,
                    "{what}"
                );
                assert!(
                    from_center.normalize().dot(DVec3::from_array(n.map(f64::from))) > 0.97,
                    "{what}"
                );
            }
        }
    }
}

#[test]
fn slabs_that_do_not_fit_are_refused() {
    let grid = GridGeometry::axis_aligned([9, 8, 7], [0.7, 0.9, 1.3], DVec3::ZERO).unwrap();
    let samples = rough(grid.dims());
    let plan = SurfacePlan {
        grid,
        threshold: 5.0,
        closing: Closing::Closed,
        islands: IslandRule::default(),
        reduction: None,
    };
    let window = Window {
        samples: &samples[72..72 * 4],
        first_slice: 1,
    };
    assert!(plan.slab(window, 1..=3).is_ok());
    for planes in [0..=2, 1..=4, 3..=9] {
        assert!(matches!(
            plan.slab(window, planes),
            Err(SurfaceError::Window { .. })
        ));
    }
    let mut stitcher = Stitcher::new(plan);
    assert!(matches!(
        Stitcher::new(plan).finish(),
        Err(SurfaceError::Unfinished { reached: 0, last: 6 })
    ));
    let first = Window {
        samples: &samples[..72 * 4],
        first_slice: 0,
    };
    stitcher.push(plan.slab(first, 0..=3).unwrap()).unwrap();
    let again = stitcher.push(plan.slab(first, 0..=3).unwrap());
    assert_eq!(
        again,
        Err(SurfaceError::SlabOrder {
            expected: 3,
            actual: 0
        })
    );
    let other: Vec<i16> = samples.iter().map(|v| -v).collect();
    let last = Window {
        samples: &other[72 * 3..],
        first_slice: 3,
    };
    let mismatch = stitcher.push(plan.slab(last, 3..=6).unwrap());
    assert!(matches!(mismatch, Err(SurfaceError::Seam { plane: 3, .. })));
}

#[test]
fn a_single_slice_has_an_empty_surface() {
    let grid = GridGeometry::axis_aligned([9, 8, 1], [0.7, 0.9, 1.3], DVec3::ZERO).unwrap();
    let plan = SurfacePlan {
        grid,
        threshold: 5.0,
        closing: Closing::Closed,
        islands: IslandRule::default(),
        reduction: Some(Reduction {
            share: 0.1,
            max_error_mm: 1.0,
        }),
    };
    let surface = plan.surface(&rough(grid.dims())).unwrap();
    assert!(surface.mesh.triangles.is_empty());
    assert_eq!((surface.components, surface.error_mm), (0, 0.0));
}
