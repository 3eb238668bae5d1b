//! Samples as they lie in files: planes, words, bits, palettes; and files that say wrong things of themselves.

use dicom_series::instance::{DocumentKind, FrameDescription, Photometric};
use dicom_series::pixels::{self, DataSet as Opened, PixelSamples};
use dicom_series::{Content, ReadError, read};
use testkit::dicom::{DataSet, File, Meta, Preamble, Tag, Value, Vr, syntax, tag};

use super::{MR, SECONDARY, bytes_of, f64s, image_of, picture};

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
