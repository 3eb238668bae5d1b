//! Phantoms with closed-form answers (a CT and depth captures of one head), a DICOM writer and encoders, a throw-away
//! PostgreSQL for tests, proofs of the policy's.

pub mod archive;
pub mod dicom;
pub mod encode;
pub mod face;
pub mod head;
pub mod postgres;
pub mod proofs;
