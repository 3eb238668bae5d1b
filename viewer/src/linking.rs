//! Two items side by side: what the hand does to one is done to the other.

use geometry::{Aabb, DAffine3, DMat3};

use crate::view_state::{PlaneAxes, SavedCamera, ViewState};

/// Whether two items lie in one space, so that a point of one is a point of the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Frames {
    /// They do: this takes points of the leader to where they are in the follower, mm.
    Shared(DAffine3),
    /// They do not: only movements are the same.
    Apart,
}

/// Moves `follower` as its neighbor moved from `before` to `now`. Window and transfer function stay its own.
pub fn follow(follower: &mut ViewState, before: &ViewState, now: &ViewState, frames: Frames) {
    follower.slab = now.slab;
    if let Frames::Shared(motion) = frames {
        follow_through(follower, now, &motion);
        return;
    }
    follower.axes = now.axes;
    follower.cross_mm += now.cross_mm - before.cross_mm;
    for index in 0..follower.zoom.len() {
        follower.zoom[index] *= now.zoom[index] / before.zoom[index];
        follower.pan_mm[index] += now.pan_mm[index] - before.pan_mm[index];
    }
    follower.camera = camera(follower.camera, before.camera, now.camera);
}

/// Sees the same points of the body, from the same side.
fn follow_through(follower: &mut ViewState, now: &ViewState, follower_from_leader: &DAffine3) {
    let (at, along) = (
        |p| follower_from_leader.transform_point3(p),
        |v| follower_from_leader.transform_vector3(v),
    );
    follower.axes = now.axes.map(|axes| PlaneAxes {
        right: along(axes.right),
        down: along(axes.down),
    });
    follower.cross_mm = at(now.cross_mm);
    follower.zoom = now.zoom;
    follower.pan_mm = now.pan_mm.map(along);
    follower.camera = SavedCamera {
        eye_mm: at(now.camera.eye_mm),
        target_mm: at(now.camera.target_mm),
        up: along(now.camera.up),
        ..now.camera
    };
    // A box that is turned is no longer one along the axes.
    if follower_from_leader.matrix3.abs_diff_eq(DMat3::IDENTITY, 1e-9) {
        follower.clip_mm = now.clip_mm.map(|kept| Aabb {
            min: at(kept.min),
            max: at(kept.max),
        });
    }
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
    use geometry::{DVec2, DVec3, GridGeometry};
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
        follow(&mut follower, &before, &now, Frames::Shared(DAffine3::IDENTITY));
        assert_eq!((follower.cross_mm, follower.camera), (now.cross_mm, now.camera));
        assert_eq!(follower.window_center, 300.0);
    }

    #[test]
    fn what_was_laid_is_seen_where_it_lies() {
        let (before, grid) = view(DVec3::new(-10.0, 20.0, -30.0));
        let (mut follower, _) = view(DVec3::new(500.0, 800.0, 900.0));
        let motion = DAffine3 {
            matrix3: DMat3::from_axis_angle(DVec3::new(0.3, -0.5, 0.8).normalize(), 0.7),
            translation: DVec3::new(30.0, -60.0, 12.0),
        };
        let mut now = before.clone();
        now.scroll(Pane::Axial, 4, &grid);
        now.pan_mm[1] = DVec3::new(3.0, 0.0, -2.0);
        let clip = follower.clip_mm;
        follow(&mut follower, &before, &now, Frames::Shared(motion));
        let size = Size {
            width: 300,
            height: 200,
        };
        for pane in Pane::PLANES {
            let (a, b) = (now.plane(pane, &grid, size), follower.plane(pane, &grid, size));
            let (a, b) = (a.unwrap(), b.unwrap());
            assert!((a.right.dot(a.down) - b.right.dot(b.down)).abs() < 1e-12);
            assert!(
                b.right.distance(motion.transform_vector3(a.right)) < 1e-12,
                "{pane:?}"
            );
        }
        assert!(follower.cross_mm.distance(motion.transform_point3(now.cross_mm)) < 1e-9);
        let eye = motion.transform_point3(now.camera.eye_mm);
        assert!(follower.camera.eye_mm.distance(eye) < 1e-9);
        assert_eq!(follower.clip_mm, clip, "a turned box is none");
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
