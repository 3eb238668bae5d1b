//! Positions that come more than once.

use expect_test::expect;

use super::super::testing::{ct, frame, image, multi_frame, report};
use super::super::{GroupKind, group};
use super::check;
use crate::Instance;

/// `phases` times the same `places` positions, volume by volume, numbered through.
fn repeated(places: u32, phases: u32) -> Vec<Instance> {
    let z: Vec<f64> = (0..places * phases)
        .map(|n| f64::from(n % places) * 2.5)
        .collect();
    ct(&z)
}

#[test]
fn copies_of_an_instance_are_left_out() {
    let mut slices = ct(&[0.0, 1.5, 3.0]);
    slices.push(slices[1].clone());
    slices.push(slices[1].clone());
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 3 of 0.6 x 0.9 x 1.5 mm, 3 acquired
          Info duplicate_instances: 2 copies of pictures already here were left out.
    "#]],
    );
}

#[test]
fn the_less_lossy_copy_stays() {
    let mut slices = ct(&[0.0, 1.5, 3.0]);
    slices.push(slices[1].clone());
    image(&mut slices[1]).lossy = true;
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 3 of 0.6 x 0.9 x 1.5 mm, 3 acquired
          Info duplicate_instances: 1 copy of a picture already here was left out.
    "#]],
    );
}

#[test]
fn an_identifier_used_twice_is_told() {
    let mut slices = ct(&[0.0, 1.5, 3.0]);
    slices[2].sop_instance_uid = slices[0].sop_instance_uid.clone();
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 3 of 0.6 x 0.9 x 1.5 mm, 3 acquired
          Caution reused_uid: 1 picture carries the identifier of another one; both are kept.
    "#]],
    );
}

#[test]
fn an_unexplained_duplicate_gives_way_to_the_lower_number() {
    let mut slices = ct(&[0.0, 1.5, 3.0, 4.5, 3.0]);
    slices[4].instance_number = Some(99);
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 4 of 0.6 x 0.9 x 1.5 mm, 4 acquired
          Caution duplicate_position: 2 different slices lie at the same place, slice 3; number 3 is shown, 99 is left out.
    "#]],
    );
    let groups = group(&slices);
    let GroupKind::Volume(volume) = &groups[0].kind else {
        panic!("{}", report(&groups))
    };
    assert_eq!(volume.slices[2].instance, 2);
}

#[test]
fn temporal_positions_are_volumes() {
    let mut slices = repeated(6, 2);
    for (n, slice) in slices.iter_mut().enumerate() {
        frame(slice).temporal_position = Some(1 + n as i64 / 6);
        image(slice).acquisition_number = Some(1 + n as i64 / 6);
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0, time point 1 of 2: volume 7 x 5 x 6 of 0.6 x 0.9 x 2.5 mm, 6 acquired
          Info phase: The same place was taken 2 times; this is time point 1 of 2.
        Head 1.0, time point 2 of 2: volume 7 x 5 x 6 of 0.6 x 0.9 x 2.5 mm, 6 acquired
          Info phase: The same place was taken 2 times; this is time point 2 of 2.
    "#]],
    );
}

#[test]
fn echoes_and_image_types_are_volumes_of_volumes() {
    let mut slices = repeated(3, 4);
    for (n, slice) in slices.iter_mut().enumerate() {
        frame(slice).echo_time_ms = Some([4.92, 7.38][n / 3 % 2]);
        image(slice).image_type.push(["M", "P"][n / 6].to_owned());
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0, image type 1 of 2, echo 1 of 2: volume 7 x 5 x 3 of 0.6 x 0.9 x 2.5 mm, 3 acquired
          Info phase: The same place was taken 2 times; this is image type 1 of 2.
          Info phase: The same place was taken 2 times; this is echo 1 of 2.
        Head 1.0, image type 1 of 2, echo 2 of 2: volume 7 x 5 x 3 of 0.6 x 0.9 x 2.5 mm, 3 acquired
          Info phase: The same place was taken 2 times; this is image type 1 of 2.
          Info phase: The same place was taken 2 times; this is echo 2 of 2.
        Head 1.0, image type 2 of 2, echo 1 of 2: volume 7 x 5 x 3 of 0.6 x 0.9 x 2.5 mm, 3 acquired
          Info phase: The same place was taken 2 times; this is image type 2 of 2.
          Info phase: The same place was taken 2 times; this is echo 1 of 2.
        Head 1.0, image type 2 of 2, echo 2 of 2: volume 7 x 5 x 3 of 0.6 x 0.9 x 2.5 mm, 3 acquired
          Info phase: The same place was taken 2 times; this is image type 2 of 2.
          Info phase: The same place was taken 2 times; this is echo 2 of 2.
    "#]],
    );
}

#[test]
fn diffusion_is_divided_by_weight_and_direction() {
    let mut slices = repeated(3, 4);
    let gradients = [
        None,
        Some([1.0, 0.0, 0.0]),
        Some([0.0, 1.0, 0.0]),
        Some([0.0, 0.6, 0.8]),
    ];
    for (n, slice) in slices.iter_mut().enumerate() {
        frame(slice).b_value = Some(if n < 3 { 0.0 } else { 1000.0 });
        frame(slice).gradient = gradients[n / 3];
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0, b-value 1 of 2: volume 7 x 5 x 3 of 0.6 x 0.9 x 2.5 mm, 3 acquired
          Info phase: The same place was taken 2 times; this is b-value 1 of 2.
        Head 1.0, b-value 2 of 2, gradient direction 1 of 3: volume 7 x 5 x 3 of 0.6 x 0.9 x 2.5 mm, 3 acquired
          Info phase: The same place was taken 2 times; this is b-value 2 of 2.
          Info phase: The same place was taken 3 times; this is gradient direction 1 of 3.
        Head 1.0, b-value 2 of 2, gradient direction 2 of 3: volume 7 x 5 x 3 of 0.6 x 0.9 x 2.5 mm, 3 acquired
          Info phase: The same place was taken 2 times; this is b-value 2 of 2.
          Info phase: The same place was taken 3 times; this is gradient direction 2 of 3.
        Head 1.0, b-value 2 of 2, gradient direction 3 of 3: volume 7 x 5 x 3 of 0.6 x 0.9 x 2.5 mm, 3 acquired
          Info phase: The same place was taken 2 times; this is b-value 2 of 2.
          Info phase: The same place was taken 3 times; this is gradient direction 3 of 3.
    "#]],
    );
}

#[test]
fn times_that_differ_from_slice_to_slice_count_by_rank() {
    let mut slices = repeated(4, 3);
    for (n, slice) in slices.iter_mut().enumerate() {
        slice.instance_number = None;
        frame(slice).trigger_time_ms = Some(100.0 * (n / 4) as f64 + 7.0 * (n % 4) as f64);
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0, cardiac phase 1 of 3: volume 7 x 5 x 4 of 0.6 x 0.9 x 2.5 mm, 4 acquired
          Info phase: The same place was taken 3 times; this is cardiac phase 1 of 3.
        Head 1.0, cardiac phase 2 of 3: volume 7 x 5 x 4 of 0.6 x 0.9 x 2.5 mm, 4 acquired
          Info phase: The same place was taken 3 times; this is cardiac phase 2 of 3.
        Head 1.0, cardiac phase 3 of 3: volume 7 x 5 x 4 of 0.6 x 0.9 x 2.5 mm, 4 acquired
          Info phase: The same place was taken 3 times; this is cardiac phase 3 of 3.
    "#]],
    );
}

#[test]
fn instance_numbers_tell_volumes_apart_when_nothing_else_does() {
    check(
        &repeated(5, 3),
        &expect![[r#"
        Head 1.0, time point 1 of 3: volume 7 x 5 x 5 of 0.6 x 0.9 x 2.5 mm, 5 acquired
          Info phase: The same place was taken 3 times; this is time point 1 of 3.
        Head 1.0, time point 2 of 3: volume 7 x 5 x 5 of 0.6 x 0.9 x 2.5 mm, 5 acquired
          Info phase: The same place was taken 3 times; this is time point 2 of 3.
        Head 1.0, time point 3 of 3: volume 7 x 5 x 5 of 0.6 x 0.9 x 2.5 mm, 5 acquired
          Info phase: The same place was taken 3 times; this is time point 3 of 3.
    "#]],
    );
    // One file is missing: the second volume has a gap, the others stay whole.
    let mut slices = repeated(5, 3);
    slices.remove(7);
    check(
        &slices,
        &expect![[r#"
        Head 1.0, time point 1 of 3: volume 7 x 5 x 5 of 0.6 x 0.9 x 2.5 mm, 5 acquired
          Info phase: The same place was taken 3 times; this is time point 1 of 3.
        Head 1.0, time point 2 of 3: volume 7 x 5 x 5 of 0.6 x 0.9 x 2.5 mm, 4 acquired
          Caution missing_slices: 1 slice missing between 2 and 4; distances across it are interpolated.
          Info phase: The same place was taken 3 times; this is time point 2 of 3.
        Head 1.0, time point 3 of 3: volume 7 x 5 x 5 of 0.6 x 0.9 x 2.5 mm, 5 acquired
          Info phase: The same place was taken 3 times; this is time point 3 of 3.
    "#]],
    );
}

#[test]
fn acquisitions_with_a_slice_in_common_stay_together() {
    let mut slices = ct(&[0.0, 2.0, 4.0, 6.0, 6.0, 8.0, 10.0, 12.0]);
    for (n, slice) in slices.iter_mut().enumerate() {
        image(slice).acquisition_number = Some(1 + n as i64 / 4);
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 7 of 0.6 x 0.9 x 2 mm, 7 acquired
          Caution duplicate_position: 2 different slices lie at the same place, slice 4; number 4 is shown, 5 is left out.
    "#]],
    );
}

#[test]
fn a_repeated_part_is_a_volume_of_its_own() {
    let mut slices = ct(&[0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 4.0, 6.0, 8.0]);
    for (n, slice) in slices.iter_mut().enumerate() {
        image(slice).acquisition_number = Some(1 + n as i64 / 6);
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0, acquisition 1 of 2: volume 7 x 5 x 6 of 0.6 x 0.9 x 2 mm, 6 acquired
          Info phase: The same place was taken 2 times; this is acquisition 1 of 2.
        Head 1.0, acquisition 2 of 2: volume 7 x 5 x 3 of 0.6 x 0.9 x 2 mm, 3 acquired
          Info phase: The same place was taken 2 times; this is acquisition 2 of 2.
    "#]],
    );
}

#[test]
fn multi_frame_files_at_one_place_are_time_points() {
    let slices = repeated(4, 2);
    let mut second = multi_frame(slices[4..].to_vec());
    second.instance_number = Some(2);
    check(
        &[multi_frame(slices[..4].to_vec()), second],
        &expect![[r#"
        Head 1.0, time point 1 of 2: volume 7 x 5 x 4 of 0.6 x 0.9 x 2.5 mm, 4 acquired
          Info phase: The same place was taken 2 times; this is time point 1 of 2.
        Head 1.0, time point 2 of 2: volume 7 x 5 x 4 of 0.6 x 0.9 x 2.5 mm, 4 acquired
          Info phase: The same place was taken 2 times; this is time point 2 of 2.
    "#]],
    );
}

#[test]
fn parts_of_a_concatenation_are_one() {
    let part = |slices: &[Instance], number: u32| {
        let mut part = multi_frame(slices.to_vec());
        part.instance_number = Some(i64::from(number));
        image(&mut part).concatenation = Some(crate::instance::Concatenation {
            uid: "1.5".to_owned(),
            number: Some(number),
            frame_offset: Some((number - 1) * 3),
        });
        part
    };
    let slices = ct(&[0.0, 1.5, 3.0, 4.5, 6.0]);
    check(
        &[part(&slices[..3], 1), part(&slices[3..], 2)],
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 5 of 0.6 x 0.9 x 1.5 mm, 5 acquired
    "#]],
    );
}

#[test]
fn fields_of_view_beside_each_other_are_apart() {
    let mut slices = repeated(4, 2);
    for slice in &mut slices[4..] {
        frame(slice).position_mm.as_mut().unwrap()[0] += 60.0;
    }
    check(
        &slices,
        &expect![[r#"
            Head 1.0, field of view 1 of 2: volume 7 x 5 x 4 of 0.6 x 0.9 x 2.5 mm, 4 acquired
              Info phase: 2 fields of view lie beside each other; this is 1 of 2.
            Head 1.0, field of view 2 of 2: volume 7 x 5 x 4 of 0.6 x 0.9 x 2.5 mm, 4 acquired
              Info phase: 2 fields of view lie beside each other; this is 2 of 2.
        "#]],
    );
}

#[test]
fn many_pictures_at_one_place_are_pictures() {
    let mut slices = ct(&[0.0; 5]);
    for (n, slice) in slices.iter_mut().enumerate() {
        slice.sop_instance_uid = format!("1.7.{n}");
        frame(slice).temporal_position = Some(n as i64);
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0: 5 pictures 7 x 5, 5 placed
    "#]],
    );
}
