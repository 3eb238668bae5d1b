//! Pictures that were looked at, one for each preset and pass, drawn on lavapipe. `VITRINE_BLESS=1` writes them anew.
#![cfg(feature = "gpu")]

mod on_device;

use std::path::PathBuf;

use geometry::{DAffine3, DVec3};
use on_device::{apart, on_device};
use renderer::cpu::Quality;
use renderer::{
    Camera, Clip, ColorScale, Cut, Occlusion, Paint, Picture, Plane, ResidentSurface, ResidentVolume, Scene,
    Slab, SlabProjection, Slice, SliceLayer, SlicePlane, SurfaceLayer, VolumeLayer, Window, gpu, preset,
    preset_names,
};
use surface::Mesh;
use testkit::head::HeadCt;
use volume::{Rescale, Samples};

/// Bytes of all pictures together.
const BUDGET: u64 = 400 << 10;
const SIDE: u32 = 96;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The device that pictures are blessed on.
fn lavapipe() -> Option<gpu::Renderer> {
    let device = on_device()?;
    let adapter = &device.device().tier().adapter;
    if adapter.contains("llvmpipe") {
        return Some(device);
    }
    println!("skipped: pictures are kept for llvmpipe, not for {adapter}");
    None
}

fn check(name: &str, picture: &Picture) {
    let path = folder().join(format!("{name}.png"));
    if std::env::var_os("VITRINE_BLESS").is_some() {
        std::fs::create_dir_all(folder()).unwrap();
        let mut encoder = png::Encoder::new(
            std::fs::File::create(&path).unwrap(),
            picture.width,
            picture.height,
        );
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::High);
        let rgb: Vec<u8> = picture
            .rgba
            .chunks_exact(4)
            .flat_map(|p| [p[0], p[1], p[2]])
            .collect();
        encoder.write_header().unwrap().write_image_data(&rgb).unwrap();
        return;
    }
    let file = std::fs::File::open(&path).unwrap_or_else(|_| panic!("{name} was never blessed"));
    let mut reader = png::Decoder::new(std::io::BufReader::new(file))
        .read_info()
        .unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut rgb).unwrap();
    let golden = Picture {
        width: reader.info().width,
        height: reader.info().height,
        rgba: rgb
            .chunks_exact(3)
            .flat_map(|p| [p[0], p[1], p[2], 255])
            .collect(),
    };
    let (mean, far) = apart(picture, &golden);
    assert!(
        mean < 0.5 && far < 0.002,
        "{name}: mean difference {mean}, {far} far"
    );
}

fn head() -> ResidentVolume {
    let head = HeadCt {
        size: 96,
        slices: 80,
        noise_hu: 10.0,
        seed: 3,
    };
    ResidentVolume::dense(head.grid(), Samples::I16(head.volume()), Rescale::IDENTITY).unwrap()
}

fn scene<'a>(mut bounds: geometry::Aabb) -> Scene<'a> {
    // Close enough for what is in the middle to fill the picture.
    (bounds.min, bounds.max) = (
        bounds.min.lerp(bounds.center(), 0.3),
        bounds.max.lerp(bounds.center(), 0.3),
    );
    Scene {
        volumes: vec![],
        surfaces: vec![],
        clip: Clip::NONE,
        camera: Camera::from_direction(DVec3::new(0.5, -1.0, 0.25), bounds, 1.0),
        background: [0.04, 0.05, 0.07],
    }
}

#[test]
fn presets_look_as_they_did() {
    let Some(mut device) = lavapipe() else { return };
    let volume = head();
    for name in preset_names() {
        let preset = preset(name).unwrap();
        let transfer = preset.transfer((-1024.0, 2500.0));
        let layer = VolumeLayer {
            projection: preset.projection,
            ..VolumeLayer::new(&volume, &transfer)
        };
        let scene = Scene {
            volumes: vec![layer],
            ..scene(volume.grid().bounds_mm())
        };
        check(name, &device.draw(&scene, SIDE, SIDE, Quality::FINE).unwrap());
    }
}

#[test]
fn shadows_look_as_they_did() {
    let Some(mut device) = lavapipe() else { return };
    let volume = head();
    for name in ["CT-Bone", "CT-Skin"] {
        let transfer = preset(name).unwrap().transfer((-1024.0, 2500.0));
        let layer = VolumeLayer {
            occlusion: Occlusion::FULL,
            ..VolumeLayer::new(&volume, &transfer)
        };
        let scene = Scene {
            volumes: vec![layer],
            ..scene(volume.grid().bounds_mm())
        };
        let picture = device.draw(&scene, SIDE, SIDE, Quality::FINE).unwrap();
        check(&format!("{name} shadows"), &picture);
    }
}

#[test]
fn slices_look_as_they_did() {
    let Some(mut device) = lavapipe() else { return };
    let volume = head();
    let center = DVec3::new(8.0, -10.0, 12.0);
    let oblique = SlicePlane::oblique(center, DVec3::new(0.5, 1.0, 0.4), DVec3::Z, 1.0).unwrap();
    for (name, plane, thickness_mm) in [
        ("slice axial", SlicePlane::axial(center, 1.0), 0.0),
        ("slice sagittal", SlicePlane::sagittal(center, 1.0), 0.0),
        ("slice oblique", oblique, 0.0),
        ("slab oblique", oblique, 30.0),
    ] {
        let slice = Slice {
            layers: vec![SliceLayer::new(&volume, Window::new(300.0, 2000.0))],
            plane: plane.fitted(volume.grid(), SIDE, SIDE),
            slab: Slab {
                thickness_mm,
                projection: SlabProjection::Maximum,
            },
            clip: Clip::NONE,
            background: [0.04, 0.05, 0.07],
        };
        check(name, &device.draw_slice(&slice, SIDE, SIDE).unwrap());
    }
}

/// An egg of triangles with normals and values.
fn egg() -> ResidentSurface {
    let (rings, sectors) = (40u32, 60u32);
    let mut mesh = Mesh::default();
    let mut values = Vec::new();
    for ring in 0..=rings {
        for sector in 0..=sectors {
            let polar = std::f64::consts::PI * f64::from(ring) / f64::from(rings);
            let around = std::f64::consts::TAU * f64::from(sector) / f64::from(sectors);
            let n = DVec3::new(
                polar.sin() * around.cos(),
                polar.sin() * around.sin(),
                polar.cos(),
            );
            let size = DVec3::new(60.0, 70.0, 90.0);
            mesh.positions_mm.push((n * size).as_vec3().to_array());
            mesh.normals.push((n / size).normalize().as_vec3().to_array());
            values.push((around.sin() * 3.0) as f32);
        }
    }
    for ring in 0..rings {
        for sector in 0..sectors {
            let a = ring * (sectors + 1) + sector;
            let b = a + sectors + 1;
            mesh.triangles.extend([[a, b, a + 1], [a + 1, b, b + 1]]);
        }
    }
    ResidentSurface::new(mesh).unwrap().with_values(values).unwrap()
}

#[test]
fn surfaces_look_as_they_did() {
    let Some(mut device) = lavapipe() else { return };
    let (volume, egg) = (head(), egg());
    let transfer = preset("CT-Bone").unwrap().transfer((-1024.0, 2500.0));
    let scale = ColorScale::of_distances(3.0);
    let plain = SurfaceLayer::new(&egg);
    let measured = SurfaceLayer {
        paint: Paint::Distances(&scale),
        outline: Some([1.0, 0.8, 0.2]),
        ..plain
    };
    let capped = SurfaceLayer {
        cut: Cut::Capped,
        paint: Paint::Plain([0.75, 0.3, 0.25]),
        ..plain
    };
    let glass = SurfaceLayer {
        opacity: 0.35,
        paint: Paint::Plain([0.4, 0.7, 0.9]),
        patient_from_surface: DAffine3::from_scale(DVec3::splat(1.15)),
        ..plain
    };
    let clip = Clip {
        planes: vec![Plane {
            point_mm: DVec3::new(0.0, -20.0, 0.0),
            normal: DVec3::new(-0.3, 1.0, 0.0),
        }],
        box_from_patient: None,
    };
    let bounds = volume.grid().bounds_mm();
    let bone = VolumeLayer::new(&volume, &transfer);
    for (name, volumes, surfaces, clip) in [
        ("surface", vec![], vec![plain], Clip::NONE),
        ("surface distances", vec![], vec![measured], Clip::NONE),
        ("surface cut", vec![], vec![capped], clip.clone()),
        ("surface glass", vec![bone], vec![glass], Clip::NONE),
        ("volume cut", vec![bone], vec![], clip),
    ] {
        let scene = Scene {
            volumes,
            surfaces,
            clip,
            ..scene(bounds)
        };
        check(name, &device.draw(&scene, SIDE, SIDE, Quality::FINE).unwrap());
    }
}

#[test]
fn the_pictures_keep_to_their_budget() {
    let Ok(files) = std::fs::read_dir(folder()) else {
        panic!("there are no pictures");
    };
    let bytes: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(bytes <= BUDGET, "{bytes} bytes");
}
