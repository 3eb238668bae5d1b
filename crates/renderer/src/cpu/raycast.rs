//! Casting rays through one volume.
//!
//! A ray is sampled at whole steps from the eye (plus its jitter), so that neighbors and successive pieces of one ray
//! sample the same shells. It begins and ends where visible blocks of the volume cover its pixel, leaps over what the
//! transfer function hides, and reads gradients only where something shows.

use super::View;
use super::blocks::CELL;
use super::compose::PixelRay;
use super::field::{Cells, Field};
use super::lanes::F32x4;
use super::light::{Lights, PLAIN};
use super::occluder::{Occluder, lane};
use super::prepared::Prepared;
use super::reach::Reach;
use super::voxel::Voxel;
use crate::scene::{Projection, Shading, VolumeLayer};
use crate::{BLOCK_SIDE, BlockRanges};

/// Steps that `f32` counts one by one. A volume that lies farther (kilometers) is not drawn.
const COUNTABLE: f32 = (1u32 << 23) as f32;

/// A volume under the camera of one picture.
pub(super) struct Cast<'a, V: Voxel> {
    field: Field<'a, V>,
    prepared: &'a Prepared,
    reach: &'a Reach,
    ranges: &'a BlockRanges,
    shading: Shading,
    occluder: Option<Occluder<'a>>,
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
    pub(super) t: [f32; 4],
    /// Red, green and blue, linear, lit.
    pub(super) color: [F32x4; 3],
    /// Of one step; 0 where nothing is visible.
    pub(super) opacity: [f32; 4],
}

impl<'a, V: Voxel> Cast<'a, V> {
    pub(super) fn new(
        field: Field<'a, V>,
        layer: &VolumeLayer<'a>,
        prepared: &'a Prepared,
        reach: &'a Reach,
        occluder: Option<Occluder<'a>>,
        view: &View,
    ) -> Self {
        let vector = |v: geometry::DVec3| v.as_vec3().to_array();
        let voxel_from_patient = prepared.voxel_from_patient;
        let in_voxels = |v| vector(voxel_from_patient.transform_vector3(v));
        let normals = voxel_from_patient.matrix3.transpose();
        Self {
            field,
            prepared,
            reach,
            ranges: layer.volume.blocks(),
            shading: layer.shading,
            occluder,
            lens: Lens {
                eye: vector(voxel_from_patient.transform_point3(view.eye_mm)),
                forward: in_voxels(view.forward),
                right: in_voxels(view.right),
                up: in_voxels(view.up),
                normals: [normals.x_axis, normals.y_axis, normals.z_axis].map(|v| vector(-v)),
            },
            last: layer.volume.grid().dims().map(|n| (n.max(1) - 1) as f32),
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

    /// Leads four walks at once to the first cell of which anything is visible.
    #[inline(always)]
    pub(super) fn seek(&self, walks: &mut [Option<Walk>; 4]) {
        if walks.iter().all(Option::is_none) {
            return;
        }
        let lanes = |of: &dyn Fn(&Walk) -> f32, none: f32| {
            let [a, b, c, d] = &*walks;
            let lane = |walk: &Option<Walk>| walk.as_ref().map_or(none, of);
            F32x4::new([lane(a), lane(b), lane(c), lane(d)])
        };
        let direction = [0, 1, 2].map(|axis| lanes(&|walk| walk.direction[axis], 1.0));
        let inverse = [0, 1, 2].map(|axis| lanes(&|walk| walk.inverse[axis], 1.0));
        let jitter = lanes(&|walk| walk.jitter, 0.0);
        let leave = lanes(&|walk| walk.leave, -1.0);
        let mut index = lanes(&|walk| walk.index, 0.0);
        let eye = self.lens.eye.map(F32x4::splat);
        let (step, one) = (F32x4::splat(self.prepared.step_mm), F32x4::splat(1.0));
        let steps_a_mm = F32x4::splat(1.0 / self.prepared.step_mm);
        let side = F32x4::splat(CELL as f32);
        loop {
            let t = (index + jitter) * step;
            let along = |axis: usize| eye[axis] + direction[axis] * t;
            let cells = self.field.cells([along(0), along(1), along(2)]);
            let visible = &self.prepared.visible;
            let empty = |which: usize| f32::from(visible.distance(cells.voxel(which)));
            let empty = F32x4::new([empty(0), empty(1), empty(2), empty(3)]);
            let moves = t.at_most(leave).and(F32x4::splat(0.0).less(empty));
            if !moves.any() {
                break;
            }
            let firsts = cells.firsts();
            let out = |axis: usize| {
                let cell = (firsts[axis] * F32x4::splat(1.0 / CELL as f32)).truncated().1;
                let start = cell * side - eye[axis];
                let low = (start + (one - empty) * side) * inverse[axis];
                let high = (start + empty * side) * inverse[axis];
                low.max(high)
            };
            let steps = out(0).min(out(1)).min(out(2)) * steps_a_mm - jitter;
            let whole = steps.truncated().1;
            let next = (whole + one)
                .where_else(whole.less(steps), whole)
                .max(index + one);
            index = next.where_else(moves, index);
        }
        for (walk, index) in walks.iter_mut().zip(index.lanes()) {
            if let Some(walk) = walk {
                walk.index = index;
            }
        }
    }

    /// The next four steps of a walk of which any is visible, not beyond `until` mm.
    #[inline(always)]
    pub(super) fn next(&self, lights: &Lights, walk: &mut Walk, until: f32) -> Option<Met> {
        let step = self.prepared.step_mm;
        let until = until.min(walk.leave);
        loop {
            let (ends, cells) = self.four_steps(walk, until)?;
            if walk.searching {
                let voxel = cells.voxel(0);
                let empty = self.prepared.visible.distance(voxel);
                if empty > 0 {
                    let out = leave_blocks(walk, voxel, CELL as i32, f32::from(empty));
                    walk.index = step_after(out, 1.0 / step, walk.jitter).max(walk.index + 1.0);
                    continue;
                }
            }
            let sampled = self.field.sample(&cells);
            let entries = self.prepared.table.at(sampled.values);
            let values = sampled.values.lanes();
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
            let entry = |i: usize| F32x4::new(*entries[i]);
            let [r, g, b, _] = F32x4::transposed([entry(0), entry(1), entry(2), entry(3)]);
            if self.shading == Shading::Flat {
                let color = [r, g, b];
                return Some(Met {
                    t: ends,
                    color,
                    opacity,
                });
            }
            let gradient = self.field.gradients(&cells, &sampled);
            let color = self.shade(lights, gradient, [r, g, b], (walk, ends, shown));
            return Some(Met {
                t: ends,
                color,
                opacity,
            });
        }
    }

    /// Colors under the lights, by the gradients of the field; unlit where the field is flat.
    #[inline(always)]
    fn shade(
        &self,
        lights: &Lights,
        [gx, gy, gz]: [F32x4; 3],
        color: [F32x4; 3],
        (walk, ends, shown): (&Walk, [f32; 4], [bool; 4]),
    ) -> [F32x4; 3] {
        let along = |axis: usize| {
            let [x, y, z] = self.lens.normals;
            let (x, y, z) = (
                F32x4::splat(x[axis]),
                F32x4::splat(y[axis]),
                F32x4::splat(z[axis]),
            );
            x * gx + y * gy + z * gz
        };
        let normal = [along(0), along(1), along(2)];
        let strengths = match &self.occluder {
            None => PLAIN,
            Some(occluder) => {
                // The first of the four that is seen stands for all of them.
                let which = shown.iter().position(|&is_shown| is_shown).unwrap_or(0);
                let t = ends[which];
                let voxel = std::array::from_fn(|axis| walk.origin[axis] + walk.direction[axis] * t);
                let p_mm = lights.head.map(|c| -c * t);
                occluder.strengths(voxel, p_mm, lane(normal, which), lights)
            }
        };
        lights.shade_four(color, normal, strengths)
    }
}

/// Where a walk leaves the cube of `count` blocks (of `side` samples, a power of two) around that of `voxel`, mm along the
/// ray.
#[inline(always)]
fn leave_blocks(walk: &Walk, voxel: [i32; 3], side: i32, count: f32) -> f32 {
    let mut out = f32::INFINITY;
    for (axis, voxel) in voxel.into_iter().enumerate() {
        let start = (voxel & !(side - 1)) as f32 - walk.origin[axis];
        // The later of the two walls.
        let low = (start + (1.0 - count) * side as f32) * walk.inverse[axis];
        let high = (start + count * side as f32) * walk.inverse[axis];
        let later = if low > high { low } else { high };
        out = if later < out { later } else { out };
    }
    out
}

/// One value of all that a ray meets.
pub(super) struct Projected {
    /// Where it lies along the ray, mm.
    pub(super) t: f32,
    /// Linear red, green and blue.
    pub(super) color: [f32; 3],
}

impl<V: Voxel> Cast<'_, V> {
    /// The color of the largest, smallest or mean value up to `until` mm; `None` where there is none, and for
    /// [`Projection::Composite`].
    pub(super) fn project(&self, walk: &Walk, until: f32, projection: Projection) -> Option<Projected> {
        let (t, value) = match projection {
            Projection::Composite => return None,
            Projection::Maximum => self.extreme(walk, until, 1.0),
            Projection::Minimum => self.extreme(walk, until, -1.0),
            Projection::Average => self.mean(walk, until),
        }?;
        let &[r, g, b, _] = self.prepared.table.at(F32x4::splat(value))[0];
        Some(Projected { t, color: [r, g, b] })
    }

    /// The largest of values times `sign`. Blocks that hold nothing larger than what was found are left out.
    fn extreme(&self, walk: &Walk, until: f32, sign: f32) -> Option<(f32, f32)> {
        let mut walk = *walk;
        let until = until.min(walk.leave);
        let [bx, by, _] = self.ranges.counts();
        let mut found: Option<(f32, f32)> = None;
        let mut best = f32::NEG_INFINITY;
        while let Some((t, cells)) = self.four_steps(&walk, until) {
            let voxel = cells.voxel(0);
            let [x, y, z] = voxel.map(|v| v as usize / BLOCK_SIDE);
            let [low, high] = self.ranges.at((z * by + y) * bx + x);
            if low > high || (low * sign).max(high * sign) <= best {
                let out = leave_blocks(&walk, voxel, BLOCK_SIDE as i32, 1.0);
                walk.index = step_after(out, 1.0 / self.prepared.step_mm, walk.jitter).max(walk.index + 1.0);
                continue;
            }
            for (t, value) in t.into_iter().zip(self.field.sample(&cells).values.lanes()) {
                if t <= until && value * sign > best {
                    best = value * sign;
                    found = Some((t, value));
                }
            }
            walk.index += 4.0;
        }
        found
    }

    /// The mean of values, where the ray enters.
    fn mean(&self, walk: &Walk, until: f32) -> Option<(f32, f32)> {
        let mut walk = *walk;
        let until = until.min(walk.leave);
        let (mut sum, mut count) = (0.0f64, 0u32);
        let enter = (walk.index + walk.jitter) * self.prepared.step_mm;
        while let Some((t, cells)) = self.four_steps(&walk, until) {
            for (t, value) in t.into_iter().zip(self.field.sample(&cells).values.lanes()) {
                if t <= until && value.is_finite() {
                    sum += f64::from(value);
                    count += 1;
                }
            }
            walk.index += 4.0;
        }
        (count > 0).then(|| (enter, (sum / f64::from(count)) as f32))
    }

    /// The next four steps: where they lie along the ray and in the volume. `None` past `until`.
    #[inline(always)]
    fn four_steps(&self, walk: &Walk, until: f32) -> Option<([f32; 4], Cells)> {
        let first = walk.index + walk.jitter;
        let step = self.prepared.step_mm;
        if first * step > until {
            return None;
        }
        let t = (F32x4::splat(first) + F32x4::new([0.0, 1.0, 2.0, 3.0])) * F32x4::splat(step);
        let along = |axis: usize| F32x4::splat(walk.origin[axis]) + F32x4::splat(walk.direction[axis]) * t;
        Some((t.lanes(), self.field.cells([along(0), along(1), along(2)])))
    }
}

/// The first whole step, after the jitter, that is not before `t`.
#[inline(always)]
fn step_after(t: f32, steps_a_mm: f32, jitter: f32) -> f32 {
    let steps = t * steps_a_mm - jitter;
    let whole = F32x4::splat(steps).truncated().1.lanes()[0];
    if whole < steps { whole + 1.0 } else { whole }
}
