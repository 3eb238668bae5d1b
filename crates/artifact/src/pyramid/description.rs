//! What is known of pictures besides their samples.

use serde::{Deserialize, Serialize};
use volume::Note;

/// What is known of pictures besides their samples and their place; holds no personal data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// What was found about the source.
    pub findings: Vec<Note>,
    /// Slices (or frames) that no instance gave, from 0 in the order of the volume. What they hold was made up from
    /// their neighbors or is padding; the findings say which.
    pub missing_slices: Vec<u32>,
    /// Stored values from the first to the second stand for "no sample here".
    pub padding: Option<[f64; 2]>,
    /// Windows that the source proposes, the first for the first view.
    pub windows: Vec<Window>,
    /// Which end of the values is bright.
    pub polarity: Polarity,
}

/// A window for display, in rescaled values (PS3.3 C.11.2.1.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Middle of the window, in the unit of the volume.
    pub center: f64,
    /// Width of the window, in the unit of the volume.
    pub width: f64,
    /// What the source calls it; empty where it does not.
    pub label: String,
}

/// Which end of the values is bright.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// Large values are bright (MONOCHROME2).
    #[default]
    LargeIsBright,
    /// Small values are bright (MONOCHROME1).
    SmallIsBright,
}
