//! What passes between the pipeline and its workers. Both ends are the same program, so the format is private and
//! has no versions.

use capture::depth::{Capture, Layout};
use capture::photo::PhotoFacts;
use dicom_series::Instance;
use geometry::LengthUnit;
use serde::{Deserialize, Serialize};
use surface::repair::RepairReport;
use volume::{Note, SampleType};

use super::depth::{DepthReply, FrameRequest};

/// What the pipeline asks of a worker. A file descriptor may come with it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// With a descriptor of shared memory: this is meant by its number from now on. Any request but `Decode` means the
    /// first one, up to its end.
    UseArena(ArenaNumber),
    /// With a descriptor of a file: say what it is.
    Read,
    /// With a descriptor of a file: decode these frames of this instance to the shared memory of this number.
    Decode(ArenaNumber, Box<Instance>, Vec<FrameJob>),
    /// With a descriptor of a photograph: write its upright pixels to the beginning of the shared memory.
    Photo,
    /// With a descriptor of a mesh file or material library: say which files it names.
    References,
    /// With descriptors of a mesh file and of those that it may name: read, repair and write it to the shared memory.
    Mesh(MeshJob),
    /// Of files that describe a capture and lie in the shared memory one after the other: say what its frames are.
    Capture(Box<Layout>, Vec<NamedLen>),
    /// With descriptors of a frame's files: decode it to the shared memory.
    Frame(Box<FrameRequest>),
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
    /// To [`Request::Photo`].
    Photo(Result<PhotoFacts, String>),
    /// To [`Request::References`]: the last parts of their paths.
    References(Result<Vec<String>, String>),
    /// To [`Request::Mesh`].
    Mesh(Result<Box<MeshReply>, String>),
    /// To [`Request::Capture`].
    Capture(Result<Box<Capture>, String>),
    /// To [`Request::Frame`].
    Frame(Result<Box<DepthReply>, String>),
}

/// Blocks of shared memory that a worker keeps mapped: a series is decoded to two of them in turn.
pub(super) const ARENAS: usize = 2;

/// Which block of shared memory of a worker is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ArenaNumber {
    First,
    Second,
}

/// A file in shared memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct NamedLen {
    /// Its name within the upload.
    pub(super) name: String,
    /// Its bytes.
    pub(super) len: u64,
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

/// A mesh to read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeshJob {
    /// Names of the files within their upload, the mesh's own first.
    pub names: Vec<String>,
    /// The unit of its numbers, where somebody says so.
    pub unit: Option<LengthUnit>,
}

/// A mesh that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeshReply {
    /// Name of the format, as a person says it.
    pub format: String,
    /// What was found by reading and repairing.
    pub notes: Vec<Note>,
    /// What repair counted.
    pub report: RepairReport,
    /// Where the surface lies in the shared memory.
    pub layout: ModelLayout,
}

/// A surface in shared memory: arrays one after the other, each at the next multiple of 8 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelLayout {
    /// Vertices.
    pub vertices: u64,
    /// Whether there are normals, `[vertex][x, y, z]`, `f32`.
    pub has_normals: bool,
    /// Whether there are colors, `[vertex][red, green, blue, alpha]`, `u8`.
    pub has_colors: bool,
    /// Whether there are colors as seen, with the texture, for a small picture; in the same form.
    pub has_seen_colors: bool,
    /// Bytes of the texture's picture; with them `[vertex][u, v]`, `f32`.
    pub texture_bytes: Option<u64>,
    /// Triangles.
    pub triangles: u64,
}
