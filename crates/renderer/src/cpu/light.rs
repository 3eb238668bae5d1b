//! One light for surfaces and volumes: a headlight and a fill from above the viewer's left.

use geometry::DVec3;

use super::View;

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
}

#[inline(always)]
pub(crate) fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
