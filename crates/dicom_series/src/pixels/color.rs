//! Color frames to what a screen shows: RGB of 8 bits (PS3.3 C.7.6.3.1.2).

use crate::instance::{Instance, Photometric};

use super::error::PixelError;
use super::{DataSet, Frame, PixelSamples, image_of, lut};

/// Turns a decoded color frame into `[row][column][rgb]`, 8 bits a channel, full range. Samples of more bits are
/// scaled down by Bits Stored; palettes of 16 bits give their high bytes.
///
/// # Errors
/// [`PixelError::NoColors`] for monochrome frames, [`PixelError::Lookup`] if the palette is damaged.
pub fn to_display_rgb(
    frame: &Frame,
    data_set: &DataSet<'_>,
    instance: &Instance,
) -> Result<Vec<u8>, PixelError> {
    let image = image_of(instance, 0)?;
    let no_colors = || PixelError::NoColors {
        channels: frame.channels,
        photometric: frame.photometric,
    };
    if frame.channels == 1 && frame.photometric == Photometric::PaletteColor {
        return palette(frame, data_set, instance);
    }
    if frame.channels != 3 {
        return Err(no_colors());
    }
    let bytes = bytes(&frame.samples, u32::from(image.pixels.bits_stored)).ok_or_else(no_colors)?;
    Ok(match frame.photometric {
        Photometric::YbrFull | Photometric::YbrFull422 | Photometric::YbrIct | Photometric::YbrRct => {
            rgb_from_ybr(&bytes, &FULL)
        }
        Photometric::YbrPartial422 | Photometric::YbrPartial420 => rgb_from_ybr(&bytes, &PARTIAL),
        _ => bytes,
    })
}

/// Samples as bytes.
fn bytes(samples: &PixelSamples, bits_stored: u32) -> Option<Vec<u8>> {
    let down = bits_stored.saturating_sub(8);
    Some(match samples {
        PixelSamples::U8(samples) => {
            let up = 8_u32.saturating_sub(bits_stored);
            samples.iter().map(|&sample| sample << up).collect()
        }
        PixelSamples::U16(samples) => samples
            .iter()
            .map(|&sample| (sample >> down.min(15)) as u8)
            .collect(),
        PixelSamples::U32(samples) => samples
            .iter()
            .map(|&sample| (sample >> down.min(31)) as u8)
            .collect(),
        _ => return None,
    })
}

/// A range of luminance and chrominance.
struct Range {
    black: f32,
    luminance: f32,
    chrominance: f32,
}

/// All 8 bits are used.
const FULL: Range = Range {
    black: 0.0,
    luminance: 1.0,
    chrominance: 1.0,
};
/// Luminance from 16 to 235, chrominance from 16 to 240.
const PARTIAL: Range = Range {
    black: 16.0,
    luminance: 255.0 / 219.0,
    chrominance: 255.0 / 224.0,
};

/// The inverse of the equations of PS3.3 C.7.6.3.1.2, with the factors of ITU-R BT.601.
fn rgb_from_ybr(bytes: &[u8], range: &Range) -> Vec<u8> {
    const RED: f32 = 0.299;
    const GREEN: f32 = 0.587;
    const BLUE: f32 = 0.114;
    let byte = |value: f32| (value + 0.5).clamp(0.0, 255.0) as u8;
    bytes
        .as_chunks::<3>()
        .0
        .iter()
        .flat_map(|&[y, b, r]| {
            let y = (f32::from(y) - range.black) * range.luminance;
            let b = (f32::from(b) - 128.0) * range.chrominance;
            let r = (f32::from(r) - 128.0) * range.chrominance;
            let red = 2.0 * (1.0 - RED) * r;
            let blue = 2.0 * (1.0 - BLUE) * b;
            [
                byte(y + red),
                byte(y - (RED * red + BLUE * blue) / GREEN),
                byte(y + blue),
            ]
        })
        .collect()
}

/// Indexes to the colors of the palette.
fn palette(frame: &Frame, data_set: &DataSet<'_>, instance: &Instance) -> Result<Vec<u8>, PixelError> {
    const NAME: &str = "palette";
    let image = image_of(instance, 0)?;
    let tables = image.lookup.palette.ok_or(PixelError::Lookup {
        name: NAME,
        what: "is not readable",
    })?;
    let mut colors: [Vec<u16>; 3] = [const { Vec::new() }; 3];
    for (entries, table) in colors.iter_mut().zip(tables) {
        *entries = lut::entries(&data_set.bytes, table, NAME)?;
    }
    // Some writers declare 16 bits and fill 8 of them.
    let filled = colors.iter().flatten().any(|&entry| entry > 0xFF);
    if filled {
        colors.iter_mut().flatten().for_each(|entry| *entry >>= 8);
    }
    let [red, green, blue] = &colors;
    let [first_red, first_green, first_blue] = tables.map(|table| table.first);
    let color = |stored| {
        [
            lut::entry(red, first_red, stored) as u8,
            lut::entry(green, first_green, stored) as u8,
            lut::entry(blue, first_blue, stored) as u8,
        ]
    };
    Ok(match &frame.samples {
        PixelSamples::U8(samples) => colored(samples, color),
        PixelSamples::I8(samples) => colored(samples, color),
        PixelSamples::U16(samples) => colored(samples, color),
        PixelSamples::I16(samples) => colored(samples, color),
        PixelSamples::U32(samples) => colored(samples, color),
        PixelSamples::I32(samples) => colored(samples, color),
        PixelSamples::F32(_) | PixelSamples::F64(_) => {
            return Err(PixelError::NoColors {
                channels: frame.channels,
                photometric: frame.photometric,
            });
        }
    })
}

/// The color of each stored value.
fn colored<T: Copy + Into<i64>>(samples: &[T], color: impl Fn(i64) -> [u8; 3]) -> Vec<u8> {
    samples.iter().flat_map(|&sample| color(sample.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primaries_come_back() {
        // The equations of PS3.3 C.7.6.3.1.2 applied to red, green, blue, gray and white, rounded.
        let ybr = [
            76, 85, 255, 150, 44, 21, 29, 255, 107, 100, 128, 128, 255, 128, 128,
        ];
        let rgb = [254, 0, 0, 0, 255, 1, 0, 0, 254, 100, 100, 100, 255, 255, 255];
        assert_eq!(rgb_from_ybr(&ybr, &FULL), rgb);
        assert_eq!(
            rgb_from_ybr(&[16, 128, 128, 235, 128, 128], &PARTIAL),
            [0, 0, 0, 255, 255, 255]
        );
    }
}
