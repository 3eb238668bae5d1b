//! The bytes of one frame to depth in millimeters and color.

use std::io::Read;

use geometry::{DAffine3, DVec3, Pinhole};
use intake::budget::check_frame;

use super::{DepthEncoding, FramePlan, picture, truedepth_ply};
use crate::CaptureError;

const FORMAT: &str = "depth frame";
/// What a confidence of nothing at all is stored as.
const NO_CONFIDENCE: u16 = 0;

/// The content of the files of one frame.
#[derive(Clone, Copy, Debug)]
pub struct FrameBytes<'a> {
    /// Its depth.
    pub depth: &'a [u8],
    /// Its color picture.
    pub color: Option<&'a [u8]>,
    /// How sure the device is of each depth.
    pub confidence: Option<&'a [u8]>,
}

/// A color picture taken from the place of the depth camera.
#[derive(Clone, Debug, PartialEq)]
pub struct Color {
    /// `[row][column][red, green, blue]`, sRGB.
    pub rgb: Vec<[u8; 3]>,
    /// Its camera.
    pub camera: Pinhole,
}

/// One decoded frame. Camera axes: x right, y down, z forward.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// `[row][column]`, mm along z; NaN where nothing was measured.
    pub depth_mm: Vec<f32>,
    /// The camera of the depth, without distortion.
    pub camera: Pinhole,
    /// What it looked like.
    pub color: Option<Color>,
    /// Camera mm to world mm; rigid.
    pub world_from_camera: Option<DAffine3>,
    /// Which way is down, in camera axes; any length.
    pub gravity_in_camera: Option<DVec3>,
    /// Seconds.
    pub timestamp_secs: Option<f64>,
}

/// Decodes one frame of a capture.
///
/// # Errors
/// When a file breaks the rules of its format, asks for more than its budget, or does not fit the plan.
pub fn decode_frame(plan: &FramePlan, bytes: &FrameBytes<'_>) -> Result<Frame, CaptureError> {
    let mut frame = match plan.encoding {
        DepthEncoding::TrueDepthPly => truedepth_ply::decode(bytes.depth)?,
        DepthEncoding::Png { unit_mm, offset_mm } => {
            let (width, height, samples) = picture::gray(bytes.depth)?;
            let (scale, offset) = (unit_mm as f32, offset_mm as f32);
            let value = |&v: &u16| {
                if v == 0 {
                    0.0
                } else {
                    f32::from(v) * scale + offset
                }
            };
            of_samples(plan, width, height, samples.iter().map(value))?
        }
        DepthEncoding::SunPng => {
            let (width, height, samples) = picture::gray(bytes.depth)?;
            of_samples(
                plan,
                width,
                height,
                samples.iter().map(|v| f32::from(v.rotate_right(3))),
            )?
        }
        DepthEncoding::Record3d => record3d(plan, bytes.depth)?,
    };
    if let Some(confidence) = bytes.confidence {
        mask(&mut frame, confidence)?;
    }
    if let Some(color) = bytes.color {
        let (width, height, rgb) = picture::color(color)?;
        frame.color = Some(Color {
            rgb,
            camera: plan.camera.unwrap_or(frame.camera).resized(width, height),
        });
    }
    frame.world_from_camera = plan.world_from_camera;
    frame.gravity_in_camera = plan.gravity_in_camera;
    frame.timestamp_secs = plan.timestamp_secs.or(frame.timestamp_secs);
    Ok(frame)
}

/// A frame of samples in mm, of which those that are not above zero were not measured.
fn of_samples(
    plan: &FramePlan,
    width: u32,
    height: u32,
    samples: impl Iterator<Item = f32>,
) -> Result<Frame, CaptureError> {
    let camera = plan
        .camera
        .ok_or_else(|| malformed("no camera is known for it"))?;
    let camera = camera.resized(width, height);
    if !camera.is_usable() {
        return Err(malformed("its camera is not usable"));
    }
    Ok(Frame {
        depth_mm: samples.map(|z| if z > 0.0 { z } else { f32::NAN }).collect(),
        camera,
        color: None,
        world_from_camera: None,
        gravity_in_camera: None,
        timestamp_secs: None,
    })
}

fn malformed(what: impl Into<String>) -> CaptureError {
    CaptureError::Malformed {
        format: FORMAT,
        what: what.into(),
    }
}

/// Floats or half floats of meters, compressed; their number tells which.
fn record3d(plan: &FramePlan, bytes: &[u8]) -> Result<Frame, CaptureError> {
    // LiDAR and TrueDepth pictures of older recordings that do not state a size.
    let sizes = match plan.depth_size {
        Some(size) => vec![size],
        None => vec![[192, 256], [480, 640]],
    };
    let mut largest = 0;
    for [width, height] in &sizes {
        largest = check_frame(u64::from(*height), u64::from(*width), 1, 4)?.max(largest);
    }
    let mut raw = Vec::new();
    let mut decoder = lzfse_rust::LzfseRingDecoder::default();
    let mut reader = decoder.reader_bytes(bytes).take(largest.saturating_add(1));
    reader
        .read_to_end(&mut raw)
        .map_err(|error| CaptureError::Malformed {
            format: "LZFSE",
            what: error.to_string(),
        })?;
    for [width, height] in sizes {
        let pixels = u64::from(width).saturating_mul(u64::from(height));
        if raw.len() as u64 == pixels.saturating_mul(4) {
            let (values, _) = raw.as_chunks::<4>();
            return of_samples(
                plan,
                width,
                height,
                values.iter().map(|v| f32::from_le_bytes(*v) * 1000.0),
            );
        }
        if raw.len() as u64 == pixels.saturating_mul(2) {
            let (values, _) = raw.as_chunks::<2>();
            return of_samples(
                plan,
                width,
                height,
                values.iter().map(|v| half(u16::from_le_bytes(*v)) * 1000.0),
            );
        }
    }
    Err(malformed(format!(
        "{} bytes of depth do not fit its size",
        raw.len()
    )))
}

/// A half-precision float (IEEE 754 binary16).
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 31);
    let fraction = f32::from(bits & 1023) / 1024.0;
    sign * match exponent {
        0 => fraction * 2f32.powi(-14),
        31 => f32::NAN,
        _ => (1.0 + fraction) * 2f32.powi(exponent - 15),
    }
}

/// Removes the depths that the device itself does not trust at all.
fn mask(frame: &mut Frame, confidence: &[u8]) -> Result<(), CaptureError> {
    let (width, height, samples) = picture::gray(confidence)?;
    if (width, height) != (frame.camera.width, frame.camera.height) {
        return Err(malformed(format!(
            "{width} x {height} confidences for {} x {} depths",
            frame.camera.width, frame.camera.height
        )));
    }
    for (depth, sample) in frame.depth_mm.iter_mut().zip(samples) {
        if sample == NO_CONFIDENCE {
            *depth = f32::NAN;
        }
    }
    Ok(())
}
