//! Signed distances to simple shapes, mm, negative inside (Quilez, "distance functions", 2008 onward).

pub(crate) type P = [f32; 3];

pub(crate) fn sub(a: P, b: P) -> P {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(crate) fn dot(a: P, b: P) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn length(a: P) -> f32 {
    dot(a, a).sqrt()
}

/// The point with its left half folded onto the right: most of a head is symmetric.
pub(crate) fn mirrored(p: P) -> P {
    [p[0].abs(), p[1], p[2]]
}

/// A first-order bound of the distance to an ellipsoid: exact in sign and near the surface.
pub(crate) fn ellipsoid(p: P, center: P, radii: P) -> f32 {
    let q = sub(p, center);
    let scaled = [q[0] / radii[0], q[1] / radii[1], q[2] / radii[2]];
    let k0 = length(scaled);
    if k0 < 1e-6 {
        return -radii[0].min(radii[1]).min(radii[2]);
    }
    let k1 = length([scaled[0] / radii[0], scaled[1] / radii[1], scaled[2] / radii[2]]);
    k0 * (k0 - 1.0) / k1
}

pub(crate) fn capsule(p: P, a: P, b: P, radius: f32) -> f32 {
    cone(p, a, b, radius, radius)
}

/// A capsule whose radius runs from `radius_a` to `radius_b`.
pub(super) fn cone(p: P, a: P, b: P, radius_a: f32, radius_b: f32) -> f32 {
    let (pa, ba) = (sub(p, a), sub(b, a));
    let t = (dot(pa, ba) / dot(ba, ba)).clamp(0.0, 1.0);
    length(sub(pa, ba.map(|c| c * t))) - radius_a - (radius_b - radius_a) * t
}

pub(super) fn rounded_box(p: P, center: P, half: P, radius: f32) -> f32 {
    let q = sub(p, center);
    let d: P = std::array::from_fn(|i| q[i].abs() - half[i] + radius);
    length(d.map(|c| c.max(0.0))) + d[0].max(d[1]).max(d[2]).min(0.0) - radius
}

/// Union with a fillet of about `k` mm.
pub(super) fn blend(a: f32, b: f32, k: f32) -> f32 {
    let h = (k - (a - b).abs()).max(0.0) / k;
    a.min(b) - h * h * k * 0.25
}

/// `a` without `b`, with a fillet of about `k` mm.
pub(super) fn carve(a: f32, b: f32, k: f32) -> f32 {
    -blend(-a, b, k)
}
