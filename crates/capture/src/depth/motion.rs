//! The device's sense of gravity, from its axes to those of its camera.

use geometry::DVec3;

use super::GravitySample;

/// Samples of motion sensors kept at most: an hour at a hundred a second.
pub(super) const MAX_SAMPLES: usize = 360_000;

/// Device axes (x right, y up, z out of the screen, held upright) in the axes of the front camera, whose pictures lie
/// on their side: x down along the device, y to its right, z out of the screen.
pub(super) fn in_front_camera(device: DVec3) -> DVec3 {
    DVec3::new(-device.y, device.x, device.z)
}

/// The sample nearest in time, within a tenth of a second.
pub(super) fn nearest(samples: &[GravitySample], timestamp_secs: f64) -> Option<DVec3> {
    let off = |sample: &GravitySample| (sample.timestamp_secs - timestamp_secs).abs();
    samples
        .iter()
        .min_by(|a, b| off(a).total_cmp(&off(b)))
        .filter(|sample| off(sample) < 0.1)
        .map(|sample| sample.gravity_in_camera)
}
