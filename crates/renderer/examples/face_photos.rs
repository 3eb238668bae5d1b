//! Writes two photographs of the synthetic head, drawn by the CPU back end: `face_photos FOLDER [--shift-mm N]`.
//!
//! `front.jpg` is stored as it is seen, `side.jpg` on its side with an EXIF orientation, as a phone held sideways does.

use std::path::PathBuf;
use std::process::ExitCode;

use geometry::{DVec3, PatientDirection};
use renderer::cpu::{self, Quality};
use renderer::{Camera, Clip, ResidentSurface, Scene, SurfaceLayer};
use surface::Mesh;
use testkit::face::{Face, Photo, TrueSurface, Upright, encode_photo};

/// Pixels of a photograph.
const SIZE: (u32, u32) = (900, 1200);
/// A gray wall, sRGB.
const WALL: [f32; 3] = [0.60, 0.63, 0.66];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("face_photos: {message}\nusage: face_photos FOLDER [--shift-mm N]");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("a folder is needed")?);
    let mut face = Face::default();
    while let Some(option) = arguments.next() {
        let number = arguments.next().and_then(|value| value.parse::<f32>().ok());
        match (option.as_str(), number) {
            ("--shift-mm", Some(shift_mm)) => face = Face::shifted(shift_mm),
            _ => return Err(format!("there is no option {option} with this value")),
        }
    }
    let fail = |e: std::io::Error| format!("{}: {e}", folder.display());
    std::fs::create_dir_all(&folder).map_err(fail)?;
    let skin = skin(&face)?;
    for (name, side, held) in [
        ("front.jpg", PatientDirection::Anterior, Upright::AsStored),
        ("side.jpg", PatientDirection::Left, Upright::TurnClockwise),
    ] {
        let photo = photograph(&skin, side)?;
        std::fs::write(folder.join(name), encode_photo(&photo, held)).map_err(fail)?;
    }
    Ok(())
}

/// The skin with its colors.
fn skin(face: &Face) -> Result<ResidentSurface, String> {
    let TrueSurface {
        positions_mm,
        triangles,
    } = TrueSurface::of(face);
    let encode = |linear: f32| (linear.clamp(0.0, 1.0).powf(1.0 / 2.2) * 255.0).round() as u8;
    let colors = positions_mm
        .iter()
        .map(|&p| {
            let [red, green, blue] = face.albedo(p).map(encode);
            [red, green, blue, 255]
        })
        .collect();
    let mesh = Mesh {
        normals: positions_mm.iter().map(|&p| face.normal(p)).collect(),
        positions_mm,
        triangles,
    };
    ResidentSurface::new(mesh)
        .and_then(|surface| surface.with_colors(colors))
        .map_err(|e| e.to_string())
}

fn photograph(skin: &ResidentSurface, side: PatientDirection) -> Result<Photo, String> {
    let mut scene = Scene {
        volumes: Vec::new(),
        surfaces: vec![SurfaceLayer::new(skin)],
        clip: Clip::NONE,
        camera: Camera {
            eye_mm: DVec3::ZERO,
            target_mm: DVec3::Y,
            up: DVec3::Z,
            field_of_view_radians: 0.4,
        },
        background: WALL,
    };
    scene.camera = Camera::from_side(side, scene.bounds_mm(), f64::from(SIZE.0) / f64::from(SIZE.1));
    let picture = cpu::Renderer::new()
        .draw(&scene, SIZE.0, SIZE.1, Quality::FINE)
        .map_err(|e| e.to_string())?;
    Ok(Photo {
        columns: picture.width as usize,
        rows: picture.height as usize,
        rgb: picture
            .rgba
            .chunks_exact(4)
            .flat_map(|p| [p[0], p[1], p[2]])
            .collect(),
    })
}
