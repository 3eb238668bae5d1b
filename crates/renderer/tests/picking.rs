//! Shapes of known size, measured by picking.

use geometry::{DAffine3, DMat3, DVec2, DVec3, GridGeometry};
use renderer::{
    Camera, Clip, ControlPoint, Cut, LayerIndex, Plane, Ray, ResidentSurface, ResidentVolume, Scene,
    SurfaceLayer, TransferFunction, VolumeLayer, pick,
};
use surface::Mesh;
use volume::{Rescale, Samples, Unit};

/// Upright, tilted and oblique grids, no two spacings alike.
fn grids() -> Vec<GridGeometry> {
    let dims = [70, 62, 44];
    let spacing = DMat3::from_diagonal(DVec3::new(0.7, 0.9, 1.3));
    let tilt = 20f64.to_radians();
    let sheared = DMat3::from_cols(DVec3::X, DVec3::new(0.0, tilt.cos(), -tilt.sin()), DVec3::Z);
    let oblique = DMat3::from_rotation_x(0.6) * DMat3::from_rotation_z(1.1);
    [DMat3::IDENTITY, sheared, oblique, oblique * sheared]
        .map(|axes| {
            let matrix3 = axes * spacing;
            // The middle of the grid is the origin.
            let middle = matrix3 * DVec3::new(34.5, 30.5, 21.5);
            GridGeometry::new(
                dims,
                DAffine3 {
                    matrix3,
                    translation: -middle,
                },
            )
            .unwrap()
        })
        .to_vec()
}

/// 1000 inside and -1000 outside, with an edge of 2.6 mm whose middle lies on the shape; stored times two.
fn volume(grid: GridGeometry, inside_mm: impl Fn(DVec3) -> f64) -> ResidentVolume {
    let [nx, ny, nz] = grid.dims();
    let mut samples = Vec::new();
    for z in 0..nz {
        for y in 0..ny {
            for x in 0..nx {
                let p = DVec3::new(f64::from(x), f64::from(y), f64::from(z));
                let depth = inside_mm(grid.patient_from_voxel().transform_point3(p));
                samples.push(((depth / 1.3).clamp(-1.0, 1.0) * 2000.0).round() as i16);
            }
        }
    }
    let rescale = Rescale {
        slope: 0.5,
        intercept: 0.0,
        unit: Unit::Hu,
    };
    ResidentVolume::dense(grid, Samples::I16(samples), rescale).unwrap()
}

fn opaque_above_zero() -> TransferFunction {
    let point = |value, opacity| ControlPoint {
        value,
        color: [1.0; 3],
        opacity,
    };
    TransferFunction::new(vec![point(-1.0, 0.0), point(1.0, 1.0)]).unwrap()
}

fn camera() -> Camera {
    Camera {
        eye_mm: DVec3::new(0.0, -300.0, 0.0),
        target_mm: DVec3::ZERO,
        up: DVec3::Z,
        field_of_view_radians: 0.4,
    }
}

fn scene<'a>(volumes: Vec<VolumeLayer<'a>>, surfaces: Vec<SurfaceLayer<'a>>) -> Scene<'a> {
    Scene {
        volumes,
        surfaces,
        clip: Clip::NONE,
        camera: camera(),
        background: [0.0; 3],
    }
}

/// Directions all around.
fn directions() -> impl Iterator<Item = DVec3> {
    (0..60).map(|i| {
        let z = (f64::from(i) + 0.5) / 30.0 - 1.0;
        let angle = f64::from(i) * 2.4;
        let r = (1.0 - z * z).sqrt();
        DVec3::new(r * angle.cos(), r * angle.sin(), z)
    })
}

#[test]
fn a_ball_has_its_radius_from_all_sides() {
    let radius = 16.0;
    let transfer = opaque_above_zero();
    for grid in grids() {
        let volume = volume(grid, |p| radius - p.length());
        let layer = VolumeLayer::new(&volume, &transfer);
        let scene = scene(vec![layer], vec![]);
        for toward in directions() {
            let ray = Ray {
                origin_mm: toward * 120.0,
                direction: -toward * 3.0,
            };
            let hit = pick(&scene, &ray).unwrap();
            let off = hit.p_in_patient_mm.length() - radius;
            assert!(off.abs() < 0.1 * 0.7, "{off} mm from {toward}");
            assert_eq!(hit.layer, LayerIndex::Volume(0));
            assert_eq!(hit.value, volume.value_at_mm(hit.p_in_patient_mm));
            assert!(hit.normal.unwrap().dot(toward) > 0.99);
        }
    }
}

#[test]
fn a_box_has_its_sides() {
    let half = DVec3::new(14.0, 11.0, 17.0);
    let transfer = opaque_above_zero();
    for grid in grids() {
        // The box is turned against the grid, and its distance is exact near the middle of each side.
        let turned = DMat3::from_rotation_z(0.3);
        let inside = |p: DVec3| {
            let q = half - (turned.transpose() * p).abs();
            q.min_element()
        };
        let volume = volume(grid, inside);
        let layer = VolumeLayer::new(&volume, &transfer);
        let scene = scene(vec![layer], vec![]);
        for axis in 0..3 {
            let mut toward = DVec3::ZERO;
            toward[axis] = 1.0;
            let side = turned * toward;
            let met = [side, -side].map(|toward| {
                let ray = Ray {
                    origin_mm: toward * 90.0 + DVec3::new(0.3, -0.2, 0.1),
                    direction: -toward,
                };
                pick(&scene, &ray).unwrap().p_in_patient_mm
            });
            let width = (met[0] - met[1]).dot(side);
            let off = width - 2.0 * half[axis];
            assert!(off.abs() < 0.1 * 0.7, "axis {axis}: {off} mm");
        }
    }
}

#[test]
fn a_place_of_the_picture_is_a_ray_and_back() {
    let transfer = opaque_above_zero();
    let volume = volume(grids()[1], |p| 16.0 - p.length());
    let layer = VolumeLayer::new(&volume, &transfer);
    let scene = scene(vec![layer], vec![]);
    let place = DVec2::new(170.25, 81.5);
    let ray = scene.camera.ray(place, 320, 200).unwrap();
    let hit = pick(&scene, &ray).unwrap();
    let back = scene
        .camera
        .pixel_of(hit.p_in_patient_mm, 320, 200)
        .unwrap()
        .unwrap();
    assert!((back - place).length() < 1e-6);
    assert_eq!(
        scene.camera.pixel_of(DVec3::new(0.0, -301.0, 0.0), 320, 200),
        Ok(None)
    );
    assert!(pick(&scene, &scene.camera.ray(DVec2::new(2.0, 2.0), 320, 200).unwrap()).is_none());
}

/// A closed box around the origin.
fn box_mesh(half: [f32; 3]) -> Mesh {
    let corner = |i: u32| {
        std::array::from_fn(|axis| {
            if i & (1 << axis) == 0 {
                -half[axis]
            } else {
                half[axis]
            }
        })
    };
    let quads = [
        [0, 4, 6, 2],
        [1, 3, 7, 5],
        [0, 1, 5, 4],
        [2, 6, 7, 3],
        [0, 2, 3, 1],
        [4, 5, 7, 6],
    ];
    Mesh {
        positions_mm: (0..8).map(corner).collect(),
        normals: vec![],
        triangles: quads
            .iter()
            .flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]])
            .collect(),
    }
}

#[test]
fn surfaces_and_volumes_hide_each_other() {
    let transfer = opaque_above_zero();
    let volume = volume(grids()[0], |p| 16.0 - p.length());
    let layer = VolumeLayer::new(&volume, &transfer);
    let values = (0..8).map(|i| i as f32).collect();
    let surface = ResidentSurface::new(box_mesh([5.0, 3.0, 7.0]))
        .unwrap()
        .with_values(values)
        .unwrap();
    let moved = |y: f64, opacity: f32| SurfaceLayer {
        patient_from_surface: DAffine3::from_translation(DVec3::new(0.0, y, 0.0)),
        opacity,
        ..SurfaceLayer::new(&surface)
    };
    let ray = Ray {
        origin_mm: DVec3::new(1.0, -100.0, 2.0),
        direction: DVec3::Y,
    };
    let hit = pick(&scene(vec![layer], vec![moved(-40.0, 0.2)]), &ray).unwrap();
    assert_eq!(hit.layer, LayerIndex::Surface(0));
    assert!((hit.p_in_patient_mm - DVec3::new(1.0, -43.0, 2.0)).length() < 1e-5);
    assert_eq!(hit.normal, Some(DVec3::NEG_Y));
    // Between the values 0, 1, 4 and 5 of the side toward the viewer, as its triangles lie.
    assert!(
        hit.value.is_some_and(|value| value > 2.0 && value < 4.0),
        "{:?}",
        hit.value
    );
    let hit = pick(&scene(vec![layer], vec![moved(40.0, 1.0)]), &ray).unwrap();
    assert_eq!(hit.layer, LayerIndex::Volume(0));
    let hit = pick(&scene(vec![layer], vec![moved(-40.0, 0.0)]), &ray).unwrap();
    assert_eq!(hit.layer, LayerIndex::Volume(0));
}

#[test]
fn what_is_cut_away_is_not_met() {
    let surface = ResidentSurface::new(box_mesh([5.0, 3.0, 7.0])).unwrap();
    let ray = Ray {
        origin_mm: DVec3::new(1.0, -100.0, 2.0),
        direction: DVec3::Y,
    };
    let cut = |cut: Cut| {
        let layer = SurfaceLayer {
            cut,
            ..SurfaceLayer::new(&surface)
        };
        let clip = Clip {
            planes: vec![Plane {
                point_mm: DVec3::new(0.0, -1.0, 0.0),
                normal: DVec3::Y,
            }],
            box_from_patient: None,
        };
        let scene = Scene {
            clip,
            ..scene(vec![], vec![layer])
        };
        pick(&scene, &ray).unwrap()
    };
    assert!((cut(Cut::Open).p_in_patient_mm.y - 3.0).abs() < 1e-5);
    let face = cut(Cut::Capped);
    assert!((face.p_in_patient_mm.y + 1.0).abs() < 1e-9);
    assert_eq!(face.normal, Some(DVec3::NEG_Y));
}

#[test]
fn poison_is_met_nowhere() {
    let grid = GridGeometry::axis_aligned([4, 5, 6], [1.0, 2.0, 3.0], DVec3::ZERO).unwrap();
    let poison = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX];
    let samples = Samples::F32((0..120).map(|i| poison[i % 4]).collect());
    let volume = ResidentVolume::dense(grid, samples, Rescale::IDENTITY).unwrap();
    let transfer = opaque_above_zero();
    let layer = VolumeLayer::new(&volume, &transfer);
    let scene = scene(vec![layer], vec![]);
    for direction in [DVec3::Y, DVec3::ZERO, DVec3::NAN, DVec3::new(1e-300, 1.0, 0.0)] {
        let ray = Ray {
            origin_mm: DVec3::new(1.3, -100.0, 4.0),
            direction,
        };
        if let Some(hit) = pick(&scene, &ray) {
            assert!(hit.p_in_patient_mm.is_finite());
        }
    }
    let ray = Ray {
        origin_mm: DVec3::NAN,
        direction: DVec3::Y,
    };
    assert_eq!(pick(&scene, &ray), None);
}
