//! Lossless scans (T.81 Annex H): Huffman-coded differences, then prediction, row by row.
//!
//! This is the codec of most archived CT and MR, so its inner loop is made with care: one look-up gives a difference and
//! the bits it took, where the two fit in [`FAST_BITS`], and rows of differences become samples in loops of their own,
//! one for each predictor.

use super::entropy::{BitReader, EntropySource, REFILLED_BITS, extend};
use super::frame::Frame;
use super::huffman::HuffmanTable;
use super::markers::{HuffmanTables, ScanComponent, ScanHeader};
use super::plane::Plane;
use super::predict::{Predictor, restore_first_row};
use super::{malformed, truncated, unsupported};
use crate::CodecError;

/// Bits by which differences are looked up.
const FAST_BITS: u32 = 11;
/// Differences that can be looked up between two refills, at least three.
const GROUP: usize = (REFILLED_BITS / FAST_BITS) as usize;
/// The category of the difference 32768, which has no further bits (T.81 H.1.2.2).
const CATEGORY_OF_32768: u8 = 16;

/// Decodes one scan into the planes of its components.
pub(super) fn decode_scan(
    frame: &Frame,
    header: &ScanHeader,
    huffman: &HuffmanTables,
    restart_interval: usize,
    source: &mut EntropySource<'_>,
    planes: &mut [Plane],
) -> Result<(), CodecError> {
    let offset = source.position();
    let predictor =
        Predictor::new(header.start).ok_or_else(|| malformed("predictor outside 1 to 7", offset))?;
    let point_transform = header.low;
    if point_transform >= frame.precision {
        return Err(malformed("point transform as large as the precision", offset));
    }
    let mut parts = header
        .components
        .iter()
        .map(|component| Part::new(frame, component, header, huffman, offset))
        .collect::<Result<Vec<_>, _>>()?;
    let samples: u64 = parts
        .iter()
        .map(|part| part.stride as u64 * part.rows as u64)
        .sum();
    if samples > source.remaining() as u64 * 8 {
        return Err(truncated(offset + source.remaining()));
    }
    for part in &mut parts {
        part.plane = Plane::new(part.stride, part.rows);
    }
    let (across, down) = match parts.as_slice() {
        [part] => (part.stride, part.rows),
        _ => frame.mcus(),
    };
    let rows_each = match restart_interval {
        0 => down,
        interval if interval.is_multiple_of(across) => interval / across,
        _ => {
            return Err(unsupported(
                "a restart interval that is no whole number of rows in a lossless scan",
            ));
        }
    };
    let origin = 1u16 << (frame.precision - point_transform - 1);
    for first_row in (0..down).step_by(rows_each) {
        let mut bits = source.next_interval()?;
        for mcu_row in first_row..down.min(first_row + rows_each) {
            read_differences(&mut bits, &mut parts, mcu_row, across)?;
            bits.check()?;
            for part in &mut parts {
                part.restore(mcu_row, predictor, (mcu_row == first_row).then_some(origin));
            }
        }
    }
    for part in parts {
        let Some(plane) = planes.get_mut(part.index) else {
            continue;
        };
        *plane = part.plane;
        if point_transform > 0 {
            plane
                .samples
                .iter_mut()
                .for_each(|sample| *sample <<= point_transform);
        }
    }
    Ok(())
}

/// One component of the scan while it is decoded.
struct Part<'t> {
    index: usize,
    /// Samples a minimum coded unit: along a row, down a column.
    h: usize,
    v: usize,
    stride: usize,
    rows: usize,
    table: DifferenceTable<'t>,
    plane: Plane,
}

impl<'t> Part<'t> {
    fn new(
        frame: &Frame,
        scan: &ScanComponent,
        header: &ScanHeader,
        huffman: &'t HuffmanTables,
        offset: usize,
    ) -> Result<Self, CodecError> {
        let component = frame
            .components
            .get(scan.index)
            .ok_or_else(|| malformed("scan of a component that the frame lacks", offset))?;
        let alone = header.components.len() == 1;
        let (h, v) = if alone { (1, 1) } else { (component.h, component.v) };
        let (stride, rows) = if alone {
            frame.own_units(component)
        } else {
            frame.padded_units(component)
        };
        let table = DifferenceTable::new(huffman.dc(scan.dc, offset)?);
        Ok(Self {
            index: scan.index,
            h,
            v,
            stride,
            rows,
            table,
            plane: Plane::default(),
        })
    }

    /// Turns the differences of a row of minimum coded units into samples. `origin` is what the first sample after a
    /// restart is predicted as.
    fn restore(&mut self, mcu_row: usize, predictor: Predictor, origin: Option<u16>) {
        for row in mcu_row * self.v..(mcu_row + 1) * self.v {
            let (above, samples) = self.plane.row_pair_mut(row);
            match origin {
                Some(origin) if row == mcu_row * self.v => restore_first_row(samples, origin),
                _ => predictor.restore(samples, above),
            }
        }
    }
}

/// Reads the differences of one row of minimum coded units into the planes.
fn read_differences(
    bits: &mut BitReader<'_>,
    parts: &mut [Part<'_>],
    mcu_row: usize,
    across: usize,
) -> Result<(), CodecError> {
    if let [part] = parts {
        return part.table.read_row(bits, part.plane.row_pair_mut(mcu_row).1);
    }
    if let Ok(colors) = <&mut [Part<'_>; 3]>::try_from(&mut *parts)
        && colors.iter().all(|part| (part.h, part.v) == (1, 1))
    {
        return read_colors(bits, colors, mcu_row);
    }
    for mcu in 0..across {
        for part in &mut *parts {
            for row in mcu_row * part.v..(mcu_row + 1) * part.v {
                let start = row * part.stride + mcu * part.h;
                let unit = part
                    .plane
                    .samples
                    .get_mut(start..start + part.h)
                    .unwrap_or_default();
                part.table.read_row(bits, unit)?;
            }
        }
    }
    Ok(())
}

/// Reads the differences of one row of three components at full resolution, sample by sample.
fn read_colors(bits: &mut BitReader<'_>, parts: &mut [Part<'_>; 3], row: usize) -> Result<(), CodecError> {
    let [a, b, c] = parts
        .each_mut()
        .map(|part| (&part.table, part.plane.row_pair_mut(row).1));
    let mut reader = *bits;
    for ((x, y), z) in a.1.iter_mut().zip(b.1).zip(c.1) {
        reader.refill();
        *x = a.0.read(&mut reader)?;
        *y = b.0.read(&mut reader)?;
        *z = c.0.read(&mut reader)?;
    }
    *bits = reader;
    Ok(())
}

/// A Huffman table together with the bits that follow its codes.
struct DifferenceTable<'t> {
    /// By the next [`FAST_BITS`] bits: the difference in the high half, the bits it takes in the low byte; 0 where
    /// they are more than were looked at.
    fast: Box<[u32; 1 << FAST_BITS]>,
    codes: &'t HuffmanTable,
}

impl<'t> DifferenceTable<'t> {
    fn new(codes: &'t HuffmanTable) -> Self {
        let mut fast = Box::new([0u32; 1 << FAST_BITS]);
        for (start, code) in codes.codes() {
            let magnitude_bits = magnitude_bits(code.symbol);
            let total = code.length + magnitude_bits;
            if code.symbol > CATEGORY_OF_32768 || total > FAST_BITS {
                continue;
            }
            // All magnitudes of the category, each in every slot whose bits begin with it.
            let spare = FAST_BITS - total;
            let first = (start >> (16 - FAST_BITS)) as usize;
            let slots = fast.get_mut(first..).unwrap_or_default();
            for (magnitude, slots) in (0u64..1 << magnitude_bits).zip(slots.chunks_exact_mut(1 << spare)) {
                let window = if magnitude_bits == 0 {
                    0
                } else {
                    magnitude << (64 - magnitude_bits)
                };
                slots.fill(u32::from(difference(code.symbol, window)) << 16 | total);
            }
        }
        Self { fast, codes }
    }

    /// Reads one difference after another until `row` is full. The caller checks that the bits sufficed.
    #[inline(always)]
    fn read_row(&self, bits: &mut BitReader<'_>, row: &mut [u16]) -> Result<(), CodecError> {
        // A copy of its own stays in registers.
        let mut reader = *bits;
        let (groups, rest) = row.as_chunks_mut::<GROUP>();
        for group in groups {
            reader.refill();
            for sample in group {
                *sample = self.read(&mut reader)?;
            }
        }
        for sample in rest {
            reader.refill();
            *sample = self.read(&mut reader)?;
        }
        *bits = reader;
        Ok(())
    }

    /// Reads a difference, for which [`FAST_BITS`] bits must be at hand.
    #[inline(always)]
    fn read(&self, reader: &mut BitReader<'_>) -> Result<u16, CodecError> {
        #[expect(
            clippy::indexing_slicing,
            reason = "a number of FAST_BITS bits is below the table's length"
        )]
        let entry = self.fast[(reader.window() >> (64 - FAST_BITS)) as usize];
        if entry != 0 {
            reader.consume(entry & 0xFF);
            return Ok((entry >> 16) as u16);
        }
        reader.refill();
        let code = self.codes.find(reader.window());
        if code.length == 0 || code.symbol > CATEGORY_OF_32768 {
            return Err(reader.bad_code());
        }
        reader.consume(code.length);
        let difference = difference(code.symbol, reader.window());
        reader.consume(magnitude_bits(code.symbol));
        reader.refill();
        Ok(difference)
    }
}

/// Bits that follow the code of a category.
#[inline(always)]
fn magnitude_bits(category: u8) -> u32 {
    if category == CATEGORY_OF_32768 {
        0
    } else {
        u32::from(category)
    }
}

/// The difference of a category (0 to 16), whose bits are at the top of `window`.
#[inline(always)]
fn difference(category: u8, window: u64) -> u16 {
    if category == CATEGORY_OF_32768 {
        0x8000
    } else {
        extend(window, u32::from(category)) as u16
    }
}
