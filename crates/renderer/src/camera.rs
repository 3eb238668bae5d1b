//! Where the picture is taken from.

use geometry::{Aabb, DVec2, DVec3, PatientDirection};

use crate::Ray;

/// A perspective camera in patient space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Where the camera stands, patient mm.
    pub eye_mm: DVec3,
    /// The point in the middle of the picture, patient mm.
    pub target_mm: DVec3,
    /// Which way is up in the picture; needs not be perpendicular to the line of sight.
    pub up: DVec3,
    /// Vertical field of view, radians.
    pub field_of_view_radians: f64,
}

/// Why a camera draws nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CameraError {
    /// Eye and target coincide, up is parallel to the line of sight, or a number is not finite.
    #[error("the camera looks in no direction")]
    NoDirection,
    /// The field of view is not between 0 and pi.
    #[error("the field of view must lie between 0 and 180 degrees")]
    FieldOfView,
}

/// The axes of a camera in patient space, unit length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CameraAxes {
    pub(crate) right: DVec3,
    pub(crate) up: DVec3,
    pub(crate) forward: DVec3,
}

impl Camera {
    /// A camera that sees all of `bounds_mm` from one side of the patient, head up (nose up when looking along the
    /// body axis).
    pub fn from_side(side: PatientDirection, bounds_mm: Aabb, aspect: f64) -> Self {
        Self::from_direction(side.in_patient(), bounds_mm, aspect)
    }

    /// A camera that sees all of `bounds_mm`, standing in `direction` (patient LPS) from its center.
    pub fn from_direction(direction: DVec3, bounds_mm: Aabb, aspect: f64) -> Self {
        let direction = direction.try_normalize().unwrap_or(DVec3::NEG_Y);
        let up = if direction.z.abs() > 0.99 {
            DVec3::NEG_Y
        } else {
            DVec3::Z
        };
        let field_of_view_radians = 24f64.to_radians();
        let half = (field_of_view_radians * 0.5).tan() * aspect.min(1.0);
        let mut camera = Self {
            eye_mm: DVec3::ZERO,
            target_mm: bounds_mm.center(),
            up,
            field_of_view_radians,
        };
        let right = direction.cross(up).normalize_or(DVec3::X);
        let above = right.cross(direction).normalize_or(DVec3::Z);
        // The farthest the camera must stand back so that every corner falls inside the picture.
        let back = corners(bounds_mm)
            .map(|corner| {
                let p = corner - camera.target_mm;
                p.dot(right).abs().max(p.dot(above).abs()) * 1.04 / half + p.dot(direction)
            })
            .fold(1.0, f64::max);
        camera.eye_mm = camera.target_mm + direction * back;
        camera
    }

    /// The camera turned about the vertical axis through its target, counter-clockwise seen from above the head.
    #[must_use]
    pub fn turned(&self, radians: f64) -> Self {
        let (sin, cos) = radians.sin_cos();
        let turn = |v: DVec3| DVec3::new(v.x * cos - v.y * sin, v.x * sin + v.y * cos, v.z);
        Self {
            eye_mm: self.target_mm + turn(self.eye_mm - self.target_mm),
            up: turn(self.up),
            ..*self
        }
    }

    /// The ray through a place of a picture of `width` x `height` pixels: x right, y down, (0, 0) the top left corner.
    ///
    /// # Errors
    /// When the camera looks in no direction.
    pub fn ray(&self, p_in_pixels: DVec2, width: u32, height: u32) -> Result<Ray, CameraError> {
        let axes = self.axes()?;
        let scale = self.pixels_a_tangent(height);
        let right = (p_in_pixels.x - f64::from(width) * 0.5) / scale;
        let up = (f64::from(height) * 0.5 - p_in_pixels.y) / scale;
        Ok(Ray {
            origin_mm: self.eye_mm,
            direction: (axes.forward + axes.right * right + axes.up * up).normalize(),
        })
    }

    /// Where a point of the patient is seen in a picture of `width` x `height` pixels, which may be outside of it; `None`
    /// behind the camera.
    ///
    /// # Errors
    /// When the camera looks in no direction.
    pub fn pixel_of(
        &self,
        p_in_patient_mm: DVec3,
        width: u32,
        height: u32,
    ) -> Result<Option<DVec2>, CameraError> {
        let axes = self.axes()?;
        let p = p_in_patient_mm - self.eye_mm;
        let depth = p.dot(axes.forward);
        let scale = self.pixels_a_tangent(height) / depth;
        Ok((depth > 0.0).then(|| {
            DVec2::new(
                f64::from(width) * 0.5 + p.dot(axes.right) * scale,
                f64::from(height) * 0.5 - p.dot(axes.up) * scale,
            )
        }))
    }

    /// Pixels that a unit of tangent covers.
    pub(crate) fn pixels_a_tangent(&self, height: u32) -> f64 {
        f64::from(height) * 0.5 / (self.field_of_view_radians * 0.5).tan()
    }

    /// # Errors
    /// When the camera looks in no direction.
    pub(crate) fn axes(&self) -> Result<CameraAxes, CameraError> {
        if !(self.field_of_view_radians > 1e-4 && self.field_of_view_radians < std::f64::consts::PI - 1e-4) {
            return Err(CameraError::FieldOfView);
        }
        let forward = (self.target_mm - self.eye_mm)
            .try_normalize()
            .ok_or(CameraError::NoDirection)?;
        let right = forward
            .cross(self.up)
            .try_normalize()
            .ok_or(CameraError::NoDirection)?;
        Ok(CameraAxes {
            right,
            up: right.cross(forward),
            forward,
        })
    }
}

fn corners(bounds: Aabb) -> impl Iterator<Item = DVec3> {
    (0..8u8).map(move |corner| {
        let pick = |bit: u8, low: f64, high: f64| if corner & bit == 0 { low } else { high };
        DVec3::new(
            pick(1, bounds.min.x, bounds.max.x),
            pick(2, bounds.min.y, bounds.max.y),
            pick(4, bounds.min.z, bounds.max.z),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_front_the_left_hand_is_on_the_right() {
        let bounds = Aabb {
            min: DVec3::new(-10.0, -20.0, -30.0),
            max: DVec3::new(10.0, 20.0, 30.0),
        };
        let axes = Camera::from_side(PatientDirection::Anterior, bounds, 1.0)
            .axes()
            .unwrap();
        assert!(axes.right.distance(DVec3::X) < 1e-12);
        assert!(axes.up.distance(DVec3::Z) < 1e-12);
        assert!(axes.forward.distance(DVec3::Y) < 1e-12);
    }

    #[test]
    fn every_corner_is_inside_the_picture() {
        let bounds = Aabb {
            min: DVec3::new(-90.0, -120.0, 40.0),
            max: DVec3::new(110.0, 20.0, 330.0),
        };
        for (direction, aspect) in [
            (DVec3::new(0.3, -1.0, 0.2), 1.0),
            (DVec3::Z, 1.7),
            (DVec3::X, 0.4),
        ] {
            let camera = Camera::from_direction(direction, bounds, aspect);
            let axes = camera.axes().unwrap();
            let half = (camera.field_of_view_radians * 0.5).tan();
            for corner in corners(bounds) {
                let p = corner - camera.eye_mm;
                let depth = p.dot(axes.forward);
                assert!(depth > 0.0);
                assert!((p.dot(axes.up) / depth).abs() <= half);
                assert!((p.dot(axes.right) / depth).abs() <= half * aspect);
            }
        }
    }

    #[test]
    fn a_camera_without_direction_is_refused() {
        let here = DVec3::new(1.0, 2.0, 3.0);
        let camera = Camera {
            eye_mm: here,
            target_mm: here,
            up: DVec3::Z,
            field_of_view_radians: 0.5,
        };
        assert_eq!(camera.axes().unwrap_err(), CameraError::NoDirection);
        let camera = Camera {
            eye_mm: DVec3::NAN,
            ..camera
        };
        assert_eq!(camera.axes().unwrap_err(), CameraError::NoDirection);
    }
}
