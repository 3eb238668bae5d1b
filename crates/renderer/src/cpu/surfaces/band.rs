//! The fragments of some rows of a picture.

use geometry::DVec3;

use super::raster::{BAND, Covered, Side};
use super::{Band, Drawn, Fragment};
use crate::clip::{Clip, Kept};
use crate::cpu::View;
use crate::cpu::light::Lights;
use crate::scene::Cut;

/// Everything that the rows of one picture are drawn from.
pub(super) struct Drawing<'a> {
    pub(super) clip: &'a Clip,
    pub(super) view: &'a View,
    pub(super) layers: &'a [Drawn<'a>],
}

/// A place of a layer.
#[derive(Clone, Copy)]
struct Place {
    layer: u16,
    covered: Covered,
}

/// What triangles cover of some rows.
#[derive(Default)]
struct Places {
    /// The nearest place of any simple layer at each pixel; empty when there is none at all.
    nearest: Vec<Option<Place>>,
    /// All places of the other layers, by pixel and depth.
    all: Vec<Place>,
    /// For each layer with an outline, which pixels it covers.
    outlines: Vec<Vec<bool>>,
}

/// The part of a ray that is kept, as depths, with the outward normals of its ends.
struct KeptPart {
    from: f32,
    to: f32,
    normals: [DVec3; 2],
}

impl KeptPart {
    fn holds(&self, depth_mm: f32) -> bool {
        depth_mm >= self.from && depth_mm <= self.to
    }
}

impl Drawing<'_> {
    pub(super) fn band(&self, band: usize) -> Band {
        let first_row = band * BAND;
        let len = BAND.min(self.view.rows - first_row) * self.view.columns;
        let kept: Vec<KeptPart> = if self.clip.cuts() {
            (0..len).map(|pixel| self.kept_part(first_row, pixel)).collect()
        } else {
            Vec::new()
        };
        let Places {
            nearest,
            all,
            outlines,
        } = self.places(band, len, &kept);
        let mut drawn = Band {
            covered: outlines,
            ..Band::default()
        };
        if nearest.is_empty() && all.is_empty() {
            return drawn;
        }
        drawn.starts.reserve(len + 1);
        let mut rest = all.as_slice();
        for pixel in 0..len {
            drawn.starts.push(drawn.fragments.len() as u32);
            let is_here = |place: &&Place| place.covered.pixel as usize == pixel;
            let (here, after) = rest.split_at(rest.iter().take_while(is_here).count());
            rest = after;
            let nearest = nearest.get(pixel).copied().flatten();
            if here.is_empty() && nearest.is_none() {
                continue;
            }
            let place = [pixel % self.view.columns, first_row + pixel / self.view.columns];
            self.pixel(place, here, nearest, kept.get(pixel), &mut drawn.fragments);
        }
        drawn.starts.push(drawn.fragments.len() as u32);
        drawn
    }

    fn kept_part(&self, first_row: usize, pixel: usize) -> KeptPart {
        let columns = self.view.columns;
        let ray = self.view.ray(pixel % columns, first_row + pixel / columns);
        let depth = |at: f64| (at * f64::from(ray.cosine)) as f32;
        match self.clip.kept(ray.origin_mm, ray.direction) {
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
                normals: [DVec3::ZERO; 2],
            },
        }
    }

    fn places(&self, band: usize, len: usize, kept: &[KeptPart]) -> Places {
        let mut places = Places::default();
        for (index, layer) in self.layers.iter().enumerate() {
            let mut mask = vec![false; if layer.outline.is_some() { len } else { 0 }];
            let is_simple = layer.is_simple(self.clip.cuts());
            layer.projection.for_each_in_band(band, |covered| {
                let pixel = covered.pixel as usize;
                let seen = kept.get(pixel).is_none_or(|kept| kept.holds(covered.depth_mm));
                if let Some(mask) = mask.get_mut(pixel) {
                    *mask |= seen;
                }
                let place = Place {
                    layer: index as u16,
                    covered,
                };
                if !is_simple {
                    if layer.opacity > 0.0 {
                        places.all.push(place);
                    }
                } else if seen {
                    places.nearest.resize(len, None);
                    let slot = &mut places.nearest[pixel];
                    if slot.is_none_or(|slot| covered.depth_mm < slot.covered.depth_mm) {
                        *slot = Some(place);
                    }
                }
            });
            if layer.outline.is_some() {
                places.outlines.push(mask);
            }
        }
        places.all.sort_unstable_by_key(|place| {
            // Depths are positive, so that their bits have their order.
            (u64::from(place.covered.pixel) << 32) | u64::from(place.covered.depth_mm.to_bits())
        });
        places
    }

    /// Appends what is seen through a pixel: `places` of transparent or cut layers, nearest first, the nearest place of the
    /// simple ones.
    fn pixel(
        &self,
        pixel: [usize; 2],
        places: &[Place],
        nearest: Option<Place>,
        kept: Option<&KeptPart>,
        out: &mut Vec<Fragment>,
    ) {
        let ray = self.view.ray(pixel[0], pixel[1]);
        let lights = Lights::new(self.view, ray.direction);
        let start = out.len();
        let end_mm = nearest.map_or(f32::INFINITY, |place| place.covered.depth_mm);
        if let Some(kept) = kept.filter(|kept| kept.from <= kept.to) {
            self.cuts(places, kept, end_mm, &lights, out);
        }
        for place in places.iter().chain(&nearest) {
            let depth_mm = place.covered.depth_mm;
            if depth_mm <= end_mm && kept.is_none_or(|kept| kept.holds(depth_mm)) {
                let layer = &self.layers[usize::from(place.layer)];
                out.push(Fragment {
                    depth_mm,
                    color: layer.painter.shade(&place.covered, &layer.projection, &lights),
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
    fn cuts(&self, places: &[Place], kept: &KeptPart, end_mm: f32, lights: &Lights, out: &mut Vec<Fragment>) {
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
                        color: layer.painter.shade_cut(normal, lights),
                        opacity: layer.opacity,
                    });
                }
            }
        }
    }
}
