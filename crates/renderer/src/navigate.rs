//! Moving a camera by hand.

use geometry::{DMat3, DVec2};

use crate::Camera;

/// How near the line of sight may come to the vertical, radians.
const POLE: f64 = 0.01;
/// How far the eye may be from what it looks at, mm.
const DISTANCES_MM: [f64; 2] = [1.0, 1e5];

impl Camera {
    /// The camera after what is in front was turned to the right and downward, radians. Up stays up: over the poles it does
    /// not go. A camera that looks in no direction stays as it is.
    #[must_use]
    pub fn orbited(&self, right: f64, down: f64) -> Self {
        let (Ok(axes), Some(up)) = (self.axes(), self.up.try_normalize()) else {
            return *self;
        };
        let offset = self.eye_mm - self.target_mm;
        let elevation = (-axes.forward).dot(up).clamp(-1.0, 1.0).asin();
        let limit = std::f64::consts::FRAC_PI_2 - POLE;
        let raised = (elevation + down).clamp(-limit, limit);
        // What points away from the target, level with it.
        let level = up.cross(axes.right).normalize_or(-axes.forward);
        let level = DMat3::from_axis_angle(up, -right) * -level;
        Self {
            eye_mm: self.target_mm + (level * raised.cos() + up * raised.sin()) * offset.length(),
            up,
            ..*self
        }
    }

    /// The camera after its target was moved by so many pixels of a picture of `height` pixels: right and down.
    #[must_use]
    pub fn panned(&self, by_pixels: DVec2, height: u32) -> Self {
        let Ok(axes) = self.axes() else {
            return *self;
        };
        let mm = self.eye_mm.distance(self.target_mm) / self.pixels_a_tangent(height.max(1));
        let by = (axes.up * by_pixels.y - axes.right * by_pixels.x) * mm;
        Self {
            eye_mm: self.eye_mm + by,
            target_mm: self.target_mm + by,
            ..*self
        }
    }

    /// The camera so many times as near to its target.
    #[must_use]
    pub fn zoomed(&self, times: f64) -> Self {
        let offset = self.eye_mm - self.target_mm;
        let [nearest, farthest] = DISTANCES_MM;
        let length = (offset.length() / times).clamp(nearest, farthest);
        let Some(direction) = offset.try_normalize().filter(|_| length.is_finite()) else {
            return *self;
        };
        Self {
            eye_mm: self.target_mm + direction * length,
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use geometry::DVec3;

    use super::*;

    fn camera() -> Camera {
        Camera {
            eye_mm: DVec3::new(0.0, -100.0, 5.0),
            target_mm: DVec3::new(0.0, 0.0, 5.0),
            up: DVec3::Z,
            field_of_view_radians: 0.5,
        }
    }

    #[test]
    fn turning_is_counted_in_radians() {
        let right = camera().orbited(std::f64::consts::FRAC_PI_2, 0.0);
        // What was in front is to the right, so the eye stands at what was the left.
        assert!(right.eye_mm.distance(DVec3::new(-100.0, 0.0, 5.0)) < 1e-9);
        let above = camera().orbited(0.0, 0.5);
        let expected = DVec3::new(0.0, -100.0 * 0.5f64.cos(), 5.0 + 100.0 * 0.5f64.sin());
        assert!(above.eye_mm.distance(expected) < 1e-9);
        // There and back again.
        let back = above.orbited(0.3, -0.2).orbited(-0.3, -0.3);
        assert!(back.eye_mm.distance(camera().eye_mm) < 1e-9);
        assert!(camera().orbited(0.0, 9.0).axes().is_ok());
    }

    #[test]
    fn what_is_no_camera_stays_as_it_is() {
        let none = Camera {
            eye_mm: camera().target_mm,
            ..camera()
        };
        assert_eq!(none.orbited(1.0, 1.0), none);
        assert_eq!(none.panned(DVec2::ONE, 10), none);
        assert_eq!(none.zoomed(2.0), none);
        assert_eq!(camera().zoomed(f64::NAN), camera());
        assert_eq!(camera().zoomed(0.0).eye_mm.y, -1e5);
    }
}
