//! One light for surfaces and volumes: a headlight and a fill from above the viewer's left.

use geometry::DVec3;

use super::View;
use super::lanes::F32x4;
use crate::scene::Material;

/// The lights of a picture, in one space of the caller's choice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lights {
    /// Toward the viewer, unit length.
    pub(crate) head: [f32; 3],
    /// Toward the fill, unit length.
    pub(crate) fill: [f32; 3],
}

const AMBIENT: f32 = 0.16;
const HEAD: f32 = 0.68;
const FILL: f32 = 0.26;
const GLOSS: f32 = 0.10;

/// How strong the ambient light, the headlight and the fill are at a place.
pub(super) type Strengths = [f32; 3];

/// Where nothing is in their way.
pub(super) const PLAIN: Strengths = [AMBIENT, HEAD, FILL];
/// The same where the fill throws shadows.
pub(super) const SHADOWED: Strengths = [0.20, 0.42, 0.62];

/// What all but metals reflect when seen straight on.
const DIELECTRIC: f32 = 0.04;

impl Lights {
    /// Lights for a ray going in `direction` (patient).
    pub(crate) fn new(view: &View, direction: DVec3) -> Self {
        let fill = (view.up * 0.8 - view.right * 0.7 - view.forward * 0.5).normalize();
        Self {
            head: (-direction).as_vec3().to_array(),
            fill: fill.as_vec3().to_array(),
        }
    }

    /// What a surface of `color` (linear) and a material with unit `normal` sends to the viewer: Lambert and GGX (glTF 2.0
    /// appendix B; Walter et al. 2007), under the same lights as [`Lights::shade_four`]. Surfaces have two sides.
    pub(crate) fn shade_surface(&self, color: [f32; 3], normal: [f32; 3], material: Material) -> [f32; 3] {
        let facing = dot(normal, self.head);
        let (facing, normal) = if facing < 0.0 {
            (-facing, normal.map(|c| -c))
        } else {
            (facing, normal)
        };
        let facing = facing.max(1e-3);
        let metallic = material.metallic.clamp(0.0, 1.0);
        let roughness = material.roughness.clamp(0.08, 1.0);
        let squared = (roughness * roughness) * (roughness * roughness);
        // Of a light from `toward` with the half vector `half`: what is reflected of it for F0 = 0 and what F0 adds.
        let gloss = |light: f32, half: f32, view_half: f32| {
            let d = half * half * (squared - 1.0) + 1.0;
            let lambda = |c: f32| (squared + (1.0 - squared) * c * c).sqrt();
            let visible = 0.5 / (light * lambda(facing) + facing * lambda(light)).max(1e-4);
            let schlick = (1.0 - view_half).max(0.0).powi(5);
            (squared / (d * d) * visible * light, schlick)
        };
        let head = gloss(facing, facing, 1.0);
        let fill_light = dot(normal, self.fill).max(0.0);
        let between: [f32; 3] = std::array::from_fn(|i| self.fill[i] + self.head[i]);
        let length = dot(between, between).sqrt().max(1e-6);
        let half = dot(normal, between) / length;
        let fill = gloss(fill_light, half, dot(self.head, between) / length);
        let diffuse = AMBIENT + HEAD * facing + FILL * fill_light;
        color.map(|c| {
            let f0 = DIELECTRIC + (c - DIELECTRIC) * metallic;
            let shine = |(strength, schlick): (f32, f32)| strength * (f0 + (1.0 - f0) * schlick);
            c * (1.0 - metallic) * diffuse + AMBIENT * metallic * f0 + HEAD * shine(head) + FILL * shine(fill)
        })
    }
}

#[inline(always)]
pub(crate) fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

impl Lights {
    /// The same lights for a ray that goes in `direction`, unit length.
    #[inline(always)]
    pub(super) fn seen_along(&self, direction: [f32; 3]) -> Self {
        let [x, y, z] = direction;
        Self {
            head: [-x, -y, -z],
            fill: self.fill,
        }
    }

    /// What four places of a volume of `color` (linear) send to the viewer, by their normals of any length: Lambert, and
    /// the shine of the headlight. Both sides are lit; a color without a normal stays as it is.
    #[inline(always)]
    pub(super) fn shade_four(
        &self,
        color: [F32x4; 3],
        normal: [F32x4; 3],
        [ambient, head, fill_light]: Strengths,
    ) -> [F32x4; 3] {
        let zero = F32x4::splat(0.0);
        let along = |[x, y, z]: [f32; 3]| {
            normal[0] * F32x4::splat(x) + normal[1] * F32x4::splat(y) + normal[2] * F32x4::splat(z)
        };
        let square = normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2];
        let scale = F32x4::splat(1.0) / square.sqrt();
        let toward_head = along(self.head);
        let facing = toward_head.max(zero - toward_head) * scale;
        // The normal is turned to the viewer.
        let toward_fill = along(self.fill);
        let fill = toward_fill.signed_as(toward_head).max(zero) * scale;
        let diffuse = F32x4::splat(ambient) + F32x4::splat(head) * facing + F32x4::splat(fill_light) * fill;
        // The headlight's mirror direction is the line of sight itself, so the half vector is the head vector.
        let f2 = facing * facing;
        let f4 = f2 * f2;
        let f8 = f4 * f4;
        let shine = F32x4::splat(GLOSS) * (f8 * f8);
        let has_normal = square.between(zero, F32x4::splat(f32::INFINITY));
        let lit = |c: F32x4| (c * diffuse + shine).where_else(has_normal, c);
        [lit(color[0]), lit(color[1]), lit(color[2])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One place, plainly.
    fn shade(lights: &Lights, color: [f32; 3], normal: [f32; 3]) -> [f32; 3] {
        let length = dot(normal, normal).sqrt();
        if !(length > 0.0 && length.is_finite()) {
            return color;
        }
        let side = if dot(normal, lights.head) < 0.0 { -1.0 } else { 1.0 };
        let normal = normal.map(|n| n * side / length);
        let facing = dot(normal, lights.head);
        let diffuse = AMBIENT + HEAD * facing + FILL * dot(normal, lights.fill).max(0.0);
        color.map(|c| c * diffuse + GLOSS * facing.powi(16))
    }

    #[test]
    fn four_places_are_lit_as_each_alone() {
        let lights = Lights {
            head: [0.48, -0.6, 0.64],
            fill: [-0.6, 0.0, 0.8],
        };
        let normals = [
            [3.0, -4.0, 12.0],
            [-300.0, 100.0, -2000.0],
            [0.0; 3],
            [f32::INFINITY, 1.0, 0.0],
        ];
        let colors = [[0.9, 0.5, 0.1], [0.2, 0.4, 0.8], [0.3; 3], [0.7; 3]];
        let by_axis = |of: [[f32; 3]; 4]| [0, 1, 2].map(|axis| F32x4::new(of.map(|v| v[axis])));
        let lit = lights
            .shade_four(by_axis(colors), by_axis(normals), PLAIN)
            .map(F32x4::lanes);
        for which in 0..4 {
            let expected = shade(&lights, colors[which], normals[which]);
            for axis in 0..3 {
                let found = lit[axis][which];
                assert!(
                    (found - expected[axis]).abs() < 1e-5,
                    "{which} {axis}: {found} and not {}",
                    expected[axis]
                );
            }
        }
    }
}
