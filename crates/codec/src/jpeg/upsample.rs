//! From the planes of the components to interleaved samples: components of lower resolution are enlarged as the
//! Independent JPEG Group's library does by default (`jdsample.c`), with a triangle filter at a ratio of two.

use super::frame::{Component, Frame};
use super::plane::Plane;
use super::unsupported;
use crate::{CodecError, Samples};

/// Joins planes to `[row][column][component]`.
pub(super) fn join(frame: &Frame, planes: Vec<Plane>) -> Result<Samples, CodecError> {
    let wide = frame.precision > 8;
    let enlargers = frame
        .components
        .iter()
        .map(|component| Enlarger::new(frame, component))
        .collect::<Result<Vec<_>, _>>()?;
    if let ([plane], [Enlarger::None], true) = (planes.as_slice(), enlargers.as_slice(), wide)
        && plane.stride == frame.columns
    {
        let mut samples = planes.into_iter().next().unwrap_or_default().samples;
        samples.truncate(frame.columns * frame.rows);
        return Ok(Samples::U16(samples));
    }
    let parts: Vec<_> = enlargers
        .into_iter()
        .zip(&frame.components)
        .zip(&planes)
        .collect();
    let count = frame.columns * frame.rows * parts.len();
    let mut line = vec![0u16; frame.columns];
    if wide {
        let mut samples = vec![0u16; count];
        scatter(frame, &parts, &mut line, &mut samples, |sample| sample);
        Ok(Samples::U16(samples))
    } else {
        let mut samples = vec![0u8; count];
        scatter(frame, &parts, &mut line, &mut samples, |sample| sample as u8);
        Ok(Samples::U8(samples))
    }
}

type JoinedPart<'p> = ((Enlarger, &'p Component), &'p Plane);

/// Writes each component of each row into its place between the others.
fn scatter<T>(
    frame: &Frame,
    parts: &[JoinedPart<'_>],
    line: &mut [u16],
    samples: &mut [T],
    convert: impl Fn(u16) -> T,
) {
    for (row, target) in samples.chunks_exact_mut(frame.columns * parts.len()).enumerate() {
        for (index, ((enlarger, component), plane)) in parts.iter().enumerate() {
            let source = match enlarger {
                Enlarger::None => plane.row(row),
                _ => {
                    enlarger.row(component, plane, row, line);
                    &*line
                }
            };
            match parts.len() {
                1 => target
                    .iter_mut()
                    .zip(source)
                    .for_each(|(slot, &sample)| *slot = convert(sample)),
                count => {
                    for (slot, &sample) in target.iter_mut().skip(index).step_by(count).zip(source) {
                        *slot = convert(sample);
                    }
                }
            }
        }
    }
}

/// How a component gets the resolution of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Enlarger {
    /// It has it.
    None,
    /// Twice as many columns, weighted 3 to 1.
    TwoAcross,
    /// Twice as many rows, weighted 3 to 1.
    TwoDown,
    /// Both.
    TwoBothWays,
    /// Each sample repeated so many times along a row and down a column.
    Repeat(usize, usize),
}

impl Enlarger {
    fn new(frame: &Frame, component: &Component) -> Result<Self, CodecError> {
        if !frame.h_max.is_multiple_of(component.h) || !frame.v_max.is_multiple_of(component.v) {
            return Err(unsupported("a ratio of sampling factors that is no whole number"));
        }
        // The library smooths across only components of more than two columns.
        let smooth = component.columns > 2;
        Ok(match (frame.h_max / component.h, frame.v_max / component.v) {
            (1, 1) => Self::None,
            (2, 1) if smooth => Self::TwoAcross,
            (1, 2) => Self::TwoDown,
            (2, 2) if smooth => Self::TwoBothWays,
            (across, down) => Self::Repeat(across, down),
        })
    }

    /// Writes row `row` of the picture to `line`.
    fn row(self, component: &Component, plane: &Plane, row: usize, line: &mut [u16]) {
        let clip = |row: usize| {
            let samples = plane.row(row.min(component.rows.saturating_sub(1)));
            samples.get(..component.columns).unwrap_or_default()
        };
        // The source row that a row lies in, and the other one that it is near to.
        let near = clip(row / 2);
        let far = if row.is_multiple_of(2) {
            clip((row / 2).saturating_sub(1))
        } else {
            clip(row / 2 + 1)
        };
        match self {
            Self::None => line.copy_from_slice(clip(row)),
            Self::TwoAcross => {
                let weights = Weights {
                    bias_left: 1,
                    bias_right: 2,
                    shift: 2,
                };
                weights.enlarge(clip(row).iter().map(|&sample| u32::from(sample)), line);
            }
            Self::TwoDown => {
                let bias = if row.is_multiple_of(2) { 1 } else { 2 };
                for ((slot, &near), &far) in line.iter_mut().zip(near).zip(far) {
                    *slot = ((u32::from(near) * 3 + u32::from(far) + bias) >> 2) as u16;
                }
            }
            Self::TwoBothWays => {
                let weights = Weights {
                    bias_left: 8,
                    bias_right: 7,
                    shift: 4,
                };
                let columns = near
                    .iter()
                    .zip(far)
                    .map(|(&near, &far)| u32::from(near) * 3 + u32::from(far));
                weights.enlarge(columns, line);
            }
            Self::Repeat(across, down) => {
                for (slots, &sample) in line.chunks_mut(across).zip(clip(row / down)) {
                    slots.fill(sample);
                }
            }
        }
    }
}

/// How rounding alternates between the two samples that one becomes.
struct Weights {
    bias_left: u32,
    bias_right: u32,
    shift: u32,
}

impl Weights {
    /// Doubles `source` across: each sample becomes two, of which each takes a quarter of the neighbor on its side. The
    /// outer half of the first and of the last sample has none and keeps its own value.
    fn enlarge(&self, source: impl Iterator<Item = u32>, line: &mut [u16]) {
        let mut source = source.peekable();
        let mut before = None;
        for slots in line.chunks_mut(2) {
            let Some(sample) = source.next() else { return };
            let after = source.peek().copied();
            let left = sample * 3 + before.unwrap_or(sample) + self.bias_left;
            let right = sample * 3 + after.unwrap_or(sample) + self.bias_right;
            for (slot, value) in slots.iter_mut().zip([left, right]) {
                *slot = (value >> self.shift) as u16;
            }
            before = Some(sample);
        }
    }
}
