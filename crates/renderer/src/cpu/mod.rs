//! The back end that needs no GPU: every pass on rayon.
//!
//! Surfaces are drawn first, into lists of fragments. The picture is then put together from small square tiles: volumes are
//! cast up to the opaque fragments, and what lies in between is blended by depth. Light is computed in linear
//! space with a headlight and one fill.

mod blocks;
mod compose;
mod field;
mod lanes;
mod light;
mod occluder;
mod outline;
mod prepared;
mod progressive;
mod raycast;
mod reach;
mod slice;
mod surfaces;
mod table;
mod voxel;
mod window;

use std::sync::Arc;

use crate::camera::CameraError;
use crate::occlusion::Coverage;
use crate::picture::{Picture, decode};
use crate::scene::{Projection, Scene, VolumeLayer};
use crate::slice::{Slice, SliceError};
pub use progressive::{Pace, Progressive};

use compose::Frame;
use lanes::F32x4;
use prepared::Prepared;
use reach::Reach;
use surfaces::Surfaces;

/// How a picture is sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// Steps along a ray for each smallest voxel spacing.
    pub steps_per_voxel: f64,
    /// Pixels computed for each pixel of the picture, along each axis.
    pub supersampling: u32,
}

impl Quality {
    /// For pictures that are kept: two by two pixels, three steps for two voxels.
    pub const FINE: Self = Self {
        steps_per_voxel: 1.5,
        supersampling: 2,
    };
    /// For pictures that move: one pixel, one step a voxel.
    pub const QUICK: Self = Self {
        steps_per_voxel: 1.0,
        supersampling: 1,
    };
}

/// Why a scene is not drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// The camera draws nothing.
    #[error("the camera cannot draw")]
    Camera(#[from] CameraError),
}

/// Draws scenes. It keeps what it has derived from the volumes of the last picture, so that the next one of the same
/// volumes needs none of that work.
#[derive(Default)]
pub struct Renderer {
    prepared: Vec<Arc<Prepared>>,
    /// Of the volumes that keep light away.
    coverages: Vec<Option<Arc<Coverage>>>,
}

impl Renderer {
    /// A renderer that keeps nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Draws `scene` as a picture of `width` x `height` pixels.
    ///
    /// # Errors
    /// When the camera looks in no direction.
    pub fn draw(
        &mut self,
        scene: &Scene<'_>,
        width: u32,
        height: u32,
        quality: Quality,
    ) -> Result<Picture, DrawError> {
        let axes = scene.camera.axes()?;
        let factor = quality.supersampling.max(1) as usize;
        let (columns, rows) = (width.max(1) as usize * factor, height.max(1) as usize * factor);
        let view = View::new(&scene.camera, axes, columns, rows);
        self.forget(scene, quality.steps_per_voxel);
        self.prepared = self.prepared_for(scene, quality.steps_per_voxel);
        self.coverages = self.coverages_for(scene);
        let reaches: Vec<Reach> = scene
            .volumes
            .iter()
            .zip(&self.prepared)
            .map(|(layer, prepared)| match layer.projection {
                Projection::Composite => {
                    Reach::of_blocks(&view, layer.volume.grid(), prepared.visible.faces())
                }
                _ => Reach::of_grid(&view, layer.volume.grid()),
            })
            .collect();
        let surfaces = Surfaces::new(scene, &view);
        let frame = Frame::new(
            &view,
            scene,
            (&self.prepared, &self.coverages),
            &reaches,
            &surfaces,
        );
        let mut picture = frame.picture(factor, scene.background.map(decode));
        outline::draw(&surfaces, factor, &mut picture);
        Ok(picture)
    }

    /// Draws a plane as a picture of `width` x `height` pixels.
    ///
    /// # Errors
    /// When the plane, a window or the slab is none.
    pub fn draw_slice(&mut self, slice: &Slice<'_>, width: u32, height: u32) -> Result<Picture, SliceError> {
        slice::draw(slice, width, height)
    }

    /// The meaningful values on a plane, `[layer][row][column]`, each in the unit of its volume: rescaled stored values,
    /// exact where the middle of a pixel lies on a sample (and `f32` holds it). NaN where a volume has none.
    ///
    /// # Errors
    /// As [`Renderer::draw_slice`].
    pub fn slice_values(
        &mut self,
        slice: &Slice<'_>,
        width: u32,
        height: u32,
    ) -> Result<Vec<f32>, SliceError> {
        slice::values(slice, width, height)
    }

    /// Bytes of what is kept for the next picture.
    pub fn resident_bytes(&self) -> u64 {
        let prepared = self.prepared.iter().map(|prepared| prepared.bytes());
        let coverages = self.coverages.iter().flatten().map(|coverage| coverage.bytes());
        prepared.chain(coverages).sum()
    }

    /// Lets go of what does not hold any more before that is made anew: both would lie in memory together.
    fn forget(&mut self, scene: &Scene<'_>, steps_per_voxel: f64) {
        let volumes = &scene.volumes;
        self.prepared
            .retain(|kept| volumes.iter().any(|layer| kept.is_of(layer, steps_per_voxel)));
        self.coverages.retain(|kept| {
            let is_of = |coverage: &Arc<Coverage>| volumes.iter().any(|layer| coverage.is_of(layer));
            kept.as_ref().is_some_and(is_of)
        });
    }

    /// What each volume needs, from the last picture where it still holds.
    fn prepared_for(&self, scene: &Scene<'_>, steps_per_voxel: f64) -> Vec<Arc<Prepared>> {
        let prepared = |layer| {
            let kept = self
                .prepared
                .iter()
                .find(|kept| kept.is_of(layer, steps_per_voxel));
            kept.map_or_else(|| Arc::new(Prepared::new(layer, steps_per_voxel)), Arc::clone)
        };
        scene.volumes.iter().map(prepared).collect()
    }

    /// What volumes keep light away with, from the last picture where it still holds.
    fn coverages_for(&self, scene: &Scene<'_>) -> Vec<Option<Arc<Coverage>>> {
        let coverage = |layer: &VolumeLayer<'_>| {
            layer.is_occluded().then(|| {
                let kept = self.coverages.iter().flatten().find(|kept| kept.is_of(layer));
                kept.map_or_else(|| Arc::new(Coverage::new(layer)), Arc::clone)
            })
        };
        scene.volumes.iter().map(coverage).collect()
    }
}

/// The camera as rays: everything that a pass needs to go from pixels to patient space and back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) eye_mm: geometry::DVec3,
    pub(crate) right: geometry::DVec3,
    pub(crate) up: geometry::DVec3,
    pub(crate) forward: geometry::DVec3,
    /// Pixels a unit of tangent.
    pub(crate) scale: f64,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// One ray in patient space, unit direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ray {
    pub(crate) origin_mm: geometry::DVec3,
    pub(crate) direction: geometry::DVec3,
    /// Cosine between the ray and the line of sight: depth along the line of sight for each mm of ray.
    pub(crate) cosine: f32,
}

impl View {
    fn new(camera: &crate::Camera, axes: crate::camera::CameraAxes, columns: usize, rows: usize) -> Self {
        let scale = rows as f64 * 0.5 / (camera.field_of_view_radians * 0.5).tan();
        let crate::camera::CameraAxes { right, up, forward } = axes;
        Self {
            eye_mm: camera.eye_mm,
            right,
            up,
            forward,
            scale,
            columns,
            rows,
        }
    }

    fn ray(&self, x: usize, y: usize) -> Ray {
        let dx = (x as f64 + 0.5 - self.columns as f64 * 0.5) / self.scale;
        let dy = (self.rows as f64 * 0.5 - y as f64 - 0.5) / self.scale;
        let direction = (self.forward + self.right * dx + self.up * dy).normalize();
        Ray {
            origin_mm: self.eye_mm,
            direction,
            cosine: direction.dot(self.forward) as f32,
        }
    }

    /// The part of a step by which a ray starts late, so that steps do not show as rings. A fixed pattern: the
    /// same scene gives the same picture.
    fn jitter(&self, x: usize, y: usize) -> f32 {
        // Interleaved gradient noise (Jimenez, "Next generation post processing in Call of Duty", 2014).
        let fraction = |v: f32| v - F32x4::splat(v).truncated().1.lanes()[0];
        let v = 0.067_110_56 * x as f32 + 0.005_837_15 * y as f32;
        fraction(52.982_918 * fraction(v))
    }
}
