//! RLE: what is encoded comes back, and what is not a whole frame is an error.

use codec::{CodecError, Expected, Samples, rle};
use proptest::prelude::*;
use testkit::encode::encode_rle;

fn little_endian(samples: &Samples) -> Vec<u8> {
    match samples {
        Samples::U8(samples) => samples.clone(),
        Samples::U16(samples) => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
        Samples::I32(samples) => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
    }
}

proptest! {
    #[test]
    fn comes_back(
        (columns, rows) in (1usize..300, 1usize..12),
        channels in 1usize..=3,
        bytes_per_sample in prop_oneof![Just(1usize), Just(2), Just(4)],
        steadiness in 0u8..=255,
        seed in any::<u64>(),
    ) {
        let mut state = seed;
        let mut value = 0;
        let samples: Vec<u8> = (0..columns * rows * channels * bytes_per_sample)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if (state >> 33) as u8 >= steadiness {
                    value = (state >> 41) as u8;
                }
                value
            })
            .collect();
        let stream = encode_rle(&samples, columns, channels, bytes_per_sample);
        let expected = Expected { columns: columns as u32, rows: rows as u32, channels: channels as u16 };
        let bits_allocated = bytes_per_sample as u16 * 8;
        let decoded = rle::decode(&stream, expected, bits_allocated).expect("a valid frame");
        prop_assert_eq!(little_endian(&decoded.samples), samples);
        prop_assert_eq!(u16::from(decoded.precision_bits), bits_allocated);

        // Without its last packet (which may be followed by a padding byte) a frame is too short.
        let cut = rle::decode(&stream[..stream.len() - 2], expected, bits_allocated);
        prop_assert!(matches!(cut, Err(CodecError::Truncated { .. })), "{:?}", cut);
    }
}

/// A frame of one row of five 8-bit samples whose only segment is `segment`.
fn five(segment: &[u8]) -> Result<Samples, CodecError> {
    let mut frame: Vec<u8> = [1u32, 64]
        .into_iter()
        .chain([0; 14])
        .flat_map(u32::to_le_bytes)
        .collect();
    frame.extend(segment);
    rle::decode(
        &frame,
        Expected {
            columns: 5,
            rows: 1,
            channels: 1,
        },
        8,
    )
    .map(|decoded| decoded.samples)
}

#[test]
fn packets_mean_what_the_standard_says() {
    let whole = Ok(Samples::U8(vec![7, 7, 7, 1, 2]));
    // A run of three is 257 - 3 = 254; a literal of two is 1 (PS3.5 G.3.1); 128 does nothing.
    assert_eq!(five(&[254, 7, 1, 1, 2]), whole);
    assert_eq!(five(&[128, 254, 7, 128, 128, 1, 1, 2, 128]), whole);
    // Padding, and packets that run over the end.
    assert_eq!(five(&[254, 7, 1, 1, 2, 0]), whole);
    assert_eq!(five(&[254, 7, 1, 1, 2, 129, 9, 5, 5]), whole);
    assert_eq!(five(&[254, 7, 9, 1, 2, 3, 4]), whole);
    assert_eq!(five(&[2, 7, 7, 7, 0, 1, 130, 2]), whole);
}

#[test]
fn short_segments_are_errors() {
    for segment in [
        &[][..],
        &[254],
        &[254, 7],
        &[254, 7, 1],
        &[254, 7, 1, 1],
        &[254, 7, 128, 128, 128],
    ] {
        let end = 64 + segment.len();
        assert_eq!(
            five(segment),
            Err(CodecError::Truncated {
                codec: "RLE",
                offset: end
            }),
            "{segment:?}"
        );
    }
}

#[test]
fn bad_headers_are_errors() {
    let frame = encode_rle(&[1, 2, 3, 4, 5, 6], 3, 1, 2);
    let expected = Expected {
        columns: 3,
        rows: 1,
        channels: 1,
    };
    assert!(rle::decode(&frame, expected, 16).is_ok());
    let result = |offset: usize, word: u32| {
        let mut frame = frame.clone();
        frame[offset..offset + 4].copy_from_slice(&word.to_le_bytes());
        rle::decode(&frame, expected, 16)
    };
    for count in [0, 1, 3, 15, 16, u32::MAX] {
        assert!(matches!(result(0, count), Err(CodecError::Mismatch { .. })));
    }
    for (offset, word) in [(4, 0), (4, 63), (4, u32::MAX), (8, 10), (8, 10_000)] {
        assert!(matches!(result(offset, word), Err(CodecError::Malformed { .. })));
    }
    assert!(matches!(
        rle::decode(&frame[..63], expected, 16),
        Err(CodecError::Truncated { .. })
    ));
    for bits_allocated in [0, 1, 12, 24, 64] {
        assert!(matches!(
            rle::decode(&frame, expected, bits_allocated),
            Err(CodecError::Unsupported { .. })
        ));
    }
    let no_channel = Expected {
        channels: 0,
        ..expected
    };
    assert!(matches!(
        rle::decode(&frame, no_channel, 16),
        Err(CodecError::Unsupported { .. })
    ));
}
