//! What is read of pictures: functional groups, vendors' private elements, nuclear medicine, uptake, tables.

use dicom_series::instance::{
    Concatenation, DocumentKind, FrameDescription, Image, Instance, Photometric, Rescale, Sign,
};
use dicom_series::pixels::{self, DataSet as Opened, PixelSamples};
use dicom_series::{Content, ReadError, read};
use testkit::dicom::{DataSet, File, Meta, Preamble, Tag, Value, Vr, syntax, tag};

const MR: &str = "1.2.840.10008.5.1.4.1.1.4";
const ENHANCED_MR: &str = "1.2.840.10008.5.1.4.1.1.4.1";
const PET: &str = "1.2.840.10008.5.1.4.1.1.128";
const NM: &str = "1.2.840.10008.5.1.4.1.1.20";
const SECONDARY: &str = "1.2.840.10008.5.1.4.1.1.7";

/// A picture of 4 x 2 pixels of 16 bits, signed.
fn picture(class: &str, frames: usize) -> DataSet {
    let samples = (0..8 * frames).map(|i| (i * 257) as u16).collect();
    let set = DataSet::new()
        .text(tag::SOP_CLASS_UID, Vr::UI, class)
        .text(tag::SOP_INSTANCE_UID, Vr::UI, "1.2.3")
        .us(tag::SAMPLES_PER_PIXEL, 1)
        .text(tag::PHOTOMETRIC, Vr::CS, "MONOCHROME2")
        .us(tag::ROWS, 2)
        .us(tag::COLUMNS, 4)
        .us(tag::BITS_ALLOCATED, 16)
        .us(tag::BITS_STORED, 16)
        .us(tag::HIGH_BIT, 15)
        .us(tag::PIXEL_REPRESENTATION, 1)
        .with(tag::PIXEL_DATA, Vr::OW, Value::U16(samples));
    if frames == 1 {
        return set;
    }
    set.integer(tag::NUMBER_OF_FRAMES, frames as i64)
}

fn bytes_of(set: DataSet) -> Vec<u8> {
    File::new(set, syntax::EXPLICIT_LITTLE).to_bytes()
}

/// Reads a set in both forms of little-endian, which must say the same.
fn instance_of(set: DataSet) -> Instance {
    let explicit = read(&bytes_of(set.clone())).unwrap();
    let implicit = read(&File::new(set, syntax::IMPLICIT_LITTLE).to_bytes()).unwrap();
    let (Content::Image(a), Content::Image(b)) = (&explicit.content, &implicit.content) else {
        panic!("no images");
    };
    // Without value representations a private element is what its vendor's readers take it for.
    assert_eq!(a.frames, b.frames);
    assert_eq!((&a.suv, &a.mosaic, &a.unit), (&b.suv, &b.mosaic, &b.unit));
    assert_eq!(explicit.oddities, implicit.oddities);
    explicit
}

fn image_of(set: DataSet) -> Image {
    match instance_of(set).content {
        Content::Image(image) => *image,
        other => panic!("{other:?}"),
    }
}

fn f64s(values: &[f64]) -> Value {
    Value::F64(values.to_vec())
}

#[test]
fn per_frame_groups_override_shared_ones_and_those_the_top_level() {
    let spacing = |mm: f64| {
        DataSet::new()
            .decimals(tag::PIXEL_SPACING, &[mm, mm * 1.5])
            .decimals(tag::SLICE_THICKNESS, &[2.0 * mm])
    };
    let orientation = DataSet::new().decimals(tag::IMAGE_ORIENTATION, &[0.0, 1.0, 0.0, 0.0, 0.0, -1.0]);
    let transformation = DataSet::new()
        .decimals(tag::RESCALE_INTERCEPT, &[-7.5])
        .decimals(tag::RESCALE_SLOPE, &[0.25])
        .text(tag::RESCALE_TYPE, Vr::LO, "US");
    let shared = DataSet::new()
        .items(tag::PIXEL_MEASURES_SEQUENCE, vec![spacing(0.5)])
        .items(tag::PLANE_ORIENTATION_SEQUENCE, vec![orientation])
        .items(Tag(0x0028, 0x9145), vec![transformation])
        .items(
            Tag(0x0018, 0x9114),
            vec![DataSet::new().with(Tag(0x0018, 0x9082), Vr::FD, f64s(&[30.5]))],
        );
    let content = |stack: &str, position: u32, time: u32| {
        DataSet::new()
            .text(Tag(0x0020, 0x9056), Vr::SH, stack)
            .with(Tag(0x0020, 0x9057), Vr::UL, Value::U32(vec![position]))
            .with(Tag(0x0020, 0x9128), Vr::UL, Value::U32(vec![time]))
            .with(Tag(0x0020, 0x9157), Vr::UL, Value::U32(vec![1, position, time]))
            .text(Tag(0x0018, 0x9074), Vr::DT, "20240102030405.5")
    };
    let diffusion = DataSet::new()
        .with(Tag(0x0018, 0x9087), Vr::FD, f64s(&[1000.0]))
        .items(
            Tag(0x0018, 0x9076),
            vec![DataSet::new().with(Tag(0x0018, 0x9089), Vr::FD, f64s(&[0.0, 0.6, 0.8]))],
        );
    let first = DataSet::new()
        .items(
            tag::PLANE_POSITION_SEQUENCE,
            vec![DataSet::new().decimals(tag::IMAGE_POSITION, &[-1.0, 2.0, 3.5])],
        )
        .items(Tag(0x0020, 0x9111), vec![content("A", 1, 1)])
        .items(tag::PIXEL_MEASURES_SEQUENCE, vec![spacing(0.75)]);
    let second = DataSet::new()
        .items(
            tag::PLANE_POSITION_SEQUENCE,
            vec![DataSet::new().decimals(tag::IMAGE_POSITION, &[-1.0, 2.0, 9.5])],
        )
        .items(Tag(0x0020, 0x9111), vec![content("B", 2, 3)])
        .items(Tag(0x0018, 0x9117), vec![diffusion])
        .items(
            Tag(0x0018, 0x9118),
            vec![DataSet::new().with(Tag(0x0020, 0x9153), Vr::FD, f64s(&[250.0]))],
        )
        .items(
            Tag(0x0028, 0x9132),
            vec![
                DataSet::new()
                    .decimals(tag::WINDOW_CENTER, &[40.0, 300.0])
                    .decimals(tag::WINDOW_WIDTH, &[400.0, 1500.0]),
            ],
        );
    let image = image_of(
        picture(ENHANCED_MR, 2)
            .decimals(tag::IMAGE_POSITION, &[99.0, 99.0, 99.0])
            .items(tag::SHARED_FUNCTIONAL_GROUPS, vec![shared])
            .items(tag::PER_FRAME_FUNCTIONAL_GROUPS, vec![first, second]),
    );
    let [a, b] = image.frames.as_slice() else {
        panic!("two frames");
    };
    assert_eq!(a.position_mm, Some([-1.0, 2.0, 3.5]));
    assert_eq!(b.position_mm, Some([-1.0, 2.0, 9.5]));
    assert_eq!(a.pixel_spacing_mm, Some([0.75, 1.125]));
    assert_eq!(b.pixel_spacing_mm, Some([0.5, 0.75]));
    assert_eq!(
        (a.slice_thickness_mm, b.slice_thickness_mm),
        (Some(1.5), Some(1.0))
    );
    assert_eq!(b.orientation, Some([0.0, 1.0, 0.0, 0.0, 0.0, -1.0]));
    assert_eq!(
        (a.stack_id.as_deref(), b.stack_id.as_deref()),
        (Some("A"), Some("B"))
    );
    assert_eq!((a.in_stack_position, b.in_stack_position), (Some(1), Some(2)));
    assert_eq!((a.temporal_position, b.temporal_position), (Some(1), Some(3)));
    assert_eq!(b.dimension_indexes, [1, 2, 3]);
    assert_eq!(a.acquired.as_deref(), Some("20240102030405.5"));
    assert_eq!((a.b_value, b.b_value), (None, Some(1000.0)));
    assert_eq!(b.gradient, Some([0.0, 0.6, 0.8]));
    assert_eq!((a.trigger_time_ms, b.trigger_time_ms), (None, Some(250.0)));
    assert_eq!(b.windows, [[40.0, 400.0], [300.0, 1500.0]]);
    assert_eq!(a.echo_time_ms, Some(30.5));
    assert_eq!(
        a.rescale,
        Some(Rescale {
            slope: 0.25,
            intercept: -7.5
        })
    );
    // An unspecified unit is none.
    assert_eq!(image.unit, None);
    assert!(!image.cine);
}

#[test]
fn frames_without_groups_of_their_own_keep_the_shared_ones() {
    let position = |z: f64| {
        DataSet::new().items(
            tag::PLANE_POSITION_SEQUENCE,
            vec![DataSet::new().decimals(tag::IMAGE_POSITION, &[0.0, 0.0, z])],
        )
    };
    let set = picture(ENHANCED_MR, 3)
        .items(tag::SHARED_FUNCTIONAL_GROUPS, vec![position(5.0)])
        .items(tag::PER_FRAME_FUNCTIONAL_GROUPS, vec![position(7.0)]);
    let instance = instance_of(set);
    assert_eq!(instance.oddities, ["3 frames are declared, 1 are described"]);
    let Content::Image(image) = instance.content else {
        panic!()
    };
    let z: Vec<f64> = image
        .frames
        .iter()
        .map(|frame| frame.position_mm.unwrap()[2])
        .collect();
    assert_eq!(z, [7.0, 5.0, 5.0]);
}

#[test]
fn times_of_frames_become_indexes() {
    let at = |secs: f64| {
        DataSet::new().items(
            Tag(0x0020, 0x9310),
            vec![DataSet::new().with(Tag(0x0020, 0x930D), Vr::FD, f64s(&[secs]))],
        )
    };
    let set = picture(ENHANCED_MR, 4).items(
        tag::PER_FRAME_FUNCTIONAL_GROUPS,
        vec![at(2.5), at(0.0), at(2.5), at(1.25)],
    );
    let times: Vec<_> = image_of(set)
        .frames
        .iter()
        .map(|frame| frame.temporal_position)
        .collect();
    assert_eq!(times, [Some(3), Some(1), Some(3), Some(2)]);
}

/// A CSA header of version 2 with the two elements that are read.
fn csa_header(count: &str, normal: [&str; 3]) -> Vec<u8> {
    let mut bytes = b"SV10\x04\x03\x02\x01".to_vec();
    bytes.extend(2_u32.to_le_bytes());
    bytes.extend(77_u32.to_le_bytes());
    for (name, items) in [
        ("NumberOfImagesInMosaic", &[count][..]),
        ("SliceNormalVector", &normal[..]),
    ] {
        let mut padded = name.as_bytes().to_vec();
        padded.resize(64, 0);
        bytes.extend(padded);
        for number in [1, u32::from_le_bytes(*b"FD\0\0"), 4, items.len() as u32, 77] {
            bytes.extend(number.to_le_bytes());
        }
        for item in items {
            for number in [item.len() as u32; 4] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.extend(item.as_bytes());
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
    }
    bytes
}

#[test]
fn mosaics_are_found_wherever_their_private_block_lies() {
    let header = || Value::Bytes(csa_header("3", ["0.0", "0.0", "-2.0"]));
    for block in [0x10_u16, 0x51] {
        let set = picture(MR, 1)
            .text(tag::IMAGE_TYPE, Vr::CS, "ORIGINAL\\PRIMARY\\M\\ND\\MOSAIC")
            .text(Tag(0x0029, block), Vr::LO, "SIEMENS CSA HEADER")
            .with(Tag(0x0029, (block << 8) | 0x10), Vr::OB, header());
        let mosaic = image_of(set).mosaic.unwrap();
        assert_eq!((mosaic.count, mosaic.tiles_per_side), (3, 2));
        assert_eq!(mosaic.slice_normal, Some([0.0, 0.0, -1.0]));
    }
    let plain = picture(MR, 1)
        .text(tag::IMAGE_TYPE, Vr::CS, "ORIGINAL\\PRIMARY\\M\\MOSAIC")
        .text(Tag(0x0019, 0x10), Vr::LO, "SIEMENS MR HEADER")
        .us(Tag(0x0019, 0x100A), 4);
    let mosaic = image_of(plain).mosaic.unwrap();
    assert_eq!(
        (mosaic.count, mosaic.tiles_per_side, mosaic.slice_normal),
        (4, 2, None)
    );
    // The elements of another creator are none.
    let other = picture(MR, 1)
        .text(tag::IMAGE_TYPE, Vr::CS, "ORIGINAL\\PRIMARY\\M\\MOSAIC")
        .text(Tag(0x0019, 0x10), Vr::LO, "SOMEBODY ELSE")
        .us(Tag(0x0019, 0x100A), 4);
    let instance = instance_of(other);
    assert_eq!(
        instance.oddities,
        ["a mosaic does not say how many slices it holds"]
    );
    // Five tiles need three a side, which two rows do not have.
    let undivided = picture(MR, 1)
        .text(tag::IMAGE_TYPE, Vr::CS, "ORIGINAL\\PRIMARY\\M\\MOSAIC")
        .text(Tag(0x0019, 0x10), Vr::LO, "SIEMENS MR HEADER")
        .us(Tag(0x0019, 0x100A), 5);
    assert_eq!(image_of(undivided).mosaic, None);
}

#[test]
fn diffusion_of_classic_images_is_read_from_private_elements() {
    let siemens = picture(MR, 1)
        .text(Tag(0x0019, 0x11), Vr::LO, "SIEMENS MR HEADER")
        .text(Tag(0x0019, 0x110C), Vr::IS, "800")
        .with(Tag(0x0019, 0x110E), Vr::FD, f64s(&[0.0, 0.6, -0.8]));
    let frame = image_of(siemens).frames[0].clone();
    assert_eq!(
        (frame.b_value, frame.gradient),
        (Some(800.0), Some([0.0, 0.6, -0.8]))
    );
    let ge = picture(MR, 1)
        .text(Tag(0x0043, 0x10), Vr::LO, "GEMS_PARM_01")
        .text(Tag(0x0043, 0x1039), Vr::IS, "1000000700\\8\\0\\0");
    assert_eq!(image_of(ge).frames[0].b_value, Some(700.0));
    let philips = picture(MR, 1)
        .text(Tag(0x2001, 0x10), Vr::LO, "Philips Imaging DD 001")
        .with(Tag(0x2001, 0x1003), Vr::FL, Value::F32(vec![650.0]));
    assert_eq!(image_of(philips).frames[0].b_value, Some(650.0));
}

#[test]
fn reconstructed_nuclear_slices_are_placed_along_their_normal() {
    let detector = DataSet::new()
        .decimals(tag::IMAGE_POSITION, &[10.0, -20.0, 30.0])
        .decimals(tag::IMAGE_ORIENTATION, &[1.0, 0.0, 0.0, 0.0, 0.0, -1.0]);
    let vector = |values: [u16; 6]| Value::U16(values.to_vec());
    let set = picture(NM, 6)
        .text(tag::MODALITY, Vr::CS, "NM")
        .text(
            tag::IMAGE_TYPE,
            Vr::CS,
            "ORIGINAL\\PRIMARY\\RECON GATED TOMO\\EMISSION",
        )
        .decimals(tag::SPACING_BETWEEN_SLICES, &[4.5])
        .items(Tag(0x0054, 0x0022), vec![detector])
        .with(Tag(0x0054, 0x0070), Vr::US, vector([1, 1, 1, 2, 2, 2]))
        .with(Tag(0x0054, 0x0080), Vr::US, vector([1, 2, 3, 1, 2, 3]));
    let frames = image_of(set).frames;
    // Row along x, column down z: slices follow one another along y.
    let positions: Vec<_> = frames.iter().map(|frame| frame.position_mm.unwrap()).collect();
    assert_eq!(positions[0], [10.0, -20.0, 30.0]);
    assert_eq!(positions[2], [10.0, -11.0, 30.0]);
    assert_eq!(positions[3], positions[0]);
    let times: Vec<_> = frames.iter().map(|frame| frame.temporal_position).collect();
    assert_eq!(times, [1, 1, 1, 2, 2, 2].map(Some));
    assert!(frames.iter().all(|frame| frame.stack_id.is_none()));
}

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

/// A color picture of 3 x 1 pixels in two frames.
fn color(photometric: &str, planar: u16, samples: &[u8]) -> DataSet {
    picture(SECONDARY, 2)
        .us(tag::SAMPLES_PER_PIXEL, 3)
        .text(tag::PHOTOMETRIC, Vr::CS, photometric)
        .us(tag::PLANAR_CONFIGURATION, planar)
        .us(tag::ROWS, 1)
        .us(tag::COLUMNS, 3)
        .us(tag::BITS_ALLOCATED, 8)
        .us(tag::BITS_STORED, 8)
        .us(tag::HIGH_BIT, 7)
        .us(tag::PIXEL_REPRESENTATION, 0)
        .with(tag::PIXEL_DATA, Vr::OW, Value::Bytes(samples.to_vec()))
}

#[test]
fn planes_become_pixels() {
    let samples: Vec<u8> = (0..18).collect();
    let bytes = bytes_of(color("RGB", 1, &samples));
    let instance = read(&bytes).unwrap();
    let frame = pixels::decode_frame(&bytes, &instance, 1).unwrap();
    assert_eq!(frame.photometric, Photometric::Rgb);
    assert_eq!(
        frame.samples,
        PixelSamples::U8(vec![9, 12, 15, 10, 13, 16, 11, 14, 17])
    );
    let mut out = [0; 9];
    pixels::decode_frame_into(&bytes, &instance, 1, &mut out).unwrap();
    assert_eq!(out, [9, 12, 15, 10, 13, 16, 11, 14, 17]);
}

#[test]
fn bytes_of_big_endian_words_are_swapped_even_across_frames() {
    // Nine bytes a frame: the second frame begins in the middle of a word.
    let words: Vec<u16> = (0..9_u16).map(|i| (2 * i) | ((2 * i + 1) << 8)).collect();
    let set = color("RGB", 0, &[]).with(tag::PIXEL_DATA, Vr::OW, Value::U16(words));
    let bytes = File::new(set, syntax::EXPLICIT_BIG).to_bytes();
    let instance = read(&bytes).unwrap();
    for (index, first) in [(0, 0), (1, 9)] {
        let frame = pixels::decode_frame(&bytes, &instance, index).unwrap();
        assert_eq!(frame.samples, PixelSamples::U8((first..first + 9).collect()));
    }
}

#[test]
fn single_bits_run_on_from_frame_to_frame() {
    let set = |value: Value| {
        picture(SECONDARY, 2)
            .us(tag::COLUMNS, 5)
            .us(tag::BITS_ALLOCATED, 1)
            .us(tag::BITS_STORED, 1)
            .us(tag::HIGH_BIT, 0)
            .us(tag::PIXEL_REPRESENTATION, 0)
            .with(tag::PIXEL_DATA, Vr::OB, value)
    };
    // Ten bits a frame, the lowest of each byte first.
    let bytes = bytes_of(set(Value::Bytes(vec![0b1010_0110, 0b1111_0001, 0b0000_1010, 0])));
    let instance = read(&bytes).unwrap();
    let frame = |index| pixels::decode_frame(&bytes, &instance, index).unwrap().samples;
    assert_eq!(frame(0), PixelSamples::U8(vec![0, 1, 1, 0, 0, 1, 0, 1, 1, 0]));
    assert_eq!(frame(1), PixelSamples::U8(vec![0, 0, 1, 1, 1, 1, 0, 1, 0, 1]));
}

#[test]
fn palettes_give_colors() {
    let table = |values: [u16; 3]| Value::U16(values.to_vec());
    let descriptor = || Value::U16(vec![3, 2, 16]);
    let set = picture(SECONDARY, 1)
        .text(tag::PHOTOMETRIC, Vr::CS, "PALETTE COLOR")
        .us(tag::PIXEL_REPRESENTATION, 0)
        .with(Tag(0x0028, 0x1101), Vr::US, descriptor())
        .with(Tag(0x0028, 0x1102), Vr::US, descriptor())
        .with(Tag(0x0028, 0x1103), Vr::US, descriptor())
        .with(Tag(0x0028, 0x1201), Vr::OW, table([0x1000, 0x2000, 0x30FF]))
        .with(Tag(0x0028, 0x1202), Vr::OW, table([0x4000, 0x5000, 0x6000]))
        // Blue from 0x7000 in segments: one discrete, two linear.
        .with(
            Tag(0x0028, 0x1223),
            Vr::OW,
            Value::U16(vec![0, 1, 0x7000, 1, 2, 0x7200]),
        )
        .with(
            tag::PIXEL_DATA,
            Vr::OW,
            Value::U16(vec![0, 2, 3, 4, 5, 65535, 2, 3]),
        );
    let bytes = bytes_of(set);
    let instance = read(&bytes).unwrap();
    assert_eq!(instance.oddities, [""; 0]);
    let opened = Opened::open(&bytes, &instance).unwrap();
    let frame = opened.decode_frame(&instance, 0).unwrap();
    let (a, b, c) = ([0x10, 0x40, 0x70], [0x20, 0x50, 0x71], [0x30, 0x60, 0x72]);
    assert_eq!(
        pixels::to_display_rgb(&frame, &opened, &instance).unwrap(),
        [a, a, b, c, c, c, a, b].concat()
    );
}

#[test]
fn floating_point_pixels_are_read() {
    for (pixel_tag, vr, value, samples) in [
        (
            Tag(0x7FE0, 0x0008),
            Vr::OF,
            Value::F32(vec![0.5, -1.5, f32::INFINITY, 0.0, 1.0, 2.0, 3.0, 4.0]),
            PixelSamples::F32(vec![0.5, -1.5, f32::INFINITY, 0.0, 1.0, 2.0, 3.0, 4.0]),
        ),
        (
            Tag(0x7FE0, 0x0009),
            Vr::OD,
            f64s(&[0.5, -1.5, 1e300, 0.0, 1.0, 2.0, 3.0, 4.0]),
            PixelSamples::F64(vec![0.5, -1.5, 1e300, 0.0, 1.0, 2.0, 3.0, 4.0]),
        ),
    ] {
        for transfer_syntax in [syntax::EXPLICIT_LITTLE, syntax::EXPLICIT_BIG] {
            let set = picture(SECONDARY, 1)
                .without(tag::PIXEL_DATA)
                .without(tag::BITS_STORED)
                .with(pixel_tag, vr, value.clone());
            let bytes = File::new(set, transfer_syntax).to_bytes();
            let instance = read(&bytes).unwrap();
            let frame = pixels::decode_frame(&bytes, &instance, 0).unwrap();
            assert_eq!(frame.samples, samples);
            assert!(pixels::decode_frame_into(&bytes, &instance, 0, &mut [0; 8]).is_err());
        }
    }
}

#[test]
fn files_without_outside_are_read_by_their_bytes() {
    for (transfer_syntax, preamble, meta) in [
        (syntax::EXPLICIT_LITTLE, Preamble::Absent, Meta::Written),
        (syntax::EXPLICIT_LITTLE, Preamble::Absent, Meta::Absent),
        (syntax::IMPLICIT_LITTLE, Preamble::Absent, Meta::Absent),
        (syntax::EXPLICIT_BIG, Preamble::Absent, Meta::Absent),
        (syntax::EXPLICIT_BIG, Preamble::Written, Meta::Absent),
        (syntax::IMPLICIT_LITTLE, Preamble::Written, Meta::Absent),
    ] {
        let mut file = File::new(picture(MR, 1), transfer_syntax);
        (file.preamble, file.meta) = (preamble, meta);
        let bytes = file.to_bytes();
        let instance = read(&bytes).unwrap();
        assert_eq!(instance.transfer_syntax_uid, transfer_syntax);
        assert!(!instance.oddities.is_empty());
        let frame = pixels::decode_frame(&bytes, &instance, 0).unwrap();
        assert_eq!(
            frame.samples,
            PixelSamples::I16((0..8).map(|i| i * 257).collect())
        );
    }
}

#[test]
fn a_wrong_transfer_syntax_gives_way_to_the_bytes() {
    let declared = |name: &str, written: &str| {
        let mut file = File::new(picture(MR, 1), name);
        file.encoding = File::new(DataSet::new(), written).encoding;
        file.to_bytes()
    };
    for (name, written) in [
        (syntax::EXPLICIT_LITTLE, syntax::IMPLICIT_LITTLE),
        (syntax::IMPLICIT_LITTLE, syntax::EXPLICIT_LITTLE),
        (syntax::EXPLICIT_LITTLE, syntax::EXPLICIT_BIG),
        (syntax::EXPLICIT_BIG, syntax::EXPLICIT_LITTLE),
        (syntax::IMPLICIT_LITTLE, syntax::EXPLICIT_BIG),
    ] {
        let bytes = declared(name, written);
        let instance = read(&bytes).unwrap();
        assert_eq!(instance.transfer_syntax_uid, written, "declared {name}");
        assert_eq!(instance.oddities.len(), 1);
        let frame = pixels::decode_frame(&bytes, &instance, 0).unwrap();
        assert_eq!(
            frame.samples,
            PixelSamples::I16((0..8).map(|i| i * 257).collect())
        );
    }
}

#[test]
fn garbage_behind_the_pixels_is_passed_over() {
    let whole = bytes_of(picture(MR, 1));
    for tail in [
        &[0; 300][..],
        &[0xFF; 77],
        b"some text that was appended",
        &[0x08, 0, 0x60, 0, b'C'],
    ] {
        let bytes = [&whole[..], tail].concat();
        let instance = read(&bytes).unwrap();
        assert_eq!(instance.oddities.len(), 1, "{:?}", instance.oddities);
        assert_eq!(instance.content, read(&whole).unwrap().content);
    }
    // An element that repeats one from before the pixels does not replace it.
    let again = [&whole[..], &[0x28, 0, 0x10, 0, b'U', b'S', 2, 0, 9, 0]].concat();
    assert_eq!(read(&again).unwrap().content, read(&whole).unwrap().content);
}

#[test]
fn documents_and_broken_pictures_are_told_apart() {
    let of = |set: DataSet| read(&bytes_of(set));
    let report = DataSet::new().text(tag::SOP_CLASS_UID, Vr::UI, "1.2.840.10008.5.1.4.1.1.88.11");
    assert_eq!(
        of(report).unwrap().content,
        Content::Document(DocumentKind::StructuredReport)
    );
    let private = DataSet::new().text(tag::SOP_CLASS_UID, Vr::UI, "1.3.6.1.4.1.99");
    assert_eq!(
        of(private).unwrap().content,
        Content::Document(DocumentKind::Other)
    );
    let blind = picture(MR, 1).without(tag::PIXEL_DATA);
    let error = of(blind).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Pixel Data (7FE0,0010) is missing, which an instance of 1.2.840.10008.5.1.4.1.1.4 needs"
    );
    let error = of(picture(MR, 1).without(tag::ROWS)).unwrap_err();
    assert!(matches!(error, ReadError::Missing { name: "Rows", .. }));
    let short = picture(MR, 1).us(tag::ROWS, 3);
    assert!(matches!(
        of(short),
        Err(ReadError::PixelDataShort {
            actual: 16,
            needed: 24,
            ..
        })
    ));
    let segmentation = picture("1.2.840.10008.5.1.4.1.1.66.4", 1);
    assert_eq!(
        of(segmentation.clone()).unwrap().content,
        Content::Document(DocumentKind::Segmentation)
    );
    let seen = read::read_picture(&bytes_of(segmentation)).unwrap();
    assert!(matches!(seen.content, Content::Image(_)));
    for bytes in [
        &b""[..],
        b"DICM",
        &[0; 4096],
        b"\x89PNG\r\n\x1a\n and so on",
        &[0xFF; 600],
    ] {
        assert!(
            matches!(read(bytes), Err(ReadError::NotDicom { .. })),
            "{bytes:?}"
        );
    }
}

#[test]
fn a_frame_description_has_nothing_that_the_file_does_not_say() {
    let image = image_of(picture(MR, 1));
    assert_eq!(image.frames, [FrameDescription::default()]);
    assert_eq!((image.unit, image.suv, image.mosaic), (None, None, None));
}
