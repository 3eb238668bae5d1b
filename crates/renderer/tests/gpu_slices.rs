//! Planes on a graphics device against those on the processor.
#![cfg(feature = "gpu")]

mod on_device;

use geometry::{DAffine3, DMat3, DVec3, GridGeometry};
use on_device::{apart, on_device};
use renderer::{
    Clip, ControlPoint, Interpolation, Inversion, Plane, ResidentVolume, Slab, SlabProjection, Slice,
    SliceLayer, SlicePlane, TransferFunction, Window, WindowFunction, cpu, gpu,
};
use volume::{Rescale, Samples};

const DIMS: [u32; 3] = [37, 29, 23];

fn grids() -> [GridGeometry; 3] {
    let upright = GridGeometry::axis_aligned(DIMS, [0.7, 0.9, 1.6], DVec3::new(-812.3, 401.7, 96.1)).unwrap();
    let turn = DMat3::from_axis_angle(DVec3::new(0.2, 0.7, -0.4).normalize(), 1.1);
    let shear = DMat3::from_cols(
        DVec3::new(0.7, 0.0, 0.0),
        DVec3::new(0.0, 0.9, 0.0),
        DVec3::new(0.0, 0.55, 1.6),
    );
    let placed = |matrix3| {
        GridGeometry::new(
            DIMS,
            DAffine3 {
                matrix3,
                translation: DVec3::new(-31.0, 250.5, -1207.25),
            },
        )
        .unwrap()
    };
    [upright, placed(turn), placed(turn * shear)]
}

/// Every 16-bit value somewhere, extremes among them.
fn stored() -> Vec<i16> {
    let count = DIMS.iter().product::<u32>() as usize;
    let value = |at: usize| (at as u32).wrapping_mul(2_654_435_761).rotate_left(9) as i16;
    let mut stored: Vec<i16> = (0..count).map(value).collect();
    stored[..4].copy_from_slice(&[i16::MIN, i16::MAX, i16::MIN + 1, -1]);
    stored
}

fn slice<'a>(layers: Vec<SliceLayer<'a>>, plane: SlicePlane) -> Slice<'a> {
    Slice {
        layers,
        plane,
        slab: Slab::THIN,
        clip: Clip::NONE,
        background: [0.1, 0.2, 0.4],
    }
}

fn values(device: &mut gpu::Renderer, slice: &Slice<'_>, width: u32, height: u32) -> Vec<f32> {
    pollster::block_on(device.slice_values(slice, width, height)).unwrap()
}

/// The largest difference, where both or neither have a value.
fn difference(ours: &[f32], twin: &[f32]) -> f64 {
    assert_eq!(ours.len(), twin.len());
    let mut largest = 0.0f64;
    let mut alone = 0;
    for (a, b) in ours.iter().zip(twin) {
        if a.is_nan() != b.is_nan() {
            alone += 1;
        } else if !a.is_nan() {
            largest = largest.max(f64::from((a - b).abs()));
        }
    }
    // A pixel whose middle lies on the very border may fall to either side.
    assert!(
        alone * 500 <= ours.len(),
        "{alone} of {} have a value in one only",
        ours.len()
    );
    largest
}

#[test]
fn planes_on_the_grid_show_stored_values_exactly() {
    let Some(mut device) = on_device() else { return };
    let stored = stored();
    let unsigned: Vec<u16> = stored.iter().map(|&s| s as u16).collect();
    let bytes: Vec<u8> = stored.iter().map(|&s| s as u8).collect();
    let wide: Vec<i32> = stored.iter().map(|&s| i32::from(s) * 255).collect();
    let floats: Vec<f32> = stored.iter().map(|&s| f32::from(s) * 0.37).collect();
    for grid in grids() {
        for samples in [
            Samples::I16(stored.clone()),
            Samples::U16(unsigned.clone()),
            Samples::U8(bytes.clone()),
            Samples::I32(wide.clone()),
            Samples::F32(floats.clone()),
        ] {
            let volume = ResidentVolume::dense(grid, samples, Rescale::IDENTITY).unwrap();
            // Along columns and rows, pixels of the columns' spacing: on samples along each row at least.
            let axes = grid.patient_from_voxel().matrix3;
            let right = axes.x_axis.normalize();
            let down = (axes.y_axis - right * axes.y_axis.dot(right)).normalize();
            let middle = grid
                .patient_from_voxel()
                .transform_point3(DVec3::new(18.0, 14.0, 7.0));
            let plane = SlicePlane {
                center_mm: middle,
                right,
                down,
                mm_per_pixel: axes.x_axis.length(),
            };
            let slice = slice(vec![SliceLayer::new(&volume, Window::new(40.0, 400.0))], plane);
            // Odd sizes have a pixel in the very middle.
            let ours = values(&mut device, &slice, 37, 1);
            for (column, value) in ours.iter().enumerate() {
                let expected = volume.stored_at([column as u32, 14, 7]).unwrap() as f32;
                assert_eq!(*value, expected, "column {column}");
            }
        }
    }
}

#[test]
fn oblique_planes_and_slabs_are_those_of_the_twin() {
    let Some(mut device) = on_device() else { return };
    let stored: Vec<i16> = stored().iter().map(|s| s / 16).collect();
    for grid in grids() {
        let rescale = Rescale {
            slope: 0.5,
            intercept: -100.0,
            ..Rescale::IDENTITY
        };
        let volume = ResidentVolume::dense(grid, Samples::I16(stored.clone()), rescale).unwrap();
        let center = grid.bounds_mm().center() + DVec3::new(0.3, -0.2, 0.45);
        let plane = SlicePlane::oblique(center, DVec3::new(0.4, 1.0, -0.3), DVec3::Z, 0.37).unwrap();
        for interpolation in [Interpolation::Linear, Interpolation::Nearest] {
            for (thickness_mm, projection) in [
                (0.0, SlabProjection::Mean),
                (7.0, SlabProjection::Mean),
                (9.0, SlabProjection::Maximum),
                (9.0, SlabProjection::Minimum),
            ] {
                let layer = SliceLayer {
                    interpolation,
                    ..SliceLayer::new(&volume, Window::new(0.0, 800.0))
                };
                let mut slice = slice(vec![layer], plane);
                slice.slab = Slab {
                    thickness_mm,
                    projection,
                };
                let ours = values(&mut device, &slice, 91, 73);
                let twin = cpu::Renderer::new().slice_values(&slice, 91, 73).unwrap();
                assert!(twin.iter().filter(|v| !v.is_nan()).count() > 1500);
                match interpolation {
                    Interpolation::Linear => {
                        // Neighbors differ by up to 2048; places are held to 1/4096 of a voxel.
                        let largest = difference(&ours, &twin);
                        assert!(largest < 2.0, "{largest}");
                    }
                    // A place between two samples may fall to either, at each step through the slab.
                    Interpolation::Nearest => {
                        let other = ours.iter().zip(&twin).filter(|(a, b)| (*a - *b).abs() > 1e-3);
                        let other = other.count();
                        assert!(other < 91 * 73 / 25, "{other} pixels differ");
                    }
                }
            }
        }
    }
}

#[test]
fn pictures_are_those_of_the_twin() {
    let Some(mut device) = on_device() else { return };
    let [_, turned, sheared] = grids();
    let stored: Vec<i16> = stored().iter().map(|s| s / 32).collect();
    let bytes: Vec<u8> = stored.iter().map(|s| (s >> 3) as u8).collect();
    let ct = ResidentVolume::dense(turned, Samples::I16(stored), Rescale::IDENTITY).unwrap();
    let pet = ResidentVolume::dense(
        GridGeometry::new(
            sheared.dims(),
            DAffine3::from_translation(DVec3::new(5.0, -4.0, 3.0)) * sheared.patient_from_voxel(),
        )
        .unwrap(),
        Samples::U8(bytes),
        Rescale::IDENTITY,
    )
    .unwrap();
    let point = |value, color, opacity| ControlPoint {
        value,
        color,
        opacity,
    };
    let hot = TransferFunction::new(vec![
        point(0.0, [0.0; 3], 0.0),
        point(0.5, [0.9, 0.1, 0.0], 0.5),
        point(1.0, [1.0, 1.0, 0.6], 1.0),
    ])
    .unwrap();
    let center = turned.bounds_mm().center();
    let plane = SlicePlane::oblique(center, DVec3::new(-0.2, 1.0, 0.5), DVec3::Z, 0.5).unwrap();
    for function in [
        WindowFunction::Linear,
        WindowFunction::LinearExact,
        WindowFunction::Sigmoid,
    ] {
        let window = Window {
            center: 60.0,
            width: 900.0,
            function,
        };
        let below = SliceLayer {
            inversion: if function == WindowFunction::Sigmoid {
                Inversion::On
            } else {
                Inversion::Off
            },
            ..SliceLayer::new(&ct, window)
        };
        let above = SliceLayer {
            colors: Some(&hot),
            opacity: 0.7,
            ..SliceLayer::new(&pet, Window::new(120.0, 200.0))
        };
        let mut slice = slice(vec![below, above], plane);
        slice.clip = Clip {
            planes: vec![Plane {
                point_mm: center,
                normal: DVec3::new(1.0, 0.2, 0.6),
            }],
            box_from_patient: None,
        };
        let ours = device.draw_slice(&slice, 80, 60).unwrap();
        let twin = cpu::Renderer::new().draw_slice(&slice, 80, 60).unwrap();
        let (mean, far) = apart(&ours, &twin);
        assert!(
            mean < 0.3 && far < 0.005,
            "{function:?}: mean difference {mean}, {far} far"
        );
        assert!(ours.rgba.chunks_exact(4).any(|p| p != ours.pixel(0, 0).unwrap()));
    }
}

#[test]
fn what_is_no_slice_is_refused() {
    let Some(mut device) = on_device() else { return };
    let volume = ResidentVolume::dense(grids()[0], Samples::I16(stored()), Rescale::IDENTITY).unwrap();
    let layer = SliceLayer::new(&volume, Window::new(f64::NAN, 1.0));
    let plane = SlicePlane::axial(DVec3::ZERO, 1.0);
    assert!(device.draw_slice(&slice(vec![layer], plane), 8, 8).is_err());
    let layer = SliceLayer::new(&volume, Window::new(0.0, 1.0));
    let nowhere = SlicePlane::axial(DVec3::splat(f64::INFINITY), 1.0);
    assert!(device.draw_slice(&slice(vec![layer], nowhere), 8, 8).is_err());
    // A plane far away shows nothing of the volume.
    let far = SlicePlane::axial(DVec3::splat(1e30), 1.0);
    let picture = device.draw_slice(&slice(vec![layer], far), 8, 8).unwrap();
    assert_eq!(picture.pixel(3, 3), Some([26, 51, 102, 255]));
}
