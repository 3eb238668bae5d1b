//! Isosurface, repair, simplification and measures in millimeters.
//!
//! [`isosurface`] gives the full surface of a volume in memory. [`SurfacePlan`] gives a finished one, without islands
//! and simplified within a measured error, from a volume in memory or from slabs of slices as they come. [`compare`]
//! tells what has changed from one surface to another.

pub mod compare;
mod distance;
mod error;
pub mod fusion;
mod islands;
mod iso;
mod measure;
mod mesh;
mod model;
mod nearest;
mod normals;
pub mod repair;
mod simplify;
mod stream;
mod surface;

pub use error::SurfaceError;
pub use islands::{Component, Components, IslandRule, drop_islands};
pub use iso::{Closing, MAX_TRIANGLES, Window, isosurface};
pub use measure::Measures;
pub use mesh::Mesh;
pub use model::{ImageMedia, Model, Scalars, Texture};
pub use simplify::{Deviation, Goal, Simplified, simplify};
pub use stream::{Farthest, Reduction, Slab, SlabRange, Stitcher, SurfacePlan};
pub use surface::Surface;
