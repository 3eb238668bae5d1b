//! Surfaces on the CPU: transparency, cuts, textures, scales, outlines.

use geometry::{DAffine3, DVec3, GridGeometry};
use renderer::cpu::{Quality, Renderer};
use renderer::{
    Camera, Clip, ColorScale, ControlPoint, Cut, Material, Paint, Picture, Plane, ResidentSurface,
    ResidentVolume, Scene, SurfaceError, SurfaceLayer, TextureImage, TransferFunction, VolumeLayer,
};
use surface::Mesh;
use volume::{Rescale, Samples};

/// A closed box around the origin.
fn box_mesh(half: [f32; 3]) -> Mesh {
    let corner = |i: u32| {
        std::array::from_fn(|axis| {
            if i & (1 << axis) == 0 {
                -half[axis]
            } else {
                half[axis]
            }
        })
    };
    let quads = [
        [0, 4, 6, 2],
        [1, 3, 7, 5],
        [0, 1, 5, 4],
        [2, 6, 7, 3],
        [0, 2, 3, 1],
        [4, 5, 7, 6],
    ];
    Mesh {
        positions_mm: (0..8).map(corner).collect(),
        normals: vec![],
        triangles: quads
            .iter()
            .flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]])
            .collect(),
    }
}

/// A square seen from the front, with (0, 0) of a texture in its upper left corner as the viewer sees it.
fn square(half: f32) -> Mesh {
    Mesh {
        positions_mm: vec![
            [-half, 0.0, half],
            [-half, 0.0, -half],
            [half, 0.0, -half],
            [half, 0.0, half],
        ],
        normals: vec![],
        triangles: vec![[0, 1, 2], [0, 2, 3]],
    }
}

fn camera() -> Camera {
    Camera {
        eye_mm: DVec3::new(0.0, -200.0, 0.0),
        target_mm: DVec3::ZERO,
        up: DVec3::Z,
        field_of_view_radians: 0.4,
    }
}

fn scene<'a>(surfaces: Vec<SurfaceLayer<'a>>) -> Scene<'a> {
    Scene {
        volumes: vec![],
        surfaces,
        clip: Clip::NONE,
        camera: camera(),
        background: [0.0; 3],
    }
}

fn draw(scene: &Scene<'_>) -> Picture {
    Renderer::new().draw(scene, 90, 70, Quality::QUICK).unwrap()
}

/// What an sRGB byte is in linear light.
fn linear(byte: u8) -> f64 {
    let s = f64::from(byte) / 255.0;
    if s <= 0.04045 {
        s / 12.92
    } else {
        ((s + 0.055) / 1.055).powf(2.4)
    }
}

fn middle(picture: &Picture) -> [u8; 4] {
    picture.pixel(45, 35).unwrap()
}

/// Matt, so that only its color and its opacity matter.
const MATT: Material = Material {
    roughness: 1.0,
    metallic: 0.0,
};

#[test]
fn both_walls_of_glass_count() {
    let surface = ResidentSurface::new(box_mesh([20.0, 10.0, 15.0])).unwrap();
    let white = ResidentSurface::new(square(200.0)).unwrap();
    let glass = |opacity| SurfaceLayer {
        paint: Paint::Plain([0.0; 3]),
        material: MATT,
        opacity,
        ..SurfaceLayer::new(&surface)
    };
    let wall = SurfaceLayer {
        paint: Paint::Plain([1.0; 3]),
        material: MATT,
        patient_from_surface: DAffine3::from_translation(DVec3::Y * 50.0),
        ..SurfaceLayer::new(&white)
    };
    let bare = linear(middle(&draw(&scene(vec![wall])))[1]);
    for (opacity, order) in [(0.3, 0), (0.3, 1), (0.6, 0)] {
        let mut layers = vec![glass(opacity), wall];
        layers.rotate_left(order);
        let through = linear(middle(&draw(&scene(layers)))[1]) / bare;
        let expected = (1.0 - f64::from(opacity)).powi(2);
        // Black glass adds a little gloss of its own.
        assert!((through - expected).abs() < 0.05, "{through} and not {expected}");
    }
}

#[test]
fn glass_and_volumes_are_blended_by_depth() {
    // A slab of the volume between y = -4 and 4 inside a glass box.
    let grid =
        GridGeometry::axis_aligned([41, 9, 31], [1.0, 1.1, 1.2], DVec3::new(-20.0, -4.4, -18.0)).unwrap();
    let volume = ResidentVolume::dense(
        grid,
        Samples::U8(vec![200; grid.len() as usize]),
        Rescale::IDENTITY,
    )
    .unwrap();
    let point = |value, opacity| ControlPoint {
        value,
        color: [1.0, 0.0, 0.0],
        opacity,
    };
    let transfer = TransferFunction::new(vec![point(100.0, 0.0), point(150.0, 1.0)]).unwrap();
    let layer = VolumeLayer::new(&volume, &transfer);
    let surface = ResidentSurface::new(box_mesh([30.0, 12.0, 25.0])).unwrap();
    let blue = |opacity| SurfaceLayer {
        paint: Paint::Plain([0.0, 0.0, 1.0]),
        opacity,
        ..SurfaceLayer::new(&surface)
    };
    let shown = |opacity| {
        let scene = Scene {
            volumes: vec![layer],
            ..scene(vec![blue(opacity)])
        };
        middle(&draw(&scene))
    };
    let [r0, _, b0, _] = shown(0.0);
    assert!(r0 > 150 && b0 < 30, "{r0} {b0}");
    // Through the front wall only: the back one lies behind the volume.
    let [r, _, b, _] = shown(0.5);
    let ratio = linear(r) / linear(r0);
    assert!((ratio - 0.5).abs() < 0.06 && b > 100, "{ratio} {b}");
    let [r, ..] = shown(1.0);
    assert!(r < 120, "{r}");
}

#[test]
fn a_capped_cut_is_closed_and_an_open_one_is_not() {
    let surface = ResidentSurface::new(box_mesh([20.0, 10.0, 15.0])).unwrap();
    let behind = ResidentSurface::new(square(200.0)).unwrap();
    let red = |cut, opacity| SurfaceLayer {
        paint: Paint::Plain([1.0, 0.0, 0.0]),
        cut,
        opacity,
        ..SurfaceLayer::new(&surface)
    };
    let green = SurfaceLayer {
        paint: Paint::Plain([0.0, 1.0, 0.0]),
        patient_from_surface: DAffine3::from_translation(DVec3::Y * 50.0),
        ..SurfaceLayer::new(&behind)
    };
    // Away with all of the box but a wedge on the viewer's left, whose face looks to the viewer.
    let clip = Clip {
        planes: vec![Plane {
            point_mm: DVec3::new(0.0, 0.0, 0.0),
            normal: DVec3::new(-1.0, 0.3, 0.0),
        }],
        box_from_patient: None,
    };
    let shown = |layer, column| {
        let scene = Scene {
            clip: clip.clone(),
            background: [0.0, 0.0, 1.0],
            ..scene(vec![layer, green])
        };
        draw(&scene).pixel(column, 35).unwrap()
    };
    // Left of the middle the front of the box is there still.
    let [r, g, ..] = shown(red(Cut::Open, 1.0), 30);
    assert!(r > 200 && g < 120, "{r} {g}");
    // In the middle the ray meets the face of the cut, and where that is open the back of the box.
    let capped = shown(red(Cut::Capped, 1.0), 45);
    assert!(capped[0] > 60 && capped[1] < 100, "{capped:?}");
    let half = shown(red(Cut::Capped, 0.5), 45);
    let open = shown(red(Cut::Open, 0.5), 45);
    assert!(
        half[1] < open[1],
        "one wall more is before the ground: {half:?} {open:?}"
    );
    // To the right nothing is left of the box, and the plane cuts the ground, too.
    let [r, g, b, _] = shown(red(Cut::Capped, 1.0), 75);
    assert!(r < 40 && g < 40 && b == 255, "{r} {g} {b}");
}

#[test]
fn a_crop_box_keeps_what_is_inside() {
    let surface = ResidentSurface::new(square(30.0)).unwrap();
    let clip = Clip {
        planes: vec![],
        // From -10 to 10 along x, -30 to 30 along y, 0 to 8 along z.
        box_from_patient: Some(DAffine3::from_cols(
            DVec3::X / 20.0,
            DVec3::Y / 60.0,
            DVec3::Z / 8.0,
            DVec3::new(0.5, 0.5, 0.0),
        )),
    };
    let scene = Scene {
        clip,
        ..scene(vec![SurfaceLayer::new(&surface)])
    };
    let picture = draw(&scene);
    let lit: Vec<(usize, usize)> = picture
        .rgba
        .chunks_exact(4)
        .enumerate()
        .filter(|(_, p)| p[0] > 30)
        .map(|(i, _)| (i % 90, i / 90))
        .collect();
    // Pixels a mm: 35 / tan(0.2) / 200.
    let scale = 35.0 / 0.2f64.tan() / 200.0;
    let columns = lit.iter().map(|p| p.0);
    let rows = lit.iter().map(|p| p.1);
    let width = columns.clone().max().unwrap() - columns.min().unwrap() + 1;
    let height = rows.clone().max().unwrap() - rows.clone().min().unwrap() + 1;
    assert!((width as f64 - 20.0 * scale).abs() <= 1.0, "{width}");
    assert!((height as f64 - 8.0 * scale).abs() <= 1.0, "{height}");
    assert!(rows.max().unwrap() <= 35);
}

#[test]
fn a_texture_lies_upright_and_not_mirrored() {
    // Red, green; blue, white: as it is stored, from the upper left.
    let mut rgb = Vec::new();
    for y in 0..64 {
        for x in 0..96 {
            rgb.extend(match (x < 48, y < 32) {
                (true, true) => [255, 0, 0],
                (false, true) => [0, 255, 0],
                (true, false) => [0, 0, 255],
                (false, false) => [255u8, 255, 255],
            });
        }
    }
    let image = TextureImage {
        columns: 96,
        rows: 64,
        rgb,
    };
    let uv = vec![[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]];
    let surface = ResidentSurface::new(square(30.0))
        .unwrap()
        .with_texture(uv, image.clone())
        .unwrap();
    let picture = draw(&scene(vec![SurfaceLayer::new(&surface)]));
    let at = |x, y| {
        let [r, g, b, _] = picture.pixel(x, y).unwrap();
        [r > 120, g > 120, b > 120]
    };
    assert_eq!(at(35, 25), [true, false, false]);
    assert_eq!(at(55, 25), [false, true, false]);
    assert_eq!(at(35, 45), [false, false, true]);
    assert_eq!(at(55, 45), [true, true, true]);
    let wrong = ResidentSurface::new(square(30.0))
        .unwrap()
        .with_texture(vec![[0.0; 2]; 3], image.clone());
    assert!(matches!(wrong, Err(SurfaceError::WrongLength { actual: 3, .. })));
    let short = TextureImage { rows: 65, ..image };
    let wrong = ResidentSurface::new(square(30.0))
        .unwrap()
        .with_texture(vec![[0.0; 2]; 4], short);
    assert!(matches!(wrong, Err(SurfaceError::Texture { rows: 65, .. })));
}

#[test]
fn a_small_picture_of_a_fine_texture_has_its_mean_color() {
    // Columns of black and white: any single one would be either.
    let rgb = (0..512 * 512)
        .flat_map(|i| [if i % 2 == 0 { 255u8 } else { 0 }; 3])
        .collect();
    let image = TextureImage {
        columns: 512,
        rows: 512,
        rgb,
    };
    let uv = vec![[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]];
    let surface = ResidentSurface::new(square(20.0))
        .unwrap()
        .with_texture(uv, image)
        .unwrap();
    let picture = draw(&scene(vec![SurfaceLayer::new(&surface)]));
    let inside: Vec<u8> = (40..50).map(|x| picture.pixel(x, 35).unwrap()[0]).collect();
    assert!(inside.iter().all(|v| v.abs_diff(inside[0]) < 6), "{inside:?}");
    assert!(inside[0] > 60 && inside[0] < 200);
}

#[test]
fn distances_have_the_colors_of_their_scale() {
    let surface = ResidentSurface::new(square(30.0))
        .unwrap()
        .with_values(vec![-2.0, -2.0, 2.0, 2.0])
        .unwrap();
    let scale = ColorScale::of_distances(2.0);
    let layer = SurfaceLayer {
        paint: Paint::Distances(&scale),
        ..SurfaceLayer::new(&surface)
    };
    let picture = draw(&scene(vec![layer]));
    let [left, middle, right] = [30, 45, 60].map(|x| picture.pixel(x, 35).unwrap());
    assert!(left[2] > left[0] && right[0] > right[2]);
    assert!(middle.iter().take(3).all(|&c| c > 150), "{middle:?}");
    let unknown = ResidentSurface::new(square(30.0)).unwrap();
    let layer = SurfaceLayer {
        paint: Paint::Distances(&scale),
        ..SurfaceLayer::new(&unknown)
    };
    let [r, g, b, _] = draw(&scene(vec![layer])).pixel(45, 35).unwrap();
    assert!(r.abs_diff(g) < 8 && g.abs_diff(b) < 8 && r < 150);
}

#[test]
fn metal_shines_in_its_color_and_gloss_is_narrow() {
    let surface = ResidentSurface::new(square(30.0)).unwrap();
    let shown = |roughness, metallic, turn: f64| {
        let layer = SurfaceLayer {
            paint: Paint::Plain([0.9, 0.6, 0.2]),
            material: Material { roughness, metallic },
            patient_from_surface: DAffine3::from_rotation_z(turn),
            ..SurfaceLayer::new(&surface)
        };
        middle(&draw(&scene(vec![layer])))
    };
    let (straight, aslant) = (shown(0.2, 0.0, 0.0), shown(0.2, 0.0, 0.5));
    assert!(
        linear(straight[2]) > linear(aslant[2]) + 0.2,
        "{straight:?} {aslant:?}"
    );
    let (chalk, chalk_aslant) = (shown(1.0, 0.0, 0.0), shown(1.0, 0.0, 0.5));
    assert!(linear(chalk[2]) < linear(chalk_aslant[2]) + 0.05);
    let metal = shown(0.7, 1.0, 0.5);
    assert!(metal[0] > metal[1] && metal[1] > metal[2]);
    for (roughness, metallic) in [
        (f32::NAN, 0.0),
        (0.0, f32::NAN),
        (-3.0, 9.0),
        (f32::INFINITY, 0.5),
    ] {
        shown(roughness, metallic, 0.2);
    }
}

#[test]
fn an_outline_goes_around_what_is_hidden_too() {
    let surface = ResidentSurface::new(square(12.0)).unwrap();
    let wall = ResidentSurface::new(square(100.0)).unwrap();
    let outlined = SurfaceLayer {
        outline: Some([1.0, 1.0, 0.0]),
        ..SurfaceLayer::new(&surface)
    };
    let before = SurfaceLayer {
        paint: Paint::Plain([0.0, 0.0, 0.4]),
        patient_from_surface: DAffine3::from_translation(DVec3::Y * -20.0),
        ..SurfaceLayer::new(&wall)
    };
    for (layers, factor) in [(vec![outlined], 1), (vec![before, outlined], 2)] {
        let quality = Quality {
            supersampling: factor,
            ..Quality::QUICK
        };
        let picture = Renderer::new().draw(&scene(layers), 90, 70, quality).unwrap();
        let row: Vec<bool> = (0..90)
            .map(|x| {
                let [r, g, b, _] = picture.pixel(x, 35).unwrap();
                r > 100 && g > 100 && r > b.saturating_add(60)
            })
            .collect();
        let yellow: Vec<usize> = (0..90).filter(|&x| row[x]).collect();
        // 12 mm are a little more than ten pixels; the line lies outside on both sides.
        assert!(yellow.len() >= 4 && yellow.len() <= 6, "{yellow:?}");
        assert!(
            yellow
                .iter()
                .all(|x| (30..=34).contains(x) || (55..=59).contains(x)),
            "{yellow:?}"
        );
    }
}

#[test]
fn what_has_no_place_is_not_drawn() {
    let surface = ResidentSurface::new(square(12.0)).unwrap();
    for (place, opacity) in [
        (DAffine3::from_translation(DVec3::NAN), 1.0),
        (DAffine3::from_scale(DVec3::new(1.0, 0.0, 1.0)), 0.5),
        (DAffine3::IDENTITY, f32::NAN),
    ] {
        let layer = SurfaceLayer {
            patient_from_surface: place,
            opacity,
            outline: Some([1.0; 3]),
            ..SurfaceLayer::new(&surface)
        };
        let picture = draw(&scene(vec![layer]));
        let [r, ..] = middle(&picture);
        assert_eq!(r, 0);
    }
}
