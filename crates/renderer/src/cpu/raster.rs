//! Drawing triangles into the nearest fragment of each pixel.

use std::sync::LazyLock;

use geometry::{DMat3, DVec3, Vec3};
use rayon::prelude::*;

use super::View;
use super::light::Lights;
use crate::picture::decode;
use crate::scene::{Paint, SurfaceLayer};

/// What one surface layer shows at a pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment {
    /// Along the line of sight, mm.
    pub(super) depth_mm: f32,
    /// Shaded, linear.
    pub(super) color: [f32; 3],
    pub(super) opacity: f32,
}

/// The nearest fragments of one layer.
pub(super) struct SurfaceFragments {
    opacity: f32,
    /// `[pixel][depth in mm, red, green, blue]`; infinite where there is nothing.
    pixels: Vec<[f32; 4]>,
}

impl SurfaceFragments {
    pub(super) fn at(&self, pixel: usize) -> Option<Fragment> {
        let [depth_mm, r, g, b] = *self.pixels.get(pixel)?;
        depth_mm.is_finite().then_some(Fragment {
            depth_mm,
            color: [r, g, b],
            opacity: self.opacity,
        })
    }
}

/// A vertex on the picture.
#[derive(Clone, Copy)]
struct Corner {
    x: f32,
    y: f32,
    /// 1 / depth: linear over the picture. Not positive behind the eye.
    inverse_depth: f32,
}

/// Linear light of an sRGB byte.
static LINEAR: LazyLock<[f32; 256]> =
    LazyLock::new(|| std::array::from_fn(|byte| decode(byte as f32 / 255.0)));

/// Rows that one task draws.
const BAND: usize = 64;
/// Nearest depth that is drawn, mm.
const NEAR_MM: f64 = 0.1;

pub(super) fn rasterize(layer: &SurfaceLayer<'_>, view: &View) -> SurfaceFragments {
    let mesh = layer.surface.mesh();
    let place = layer.patient_from_surface;
    let positions = mesh.positions_mm.par_iter();
    let corners: Vec<Corner> = positions
        .map(|p| project(view, place.transform_point3(DVec3::from_array(p.map(f64::from)))))
        .collect();
    let bands = view.rows.div_ceil(BAND);
    let bins = bin(&mesh.triangles, &corners, view, bands);
    let color = match layer.paint {
        Paint::Plain(color) => color.map(decode),
        Paint::Own => [1.0; 3],
    };
    let normals = place.matrix3.inverse().transpose();

    let mut pixels = vec![[f32::INFINITY, 0.0, 0.0, 0.0]; view.columns * view.rows];
    pixels
        .par_chunks_mut(view.columns * BAND)
        .enumerate()
        .for_each(|(band, out)| {
            let first_row = band * BAND;
            let mut nearest = vec![(0.0f32, u32::MAX, [0.0f32; 3]); out.len()];
            for &triangle in &bins[band] {
                draw_triangle(
                    mesh.triangles[triangle as usize],
                    triangle,
                    &corners,
                    view.columns,
                    first_row,
                    &mut nearest,
                );
            }
            for (at, (found, pixel)) in nearest.iter().zip(out).enumerate() {
                let (inverse_depth, triangle, weights) = *found;
                if triangle == u32::MAX {
                    continue;
                }
                let corners = mesh.triangles[triangle as usize];
                let normal = normal_at(layer, &normals, corners, weights);
                let color = color_at(layer, color, corners, weights);
                let ray = view.ray(at % view.columns, first_row + at / view.columns);
                let lit = Lights::new(view, ray.direction).shade(color, normal);
                *pixel = [1.0 / inverse_depth, lit[0], lit[1], lit[2]];
            }
        });
    SurfaceFragments {
        opacity: layer.opacity.clamp(0.0, 1.0),
        pixels,
    }
}

fn project(view: &View, p_in_patient_mm: DVec3) -> Corner {
    let p = p_in_patient_mm - view.eye_mm;
    let depth = p.dot(view.forward);
    if depth.is_nan() || depth <= NEAR_MM {
        return Corner {
            x: 0.0,
            y: 0.0,
            inverse_depth: 0.0,
        };
    }
    let x = view.columns as f64 * 0.5 + p.dot(view.right) / depth * view.scale;
    let y = view.rows as f64 * 0.5 - p.dot(view.up) / depth * view.scale;
    Corner {
        x: x as f32,
        y: y as f32,
        inverse_depth: (1.0 / depth) as f32,
    }
}

/// Which triangles touch which band of rows. Triangles that reach behind the eye are left out.
fn bin(triangles: &[[u32; 3]], corners: &[Corner], view: &View, bands: usize) -> Vec<Vec<u32>> {
    let empty = || vec![Vec::new(); bands];
    triangles
        .par_chunks(1 << 16)
        .enumerate()
        .map(|(chunk, triangles)| {
            let mut bins = empty();
            for (at, triangle) in triangles.iter().enumerate() {
                let Some([a, b, c]) = corners_of(*triangle, corners) else {
                    continue;
                };
                let (top, bottom) = (a.y.min(b.y).min(c.y), a.y.max(b.y).max(c.y));
                let (left, right) = (a.x.min(b.x).min(c.x), a.x.max(b.x).max(c.x));
                if bottom < 0.0 || top >= view.rows as f32 || right < 0.0 || left >= view.columns as f32 {
                    continue;
                }
                let last = (bottom as usize).min(view.rows - 1) / BAND;
                for bin in &mut bins[(top.max(0.0) as usize) / BAND..=last] {
                    bin.push((chunk << 16 | at) as u32);
                }
            }
            bins
        })
        .reduce(empty, |mut all, part| {
            for (all, part) in all.iter_mut().zip(part) {
                all.extend(part);
            }
            all
        })
}

fn corners_of(triangle: [u32; 3], corners: &[Corner]) -> Option<[Corner; 3]> {
    let found = triangle.map(|v| corners.get(v as usize).copied());
    match found {
        [Some(a), Some(b), Some(c)] if [a, b, c].iter().all(|p| p.inverse_depth > 0.0) => Some([a, b, c]),
        _ => None,
    }
}

/// Keeps, for each pixel center inside the triangle, the nearest depth with the triangle and its weights there.
fn draw_triangle(
    triangle: [u32; 3],
    index: u32,
    corners: &[Corner],
    columns: usize,
    first_row: usize,
    nearest: &mut [(f32, u32, [f32; 3])],
) {
    let Some([a, b, c]) = corners_of(triangle, corners) else {
        return;
    };
    let area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
    if area == 0.0 || !area.is_finite() {
        return;
    }
    let rows = nearest.len() / columns;
    let top = (a.y.min(b.y).min(c.y) - 0.5).ceil().max(first_row as f32) as usize;
    let bottom = ((a.y.max(b.y).max(c.y) - 0.5).floor() + 1.0).clamp(0.0, (first_row + rows) as f32) as usize;
    let left = (a.x.min(b.x).min(c.x) - 0.5).ceil().max(0.0) as usize;
    let right = ((a.x.max(b.x).max(c.x) - 0.5).floor() + 1.0).clamp(0.0, columns as f32) as usize;
    for y in top..bottom {
        for x in left..right {
            let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
            let edge = |p: Corner, q: Corner| ((q.x - p.x) * (py - p.y) - (q.y - p.y) * (px - p.x)) / area;
            let weights = [edge(b, c), edge(c, a), edge(a, b)];
            if weights.iter().any(|&w| w < 0.0) {
                continue;
            }
            let inverse_depth =
                weights[0] * a.inverse_depth + weights[1] * b.inverse_depth + weights[2] * c.inverse_depth;
            let slot = &mut nearest[(y - first_row) * columns + x];
            if inverse_depth > slot.0 {
                *slot = (inverse_depth, index, weights);
            }
        }
    }
}

/// `base` (linear) times the interpolated color of the vertices, where they have any.
fn color_at(layer: &SurfaceLayer<'_>, base: [f32; 3], triangle: [u32; 3], weights: [f32; 3]) -> [f32; 3] {
    let colors = layer.surface.colors();
    if colors.is_empty() || layer.paint != Paint::Own {
        return base;
    }
    let mut sum = [0.0f32; 3];
    for (vertex, weight) in triangle.into_iter().zip(weights) {
        let color = colors.get(vertex as usize).copied().unwrap_or([255; 4]);
        for (sum, component) in sum.iter_mut().zip(color) {
            *sum += weight * LINEAR[usize::from(component)];
        }
    }
    std::array::from_fn(|i| base[i] * sum[i])
}

/// The interpolated normal of the mesh, or the triangle's own where the mesh has none, in the patient.
fn normal_at(layer: &SurfaceLayer<'_>, normals: &DMat3, triangle: [u32; 3], weights: [f32; 3]) -> [f32; 3] {
    let mesh = layer.surface.mesh();
    let mut sum = Vec3::ZERO;
    for (vertex, weight) in triangle.into_iter().zip(weights) {
        if let Some(&normal) = mesh.normals.get(vertex as usize) {
            sum += Vec3::from_array(normal) * weight;
        }
    }
    let in_surface = sum
        .try_normalize()
        .unwrap_or_else(|| face_normal(&mesh.positions_mm, triangle));
    let in_patient = *normals * in_surface.as_dvec3();
    in_patient.normalize_or(DVec3::Z).as_vec3().to_array()
}

fn face_normal(positions_mm: &[[f32; 3]], triangle: [u32; 3]) -> Vec3 {
    let at = |v: u32| positions_mm.get(v as usize).map_or(Vec3::ZERO, |&p| p.into());
    let [a, b, c] = triangle.map(at);
    (b - a).cross(c - a).normalize_or(Vec3::Z)
}
