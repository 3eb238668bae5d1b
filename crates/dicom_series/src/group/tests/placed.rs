//! Where volumes lie: spacing, gaps, tilt, directions.

use expect_test::expect;
use geometry::{DMat3, DVec3};
use proptest::prelude::*;

use super::super::testing::{OBLIQUE, ct, frame, image, multi_frame, only_volume, slice, stack};
use super::super::{Plane, group};
use super::check;

/// The corners of the grid lie where the slices say, mm.
fn assert_places(instances: &[crate::Instance], plane_of_slice: &[f64]) {
    let groups = group(instances);
    let volume = only_volume(&groups);
    let patient_from_voxel = volume.grid.patient_from_voxel();
    for (at, &plane) in volume.slices.iter().zip(plane_of_slice) {
        let mut instance = instances[at.instance].clone();
        let said = &image(&mut instance).frames[at.frame as usize];
        let [rx, ry, rz, cx, cy, cz] = said.orientation.unwrap();
        let [between_rows, between_columns] = said.pixel_spacing_mm.unwrap();
        let expected = DVec3::from(said.position_mm.unwrap())
            + DVec3::new(rx, ry, rz) * between_columns * 6.0
            + DVec3::new(cx, cy, cz) * between_rows * 4.0;
        let got = patient_from_voxel.transform_point3(DVec3::new(6.0, 4.0, plane));
        assert!(
            got.distance(expected) < 1e-9,
            "slice {at:?}: {got} not {expected}"
        );
    }
}

#[test]
fn a_regular_stack_has_nothing_to_tell() {
    let slices = ct(&[30.0, 31.25, 32.5, 33.75]);
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 4 of 0.6 x 0.9 x 1.25 mm, 4 acquired
    "#]],
    );
    assert_places(&slices, &[0.0, 1.0, 2.0, 3.0]);
}

#[test]
fn positions_win_over_instance_numbers() {
    let mut slices = ct(&[30.0, 31.25, 32.5, 33.75, 35.0]);
    for (slice, number) in slices.iter_mut().zip([4, 2, 9, 1, 3]) {
        slice.instance_number = Some(number);
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 5 of 0.6 x 0.9 x 1.25 mm, 5 acquired
    "#]],
    );
    let groups = group(&slices);
    let order: Vec<usize> = only_volume(&groups)
        .slices
        .iter()
        .map(|slice| slice.instance)
        .collect();
    assert_eq!(order, [0, 1, 2, 3, 4]);
}

#[test]
fn two_slices_are_a_volume_and_one_is_not() {
    check(
        &ct(&[0.0, 7.5]),
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 2 of 0.6 x 0.9 x 7.5 mm, 2 acquired
    "#]],
    );
    check(
        &ct(&[0.0]),
        &expect![[r#"
        Head 1.0: 1 pictures 7 x 5, 1 placed
          Info single_slice: One slice only: there is no volume.
    "#]],
    );
}

#[test]
fn planes_run_along_row_cross_column_whatever_the_direction() {
    let normal = DVec3::new(0.48, -0.64, 0.6);
    for direction in [normal * 2.5, normal * -2.5] {
        let slices = stack(6, OBLIQUE, direction);
        assert!(
            only_volume(&group(&slices))
                .grid
                .patient_from_voxel()
                .matrix3
                .determinant()
                > 0.0
        );
        assert_places(&slices, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }
    check(
        &stack(6, OBLIQUE, normal * -2.5),
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 6 of 0.6 x 0.9 x 2.5 mm, 6 acquired
          Info oblique: The slices are oblique: 50.2 degrees off the nearest body axis, turned by 36.9 degrees in their plane.
    "#]],
    );
    let sagittal = stack(4, [0.0, 1.0, 0.0, 0.0, 0.0, -1.0], DVec3::new(1.5, 0.0, 0.0));
    check(
        &sagittal,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 4 of 0.6 x 0.9 x 1.5 mm, 4 acquired
    "#]],
    );
    assert_places(&sagittal, &[0.0, 1.0, 2.0, 3.0]);
}

#[test]
fn missing_slices_are_interpolated_in_place() {
    let slices = ct(&[30.0, 31.5, 33.0, 37.5, 39.0, 42.0, 43.5, 45.0, 46.5, 48.0]);
    let mut numbered = slices;
    for (slice, number) in numbered.iter_mut().zip([1, 2, 3, 6, 7, 9, 10, 11, 12, 13]) {
        slice.instance_number = Some(number);
    }
    check(
        &numbered,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 13 of 0.6 x 0.9 x 1.5 mm, 10 acquired
          Caution missing_slices: 3 slices missing between 3 and 6, between 7 and 9; distances across them are interpolated.
    "#]],
    );
    assert_places(&numbered, &[0.0, 1.0, 2.0, 5.0, 6.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let groups = group(&numbered);
    let volume = only_volume(&groups);
    assert_eq!(
        (volume.planes.len(), volume.slices.len(), volume.interpolated()),
        (13, 10, 3)
    );
    let between = Plane::Interpolated {
        below: 2,
        above: 3,
        weight: 2.0 / 3.0,
    };
    assert_eq!(volume.planes[4], between);
    assert_eq!(volume.planes[5], Plane::Slice(3));
}

#[test]
fn gaps_that_are_numbered_through_are_uneven_spacing() {
    check(
        &ct(&[0.0, 1.0, 2.0, 3.0, 5.0, 6.0, 9.0, 10.0]),
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 11 of 0.6 x 0.9 x 1 mm, 8 acquired
          Danger uneven_spacing: Slices lie 1.0 to 3.0 mm apart, mostly 1.0; 3 of 11 planes are interpolated.
    "#]],
    );
}

#[test]
fn uneven_slices_are_resampled_and_told() {
    let slices = ct(&[0.0, 1.0, 2.0, 3.25, 4.0, 5.0]);
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 6 of 0.6 x 0.9 x 1 mm, 6 acquired
          Danger uneven_spacing: Slices lie 0.75 to 1.2 mm apart, mostly 1.0; 1 of 6 planes are interpolated.
    "#]],
    );
}

#[test]
fn jitter_within_tolerance_is_regular() {
    check(
        &ct(&[0.004, 0.996, 2.003, 2.997, 4.0]),
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 5 of 0.6 x 0.9 x 0.999 mm, 5 acquired
    "#]],
    );
}

#[test]
fn a_very_wide_gap_divides() {
    check(
        &ct(&[0.0, 1.0, 2.0, 200.0, 201.0, 202.0, 203.0, 700.0]),
        &expect![[r#"
            Head 1.0 (1 of 2): volume 7 x 5 x 3 of 0.6 x 0.9 x 1 mm, 3 acquired
              Caution split_at_gap: 3 of 8 slices of the series are here; the others lie beyond a wide gap.
            Head 1.0 (2 of 2): volume 7 x 5 x 4 of 0.6 x 0.9 x 1 mm, 4 acquired
              Caution split_at_gap: 4 of 8 slices of the series are here; the others lie beyond a wide gap.
            Head 1.0, pictures: 1 pictures 7 x 5, 1 placed
              Caution split_at_gap: 1 of 8 slices of the series are here; the others lie beyond a wide gap.
              Info single_slice: One slice only: there is no volume.
        "#]],
    );
}

#[test]
fn a_tilted_gantry_is_sheared_exactly() {
    let orientation = [1.0, 0.0, 0.0, 0.0, 0.96, -0.28];
    let mut slices = stack(6, orientation, DVec3::new(0.0, 0.0, 2.5));
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 6 of 0.6 x 0.9 x 2.5 mm, 6 acquired
          Info gantry_tilt: The gantry was tilted by -16.3 degrees; the slices are kept where they lie.
    "#]],
    );
    assert_places(&slices, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    for slice in &mut slices {
        image(slice).gantry_tilt_degrees = Some(16.3);
    }
    let groups = group(&slices);
    let volume = only_volume(&groups);
    assert_eq!(
        volume.grid.patient_from_voxel().matrix3.z_axis,
        DVec3::new(0.0, 0.0, 2.5)
    );
    let values = volume.findings[0].values();
    assert_eq!(values[1], ("tag_degrees", 16.3));
    assert!(
        (values[0].1 - 0.28_f64.asin().to_degrees()).abs() < 1e-9,
        "{values:?}"
    );
}

#[test]
fn slices_beside_the_line_are_told() {
    let mut slices = ct(&[0.0, 1.0, 2.0, 3.0]);
    frame(&mut slices[2]).position_mm = Some([-8.0, -20.0, 2.0]);
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 4 of 0.6 x 0.9 x 1 mm, 4 acquired
          Danger shifted_slices: Slices are shifted sideways against each other by up to 2.0 mm; lengths across them are wrong.
    "#]],
    );
}

#[test]
fn thickness_is_compared_with_the_measured_gap() {
    let mut slices = ct(&[0.0, 3.0, 6.0]);
    for thickness in [3.0, 3.1, 5.0, 1.0, f64::NAN, 0.0] {
        for slice in &mut slices {
            frame(slice).slice_thickness_mm = Some(thickness);
        }
        let groups = group(&slices);
        let codes: Vec<_> = only_volume(&groups).findings.iter().map(|f| f.code()).collect();
        let differs = thickness == 5.0 || thickness == 1.0;
        assert_eq!(
            codes == ["slice_thickness_differs"],
            differs,
            "{thickness}: {codes:?}"
        );
    }
    for slice in &mut slices {
        frame(slice).slice_thickness_mm = Some(1.0);
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 3 of 0.6 x 0.9 x 3 mm, 3 acquired
          Caution slice_thickness_differs: Slices of 1.0 mm lie 3.0 mm apart; what is between them was not imaged.
    "#]],
    );
}

#[test]
fn frames_of_one_file_are_slices_too() {
    let slices = stack(4, OBLIQUE, DVec3::new(0.48, -0.64, 0.6) * -1.75);
    let whole = [multi_frame(slices)];
    check(
        &whole,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 4 of 0.6 x 0.9 x 1.75 mm, 4 acquired
          Info oblique: The slices are oblique: 50.2 degrees off the nearest body axis, turned by 36.9 degrees in their plane.
    "#]],
    );
    assert_places(&whole, &[0.0, 1.0, 2.0, 3.0]);
    let groups = group(&whole);
    let frames: Vec<u32> = only_volume(&groups)
        .slices
        .iter()
        .map(|slice| slice.frame)
        .collect();
    assert_eq!(frames, [3, 2, 1, 0]);
}

proptest! {
    /// Whatever subset of a regular, possibly sheared stack is there, each slice lies on its own plane.
    #[test]
    fn slices_lie_where_they_were_taken(
        planes in prop::collection::btree_set(0i64..40, 20..40),
        angles in prop::array::uniform3(-3.0..3.0),
        gap_mm in 0.05..9.0,
        shear_mm in -4.0..4.0,
        reverse in any::<bool>(),
    ) {
        let rotation = DMat3::from_rotation_x(angles[0]) * DMat3::from_rotation_y(angles[1]) * DMat3::from_rotation_z(angles[2]);
        let (row, column) = (rotation.x_axis, rotation.y_axis);
        let direction = if reverse { -1.0 } else { 1.0 };
        let step = (rotation.z_axis * gap_mm + column * shear_mm) * direction;
        let orientation = [row.x, row.y, row.z, column.x, column.y, column.z];
        let place = |plane: i64| DVec3::new(-80.0, 20.0, 1500.0) + step * plane as f64;
        let slices: Vec<_> = planes.iter().map(|&plane| slice(plane, place(plane), orientation)).collect();
        let groups = group(&slices);
        let volume = only_volume(&groups);
        prop_assert_eq!(volume.slices.len(), planes.len());
        let map = volume.grid.patient_from_voxel();
        for (number, plane) in volume.planes.iter().enumerate() {
            if let Plane::Slice(index) = plane {
                let mut instance = slices[volume.slices[*index].instance].clone();
                let said = DVec3::from(frame(&mut instance).position_mm.unwrap());
                let got = map.transform_point3(DVec3::Z * number as f64);
                prop_assert!(got.distance(said) < 1e-6, "{got} not {said}");
            }
        }
        let on_slices = volume.planes.len() - volume.interpolated();
        prop_assert_eq!(on_slices, planes.len());
        prop_assert!(map.matrix3.determinant() > 0.0);
    }
}

#[test]
fn poison_never_makes_a_volume() {
    let poison = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, f64::MAX];
    for value in poison {
        let mut slices = ct(&[0.0, 1.0, 2.0]);
        for slice in &mut slices {
            frame(slice).position_mm = Some([0.0, value, 0.0]);
        }
        assert_eq!(group(&slices).len(), 1);
        assert_eq!(
            group(&slices)[0].findings()[0].code(),
            "missing_position",
            "{value}"
        );

        let mut slices = ct(&[0.0, 1.0, 2.0]);
        for slice in &mut slices {
            frame(slice).orientation = Some([1.0, 0.0, value, 0.0, 1.0, 0.0]);
        }
        assert_eq!(
            group(&slices)[0].findings()[0].code(),
            "bad_orientation",
            "{value}"
        );
    }
    for value in [f64::NAN, f64::INFINITY, 0.0, -1.0, 1e9, 1e-300] {
        let mut slices = ct(&[0.0, 1.0, 2.0]);
        for slice in &mut slices {
            frame(slice).pixel_spacing_mm = Some([0.9, value]);
        }
        assert_eq!(
            group(&slices)[0].findings()[0].code(),
            "bad_pixel_spacing",
            "{value}"
        );
    }
}

#[test]
fn rounded_directions_are_made_perpendicular() {
    let slices = stack(
        3,
        [0.8, 0.6, 0.0, -0.3601, 0.4799, 0.8],
        DVec3::new(0.48, -0.64, 0.6),
    );
    let groups = group(&slices);
    let m = only_volume(&groups).grid.patient_from_voxel().matrix3;
    assert!(m.x_axis.dot(m.y_axis).abs() < 1e-12);
    assert!((m.x_axis.length() - 0.6).abs() < 1e-12 && (m.y_axis.length() - 0.9).abs() < 1e-12);
}

#[test]
fn slices_of_no_extent_along_the_normal_are_pictures() {
    let same = DVec3::new(1.0, 2.0, 3.0);
    let mut slices: Vec<_> = (1..4).map(|number| slice(number, same, OBLIQUE)).collect();
    for (number, slice) in slices.iter_mut().enumerate() {
        slice.sop_instance_uid = format!("1.9.{number}");
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0: 3 pictures 7 x 5, 3 placed
    "#]],
    );
}
