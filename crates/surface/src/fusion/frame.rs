//! One depth picture as it is handed over: borrowed samples, the camera, the pose.

use geometry::{DAffine3, DMat3, DVec3, Pinhole};

use super::FusionError;

/// Depth samples, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct DepthImage<'a> {
    /// `[row][column]`, mm along the optical axis; NaN, infinite, zero or negative where nothing was measured.
    pub samples_mm: &'a [f32],
    /// The camera that saw them.
    pub camera: Pinhole,
}

/// Color samples taken from the same place as the depth, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct ColorImage<'a> {
    /// `[row][column][red, green, blue]`, sRGB, 0 to 255.
    pub samples: &'a [[u8; 3]],
    /// Its camera, at the place of the depth camera.
    pub camera: Pinhole,
}

/// One frame of a capture.
#[derive(Clone, Copy, Debug)]
pub struct DepthFrame<'a> {
    /// What was measured.
    pub depth: DepthImage<'a>,
    /// What it looked like.
    pub color: Option<ColorImage<'a>>,
    /// Where the camera was as far as the capture says: rigid, camera mm to world mm.
    pub world_from_camera: Option<DAffine3>,
    /// Which way is down, in the axes of the camera, where the device says.
    pub gravity_in_camera: Option<DVec3>,
}

impl DepthFrame<'_> {
    /// Whether the parts fit each other.
    pub(super) fn check(&self) -> Result<(), FusionError> {
        let mut parts = vec![(self.depth.camera, self.depth.samples_mm.len())];
        parts.extend(self.color.map(|color| (color.camera, color.samples.len())));
        for (camera, samples) in parts {
            if !camera.is_usable() {
                return Err(FusionError::Camera);
            }
            if camera.pixel_count() != samples {
                return Err(FusionError::SampleCount {
                    expected: camera.pixel_count(),
                    actual: samples,
                });
            }
        }
        match self.world_from_camera {
            Some(pose) if !is_rigid(&pose) => Err(FusionError::Pose),
            _ => Ok(()),
        }
    }
}

/// Whether a map keeps lengths and handedness, within what rounded text gives.
pub fn is_rigid(map: &DAffine3) -> bool {
    let off = map.matrix3.transpose() * map.matrix3 - DMat3::IDENTITY;
    map.is_finite()
        && map.translation.abs().max_element() < 1e8
        && off.to_cols_array().iter().all(|v| v.abs() < 1e-3)
        && map.matrix3.determinant() > 0.0
}

/// The nearest rigid map: axes made orthogonal again, which rounded text and long products leave slightly off.
pub(super) fn orthogonal(map: &DAffine3) -> DAffine3 {
    let x = map.matrix3.x_axis.normalize();
    let y = (map.matrix3.y_axis - x * x.dot(map.matrix3.y_axis)).normalize();
    DAffine3 {
        matrix3: DMat3::from_cols(x, y, x.cross(y)),
        translation: map.translation,
    }
}

/// The inverse of a rigid map, exact where a general inverse is not.
pub(super) fn inverse(map: &DAffine3) -> DAffine3 {
    let matrix3 = map.matrix3.transpose();
    DAffine3 {
        matrix3,
        translation: -(matrix3 * map.translation),
    }
}
