//! What a person does with pointer and keys, and what comes of it: no window is needed here.

use geometry::{DVec2, GridGeometry, PatientDirection};
use renderer::{Camera, SlicePlane, Window};

/// Something that a person did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Input {
    /// A button went down.
    Press(Button),
    /// All buttons are up.
    Release,
    /// The pointer is at this pixel.
    Move(DVec2),
    /// The wheel went so many notches, away from the person above 0.
    Scroll(f64),
    Resize([u32; 2]),
    Key(Key),
}

/// What a drag does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Button {
    /// Turns a volume; changes window and level of slices.
    Main,
    /// Moves the picture.
    Move,
    /// Zooms.
    Zoom,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Shows something else.
    Show(Shown),
    /// To the next slice.
    Next,
    /// To the slice before.
    Before,
    /// Everything as it was at first.
    Reset,
}

/// What is in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Space,
    Slice(Side),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Axial,
    Coronal,
    Sagittal,
}

/// Whether the picture must be drawn again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Nothing,
    Redraw,
}

/// The radians that a drag over the height of the window turns by.
const TURN: f64 = std::f64::consts::PI;
/// By how much a notch of the wheel zooms.
const ZOOM: f64 = 1.15;
/// By how much a drag over the height of the window zooms.
const DRAG_ZOOM: f64 = 8.0;
/// By how many widths a drag over the height of the window changes window and level.
const WIDTHS: f64 = 2.0;

/// Where everything stands.
#[derive(Clone, Debug)]
pub(super) struct Controls {
    size: [u32; 2],
    bounds_mm: geometry::Aabb,
    shown: Shown,
    camera: Camera,
    slices: Option<Slices>,
    pointer: DVec2,
    drag: Option<Button>,
}

/// Slices of a volume.
#[derive(Clone, Debug)]
struct Slices {
    grid: GridGeometry,
    /// Of the volume itself.
    first_window: Window,
    window: Window,
    /// Axial, coronal, sagittal.
    planes: [SlicePlane; 3],
}

impl Controls {
    /// All of `bounds_mm` from the front; slices of `volume`, its grid and its window.
    pub(super) fn new(
        size: [u32; 2],
        bounds_mm: geometry::Aabb,
        volume: Option<(GridGeometry, Window)>,
    ) -> Self {
        Self {
            size,
            bounds_mm,
            shown: Shown::Space,
            camera: front(bounds_mm, size),
            slices: volume.map(|(grid, window)| Slices::new(grid, window, size)),
            pointer: DVec2::ZERO,
            drag: None,
        }
    }

    pub(super) fn size(&self) -> [u32; 2] {
        self.size
    }

    pub(super) fn camera(&self) -> Camera {
        self.camera
    }

    /// The plane and the window that are shown; `None` for what is seen in space.
    pub(super) fn slice(&self) -> Option<(SlicePlane, Window)> {
        let (Shown::Slice(side), Some(slices)) = (self.shown, &self.slices) else {
            return None;
        };
        Some((slices.planes[side as usize], slices.window))
    }

    /// What the window is called.
    pub(super) fn title(&self) -> String {
        match (self.shown, &self.slices) {
            (Shown::Slice(side), Some(slices)) => {
                let name = match side {
                    Side::Axial => "axial",
                    Side::Coronal => "coronal",
                    Side::Sagittal => "sagittal",
                };
                let Window { center, width, .. } = slices.window;
                format!("Vitrine: {name}, window {width:.0}, level {center:.0}")
            }
            _ => "Vitrine".to_owned(),
        }
    }

    /// Takes note of what a person did.
    pub(super) fn take(&mut self, input: Input) -> Effect {
        match input {
            Input::Press(button) => {
                self.drag = Some(button);
                Effect::Nothing
            }
            Input::Release => {
                self.drag = None;
                Effect::Nothing
            }
            Input::Move(to) => {
                let by = to - self.pointer;
                self.pointer = to;
                match self.drag {
                    Some(button) if by != DVec2::ZERO => self.dragged(button, by),
                    _ => Effect::Nothing,
                }
            }
            Input::Scroll(notches) => self.scrolled(notches),
            Input::Resize([width, height]) if width > 0 && height > 0 => {
                self.size = [width, height];
                Effect::Redraw
            }
            // A window that is put away.
            Input::Resize(_) => Effect::Nothing,
            Input::Key(key) => self.pressed(key),
        }
    }

    fn dragged(&mut self, button: Button, by: DVec2) -> Effect {
        let height = f64::from(self.size[1]);
        let part = by / height;
        let zoom = DRAG_ZOOM.powf(-part.y);
        match self.plane() {
            Some((plane, window)) => match button {
                Button::Main => {
                    let by = part * WIDTHS * window.width;
                    window.width = (window.width + by.x).max(1.0);
                    window.center += by.y;
                }
                Button::Move => {
                    plane.center_mm -= (plane.right * by.x + plane.down * by.y) * plane.mm_per_pixel;
                }
                Button::Zoom => plane.mm_per_pixel = zoomed(plane.mm_per_pixel, zoom),
            },
            None => match button {
                Button::Main => self.camera = self.camera.orbited(part.x * TURN, part.y * TURN),
                Button::Move => self.camera = self.camera.panned(by, self.size[1]),
                Button::Zoom => self.camera = self.camera.zoomed(zoom),
            },
        }
        Effect::Redraw
    }

    fn scrolled(&mut self, notches: f64) -> Effect {
        if !notches.is_finite() || notches == 0.0 {
            return Effect::Nothing;
        }
        match self.shown {
            Shown::Space => {
                self.camera = self.camera.zoomed(ZOOM.powf(notches));
                Effect::Redraw
            }
            Shown::Slice(_) => self.advance(-notches),
        }
    }

    fn pressed(&mut self, key: Key) -> Effect {
        match key {
            Key::Next => self.advance(1.0),
            Key::Before => self.advance(-1.0),
            Key::Show(Shown::Slice(_)) if self.slices.is_none() => Effect::Nothing,
            Key::Show(shown) => {
                self.shown = shown;
                Effect::Redraw
            }
            Key::Reset => {
                self.camera = front(self.bounds_mm, self.size);
                if let Some(slices) = &mut self.slices {
                    *slices = Slices::new(slices.grid, slices.first_window, self.size);
                }
                Effect::Redraw
            }
        }
    }

    /// Goes so many slices on, and stays within the volume.
    fn advance(&mut self, slices: f64) -> Effect {
        let (Shown::Slice(side), Some(held)) = (self.shown, &mut self.slices) else {
            return Effect::Nothing;
        };
        let plane = &mut held.planes[side as usize];
        *plane = plane.at_slice(plane.slice_of(&held.grid).0 + slices, &held.grid);
        Effect::Redraw
    }

    fn plane(&mut self) -> Option<(&mut SlicePlane, &mut Window)> {
        let (Shown::Slice(side), Some(slices)) = (self.shown, &mut self.slices) else {
            return None;
        };
        Some((&mut slices.planes[side as usize], &mut slices.window))
    }
}

impl Slices {
    fn new(grid: GridGeometry, window: Window, [width, height]: [u32; 2]) -> Self {
        let center = grid.bounds_mm().center();
        let planes = [
            SlicePlane::axial(center, 1.0),
            SlicePlane::coronal(center, 1.0),
            SlicePlane::sagittal(center, 1.0),
        ];
        Self {
            grid,
            first_window: window,
            window,
            planes: planes.map(|plane| plane.fitted(&grid, width, height)),
        }
    }
}

fn front(bounds_mm: geometry::Aabb, [width, height]: [u32; 2]) -> Camera {
    let aspect = f64::from(width) / f64::from(height.max(1));
    Camera::from_side(PatientDirection::Anterior, bounds_mm, aspect)
}

fn zoomed(mm_per_pixel: f64, by: f64) -> f64 {
    (mm_per_pixel / by).clamp(1e-3, 1e2)
}

#[cfg(test)]
mod tests {
    use geometry::{Aabb, DVec3};

    use super::*;

    const SIZE: [u32; 2] = [640, 400];

    fn controls() -> Controls {
        let grid =
            GridGeometry::axis_aligned([61, 47, 37], [0.8, 1.1, 2.5], DVec3::new(-20.0, 10.0, 70.0)).unwrap();
        Controls::new(SIZE, grid.bounds_mm(), Some((grid, Window::new(40.0, 400.0))))
    }

    fn drag(controls: &mut Controls, button: Button, by: DVec2) {
        let from = DVec2::new(300.0, 200.0);
        assert_eq!(controls.take(Input::Move(from)), Effect::Nothing);
        controls.take(Input::Press(button));
        assert_eq!(controls.take(Input::Move(from + by)), Effect::Redraw);
        controls.take(Input::Release);
        assert_eq!(controls.take(Input::Move(from)), Effect::Nothing);
    }

    #[test]
    fn a_drag_turns_what_is_seen_with_the_pointer() {
        let mut controls = controls();
        let before = controls.camera();
        // What lies nearest goes where the pointer goes.
        let nearest = before.target_mm + DVec3::NEG_Y * 20.0;
        let pixel = |camera: &Camera| camera.pixel_of(nearest, SIZE[0], SIZE[1]).unwrap().unwrap();
        drag(&mut controls, Button::Main, DVec2::new(30.0, 0.0));
        assert!(pixel(&controls.camera()).x > pixel(&before).x + 1.0);
        drag(&mut controls, Button::Main, DVec2::new(-30.0, 20.0));
        let turned = controls.camera();
        assert!(pixel(&turned).y > pixel(&before).y + 1.0);
        let distance = |camera: &Camera| camera.eye_mm.distance(camera.target_mm);
        assert!((distance(&turned) - distance(&before)).abs() < 1e-9);
        // Over the head it stops.
        for _ in 0..20 {
            drag(&mut controls, Button::Main, DVec2::new(0.0, 300.0));
        }
        let over = controls.camera();
        assert!(over.ray(DVec2::ZERO, 1, 1).is_ok());
        assert!((over.eye_mm - over.target_mm).normalize().z > 0.99);
    }

    #[test]
    fn a_moved_point_stays_under_the_pointer() {
        let mut controls = controls();
        let target = controls.camera().target_mm;
        drag(&mut controls, Button::Move, DVec2::new(37.0, -21.0));
        let pixel = controls
            .camera()
            .pixel_of(target, SIZE[0], SIZE[1])
            .unwrap()
            .unwrap();
        assert!(pixel.distance(DVec2::new(320.0 + 37.0, 200.0 - 21.0)) < 1e-6);
        controls.take(Input::Key(Key::Show(Shown::Slice(Side::Coronal))));
        let (plane, _) = controls.slice().unwrap();
        drag(&mut controls, Button::Move, DVec2::new(-11.0, 5.0));
        let (moved, _) = controls.slice().unwrap();
        let pixel = moved.pixel_of(plane.center_mm, SIZE[0], SIZE[1]);
        assert!(pixel.distance(DVec2::new(320.0 - 11.0, 200.0 + 5.0)) < 1e-6);
    }

    #[test]
    fn wheel_and_drag_zoom() {
        let mut controls = controls();
        let distance = |controls: &Controls| controls.camera().eye_mm.distance(controls.camera().target_mm);
        let before = distance(&controls);
        assert_eq!(controls.take(Input::Scroll(2.0)), Effect::Redraw);
        assert!((distance(&controls) * ZOOM * ZOOM - before).abs() < 1e-9);
        assert_eq!(controls.take(Input::Scroll(f64::NAN)), Effect::Nothing);
        drag(&mut controls, Button::Zoom, DVec2::new(0.0, 40.0));
        assert!(distance(&controls) > before / (ZOOM * ZOOM));
        controls.take(Input::Key(Key::Reset));
        assert!((distance(&controls) - before).abs() < 1e-9);
        // However far, a picture remains.
        controls.take(Input::Scroll(1e4));
        assert!(controls.camera().ray(DVec2::ZERO, 1, 1).is_ok());
        controls.take(Input::Scroll(-1e4));
        assert!(controls.camera().eye_mm.is_finite());
    }

    #[test]
    fn slices_are_gone_through_within_the_volume() {
        let mut controls = controls();
        assert_eq!(controls.take(Input::Key(Key::Next)), Effect::Nothing);
        controls.take(Input::Key(Key::Show(Shown::Slice(Side::Axial))));
        let at = |controls: &Controls| controls.slice().unwrap().0.center_mm.z;
        let before = at(&controls);
        controls.take(Input::Key(Key::Next));
        assert!(((at(&controls) - before).abs() - 2.5).abs() < 1e-9);
        controls.take(Input::Scroll(1.0));
        assert!((at(&controls) - before).abs() < 1e-9);
        for _ in 0..99 {
            controls.take(Input::Scroll(1.0));
        }
        let bounds: Aabb = controls.slices.as_ref().unwrap().grid.bounds_mm();
        // The middle of the last slice, half a slice from the outer face of its voxels.
        let end = at(&controls);
        let (first, last) = (bounds.min.z + 1.25, bounds.max.z - 1.25);
        assert!((end - first).abs() < 1e-9 || (end - last).abs() < 1e-9);
        for _ in 0..99 {
            controls.take(Input::Key(Key::Next));
        }
        assert!((at(&controls) - end).abs() > 80.0);
        assert!(at(&controls) >= bounds.min.z && at(&controls) <= bounds.max.z);
    }

    #[test]
    fn a_drag_over_a_slice_changes_window_and_level() {
        let mut controls = controls();
        controls.take(Input::Key(Key::Show(Shown::Slice(Side::Sagittal))));
        drag(&mut controls, Button::Main, DVec2::new(100.0, -50.0));
        let (_, window) = controls.slice().unwrap();
        assert_eq!((window.width, window.center), (600.0, -60.0));
        assert_eq!(controls.title(), "Vitrine: sagittal, window 600, level -60");
        drag(&mut controls, Button::Main, DVec2::new(-4000.0, 0.0));
        assert!(controls.slice().unwrap().1.is_valid());
        controls.take(Input::Key(Key::Show(Shown::Space)));
        assert!(controls.slice().is_none());
    }

    #[test]
    fn a_window_that_is_put_away_keeps_its_size() {
        let mut controls = Controls::new(SIZE, controls().bounds_mm, None);
        assert_eq!(controls.take(Input::Resize([0, 0])), Effect::Nothing);
        assert_eq!(controls.size(), SIZE);
        assert_eq!(controls.take(Input::Resize([100, 300])), Effect::Redraw);
        assert_eq!(controls.size(), [100, 300]);
        // Without a volume there are no slices.
        let key = Input::Key(Key::Show(Shown::Slice(Side::Axial)));
        assert_eq!(controls.take(key), Effect::Nothing);
    }
}
