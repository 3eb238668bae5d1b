//! A plane through volumes, and what is drawn of it.
//!
//! Radiological convention: axial planes are seen from the feet and coronal ones from the front, so that the patient's
//! right is on the viewer's left; sagittal planes are seen from the patient's left, the front on the viewer's left.
//!
//! Pixels: x right, y down, (0, 0) the top left corner of the picture, so that the middle of the first pixel is (0.5, 0.5).

use geometry::{DVec2, DVec3, GridGeometry, orientation_letters};
use serde::{Deserialize, Serialize};

use crate::{Clip, ResidentVolume, TransferFunction};

/// A plane of the patient as a picture shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlicePlane {
    /// What is in the middle of the picture, patient mm.
    pub center_mm: DVec3,
    /// Where the picture's right lies in the patient, unit length.
    pub right: DVec3,
    /// Where the picture's lower edge lies in the patient, unit length and perpendicular to `right`.
    pub down: DVec3,
    /// Size of a pixel, along both axes.
    pub mm_per_pixel: f64,
}

/// The letters on the edges of a picture, strongest direction first; two or three where the plane is oblique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeLetters {
    /// Left edge.
    pub left: String,
    /// Right edge.
    pub right: String,
    /// Upper edge.
    pub top: String,
    /// Lower edge.
    pub bottom: String,
}

/// A line of known length beside a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleBar {
    /// Its length in the patient: 1, 2 or 5 times a power of ten.
    pub mm: f64,
    /// Its length in the picture.
    pub pixels: f64,
}

impl SlicePlane {
    /// Across the body axis, seen from the feet.
    pub fn axial(center_mm: DVec3, mm_per_pixel: f64) -> Self {
        Self {
            center_mm,
            right: DVec3::X,
            down: DVec3::Y,
            mm_per_pixel,
        }
    }

    /// From left to right and head to feet, seen from the front.
    pub fn coronal(center_mm: DVec3, mm_per_pixel: f64) -> Self {
        Self {
            center_mm,
            right: DVec3::X,
            down: DVec3::NEG_Z,
            mm_per_pixel,
        }
    }

    /// From front to back and head to feet, seen from the patient's left.
    pub fn sagittal(center_mm: DVec3, mm_per_pixel: f64) -> Self {
        Self {
            center_mm,
            right: DVec3::Y,
            down: DVec3::NEG_Z,
            mm_per_pixel,
        }
    }

    /// Seen along `into`, with `up` as nearly up as it can be; `None` when the two are parallel or no directions.
    pub fn oblique(center_mm: DVec3, into: DVec3, up: DVec3, mm_per_pixel: f64) -> Option<Self> {
        let into = into.try_normalize()?;
        let right = into.cross(up).try_normalize()?;
        Some(Self {
            center_mm,
            right,
            down: into.cross(right),
            mm_per_pixel,
        })
    }

    /// A slice of `grid` as it was acquired: rows along its columns, columns along its rows. `slice` counts from 0 and may
    /// lie between slices. On a grid whose rows and columns are not perpendicular, rows keep their direction.
    pub fn acquired(grid: &GridGeometry, slice: f64) -> Self {
        let [nx, ny, _] = grid.dims().map(|n| (f64::from(n) - 1.0) * 0.5);
        let axes = grid.patient_from_voxel().matrix3;
        let right = axes.x_axis.normalize_or(DVec3::X);
        let down = axes.y_axis - right * axes.y_axis.dot(right);
        Self {
            center_mm: grid
                .patient_from_voxel()
                .transform_point3(DVec3::new(nx, ny, slice)),
            right,
            down: down.normalize_or(DVec3::Y),
            mm_per_pixel: axes.x_axis.length(),
        }
    }

    /// The plane with the middle of `grid` in the middle of the picture (moved within the plane only) and pixels as large
    /// as needed for all of the grid to be seen.
    #[must_use]
    pub fn fitted(&self, grid: &GridGeometry, width: u32, height: u32) -> Self {
        let [nx, ny, nz] = grid.dims().map(|n| f64::from(n) * 0.5);
        let middle = DVec3::new(nx - 0.5, ny - 0.5, nz - 0.5);
        let middle = grid.patient_from_voxel().transform_point3(middle);
        let axes = grid.patient_from_voxel().matrix3;
        let half = |direction: DVec3| {
            (axes.x_axis * nx).dot(direction).abs()
                + (axes.y_axis * ny).dot(direction).abs()
                + (axes.z_axis * nz).dot(direction).abs()
        };
        let offset = middle - self.center_mm;
        let across = half(self.right) * 2.0 / f64::from(width.max(1));
        let along = half(self.down) * 2.0 / f64::from(height.max(1));
        Self {
            center_mm: self.center_mm
                + self.right * offset.dot(self.right)
                + self.down * offset.dot(self.down),
            mm_per_pixel: across.max(along),
            ..*self
        }
    }

    /// Away from the viewer, unit length.
    pub fn inward(&self) -> DVec3 {
        self.right.cross(self.down)
    }

    /// The plane moved away from the viewer.
    #[must_use]
    pub fn moved(&self, into_mm: f64) -> Self {
        Self {
            center_mm: self.center_mm + self.inward() * into_mm,
            ..*self
        }
    }

    /// Where a place of a picture of `width` x `height` pixels lies in the patient, mm.
    pub fn mm_of(&self, p_in_pixels: DVec2, width: u32, height: u32) -> DVec3 {
        let x = (p_in_pixels.x - f64::from(width) * 0.5) * self.mm_per_pixel;
        let y = (p_in_pixels.y - f64::from(height) * 0.5) * self.mm_per_pixel;
        self.center_mm + self.right * x + self.down * y
    }

    /// Where a point of the patient is seen in a picture of `width` x `height` pixels, straight into the plane.
    pub fn pixel_of(&self, p_in_patient_mm: DVec3, width: u32, height: u32) -> DVec2 {
        let offset = (p_in_patient_mm - self.center_mm) / self.mm_per_pixel;
        DVec2::new(
            f64::from(width) * 0.5 + offset.dot(self.right),
            f64::from(height) * 0.5 + offset.dot(self.down),
        )
    }

    /// How far a point lies behind the plane, mm; negative before it.
    pub fn distance_mm(&self, p_in_patient_mm: DVec3) -> f64 {
        (p_in_patient_mm - self.center_mm).dot(self.inward())
    }

    /// The letters on the edges.
    pub fn letters(&self) -> EdgeLetters {
        EdgeLetters {
            left: orientation_letters(-self.right),
            right: orientation_letters(self.right),
            top: orientation_letters(-self.down),
            bottom: orientation_letters(self.down),
        }
    }

    /// A line of a round length, at most a quarter of `width` pixels.
    pub fn scale_bar(&self, width: u32) -> ScaleBar {
        let longest_mm = (f64::from(width) * 0.25 * self.mm_per_pixel).max(f64::MIN_POSITIVE);
        let decade = 10f64.powf(longest_mm.log10().floor());
        let round = [5.0, 2.0, 1.0].into_iter().find(|n| n * decade <= longest_mm);
        let mm = round.unwrap_or(1.0) * decade;
        ScaleBar {
            mm,
            pixels: mm / self.mm_per_pixel,
        }
    }

    /// Where `other` cuts this plane: a line across a picture of `width` x `height` pixels, from edge to edge; `None`
    /// where they are parallel or it passes the picture by.
    pub fn line_of(&self, other: &Self, width: u32, height: u32) -> Option<[DVec2; 2]> {
        // The points of the picture whose distance to the other plane is zero: a . p + b = 0.
        let origin = self.mm_of(DVec2::ZERO, width, height);
        let into = other.inward();
        let a = DVec2::new(self.right.dot(into), self.down.dot(into)) * self.mm_per_pixel;
        let b = other.distance_mm(origin);
        let length = a.length();
        if length.is_nan() || length < 1e-6 * self.mm_per_pixel {
            return None;
        }
        let nearest = -a * (b / (length * length));
        let along = DVec2::new(-a.y, a.x) / length;
        let size = [f64::from(width), f64::from(height)];
        let (mut from, mut to) = (f64::NEG_INFINITY, f64::INFINITY);
        for (start, step, end) in [(nearest.x, along.x, size[0]), (nearest.y, along.y, size[1])] {
            if step.abs() < 1e-12 {
                if !(0.0..=end).contains(&start) {
                    return None;
                }
                continue;
            }
            let (s, t) = (-start / step, (end - start) / step);
            from = from.max(s.min(t));
            to = to.min(s.max(t));
        }
        (from < to).then(|| [nearest + along * from, nearest + along * to])
    }

    /// Whether a picture can be made of it.
    pub(crate) fn is_usable(&self) -> bool {
        let unit = |v: DVec3| (v.length() - 1.0).abs() < 1e-6;
        self.center_mm.is_finite()
            && unit(self.right)
            && unit(self.down)
            && self.right.dot(self.down).abs() < 1e-6
            && self.mm_per_pixel > 0.0
            && self.mm_per_pixel.is_finite()
    }
}

/// Everything in a picture of a plane.
#[derive(Clone, Debug)]
pub struct Slice<'a> {
    /// Volumes, each drawn over the ones before it.
    pub layers: Vec<SliceLayer<'a>>,
    /// Which plane.
    pub plane: SlicePlane,
    /// How much before and behind it is looked at.
    pub slab: Slab,
    /// What is cut away.
    pub clip: Clip,
    /// Where there is nothing, sRGB between 0 and 1.
    pub background: [f32; 3],
}

/// A volume on a plane.
#[derive(Clone, Copy, Debug)]
pub struct SliceLayer<'a> {
    /// The samples and where they lie.
    pub volume: &'a ResidentVolume,
    /// Values to brightness.
    pub window: Window,
    /// Whether low values are dark or bright.
    pub inversion: Inversion,
    /// What lies between samples.
    pub interpolation: Interpolation,
    /// Brightness to color: a transfer function over 0 (dark) to 1 (bright), whose opacity is that of what is seen.
    /// Gray without one.
    pub colors: Option<&'a TransferFunction>,
    /// 0 invisible, 1 covers the layers before it.
    pub opacity: f32,
}

impl<'a> SliceLayer<'a> {
    /// An opaque gray layer, linear between samples.
    pub fn new(volume: &'a ResidentVolume, window: Window) -> Self {
        Self {
            volume,
            window,
            inversion: Inversion::Off,
            interpolation: Interpolation::Linear,
            colors: None,
            opacity: 1.0,
        }
    }
}

/// How values become brightness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The value in the middle (Window Center), in the unit of the volume.
    pub center: f64,
    /// How many values there are from dark to bright (Window Width), in the unit of the volume.
    pub width: f64,
    /// The curve between (VOI LUT Function).
    pub function: WindowFunction,
}

/// The functions of PS3.3 C.11.2.1.2 and C.11.2.1.3 (2025).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowFunction {
    /// LINEAR: a straight line, for integers.
    Linear,
    /// LINEAR_EXACT: a straight line from center - width / 2 to center + width / 2.
    LinearExact,
    /// SIGMOID: a curve that never quite ends.
    Sigmoid,
}

impl Window {
    /// A window with the function that holds where none is named, LINEAR.
    pub fn new(center: f64, width: f64) -> Self {
        Self {
            center,
            width,
            function: WindowFunction::Linear,
        }
    }

    /// Brightness of `value`, from 0 to 1. NaN stays NaN.
    pub fn brightness(&self, value: f64) -> f64 {
        let (c, w) = (self.center, self.width);
        match self.function {
            // PS3.3 C.11.2.1.2.1, equation of LINEAR.
            WindowFunction::Linear => {
                if value <= c - 0.5 - (w - 1.0) * 0.5 {
                    0.0
                } else if value > c - 0.5 + (w - 1.0) * 0.5 {
                    1.0
                } else {
                    (value - (c - 0.5)) / (w - 1.0) + 0.5
                }
            }
            // PS3.3 C.11.2.1.3.2.
            WindowFunction::LinearExact => {
                if value <= c - w * 0.5 {
                    0.0
                } else if value > c + w * 0.5 {
                    1.0
                } else {
                    (value - c) / w + 0.5
                }
            }
            // PS3.3 C.11.2.1.3.1.
            WindowFunction::Sigmoid => 1.0 / (1.0 + (-4.0 * (value - c) / w).exp()),
        }
    }

    /// Whether the standard allows it: LINEAR needs a width of at least 1, the others more than 0.
    pub fn is_valid(&self) -> bool {
        let wide = match self.function {
            WindowFunction::Linear => self.width >= 1.0,
            WindowFunction::LinearExact | WindowFunction::Sigmoid => self.width > 0.0,
        };
        wide && self.width.is_finite() && self.center.is_finite()
    }
}

/// Whether low values are dark or bright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inversion {
    /// Low values are dark.
    Off,
    /// Low values are bright, as in MONOCHROME1.
    On,
}

/// What lies between samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest sample.
    Nearest,
    /// Linear between the eight samples around.
    Linear,
}

/// How much before and behind a plane is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slab {
    /// From the nearest to the farthest that counts; 0 for the plane alone.
    pub thickness_mm: f64,
    /// What is made of the values.
    pub projection: SlabProjection,
}

impl Slab {
    /// The plane alone.
    pub const THIN: Self = Self {
        thickness_mm: 0.0,
        projection: SlabProjection::Mean,
    };
}

/// What is made of the values through a slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlabProjection {
    /// The largest value (MIP).
    Maximum,
    /// The smallest value (MinIP).
    Minimum,
    /// The mean.
    Mean,
}

/// Why a slice is not drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SliceError {
    /// Axes are not unit and perpendicular, or a number is not finite or not positive.
    #[error("the plane has no usable axes, center or pixel size")]
    Plane,
    /// The standard has no such window.
    #[error("the window of layer {layer} is too narrow, or no number")]
    Window {
        /// Which layer, from 0.
        layer: usize,
    },
    /// The thickness is negative or not finite.
    #[error("the thickness of the slab must be a length")]
    Slab,
}

impl Slice<'_> {
    pub(crate) fn check(&self) -> Result<(), SliceError> {
        if !self.plane.is_usable() {
            return Err(SliceError::Plane);
        }
        if let Some(layer) = self.layers.iter().position(|layer| !layer.window.is_valid()) {
            return Err(SliceError::Window { layer });
        }
        let thickness = self.slab.thickness_mm;
        if !(thickness >= 0.0 && thickness.is_finite()) {
            return Err(SliceError::Slab);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_follow_the_radiological_convention() {
        let at = DVec3::new(1.0, 2.0, 3.0);
        let letters = |plane: SlicePlane| {
            let EdgeLetters {
                left,
                right,
                top,
                bottom,
            } = plane.letters();
            format!("{left}{right}{top}{bottom}")
        };
        assert_eq!(letters(SlicePlane::axial(at, 0.5)), "RLAP");
        assert_eq!(letters(SlicePlane::coronal(at, 0.5)), "RLSI");
        assert_eq!(letters(SlicePlane::sagittal(at, 0.5)), "APSI");
        let oblique = SlicePlane::oblique(at, DVec3::new(0.3, 1.0, 0.0), DVec3::Z, 1.0).unwrap();
        assert_eq!(oblique.letters().right, "LA");
        assert_eq!(oblique.letters().top, "S");
        assert!(SlicePlane::oblique(at, DVec3::Z, DVec3::NEG_Z, 1.0).is_none());
        // Into the picture: from the feet, from the front, from the left.
        assert_eq!(SlicePlane::axial(at, 1.0).inward(), DVec3::Z);
        assert_eq!(SlicePlane::coronal(at, 1.0).inward(), DVec3::Y);
        assert_eq!(SlicePlane::sagittal(at, 1.0).inward(), DVec3::NEG_X);
    }

    #[test]
    fn pixels_and_points_go_both_ways() {
        let plane = SlicePlane::oblique(
            DVec3::new(4.0, -5.0, 60.0),
            DVec3::new(1.0, 2.0, -0.5),
            DVec3::Z,
            0.7,
        );
        let plane = plane.unwrap();
        let p = plane.mm_of(DVec2::new(10.25, 77.5), 200, 130);
        assert!(plane.distance_mm(p).abs() < 1e-9);
        let back = plane.pixel_of(p + plane.inward() * 9.0, 200, 130);
        assert!((back - DVec2::new(10.25, 77.5)).length() < 1e-9);
        assert!((plane.moved(3.0).distance_mm(p) + 3.0).abs() < 1e-9);
        assert_eq!(plane.mm_of(DVec2::new(100.0, 65.0), 200, 130), plane.center_mm);
    }

    #[test]
    fn scale_bars_are_round() {
        let bar = |mm_per_pixel: f64| SlicePlane::axial(DVec3::ZERO, mm_per_pixel).scale_bar(512);
        assert_eq!(
            bar(0.5),
            ScaleBar {
                mm: 50.0,
                pixels: 100.0
            }
        );
        assert_eq!(bar(0.1).mm, 10.0);
        assert_eq!(bar(1.0).mm, 100.0);
        assert_eq!(bar(0.02).mm, 2.0);
    }

    #[test]
    fn planes_cross_in_lines() {
        let here = DVec3::new(10.0, 20.0, 30.0);
        let axial = SlicePlane::axial(here, 0.5);
        let sagittal = SlicePlane::sagittal(here + DVec3::X * 4.0, 0.5);
        let [a, b] = axial.line_of(&sagittal, 100, 60).unwrap();
        // 4 mm to the patient's left are 8 pixels to the right.
        assert!((a.x - 58.0).abs() < 1e-9 && (b.x - 58.0).abs() < 1e-9);
        assert!(((a.y - b.y).abs() - 60.0).abs() < 1e-9);
        assert_eq!(axial.line_of(&axial.moved(3.0), 100, 60), None);
        assert_eq!(
            axial.line_of(&SlicePlane::sagittal(here + DVec3::X * 26.0, 0.5), 100, 60),
            None
        );
    }

    #[test]
    fn windows_are_those_of_the_standard() {
        let window = |center, width, function| Window {
            center,
            width,
            function,
        };
        // The examples of PS3.3 C.11.2.1.2.1 for LINEAR, with output from 0 to 255.
        let y = |c, w, x| (window(c, w, WindowFunction::Linear).brightness(x) * 255.0 * 1e6).round() / 1e6;
        assert_eq!(y(2048.0, 4096.0, 0.0), 0.0);
        assert_eq!(y(2048.0, 4096.0, 4095.0), 255.0);
        assert_eq!(y(2048.0, 1.0, 2047.0), 0.0);
        assert_eq!(y(2048.0, 1.0, 2048.0), 255.0);
        assert_eq!(y(0.0, 100.0, -50.0), 0.0);
        assert_eq!(y(0.0, 100.0, 49.0), 255.0);
        assert_eq!(y(0.0, 1.0, -1.0), 0.0);
        assert_eq!(y(0.0, 1.0, 0.0), 255.0);
        let exact = window(10.0, 4.0, WindowFunction::LinearExact);
        assert_eq!(
            [8.0, 9.0, 10.0, 12.0, 13.0].map(|x| exact.brightness(x)),
            [0.0, 0.25, 0.5, 1.0, 1.0]
        );
        let curve = window(10.0, 4.0, WindowFunction::Sigmoid);
        assert_eq!(curve.brightness(10.0), 0.5);
        assert!((curve.brightness(11.0) - 1.0 / (1.0 + (-1f64).exp())).abs() < 1e-12);
        for function in [
            WindowFunction::Linear,
            WindowFunction::LinearExact,
            WindowFunction::Sigmoid,
        ] {
            assert!(window(10.0, 4.0, function).brightness(f64::NAN).is_nan());
        }
        assert!(!window(0.0, 0.5, WindowFunction::Linear).is_valid());
        assert!(window(0.0, 0.5, WindowFunction::LinearExact).is_valid());
        assert!(!window(f64::NAN, 5.0, WindowFunction::Sigmoid).is_valid());
    }
}
