//! What is drawn.

use geometry::{Aabb, DVec3, GridGeometry};
use surface::Mesh;
use volume::{Rescale, Samples};

use crate::{Camera, TransferFunction};

/// Everything in one picture. It borrows: a scene is made for a picture and costs nothing.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
    /// Volumes, blended in order where they overlap.
    pub volumes: Vec<VolumeLayer<'a>>,
    /// Surfaces.
    pub surfaces: Vec<SurfaceLayer<'a>>,
    /// Where the picture is taken from.
    pub camera: Camera,
    /// Color behind everything, sRGB between 0 and 1.
    pub background: [f32; 3],
}

/// A volume seen through a transfer function.
#[derive(Clone, Debug)]
pub struct VolumeLayer<'a> {
    /// Where the samples lie.
    pub grid: GridGeometry,
    /// `[slice][row][column]`, stored values.
    pub samples: &'a Samples,
    /// Stored values to the values of the transfer function.
    pub rescale: &'a Rescale,
    /// Values to color and opacity.
    pub transfer: &'a TransferFunction,
}

/// A surface, of one color or with colors of its own.
#[derive(Clone, Copy, Debug)]
pub struct SurfaceLayer<'a> {
    /// The triangles, patient mm.
    pub mesh: &'a Mesh,
    /// sRGB between 0 and 1.
    pub color: [f32; 3],
    /// `[vertex][red, green, blue, alpha]`, sRGB, 0 to 255, that `color` is multiplied by in linear light (glTF 2.0
    /// section 3.9.2); alpha is not drawn. Empty for none.
    pub colors: &'a [[u8; 4]],
    /// 0 invisible, 1 opaque.
    pub opacity: f32,
}

impl Scene<'_> {
    /// The box around everything in the scene, patient mm.
    pub fn bounds_mm(&self) -> Aabb {
        let volumes = self.volumes.iter().map(|layer| layer.grid.bounds_mm());
        let surfaces = self.surfaces.iter().map(|layer| mesh_bounds(layer.mesh));
        volumes
            .chain(surfaces)
            .filter(|bounds| !bounds.is_empty())
            .fold(Aabb::EMPTY, |all, bounds| {
                all.grown_to(bounds.min).grown_to(bounds.max)
            })
    }
}

/// The box around the vertices of `mesh`, patient mm.
pub(crate) fn mesh_bounds(mesh: &Mesh) -> Aabb {
    Aabb::around(
        mesh.positions_mm
            .iter()
            .map(|p| DVec3::from_array(p.map(f64::from))),
    )
}
