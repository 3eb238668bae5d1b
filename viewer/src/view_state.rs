//! What the case viewer shows: the planes, the camera and the window, and what the hand does to them.
//!
//! Three planes meet in one point, the crosshair; each has a direction, a zoom and an offset of its own. Lengths in
//! millimeters of patient space (LPS), sizes in CSS pixels.

use geometry::{Aabb, DAffine3, DMat3, DVec2, DVec3, GridGeometry};
pub use protocol::Pane;
use renderer::{Camera, Clip, ControlPoint, SlabProjection, SlicePlane, Window};
use serde::{Deserialize, Serialize};

/// The panes in the order in which four of them are shown.
pub const FOUR_UP: [Pane; 4] = [Pane::Axial, Pane::Space, Pane::Coronal, Pane::Sagittal];

/// Which pictures there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Axial, coronal, sagittal and in space.
    FourUp,
    /// A large one, in space, and the planes beside it.
    OneAndThree,
    /// The planes only.
    Slices,
    /// One alone.
    Single(Pane),
    /// One of each of two items, side by side.
    Compare(Pane),
}

impl Layout {
    /// The pictures, in order.
    pub fn panes(self) -> Vec<Pane> {
        match self {
            Self::FourUp => FOUR_UP.to_vec(),
            Self::OneAndThree => vec![Pane::Space, Pane::Axial, Pane::Coronal, Pane::Sagittal],
            Self::Slices => Pane::PLANES.to_vec(),
            Self::Single(pane) | Self::Compare(pane) => vec![pane],
        }
    }

    /// The word by which styles know it.
    pub fn word(self) -> &'static str {
        match self {
            Self::FourUp => "four-up",
            Self::OneAndThree => "one-and-three",
            Self::Slices => "slices",
            Self::Single(_) => "single",
            Self::Compare(_) => "compare",
        }
    }
}

/// Size of a picture, CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Size {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// A thick slab: what is done with the values through its thickness.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThickSlab {
    /// Thickness, mm; 0 for a thin slice.
    pub mm: f64,
    /// What becomes of the values.
    pub projection: SlabProjection,
}

/// How a plane lies in the patient: unit directions, perpendicular.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaneAxes {
    /// Of its picture's right.
    pub right: DVec3,
    /// Of its picture's lower edge.
    pub down: DVec3,
}

impl PlaneAxes {
    /// Axial, coronal and sagittal as the field shows them.
    fn upright() -> [Self; 3] {
        [
            SlicePlane::axial(DVec3::ZERO, 1.0),
            SlicePlane::coronal(DVec3::ZERO, 1.0),
            SlicePlane::sagittal(DVec3::ZERO, 1.0),
        ]
        .map(|plane| Self {
            right: plane.right,
            down: plane.down,
        })
    }

    /// Turned about an axis, right-handed; exactly perpendicular again.
    fn turned(self, axis: DVec3, radians: f64) -> Self {
        let Some(axis) = axis.try_normalize().filter(|_| radians.is_finite()) else {
            return self;
        };
        let turn = DMat3::from_axis_angle(axis, radians);
        let right = (turn * self.right).normalize_or(self.right);
        let down = turn * self.down;
        Self {
            right,
            down: (down - right * down.dot(right)).normalize_or(self.down),
        }
    }
}

/// Along which axis of the picture it is mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mirror {
    /// Left and right change places.
    Across,
    /// Top and bottom do.
    Down,
}

/// An end of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Where coordinates are smallest.
    Low,
    /// Where they are largest.
    High,
}

/// How the volume is seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewState {
    /// Where the three planes meet.
    pub cross_mm: DVec3,
    /// How much larger than fitting each plane is shown.
    pub zoom: [f64; 3],
    /// How far the middle of each plane's picture was moved.
    pub pan_mm: [DVec3; 3],
    /// The picture in space.
    pub camera: SavedCamera,
    /// Middle of the window, in the unit of the volume.
    pub window_center: f64,
    /// Its width.
    pub window_width: f64,
    /// Whether bright is dark.
    pub inverted: bool,
    /// The transfer function of the picture in space, by its name.
    pub preset: String,
    /// What a plane's thickness is.
    pub slab: ThickSlab,
    /// How the planes lie.
    #[serde(default = "PlaneAxes::upright")]
    pub axes: [PlaneAxes; 3],
    /// The corners of a transfer function of one's own; the preset's where there are none.
    #[serde(default)]
    pub transfer: Option<Vec<ControlPoint>>,
    /// What is kept of volumes and surfaces in space, patient mm; all where there is none.
    #[serde(default)]
    pub clip_mm: Option<Aabb>,
    /// How a photograph lies in its picture.
    #[serde(default)]
    pub photo: PhotoView,
}

/// How a photograph is seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhotoView {
    /// How much larger than fitting.
    pub zoom: f64,
    /// What part of its width and height is in the middle, each 0 to 1.
    pub middle: DVec2,
}

impl Default for PhotoView {
    fn default() -> Self {
        Self {
            zoom: 1.0,
            middle: DVec2::splat(0.5),
        }
    }
}

/// Where a photograph lies in a picture, CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhotoPlace {
    /// Its upper left corner.
    pub origin: DVec2,
    /// The size of one of its pixels.
    pub scale: f64,
}

impl PhotoView {
    /// Where a photograph of `photo` pixels lies in a picture of `size`.
    pub fn place(&self, photo: Size, size: Size) -> PhotoPlace {
        let [photo, size] =
            [photo, size].map(|s| DVec2::new(f64::from(s.width.max(1)), f64::from(s.height.max(1))));
        let scale = (size / photo).min_element() * self.zoom;
        PhotoPlace {
            origin: size * 0.5 - photo * scale * self.middle,
            scale,
        }
    }

    /// Moves it with the hand.
    pub fn pan(&mut self, by: DVec2, photo: Size, size: Size) {
        let extent = DVec2::new(f64::from(photo.width.max(1)), f64::from(photo.height.max(1)));
        let moved = by / (extent * self.place(photo, size).scale);
        self.middle = (self.middle - moved).clamp(DVec2::ZERO, DVec2::ONE);
    }

    /// Makes it larger about a place of the picture, which stays where it is.
    pub fn enlarge(&mut self, factor: f64, about: DVec2, photo: Size, size: Size) {
        let before = self.place(photo, size);
        self.zoom = (self.zoom * factor).clamp(ZOOMS[0], ZOOMS[1]);
        let after = self.place(photo, size);
        let stays = (about - before.origin) / before.scale * after.scale + after.origin;
        self.pan(about - stays, photo, size);
    }
}

/// A camera as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedCamera {
    /// Where it stands.
    pub eye_mm: DVec3,
    /// What is in the middle.
    pub target_mm: DVec3,
    /// Which way is up.
    pub up: DVec3,
    /// Vertical field of view.
    pub field_of_view_radians: f64,
}

impl From<Camera> for SavedCamera {
    fn from(camera: Camera) -> Self {
        Self {
            eye_mm: camera.eye_mm,
            target_mm: camera.target_mm,
            up: camera.up,
            field_of_view_radians: camera.field_of_view_radians,
        }
    }
}

impl SavedCamera {
    /// The camera on the way to `other`, 0 here and 1 there, along the shortest arc about what it looks at. Between
    /// opposite sides it goes by way of the patient's left.
    #[must_use]
    pub fn toward(&self, other: &Self, part: f64) -> Self {
        let (from, to) = (self.eye_mm - self.target_mm, other.eye_mm - other.target_mm);
        let (a, b) = (from.normalize_or(DVec3::NEG_Y), to.normalize_or(DVec3::NEG_Y));
        let aside = (DVec3::X - a * a.x).normalize_or(DVec3::Y);
        let across = (b - a * a.dot(b)).normalize_or(aside);
        let (axis, angle) = (a.cross(across), b.dot(across).atan2(b.dot(a)));
        // Up goes along with the arc, and rolls to where it shall be.
        let level =
            |up: DVec3, out: DVec3| (up - out * up.dot(out)).normalize_or(out.any_orthonormal_vector());
        let up = level(self.up, a);
        let arrived = DMat3::from_axis_angle(axis, angle) * up;
        let wanted = level(other.up, b);
        let roll = arrived.cross(wanted).dot(b).atan2(arrived.dot(wanted));
        let turn = DMat3::from_axis_angle(axis, angle * part);
        let out = turn * a;
        let target_mm = self.target_mm.lerp(other.target_mm, part);
        Self {
            eye_mm: target_mm + out * (from.length() * (1.0 - part) + to.length() * part),
            target_mm,
            up: DMat3::from_axis_angle(out, roll * part) * (turn * up),
            field_of_view_radians: other.field_of_view_radians,
        }
    }

    /// The camera.
    pub fn camera(&self) -> Camera {
        Camera {
            eye_mm: self.eye_mm,
            target_mm: self.target_mm,
            up: self.up,
            field_of_view_radians: self.field_of_view_radians,
        }
    }
}

/// A little air around the volume.
const AIR: f64 = 1.04;
/// Smallest and largest zoom of a plane.
const ZOOMS: [f64; 2] = [0.25, 64.0];
/// The least width of a window (PS3.3 C.11.2.1.2.1).
const LEAST_WIDTH: f64 = 1.0;
/// The least that a clipping box keeps along an axis, mm.
const LEAST_KEPT_MM: f64 = 1.0;

impl ViewState {
    /// All of `bounds_mm` in the middle, from the front.
    pub fn of(bounds_mm: Aabb, window: Window, preset: &str) -> Self {
        Self {
            cross_mm: bounds_mm.center(),
            zoom: [1.0; 3],
            pan_mm: [DVec3::ZERO; 3],
            camera: Camera::from_side(geometry::PatientDirection::Anterior, bounds_mm, 1.0).into(),
            window_center: window.center,
            window_width: window.width,
            inverted: false,
            preset: preset.to_owned(),
            slab: ThickSlab {
                mm: 0.0,
                projection: SlabProjection::Maximum,
            },
            axes: PlaneAxes::upright(),
            transfer: None,
            clip_mm: None,
            photo: PhotoView::default(),
        }
    }

    /// The plane of a pane through a point, a pixel a millimeter; `None` for the one in space.
    fn plane_through(&self, pane: Pane, p_mm: DVec3) -> Option<SlicePlane> {
        let PlaneAxes { right, down } = self.axes[pane.plane_index()?];
        Some(SlicePlane {
            center_mm: p_mm,
            right,
            down,
            mm_per_pixel: 1.0,
        })
    }

    /// The window of the planes.
    pub fn window(&self) -> Window {
        Window::new(self.window_center, self.window_width.max(LEAST_WIDTH))
    }

    /// The plane that a picture of `size` shows of `grid`; `None` for the one in space.
    pub fn plane(&self, pane: Pane, grid: &GridGeometry, size: Size) -> Option<SlicePlane> {
        let index = pane.plane_index()?;
        let fitted =
            self.plane_through(pane, self.cross_mm)?
                .fitted(grid, size.width.max(1), size.height.max(1));
        let pan = self.pan_mm[index];
        Some(SlicePlane {
            mm_per_pixel: fitted.mm_per_pixel * AIR / self.zoom[index],
            center_mm: fitted.center_mm
                + fitted.right * pan.dot(fitted.right)
                + fitted.down * pan.dot(fitted.down),
            ..fitted
        })
    }

    /// Moves the crosshair `slices` slices away from the viewer.
    pub fn scroll(&mut self, pane: Pane, slices: i32, grid: &GridGeometry) {
        if let Some((slice, _)) = self.slice_of(pane, grid) {
            self.go_to(pane, f64::from(slice) + f64::from(slices), grid);
        }
    }

    /// Moves the crosshair into a slice, from 0 away from the viewer; the first or the last where there are not so many.
    pub fn go_to(&mut self, pane: Pane, slice: f64, grid: &GridGeometry) {
        if let Some(plane) = self.plane_through(pane, self.cross_mm) {
            self.cross_mm = plane.at_slice(slice, grid).center_mm;
        }
    }

    /// Which slice of the volume a plane shows, from 0 away from the viewer, and how many there are; `None` in space.
    pub fn slice_of(&self, pane: Pane, grid: &GridGeometry) -> Option<(u32, u32)> {
        let (slice, count) = self.plane_through(pane, self.cross_mm)?.slice_of(grid);
        let last = f64::from(count.saturating_sub(1));
        Some((slice.round().clamp(0.0, last) as u32, count))
    }

    /// Moves the crosshair into the next slice; behind the last comes the first.
    pub fn play(&mut self, pane: Pane, grid: &GridGeometry) {
        if let Some((slice, count)) = self.slice_of(pane, grid) {
            self.go_to(pane, f64::from((slice + 1) % count.max(1)), grid);
        }
    }

    /// Tilts `plane` about the line of sight of the picture `seen_in`, in which it is a line; from the picture's right
    /// toward its lower edge.
    pub fn tilt(&mut self, plane: Pane, seen_in: Pane, radians: f64) {
        if let (Some(index), Some(seen)) = (plane.plane_index(), self.plane_through(seen_in, self.cross_mm)) {
            self.axes[index] = self.axes[index].turned(seen.inward(), radians);
        }
    }

    /// Turns a plane's picture clockwise by quarters.
    pub fn turn_picture(&mut self, pane: Pane, quarters: i32) {
        if let Some(index) = pane.plane_index() {
            for _ in 0..quarters.rem_euclid(4) {
                let PlaneAxes { right, down } = self.axes[index];
                self.axes[index] = PlaneAxes {
                    right: -down,
                    down: right,
                };
            }
        }
    }

    /// Mirrors a plane's picture; it is then seen from its other side.
    pub fn mirror(&mut self, pane: Pane, mirror: Mirror) {
        if let Some(index) = pane.plane_index() {
            let axes = &mut self.axes[index];
            match mirror {
                Mirror::Across => axes.right = -axes.right,
                Mirror::Down => axes.down = -axes.down,
            }
        }
    }

    /// Whether a plane was tilted, turned or mirrored.
    pub fn is_tilted(&self) -> bool {
        self.axes != PlaneAxes::upright()
    }

    /// Axial, coronal and sagittal again.
    pub fn straighten(&mut self) {
        self.axes = PlaneAxes::upright();
    }

    /// What is cut away in space.
    pub fn clip(&self) -> Clip {
        let Some(kept) = self.clip_mm else {
            return Clip::NONE;
        };
        let size = kept.size().max(DVec3::splat(1e-6));
        Clip {
            planes: Vec::new(),
            box_from_patient: Some(
                DAffine3::from_scale(size.recip()) * DAffine3::from_translation(-kept.min),
            ),
        }
    }

    /// Moves a side of the clipping box, within `bounds_mm` and no farther than to the opposite side; a box that keeps all
    /// is none. `axis` counts x, y, z.
    pub fn clip_to(&mut self, axis: usize, end: End, mm: f64, bounds_mm: Aabb) {
        let mut kept = self.clip_mm.unwrap_or(bounds_mm);
        let (Some(&low), Some(&high)) = (kept.min.to_array().get(axis), kept.max.to_array().get(axis)) else {
            return;
        };
        match end {
            End::Low => {
                kept.min[axis] = mm.min(high - LEAST_KEPT_MM).max(bounds_mm.min.to_array()[axis]);
            }
            End::High => {
                kept.max[axis] = mm.max(low + LEAST_KEPT_MM).min(bounds_mm.max.to_array()[axis]);
            }
        }
        self.clip_mm = (kept != bounds_mm).then_some(kept);
    }

    /// Moves the picture with the hand, by pixels.
    pub fn pan(&mut self, pane: Pane, by: DVec2, grid: Option<&GridGeometry>, size: Size) {
        match (pane.plane_index(), grid) {
            (Some(index), Some(grid)) => {
                if let Some(plane) = self.plane(pane, grid, size) {
                    self.pan_mm[index] -= (plane.right * by.x + plane.down * by.y) * plane.mm_per_pixel;
                }
            }
            _ => self.camera = self.camera.camera().panned(by, size.height).into(),
        }
    }

    /// Makes the picture `factor` times as large.
    pub fn enlarge(&mut self, pane: Pane, factor: f64) {
        match pane.plane_index() {
            Some(index) => self.zoom[index] = (self.zoom[index] * factor).clamp(ZOOMS[0], ZOOMS[1]),
            None => self.camera = self.camera.camera().zoomed(factor).into(),
        }
    }

    /// Turns what is seen in space with the hand, by pixels: a picture's height is half a turn.
    pub fn turn(&mut self, by: DVec2, size: Size) {
        let angle = by * std::f64::consts::PI / f64::from(size.height.max(1));
        self.camera = self.camera.camera().orbited(angle.x, angle.y).into();
    }

    /// Looks from a side of the patient at all of `bounds_mm`.
    pub fn look_from(&mut self, side: geometry::PatientDirection, bounds_mm: Aabb) {
        self.camera = Camera::from_side(side, bounds_mm, 1.0).into();
    }

    /// Changes the window with the hand: to the right wider, up brighter. A pixel is a 400th of the width, or one.
    pub fn drag_window(&mut self, by: DVec2) {
        let step = (self.window_width / 400.0).max(0.01);
        self.window_width = (self.window_width + by.x * step).max(LEAST_WIDTH);
        self.window_center += by.y * step;
    }
}

#[cfg(test)]
mod tests;
