//! JPEG-LS, ISO/IEC 14495-1 (ITU-T T.87): lossless and near-lossless, 2 to 16 bits, one to four components,
//! in the three interleave modes, with preset parameters and restart intervals.
//!
//! A module of its own because it shares nothing with the discrete cosine and Huffman processes but the
//! syntax of markers. [`header`] reads markers, [`bits`] takes stuffed bits out, [`model`] holds what the
//! decoder learns, [`lines`] decodes. Refused by name: mapping tables, point transforms, subsampled
//! components, HP's color transforms and part 2 of the standard.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod bits;
mod header;
mod lines;
mod model;

use crate::{CodecError, ColorSpace, Decoded, Expected, Samples};
use bits::Segment;
use header::{Cursor, Frame, Interleave, Preset, Scan};
use lines::{Line, State, decode_line};
use model::{Coding, Model};

const CODEC: &str = "JPEG-LS";

fn truncated(offset: usize) -> CodecError {
    CodecError::Truncated { codec: CODEC, offset }
}

fn malformed(what: &'static str, offset: usize) -> CodecError {
    CodecError::Malformed {
        codec: CODEC,
        what,
        offset,
    }
}

fn unsupported(what: &'static str) -> CodecError {
    CodecError::Unsupported { codec: CODEC, what }
}

/// Decodes one frame. Bytes after the last scan, such as a missing EOI or padding, do not matter.
///
/// # Errors
/// [`CodecError::Mismatch`] if the stream holds a picture of another size than `expected`, before anything of
/// that size is allocated; the others as the stream has it.
pub fn decode(data: &[u8], expected: Expected) -> Result<Decoded, CodecError> {
    let mut cursor = Cursor::new(data);
    if cursor.marker()? != header::SOI {
        return Err(malformed("the stream does not begin with SOI", 0));
    }
    let mut preset = Preset::default();
    let mut restart_interval = 0;
    let mut picture: Option<Picture> = None;
    loop {
        let start = cursor.offset;
        let code = cursor.marker()?;
        if matches!(code, header::SOI | header::EOI | header::RST0..=0xD7 | 0x00..=0x01) {
            let what = if code == header::EOI {
                "the picture lacks a component"
            } else {
                "bad marker"
            };
            return Err(malformed(what, start));
        }
        let mut segment = cursor.segment()?;
        match (code, &mut picture) {
            (header::SOF55, None) => {
                picture = Some(Picture::new(Frame::parse(&mut segment)?, expected, data.len())?);
            }
            (header::SOS, Some(picture)) => {
                let scan = Scan::parse(&mut segment, &picture.frame)?;
                let coding = Coding::new(&picture.frame, preset, scan.near, start)?;
                picture.decode_scan(&mut cursor, &scan, coding, restart_interval)?;
                if picture.missing.is_empty() {
                    break;
                }
            }
            (header::LSE, _) => preset = Preset::parse(&mut segment)?.unwrap_or(preset),
            (header::DRI, _) => restart_interval = header::parse_restart_interval(&mut segment)?,
            (header::APP8, _) => header::check_color_transform(&segment)?,
            (header::SOF55 | header::SOS, _) => return Err(malformed("marker out of order", start)),
            (0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCF | 0xF9, _) => {
                return Err(unsupported("a frame of another JPEG process"));
            }
            _ => {}
        }
    }
    picture
        .map(|picture| picture.decoded)
        .ok_or(truncated(data.len()))
}

/// The frame while its scans arrive.
struct Picture {
    frame: Frame,
    decoded: Decoded,
    /// Channels that no scan has held yet.
    missing: Vec<usize>,
}

impl Picture {
    /// Allocates the samples once the header agrees with what the caller expects.
    fn new(frame: Frame, expected: Expected, stream_bytes: usize) -> Result<Self, CodecError> {
        // Where the number of lines comes in a DNL segment after the scan, the caller's is taken.
        let rows = if frame.rows == 0 {
            expected.rows
        } else {
            u32::from(frame.rows)
        };
        let columns = u32::from(frame.columns);
        let channels = frame.components.len() as u16;
        if (Expected {
            columns,
            rows,
            channels,
        }) != expected
        {
            return Err(CodecError::Mismatch {
                codec: CODEC,
                actual: format!("{columns} x {rows} x {channels}"),
                expected: format!("{} x {} x {}", expected.columns, expected.rows, expected.channels),
            });
        }
        // A line takes at least one bit for every 2^15 samples.
        let least_bits = u64::from(rows) * u64::from(columns.div_ceil(1 << 15));
        if (stream_bytes as u64).saturating_mul(8) < least_bits {
            return Err(truncated(stream_bytes));
        }
        let count = [rows as usize, usize::from(channels)]
            .into_iter()
            .try_fold(columns as usize, usize::checked_mul)
            .ok_or(unsupported("a picture larger than memory"))?;
        let samples = match frame.precision_bits {
            ..=8 => Samples::U8(vec![0; count]),
            _ => Samples::U16(vec![0; count]),
        };
        let decoded = Decoded {
            columns,
            rows,
            channels,
            precision_bits: frame.precision_bits,
            signed: false,
            color: ColorSpace::AsDeclared,
            samples,
        };
        let missing = (0..usize::from(channels)).collect();
        Ok(Self {
            frame,
            decoded,
            missing,
        })
    }

    /// Decodes the scan whose entropy-coded data begin at the cursor, and leaves the cursor behind them.
    fn decode_scan(
        &mut self,
        cursor: &mut Cursor<'_>,
        scan: &Scan,
        coding: Coding,
        restart_interval: u32,
    ) -> Result<(), CodecError> {
        if !scan.channels.iter().all(|channel| self.missing.contains(channel)) {
            return Err(malformed("a component comes twice", cursor.offset));
        }
        self.missing.retain(|channel| !scan.channels.contains(channel));
        let rows = self.decoded.rows as usize;
        let interval = if restart_interval == 0 {
            rows
        } else {
            restart_interval as usize
        };
        let mut model = Model::new(coding);
        let mut lines = vec![Line::new(self.decoded.columns as usize); scan.channels.len()];
        let mut segment = Segment::default();
        for (index, first_row) in (0..rows).step_by(interval).enumerate() {
            if index > 0 {
                check_restart(cursor, index - 1)?;
                model.reset();
                lines.iter_mut().for_each(Line::reset);
            }
            let start = cursor.offset;
            cursor.offset = start.saturating_add(segment.fill(cursor.rest()));
            let mut state = State {
                reader: segment.reader(),
                codes: 0,
            };
            for row in first_row..first_row.saturating_add(interval).min(rows) {
                match scan.interleave {
                    Interleave::Line => {
                        lines
                            .chunks_mut(1)
                            .for_each(|line| decode_line(&mut model, &mut state, line));
                    }
                    Interleave::None | Interleave::Sample => decode_line(&mut model, &mut state, &mut lines),
                }
                if segment.is_overrun(&state.reader) {
                    return Err(truncated(cursor.offset));
                }
                if state.codes >> (coding.error_bits + 1) != 0 {
                    return Err(malformed("a prediction error out of range in the scan", start));
                }
                for (&channel, line) in scan.channels.iter().zip(&lines) {
                    self.store(row, channel, line.samples());
                }
            }
        }
        Ok(())
    }

    /// Puts a line of one channel in its place.
    fn store(&mut self, row: usize, channel: usize, line: &[u16]) {
        let channels = usize::from(self.decoded.channels);
        let stride = line.len().saturating_mul(channels);
        let start = row.saturating_mul(stride);
        let place = start..start.saturating_add(stride);
        match &mut self.decoded.samples {
            Samples::U8(samples) => {
                let row = samples.get_mut(place).unwrap_or_default();
                store_channel(row, channel, channels, line, |sample| sample as u8);
            }
            Samples::U16(samples) => {
                let row = samples.get_mut(place).unwrap_or_default();
                store_channel(row, channel, channels, line, |sample| sample);
            }
            Samples::I32(_) => {}
        }
    }
}

/// Writes one channel of a row `[column][channel]`.
fn store_channel<T>(
    row: &mut [T],
    channel: usize,
    channels: usize,
    line: &[u16],
    convert: impl Fn(u16) -> T,
) {
    // A step that the compiler knows makes the common case a plain copy.
    if channels == 1 {
        row.iter_mut()
            .zip(line)
            .for_each(|(to, &from)| *to = convert(from));
    } else {
        row.iter_mut()
            .skip(channel)
            .step_by(channels)
            .zip(line)
            .for_each(|(to, &from)| *to = convert(from));
    }
}

/// Expects the restart marker of the given number (T.81 B.2.1).
fn check_restart(cursor: &mut Cursor<'_>, number: usize) -> Result<(), CodecError> {
    let start = cursor.offset;
    match cursor.marker()? == header::RST0 | (number & 7) as u8 {
        true => Ok(()),
        false => Err(malformed("no restart marker where one must stand", start)),
    }
}
