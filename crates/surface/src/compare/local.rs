//! How far one place has moved: a figure that a person can quote, from many vertices instead of one noisy one.

use geometry::DVec3;
use parallel::prelude::*;

use super::{Distances, Onto, Region, eigen};
use crate::Mesh;

/// Vertices with the largest distances among which the peak is looked for.
const MOST_CANDIDATES: usize = 20_000;
/// The share of vertices that are candidates.
const CANDIDATES: f64 = 0.05;
/// How many times the distance to the nearest point a place may have moved along its normal.
const LEANING: f64 = 3.0;
/// Vertices below which no paraboloid is fitted.
const FEWEST: usize = 12;

/// How far the surface has moved at one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Local {
    /// The place, on the first surface, mm.
    pub at_mm: DVec3,
    /// Which way is outward there, unit: the mean over the disc.
    pub normal: DVec3,
    /// How far the surface has moved outward, mm: along `normal`, by a paraboloid through what the vertices of the disc
    /// have moved, so that neither noise nor the curve of the place takes from it. At a sharp place it is more than the
    /// distance to the nearest point, which may lie at its side.
    pub moved_mm: f64,
    /// How far the vertices of the disc stray from the paraboloid, root mean square, mm.
    pub scatter_mm: f64,
    /// Vertices of the disc that have moved along the normal to somewhere.
    pub vertices: usize,
    /// The mean distance of the disc to the nearest points, mm.
    pub mean_mm: f64,
}

/// The vertices of a surface by the cells of a grid.
struct Cells<'a> {
    mesh: &'a Mesh,
    distances: &'a Distances,
    onto: Onto<'a>,
    radius_mm: f64,
    /// Cells and vertices, sorted; only vertices with a distance.
    order: Vec<([i32; 3], u32)>,
}

impl Distances {
    /// How far `mesh` (which the distances were measured from) has moved over a disc of `radius_mm` around its vertex
    /// nearest to `near_mm`; `None` when nothing was compared there.
    pub fn local(&self, mesh: &Mesh, onto: Onto<'_>, near_mm: DVec3, radius_mm: f64) -> Option<Local> {
        let compared = (0..self.mm.len()).filter(|&v| self.mm[v].is_finite());
        let apart = |v: usize| position(mesh, v).distance_squared(near_mm);
        let nearest = compared.min_by(|&a, &b| apart(a).total_cmp(&apart(b)))?;
        if apart(nearest).sqrt() > radius_mm {
            return None;
        }
        Cells::new(mesh, self, onto, radius_mm).fit(nearest)
    }

    /// Where in `region` the surface has moved farthest, either way, over a disc of `radius_mm`.
    pub fn peak(&self, mesh: &Mesh, onto: Onto<'_>, region: &Region, radius_mm: f64) -> Option<Local> {
        let mut candidates: Vec<usize> = (0..self.mm.len())
            .filter(|&v| self.mm[v].is_finite() && region.contains(position(mesh, v)))
            .collect();
        candidates
            .par_sort_unstable_by(|&a, &b| self.mm[b].abs().total_cmp(&self.mm[a].abs()).then(a.cmp(&b)));
        let share = (candidates.len() as f64 * CANDIDATES).ceil() as usize;
        candidates.truncate(share.clamp(200, MOST_CANDIDATES));
        let cells = Cells::new(mesh, self, onto, radius_mm);
        let means: Vec<f64> = candidates.par_iter().map(|&v| cells.mean(v).abs()).collect();
        let best = (0..means.len()).max_by(|&a, &b| means[a].total_cmp(&means[b]).then(b.cmp(&a)))?;
        // The nearest points of a sharp place lie at its sides: of the places around, the one that has moved most.
        let around: Vec<usize> = cells.disc(candidates[best]).map(|(v, ..)| v).collect();
        let fits: Vec<Local> = around.par_iter().filter_map(|&v| cells.fit(v)).collect();
        fits.into_iter()
            .filter(|fit| region.contains(fit.at_mm))
            .reduce(|most, fit| {
                if fit.moved_mm.abs() > most.moved_mm.abs() {
                    fit
                } else {
                    most
                }
            })
    }
}

fn position(mesh: &Mesh, vertex: usize) -> DVec3 {
    DVec3::from_array(mesh.positions_mm[vertex].map(f64::from))
}

impl<'a> Cells<'a> {
    fn new(mesh: &'a Mesh, distances: &'a Distances, onto: Onto<'a>, radius_mm: f64) -> Self {
        let mut order: Vec<([i32; 3], u32)> = (0..distances.mm.len())
            .into_par_iter()
            .filter(|&v| distances.mm[v].is_finite())
            .map(|v| (cell(position(mesh, v), radius_mm), v as u32))
            .collect();
        order.par_sort_unstable();
        Self {
            mesh,
            distances,
            onto,
            radius_mm,
            order,
        }
    }

    /// Vertices of the disc around `center`, with where they are from it and what they weigh.
    fn disc(&self, center: usize) -> impl Iterator<Item = (usize, DVec3, f64)> {
        let at = position(self.mesh, center);
        let [x, y, z] = cell(at, self.radius_mm);
        let normal = self.normal(center);
        let near = |c: i32| c.saturating_sub(1)..=c.saturating_add(1);
        let cells = near(x).flat_map(move |x| near(y).flat_map(move |y| near(z).map(move |z| [x, y, z])));
        let members = move |cell: [i32; 3]| {
            let start = self.order.partition_point(|(other, _)| *other < cell);
            self.order[start..]
                .iter()
                .take_while(move |(other, _)| *other == cell)
        };
        cells.flat_map(members).filter_map(move |&(_, v)| {
            let v = v as usize;
            let from = position(self.mesh, v) - at;
            let ratio = from.length_squared() / (self.radius_mm * self.radius_mm);
            let weight = (1.0 - ratio).max(0.0) * self.distances.areas_mm2[v];
            (weight > 0.0 && self.normal(v).dot(normal) > 0.0).then_some((v, from, weight))
        })
    }

    fn normal(&self, vertex: usize) -> DVec3 {
        DVec3::from_array(self.distances.normals[vertex].map(f64::from))
    }

    fn mean(&self, center: usize) -> f64 {
        let (sum, weight) = self.disc(center).fold((0.0, 0.0), |(sum, all), (v, _, weight)| {
            (sum + weight * f64::from(self.distances.mm[v]), all + weight)
        });
        if weight > 0.0 { sum / weight } else { 0.0 }
    }

    /// Fits a paraboloid over the tangent plane at `center` to how far its disc has moved along the normal.
    fn fit(&self, center: usize) -> Option<Local> {
        let normal = self
            .disc(center)
            .map(|(v, _, weight)| self.normal(v) * weight)
            .sum::<DVec3>();
        let normal = normal.try_normalize()?;
        let (across, along) = normal.any_orthonormal_pair();
        let row = |from: DVec3| {
            let (u, v) = (
                from.dot(across) / self.radius_mm,
                from.dot(along) / self.radius_mm,
            );
            [1.0, u, v, u * u, u * v, v * v]
        };
        let moved: Vec<([f64; 6], f64, f64)> = self
            .disc(center)
            .filter_map(|(v, from, weight)| Some((row(from), weight, self.moved(v, normal)?)))
            .collect();
        let (shape, scatter_mm) = paraboloid(&moved)?;
        Some(Local {
            at_mm: position(self.mesh, center),
            normal,
            moved_mm: shape[0],
            scatter_mm,
            vertices: moved.len(),
            mean_mm: self.mean(center),
        })
    }

    /// How far a vertex has moved along `normal`, mm.
    fn moved(&self, vertex: usize, normal: DVec3) -> Option<f64> {
        let Onto { target, b_from_a } = self.onto;
        let p = b_from_a.transform_point3(position(self.mesh, vertex));
        let nearest_mm = f64::from(self.distances.mm[vertex]).abs();
        let within_mm = LEANING * nearest_mm + self.radius_mm;
        target.along(p, b_from_a.transform_vector3(normal), within_mm)
    }
}

/// The paraboloid through values: `[row, weight, value]`; its coefficients, and how far the values stray from it. The
/// mean where there are too few for more.
fn paraboloid(values: &[([f64; 6], f64, f64)]) -> Option<([f64; 6], f64)> {
    let (mut matrix, mut right) = ([[0.0; 6]; 6], [0.0; 6]);
    for (row, weight, value) in values {
        for i in 0..6 {
            for j in 0..6 {
                matrix[i][j] += weight * row[i] * row[j];
            }
            right[i] += weight * row[i] * value;
        }
    }
    let all = matrix[0][0];
    if all.is_nan() || all <= 0.0 {
        return None;
    }
    let mut shape = [0.0; 6];
    let (axes, vectors) = eigen::symmetric(matrix);
    if values.len() >= FEWEST && axes[5] > 1e-6 * axes[0] {
        for (axis, vector) in axes.iter().zip(vectors) {
            let along: f64 = vector.iter().zip(right).map(|(a, b)| a * b).sum();
            for (s, v) in shape.iter_mut().zip(vector) {
                *s += v * along / axis;
            }
        }
    } else {
        shape[0] = right[0] / all;
    }
    let squares = values.iter().map(|(row, weight, value)| {
        let fitted: f64 = row.iter().zip(shape).map(|(a, b)| a * b).sum();
        weight * (value - fitted).powi(2)
    });
    Some((shape, (squares.sum::<f64>() / all).sqrt()))
}

fn cell(p: DVec3, size: f64) -> [i32; 3] {
    (p / size).to_array().map(|v| v.floor() as i32)
}
