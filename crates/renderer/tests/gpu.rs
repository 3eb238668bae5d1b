//! The back end on a graphics device against the one on the processor, pass by pass.
#![cfg(feature = "gpu")]

use geometry::{DAffine3, DMat3, DVec3, GridGeometry, PatientDirection};
use renderer::cpu::{self, Quality};
use renderer::{
    Camera, Clip, ControlPoint, Picture, Plane, ResidentSurface, ResidentVolume, Scene, SurfaceLayer,
    TransferFunction, VolumeLayer, gpu,
};
use surface::Mesh;
use volume::{Rescale, Samples};

/// A renderer on whatever adapter is there.
fn on_device() -> Option<gpu::Renderer> {
    match gpu::Device::open_headless() {
        Ok(device) => Some(gpu::Renderer::new(device)),
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

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

/// How far two pictures are apart, over all components: the mean, and the part of pixels more than 12 levels apart.
fn apart(a: &Picture, b: &Picture) -> (f64, f64) {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let differences = || a.rgba.iter().zip(&b.rgba).map(|(a, b)| a.abs_diff(*b));
    let mean = differences().map(f64::from).sum::<f64>() / a.rgba.len() as f64;
    let far = differences().collect::<Vec<_>>();
    let far = far.chunks_exact(4).filter(|p| p.iter().any(|&d| d > 12)).count();
    (mean, far as f64 / (a.rgba.len() / 4) as f64)
}

/// Compares both back ends, and that there is something to compare.
fn compare(what: &str, device: &mut gpu::Renderer, scene: &Scene<'_>, quality: Quality) {
    let ours = device.draw(scene, 130, 100, quality).unwrap();
    let twin = cpu::Renderer::new().draw(scene, 130, 100, quality).unwrap();
    keep(what, &ours, &twin);
    let background = ours.pixel(0, 0).unwrap();
    let drawn = ours.rgba.chunks_exact(4).filter(|p| **p != background).count();
    assert!(drawn > 1000, "{what}: {drawn} pixels");
    let (mean, far) = apart(&ours, &twin);
    println!("{what}: mean difference {mean:.3}, far {far:.5}");
    // The twin encodes light by a table, which is a level off here and there. Adapters filter 8-bit textures with weights of 8 bits.
    let allowed = if what == "u8" { 0.8 } else { 0.3 };
    assert!(
        mean < allowed && far < 0.004,
        "{what}: mean difference {mean}, {far} far"
    );
}

/// Keeps both pictures where VITRINE_KEEP names a folder, to be looked at.
fn keep(what: &str, ours: &Picture, twin: &Picture) {
    let Ok(folder) = std::env::var("VITRINE_KEEP") else {
        return;
    };
    let both = ours.beside(twin);
    let file = std::fs::File::create(format!("{folder}/{}.png", what.replace(' ', "-"))).unwrap();
    let mut encoder = png::Encoder::new(file, both.width, both.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&both.rgba)
        .unwrap();
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
        let layer = VolumeLayer {
            volume: &volume,
            transfer: &transfer,
        };
        compare(what, &mut device, &scene(vec![layer], vec![]), Quality::QUICK);
    }
}

#[test]
fn several_rays_a_pixel_are_those_of_the_twin() {
    let Some(mut device) = on_device() else { return };
    let volume = resident(Samples::I16(phantom().1), Rescale::IDENTITY);
    let transfer = body_and_core();
    let layer = VolumeLayer {
        volume: &volume,
        transfer: &transfer,
    };
    compare("fine", &mut device, &scene(vec![layer], vec![]), Quality::FINE);
}

/// A ball of triangles about the middle of the phantom, with normals and colors.
fn ball(radius_mm: f64) -> ResidentSurface {
    let (rings, sectors) = (24u32, 36u32);
    let center = DVec3::new(120.0, -340.0, 55.0);
    let mut mesh = Mesh::default();
    let mut colors = Vec::new();
    for ring in 0..=rings {
        for sector in 0..=sectors {
            let (polar, around) = (
                std::f64::consts::PI * f64::from(ring) / f64::from(rings),
                std::f64::consts::TAU * f64::from(sector) / f64::from(sectors),
            );
            let n = DVec3::new(
                polar.sin() * around.cos(),
                polar.sin() * around.sin(),
                polar.cos(),
            );
            mesh.positions_mm
                .push((center + n * radius_mm).as_vec3().to_array());
            mesh.normals.push(n.as_vec3().to_array());
            colors.push([(ring * 10) as u8, (sector * 7) as u8, 180, 255]);
        }
    }
    for ring in 0..rings {
        for sector in 0..sectors {
            let a = ring * (sectors + 1) + sector;
            let b = a + sectors + 1;
            mesh.triangles.push([a, b, a + 1]);
            mesh.triangles.push([a + 1, b, b + 1]);
        }
    }
    ResidentSurface::new(mesh).unwrap().with_colors(colors).unwrap()
}

#[test]
fn surfaces_and_volumes_compose_as_the_twin_says() {
    let Some(mut device) = on_device() else { return };
    let volume = resident(Samples::I16(phantom().1), Rescale::IDENTITY);
    let transfer = body_and_core();
    let layer = VolumeLayer {
        volume: &volume,
        transfer: &transfer,
    };
    let small = ball(12.0);
    let painted = SurfaceLayer::new(&small);
    let fine = Quality::FINE;
    compare("surface", &mut device, &scene(vec![], vec![painted]), fine);
    compare(
        "volume and surfaces",
        &mut device,
        &scene(vec![layer], vec![painted]),
        fine,
    );
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
        VolumeLayer {
            volume: &first,
            transfer: &transfer,
        },
        VolumeLayer {
            volume: &second,
            transfer: &green,
        },
    ];
    compare("two volumes", &mut device, &scene(layers, vec![]), Quality::QUICK);
}

#[test]
fn volumes_are_cut_as_the_twin_cuts_them() {
    let Some(mut device) = on_device() else { return };
    let volume = resident(Samples::I16(phantom().1), Rescale::IDENTITY);
    let transfer = body_and_core();
    let layer = VolumeLayer {
        volume: &volume,
        transfer: &transfer,
    };
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
fn a_lost_device_is_replaced() {
    let Some(mut device) = on_device() else { return };
    let volume = resident(Samples::I16(phantom().1), Rescale::IDENTITY);
    let transfer = body_and_core();
    let layer = VolumeLayer {
        volume: &volume,
        transfer: &transfer,
    };
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
    let layer = VolumeLayer {
        volume: &volume,
        transfer: &transfer,
    };
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
        let layer = VolumeLayer {
            volume,
            transfer: &transfer,
        };
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
