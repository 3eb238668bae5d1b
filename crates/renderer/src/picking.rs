//! What lies under a place of the picture: the first visible surface, or where a volume has become opaque.
//!
//! Everything is read from the data (samples, triangles), never from the picture, so that a measure does not depend on the
//! size of the picture, the quality it was drawn with or the machine.

use geometry::DVec3;

use crate::resident::ResidentVolume;
use crate::scene::{Cut, Projection, Scene, SurfaceLayer, VolumeLayer};
use crate::transfer::TransferFunction;

/// A ray in patient space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ray {
    /// Where it begins, mm.
    pub origin_mm: DVec3,
    /// Where it goes; needs not have unit length.
    pub direction: DVec3,
}

/// What a ray meets first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Where, patient mm.
    pub p_in_patient_mm: DVec3,
    /// In or on what.
    pub layer: LayerIndex,
    /// The value there: of the volume, in its unit; or of the surface, where its vertices have values.
    pub value: Option<f64>,
    /// The direction of the surface there, unit, toward the origin of the ray; none where a volume is flat.
    pub normal: Option<DVec3>,
}

/// A layer of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerIndex {
    /// A volume, by its place in [`Scene::volumes`].
    Volume(usize),
    /// A surface, by its place in [`Scene::surfaces`].
    Surface(usize),
}

/// How opaque what lies before a place in a volume must be for the place to count as seen.
const OPAQUE: f64 = 0.5;
/// Parts of a voxel that a volume is walked in, where nothing is visible and where something is.
const COARSE: f64 = 0.5;
const FINE: u32 = 32;

/// What a ray meets first in a scene: the first surface that is not wholly transparent, or the edge at which a volume has
/// stopped half of the light, told within a small part of a voxel. Of a volume that shows its largest or smallest value, where
/// that value lies; one that shows its mean is looked through. `None` where there is nothing.
pub fn pick(scene: &Scene<'_>, ray: &Ray) -> Option<Hit> {
    let direction = ray.direction.try_normalize()?;
    if !ray.origin_mm.is_finite() {
        return None;
    }
    let kept = scene.clip.kept(ray.origin_mm, direction)?;
    let walk = Walk {
        origin_mm: ray.origin_mm,
        direction,
        from: kept.from.max(0.0),
        to: kept.to,
        face: if kept.from > 0.0 {
            kept.from_normal
        } else {
            DVec3::ZERO
        },
    };
    let surfaces = scene.surfaces.iter().enumerate().filter_map(|(index, layer)| {
        let (at, hit) = walk.on_surface(layer)?;
        let layer = LayerIndex::Surface(index);
        Some((at, Hit { layer, ..hit }))
    });
    let nearest = |a: (f64, Hit), b: (f64, Hit)| if b.0 < a.0 { b } else { a };
    let surface = surfaces.reduce(nearest);
    let walk = Walk {
        to: surface.map_or(walk.to, |(at, _)| walk.to.min(at)),
        ..walk
    };
    let volumes = scene.volumes.iter().enumerate().filter_map(|(index, layer)| {
        let (at, hit) = walk.in_volume(layer)?;
        let layer = LayerIndex::Volume(index);
        Some((at, Hit { layer, ..hit }))
    });
    volumes.chain(surface).reduce(nearest).map(|(_, hit)| hit)
}

/// The part of a ray that is looked at, mm along it.
struct Walk {
    origin_mm: DVec3,
    direction: DVec3,
    from: f64,
    to: f64,
    /// The outward normal of the cut where it begins; zero where it begins at the eye.
    face: DVec3,
}

impl Walk {
    fn at(&self, mm: f64) -> DVec3 {
        self.origin_mm + self.direction * mm
    }

    /// The first crossing with a surface, or the face of its cut; mm along the ray.
    fn on_surface(&self, layer: &SurfaceLayer<'_>) -> Option<(f64, Hit)> {
        let is_placed = layer.patient_from_surface.matrix3.determinant().abs() > 0.0;
        if layer.opacity.is_nan() || layer.opacity <= 0.0 || !is_placed {
            return None;
        }
        let surface_from_patient = layer.patient_from_surface.inverse();
        let origin = surface_from_patient.transform_point3(self.origin_mm);
        let direction = surface_from_patient.transform_vector3(self.direction);
        let mesh = layer.surface.mesh();
        // Lengths along the ray stay what they are, as the direction goes through the same map.
        let crossings = layer.surface.tree().crossings(mesh, origin, direction);
        let triangle = |t: u32| {
            let corner = |v: u32| DVec3::from_array(mesh.positions_mm[v as usize].map(f64::from));
            let [a, b, c] = mesh.triangles[t as usize].map(corner);
            (b - a).cross(c - a)
        };
        if layer.cut == Cut::Capped && self.face != DVec3::ZERO {
            let beyond = crossings.iter().filter(|crossing| crossing.at > self.from);
            let inside: f64 = beyond
                .map(|crossing| triangle(crossing.triangle).dot(direction).signum())
                .sum();
            if inside != 0.0 {
                return Some((self.from, self.hit(self.from, None, Some(self.face))));
            }
        }
        let first = crossings
            .iter()
            .find(|crossing| crossing.at >= self.from && crossing.at <= self.to)?;
        let corners = mesh.triangles[first.triangle as usize];
        let values = layer.surface.values();
        let value = corners
            .into_iter()
            .zip(first.weights)
            .try_fold(0.0, |sum, (v, weight)| {
                let value = f64::from(*values.get(v as usize)?);
                (!value.is_nan()).then_some(sum + value * weight)
            });
        let normal = layer.patient_from_surface.matrix3.inverse().transpose() * triangle(first.triangle);
        Some((first.at, self.hit(first.at, value, normal.try_normalize())))
    }

    /// Where half of the light is stopped in a volume; mm along the ray.
    fn in_volume(&self, layer: &VolumeLayer<'_>) -> Option<(f64, Hit)> {
        let volume = layer.volume;
        let (enter, leave) = self.through(volume)?;
        let spacing = volume
            .grid()
            .spacing_mm()
            .into_iter()
            .fold(f64::INFINITY, f64::min);
        let step = spacing * COARSE;
        let value = |mm: f64| volume.value_at_mm(self.at(mm)).unwrap_or(f64::NAN);
        let sign = match layer.projection {
            Projection::Composite => None,
            Projection::Maximum => Some(1.0),
            Projection::Minimum => Some(-1.0),
            // The mean along a ray has no place.
            Projection::Average => return None,
        };
        if let Some(sign) = sign {
            let (mm, value) = extreme(&value, [enter, leave], step, sign)?;
            return Some((mm, self.hit(mm, Some(value), None)));
        }
        let mut light = 1.0;
        let (mut start, mut before) = (enter, value(enter));
        while start < leave {
            let end = (start + step).min(leave);
            let after = value(end);
            if largest_opacity(layer.transfer, before, after) > 0.0 {
                let part = (end - start) / f64::from(FINE);
                for i in 0..FINE {
                    let middle = start + (f64::from(i) + 0.5) * part;
                    let passed = 1.0 - f64::from(layer.transfer.opacity_at(value(middle)).min(0.999_9));
                    let after = light * passed.powf(part);
                    if after <= 1.0 - OPAQUE {
                        let share = (light - (1.0 - OPAQUE)) / (light - after).max(f64::MIN_POSITIVE);
                        let mm = start + (f64::from(i) + share.clamp(0.0, 1.0)) * part;
                        let mm = self.edge_before(layer, mm, spacing, enter);
                        return Some((mm, self.hit(mm, Some(value(mm)), self.normal(volume, mm))));
                    }
                    light = after;
                }
            }
            (start, before) = (end, after);
        }
        None
    }

    /// Light is stopped a little behind the edge that stops it. Where opacity rises past half of what it is at `mm` within
    /// one voxel before, that edge is what is seen, and its place does not depend on how opaque it is; else `mm`.
    fn edge_before(&self, layer: &VolumeLayer<'_>, mm: f64, spacing: f64, enter: f64) -> f64 {
        let opacity = |mm: f64| {
            let value = layer.volume.value_at_mm(self.at(mm));
            layer.transfer.opacity_at(value.unwrap_or(f64::NAN))
        };
        let half = opacity(mm) * 0.5;
        let part = spacing / f64::from(FINE);
        let back = (1..=FINE).map(|i| mm - f64::from(i) * part);
        let below = back.take_while(|mm| *mm >= enter).find(|mm| opacity(*mm) < half);
        let Some(mut low) = below else {
            return mm;
        };
        let mut high = low + part;
        for _ in 0..20 {
            let middle = (low + high) * 0.5;
            if opacity(middle) < half {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// Against the gradient or along it, whichever is toward the viewer.
    fn normal(&self, volume: &ResidentVolume, mm: f64) -> Option<DVec3> {
        let voxel_from_patient = volume.grid().voxel_from_patient();
        let p = voxel_from_patient.transform_point3(self.at(mm));
        let along = |axis: DVec3| {
            let side = |q: DVec3| volume.stored_at_voxel(q);
            match (side(p + axis * 0.5), side(p - axis * 0.5)) {
                (Some(a), Some(b)) => a - b,
                _ => 0.0,
            }
        };
        let gradient = DVec3::new(along(DVec3::X), along(DVec3::Y), along(DVec3::Z));
        (voxel_from_patient.matrix3.transpose() * gradient).try_normalize()
    }

    /// Where the ray enters and leaves the voxels of a volume, mm along it.
    fn through(&self, volume: &ResidentVolume) -> Option<(f64, f64)> {
        let voxel_from_patient = volume.grid().voxel_from_patient();
        let origin = voxel_from_patient.transform_point3(self.origin_mm).to_array();
        let direction = voxel_from_patient.transform_vector3(self.direction).to_array();
        let (mut enter, mut leave) = (self.from, self.to);
        for axis in 0..3 {
            let (low, high) = (-0.5, f64::from(volume.grid().dims()[axis]) - 0.5);
            if direction[axis] == 0.0 {
                if origin[axis] < low || origin[axis] > high {
                    return None;
                }
                continue;
            }
            let a = (low - origin[axis]) / direction[axis];
            let b = (high - origin[axis]) / direction[axis];
            enter = enter.max(a.min(b));
            leave = leave.min(a.max(b));
        }
        (enter < leave).then_some((enter, leave))
    }

    fn hit(&self, mm: f64, value: Option<f64>, normal: Option<DVec3>) -> Hit {
        let toward_viewer = |normal: DVec3| {
            if normal.dot(self.direction) > 0.0 {
                -normal
            } else {
                normal
            }
        };
        Hit {
            p_in_patient_mm: self.at(mm),
            layer: LayerIndex::Surface(0),
            value,
            normal: normal.map(toward_viewer),
        }
    }
}

/// Where the value times `sign` is largest: the best of all steps, and of what lies a step around it.
fn extreme(
    value: &impl Fn(f64) -> f64,
    [enter, leave]: [f64; 2],
    step: f64,
    sign: f64,
) -> Option<(f64, f64)> {
    let best_of = |from: f64, to: f64, step: f64| {
        let count = ((to - from) / step).floor() as u64;
        let places = (0..=count).map(|i| from + i as f64 * step);
        let found = places
            .map(|mm| (mm, value(mm)))
            .filter(|(_, value)| !value.is_nan());
        found.reduce(|best, next| if next.1 * sign > best.1 * sign { next } else { best })
    };
    let (mm, _) = best_of(enter, leave, step)?;
    best_of(
        (mm - step).max(enter),
        (mm + step).min(leave),
        step / f64::from(FINE),
    )
}

/// The largest opacity that values from one to another can have.
fn largest_opacity(transfer: &TransferFunction, a: f64, b: f64) -> f32 {
    let ends = transfer.opacity_at(a).max(transfer.opacity_at(b));
    let between = |value: f64| value > a.min(b) && value < a.max(b);
    let points = transfer.points().iter().filter(|point| between(point.value));
    points.fold(ends, |largest, point| largest.max(point.opacity))
}
