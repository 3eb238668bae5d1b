//! A surface as a renderer holds it.

use geometry::{Aabb, DVec3};
use surface::Mesh;

use crate::DataId;

/// Why something is no surface to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SurfaceError {
    /// A triangle names a vertex that is not there.
    #[error("triangle {triangle} names a vertex that is not there")]
    NoSuchVertex {
        /// Which triangle, from 0.
        triangle: usize,
    },
    /// An attribute has another number of entries than there are vertices.
    #[error("{expected} {what} were expected, one a vertex, and {actual} came")]
    WrongLength {
        /// What attribute.
        what: &'static str,
        /// Vertices of the mesh.
        expected: usize,
        /// Entries given.
        actual: usize,
    },
}

/// A surface as a renderer holds it. Long-lived and never changed: an application owns it, scenes borrow it, back ends keep
/// what they derive from it by [`ResidentSurface::id`].
#[derive(Debug)]
pub struct ResidentSurface {
    id: DataId,
    mesh: Mesh,
    colors: Vec<[u8; 4]>,
    bounds_mm: Aabb,
}

impl ResidentSurface {
    /// A surface without anything on it.
    ///
    /// # Errors
    /// When a triangle names a vertex that is not there, or normals are neither none nor one a vertex.
    pub fn new(mesh: Mesh) -> Result<Self, SurfaceError> {
        let vertices = mesh.positions_mm.len();
        let outside = |triangle: &[u32; 3]| triangle.iter().any(|&v| v as usize >= vertices);
        if let Some(triangle) = mesh.triangles.iter().position(outside) {
            return Err(SurfaceError::NoSuchVertex { triangle });
        }
        if !mesh.normals.is_empty() {
            check(vertices, mesh.normals.len(), "normals")?;
        }
        let points = mesh
            .positions_mm
            .iter()
            .map(|p| DVec3::from_array(p.map(f64::from)));
        Ok(Self {
            id: DataId::next(),
            bounds_mm: Aabb::around(points.filter(|p| p.is_finite())),
            mesh,
            colors: Vec::new(),
        })
    }

    /// The surface with a color a vertex: `[vertex][red, green, blue, alpha]`, sRGB, 0 to 255. Alpha is not drawn.
    ///
    /// # Errors
    /// When `colors` are neither none nor one a vertex.
    pub fn with_colors(mut self, colors: Vec<[u8; 4]>) -> Result<Self, SurfaceError> {
        if !colors.is_empty() {
            check(self.mesh.positions_mm.len(), colors.len(), "colors")?;
        }
        self.colors = colors;
        Ok(self)
    }

    /// Tells this surface from every other one.
    pub fn id(&self) -> DataId {
        self.id
    }

    /// The triangles, mm in the space of the surface.
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// `[vertex][red, green, blue, alpha]`, sRGB, 0 to 255; empty for none.
    pub fn colors(&self) -> &[[u8; 4]] {
        &self.colors
    }

    /// Whether the surface has colors of its own.
    pub fn is_painted(&self) -> bool {
        !self.colors.is_empty()
    }

    /// The box around the vertices that have a place, mm in the space of the surface.
    pub fn bounds_mm(&self) -> Aabb {
        self.bounds_mm
    }
}

fn check(expected: usize, actual: usize, what: &'static str) -> Result<(), SurfaceError> {
    if expected == actual {
        Ok(())
    } else {
        Err(SurfaceError::WrongLength {
            what,
            expected,
            actual,
        })
    }
}
