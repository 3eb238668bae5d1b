//! A finished picture.

use std::sync::LazyLock;

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
