//! Volumes that do not fit on a graphics device as a whole.
#![cfg(feature = "gpu")]

mod on_device;

use geometry::{DVec3, GridGeometry};
use on_device::{apart, keep, on_device};
use renderer::cpu::{self, Quality};
use renderer::{
    Camera, Clip, ControlPoint, ResidentVolume, Scene, Slab, Slice, SliceLayer, SlicePlane, TransferFunction,
    VolumeLayer, Window, gpu,
};
use volume::{PyramidLayout, Rescale, Samples};

const DIMS: [u32; 3] = [70, 66, 600];

fn grid() -> GridGeometry {
    GridGeometry::axis_aligned(DIMS, [0.9, 1.1, 0.4], DVec3::new(10.0, -20.0, 30.0)).unwrap()
}

/// A soft column with beads along it.
fn column() -> Samples {
    let mut samples = Vec::new();
    for z in 0..DIMS[2] {
        for y in 0..DIMS[1] {
            for x in 0..DIMS[0] {
                let (dx, dy) = ((f64::from(x) - 33.0) * 0.9, (f64::from(y) - 31.0) * 1.1);
                let bead = 18.0 + 7.0 * (f64::from(z) * 0.07).sin();
                let inside = (bead - dx.hypot(dy)) / 6.0;
                samples.push((inside.clamp(-1.0, 1.0) * 1000.0) as i16);
            }
        }
    }
    Samples::I16(samples)
}

fn transfer() -> TransferFunction {
    let point = |value, opacity| ControlPoint {
        value,
        color: [0.9, 0.7, 0.5],
        opacity,
    };
    TransferFunction::new(vec![point(-200.0, 0.0), point(600.0, 0.4)]).unwrap()
}

fn scene<'a>(volume: &'a ResidentVolume, transfer: &'a TransferFunction) -> Scene<'a> {
    Scene {
        volumes: vec![VolumeLayer::new(volume, transfer)],
        surfaces: vec![],
        clip: Clip::NONE,
        camera: Camera::from_direction(DVec3::new(0.6, -1.0, 0.3), grid().bounds_mm(), 1.3),
        background: [0.0; 3],
    }
}

/// A little less than the samples take.
const BUDGET: u64 = 5_400_000;

/// A device on which the column does not fit as a whole.
fn small_device() -> Option<gpu::Renderer> {
    let mut device = on_device()?;
    device.set_budget(BUDGET);
    Some(device)
}

#[test]
fn a_volume_beyond_the_budget_is_drawn_within_it() {
    let Some(mut device) = small_device() else { return };
    let (volume, transfer) = (
        ResidentVolume::dense(grid(), column(), Rescale::IDENTITY).unwrap(),
        transfer(),
    );
    let scene = scene(&volume, &transfer);
    let ours = device.draw(&scene, 130, 100, Quality::QUICK).unwrap();
    let twin = cpu::Renderer::new()
        .draw(&scene, 130, 100, Quality::QUICK)
        .unwrap();
    keep("bricks", &ours, &twin);
    let (mean, far) = apart(&ours, &twin);
    // Bricks of every second sample stand for all.
    assert!(mean < 0.8 && far < 0.03, "mean difference {mean}, {far} far");
    assert!(device.is_current());
    let bytes = device.resident_bytes();
    assert!(bytes < BUDGET + (1 << 20), "{bytes}");
}

#[test]
fn what_is_near_is_drawn_as_it_is() {
    let Some(mut device) = small_device() else { return };
    let (volume, transfer) = (
        ResidentVolume::dense(grid(), column(), Rescale::IDENTITY).unwrap(),
        transfer(),
    );
    let mut scene = scene(&volume, &transfer);
    // One end of the column, before the others.
    let end = DVec3::new(40.0, 15.0, 40.0);
    scene.camera = Camera {
        eye_mm: end + DVec3::new(0.0, -90.0, -25.0),
        target_mm: end,
        up: DVec3::Z,
        field_of_view_radians: 0.3,
    };
    let ours = device.draw(&scene, 130, 100, Quality::QUICK).unwrap();
    let twin = cpu::Renderer::new()
        .draw(&scene, 130, 100, Quality::QUICK)
        .unwrap();
    keep("near bricks", &ours, &twin);
    let (mean, far) = apart(&ours, &twin);
    assert!(mean < 0.6 && far < 0.002, "mean difference {mean}, {far} far");
}

#[test]
fn planes_through_bricks_show_stored_values_exactly() {
    let Some(mut device) = small_device() else { return };
    let mut volume = ResidentVolume::dense(grid(), column(), Rescale::IDENTITY).unwrap();
    let check = |device: &mut gpu::Renderer, volume: &ResidentVolume, z: u32| {
        let center = grid()
            .patient_from_voxel()
            .transform_point3(DVec3::new(34.0, 30.0, z.into()));
        let slice = Slice {
            layers: vec![SliceLayer::new(volume, Window::new(0.0, 1000.0))],
            plane: SlicePlane::axial(center, 0.9),
            slab: Slab::THIN,
            clip: Clip::NONE,
            background: [0.0; 3],
        };
        let values = pollster::block_on(device.slice_values(&slice, 67, 1)).unwrap();
        for (column, value) in values.iter().enumerate() {
            let stored = volume.stored_at([column as u32 + 1, 30, z]).unwrap();
            assert_eq!(f64::from(*value), stored, "column {column} of slice {z}");
        }
    };
    for z in [0, 63, 64, 299, 300, 599] {
        check(&mut device, &volume, z);
    }
    // Other samples come.
    let layout = PyramidLayout::new(grid());
    let mut other =
        ResidentVolume::streaming(&layout, column().sample_type(), Rescale::IDENTITY, 1 << 30).unwrap();
    other.put_level(0, &column()).unwrap();
    check(&mut device, &other, 127);
    let Samples::I16(samples) = column() else { return };
    other
        .put_level(0, &Samples::I16(samples.iter().map(|s| 7 - s).collect()))
        .unwrap();
    check(&mut device, &other, 127);
    check(&mut device, &other, 128);
    volume = other;
    check(&mut device, &volume, 5);
}
