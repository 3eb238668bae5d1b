//! A grid of samples in patient space, its brick pyramid, resampling and statistics.
//!
//! A volume is a [`GridGeometry`] with samples in memory order `[slice][row][column]`. Samples are *stored values*;
//! [`Rescale`] takes them to the unit that a person reads. This room knows no DICOM and does no I/O.

mod dense;
mod histogram;
mod note;
mod pyramid;
mod resample;
mod sample;
mod statistics;

pub use dense::{AnyVolume, Volume, VolumeError};
pub use geometry::GridGeometry;
pub use histogram::{Histogram, ValueKind, air_threshold, otsu_threshold};
pub use note::{Note, Severity};
pub use pyramid::{
    BRICK_BORDER, BRICK_SIDE, Brick, BrickKey, BrickSink, BuildError, Built, KeptLevel, PyramidBuilder,
    PyramidLayout,
};
pub use resample::resample;
pub use sample::{Rescale, Sample, SampleType, Samples, Unit};
pub use statistics::{Statistics, StatisticsBuilder, range_of};
