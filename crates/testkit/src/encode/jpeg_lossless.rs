//! Lossless JPEG (ITU-T T.81 Annex H).

use super::bits::{BitWriter, category, magnitude_bits, segment};
use super::huffman::HuffmanCode;

/// Whether components share a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scans {
    /// One scan, sample by sample.
    Interleaved,
    /// One scan a component.
    Separate,
}

/// The picture to encode and how.
#[derive(Clone, Debug)]
pub struct LosslessJpeg<'s> {
    /// `[row][column][channel]`, below `2^precision`; the low `point_transform` bits are lost.
    pub samples: &'s [u16],
    /// Pixels along a row.
    pub columns: usize,
    /// Pixels down a column.
    pub rows: usize,
    /// Channels a pixel.
    pub channels: usize,
    /// Bits a sample, 2 to 16.
    pub precision: u8,
    /// T.81 table H.1, 1 to 7.
    pub predictor: u8,
    /// Low bits dropped.
    pub point_transform: u8,
    /// Rows between restart markers; 0 for none.
    pub restart_rows: usize,
    /// Whether components share a scan.
    pub scans: Scans,
}

/// Encodes one frame, with a Huffman table made for it.
pub fn encode_jpeg_lossless(picture: &LosslessJpeg<'_>) -> Vec<u8> {
    let LosslessJpeg {
        columns,
        rows,
        channels,
        precision,
        ..
    } = *picture;
    assert_eq!(
        picture.samples.len(),
        columns * rows * channels,
        "the size of the picture"
    );
    let differences: Vec<Vec<i32>> = (0..channels)
        .map(|channel| differences(picture, channel))
        .collect();
    let mut frequencies = [0; 256];
    for &difference in differences.iter().flatten() {
        frequencies[category(difference) as usize] += 1;
    }
    let code = HuffmanCode::for_frequencies(&frequencies);

    let mut stream = vec![0xFF, 0xD8];
    let [y1, y0] = (rows as u16).to_be_bytes();
    let [x1, x0] = (columns as u16).to_be_bytes();
    let mut frame = vec![precision, y1, y0, x1, x0, channels as u8];
    frame.extend((1..=channels as u8).flat_map(|id| [id, 0x11, 0]));
    segment(&mut stream, 0xC3, &frame);
    code.write(&mut stream, 0);
    if picture.restart_rows > 0 {
        segment(
            &mut stream,
            0xDD,
            &((picture.restart_rows * columns) as u16).to_be_bytes(),
        );
    }
    let scans: Vec<Vec<usize>> = match picture.scans {
        Scans::Interleaved => vec![(0..channels).collect()],
        Scans::Separate => (0..channels).map(|channel| vec![channel]).collect(),
    };
    for scan in scans {
        let mut header = vec![scan.len() as u8];
        header.extend(scan.iter().flat_map(|&channel| [channel as u8 + 1, 0]));
        header.extend([picture.predictor, 0, picture.point_transform]);
        segment(&mut stream, 0xDA, &header);
        let mut bits = BitWriter::default();
        for row in 0..rows {
            if picture.restart_rows > 0 && row > 0 && row % picture.restart_rows == 0 {
                bits.restart(row / picture.restart_rows - 1);
            }
            for column in 0..columns {
                for &channel in &scan {
                    let difference = differences[channel][row * columns + column];
                    let category = category(difference);
                    code.put(&mut bits, category as u8);
                    if category < 16 {
                        bits.put(magnitude_bits(difference), category);
                    }
                }
            }
        }
        bits.align();
        stream.extend(bits.bytes);
    }
    stream.extend([0xFF, 0xD9]);
    stream
}

/// What is coded of a channel, `[row][column]`, -32767 to 32768 (T.81 H.1.2.1).
fn differences(picture: &LosslessJpeg<'_>, channel: usize) -> Vec<i32> {
    let LosslessJpeg {
        columns,
        rows,
        channels,
        ..
    } = *picture;
    let sample = |row: usize, column: usize| {
        i32::from(picture.samples[(row * columns + column) * channels + channel] >> picture.point_transform)
    };
    let mut differences = Vec::with_capacity(columns * rows);
    for row in 0..rows {
        let first_row = row == 0 || picture.restart_rows > 0 && row % picture.restart_rows == 0;
        for column in 0..columns {
            let predicted = match (first_row, column) {
                (true, 0) => 1 << (picture.precision - picture.point_transform - 1),
                (true, _) => sample(row, column - 1),
                (false, 0) => sample(row - 1, 0),
                (false, _) => {
                    let (a, b) = (sample(row, column - 1), sample(row - 1, column));
                    let c = sample(row - 1, column - 1);
                    match picture.predictor {
                        1 => a,
                        2 => b,
                        3 => c,
                        4 => a + b - c,
                        5 => a + ((b - c) >> 1),
                        6 => b + ((a - c) >> 1),
                        7 => (a + b) >> 1,
                        other => panic!("predictor {other}"),
                    }
                }
            };
            let difference = (sample(row, column) - predicted) & 0xFFFF;
            differences.push(if difference > 0x8000 {
                difference - 0x1_0000
            } else {
                difference
            });
        }
    }
    differences
}
