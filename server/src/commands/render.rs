//! `vitrine render`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use geometry::{DVec2, DVec3, GridGeometry, PatientDirection};
use ingest::{Stage, SurfaceChoice, What};
use renderer::cpu::Quality;
use renderer::{Camera, Clip, Occlusion, Picture, Plane, Slab, SlabProjection, SlicePlane, Window, annotate};
use serde::{Deserialize, Serialize};

use super::PlaceArguments;
use super::back_end::{BackEnd, BackEndChoice};
use super::export::write_silently;
use super::source::{Source, drawing_options};
use crate::print;

/// From one frame of a turn to the next, degrees.
const TURN_DEGREES: f64 = 6.0;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Items, by their identifiers or the beginnings of them; or files and folders, which are read into a temporary place
    #[arg(required = true, value_name = "ITEM|FILE")]
    items: Vec<String>,
    #[command(flatten)]
    place: PlaceArguments,
    /// Width and height of the picture
    #[arg(long, value_name = "WxH", default_value = "512x512", value_parser = size)]
    size: (u32, u32),
    /// Transfer function of the volume [default: by modality]
    #[arg(long, value_name = "NAME", conflicts_with = "surfaces")]
    preset: Option<String>,
    /// Draw the surfaces of the item instead of its volume
    #[arg(long)]
    surfaces: bool,
    /// Draw how far its surface lies from another one: outward red, inward blue; by name, or the last comparison
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["preset", "surfaces"])]
    comparison: Option<String>,
    /// Side to look from: anterior, posterior, left, right, superior or inferior
    #[arg(long, value_name = "SIDE", default_value = "anterior", value_parser = side)]
    view: PatientDirection,
    /// Where to look from instead: `{"eye_mm":[x,y,z],"target_mm":[x,y,z],"up":[x,y,z],"field_of_view_degrees":n}`, patient LPS
    #[arg(long, value_name = "JSON", value_parser = camera, conflicts_with = "view")]
    camera: Option<Camera>,
    /// Turn about the body axis, counter-clockwise seen from the head
    #[arg(
        long,
        value_name = "DEGREES",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    turn_degrees: f64,
    /// Draw so many frames, each 6 degrees further, into numbered files
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3600))]
    turn: Option<u32>,
    /// Draw a slice instead: axial, coronal, sagittal, or acquired for a slice as it was taken
    #[arg(long, value_name = "PLANE", conflicts_with_all = ["surfaces", "comparison", "turn", "camera", "view"])]
    slice: Option<PlaneKind>,
    /// Where the slice lies: mm along the patient's axis, or the number of an acquired slice [default: the middle]
    #[arg(long, value_name = "MM", requires = "slice", allow_negative_numbers = true)]
    at: Option<f64>,
    /// Window width and level of the slice, such as 400/40 [default: that of the series]
    #[arg(long, value_name = "W/L", requires = "slice", value_parser = window, allow_hyphen_values = true)]
    window: Option<Window>,
    /// Thickness that the slice shows, and what of it: MM, MM:max, MM:min or MM:mean
    #[arg(long, value_name = "MM", requires = "slice", value_parser = slab)]
    slab: Option<Slab>,
    /// Cut away everything on one side beyond a place: SIDE=MM, such as left=-20; may be given several times
    #[arg(long = "clip", value_name = "SIDE=MM", value_parser = clip, allow_hyphen_values = true)]
    clips: Vec<Plane>,
    /// How carefully: fine, or quick as for moving pictures
    #[arg(long, value_name = "HOW", default_value = "fine")]
    quality: QualityKind,
    /// Soft shadows and ambient occlusion in volumes
    #[arg(long)]
    shadows: bool,
    /// What draws: the processor, a graphics device, or auto for a real graphics device where there is one
    #[arg(long, value_name = "WHAT", default_value = "auto")]
    back_end: BackEndChoice,
    /// Leave out letters and scales
    #[arg(long)]
    plain: bool,
    /// Where the picture goes
    #[arg(long, value_name = "FILE")]
    png: PathBuf,
    /// Print what it took as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum PlaneKind {
    Axial,
    Coronal,
    Sagittal,
    Acquired,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum QualityKind {
    Fine,
    Quick,
}

/// What a picture took: the object that `--json` prints.
#[derive(Serialize)]
struct Report {
    /// What drew.
    adapter: String,
    backend: &'static str,
    /// From the stored item to the first picture.
    first_picture_ms: f64,
    /// Of the frames after the first, or of the first where it is the only one.
    frame_median_ms: f64,
    frame_min_ms: f64,
    /// What is held in memory to draw: data, and what is derived from it.
    resident_bytes: u64,
    pictures: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let options = drawing_options(if arguments.surfaces {
        SurfaceChoice::ByModality
    } else {
        SurfaceChoice::None
    })?;
    // Kept until everything is drawn.
    let source = Source::open(&arguments.items, &arguments.place, &options)?;
    let mut renderer = BackEnd::open(arguments.back_end)?;
    let start = Instant::now();
    let what = match &arguments.comparison {
        Some(name) => What::Comparison {
            name: Some(name.clone()).filter(|name| !name.is_empty()),
        },
        None if arguments.surfaces => What::Surfaces,
        None => What::Volume {
            preset: arguments.preset.clone(),
        },
    };
    let stage = source
        .place
        .stage(&source.items, &what, arguments.size, &options)?;
    let mut times_ms = Vec::new();
    let mut first_picture_ms = 0.0;
    let mut pictures = Vec::new();
    for frame in 0..arguments.turn.unwrap_or(1) {
        let began = Instant::now();
        let picture = draw(arguments, &stage, &mut renderer, frame)?;
        times_ms.push(milliseconds(began));
        if frame == 0 {
            first_picture_ms = milliseconds(start);
        }
        let file = match arguments.turn {
            Some(_) => numbered(&arguments.png, frame),
            None => arguments.png.clone(),
        };
        let png = artifact::thumbnail::encode_png(picture.width, picture.height, &picture.rgba)?;
        write_silently(&file, |out| Ok(out.write_all(&png)?))?;
        if !arguments.json {
            println!("wrote {}", file.display());
        }
        pictures.push(file);
    }
    if times_ms.len() > 1 {
        times_ms.remove(0);
    }
    times_ms.sort_unstable_by(f64::total_cmp);
    if !arguments.json {
        return Ok(());
    }
    let (adapter, backend) = renderer.name();
    print::json(&Report {
        adapter,
        backend,
        first_picture_ms,
        frame_median_ms: times_ms[times_ms.len() / 2],
        frame_min_ms: times_ms[0],
        resident_bytes: stage.resident_bytes() + renderer.resident_bytes(),
        pictures,
    })
}

fn draw(arguments: &Arguments, stage: &Stage, renderer: &mut BackEnd, frame: u32) -> Result<Picture> {
    let size = arguments.size;
    let clip = Clip {
        planes: arguments.clips.clone(),
        box_from_patient: None,
    };
    if let Some(kind) = arguments.slice {
        let grid = stage.grid().context("there is no volume to slice")?;
        let plane = plane_of(kind, arguments.at, grid, size);
        let slab = arguments.slab.unwrap_or(Slab::THIN);
        let mut picture = renderer.draw_slice(&stage.slice(plane, slab, arguments.window, clip), size)?;
        if !arguments.plain {
            annotate::letters(&mut picture, &plane.letters());
            annotate::scale_bar(&mut picture, &plane.scale_bar(size.0));
        }
        return Ok(picture);
    }
    if let Some(photo) = stage.photo() {
        return Ok(photo.clone());
    }
    let turn = arguments.turn_degrees + TURN_DEGREES * f64::from(frame);
    let aspect = f64::from(size.0) / f64::from(size.1);
    let camera = arguments
        .camera
        .unwrap_or_else(|| Camera::from_side(arguments.view, stage.bounds_mm(), aspect));
    let quality = match arguments.quality {
        QualityKind::Fine => Quality::FINE,
        QualityKind::Quick => Quality::QUICK,
    };
    let mut scene = stage.scene(camera.turned(turn.to_radians()), clip);
    if arguments.shadows {
        scene.occlude(Occlusion::FULL);
    }
    let mut picture = renderer.draw(&scene, size, quality)?;
    if let Some((scale, unit)) = stage.color_scale().filter(|_| !arguments.plain) {
        annotate::color_scale(&mut picture, scale, unit);
    }
    Ok(picture)
}

/// The plane that is asked for, with all of the volume in the picture.
fn plane_of(
    kind: PlaneKind,
    at: Option<f64>,
    grid: &GridGeometry,
    (width, height): (u32, u32),
) -> SlicePlane {
    let [nx, ny, nz] = grid.dims().map(|n| (f64::from(n) - 1.0) * 0.5);
    let mut center = grid.patient_from_voxel().transform_point3(DVec3::new(nx, ny, nz));
    let plane = match kind {
        PlaneKind::Acquired => SlicePlane::acquired(grid, at.unwrap_or(nz.floor())),
        PlaneKind::Axial => {
            center.z = at.unwrap_or(center.z);
            SlicePlane::axial(center, 1.0)
        }
        PlaneKind::Coronal => {
            center.y = at.unwrap_or(center.y);
            SlicePlane::coronal(center, 1.0)
        }
        PlaneKind::Sagittal => {
            center.x = at.unwrap_or(center.x);
            SlicePlane::sagittal(center, 1.0)
        }
    };
    match kind {
        // Its own middle, and pixels as large as its samples where they fit exactly.
        PlaneKind::Acquired => {
            let m = grid.patient_from_voxel().matrix3;
            let across = f64::from(grid.dims()[0]) * m.x_axis.length() / f64::from(width);
            let along = f64::from(grid.dims()[1]) * m.y_axis.length() / f64::from(height);
            SlicePlane {
                mm_per_pixel: across.max(along),
                ..plane
            }
        }
        _ => plane.fitted(grid, width, height),
    }
}

/// `picture.png` as `picture-007.png`.
fn numbered(file: &Path, frame: u32) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let extension = file
        .extension()
        .map_or_else(|| "png".into(), |e| e.to_string_lossy());
    file.with_file_name(format!("{stem}-{frame:03}.{extension}"))
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn size(text: &str) -> Result<(u32, u32)> {
    let (width, height) = text
        .split_once('x')
        .context("a size is given as WxH, such as 512x512")?;
    let number = |text: &str| match text.parse::<u32>() {
        Ok(n @ 1..=8192) => Ok(n),
        _ => bail!("{text} is not between 1 and 8192"),
    };
    Ok((number(width)?, number(height)?))
}

fn side(text: &str) -> Result<PatientDirection> {
    Ok(match text {
        "anterior" => PatientDirection::Anterior,
        "posterior" => PatientDirection::Posterior,
        "left" => PatientDirection::Left,
        "right" => PatientDirection::Right,
        "superior" => PatientDirection::Superior,
        "inferior" => PatientDirection::Inferior,
        _ => bail!("the sides are anterior, posterior, left, right, superior and inferior"),
    })
}

fn number(text: &str) -> Result<f64> {
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => bail!("{text} is not a number"),
    }
}

fn window(text: &str) -> Result<Window> {
    let (width, level) = text
        .split_once('/')
        .context("a window is given as W/L, such as 400/40")?;
    let window = Window::new(number(level)?, number(width)?);
    if !window.is_valid() {
        bail!("a window is at least 1 wide");
    }
    Ok(window)
}

fn slab(text: &str) -> Result<Slab> {
    let (thickness, projection) = text.split_once(':').unwrap_or((text, "mean"));
    let thickness_mm = number(thickness)?;
    if thickness_mm < 0.0 {
        bail!("a slab has a thickness of 0 or more");
    }
    Ok(Slab {
        thickness_mm,
        projection: match projection {
            "max" => SlabProjection::Maximum,
            "min" => SlabProjection::Minimum,
            "mean" => SlabProjection::Mean,
            _ => bail!("a slab shows max, min or mean"),
        },
    })
}

fn clip(text: &str) -> Result<Plane> {
    let (name, mm) = text
        .split_once('=')
        .context("a cut is given as SIDE=MM, such as left=-20")?;
    let away = side(name)?.in_patient();
    // The number is the patient coordinate itself, whichever way the side points.
    Ok(Plane {
        point_mm: away.abs() * number(mm)?,
        normal: -away,
    })
}

/// A camera as it is given in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CameraJson {
    eye_mm: [f64; 3],
    target_mm: [f64; 3],
    up: [f64; 3],
    field_of_view_degrees: f64,
}

fn camera(text: &str) -> Result<Camera> {
    let given: CameraJson = serde_json::from_str(text)?;
    let camera = Camera {
        eye_mm: given.eye_mm.into(),
        target_mm: given.target_mm.into(),
        up: given.up.into(),
        field_of_view_radians: given.field_of_view_degrees.to_radians(),
    };
    camera.ray(DVec2::ZERO, 1, 1)?;
    Ok(camera)
}
