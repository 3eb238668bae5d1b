//! What the view state promises.

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
        let (start, all) = state.slice_of(pane, &grid).unwrap();
        assert_eq!(all, count);
        state.scroll(pane, 1, &grid);
        let (next, _) = state.slice_of(pane, &grid).unwrap();
        assert_eq!(next.abs_diff(start), 1, "{pane:?}");
        // Exactly in the middle of a slice.
        let p = grid.voxel_from_patient().transform_point3(state.cross_mm);
        let along = [p.z, p.y, p.x][pane.plane_index().unwrap()];
        assert!((along - along.round()).abs() < 1e-9, "{pane:?}: {along}");
        state.scroll(pane, -1, &grid);
        assert_eq!(state.slice_of(pane, &grid).unwrap().0, start);
        state.scroll(pane, 10_000, &grid);
        let (end, _) = state.slice_of(pane, &grid).unwrap();
        state.scroll(pane, -10_000, &grid);
        let (begin, _) = state.slice_of(pane, &grid).unwrap();
        assert_eq!([begin.min(end), begin.max(end)], [0, count - 1]);
    }
    assert_eq!(fresh().slice_of(Pane::Space, &grid), None);
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

#[test]
fn a_tilted_plane_still_holds_the_crosshair_and_goes_through_the_volume() {
    let grid = grid();
    let mut state = fresh();
    // In the axial picture, the sagittal plane is the line from top to bottom: turned by 30 degrees.
    state.tilt(Pane::Sagittal, Pane::Axial, 30f64.to_radians());
    assert!(state.is_tilted());
    let plane = state.plane(Pane::Sagittal, &grid, SIZE).unwrap();
    assert!(plane.distance_mm(state.cross_mm).abs() < 1e-9);
    assert!((plane.right.dot(DVec3::Y) - 30f64.to_radians().cos()).abs() < 1e-12);
    assert!(
        plane.right.x < 0.0,
        "toward the lower edge is from the back to the right"
    );
    assert_eq!(plane.down, DVec3::NEG_Z);
    let cross = state.cross_mm;
    state.scroll(Pane::Sagittal, 3, &grid);
    assert!((state.cross_mm - cross).dot(plane.inward()) > 0.5);
    state.straighten();
    assert!(!state.is_tilted());
    for _ in 0..10_000 {
        state.tilt(Pane::Axial, Pane::Coronal, 0.37);
    }
    let plane = state.plane(Pane::Axial, &grid, SIZE).unwrap();
    assert!(plane.right.dot(plane.down).abs() < 1e-9 && (plane.down.length() - 1.0).abs() < 1e-9);
    state.tilt(Pane::Axial, Pane::Coronal, f64::NAN);
    assert!(state.plane(Pane::Axial, &grid, SIZE).unwrap().right.is_finite());
}

#[test]
fn pictures_turn_clockwise_and_are_mirrored() {
    let letters = |state: &ViewState| state.plane(Pane::Axial, &grid(), SIZE).unwrap().letters();
    let mut state = fresh();
    assert_eq!(
        (letters(&state).top.as_str(), letters(&state).right.as_str()),
        ("A", "L")
    );
    state.turn_picture(Pane::Axial, 1);
    assert_eq!(
        (letters(&state).right.as_str(), letters(&state).bottom.as_str()),
        ("A", "L")
    );
    state.turn_picture(Pane::Axial, -1);
    state.mirror(Pane::Axial, Mirror::Across);
    assert_eq!(
        (letters(&state).top.as_str(), letters(&state).right.as_str()),
        ("A", "R")
    );
    state.mirror(Pane::Axial, Mirror::Across);
    state.mirror(Pane::Axial, Mirror::Down);
    assert_eq!(letters(&state).top, "P");
}

#[test]
fn the_clipping_box_stays_a_box_within_the_volume() {
    let bounds = grid().bounds_mm();
    let mut state = fresh();
    assert!(!state.clip().cuts());
    state.clip_to(1, End::Low, 30.0, bounds);
    assert!(!state.clip().keeps(DVec3::new(0.0, 29.9, 0.0)));
    assert!(state.clip().keeps(DVec3::new(0.0, 30.1, 0.0)));
    state.clip_to(1, End::High, -500.0, bounds);
    let kept = state.clip_mm.unwrap();
    assert!((kept.size().y - 1.0).abs() < 1e-9 && kept.min.y == 30.0);
    state.clip_to(7, End::High, 0.0, bounds);
    state.clip_to(1, End::Low, -1e9, bounds);
    state.clip_to(1, End::High, 1e9, bounds);
    assert_eq!(state.clip_mm, None);
}

#[test]
fn playing_begins_again_behind_the_last_slice() {
    let grid = grid();
    let mut state = fresh();
    state.go_to(Pane::Coronal, 48.0, &grid);
    state.play(Pane::Coronal, &grid);
    assert_eq!(state.slice_of(Pane::Coronal, &grid), Some((49, 50)));
    state.play(Pane::Coronal, &grid);
    assert_eq!(state.slice_of(Pane::Coronal, &grid), Some((0, 50)));
}

#[test]
fn a_camera_flies_along_an_arc() {
    let bounds = grid().bounds_mm();
    let side = |side| SavedCamera::from(Camera::from_side(side, bounds, 1.0));
    let front = side(geometry::PatientDirection::Anterior);
    for other in [
        side(geometry::PatientDirection::Left),
        side(geometry::PatientDirection::Posterior),
        side(geometry::PatientDirection::Superior),
        front,
    ] {
        assert!(front.toward(&other, 0.0).eye_mm.distance(front.eye_mm) < 1e-9);
        assert!(front.toward(&other, 1.0).eye_mm.distance(other.eye_mm) < 1e-9);
        let half = front.toward(&other, 0.5);
        let nearer = front
            .eye_mm
            .distance(front.target_mm)
            .min(other.eye_mm.distance(other.target_mm));
        assert!(half.eye_mm.distance(half.target_mm) > nearer * 0.99);
        for step in 0..=20 {
            let camera = front.toward(&other, f64::from(step) / 20.0).camera();
            assert!(camera.ray(DVec2::ZERO, 300, 200).is_ok());
        }
    }
    let half = front.toward(&side(geometry::PatientDirection::Posterior), 0.5);
    assert!((half.eye_mm - half.target_mm).normalize().x > 0.99);
}

#[test]
fn a_view_that_was_saved_before_planes_could_tilt_is_read() {
    let mut value = serde_json::to_value(fresh()).unwrap();
    for key in ["axes", "transfer", "clip_mm", "photo"] {
        value.as_object_mut().unwrap().remove(key);
    }
    assert_eq!(serde_json::from_value::<ViewState>(value).unwrap(), fresh());
}

#[test]
fn a_photograph_stays_under_the_hand() {
    let photo = Size {
        width: 4_000,
        height: 3_000,
    };
    let mut view = PhotoView::default();
    let place = view.place(photo, SIZE);
    assert!((place.scale - 200.0 / 3_000.0).abs() < 1e-12);
    assert!((place.origin.x - (300.0 - 4_000.0 * place.scale) / 2.0).abs() < 1e-9);
    let hand = DVec2::new(180.0, 90.0);
    let under = |view: &PhotoView, hand: DVec2| {
        let place = view.place(photo, SIZE);
        (hand - place.origin) / place.scale
    };
    let before = under(&view, hand);
    view.enlarge(4.0, hand, photo, SIZE);
    assert!(under(&view, hand).distance(before) < 1e-6);
    view.pan(DVec2::new(12.0, -7.0), photo, SIZE);
    assert!(under(&view, hand + DVec2::new(12.0, -7.0)).distance(before) < 1e-6);
    view.pan(DVec2::splat(1e9), photo, SIZE);
    assert_eq!(view.middle, DVec2::ZERO);
}
