//! What stored values mean: uptake, decimals, calibration, tables, measured values.

use dicom_series::instance::{Concatenation, Sign};
use dicom_series::pixels::{self, DataSet as Opened};
use dicom_series::{Content, read};
use testkit::dicom::{DataSet, File, Tag, Value, Vr, syntax, tag};

use super::{ENHANCED_MR, MR, PET, SECONDARY, bytes_of, f64s, image_of, instance_of, picture};

/// A PET image whose dose was given an hour before the series, with a half-life of half an hour.
fn pet(correction: &str) -> DataSet {
    let drug = DataSet::new()
        .text(Tag(0x0018, 0x1072), Vr::TM, "233000")
        .decimals(Tag(0x0018, 0x1074), &[4.0e8])
        .decimals(Tag(0x0018, 0x1075), &[1800.0]);
    picture(PET, 1)
        .text(tag::MODALITY, Vr::CS, "PT")
        .text(Tag(0x0008, 0x0021), Vr::DA, "20240301")
        .text(Tag(0x0008, 0x0031), Vr::TM, "003000.00")
        .decimals(Tag(0x0010, 0x1030), &[80.0])
        .text(Tag(0x0028, 0x0051), Vr::CS, "NORM\\DTIM\\ATTN\\SCAT\\DECY")
        .decimals(tag::RESCALE_SLOPE, &[2.0])
        .items(Tag(0x0054, 0x0016), vec![drug])
        .text(Tag(0x0054, 0x1001), Vr::CS, "BQML")
        .text(Tag(0x0054, 0x1102), Vr::CS, correction)
}

#[test]
fn uptake_is_relative_to_the_dose_that_is_left() {
    let factor = |set: DataSet| image_of(set).suv.map(|suv| suv.suv_bw_per_bqml);
    let near = |found: Option<f64>, expected: f64| {
        let found = found.unwrap();
        assert!(
            (found / expected - 1.0).abs() < 1e-9,
            "{found}, expected {expected}"
        );
    };
    // An hour across midnight: a quarter of the dose is left.
    near(factor(pet("START")), 80_000.0 / 1.0e8);
    near(factor(pet("ADMIN")), 80_000.0 / 4.0e8);
    assert_eq!(factor(pet("NONE")), None);
    assert_eq!(factor(pet("START").without(Tag(0x0010, 0x1030))), None);
    assert_eq!(
        factor(pet("START").text(Tag(0x0028, 0x0051), Vr::CS, "DECY")),
        None
    );
    near(factor(pet("START").text(Tag(0x0054, 0x1001), Vr::CS, "GML")), 1.0);
    let philips = pet("START")
        .text(Tag(0x0054, 0x1001), Vr::CS, "CNTS")
        .text(Tag(0x7053, 0x10), Vr::LO, "Philips PET Private Group")
        .text(Tag(0x7053, 0x1000), Vr::DS, "0.000551");
    near(factor(philips.clone()), 0.000551);
    let concentration =
        philips
            .text(Tag(0x7053, 0x1000), Vr::DS, "0")
            .text(Tag(0x7053, 0x1009), Vr::DS, "3.5");
    near(factor(concentration), 3.5 * 80_000.0 / 1.0e8);
    assert_eq!(image_of(pet("START")).unit.as_deref(), Some("BQML"));
}

#[test]
fn decimals_that_are_none_are_told() {
    let set = |text: &str| picture(MR, 1).text(tag::SLICE_THICKNESS, Vr::DS, text);
    for (text, thickness, oddities) in [
        ("2.50", Some(2.5), 0),
        (" 2.5e0\0", Some(2.5), 0),
        ("2,5", Some(2.5), 1),
        ("2.5d0", Some(2.5), 1),
        ("thick", None, 1),
        ("NaN", None, 1),
        ("1e400", None, 1),
        ("", None, 0),
    ] {
        let instance = instance_of(set(text));
        let Content::Image(image) = &instance.content else {
            panic!()
        };
        assert_eq!(image.frames[0].slice_thickness_mm, thickness, "{text}");
        assert_eq!(
            instance.oddities.len(),
            oddities,
            "{text}: {:?}",
            instance.oddities
        );
    }
    let short = picture(MR, 1).decimals(tag::IMAGE_POSITION, &[1.0, 2.0]);
    let instance = instance_of(short);
    assert_eq!(
        instance.oddities,
        ["element (0020,0032): 2 numbers where 3 are expected"]
    );
}

#[test]
fn cine_and_calibration_are_those_of_the_picture() {
    let region = DataSet::new()
        .us(Tag(0x0018, 0x6024), 3)
        .us(Tag(0x0018, 0x6026), 3)
        .with(Tag(0x0018, 0x602C), Vr::FD, f64s(&[0.025]))
        .with(Tag(0x0018, 0x602E), Vr::FD, f64s(&[-0.05]));
    let image = image_of(
        picture("1.2.840.10008.5.1.4.1.1.3.1", 3)
            .text(tag::MODALITY, Vr::CS, "US")
            .text(Tag(0x0018, 0x1065), Vr::DS, "0\\40\\60")
            .items(Tag(0x0018, 0x6011), vec![region]),
    );
    assert!(image.cine);
    assert_eq!(image.frame_time_ms, Some(50.0));
    assert_eq!(image.imager_spacing_mm, Some([0.5, 0.25]));
    assert_eq!(image.frames[0].pixel_spacing_mm, None);
    let still = image_of(picture("1.2.840.10008.5.1.4.1.1.6.1", 1));
    assert!(!still.cine);
    let rate = image_of(picture(SECONDARY, 2).integer(Tag(0x0018, 0x0040), 25));
    assert_eq!((rate.cine, rate.frame_time_ms), (true, Some(40.0)));
    let part = image_of(
        picture(ENHANCED_MR, 2)
            .text(Tag(0x0020, 0x9161), Vr::UI, "1.2.9")
            .us(Tag(0x0020, 0x9162), 2)
            .with(Tag(0x0020, 0x9228), Vr::UL, Value::U32(vec![40])),
    );
    assert_eq!(
        part.concatenation,
        Some(Concatenation {
            uid: "1.2.9".to_owned(),
            number: Some(2),
            frame_offset: Some(40)
        })
    );
}

#[test]
fn modality_tables_stand_in_place_of_the_rescale() {
    let item = DataSet::new()
        .with(Tag(0x0028, 0x3002), Vr::SS, Value::U16(vec![3, 0xFFFF, 16]))
        .text(Tag(0x0028, 0x3004), Vr::LO, "OD")
        .with(Tag(0x0028, 0x3006), Vr::OW, Value::U16(vec![500, 600, 7000]));
    let samples = [-9_i16, -1, 0, 1, 2, 0, -1, i16::MAX].map(i16::cast_unsigned);
    let set = picture(SECONDARY, 1).items(Tag(0x0028, 0x3000), vec![item]).with(
        tag::PIXEL_DATA,
        Vr::OW,
        Value::U16(samples.to_vec()),
    );
    for transfer_syntax in [
        syntax::EXPLICIT_LITTLE,
        syntax::EXPLICIT_BIG,
        syntax::DEFLATED_LITTLE,
    ] {
        let bytes = File::new(set.clone(), transfer_syntax).to_bytes();
        let instance = read(&bytes).unwrap();
        let Content::Image(image) = &instance.content else {
            panic!()
        };
        assert!(image.frames[0].modality_lut);
        assert_eq!(image.unit.as_deref(), Some("OD"));
        let opened = Opened::open(&bytes, &instance).unwrap();
        let frame = opened.decode_frame(&instance, 0).unwrap();
        let expected = [500.0, 500.0, 600.0, 7000.0, 7000.0, 600.0, 500.0, 7000.0];
        assert_eq!(
            pixels::modality_values(&frame, &opened, &instance, 0).unwrap(),
            expected,
            "{transfer_syntax}"
        );
        let mut out = [0; 8];
        assert_eq!(
            opened.decode_frame_into(&instance, 0, &mut out),
            Ok(Sign::Unsigned)
        );
        assert_eq!(out.map(f32::from), expected);
    }
}

#[test]
fn measured_values_are_rescaled() {
    let bytes = bytes_of(
        picture(MR, 1)
            .decimals(tag::RESCALE_SLOPE, &[0.5])
            .decimals(tag::RESCALE_INTERCEPT, &[-3.0])
            .with(
                tag::PIXEL_DATA,
                Vr::OW,
                Value::U16(
                    [0_i16, -2, 4, 100, i16::MIN, i16::MAX, 1, 7]
                        .map(i16::cast_unsigned)
                        .to_vec(),
                ),
            ),
    );
    let instance = read(&bytes).unwrap();
    let opened = Opened::open(&bytes, &instance).unwrap();
    let frame = opened.decode_frame(&instance, 0).unwrap();
    assert_eq!(
        pixels::modality_values(&frame, &opened, &instance, 0).unwrap(),
        [-3.0, -4.0, -1.0, 47.0, -16387.0, 16380.5, -2.5, 0.5]
    );
    assert!(pixels::to_display_rgb(&frame, &opened, &instance).is_err());
}
