//! A small DICOM writer for tests and for the demo phantom.
//!
//! It is its own so that what is read is never checked by the code that reads: nothing here knows `dicom_series`.
//! [`DataSet`] is a builder for any data set, [`File`] wraps one with preamble and meta group in any of the
//! uncompressed transfer syntaxes or encapsulated, and [`SeriesSpec`] writes a whole CT series with unequal
//! spacings, any orientation and shuffled names.
//!
//! # Limits
//! Values are written as given: nothing checks that a value suits its VR, so that tests can write what is wrong.

mod dataset;
mod encapsulate;
mod encode;
mod file;
mod series;
pub mod tag;

pub use dataset::{DataSet, Element, Tag, Value, Vr, decimal_string};
pub use encapsulate::OffsetTable;
pub use encode::{Encoding, Lengths, Order, VrMode};
pub use file::{File, Meta, Preamble, syntax};
pub use series::{NamedFile, SeriesSpec};
