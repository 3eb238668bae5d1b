//! Planes through volumes: stored values come out exactly, however the grid lies.

use geometry::{DAffine3, DMat3, DVec2, DVec3, GridGeometry};
use renderer::{
    Clip, ControlPoint, Interpolation, Inversion, Plane, ResidentVolume, Slab, SlabProjection, Slice,
    SliceError, SliceLayer, SlicePlane, TransferFunction, Window, WindowFunction, cpu,
};
use volume::{Rescale, Samples, Unit};

const DIMS: [u32; 3] = [13, 9, 7];
const SPACING: [f64; 3] = [0.5, 0.8, 2.5];

/// Stored values that differ everywhere.
fn stored([x, y, z]: [u32; 3]) -> i16 {
    (x + 20 * y + 300 * z) as i16 - 1000
}

fn volume_on(axes: DMat3, rescale: Rescale) -> ResidentVolume {
    let map = DAffine3 {
        matrix3: axes * DMat3::from_diagonal(DVec3::from_array(SPACING)),
        translation: DVec3::new(-31.3, 17.9, 411.1),
    };
    let grid = GridGeometry::new(DIMS, map).unwrap();
    let mut samples = Vec::new();
    for z in 0..DIMS[2] {
        for y in 0..DIMS[1] {
            samples.extend((0..DIMS[0]).map(|x| stored([x, y, z])));
        }
    }
    ResidentVolume::dense(grid, Samples::I16(samples), rescale).unwrap()
}

/// All ways to lay a grid along the axes of the patient, a tilted gantry, and oblique ones.
fn orientations() -> Vec<DMat3> {
    let axes = [DVec3::X, DVec3::Y, DVec3::Z];
    let mut all = Vec::new();
    for [a, b, c] in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for signs in 0..8u8 {
            let sign = |bit: u8| if signs & (1 << bit) == 0 { 1.0 } else { -1.0 };
            all.push(DMat3::from_cols(
                axes[a] * sign(0),
                axes[b] * sign(1),
                axes[c] * sign(2),
            ));
        }
    }
    let tilt = 17f64.to_radians();
    all.push(DMat3::from_cols(
        DVec3::X,
        DVec3::new(0.0, tilt.cos(), -tilt.sin()),
        DVec3::Z,
    ));
    let oblique = DMat3::from_rotation_x(0.7) * DMat3::from_rotation_z(-0.4) * DMat3::from_rotation_y(0.2);
    all.push(oblique);
    all.push(oblique * DMat3::from_cols(DVec3::X, DVec3::new(0.1, 0.9, -0.3).normalize(), DVec3::Z));
    all
}

fn slice_of<'a>(layer: SliceLayer<'a>, plane: SlicePlane) -> Slice<'a> {
    Slice {
        layers: vec![layer],
        plane,
        slab: Slab::THIN,
        clip: Clip::NONE,
        background: [0.0; 3],
    }
}

/// One row of pixels along `direction` that begins in the middle of the voxel at `start`.
fn row_from(volume: &ResidentVolume, start: [u32; 3], axis: usize, count: u32) -> SlicePlane {
    let map = volume.grid().patient_from_voxel();
    let step = [map.matrix3.x_axis, map.matrix3.y_axis, map.matrix3.z_axis][axis];
    let right = step.normalize();
    let p = map.transform_point3(DVec3::from_array(start.map(f64::from)));
    SlicePlane {
        center_mm: p + right * (step.length() * (f64::from(count) - 1.0) * 0.5),
        right,
        down: right.any_orthonormal_vector(),
        mm_per_pixel: step.length(),
    }
}

#[test]
fn stored_values_come_out_exactly_however_the_grid_lies() {
    let mut renderer = cpu::Renderer::new();
    for axes in orientations() {
        let volume = volume_on(axes, Rescale::IDENTITY);
        for interpolation in [Interpolation::Linear, Interpolation::Nearest] {
            let layer = SliceLayer {
                interpolation,
                ..SliceLayer::new(&volume, Window::new(0.0, 100.0))
            };
            for axis in 0..3 {
                for (u, v) in [(0, 0), (3, 1), (6, 6)] {
                    let mut start = [u, v, u];
                    start[axis] = 0;
                    let slice = slice_of(layer, row_from(&volume, start, axis, DIMS[axis]));
                    let values = renderer.slice_values(&slice, DIMS[axis], 1).unwrap();
                    for (i, value) in values.into_iter().enumerate() {
                        let mut at = start;
                        at[axis] = i as u32;
                        assert_eq!(value, f32::from(stored(at)), "{axes:?} {at:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_acquired_plane_is_the_slice_itself() {
    for axes in orientations() {
        // Pixels are square, so this grid is too.
        let square = DMat3::from_diagonal(DVec3::new(1.0, SPACING[0] / SPACING[1], 1.0));
        let volume = volume_on(axes * square, Rescale::IDENTITY);
        let m = volume.grid().patient_from_voxel().matrix3;
        if m.x_axis.dot(m.y_axis).abs() > 1e-9 {
            continue;
        }
        for z in [0, 4, 6] {
            let plane =
                SlicePlane::acquired(volume.grid(), f64::from(z)).fitted(volume.grid(), DIMS[0], DIMS[1]);
            // Tilted slices are as large as they look only straight on, so the size is given.
            let plane = SlicePlane {
                center_mm: SlicePlane::acquired(volume.grid(), f64::from(z)).center_mm,
                mm_per_pixel: SPACING[0],
                ..plane
            };
            let slice = slice_of(SliceLayer::new(&volume, Window::new(0.0, 9.0)), plane);
            let values = cpu::Renderer::new()
                .slice_values(&slice, DIMS[0], DIMS[1])
                .unwrap();
            for (i, value) in values.into_iter().enumerate() {
                let at = [i as u32 % DIMS[0], i as u32 / DIMS[0], z];
                assert_eq!(value, f32::from(stored(at)), "{axes:?} {at:?}");
            }
        }
    }
}

#[test]
fn a_linear_field_is_exact_on_any_plane() {
    let rescale = Rescale {
        slope: 0.5,
        intercept: -20.0,
        unit: Unit::Hu,
    };
    for axes in orientations() {
        let volume = volume_on(axes, rescale.clone());
        let middle = volume
            .grid()
            .patient_from_voxel()
            .transform_point3(DVec3::new(6.0, 4.0, 3.0));
        let plane = SlicePlane::oblique(middle, DVec3::new(0.4, -1.0, 0.3), DVec3::Z, 0.37).unwrap();
        let slice = slice_of(SliceLayer::new(&volume, Window::new(0.0, 100.0)), plane);
        let values = cpu::Renderer::new().slice_values(&slice, 41, 23).unwrap();
        let mut inside = 0;
        for (i, value) in values.into_iter().enumerate() {
            let p = plane.mm_of(DVec2::new((i % 41) as f64 + 0.5, (i / 41) as f64 + 0.5), 41, 23);
            match volume.value_at_mm(p) {
                Some(expected) => {
                    inside += 1;
                    assert!((f64::from(value) - expected).abs() < 1e-3, "{value} {expected}");
                }
                None => assert!(value.is_nan()),
            }
        }
        assert!(inside > 20, "{inside}");
    }
}

#[test]
fn slabs_go_through_every_slice() {
    let volume = volume_on(DMat3::IDENTITY, Rescale::IDENTITY);
    let start = row_from(&volume, [0, 2, 3], 0, DIMS[0]);
    // Straight through the slices, which lie 2.5 mm apart: 5 mm hold three of them.
    let plane = SlicePlane {
        down: DVec3::Y,
        ..start
    };
    let slab = |projection, thickness_mm| {
        let slice = Slice {
            slab: Slab {
                thickness_mm,
                projection,
            },
            ..slice_of(SliceLayer::new(&volume, Window::new(0.0, 9.0)), plane)
        };
        cpu::Renderer::new().slice_values(&slice, DIMS[0], 1).unwrap()
    };
    let middle = f32::from(stored([4, 2, 3]));
    assert_eq!(slab(SlabProjection::Maximum, 5.0)[4], middle + 300.0);
    assert_eq!(slab(SlabProjection::Minimum, 5.0)[4], middle - 300.0);
    assert_eq!(slab(SlabProjection::Mean, 5.0)[4], middle);
    assert_eq!(slab(SlabProjection::Maximum, 4.9)[4], middle);
    // What lies outside does not count.
    assert_eq!(
        slab(SlabProjection::Maximum, 1e9)[4],
        f32::from(stored([4, 2, 6]))
    );
    assert_eq!(
        slab(SlabProjection::Minimum, 100.0)[4],
        f32::from(stored([4, 2, 0]))
    );
}

#[test]
fn brightness_is_the_window_of_each_value() {
    let volume = volume_on(DMat3::IDENTITY, Rescale::IDENTITY);
    for function in [
        WindowFunction::Linear,
        WindowFunction::LinearExact,
        WindowFunction::Sigmoid,
    ] {
        for inversion in [Inversion::Off, Inversion::On] {
            let window = Window {
                center: f64::from(stored([6, 2, 3])),
                width: 9.0,
                function,
            };
            let layer = SliceLayer {
                inversion,
                ..SliceLayer::new(&volume, window)
            };
            let slice = slice_of(layer, row_from(&volume, [0, 2, 3], 0, DIMS[0]));
            let picture = cpu::Renderer::new().draw_slice(&slice, DIMS[0], 1).unwrap();
            for x in 0..DIMS[0] {
                let bright = window.brightness(f64::from(stored([x, 2, 3])));
                let bright = if inversion == Inversion::On {
                    1.0 - bright
                } else {
                    bright
                };
                let [r, g, b, a] = picture.pixel(x, 0).unwrap();
                assert!((f64::from(r) - bright * 255.0).abs() <= 0.51 && r == g && g == b && a == 255);
            }
        }
    }
}

#[test]
fn layers_are_fused_with_their_colors() {
    let under = volume_on(DMat3::IDENTITY, Rescale::IDENTITY);
    let over = volume_on(DMat3::IDENTITY, Rescale::IDENTITY);
    let point = |value, color, opacity| ControlPoint {
        value,
        color,
        opacity,
    };
    let hot = TransferFunction::new(vec![
        point(0.0, [0.0; 3], 0.0),
        point(0.5, [1.0, 0.0, 0.0], 0.5),
        point(1.0, [1.0, 1.0, 0.0], 1.0),
    ])
    .unwrap();
    let bright = Window::new(-5000.0, 2.0);
    let colored = SliceLayer {
        colors: Some(&hot),
        ..SliceLayer::new(&over, Window::new(f64::from(stored([6, 2, 3])) + 0.5, 13.0))
    };
    let plane = row_from(&under, [0, 2, 3], 0, DIMS[0]);
    let slice = Slice {
        layers: vec![SliceLayer::new(&under, bright), colored],
        ..slice_of(colored, plane)
    };
    let picture = cpu::Renderer::new().draw_slice(&slice, DIMS[0], 1).unwrap();
    assert_eq!(picture.pixel(0, 0), Some([255, 255, 255, 255]));
    let [r, g, b, _] = picture.pixel(6, 0).unwrap();
    assert!(
        r == 255 && g.abs_diff(128) < 3 && b.abs_diff(128) < 3,
        "{r} {g} {b}"
    );
    assert_eq!(picture.pixel(12, 0), Some([255, 255, 0, 255]));
    let half = SliceLayer {
        opacity: 0.5,
        ..colored
    };
    let slice = Slice {
        layers: vec![half],
        ..slice_of(half, plane)
    };
    let [r, g, b, _] = cpu::Renderer::new()
        .draw_slice(&slice, DIMS[0], 1)
        .unwrap()
        .pixel(12, 0)
        .unwrap();
    assert!(r.abs_diff(128) < 2 && g.abs_diff(128) < 2 && b == 0);
}

#[test]
fn what_is_cut_away_is_background() {
    let volume = volume_on(DMat3::IDENTITY, Rescale::IDENTITY);
    let p = volume
        .grid()
        .patient_from_voxel()
        .transform_point3(DVec3::new(6.4, 2.0, 3.0));
    let slice = Slice {
        clip: Clip {
            planes: vec![Plane {
                point_mm: p,
                normal: DVec3::X,
            }],
            box_from_patient: None,
        },
        background: [0.0, 0.0, 1.0],
        ..slice_of(
            SliceLayer::new(&volume, Window::new(-5000.0, 2.0)),
            row_from(&volume, [0, 2, 3], 0, DIMS[0]),
        )
    };
    let picture = cpu::Renderer::new().draw_slice(&slice, DIMS[0] + 4, 1).unwrap();
    // Two pixels beside the volume, seven cut away, six left, two beside.
    let reds: Vec<u8> = (0..DIMS[0] + 4)
        .map(|x| picture.pixel(x, 0).unwrap()[0])
        .collect();
    assert_eq!(reds, [&[0; 9][..], &[255; 6], &[0; 2]].concat());
}

#[test]
fn poison_shows_as_nothing() {
    let grid = GridGeometry::axis_aligned([5, 4, 3], [1.0, 2.0, 3.0], DVec3::ZERO).unwrap();
    let poison = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
        f32::MIN,
        0.0,
        1.0,
    ];
    let samples = Samples::F32((0..60).map(|i| poison[i % 7]).collect());
    let volume = ResidentVolume::dense(grid, samples, Rescale::IDENTITY).unwrap();
    let mut renderer = cpu::Renderer::new();
    for function in [
        WindowFunction::Linear,
        WindowFunction::LinearExact,
        WindowFunction::Sigmoid,
    ] {
        let window = Window {
            center: 0.5,
            width: 1.0,
            function,
        };
        for thickness_mm in [0.0, 7.0] {
            let slice = Slice {
                slab: Slab {
                    thickness_mm,
                    projection: SlabProjection::Mean,
                },
                ..slice_of(
                    SliceLayer::new(&volume, window),
                    SlicePlane::axial(DVec3::new(2.0, 3.0, 3.0), 0.4),
                )
            };
            let picture = renderer.draw_slice(&slice, 16, 20).unwrap();
            assert!(picture.rgba.chunks_exact(4).all(|p| p[3] == 255));
        }
    }
    let good = SliceLayer::new(&volume, Window::new(0.0, 2.0));
    let axial = SlicePlane::axial(DVec3::ZERO, 1.0);
    let error = |slice: Slice<'_>| cpu::Renderer::new().slice_values(&slice, 4, 4).unwrap_err();
    for plane in [
        SlicePlane::axial(DVec3::NAN, 1.0),
        SlicePlane::axial(DVec3::ZERO, 0.0),
        SlicePlane::axial(DVec3::ZERO, f64::INFINITY),
        SlicePlane {
            right: DVec3::Y,
            ..axial
        },
        SlicePlane {
            down: DVec3::ZERO,
            ..axial
        },
    ] {
        assert_eq!(error(slice_of(good, plane)), SliceError::Plane);
    }
    let narrow = SliceLayer::new(&volume, Window::new(0.0, 0.5));
    assert_eq!(error(slice_of(narrow, axial)), SliceError::Window { layer: 0 });
    let slab = Slab {
        thickness_mm: f64::NAN,
        projection: SlabProjection::Mean,
    };
    let slice = Slice {
        slab,
        ..slice_of(good, axial)
    };
    assert_eq!(error(slice), SliceError::Slab);
}
