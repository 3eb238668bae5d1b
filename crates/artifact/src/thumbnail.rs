//! Small pictures as PNG.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use crate::ArtifactError;

/// `rgba` (`[row][column][red, green, blue, alpha]`, sRGB, straight alpha) as a PNG that holds nothing but the pixels.
///
/// # Errors
/// When `rgba` has not the length that `columns` and `rows` ask for, or either is 0.
pub fn encode_png(columns: u32, rows: u32, rgba: &[u8]) -> Result<Vec<u8>, ArtifactError> {
    let expected = u64::from(columns)
        .saturating_mul(u64::from(rows))
        .saturating_mul(4);
    if expected != rgba.len() as u64 {
        return Err(ArtifactError::Inconsistent {
            what: "the number of bytes of a picture",
            expected,
            actual: rgba.len() as u64,
        });
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, columns, rows);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(ArtifactError::Png)?;
    writer.write_image_data(rgba).map_err(ArtifactError::Png)?;
    writer.finish().map_err(ArtifactError::Png)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn pixels_come_back_and_nothing_else_is_written() {
        let rgba: Vec<u8> = (0..5 * 3 * 4).map(|i| (i * 37) as u8).collect();
        let bytes = encode_png(5, 3, &rgba).unwrap();
        let mut reader = png::Decoder::new(Cursor::new(&bytes)).read_info().unwrap();
        let mut back = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut back).unwrap();
        assert_eq!(
            (info.width, info.height, info.color_type),
            (5, 3, png::ColorType::Rgba)
        );
        assert_eq!(back, rgba);

        let mut chunks = Vec::new();
        let mut at = 8;
        while at < bytes.len() {
            let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
            chunks.push(String::from_utf8_lossy(&bytes[at + 4..at + 8]).into_owned());
            at += 12 + length as usize;
        }
        chunks.dedup();
        assert_eq!(chunks, ["IHDR", "IDAT", "IEND"]);
    }

    #[test]
    fn a_picture_of_another_size_is_refused() {
        assert!(encode_png(5, 3, &[0; 59]).is_err());
        assert!(encode_png(0, 0, &[]).is_err());
        assert!(encode_png(u32::MAX, u32::MAX, &[0; 4]).is_err());
    }
}
