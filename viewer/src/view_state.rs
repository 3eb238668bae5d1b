//! What the case viewer shows: the planes, the camera and the window, and what the hand does to them.
//!
//! Three planes meet in one point, the crosshair; each has a zoom and an offset of its own. Lengths in millimeters of
//! patient space (LPS), sizes in CSS pixels.

use geometry::{Aabb, DVec2, DVec3, GridGeometry};
use renderer::{Camera, SlabProjection, SlicePlane, Window};
use serde::{Deserialize, Serialize};

/// A picture of the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pane {
    /// Across the body axis, seen from the feet.
    Axial,
    /// Seen from the front.
    Coronal,
    /// Seen from the patient's left.
    Sagittal,
    /// In three dimensions.
    Space,
}

impl Pane {
    /// All of them, in the order of the four-up layout.
    pub const ALL: [Self; 4] = [Self::Axial, Self::Space, Self::Coronal, Self::Sagittal];
    /// Those that show a plane.
    pub const PLANES: [Self; 3] = [Self::Axial, Self::Coronal, Self::Sagittal];

    /// Its place in lists of planes; the picture in space has none.
    pub fn plane_index(self) -> Option<usize> {
        Self::PLANES.iter().position(|pane| *pane == self)
    }

    /// Its plane through a point, a pixel a millimeter; the picture in space has none.
    fn plane_through(self, p_mm: DVec3) -> Option<SlicePlane> {
        match self {
            Self::Axial => Some(SlicePlane::axial(p_mm, 1.0)),
            Self::Coronal => Some(SlicePlane::coronal(p_mm, 1.0)),
            Self::Sagittal => Some(SlicePlane::sagittal(p_mm, 1.0)),
            Self::Space => None,
        }
    }

    /// The word by which styles and tests know it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Axial => "axial",
            Self::Coronal => "coronal",
            Self::Sagittal => "sagittal",
            Self::Space => "space",
        }
    }
}

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
}

impl Layout {
    /// The pictures, in order.
    pub fn panes(self) -> Vec<Pane> {
        match self {
            Self::FourUp => Pane::ALL.to_vec(),
            Self::OneAndThree => vec![Pane::Space, Pane::Axial, Pane::Coronal, Pane::Sagittal],
            Self::Slices => Pane::PLANES.to_vec(),
            Self::Single(pane) => vec![pane],
        }
    }

    /// The word by which styles know it.
    pub fn word(self) -> &'static str {
        match self {
            Self::FourUp => "four-up",
            Self::OneAndThree => "one-and-three",
            Self::Slices => "slices",
            Self::Single(_) => "single",
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

/// Smallest and largest zoom of a plane.
const ZOOMS: [f64; 2] = [0.25, 64.0];
/// The least width of a window (PS3.3 C.11.2.1.2.1).
const LEAST_WIDTH: f64 = 1.0;

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
        }
    }

    /// The window of the planes.
    pub fn window(&self) -> Window {
        Window::new(self.window_center, self.window_width.max(LEAST_WIDTH))
    }

    /// The plane that a picture of `size` shows of `grid`; `None` for the one in space.
    pub fn plane(&self, pane: Pane, grid: &GridGeometry, size: Size) -> Option<SlicePlane> {
        let index = pane.plane_index()?;
        let fitted = pane
            .plane_through(self.cross_mm)?
            .fitted(grid, size.width.max(1), size.height.max(1));
        let pan = self.pan_mm[index];
        Some(SlicePlane {
            // A little air around the volume.
            mm_per_pixel: fitted.mm_per_pixel * 1.04 / self.zoom[index],
            center_mm: fitted.center_mm
                + fitted.right * pan.dot(fitted.right)
                + fitted.down * pan.dot(fitted.down),
            ..fitted
        })
    }

    /// Moves the crosshair `slices` slices away from the viewer.
    pub fn scroll(&mut self, pane: Pane, slices: i32, grid: &GridGeometry) {
        if let Some((slice, _)) = slice_of(pane, self.cross_mm, grid) {
            self.go_to(pane, f64::from(slice) + f64::from(slices), grid);
        }
    }

    /// Moves the crosshair into a slice, from 0 away from the viewer; the first or the last where there are not so many.
    pub fn go_to(&mut self, pane: Pane, slice: f64, grid: &GridGeometry) {
        if let Some(plane) = pane.plane_through(self.cross_mm) {
            self.cross_mm = plane.at_slice(slice, grid).center_mm;
        }
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

/// Which slice of the volume a plane shows, from 0 away from the viewer, and how many there are; `None` in space.
pub fn slice_of(pane: Pane, cross_mm: DVec3, grid: &GridGeometry) -> Option<(u32, u32)> {
    let (slice, count) = pane.plane_through(cross_mm)?.slice_of(grid);
    let last = f64::from(count.saturating_sub(1));
    Some((slice.round().clamp(0.0, last) as u32, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> GridGeometry {
        GridGeometry::axis_aligned([60, 50, 40], [0.5, 0.7, 1.5], DVec3::new(-10.0, 20.0, -30.0)).unwrap()
    }

    fn fresh() -> ViewState {
        ViewState::of(grid().bounds_mm(), Window::new(40.0, 400.0), "CT-Bone")
    }

    const SIZE: Size = Size {
        width: 300,
        height: 200,
    };

    #[test]
    fn scrolling_goes_from_slice_to_slice_and_ends_at_the_last() {
        let grid = grid();
        for (pane, count) in [(Pane::Axial, 40), (Pane::Coronal, 50), (Pane::Sagittal, 60)] {
            let mut state = fresh();
            let (start, all) = slice_of(pane, state.cross_mm, &grid).unwrap();
            assert_eq!(all, count);
            state.scroll(pane, 1, &grid);
            let (next, _) = slice_of(pane, state.cross_mm, &grid).unwrap();
            assert_eq!(next.abs_diff(start), 1, "{pane:?}");
            // Exactly in the middle of a slice.
            let p = grid.voxel_from_patient().transform_point3(state.cross_mm);
            let along = [p.z, p.y, p.x][pane.plane_index().unwrap()];
            assert!((along - along.round()).abs() < 1e-9, "{pane:?}: {along}");
            state.scroll(pane, -1, &grid);
            assert_eq!(slice_of(pane, state.cross_mm, &grid).unwrap().0, start);
            state.scroll(pane, 10_000, &grid);
            let (end, _) = slice_of(pane, state.cross_mm, &grid).unwrap();
            state.scroll(pane, -10_000, &grid);
            let (begin, _) = slice_of(pane, state.cross_mm, &grid).unwrap();
            assert_eq!([begin.min(end), begin.max(end)], [0, count - 1]);
        }
        assert_eq!(slice_of(Pane::Space, fresh().cross_mm, &grid), None);
    }

    #[test]
    fn what_is_under_the_hand_stays_there() {
        let grid = grid();
        let mut state = fresh();
        state.enlarge(Pane::Coronal, 3.0);
        let hand = DVec2::new(40.0, 150.0);
        let before = state
            .plane(Pane::Coronal, &grid, SIZE)
            .unwrap()
            .mm_of(hand, 300, 200);
        state.pan(Pane::Coronal, DVec2::new(25.0, -60.0), Some(&grid), SIZE);
        let plane = state.plane(Pane::Coronal, &grid, SIZE).unwrap();
        let after = plane.mm_of(hand + DVec2::new(25.0, -60.0), 300, 200);
        assert!(before.distance(after) < 1e-9);
        let camera = state.camera.camera();
        let target = camera.target_mm;
        state.pan(Pane::Space, DVec2::new(30.0, 10.0), Some(&grid), SIZE);
        let seen = state.camera.camera().pixel_of(target, 300, 200).unwrap().unwrap();
        assert!(seen.distance(DVec2::new(180.0, 110.0)) < 1e-6, "{seen}");
    }

    #[test]
    fn turning_keeps_distance_and_never_loses_what_is_up() {
        let mut state = fresh();
        let distance = state.camera.eye_mm.distance(state.camera.target_mm);
        for step in 0..400 {
            state.turn(DVec2::new(13.0, if step % 90 < 45 { 21.0 } else { -17.0 }), SIZE);
            let camera = state.camera;
            let away = camera.eye_mm - camera.target_mm;
            assert!((away.length() - distance).abs() < 1e-6);
            assert!(camera.camera().ray(DVec2::ZERO, 300, 200).is_ok());
            assert_eq!(camera.up, DVec3::Z);
        }
        // To the right: what is in front goes to the right, as with a hand on it.
        let mut state = fresh();
        let nose = state.camera.target_mm + DVec3::NEG_Y * 5.0;
        state.turn(DVec2::new(10.0, 0.0), SIZE);
        let seen = state.camera.camera().pixel_of(nose, 300, 200).unwrap().unwrap();
        assert!(seen.x > 150.0);
        state.turn(DVec2::new(-10.0, 30.0), SIZE);
        let seen = state.camera.camera().pixel_of(nose, 300, 200).unwrap().unwrap();
        assert!(seen.y > 100.0);
    }

    #[test]
    fn windows_and_zooms_stay_within_reason() {
        let mut state = fresh();
        state.drag_window(DVec2::new(-1e9, 3.0));
        assert!(state.window_width > 0.0 && state.window().is_valid());
        state.enlarge(Pane::Axial, 1e9);
        state.enlarge(Pane::Space, 1e9);
        assert!(state.zoom[0] <= 64.0);
        assert!(state.camera.eye_mm.distance(state.camera.target_mm) >= 1.0);
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<ViewState>(&text).unwrap(), state);
    }
}
