//! Isosurface, repair, simplification and measures in millimeters.

mod error;
mod iso;
mod mesh;

pub use error::SurfaceError;
pub use iso::{Closing, MAX_TRIANGLES, Window, isosurface};
pub use mesh::Mesh;
