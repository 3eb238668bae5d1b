//! The versioned bytes of pyramids, surfaces and thumbnails.
//!
//! What is written here outlives the program that wrote it: every object starts with a mark and a version, and every
//! layout is documented where it is written. Reading never panics and never allocates by a number that the bytes
//! at hand do not bear out.

mod cursor;
mod error;
pub mod frames;
pub mod mesh;
pub mod nifti;
mod packing;
pub mod photo;
pub mod pyramid;
pub mod thumbnail;

pub use error::ArtifactError;
