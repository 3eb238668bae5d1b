//! Draws volumes and surfaces; knows no patient.
//!
//! One scene description ([`Scene`]) and a back end on the CPU ([`cpu`]) that draws it with rayon: the oracle for
//! every other back end, and the one in use where there is no GPU. It takes slices of memory and descriptors and
//! knows nothing of files, networks or cases.
//!
//! Spaces: patient (LPS, mm), voxel (indexes of one volume), view (camera at the origin, x right, y up, looking
//! along -z, mm) and pixels (x right, y down, from the top left corner).

mod camera;
pub mod cpu;
mod picture;
mod preset;
mod scene;
mod transfer;

pub use camera::{Camera, CameraError};
pub use picture::Picture;
pub use preset::{Preset, preset, preset_names};
pub use scene::{Scene, SurfaceLayer, VolumeLayer};
pub use transfer::{ControlPoint, TransferError, TransferFunction};
