//! The back end on a graphics device against the one on the processor, pass by pass.
#![cfg(feature = "gpu")]

mod on_device;

use geometry::{DAffine3, DMat3, DVec3, GridGeometry, PatientDirection};
use on_device::{compare, on_device};
use renderer::cpu::{self, Quality};
use renderer::{
    AmbientOcclusion, Camera, Clip, ControlPoint, Occlusion, Plane, Projection, ResidentVolume, Scene,
    Shading, Shadows, SurfaceLayer, TransferFunction, VolumeLayer, gpu,
};
use volume::{Rescale, Samples};

/// A rounded box of 1000 with a ball of 3000 inside, in -1000, with soft edges, on a sheared, oblique grid whose axes all
/// differ.
fn phantom() -> (GridGeometry, Vec<i16>) {
    let turn = DMat3::from_axis_angle(DVec3::new(0.3, -0.5, 0.8).normalize(), 0.7);
    let shear = DMat3::from_cols(
        DVec3::new(0.8, 0.0, 0.0),
        DVec3::new(0.1, 1.1, 0.0),
        DVec3::new(0.0, 0.35, 1.4),
    );
    let matrix3 = turn * shear;
    let dims = [61u32, 47, 37];
    let middle = DVec3::new(30.0, 23.0, 18.0);
    let grid = GridGeometry::new(
        dims,
        DAffine3 {
            matrix3,
            translation: DVec3::new(120.0, -340.0, 55.0) - matrix3 * middle,
        },
    )
    .unwrap();
    let mut samples = Vec::new();
    for z in 0..dims[2] {
        for y in 0..dims[1] {
            for x in 0..dims[0] {
                let p = matrix3 * (DVec3::new(x.into(), y.into(), z.into()) - middle);
                let outside = (p.abs() - DVec3::new(14.0, 11.0, 9.0)).max(DVec3::ZERO).length() - 4.0;
                let body = (-outside / 1.5).clamp(-1.0, 1.0) * 1000.0;
                let core = ((7.0 - p.distance(DVec3::new(3.0, -2.0, 1.0))) / 1.5).clamp(0.0, 1.0) * 2000.0;
                samples.push((body + core).round() as i16);
            }
        }
    }
    (grid, samples)
}

fn resident(samples: Samples, rescale: Rescale) -> ResidentVolume {
    ResidentVolume::dense(phantom().0, samples, rescale).unwrap()
}

fn body_and_core() -> TransferFunction {
    let point = |value, color, opacity| ControlPoint {
        value,
        color,
        opacity,
    };
    TransferFunction::new(vec![
        point(-1000.0, [0.8, 0.4, 0.3], 0.0),
        point(-200.0, [0.8, 0.4, 0.3], 0.0),
        point(600.0, [0.9, 0.6, 0.4], 0.12),
        point(1200.0, [0.9, 0.7, 0.5], 0.12),
        point(2000.0, [1.0, 1.0, 0.9], 0.9),
    ])
    .unwrap()
}

fn scene<'a>(volumes: Vec<VolumeLayer<'a>>, surfaces: Vec<SurfaceLayer<'a>>) -> Scene<'a> {
    let mut bounds = phantom().0.bounds_mm();
    // Close enough for what is in the phantom to fill the picture.
    (bounds.min, bounds.max) = (
        bounds.min.lerp(bounds.center(), 0.65),
        bounds.max.lerp(bounds.center(), 0.65),
    );
    Scene {
        volumes,
        surfaces,
        clip: Clip::NONE,
        camera: Camera::from_direction(DVec3::new(0.4, -1.0, 0.3), bounds, 1.3),
        background: [0.05, 0.07, 0.1],
    }
}

#[test]
fn every_sample_type_is_drawn_as_the_twin_draws_it() {
    let Some(mut device) = on_device() else { return };
    let (_, stored) = phantom();
    let transfer = body_and_core();
    let rescale = |slope, intercept| Rescale {
        slope,
        intercept,
        ..Rescale::IDENTITY
    };
    let variants = [
        ("i16", Samples::I16(stored.clone()), rescale(1.0, 0.0)),
        (
            "u16",
            Samples::U16(stored.iter().map(|&s| (i32::from(s) + 1000) as u16).collect()),
            rescale(1.0, -1000.0),
        ),
        (
            "u8",
            Samples::U8(
                stored
                    .iter()
                    .map(|&s| ((i32::from(s) + 1000) / 16) as u8)
                    .collect(),
            ),
            rescale(16.0, -1000.0),
        ),
        (
            "i32",
            Samples::I32(stored.iter().map(|&s| i32::from(s) * 1000).collect()),
            rescale(0.001, 0.0),
        ),
        (
            "u32",
            Samples::U32(stored.iter().map(|&s| (i32::from(s) + 1000) as u32).collect()),
            rescale(1.0, -1000.0),
        ),
        (
            "f32",
            Samples::F32(stored.iter().map(|&s| f32::from(s) * 0.001).collect()),
            rescale(1000.0, 0.0),
        ),
    ];
    for (what, samples, rescale) in variants {
        let volume = resident(samples, rescale);
        let layer = VolumeLayer::new(&volume, &transfer);
        compare(what, &mut device, &scene(vec![layer], vec![]), Quality::QUICK);
    }
}

#[test]
fn several_rays_a_pixel_are_those_of_the_twin() {
    let Some(mut device) = on_device() else { return };
    let volume = resident(Samples::I16(phantom().1), Rescale::IDENTITY);
    let transfer = body_and_core();
    let layer = VolumeLayer::new(&volume, &transfer);
    compare("fine", &mut device, &scene(vec![layer], vec![]), Quality::FINE);
}

#[test]
fn volumes_blend_by_depth() {
    let Some(mut device) = on_device() else { return };
    let stored = phantom().1;
    let bytes = stored
        .iter()
        .map(|&s| ((i32::from(s) + 1000) / 16) as u8)
        .collect();
    let first = resident(Samples::I16(stored.clone()), Rescale::IDENTITY);
    let second = resident(Samples::U8(bytes), Rescale::IDENTITY);
    let transfer = body_and_core();
    let point = |value, opacity| ControlPoint {
        value,
        color: [0.2, 0.9, 0.3],
        opacity,
    };
    let green = TransferFunction::new(vec![point(60.0, 0.0), point(180.0, 0.2)]).unwrap();
    let layers = vec![
        VolumeLayer::new(&first, &transfer),
        VolumeLayer::new(&second, &green),
    ];
    compare("two volumes", &mut device, &scene(layers, vec![]), Quality::QUICK);
}

#[test]
fn volumes_are_cut_as_the_twin_cuts_them() {
    let Some(mut device) = on_device() else { return };
    let volume = resident(Samples::I16(phantom().1), Rescale::IDENTITY);
    let transfer = body_and_core();
    let layer = VolumeLayer::new(&volume, &transfer);
    let mut scene = scene(vec![layer], vec![]);
    let center = phantom().0.bounds_mm().center();
    scene.clip = Clip {
        planes: vec![Plane {
            point_mm: center - DVec3::new(1.0, 2.0, 0.0),
            normal: DVec3::new(0.4, 1.0, -0.3),
        }],
        box_from_patient: Some(
            DAffine3::from_translation(DVec3::splat(0.5))
                * DAffine3::from_scale(DVec3::new(0.04, 0.03, 0.05))
                * DAffine3::from_translation(-center),
        ),
    };
    compare("cut", &mut device, &scene, Quality::QUICK);
}

#[test]
fn occluded_volumes_are_those_of_the_twin() {
    let Some(mut device) = on_device() else { return };
    let (stored, transfer) = (phantom().1, body_and_core());
    let volume = resident(Samples::I16(stored.clone()), Rescale::IDENTITY);
    let wide = resident(
        Samples::I32(stored.iter().map(|&s| i32::from(s)).collect()),
        Rescale::IDENTITY,
    );
    let shadows = Occlusion {
        ambient: AmbientOcclusion::Off,
        ..Occlusion::FULL
    };
    let ambient = Occlusion {
        shadows: Shadows::Off,
        ..Occlusion::FULL
    };
    let plane = Plane {
        point_mm: phantom().0.bounds_mm().center() - DVec3::new(1.0, 2.0, 0.0),
        normal: DVec3::new(0.4, 1.0, -0.3),
    };
    for (what, volume, occlusion, planes) in [
        ("shadows", &volume, shadows, vec![]),
        ("ambient", &wide, ambient, vec![]),
        ("shadows cut", &volume, Occlusion::FULL, vec![plane]),
    ] {
        let layer = VolumeLayer {
            occlusion,
            ..VolumeLayer::new(volume, &transfer)
        };
        let mut scene = scene(vec![layer], vec![]);
        scene.clip.planes = planes;
        compare(what, &mut device, &scene, Quality::QUICK);
    }
}

#[test]
fn projected_volumes_are_those_of_the_twin() {
    let Some(mut device) = on_device() else { return };
    let stored = phantom().1;
    let volume = resident(Samples::I16(stored.clone()), Rescale::IDENTITY);
    let wide = resident(
        Samples::I32(stored.iter().map(|&s| i32::from(s)).collect()),
        Rescale::IDENTITY,
    );
    let transfer = body_and_core();
    // Of the other way round, the smallest values are those of the core.
    let inverse = resident(
        Samples::I16(stored.iter().map(|&s| 2000 - s).collect()),
        Rescale::IDENTITY,
    );
    for (volume, projections) in [
        (&volume, [Projection::Maximum, Projection::Average]),
        (&wide, [Projection::Maximum, Projection::Average]),
        (&inverse, [Projection::Minimum, Projection::Average]),
    ] {
        for projection in projections {
            let layer = VolumeLayer {
                projection,
                ..VolumeLayer::new(volume, &transfer)
            };
            let what = format!("{projection:?}");
            compare(&what, &mut device, &scene(vec![layer], vec![]), Quality::QUICK);
        }
    }
}

#[test]
fn a_lost_device_is_replaced() {
    let Some(mut device) = on_device() else { return };
    let volume = resident(Samples::I16(phantom().1), Rescale::IDENTITY);
    let transfer = body_and_core();
    let layer = VolumeLayer::new(&volume, &transfer);
    let scene = scene(vec![layer], vec![]);
    let before = device.draw(&scene, 64, 48, Quality::QUICK).unwrap();
    assert!(!device.is_lost());
    device.device().destroy();
    assert!(device.is_lost());
    let after = device.draw(&scene, 64, 48, Quality::QUICK).unwrap();
    assert!(!device.is_lost());
    assert_eq!(before, after);
}

#[test]
fn poison_draws_no_hole_in_the_picture() {
    let Some(mut device) = on_device() else { return };
    let (grid, stored) = phantom();
    let poison = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN];
    let samples = stored
        .iter()
        .enumerate()
        .map(|(at, &s)| {
            if at % 1013 == 0 {
                poison[at / 1013 % 5]
            } else {
                f32::from(s)
            }
        })
        .collect();
    let volume = ResidentVolume::dense(grid, Samples::F32(samples), Rescale::IDENTITY).unwrap();
    let transfer = body_and_core();
    let layer = VolumeLayer::new(&volume, &transfer);
    let mut scene = scene(vec![layer], vec![]);
    let picture = device.draw(&scene, 64, 48, Quality::QUICK).unwrap();
    assert!(picture.rgba.chunks_exact(4).all(|p| p[3] == 255));
    scene.camera.eye_mm = DVec3::new(f64::NAN, 0.0, 0.0);
    assert!(device.draw(&scene, 64, 48, Quality::QUICK).is_err());
    scene.camera = Camera::from_side(PatientDirection::Anterior, grid.bounds_mm(), 1.0);
    scene.camera.eye_mm *= 1e7;
    device.draw(&scene, 64, 48, Quality::QUICK).unwrap();
}

#[test]
fn what_changes_is_brought_to_the_device() {
    let Some(mut device) = on_device() else { return };
    let (grid, stored) = phantom();
    let layout = volume::PyramidLayout::new(grid);
    let samples = Samples::I16(stored);
    let mut volume =
        ResidentVolume::streaming(&layout, samples.sample_type(), Rescale::IDENTITY, 1 << 24).unwrap();
    let transfer = body_and_core();
    let draw = |device: &mut gpu::Renderer, volume: &ResidentVolume| {
        let layer = VolumeLayer::new(volume, &transfer);
        device
            .draw(&scene(vec![layer], vec![]), 64, 48, Quality::QUICK)
            .unwrap()
    };
    let empty = draw(&mut device, &volume);
    volume.put_level(0, &samples).unwrap();
    let full = draw(&mut device, &volume);
    assert_ne!(empty, full);
    let fresh = resident(samples, Rescale::IDENTITY);
    assert_eq!(full, draw(&mut device, &fresh));
}

#[test]
fn no_ray_stops_at_a_wall_between_cells() {
    let Some(mut device) = on_device() else { return };
    // Thin fog: a ray that ends too early, at any wall of any cell, is darker. At the rim a step more or less is seen.
    let dims = [203u32, 178, 151];
    let grid = GridGeometry::axis_aligned(dims, [0.7, 0.9, 1.1], DVec3::new(-71.0, -80.0, -83.0)).unwrap();
    let samples = (0..dims.iter().product::<u32>()).map(|i| 90 + (i % 7) as u8);
    let volume = ResidentVolume::dense(grid, Samples::U8(samples.collect()), Rescale::IDENTITY).unwrap();
    let fog = ControlPoint {
        value: 0.0,
        color: [0.9, 0.8, 0.7],
        opacity: 0.008,
    };
    let transfer = TransferFunction::new(vec![fog]).unwrap();
    let layer = VolumeLayer {
        shading: Shading::Flat,
        ..VolumeLayer::new(&volume, &transfer)
    };
    let mut scene = scene(vec![layer], vec![]);
    let front = Camera::from_direction(DVec3::new(0.1, -1.0, 0.05), grid.bounds_mm(), 1.3);
    let mut twin = cpu::Renderer::new();
    for turn in 0..6 {
        scene.camera = front.turned(f64::from(turn) * 0.31);
        let ours = device.draw(&scene, 260, 200, Quality::QUICK).unwrap();
        let theirs = twin.draw(&scene, 260, 200, Quality::QUICK).unwrap();
        let differs = |(a, b): (&[u8], &[u8])| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > 12);
        let pixels = ours.rgba.chunks_exact(4).zip(theirs.rgba.chunks_exact(4));
        let stopped = pixels.filter(|pair| differs(*pair)).count();
        assert_eq!(stopped, 0, "turn {turn}: {stopped} pixels");
    }
}
