//! Shadows fall where the fill light does not reach, and folds are dark.

use geometry::{DVec3, GridGeometry};
use renderer::cpu::{Quality, Renderer};
use renderer::{
    AmbientOcclusion, Camera, Clip, ControlPoint, Occlusion, Picture, Plane, ResidentVolume, Scene, Shadows,
    TransferFunction, VolumeLayer,
};
use volume::{Rescale, Samples};

const DIMS: [u32; 3] = [121, 61, 109];
const SIZE: u32 = 240;
/// A floor faces the viewer, who looks along y; in front of it hangs a ball, and a wall stands on it.
const FLOOR_MM: f64 = 48.0;
const BALL_MM: DVec3 = DVec3::new(45.0, 36.0, 70.0);
const WALL_MM: f64 = 95.0;

fn room() -> ResidentVolume {
    let grid = GridGeometry::axis_aligned(DIMS, [0.9, 1.0, 1.1], DVec3::ZERO).unwrap();
    let mut samples = Vec::new();
    for z in 0..DIMS[2] {
        for y in 0..DIMS[1] {
            for x in 0..DIMS[0] {
                let voxel = DVec3::new(x.into(), y.into(), z.into());
                let p = grid.patient_from_voxel().transform_point3(voxel);
                let outside = (FLOOR_MM - p.y).min(p.distance(BALL_MM) - 8.0).min(WALL_MM - p.x);
                samples.push(((-outside).clamp(-1.0, 1.0) * 1000.0) as i16);
            }
        }
    }
    ResidentVolume::dense(grid, Samples::I16(samples), Rescale::IDENTITY).unwrap()
}

fn transfer() -> TransferFunction {
    let point = |value, opacity| ControlPoint {
        value,
        color: [0.8; 3],
        opacity,
    };
    TransferFunction::new(vec![point(-300.0, 0.0), point(300.0, 0.95)]).unwrap()
}

fn camera() -> Camera {
    let target_mm = DVec3::new(54.0, 48.0, 60.0);
    Camera {
        eye_mm: target_mm - DVec3::Y * 600.0,
        target_mm,
        up: DVec3::Z,
        field_of_view_radians: 0.2,
    }
}

fn draw(volume: &ResidentVolume, occlusion: Occlusion, planes: Vec<Plane>) -> Picture {
    let transfer = transfer();
    let scene = Scene {
        volumes: vec![VolumeLayer {
            occlusion,
            ..VolumeLayer::new(volume, &transfer)
        }],
        surfaces: vec![],
        clip: Clip {
            planes,
            box_from_patient: None,
        },
        camera: camera(),
        background: [0.0; 3],
    };
    Renderer::new().draw(&scene, SIZE, SIZE, Quality::QUICK).unwrap()
}

/// Linear light (IEC 61966-2-1) of the floor at a place.
fn floor(picture: &Picture, x: f64, z: f64) -> f64 {
    let p = DVec3::new(x, FLOOR_MM, z);
    let pixel = camera().pixel_of(p, SIZE, SIZE).unwrap().unwrap();
    let [_, green, _, _] = picture.pixel(pixel.x as u32, pixel.y as u32).unwrap();
    ((f64::from(green) / 255.0 + 0.055) / 1.055).powf(2.4)
}

/// The fill light comes from the upper left of the viewer, so the ball's shadow falls to the lower right.
const SHADE: (f64, f64) = (BALL_MM.x + 12.0 * 1.4, BALL_MM.z - 12.0 * 1.6);
const OTHER_SIDE: (f64, f64) = (BALL_MM.x - 12.0 * 1.4, BALL_MM.z + 12.0 * 1.6);

#[test]
fn a_ball_throws_its_shadow_away_from_the_fill_light() {
    let volume = room();
    let shadows = Occlusion {
        shadows: Shadows::Soft,
        ..Occlusion::NONE
    };
    let picture = draw(&volume, shadows, vec![]);
    let [shade, lit] = [SHADE, OTHER_SIDE].map(|(x, z)| floor(&picture, x, z));
    assert!(shade < lit * 0.8, "{shade} in the shade, {lit} beside it");
    let plain = draw(&volume, Occlusion::NONE, vec![]);
    let [same, other] = [SHADE, OTHER_SIDE].map(|(x, z)| floor(&plain, x, z));
    assert!((same / other - 1.0).abs() < 0.02, "{same} and {other}");
    // A ball that is cut away throws none.
    let behind = Plane {
        point_mm: DVec3::Y * 45.5,
        normal: DVec3::Y,
    };
    let picture = draw(&volume, shadows, vec![behind]);
    let [shade, lit] = [SHADE, OTHER_SIDE].map(|(x, z)| floor(&picture, x, z));
    assert!((shade / lit - 1.0).abs() < 0.03, "{shade} and {lit}");
}

#[test]
fn it_is_darker_at_the_foot_of_a_wall() {
    let volume = room();
    let ambient = Occlusion {
        ambient: AmbientOcclusion::On,
        ..Occlusion::NONE
    };
    let (picture, plain) = (
        draw(&volume, ambient, vec![]),
        draw(&volume, Occlusion::NONE, vec![]),
    );
    let part = |x: f64| floor(&picture, x, 20.0) / floor(&plain, x, 20.0);
    let (open, foot) = (part(15.0), part(WALL_MM - 4.0));
    assert!(open > 0.93, "{open} in the open");
    assert!(foot < open - 0.1, "{foot} at the foot, {open} in the open");
}

#[test]
fn poison_draws_a_picture() {
    let grid = GridGeometry::axis_aligned([31, 17, 23], [0.3, 4.0, 1.0], DVec3::ZERO).unwrap();
    let poison = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 0.0];
    let samples = (0..31 * 17 * 23).map(|i| poison[i * i % 5]).collect();
    let volume = ResidentVolume::dense(grid, Samples::F32(samples), Rescale::IDENTITY).unwrap();
    let nowhere = Plane {
        point_mm: DVec3::splat(f64::NAN),
        normal: DVec3::ZERO,
    };
    let picture = draw(&volume, Occlusion::FULL, vec![nowhere]);
    assert_eq!(picture.rgba.len(), (SIZE * SIZE * 4) as usize);
}
