//! Casting one ray through one volume.

use geometry::DVec3;

use super::field::{BLOCK, PreparedVolume};
use super::light::Lights;
use super::{OPAQUE, Ray, View};

/// Blends what `ray` meets between `from_mm` and `to_mm` (along the ray) behind what `seen` already holds.
pub(super) fn cast(
    volume: &PreparedVolume<'_>,
    ray: &Ray,
    view: &View,
    (from_mm, to_mm): (f32, f32),
    jitter: f32,
    seen: &mut [f32; 4],
) {
    let origin = volume
        .voxel_from_patient
        .transform_point3(ray.origin_mm)
        .as_vec3()
        .to_array();
    let direction = volume
        .voxel_from_patient
        .transform_vector3(ray.direction)
        .as_vec3()
        .to_array();
    let Some((enter, leave)) = inside(origin, direction, volume.dims) else {
        return;
    };
    let (enter, leave) = (enter.max(from_mm), leave.min(to_mm));
    let step = volume.step_mm;
    let lights = Lights::new(view, ray.direction);

    // Steps are counted from the eye, so that neighbors and successive segments sample the same shells.
    let mut index = ((enter / step) - jitter).ceil().max(0.0);
    loop {
        let t = (index + jitter) * step;
        if t > leave {
            return;
        }
        let p: [f32; 3] = std::array::from_fn(|axis| direction[axis].mul_add(t, origin[axis]));
        let voxel: [usize; 3] =
            std::array::from_fn(|axis| (p[axis].max(0.0) as usize).min(volume.dims[axis] - 1));
        let empty = volume.empty_blocks(voxel);
        if empty > 0 {
            let out = leave_blocks(origin, direction, voxel, usize::from(empty));
            index = ((out / step) - jitter).ceil().max(index + 1.0);
            continue;
        }
        let [r, g, b, opacity] = volume.look_up(volume.sample(p));
        if opacity > 0.0 {
            let color = shade(volume, &lights, p, [r, g, b]);
            let weight = (1.0 - seen[3]) * opacity;
            for (s, c) in seen.iter_mut().zip(color) {
                *s += c * weight;
            }
            seen[3] += weight;
            if seen[3] > OPAQUE {
                return;
            }
        }
        index += 1.0;
    }
}

/// The color at `p` under the lights, by the gradient of the field there; unlit where the field is flat.
#[inline]
fn shade(volume: &PreparedVolume<'_>, lights: &Lights, p: [f32; 3], color: [f32; 3]) -> [f32; 3] {
    let along = |axis: usize| {
        let moved = |by: f32| {
            let mut q = p;
            q[axis] += by;
            volume.sample(q)
        };
        f64::from(moved(1.0) - moved(-1.0))
    };
    let gradient = DVec3::new(along(0), along(1), along(2));
    match (volume.normal_from_gradient * gradient).try_normalize() {
        Some(normal) => lights.shade(color, (-normal).as_vec3().to_array()),
        None => color,
    }
}

/// Where a ray enters and leaves the box of sample centers, mm along the ray.
fn inside(origin: [f32; 3], direction: [f32; 3], dims: [usize; 3]) -> Option<(f32, f32)> {
    let (mut enter, mut leave) = (0.0f32, f32::INFINITY);
    for axis in 0..3 {
        let last = (dims[axis] - 1) as f32;
        if direction[axis].abs() < 1e-9 {
            if !(0.0..=last).contains(&origin[axis]) {
                return None;
            }
            continue;
        }
        let a = -origin[axis] / direction[axis];
        let b = (last - origin[axis]) / direction[axis];
        enter = enter.max(a.min(b));
        leave = leave.min(a.max(b));
    }
    (enter <= leave).then_some((enter, leave))
}

/// Where the ray leaves the cube of empty blocks around `voxel`, mm along the ray.
#[inline]
fn leave_blocks(origin: [f32; 3], direction: [f32; 3], voxel: [usize; 3], empty: usize) -> f32 {
    let mut out = f32::INFINITY;
    for axis in 0..3 {
        let block = voxel[axis] / BLOCK;
        let wall = if direction[axis] > 1e-9 {
            (block + empty) * BLOCK
        } else if direction[axis] < -1e-9 {
            (block + 1).saturating_sub(empty) * BLOCK
        } else {
            continue;
        };
        out = out.min((wall as f32 - origin[axis]) / direction[axis]);
    }
    out
}
