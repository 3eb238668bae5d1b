//! Phantoms with closed-form answers, a DICOM writer for tests, picture comparison.

pub mod archive;
pub mod dicom;
pub mod encode;
pub mod head;
