//! Largest, smallest and mean values along rays.

use geometry::{DAffine3, DVec2, DVec3, GridGeometry};
use renderer::cpu::{Quality, Renderer};
use renderer::{
    Camera, Clip, ControlPoint, LayerIndex, Paint, Plane, Projection, ResidentSurface, ResidentVolume, Scene,
    SurfaceLayer, TransferFunction, VolumeLayer, pick,
};
use surface::Mesh;
use volume::{Rescale, Samples};

/// 100 everywhere, but for a rod of 900 along y and one of -500 along z, which cross the line of sight beside each other.
fn volume() -> ResidentVolume {
    let dims = [37u32, 29, 33];
    let grid = GridGeometry::axis_aligned(dims, [0.9, 1.1, 1.3], DVec3::new(-16.2, -15.4, -20.8)).unwrap();
    let mut samples = Vec::new();
    for z in 0..dims[2] {
        for y in 0..dims[1] {
            for x in 0..dims[0] {
                let bright = x.abs_diff(26) < 3 && z.abs_diff(16) < 3 && (10..15).contains(&y);
                let dark = x.abs_diff(10) < 3 && z.abs_diff(16) < 3 && (10..15).contains(&y);
                samples.push(if bright {
                    900
                } else if dark {
                    -500
                } else {
                    100i16
                });
            }
        }
    }
    ResidentVolume::dense(grid, Samples::I16(samples), Rescale::IDENTITY).unwrap()
}

/// Gray by value, everywhere invisible when composed.
fn ramp() -> TransferFunction {
    let point = |value, gray| ControlPoint {
        value,
        color: [gray; 3],
        opacity: 0.0,
    };
    TransferFunction::new(vec![point(-500.0, 0.0), point(900.0, 1.0)]).unwrap()
}

fn camera() -> Camera {
    Camera {
        eye_mm: DVec3::new(0.0, -300.0, 0.0),
        target_mm: DVec3::ZERO,
        up: DVec3::Z,
        field_of_view_radians: 0.16,
    }
}

fn scene<'a>(layer: VolumeLayer<'a>) -> Scene<'a> {
    Scene {
        volumes: vec![layer],
        surfaces: vec![],
        clip: Clip::NONE,
        camera: camera(),
        background: [0.0, 0.0, 1.0],
    }
}

/// Where a point at y = 0 is seen.
fn gray_at(scene: &Scene<'_>, p: DVec3) -> [u8; 4] {
    let picture = Renderer::new().draw(scene, 80, 80, Quality::QUICK).unwrap();
    let place = scene.camera.pixel_of(p, 80, 80).unwrap().unwrap();
    picture.pixel(place.x as u32, place.y as u32).unwrap()
}

const BRIGHT: DVec3 = DVec3::new(7.2, -1.5, 0.0);
const DARK: DVec3 = DVec3::new(-7.2, -1.5, 0.0);

#[test]
fn rays_show_the_value_they_are_asked_for() {
    let (volume, transfer) = (volume(), ramp());
    let shown = |projection, p| {
        let layer = VolumeLayer {
            projection,
            ..VolumeLayer::new(&volume, &transfer)
        };
        let [r, g, b, _] = gray_at(&scene(layer), p);
        assert!(
            projection == Projection::Composite || (r == g && g == b),
            "{r} {g} {b}"
        );
        r
    };
    assert_eq!(shown(Projection::Maximum, BRIGHT), 255);
    assert_eq!(shown(Projection::Minimum, DARK), 0);
    let plain = shown(Projection::Maximum, DARK);
    assert_eq!(plain, shown(Projection::Minimum, BRIGHT));
    let (more, less) = (
        shown(Projection::Average, BRIGHT),
        shown(Projection::Average, DARK),
    );
    assert!(
        more > plain && less < plain && more < 255 && less > 0,
        "{less} {plain} {more}"
    );
    assert_eq!(shown(Projection::Composite, BRIGHT), 0);
}

#[test]
fn surfaces_lie_before_or_behind_what_is_projected() {
    let (volume, transfer) = (volume(), ramp());
    let mesh = Mesh {
        positions_mm: vec![
            [-40.0, 0.0, -40.0],
            [40.0, 0.0, -40.0],
            [40.0, 0.0, 40.0],
            [-40.0, 0.0, 40.0],
        ],
        normals: vec![],
        triangles: vec![[0, 1, 2], [0, 2, 3]],
    };
    let surface = ResidentSurface::new(mesh).unwrap();
    let red_at = |y: f64| SurfaceLayer {
        paint: Paint::Plain([1.0, 0.0, 0.0]),
        patient_from_surface: DAffine3::from_translation(DVec3::Y * y),
        ..SurfaceLayer::new(&surface)
    };
    let layer = VolumeLayer {
        projection: Projection::Maximum,
        ..VolumeLayer::new(&volume, &transfer)
    };
    let shown = |y| {
        let scene = Scene {
            surfaces: vec![red_at(y)],
            ..scene(layer)
        };
        gray_at(&scene, BRIGHT)
    };
    assert_eq!(shown(30.0)[..3], [255; 3]);
    let [r, g, ..] = shown(-30.0);
    assert!(r > 150 && g < 120);
    // The rod begins at y = -4.4: a wall before it leaves only what is plain.
    let [r, g, b, _] = shown(-6.0);
    assert!(r == g && g == b && r < 200, "{r} {g} {b}");
}

#[test]
fn what_is_cut_away_is_not_projected() {
    let (volume, transfer) = (volume(), ramp());
    let layer = VolumeLayer {
        projection: Projection::Maximum,
        ..VolumeLayer::new(&volume, &transfer)
    };
    let clip = |y: f64| Scene {
        clip: Clip {
            planes: vec![Plane {
                point_mm: DVec3::Y * y,
                normal: DVec3::Y,
            }],
            box_from_patient: None,
        },
        ..scene(layer)
    };
    assert_eq!(gray_at(&clip(-6.0), BRIGHT)[0], 255);
    assert!(gray_at(&clip(4.0), BRIGHT)[0] < 200);
    assert_eq!(gray_at(&clip(99.0), BRIGHT), [0, 0, 255, 255]);
}

#[test]
fn the_place_of_the_largest_value_is_picked() {
    let (volume, transfer) = (volume(), ramp());
    let picked = |projection| {
        let layer = VolumeLayer {
            projection,
            ..VolumeLayer::new(&volume, &transfer)
        };
        let scene = scene(layer);
        let place = scene.camera.pixel_of(BRIGHT, 80, 80).unwrap().unwrap();
        let ray = scene.camera.ray(DVec2::new(place.x, place.y), 80, 80).unwrap();
        pick(&scene, &ray)
    };
    let hit = picked(Projection::Maximum).unwrap();
    assert_eq!((hit.layer, hit.value), (LayerIndex::Volume(0), Some(900.0)));
    assert!(hit.p_in_patient_mm.y > -4.5 && hit.p_in_patient_mm.y < 0.1);
    assert_eq!(picked(Projection::Average), None);
    assert_eq!(picked(Projection::Composite), None);
}

#[test]
fn poison_is_leapt_over() {
    let grid =
        GridGeometry::axis_aligned([9, 10, 11], [3.0, 2.0, 3.0], DVec3::new(-13.0, -9.0, -15.0)).unwrap();
    let poison = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 5.0];
    let samples = Samples::F32((0..990).map(|i| poison[i % 5]).collect());
    let volume = ResidentVolume::dense(grid, samples, Rescale::IDENTITY).unwrap();
    let transfer = ramp();
    for projection in [Projection::Maximum, Projection::Minimum, Projection::Average] {
        let layer = VolumeLayer {
            projection,
            ..VolumeLayer::new(&volume, &transfer)
        };
        let picture = Renderer::new()
            .draw(&scene(layer), 40, 30, Quality::FINE)
            .unwrap();
        assert!(picture.rgba.chunks_exact(4).all(|p| p[3] == 255));
    }
}
