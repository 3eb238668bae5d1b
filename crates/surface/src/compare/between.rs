//! The volume between two surfaces.
//!
//! What lies inside of one surface and outside of the other, integrated over space by cells that are halved where a
//! surface, or the border of the region, goes through them. Unlike prisms over the triangles of one surface, this is
//! right for whatever rises higher than it is wide. In the smallest cells the share inside of a surface follows from
//! its distance to the middle, so that surfaces much closer than a cell still give their volume.

use geometry::{Aabb, DVec3};
use parallel::prelude::*;

use super::target::Target;
use super::{Onto, Region};

/// The volume between two surfaces in a region.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Between {
    /// Inside of the second surface only, mm^3.
    pub added_mm3: f64,
    /// Inside of the first surface only, mm^3.
    pub removed_mm3: f64,
    /// Edge of the smallest cells, mm.
    pub cell_mm: f64,
}

impl Between {
    /// What the second surface holds more than the first, mm^3.
    pub fn net_mm3(&self) -> f64 {
        self.added_mm3 - self.removed_mm3
    }
}

/// The finest cells, mm.
const FINEST_MM: f64 = 0.4;
/// Cells across the surface in the region, about: what decides how fine they are.
const CELLS: f64 = 60_000.0;
/// Cells along an axis that work starts with, at most.
const MOST_AN_AXIS: f64 = 24.0;

/// Integrates over `region` (in the space of `a`); `area_mm2` is the area of the surface there, which decides how
/// fine the cells are. Cells whose nearest point of either surface lies where that surface ends are left out: which
/// side they are on cannot be told.
///
/// # Limits
/// The surfaces must divide the region: near the border of an open one, and far from it, sides are a guess. Noise of
/// the surfaces adds to both volumes; their difference is not touched by it.
pub(super) fn between(a: &Target, onto: Onto<'_>, region: &Region, area_mm2: f64) -> Between {
    let both = a.bounds_mm();
    let there = onto.target.bounds_mm();
    let a_from_b = onto.b_from_a.inverse();
    let both = corners(there).fold(both, |all, p| all.grown_to(a_from_b.transform_point3(p)));
    let bounds = match region.bounds_mm() {
        Some(bounds) => Aabb {
            min: bounds.min.max(both.min),
            max: bounds.max.min(both.max),
        },
        None => both,
    };
    let cell_mm = (area_mm2 / CELLS).sqrt().max(FINEST_MM);
    if bounds.is_empty() || !cell_mm.is_finite() {
        return Between::default();
    }
    let space = Space {
        a,
        onto,
        region,
        cell_mm,
    };
    let mut edge = cell_mm;
    while edge * MOST_AN_AXIS < bounds.size().max_element() {
        edge *= 2.0;
    }
    let [across, down, deep] = (bounds.size() / edge)
        .to_array()
        .map(|n| n.ceil().max(1.0) as u64);
    let first = bounds.min + DVec3::splat(0.5 * edge);
    (0..across * down * deep)
        .into_par_iter()
        .map(|i| {
            let at = [i % across, i / across % down, i / (across * down)];
            space.inside(first + DVec3::from_array(at.map(|i| i as f64)) * edge, edge)
        })
        .collect::<Vec<_>>()
        .into_iter()
        .fold(
            Between {
                cell_mm,
                ..Between::default()
            },
            plus,
        )
}

fn corners(bounds: Aabb) -> impl Iterator<Item = DVec3> {
    (0..8).map(move |i| {
        let pick = |bit: usize, low: f64, high: f64| if i >> bit & 1 == 0 { low } else { high };
        DVec3::new(
            pick(0, bounds.min.x, bounds.max.x),
            pick(1, bounds.min.y, bounds.max.y),
            pick(2, bounds.min.z, bounds.max.z),
        )
    })
}

fn plus(all: Between, part: Between) -> Between {
    Between {
        added_mm3: all.added_mm3 + part.added_mm3,
        removed_mm3: all.removed_mm3 + part.removed_mm3,
        cell_mm: all.cell_mm,
    }
}

struct Space<'a> {
    a: &'a Target,
    onto: Onto<'a>,
    region: &'a Region,
    cell_mm: f64,
}

impl Space<'_> {
    /// What lies between in the cell around `middle` with edges of `edge`, mm.
    fn inside(&self, middle: DVec3, edge: f64) -> Between {
        let half_diagonal = edge * 3f64.sqrt() * 0.5;
        let to_region = self.region.signed_distance_mm(middle);
        if to_region > half_diagonal {
            return Between::default();
        }
        let near_a = self.a.nearest(middle);
        let moved = self.onto.b_from_a.transform_point3(middle);
        let near_b = self.onto.target.nearest(moved);
        let (to_a, to_b) = (near_a.signed_mm(middle), near_b.signed_mm(moved));
        let crosses = to_a.abs() <= half_diagonal
            || to_b.abs() <= half_diagonal
            || to_region.abs() <= half_diagonal && (to_a < 0.0) != (to_b < 0.0);
        if crosses && edge > self.cell_mm * 1.5 {
            let quarter = edge * 0.25;
            return corners(Aabb {
                min: middle - DVec3::splat(quarter),
                max: middle + DVec3::splat(quarter),
            })
            .map(|middle| self.inside(middle, edge * 0.5))
            .fold(Between::default(), plus);
        }
        if near_a.is_on_border || near_b.is_on_border {
            return Between::default();
        }
        let share = |distance: f64| (0.5 - distance / edge).clamp(0.0, 1.0);
        let more = share(to_b) - share(to_a);
        let volume = edge.powi(3) * share(to_region) * more.abs();
        if more > 0.0 {
            Between {
                added_mm3: volume,
                ..Between::default()
            }
        } else {
            Between {
                removed_mm3: volume,
                ..Between::default()
            }
        }
    }
}
