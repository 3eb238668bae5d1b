//! How pictures are coded: baseline JPEG, at a quality.
//!
//! JPEG because browsers decode it at once everywhere, and because there is a well-kept encoder of it without any C.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// How finely colors are kept beside brightness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// For each pixel.
    Full,
    /// For two by two pixels.
    Halved,
}

/// How a picture is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding {
    /// 1 to 100.
    pub quality: u8,
    /// How finely colors are kept.
    pub chroma: Chroma,
}

impl Coding {
    /// While something moves.
    pub const MOVING: Self = Self {
        quality: 72,
        chroma: Chroma::Halved,
    };
    /// For a plane on the way: gray, whose edges matter.
    pub const SLICE: Self = Self {
        quality: 85,
        chroma: Chroma::Halved,
    };
    /// At rest.
    pub const FULL: Self = Self {
        quality: 88,
        chroma: Chroma::Full,
    };
    /// For what is looked at for long.
    pub const FINE: Self = Self {
        quality: 95,
        chroma: Chroma::Full,
    };

    /// Appends the picture `[row][column][red, green, blue]`. One without colors is coded without them.
    pub(crate) fn code(self, rgb: &[u8], width: u32, height: u32, out: &mut Vec<u8>) {
        let gray = rgb.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]);
        let (width, height) = (
            u16::try_from(width).unwrap_or(u16::MAX),
            u16::try_from(height).unwrap_or(u16::MAX),
        );
        let start = out.len();
        let mut encoder = Encoder::new(&mut *out, self.quality);
        encoder.set_sampling_factor(match self.chroma {
            Chroma::Full => SamplingFactor::R_4_4_4,
            Chroma::Halved => SamplingFactor::R_4_2_0,
        });
        let coded = if gray {
            let luma: Vec<u8> = rgb.iter().step_by(3).copied().collect();
            encoder.encode(&luma, width, height, ColorType::Luma)
        } else {
            encoder.encode(rgb, width, height, ColorType::Rgb)
        };
        // Into memory, of a size that was checked: there is nothing that could fail. Half a picture is none.
        if coded.is_err() {
            out.truncate(start);
        }
    }
}
