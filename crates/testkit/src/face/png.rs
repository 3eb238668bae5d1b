//! PNG files (W3C PNG, third edition), without any choice.

use std::io::Write as _;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

/// What a pixel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pixels {
    /// One sample of 16 bits, the high byte first.
    Gray16,
    /// Red, green, blue of 8 bits.
    Rgb8,
}

/// `pixels` (`[row][column]`, as [`Pixels`] says) as a PNG.
pub(super) fn encode(columns: usize, rows: usize, kind: Pixels, pixels: &[u8]) -> Vec<u8> {
    let (depth, color, bytes) = match kind {
        Pixels::Gray16 => (16, 0, 2),
        Pixels::Rgb8 => (8, 2, 3),
    };
    assert_eq!(pixels.len(), columns * rows * bytes, "one value a pixel");
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    for row in pixels.chunks_exact(columns * bytes) {
        // Filter 1: what differs from the pixel before.
        let before = std::iter::repeat_n(0, bytes).chain(row.iter().copied());
        let line: Vec<u8> = std::iter::once(1)
            .chain(row.iter().zip(before).map(|(v, before)| v.wrapping_sub(before)))
            .collect();
        packed.write_all(&line).expect("memory takes everything");
    }
    let packed = packed.finish().expect("memory takes everything");

    let mut header = Vec::new();
    header.extend((columns as u32).to_be_bytes());
    header.extend((rows as u32).to_be_bytes());
    header.extend([depth, color, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"IDAT", &packed);
    chunk(&mut file, *b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, name: [u8; 4], content: &[u8]) {
    file.extend((content.len() as u32).to_be_bytes());
    let mut crc = Crc::new();
    crc.update(&name);
    crc.update(content);
    // PNG's check is zlib's CRC-32.
    file.extend(name);
    file.extend(content);
    file.extend(crc.sum().to_be_bytes());
}
