//! RLE and JPEG on streams that are cut, damaged or bent: an error or a picture, never a panic, and no more memory than
//! the picture asks for.

#[path = "support/memory.rs"]
mod memory;

use codec::{CodecError, ColorSpace, Decoded, Expected, Samples, jpeg, rle};
use proptest::prelude::*;
use testkit::encode::{
    DctComponent, DctPicture, DctProcess, LosslessJpeg, Scans, encode_jpeg_dct, encode_jpeg_lossless,
    encode_rle,
};

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

const COLUMNS: usize = 21;
const ROWS: usize = 13;
/// What a picture of that size may take while it is decoded: tables, planes with their padding, coefficients, messages.
const MEMORY: usize = 256 << 10;

fn expected(channels: u16) -> Expected {
    Expected {
        columns: COLUMNS as u32,
        rows: ROWS as u32,
        channels,
    }
}

fn texture(channels: usize) -> Vec<u16> {
    (0..COLUMNS * ROWS * channels)
        .map(|index| (index * index * 31 % 977 % 251) as u16)
        .collect()
}

fn lossless(channels: usize, restart_rows: usize) -> Vec<u8> {
    encode_jpeg_lossless(&LosslessJpeg {
        samples: &texture(channels),
        columns: COLUMNS,
        rows: ROWS,
        channels,
        precision: 12,
        predictor: 6,
        point_transform: 0,
        restart_rows,
        scans: Scans::Interleaved,
    })
}

fn dct(process: DctProcess) -> Vec<u8> {
    let mut seed = 7u32;
    let mut block = |index: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if index == 0 || seed >> 28 == 0 {
            (seed >> 20 & 0xFF) as i16 - 128
        } else {
            0
        }
    };
    let components = [(2, 2), (1, 1), (1, 1)].map(|(h, v)| DctComponent {
        h,
        v,
        steps: [3; 64],
        blocks: (0..2 * h * v).map(|_| std::array::from_fn(&mut block)).collect(),
    });
    encode_jpeg_dct(&DctPicture {
        columns: COLUMNS,
        rows: ROWS,
        precision: 8,
        components: components.into(),
        restart_interval: 1,
        process,
    })
}

/// Streams of every process, with the channels of each.
fn jpeg_streams() -> Vec<(Vec<u8>, u16)> {
    vec![
        (lossless(1, 4), 1),
        (lossless(3, 0), 3),
        (dct(DctProcess::Sequential), 3),
        (dct(DctProcess::SequentialSeparate), 3),
        (dct(DctProcess::Progressive), 3),
    ]
}

fn decode_within_memory(stream: &[u8], channels: u16) -> Result<Decoded, CodecError> {
    let (decoded, peak) = memory::peak(|| jpeg::decode(stream, expected(channels)));
    assert!(peak <= MEMORY, "{peak} bytes");
    decoded
}

#[test]
fn cut_jpeg_is_an_error_until_the_picture_is_there() {
    for (stream, channels) in jpeg_streams() {
        let whole = decode_within_memory(&stream, channels).expect("a valid stream");
        for cut in 0..stream.len() {
            match decode_within_memory(&stream[..cut], channels) {
                // Only the end marker is missing.
                Ok(decoded) => {
                    assert!(
                        cut >= stream.len() - 2,
                        "a picture from {cut} of {} bytes",
                        stream.len()
                    );
                    assert_eq!(decoded, whole);
                }
                Err(CodecError::Truncated { offset, .. }) => assert!(offset <= cut),
                Err(other) => panic!("{other} after {cut} bytes"),
            }
        }
    }
}

#[test]
fn flipped_bits_of_jpeg_are_survived() {
    for (stream, channels) in jpeg_streams() {
        for bit in 0..stream.len() * 8 {
            let mut damaged = stream.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let _: Result<_, _> = decode_within_memory(&damaged, channels);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_after_the_headers_are_survived(
        which in 0usize..5,
        keep in 0.0f64..1.0,
        tail in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0xFFu8), 0xC0u8..0xE0], 0..600),
    ) {
        let (mut stream, channels) = jpeg_streams().swap_remove(which);
        stream.truncate((stream.len() as f64 * keep) as usize);
        stream.extend(tail);
        let _: Result<_, _> = decode_within_memory(&stream, channels);
    }

    #[test]
    fn any_rle_is_survived(
        bits_allocated in prop_oneof![Just(8u16), Just(16), Just(32)],
        channels in 0u16..4,
        offsets in proptest::collection::vec(0u32..200, 15),
        body in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let segments = u32::from(channels * bits_allocated / 8);
        let mut stream: Vec<u8> = [segments].into_iter().chain(offsets).flat_map(u32::to_le_bytes).collect();
        stream.extend(body);
        let (_, peak) = memory::peak(|| rle::decode(&stream, expected(channels), bits_allocated));
        prop_assert!(peak <= MEMORY);
    }
}

#[test]
fn small_streams_of_large_pictures_take_no_memory() {
    let large = Expected {
        columns: 65_535,
        rows: 65_535,
        channels: 1,
    };
    let streams = [
        (lossless(1, 0), 0xC3),
        (gray_dct(DctProcess::Sequential), 0xC1),
        (gray_dct(DctProcess::Progressive), 0xC2),
    ];
    for (mut stream, code) in streams {
        let header = stream
            .windows(2)
            .position(|pair| pair == [0xFF, code])
            .expect("a frame header");
        stream[header + 5..header + 9].fill(0xFF);
        let (result, peak) = memory::peak(|| jpeg::decode(&stream, large));
        assert!(matches!(result, Err(CodecError::Truncated { .. })), "{result:?}");
        assert!(peak <= MEMORY, "{peak} bytes");
    }
    let mut stream = encode_rle(&[5; 64], 64, 1, 1);
    stream.extend([0; 64]);
    let (result, peak) = memory::peak(|| rle::decode(&stream, large, 8));
    assert!(matches!(result, Err(CodecError::Truncated { .. })), "{result:?}");
    assert!(peak <= MEMORY, "{peak} bytes");
}

fn gray_dct(process: DctProcess) -> Vec<u8> {
    let blocks = (0..6)
        .map(|index| std::array::from_fn(|at| if at == 0 { index * 40 - 100 } else { 0 }))
        .collect();
    encode_jpeg_dct(&DctPicture {
        columns: COLUMNS,
        rows: ROWS,
        precision: 8,
        components: vec![DctComponent {
            h: 1,
            v: 1,
            steps: [2; 64],
            blocks,
        }],
        restart_interval: 0,
        process,
    })
}

#[test]
fn another_picture_than_expected_is_refused() {
    let stream = lossless(1, 0);
    for (columns, rows, channels) in [(20, 13, 1), (21, 14, 1), (21, 13, 3)] {
        let result = jpeg::decode(
            &stream,
            Expected {
                columns,
                rows,
                channels,
            },
        );
        assert!(matches!(result, Err(CodecError::Mismatch { .. })), "{result:?}");
    }
}

#[test]
fn what_is_not_done_is_refused_by_name() {
    for (code, name) in [
        (0xC9, "arithmetic"),
        (0xCA, "arithmetic"),
        (0xC5, "hierarchical"),
        (0xF7, "JPEG-LS"),
    ] {
        let mut stream = lossless(1, 0);
        let header = stream
            .windows(2)
            .position(|pair| pair == [0xFF, 0xC3])
            .expect("a frame header");
        stream[header + 1] = code;
        let error = jpeg::decode(&stream, expected(1)).expect_err("a process that is not done");
        assert!(matches!(error, CodecError::Unsupported { .. }));
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn bent_streams_are_read() {
    let plain = gray_dct(DctProcess::Sequential);
    let whole = jpeg::decode(&plain, expected(1)).expect("a valid stream");
    let frame = plain
        .windows(2)
        .position(|pair| pair == [0xFF, 0xC1])
        .expect("a frame header");
    let with = |at: usize, bytes: &[u8]| [&plain[..at], bytes, &plain[at..]].concat();

    let after_end = [&plain[..], b"\0garbage \xFF\xD8\xFF\xC0\0"].concat();
    let fill_bytes = with(frame, &[0xFF, 0xFF, 0xFF]);
    let junk_between_markers = with(frame, &[0, 0x17, 0x2A, 0]);
    let unknown_segments = with(frame, &[0xFF, 0xE5, 0, 4, 1, 2, 0xFF, 0xFE, 0, 3, 9]);
    let marker_before_start = [&[0][..], &plain].concat();
    let mut height_later = plain.clone();
    height_later[frame + 5..frame + 7].fill(0);
    let height_unsaid = height_later.clone();
    let end = height_later.len() - 2;
    height_later.splice(end..end, [0xFF, 0xDC, 0, 4, 0, ROWS as u8]);
    for stream in [
        after_end,
        fill_bytes,
        junk_between_markers,
        unknown_segments,
        marker_before_start,
        height_later.clone(),
        height_unsaid,
    ] {
        assert_eq!(jpeg::decode(&stream, expected(1)).as_ref(), Ok(&whole));
    }

    let at = height_later.len() - 3;
    height_later[at] += 1;
    assert!(matches!(
        jpeg::decode(&height_later, expected(1)),
        Err(CodecError::Mismatch { .. })
    ));
}

#[test]
fn missing_tables_are_the_standard_ones() {
    // One block: DC difference 3 (category 2: code 011, bits 11), end of block 1010, then ones.
    let mut stream = vec![0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0];
    stream.extend([8; 64]);
    stream.extend([0xFF, 0xC0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0]);
    stream.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0]);
    stream.extend([0b0111_1101, 0b0111_1111, 0xFF, 0xD9]);
    let decoded = jpeg::decode(
        &stream,
        Expected {
            columns: 8,
            rows: 8,
            channels: 1,
        },
    )
    .expect("a valid stream");
    assert_eq!(decoded.samples, Samples::U8(vec![131; 64]));
}

#[test]
fn difference_of_32768_has_no_bits() {
    // Two samples of 16 bits: 32768 as the origin, then 32768 away from it.
    for other in [0, 65_535] {
        let samples = [0x8000, other, 0x7FFF, other];
        let stream = encode_jpeg_lossless(&LosslessJpeg {
            samples: &samples,
            columns: 4,
            rows: 1,
            channels: 1,
            precision: 16,
            predictor: 1,
            point_transform: 0,
            restart_rows: 0,
            scans: Scans::Interleaved,
        });
        let decoded = jpeg::decode(
            &stream,
            Expected {
                columns: 4,
                rows: 1,
                channels: 1,
            },
        );
        assert_eq!(
            decoded.expect("a valid stream").samples,
            Samples::U16(samples.to_vec())
        );
    }
}

#[test]
fn color_is_what_the_markers_say() {
    let color = |stream: &[u8], markers: &[u8]| {
        let stream = [&stream[..2], markers, &stream[2..]].concat();
        jpeg::decode(&stream, expected(3)).expect("a valid stream").color
    };
    let jfif = b"\xFF\xE0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0";
    let adobe = |transform: u8| [&b"\xFF\xEE\0\x0EAdobe\0\x65\0\0\0\0"[..], &[transform]].concat();
    let (lossy, lossless) = (dct(DctProcess::Sequential), lossless(3, 0));
    assert_eq!(color(&lossy, &[]), ColorSpace::AsDeclared);
    assert_eq!(color(&lossy, jfif), ColorSpace::Ybr);
    assert_eq!(color(&lossy, &adobe(0)), ColorSpace::Rgb);
    assert_eq!(color(&lossy, &adobe(1)), ColorSpace::Ybr);
    assert_eq!(color(&lossless, jfif), ColorSpace::AsDeclared);
    assert_eq!(color(&lossless, &adobe(0)), ColorSpace::Rgb);
}
