//! Light that reaches the inside of a volume past the rest of it. Twin: `lib/occlusion.wgsl`.

use super::View;
use super::lanes::F32x4;
use super::light::{Lights, PLAIN, SHADOWED, Strengths, dot};
use crate::Clip;
use crate::occlusion::{Coverage, LEVELS};
use crate::scene::{AmbientOcclusion, Occlusion, Shadows};

/// Places at which the cone toward the fill light is looked at.
const CONE: usize = 9;
/// How much of the headlight goes where ambient light does not.
const HEAD_SHARE: f32 = 0.6;
/// Depth behind which it is dark.
const DARK: f32 = 5.0;

/// The lights of a picture and what stands in their way in one volume.
pub(super) struct Occluder<'a> {
    coverage: &'a Coverage,
    occlusion: Occlusion,
    /// Of patient directions in mm: along each axis of the coverage, as rows.
    unit_from_patient: [[f32; 3]; 3],
    fill: [f32; 3],
    /// What is kept: unit normals inward (patient), and how far inside the eye lies, mm.
    faces: Vec<[f32; 4]>,
}

impl<'a> Occluder<'a> {
    pub(super) fn new(
        coverage: &'a Coverage,
        occlusion: Occlusion,
        voxel_from_patient: &geometry::DAffine3,
        (view, lights, clip): (&View, &Lights, &Clip),
    ) -> Self {
        let rows = voxel_from_patient.matrix3.transpose();
        let rows = [rows.x_axis, rows.y_axis, rows.z_axis].map(|row| row.as_vec3().to_array());
        let unit = coverage.unit_from_voxel();
        let faces = clip.faces().filter_map(|face| {
            let length = face.inward.length();
            let normal = face.inward / length;
            let [x, y, z] = normal.as_vec3().to_array();
            let depth = (face.depth(view.eye_mm) / length) as f32;
            (normal.is_finite() && depth.is_finite()).then_some([x, y, z, depth])
        });
        Self {
            coverage,
            occlusion,
            unit_from_patient: std::array::from_fn(|axis| rows[axis].map(|c| c * unit[axis])),
            fill: lights.fill,
            faces: faces.collect(),
        }
    }

    /// What the lights do at a place: `voxel`, and `p_mm` from the eye in patient directions. `normal` needs not have unit
    /// length.
    #[inline(never)]
    pub(super) fn strengths(
        &self,
        voxel: [f32; 3],
        p_mm: [f32; 3],
        normal: [f32; 3],
        lights: &Lights,
    ) -> Strengths {
        let normal = turned(normal, lights.head);
        let cell = self.coverage.cell_mm();
        let unit = self.coverage.unit_from_voxel();
        let at: [f32; 3] = std::array::from_fn(|axis| (voxel[axis] + 0.5) * unit[axis]);
        let out = self.a_cell(normal);
        let [mut ambient, mut head, mut fill] = match self.occlusion.shadows {
            Shadows::Off => PLAIN,
            Shadows::Soft => SHADOWED,
        };
        if self.occlusion.ambient == AmbientOcclusion::On {
            let until = self.free_until(p_mm, normal) / cell;
            let mut depth = 0.0;
            let mut distance = 1.5;
            for level in 0..LEVELS {
                if distance < until {
                    depth += self.depth(advanced(at, out, distance), level).unwrap_or(0.0);
                }
                distance *= 2.3;
            }
            let reached = (-depth).exp();
            ambient *= reached;
            head *= 1.0 - HEAD_SHARE * (1.0 - reached);
        }
        if self.occlusion.shadows == Shadows::Soft {
            let start = advanced(at, out, 1.0);
            let until = self.free_until(advanced(p_mm, normal, cell), self.fill) / cell;
            fill *= (-self.cone(start, self.a_cell(self.fill), until)).exp();
        }
        [ambient, head, fill]
    }

    /// The depth of what lies on a cone of light that widens along `step` (a cell) as far as `until` cells.
    fn cone(&self, start: [f32; 3], step: [f32; 3], until: f32) -> f32 {
        let mut depth = 0.0;
        let mut distance = 1.0;
        for i in 0..CONE {
            let length = 0.3 * distance + 0.7;
            if distance >= until || depth >= DARK {
                break;
            }
            let Some(here) = self.depth(advanced(start, step, distance), i / 3) else {
                break;
            };
            depth += here * length;
            distance += length;
        }
        depth
    }

    /// A cell along a direction of the patient.
    fn a_cell(&self, direction: [f32; 3]) -> [f32; 3] {
        let cell = self.coverage.cell_mm();
        self.unit_from_patient.map(|row| dot(row, direction) * cell)
    }

    /// Optical depth of a cell; `None` outside of all.
    fn depth(&self, at: [f32; 3], level: usize) -> Option<f32> {
        if !at.iter().all(|c| (0.0..=1.0).contains(c)) {
            return None;
        }
        let c = self.coverage.at(at, level);
        // Nearly -ln(1 - c), and finite at 1.
        Some(c * (1.0 + c * (0.5 + 1.2 * c * c)))
    }

    /// How far from a place what clipping leaves goes on, mm.
    fn free_until(&self, p_mm: [f32; 3], direction: [f32; 3]) -> f32 {
        let mut until = f32::INFINITY;
        for &[x, y, z, eye] in &self.faces {
            let slope = dot([x, y, z], direction);
            if slope < 0.0 {
                until = until.min(-(dot([x, y, z], p_mm) + eye) / slope);
            }
        }
        until
    }
}

/// With unit length, on the side of the viewer; toward the viewer where there is none.
fn turned(normal: [f32; 3], head: [f32; 3]) -> [f32; 3] {
    let length = dot(normal, normal).sqrt();
    if !(length > 0.0 && length < f32::INFINITY) {
        return head;
    }
    let side = if dot(normal, head) < 0.0 { -1.0 } else { 1.0 };
    normal.map(|c| c * side / length)
}

fn advanced(from: [f32; 3], step: [f32; 3], count: f32) -> [f32; 3] {
    std::array::from_fn(|axis| from[axis] + step[axis] * count)
}

/// One of four places.
pub(super) fn lane(of: [F32x4; 3], which: usize) -> [f32; 3] {
    of.map(|v| v.lanes()[which])
}
