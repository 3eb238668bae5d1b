//! A face upright and looking forward, in patient axes, when that can be told.
//!
//! A face is the same left and right: the plane that mirrors it says where its left is. Up is against gravity where the
//! device says so; else it is told by the profile, because a nose falls off more steeply below its tip than above;
//! else it is up in the pictures, which is an assumption and is said to be one.

use std::collections::HashMap;

use geometry::{DAffine3, DMat3, DVec3};
use serde::{Deserialize, Serialize};

use super::fuse::Fused;
use super::grade::middle_of;
use super::survey::in_parallel;
use crate::Mesh;

/// Share of mirrored points that must lie on the surface for the surface to count as symmetric.
const SYMMETRIC: f64 = 0.55;
/// How close a mirrored point must be to the surface, mm.
const CLOSE_MM: f64 = 3.0;
/// Edge of the cells in which points are looked up, mm.
const CELL_MM: f64 = 5.0;

/// How something about the orientation is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Facing {
    /// From the device's sense of gravity.
    Gravity,
    /// From the shape of the face.
    Shape,
    /// Taken from how the camera was held: an assumption.
    Camera,
}

/// How a surface is turned into patient axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Upright {
    /// World mm to patient mm (x left, y back, z head), the middle of the surface at the origin.
    pub patient_from_world: DAffine3,
    /// How up is known.
    pub up: Facing,
    /// How the front is known.
    pub front: Facing,
    /// Share of mirrored points that lie on the surface, 0 to 1.
    pub symmetry: f64,
}

impl Upright {
    /// Whether nothing about it is assumed.
    pub fn is_certain(&self) -> bool {
        self.up != Facing::Camera && self.front != Facing::Camera
    }
}

/// Finds the patient axes of a fused surface; `gravity_in_world` points down.
pub fn orient(fused: &Fused, gravity_in_world: Option<DVec3>) -> Upright {
    let mesh = &fused.surface.mesh;
    let middle = middle_of(mesh);
    let toward: DVec3 = fused
        .history
        .cameras
        .iter()
        .filter_map(|(place, _)| (*place - middle).try_normalize())
        .sum();
    let looked = fused.history.cameras.first().map_or(DVec3::Z, |(_, z)| *z);
    let front = toward.try_normalize().unwrap_or(-looked);
    let camera_up = across(fused.history.up, front);
    let cells = Cells::of(mesh);
    let samples = sample(mesh, 500);
    let side = camera_up.cross(front);
    let ups = match gravity_in_world.and_then(|g| (-g).try_normalize()) {
        Some(up) => vec![up],
        None => vec![camera_up, side, -camera_up, -side],
    };
    let planes = in_parallel(ups.len(), |n| {
        best_mirror(&cells, &samples, middle, ups[n], front)
    });
    let best = ups
        .iter()
        .zip(planes)
        .max_by(|a, b| a.1.score.total_cmp(&b.1.score))
        .filter(|(_, plane)| plane.score >= SYMMETRIC);
    let by_gravity = gravity_in_world.is_some();
    let Some((&up, plane)) = best else {
        let up = across(if by_gravity { ups[0] } else { camera_up }, DVec3::ZERO);
        let back = -across(front, up);
        return Upright {
            patient_from_world: patient_from(up, back, middle),
            up: if by_gravity {
                Facing::Gravity
            } else {
                Facing::Camera
            },
            front: Facing::Camera,
            symmetry: 0.0,
        };
    };
    let (up, known) = if by_gravity {
        (across(up, plane.normal), Facing::Gravity)
    } else {
        // Opposite ups have the same mirror; the pitch is that of the mean direction of the surface.
        let ahead = across(mean_normal(mesh, &plane), plane.normal);
        let along = across(up, plane.normal);
        let along = across(along, ahead);
        match nose_points_down(mesh, &plane, along, ahead) {
            Some(true) => (along, Facing::Shape),
            Some(false) => (-along, Facing::Shape),
            None => {
                let sign = if along.dot(camera_up) < -0.5 { -1.0 } else { 1.0 };
                (along * sign, Facing::Camera)
            }
        }
    };
    let mut back = plane.normal.cross(up).normalize();
    if back.dot(front) > 0.0 {
        back = -back;
    }
    let on_plane = middle - plane.normal * (plane.normal.dot(middle) - plane.offset);
    Upright {
        patient_from_world: patient_from(up, back, on_plane),
        up: known,
        front: Facing::Shape,
        symmetry: plane.score,
    }
}

/// The part of `v` across `axis`, as a direction; any one when there is none.
fn across(v: DVec3, axis: DVec3) -> DVec3 {
    let axis_length = axis.length_squared();
    let part = if axis_length > 0.0 {
        v - axis * (v.dot(axis) / axis_length)
    } else {
        v
    };
    part.try_normalize().unwrap_or_else(|| {
        axis.try_normalize()
            .map_or(DVec3::Z, DVec3::any_orthonormal_vector)
    })
}

fn patient_from(up: DVec3, back: DVec3, origin: DVec3) -> DAffine3 {
    let z = up;
    let y = across(back, z);
    let x = y.cross(z);
    let matrix3 = DMat3::from_cols(x, y, z).transpose();
    DAffine3 {
        matrix3,
        translation: -(matrix3 * origin),
    }
}

fn point(mesh: &Mesh, vertex: usize) -> DVec3 {
    DVec3::from_array(mesh.positions_mm[vertex].map(f64::from))
}

fn sample(mesh: &Mesh, count: usize) -> Vec<(DVec3, DVec3)> {
    let step = (mesh.positions_mm.len() / count).max(1);
    (0..mesh.positions_mm.len())
        .step_by(step)
        .map(|v| (point(mesh, v), DVec3::from_array(mesh.normals[v].map(f64::from))))
        .collect()
}

/// Mean points and normals in the cells of a coarse raster.
struct Cells(HashMap<[i32; 3], (DVec3, DVec3, f64)>);

impl Cells {
    fn of(mesh: &Mesh) -> Self {
        let mut cells: HashMap<[i32; 3], (DVec3, DVec3, f64)> = HashMap::new();
        for v in 0..mesh.positions_mm.len() {
            let p = point(mesh, v);
            let cell = cells.entry(Self::key(p)).or_default();
            cell.0 += p;
            cell.1 += DVec3::from_array(mesh.normals[v].map(f64::from));
            cell.2 += 1.0;
        }
        for cell in cells.values_mut() {
            *cell = (cell.0 / cell.2, cell.1.normalize_or_zero(), cell.2);
        }
        Self(cells)
    }

    fn key(p: DVec3) -> [i32; 3] {
        (p / CELL_MM).floor().to_array().map(|v| v as i32)
    }

    /// The nearest mean point around `p`, with its normal.
    fn nearest(&self, p: DVec3) -> Option<(DVec3, DVec3)> {
        let [x, y, z] = Self::key(p);
        let mut best: Option<(f64, DVec3, DVec3)> = None;
        for i in 0..27 {
            let key = [x + i % 3 - 1, y + i / 3 % 3 - 1, z + i / 9 - 1];
            if let Some((q, n, _)) = self.0.get(&key) {
                let far = p.distance_squared(*q);
                if best.is_none_or(|b| far < b.0) {
                    best = Some((far, *q, *n));
                }
            }
        }
        best.map(|(_, q, n)| (q, n))
    }
}

/// A plane that mirrors the surface onto itself.
#[derive(Clone, Copy)]
struct Mirror {
    normal: DVec3,
    /// Of the plane along its normal, mm.
    offset: f64,
    score: f64,
}

impl Mirror {
    fn of(&self, p: DVec3) -> DVec3 {
        p - self.normal * (2.0 * (self.normal.dot(p) - self.offset))
    }

    fn turn(&self, v: DVec3) -> DVec3 {
        v - self.normal * (2.0 * self.normal.dot(v))
    }

    /// Share of points whose mirror images lie on the surface and face the same way there.
    fn rate(&self, cells: &Cells, samples: &[(DVec3, DVec3)]) -> f64 {
        let good = samples
            .iter()
            .filter(|(p, n)| {
                let image = self.of(*p);
                cells
                    .nearest(image)
                    .is_some_and(|(q, m)| m.dot(image - q).abs() < CLOSE_MM && m.dot(self.turn(*n)) > 0.8)
            })
            .count();
        good as f64 / samples.len().max(1) as f64
    }

    /// Moves the plane to where mirrored points lie on the surface, by point-to-plane steps.
    fn settled(mut self, cells: &Cells, samples: &[(DVec3, DVec3)]) -> Self {
        for _ in 0..8 {
            let u = self.normal.any_orthonormal_vector();
            let v = self.normal.cross(u);
            let center = self.normal * self.offset;
            let mut a = DMat3::ZERO;
            let mut b = DVec3::ZERO;
            for (p, n) in samples {
                let image = self.of(*p);
                let Some((q, m)) = cells.nearest(image) else {
                    continue;
                };
                if m.dot(self.turn(*n)) < 0.7 {
                    continue;
                }
                let residual = m.dot(image - q);
                let weight = 1.0 / (1.0 + (residual / CLOSE_MM).powi(2)).powi(2);
                // How the image moves when the normal tilts along u or v, or the plane shifts.
                let height = self.normal.dot(*p) - self.offset;
                let along = *p - center;
                let tilt = |w: DVec3| -2.0 * (w * height + self.normal * w.dot(along));
                let row = DVec3::new(m.dot(tilt(u)), m.dot(tilt(v)), 2.0 * m.dot(self.normal));
                a += DMat3::from_cols(row * row.x, row * row.y, row * row.z) * weight;
                b -= row * (weight * residual);
            }
            a += DMat3::from_diagonal(
                DVec3::new(1e-3, 1e-3, 1e-6) * a.to_cols_array().iter().fold(1.0, |s: f64, v| s.max(v.abs())),
            );
            let step = a.inverse() * b;
            if !step.is_finite() {
                break;
            }
            self.normal = (self.normal + u * step.x + v * step.y).normalize();
            self.offset = self.normal.dot(center) + step.z;
        }
        self.score = self.rate(cells, samples);
        self
    }
}

/// The best mirror plane that holds about the direction `up`, among turns of up to 60 degrees from `front`.
fn best_mirror(cells: &Cells, samples: &[(DVec3, DVec3)], middle: DVec3, up: DVec3, front: DVec3) -> Mirror {
    let ahead = across(front, up);
    let left = up.cross(ahead);
    let mut best: Vec<Mirror> = Vec::new();
    for turn in -12..=12 {
        let angle = (f64::from(turn) * 5.0).to_radians();
        let normal = left * angle.cos() + ahead * angle.sin();
        for shift in -5..=5 {
            let mut plane = Mirror {
                normal,
                offset: normal.dot(middle) + f64::from(shift) * 8.0,
                score: 0.0,
            };
            plane.score = plane.rate(cells, samples);
            best.push(plane);
        }
    }
    best.sort_by(|a, b| b.score.total_cmp(&a.score));
    best.iter()
        .take(4)
        .map(|plane| plane.settled(cells, samples))
        .max_by(|a, b| a.score.total_cmp(&b.score))
        .unwrap_or(Mirror {
            normal: left,
            offset: normal_offset(left, middle),
            score: 0.0,
        })
}

fn normal_offset(normal: DVec3, p: DVec3) -> f64 {
    normal.dot(p)
}

/// The mean direction of the part of the surface within 60 mm of the mirror plane.
fn mean_normal(mesh: &Mesh, plane: &Mirror) -> DVec3 {
    (0..mesh.positions_mm.len())
        .filter(|&v| (plane.normal.dot(point(mesh, v)) - plane.offset).abs() < 60.0)
        .map(|v| DVec3::from_array(mesh.normals[v].map(f64::from)))
        .sum::<DVec3>()
        .normalize_or(DVec3::Z)
}

/// Whether the profile in the mirror plane falls off faster below its tip than above, if `up` is up; `None` when
/// there is no clear tip.
fn nose_points_down(mesh: &Mesh, plane: &Mirror, up: DVec3, ahead: DVec3) -> Option<bool> {
    const STEP_MM: f64 = 4.0;
    const REACH: i32 = 6;
    let mut profile: HashMap<i32, f64> = HashMap::new();
    let mut tip: Option<(f64, f64)> = None;
    let near = |v: usize| (plane.normal.dot(point(mesh, v)) - plane.offset).abs() < 5.0;
    for v in (0..mesh.positions_mm.len()).filter(|&v| near(v)) {
        let p = point(mesh, v);
        let (height, depth) = (p.dot(up), p.dot(ahead));
        if tip.is_none_or(|t| depth > t.1) {
            tip = Some((height, depth));
        }
    }
    let (height_of_tip, depth_of_tip) = tip?;
    for v in (0..mesh.positions_mm.len()).filter(|&v| near(v)) {
        let p = point(mesh, v);
        let bin = ((p.dot(up) - height_of_tip) / STEP_MM).round() as i32;
        let drop = depth_of_tip - p.dot(ahead);
        let entry = profile.entry(bin).or_insert(f64::INFINITY);
        *entry = entry.min(drop);
    }
    // The mean fall over 8 to 24 mm on both sides.
    let fall = |sign: i32| -> Option<f64> {
        let falls: Option<Vec<f64>> = (2..=REACH).map(|i| profile.get(&(sign * i)).copied()).collect();
        falls.map(|f| f.iter().sum::<f64>() / f.len() as f64)
    };
    let (above, below) = (fall(1)?, fall(-1)?);
    let clear = (below - above).abs() > 2.0 && below.max(above) > 5.0;
    clear.then_some(below > above)
}
