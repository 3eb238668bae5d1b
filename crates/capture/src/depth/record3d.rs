//! Record3D's `.r3d`: a ZIP of `metadata` (JSON) and, for each frame, a JPEG and LZFSE-compressed depth.
//!
//! Intrinsics refer to the color pictures. Poses are ARKit's: camera to world, meters, y up, as quaternion and place.

use geometry::DVec3;
use serde_json::Value;

use super::{Capture, DepthEncoding, FramePlan, Layout, find, json, poses};
use crate::{CaptureError, NamedBytes};

const FORMAT: &str = "Record3D capture";

pub(super) fn read(layout: &Layout, files: &[NamedBytes<'_>]) -> Result<Capture, CaptureError> {
    let missing = |what: &str| CaptureError::Malformed {
        format: FORMAT,
        what: format!("its metadata has no {what}"),
    };
    let bytes = layout
        .description
        .iter()
        .find_map(|name| find(files, name))
        .ok_or_else(|| missing("content"))?;
    let value = json::parse(FORMAT, bytes)?;
    let camera = json::camera(&value).ok_or_else(|| missing("camera matrix and picture size"))?;
    let depth_size = json::size(&value, "dw")
        .zip(json::size(&value, "dh"))
        .map(|(w, h)| [w, h]);
    let list = |name: &str| {
        value
            .get(name)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default()
    };
    let (given, single) = (list("poses"), list("perFrameIntrinsicCoeffs"));
    let times = list("frameTimestamps");
    let frames = layout.frames.iter().take(super::MAX_FRAMES).enumerate();
    let frames = frames.map(|(i, files)| {
        // Frames are named by their number, which is their place in the lists.
        let file = files.depth.rsplit('/').next().unwrap_or_default();
        let number = super::layout::stem(file).parse().unwrap_or(i);
        let pose = json::numbers::<7>(given.get(number)).and_then(|[x, y, z, w, a, b, c]| {
            poses::from_quaternion([x, y, z, w], DVec3::new(a, b, c) * 1000.0)
        });
        let pose = pose.map(|pose| poses::from_arkit(&pose));
        let mut camera = camera;
        if let Some([fx, fy, cx, cy]) = json::numbers::<4>(single.get(number)) {
            camera.focal_px = [fx, fy];
            camera.center_px = [cx, cy];
        }
        FramePlan {
            files: files.clone(),
            encoding: DepthEncoding::Record3d,
            camera: Some(camera),
            depth_size,
            world_from_camera: pose,
            gravity_in_camera: pose.map(|pose| poses::gravity_of_y_up(&pose)),
            timestamp_secs: times.get(number).and_then(Value::as_f64),
        }
    });
    Ok(Capture {
        frames: frames.collect(),
        motion: Vec::new(),
        findings: Vec::new(),
    })
}
