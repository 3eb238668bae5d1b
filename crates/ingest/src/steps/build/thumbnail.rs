//! Step 6: the small picture of an item.

use artifact::frames::{Channels, FrameShape};
use catalog::NewArtifact;
use domain::ArtifactKind;
use geometry::PatientDirection;
use renderer::cpu::{self, Quality};
use renderer::{Camera, Clip, ResidentVolume, Scene, VolumeLayer, preset};
use serde_json::json;
use vault::ObjectId;
use volume::{GridGeometry, Rescale, Sample, Samples, Statistics};

use crate::IngestError;
use crate::place::Place;
use crate::steps::record::artifact;

/// Pixels along each side.
pub(super) const SIDE: u32 = 320;
/// Samples of the level that it is drawn from, at most.
pub(super) const LEVEL_SAMPLES: u64 = 128 * 128 * 128;
/// The ground of a viewer by night, sRGB.
pub(crate) const GROUND: [f32; 3] = [0.043, 0.055, 0.067];

/// The volume from the patient's front, a little from the left, as PNG.
pub(super) fn of_volume(
    samples: Samples,
    grid: GridGeometry,
    rescale: &Rescale,
    statistics: &Statistics,
    modality: Option<&str>,
) -> Result<Vec<u8>, IngestError> {
    let preset =
        preset(preset_for(modality)).ok_or_else(|| IngestError::Broken("a preset is missing".to_owned()))?;
    let transfer = preset.transfer(meaningful_range(statistics, rescale));
    let camera = Camera::from_side(PatientDirection::Anterior, grid.bounds_mm(), 1.0).turned(0.45);
    let volume = ResidentVolume::dense(grid, samples, rescale.clone())
        .map_err(|e| IngestError::Broken(e.to_string()))?;
    let layer = VolumeLayer::new(&volume, &transfer);
    let scene = Scene {
        volumes: vec![layer],
        surfaces: Vec::new(),
        clip: Clip::NONE,
        camera,
        background: GROUND,
    };
    let picture = cpu::Renderer::new()
        .draw(&scene, SIDE, SIDE, Quality::QUICK)
        .map_err(|e| IngestError::Broken(format!("the thumbnail could not be drawn: {e}")))?;
    Ok(artifact::thumbnail::encode_png(
        picture.width,
        picture.height,
        &picture.rgba,
    )?)
}

/// The preset of a modality where nobody chose one.
pub(crate) fn preset_for(modality: Option<&str>) -> &'static str {
    match modality {
        Some("CT") => "CT-Skin",
        _ => "MR-Default",
    }
}

/// From the 1st to the 99.5th percentile, rescaled: what a relative preset is stretched over.
pub(crate) fn meaningful_range(statistics: &Statistics, rescale: &Rescale) -> (f64, f64) {
    let at = |fraction| {
        statistics
            .histogram
            .percentile(fraction)
            .map(|stored| rescale.value(stored))
    };
    let (a, b) = (at(0.01).unwrap_or(0.0), at(0.995).unwrap_or(1.0));
    (a.min(b), a.max(b))
}

/// One picture made smaller, as PNG; `dark` and `bright` are the stored values that become black and white.
pub(super) fn of_frame<T: Sample>(
    samples: &[T],
    shape: FrameShape,
    &(dark, bright): &(f64, f64),
) -> Result<Vec<u8>, IngestError> {
    let (columns, rows) = (shape.columns as usize, shape.rows as usize);
    let longest = columns.max(rows).max(1);
    let fitted = |n: usize| (n * SIDE as usize / longest).clamp(1, n.max(1));
    let (width, height) = (fitted(columns), fitted(rows));
    let channels = shape.channels.count();
    let span = if bright == dark { 1.0 } else { bright - dark };
    let mut rgba = Vec::with_capacity(width * height * 4);
    for y in 0..height {
        for x in 0..width {
            // The mean of the pixels that this one stands for.
            let (xs, ys) = (span_of(x, width, columns), span_of(y, height, rows));
            let mean = |channel: usize| {
                let all = ys
                    .clone()
                    .flat_map(|y| xs.clone().map(move |x| (y * columns + x) * channels + channel));
                all.map(|at| samples[at].to_f64()).sum::<f64>() / (xs.len() * ys.len()) as f64
            };
            match shape.channels {
                Channels::Rgb => rgba.extend((0..3).map(|channel| mean(channel).round() as u8)),
                Channels::Gray => rgba.extend([(((mean(0) - dark) / span) * 255.0).round() as u8; 3]),
            }
            rgba.push(255);
        }
    }
    Ok(artifact::thumbnail::encode_png(
        width as u32,
        height as u32,
        &rgba,
    )?)
}

/// Which of `from` pixels the pixel `at` of `to` stands for.
fn span_of(at: usize, to: usize, from: usize) -> std::ops::Range<usize> {
    let start = at * from / to;
    start..((at + 1) * from / to).max(start + 1)
}

/// A thumbnail, stored.
pub(super) fn artifact_of(place: &Place, id: ObjectId, png: &[u8]) -> Result<NewArtifact, IngestError> {
    let object = place.put(id, png)?;
    artifact(
        ArtifactKind::Thumbnail,
        "thumbnail",
        json!({ "longest_side": SIDE }),
        vec![("png", object)],
    )
}
