//! Surfaces on a graphics device against those on the processor.
#![cfg(feature = "gpu")]

mod on_device;

use geometry::{DAffine3, DVec3, GridGeometry};
use on_device::{compare, on_device};
use renderer::cpu::Quality;
use renderer::{
    Camera, Clip, ColorScale, ControlPoint, Cut, Material, Paint, Plane, ResidentSurface, ResidentVolume,
    Scene, SurfaceLayer, TextureImage, TransferFunction, VolumeLayer,
};
use surface::Mesh;
use volume::{Rescale, Samples};

const CENTER: DVec3 = DVec3::new(120.0, -340.0, 55.0);

/// A ball of triangles with normals, colors, values and a texture.
fn ball(radius_mm: f64) -> ResidentSurface {
    let (rings, sectors) = (24u32, 36u32);
    let center = CENTER;
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

fn scene<'a>(volumes: Vec<VolumeLayer<'a>>, surfaces: Vec<SurfaceLayer<'a>>) -> Scene<'a> {
    Scene {
        volumes,
        surfaces,
        clip: Clip::NONE,
        camera: Camera {
            eye_mm: CENTER + DVec3::new(40.0, -110.0, 35.0),
            target_mm: CENTER,
            up: DVec3::Z,
            field_of_view_radians: 0.4,
        },
        background: [0.05, 0.07, 0.1],
    }
}

/// A cloud that grows denser to one side, on a grid whose axes all differ.
fn cloud() -> ResidentVolume {
    let dims = [31u32, 27, 23];
    let grid =
        GridGeometry::axis_aligned(dims, [1.1, 1.3, 1.6], CENTER - DVec3::new(16.0, 17.0, 18.0)).unwrap();
    let samples = (0..dims.iter().product::<u32>())
        .map(|at| ((at % 31) * 30) as i16)
        .collect();
    ResidentVolume::dense(grid, Samples::I16(samples), Rescale::IDENTITY).unwrap()
}

fn fog() -> TransferFunction {
    let point = |value, opacity| ControlPoint {
        value,
        color: [0.9, 0.7, 0.3],
        opacity,
    };
    TransferFunction::new(vec![point(100.0, 0.0), point(900.0, 0.06)]).unwrap()
}

#[test]
fn surfaces_and_volumes_compose_as_the_twin_says() {
    let Some(mut device) = on_device() else { return };
    let (volume, transfer) = (cloud(), fog());
    let layer = VolumeLayer::new(&volume, &transfer);
    let (small, large) = (ball(12.0), ball(17.0));
    let painted = SurfaceLayer::new(&small);
    let metal = SurfaceLayer {
        material: Material {
            roughness: 0.3,
            metallic: 0.9,
        },
        paint: Paint::Plain([0.8, 0.6, 0.3]),
        ..painted
    };
    let glass = SurfaceLayer {
        opacity: 0.4,
        paint: Paint::Plain([0.3, 0.6, 0.9]),
        patient_from_surface: DAffine3::from_translation(DVec3::new(4.0, -3.0, 2.0)),
        ..SurfaceLayer::new(&large)
    };
    let fine = Quality::FINE;
    compare("surface", &mut device, &scene(vec![], vec![painted]), fine);
    compare("metal", &mut device, &scene(vec![], vec![metal]), fine);
    compare("glass", &mut device, &scene(vec![], vec![glass]), fine);
    compare(
        "glass before a surface",
        &mut device,
        &scene(vec![], vec![glass, painted]),
        fine,
    );
    compare(
        "volume and surfaces",
        &mut device,
        &scene(vec![layer], vec![painted, glass]),
        fine,
    );
}

#[test]
fn paint_is_that_of_the_twin() {
    let Some(mut device) = on_device() else { return };
    let plain = ball(17.0);
    let count = plain.mesh().positions_mm.len();
    let checked = |at: u32| {
        [
            (at * 37 % 251) as u8,
            (at * 11 % 241) as u8,
            if at.is_multiple_of(3) { 220 } else { 40 },
        ]
    };
    let image = TextureImage {
        columns: 24,
        rows: 18,
        rgb: (0..24 * 18).flat_map(checked).collect(),
    };
    let uv = (0..count)
        .map(|at| [(at % 37) as f32 * 0.05, (at / 37) as f32 * 0.04])
        .collect();
    let values = (0..count).map(|at| {
        if at % 19 == 0 {
            f32::NAN
        } else {
            (at % 37) as f32 * 0.2 - 3.5
        }
    });
    let surface = ResidentSurface::new(plain.mesh().clone())
        .unwrap()
        .with_texture(uv, image)
        .unwrap()
        .with_values(values.collect())
        .unwrap();
    let scale = ColorScale::of_distances(3.0);
    let own = SurfaceLayer::new(&surface);
    let distances = SurfaceLayer {
        paint: Paint::Distances(&scale),
        ..own
    };
    compare("texture", &mut device, &scene(vec![], vec![own]), Quality::FINE);
    compare(
        "distances",
        &mut device,
        &scene(vec![], vec![distances]),
        Quality::FINE,
    );
}

#[test]
fn cuts_and_lines_are_those_of_the_twin() {
    let Some(mut device) = on_device() else { return };
    let (volume, transfer) = (cloud(), fog());
    let layer = VolumeLayer::new(&volume, &transfer);
    let (small, large) = (ball(10.0), ball(17.0));
    let solid = SurfaceLayer {
        cut: Cut::Capped,
        paint: Paint::Plain([0.8, 0.3, 0.2]),
        ..SurfaceLayer::new(&large)
    };
    let shell = SurfaceLayer {
        cut: Cut::Open,
        ..solid
    };
    let jelly = SurfaceLayer {
        opacity: 0.5,
        ..solid
    };
    // Mirrored, so that its outer sides are inner ones.
    let core = SurfaceLayer {
        cut: Cut::Capped,
        patient_from_surface: DAffine3::from_translation(DVec3::new(0.0, -2.0, 0.0) + CENTER * 2.0)
            * DAffine3::from_scale(DVec3::splat(-1.0)),
        outline: Some([0.2, 1.0, 0.4]),
        ..SurfaceLayer::new(&small)
    };
    let cut = |scene: Scene<'_>, what: &str, device: &mut _| {
        let clip = Clip {
            planes: vec![Plane {
                point_mm: CENTER - DVec3::new(0.0, 4.0, 0.0),
                normal: DVec3::new(0.2, 2.0, -0.3),
            }],
            box_from_patient: Some(
                DAffine3::from_translation(DVec3::splat(0.5))
                    * DAffine3::from_scale(DVec3::new(0.035, 0.04, 0.045))
                    * DAffine3::from_translation(-CENTER),
            ),
        };
        compare(what, device, &Scene { clip, ..scene }, Quality::FINE);
    };
    cut(scene(vec![], vec![shell]), "open cut", &mut device);
    cut(scene(vec![], vec![solid]), "capped cut", &mut device);
    cut(scene(vec![], vec![core, jelly]), "jelly", &mut device);
    cut(
        scene(vec![layer], vec![core, jelly]),
        "cut volume and surfaces",
        &mut device,
    );
    let marked = SurfaceLayer {
        outline: Some([1.0, 0.8, 0.1]),
        ..SurfaceLayer::new(&small)
    };
    let hidden = SurfaceLayer::new(&large);
    compare(
        "line",
        &mut device,
        &scene(vec![], vec![hidden, marked]),
        Quality::FINE,
    );
}

#[test]
fn poison_is_not_drawn() {
    let Some(mut device) = on_device() else { return };
    let mut mesh = ball(14.0).mesh().clone();
    mesh.positions_mm[40] = [f32::NAN, 0.0, 0.0];
    mesh.positions_mm[90] = [f32::INFINITY, f32::MAX, 0.0];
    mesh.normals[200] = [f32::NAN; 3];
    let surface = ResidentSurface::new(mesh).unwrap();
    let lost = SurfaceLayer {
        patient_from_surface: DAffine3::from_scale(DVec3::NAN),
        ..SurfaceLayer::new(&surface)
    };
    let unclear = SurfaceLayer {
        opacity: f32::NAN,
        ..SurfaceLayer::new(&surface)
    };
    let picture = device
        .draw(
            &scene(vec![], vec![SurfaceLayer::new(&surface), lost, unclear]),
            64,
            48,
            Quality::QUICK,
        )
        .unwrap();
    assert!(picture.rgba.chunks_exact(4).all(|p| p[3] == 255));
    assert_ne!(picture.pixel(32, 24), picture.pixel(0, 0));
}
