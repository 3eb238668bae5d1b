//! What passes between the pipeline and its workers. Both ends are the same program, so the format is private and
//! has no versions.

use dicom_series::Instance;
use serde::{Deserialize, Serialize};
use volume::SampleType;

/// What the pipeline asks of a worker. A file descriptor may come with it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// With a descriptor of shared memory: decode into this from now on.
    UseArena,
    /// With a descriptor of a file: say what it is.
    Read,
    /// With a descriptor of a file: decode these frames of this instance.
    Decode(Box<Instance>, Vec<FrameJob>),
}

/// What a worker answers. Errors are sentences for a person.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// To [`Request::UseArena`].
    Ready(Result<(), String>),
    /// To [`Request::Read`].
    Instance(Result<Box<Instance>, String>),
    /// To [`Request::Decode`], one entry a job.
    Frames(Vec<Result<FrameReply, String>>),
}

/// One frame to decode into the arena.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameJob {
    /// Which frame of the instance, from 0.
    pub frame: u32,
    /// Only this part of it.
    pub tile: Option<Tile>,
    /// What to write.
    pub conversion: Conversion,
    /// First byte in the arena; a multiple of 8.
    pub offset: u64,
    /// Room there, bytes.
    pub capacity: u64,
}

/// A rectangle of pixels inside a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tile {
    /// First column.
    pub column: u32,
    /// First row.
    pub row: u32,
    /// Pixels along a row.
    pub columns: u32,
    /// Pixels down a column.
    pub rows: u32,
}

/// What is written to the arena for a frame, `[row][column][channel]`, little endian.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Conversion {
    /// Stored values (through the modality lookup table where there is one) as this type.
    Stored(SampleType),
    /// `slope * stored + intercept` as `f32`.
    Rescaled {
        /// Rescale slope.
        slope: f64,
        /// Rescale intercept.
        intercept: f64,
    },
    /// Red, green and blue as `u8`, whatever the file's color space is.
    Rgb8,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameReply {
    /// Pixels along a row.
    pub columns: u32,
    /// Pixels down a column.
    pub rows: u32,
    /// Channels a pixel.
    pub channels: u16,
    /// Bytes written from the job's offset.
    pub len: u64,
}
