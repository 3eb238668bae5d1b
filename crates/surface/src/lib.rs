//! Isosurface, repair, simplification and measures in millimeters.

mod mesh;

pub use mesh::Mesh;
