//! DICOM RLE (PS3.5 Annex G).

/// Encodes one frame.
///
/// `samples` are the bytes of `[row][column][channel]`, little-endian, `bytes_per_sample` each; `columns` are the pixels
/// along a row, since runs end with rows (PS3.5 G.3.1). Segments are padded to even length (G.4).
///
/// # Panics
///
/// If there are more than 15 byte planes or `samples` is no whole number of rows.
pub fn encode_rle(samples: &[u8], columns: usize, channels: usize, bytes_per_sample: usize) -> Vec<u8> {
    let planes = channels * bytes_per_sample;
    assert!((1..=15).contains(&planes), "RLE has room for 15 segments");
    assert_eq!(samples.len() % (columns * planes), 0, "whole rows");
    let mut header = vec![planes as u32];
    let mut body = Vec::new();
    for channel in 0..channels {
        for byte in (0..bytes_per_sample).rev() {
            header.push(64 + body.len() as u32);
            let plane: Vec<u8> = samples
                .iter()
                .skip(channel * bytes_per_sample + byte)
                .step_by(planes)
                .copied()
                .collect();
            for row in plane.chunks(columns) {
                pack_row(row, &mut body);
            }
            if body.len() % 2 == 1 {
                body.push(0);
            }
        }
    }
    header.resize(16, 0);
    header
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .chain(body)
        .collect()
}

/// PackBits: runs of three and more are repeated, the rest is copied, at most 128 bytes a packet.
fn pack_row(row: &[u8], body: &mut Vec<u8>) {
    let mut rest = row;
    while !rest.is_empty() {
        let run = run_length(rest);
        if run >= 3 {
            body.extend([(257 - run) as u8, rest[0]]);
            rest = &rest[run..];
        } else {
            let copied = (0..rest.len())
                .find(|&start| run_length(&rest[start..]) >= 3)
                .unwrap_or(rest.len())
                .min(128);
            body.push((copied - 1) as u8);
            body.extend(&rest[..copied]);
            rest = &rest[copied..];
        }
    }
}

fn run_length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take(128)
        .take_while(|&&byte| byte == bytes[0])
        .count()
}
