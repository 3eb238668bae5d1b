//! Spaces, units, affine maps, planes and boxes in patient space.
//!
//! One frame for everything: DICOM patient coordinates (LPS+: x to the patient's left, y to the back, z to the
//! head), millimeters, right-handed, `f64` (PS3.3 C.7.6.2.1.1). Transforms are named by where they lead:
//! `patient_from_voxel` takes voxel indexes to patient millimeters. Voxel (0, 0, 0) is the *center* of the first
//! sample.

mod aabb;
mod grid;
mod orientation;
mod pinhole;
mod unit;

pub use aabb::Aabb;
pub use glam::{DAffine3, DMat3, DVec2, DVec3, Vec3};
pub use grid::{GridError, GridGeometry};
pub use orientation::{PatientDirection, orientation_letters};
pub use pinhole::Pinhole;
pub use unit::LengthUnit;
