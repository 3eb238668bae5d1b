//! JPEG 2000 on streams that are cut, damaged or lie: an error or a picture, never a panic, and no more memory than the
//! picture and the stream ask for.

#[path = "support/memory.rs"]
mod memory;
#[path = "support/texture.rs"]
mod texture;

use codec::{CodecError, Decoded, Expected, jpeg2000};
use proptest::prelude::*;
use texture::{Kind, Stream, stream, streams, texture, values};

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// What a decoder takes for itself, and for messages.
const FIXED: usize = 384 << 10;

/// Decodes, and checks that memory stays in proportion to the picture and the stream.
fn decode(bytes: &[u8], expected: Expected) -> Result<Decoded, CodecError> {
    let samples = expected.columns as usize * expected.rows as usize * usize::from(expected.channels);
    let (result, peak) = memory::peak(|| jpeg2000::decode(bytes, expected));
    let allowed = FIXED + 40 * samples + 192 * bytes.len() + 1024 * usize::from(expected.channels);
    assert!(
        peak <= allowed,
        "{peak} bytes for {samples} samples out of {} bytes",
        bytes.len()
    );
    if let Ok(decoded) = &result {
        assert_eq!(values(decoded).len(), samples);
    }
    result
}

/// Where the last packet of a stream ends: its end marker.
fn end_of_packets(stream: &Stream) -> usize {
    let end = stream.bytes.len() - 2;
    assert_eq!(stream.bytes[end..], [0xFF, 0xD9], "{}", stream.name);
    end
}

#[test]
fn a_stream_cut_anywhere_is_an_error() {
    for stream in streams() {
        let end = end_of_packets(&stream);
        // Every byte of small streams; of large ones those of the headers, and every fifth after them.
        let step = if end > 2_600 { 5 } else { 1 };
        for cut in (0..300.min(end)).chain((300..end).step_by(step)).chain([end - 1]) {
            let result = decode(&stream.bytes[..cut], stream.expected);
            assert!(result.is_err(), "{} cut at {cut}", stream.name);
        }
        let decoded = decode(&stream.bytes[..end], stream.expected).expect("all packets are there");
        assert_eq!(decoded.color, stream.color, "{}", stream.name);
        assert!(
            stream.kind != Kind::Lossless || values(&decoded) == texture(&stream),
            "{}",
            stream.name
        );
    }
}

#[test]
fn a_cut_is_said_to_be_one() {
    let stream = stream("gray12.j2k");
    for cut in [0, 3, 20, 90, 1_000, end_of_packets(&stream) - 1] {
        let error = decode(&stream.bytes[..cut], stream.expected).expect_err("a cut stream");
        assert!(
            matches!(error, CodecError::Truncated { .. }),
            "cut at {cut}: {error}"
        );
    }
}

#[test]
fn every_byte_of_the_headers_may_be_anything() {
    for name in [
        "gray12.j2k",
        "rgb8_rpcl_precincts.j2k",
        "progression_changes.j2k",
        "ht_gray16_blocks.j2c",
    ] {
        let stream = stream(name);
        let start = stream
            .bytes
            .windows(2)
            .position(|pair| pair == [0xFF, 0x93])
            .expect("SOD");
        for at in 2..start + 40 {
            for value in [0, 1, 2, 0x1F, 0x7F, 0x80, 0xFE, 0xFF, stream.bytes[at] ^ 4] {
                let mut bytes = stream.bytes.clone();
                bytes[at] = value;
                _ = decode(&bytes, stream.expected);
            }
        }
    }
}

/// A main header with one component of 8 bits, and the segments given.
fn header(size: [u32; 8], components: &[[u8; 3]], segments: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0x4F, 0xFF, 0x51];
    bytes.extend((38 + 3 * components.len() as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(size.iter().flat_map(|number| number.to_be_bytes()));
    bytes.extend((components.len() as u16).to_be_bytes());
    bytes.extend(components.iter().flatten());
    bytes.extend(segments.concat());
    bytes
}

/// Coding style: progression order, layers, levels, code-block exponents, precincts.
fn cod(order: u8, layers: u16, levels: u8, block: [u8; 2], precincts: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0x52];
    bytes.extend((12 + precincts.len() as u16).to_be_bytes());
    bytes.extend([u8::from(!precincts.is_empty()), order]);
    bytes.extend(layers.to_be_bytes());
    bytes.extend([0, levels, block[0], block[1], 0, 1]);
    bytes.extend(precincts);
    bytes
}

fn qcd(levels: u8) -> Vec<u8> {
    let bands = 3 * usize::from(levels) + 1;
    let mut bytes = vec![0xFF, 0x5C];
    bytes.extend((3 + bands as u16).to_be_bytes());
    bytes.push(0x40);
    bytes.extend(vec![0x48; bands]);
    bytes
}

fn tile_part(index: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0x90, 0, 10];
    bytes.extend(index.to_be_bytes());
    bytes.extend((14 + body.len() as u32).to_be_bytes());
    bytes.extend([0, 1, 0xFF, 0x93]);
    bytes.extend(body);
    bytes
}

const BYTES: [u8; 3] = [7, 1, 1];

fn expected(columns: u32, rows: u32, channels: u16) -> Expected {
    Expected {
        columns,
        rows,
        channels,
    }
}

/// The size segment's numbers for an image at the origin.
fn size(columns: u32, rows: u32, tile: [u32; 2]) -> [u32; 8] {
    [columns, rows, 0, 0, tile[0], tile[1], 0, 0]
}

/// Decodes what must be refused before anything of its size is allocated.
fn refuse(bytes: &[u8], expected: Expected) -> CodecError {
    let (result, peak) = memory::peak(|| jpeg2000::decode(bytes, expected));
    assert!(peak < 4 << 20, "{peak} bytes");
    result.expect_err("a stream that lies")
}

#[test]
fn a_large_picture_without_data_takes_no_memory() {
    let (columns, rows) = (65_535, 65_535);
    for (levels, precincts) in [
        (0, &[][..]),
        (5, &[][..]),
        (2, &[0x00, 0x11, 0x11][..]),
        (32, &[][..]),
    ] {
        let style = cod(0, 1, levels, [4, 4], precincts);
        let mut bytes = header(
            size(columns, rows, [columns, rows]),
            &[BYTES],
            &[&style, &qcd(levels)],
        );
        bytes.extend(tile_part(0, &[]));
        let error = refuse(&bytes, expected(columns, rows, 1));
        assert!(matches!(error, CodecError::Truncated { .. }), "{error}");
    }
}

#[test]
fn many_layers_precincts_or_tiles_need_as_many_bytes() {
    let style = |layers, precincts: &[u8]| cod(2, layers, 1, [0, 0], precincts);
    // 65,535 layers out of three bytes.
    let mut bytes = header(
        size(4_000, 4_000, [4_000, 4_000]),
        &[BYTES],
        &[&style(65_535, &[]), &qcd(1)],
    );
    bytes.extend(tile_part(0, &[0, 0, 0]));
    assert!(matches!(
        refuse(&bytes, expected(4_000, 4_000, 1)),
        CodecError::Truncated { .. }
    ));
    // A precinct for every sample of the lowest resolution.
    let mut bytes = header(
        size(4_000, 4_000, [4_000, 4_000]),
        &[BYTES],
        &[&style(1, &[0, 0x11]), &qcd(1)],
    );
    bytes.extend(tile_part(0, &[0; 1_000]));
    assert!(matches!(
        refuse(&bytes, expected(4_000, 4_000, 1)),
        CodecError::Truncated { .. }
    ));
    // A tile for every sample.
    let bytes = header(size(60_000, 60_000, [1, 1]), &[BYTES], &[&style(1, &[]), &qcd(1)]);
    assert!(matches!(
        refuse(&bytes, expected(60_000, 60_000, 1)),
        CodecError::Malformed { .. }
    ));
    // As many tiles as an index counts, times as many components as there may be.
    let bytes = header(
        size(255, 255, [1, 1]),
        &[BYTES; 16_384],
        &[&style(1, &[]), &qcd(1)],
    );
    assert!(matches!(
        refuse(&bytes, expected(255, 255, 16_384)),
        CodecError::Malformed { .. }
    ));
}

#[test]
fn empty_packets_make_a_gray_picture() {
    let style = cod(4, 3, 2, [1, 1], &[]);
    let mut bytes = header(size(37, 21, [20, 30]), &[BYTES], &[&style, &qcd(2)]);
    bytes.extend([tile_part(1, &[0; 9]), tile_part(0, &[0; 9])].concat());
    let decoded = decode(&bytes, expected(37, 21, 1)).expect("a picture");
    assert_eq!(values(&decoded), vec![128; 37 * 21]);
}

#[test]
fn components_without_samples_in_a_tile_have_no_packets() {
    // The second component has one sample in 255, on both axes, so only the first tile has any of it.
    let style = cod(0, 1, 0, [1, 1], &[]);
    let mut bytes = header(size(9, 5, [4, 5]), &[BYTES, [7, 255, 255]], &[&style, &qcd(0)]);
    bytes.extend(
        [
            tile_part(0, &[0; 2]),
            tile_part(1, &[0; 1]),
            tile_part(2, &[0; 1]),
        ]
        .concat(),
    );
    let decoded = decode(&bytes, expected(9, 5, 2)).expect("a picture");
    assert_eq!(values(&decoded), vec![128; 9 * 5 * 2]);
}

#[test]
fn components_without_any_sample_are_zero() {
    // Both components have samples at multiples of 100 and 101 only, and the picture lies between those.
    let style = cod(0, 1, 0, [1, 1], &[]);
    let area = [64, 63, 60, 60, 4, 3, 60, 60];
    let mut bytes = header(area, &[[7, 100, 100], [7, 101, 101]], &[&style, &qcd(0)]);
    bytes.extend(tile_part(0, &[]));
    let decoded = decode(&bytes, expected(4, 3, 2)).expect("a picture");
    assert_eq!(values(&decoded), vec![0; 4 * 3 * 2]);
}

#[test]
fn progression_changes_that_leave_packets_out_are_an_error() {
    let style = cod(0, 1, 1, [1, 1], &[]);
    let change = [0xFF, 0x5F, 0, 9, 0, 0, 0, 1, 1, 1, 0];
    let mut bytes = header(size(8, 8, [8, 8]), &[BYTES], &[&style, &qcd(1), &change]);
    bytes.extend(tile_part(0, &[0; 4]));
    assert!(matches!(
        decode(&bytes, expected(8, 8, 1)),
        Err(CodecError::Malformed { .. })
    ));
}

#[test]
fn many_progression_changes_are_an_error() {
    let style = cod(0, 1, 1, [1, 1], &[]);
    let change = [0, 0, 0, 1, 2, 1, 0];
    let changes = [&[0xFF, 0x5F, 0x23, 0x02][..], &change.repeat(0x500)].concat();
    let bytes = header(size(8, 8, [8, 8]), &[BYTES], &[&style, &qcd(1), &changes]);
    assert!(matches!(
        refuse(&bytes, expected(8, 8, 1)),
        CodecError::Malformed { .. }
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn flipped_bits_never_panic(
        which in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..6),
    ) {
        let streams = streams();
        let stream = which.get(&streams);
        let mut bytes = stream.bytes.clone();
        for (at, bit) in &flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        _ = decode(&bytes, stream.expected);
    }

    #[test]
    fn noise_after_a_header_never_panics(
        which in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 0..3_000),
    ) {
        let streams = streams();
        let stream = which.get(&streams);
        let start = stream.bytes.windows(2).position(|pair| pair == [0xFF, 0x93]).expect("SOD") + 2;
        let bytes = [&stream.bytes[..start], &noise].concat();
        _ = decode(&bytes, stream.expected);
    }

    #[test]
    fn pieces_put_together_anew_never_panic(
        which in any::<prop::sample::Index>(),
        first in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
        third in any::<prop::sample::Index>(),
    ) {
        let streams = streams();
        let stream = which.get(&streams);
        let [a, b, c] = [first, second, third].map(|index| index.index(stream.bytes.len()));
        let bytes = [&stream.bytes[..a], &stream.bytes[b..], &stream.bytes[c..]].concat();
        _ = decode(&bytes, stream.expected);
    }
}
