//! Scans of the sequential DCT processes (T.81 F.2): blocks are decoded, transformed and placed at once.

use super::entropy::{BitReader, EntropySource};
use super::frame::{BLOCK_EDGE, Component, Frame};
use super::huffman::HuffmanTable;
use super::idct;
use super::markers::{HuffmanTables, NATURAL_FROM_ZIGZAG, QuantizationTables, ScanComponent, ScanHeader};
use super::plane::Plane;
use super::{malformed, truncated};
use crate::CodecError;

/// The walk of a DCT scan over its blocks, shared with the progressive process.
pub(super) struct Walk {
    /// Minimum coded units along a row and down a column.
    across: usize,
    down: usize,
    restart_interval: usize,
    /// For each component of the scan: blocks a minimum coded unit along a row and down a column.
    units: Vec<(usize, usize)>,
}

impl Walk {
    pub(super) fn new(frame: &Frame, header: &ScanHeader, restart_interval: usize) -> Self {
        let components = header
            .components
            .iter()
            .filter_map(|scan| frame.components.get(scan.index));
        let (units, (across, down)) = match header.components.as_slice() {
            // A component on its own is coded block by block, without padding (T.81 A.2.2).
            [_] => (
                vec![(1, 1)],
                components
                    .map(|own| frame.own_units(own))
                    .next()
                    .unwrap_or((0, 0)),
            ),
            _ => (
                components.map(|component| (component.h, component.v)).collect(),
                frame.mcus(),
            ),
        };
        Self {
            across,
            down,
            restart_interval,
            units,
        }
    }

    /// Calls `block(bits, which component of the scan, block row, block column)` for each block in the order of the
    /// stream, and `restart` at the start of each restart interval.
    pub(super) fn run<State>(
        &self,
        source: &mut EntropySource<'_>,
        state: &mut State,
        restart: impl Fn(&mut State),
        mut block: impl FnMut(&mut State, &mut BitReader<'_>, usize, usize, usize) -> Result<(), CodecError>,
    ) -> Result<(), CodecError> {
        let total = self.across * self.down;
        let each = if self.restart_interval == 0 {
            total
        } else {
            self.restart_interval
        };
        let mut first = 0;
        while first < total {
            let mut bits = source.next_interval()?;
            restart(state);
            let last = total.min(first.saturating_add(each));
            let (mut row, mut column) = (first / self.across, first % self.across);
            for _ in first..last {
                for (index, &(h, v)) in self.units.iter().enumerate() {
                    for y in row * v..(row + 1) * v {
                        for x in column * h..(column + 1) * h {
                            block(state, &mut bits, index, y, x)?;
                        }
                    }
                }
                bits.check()?;
                column += 1;
                if column == self.across {
                    (row, column) = (row + 1, 0);
                }
            }
            first = last;
        }
        Ok(())
    }
}

/// Where the samples of one component of the scan come from and go to.
struct Part<'t> {
    dc: &'t HuffmanTable,
    ac: &'t HuffmanTable,
    steps: &'t [u16; 64],
    /// The DC coefficient of the block before (T.81 F.2.1.3.1).
    predicted: i32,
    plane: Plane,
}

/// Decodes one scan into the planes of its components.
pub(super) fn decode_scan(
    frame: &Frame,
    header: &ScanHeader,
    huffman: &HuffmanTables,
    quantization: &QuantizationTables,
    restart_interval: usize,
    source: &mut EntropySource<'_>,
    planes: &mut [Plane],
) -> Result<(), CodecError> {
    let offset = source.position();
    let components = components(frame, header, offset)?;
    let blocks: u64 = components
        .iter()
        .map(|(component, _)| frame.own_units(component))
        .map(|(across, down)| across as u64 * down as u64)
        .sum();
    // A block takes at least a bit for each of its two codes.
    if blocks > source.remaining() as u64 * 4 {
        return Err(truncated(offset + source.remaining()));
    }
    let mut parts = Vec::with_capacity(components.len());
    for (component, scan) in components {
        let (across, down) = frame.padded_units(component);
        parts.push(Part {
            dc: huffman.dc(scan.dc, offset)?,
            ac: huffman.ac(scan.ac, offset)?,
            steps: steps(quantization, component, offset)?,
            predicted: 0,
            plane: Plane::new(across * BLOCK_EDGE, down * BLOCK_EDGE),
        });
    }
    Walk::new(frame, header, restart_interval).run(
        source,
        &mut parts,
        |parts| parts.iter_mut().for_each(|part| part.predicted = 0),
        |parts, bits, index, y, x| {
            let Some(part) = parts.get_mut(index) else {
                return Ok(());
            };
            let coefficients = read_block(bits, part.dc, part.ac, &mut part.predicted)?;
            part.plane
                .place_block(y, x, &idct::inverse(&coefficients, part.steps, frame.precision));
            Ok(())
        },
    )?;
    for (part, scan) in parts.into_iter().zip(&header.components) {
        if let Some(plane) = planes.get_mut(scan.index) {
            *plane = part.plane;
        }
    }
    Ok(())
}

/// The components of a scan, as the frame and as the scan describe them.
pub(super) fn components<'f>(
    frame: &'f Frame,
    header: &'f ScanHeader,
    offset: usize,
) -> Result<Vec<(&'f Component, &'f ScanComponent)>, CodecError> {
    header
        .components
        .iter()
        .map(|scan| Some((frame.components.get(scan.index)?, scan)))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| malformed("scan of a component that the frame lacks", offset))
}

/// The quantization table of a component.
pub(super) fn steps<'q>(
    tables: &'q QuantizationTables,
    component: &Component,
    offset: usize,
) -> Result<&'q [u16; 64], CodecError> {
    tables
        .get(component.quantization)
        .and_then(Option::as_ref)
        .ok_or_else(|| malformed("component with a quantization table that is not defined", offset))
}

/// Reads the coefficients of one block, in natural order (T.81 F.2.2.1 and F.2.2.2).
fn read_block(
    bits: &mut BitReader<'_>,
    dc: &HuffmanTable,
    ac: &HuffmanTable,
    predicted: &mut i32,
) -> Result<[i16; 64], CodecError> {
    let mut coefficients = [0i16; 64];
    *predicted = predicted.wrapping_add(read_dc_difference(bits, dc)?);
    if let Some(first) = coefficients.first_mut() {
        *first = *predicted as i16;
    }
    let mut index = 1;
    while index < 64 {
        bits.refill();
        let code = ac.find(bits.window());
        if code.length == 0 {
            return Err(bits.bad_code());
        }
        bits.consume(code.length);
        let (run, size) = (usize::from(code.symbol >> 4), u32::from(code.symbol & 0xF));
        match (run, size) {
            (15, 0) => index += 16,
            (_, 0) => break,
            _ => {
                index += run;
                let value = bits.take_extended(size);
                *coefficient_mut(&mut coefficients, index).ok_or_else(|| bits.bad_run())? = value as i16;
                index += 1;
            }
        }
    }
    Ok(coefficients)
}

/// Reads the difference of a DC coefficient.
#[inline(always)]
pub(super) fn read_dc_difference(bits: &mut BitReader<'_>, dc: &HuffmanTable) -> Result<i32, CodecError> {
    bits.refill();
    let code = dc.find(bits.window());
    if code.length == 0 || code.symbol > 16 {
        return Err(bits.bad_code());
    }
    bits.consume(code.length);
    Ok(bits.take_extended(u32::from(code.symbol)))
}

/// The coefficient at a position in zigzag order.
#[inline(always)]
pub(super) fn coefficient_mut(block: &mut [i16; 64], zigzag: usize) -> Option<&mut i16> {
    block.get_mut(usize::from(*NATURAL_FROM_ZIGZAG.get(zigzag)?))
}
