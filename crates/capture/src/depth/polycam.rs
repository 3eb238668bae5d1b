//! Polycam's raw export: a JSON file a keyframe with intrinsics of the color picture and ARKit's pose; depth in
//! millimeters, with a picture of how sure each depth is.

use super::{Capture, DepthEncoding, FramePlan, Layout, find, json, poses};
use crate::{CaptureError, NamedBytes};

const FORMAT: &str = "Polycam capture";
/// `t_rc` for the rows and columns of the pose.
const NAMES: [&str; 12] = [
    "t_00", "t_01", "t_02", "t_03", "t_10", "t_11", "t_12", "t_13", "t_20", "t_21", "t_22", "t_23",
];

pub(super) fn read(layout: &Layout, files: &[NamedBytes<'_>]) -> Result<Capture, CaptureError> {
    let by_name: std::collections::BTreeMap<&str, &[u8]> = files.iter().map(|f| (f.name, f.bytes)).collect();
    let mut frames = Vec::new();
    for names in layout.frames.iter().take(super::MAX_FRAMES) {
        let bytes = names
            .camera
            .as_deref()
            .and_then(|name| by_name.get(name).copied().or_else(|| find(files, name)));
        let Some(bytes) = bytes else {
            return Err(CaptureError::Reference {
                format: FORMAT,
                reference: names.camera.clone().unwrap_or_default(),
                why: "which is not in the upload",
            });
        };
        let value = json::parse(FORMAT, bytes)?;
        let camera = json::camera(&value).ok_or_else(|| CaptureError::Malformed {
            format: FORMAT,
            what: "a camera file has no intrinsics".to_owned(),
        })?;
        let numbers: Option<Vec<f64>> = NAMES.iter().map(|name| json::number(&value, name)).collect();
        let rows = numbers.and_then(|n| [n, vec![0.0, 0.0, 0.0, 1.0]].concat().try_into().ok());
        let pose = rows.map(|rows| poses::from_arkit(&poses::from_rows(&rows, 1000.0)));
        frames.push(FramePlan {
            files: names.clone(),
            encoding: DepthEncoding::Png {
                unit_mm: 1.0,
                offset_mm: 0.0,
            },
            camera: Some(camera),
            depth_size: None,
            world_from_camera: pose,
            gravity_in_camera: pose.map(|pose| poses::gravity_of_y_up(&pose)),
            // Microseconds of the device's clock.
            timestamp_secs: json::number(&value, "timestamp").map(|t| t * 1e-6),
        });
    }
    Ok(Capture {
        frames,
        motion: Vec::new(),
        findings: Vec::new(),
    })
}
