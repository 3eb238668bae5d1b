//! One light for surfaces and volumes: a headlight and a fill from above the viewer's left.

use geometry::DVec3;

use super::View;
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

    /// What a surface of `color` (linear) with unit `normal` sends to the viewer. Surfaces have two sides.
    #[inline]
    pub(crate) fn shade(&self, color: [f32; 3], normal: [f32; 3]) -> [f32; 3] {
        let facing = dot(normal, self.head);
        let (facing, normal) = if facing < 0.0 {
            (-facing, normal.map(|c| -c))
        } else {
            (facing, normal)
        };
        let fill = dot(normal, self.fill).max(0.0);
        let diffuse = AMBIENT + HEAD * facing + FILL * fill;
        // The headlight's mirror direction is the line of sight itself, so the half vector is the head vector.
        let f2 = facing * facing;
        let f8 = f2 * f2 * f2 * f2;
        let shine = GLOSS * f8 * f8;
        color.map(|c| c * diffuse + shine)
    }

    /// What a surface of `color` (linear) and a material with unit `normal` sends to the viewer: Lambert and GGX (glTF 2.0
    /// appendix B; Walter et al. 2007), under the same lights as [`Lights::shade`]. Surfaces have two sides.
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
