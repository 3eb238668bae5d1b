//! A finished picture.

use rayon::prelude::*;

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

/// Linear light, premultiplied: what back ends compose in.
pub(crate) struct LinearPicture {
    pub(crate) width: usize,
    pub(crate) pixels: Vec<[f32; 4]>,
}

impl LinearPicture {
    /// The mean of each `factor` x `factor` block, over `background`, as sRGB.
    pub(crate) fn finish(&self, factor: usize, background: [f32; 3]) -> Picture {
        let (width, height) = (self.width / factor, self.pixels.len() / self.width / factor);
        let mut rgba = vec![0u8; width * height * 4];
        let weight = 1.0 / (factor * factor) as f32;
        rgba.par_chunks_exact_mut(width * 4)
            .enumerate()
            .for_each(|(y, row)| {
                for (x, out) in row.chunks_exact_mut(4).enumerate() {
                    let mut sum = [0.0f32; 4];
                    for sub in 0..factor * factor {
                        let at = (y * factor + sub / factor) * self.width + x * factor + sub % factor;
                        for (s, v) in sum.iter_mut().zip(self.pixels[at]) {
                            *s += v * weight;
                        }
                    }
                    for channel in 0..3 {
                        out[channel] = encode(sum[channel] + background[channel] * (1.0 - sum[3]));
                    }
                    out[3] = 255;
                }
            });
        Picture {
            width: width as u32,
            height: height as u32,
            rgba,
        }
    }
}

/// Linear light to an sRGB byte (IEC 61966-2-1).
fn encode(linear: f32) -> u8 {
    let l = linear.clamp(0.0, 1.0);
    let s = if l <= 0.003_130_8 {
        l * 12.92
    } else {
        1.055 * l.powf(1.0 / 2.4) - 0.055
    };
    (s * 255.0 + 0.5) as u8
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
