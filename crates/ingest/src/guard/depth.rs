//! Depth captures on both sides of the wall: described and decoded in the worker, taken from shared memory in the
//! pipeline.

use capture::NamedBytes;
use capture::depth::{self, Capture, FrameBytes, FramePlan, Layout};
use geometry::{DAffine3, DVec3, Pinhole};
use serde::{Deserialize, Serialize};

use crate::steps::find::chain;

/// Bytes that a frame may take in shared memory: depth of the largest frame, and color of the largest photograph.
/// Memory is taken only for what is written.
pub(crate) const FRAME_ARENA_BYTES: u64 =
    intake::budget::MAX_FRAME_BYTES + capture::photo::MAX_PICTURE_BYTES + 8;

/// A frame to decode; its files come in the order depth, color, confidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameRequest {
    /// What is known of it.
    pub plan: FramePlan,
    /// Whether its color picture comes with it.
    pub has_color: bool,
    /// Whether the confidence of its depth comes with it.
    pub has_confidence: bool,
}

/// A decoded frame: depth in shared memory, `[row][column]`, `f32`, mm, then color at the next multiple of 8 bytes,
/// `[row][column][red, green, blue]`, `u8`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DepthReply {
    camera: Pinhole,
    color_camera: Option<Pinhole>,
    world_from_camera: Option<DAffine3>,
    gravity_in_camera: Option<DVec3>,
    timestamp_secs: Option<f64>,
}

/// A decoded frame.
#[derive(Clone, Debug)]
pub(crate) struct SeenFrame {
    pub(crate) depth_mm: Vec<f32>,
    pub(crate) camera: Pinhole,
    pub(crate) color: Option<(Vec<[u8; 3]>, Pinhole)>,
    pub(crate) world_from_camera: Option<DAffine3>,
    pub(crate) gravity_in_camera: Option<DVec3>,
    pub(crate) timestamp_secs: Option<f64>,
}

impl SeenFrame {
    /// Bytes of its samples.
    pub(crate) fn bytes(&self) -> usize {
        let color = self.color.as_ref().map_or(0, |(samples, _)| samples.len() * 3);
        self.depth_mm.len() * 4 + color
    }
}

/// Reads the files that describe a capture.
pub(super) fn describe(layout: &Layout, files: &[NamedBytes<'_>]) -> Result<Capture, String> {
    layout.read(files).map_err(|e| chain(&e))
}

/// Decodes a frame to `out`.
pub(super) fn decode(request: &FrameRequest, files: &[&[u8]], out: &mut [u8]) -> Result<DepthReply, String> {
    let mut files = files.iter().copied();
    let depth = files.next().ok_or("the depth of the frame did not come")?;
    let bytes = FrameBytes {
        depth,
        color: if request.has_color { files.next() } else { None },
        confidence: if request.has_confidence {
            files.next()
        } else {
            None
        },
    };
    let frame = depth::decode_frame(&request.plan, &bytes).map_err(|e| chain(&e))?;
    let none = "the frame does not fit the shared memory";
    let samples: &[u8] = bytemuck::cast_slice(&frame.depth_mm);
    out.get_mut(..samples.len()).ok_or(none)?.copy_from_slice(samples);
    if let Some(color) = &frame.color {
        let start = samples.len().next_multiple_of(8);
        let pixels = color.rgb.as_flattened();
        out.get_mut(start..start + pixels.len())
            .ok_or(none)?
            .copy_from_slice(pixels);
    }
    Ok(DepthReply {
        camera: frame.camera,
        color_camera: frame.color.map(|color| color.camera),
        world_from_camera: frame.world_from_camera,
        gravity_in_camera: frame.gravity_in_camera,
        timestamp_secs: frame.timestamp_secs,
    })
}

impl DepthReply {
    /// The frame in shared memory; `None` where it does not fit there.
    pub(crate) fn take(&self, memory: &[u8]) -> Option<SeenFrame> {
        let len = self.camera.pixel_count().checked_mul(4)?;
        let depth_mm = bytemuck::try_cast_slice(memory.get(..len)?).ok()?.to_vec();
        let color = match self.color_camera {
            None => None,
            Some(camera) => {
                let start = len.checked_next_multiple_of(8)?;
                let end = start.checked_add(camera.pixel_count().checked_mul(3)?)?;
                let (pixels, _) = memory.get(start..end)?.as_chunks::<3>();
                Some((pixels.to_vec(), camera))
            }
        };
        Some(SeenFrame {
            depth_mm,
            camera: self.camera,
            color,
            world_from_camera: self.world_from_camera,
            gravity_in_camera: self.gravity_in_camera,
            timestamp_secs: self.timestamp_secs,
        })
    }
}
