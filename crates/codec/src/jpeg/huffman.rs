//! Huffman tables (T.81 Annex C and F.2.2.3), and the ones that a stream may leave out.

use super::malformed;
use crate::CodecError;

/// Codes up to this length are resolved by one look-up.
const FAST_BITS: u32 = 10;

/// A table that gives the symbol of a code.
#[derive(Clone)]
pub(super) struct HuffmanTable {
    /// By the next [`FAST_BITS`] bits: symbol in the high byte, length in the low one; 0 where the code is longer.
    fast: Box<[u16; 1 << FAST_BITS]>,
    /// For codes of `length` bits: the first value, left-aligned to 16 bits, that is above them.
    limits: [u32; 17],
    /// For codes of `length` bits: what to add to a code to get the index of its symbol.
    offsets: [i32; 17],
    symbols: Vec<u8>,
    counts: [u8; 16],
}

/// A code found in the bits to come.
#[derive(Clone, Copy)]
pub(super) struct Code {
    /// The symbol.
    pub(super) symbol: u8,
    /// Bits of the code; 0 if the bits match none.
    pub(super) length: u32,
}

impl HuffmanTable {
    /// Builds a table from the number of codes of each length 1 to 16 and their symbols in order (T.81 B.2.4.2).
    /// `offset` is where the definition stands, for messages.
    pub(super) fn new(counts: [u8; 16], symbols: &[u8], offset: usize) -> Result<Self, CodecError> {
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        let symbols = symbols
            .get(..total)
            .ok_or_else(|| malformed("Huffman table without its symbols", offset))?;
        let mut fast = Box::new([0u16; 1 << FAST_BITS]);
        let (mut limits, mut offsets) = ([0u32; 17], [0i32; 17]);
        let (mut code, mut index) = (0u32, 0usize);
        for (length, &count) in (1u32..).zip(&counts) {
            let end = code + u32::from(count);
            if end > 1 << length {
                return Err(malformed("Huffman table with more codes than fit", offset));
            }
            if let (Some(limit), Some(shift)) =
                (limits.get_mut(length as usize), offsets.get_mut(length as usize))
            {
                *limit = end << (16 - length);
                *shift = index as i32 - code as i32;
            }
            let next = index + usize::from(count);
            if length <= FAST_BITS {
                let filled = symbols.get(index..next).unwrap_or_default();
                let slots = fast
                    .get_mut((code << (FAST_BITS - length)) as usize..)
                    .unwrap_or_default();
                for (slots, &symbol) in slots.chunks_exact_mut(1 << (FAST_BITS - length)).zip(filled) {
                    slots.fill(u16::from(symbol) << 8 | length as u16);
                }
            }
            (code, index) = (end << 1, next);
        }
        Ok(Self {
            fast,
            limits,
            offsets,
            symbols: symbols.to_vec(),
            counts,
        })
    }

    /// Finds the code at the top of `window`.
    #[inline(always)]
    pub(super) fn find(&self, window: u64) -> Code {
        #[expect(
            clippy::indexing_slicing,
            reason = "a number of FAST_BITS bits is below the length of the table"
        )]
        let entry = self.fast[(window >> (64 - FAST_BITS)) as usize];
        if entry == 0 {
            return self.find_long(window);
        }
        Code {
            symbol: (entry >> 8) as u8,
            length: u32::from(entry & 0xFF),
        }
    }

    #[cold]
    fn find_long(&self, window: u64) -> Code {
        let top = (window >> 48) as u32;
        for ((length, &limit), &offset) in (0u32..).zip(&self.limits).zip(&self.offsets).skip(1) {
            if top < limit {
                let index = (top >> (16 - length)) as i32 + offset;
                let symbol = usize::try_from(index)
                    .ok()
                    .and_then(|index| self.symbols.get(index));
                return symbol.map_or(Code { symbol: 0, length: 0 }, |&symbol| Code { symbol, length });
            }
        }
        Code { symbol: 0, length: 0 }
    }

    /// Every code, left-aligned to 16 bits, with its length and symbol, in order.
    pub(super) fn codes(&self) -> impl Iterator<Item = (u32, Code)> {
        let lengths = (1u32..)
            .zip(&self.counts)
            .flat_map(|(length, &count)| std::iter::repeat_n(length, usize::from(count)));
        self.symbols
            .iter()
            .zip(lengths)
            .scan(0u32, |next, (&symbol, length)| {
                let code = *next;
                *next += 1 << (16 - length);
                Some((code, Code { symbol, length }))
            })
    }
}

/// The tables of T.81 K.3.1 and K.3.2, for streams that leave theirs out (as motion JPEG does): for luminance and
/// chrominance, DC and AC.
pub(super) fn standard_tables() -> Result<[(HuffmanTable, HuffmanTable); 2], CodecError> {
    Ok([
        (
            HuffmanTable::new([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &DC_SYMBOLS, 0)?,
            HuffmanTable::new(
                [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D],
                &LUMINANCE_AC_SYMBOLS,
                0,
            )?,
        ),
        (
            HuffmanTable::new([0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &DC_SYMBOLS, 0)?,
            HuffmanTable::new(
                [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77],
                &CHROMINANCE_AC_SYMBOLS,
                0,
            )?,
        ),
    ])
}

const DC_SYMBOLS: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

#[rustfmt::skip]
const LUMINANCE_AC_SYMBOLS: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
    0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0,
    0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2A, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
    0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
    0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
    0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7,
    0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5,
    0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2,
    0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
    0xF9, 0xFA,
];

#[rustfmt::skip]
const CHROMINANCE_AC_SYMBOLS: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
    0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0,
    0x15, 0x62, 0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26,
    0x27, 0x28, 0x29, 0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
    0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
    0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
    0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5,
    0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
    0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA,
    0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
    0xF9, 0xFA,
];
