//! Functional groups, mosaics and private elements.

use dicom_series::Content;
use dicom_series::instance::Rescale;
use testkit::dicom::{DataSet, Tag, Value, Vr, tag};

use super::{ENHANCED_MR, MR, NM, f64s, image_of, instance_of, picture};

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
