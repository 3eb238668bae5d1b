//! What is drawn.
//!
//! A scene borrows long-lived data and is made anew for each picture. Back ends keep what they prepare by the identity
//! and revision of that data, so a scene costs nothing and nothing has to be told twice.

use geometry::{Aabb, DAffine3, DVec3};

use crate::{Camera, ResidentSurface, ResidentVolume, TransferFunction};

/// Everything in one picture.
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
#[derive(Clone, Copy, Debug)]
pub struct VolumeLayer<'a> {
    /// The samples and where they lie.
    pub volume: &'a ResidentVolume,
    /// Values to color and opacity.
    pub transfer: &'a TransferFunction,
}

/// A surface in its place.
#[derive(Clone, Copy, Debug)]
pub struct SurfaceLayer<'a> {
    /// The triangles and what is on them.
    pub surface: &'a ResidentSurface,
    /// Where the surface lies in the patient.
    pub patient_from_surface: DAffine3,
    /// Its color.
    pub paint: Paint,
    /// 0 invisible, 1 opaque.
    pub opacity: f32,
}

/// The color of a surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Paint {
    /// One color, sRGB between 0 and 1.
    Plain([f32; 3]),
    /// The colors of its vertices; white without any.
    Own,
}

impl<'a> SurfaceLayer<'a> {
    /// An opaque surface where its own coordinates say, in its own colors or a plain light one.
    pub fn new(surface: &'a ResidentSurface) -> Self {
        Self {
            surface,
            patient_from_surface: DAffine3::IDENTITY,
            paint: if surface.is_painted() {
                Paint::Own
            } else {
                Paint::Plain([0.82, 0.78, 0.72])
            },
            opacity: 1.0,
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
