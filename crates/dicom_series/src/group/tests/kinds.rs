//! What values mean, mosaics, pictures that are no slices, documents, names.

use expect_test::expect;
use geometry::DVec3;

use super::super::testing::{OBLIQUE, ct, frame, image, multi_frame, only_volume, slice};
use super::super::{GroupKind, Polarity, RescalePolicy, SampleLayout, Tile, group};
use super::check;
use crate::Instance;
use crate::instance::{Content, DocumentKind, Mosaic, Photometric, Rescale, SampleFormat, Sign, SuvScale};

#[test]
fn rescale_may_differ_from_slice_to_slice() {
    let mut slices = ct(&[0.0, 1.5, 3.0]);
    for (n, slice) in slices.iter_mut().enumerate() {
        frame(slice).rescale = Some(Rescale {
            slope: 1.0 + 0.5 * n as f64,
            intercept: -1000.0 - 10.0 * n as f64,
        });
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 3 of 0.6 x 0.9 x 1.5 mm, 3 acquired, rescale each
          Info rescale_varies: Each slice has its own scale of values; all are brought to the same unit.
    "#]],
    );
    let groups = group(&slices);
    let RescalePolicy::PerSlice(all) = &only_volume(&groups).rescale else {
        panic!("uniform")
    };
    assert_eq!((all[2].slope, all[2].intercept), (2.0, -1020.0));
}

#[test]
fn unusable_rescale_is_told_and_takes_the_unit_away() {
    for slope in [0.0, f64::NAN, f64::INFINITY] {
        let mut slices = ct(&[0.0, 1.5, 3.0]);
        frame(&mut slices[1]).rescale = Some(Rescale {
            slope,
            intercept: 5.0,
        });
        let groups = group(&slices);
        let volume = only_volume(&groups);
        assert_eq!(volume.findings[0].code(), "bad_rescale");
        assert_eq!(volume.unit, None);
    }
    let mut slices = ct(&[0.0, 1.5, 3.0]);
    for slice in &mut slices {
        frame(slice).rescale = None;
    }
    check(
        &slices,
        &expect![[r#"
            Head 1.0: volume 7 x 5 x 3 of 0.6 x 0.9 x 1.5 mm, 3 acquired
              Caution missing_rescale: 3 slices have no scale of values; stored values are shown.
        "#]],
    );
    assert_eq!(only_volume(&group(&slices)).unit, None);
    for slice in &mut slices {
        slice.modality = Some("MR".to_owned());
        image(slice).unit = None;
    }
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 3 of 0.6 x 0.9 x 1.5 mm, 3 acquired
    "#]],
    );
}

#[test]
fn padding_polarity_loss_and_windows_are_kept() {
    let mut slices = ct(&[0.0, 1.5, 3.0]);
    for slice in &mut slices {
        image(slice).pixels.padding = Some([-1900, -2000]);
        image(slice).pixels.photometric = Photometric::Monochrome1;
        image(slice).suv = Some(SuvScale {
            suv_bw_per_bqml: 0.25,
        });
    }
    image(&mut slices[0]).lossy = true;
    frame(&mut slices[1]).windows = vec![[f64::NAN, 1.0], [50.0, 350.0]];
    check(
        &slices,
        &expect![[r#"
        Head 1.0: volume 7 x 5 x 3 of 0.6 x 0.9 x 1.5 mm, 3 acquired
          Caution lossy: 1 of 3 pictures were compressed with loss; fine detail may be changed.
          Info pixel_padding: Stored values -2000 to -1900 mark what was not measured.
          Info monochrome1: High values are shown dark, as the file asks.
    "#]],
    );
    let groups = group(&slices);
    let volume = only_volume(&groups);
    assert_eq!(volume.padding, Some([-2000, -1900]));
    assert_eq!(volume.polarity, Polarity::HighIsDark);
    assert_eq!(volume.windows, [[50.0, 350.0]]);
    assert_eq!(
        volume.suv,
        Some(SuvScale {
            suv_bw_per_bqml: 0.25
        })
    );
    image(&mut slices[2]).pixels.padding = Some([0, 0]);
    assert_eq!(only_volume(&group(&slices)).padding, None);
}

#[test]
fn the_layout_holds_all_slices() {
    let mut slices = ct(&[0.0, 1.5, 3.0]);
    image(&mut slices[0]).pixels.bits_stored = 16;
    image(&mut slices[1]).pixels.sign = Sign::Signed;
    let expected = SampleLayout {
        bits: 17,
        sign: Sign::Signed,
        format: SampleFormat::Integer,
    };
    assert_eq!(only_volume(&group(&slices)).layout, expected);
    image(&mut slices[0]).pixels.bits_stored = 12;
    assert_eq!(only_volume(&group(&slices)).layout.bits, 13);
    image(&mut slices[0]).pixels.bits_stored = 0;
    assert_eq!(only_volume(&group(&slices)).layout.bits, 17);
}

/// A mosaic of 5 tiles, 3 a side, each 7 x 5, that belongs to tiles beginning at (1, 2, 3).
fn mosaic(number: i64, slice_normal: Option<[f64; 3]>) -> Instance {
    let [rx, ry, rz, cx, cy, cz] = OBLIQUE;
    let inset = DVec3::new(rx, ry, rz) * 0.6 * 7.0 + DVec3::new(cx, cy, cz) * 0.9 * 5.0;
    let mut instance = slice(number, DVec3::new(1.0, 2.0, 3.0) - inset, OBLIQUE);
    instance.modality = Some("MR".to_owned());
    let picture = image(&mut instance);
    (picture.pixels.columns, picture.pixels.rows) = (21, 15);
    picture.mosaic = Some(Mosaic {
        count: 5,
        tiles_per_side: 3,
        slice_normal,
    });
    picture.frames[0].spacing_between_slices_mm = Some(2.2);
    instance
}

#[test]
fn tiles_of_a_mosaic_are_slices() {
    let normal = DVec3::new(0.48, -0.64, 0.6);
    for (given, first) in [(normal, 0), (-normal, 4)] {
        let instances = [mosaic(1, Some(given.to_array()))];
        let groups = group(&instances);
        let volume = only_volume(&groups);
        assert_eq!(volume.grid.dims(), [7, 5, 5]);
        let place = |slice: f64| {
            volume
                .grid
                .patient_from_voxel()
                .transform_point3(DVec3::Z * slice)
        };
        let tile = volume.slices[first].tile.unwrap();
        assert_eq!((tile.index, tile.left, tile.top), (0, 0, 0));
        assert!(place(first as f64).distance(DVec3::new(1.0, 2.0, 3.0)) < 1e-9);
        assert!((place(1.0) - place(0.0)).distance(normal * 2.2) < 1e-9);
        let last = Tile {
            index: 4,
            left: 7,
            top: 5,
            columns: 7,
            rows: 5,
        };
        assert_eq!(volume.slices[4 - first].tile, Some(last));
    }
}

#[test]
fn mosaics_are_time_points_and_tell_what_they_assume() {
    let mut instances = [mosaic(1, None), mosaic(2, None)];
    frame(&mut instances[1]).position_mm.as_mut().unwrap()[2] += 0.3;
    for instance in &mut instances {
        frame(instance).spacing_between_slices_mm = None;
        frame(instance).slice_thickness_mm = Some(2.0);
    }
    check(
        &instances,
        &expect![[r#"
        Head 1.0, time point 1 of 2: volume 7 x 5 x 5 of 0.6 x 0.9 x 2 mm, 5 acquired
          Caution mosaic_normal_assumed: The file does not say which way its slices follow each other; the usual way is assumed.
          Caution mosaic_spacing_assumed: The distance between slices is taken from their thickness, 2.0 mm.
          Info phase: The same place was taken 2 times; this is time point 1 of 2.
          Info oblique: The slices are oblique: 50.2 degrees off the nearest body axis, turned by 36.9 degrees in their plane.
        Head 1.0, time point 2 of 2: volume 7 x 5 x 5 of 0.6 x 0.9 x 2 mm, 5 acquired
          Caution mosaic_normal_assumed: The file does not say which way its slices follow each other; the usual way is assumed.
          Caution mosaic_spacing_assumed: The distance between slices is taken from their thickness, 2.0 mm.
          Info phase: The same place was taken 2 times; this is time point 2 of 2.
          Info oblique: The slices are oblique: 50.2 degrees off the nearest body axis, turned by 36.9 degrees in their plane.
    "#]],
    );
}

#[test]
fn a_long_run_of_mosaics_is_all_volumes() {
    let instances: Vec<Instance> = (1..=700).map(|number| mosaic(number, None)).collect();
    let groups = group(&instances);
    assert_eq!(groups.len(), 700);
    assert_eq!(groups[699].name, "Head 1.0, time point 700 of 700");
}

#[test]
fn lying_mosaics_are_pictures() {
    for (count, tiles_per_side) in [(10, 3), (5, 4), (5, 0), (0, 3), (u32::MAX, 21)] {
        let mut instance = mosaic(1, None);
        image(&mut instance).mosaic = Some(Mosaic {
            count,
            tiles_per_side,
            slice_normal: None,
        });
        let groups = group(&[instance]);
        assert_eq!(
            groups[0].findings()[0].code(),
            "bad_mosaic",
            "{count} of {tiles_per_side}"
        );
    }
}

#[test]
fn moving_and_color_pictures_are_lists() {
    let mut cine = multi_frame(ct(&[0.0, 0.0, 0.0, 0.0]));
    cine.modality = Some("US".to_owned());
    image(&mut cine).cine = true;
    image(&mut cine).frame_time_ms = Some(40.0);
    for frame in &mut image(&mut cine).frames {
        *frame = crate::instance::FrameDescription::default();
    }
    let mut color = ct(&[0.0, 1.0]);
    for slice in &mut color {
        slice.modality = Some("US".to_owned());
        image(slice).pixels.samples_per_pixel = 3;
        image(slice).pixels.photometric = Photometric::Rgb;
    }
    color.push(cine);
    check(
        &color,
        &expect![[r#"
        Head 1.0 (1 of 2): 4 pictures 7 x 5, 0 placed
          Caution reused_uid: 1 picture carries the identifier of another one; both are kept.
        Head 1.0 (2 of 2): 2 pictures 7 x 5, 2 placed
          Caution reused_uid: 1 picture carries the identifier of another one; both are kept.
    "#]],
    );
}

#[test]
fn a_radiograph_lacks_nothing() {
    let mut one = slice(1, DVec3::ZERO, OBLIQUE);
    one.modality = Some("DX".to_owned());
    one.series_description = None;
    image(&mut one).unit = None;
    *frame(&mut one) = crate::instance::FrameDescription::default();
    image(&mut one).imager_spacing_mm = Some([0.2, 0.1]);
    check(
        std::slice::from_ref(&one),
        &expect![[r#"
        DX 3: 1 pictures 7 x 5, 0 placed
    "#]],
    );
    let groups = group(&[one]);
    let GroupKind::Frames(list) = &groups[0].kind else {
        panic!("no list")
    };
    assert_eq!(list.imager_spacing_mm, Some([0.1, 0.2]));
}

#[test]
fn documents_are_listed_by_kind() {
    let mut instances = ct(&[0.0, 1.0, 2.0]);
    for (instance, kind) in instances.iter_mut().zip([
        DocumentKind::StructuredReport,
        DocumentKind::Segmentation,
        DocumentKind::StructuredReport,
    ]) {
        instance.content = Content::Document(kind);
    }
    check(
        &instances,
        &expect![[r#"
        Head 1.0 (1 of 2): 1 documents Segmentation
        Head 1.0 (2 of 2): 2 documents StructuredReport
    "#]],
    );
}

#[test]
fn names_never_hold_the_patient() {
    for (description, expected) in [
        (Some("Head 1.0"), "Head 1.0"),
        (Some("  "), "CT 3"),
        (None, "CT 3"),
        (Some("MUSTER head"), "CT 3"),
        (Some("scan of Erika"), "CT 3"),
        (Some("Mustering"), "Mustering"),
        (Some("a\u{0}b"), "ab"),
    ] {
        let mut slices = ct(&[0.0, 1.0]);
        for slice in &mut slices {
            slice.series_description = description.map(str::to_owned);
        }
        assert_eq!(group(&slices)[0].name, expected);
    }
}

#[test]
fn missing_series_uid_and_oddities_are_told() {
    let mut slices = ct(&[0.0, 1.0]);
    for slice in &mut slices {
        slice.series_uid = None;
        slice.oddities = vec!["The group length is wrong.".to_owned()];
    }
    check(
        &slices,
        &expect![[r#"
            Head 1.0: volume 7 x 5 x 2 of 0.6 x 0.9 x 1 mm, 2 acquired
              Caution missing_series_uid: The files do not name their series; those of one study were taken together.
              Info file_oddity: Read over in 2 files: The group length is wrong.
        "#]],
    );
}
