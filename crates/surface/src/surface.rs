//! A finished surface: the mesh, and what was done to get it.

use crate::{Closing, Mesh};

/// A surface of a volume, with how it was made.
#[derive(Clone, Debug)]
pub struct Surface {
    /// The mesh, with smooth outward normals.
    pub mesh: Mesh,
    /// The stored value at which the surface lies; inside is at or above it.
    pub threshold: f64,
    /// What happened at the edge of the volume.
    pub closing: Closing,
    /// Triangles before anything was dropped or simplified.
    pub triangles_extracted: u64,
    /// Islands dropped.
    pub islands_dropped: u64,
    /// Pieces that are left.
    pub components: u64,
    /// How far the mesh is from the full surface, mm, either way: an upper bound of the largest distance from a
    /// vertex of one to the other. Zero when nothing was simplified.
    pub error_mm: f64,
    /// An upper bound of the mean distance of the full surface's vertices to the mesh, mm.
    pub mean_error_mm: f64,
}
