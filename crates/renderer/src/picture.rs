//! A finished picture.

use std::sync::LazyLock;

use parallel::prelude::*;

/// `[row][column][red, green, blue, alpha]`, `u8`, sRGB, opacity not multiplied in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels along a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The pixels, four bytes each.
    pub rgba: Vec<u8>,
}

impl Picture {
    /// The color of one pixel; `None` outside.
    pub fn pixel(&self, column: u32, row: u32) -> Option<[u8; 4]> {
        if column >= self.width || row >= self.height {
            return None;
        }
        let at = (row as usize * self.width as usize + column as usize) * 4;
        self.rgba.get(at..at + 4)?.try_into().ok()
    }

    /// This picture as `width` x `height` pixels, linear between its own.
    #[must_use]
    pub fn stretched(&self, width: u32, height: u32) -> Self {
        if (width, height) == (self.width, self.height) || self.rgba.is_empty() {
            return self.clone();
        }
        // For each pixel, the one of this picture before its place, the next one, and how far it lies between them.
        let places = |to: u32, from: u32| -> Vec<(usize, usize, f32)> {
            let last = from - 1;
            (0..to)
                .map(|i| {
                    let at = ((i as f32 + 0.5) * from as f32 / to as f32 - 0.5).clamp(0.0, last as f32);
                    let before = at as u32;
                    (before as usize, last.min(before + 1) as usize, at - before as f32)
                })
                .collect()
        };
        let (columns, rows) = (places(width, self.width), places(height, self.height));
        let stride = self.width as usize * 4;
        let mut rgba = vec![0u8; width as usize * height as usize * 4];
        rgba.par_chunks_mut(width as usize * 4)
            .zip(rows)
            .for_each(|(out, (above, below, down))| {
                let row = |y: usize| &self.rgba[y * stride..(y + 1) * stride];
                let (above, below) = (row(above), row(below));
                for (out, &(left, right, along)) in out.chunks_exact_mut(4).zip(&columns) {
                    for (channel, out) in out.iter_mut().enumerate() {
                        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
                        let across = |row: &[u8]| {
                            let (a, b) = (row[left * 4 + channel], row[right * 4 + channel]);
                            mix(a.into(), b.into(), along)
                        };
                        *out = (mix(across(above), across(below), down) + 0.5) as u8;
                    }
                }
            });
        Self { width, height, rgba }
    }

    /// This picture with `other` to its right, both of one height.
    ///
    /// # Panics
    /// When the heights differ.
    #[must_use]
    pub fn beside(&self, other: &Self) -> Self {
        assert_eq!(self.height, other.height, "pictures side by side have one height");
        let (left, right) = (self.width as usize * 4, other.width as usize * 4);
        let rows = self.rgba.chunks_exact(left).zip(other.rgba.chunks_exact(right));
        let rgba = rows.flat_map(|(a, b)| a.iter().chain(b)).copied().collect();
        Self {
            width: self.width + other.width,
            height: self.height,
            rgba,
        }
    }
}

/// Entries for linear light between 0 and 1: fine enough that in the dark, where bytes lie closest, each has five.
const BYTES: usize = 1 << 14;

static BYTE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    (0..=BYTES)
        .map(|i| {
            let l = i as f32 / BYTES as f32;
            let s = if l <= 0.003_130_8 {
                l * 12.92
            } else {
                1.055 * l.powf(1.0 / 2.4) - 0.055
            };
            (s * 255.0 + 0.5) as u8
        })
        .collect()
});

/// Linear light to an sRGB byte (IEC 61966-2-1); NaN is black.
#[inline]
pub(crate) fn encode(linear: f32) -> u8 {
    BYTE[(linear.clamp(0.0, 1.0) * BYTES as f32 + 0.5) as usize]
}

/// An sRGB component between 0 and 1 to linear light.
pub(crate) fn decode(srgb: f32) -> f32 {
    let s = srgb.clamp(0.0, 1.0);
    if s <= 0.040_45 {
        s / 12.92
    } else {
        ((s + 0.055) / 1.055).powf(2.4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn light_survives_its_encoding() {
        for byte in 0..=255u8 {
            assert_eq!(encode(decode(f32::from(byte) / 255.0)), byte);
        }
        assert_eq!(encode(f32::NAN), 0);
        assert_eq!(encode(7.0), 255);
    }

    #[test]
    fn stretching_runs_straight_between_pixels() {
        let picture = Picture {
            width: 2,
            height: 1,
            rgba: vec![0, 200, 40, 255, 100, 0, 40, 255],
        };
        let wide = picture.stretched(4, 3);
        assert_eq!((wide.width, wide.height, wide.rgba.len()), (4, 3, 48));
        for row in 0..3 {
            let pixels: Vec<_> = (0..4).filter_map(|column| wide.pixel(column, row)).collect();
            assert_eq!(
                pixels,
                [
                    [0, 200, 40, 255],
                    [25, 150, 40, 255],
                    [75, 50, 40, 255],
                    [100, 0, 40, 255]
                ]
            );
        }
        assert_eq!(wide.stretched(2, 1).pixel(1, 0), Some([88, 25, 40, 255]));
    }

    #[test]
    fn pictures_stand_side_by_side() {
        let a = Picture {
            width: 1,
            height: 2,
            rgba: vec![1, 1, 1, 255, 2, 2, 2, 255],
        };
        let b = Picture {
            width: 2,
            height: 2,
            rgba: vec![3; 16],
        };
        let both = a.beside(&b);
        assert_eq!((both.width, both.height), (3, 2));
        assert_eq!(both.pixel(0, 1), Some([2, 2, 2, 255]));
        assert_eq!(both.pixel(2, 0), Some([3, 3, 3, 3]));
        assert_eq!(both.pixel(3, 0), None);
    }
}
