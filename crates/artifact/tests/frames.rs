//! Stacks of frames to bytes and back.

use std::convert::Infallible;
use std::sync::Mutex;

use artifact::ArtifactError;
use artifact::frames::{Channels, FrameError, FrameNotes, FrameShape, FrameStackHead, FrameStackWriter};
use artifact::pyramid::{BodySink, Description};
use expect_test::expect;
use volume::{Rescale, Sample};

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

fn notes() -> FrameNotes {
    FrameNotes {
        rescale: Rescale::IDENTITY,
        frame_time_ms: Some(33.5),
        pixel_spacing_mm: Some([0.25, 0.5]),
        description: Description::default(),
    }
}

fn shape(channels: Channels) -> FrameShape {
    FrameShape {
        columns: 17,
        rows: 9,
        frames: 3,
        channels,
    }
}

fn frame<T: Sample>(shape: &FrameShape, index: u32) -> Vec<T> {
    (0..shape.frame_len() as u32)
        .map(|i| {
            T::from_f64(f64::from(i.wrapping_mul(0x9E37_79B9) >> 27) + f64::from(index * 50 + i / 9) - 20.0)
        })
        .collect()
}

fn store<T: Sample>(shape: FrameShape) -> (Vec<u8>, Vec<u8>) {
    let writer = FrameStackWriter::<T, _>::new(shape, notes(), Body::default()).unwrap();
    for index in [2, 0, 1] {
        writer.frame(index, &frame(&shape, index)).unwrap();
    }
    let (head, body) = writer.finish().unwrap();
    (head, body.0.into_inner().unwrap())
}

fn check<T: Sample>(channels: Channels) {
    let shape = shape(channels);
    let (head, body) = store::<T>(shape);
    let head = FrameStackHead::parse(&head).unwrap();
    assert_eq!((head.shape(), head.sample_type()), (&shape, T::TYPE));
    assert_eq!(head.notes(), &notes());
    assert_eq!(head.body_len(), body.len() as u64);
    for index in 0..3 {
        let range = head.byte_range(index).unwrap();
        let decoded = head
            .decode_frame(&body[range.start as usize..range.end as usize])
            .unwrap();
        assert_eq!(
            T::of_samples(&decoded),
            Some(frame::<T>(&shape, index).as_slice())
        );
    }
    assert_eq!(head.byte_range(3), None);
}

#[test]
fn frames_of_every_kind_come_back() {
    for channels in [Channels::Gray, Channels::Rgb] {
        check::<u8>(channels);
        check::<i16>(channels);
        check::<u16>(channels);
        check::<i32>(channels);
        check::<u32>(channels);
        check::<f32>(channels);
    }
}

#[test]
fn a_gray_picture_in_color_costs_little_more_than_gray() {
    let shape = FrameShape {
        columns: 200,
        rows: 100,
        frames: 1,
        channels: Channels::Rgb,
    };
    let gray = frame::<u8>(
        &FrameShape {
            channels: Channels::Gray,
            ..shape
        },
        0,
    );
    let color: Vec<u8> = gray.iter().flat_map(|&v| [v; 3]).collect();
    let writer = FrameStackWriter::<u8, _>::new(shape, notes(), Body::default()).unwrap();
    writer.frame(0, &color).unwrap();
    let packed = writer.finish().unwrap().1.0.into_inner().unwrap().len();
    assert!(packed < gray.len(), "{packed} bytes");
}

#[test]
fn what_is_no_frame_is_refused() {
    let writer = FrameStackWriter::<u8, _>::new(shape(Channels::Gray), notes(), Body::default()).unwrap();
    assert!(matches!(
        writer.frame(0, &[0; 152]),
        Err(FrameError::Frame(ArtifactError::Inconsistent { .. }))
    ));
    assert!(matches!(
        writer.frame(3, &[0; 153]),
        Err(FrameError::Frame(ArtifactError::NoSuchFrame {
            index: 3,
            frames: 3
        }))
    ));
    writer.frame(1, &[0; 153]).unwrap();
    assert!(matches!(
        writer.finish(),
        Err(ArtifactError::Incomplete { missing: 2, .. })
    ));
}

#[test]
fn shapes_beyond_the_budget_are_refused() {
    let new = |columns, rows, frames| {
        let shape = FrameShape {
            columns,
            rows,
            frames,
            channels: Channels::Gray,
        };
        FrameStackWriter::<u8, _>::new(shape, notes(), Body::default()).map(|_| ())
    };
    assert!(new(1 << 15, (1 << 14) - 1, 1).is_ok());
    assert!(new(1 << 15, 1 << 14, 1).is_ok());
    assert!(new(1 << 15, (1 << 14) + 1, 1).is_err());
    assert!(new(u32::MAX, u32::MAX, 1).is_err());
    for [columns, rows, frames] in [[0, 1, 1], [1, 0, 1], [1, 1, 0]] {
        assert!(new(columns, rows, frames).is_err());
    }
}

#[test]
fn a_cut_or_contradictory_head_is_refused() {
    let (head, _) = store::<i16>(shape(Channels::Gray));
    for cut in 0..head.len() {
        assert!(FrameStackHead::parse(&head[..cut]).is_err(), "cut at {cut}");
    }
    let with = |at: usize, bytes: &[u8]| {
        let mut head = head.clone();
        head[at..at + bytes.len()].copy_from_slice(bytes);
        FrameStackHead::parse(&head).unwrap_err()
    };
    assert!(matches!(with(0, b"X"), ArtifactError::BadMagic { .. }));
    assert!(matches!(
        with(8, &[0]),
        ArtifactError::UnknownVersion { found: 0, .. }
    ));
    assert!(matches!(with(11, &[2]), ArtifactError::UnknownCode { .. }));
    assert!(matches!(with(20, &[0xFF; 4]), ArtifactError::Truncated { .. }));
    assert!(matches!(
        with(48, &[1, 0, 0, 0, 0, 0, 0, 0]),
        ArtifactError::Inconsistent { .. }
    ));
}

/// A change of these bytes is a change of the format: stored frames could no longer be read.
#[test]
fn the_bytes_are_as_documented() {
    let shape = FrameShape {
        columns: 2,
        rows: 1,
        frames: 2,
        channels: Channels::Rgb,
    };
    let writer = FrameStackWriter::<u8, _>::new(shape, notes(), Body::default()).unwrap();
    writer.frame(1, &[10, 20, 30, 11, 21, 31]).unwrap();
    writer.frame(0, &[5; 6]).unwrap();
    let (head, body) = writer.finish().unwrap();
    let hex = |bytes: &[u8]| {
        let line = |line: &[u8]| {
            line.iter()
                .map(|b| format!("{b:02x}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        bytes.chunks(16).map(line).collect::<Vec<_>>().join("\n")
    };
    expect![[r#"
        56 54 52 4e 46 52 4d 0a 01 00 00 03 02 00 00 00
        01 00 00 00 02 00 00 00 00 00 00 00 00 00 f0 3f
        00 00 00 00 00 00 00 00 9d 00 00 00 00 00 00 00
        0e 00 00 00 00 00 00 00"#]]
    .assert_eq(&hex(&head[..56]));
    expect![[r#"{"unit":"none","frame_time_ms":33.5,"pixel_spacing_mm":[0.25,0.5],"findings":[],"missing_slices":[],"padding":null,"windows":[],"polarity":"large_is_bright"}"#]].assert_eq(&String::from_utf8_lossy(&head[56..head.len() - 24]));
    expect![[r#"
        07 00 00 00 00 00 00 00 07 00 00 00 00 00 00 00
        00 00 00 00 07 00 00 00"#]]
    .assert_eq(&hex(&head[head.len() - 24..]));
    expect!["00 14 15 f6 f6 0a 0a 00 05 05 00 00 00 00"].assert_eq(&hex(&body.0.into_inner().unwrap()));
}
