//! What is drawn.
//!
//! A scene borrows long-lived data and is made anew for each picture. Back ends keep what they prepare by the identity
//! and revision of that data, so a scene costs nothing and nothing has to be told twice.

use geometry::{Aabb, DAffine3, DVec3};
use serde::{Deserialize, Serialize};

use crate::{Camera, Clip, ColorScale, ResidentSurface, ResidentVolume, TransferFunction};

/// Everything in one picture.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
    /// Volumes, blended in order where they overlap.
    pub volumes: Vec<VolumeLayer<'a>>,
    /// Surfaces.
    pub surfaces: Vec<SurfaceLayer<'a>>,
    /// What of volumes and surfaces is cut away.
    pub clip: Clip,
    /// Where the picture is taken from.
    pub camera: Camera,
    /// Color behind everything, sRGB between 0 and 1.
    pub background: [f32; 3],
}

/// A volume seen through a transfer function.
#[derive(Clone, Copy, Debug)]
pub struct VolumeLayer<'a> {
    /// The samples and where they lie.
    pub volume: &'a ResidentVolume,
    /// Values to color and opacity.
    pub transfer: &'a TransferFunction,
    /// What a ray makes of the values that it meets.
    pub projection: Projection,
    /// How a composite is lit.
    pub shading: Shading,
    /// What of the light on a lit composite the rest of the volume keeps away.
    pub occlusion: Occlusion,
}

/// How a volume whose colors are blended is lit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shading {
    /// Where values change it shines like a surface across the change.
    #[default]
    Lit,
    /// It has its own colors everywhere.
    Flat,
}

/// What of the light on a volume the rest of the same volume keeps away. What is clipped keeps nothing away.
///
/// # Limits
/// Surfaces and other volumes throw no shadows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occlusion {
    /// Of the fill light.
    pub shadows: Shadows,
    /// Of the light from everywhere.
    pub ambient: AmbientOcclusion,
}

/// Shadows of the fill light, which is stronger where it throws any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shadows {
    /// There are none.
    #[default]
    Off,
    /// They are softer the farther away from what throws them.
    Soft,
}

/// Whether less light comes from everywhere to what lies deep in a fold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmbientOcclusion {
    /// As much comes everywhere.
    #[default]
    Off,
    /// Less comes where more lies around.
    On,
}

impl Occlusion {
    /// Nothing keeps light away.
    pub const NONE: Self = Self {
        shadows: Shadows::Off,
        ambient: AmbientOcclusion::Off,
    };
    /// Soft shadows, and less light in folds.
    pub const FULL: Self = Self {
        shadows: Shadows::Soft,
        ambient: AmbientOcclusion::On,
    };
}

/// What a ray makes of the values that it meets in a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Projection {
    /// Colors blended by their opacity, front to back, lit.
    #[default]
    Composite,
    /// The largest value (MIP) in its color, opaque whatever its opacity; seen where it lies.
    Maximum,
    /// The smallest value (MinIP), likewise.
    Minimum,
    /// The mean, likewise; seen where the ray enters.
    Average,
}

impl<'a> VolumeLayer<'a> {
    /// A volume whose colors are blended and lit.
    pub fn new(volume: &'a ResidentVolume, transfer: &'a TransferFunction) -> Self {
        Self {
            volume,
            transfer,
            projection: Projection::Composite,
            shading: Shading::Lit,
            occlusion: Occlusion::NONE,
        }
    }

    /// Whether its rest keeps any light away.
    pub(crate) fn is_occluded(&self) -> bool {
        self.projection == Projection::Composite
            && self.shading == Shading::Lit
            && self.occlusion != Occlusion::NONE
    }
}

/// A surface in its place.
#[derive(Clone, Copy, Debug)]
pub struct SurfaceLayer<'a> {
    /// The triangles and what is on them.
    pub surface: &'a ResidentSurface,
    /// Where the surface lies in the patient.
    pub patient_from_surface: DAffine3,
    /// What light does on it.
    pub material: Material,
    /// Its color.
    pub paint: Paint<'a>,
    /// 0 invisible, 1 opaque. Every wall counts: through both of a glass ball with the opacity a, a part of (1 - a)^2 is
    /// seen.
    pub opacity: f32,
    /// What it looks like where the scene's clip cuts it.
    pub cut: Cut,
    /// A line around it, hidden or not, as for a selection: sRGB between 0 and 1.
    pub outline: Option<[f32; 3]>,
}

/// The color of a surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Paint<'a> {
    /// One color, sRGB between 0 and 1.
    Plain([f32; 3]),
    /// Its texture times the colors of its vertices; white without either.
    Own,
    /// The values of its vertices, in the colors of a scale.
    Distances(&'a ColorScale),
}

/// What light does on a surface: metallic and roughness as in glTF 2.0 section 3.9.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Material {
    /// 0 a mirror, 1 chalk.
    pub roughness: f32,
    /// 0 for all but metals, 1 for metals.
    pub metallic: f32,
}

impl Default for Material {
    /// A little gloss, as skin and bone have.
    fn default() -> Self {
        Self {
            roughness: 0.5,
            metallic: 0.0,
        }
    }
}

/// What a surface looks like where it is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Open: its inner side is seen.
    Open,
    /// Closed by a face in the plane of the cut, as if it were solid; for surfaces that have no border.
    Capped,
}

impl<'a> SurfaceLayer<'a> {
    /// An opaque surface where its own coordinates say, in its own colors or a plain light one.
    pub fn new(surface: &'a ResidentSurface) -> Self {
        Self {
            surface,
            patient_from_surface: DAffine3::IDENTITY,
            material: Material::default(),
            paint: if surface.is_painted() {
                Paint::Own
            } else {
                Paint::Plain([0.82, 0.78, 0.72])
            },
            opacity: 1.0,
            cut: Cut::Open,
            outline: None,
        }
    }

    /// The box around the surface in its place, patient mm.
    pub fn bounds_mm(&self) -> Aabb {
        let bounds = self.surface.bounds_mm();
        if bounds.is_empty() {
            return bounds;
        }
        let corner = |i: u8| {
            let pick = |bit: u8, low: f64, high: f64| if i & bit == 0 { low } else { high };
            self.patient_from_surface.transform_point3(DVec3::new(
                pick(1, bounds.min.x, bounds.max.x),
                pick(2, bounds.min.y, bounds.max.y),
                pick(4, bounds.min.z, bounds.max.z),
            ))
        };
        Aabb::around((0..8).map(corner))
    }
}

impl Scene<'_> {
    /// Gives all volumes the same `occlusion`.
    pub fn occlude(&mut self, occlusion: Occlusion) {
        for layer in &mut self.volumes {
            layer.occlusion = occlusion;
        }
    }

    /// The box around everything in the scene, patient mm.
    pub fn bounds_mm(&self) -> Aabb {
        let volumes = self.volumes.iter().map(|layer| layer.volume.grid().bounds_mm());
        let surfaces = self.surfaces.iter().map(SurfaceLayer::bounds_mm);
        volumes
            .chain(surfaces)
            .filter(|bounds| !bounds.is_empty())
            .fold(Aabb::EMPTY, |all, bounds| {
                all.grown_to(bounds.min).grown_to(bounds.max)
            })
    }
}
