//! Two items side by side: what the hand does to one is done to the other.

use crate::view_state::{SavedCamera, ViewState};

/// Whether two items share a frame of reference, so that a point of one is the same point of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frames {
    /// They do.
    Shared,
    /// They do not: only movements are the same.
    Apart,
}

/// Moves `follower` as its neighbor moved from `before` to `now`. Window and transfer function stay its own.
pub fn follow(follower: &mut ViewState, before: &ViewState, now: &ViewState, frames: Frames) {
    follower.axes = now.axes;
    follower.slab = now.slab;
    if frames == Frames::Shared {
        follower.cross_mm = now.cross_mm;
        follower.zoom = now.zoom;
        follower.pan_mm = now.pan_mm;
        follower.camera = now.camera;
        follower.clip_mm = now.clip_mm;
        return;
    }
    follower.cross_mm += now.cross_mm - before.cross_mm;
    for index in 0..follower.zoom.len() {
        follower.zoom[index] *= now.zoom[index] / before.zoom[index];
        follower.pan_mm[index] += now.pan_mm[index] - before.pan_mm[index];
    }
    follower.camera = camera(follower.camera, before.camera, now.camera);
}

/// Looking from the same side, as much nearer, as far aside.
fn camera(follower: SavedCamera, before: SavedCamera, now: SavedCamera) -> SavedCamera {
    let (old, new) = (before.eye_mm - before.target_mm, now.eye_mm - now.target_mm);
    let length = (follower.eye_mm - follower.target_mm).length();
    let nearer = new.length() / old.length().max(f64::MIN_POSITIVE);
    let target_mm = follower.target_mm + now.target_mm - before.target_mm;
    SavedCamera {
        eye_mm: target_mm + new.normalize_or(-geometry::DVec3::Y) * length * nearer,
        target_mm,
        up: now.up,
        field_of_view_radians: now.field_of_view_radians,
    }
}

#[cfg(test)]
mod tests {
    use geometry::{Aabb, DVec2, DVec3, GridGeometry};
    use renderer::Window;

    use super::*;
    use crate::view_state::{Pane, Size};

    fn view(origin: DVec3) -> (ViewState, GridGeometry) {
        let grid = GridGeometry::axis_aligned([60, 50, 40], [0.5, 0.7, 1.5], origin).unwrap();
        let bounds: Aabb = grid.bounds_mm();
        (ViewState::of(bounds, Window::new(40.0, 400.0), "CT-Bone"), grid)
    }

    #[test]
    fn what_shares_a_frame_is_seen_alike() {
        let (before, grid) = view(DVec3::new(-10.0, 20.0, -30.0));
        let (mut follower, _) = view(DVec3::new(-9.0, 25.0, -20.0));
        follower.window_center = 300.0;
        let mut now = before.clone();
        now.scroll(Pane::Axial, 4, &grid);
        now.enlarge(Pane::Space, 1.5);
        follow(&mut follower, &before, &now, Frames::Shared);
        assert_eq!((follower.cross_mm, follower.camera), (now.cross_mm, now.camera));
        assert_eq!(follower.window_center, 300.0);
    }

    #[test]
    fn what_does_not_moves_alike() {
        let (before, grid) = view(DVec3::new(-10.0, 20.0, -30.0));
        let (mut follower, _) = view(DVec3::new(500.0, 800.0, 900.0));
        let start = follower.clone();
        let mut now = before.clone();
        now.scroll(Pane::Axial, 4, &grid);
        now.enlarge(Pane::Coronal, 2.0);
        now.turn(
            DVec2::new(40.0, 10.0),
            Size {
                width: 300,
                height: 200,
            },
        );
        now.enlarge(Pane::Space, 1.25);
        follow(&mut follower, &before, &now, Frames::Apart);
        let moved = follower.cross_mm - start.cross_mm;
        assert!(moved.distance(now.cross_mm - before.cross_mm) < 1e-9);
        assert!((follower.zoom[1] - 2.0).abs() < 1e-12);
        let direction = |camera: SavedCamera| (camera.eye_mm - camera.target_mm).normalize();
        assert!(direction(follower.camera).distance(direction(now.camera)) < 1e-12);
        let distance = |camera: SavedCamera| (camera.eye_mm - camera.target_mm).length();
        assert!((distance(follower.camera) - distance(start.camera) / 1.25).abs() < 1e-9);
        assert_eq!(follower.camera.target_mm, start.camera.target_mm);
    }
}
