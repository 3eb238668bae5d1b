//! The back end that needs no GPU: every pass on rayon.
//!
//! A picture is made of horizontal tiles. Surfaces are drawn first, into the nearest fragment a layer; volumes are
//! then cast up to the opaque fragments, and what lies in between is blended by depth. Light is computed in linear
//! space with a headlight and one fill.

mod field;
mod light;
mod outline;
mod raycast;
mod slice;
mod surfaces;

use std::sync::Arc;

use rayon::prelude::*;

use crate::camera::CameraError;
use crate::picture::{LinearPicture, Picture, decode};
use crate::scene::Scene;
use crate::slice::{Slice, SliceError};
use field::{PreparedVolume, Tables};
use surfaces::{Fragment, Surfaces};

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
    tables: Vec<Arc<Tables>>,
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
        self.tables = self.tables_for(scene, quality.steps_per_voxel);
        let surfaces = Surfaces::new(scene, &view);
        let linear = LinearPicture {
            width: columns,
            pixels: draw(scene, &view, &self.tables, &surfaces),
        };
        let mut picture = linear.finish(factor, scene.background.map(decode));
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
        self.tables.iter().map(|tables| tables.bytes()).sum()
    }

    /// Tables of each volume, from the last picture where they still hold.
    fn tables_for(&self, scene: &Scene<'_>, steps_per_voxel: f64) -> Vec<Arc<Tables>> {
        let tables = |layer| {
            let kept = self
                .tables
                .iter()
                .find(|kept| kept.are_of(layer, steps_per_voxel));
            kept.map_or_else(|| Arc::new(Tables::new(layer, steps_per_voxel)), Arc::clone)
        };
        scene.volumes.iter().map(tables).collect()
    }
}

/// Linear light of each pixel.
fn draw(scene: &Scene<'_>, view: &View, tables: &[Arc<Tables>], surfaces: &Surfaces) -> Vec<[f32; 4]> {
    let volumes: Vec<PreparedVolume<'_>> = scene
        .volumes
        .iter()
        .zip(tables)
        .map(|(layer, tables)| PreparedVolume::new(layer, tables))
        .collect();
    let (columns, rows) = (view.columns, view.rows);

    let mut pixels = vec![[0.0f32; 4]; columns * rows];
    pixels
        .par_chunks_mut(columns * TILE_ROWS)
        .enumerate()
        .for_each(|(tile, out)| {
            for (at, pixel) in out.iter_mut().enumerate() {
                let (x, y) = (at % columns, tile * TILE_ROWS + at / columns);
                *pixel = compose(scene, view, [x, y], surfaces.at(y * columns + x), &volumes);
            }
        });
    pixels
}

/// Rows of one piece of work.
const TILE_ROWS: usize = 8;

/// Blends volumes and surface fragments along one ray, front to back; premultiplied linear light.
fn compose(
    scene: &Scene<'_>,
    view: &View,
    [x, y]: [usize; 2],
    fragments: &[Fragment],
    volumes: &[PreparedVolume<'_>],
) -> [f32; 4] {
    let ray = view.ray(x, y);
    let mut seen = [0.0f32; 4];
    let (mut from_mm, mut end_mm) = (0.0f32, f32::INFINITY);
    if scene.clip.cuts() {
        match scene.clip.kept(ray.origin_mm, ray.direction) {
            Some(kept) => (from_mm, end_mm) = (from_mm.max(kept.from as f32), kept.to as f32),
            None => end_mm = f32::NEG_INFINITY,
        }
    }
    for fragment in fragments {
        let to_mm = fragment.depth_mm / ray.cosine;
        for volume in volumes {
            raycast::cast(
                volume,
                &ray,
                view,
                (from_mm, to_mm.min(end_mm)),
                view.jitter(x, y),
                &mut seen,
            );
        }
        let weight = (1.0 - seen[3]) * fragment.opacity;
        for (s, c) in seen.iter_mut().zip(fragment.color) {
            *s += c * weight;
        }
        seen[3] += weight;
        if seen[3] > OPAQUE {
            return seen;
        }
        from_mm = to_mm.max(from_mm);
    }
    for volume in volumes {
        raycast::cast(
            volume,
            &ray,
            view,
            (from_mm, end_mm),
            view.jitter(x, y),
            &mut seen,
        );
    }
    seen
}

/// Opacity at which a ray is finished.
const OPAQUE: f32 = 0.985;

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
        let v = 0.067_110_56 * x as f32 + 0.005_837_15 * y as f32;
        (52.982_918 * v.fract()).fract()
    }
}
