//! JPEG-LS against the encoder of `testkit`: every combination of sizes, precisions, NEAR, components,
//! interleaving, presets and restarts comes back within NEAR; damaged streams end in an error or in a
//! picture, soon.

use codec::{CodecError, Decoded, Expected, Samples, jpeg_ls};
use proptest::prelude::*;
use testkit::encode::jpeg_ls::{Interleave, Preset, Settings, encode};

/// How the samples of a test picture lie.
#[derive(Clone, Copy, Debug)]
enum Texture {
    /// Anything.
    Noise,
    /// A slope with a little noise, like tissue.
    Slope,
    /// Long runs with rare interruptions, like air.
    Runs,
    /// Nothing but the two extremes.
    Extremes,
}

#[derive(Clone, Debug)]
struct Case {
    columns: u16,
    rows: u16,
    channels: u8,
    texture: Texture,
    seed: u64,
    settings: Settings,
}

impl Case {
    fn maxval(&self) -> u32 {
        match self.settings.preset {
            Some(Preset { maxval: 1.., .. }) => self.settings.preset.map_or(0, |preset| preset.maxval.into()),
            _ => (1 << self.settings.precision_bits) - 1,
        }
    }

    /// `[row][column][channel]`, up to [`Case::maxval`].
    fn samples(&self) -> Vec<u16> {
        let levels = self.maxval() + 1;
        let row_len = u32::from(self.columns) * u32::from(self.channels);
        let mut state = self.seed | 1;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 33) as u32
        };
        let mut level = 0;
        (0..u32::from(self.rows) * row_len)
            .map(|index| {
                let sample = match self.texture {
                    Texture::Noise => random() % levels,
                    Texture::Slope => (index % row_len + index / row_len * 2 + random() % 4) % levels,
                    Texture::Runs => {
                        if random() % 29 == 0 {
                            level = random() % levels;
                        }
                        level
                    }
                    Texture::Extremes => random() % 2 * (levels - 1),
                };
                sample as u16
            })
            .collect()
    }

    fn expected(&self) -> Expected {
        Expected {
            columns: self.columns.into(),
            rows: self.rows.into(),
            channels: self.channels.into(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        encode(&self.samples(), self.columns, self.channels, &self.settings)
    }
}

fn interleave() -> impl Strategy<Value = Interleave> {
    prop_oneof![
        Just(Interleave::None),
        Just(Interleave::Line),
        Just(Interleave::Sample)
    ]
}

fn texture() -> impl Strategy<Value = Texture> {
    prop_oneof![
        Just(Texture::Noise),
        Just(Texture::Slope),
        Just(Texture::Runs),
        Just(Texture::Extremes)
    ]
}

/// Preset parameters that the standard allows for a precision and a NEAR.
fn preset(precision_bits: u8, near: u8) -> impl Strategy<Value = Option<Preset>> {
    let largest = ((1_u32 << precision_bits) - 1) as u16;
    let least = (2 * u16::from(near)).max(1);
    let given = (least..=largest, any::<[u16; 3]>(), 3..=255_u16).prop_map(move |(maxval, cuts, reset)| {
        let least = u16::from(near) + 1;
        let mut thresholds = cuts.map(|cut| {
            if maxval > least {
                least + cut % (maxval - least + 1)
            } else {
                least
            }
        });
        thresholds.sort_unstable();
        if thresholds[2] > maxval {
            thresholds = [0; 3];
        }
        Preset {
            maxval,
            thresholds,
            reset,
        }
    });
    prop_oneof![3 => Just(None), 1 => given.prop_map(Some)]
}

fn settings() -> impl Strategy<Value = Settings> {
    (2..=16_u8, interleave(), prop_oneof![Just(0), 1..9_u16])
        .prop_flat_map(|(precision_bits, interleave, restart_lines)| {
            let largest_near = (((1_u32 << precision_bits) - 1) / 2).min(255) as u8;
            let near = prop_oneof![3 => Just(0), 2 => 0..=largest_near.min(5), 1 => 0..=largest_near];
            (Just((precision_bits, interleave, restart_lines)), near)
        })
        .prop_flat_map(|((precision_bits, interleave, restart_lines), near)| {
            preset(precision_bits, near).prop_map(move |preset| Settings {
                precision_bits,
                near,
                interleave,
                preset,
                restart_lines,
            })
        })
}

fn case() -> impl Strategy<Value = Case> {
    (
        1..71_u16,
        1..37_u16,
        1..=4_u8,
        texture(),
        any::<u64>(),
        settings(),
    )
        .prop_map(|(columns, rows, channels, texture, seed, settings)| Case {
            columns,
            rows,
            channels,
            texture,
            seed,
            settings,
        })
}

fn values(decoded: &Decoded) -> Vec<u16> {
    match &decoded.samples {
        Samples::U8(samples) => samples.iter().copied().map(u16::from).collect(),
        Samples::U16(samples) => samples.clone(),
        Samples::I32(_) => panic!("JPEG-LS has at most 16 bits"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn comes_back_within_near(case in case()) {
        let decoded = jpeg_ls::decode(&case.encode(), case.expected()).expect("the stream is valid");
        prop_assert_eq!(decoded.precision_bits, case.settings.precision_bits);
        prop_assert_eq!(matches!(decoded.samples, Samples::U8(_)), case.settings.precision_bits <= 8);
        let original = case.samples();
        let values = values(&decoded);
        prop_assert_eq!(values.len(), original.len());
        let worst = values.iter().zip(&original).map(|(a, b)| a.abs_diff(*b)).max();
        prop_assert!(worst <= Some(case.settings.near.into()), "off by {:?}", worst);
    }

    #[test]
    fn damage_ends_in_an_error_or_a_picture(
        case in case(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..12),
    ) {
        let mut stream = case.encode();
        for (index, flip) in flips {
            *index.get_mut(&mut stream) ^= flip;
        }
        if let Ok(decoded) = jpeg_ls::decode(&stream, case.expected()) {
            let Expected { columns, rows, channels } = case.expected();
            prop_assert_eq!(values(&decoded).len(), columns as usize * rows as usize * usize::from(channels));
        }
    }

    #[test]
    fn noise_ends_in_an_error_or_a_picture(
        case in case(),
        noise in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let stream = case.encode();
        let scan = stream.windows(2).position(|pair| pair == [0xFF, 0xDA]).expect("a scan") + 6;
        let damaged = [&stream[..scan.min(stream.len())], &noise].concat();
        let _ = jpeg_ls::decode(&damaged, case.expected());
    }
}

fn sample_case(interleave: Interleave, near: u8, restart_lines: u16) -> Case {
    let settings = Settings {
        precision_bits: 12,
        near,
        interleave,
        preset: None,
        restart_lines,
    };
    Case {
        columns: 37,
        rows: 23,
        channels: 3,
        texture: Texture::Slope,
        seed: 5,
        settings,
    }
}

#[test]
fn a_stream_cut_anywhere_is_an_error() {
    for case in [
        sample_case(Interleave::None, 0, 0),
        sample_case(Interleave::Line, 2, 5),
        sample_case(Interleave::Sample, 0, 7),
    ] {
        let stream = case.encode();
        // EOI and the last few bits, which may be padding, are not needed.
        for length in 0..stream.len() - 4 {
            let result = jpeg_ls::decode(&stream[..length], case.expected());
            assert!(
                matches!(
                    result,
                    Err(CodecError::Truncated { .. } | CodecError::Malformed { .. })
                ),
                "cut to {length} of {} bytes: {result:?}",
                stream.len()
            );
        }
    }
}

#[test]
fn what_follows_the_picture_does_not_matter() {
    let case = sample_case(Interleave::Sample, 0, 0);
    let stream = case.encode();
    let picture = jpeg_ls::decode(&stream, case.expected());
    assert!(picture.is_ok());
    let without_end = &stream[..stream.len() - 2];
    for tail in [
        &[][..],
        &[0],
        &[0xFF],
        &[0xFF, 0xD9, 0],
        &[0xFF, 0xFF, 0xD9],
        &[0; 300],
    ] {
        assert_eq!(
            jpeg_ls::decode(&[without_end, tail].concat(), case.expected()),
            picture,
            "{tail:?}"
        );
    }
}

#[test]
fn another_size_is_refused() {
    let case = sample_case(Interleave::None, 0, 0);
    let stream = case.encode();
    for expected in [
        Expected {
            columns: 38,
            ..case.expected()
        },
        Expected {
            rows: 22,
            ..case.expected()
        },
        Expected {
            channels: 1,
            ..case.expected()
        },
    ] {
        let result = jpeg_ls::decode(&stream, expected);
        assert!(matches!(result, Err(CodecError::Mismatch { .. })), "{result:?}");
    }
}

#[test]
fn a_huge_picture_without_data_is_refused_before_it_is_allocated() {
    let mut stream = sample_case(Interleave::None, 0, 0).encode();
    let frame = stream
        .windows(2)
        .position(|pair| pair == [0xFF, 0xF7])
        .expect("a frame")
        + 5;
    stream[frame..frame + 4].fill(0xFF);
    let expected = Expected {
        columns: 65535,
        rows: 65535,
        channels: 3,
    };
    let result = jpeg_ls::decode(&stream, expected);
    assert!(matches!(result, Err(CodecError::Truncated { .. })), "{result:?}");
}

/// Inserts a marker segment after SOI.
fn with_segment(stream: &[u8], marker: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16 + 2).to_be_bytes();
    [&stream[..2], &[0xFF, marker], &length, payload, &stream[2..]].concat()
}

#[test]
fn application_segments_are_passed_over() {
    let case = sample_case(Interleave::Line, 0, 0);
    let stream = case.encode();
    let picture = jpeg_ls::decode(&stream, case.expected());
    for (marker, payload) in [
        (0xE8, &b"SPIFF\0 and more"[..]),
        (0xFE, b"a comment \xFF\xDA"),
        (0xE8, b"mrfx\0"),
    ] {
        assert_eq!(
            jpeg_ls::decode(&with_segment(&stream, marker, payload), case.expected()),
            picture
        );
    }
}

#[test]
fn what_is_not_supported_is_named() {
    let case = sample_case(Interleave::Line, 0, 0);
    let stream = case.encode();
    let scan = stream
        .windows(2)
        .position(|pair| pair == [0xFF, 0xDA])
        .expect("a scan");
    let changed = |offset: usize, value: u8| {
        let mut stream = stream.clone();
        stream[offset] = value;
        stream
    };
    let frame = stream
        .windows(2)
        .position(|pair| pair == [0xFF, 0xF7])
        .expect("a frame");
    for (name, stream) in [
        ("color transform", with_segment(&stream, 0xE8, b"mrfx\x01")),
        ("mapping table", changed(scan + 6, 1)),
        ("point transform", changed(scan + 13, 2)),
        ("subsampling", changed(frame + 11, 0x22)),
        ("another JPEG process", changed(frame + 1, 0xC0)),
        (
            "larger than 65535",
            with_segment(&stream, 0xF8, &[4, 3, 1, 0, 0, 1, 0, 0]),
        ),
    ] {
        let error = jpeg_ls::decode(&stream, case.expected()).expect_err(name);
        assert!(
            matches!(error, CodecError::Unsupported { .. }) && error.to_string().contains(name),
            "{error}"
        );
    }
}

#[test]
fn lines_may_be_counted_after_the_scan() {
    let case = Case {
        channels: 1,
        ..sample_case(Interleave::None, 0, 0)
    };
    let stream = case.encode();
    let picture = jpeg_ls::decode(&stream, case.expected());
    let frame = stream
        .windows(2)
        .position(|pair| pair == [0xFF, 0xF7])
        .expect("a frame");
    let mut uncounted = stream.clone();
    uncounted[frame + 5..frame + 7].fill(0);
    let end = uncounted.len() - 2;
    uncounted.splice(end..end, [0xFF, 0xDC, 0, 4, 0, 23]);
    assert_eq!(jpeg_ls::decode(&uncounted, case.expected()), picture);
}
