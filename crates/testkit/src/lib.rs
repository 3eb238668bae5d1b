//! Phantoms with closed-form answers (a CT and depth captures of one head), a DICOM writer and encoders for tests.

pub mod archive;
pub mod dicom;
pub mod encode;
pub mod face;
pub mod head;
