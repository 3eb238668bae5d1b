//! Depth captures: sequences of depth pictures with color, intrinsics and, often, poses.
//!
//! Reading takes three steps, none of which touches a file, so that each can run where strangers' bytes may be read.
//! [`recognize`] says from the names of an upload which files form a capture and in what role. [`Layout::read`] takes
//! the few small files that describe it and gives a [`Capture`]: a list of frames, each with the names of its files
//! and all that is known of its camera. [`decode_frame`] takes the bytes of one frame and gives depth in millimeters
//! and color. A frame knows nothing of the others.
//!
//! Every frame that comes out of here has the same axes: x right, y down, z forward in the camera, millimeters, poses
//! that lead from the camera to one world. What the layouts do otherwise is undone by the module of each layout.

mod flat;
mod frame;
mod json;
mod layout;
mod lens;
mod motion;
mod open3d;
mod picture;
mod polycam;
mod poses;
mod record3d;
mod truedepth_ply;
mod truedepth_png;
mod tum;

use geometry::{DAffine3, DVec3, Pinhole};
use serde::{Deserialize, Serialize};

pub use frame::{Color, Frame, FrameBytes, decode_frame};
pub use layout::{FrameFiles, Layout, LayoutKind, recognize};

use crate::{CaptureError, NamedBytes};

/// The most frames of one capture.
pub const MAX_FRAMES: usize = 10_000;

/// How depth is stored.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum DepthEncoding {
    /// 16-bit gray PNG, multiples of a unit; 0 where nothing was measured.
    Png {
        /// The unit, mm.
        unit_mm: f64,
        /// What is added to every value that was measured, mm: half a unit where values are cut off, not rounded.
        offset_mm: f64,
    },
    /// 16-bit gray PNG as in SUN RGB-D: millimeters turned left by 13 bits (Song et al. 2015).
    SunPng,
    /// LZFSE-compressed floats, meters, as Record3D writes them.
    Record3d,
    /// A binary PLY with a JSON header, as Standard Cyborg's apps write it.
    TrueDepthPly,
}

/// One frame of a capture before its pictures are decoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FramePlan {
    /// The files of the frame.
    pub files: FrameFiles,
    /// How its depth is stored.
    pub encoding: DepthEncoding,
    /// The camera, at the size that its numbers refer to; scaled to the depth picture when that is known. `None` where
    /// the depth file itself has it.
    pub camera: Option<Pinhole>,
    /// Width and height of the depth where the depth file does not say, pixels.
    pub depth_size: Option<[u32; 2]>,
    /// Camera mm to world mm; rigid.
    pub world_from_camera: Option<DAffine3>,
    /// Which way is down, in camera axes.
    pub gravity_in_camera: Option<DVec3>,
    /// Seconds, from any start.
    pub timestamp_secs: Option<f64>,
}

/// A capture that can be decoded frame by frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// The frames in order.
    pub frames: Vec<FramePlan>,
    /// The device's sense of gravity over time, for frames that say their time only when they are decoded.
    pub motion: Vec<GravitySample>,
    /// What was assumed or is missing.
    pub findings: Vec<Finding>,
}

impl Capture {
    /// Which way was down at a time, in camera axes: the nearest sample within a tenth of a second.
    pub fn gravity_at(&self, timestamp_secs: f64) -> Option<DVec3> {
        motion::nearest(&self.motion, timestamp_secs)
    }
}

/// A reading of the device's motion sensors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GravitySample {
    /// Seconds, on the clock of the frames.
    pub timestamp_secs: f64,
    /// Which way is down, in camera axes; any length.
    pub gravity_in_camera: DVec3,
}

/// What a person should know about how a capture was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
pub enum Finding {
    /// The capture has no intrinsics; those of a common sensor are taken, and sizes may be wrong.
    #[error(
        "the capture does not say its camera's intrinsics; those of a PrimeSense sensor are assumed, so sizes may be wrong"
    )]
    AssumedIntrinsics,
    /// The unit of depth is not stated.
    #[error("the unit of depth is not stated; {unit_mm} mm is assumed")]
    AssumedDepthUnit {
        /// The unit taken, mm.
        unit_mm: f64,
    },
    /// No frame has a pose.
    #[error("the capture brings no camera poses")]
    NoPoses,
    /// Some frames have no pose.
    #[error("{missing} of {frames} frames have no camera pose")]
    MissingPoses {
        /// Frames without.
        missing: usize,
        /// Frames of the capture.
        frames: usize,
    },
    /// Poses that cannot be used were left out.
    #[error("{count} camera poses are no rigid motions and were left out")]
    BrokenPoses {
        /// Such poses.
        count: usize,
    },
    /// Some frames have no color picture.
    #[error("{missing} of {frames} frames have no color picture")]
    MissingColor {
        /// Frames without.
        missing: usize,
        /// Frames of the capture.
        frames: usize,
    },
    /// A list names files that are not in the upload.
    #[error("{count} listed frames are not in the upload")]
    MissingFiles {
        /// Such frames.
        count: usize,
    },
    /// Lens distortion is mentioned without a table to undo it.
    #[error("the lens distortion is not known and was not undone")]
    UnknownDistortion,
}

impl Layout {
    /// Reads the files of [`Layout::description`], as far as they are there, and plans the frames.
    ///
    /// # Errors
    /// When a file that is needed is missing or breaks the rules of its format.
    pub fn read(&self, files: &[NamedBytes<'_>]) -> Result<Capture, CaptureError> {
        let mut capture = match self.kind {
            LayoutKind::Open3d => open3d::read(self, files),
            LayoutKind::Tum => tum::read(self, files),
            LayoutKind::Record3d => record3d::read(self, files),
            LayoutKind::Polycam => polycam::read(self, files),
            LayoutKind::TrueDepthPly => truedepth_ply::read(self, files),
            LayoutKind::TrueDepthPng => truedepth_png::read(self, files),
            LayoutKind::Flat => flat::read(self, files),
        }?;
        capture.check_poses();
        Ok(capture)
    }
}

impl Capture {
    /// Leaves out poses that are no rigid maps, and says which frames lack what.
    fn check_poses(&mut self) {
        let mut broken = 0;
        for frame in &mut self.frames {
            if frame
                .world_from_camera
                .is_some_and(|pose| !poses::is_rigid(&pose))
            {
                frame.world_from_camera = None;
                broken += 1;
            }
        }
        let frames = self.frames.len();
        let count = |is_missing: fn(&FramePlan) -> bool| self.frames.iter().filter(|f| is_missing(f)).count();
        let missing = count(|f| f.world_from_camera.is_none());
        let colorless = count(|f| f.files.color.is_none() && f.encoding != DepthEncoding::TrueDepthPly);
        if broken > 0 {
            self.findings.push(Finding::BrokenPoses { count: broken });
        }
        if missing == frames {
            self.findings.push(Finding::NoPoses);
        } else if missing > 0 {
            self.findings.push(Finding::MissingPoses { missing, frames });
        }
        if colorless > 0 {
            self.findings.push(Finding::MissingColor {
                missing: colorless,
                frames,
            });
        }
    }
}

/// The content of the file of this name.
fn find<'a>(files: &[NamedBytes<'a>], name: &str) -> Option<&'a [u8]> {
    files.iter().find(|file| file.name == name).map(|file| file.bytes)
}

/// The intrinsics that PrimeSense sensors are commonly given, and that other programs assume too.
const PRIMESENSE: Pinhole = Pinhole {
    width: 640,
    height: 480,
    focal_px: [525.0, 525.0],
    center_px: [319.5, 239.5],
};
