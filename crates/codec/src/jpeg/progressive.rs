//! Scans of the progressive DCT processes (T.81 Annex G): coefficients gather over several scans, then are transformed.

use super::entropy::{BitReader, EntropySource};
use super::frame::{BLOCK_EDGE, Frame};
use super::huffman::HuffmanTable;
use super::idct;
use super::markers::{HuffmanTables, QuantizationTables, ScanHeader};
use super::plane::Plane;
use super::sequential::{Walk, coefficient_mut, components, read_dc_difference, steps};
use super::{malformed, truncated};
use crate::CodecError;

/// The coefficients of all components as far as scans have given them.
pub(super) struct Coefficients {
    components: Vec<ComponentCoefficients>,
}

struct ComponentCoefficients {
    /// `[block row][block column]`, each in natural order; empty before the first scan.
    blocks: Vec<[i16; 64]>,
    /// Blocks from one row to the next, padded to minimum coded units.
    across: usize,
    down: usize,
    /// For each coefficient in zigzag order the bit position that it is known to; `None` before its first scan.
    known_to: [Option<u8>; 64],
}

impl Coefficients {
    /// No coefficient known yet; takes no memory for them.
    pub(super) fn new(frame: &Frame) -> Self {
        let components = frame
            .components
            .iter()
            .map(|component| {
                let (across, down) = frame.padded_units(component);
                ComponentCoefficients {
                    blocks: Vec::new(),
                    across,
                    down,
                    known_to: [None; 64],
                }
            })
            .collect();
        Self { components }
    }

    /// Whether every bit of every coefficient is known.
    pub(super) fn complete(&self) -> bool {
        self.components
            .iter()
            .all(|component| component.known_to.iter().all(|&bit| bit == Some(0)))
    }

    /// Whether there is a picture, even if coarse: a scan of the mean of every block.
    pub(super) fn presentable(&self) -> bool {
        self.components
            .iter()
            .all(|component| component.known_to.first().is_some_and(Option::is_some))
    }

    /// Decodes one scan.
    pub(super) fn decode_scan(
        &mut self,
        frame: &Frame,
        header: &ScanHeader,
        huffman: &HuffmanTables,
        restart_interval: usize,
        source: &mut EntropySource<'_>,
    ) -> Result<(), CodecError> {
        let offset = source.position();
        let band = Band::new(header, offset)?;
        self.prepare(frame, header, source)?;
        let walk = Walk::new(frame, header, restart_interval);
        let mut state = ScanState {
            predicted: [0; 4],
            zero_blocks: 0,
        };
        let mut tables = Vec::with_capacity(header.components.len());
        for scan in &header.components {
            tables.push(match (band.start, header.high) {
                (0, 0) => Some(huffman.dc(scan.dc, offset)?),
                (0, _) => None,
                _ => Some(huffman.ac(scan.ac, offset)?),
            });
        }
        walk.run(
            source,
            &mut state,
            |state| {
                *state = ScanState {
                    predicted: [0; 4],
                    zero_blocks: 0,
                }
            },
            |state, bits, index, y, x| {
                let target = header
                    .components
                    .get(index)
                    .and_then(|scan| self.components.get_mut(scan.index));
                let Some(component) = target else { return Ok(()) };
                let Some(block) = component.blocks.get_mut(y * component.across + x) else {
                    return Ok(());
                };
                match (tables.get(index).copied().flatten(), header.high) {
                    (None, _) => refine_dc(bits, block, header.low),
                    (Some(dc), _) if band.start == 0 => {
                        let Some(predicted) = state.predicted.get_mut(index) else {
                            return Ok(());
                        };
                        first_dc(bits, dc, block, predicted, header.low)?;
                    }
                    (Some(ac), 0) => band.first_ac(bits, ac, block, &mut state.zero_blocks)?,
                    (Some(ac), _) => band.refine_ac(bits, ac, block, &mut state.zero_blocks)?,
                }
                Ok(())
            },
        )?;
        for scan in &header.components {
            let Some(component) = self.components.get_mut(scan.index) else {
                continue;
            };
            for bit in component
                .known_to
                .get_mut(band.start..=band.end)
                .unwrap_or_default()
            {
                *bit = Some(header.low);
            }
        }
        Ok(())
    }

    /// Makes room for the coefficients of a scan, unless the data can't hold its first one.
    fn prepare(
        &mut self,
        frame: &Frame,
        header: &ScanHeader,
        source: &EntropySource<'_>,
    ) -> Result<(), CodecError> {
        for (own, scan) in components(frame, header, source.position())? {
            let Some(component) = self.components.get_mut(scan.index) else {
                continue;
            };
            if component.blocks.is_empty() {
                let (across, down) = frame.own_units(own);
                // The scan of the means, which must come first, takes at least a bit a block.
                if header.start != 0 || across as u64 * down as u64 > source.remaining() as u64 * 8 {
                    return Err(truncated(source.position() + source.remaining()));
                }
                component.blocks = vec![[0; 64]; component.across * component.down];
            }
        }
        Ok(())
    }

    /// Transforms the coefficients to samples.
    pub(super) fn into_planes(
        self,
        frame: &Frame,
        quantization: &QuantizationTables,
        offset: usize,
    ) -> Result<Vec<Plane>, CodecError> {
        let mut planes = Vec::with_capacity(self.components.len());
        for (own, component) in frame.components.iter().zip(self.components) {
            let steps = steps(quantization, own, offset)?;
            let mut plane = Plane::new(component.across * BLOCK_EDGE, component.down * BLOCK_EDGE);
            for (y, row) in component.blocks.chunks(component.across).enumerate() {
                for (x, block) in row.iter().enumerate() {
                    plane.place_block(y, x, &idct::inverse(block, steps, frame.precision));
                }
            }
            planes.push(plane);
        }
        Ok(planes)
    }
}

/// What a scan carries from block to block.
struct ScanState {
    /// The DC coefficient of the block before, for each component of the scan.
    predicted: [i32; 4],
    /// How many more blocks have nothing in the band (EOBRUN).
    zero_blocks: u32,
}

/// First scan of a DC coefficient (T.81 G.1.2.1).
fn first_dc(
    bits: &mut BitReader<'_>,
    dc: &HuffmanTable,
    block: &mut [i16; 64],
    predicted: &mut i32,
    low: u8,
) -> Result<(), CodecError> {
    *predicted = predicted.wrapping_add(read_dc_difference(bits, dc)?);
    if let Some(first) = block.first_mut() {
        *first = predicted.wrapping_shl(u32::from(low)) as i16;
    }
    Ok(())
}

/// One more bit of a DC coefficient (T.81 G.1.2.1).
fn refine_dc(bits: &mut BitReader<'_>, block: &mut [i16; 64], low: u8) {
    bits.refill();
    if let Some(first) = block.first_mut() {
        *first |= (bits.take(1) << low) as i16;
    }
}

/// The coefficients of a scan, in zigzag order, and the bit that it gives.
struct Band {
    start: usize,
    end: usize,
    low: u8,
}

impl Band {
    fn new(header: &ScanHeader, offset: usize) -> Result<Self, CodecError> {
        let (start, end) = (usize::from(header.start), usize::from(header.end));
        let valid = if start == 0 {
            end == 0
        } else {
            start <= end && end < 64 && header.components.len() == 1
        };
        if !valid || header.low > 13 {
            return Err(malformed(
                "progressive scan with an impossible band or bit",
                offset,
            ));
        }
        Ok(Self {
            start,
            end,
            low: header.low,
        })
    }

    /// First scan of a band (T.81 G.1.2.2).
    fn first_ac(
        &self,
        bits: &mut BitReader<'_>,
        ac: &HuffmanTable,
        block: &mut [i16; 64],
        zero_blocks: &mut u32,
    ) -> Result<(), CodecError> {
        if *zero_blocks > 0 {
            *zero_blocks -= 1;
            return Ok(());
        }
        let mut index = self.start;
        while index <= self.end {
            let (run, size) = read_run(bits, ac)?;
            match (run, size) {
                (15, 0) => index += 16,
                (_, 0) => {
                    *zero_blocks = read_zero_blocks(bits, run) - 1;
                    break;
                }
                _ => {
                    index += run;
                    if index > self.end {
                        return Err(bits.bad_run());
                    }
                    let value = bits.take_extended(size) << self.low;
                    *coefficient_mut(block, index).ok_or_else(|| bits.bad_run())? = value as i16;
                    index += 1;
                }
            }
        }
        Ok(())
    }

    /// One more bit of a band (T.81 G.1.2.3).
    fn refine_ac(
        &self,
        bits: &mut BitReader<'_>,
        ac: &HuffmanTable,
        block: &mut [i16; 64],
        zero_blocks: &mut u32,
    ) -> Result<(), CodecError> {
        let bit = 1i16 << self.low;
        let mut index = self.start;
        while *zero_blocks == 0 && index <= self.end {
            let (mut run, size) = read_run(bits, ac)?;
            let mut value = 0;
            if size > 0 {
                value = if bits.take(1) == 1 { bit } else { -bit };
            } else if run < 15 {
                *zero_blocks = read_zero_blocks(bits, run);
                break;
            }
            // Coefficients that are known not to be zero get their bit on the way; `run` counts the others.
            while index <= self.end {
                let coefficient = coefficient_mut(block, index).ok_or_else(|| bits.bad_run())?;
                if *coefficient != 0 {
                    refine(bits, coefficient, bit);
                } else if run == 0 {
                    *coefficient = value;
                    break;
                } else {
                    run -= 1;
                }
                index += 1;
            }
            index += 1;
        }
        if *zero_blocks > 0 {
            *zero_blocks -= 1;
            for index in index..=self.end {
                let coefficient = coefficient_mut(block, index).ok_or_else(|| bits.bad_run())?;
                if *coefficient != 0 {
                    refine(bits, coefficient, bit);
                }
            }
        }
        Ok(())
    }
}

/// Reads a code of AC coefficients: a run of zeros and the size of what follows it.
#[inline(always)]
fn read_run(bits: &mut BitReader<'_>, ac: &HuffmanTable) -> Result<(usize, u32), CodecError> {
    bits.refill();
    let code = ac.find(bits.window());
    if code.length == 0 {
        return Err(bits.bad_code());
    }
    bits.consume(code.length);
    Ok((usize::from(code.symbol >> 4), u32::from(code.symbol & 0xF)))
}

/// Reads how many blocks, this one counted, end their band here (T.81 table G.1).
fn read_zero_blocks(bits: &mut BitReader<'_>, run: usize) -> u32 {
    (1 << run) + bits.take(run as u32)
}

/// Moves a coefficient away from zero by `bit`, if the stream says so.
#[inline(always)]
fn refine(bits: &mut BitReader<'_>, coefficient: &mut i16, bit: i16) {
    bits.refill();
    if bits.take(1) == 1 && *coefficient & bit == 0 {
        *coefficient = coefficient.wrapping_add(if *coefficient > 0 { bit } else { -bit });
    }
}
