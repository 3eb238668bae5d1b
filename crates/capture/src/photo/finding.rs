//! What was done to a photograph that a viewer should know.

use serde::{Deserialize, Serialize};

use super::Orientation;
use crate::Severity;

/// What was done to a photograph that a viewer should know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PhotoFinding {
    /// The camera was held another way; the picture was turned as it noted.
    TurnedUpright {
        /// What the file said.
        orientation: Orientation,
    },
    /// Its colors were converted from another space to sRGB.
    ColorConverted,
    /// Its color profile is damaged or of another kind of picture: it is shown as if it were sRGB.
    ProfileUnusable,
    /// Ink without a profile: its colors are approximate.
    InkWithoutProfile,
    /// What is transparent is shown on white.
    TransparencyOnWhite,
    /// Only the first of several pictures is shown.
    FirstPictureOnly {
        /// How many there are, as far as the file tells.
        pictures: Option<u32>,
    },
    /// It has more than 8 bits a sample, of which 8 are shown.
    DepthReduced,
}

impl PhotoFinding {
    /// Stable name in snake case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TurnedUpright { .. } => "turned_upright",
            Self::ColorConverted => "color_converted",
            Self::ProfileUnusable => "color_profile_unusable",
            Self::InkWithoutProfile => "ink_without_profile",
            Self::TransparencyOnWhite => "transparency_on_white",
            Self::FirstPictureOnly { .. } => "first_picture_only",
            Self::DepthReduced => "depth_reduced",
        }
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        match self {
            Self::ProfileUnusable | Self::InkWithoutProfile | Self::FirstPictureOnly { .. } => {
                Severity::Caution
            }
            _ => Severity::Info,
        }
    }

    /// One sentence.
    pub fn message(&self) -> String {
        match self {
            Self::TurnedUpright { orientation } => {
                format!(
                    "The picture was {} as the camera noted.",
                    orientation.what_is_done()
                )
            }
            Self::ColorConverted => "Its colors were converted to sRGB by its color profile.".to_owned(),
            Self::ProfileUnusable => {
                "Its color profile cannot be used; colors are shown as if they were sRGB.".to_owned()
            }
            Self::InkWithoutProfile => {
                "It is made for print and has no color profile; its colors are approximate.".to_owned()
            }
            Self::TransparencyOnWhite => "Transparent parts are shown on white.".to_owned(),
            Self::FirstPictureOnly { pictures: Some(n) } => {
                format!("The file holds {n} pictures; the first is shown.")
            }
            Self::FirstPictureOnly { pictures: None } => {
                "The file holds several pictures; the first is shown.".to_owned()
            }
            Self::DepthReduced => "It has more than 8 bits a color; 8 are shown.".to_owned(),
        }
    }

    /// The numbers of the sentence by name.
    pub fn values(&self) -> Vec<(&'static str, f64)> {
        match self {
            Self::TurnedUpright { orientation } => {
                vec![("exif_orientation", f64::from(orientation.exif()))]
            }
            Self::FirstPictureOnly { pictures: Some(n) } => vec![("pictures", f64::from(*n))],
            _ => Vec::new(),
        }
    }
}
