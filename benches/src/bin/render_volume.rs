//! Times frames of a volume while it turns, with the camera, transfer function and step of the peers' script, and axial
//! slices of it, and prints a JSON line for each: `render_volume FOLDER PNG [PEER_PNG]`. `PNG` is the last frame; when `PEER_PNG` is the peer's, the two are
//! compared.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use benches::series;
use geometry::{DVec3, GridGeometry};
use renderer::cpu::{Quality, Renderer};
use renderer::{
    Camera, Clip, ControlPoint, Picture, ResidentVolume, Scene, Slab, Slice, SliceLayer, SlicePlane,
    TransferFunction, VolumeLayer, Window,
};
use volume::{Rescale, Samples};

const SIZE: u32 = 512;
const FRAMES: u32 = 6;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let usage = "usage: render_volume FOLDER PNG [PEER_PNG]";
    let (folder, png) = (arguments.next().context(usage)?, arguments.next().context(usage)?);
    let (grid, stored) = series::load(&folder)?;
    let hu = Rescale {
        intercept: -1024.0,
        ..Rescale::IDENTITY
    };
    let volume = ResidentVolume::dense(grid, Samples::U16(stored), hu)?;
    let transfer = transfer()?;
    let mut renderer = Renderer::new();
    let mut secs = Vec::new();
    let mut picture = None;
    let mut first_picture_s = 0.0;
    for frame in 0..=FRAMES {
        let scene = Scene {
            volumes: vec![VolumeLayer::new(&volume, &transfer)],
            surfaces: vec![],
            clip: Clip::NONE,
            camera: camera(&grid, frame),
            background: [0.0; 3],
        };
        let start = Instant::now();
        picture = Some(renderer.draw(&scene, SIZE, SIZE, Quality::QUICK)?);
        match frame {
            0 => first_picture_s = start.elapsed().as_secs_f64(),
            _ => secs.push(start.elapsed().as_secs_f64()),
        }
    }
    let picture = picture.context("a picture")?;
    write(&picture, &png)?;
    let mut extra = format!(
        "\"first_picture_s\": {first_picture_s:.4}, \"beside_samples\": {:.4}",
        (volume.resident_bytes() + renderer.resident_bytes()) as f64
            / volume.samples().as_bytes().len() as f64
            - 1.0
    );
    if let Some(peer) = arguments.next() {
        let [overlap, difference] = compare(&picture, &peer)?;
        extra += &format!(", \"overlap\": {overlap:.4}, \"mean_difference\": {difference:.2}");
    }
    benches::report("render", &mut secs, &extra);
    let mut secs = slices(&mut renderer, &volume)?;
    benches::report("axial slice", &mut secs, "\"size\": 512");
    Ok(())
}

/// Axial slices of all of the volume, each once: how long each takes.
fn slices(renderer: &mut Renderer, volume: &ResidentVolume) -> Result<Vec<f64>> {
    let grid = volume.grid();
    let middle = SlicePlane::axial(grid.bounds_mm().center(), 1.0).fitted(grid, SIZE, SIZE);
    let mut secs = Vec::new();
    for step in -20..=20 {
        let slice = Slice {
            layers: vec![SliceLayer::new(volume, Window::new(480.0, 2500.0))],
            plane: middle.moved(f64::from(step) * 1.7),
            slab: Slab::THIN,
            clip: Clip::NONE,
            background: [0.0; 3],
        };
        let start = Instant::now();
        std::hint::black_box(renderer.draw_slice(&slice, SIZE, SIZE)?);
        secs.push(start.elapsed().as_secs_f64());
    }
    Ok(secs)
}

/// Opacity 0 at 200 HU, 0.6 at 500 and 0.9 at 2000 a mm; colors straight between the peer's, which mixes sRGB.
fn transfer() -> Result<TransferFunction> {
    let points = [
        (-1000.0, [0.0, 0.0, 0.0], 0.0),
        (200.0, [0.831, 0.738, 0.554], 0.0),
        (300.0, [0.9, 0.8, 0.6], 0.2),
        (500.0, [0.912, 0.824, 0.647], 0.6),
        (2000.0, [1.0, 1.0, 1.0], 0.9),
    ];
    let point = |(value, color, opacity)| ControlPoint {
        value,
        color,
        opacity,
    };
    Ok(TransferFunction::new(points.map(point).to_vec())?)
}

/// The peer's camera: all of the volume within 30 degrees, raised by -80 degrees, turned by 6 degrees a frame about y.
fn camera(grid: &GridGeometry, frame: u32) -> Camera {
    let spacing = DVec3::from_array(grid.spacing_mm());
    let size = DVec3::from_array(grid.dims().map(|n| f64::from(n - 1))) * spacing;
    let angle = 30f64.to_radians();
    let distance = size.length() * 0.5 / (angle * 0.5).sin();
    let raised = (-80f64).to_radians();
    let turned = 6f64.to_radians() * f64::from(frame);
    let from = DVec3::new(
        raised.cos() * turned.sin(),
        raised.sin(),
        raised.cos() * turned.cos(),
    );
    let center = grid.patient_from_voxel().translation + size * 0.5;
    Camera {
        eye_mm: center + from * distance,
        target_mm: center,
        up: DVec3::Y,
        field_of_view_radians: angle,
    }
}

fn write(picture: &Picture, path: &Path) -> Result<()> {
    let file = std::fs::File::create(path).with_context(|| path.display().to_string())?;
    let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&picture.rgba)?;
    Ok(())
}

/// How well a picture covers the same pixels as the peer's (intersection over union), and how far their brightness lies
/// apart in the mean where both are, of 255, once both are equally bright on the whole: their lights differ.
fn compare(picture: &Picture, peer: &Path) -> Result<[f64; 2]> {
    let file = std::io::BufReader::new(std::fs::File::open(peer)?);
    let mut reader = png::Decoder::new(file).read_info()?;
    let size = reader
        .output_buffer_size()
        .context("a picture of a usable size")?;
    let mut bytes = vec![0; size];
    let info = reader.next_frame(&mut bytes)?;
    if (info.width, info.height) != (picture.width, picture.height) {
        bail!("the pictures differ in size");
    }
    let channels = info.color_type.samples();
    let gray = |pixel: &[u8]| pixel[..3].iter().map(|&c| f64::from(c)).sum::<f64>() / 3.0;
    let both: Vec<[f64; 2]> = picture
        .rgba
        .chunks_exact(4)
        .zip(bytes.chunks_exact(channels))
        .map(|(a, b)| [gray(a), gray(b)])
        .collect();
    let is_lit = |g: f64| g > 8.0;
    let lit: Vec<&[f64; 2]> = both.iter().filter(|[a, b]| is_lit(*a) && is_lit(*b)).collect();
    let any = both.iter().filter(|[a, b]| is_lit(*a) || is_lit(*b)).count();
    let mean = |which: usize| lit.iter().map(|pair| pair[which]).sum::<f64>() / lit.len() as f64;
    let scale = mean(1) / mean(0);
    let apart = lit.iter().map(|[a, b]| (a * scale - b).abs()).sum::<f64>() / lit.len() as f64;
    Ok([lit.len() as f64 / any as f64, apart])
}
