//! A grid of samples in patient space, its brick pyramid, resampling and statistics.
//!
//! A volume is a [`GridGeometry`] with samples in memory order `[slice][row][column]`. Samples are *stored values*;
//! [`Rescale`] takes them to the unit that a person reads. This room knows no DICOM and does no I/O.

mod note;
mod sample;

pub use geometry::GridGeometry;
pub use note::{Note, Severity};
pub use sample::{Rescale, Sample, SampleType, Samples, Unit};
