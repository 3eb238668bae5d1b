//! A surface with what is seen on it: colors, a picture, measured values.

use crate::Mesh;

/// A mesh with attributes of its vertices, as mesh files and depth captures give it.
///
/// Attributes that are there have one entry a vertex of `mesh`. A vertex on a seam of the texture is there once for each
/// side of the seam, so that [`Mesh::measure`] of a textured model counts seams as borders; `repair` counts without them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Geometry, patient mm.
    pub mesh: Mesh,
    /// `[vertex][red, green, blue, alpha]`, sRGB and alpha, 0 to 255; empty, or one a vertex.
    pub colors: Vec<[u8; 4]>,
    /// The picture on the surface. Where there are colors too, what is seen is their product (glTF 2.0 section 3.9.2).
    pub texture: Option<Texture>,
    /// Measured values, such as the distance to another surface. Names differ.
    pub scalars: Vec<Scalars>,
}

impl From<Mesh> for Model {
    fn from(mesh: Mesh) -> Self {
        Self {
            mesh,
            ..Self::default()
        }
    }
}

/// A picture laid on a surface.
#[derive(Clone, Debug, PartialEq)]
pub struct Texture {
    /// `[vertex][u, v]`, one a vertex: (0, 0) is the upper left corner of the picture, (1, 1) the lower right one (glTF
    /// 2.0 section 3.8.2). Beyond them the picture repeats.
    pub uv: Vec<[f32; 2]>,
    /// What the bytes of the picture are.
    pub media: ImageMedia,
    /// The picture, encoded.
    pub image: Vec<u8>,
}

/// How a texture's picture is encoded: what glTF 2.0 section 3.8.2.1 allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageMedia {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
}

impl ImageMedia {
    /// What `bytes` are by their first bytes; `None` for anything but JPEG and PNG.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\xFF\xD8\xFF") {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"\x89PNG\r\n\x1A\n") {
            Some(Self::Png)
        } else {
            None
        }
    }
}

/// A value a vertex.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalars {
    /// What is measured: lower-case letters, digits and `_`, beginning with a letter: `distance`.
    pub name: String,
    /// Its unit, in the same letters: `mm`; empty for numbers without one.
    pub unit: String,
    /// `[vertex]`, finite.
    pub values: Vec<f32>,
}
