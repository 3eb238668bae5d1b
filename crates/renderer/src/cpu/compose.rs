//! A picture put together from tiles: volumes and surfaces blended along the ray of each pixel, front to back.

use std::sync::Arc;

use parallel::prelude::*;
use volume::Samples;

use super::View;
use super::field::Field;
use super::lanes::F32x4;
use super::light::Lights;
use super::occluder::Occluder;
use super::prepared::Prepared;
use super::raycast::{Cast, Met, Walk};
use super::reach::Reach;
use super::surfaces::{Fragment, Surfaces};
use super::voxel::Voxel;
use crate::Clip;
use crate::occlusion::Coverage;
use crate::picture::{Picture, encode};
use crate::scene::{Projection, Scene, VolumeLayer};

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
    /// Volumes that are blended by depth.
    volumes: Vec<AnyCast<'a>>,
    /// Volumes that show one value a ray.
    projected: Vec<(AnyCast<'a>, Projection)>,
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

impl<'a> AnyCast<'a> {
    fn new(
        view: &View,
        layer: &VolumeLayer<'a>,
        prepared: &'a Prepared,
        reach: &'a Reach,
        occluder: Option<Occluder<'a>>,
    ) -> Self {
        let dims = layer.volume.grid().dims();
        macro_rules! cast {
            ($kind:ident, $samples:expr) => {
                Self::$kind(Cast::new(
                    Field::new($samples, dims),
                    layer,
                    prepared,
                    reach,
                    occluder,
                    view,
                ))
            };
        }
        match layer.volume.samples() {
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

    /// Leads the walks of four rays side by side on to where there may be something to see.
    fn seek(&self, walks: &mut [Self::Walk; 4]);

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
    fn seek(&self, walks: &mut [Option<Walk>; 4]) {
        Cast::seek(self, walks);
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

    fn seek(&self, _: &mut [Vec<Pending>; 4]) {}

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
                    let t = met.t[pending.at];
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
        (prepared, coverages): (&'a [Arc<Prepared>], &'a [Option<Arc<Coverage>>]),
        reaches: &'a [Reach],
        surfaces: &'a Surfaces,
    ) -> Self {
        let (mut volumes, mut projected) = (Vec::new(), Vec::new());
        let lights = Lights::new(view, view.forward);
        let kept = prepared.iter().zip(coverages);
        for ((layer, (prepared, coverage)), reach) in scene.volumes.iter().zip(kept).zip(reaches) {
            let occluder = coverage.as_ref().map(|coverage| {
                let of_picture = (view, &lights, &scene.clip);
                Occluder::new(
                    coverage,
                    layer.occlusion,
                    &prepared.voxel_from_patient,
                    of_picture,
                )
            });
            let cast = AnyCast::new(view, layer, prepared, reach, occluder);
            match layer.projection {
                Projection::Composite => volumes.push(cast),
                // Before anything came there is no mean either.
                _ if layer.volume.is_empty() => {}
                projection => projected.push((cast, projection)),
            }
        }
        Self {
            view,
            axes: [view.right, view.up, view.forward].map(|v| v.as_vec3().to_array()),
            lights,
            reaches,
            volumes,
            projected,
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
                    [AnyCast::U8(cast)] => self.drawn(cast, place, factor),
                    [AnyCast::I16(cast)] => self.drawn(cast, place, factor),
                    [AnyCast::U16(cast)] => self.drawn(cast, place, factor),
                    [AnyCast::F32(cast)] => self.drawn(cast, place, factor),
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

    /// [`Frame::tile`] with the instructions that this machine has.
    fn drawn<M: Medium>(&self, medium: &M, place: [usize; 2], factor: usize) -> TilePixels {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            #[expect(unsafe_code, reason = "measured: a tenth faster with three operands")]
            // SAFETY: the processor has the instructions that the function is compiled for.
            return unsafe { self.tile_avx2(medium, place, factor) };
        }
        self.tile(medium, place, factor)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn tile_avx2<M: Medium>(&self, medium: &M, place: [usize; 2], factor: usize) -> TilePixels {
        self.tile(medium, place, factor)
    }

    #[inline(always)]
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
            for first in columns.clone().step_by(4) {
                let rays = [0, 1, 2, 3].map(|i| self.ray(first + i, row));
                let mut walks = [0, 1, 2, 3].map(|i| {
                    let kept = self.kept(&rays[i]);
                    medium.walk(&rays[i], kept)
                });
                medium.seek(&mut walks);
                for (ray, walk) in rays.iter().zip(walks) {
                    if ray.column >= columns.end {
                        break;
                    }
                    let pixel = &mut pixels[(row / factor - y) * TILE + ray.column / factor - x];
                    for (pixel, seen) in pixel.iter_mut().zip(self.seen(medium, ray, walk)) {
                        *pixel += seen * weight;
                    }
                }
            }
        }
        Some(pixels)
    }

    #[inline(always)]
    fn seen<M: Medium>(&self, medium: &M, ray: &PixelRay, walk: M::Walk) -> [f32; 4] {
        let lights = self.lights_along(ray);
        let fragments = self.surfaces.at(ray.row * self.view.columns + ray.column);
        if self.projected.is_empty() {
            blend_between(medium, &lights, ray, walk, fragments)
        } else {
            let fragments = self.with_projected(ray, self.kept(ray), fragments);
            blend_between(medium, &lights, ray, walk, &fragments)
        }
    }

    /// Fragments of surfaces and of volumes that show one value a ray, nearest first.
    #[cold]
    fn with_projected(&self, ray: &PixelRay, kept: [f32; 2], fragments: &[Fragment]) -> Vec<Fragment> {
        // Nothing lies behind an opaque surface.
        let wall = fragments.last().filter(|fragment| fragment.opacity >= 1.0);
        let until = wall.map_or(f32::INFINITY, |fragment| fragment.depth_mm / ray.cosine);
        let projected = self.projected.iter().filter_map(|(cast, projection)| {
            let found = with_cast!(cast, cast => {
                let walk = cast.walk(ray, kept)?;
                cast.project(&walk, until, *projection)?
            });
            Some(Fragment {
                depth_mm: found.t * ray.cosine,
                color: found.color,
                opacity: 1.0,
            })
        });
        let mut all: Vec<Fragment> = projected.chain(fragments.iter().copied()).collect();
        all.sort_by(|a, b| a.depth_mm.total_cmp(&b.depth_mm));
        all
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

/// What is seen along a ray through a medium with fragments in it, nearest first.
#[inline(always)]
fn blend_between<M: Medium>(
    medium: &M,
    lights: &Lights,
    ray: &PixelRay,
    mut walk: M::Walk,
    fragments: &[Fragment],
) -> [f32; 4] {
    let mut seen = Seen::nothing();
    for fragment in fragments {
        medium.blend(lights, &mut walk, fragment.depth_mm / ray.cosine, &mut seen);
        if !seen.is_opaque() {
            seen.over(fragment.color, fragment.opacity);
        }
        if seen.is_opaque() {
            return seen.pixel();
        }
    }
    medium.blend(lights, &mut walk, f32::INFINITY, &mut seen);
    seen.pixel()
}
