//! A picture put together from tiles: volumes and surfaces blended along the ray of each pixel, front to back.

use std::sync::Arc;

use rayon::prelude::*;
use volume::Samples;

use super::View;
use super::field::Field;
use super::lanes::F32x4;
use super::light::Lights;
use super::prepared::Prepared;
use super::raycast::{Cast, Met, Walk};
use super::reach::Reach;
use super::surfaces::Surfaces;
use super::voxel::Voxel;
use crate::picture::{Picture, encode};
use crate::scene::Scene;
use crate::{Clip, ResidentVolume};

/// Pixels along each edge of a tile, which is one piece of work.
pub(super) const TILE: usize = 8;

/// Opacity at which a ray is finished.
const OPAQUE: f32 = 0.99;

/// The ray through one (sub)pixel.
pub(super) struct PixelRay {
    pub(super) column: usize,
    pub(super) row: usize,
    /// Tangents to the right and up.
    pub(super) right: f32,
    pub(super) up: f32,
    /// Between the ray and the line of sight: depth for each mm of ray.
    pub(super) cosine: f32,
    /// The part of a step by which it starts late.
    pub(super) jitter: f32,
}

/// Everything that one picture is made from.
pub(super) struct Frame<'a> {
    view: &'a View,
    /// Right, up and forward, patient.
    axes: [[f32; 3]; 3],
    lights: Lights,
    reaches: &'a [Reach],
    volumes: Vec<AnyCast<'a>>,
    surfaces: &'a Surfaces,
    clip: &'a Clip,
}

/// A volume of any sample type under the camera.
pub(super) enum AnyCast<'a> {
    U8(Cast<'a, u8>),
    I16(Cast<'a, i16>),
    U16(Cast<'a, u16>),
    I32(Cast<'a, i32>),
    U32(Cast<'a, u32>),
    F32(Cast<'a, f32>),
}

impl<'a> AnyCast<'a> {
    fn new(view: &View, volume: &'a ResidentVolume, prepared: &'a Prepared, reach: &'a Reach) -> Self {
        let dims = volume.grid().dims();
        macro_rules! cast {
            ($kind:ident, $samples:expr) => {
                Self::$kind(Cast::new(
                    Field::new($samples, dims),
                    prepared,
                    reach,
                    view,
                    dims,
                ))
            };
        }
        match volume.samples() {
            Samples::U8(samples) => cast!(U8, samples),
            Samples::I16(samples) => cast!(I16, samples),
            Samples::U16(samples) => cast!(U16, samples),
            Samples::I32(samples) => cast!(I32, samples),
            Samples::U32(samples) => cast!(U32, samples),
            Samples::F32(samples) => cast!(F32, samples),
        }
    }
}

/// What lies along rays between surfaces.
trait Medium {
    /// Where a ray is in it.
    type Walk;

    /// The walk of a ray between two places along it, mm.
    fn walk(&self, ray: &PixelRay, kept: [f32; 2]) -> Self::Walk;

    /// Blends what a ray meets up to `until` mm behind what is `seen`.
    fn blend(&self, lights: &Lights, walk: &mut Self::Walk, until: f32, seen: &mut Seen);
}

impl<V: Voxel> Medium for Cast<'_, V> {
    type Walk = Option<Walk>;

    #[inline(always)]
    fn walk(&self, ray: &PixelRay, kept: [f32; 2]) -> Option<Walk> {
        Cast::walk(self, ray, kept)
    }

    #[inline(always)]
    fn blend(&self, lights: &Lights, walk: &mut Option<Walk>, until: f32, seen: &mut Seen) {
        let Some(walk) = walk else { return };
        while let Some(met) = self.next(lights, walk, until) {
            seen.blend(&met);
            if seen.is_opaque() {
                return;
            }
        }
    }
}

/// Several volumes, or none, blended by depth.
struct Many<'a>(&'a [AnyCast<'a>]);

macro_rules! with_cast {
    ($any:expr, $cast:ident => $body:expr) => {
        match $any {
            AnyCast::U8($cast) => $body,
            AnyCast::I16($cast) => $body,
            AnyCast::U16($cast) => $body,
            AnyCast::I32($cast) => $body,
            AnyCast::U32($cast) => $body,
            AnyCast::F32($cast) => $body,
        }
    };
}

impl Medium for Many<'_> {
    type Walk = Vec<Pending>;

    fn walk(&self, ray: &PixelRay, kept: [f32; 2]) -> Vec<Pending> {
        let walks = self.0.iter().enumerate();
        walks
            .filter_map(|(volume, any)| {
                let walk = with_cast!(any, cast => cast.walk(ray, kept))?;
                Some(Pending {
                    volume,
                    walk,
                    met: None,
                    at: 0,
                })
            })
            .collect()
    }

    fn blend(&self, lights: &Lights, walks: &mut Vec<Pending>, until: f32, seen: &mut Seen) {
        loop {
            let mut nearest: Option<(f32, usize)> = None;
            for (slot, pending) in walks.iter_mut().enumerate() {
                if pending.met.is_none() {
                    let cast = &self.0[pending.volume];
                    pending.met = with_cast!(cast, cast => cast.next(lights, &mut pending.walk, until));
                    pending.at = 0;
                }
                if let Some(met) = &pending.met {
                    let t = met.t.lanes()[pending.at];
                    if nearest.is_none_or(|(nearest, _)| t < nearest) {
                        nearest = Some((t, slot));
                    }
                }
            }
            let Some((_, slot)) = nearest else { return };
            let pending = &mut walks[slot];
            if let Some(met) = &pending.met {
                let color = met.color.map(|c| c.lanes()[pending.at]);
                seen.over(color, met.opacity[pending.at]);
                pending.at += 1;
                if pending.at == met.opacity.len() {
                    pending.met = None;
                }
            }
            if seen.is_opaque() {
                return;
            }
        }
    }
}

/// A walk through one of several volumes, with what it met last.
struct Pending {
    volume: usize,
    walk: Walk,
    met: Option<Met>,
    /// The step of `met` that comes next.
    at: usize,
}

/// What is seen along a ray so far.
struct Seen {
    /// Linear red, green and blue times opacity: sums of lanes.
    color: [F32x4; 3],
    /// The part of the light that still comes through.
    clear: f32,
}

impl Seen {
    const NOTHING_CLEAR: f32 = 1.0 - OPAQUE;

    #[inline(always)]
    fn nothing() -> Self {
        Self {
            color: [F32x4::splat(0.0); 3],
            clear: 1.0,
        }
    }

    #[inline(always)]
    fn is_opaque(&self) -> bool {
        self.clear < Self::NOTHING_CLEAR
    }

    /// Puts four steps behind what is seen.
    #[inline(always)]
    fn blend(&mut self, met: &Met) {
        let mut weight = |which: usize| {
            let weight = self.clear * met.opacity[which];
            self.clear -= weight;
            weight
        };
        let weights = F32x4::new([weight(0), weight(1), weight(2), weight(3)]);
        for (seen, color) in self.color.iter_mut().zip(met.color) {
            *seen = *seen + color * weights;
        }
    }

    /// Puts one color behind what is seen.
    fn over(&mut self, color: [f32; 3], opacity: f32) {
        let weight = self.clear * opacity;
        self.clear -= weight;
        for (seen, color) in self.color.iter_mut().zip(color) {
            *seen = *seen + F32x4::new([color * weight, 0.0, 0.0, 0.0]);
        }
    }

    /// Linear light times opacity, and opacity.
    #[inline(always)]
    fn pixel(&self) -> [f32; 4] {
        let [r, g, b] = self.color;
        let [r, g, b, _] = F32x4::sums([r, g, b, F32x4::splat(0.0)]).lanes();
        [r, g, b, 1.0 - self.clear]
    }
}

/// Pixels of one tile, `[row][column]`, linear light times opacity, and opacity; `None` where nothing is.
type TilePixels = Option<Box<[[f32; 4]; TILE * TILE]>>;

impl<'a> Frame<'a> {
    /// The frame of `scene`, with what was prepared for each of its volumes and how far they reach.
    pub(super) fn new(
        view: &'a View,
        scene: &'a Scene<'a>,
        prepared: &'a [Arc<Prepared>],
        reaches: &'a [Reach],
        surfaces: &'a Surfaces,
    ) -> Self {
        let layers = super::composed(scene).zip(prepared).zip(reaches);
        Self {
            view,
            axes: [view.right, view.up, view.forward].map(|v| v.as_vec3().to_array()),
            lights: Lights::new(view, view.forward),
            reaches,
            volumes: layers
                .map(|((layer, prepared), reach)| AnyCast::new(view, layer.volume, prepared, reach))
                .collect(),
            surfaces,
            clip: &scene.clip,
        }
    }

    /// The picture, each pixel the mean of `factor` x `factor` rays, over `background` (linear).
    pub(super) fn picture(&self, factor: usize, background: [f32; 3]) -> Picture {
        let (width, height) = (self.view.columns / factor, self.view.rows / factor);
        let across = width.div_ceil(TILE);
        let count = across * height.div_ceil(TILE);
        let tiles: Vec<TilePixels> = (0..count)
            .into_par_iter()
            .map(|tile| {
                let place = [tile % across * TILE, tile / across * TILE];
                match self.volumes.as_slice() {
                    [AnyCast::U8(cast)] => self.tile(cast, place, factor),
                    [AnyCast::I16(cast)] => self.tile(cast, place, factor),
                    [AnyCast::U16(cast)] => self.tile(cast, place, factor),
                    many => self.tile(&Many(many), place, factor),
                }
            })
            .collect();
        let empty = background.map(encode);
        let mut rgba = vec![255u8; width * height * 4];
        rgba.par_chunks_mut(width * TILE * 4)
            .enumerate()
            .for_each(|(band, out)| {
                for (y, row) in out.chunks_exact_mut(width * 4).enumerate() {
                    for (tile, pixels) in row.chunks_mut(TILE * 4).enumerate() {
                        let source = &tiles[band * across + tile];
                        for (x, pixel) in pixels.chunks_exact_mut(4).enumerate() {
                            let color = match source {
                                None => empty,
                                Some(source) => {
                                    let seen = source[y * TILE + x];
                                    std::array::from_fn(|c| encode(seen[c] + background[c] * (1.0 - seen[3])))
                                }
                            };
                            pixel[..3].copy_from_slice(&color);
                        }
                    }
                }
            });
        Picture {
            width: width as u32,
            height: height as u32,
            rgba,
        }
    }

    fn tile<M: Medium>(&self, medium: &M, [x, y]: [usize; 2], factor: usize) -> TilePixels {
        let columns = x * factor..((x + TILE) * factor).min(self.view.columns);
        let rows = y * factor..((y + TILE) * factor).min(self.view.rows);
        let touched = self
            .reaches
            .iter()
            .any(|reach| reach.touches(columns.clone(), rows.clone()));
        if !touched && self.surfaces.is_empty() {
            return None;
        }
        let weight = 1.0 / (factor * factor) as f32;
        let mut pixels = Box::new([[0.0f32; 4]; TILE * TILE]);
        for row in rows {
            for column in columns.clone() {
                let pixel = &mut pixels[(row / factor - y) * TILE + column / factor - x];
                let seen = self.seen(medium, [column, row]);
                for (pixel, seen) in pixel.iter_mut().zip(seen) {
                    *pixel += seen * weight;
                }
            }
        }
        Some(pixels)
    }

    #[inline(always)]
    fn seen<M: Medium>(&self, medium: &M, [column, row]: [usize; 2]) -> [f32; 4] {
        let ray = self.ray(column, row);
        let lights = self.lights_along(&ray);
        let mut seen = Seen::nothing();
        let mut walk = medium.walk(&ray, self.kept(&ray));
        for fragment in self.surfaces.at(row * self.view.columns + column) {
            medium.blend(&lights, &mut walk, fragment.depth_mm / ray.cosine, &mut seen);
            if seen.is_opaque() {
                return seen.pixel();
            }
            seen.over(fragment.color, fragment.opacity);
            if seen.is_opaque() {
                return seen.pixel();
            }
        }
        medium.blend(&lights, &mut walk, f32::INFINITY, &mut seen);
        seen.pixel()
    }

    #[inline(always)]
    fn ray(&self, column: usize, row: usize) -> PixelRay {
        let view = self.view;
        let tangent = 1.0 / view.scale as f32;
        let right = (column as f32 + 0.5 - view.columns as f32 * 0.5) * tangent;
        let up = (view.rows as f32 * 0.5 - row as f32 - 0.5) * tangent;
        PixelRay {
            column,
            row,
            right,
            up,
            cosine: 1.0 / (1.0 + right * right + up * up).sqrt(),
            jitter: view.jitter(column, row),
        }
    }

    /// The part of a ray that clipping leaves of volumes, mm.
    #[inline(always)]
    fn kept(&self, ray: &PixelRay) -> [f32; 2] {
        if !self.clip.cuts() {
            return [0.0, f32::INFINITY];
        }
        let view = self.view;
        let direction = view.forward + view.right * f64::from(ray.right) + view.up * f64::from(ray.up);
        match self.clip.kept(view.eye_mm, direction.normalize()) {
            Some(kept) => [kept.from.max(0.0) as f32, kept.to as f32],
            None => [f32::INFINITY, f32::NEG_INFINITY],
        }
    }

    #[inline(always)]
    fn lights_along(&self, ray: &PixelRay) -> Lights {
        let [right, up, forward] = self.axes;
        let along = |axis: usize| (right[axis] * ray.right + up[axis] * ray.up + forward[axis]) * ray.cosine;
        self.lights.seen_along([along(0), along(1), along(2)])
    }
}
