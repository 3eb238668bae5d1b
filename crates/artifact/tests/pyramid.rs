//! Pyramids to bytes and back: streamed in, read brick by brick and as whole levels.

use std::convert::Infallible;
use std::sync::Mutex;

use artifact::ArtifactError;
use artifact::pyramid::{
    Across, BodySink, BrickEntry, BrickObject, Description, Polarity, PyramidHead, PyramidWriter, Section,
    Window,
};
use expect_test::expect;
use geometry::{DAffine3, DMat3, DVec3, GridGeometry};
use proptest::prelude::*;
use volume::{
    AnyVolume, Brick, BrickKey, BrickSink, Note, PyramidBuilder, Rescale, Sample, SampleType, Samples,
    Severity, Unit, Volume,
};

#[derive(Default)]
struct Body(Mutex<Vec<u8>>);

impl BodySink for Body {
    type Error = Infallible;

    fn append(&self, bytes: Vec<u8>) -> Result<u64, Infallible> {
        let mut body = self.0.lock().unwrap();
        let offset = body.len() as u64;
        body.extend(bytes);
        Ok(offset)
    }
}

/// Head and body of a stored pyramid.
struct Stored {
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Stored {
    fn read(&self, _: BrickKey, entry: &BrickEntry) -> Result<&[u8], Infallible> {
        let object = match entry.object {
            BrickObject::Head => &self.head,
            BrickObject::Body => &self.body,
        };
        let start = entry.offset as usize;
        Ok(&object[start..start + entry.len as usize])
    }
}

fn sheared(dims: [u32; 3]) -> GridGeometry {
    let matrix3 = DMat3::from_cols(
        DVec3::new(0.5, 0.0, 0.0),
        DVec3::new(0.0, 0.7, -0.1),
        DVec3::new(0.0, 0.3, 2.5),
    );
    GridGeometry::new(
        dims,
        DAffine3 {
            matrix3,
            translation: DVec3::new(-1.0, 2.0, -3.0),
        },
    )
    .unwrap()
}

fn hu() -> Rescale {
    Rescale {
        slope: 0.5,
        intercept: -1024.0,
        unit: Unit::Hu,
    }
}

fn description() -> Description {
    Description {
        findings: vec![Note {
            code: "missing_slices".into(),
            severity: Severity::Caution,
            message: "1 slice is missing.".into(),
            values: vec![("gap_mm".into(), 5.0)],
        }],
        missing_slices: vec![2],
        padding: Some([-2000.0, -2000.0]),
        windows: vec![Window {
            center: 40.0,
            width: 400.0,
            label: "soft".into(),
        }],
        polarity: Polarity::SmallIsBright,
    }
}

fn samples<T: Sample>(dims: [u32; 3]) -> Vec<T> {
    (0..dims.iter().product::<u32>())
        .map(|i| {
            let hash = i.wrapping_mul(0x9E37_79B9) >> 20;
            T::from_f64(f64::from(hash % 97) + f64::from(i % dims[0]) * 3.0 - 50.0)
        })
        .collect()
}

fn store<T: Sample>(dims: [u32; 3], samples: &[T]) -> Stored {
    let grid = sheared(dims);
    let writer = PyramidWriter::new(grid, hu(), description(), Body::default());
    let mut builder = PyramidBuilder::new(grid, writer);
    for slices in samples.chunks((dims[0] * dims[1]) as usize * 7) {
        builder.push_slices(slices).unwrap();
    }
    let (built, writer) = builder.finish().unwrap();
    let (head, body) = writer.finish(&built.statistics).unwrap();
    Stored {
        head,
        body: body.0.into_inner().unwrap(),
    }
}

/// Compares every brick as it is read with the brick as it is built.
struct Compare<'a> {
    stored: &'a Stored,
    head: &'a PyramidHead,
}

impl<T: Sample> BrickSink<T> for Compare<'_> {
    type Error = Infallible;

    fn brick(&self, brick: Brick<'_, T>) -> Result<(), Infallible> {
        let entry = self.head.entry(brick.key).unwrap();
        assert_eq!(entry.min, brick.range.0.to_f64());
        assert_eq!(entry.max, brick.range.1.to_f64());
        let bytes = self.stored.read(brick.key, entry)?;
        let read = self.head.decode_brick(brick.key, bytes).unwrap();
        assert!(
            T::of_samples(&read) == Some(brick.samples),
            "{:?} differs",
            brick.key
        );
        Ok(())
    }
}

fn check<T: Sample>(dims: [u32; 3]) {
    let samples = samples::<T>(dims);
    let stored = store(dims, &samples);
    let head = PyramidHead::parse(&stored.head).unwrap();
    assert_eq!(head.sample_type(), T::TYPE);
    assert_eq!(head.head_len(), stored.head.len() as u64);
    assert_eq!(head.body_len(), stored.body.len() as u64);
    let mut compare = PyramidBuilder::new(
        sheared(dims),
        Compare {
            stored: &stored,
            head: &head,
        },
    );
    compare.push_slices(&samples).unwrap();
    compare.finish().unwrap();

    let original = Volume::new(sheared(dims), hu(), samples).unwrap();
    let whole = head
        .assemble_level(0, |key, entry| stored.read(key, entry))
        .unwrap();
    assert!(
        whole == AnyVolume::from(original),
        "{dims:?} is not what was stored"
    );
    let coarsest = head.layout().levels().len() as u32 - 1;
    let coarse = head
        .assemble_level(coarsest, |key, entry| stored.read(key, entry))
        .unwrap();
    assert_eq!(coarse.grid(), &head.layout().levels()[coarsest as usize]);
    assert!(
        head.assemble_level(coarsest + 1, |key, entry| stored.read(key, entry))
            .is_err()
    );
}

#[test]
fn volumes_of_odd_sizes_come_back() {
    for dims in [[1, 1, 1], [63, 64, 65], [65, 66, 129], [129, 1, 66], [2, 131, 64]] {
        check::<i16>(dims);
    }
}

#[test]
fn volumes_of_every_type_come_back() {
    let dims = [66, 5, 67];
    check::<u8>(dims);
    check::<i16>(dims);
    check::<u16>(dims);
    check::<i32>(dims);
    check::<u32>(dims);
    check::<f32>(dims);
}

#[test]
fn the_head_keeps_what_was_told() {
    let dims = [70, 5, 67];
    let samples = samples::<i16>(dims);
    let stored = store(dims, &samples);
    let head = PyramidHead::parse(&stored.head).unwrap();
    assert_eq!(head.layout().levels()[0], sheared(dims));
    assert_eq!(head.rescale(), &hu());
    assert_eq!(head.description(), &description());
    let volume = Volume::new(sheared(dims), hu(), samples).unwrap();
    assert_eq!(head.statistics(), &volume.statistics());
}

#[test]
fn the_index_is_enough_and_coarse_levels_come_first() {
    let dims = [300, 200, 100];
    let stored = store(dims, &samples::<u16>(dims));
    let index_len = PyramidHead::index_len(&stored.head[..256]).unwrap();
    let head = PyramidHead::parse(&stored.head[..index_len as usize]).unwrap();
    assert_eq!(head, PyramidHead::parse(&stored.head).unwrap());
    let mut end = index_len;
    for level in (1..head.layout().levels().len() as u32).rev() {
        for key in head.layout().bricks(level) {
            let entry = head.entry(key).unwrap();
            assert_eq!((entry.object, entry.offset), (BrickObject::Head, end));
            end += u64::from(entry.len);
        }
        assert_eq!(head.head_len_for_level(level), end);
    }
    assert_eq!(end, stored.head.len() as u64);
    assert_eq!(head.head_len_for_level(0), end);
}

/// A change of these bytes is a change of the format: stored pyramids could no longer be read.
#[test]
fn the_bytes_are_as_documented() {
    let samples: Vec<i16> = vec![-7, 5, 3, 9, 1, 300];
    let stored = store([3, 2, 1], &samples);
    let hex = |bytes: &[u8]| {
        let line = |line: &[u8]| {
            line.iter()
                .map(|b| format!("{b:02x}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        bytes.chunks(16).map(line).collect::<Vec<_>>().join("\n")
    };
    let text_len = u32::from_le_bytes(stored.head[224..228].try_into().unwrap()) as usize;
    expect![[r#"
        56 54 52 4e 50 59 52 0a 01 00 01 01 03 00 00 00
        02 00 00 00 01 00 00 00 00 00 00 00 00 00 e0 3f
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        00 00 00 00 00 00 f0 bf 00 00 00 00 00 00 00 00
        66 66 66 66 66 66 e6 3f 33 33 33 33 33 33 d3 3f
        00 00 00 00 00 00 00 40 00 00 00 00 00 00 00 00
        9a 99 99 99 99 99 b9 bf 00 00 00 00 00 00 04 40
        00 00 00 00 00 00 08 c0 00 00 00 00 00 00 00 00
        00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
        00 00 00 00 00 00 f0 3f 00 00 00 00 00 00 e0 3f
        00 00 00 00 00 00 90 c0 00 00 00 00 00 00 1c c0
        00 00 00 00 00 c0 72 40 00 ac aa aa aa ea 49 40
        00 00 00 00 00 00 1c c0 00 00 00 00 00 00 f0 3f
        00 00 00 00 00 00 00 00 34 01 00 00 00 00 00 00
        0a 01 00 00 34 01 00 00 52 03 00 00 00 00 00 00
        52 03 00 00 00 00 00 00 18 00 00 00 00 00 00 00"#]]
    .assert_eq(&hex(&stored.head[..256]));
    expect![[r#"{"unit":"hu","findings":[{"code":"missing_slices","severity":"caution","message":"1 slice is missing.","values":[["gap_mm",5.0]]}],"missing_slices":[2],"padding":[-2000.0,-2000.0],"windows":[{"center":40.0,"width":400.0,"label":"soft"}],"polarity":"small_is_bright"}"#]].assert_eq(&String::from_utf8_lossy(&stored.head[256..256 + text_len]));
    let counts_and_table = &stored.head[256 + text_len..];
    expect![[r#"
        00 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00
        00 00 18 00 00 00 f9 ff ff ff 2c 01 00 00"#]]
    .assert_eq(&hex(&counts_and_table[counts_and_table.len() - 30..]));
    expect![[r#"
        03 03 04 04 c0 06 00 02 03 0a 0c 0d 0d 00 18 00
        03 00 20 00 27 00 5a 02"#]]
    .assert_eq(&hex(&stored.body));
}

#[test]
fn a_cut_head_is_refused() {
    let dims = [66, 5, 67];
    let stored = store(dims, &samples::<i16>(dims));
    let index_len = PyramidHead::index_len(&stored.head).unwrap() as usize;
    for cut in 0..index_len {
        assert!(PyramidHead::parse(&stored.head[..cut]).is_err(), "cut at {cut}");
    }
    assert!(PyramidHead::parse(&stored.head[..index_len]).is_ok());
}

#[test]
fn a_head_that_contradicts_itself_is_refused() {
    let dims = [66, 5, 67];
    let stored = store(dims, &samples::<i16>(dims));
    let with = |at: usize, bytes: &[u8]| {
        let mut head = stored.head.clone();
        head[at..at + bytes.len()].copy_from_slice(bytes);
        PyramidHead::parse(&head)
    };
    assert!(matches!(with(0, b"X"), Err(ArtifactError::BadMagic { .. })));
    assert!(matches!(
        with(8, &[2]),
        Err(ArtifactError::UnknownVersion { found: 2, .. })
    ));
    assert!(matches!(with(10, &[6]), Err(ArtifactError::UnknownCode { .. })));
    assert!(matches!(with(11, &[9]), Err(ArtifactError::Inconsistent { .. })));
    assert!(matches!(
        with(12, &[0xFF; 12]),
        Err(ArtifactError::Inconsistent { .. })
    ));
    assert!(matches!(with(12, &[0; 4]), Err(ArtifactError::Grid(_))));
    assert!(matches!(with(24, &[0xFF; 8]), Err(ArtifactError::Grid(_))));
    assert!(matches!(with(144, &[0; 8]), Err(ArtifactError::Damaged { .. })));
    assert!(matches!(
        with(216, &[0xFF; 4]),
        Err(ArtifactError::Inconsistent { .. })
    ));
    assert!(matches!(
        with(224, &[0xFF; 4]),
        Err(ArtifactError::Truncated { .. })
    ));
    assert!(matches!(
        with(232, &[0; 8]),
        Err(ArtifactError::Inconsistent { .. })
    ));
    assert!(matches!(
        with(240, &[0; 8]),
        Err(ArtifactError::Inconsistent { .. })
    ));
    assert!(matches!(
        with(248, &[0; 8]),
        Err(ArtifactError::Inconsistent { .. })
    ));
    assert!(matches!(with(256, b"]"), Err(ArtifactError::Description(_))));
    let index_len = PyramidHead::index_len(&stored.head).unwrap() as usize;
    let last = index_len - 20;
    assert!(matches!(
        with(last, &[0; 8]),
        Err(ArtifactError::Inconsistent { .. })
    ));
    assert!(matches!(
        with(last, &[0xFF; 8]),
        Err(ArtifactError::Inconsistent { .. })
    ));
    assert!(matches!(
        with(last + 8, &[0xFF; 4]),
        Err(ArtifactError::Inconsistent { .. })
    ));
}

#[test]
fn a_missing_brick_and_a_number_that_is_none_are_told() {
    let grid = sheared([3, 2, 1]);
    let statistics = Volume::new(grid, hu(), vec![0u8; 6]).unwrap().statistics();
    let writer = PyramidWriter::<u8, Body>::new(grid, hu(), description(), Body::default());
    assert!(matches!(
        writer.finish(&statistics),
        Err(ArtifactError::Incomplete {
            missing: 1,
            expected: 1,
            ..
        })
    ));
    let mut poisoned = description();
    poisoned.windows[0].center = f64::NAN;
    let writer = PyramidWriter::new(grid, hu(), poisoned, Body::default());
    let mut builder = PyramidBuilder::new(grid, writer);
    builder.push_slices(&[1u8, 2, 3, 4, 5, 6]).unwrap();
    let writer = builder.finish().unwrap().1;
    assert!(matches!(
        writer.finish(&statistics),
        Err(ArtifactError::Description(_))
    ));
}

#[test]
fn what_is_not_there_is_told() {
    let stored = store([3, 2, 1], &[1u8, 2, 3, 4, 5, 6]);
    let head = PyramidHead::parse(&stored.head).unwrap();
    let key = BrickKey {
        level: 0,
        x: 1,
        y: 0,
        z: 0,
    };
    assert!(head.entry(key).is_none());
    assert!(matches!(
        head.decode_brick(key, &stored.body),
        Err(ArtifactError::NoSuchBrick(_))
    ));
    let key = BrickKey { x: 0, ..key };
    assert!(matches!(
        head.decode_brick_into::<i16>(key, &stored.body, &mut Vec::new()),
        Err(ArtifactError::WrongType {
            expected: SampleType::I16,
            actual: SampleType::U8
        })
    ));
}

proptest! {
    #[test]
    fn a_damaged_head_is_refused_or_stays_within_its_objects(
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4),
    ) {
        let dims = [66, 2, 3];
        let mut stored = store(dims, &samples::<i16>(dims));
        for (at, value) in changes {
            let at = at % stored.head.len();
            stored.head[at] = value;
        }
        if let Ok(head) = PyramidHead::parse(&stored.head) {
            for level in 0..head.layout().levels().len() as u32 {
                for key in head.layout().bricks(level) {
                    let entry = *head.entry(key).unwrap();
                    let object = match entry.object {
                        BrickObject::Head => &stored.head,
                        BrickObject::Body => &stored.body,
                    };
                    let end = entry.offset as usize + entry.len as usize;
                    if let Some(bytes) = object.get(entry.offset as usize..end) {
                        let _ = head.decode_brick(key, bytes);
                    }
                }
            }
        }
    }
}

#[test]
fn sections_hold_the_samples_of_their_planes() {
    let dims = [131, 70, 66];
    let samples: Vec<i16> = (0..131 * 70 * 66)
        .map(|i: i32| (i % 7919 * 31 % 4001) as i16)
        .collect();
    let stored = store(dims, &samples);
    let head = PyramidHead::parse(&stored.head).unwrap();
    let [nx, ny, _] = dims;
    for (across, end) in Across::ALL.into_iter().zip(dims) {
        for (first, count) in [(0, 1), (63, 2), (end / 2, 4), (end - 1, 1)] {
            let section = Section { across, first, count };
            assert_eq!(section.to_string().parse(), Ok(section));
            let bytes = head
                .cut_section(section, |key, entry| stored.read(key, entry))
                .unwrap();
            let cut = head.decode_section(section, &bytes).unwrap();
            let grid = head.section_grid(section).unwrap();
            let Samples::I16(cut) = cut else {
                panic!("{:?}", cut.sample_type())
            };
            let mut start = [0; 3];
            start[across.axis()] = first;
            let mut place = 0;
            for z in 0..grid.dims()[2] {
                for y in 0..grid.dims()[1] {
                    for x in 0..grid.dims()[0] {
                        let [gx, gy, gz] = [x + start[0], y + start[1], z + start[2]];
                        assert_eq!(
                            cut[place],
                            samples[((gz * ny + gy) * nx + gx) as usize],
                            "{section}"
                        );
                        place += 1;
                    }
                }
            }
            let at = |grid: &GridGeometry, p: [u32; 3]| {
                grid.patient_from_voxel()
                    .transform_point3(DVec3::from_array(p.map(f64::from)))
            };
            assert!(
                at(&grid, [0; 3]).distance(at(&sheared(dims), start)) < 1e-9,
                "{section}"
            );
            if count == 1 {
                let bricks = [4, 6, 6][across.axis()];
                assert_eq!(head.bricks_of(section).count(), bricks, "{section}");
            }
        }
        let beyond = Section {
            across,
            first: end,
            count: 1,
        };
        assert!(head.section_grid(beyond).is_none() && head.bricks_of(beyond).next().is_none());
        assert!(
            head.cut_section(beyond, |key, entry| stored.read(key, entry))
                .is_err()
        );
        let over = Section {
            across,
            first: end - 1,
            count: 2,
        };
        assert!(head.section_grid(over).is_none());
    }
    for text in [
        "",
        "slice",
        "slice-1",
        "slice-1-0",
        "slice-1-5",
        "slice-1-1-1",
        "plane-1-1",
        "slice--1-1",
        "row-4294967296-1",
    ] {
        assert!(text.parse::<Section>().is_err(), "{text}");
    }
    let last = Section {
        across: Across::Rows,
        first: u32::MAX,
        count: 4,
    };
    assert!(head.section_grid(last).is_none());
}
