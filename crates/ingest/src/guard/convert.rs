//! Decoded samples to the type and part that the pipeline wants.

use dicom_series::pixels::{Frame, PixelSamples};
use volume::{Sample, SampleType};

use super::protocol::{FrameReply, Tile};

/// Samples as bytes, `[row][column][channel]`.
pub(super) struct Converted {
    pub(super) channels: u16,
    pub(super) bytes: Vec<u8>,
}

macro_rules! each {
    ($samples:expr, $name:ident => $body:expr) => {
        match $samples {
            PixelSamples::U8($name) => $body,
            PixelSamples::I8($name) => $body,
            PixelSamples::U16($name) => $body,
            PixelSamples::I16($name) => $body,
            PixelSamples::U32($name) => $body,
            PixelSamples::I32($name) => $body,
            PixelSamples::F32($name) => $body,
            PixelSamples::F64($name) => $body,
        }
    };
}

/// Any sample as `f64`, exactly.
fn wide<T: Into<f64> + Copy>(sample: &T) -> f64 {
    (*sample).into()
}

macro_rules! typed {
    ($type:expr, $t:ident => $body:expr) => {
        match $type {
            SampleType::U8 => {
                type $t = u8;
                $body
            }
            SampleType::I16 => {
                type $t = i16;
                $body
            }
            SampleType::U16 => {
                type $t = u16;
                $body
            }
            SampleType::I32 => {
                type $t = i32;
                $body
            }
            SampleType::U32 => {
                type $t = u32;
                $body
            }
            SampleType::F32 => {
                type $t = f32;
                $body
            }
        }
    };
}

/// Stored values as `sample_type`.
///
/// # Errors
/// When a value does not fit: the series was sized for others, and a clamped value would be a wrong one.
pub(super) fn stored(frame: &Frame, sample_type: SampleType) -> Result<Converted, String> {
    let values: Vec<f64> = each!(&frame.samples, samples => samples.iter().map(wide).collect());
    let is_float = sample_type == SampleType::F32;
    let fits = |value: f64| {
        is_float || typed!(sample_type, T => value >= T::LOWEST.to_f64() && value <= T::HIGHEST.to_f64())
    };
    if let Some(value) = values.iter().find(|&&value| !fits(value)) {
        return Err(format!(
            "the stored value {value} does not fit the samples of its series"
        ));
    }
    Ok(self::values(&values, frame.channels, sample_type))
}

/// Any values as `sample_type`, rounded and clamped.
pub(super) fn values(values: &[f64], channels: u16, sample_type: SampleType) -> Converted {
    let bytes = typed!(sample_type, T => {
        let samples: Vec<T> = values.iter().map(|&v| T::from_f64(v)).collect();
        bytemuck::cast_slice(&samples).to_vec()
    });
    Converted { channels, bytes }
}

/// `slope * stored + intercept` as `f32`.
pub(super) fn rescaled(frame: &Frame, slope: f64, intercept: f64) -> Converted {
    let rescaled: Vec<f64> =
        each!(&frame.samples, samples => samples.iter().map(|s| slope * wide(s) + intercept).collect());
    values(&rescaled, frame.channels, SampleType::F32)
}

/// Writes all of a frame, or one tile of it.
pub(super) fn write(
    converted: &Converted,
    (columns, rows): (u32, u32),
    tile: Option<Tile>,
    out: &mut [u8],
) -> Result<FrameReply, String> {
    let tile = tile.unwrap_or(Tile {
        column: 0,
        row: 0,
        columns,
        rows,
    });
    let reaches = |start: u32, len: u32, end: u32| start.checked_add(len).is_some_and(|last| last <= end);
    if !reaches(tile.column, tile.columns, columns) || !reaches(tile.row, tile.rows, rows) {
        return Err("the tile lies outside the frame".to_owned());
    }
    let pixels = columns as usize * rows as usize;
    let pixel_bytes = converted.bytes.len().checked_div(pixels).unwrap_or(0);
    let row_bytes = tile.columns as usize * pixel_bytes;
    let len = row_bytes * tile.rows as usize;
    let out = out.get_mut(..len).ok_or("the frame is larger than its series")?;
    for (row, out) in out.chunks_exact_mut(row_bytes.max(1)).enumerate() {
        let start = ((tile.row as usize + row) * columns as usize + tile.column as usize) * pixel_bytes;
        let source = converted
            .bytes
            .get(start..start + row_bytes)
            .ok_or("the frame is shorter than it says")?;
        out.copy_from_slice(source);
    }
    Ok(FrameReply {
        columns: tile.columns,
        rows: tile.rows,
        channels: converted.channels,
        len: len as u64,
    })
}

#[cfg(test)]
mod tests {
    use dicom_series::instance::Photometric;

    use super::*;

    fn frame(samples: PixelSamples) -> Frame {
        Frame {
            rows: 2,
            columns: 3,
            channels: 1,
            photometric: Photometric::Monochrome2,
            samples,
        }
    }

    #[test]
    fn a_tile_is_cut_out() {
        let frame = frame(PixelSamples::I16(vec![1, 2, 3, 4, 5, 6]));
        let converted = stored(&frame, SampleType::I16).unwrap();
        let mut out = [0u8; 16];
        let tile = Tile {
            column: 1,
            row: 0,
            columns: 2,
            rows: 2,
        };
        let reply = write(&converted, (3, 2), Some(tile), &mut out).unwrap();
        assert_eq!((reply.columns, reply.rows, reply.len), (2, 2, 8));
        assert_eq!(bytemuck::cast_slice::<u8, i16>(&out[..8]), [2, 3, 5, 6]);
        let outside = Tile { column: 2, ..tile };
        assert!(write(&converted, (3, 2), Some(outside), &mut out).is_err());
        assert!(write(&converted, (3, 2), None, &mut out[..11]).is_err());
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused() {
        let frame = frame(PixelSamples::U16(vec![0, 1, 2, 3, 4, 40_000]));
        assert!(stored(&frame, SampleType::I16).is_err());
        assert_eq!(stored(&frame, SampleType::I32).unwrap().bytes.len(), 24);
        let rescaled = rescaled(&frame, 0.5, -1.0);
        assert_eq!(bytemuck::cast_slice::<u8, f32>(&rescaled.bytes)[5], 19_999.0);
    }
}
