//! Marker segments (T.81 Annex B): finding them, and what each holds.

use super::huffman::{HuffmanTable, standard_tables};
use super::{malformed, truncated};
use crate::CodecError;

/// Codes of markers, the byte after `FF` (T.81 table B.1).
pub(super) mod code {
    pub(in super::super) const SOF_BASELINE: u8 = 0xC0;
    pub(in super::super) const SOF_EXTENDED: u8 = 0xC1;
    pub(in super::super) const SOF_PROGRESSIVE: u8 = 0xC2;
    pub(in super::super) const SOF_LOSSLESS: u8 = 0xC3;
    pub(in super::super) const DHT: u8 = 0xC4;
    pub(in super::super) const DAC: u8 = 0xCC;
    pub(in super::super) const RST_FIRST: u8 = 0xD0;
    pub(in super::super) const RST_LAST: u8 = 0xD7;
    pub(in super::super) const SOI: u8 = 0xD8;
    pub(in super::super) const EOI: u8 = 0xD9;
    pub(in super::super) const SOS: u8 = 0xDA;
    pub(in super::super) const DQT: u8 = 0xDB;
    pub(in super::super) const DNL: u8 = 0xDC;
    pub(in super::super) const DRI: u8 = 0xDD;
    pub(in super::super) const APP0: u8 = 0xE0;
    pub(in super::super) const APP14: u8 = 0xEE;
    pub(in super::super) const SOF_JPEG_LS: u8 = 0xF7;
    pub(in super::super) const TEM: u8 = 0x01;
}

/// A marker and where the `FF` before its code stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marker {
    pub(super) code: u8,
    pub(super) offset: usize,
}

/// Walks through the markers of a stream.
pub(super) struct Markers<'a> {
    data: &'a [u8],
    position: usize,
}

impl<'a> Markers<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0 }
    }

    pub(super) fn data(&self) -> &'a [u8] {
        self.data
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Goes on after entropy-coded data.
    pub(super) fn set_position(&mut self, position: usize) {
        self.position = position;
    }

    /// The next marker, past anything that is none; `None` at the end of the data.
    pub(super) fn next(&mut self) -> Option<Marker> {
        loop {
            let rest = self.data.get(self.position..)?;
            let at = rest
                .array_windows()
                .position(|&[mark, code]| mark == 0xFF && code != 0 && code != 0xFF)?;
            let offset = self.position + at;
            self.position = offset + 2;
            let code = *rest.get(at + 1)?;
            // Markers that stand alone and mean nothing here.
            if !(code::RST_FIRST..=code::RST_LAST).contains(&code) && code != code::TEM {
                return Some(Marker { code, offset });
            }
        }
    }

    /// The bytes of the segment that begins here, without its length.
    pub(super) fn segment(&mut self) -> Result<&'a [u8], CodecError> {
        let end_of_data = truncated(self.data.len());
        let rest = self.data.get(self.position..).unwrap_or_default();
        let Some((length, body)) = rest.split_first_chunk::<2>() else {
            return Err(end_of_data);
        };
        let Some(length) = usize::from(u16::from_be_bytes(*length)).checked_sub(2) else {
            return Err(malformed(
                "marker segment shorter than its length field",
                self.position,
            ));
        };
        let Some(body) = body.get(..length) else {
            return Err(end_of_data);
        };
        self.position += length + 2;
        Ok(body)
    }

    /// The height that a DNL marker (T.81 B.2.5) gives after the first scan.
    pub(super) fn find_line_count(&self) -> Option<u16> {
        let rest = self.data.get(self.position..)?;
        rest.array_windows().find_map(|&[mark, code, l1, l0, y1, y0]| {
            ([mark, code, l1, l0] == [0xFF, code::DNL, 0, 4]).then(|| u16::from_be_bytes([y1, y0]))
        })
    }
}

/// Quantization tables, natural order.
pub(super) type QuantizationTables = [Option<[u16; 64]>; 4];

/// Position in a block, `[row][column]`, of each coefficient in zigzag order (T.81 figure A.6).
#[rustfmt::skip]
pub(super) const NATURAL_FROM_ZIGZAG: [u8; 64] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Reads a DQT segment (T.81 B.2.4.1).
pub(super) fn read_quantization(
    mut segment: &[u8],
    tables: &mut QuantizationTables,
    offset: usize,
) -> Result<(), CodecError> {
    while let Some((&head, rest)) = segment.split_first() {
        let wide = head >> 4 != 0;
        let (bytes, rest) = rest
            .split_at_checked(if wide { 128 } else { 64 })
            .ok_or_else(|| malformed("quantization table cut short", offset))?;
        let slot = tables
            .get_mut(usize::from(head & 0xF))
            .ok_or_else(|| malformed("quantization table beyond 3", offset))?;
        let mut table = [0u16; 64];
        for (index, &natural) in NATURAL_FROM_ZIGZAG.iter().enumerate() {
            let step = if wide {
                bytes
                    .as_chunks::<2>()
                    .0
                    .get(index)
                    .map(|pair| u16::from_be_bytes(*pair))
            } else {
                bytes.get(index).map(|&byte| u16::from(byte))
            };
            if let (Some(entry), Some(step)) = (table.get_mut(usize::from(natural)), step) {
                *entry = step;
            }
        }
        *slot = Some(table);
        segment = rest;
    }
    Ok(())
}

/// Huffman tables by class and number.
#[derive(Clone)]
pub(super) struct HuffmanTables {
    pub(super) dc: [Option<HuffmanTable>; 4],
    pub(super) ac: [Option<HuffmanTable>; 4],
}

impl HuffmanTables {
    /// DC (or lossless) table `index`, for the scan at `offset`.
    pub(super) fn dc(&self, index: usize, offset: usize) -> Result<&HuffmanTable, CodecError> {
        defined(&self.dc, index, offset)
    }

    /// AC table `index`, for the scan at `offset`.
    pub(super) fn ac(&self, index: usize, offset: usize) -> Result<&HuffmanTable, CodecError> {
        defined(&self.ac, index, offset)
    }

    /// What a stream starts with: the tables that it may leave out.
    pub(super) fn standard() -> Result<Self, CodecError> {
        let [(dc0, ac0), (dc1, ac1)] = standard_tables()?;
        Ok(Self {
            dc: [Some(dc0), Some(dc1), None, None],
            ac: [Some(ac0), Some(ac1), None, None],
        })
    }
}

fn defined(
    tables: &[Option<HuffmanTable>; 4],
    index: usize,
    offset: usize,
) -> Result<&HuffmanTable, CodecError> {
    tables
        .get(index)
        .and_then(Option::as_ref)
        .ok_or_else(|| malformed("scan with a Huffman table that is not defined", offset))
}

/// Reads a DHT segment (T.81 B.2.4.2).
pub(super) fn read_huffman(
    mut segment: &[u8],
    tables: &mut HuffmanTables,
    offset: usize,
) -> Result<(), CodecError> {
    while let Some((&head, rest)) = segment.split_first() {
        let Some((counts, rest)) = rest.split_first_chunk::<16>() else {
            // Padding after the last table.
            return Ok(());
        };
        let table = HuffmanTable::new(*counts, rest, offset)?;
        let class = if head >> 4 == 0 {
            &mut tables.dc
        } else {
            &mut tables.ac
        };
        let slot = class
            .get_mut(usize::from(head & 0xF))
            .ok_or_else(|| malformed("Huffman table beyond 3", offset))?;
        segment = rest
            .get(counts.iter().map(|&count| usize::from(count)).sum()..)
            .unwrap_or_default();
        *slot = Some(table);
    }
    Ok(())
}

/// One component of a scan.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScanComponent {
    /// Its index in the frame.
    pub(super) index: usize,
    /// Which DC (or lossless) Huffman table.
    pub(super) dc: usize,
    /// Which AC Huffman table.
    pub(super) ac: usize,
}

/// A scan header (T.81 B.2.3).
#[derive(Clone, Debug)]
pub(super) struct ScanHeader {
    pub(super) components: Vec<ScanComponent>,
    /// First coefficient in zigzag order, or the predictor of a lossless scan.
    pub(super) start: u8,
    /// Last coefficient in zigzag order.
    pub(super) end: u8,
    /// Successive approximation: the bit position of the scan before; 0 for the first.
    pub(super) high: u8,
    /// Successive approximation: the bit position, or the point transform of a lossless scan.
    pub(super) low: u8,
}

impl ScanHeader {
    /// Reads a scan header; `ids` are the identifiers of the frame's components.
    pub(super) fn parse(segment: &[u8], ids: &[u8], offset: usize) -> Result<Self, CodecError> {
        let short = || malformed("scan header shorter than its components", offset);
        let (&count, rest) = segment.split_first().ok_or_else(short)?;
        let (specs, rest) = rest.split_at_checked(usize::from(count) * 2).ok_or_else(short)?;
        let &[start, end, approximation] = rest.first_chunk::<3>().ok_or_else(short)?;
        let mut components: Vec<ScanComponent> = Vec::with_capacity(ids.len());
        for &[id, tables] in specs.as_chunks::<2>().0 {
            let index = ids
                .iter()
                .enumerate()
                .position(|(index, &known)| known == id && components.iter().all(|c| c.index != index))
                .ok_or_else(|| malformed("scan of a component that the frame lacks", offset))?;
            components.push(ScanComponent {
                index,
                dc: usize::from(tables >> 4),
                ac: usize::from(tables & 0xF),
            });
        }
        if components.is_empty() {
            return Err(malformed("scan without components", offset));
        }
        Ok(Self {
            components,
            start,
            end,
            high: approximation >> 4,
            low: approximation & 0xF,
        })
    }
}
