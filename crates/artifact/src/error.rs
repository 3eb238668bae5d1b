//! What can be wrong with lasting bytes.

use volume::{BrickKey, SampleType};

use crate::pyramid::Section;

/// Why bytes could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The bytes end before what they promise.
    #[error("{what} needs {needed} bytes at {offset}, {available} are left")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Where it starts.
        offset: usize,
        /// Bytes it needs.
        needed: u64,
        /// Bytes that are left.
        available: usize,
    },
    /// The bytes start with another mark.
    #[error("these bytes are no {what}")]
    BadMagic {
        /// What was expected.
        what: &'static str,
    },
    /// The bytes were written by a program with a newer format.
    #[error("version {found} of {what} is not known, only up to {supported}")]
    UnknownVersion {
        /// What was being read.
        what: &'static str,
        /// The version in the bytes.
        found: u16,
        /// The newest known one.
        supported: u16,
    },
    /// A number in the bytes contradicts others or the format.
    #[error("{what} is {actual}, which does not fit {expected}")]
    Inconsistent {
        /// Which number.
        what: &'static str,
        /// What it would have to be, or the limit that it breaks.
        expected: u64,
        /// What it is.
        actual: u64,
    },
    /// A number in the bytes has no meaning.
    #[error("{what} has the unknown code {code}")]
    UnknownCode {
        /// Which number.
        what: &'static str,
        /// The code.
        code: u32,
    },
    /// Packed samples that packing never writes.
    #[error("{what}")]
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
    /// The grid cannot be placed in the patient.
    #[error("the grid is impossible")]
    Grid(#[from] geometry::GridError),
    /// The free-form section is not what it should be.
    #[error("the description cannot be read or written")]
    Description(#[source] serde_json::Error),
    /// There is no such brick, or no such level.
    #[error("there is no brick ({}, {}, {}) on level {}", .0.x, .0.y, .0.z, .0.level)]
    NoSuchBrick(BrickKey),
    /// The volume has no such planes.
    #[error("there is no section {0}")]
    NoSuchSection(Section),
    /// There is no such frame.
    #[error("there is no frame {index} among {frames}")]
    NoSuchFrame {
        /// The frame asked for, from 0.
        index: u32,
        /// How many there are.
        frames: u32,
    },
    /// The samples are of another type than asked for.
    #[error("the samples are {actual:?}, not {expected:?}")]
    WrongType {
        /// The type asked for.
        expected: SampleType,
        /// The type there is.
        actual: SampleType,
    },
    /// A brick or frame that must be there was never written.
    #[error("{missing} of {expected} {what} were not written")]
    Incomplete {
        /// Bricks or frames.
        what: &'static str,
        /// How many are missing.
        missing: u64,
        /// How many there should be.
        expected: u64,
    },
    /// A picture could not be written.
    #[error("the picture cannot be written as PNG")]
    Png(#[source] png::EncodingError),
    /// The caller's stream failed.
    #[error("writing failed")]
    Write(#[from] std::io::Error),
}
