//! What a case holds beside DICOM: mesh files, photographs, depth captures.
//!
//! Bytes become meshes, upright pictures and calibrated frames here; nothing is repaired, fused or drawn. Files refer
//! to each other by name only: what a name means is decided among the [`NamedBytes`] of one upload, so that nothing
//! outside it can be reached.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod depth;
mod error;
pub mod mesh;
pub mod photo;
pub mod references;

pub use error::CaptureError;

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// What is shown may mislead.
    Caution,
    /// What is shown is not what was there.
    Danger,
}

/// One file of an upload, with the name that others may refer to it by.
#[derive(Clone, Copy, Debug)]
pub struct NamedBytes<'a> {
    /// Its path within the upload, `/` between folders: `scan/textures/face.jpg`.
    pub name: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
}
