//! Casting rays through one volume.
//!
//! A ray is sampled at whole steps from the eye (plus its jitter), so that neighbors and successive pieces of one ray
//! sample the same shells. It begins and ends where visible blocks of the volume cover its pixel, leaps over what the
//! transfer function hides, and reads gradients only where something shows.

use super::View;
use super::compose::PixelRay;
use super::field::{Cells, Field};
use super::lanes::F32x4;
use super::light::Lights;
use super::prepared::Prepared;
use super::reach::Reach;
use super::voxel::Voxel;
use crate::BLOCK_SIDE;

/// Steps that `f32` counts one by one. A volume that lies farther (kilometers) is not drawn.
const COUNTABLE: f32 = (1u32 << 23) as f32;

/// A volume under the camera of one picture.
pub(super) struct Cast<'a, V: Voxel> {
    field: Field<'a, V>,
    prepared: &'a Prepared,
    reach: &'a Reach,
    lens: Lens,
    last: [f32; 3],
}

/// The camera in voxels, and normals in patient space.
struct Lens {
    eye: [f32; 3],
    forward: [f32; 3],
    right: [f32; 3],
    up: [f32; 3],
    /// Takes gradients over voxels to normals in patient space, which point to where values fall: columns.
    normals: [[f32; 3]; 3],
}

/// Where one ray is in one volume.
#[derive(Clone, Copy)]
pub(super) struct Walk {
    /// Of the eye, voxels.
    origin: [f32; 3],
    /// Voxels a mm.
    direction: [f32; 3],
    /// Mm a voxel along each axis; huge along those that the ray does not move on.
    inverse: [f32; 3],
    jitter: f32,
    /// Steps from the eye.
    index: f32,
    /// Where the ray leaves the volume, mm.
    leave: f32,
    /// Nothing was visible at the last step.
    searching: bool,
}

/// What a ray meets at four successive steps.
#[derive(Clone, Copy)]
pub(super) struct Met {
    /// Along the ray, mm.
    pub(super) t: F32x4,
    /// Red, green and blue, linear, lit.
    pub(super) color: [F32x4; 3],
    /// Of one step; 0 where nothing is visible.
    pub(super) opacity: [f32; 4],
}

impl<'a, V: Voxel> Cast<'a, V> {
    pub(super) fn new(
        field: Field<'a, V>,
        prepared: &'a Prepared,
        reach: &'a Reach,
        view: &View,
        dims: [u32; 3],
    ) -> Self {
        let vector = |v: geometry::DVec3| v.as_vec3().to_array();
        let voxel_from_patient = prepared.voxel_from_patient;
        let in_voxels = |v| vector(voxel_from_patient.transform_vector3(v));
        let normals = voxel_from_patient.matrix3.transpose();
        Self {
            field,
            prepared,
            reach,
            lens: Lens {
                eye: vector(voxel_from_patient.transform_point3(view.eye_mm)),
                forward: in_voxels(view.forward),
                right: in_voxels(view.right),
                up: in_voxels(view.up),
                normals: [normals.x_axis, normals.y_axis, normals.z_axis].map(|v| vector(-v)),
            },
            last: dims.map(|n| (n.max(1) - 1) as f32),
        }
    }

    /// The walk of a ray, where it meets anything of the volume between `from` and `to` mm.
    #[inline(always)]
    pub(super) fn walk(&self, ray: &PixelRay, [from, to]: [f32; 2]) -> Option<Walk> {
        let [nearest, farthest] = self.reach.at(ray.column, ray.row)?;
        let length = 1.0 / ray.cosine;
        let lens = &self.lens;
        let direction: [f32; 3] = std::array::from_fn(|axis| {
            (lens.forward[axis] + lens.right[axis] * ray.right + lens.up[axis] * ray.up) * ray.cosine
        });
        let inverse = direction.map(|d| if d.abs() < 1e-9 { 1e30 } else { 1.0 / d });
        let [[ax, bx], [ay, by], [az, bz]] = std::array::from_fn(|axis| {
            let first = -lens.eye[axis] * inverse[axis];
            let last = (self.last[axis] - lens.eye[axis]) * inverse[axis];
            [first.min(last), first.max(last)]
        });
        let enter = ax.max(ay).max(az).max(from).max(nearest * length);
        let leave = bx.min(by).min(bz).min(to).min(farthest * length);
        let steps_a_mm = 1.0 / self.prepared.step_mm;
        if enter > leave || leave * steps_a_mm > COUNTABLE {
            return None;
        }
        Some(Walk {
            origin: lens.eye,
            direction,
            inverse,
            jitter: ray.jitter,
            index: step_after(enter, steps_a_mm, ray.jitter).max(0.0),
            leave,
            searching: true,
        })
    }

    /// The next four steps of a walk of which any is visible, not beyond `until` mm.
    #[inline(always)]
    pub(super) fn next(&self, lights: &Lights, walk: &mut Walk, until: f32) -> Option<Met> {
        let step = self.prepared.step_mm;
        let until = until.min(walk.leave);
        loop {
            let first = walk.index + walk.jitter;
            if first * step > until {
                return None;
            }
            let t = (F32x4::splat(first) + F32x4::new([0.0, 1.0, 2.0, 3.0])) * F32x4::splat(step);
            let along =
                |axis: usize| F32x4::splat(walk.origin[axis]) + F32x4::splat(walk.direction[axis]) * t;
            let cells = self.field.cells([along(0), along(1), along(2)]);
            if walk.searching {
                let voxel = cells.voxel(0);
                let empty = self.prepared.visible.distance(voxel);
                if empty > 0 {
                    let out = self.leave_blocks(walk, voxel, f32::from(empty));
                    walk.index = step_after(out, 1.0 / step, walk.jitter).max(walk.index + 1.0);
                    continue;
                }
            }
            let values = self.field.values(&cells);
            let entries = self.prepared.table.at(values);
            let values = values.lanes();
            let ends = t.lanes();
            let opacity = |i: usize| {
                let shows = ends[i] <= until && !values[i].is_nan();
                if shows { entries[i][3] } else { 0.0 }
            };
            let opacity = [opacity(0), opacity(1), opacity(2), opacity(3)];
            let shown = [
                opacity[0] > 0.0,
                opacity[1] > 0.0,
                opacity[2] > 0.0,
                opacity[3] > 0.0,
            ];
            // Steps past `until` are taken when the walk goes on.
            walk.index += if ends[3] <= until {
                4.0
            } else {
                ends.iter().filter(|&&t| t <= until).count() as f32
            };
            walk.searching = !shown[3];
            if !(shown[0] | shown[1] | shown[2] | shown[3]) {
                continue;
            }
            let gradient = [
                self.gradient(&cells, 0, shown[0]),
                self.gradient(&cells, 1, shown[1]),
                self.gradient(&cells, 2, shown[2]),
                self.gradient(&cells, 3, shown[3]),
            ];
            let entry = |i: usize| F32x4::new(*entries[i]);
            let [r, g, b, _] = F32x4::transposed([entry(0), entry(1), entry(2), entry(3)]);
            let color = self.shade(lights, gradient, [r, g, b]);
            return Some(Met { t, color, opacity });
        }
    }

    #[inline(always)]
    fn gradient(&self, cells: &Cells, which: usize, shown: bool) -> F32x4 {
        if shown {
            self.field.gradient(cells, which)
        } else {
            F32x4::splat(0.0)
        }
    }

    /// Colors under the lights, by the gradients of the field; unlit where the field is flat.
    #[inline(always)]
    fn shade(&self, lights: &Lights, gradients: [F32x4; 4], color: [F32x4; 3]) -> [F32x4; 3] {
        let [gx, gy, gz, _] = F32x4::transposed(gradients);
        let along = |axis: usize| {
            let [x, y, z] = self.lens.normals;
            let (x, y, z) = (
                F32x4::splat(x[axis]),
                F32x4::splat(y[axis]),
                F32x4::splat(z[axis]),
            );
            x * gx + y * gy + z * gz
        };
        lights.shade_four(color, [along(0), along(1), along(2)])
    }

    /// Where a walk leaves the cube of `empty` blocks around `voxel`, mm along the ray.
    #[inline(always)]
    fn leave_blocks(&self, walk: &Walk, voxel: [i32; 3], empty: f32) -> f32 {
        let block = BLOCK_SIDE as f32;
        let mut out = f32::INFINITY;
        for (axis, voxel) in voxel.into_iter().enumerate() {
            let start = (voxel & !(BLOCK_SIDE as i32 - 1)) as f32 - walk.origin[axis];
            // The later of the two walls.
            let low = (start + (1.0 - empty) * block) * walk.inverse[axis];
            let high = (start + empty * block) * walk.inverse[axis];
            let later = if low > high { low } else { high };
            out = if later < out { later } else { out };
        }
        out
    }
}

/// The first whole step, after the jitter, that is not before `t`.
#[inline(always)]
fn step_after(t: f32, steps_a_mm: f32, jitter: f32) -> f32 {
    let steps = t * steps_a_mm - jitter;
    let whole = F32x4::splat(steps).truncated().1.lanes()[0];
    if whole < steps { whole + 1.0 } else { whole }
}
