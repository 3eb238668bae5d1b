//! A surface as a renderer holds it.

pub(crate) mod texture;
mod tree;

use std::sync::OnceLock;

use geometry::{Aabb, DAffine3, DVec3};
use surface::Mesh;

pub use texture::TextureImage;

use crate::DataId;
use texture::Texture;
use tree::Tree;

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
    /// The picture of a texture has no pixels, or another number than its size says.
    #[error("a texture of {columns} x {rows} pixels came with {actual} bytes")]
    Texture {
        /// Pixels along a row.
        columns: u32,
        /// Rows.
        rows: u32,
        /// Bytes given; three a pixel are needed.
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
    texture: Option<Texture>,
    values: Vec<f32>,
    bounds_mm: Aabb,
    tree: OnceLock<Tree>,
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
            texture: None,
            values: Vec::new(),
            tree: OnceLock::new(),
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

    /// The surface with a picture on it: `uv` is `[vertex][u, v]`, (0, 0) the upper left corner of the picture and (1, 1) the
    /// lower right one; beyond them it repeats. Colors of vertices are multiplied in, in linear light (glTF 2.0 section
    /// 3.9.2).
    ///
    /// # Errors
    /// When `uv` is not one a vertex, or the picture has no pixels or not as many as its size says.
    pub fn with_texture(mut self, uv: Vec<[f32; 2]>, image: TextureImage) -> Result<Self, SurfaceError> {
        check(self.mesh.positions_mm.len(), uv.len(), "places on the texture")?;
        let TextureImage { columns, rows, .. } = image;
        let actual = image.rgb.len();
        if columns == 0 || rows == 0 || actual as u64 != u64::from(columns) * u64::from(rows) * 3 {
            return Err(SurfaceError::Texture {
                columns,
                rows,
                actual,
            });
        }
        self.texture = Some(Texture::new(uv, image));
        Ok(self)
    }

    /// The surface with a measured value a vertex, such as a signed distance in mm; NaN where nothing was measured.
    ///
    /// # Errors
    /// When `values` are not one a vertex.
    pub fn with_values(mut self, values: Vec<f32>) -> Result<Self, SurfaceError> {
        check(self.mesh.positions_mm.len(), values.len(), "values")?;
        self.values = values;
        Ok(self)
    }

    /// The same surface elsewhere: `b_from_a` turns and shifts it.
    #[must_use]
    pub fn moved(mut self, b_from_a: &DAffine3) -> Self {
        self.mesh.positions_mm.iter_mut().for_each(|p| {
            let at = b_from_a.transform_point3(DVec3::from_array(p.map(f64::from)));
            *p = at.as_vec3().to_array();
        });
        self.mesh.normals.iter_mut().for_each(|n| {
            let turned = b_from_a.transform_vector3(DVec3::from_array(n.map(f64::from)));
            *n = turned.as_vec3().to_array();
        });
        let points = self.mesh.positions_mm.iter();
        let points = points.map(|p| DVec3::from_array(p.map(f64::from)));
        Self {
            id: DataId::next(),
            bounds_mm: Aabb::around(points.filter(|p| p.is_finite())),
            tree: OnceLock::new(),
            ..self
        }
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

    /// The picture on the surface, and where it lies: `[vertex][u, v]`.
    pub fn texture_image(&self) -> Option<(&TextureImage, &[[f32; 2]])> {
        let texture = self.texture.as_ref()?;
        Some((texture.sizes.first()?, &texture.uv))
    }

    pub(crate) fn texture(&self) -> Option<&Texture> {
        self.texture.as_ref()
    }

    /// `[vertex]`, a measured value each; empty for none.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Whether the surface has colors of its own.
    pub fn is_painted(&self) -> bool {
        !self.colors.is_empty() || self.texture.is_some()
    }

    /// The tree over the triangles, made when it is first needed.
    pub(crate) fn tree(&self) -> &Tree {
        self.tree.get_or_init(|| Tree::new(&self.mesh))
    }

    /// Bytes of everything that the surface holds.
    pub fn resident_bytes(&self) -> u64 {
        let mesh = &self.mesh;
        let sizes = self.texture.iter().flat_map(|texture| &texture.sizes);
        let texture: usize = sizes.map(|image| image.rgb.len()).sum();
        let uv = self
            .texture
            .as_ref()
            .map_or(0, |texture| size_of_val(&texture.uv[..]));
        let arrays = size_of_val(&mesh.positions_mm[..])
            + size_of_val(&mesh.normals[..])
            + size_of_val(&mesh.triangles[..])
            + size_of_val(&self.colors[..])
            + size_of_val(&self.values[..]);
        (arrays + texture + uv + self.tree.get().map_or(0, Tree::bytes)) as u64
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
