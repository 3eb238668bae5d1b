//! Properties of reading and decoding on random files: nothing panics, and what was written comes back.

use dicom_series::pixels::{self, DataSet as Opened, PixelSamples};
use dicom_series::{Content, read};
use proptest::prelude::*;
use testkit::dicom::{DataSet, Encoding, File, Lengths, OffsetTable, Order, Value, Vr, VrMode, syntax, tag};

/// A small picture with a sequence, text in several character sets, and functional groups.
fn picture(transfer_syntax: &str) -> File {
    let position = |z: f64| DataSet::new().decimals(tag::IMAGE_POSITION, &[1.5, -2.5, z]);
    let groups = |z: f64| DataSet::new().items(tag::PLANE_POSITION_SEQUENCE, vec![position(z)]);
    let set = DataSet::new()
        .text(
            tag::SPECIFIC_CHARACTER_SET,
            Vr::CS,
            "ISO 2022 IR 100\\ISO 2022 IR 87",
        )
        .text(tag::SOP_CLASS_UID, Vr::UI, "1.2.840.10008.5.1.4.1.1.4.1")
        .text(tag::SOP_INSTANCE_UID, Vr::UI, "1.2.3")
        .with(
            tag::PATIENT_NAME,
            Vr::PN,
            Value::Bytes(b"J\xe9r\xf4me^\x1b$B;3\x1b(B".to_vec()),
        )
        .us(tag::SAMPLES_PER_PIXEL, 1)
        .text(tag::PHOTOMETRIC, Vr::CS, "MONOCHROME2")
        .integer(tag::NUMBER_OF_FRAMES, 2)
        .us(tag::ROWS, 2)
        .us(tag::COLUMNS, 3)
        .us(tag::BITS_ALLOCATED, 16)
        .us(tag::BITS_STORED, 12)
        .us(tag::HIGH_BIT, 11)
        .us(tag::PIXEL_REPRESENTATION, 1)
        .items(tag::PER_FRAME_FUNCTIONAL_GROUPS, vec![groups(0.0), groups(3.5)])
        .with(
            tag::PIXEL_DATA,
            Vr::OW,
            Value::U16((0..12).map(|i| i * 400).collect()),
        );
    File::new(set, transfer_syntax)
}

/// Reads, and decodes what can be decoded.
fn exercise(bytes: &[u8]) {
    let Ok(instance) = read(bytes) else { return };
    let Content::Image(image) = &instance.content else {
        return;
    };
    assert_eq!(image.frames.len(), image.pixels.frames as usize);
    let Ok(opened) = Opened::open(bytes, &instance) else {
        return;
    };
    for index in 0..image.pixels.frames.min(3) {
        if let Ok(frame) = opened.decode_frame(&instance, index) {
            let samples = frame.rows as usize * frame.columns as usize * usize::from(frame.channels);
            assert_eq!(frame.samples.len(), samples);
            let _ = pixels::to_display_rgb(&frame, &opened, &instance);
            let _ = pixels::modality_values(&frame, &opened, &instance, index);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        exercise(&bytes);
        let mut file = vec![0; 128];
        file.extend(b"DICM");
        file.extend(&bytes);
        exercise(&file);
    }

    #[test]
    fn mutated_files_do_not_panic(
        which in 0..4_usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let names = [
            syntax::EXPLICIT_LITTLE,
            syntax::IMPLICIT_LITTLE,
            syntax::EXPLICIT_BIG,
            syntax::DEFLATED_LITTLE,
        ];
        let mut bytes = picture(names[which]).to_bytes();
        for (at, byte) in changes {
            // The preamble means nothing.
            let at = 128 + at.index(bytes.len() - 128);
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        exercise(&bytes);
    }

    #[test]
    fn fragments_of_any_shape_do_not_panic(
        frames in proptest::collection::vec(
            proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..4),
            0..4,
        ),
        declared in 0..6_i64,
        table in prop_oneof![Just(OffsetTable::Empty), Just(OffsetTable::Basic), Just(OffsetTable::Extended)],
        uid in prop_oneof![
            Just(syntax::RLE),
            Just(syntax::JPEG_BASELINE),
            Just(syntax::JPEG_LS_LOSSLESS),
            Just(syntax::JPEG_2000_LOSSLESS),
        ],
    ) {
        let mut file = picture(uid);
        file.set = file.set.encapsulated(&frames, table).integer(tag::NUMBER_OF_FRAMES, declared);
        exercise(&file.to_bytes());
    }

    #[test]
    fn what_was_written_comes_back(
        samples in proptest::collection::vec(any::<u16>(), 12),
        bits in 1..=16_u16,
        above in 0..16_u16,
        signed in any::<bool>(),
        uid in prop_oneof![
            Just(syntax::EXPLICIT_LITTLE),
            Just(syntax::IMPLICIT_LITTLE),
            Just(syntax::EXPLICIT_BIG),
            Just(syntax::DEFLATED_LITTLE),
        ],
        lengths in prop_oneof![Just(Lengths::Defined), Just(Lengths::Undefined)],
    ) {
        let high = (bits - 1 + above).min(15);
        let mut file = picture(uid);
        file.set = file.set
            .us(tag::BITS_STORED, bits)
            .us(tag::HIGH_BIT, high)
            .us(tag::PIXEL_REPRESENTATION, u16::from(signed))
            .with(tag::PIXEL_DATA, Vr::OW, Value::U16(samples.clone()));
        file.encoding = Encoding { sequences: lengths, items: lengths, ..file.encoding };
        prop_assert_eq!(file.encoding.vr == VrMode::Implicit, uid == syntax::IMPLICIT_LITTLE);
        prop_assert_eq!(file.encoding.order == Order::Big, uid == syntax::EXPLICIT_BIG);
        let bytes = file.to_bytes();
        let instance = read(&bytes).unwrap();
        prop_assert_eq!(instance.oddities.len(), 0);
        prop_assert_eq!(instance.patient_name.as_deref(), Some("Jérôme^山"));
        let Content::Image(image) = &instance.content else { panic!("no image") };
        prop_assert_eq!(image.frames[1].position_mm, Some([1.5, -2.5, 3.5]));
        for (index, words) in samples.chunks(6).enumerate() {
            let expected: Vec<i32> = words
                .iter()
                .map(|&word| {
                    let stored = i32::from(word >> (high + 1 - bits)) & ((1 << bits) - 1);
                    if signed && stored >> (bits - 1) == 1 { stored - (1 << bits) } else { stored }
                })
                .collect();
            let frame = pixels::decode_frame(&bytes, &instance, index as u32).unwrap();
            let decoded: Vec<i32> = match &frame.samples {
                PixelSamples::U16(samples) => samples.iter().copied().map(i32::from).collect(),
                PixelSamples::I16(samples) => samples.iter().copied().map(i32::from).collect(),
                other => panic!("{other:?}"),
            };
            prop_assert_eq!(&decoded, &expected);
            let mut out = [0xAAAA_u16; 6];
            pixels::decode_frame_into(&bytes, &instance, index as u32, &mut out).unwrap();
            let direct: Vec<i32> = out
                .iter()
                .map(|&word| if signed { i32::from(word.cast_signed()) } else { i32::from(word) })
                .collect();
            prop_assert_eq!(&direct, &expected);
        }
    }
}
