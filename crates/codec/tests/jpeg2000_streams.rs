//! JPEG 2000 on small streams with every option that the format has.

#[path = "support/texture.rs"]
mod texture;

use codec::{CodecError, Decoded, Expected, Samples, jpeg2000};
use texture::{Kind, Stream, stream, streams, texture, values};

fn decode(stream: &Stream) -> Decoded {
    jpeg2000::decode(&stream.bytes, stream.expected)
        .unwrap_or_else(|error| panic!("{}: {error}", stream.name))
}

#[test]
fn lossless_streams_hold_the_texture() {
    let streams: Vec<Stream> = streams()
        .into_iter()
        .filter(|stream| stream.kind == Kind::Lossless)
        .collect();
    assert!(streams.len() > 30, "{} streams", streams.len());
    for stream in &streams {
        let decoded = decode(stream);
        assert!(values(&decoded) == texture(stream), "{}", stream.name);
    }
}

#[test]
fn lossy_streams_are_within_one_of_another_decoder() {
    let streams: Vec<Stream> = streams()
        .into_iter()
        .filter(|stream| stream.kind == Kind::Lossy)
        .collect();
    assert!(streams.len() >= 4, "{} streams", streams.len());
    for stream in &streams {
        let name = stream.name.rsplit_once('.').expect("a name with an ending").0;
        let raw = std::fs::read(texture::folder().join(format!("{name}.raw"))).expect("the reference");
        let reference: Vec<i32> = match stream.bits {
            ..=8 => raw.iter().map(|byte| i32::from(*byte)).collect(),
            _ => raw
                .chunks(2)
                .map(|pair| i32::from(u16::from_le_bytes([pair[0], pair[1]])))
                .collect(),
        };
        let values = values(&decode(stream));
        assert_eq!(values.len(), reference.len(), "{name}");
        let furthest = values.iter().zip(&reference).map(|(a, b)| (a - b).abs()).max();
        assert!(furthest <= Some(1), "{name}: {furthest:?}");
    }
}

#[test]
fn samples_of_subsampled_components_are_repeated() {
    let stream = stream("subsampled.j2k");
    let texture = texture(&stream);
    let width = stream.expected.columns as usize;
    let values = values(&decode(&stream));
    assert_eq!(values.len(), texture.len());
    for (index, value) in values.iter().enumerate() {
        let (x, y, channel) = (index / 3 % width, index / 3 / width, index % 3);
        let (dx, dy) = [(1, 1), (2, 2), (1, 3)][channel];
        let source = ((y - y % dy) * width + x - x % dx) * 3 + channel;
        assert_eq!(*value, texture[source], "column {x}, row {y}, channel {channel}");
    }
}

#[test]
fn streams_say_what_they_hold() {
    for stream in streams() {
        let decoded = decode(&stream);
        assert_eq!(u32::from(decoded.precision_bits), stream.bits, "{}", stream.name);
        assert_eq!(decoded.signed, stream.signed, "{}", stream.name);
        assert_eq!(decoded.color, stream.color, "{}", stream.name);
        let bytes = matches!(decoded.samples, Samples::U8(_));
        assert_eq!(bytes, stream.bits <= 8 && !stream.signed, "{}", stream.name);
    }
}

#[test]
fn another_picture_than_expected_is_refused() {
    let stream = stream("gray12.j2k");
    let Expected {
        columns,
        rows,
        channels,
    } = stream.expected;
    for other in [
        Expected {
            columns: rows,
            rows: columns,
            channels,
        },
        Expected {
            columns: columns - 1,
            rows,
            channels,
        },
        Expected {
            columns,
            rows: rows + 1,
            channels,
        },
        Expected {
            columns,
            rows,
            channels: 3,
        },
    ] {
        let error = jpeg2000::decode(&stream.bytes, other).expect_err("a mismatch");
        assert!(
            matches!(&error, CodecError::Mismatch { actual, .. } if actual == "61 x 45 x 1"),
            "{error}"
        );
    }
}

#[test]
fn what_follows_the_last_packet_is_of_no_matter() {
    for name in ["gray12.j2k", "ht_gray12.j2c", "rgb8_tiles_rlcp.j2k"] {
        let stream = stream(name);
        let whole = decode(&stream);
        let mut bytes = stream.bytes.clone();
        assert!(bytes.ends_with(&[0xFF, 0xD9]), "{name}");
        bytes.push(0);
        assert_eq!(
            jpeg2000::decode(&bytes, stream.expected),
            Ok(whole.clone()),
            "{name}: padded"
        );
        bytes.truncate(bytes.len() - 3);
        assert_eq!(
            jpeg2000::decode(&bytes, stream.expected),
            Ok(whole.clone()),
            "{name}: without an end"
        );
        bytes.extend([0xFF, 0xFF, 0xFF]);
        assert_eq!(
            jpeg2000::decode(&bytes, stream.expected),
            Ok(whole),
            "{name}: filled"
        );
    }
}

/// A codestream, taken apart at its tile-parts and packets.
struct Parts {
    /// Up to the first tile-part.
    main: Vec<u8>,
    tiles: Vec<TilePart>,
}

struct TilePart {
    index: [u8; 2],
    /// Packet headers, each with the marker at its end.
    headers: Vec<u8>,
    bodies: Vec<u8>,
}

/// Takes a stream apart whose packets begin with SOP and whose packet headers end with EPH. Neither marker's
/// bytes can stand anywhere else in a packet.
fn take_apart(bytes: &[u8]) -> Parts {
    let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let mut at = 2;
    while word(at) != 0xFF90 {
        at += 2 + usize::from(word(at + 2));
    }
    let mut parts = Parts {
        main: bytes[..at].to_vec(),
        tiles: Vec::new(),
    };
    while word(at) == 0xFF90 {
        let length = u32::from_be_bytes(bytes[at + 6..at + 10].try_into().expect("four bytes")) as usize;
        let index = [bytes[at + 4], bytes[at + 5]];
        let mut part = TilePart {
            index,
            headers: Vec::new(),
            bodies: Vec::new(),
        };
        let mut in_header = false;
        let mut inside = at + 14;
        while inside < at + length {
            match bytes[inside..] {
                [0xFF, 0x91, ..] => {
                    in_header = true;
                    inside += 6;
                }
                [0xFF, 0x92, ..] => {
                    part.headers.extend([0xFF, 0x92]);
                    in_header = false;
                    inside += 2;
                }
                _ => {
                    if in_header {
                        &mut part.headers
                    } else {
                        &mut part.bodies
                    }
                    .push(bytes[inside]);
                    inside += 1;
                }
            }
        }
        parts.tiles.push(part);
        at += length;
    }
    parts
}

fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&[0xFF, marker], &length[..], body].concat()
}

fn tile_part(tile: &TilePart, header: &[u8]) -> Vec<u8> {
    let length = (12 + header.len() + 2 + tile.bodies.len()) as u32;
    let start = segment(0x90, &[&tile.index[..], &length.to_be_bytes(), &[0, 1]].concat());
    [&start[..], header, &[0xFF, 0x93], &tile.bodies].concat()
}

#[test]
fn packet_headers_may_be_packed_in_the_main_header() {
    let stream = stream("rgb8_tiles_rlcp.j2k");
    let parts = take_apart(&stream.bytes);
    assert!(parts.tiles.len() > 1);
    let packed: Vec<u8> = parts
        .tiles
        .iter()
        .flat_map(|tile| [&(tile.headers.len() as u32).to_be_bytes(), &tile.headers[..]].concat())
        .collect();
    // Cut where it suits nobody, and the pieces in the wrong order: their numbers tell.
    let (first, second) = packed.split_at(packed.len() / 2 + 1);
    let mut bytes = parts.main.clone();
    bytes.extend(segment(0x60, &[&[1], second].concat()));
    bytes.extend(segment(0x60, &[&[0], first].concat()));
    bytes.extend(parts.tiles.iter().flat_map(|tile| tile_part(tile, &[])));
    bytes.extend([0xFF, 0xD9]);
    let decoded = jpeg2000::decode(&bytes, stream.expected).expect("a picture");
    assert!(values(&decoded) == texture(&stream));
}

#[test]
fn packet_headers_may_be_packed_in_tile_part_headers() {
    let stream = stream("rgb8_tiles_rlcp.j2k");
    let parts = take_apart(&stream.bytes);
    let mut bytes = parts.main.clone();
    for tile in &parts.tiles {
        let (first, second) = tile.headers.split_at(tile.headers.len() / 3);
        let header = [
            segment(0x61, &[&[0], first].concat()),
            segment(0x61, &[&[1], second].concat()),
        ];
        bytes.extend(tile_part(tile, &header.concat()));
    }
    let decoded = jpeg2000::decode(&bytes, stream.expected).expect("a picture");
    assert!(values(&decoded) == texture(&stream));
}

#[test]
fn a_segment_of_a_tile_overrides_the_main_header() {
    let stream = stream("rgb8_tiles_rlcp.j2k");
    let position = |bytes: &[u8]| {
        bytes
            .windows(2)
            .position(|pair| pair == [0xFF, 0x52])
            .expect("COD")
    };
    // The main header lies about the number of levels; the tiles put it right.
    let parts = take_apart(&stream.bytes);
    let at = position(&parts.main);
    let length = usize::from(parts.main[at + 3]) + 2;
    let style = parts.main[at..at + length].to_vec();
    let mut bytes = parts.main.clone();
    assert_eq!(bytes[at + 9], 2, "levels");
    bytes[at + 9] = 1;
    let start = bytes.len();
    let body = &stream.bytes[start..];
    let mut inside = 0;
    while body[inside + 1] == 0x90 {
        let length = u32::from_be_bytes(body[inside + 6..inside + 10].try_into().expect("four bytes"));
        let mut part = body[inside..inside + length as usize].to_vec();
        part[6..10].copy_from_slice(&(length + style.len() as u32).to_be_bytes());
        part.splice(12..12, style.iter().copied());
        bytes.extend(part);
        inside += length as usize;
    }
    let decoded = jpeg2000::decode(&bytes, stream.expected).expect("a picture");
    assert!(values(&decoded) == texture(&stream));
}

#[test]
fn a_color_transform_of_fewer_than_three_components_is_none() {
    let mut stream = stream("gray12.j2k");
    let at = stream
        .bytes
        .windows(2)
        .position(|pair| pair == [0xFF, 0x52])
        .expect("COD");
    assert_eq!(stream.bytes[at + 8], 0);
    stream.bytes[at + 8] = 1;
    assert!(values(&decode(&stream)) == texture(&stream));
}
