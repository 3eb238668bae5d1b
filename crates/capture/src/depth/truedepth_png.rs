//! TrueDepth frames as 16-bit PNG, with the device's description of each frame in `DepthMetadata.json`, as the recording
//! app of Urban et al. ("On the issues of TrueDepth sensor data", 2022) writes them: 10,000 units a meter.
//!
//! Matrices are written as text, a row a key. They refer to the depth picture; the dimensions named beside them are
//! those of the sensor.

use geometry::{DVec3, Pinhole};
use serde_json::Value;

use super::{Capture, DepthEncoding, Finding, FramePlan, GravitySample, Layout, find, json, motion, poses};
use crate::{CaptureError, NamedBytes};

const FORMAT: &str = "TrueDepth PNG capture";
/// No file of the capture states it, but the app's own evaluation takes it.
const UNIT_MM: f64 = 0.1;

pub(super) fn read(layout: &Layout, files: &[NamedBytes<'_>]) -> Result<Capture, CaptureError> {
    let bytes = layout
        .described("DepthMetadata.json")
        .and_then(|name| find(files, name))
        .ok_or_else(|| malformed("DepthMetadata.json is missing"))?;
    let value = json::parse(FORMAT, bytes)?;
    let entries = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let accelerometer = layout
        .described("Accelerometer.txt")
        .and_then(|name| find(files, name));
    let samples = accelerometer.map(gravity).transpose()?.unwrap_or_default();
    let mut frames = Vec::new();
    for names in layout.frames.iter().take(super::MAX_FRAMES) {
        let file = names.depth.rsplit('/').next().unwrap_or_default();
        let stamp = super::layout::stem(file)
            .rsplit('_')
            .next()
            .and_then(|t| t.parse::<f64>().ok());
        let entry = entries
            .iter()
            .find(|entry| json::number(entry, "Timestamp") == stamp && stamp.is_some());
        let Some((entry, stamp)) = entry.zip(stamp) else {
            return Err(malformed("DepthMetadata.json does not describe every frame"));
        };
        let camera =
            camera(entry).ok_or_else(|| malformed("DepthMetadata.json has no intrinsics for a frame"))?;
        let time = stamp * 1e-3;
        frames.push(FramePlan {
            files: names.clone(),
            encoding: DepthEncoding::Png {
                unit_mm: UNIT_MM,
                offset_mm: 0.0,
            },
            camera: Some(camera),
            depth_size: None,
            world_from_camera: None,
            gravity_in_camera: motion::nearest(&samples, time),
            timestamp_secs: Some(time),
        });
    }
    let mut findings = vec![Finding::AssumedDepthUnit { unit_mm: UNIT_MM }];
    let names_distortion = entries
        .iter()
        .any(|entry| entry.get("LensDistortionCenter").is_some());
    if names_distortion {
        findings.push(Finding::UnknownDistortion);
    }
    Ok(Capture {
        frames,
        motion: samples,
        findings,
    })
}

fn malformed(what: &str) -> CaptureError {
    CaptureError::Malformed {
        format: FORMAT,
        what: what.to_owned(),
    }
}

fn camera(entry: &Value) -> Option<Pinhole> {
    let row = |name: &str| -> Option<[f64; 3]> {
        let text = entry.get(name)?.as_str()?;
        let numbers: Result<Vec<f64>, _> = text
            .trim_matches(|c: char| "() ".contains(c))
            .split(',')
            .map(|word| word.trim().parse::<f64>())
            .collect();
        numbers.ok()?.try_into().ok()
    };
    let [fx, _, cx] = row("IntrinsicMatrix.0")?;
    let [_, fy, cy] = row("IntrinsicMatrix.1")?;
    let camera = Pinhole {
        width: json::size(entry, "Width")?,
        height: json::size(entry, "Height")?,
        focal_px: [fx, fy],
        center_px: [cx, cy],
    };
    camera.is_usable().then_some(camera)
}

/// Lines of milliseconds and acceleration along the device's axes: at rest, which way is down.
fn gravity(bytes: &[u8]) -> Result<Vec<GravitySample>, CaptureError> {
    let text = poses::text(FORMAT, bytes)?;
    let sample = |line: &str| {
        let numbers: Result<Vec<f64>, _> = line.split_ascii_whitespace().map(str::parse).collect();
        match numbers.ok()?[..] {
            [t, x, y, z] if [t, x, y, z].iter().all(|v| v.is_finite()) => Some(GravitySample {
                timestamp_secs: t * 1e-3,
                gravity_in_camera: motion::in_front_camera(DVec3::new(x, y, z)),
            }),
            _ => None,
        }
    };
    Ok(text
        .lines()
        .filter_map(sample)
        .take(motion::MAX_SAMPLES)
        .collect())
}
