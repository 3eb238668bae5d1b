//! Photographs as cameras write them: JPEG with EXIF.

use crate::encode::{DctComponent, DctPicture, DctProcess, encode_jpeg_dct};

/// A picture, `[row][column][red, green, blue]`, sRGB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// Pixels along a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    /// The pixels.
    pub rgb: Vec<u8>,
}

/// How the camera was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upright {
    /// As the picture is seen.
    AsStored,
    /// On its side: the stored picture must be turned clockwise to be seen (EXIF orientation 6).
    TurnClockwise,
}

/// The quantization of luminance and of chrominance in natural order (ITU-T T.81 Annex K.1), about a quarter of it.
const LUMINANCE: [u16; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17,
    22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78,
    87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];

/// `photo`, as it is to be seen, as JPEG: stored the way the camera was held.
///
/// # Panics
/// When the pixels are not as many as columns and rows say.
pub fn encode_photo(photo: &Photo, held: Upright) -> Vec<u8> {
    assert_eq!(
        photo.rgb.len(),
        photo.columns * photo.rows * 3,
        "three bytes a pixel"
    );
    let stored = match held {
        Upright::AsStored => photo.clone(),
        Upright::TurnClockwise => turned_back(photo),
    };
    let jpeg = encode_jpeg_dct(&picture(&stored));
    let orientation = match held {
        Upright::AsStored => 1,
        Upright::TurnClockwise => 6,
    };
    // After the start of the image.
    let mut file = jpeg[..2].to_vec();
    file.extend(exif(orientation));
    file.extend(&jpeg[2..]);
    file
}

/// Turned counter-clockwise by a quarter.
fn turned_back(photo: &Photo) -> Photo {
    let (columns, rows) = (photo.rows, photo.columns);
    let mut rgb = Vec::with_capacity(photo.rgb.len());
    for row in 0..rows {
        for column in 0..columns {
            let at = (column * photo.columns + photo.columns - 1 - row) * 3;
            rgb.extend_from_slice(&photo.rgb[at..at + 3]);
        }
    }
    Photo { columns, rows, rgb }
}

/// The segment APP1 with the orientation alone (CIPA DC-008, 4.5.4 and 4.6.5.1).
fn exif(orientation: u16) -> Vec<u8> {
    let mut tiff = b"MM\0\x2A\0\0\0\x08\0\x01".to_vec();
    tiff.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1]);
    tiff.extend(orientation.to_be_bytes());
    tiff.extend([0, 0, 0, 0, 0, 0]);
    let mut segment = vec![0xFF, 0xE1];
    segment.extend((tiff.len() as u16 + 8).to_be_bytes());
    segment.extend(b"Exif\0\0");
    segment.extend(tiff);
    segment
}

/// Luminance and chrominance (JFIF 1.02) as quantized coefficients, none of them subsampled.
fn picture(photo: &Photo) -> DctPicture {
    let channel = |weights: [f32; 3], offset: f32, steps: [u16; 64]| {
        let at = |column: usize, row: usize| {
            let (column, row) = (column.min(photo.columns - 1), row.min(photo.rows - 1));
            let pixel = &photo.rgb[(row * photo.columns + column) * 3..][..3];
            pixel
                .iter()
                .zip(weights)
                .map(|(v, w)| f32::from(*v) * w)
                .sum::<f32>()
                + offset
        };
        let (across, down) = (photo.columns.div_ceil(8), photo.rows.div_ceil(8));
        let block = |index: usize| {
            let (left, top) = (index % across * 8, index / across * 8);
            let samples = std::array::from_fn(|i| at(left + i % 8, top + i / 8));
            let coefficients = forward(&samples);
            std::array::from_fn(|i| (coefficients[i] / f32::from(steps[i])).round() as i16)
        };
        DctComponent {
            h: 1,
            v: 1,
            steps,
            blocks: (0..across * down).map(block).collect(),
        }
    };
    let fine = LUMINANCE.map(|step| (step / 4).max(1));
    DctPicture {
        columns: photo.columns,
        rows: photo.rows,
        precision: 8,
        components: vec![
            channel([0.299, 0.587, 0.114], -128.0, fine),
            channel([-0.168_736, -0.331_264, 0.5], 0.0, fine.map(|step| step * 2)),
            channel([0.5, -0.418_688, -0.081_312], 0.0, fine.map(|step| step * 2)),
        ],
        restart_interval: 0,
        process: DctProcess::Sequential,
    }
}

/// The forward DCT of a block (ITU-T T.81 A.3.3), rows, then columns.
fn forward(samples: &[f32; 64]) -> [f32; 64] {
    static BASIS: std::sync::OnceLock<[f32; 64]> = std::sync::OnceLock::new();
    let basis = BASIS.get_or_init(|| {
        std::array::from_fn(|i| {
            let (k, x) = ((i / 8) as f32, (i % 8) as f32);
            let scale = if k == 0.0 { 0.125f32.sqrt() } else { 0.5 };
            scale * ((2.0 * x + 1.0) * k * std::f32::consts::PI / 16.0).cos()
        })
    });
    let rows: [f32; 64] = std::array::from_fn(|i| {
        let (row, k) = (i / 8, i % 8);
        (0..8).map(|x| samples[row * 8 + x] * basis[k * 8 + x]).sum()
    });
    std::array::from_fn(|i| {
        let (k, column) = (i / 8, i % 8);
        (0..8).map(|y| rows[y * 8 + column] * basis[k * 8 + y]).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_keeps_energy_and_finds_the_mean() {
        let samples: [f32; 64] = std::array::from_fn(|i| ((i * 37 + 11) % 101) as f32 - 40.0);
        let coefficients = forward(&samples);
        let energy = |v: &[f32; 64]| v.iter().map(|v| v * v).sum::<f32>();
        assert!((energy(&samples) / energy(&coefficients) - 1.0).abs() < 1e-4);
        assert!((coefficients[0] * 8.0 - samples.iter().sum::<f32>()).abs() < 0.01);
    }

    #[test]
    fn a_picture_held_sideways_is_stored_on_its_side() {
        let rgb: Vec<u8> = (0..5 * 3 * 3).map(|i| i as u8).collect();
        let photo = Photo {
            columns: 5,
            rows: 3,
            rgb,
        };
        let stored = turned_back(&photo);
        assert_eq!((stored.columns, stored.rows), (3, 5));
        // Its first pixel is the upper right one of what is seen.
        assert_eq!(stored.rgb[..3], photo.rgb[12..15]);
        let file = encode_photo(&photo, Upright::TurnClockwise);
        assert_eq!(file[..4], [0xFF, 0xD8, 0xFF, 0xE1]);
        assert_eq!(file[6..12], *b"Exif\0\0");
        assert_eq!(file[30..32], [0, 6]);
        let length = usize::from(u16::from_be_bytes([file[4], file[5]]));
        assert_eq!(
            file[4 + length],
            0xFF,
            "the next segment begins where this one ends"
        );
    }
}
