//! A camera that maps space to a picture.

use glam::DVec3;
use serde::{Deserialize, Serialize};

/// A camera without distortion. Pixel (0, 0) has its *center* at (0, 0); x runs right, y down, z forward.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pinhole {
    /// Pixels along a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Focal lengths along x and y, pixels.
    pub focal_px: [f64; 2],
    /// Where the optical axis meets the picture, pixels.
    pub center_px: [f64; 2],
}

impl Pinhole {
    /// The same camera with a picture of another size: the whole field of view is kept.
    pub fn resized(&self, width: u32, height: u32) -> Self {
        let scale = [
            f64::from(width) / f64::from(self.width.max(1)),
            f64::from(height) / f64::from(self.height.max(1)),
        ];
        Self {
            width,
            height,
            focal_px: [self.focal_px[0] * scale[0], self.focal_px[1] * scale[1]],
            center_px: [
                (self.center_px[0] + 0.5) * scale[0] - 0.5,
                (self.center_px[1] + 0.5) * scale[1] - 0.5,
            ],
        }
    }

    /// Where a pixel is seen, camera mm, for a depth along z.
    pub fn point_mm(&self, column: f64, row: f64, depth_mm: f64) -> DVec3 {
        DVec3::new(
            (column - self.center_px[0]) / self.focal_px[0] * depth_mm,
            (row - self.center_px[1]) / self.focal_px[1] * depth_mm,
            depth_mm,
        )
    }

    /// Pixels of the picture.
    pub fn pixel_count(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Whether the camera has pixels, and numbers that can be computed with.
    pub fn is_usable(&self) -> bool {
        let finite = self
            .focal_px
            .iter()
            .chain(&self.center_px)
            .all(|v| v.is_finite() && v.abs() < 1e7);
        finite && self.focal_px.iter().all(|&f| f > 1e-3) && self.width > 0 && self.height > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_size_sees_the_same() {
        let camera = Pinhole {
            width: 640,
            height: 480,
            focal_px: [500.0, 510.0],
            center_px: [320.5, 238.0],
        };
        let small = camera.resized(160, 240);
        // The corners of the picture are half a pixel outside of the first and last centers.
        let corner = |c: &Pinhole| c.point_mm(-0.5, f64::from(c.height) - 0.5, 300.0);
        assert!(corner(&camera).distance(corner(&small)) < 1e-9);
        assert!(camera.is_usable() && small.is_usable());
        assert!(!camera.resized(0, 240).is_usable());
        let broken = Pinhole {
            focal_px: [f64::NAN, 1.0],
            ..camera
        };
        assert!(!broken.is_usable());
    }
}
