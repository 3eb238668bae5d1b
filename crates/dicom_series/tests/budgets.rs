//! Every budget of the reader just below, at and just above its limit, with its message.

use dicom_series::{Instance, ReadError, read};
use testkit::dicom::{DataSet, Encoding, File, Lengths, Order, Tag, Value, Vr, VrMode, syntax, tag};

/// A picture of 3 x 2 pixels of 8 bits; `extra` is set last.
fn picture(extra: &DataSet) -> DataSet {
    let mut set = DataSet::new()
        .text(tag::SOP_CLASS_UID, Vr::UI, "1.2.840.10008.5.1.4.1.1.7")
        .text(tag::SOP_INSTANCE_UID, Vr::UI, "1.2.3")
        .us(tag::SAMPLES_PER_PIXEL, 1)
        .text(tag::PHOTOMETRIC, Vr::CS, "MONOCHROME2")
        .us(tag::ROWS, 2)
        .us(tag::COLUMNS, 3)
        .us(tag::BITS_ALLOCATED, 8)
        .us(tag::BITS_STORED, 8)
        .us(tag::HIGH_BIT, 7)
        .us(tag::PIXEL_REPRESENTATION, 0)
        .with(tag::PIXEL_DATA, Vr::OB, Value::Bytes(vec![0, 1, 2, 3, 4, 5]));
    for element in EVERY {
        if let Some(found) = extra.get(*element) {
            set.put(*element, found.vr, found.value.clone());
        }
    }
    set
}

/// The elements that tests of this file override.
const EVERY: &[Tag] = &[
    tag::PATIENT_NAME,
    tag::SERIES_DESCRIPTION,
    tag::ROWS,
    tag::COLUMNS,
    tag::BITS_ALLOCATED,
    tag::BITS_STORED,
    tag::HIGH_BIT,
    tag::NUMBER_OF_FRAMES,
    tag::PIXEL_DATA,
    NESTED,
];
const NESTED: Tag = Tag(0x0040, 0xA730);

fn bytes_of(set: DataSet) -> Vec<u8> {
    File::new(set, syntax::EXPLICIT_LITTLE).to_bytes()
}

fn read_with(extra: &DataSet) -> Result<Instance, ReadError> {
    read(&bytes_of(picture(extra)))
}

/// The message of the budget that refuses, if one does.
fn refusal(result: &Result<Instance, ReadError>) -> Option<String> {
    match result {
        Err(ReadError::Budget { source, .. }) => Some(source.to_string()),
        _ => None,
    }
}

/// Sequences within one another, `depth` of them.
fn nested(depth: usize) -> DataSet {
    (1..depth).fold(DataSet::new().items(NESTED, vec![DataSet::new()]), |inner, _| {
        DataSet::new().items(NESTED, vec![inner])
    })
}

#[test]
fn nesting() {
    for (sequences, vr) in [
        (Lengths::Defined, VrMode::Explicit),
        (Lengths::Undefined, VrMode::Explicit),
        (Lengths::Defined, VrMode::Implicit),
        (Lengths::Undefined, VrMode::Implicit),
    ] {
        let file = |depth| {
            let name = match vr {
                VrMode::Implicit => syntax::IMPLICIT_LITTLE,
                VrMode::Explicit => syntax::EXPLICIT_LITTLE,
            };
            let mut file = File::new(picture(&nested(depth)), name);
            file.encoding = Encoding {
                vr,
                order: Order::Little,
                sequences,
                items: sequences,
            };
            file.to_bytes()
        };
        for depth in [63, 64] {
            assert!(read(&file(depth)).is_ok(), "{depth} {sequences:?} {vr:?}");
        }
        assert_eq!(
            refusal(&read(&file(65))).as_deref(),
            Some("nesting: 65 levels, at most 64 accepted"),
            "{sequences:?} {vr:?}"
        );
        let deep = read(&file(900)).unwrap_err();
        assert!(matches!(deep, ReadError::Budget { .. }), "{deep}");
    }
}

#[test]
fn elements() {
    let base = bytes_of(picture(&DataSet::new()));
    // What the file has without the private elements that are added before its pixels.
    let own = 11;
    let pixel_data = base
        .windows(4)
        .position(|four| four == [0xE0, 0x7F, 0x10, 0x00])
        .unwrap();
    let with = |count: usize| {
        let mut bytes = base[..pixel_data].to_vec();
        for i in 0..count - own {
            bytes.extend(((0x29 + 2 * (i >> 16)) as u16).to_le_bytes());
            bytes.extend((i as u16).to_le_bytes());
            bytes.extend(b"LO\0\0");
        }
        bytes.extend(&base[pixel_data..]);
        bytes
    };
    for count in [999_999, 1_000_000] {
        assert!(read(&with(count)).is_ok(), "{count}");
    }
    assert_eq!(
        refusal(&read(&with(1_000_001))).as_deref(),
        Some("one file: 1000001 data elements, at most 1000000 accepted")
    );
}

#[test]
fn items_count_as_elements() {
    let items = |count: usize| {
        let set = DataSet::new().items(NESTED, vec![DataSet::new(); count]);
        read(&bytes_of(picture(&set)))
    };
    let own = 12;
    assert!(items(1_000_000 - own).is_ok());
    assert!(refusal(&items(1_000_001 - own)).is_some());
}

#[test]
fn declared_lengths() {
    let whole = bytes_of(
        DataSet::new()
            .text(tag::SOP_CLASS_UID, Vr::UI, "1.2.840.10008.5.1.4.1.1.66")
            .with(Tag(0x4000, 0x4000), Vr::UT, Value::Bytes(vec![b'x'; 10])),
    );
    let with = |len: u32| {
        let mut bytes = whole.clone();
        let at = bytes.len() - 14;
        bytes[at..at + 4].copy_from_slice(&len.to_le_bytes());
        read(&bytes)
    };
    assert!(with(10).is_ok());
    let error = with(11).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "element (4000,4000) at byte {}: declared length: 11 bytes, but only 10 remain",
            whole.len() - 22
        )
    );
    assert!(refusal(&with(u32::MAX - 1)).is_some());
    // A shorter length leaves a byte that is no element.
    assert!(matches!(with(9), Err(ReadError::Truncated { .. })));
}

#[test]
fn rows_and_columns() {
    for (side, name) in [(tag::ROWS, "rows"), (tag::COLUMNS, "columns")] {
        let other = if side == tag::ROWS {
            tag::COLUMNS
        } else {
            tag::ROWS
        };
        let with = |len: u32| {
            let extra = DataSet::new()
                .with(side, Vr::UL, Value::U32(vec![len]))
                .us(other, 1)
                .with(tag::PIXEL_DATA, Vr::OB, Value::Bytes(vec![7; len as usize]));
            read_with(&extra)
        };
        assert!(with(65_534).is_ok());
        assert!(with(65_535).is_ok());
        assert_eq!(
            refusal(&with(65_536)),
            Some(format!("frame: 65536 {name}, at most 65535 accepted"))
        );
        assert!(matches!(with(0), Err(ReadError::Value { .. })));
    }
}

#[test]
fn bytes_of_a_frame() {
    let with = |rows: u16, columns: u16| {
        let extra = DataSet::new()
            .us(tag::ROWS, rows)
            .us(tag::COLUMNS, columns)
            .us(tag::BITS_ALLOCATED, 32)
            .us(tag::BITS_STORED, 32)
            .us(tag::HIGH_BIT, 31);
        read_with(&extra)
    };
    // 16,384 x 8,192 samples of 4 bytes are 512 MiB: accepted, and then found not to be there.
    for (rows, columns) in [(16_383, 8_192), (16_384, 8_192)] {
        let error = with(rows, columns).unwrap_err();
        assert!(matches!(error, ReadError::PixelDataShort { .. }), "{error}");
    }
    assert_eq!(
        refusal(&with(16_385, 8_192)).as_deref(),
        Some("decoded frame: 536903680 bytes, at most 536870912 accepted")
    );
    assert!(refusal(&with(65_535, 65_535)).is_some());
}

#[test]
fn text() {
    for element in [tag::PATIENT_NAME, tag::SERIES_DESCRIPTION] {
        // As OB, since LO and PN have no room for it.
        let with = |len: usize| {
            let value = Value::Bytes(vec![b'x'; len]);
            read_with(&DataSet::new().with(element, Vr::UT, value))
        };
        assert!(with(65_534).is_ok());
        assert!(with(65_536).is_ok());
        assert_eq!(
            refusal(&with(65_538)).as_deref(),
            Some("text value: 65538 bytes, at most 65536 accepted")
        );
    }
}

#[test]
fn frames() {
    let with = |frames: i64| {
        let extra = DataSet::new()
            .us(tag::ROWS, 1)
            .us(tag::COLUMNS, 1)
            .integer(tag::NUMBER_OF_FRAMES, frames)
            .with(tag::PIXEL_DATA, Vr::OB, Value::Bytes(vec![7; 65_538]));
        read_with(&extra)
    };
    assert!(with(65_535).is_ok());
    assert!(with(65_536).is_ok());
    let error = with(65_537).unwrap_err();
    assert!(
        error.to_string().contains("is 65537, not at most 65536"),
        "{error}"
    );
    for nonsense in [0, -1, i64::MIN] {
        let instance = with(nonsense).unwrap();
        assert!(
            instance
                .oddities
                .iter()
                .any(|oddity| oddity.contains("number of frames")),
            "{:?}",
            instance.oddities
        );
    }
}

#[test]
fn cut_pixels_are_told_apart_from_cut_files() {
    let whole = bytes_of(picture(&DataSet::new()));
    assert!(read(&whole).is_ok());
    let cut = read(&whole[..whole.len() - 1]).unwrap_err();
    assert!(
        matches!(
            cut,
            ReadError::PixelDataCut {
                declared: 6,
                remaining: 5,
                ..
            }
        ),
        "{cut}"
    );
    let header = read(&whole[..whole.len() - 7]).unwrap_err();
    assert!(matches!(header, ReadError::Truncated { .. }), "{header}");
    // Every cut is told in some way.
    for len in 0..whole.len() {
        assert!(read(&whole[..len]).is_err(), "{len}");
    }
}

#[test]
fn repetition_is_not_expensive() {
    let begun = std::time::Instant::now();
    let base = bytes_of(picture(&DataSet::new()));
    let pixel_data = base
        .windows(4)
        .position(|four| four == [0xE0, 0x7F, 0x10, 0x00])
        .unwrap();
    // Half a million elements on either side of the pixels, all of one tag.
    let many = [0x09, 0, 0x10, 0, b'L', b'O', 0, 0].repeat(480_000);
    let bytes = [&base[..pixel_data], &many, &base[pixel_data..], &many].concat();
    assert!(read(&bytes).is_ok());
    // Elements of zeros that end in something else.
    let zeros = [&base[..], &vec![0; 7_900_000], &[1]].concat();
    assert!(read(&zeros).is_ok());
    // Many frames that share one detector with many elements.
    let mut detector = DataSet::new();
    for i in 0..60_000_u32 {
        detector.put(
            Tag(0x0009, (i & 0xFFFF) as u16 | 0x1000),
            Vr::LO,
            Value::Bytes(Vec::new()),
        );
    }
    let extra = DataSet::new()
        .us(tag::ROWS, 1)
        .us(tag::COLUMNS, 1)
        .integer(tag::NUMBER_OF_FRAMES, 65_536)
        .with(tag::PIXEL_DATA, Vr::OB, Value::Bytes(vec![7; 65_536]));
    let set = picture(&extra).items(Tag(0x0054, 0x0022), vec![detector]);
    let long = "1\\".repeat(30_000) + "1";
    let set = set
        .with(
            Tag(0x0008, 0x002A),
            Vr::UT,
            Value::Bytes(long.clone().into_bytes()),
        )
        .with(
            tag::WINDOW_CENTER,
            Vr::UT,
            Value::Bytes(long.clone().into_bytes()),
        )
        .with(tag::WINDOW_WIDTH, Vr::UT, Value::Bytes(long.into_bytes()));
    let instance = read(&bytes_of(set)).unwrap();
    let dicom_series::Content::Image(image) = instance.content else {
        panic!("no image");
    };
    assert!(
        image
            .frames
            .iter()
            .all(|frame| frame.windows.len() == 16 && frame.acquired.is_none())
    );
    let took = begun.elapsed();
    assert!(took < std::time::Duration::from_secs(10), "{took:?}");
}
