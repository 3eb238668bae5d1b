//! Signed distances from one surface to another, and what they come to.

use geometry::{DAffine3, DVec3};
use parallel::prelude::*;

use super::Region;
use super::target::Target;
use crate::measure::area_of;
use crate::{Mesh, normals};

/// Surfaces whose normals are farther apart than about 100 degrees are not two states of one skin.
const LEAST_COSINE: f64 = -0.2;
/// Vertices that are worth a task of their own.
const A_TASK: usize = 1024;

/// Where distances are measured to: a surface, and how the first one is laid onto it.
#[derive(Clone, Copy)]
pub struct Onto<'a> {
    /// The second surface.
    pub target: &'a Target,
    /// Takes points of the first surface to where they are on the second, mm; a turn and a shift.
    pub b_from_a: DAffine3,
}

/// How far a surface has moved, at every vertex of it.
#[derive(Clone, Debug)]
pub struct Distances {
    /// `[vertex]`, mm: from the first surface to the nearest point of the second, positive where the second lies
    /// outward of the first. NaN where nothing is to be compared: the second surface ends there, faces the other way, or
    /// is out of reach.
    pub mm: Vec<f32>,
    /// `[vertex]`, the part of the surface that a vertex stands for, mm^2.
    pub(super) areas_mm2: Vec<f64>,
    /// `[vertex]`, unit, outward.
    pub(super) normals: Vec<[f32; 3]>,
}

/// What distances come to. Each vertex counts by the area that it stands for, so that a fine mesh says the same as a
/// coarse one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Mean, with sign, mm.
    pub mean_mm: f64,
    /// Mean without sign, mm.
    pub mean_absolute_mm: f64,
    /// Root mean square, mm.
    pub rms_mm: f64,
    /// What 95 % of the area stay within, without sign, mm.
    pub percentile_95_mm: f64,
    /// The largest, without sign, mm.
    pub maximum_mm: f64,
    /// The area that was compared, mm^2.
    pub area_mm2: f64,
    /// The share of the area that was compared, 0 to 1.
    pub compared: f64,
}

/// Distances from the vertices of `mesh` to another surface. What is farther than `reach_mm` is not compared.
pub fn distances(mesh: &Mesh, onto: Onto<'_>, reach_mm: f64) -> Distances {
    let Onto { target, b_from_a } = onto;
    let normals = normals::smooth(&mesh.positions_mm, &mesh.triangles);
    let mm = mesh
        .positions_mm
        .par_chunks(A_TASK)
        .zip(normals.par_chunks(A_TASK))
        .map(|(positions, normals)| {
            let mut near = 0;
            let one = |(p, normal): (&[f32; 3], &[f32; 3])| {
                let p = b_from_a.transform_point3(DVec3::from_array(p.map(f64::from)));
                let normal = b_from_a.transform_vector3(DVec3::from_array(normal.map(f64::from)));
                let found = target.nearest_from(p, near);
                near = found.triangle;
                let is_pair = !found.is_on_border
                    && found.distance_mm <= reach_mm
                    && normal.dot(found.normal) >= LEAST_COSINE;
                if is_pair {
                    -found.signed_mm(p) as f32
                } else {
                    f32::NAN
                }
            };
            positions.iter().zip(normals).map(one).collect::<Vec<f32>>()
        })
        .collect::<Vec<_>>()
        .concat();
    Distances {
        mm,
        areas_mm2: areas_of_vertices(mesh),
        normals,
    }
}

/// A third of the area of each triangle for each of its corners.
fn areas_of_vertices(mesh: &Mesh) -> Vec<f64> {
    let mut areas = vec![0.0; mesh.positions_mm.len()];
    for &triangle in &mesh.triangles {
        let area = area_of(mesh.corners_mm(triangle));
        if area.is_finite() {
            for v in triangle {
                areas[v as usize] += area / 3.0;
            }
        }
    }
    areas
}

impl Distances {
    /// What the distances come to on the part of `mesh` (which they were measured from) in `region`; `None` when
    /// nothing there was compared.
    pub fn statistics(&self, mesh: &Mesh, region: &Region) -> Option<Statistics> {
        let mut all = 0.0;
        let mut compared: Vec<(f64, f64)> = Vec::new();
        for ((&mm, &area), p) in self.mm.iter().zip(&self.areas_mm2).zip(&mesh.positions_mm) {
            if area > 0.0 && region.contains(DVec3::from_array(p.map(f64::from))) {
                all += area;
                if mm.is_finite() {
                    compared.push((mm.into(), area));
                }
            }
        }
        let area_mm2: f64 = compared.iter().map(|(_, area)| area).sum();
        if compared.is_empty() {
            return None;
        }
        let mean = |value: fn(f64) -> f64| {
            compared.iter().map(|&(mm, area)| value(mm) * area).sum::<f64>() / area_mm2
        };
        let (mean_mm, mean_absolute_mm, rms_mm) = (mean(|mm| mm), mean(f64::abs), mean(|mm| mm * mm).sqrt());
        compared.par_sort_unstable_by(|a, b| a.0.abs().total_cmp(&b.0.abs()).then(a.1.total_cmp(&b.1)));
        let maximum_mm = compared.last().map_or(0.0, |(mm, _)| mm.abs());
        let mut within = 0.0;
        let percentile = compared.iter().find(|(_, area)| {
            within += area;
            within >= 0.95 * area_mm2
        });
        Some(Statistics {
            mean_mm,
            mean_absolute_mm,
            rms_mm,
            percentile_95_mm: percentile.map_or(maximum_mm, |(mm, _)| mm.abs()),
            maximum_mm,
            area_mm2,
            compared: area_mm2 / all,
        })
    }
}
