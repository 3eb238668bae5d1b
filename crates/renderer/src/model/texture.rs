//! A picture on a surface, in sizes that halve.

use parallel::prelude::*;

/// A picture to be laid on a surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextureImage {
    /// Pixels along a row, at least 1.
    pub columns: u32,
    /// Rows, at least 1.
    pub rows: u32,
    /// `[row][column][red, green, blue]`, sRGB, 0 to 255.
    pub rgb: Vec<u8>,
}

/// A picture with where it lies.
#[derive(Debug)]
pub(crate) struct Texture {
    /// `[vertex][u, v]`: (0, 0) is the upper left corner of the picture, (1, 1) the lower right one; beyond them it repeats.
    pub(crate) uv: Vec<[f32; 2]>,
    /// The picture, and smaller ones down to a single pixel.
    pub(crate) sizes: Vec<TextureImage>,
}

impl Texture {
    pub(super) fn new(uv: Vec<[f32; 2]>, image: TextureImage) -> Self {
        let mut sizes = vec![image];
        while let Some(last) = sizes.last().filter(|image| image.columns > 1 || image.rows > 1) {
            let half = halved(last);
            sizes.push(half);
        }
        Self { uv, sizes }
    }
}

/// Each pixel the mean of the up to four that it stands for. The mean is taken of sRGB bytes, which darkens fine contrast by
/// less than a display shows.
fn halved(image: &TextureImage) -> TextureImage {
    let (columns, rows) = (image.columns.div_ceil(2), image.rows.div_ceil(2));
    let width = image.columns as usize;
    let mut rgb = vec![0; columns as usize * rows as usize * 3];
    let lines = rgb.par_chunks_exact_mut(columns as usize * 3).enumerate();
    lines.for_each(|(y, line)| {
        let lower = (2 * y + 1).min(image.rows as usize - 1);
        for (x, pixel) in line.chunks_exact_mut(3).enumerate() {
            let right = (2 * x + 1).min(width - 1);
            for (channel, out) in pixel.iter_mut().enumerate() {
                let at = |x: usize, y: usize| u32::from(image.rgb[(y * width + x) * 3 + channel]);
                let sum = at(2 * x, 2 * y) + at(right, 2 * y) + at(2 * x, lower) + at(right, lower);
                *out = ((sum + 2) / 4) as u8;
            }
        }
    });
    TextureImage { columns, rows, rgb }
}
