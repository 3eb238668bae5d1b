//! What can't be one grid becomes several groups.

use expect_test::expect;
use geometry::DVec3;

use super::super::group;
use super::super::testing::{ct, frame, image, multi_frame, slice};
use super::check;
use crate::instance::Photometric;

#[test]
fn series_are_never_mixed() {
    let mut slices = ct(&[0.0, 1.0, 2.0, 0.0, 1.0, 2.0]);
    for slice in &mut slices[3..] {
        slice.series_uid = Some("1.1.9".to_owned());
        slice.series_description = None;
        slice.series_number = Some(7);
        slice.sop_instance_uid += ".9";
    }
    check(
        &slices[..],
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 3 of 0.6 x 0.9 x 1 mm, 3 acquired
        CT 7: volume 7 x 5 x 3 of 0.6 x 0.9 x 1 mm, 3 acquired
    "#]],
    );
}

#[test]
fn orientations_divide() {
    let mut slices = ct(&[0.0, 1.0, 2.0, 3.0, 4.0]);
    for number in 0..2 {
        let position = DVec3::new(f64::from(number), 0.0, 0.0);
        slices.push(slice(
            20 + i64::from(number),
            position,
            [0.0, 1.0, 0.0, 0.0, 0.0, -1.0],
        ));
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0 (1 of 2): volume 7 x 5 x 5 of 0.6 x 0.9 x 1 mm, 5 acquired
          Caution mixed_orientation: 5 of 7 slices of the series are here; the others point elsewhere.
        Head 1.0 (2 of 2): volume 7 x 5 x 2 of 0.6 x 0.9 x 1 mm, 2 acquired
          Caution mixed_orientation: 2 of 7 slices of the series are here; the others point elsewhere.
    "#]],
    );
}

#[test]
fn sizes_spacings_and_frames_of_reference_divide() {
    let mut slices = ct(&[0.0, 1.0, 2.0, 3.0, 4.0]);
    image(&mut slices[2]).pixels.rows = 3;
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 5 of 0.6 x 0.9 x 1 mm, 4 acquired
          Caution missing_slices: 1 slice missing between 2 and 4; distances across it are interpolated.
          Caution mixed_matrix_size: 4 of 5 slices of the series are here; the others have another number of rows or columns.
        Head 1.0, pictures: 1 pictures 7 x 3, 1 placed
          Caution mixed_matrix_size: 1 of 5 slices of the series are here; the others have another number of rows or columns.
          Info single_slice: One slice only: there is no volume.
    "#]],
    );

    let mut slices = ct(&[0.0, 1.0, 2.0, 3.0, 4.0]);
    for slice in &mut slices[3..] {
        frame(slice).pixel_spacing_mm = Some([0.9, 0.7]);
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0 (1 of 2): volume 7 x 5 x 3 of 0.6 x 0.9 x 1 mm, 3 acquired
          Caution mixed_pixel_spacing: 3 of 5 slices of the series are here; the others have another pixel spacing.
        Head 1.0 (2 of 2): volume 7 x 5 x 2 of 0.7 x 0.9 x 1 mm, 2 acquired
          Caution mixed_pixel_spacing: 2 of 5 slices of the series are here; the others have another pixel spacing.
    "#]],
    );

    let mut slices = ct(&[0.0, 1.0, 2.0, 3.0, 4.0]);
    for slice in &mut slices[3..] {
        slice.frame_of_reference_uid = Some("1.1.3".to_owned());
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0 (1 of 2): volume 7 x 5 x 3 of 0.6 x 0.9 x 1 mm, 3 acquired
          Caution mixed_frame_of_reference: 3 of 5 slices of the series are here; the others lie in another frame of reference.
        Head 1.0 (2 of 2): volume 7 x 5 x 2 of 0.6 x 0.9 x 1 mm, 2 acquired
          Caution mixed_frame_of_reference: 2 of 5 slices of the series are here; the others lie in another frame of reference.
    "#]],
    );
}

#[test]
fn localizers_and_derived_pictures_are_kept_apart() {
    let mut slices = ct(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    image(&mut slices[4]).image_type[2] = "LOCALIZER".to_owned();
    image(&mut slices[5]).image_type[0] = "DERIVED".to_owned();
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 4 of 0.6 x 0.9 x 1 mm, 4 acquired
          Info mixed_image_type: 4 of 6 slices of the series are here; the others are of another image type.
        Head 1.0, pictures: 1 pictures 7 x 5, 1 placed
          Info mixed_image_type: 1 of 6 slices of the series are here; the others are of another image type.
          Info single_slice: One slice only: there is no volume.
        Head 1.0, localizer: 1 pictures 7 x 5, 1 placed
    "#]],
    );
}

#[test]
fn localizers_of_mr_may_be_volumes() {
    let mut slices = ct(&[0.0, 10.0, 20.0]);
    for slice in &mut slices {
        slice.modality = Some("MR".to_owned());
        image(slice).image_type[2] = "LOCALIZER".to_owned();
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0, localizer: volume 7 x 5 x 3 of 0.6 x 0.9 x 10 mm, 3 acquired
    "#]],
    );
}

#[test]
fn stacks_of_one_file_divide() {
    let mut slices = ct(&[0.0, 1.0, 2.0, 100.0, 102.0]);
    for (number, slice) in slices.iter_mut().enumerate() {
        frame(slice).stack_id = Some(if number < 3 { "1" } else { "2" }.to_owned());
    }
    check(
        &[multi_frame(slices)],
        &expect![[r#"
        Head 1.0 (1 of 2): volume 7 x 5 x 3 of 0.6 x 0.9 x 1 mm, 3 acquired
          Info several_stacks: 3 of 5 slices of the series are here; the others belong to other stacks.
        Head 1.0 (2 of 2): volume 7 x 5 x 2 of 0.6 x 0.9 x 2 mm, 2 acquired
          Info several_stacks: 2 of 5 slices of the series are here; the others belong to other stacks.
    "#]],
    );
}

#[test]
fn kinds_of_samples_divide() {
    let mut slices = ct(&[0.0, 1.0, 2.0, 3.0]);
    image(&mut slices[2]).pixels.photometric = Photometric::Monochrome1;
    image(&mut slices[3]).pixels.photometric = Photometric::Monochrome1;
    check(
        &slices,
        &expect![[r#"
        Head 1.0 (1 of 2): volume 7 x 5 x 2 of 0.6 x 0.9 x 1 mm, 2 acquired
          Caution mixed_samples: 2 of 4 slices of the series are here; the others store values of another kind.
        Head 1.0 (2 of 2): volume 7 x 5 x 2 of 0.6 x 0.9 x 1 mm, 2 acquired
          Caution mixed_samples: 2 of 4 slices of the series are here; the others store values of another kind.
          Info monochrome1: High values are shown dark, as the file asks.
    "#]],
    );
}

#[test]
fn slices_without_position_are_set_apart() {
    let mut slices = ct(&[0.0, 1.0, 2.0, 3.0, 4.0]);
    frame(&mut slices[2]).position_mm = None;
    check(
        &slices,
        &expect![[r#"
            Head 1.0: volume 7 x 5 x 5 of 0.6 x 0.9 x 1 mm, 4 acquired
              Caution missing_slices: 1 slice missing between 2 and 4; distances across it are interpolated.
              Caution missing_position: 1 of 5 slices has no usable position; it is kept apart as a picture.
            Head 1.0, pictures: 1 pictures 7 x 5, 0 placed
              Caution missing_position: 1 of 5 slices has no usable position; it is kept apart as a picture.
        "#]],
    );
}

#[test]
fn a_series_that_is_mostly_defective_is_no_volume() {
    let mut slices = ct(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    for slice in slices.iter_mut().step_by(2) {
        frame(slice).pixel_spacing_mm = Some([0.0, 0.0]);
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0: 6 pictures 7 x 5, 3 placed
          Danger bad_pixel_spacing: 3 of 6 slices have an impossible pixel spacing; they are kept apart as pictures.
    "#]],
    );
    for slice in &mut slices {
        frame(slice).orientation = Some([1.0, 0.0, 0.0, 0.2, 1.0, 0.0]);
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0: 6 pictures 7 x 5, 0 placed
          Danger bad_orientation: 6 of 6 slices have directions that are not perpendicular unit vectors; they are kept apart as pictures.
    "#]],
    );
}

#[test]
fn screenshots_beside_a_volume_leave_it_alone() {
    let mut slices = ct(&[0.0, 1.0, 2.0, 7.0, 8.0, 9.0, 10.0]);
    for shot in &mut slices[3..] {
        frame(shot).position_mm = None;
        frame(shot).orientation = None;
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 3 of 0.6 x 0.9 x 1 mm, 3 acquired
          Caution missing_position: 4 of 7 slices have no usable position; they are kept apart as pictures.
        Head 1.0, pictures: 4 pictures 7 x 5, 0 placed
          Caution missing_position: 4 of 7 slices have no usable position; they are kept apart as pictures.
    "#]],
    );
}

#[test]
fn each_frame_is_in_one_group() {
    let mut slices = ct(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 500.0]);
    image(&mut slices[0]).pixels.rows = 3;
    frame(&mut slices[1]).position_mm = None;
    image(&mut slices[2]).pixels.samples_per_pixel = 3;
    let mut seen: Vec<usize> = group(&slices)
        .iter()
        .flat_map(|group| match &group.kind {
            super::super::GroupKind::Volume(stack) => stack.slices.clone(),
            super::super::GroupKind::Frames(list) => list.frames.iter().map(|frame| frame.at).collect(),
            super::super::GroupKind::Document(_) => Vec::new(),
        })
        .map(|at| at.instance)
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn thousands_of_directions_stay_cheap() {
    let slices: Vec<_> = (0..3000)
        .map(|number| {
            let (sine, cosine) = (f64::from(number) * 1e-3).sin_cos();
            let orientation = [cosine, sine, 0.0, 0.0, 0.0, -1.0];
            slice(
                i64::from(number),
                DVec3::new(0.0, 0.0, f64::from(number)),
                orientation,
            )
        })
        .collect();
    let groups = group(&slices);
    let frames: usize = groups
        .iter()
        .map(|group| match &group.kind {
            super::super::GroupKind::Frames(list) => list.frames.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(frames, 3000);
}
