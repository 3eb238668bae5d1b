//! Volumes whose pictures follow from closed forms, and from each other.

use geometry::{DAffine3, DMat3, DVec3, GridGeometry};
use renderer::cpu::{Pace, Progressive, Quality, Renderer};
use renderer::{
    Camera, Clip, ControlPoint, Picture, Plane, Projection, ResidentVolume, Scene, Shading, TransferFunction,
    VolumeLayer,
};
use volume::{Rescale, Samples};

const DIMS: [u32; 3] = [41, 37, 29];
const SPACING_MM: [f64; 3] = [0.9, 1.0, 1.3];

/// Looks along `forward` at `target`, from far away so that rays are nearly parallel.
fn camera(target: DVec3, forward: DVec3, up: DVec3) -> Camera {
    Camera {
        eye_mm: target - forward * 400.0,
        target_mm: target,
        up,
        field_of_view_radians: 0.16,
    }
}

fn scene<'a>(volumes: Vec<VolumeLayer<'a>>, camera: Camera) -> Scene<'a> {
    Scene {
        volumes,
        surfaces: vec![],
        clip: Clip::NONE,
        camera,
        background: [0.0; 3],
    }
}

fn draw(scene: &Scene<'_>, steps_per_voxel: f64) -> Picture {
    let quality = Quality {
        steps_per_voxel,
        supersampling: 1,
    };
    Renderer::new().draw(scene, 61, 61, quality).unwrap()
}

fn transfer(points: &[(f64, [f32; 3], f32)]) -> TransferFunction {
    let point = |&(value, color, opacity)| ControlPoint {
        value,
        color,
        opacity,
    };
    TransferFunction::new(points.iter().map(point).collect()).unwrap()
}

fn flat<'a>(volume: &'a ResidentVolume, transfer: &'a TransferFunction) -> VolumeLayer<'a> {
    VolumeLayer {
        shading: Shading::Flat,
        ..VolumeLayer::new(volume, transfer)
    }
}

fn projected<'a>(
    volume: &'a ResidentVolume,
    transfer: &'a TransferFunction,
    projection: Projection,
) -> VolumeLayer<'a> {
    VolumeLayer {
        projection,
        ..VolumeLayer::new(volume, transfer)
    }
}

fn resident(grid: GridGeometry, samples: Samples) -> ResidentVolume {
    ResidentVolume::dense(grid, samples, Rescale::IDENTITY).unwrap()
}

fn grid() -> GridGeometry {
    GridGeometry::axis_aligned(DIMS, SPACING_MM, DVec3::new(-20.0, 5.0, 70.0)).unwrap()
}

/// Samples by their place in voxels.
fn samples_of(dims: [u32; 3], value: impl Fn(DVec3) -> f64) -> Vec<f64> {
    let [nx, ny, nz] = dims;
    let mut samples = Vec::new();
    for z in 0..nz {
        for y in 0..ny {
            samples.extend((0..nx).map(|x| value(DVec3::new(x.into(), y.into(), z.into()))));
        }
    }
    samples
}

fn as_i16(samples: &[f64]) -> Samples {
    Samples::I16(samples.iter().map(|v| v.round() as i16).collect())
}

/// Light of an sRGB byte (IEC 61966-2-1).
fn light(byte: u8) -> f64 {
    let s = f64::from(byte) / 255.0;
    if s <= 0.04045 {
        s / 12.92
    } else {
        ((s + 0.055) / 1.055).powf(2.4)
    }
}

fn middle(picture: &Picture) -> [f64; 3] {
    let [r, g, b, _] = picture.pixel(30, 30).unwrap();
    [light(r), light(g), light(b)]
}

#[test]
fn a_homogeneous_slab_absorbs_as_beer_and_lambert_say_whatever_the_step() {
    let volume = resident(grid(), Samples::U8(vec![7; (41 * 37 * 29) as usize]));
    let glass = transfer(&[(0.0, [1.0; 3], 0.02)]);
    for (forward, up, thickness) in [
        (DVec3::Y, DVec3::Z, 36.0 * 1.0),
        (DVec3::NEG_X, DVec3::Z, 40.0 * 0.9),
        (DVec3::Z, DVec3::NEG_Y, 28.0 * 1.3),
    ] {
        let camera = camera(grid().bounds_mm().center(), forward, up);
        let expected = 1.0 - 0.98f64.powf(thickness);
        for steps_per_voxel in [0.7, 1.0, 2.3, 6.0] {
            let seen = middle(&draw(
                &scene(vec![flat(&volume, &glass)], camera),
                steps_per_voxel,
            ))[0];
            // Up to one step more or less, and the rounding of a byte.
            let tolerance = 0.01 / steps_per_voxel + 0.004;
            assert!(
                (seen - expected).abs() < tolerance,
                "{forward} {steps_per_voxel}: {seen} and not {expected}"
            );
        }
    }
}

#[test]
fn a_slab_on_a_sheared_grid_absorbs_as_much_as_on_a_straight_one() {
    // Slices one above the other but shifted, as under a tilted gantry; the ray goes along the slices.
    let sheared = DAffine3::from_mat3_translation(
        DMat3::from_cols(
            DVec3::new(0.9, 0.0, 0.0),
            DVec3::new(0.0, 1.0, 0.0),
            DVec3::new(0.0, 0.5, 1.3),
        ),
        DVec3::new(3.0, 4.0, 5.0),
    );
    let grid = GridGeometry::new(DIMS, sheared).unwrap();
    let volume = resident(grid, Samples::F32(vec![-3.5; (41 * 37 * 29) as usize]));
    let glass = transfer(&[(0.0, [1.0; 3], 0.02)]);
    let camera = camera(grid.bounds_mm().center(), DVec3::Y, DVec3::Z);
    let seen = middle(&draw(&scene(vec![flat(&volume, &glass)], camera), 3.0))[0];
    let expected = 1.0 - 0.98f64.powf(36.0);
    assert!((seen - expected).abs() < 0.01, "{seen} and not {expected}");
}

#[test]
fn projections_show_the_largest_the_smallest_and_the_mean() {
    // Noise between 200 and 600 with one bright and one dark grain of 2 x 2 x 2 on the middle ray.
    let samples = samples_of(DIMS, |p| {
        let grain = |at: f64| {
            (20.0..=21.0).contains(&p.x) && (at..=at + 1.0).contains(&p.y) && (14.0..=15.0).contains(&p.z)
        };
        let noise = (p.x * 12.9898 + p.y * 78.233 + p.z * 37.719).sin() * 43_758.545;
        match (grain(9.0), grain(25.0)) {
            (true, _) => 1000.0,
            (_, true) => -1000.0,
            _ => 400.0 + 200.0 * (noise - noise.floor() - 0.5),
        }
    });
    let gray = transfer(&[(-1000.0, [0.0; 3], 0.0), (1000.0, [1.0; 3], 0.0)]);
    for samples in [
        as_i16(&samples),
        Samples::F32(samples.iter().map(|&v| v as f32).collect()),
    ] {
        let volume = resident(grid(), samples);
        let target = grid()
            .patient_from_voxel()
            .transform_point3(DVec3::new(20.5, 18.0, 14.5));
        let camera = camera(target, DVec3::Y, DVec3::Z);
        let seen = |projection| {
            let layer = projected(&volume, &gray, projection);
            middle(&draw(&scene(vec![layer], camera), 2.0))[1]
        };
        assert_eq!(seen(Projection::Maximum), 1.0);
        assert_eq!(seen(Projection::Minimum), 0.0);
        // Two of 37 rows each way off; the colors of the function are linear in light.
        let mean = seen(Projection::Average);
        assert!((mean - 0.7).abs() < 0.03, "{mean}");
    }
}

#[test]
fn the_largest_value_is_found_wherever_blocks_are_left_out() {
    // Values rise along every axis: the largest along each ray lies where it crosses the last row.
    let value = |p: DVec3| p.x * 17.0 + p.y * 23.0 + p.z * 11.0;
    let volume = resident(grid(), as_i16(&samples_of(DIMS, value)));
    let gray = transfer(&[(0.0, [0.0; 3], 0.0), (2000.0, [1.0; 3], 0.0)]);
    let center = grid().bounds_mm().center();
    let last_mm = 5.0 + 36.0;
    for forward in [DVec3::Y, DVec3::NEG_Y] {
        let camera = camera(center, forward, DVec3::Z);
        let layer = projected(&volume, &gray, Projection::Maximum);
        let picture = draw(&scene(vec![layer], camera), 4.0);
        let depth = (last_mm - camera.eye_mm.y).abs();
        for (column, row) in (16..45).flat_map(|column| [(column, 24), (column, 35)]) {
            let tangent = |pixel: u32| (f64::from(pixel) + 0.5 - 30.5) / 30.5 * 0.08f64.tan();
            let across = forward.cross(DVec3::Z) * tangent(column) - DVec3::Z * tangent(row);
            let p = camera.eye_mm + (forward + across) * depth;
            let expected = value(grid().voxel_from_patient().transform_point3(p)) / 2000.0;
            let found = light(picture.pixel(column, row).unwrap()[1]);
            assert!(
                (found - expected).abs() < 0.01,
                "{forward} {column} {row}: {found} and not {expected}"
            );
        }
    }
}

/// A bumpy ball, where nothing is alike along two axes.
fn bumpy(p: DVec3) -> f64 {
    let q = (p - DVec3::new(19.0, 20.0, 13.0)) / DVec3::new(15.0, 13.0, 11.0);
    900.0 * (1.1 - q.length()) + 90.0 * (p.x * 0.7).sin() * (p.y * 0.5).cos() + 40.0 * (p.z * 0.9).sin()
}

#[test]
fn a_volume_stored_along_other_axes_is_the_same_picture() {
    let straight = resident(grid(), as_i16(&samples_of(DIMS, bumpy)));
    // Its own x is z, its y is x turned around, its z is y.
    let dims = [DIMS[2], DIMS[0], DIMS[1]];
    let voxel = |q: DVec3| DVec3::new(f64::from(DIMS[0] - 1) - q.y, q.z, q.x);
    let other_from = DAffine3::from_mat3_translation(
        DMat3::from_cols(DVec3::Z, DVec3::NEG_X, DVec3::Y),
        DVec3::new(f64::from(DIMS[0] - 1), 0.0, 0.0),
    );
    let other = GridGeometry::new(dims, grid().patient_from_voxel() * other_from).unwrap();
    let turned = resident(other, as_i16(&samples_of(dims, |q| bumpy(voxel(q)))));
    let bone = transfer(&[
        (0.0, [0.6, 0.2, 0.1], 0.0),
        (300.0, [0.9, 0.8, 0.6], 0.3),
        (900.0, [1.0; 3], 0.9),
    ]);
    let direction = DVec3::new(0.5, 0.7, -0.3).normalize();
    let camera = camera(grid().bounds_mm().center(), direction, DVec3::Z);
    let [a, b] =
        [&straight, &turned].map(|volume| draw(&scene(vec![VolumeLayer::new(volume, &bone)], camera), 1.0));
    let lit = a.rgba.chunks_exact(4).filter(|p| p[0] > 30).count();
    assert!(lit > 600, "{lit}");
    let worst = a.rgba.iter().zip(&b.rgba).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst <= Some(3), "{worst:?}");
}

#[test]
fn a_picture_is_what_the_integral_along_each_ray_gives() {
    let volume = resident(grid(), as_i16(&samples_of(DIMS, bumpy)));
    let fog = transfer(&[
        (0.0, [1.0, 0.0, 0.0], 0.0),
        (400.0, [0.0, 1.0, 0.0], 0.08),
        (1000.0, [0.0, 0.0, 1.0], 0.2),
    ]);
    let at = |value: f64| {
        let mix = |a: f64, b: f64, t: f64| a + (b - a) * t.clamp(0.0, 1.0);
        if value <= 400.0 {
            let t = value / 400.0;
            ([mix(1.0, 0.0, t), mix(0.0, 1.0, t), 0.0], mix(0.0, 0.08, t))
        } else {
            let t = (value - 400.0) / 600.0;
            ([0.0, mix(1.0, 0.0, t), mix(0.0, 1.0, t)], mix(0.08, 0.2, t))
        }
    };
    let forward = DVec3::new(-0.4, 0.8, 0.45).normalize();
    let camera = camera(grid().bounds_mm().center(), forward, DVec3::Z);
    let picture = draw(&scene(vec![flat(&volume, &fog)], camera), 4.0);
    let right = forward.cross(DVec3::Z).normalize();
    let up = right.cross(forward);
    for (column, row) in [(30, 30), (20, 33), (41, 25), (30, 44), (26, 18)] {
        let tangent = |pixel: u32| (f64::from(pixel) + 0.5 - 30.5) / 30.5 * 0.08f64.tan();
        let direction = (forward + right * tangent(column) - up * tangent(row)).normalize();
        let (mut color, mut clear, step) = ([0.0f64; 3], 1.0, 0.02);
        for i in 0..30_000 {
            let p = camera.eye_mm + direction * (f64::from(i) * step + 100.0);
            let Some(value) = volume.value_at_mm(p) else {
                continue;
            };
            let (of, opacity) = at(value);
            let weight = clear * (1.0 - (1.0f64 - opacity).powf(step));
            clear -= weight;
            for (sum, c) in color.iter_mut().zip(of) {
                *sum += c * weight;
            }
        }
        let pixel = picture.pixel(column, row).unwrap();
        for (found, expected) in pixel.iter().zip(color) {
            let found = light(*found);
            assert!(
                (found - expected).abs() < 0.015,
                "{column} {row}: {found} and not {expected}"
            );
        }
    }
}

#[test]
fn volumes_that_overlap_are_blended_by_depth_and_not_by_order() {
    let shifted = |by: f64| {
        GridGeometry::axis_aligned(DIMS, [0.9, 1.0 + by * 0.01, 1.3], DVec3::new(-20.0, by, 70.0)).unwrap()
    };
    let [near, far] =
        [0.0, 12.0].map(|by| resident(shifted(by), Samples::U16(vec![40_000; (41 * 37 * 29) as usize])));
    let (red, blue) = (
        transfer(&[(0.0, [1.0, 0.0, 0.0], 0.05)]),
        transfer(&[(0.0, [0.0, 0.0, 1.0], 0.05)]),
    );
    let camera = camera(near.grid().bounds_mm().center(), DVec3::Y, DVec3::Z);
    let (a, b) = (flat(&near, &red), flat(&far, &blue));
    let one = draw(&scene(vec![a, b], camera), 1.0);
    // Where steps of both fall together, one must come first.
    let other = draw(&scene(vec![b, a], camera), 1.0);
    let worst = one
        .rgba
        .iter()
        .zip(&other.rgba)
        .map(|(a, b)| a.abs_diff(*b))
        .max();
    assert!(worst <= Some(8), "{worst:?}");
    // 12 mm of red alone, 24 mm of both, then 16.32 mm of blue alone.
    let through = 0.95f64.powf(12.0);
    let both = (1.0 - 0.95f64.powf(48.0)) / 2.0;
    let red = 1.0 - through + through * both;
    let blue = through * (both + 0.95f64.powf(48.0) * (1.0 - 0.95f64.powf(16.32)));
    let [r, _, b] = middle(&one);
    assert!(
        (r - red).abs() < 0.03 && (b - blue).abs() < 0.03,
        "{r} {red}, {b} {blue}"
    );
}

#[test]
fn a_plane_leaves_as_much_as_lies_behind_it() {
    let volume = resident(grid(), Samples::I32(vec![-5; (41 * 37 * 29) as usize]));
    let glass = transfer(&[(-5.0, [1.0; 3], 0.02)]);
    let center = grid().bounds_mm().center();
    let camera = camera(center, DVec3::Y, DVec3::Z);
    let mut cut = scene(vec![flat(&volume, &glass)], camera);
    cut.clip.planes.push(Plane {
        point_mm: center + DVec3::Y * 3.0,
        normal: DVec3::Y,
    });
    let seen = middle(&draw(&cut, 3.0))[0];
    let expected = 1.0 - 0.98f64.powf(15.0);
    assert!((seen - expected).abs() < 0.01, "{seen} and not {expected}");
    cut.clip.box_from_patient = Some(DAffine3::from_translation(-(center + DVec3::splat(100.0))));
    assert_eq!(middle(&draw(&cut, 3.0)), [0.0; 3], "outside the box");
}

#[test]
fn whatever_the_samples_and_the_camera_a_picture_comes_out() {
    let count = (41 * 37 * 29) as usize;
    let poison = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
        f32::MIN,
        0.0,
        1e-40,
    ];
    let volumes = [
        Samples::F32((0..count).map(|i| poison[i * i % 7]).collect()),
        Samples::F32(vec![f32::NAN; count]),
        Samples::I16(
            (0..count)
                .map(|i| if i % 3 == 0 { i16::MIN } else { i16::MAX })
                .collect(),
        ),
        Samples::U32(
            (0..count)
                .map(|i| if i % 5 == 0 { u32::MAX } else { 0 })
                .collect(),
        ),
    ];
    let bone = transfer(&[(-1e6, [1.0, 0.5, 0.2], 0.0), (1e6, [0.5, 1.0, 0.2], 1.0)]);
    let center = grid().bounds_mm().center();
    for samples in volumes {
        let volume = resident(grid(), samples);
        for eye in [
            center,
            center + DVec3::new(0.0, 300.0, 0.0),
            center + DVec3::new(1e8, 1e7, -1e8),
            grid().bounds_mm().min,
        ] {
            for projection in [
                Projection::Composite,
                Projection::Maximum,
                Projection::Minimum,
                Projection::Average,
            ] {
                let camera = Camera {
                    eye_mm: eye,
                    target_mm: center + DVec3::new(0.1, 0.2, 0.3),
                    up: DVec3::Z,
                    field_of_view_radians: 1.0,
                };
                let layer = projected(&volume, &bone, projection);
                let picture = draw(&scene(vec![layer], camera), 1.0);
                assert!(picture.rgba.chunks_exact(4).all(|p| p[3] == 255));
            }
        }
    }
}

#[test]
fn a_thin_volume_is_drawn() {
    let grid = GridGeometry::axis_aligned([30, 1, 20], [1.0, 4.0, 1.5], DVec3::ZERO).unwrap();
    let volume = resident(grid, Samples::I16(vec![500; 600]));
    let gray = transfer(&[(0.0, [0.0; 3], 0.0), (500.0, [1.0; 3], 1.0)]);
    let camera = camera(
        grid.bounds_mm().center(),
        DVec3::new(0.3, 1.0, 0.2).normalize(),
        DVec3::Z,
    );
    let layer = projected(&volume, &gray, Projection::Maximum);
    // One slice has no depth: no more is asked than that nothing fails.
    assert_eq!(draw(&scene(vec![layer], camera), 8.0).rgba.len(), 61 * 61 * 4);
}

#[test]
fn a_picture_at_rest_becomes_finer_until_it_is_the_best() {
    let volume = resident(grid(), as_i16(&samples_of(DIMS, bumpy)));
    let bone = transfer(&[(0.0, [0.6, 0.2, 0.1], 0.0), (600.0, [0.9, 0.8, 0.6], 0.7)]);
    let camera = camera(grid().bounds_mm().center(), DVec3::Y, DVec3::Z);
    let scene = scene(vec![VolumeLayer::new(&volume, &bone)], camera);
    let mut renderer = Renderer::new();
    let best = renderer.draw(&scene, 62, 54, Quality::FINE).unwrap();
    let mut progressive = Progressive::new(62, 54, Quality::FINE, Pace::COARSEST);
    let mut far = Vec::new();
    while let Some(picture) = progressive.refine(&mut renderer, &scene).unwrap() {
        assert_eq!((picture.width, picture.height), (62, 54));
        let apart = picture.rgba.iter().zip(&best.rgba);
        far.push(apart.map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>());
    }
    assert!(progressive.is_finished());
    assert_eq!((far.len(), far[3]), (4, 0));
    assert!(far.is_sorted_by(|a, b| a > b), "{far:?}");
}
