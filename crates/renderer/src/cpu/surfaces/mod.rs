//! What surfaces show at each pixel, front to back.
//!
//! Opaque surfaces give the nearest place; of transparent ones every wall counts, so that glass is seen through its front
//! and its back. Clipping is decided for each ray: what lies outside the part that is kept is not drawn, and where the kept
//! part begins or ends inside of a capped surface there is a cut face.

mod paint;
mod raster;

use rayon::prelude::*;

use super::View;
use super::light::Lights;
use crate::clip::Kept;
use crate::scene::{Cut, Scene, SurfaceLayer};
use paint::Painter;
use raster::{BAND, Covered, Projection, Side};

/// What a surface shows at a pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment {
    /// Along the line of sight, mm.
    pub(super) depth_mm: f32,
    /// Lit, linear.
    pub(super) color: [f32; 3],
    /// 0 to 1.
    pub(super) opacity: f32,
}

/// The fragments of all surfaces of a picture.
pub(super) struct Surfaces {
    columns: usize,
    bands: Vec<Band>,
    /// The colors of the outlines, sRGB.
    outlines: Vec<[f32; 3]>,
}

/// The fragments of some rows.
#[derive(Default)]
struct Band {
    /// Where the fragments of each pixel begin, and the end of the last; empty when there are none.
    starts: Vec<u32>,
    fragments: Vec<Fragment>,
    /// For each layer with an outline: which pixels it covers, hidden or not.
    covered: Vec<Vec<bool>>,
}

impl Surfaces {
    pub(super) fn new(scene: &Scene<'_>, view: &View) -> Self {
        let bands = if scene.surfaces.is_empty() {
            0
        } else {
            view.rows.div_ceil(BAND)
        };
        let layers: Vec<Drawn<'_>> = scene
            .surfaces
            .iter()
            .filter_map(|layer| Drawn::new(layer, view))
            .collect();
        Self {
            columns: view.columns,
            outlines: layers.iter().filter_map(|layer| layer.outline).collect(),
            bands: (0..bands)
                .into_par_iter()
                .with_max_len(1)
                .map(|band| draw_band(scene, view, &layers, band))
                .collect(),
        }
    }

    /// Whether there is none at all.
    pub(super) fn is_empty(&self) -> bool {
        self.bands.is_empty()
    }

    /// What surfaces show at a pixel, `row * columns + column`, nearest first; nothing lies behind an opaque one.
    pub(super) fn at(&self, pixel: usize) -> &[Fragment] {
        let len = self.columns * BAND;
        let Some(band) = self.bands.get(pixel / len) else {
            return &[];
        };
        match band.starts.get(pixel % len..pixel % len + 2) {
            Some(&[start, end]) => &band.fragments[start as usize..end as usize],
            _ => &[],
        }
    }

    /// The outlines: their color (sRGB), and which pixels their layer covers, `[row][column]`.
    pub(super) fn outlines(&self) -> impl Iterator<Item = ([f32; 3], impl Iterator<Item = &[bool]>)> {
        self.outlines.iter().enumerate().map(|(index, &color)| {
            let bands = self.bands.iter().filter_map(move |band| band.covered.get(index));
            (
                color,
                bands.flat_map(|covered| covered.chunks_exact(self.columns)),
            )
        })
    }
}

/// A layer that can be seen.
struct Drawn<'a> {
    projection: Projection<'a>,
    painter: Painter<'a>,
    opacity: f32,
    cut: Cut,
    outline: Option<[f32; 3]>,
}

impl<'a> Drawn<'a> {
    fn new(layer: &'a SurfaceLayer<'a>, view: &View) -> Option<Self> {
        let opacity = layer.opacity.clamp(0.0, 1.0);
        // Neither what is invisible nor what is no number is drawn.
        let is_seen = opacity > 0.0 || layer.outline.is_some();
        let is_placed = layer.patient_from_surface.is_finite()
            && layer.patient_from_surface.matrix3.determinant().abs() > 0.0;
        (is_seen && is_placed).then(|| Self {
            projection: Projection::new(layer.surface.mesh(), &layer.patient_from_surface, view),
            painter: Painter::new(layer),
            opacity: if opacity.is_nan() { 0.0 } else { opacity },
            cut: layer.cut,
            outline: layer.outline,
        })
    }

    /// Whether only its nearest place counts.
    fn is_simple(&self, cuts: bool) -> bool {
        self.opacity >= 1.0 && (self.cut == Cut::Open || !cuts)
    }
}

/// A place of a layer.
#[derive(Clone, Copy)]
struct Place {
    layer: u16,
    covered: Covered,
}

/// The part of the ray of each pixel of a band that is kept, as depths.
struct KeptPart {
    from: f32,
    to: f32,
    normals: [geometry::DVec3; 2],
}

fn draw_band(scene: &Scene<'_>, view: &View, layers: &[Drawn<'_>], band: usize) -> Band {
    let first_row = band * BAND;
    let rows = BAND.min(view.rows - first_row);
    let len = rows * view.columns;
    let cuts = scene.clip.cuts();
    let kept: Vec<KeptPart> = if cuts {
        (0..len)
            .map(|pixel| kept_part(scene, view, first_row, pixel))
            .collect()
    } else {
        Vec::new()
    };
    let is_kept = |covered: &Covered| {
        kept.get(covered.pixel as usize)
            .is_none_or(|kept| covered.depth_mm >= kept.from && covered.depth_mm <= kept.to)
    };
    // The nearest place of any simple layer, and all places of the others.
    let mut nearest: Vec<Option<Place>> = Vec::new();
    let mut places: Vec<Place> = Vec::new();
    let mut outlines = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let mut mask = if layer.outline.is_some() {
            vec![false; len]
        } else {
            Vec::new()
        };
        let is_simple = layer.is_simple(cuts);
        layer.projection.for_each_in_band(band, |covered| {
            let place = Place {
                layer: index as u16,
                covered,
            };
            let seen = is_kept(&covered);
            if let Some(mask) = mask.get_mut(covered.pixel as usize) {
                *mask |= seen;
            }
            if !is_simple {
                if layer.opacity > 0.0 {
                    places.push(place);
                }
            } else if seen {
                nearest.resize(len, None);
                let slot = &mut nearest[covered.pixel as usize];
                if slot.is_none_or(|slot| covered.depth_mm < slot.covered.depth_mm) {
                    *slot = Some(place);
                }
            }
        });
        if layer.outline.is_some() {
            outlines.push(mask);
        }
    }
    if nearest.is_empty() && places.is_empty() {
        return Band {
            covered: outlines,
            ..Band::default()
        };
    }
    places.sort_unstable_by_key(|place| {
        // Depths are positive, so that their bits have their order.
        (u64::from(place.covered.pixel) << 32) | u64::from(place.covered.depth_mm.to_bits())
    });
    let mut drawn = Band {
        starts: Vec::with_capacity(len + 1),
        fragments: Vec::new(),
        covered: outlines,
    };
    let mut rest = places.as_slice();
    for pixel in 0..len {
        drawn.starts.push(drawn.fragments.len() as u32);
        let count = rest
            .iter()
            .take_while(|place| place.covered.pixel as usize == pixel)
            .count();
        let (here, after) = rest.split_at(count);
        rest = after;
        let nearest = nearest.get(pixel).copied().flatten();
        if here.is_empty() && nearest.is_none() {
            continue;
        }
        let ray = view.ray(pixel % view.columns, first_row + pixel / view.columns);
        let shading = Shading {
            layers,
            lights: Lights::new(view, ray.direction),
        };
        shading.pixel(here, nearest, kept.get(pixel), &mut drawn.fragments);
    }
    drawn.starts.push(drawn.fragments.len() as u32);
    drawn
}

fn kept_part(scene: &Scene<'_>, view: &View, first_row: usize, pixel: usize) -> KeptPart {
    let ray = view.ray(pixel % view.columns, first_row + pixel / view.columns);
    let depth = |at: f64| (at * f64::from(ray.cosine)) as f32;
    match scene.clip.kept(ray.origin_mm, ray.direction) {
        Some(Kept {
            from,
            to,
            from_normal,
            to_normal,
        }) => KeptPart {
            from: depth(from),
            to: depth(to),
            normals: [from_normal, to_normal],
        },
        None => KeptPart {
            from: f32::INFINITY,
            to: f32::NEG_INFINITY,
            normals: [geometry::DVec3::ZERO; 2],
        },
    }
}

/// Places along one ray, lit.
struct Shading<'a> {
    layers: &'a [Drawn<'a>],
    lights: Lights,
}

impl Shading<'_> {
    /// Appends what is seen along a ray: `places` of transparent or cut layers, nearest first, and the nearest place of the
    /// simple ones.
    fn pixel(
        &self,
        places: &[Place],
        nearest: Option<Place>,
        kept: Option<&KeptPart>,
        out: &mut Vec<Fragment>,
    ) {
        let start = out.len();
        let end_mm = nearest.map_or(f32::INFINITY, |place| place.covered.depth_mm);
        let is_kept = |depth_mm: f32| kept.is_none_or(|kept| depth_mm >= kept.from && depth_mm <= kept.to);
        if let Some(kept) = kept.filter(|kept| kept.from <= kept.to) {
            self.cuts(places, kept, end_mm, out);
        }
        for place in places.iter().chain(&nearest) {
            let depth_mm = place.covered.depth_mm;
            if depth_mm <= end_mm && is_kept(depth_mm) {
                let layer = &self.layers[usize::from(place.layer)];
                out.push(Fragment {
                    depth_mm,
                    color: layer
                        .painter
                        .shade(&place.covered, &layer.projection, &self.lights),
                    opacity: layer.opacity,
                });
            }
        }
        let fragments = &mut out[start..];
        fragments.sort_by(|a, b| a.depth_mm.total_cmp(&b.depth_mm));
        if let Some(opaque) = fragments.iter().position(|fragment| fragment.opacity >= 1.0) {
            out.truncate(start + opaque + 1);
        }
    }

    /// The faces of cuts: where the kept part of the ray begins or ends inside of a capped layer.
    fn cuts(&self, places: &[Place], kept: &KeptPart, end_mm: f32, out: &mut Vec<Fragment>) {
        for (index, layer) in self.layers.iter().enumerate() {
            if layer.cut != Cut::Capped || layer.opacity <= 0.0 {
                continue;
            }
            for (depth_mm, normal) in [(kept.from, kept.normals[0]), (kept.to, kept.normals[1])] {
                // Counted from afar, where every ray is outside, so that the eye may be inside.
                let beyond = places
                    .iter()
                    .filter(|place| usize::from(place.layer) == index && place.covered.depth_mm > depth_mm);
                let inside: i32 = beyond
                    .map(|place| match place.covered.side {
                        Side::Front => -1,
                        Side::Back => 1,
                    })
                    .sum();
                if inside != 0 && depth_mm > 0.0 && depth_mm < end_mm {
                    out.push(Fragment {
                        depth_mm,
                        color: layer.painter.shade_cut(normal, &self.lights),
                        opacity: layer.opacity,
                    });
                }
            }
        }
    }
}
