//! Depth frames to a surface: registration of the frames and fusion on a sparse voxel grid.
//!
//! Frames come one by one, borrowed, and are forgotten. A capture whose poses are known takes one pass: every frame goes
//! into a [`Fusion`]. Where poses are missing or may have drifted, a [`Survey`] looks at all frames first and places
//! them, and the frames are read again for the [`Fusion`]. The surface comes with an [`AccuracyCard`] that says what
//! it is good for.
//!
//! Data flow: `prepare` cleans a frame; `view`, `align` and `register` find poses; `integrate` averages distances
//! into `grid`; `extract` makes the mesh; `grade` judges it, `orient` turns it into patient axes.

mod align;
mod error;
mod extract;
mod frame;
mod fuse;
mod grade;
mod grid;
mod integrate;
mod orient;
mod prepare;
mod register;
mod solve;
mod survey;
mod view;

pub use error::FusionError;
pub use frame::{ColorImage, DepthFrame, DepthImage, is_rigid};
pub use fuse::{Fused, FusedMesh, Fusion};
pub use geometry::Pinhole;
pub use grade::{AccuracyCard, Unfit};
pub use orient::{Facing, Upright, orient};
pub use prepare::Reach;
pub use survey::{Placement, PoseSource, PoseUse, Registration, Rejection, Survey};

/// The most blocks of 8 cubed voxels that a surface may need: three gigabytes with color.
pub const MAX_BLOCKS: usize = 250_000;
/// The most frames that are remembered to find poses; of more, every second one is left out.
pub const MAX_SURVEYED_FRAMES: usize = 300;
/// The color of a vertex that no color frame saw.
pub const NO_COLOR: [u8; 3] = [128; 3];
