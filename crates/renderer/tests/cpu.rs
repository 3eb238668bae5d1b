//! The CPU back end against shapes whose pictures are known.

use geometry::{DVec3, GridGeometry, PatientDirection};
use renderer::cpu::{self, Quality};
use renderer::{
    Camera, Clip, ControlPoint, Paint, Picture, ResidentSurface, ResidentVolume, Scene, SurfaceLayer,
    TransferFunction, VolumeLayer,
};
use surface::Mesh;
use volume::{Rescale, Samples};

const BACKGROUND: [f32; 3] = [0.0, 0.0, 0.0];
const RADIUS_MM: f64 = 20.0;

/// A ball of 1000 in air of -1000 on a grid that differs on every axis.
fn ball() -> ResidentVolume {
    let (dims, spacing) = ([61u32, 47, 37], [0.8, 1.1, 1.4]);
    let center = DVec3::new(30.0 * 0.8, 23.0 * 1.1, 18.0 * 1.4);
    let grid = GridGeometry::axis_aligned(dims, spacing, -center).unwrap();
    let mut samples = Vec::new();
    for z in 0..dims[2] {
        for y in 0..dims[1] {
            for x in 0..dims[0] {
                let p = grid
                    .patient_from_voxel()
                    .transform_point3(DVec3::new(x.into(), y.into(), z.into()));
                // A linear edge, so that the middle value lies exactly on the sphere.
                let inside = ((RADIUS_MM - p.length()) / 2.0).clamp(-1.0, 1.0);
                samples.push((inside * 1000.0).round() as i16);
            }
        }
    }
    ResidentVolume::dense(grid, Samples::I16(samples), Rescale::IDENTITY).unwrap()
}

fn step_at_zero() -> TransferFunction {
    let point = |value, opacity| ControlPoint {
        value,
        color: [1.0, 0.8, 0.6],
        opacity,
    };
    TransferFunction::new(vec![point(-1.0, 0.0), point(1.0, 1.0)]).unwrap()
}

fn lit(picture: &Picture) -> usize {
    picture.rgba.chunks_exact(4).filter(|p| p[0] > 20).count()
}

/// Pixels that a sphere of `RADIUS_MM` at the target of `camera` covers.
fn disc_pixels(camera: &Camera, height: u32) -> f64 {
    let distance = camera.eye_mm.distance(camera.target_mm);
    let tangent = (RADIUS_MM / distance).asin().tan();
    let radius = tangent * f64::from(height) * 0.5 / (camera.field_of_view_radians * 0.5).tan();
    std::f64::consts::PI * radius * radius
}

#[test]
fn a_ball_covers_the_same_disc_from_every_side() {
    let volume = ball();
    let grid = *volume.grid();
    let transfer = step_at_zero();
    for side in [
        PatientDirection::Anterior,
        PatientDirection::Left,
        PatientDirection::Superior,
    ] {
        let camera = Camera::from_side(side, grid.bounds_mm(), 1.0);
        let layer = VolumeLayer::new(&volume, &transfer);
        let scene = Scene {
            volumes: vec![layer],
            surfaces: vec![],
            clip: Clip::NONE,
            camera,
            background: BACKGROUND,
        };
        let picture = cpu::Renderer::new()
            .draw(&scene, 200, 200, Quality::QUICK)
            .unwrap();
        let ratio = lit(&picture) as f64 / disc_pixels(&camera, 200);
        assert!((ratio - 1.0).abs() < 0.02, "{side:?}: {ratio}");
    }
}

#[test]
fn every_sample_type_draws_the_same_ball() {
    let volume = ball();
    let grid = *volume.grid();
    let Samples::I16(stored) = volume.samples() else {
        unreachable!("the ball is i16")
    };
    let transfer = step_at_zero();
    let camera = Camera::from_side(PatientDirection::Anterior, grid.bounds_mm(), 1.0);
    let variants = [
        (
            Samples::U16(stored.iter().map(|&s| (i32::from(s) + 1000) as u16).collect()),
            -1000.0,
        ),
        (Samples::I32(stored.iter().map(|&s| i32::from(s)).collect()), 0.0),
        (Samples::F32(stored.iter().map(|&s| f32::from(s)).collect()), 0.0),
    ];
    let count = |samples: &Samples, intercept: f64| {
        let rescale = Rescale {
            intercept,
            ..Rescale::IDENTITY
        };
        let volume = ResidentVolume::dense(grid, samples.clone(), rescale).unwrap();
        let layer = VolumeLayer::new(&volume, &transfer);
        let scene = Scene {
            volumes: vec![layer],
            surfaces: vec![],
            clip: Clip::NONE,
            camera,
            background: BACKGROUND,
        };
        lit(&cpu::Renderer::new()
            .draw(&scene, 120, 120, Quality::QUICK)
            .unwrap()) as f64
    };
    let reference = count(volume.samples(), 0.0);
    for (samples, intercept) in &variants {
        let ratio = count(samples, *intercept) / reference;
        assert!(
            (ratio - 1.0).abs() < 0.005,
            "{:?}: {ratio}",
            samples.sample_type()
        );
    }
}

/// A square in the coronal plane `y`, 40 mm wide.
fn square(y: f32) -> ResidentSurface {
    let mesh = Mesh {
        positions_mm: vec![
            [-20.0, y, -20.0],
            [20.0, y, -20.0],
            [20.0, y, 20.0],
            [-20.0, y, 20.0],
        ],
        normals: vec![[0.0, -1.0, 0.0]; 4],
        triangles: vec![[0, 1, 2], [0, 2, 3]],
    };
    ResidentSurface::new(mesh).unwrap()
}

#[test]
fn the_nearer_surface_hides_the_farther_one() {
    let (near, far) = (square(-5.0), square(5.0));
    let bounds = geometry::Aabb {
        min: DVec3::splat(-30.0),
        max: DVec3::splat(30.0),
    };
    let camera = Camera::from_side(PatientDirection::Anterior, bounds, 1.0);
    let red = SurfaceLayer {
        paint: Paint::Plain([1.0, 0.0, 0.0]),
        ..SurfaceLayer::new(&near)
    };
    let blue = SurfaceLayer {
        paint: Paint::Plain([0.0, 0.0, 1.0]),
        ..SurfaceLayer::new(&far)
    };
    for surfaces in [vec![red, blue], vec![blue, red]] {
        let scene = Scene {
            volumes: vec![],
            surfaces,
            clip: Clip::NONE,
            camera,
            background: BACKGROUND,
        };
        let [r, _, b, _] = cpu::Renderer::new()
            .draw(&scene, 64, 64, Quality::QUICK)
            .unwrap()
            .pixel(32, 32)
            .unwrap();
        assert!(r > 150 && b < 120, "{r} {b}");
    }
    let glass = SurfaceLayer { opacity: 0.4, ..red };
    let scene = Scene {
        volumes: vec![],
        surfaces: vec![glass, blue],
        clip: Clip::NONE,
        camera,
        background: BACKGROUND,
    };
    let [r, _, b, _] = cpu::Renderer::new()
        .draw(&scene, 64, 64, Quality::QUICK)
        .unwrap()
        .pixel(32, 32)
        .unwrap();
    assert!(r > 80 && b > 150, "{r} {b}");
}

#[test]
fn colors_of_vertices_are_drawn_between_them() {
    let mesh = square(0.0);
    let bounds = geometry::Aabb {
        min: DVec3::splat(-30.0),
        max: DVec3::splat(30.0),
    };
    let left_to_right = [
        [255, 0, 0, 255],
        [0, 0, 255, 255],
        [0, 0, 255, 255],
        [255, 0, 0, 9],
    ];
    let mesh = mesh.with_colors(left_to_right.to_vec()).unwrap();
    let surface = SurfaceLayer::new(&mesh);
    let scene = Scene {
        volumes: vec![],
        surfaces: vec![surface],
        clip: Clip::NONE,
        camera: Camera::from_side(PatientDirection::Anterior, bounds, 1.0),
        background: BACKGROUND,
    };
    let picture = cpu::Renderer::new().draw(&scene, 99, 99, Quality::QUICK).unwrap();
    let [left, middle, right] = [34, 49, 64].map(|column| picture.pixel(column, 49).unwrap());
    assert!(
        left[0] > middle[0] && middle[0] > right[0],
        "{left:?} {middle:?} {right:?}"
    );
    assert!(
        right[2] > middle[2] && middle[2] > left[2],
        "{left:?} {middle:?} {right:?}"
    );
    let plain = SurfaceLayer {
        paint: Paint::Plain([0.0, 1.0, 0.0]),
        ..surface
    };
    let scene = Scene {
        surfaces: vec![plain],
        ..scene
    };
    let [r, g, _, _] = cpu::Renderer::new()
        .draw(&scene, 99, 99, Quality::QUICK)
        .unwrap()
        .pixel(34, 49)
        .unwrap();
    assert!(g > 2 * r, "a plain paint covers the colors of the surface");
}

#[test]
fn a_square_covers_its_own_pixels() {
    let mesh = square(0.0);
    let bounds = geometry::Aabb {
        min: DVec3::splat(-30.0),
        max: DVec3::splat(30.0),
    };
    let camera = Camera::from_side(PatientDirection::Anterior, bounds, 1.0);
    let surface = SurfaceLayer {
        paint: Paint::Plain([1.0; 3]),
        ..SurfaceLayer::new(&mesh)
    };
    let scene = Scene {
        volumes: vec![],
        surfaces: vec![surface],
        clip: Clip::NONE,
        camera,
        background: BACKGROUND,
    };
    let picture = cpu::Renderer::new()
        .draw(&scene, 300, 300, Quality::QUICK)
        .unwrap();
    let distance = camera.eye_mm.distance(camera.target_mm);
    let side = 40.0 / distance * 150.0 / (camera.field_of_view_radians * 0.5).tan();
    let ratio = lit(&picture) as f64 / (side * side);
    assert!((ratio - 1.0).abs() < 0.01, "{ratio}");
}

#[test]
fn a_volume_shows_in_front_of_a_surface_and_not_behind() {
    let volume = ball();
    let grid = *volume.grid();
    let transfer = step_at_zero();
    let camera = Camera::from_side(PatientDirection::Anterior, grid.bounds_mm(), 1.0);
    let middle = |y: f32| {
        let mesh = square(y);
        let blue = SurfaceLayer {
            paint: Paint::Plain([0.0, 0.0, 1.0]),
            ..SurfaceLayer::new(&mesh)
        };
        let layer = VolumeLayer::new(&volume, &transfer);
        let scene = Scene {
            volumes: vec![layer],
            surfaces: vec![blue],
            clip: Clip::NONE,
            camera,
            background: BACKGROUND,
        };
        cpu::Renderer::new()
            .draw(&scene, 65, 65, Quality::QUICK)
            .unwrap()
            .pixel(32, 32)
            .unwrap()
    };
    let [r, _, b, _] = middle(30.0);
    assert!(r > b, "the ball hides what is behind it");
    let [r, _, b, _] = middle(-30.0);
    assert!(b > r, "the square hides the ball");
}

#[test]
fn poison_draws_something_finite() {
    let grid = GridGeometry::axis_aligned([5, 6, 7], [1.0, 2.0, 3.0], DVec3::ZERO).unwrap();
    let poison = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        0.0,
        f32::MAX,
        f32::MIN,
        1.0,
    ];
    let samples = Samples::F32((0..5 * 6 * 7).map(|i| poison[i % poison.len()]).collect());
    let volume = ResidentVolume::dense(grid, samples, Rescale::IDENTITY).unwrap();
    let transfer = step_at_zero();
    let camera = Camera::from_side(PatientDirection::Anterior, grid.bounds_mm(), 1.0);
    let mesh = Mesh {
        positions_mm: vec![[f32::NAN, 0.0, 0.0], [1.0, f32::INFINITY, 1.0], [2.0, 2.0, 2.0]],
        normals: vec![],
        triangles: vec![[0, 1, 2], [0, 0, 0]],
    };
    let mesh = ResidentSurface::new(mesh).unwrap();
    let surface = SurfaceLayer {
        paint: Paint::Plain([1.0; 3]),
        ..SurfaceLayer::new(&mesh)
    };
    let layer = VolumeLayer::new(&volume, &transfer);
    let scene = Scene {
        volumes: vec![layer],
        surfaces: vec![surface],
        clip: Clip::NONE,
        camera,
        background: BACKGROUND,
    };
    let picture = cpu::Renderer::new().draw(&scene, 40, 30, Quality::FINE).unwrap();
    assert_eq!(picture.rgba.len(), 40 * 30 * 4);
    assert!(picture.rgba.chunks_exact(4).all(|p| p[3] == 255));
}

#[test]
fn the_same_scene_is_the_same_picture() {
    let volume = ball();
    let grid = *volume.grid();
    let transfer = step_at_zero();
    let camera = Camera::from_side(PatientDirection::Left, grid.bounds_mm(), 1.5).turned(0.4);
    let draw = || {
        let layer = VolumeLayer::new(&volume, &transfer);
        let scene = Scene {
            volumes: vec![layer],
            surfaces: vec![],
            clip: Clip::NONE,
            camera,
            background: BACKGROUND,
        };
        cpu::Renderer::new().draw(&scene, 90, 60, Quality::FINE).unwrap()
    };
    assert_eq!(draw(), draw());
}
