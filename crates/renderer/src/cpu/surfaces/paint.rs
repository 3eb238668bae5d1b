//! What a place on a surface looks like: its color from paint, vertices or texture, and light on it.

use std::sync::LazyLock;

use geometry::{DMat3, DVec3, Vec3};

use super::super::light::Lights;
use super::raster::{Covered, Projection};
use crate::model::texture::Texture;
use crate::picture::decode;
use crate::scene::{Paint, SurfaceLayer};

/// sRGB bytes to linear light.
static LINEAR: LazyLock<[f32; 256]> =
    LazyLock::new(|| std::array::from_fn(|byte| decode(byte as f32 / 255.0)));

/// Of what a cut through a surface is painted whose paint says nothing of its inside, sRGB.
const INSIDE: [f32; 3] = [0.62, 0.60, 0.58];

/// One surface as it is painted in one picture.
pub(super) struct Painter<'a> {
    layer: &'a SurfaceLayer<'a>,
    /// Takes normals of the surface to the patient.
    normals: DMat3,
    plain: [f32; 3],
}

impl<'a> Painter<'a> {
    pub(super) fn new(layer: &'a SurfaceLayer<'a>) -> Self {
        Self {
            layer,
            normals: layer.patient_from_surface.matrix3.inverse().transpose(),
            plain: match layer.paint {
                Paint::Plain(color) => color.map(decode),
                Paint::Own | Paint::Distances(_) => [1.0; 3],
            },
        }
    }

    /// The lit color of a place, linear.
    pub(super) fn shade(&self, at: &Covered, projection: &Projection<'_>, lights: &Lights) -> [f32; 3] {
        let corners = self.layer.surface.mesh().triangles[at.triangle as usize];
        let [v, w] = at.weights;
        let weights = [1.0 - v - w, v, w];
        let color = self.color(corners, weights, at.triangle, projection);
        lights.shade_surface(color, self.normal(corners, weights), self.layer.material)
    }

    /// The lit color of a cut with this `normal` (patient, unit), linear.
    pub(super) fn shade_cut(&self, normal: DVec3, lights: &Lights) -> [f32; 3] {
        let color = match self.layer.paint {
            Paint::Plain(_) => self.plain,
            Paint::Own | Paint::Distances(_) => INSIDE.map(decode),
        };
        lights.shade_surface(color, normal.as_vec3().to_array(), self.layer.material)
    }

    fn color(
        &self,
        corners: [u32; 3],
        weights: [f32; 3],
        triangle: u32,
        projection: &Projection<'_>,
    ) -> [f32; 3] {
        let surface = self.layer.surface;
        match self.layer.paint {
            Paint::Plain(_) => self.plain,
            Paint::Distances(scale) => {
                let mut value = 0.0;
                for (vertex, weight) in corners.into_iter().zip(weights) {
                    value += weight * surface.values().get(vertex as usize).copied().unwrap_or(f32::NAN);
                }
                scale.color(value).map(decode)
            }
            Paint::Own => {
                let mut color = [1.0; 3];
                if !surface.colors().is_empty() {
                    color = between(surface.colors(), corners, weights);
                }
                if let Some(texture) = surface.texture() {
                    let of_texture = texture_at(texture, corners, weights, triangle, projection);
                    color = std::array::from_fn(|i| color[i] * of_texture[i]);
                }
                color
            }
        }
    }

    /// The interpolated normal, or the triangle's own where the mesh has none; patient, unit.
    fn normal(&self, corners: [u32; 3], weights: [f32; 3]) -> [f32; 3] {
        let mesh = self.layer.surface.mesh();
        let mut sum = Vec3::ZERO;
        for (vertex, weight) in corners.into_iter().zip(weights) {
            if let Some(&normal) = mesh.normals.get(vertex as usize) {
                sum += Vec3::from_array(normal) * weight;
            }
        }
        let in_surface = sum.try_normalize().unwrap_or_else(|| {
            let [a, b, c] = corners.map(|v| Vec3::from_array(mesh.positions_mm[v as usize]));
            (b - a).cross(c - a).normalize_or(Vec3::Z)
        });
        let in_patient = self.normals * in_surface.as_dvec3();
        in_patient.normalize_or(DVec3::Z).as_vec3().to_array()
    }
}

/// The color between three vertices, linear.
fn between(colors: &[[u8; 4]], corners: [u32; 3], weights: [f32; 3]) -> [f32; 3] {
    let mut sum = [0.0; 3];
    for (vertex, weight) in corners.into_iter().zip(weights) {
        for (sum, component) in sum.iter_mut().zip(colors[vertex as usize]) {
            *sum += weight * LINEAR[usize::from(component)];
        }
    }
    sum
}

/// The color of the texture, linear, from the size of it that has about one texel a pixel.
fn texture_at(
    texture: &Texture,
    corners: [u32; 3],
    weights: [f32; 3],
    triangle: u32,
    projection: &Projection<'_>,
) -> [f32; 3] {
    let [a, b, c] = corners.map(|v| texture.uv[v as usize]);
    let finest = &texture.sizes[0];
    let (columns, rows) = (finest.columns as f32, finest.rows as f32);
    let texels = ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).abs() * columns * rows;
    let pixels = projection.screen_area(triangle).max(1e-6);
    // Each size has a quarter of the texels of the one before it.
    let size = (0.5 * (texels / pixels).max(1.0).log2() + 0.3) as usize;
    let image = &texture.sizes[size.min(texture.sizes.len() - 1)];
    let at = |i: usize| a[i] * weights[0] + b[i] * weights[1] + c[i] * weights[2];
    let (u, v) = (at(0), at(1));
    if !(u.is_finite() && v.is_finite()) {
        return [1.0; 3];
    }
    // Beyond the picture it repeats; texels have their color in their middle.
    let place = |v: f32, n: u32| {
        let v = (v - v.floor()) * n as f32 - 0.5;
        let low = v.floor();
        let wrap = |i: i64| i.rem_euclid(i64::from(n)) as usize;
        (wrap(low as i64), wrap(low as i64 + 1), v - low)
    };
    let (x0, x1, fx) = place(u, image.columns);
    let (y0, y1, fy) = place(v, image.rows);
    let texel = |x: usize, y: usize| {
        let at = (y * image.columns as usize + x) * 3;
        [0, 1, 2].map(|i| LINEAR[usize::from(image.rgb[at + i])])
    };
    let (p, q, r, s) = (texel(x0, y0), texel(x1, y0), texel(x0, y1), texel(x1, y1));
    std::array::from_fn(|i| {
        let top = p[i] + (q[i] - p[i]) * fx;
        let bottom = r[i] + (s[i] - r[i]) * fx;
        top + (bottom - top) * fy
    })
}
