//! How well the points of one view lie on the surface that another view saw, and what would make it better.
//!
//! Points are looked up in the other view by projection and compared with the plane there (Chen and Medioni 1992;
//! Rusinkiewicz and Levoy 2001). The answer is the normal equations of a small motion, which can be solved for one
//! view against others or for all views at once.

use geometry::{DAffine3, DVec3};
use glam::{Affine3A, Vec3, Vec3A};

use super::frame::inverse;
use super::solve::Six;
use super::view::View;

/// Least cosine between the normals of points that are compared.
const LEAST_ALIKE: f32 = 0.6;
/// Squares along each axis of the picture over which residuals are averaged.
const PATCHES: usize = 12;

/// What is compared and how strictly.
#[derive(Clone, Copy)]
pub(super) struct Gate {
    /// Points farther than this from the other surface are not the same, mm.
    pub(super) distance_mm: f32,
    /// Residuals beyond this lose their weight, mm.
    pub(super) scale_mm: f32,
    /// About how many points are compared.
    pub(super) samples: usize,
}

/// The normal equations of one pair of views, and how well they agree.
#[derive(Clone, Copy, Default)]
pub(super) struct Pair {
    /// `[row][column]` for a motion of the first view: rotation about the center, then shift.
    pub(super) matrix: [Six; 6],
    /// The right side, with the sign of the residual.
    pub(super) right: Six,
    /// Points that were compared.
    pub(super) matched: u32,
    /// Points that fell on something that the other view saw, near or far.
    pub(super) seen: u32,
    /// Points that were tried.
    pub(super) tried: u32,
    /// Points that came to lie well in front of what the other view saw, where it looked through them.
    pub(super) floating: u32,
    /// Sum of squared residuals of the compared points, mm^2.
    pub(super) squared_mm2: f64,
}

impl Pair {
    pub(super) fn add(&mut self, other: &Self) {
        for (row, more) in self.matrix.iter_mut().zip(&other.matrix) {
            row.iter_mut().zip(more).for_each(|(a, b)| *a += b);
        }
        self.right.iter_mut().zip(&other.right).for_each(|(a, b)| *a += b);
        self.matched += other.matched;
        self.seen += other.seen;
        self.tried += other.tried;
        self.floating += other.floating;
        self.squared_mm2 += other.squared_mm2;
    }

    /// Share of the tried points that lie on the other surface.
    pub(super) fn share(&self) -> f64 {
        f64::from(self.matched) / f64::from(self.tried.max(1))
    }

    /// Share of the points that should be on the other surface and are.
    pub(super) fn agreement(&self) -> f64 {
        f64::from(self.matched) / f64::from((self.seen + self.floating).max(1))
    }
}

/// Both views and their poses.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) view: &'a View,
    pub(super) world_from_view: &'a DAffine3,
}

/// A point on a surface and what it was compared with, all in the world.
struct Match {
    point: Vec3A,
    normal: Vec3A,
    residual: f32,
    index: u32,
}

/// Calls `each` for every point of `a` that lies on the surface of `b`, and counts the others in `pair`.
fn for_each_match(
    a: Placed<'_>,
    b: Placed<'_>,
    center: DVec3,
    gate: Gate,
    pair: &mut Pair,
    mut each: impl FnMut(&Match),
) {
    let b_from_a = as_f32(&(inverse(b.world_from_view) * *a.world_from_view));
    let centered = DAffine3 {
        matrix3: b.world_from_view.matrix3,
        translation: b.world_from_view.translation - center,
    };
    let center_from_b = as_f32(&centered);
    let camera = &b.view.camera;
    let [fx, fy] = camera.focal_px.map(|v| v as f32);
    let [cx, cy] = camera.center_px.map(|v| v as f32 + 0.5);
    let (width, height) = (camera.width as usize, camera.height as usize);
    let step = (a.view.valid.len() / gate.samples.max(1)).max(1);
    for &index in a.view.valid.iter().step_by(step) {
        pair.tried += 1;
        let p = b_from_a.transform_point3a(Vec3A::from_array(a.view.points_mm[index as usize]));
        let (u, v) = (fx * p.x / p.z + cx, fy * p.y / p.z + cy);
        if !(p.z > 1.0 && u >= 0.0 && v >= 0.0 && u < width as f32 && v < height as f32) {
            continue;
        }
        let at = v as usize * width + u as usize;
        let normal = Vec3A::from_array(b.view.normals[at]);
        let other = Vec3A::from_array(b.view.points_mm[at]);
        let difference = p - other;
        if normal.x.is_nan() {
            continue;
        }
        // What lies far behind the other surface is merely hidden from it; what floats before it should not be there.
        let residual = normal.dot(difference);
        if difference.length_squared() > 4.0 * gate.distance_mm * gate.distance_mm
            || residual.abs() > gate.distance_mm
        {
            if difference.z < -gate.distance_mm {
                pair.floating += 1;
            }
            continue;
        }
        pair.seen += 1;
        let own = b_from_a.transform_vector3a(Vec3A::from_array(a.view.normals[index as usize]));
        if own.dot(normal) < LEAST_ALIKE {
            continue;
        }
        pair.matched += 1;
        pair.squared_mm2 += f64::from(residual) * f64::from(residual);
        each(&Match {
            point: center_from_b.transform_point3a(p),
            normal: center_from_b.transform_vector3a(normal),
            residual,
            index,
        });
    }
}

/// Compares `a` with `b`; the equations are for a motion of `a` about `center`.
pub(super) fn compare(a: Placed<'_>, b: Placed<'_>, center: DVec3, gate: Gate) -> Pair {
    let mut pair = Pair::default();
    let (mut matrix, mut right) = ([[0.0f32; 6]; 6], [0.0f32; 6]);
    let (mut total, mut total_right) = ([[0.0f64; 6]; 6], [0.0f64; 6]);
    let mut waiting = 0;
    let mut flush = |matrix: &mut [[f32; 6]; 6], right: &mut [f32; 6]| {
        for i in 0..6 {
            for j in 0..=i {
                total[i][j] += f64::from(matrix[i][j]);
            }
            total_right[i] += f64::from(right[i]);
        }
        *matrix = [[0.0; 6]; 6];
        *right = [0.0; 6];
    };
    for_each_match(a, b, center, gate, &mut pair, |found| {
        let q = found.residual / gate.scale_mm;
        let weight = 1.0 / ((1.0 + q * q) * (1.0 + q * q));
        let turn = found.point.cross(found.normal);
        let n = found.normal;
        let row = [turn.x, turn.y, turn.z, n.x, n.y, n.z];
        for i in 0..6 {
            let scaled = weight * row[i];
            for j in 0..=i {
                matrix[i][j] += scaled * row[j];
            }
            right[i] += scaled * found.residual;
        }
        // Sums of single precision are kept short.
        waiting += 1;
        if waiting == 64 {
            waiting = 0;
            flush(&mut matrix, &mut right);
        }
    });
    flush(&mut matrix, &mut right);
    for (i, row) in total.iter().enumerate() {
        for (j, &value) in row.iter().enumerate().take(i + 1) {
            pair.matrix[i][j] = value;
            pair.matrix[j][i] = value;
        }
    }
    pair.right = total_right;
    pair
}

/// What is left between two views once noise is averaged out: the sum of squares of the means of residuals over
/// squares of the picture, less what noise alone would leave there, and the number of squares.
pub(super) fn patches(a: Placed<'_>, b: Placed<'_>, gate: Gate) -> (f64, u32) {
    let mut sums = [(0.0f64, 0.0f64, 0u32); PATCHES * PATCHES];
    let width = a.view.camera.width as usize;
    let height = a.view.camera.height as usize;
    let mut pair = Pair::default();
    for_each_match(a, b, DVec3::ZERO, gate, &mut pair, |found| {
        let (x, y) = (found.index as usize % width, found.index as usize / width);
        let sum = &mut sums[y * PATCHES / height * PATCHES + x * PATCHES / width];
        let residual = f64::from(found.residual);
        *sum = (sum.0 + residual, sum.1 + residual * residual, sum.2 + 1);
    });
    let mut result = (0.0, 0);
    for (sum, squares, count) in sums {
        if count >= 8 {
            let n = f64::from(count);
            let mean = sum / n;
            let variance = (squares / n - mean * mean) / (n - 1.0);
            result.0 += mean * mean - variance;
            result.1 += 1;
        }
    }
    result
}

fn as_f32(map: &DAffine3) -> Affine3A {
    let [x, y, z] = [map.matrix3.x_axis, map.matrix3.y_axis, map.matrix3.z_axis].map(|axis| axis.as_vec3());
    let shift: Vec3 = map.translation.as_vec3();
    Affine3A::from_cols(x.into(), y.into(), z.into(), shift.into())
}
