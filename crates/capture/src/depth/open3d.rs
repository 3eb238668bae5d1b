//! Open3D's and Redwood's folders.
//!
//! Depth is in millimeters unless `capture.json` says otherwise; `trajectory.log` leads from camera to world, in
//! meters unless it says otherwise.

use geometry::{DAffine3, Pinhole};

use super::{Capture, DepthEncoding, Finding, FrameFiles, FramePlan, Layout, PRIMESENSE, find, json, poses};
use crate::{CaptureError, NamedBytes};

const FORMAT: &str = "Open3D capture";

/// What `capture.json` may say.
pub(super) struct Conventions {
    pub(super) unit_mm: Option<f64>,
    pose_unit_mm: f64,
    is_camera_from_world: bool,
    is_rounded: bool,
}

impl Conventions {
    /// What is added to a depth, mm. Programs that state a unit cut values off to whole units unless they say that
    /// they round: the middle of what a value stands for is half a unit deeper.
    pub(super) fn offset_mm(&self) -> f64 {
        if self.is_rounded {
            return 0.0;
        }
        0.5 * self.unit_mm.unwrap_or(0.0)
    }
}

pub(super) fn conventions(layout: &Layout, files: &[NamedBytes<'_>]) -> Result<Conventions, CaptureError> {
    let mut found = Conventions {
        unit_mm: None,
        pose_unit_mm: 1000.0,
        is_camera_from_world: false,
        is_rounded: false,
    };
    let Some(bytes) = layout
        .described("capture.json")
        .and_then(|name| find(files, name))
    else {
        return Ok(found);
    };
    let value = json::parse(FORMAT, bytes)?;
    found.unit_mm = json::number(&value, "depth_unit_mm");
    if let Some(unit) = found.unit_mm.filter(|unit| !(1e-4..=1000.0).contains(unit)) {
        return Err(CaptureError::Malformed {
            format: FORMAT,
            what: format!("a depth unit of {unit} mm"),
        });
    }
    let word = |name: &str| value.get(name).and_then(|v| v.as_str());
    found.pose_unit_mm = match word("pose_unit") {
        None | Some("m") => 1000.0,
        Some("cm") => 10.0,
        Some("mm") => 1.0,
        Some(other) => {
            return Err(CaptureError::Unsupported {
                format: FORMAT,
                what: format!("the pose unit \"{}\"", other.chars().take(20).collect::<String>()),
            });
        }
    };
    found.is_rounded = word("depth_rounding") == Some("nearest");
    found.is_camera_from_world = word("pose") == Some("world_to_camera");
    Ok(found)
}

/// The first described file that holds a camera.
pub(super) fn camera(
    layout: &Layout,
    files: &[NamedBytes<'_>],
) -> Result<Option<(Pinhole, Option<f64>)>, CaptureError> {
    for name in layout.description.iter().filter(|name| name.ends_with(".json")) {
        let Some(bytes) = find(files, name) else { continue };
        if bytes.len() as u64 > intake::budget::MAX_JSON_BYTES {
            continue;
        }
        let value = json::parse(FORMAT, bytes)?;
        if let Some(camera) = json::camera(&value) {
            // Units a meter, as Open3D's and RealSense's files state it.
            let scale = json::number(&value, "depth_scale").filter(|s| (1.0..=1e6).contains(s));
            return Ok(Some((camera, scale.map(|s| 1000.0 / s))));
        }
    }
    Ok(None)
}

/// The poses of the frames, as far as the trajectory has them: by its frame numbers if they are those of the frames,
/// else in order.
pub(super) fn trajectory(
    layout: &Layout,
    files: &[NamedBytes<'_>],
    frames: usize,
    conventions: &Conventions,
) -> Result<Vec<Option<DAffine3>>, CaptureError> {
    let mut found = vec![None; frames];
    let Some(bytes) = layout
        .described("trajectory.log")
        .and_then(|name| find(files, name))
    else {
        return Ok(found);
    };
    let entries = poses::trajectory(FORMAT, bytes)?;
    for (i, entry) in entries.iter().enumerate() {
        let mut pose = poses::from_rows(&entry.rows, conventions.pose_unit_mm);
        if conventions.is_camera_from_world {
            pose = poses::inverse(&pose);
        }
        let number = if entries.len() == frames {
            Some(i)
        } else {
            usize::try_from(entry.frame).ok()
        };
        if let Some(place) = number.and_then(|n| found.get_mut(n)) {
            *place = Some(pose);
        }
    }
    Ok(found)
}

pub(super) fn read(layout: &Layout, files: &[NamedBytes<'_>]) -> Result<Capture, CaptureError> {
    let conventions = conventions(layout, files)?;
    let camera = camera(layout, files)?;
    let mut findings = Vec::new();
    if camera.is_none() {
        findings.push(Finding::AssumedIntrinsics);
    }
    let stated = conventions.unit_mm.or_else(|| camera.and_then(|(_, unit)| unit));
    // A thousandth of a meter is what every program of this family takes.
    let unit_mm = stated.unwrap_or(1.0);
    plan(
        layout,
        files,
        &conventions,
        camera.map_or(PRIMESENSE, |(camera, _)| camera),
        DepthEncoding::Png {
            unit_mm,
            offset_mm: conventions.offset_mm(),
        },
        findings,
    )
}

pub(super) fn plan(
    layout: &Layout,
    files: &[NamedBytes<'_>],
    conventions: &Conventions,
    camera: Pinhole,
    encoding: DepthEncoding,
    findings: Vec<Finding>,
) -> Result<Capture, CaptureError> {
    let poses = trajectory(layout, files, layout.frames.len(), conventions)?;
    let frame = |(files, world_from_camera): (&FrameFiles, Option<DAffine3>)| FramePlan {
        files: files.clone(),
        encoding,
        camera: Some(camera),
        depth_size: None,
        world_from_camera,
        gravity_in_camera: None,
        timestamp_secs: None,
    };
    Ok(Capture {
        frames: layout
            .frames
            .iter()
            .zip(poses)
            .take(super::MAX_FRAMES)
            .map(frame)
            .collect(),
        motion: Vec::new(),
        findings,
    })
}
