//! The high-throughput block decoder (ISO/IEC 15444-15): a clean-up pass that codes most of a block at once, and up
//! to two passes that refine it by one bit-plane.
//!
//! A clean-up pass has three streams in one run of bytes: magnitudes and signs from the front, codes of quads (two by
//! two samples) from the back, and between them runs of quads without anything to say. Quads are decoded row by row;
//! what a row leaves for the next is which samples are significant and how large those of its lower line are.

use super::ht_tables::{FIRST_ROW, OTHER_ROWS, Quad};
use super::tile::BlockShape;

/// Longest tail of quad codes and runs (7.1.1).
const MAX_TAIL: usize = 4079;
/// Lengths of runs by state, as powers of two (table 2).
const RUN_EXPONENTS: [u8; 13] = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5];

/// By row in a stripe: which samples of the own and the next column a sample is a neighbor of, as far as they come
/// later in the scan.
const LATER: [u32; 4] = [0x32, 0x74, 0xE8, 0xC0];

/// The block at hand. Buffers are kept from block to block.
#[derive(Default)]
pub(super) struct BlockDecoder {
    width: usize,
    height: usize,
    /// Magnitudes and signs as [`row`](Self::row) gives them.
    samples: Vec<u32>,
    /// Significance of quads after the clean-up pass, by rows, with a quad to the left, two to the right and a row
    /// above that have none.
    quads: Vec<u8>,
    /// Twice the magnitudes, less one, of the line above the row of quads at hand, and of its own lower line, with a
    /// border of one.
    above: Vec<u64>,
    line: Vec<u64>,
    /// Significance by stripes of groups of four columns, four bits a column, with a border of one all around.
    significant: Vec<u16>,
}

impl BlockDecoder {
    /// Row `y` of the block: magnitude, with as many bits below it as `shape` said, in the lower 31 bits, sign on top.
    /// Magnitudes lie in the middle of what their bits leave open.
    pub(super) fn row(&self, y: usize) -> &[u32] {
        self.samples
            .get(y * self.width..)
            .and_then(|rest| rest.get(..self.width))
            .unwrap_or_default()
    }

    /// Decodes a block of which there are `passes` passes, 1 to 3. `None` when its bytes contradict themselves.
    pub(super) fn decode(
        &mut self,
        shape: &BlockShape,
        passes: u8,
        clean_up: &[u8],
        refining: &[u8],
    ) -> Option<()> {
        [self.width, self.height] = shape.size.map(usize::from);
        self.samples.clear();
        self.samples.resize(self.width * self.height, 0);
        // The bit-plane of the clean-up pass, as a bit of a sample.
        let unit = u32::from(shape.planes.checked_sub(1)?) + shape.fraction_bits;
        self.clean_up(unit, u64::from(shape.zero_planes) + 2, clean_up)?;
        if passes > 1 && !refining.is_empty() && unit > 0 {
            let unit = 1_u32.checked_shl(unit - 1)?;
            self.gather_significance();
            let before = self.significant.clone();
            self.significance(unit, refining, shape.style.vertically_causal());
            if passes > 2 {
                self.significant = before;
                self.magnitude(unit, refining);
            }
        }
        Some(())
    }

    /// The clean-up pass (7.3). No magnitude may take more than `limit` bits.
    fn clean_up(&mut self, unit: u32, limit: u64, data: &[u8]) -> Option<()> {
        let [.., low, high] = data else { return None };
        let tail = usize::from(*high) << 4 | usize::from(*low & 15);
        if !(2..=MAX_TAIL.min(data.len())).contains(&tail) {
            return None;
        }
        let (magnitudes, tail) = data.split_at(data.len() - tail);
        let mut magnitudes = Forward::new(magnitudes, 0xFF);
        let mut codes = Codes {
            runs: Runs::new(tail),
            bits: Backward::of_codes(tail),
        };
        let across = self.width.div_ceil(2);
        let stride = across + 3;
        self.quads.clear();
        self.quads.resize((self.height.div_ceil(2) + 1) * stride, 0);
        for line in [&mut self.above, &mut self.line] {
            line.clear();
            line.resize(2 * across + 2, 0);
        }
        for y in 0..self.height.div_ceil(2) {
            for x in (0..across).step_by(2) {
                let rows = self.quads.get_mut(y * stride..)?;
                let (above, row) = rows.split_at_mut_checked(stride)?;
                let pair = codes.pair(y == 0, above.get(x..)?, row.get_mut(x..)?, across - x)?;
                for (x, (quad, bound)) in (x..across).zip(pair) {
                    self.quad([x, y], quad, bound, unit, limit, &mut magnitudes)?;
                }
            }
            std::mem::swap(&mut self.above, &mut self.line);
            self.line.fill(0);
        }
        Some(())
    }

    /// The magnitudes and signs of the quad at column and row `at` (7.3.8). `bound` is what its code adds to what the
    /// line above leads to expect.
    #[inline(always)]
    fn quad(
        &mut self,
        at: [usize; 2],
        quad: Quad,
        bound: u64,
        unit: u32,
        limit: u64,
        magnitudes: &mut Forward<'_>,
    ) -> Option<()> {
        let around = self.above.get(2 * at[0]..)?.first_chunk::<4>()?;
        let largest = around.iter().fold(2, |all, one| all | one).ilog2();
        let expected = if quad.significant.count_ones() > 1 {
            largest
        } else {
            1
        };
        let bound = bound + u64::from(expected);
        if bound > limit {
            return None;
        }
        for sample in 0..4 {
            if quad.significant >> sample & 1 == 0 {
                continue;
            }
            let (x, y) = (2 * at[0] + sample / 2, 2 * at[1] + sample % 2);
            let count = bound.saturating_sub(u64::from(quad.known >> sample & 1)) as u32;
            let bits = magnitudes.take(count);
            let value = bits | u64::from(quad.equal >> sample & 1) << count | 1;
            if y % 2 == 1 {
                *self.line.get_mut(x + 1)? = value;
            }
            if x < self.width && y < self.height {
                let magnitude = ((value >> 1) + 1) << unit | (1 << unit) >> 1;
                let sample = self.samples.get_mut(y * self.width + x)?;
                *sample = (magnitude as u32) & 0x7FFF_FFFF | (bits as u32) << 31;
            }
        }
        Some(())
    }

    /// Puts the significance of quads into the order of the refining passes.
    fn gather_significance(&mut self) {
        let stride = self.width.div_ceil(2) + 3;
        let (groups, stripes) = (self.width.div_ceil(4) + 2, self.height.div_ceil(4));
        self.significant.clear();
        self.significant.resize((stripes + 2) * groups, 0);
        for y in 0..self.height {
            for x in 0..self.width {
                let quad = self
                    .quads
                    .get((y / 2 + 1) * stride + x / 2 + 1)
                    .copied()
                    .unwrap_or_default();
                let bit = u16::from(quad >> (x % 2 * 2 + y % 2) & 1);
                if let Some(group) = self.significant.get_mut((y / 4 + 1) * groups + x / 4 + 1) {
                    *group |= bit << (x % 4 * 4 + y % 4);
                }
            }
        }
    }

    /// Significance propagation (7.4) in the bit-plane of `unit`: for each group of four columns first which samples
    /// become significant, then their signs.
    fn significance(&mut self, unit: u32, data: &[u8], causal: bool) {
        let groups = self.width.div_ceil(4) + 2;
        let mut bits = Forward::new(data, 0);
        for y in 0..self.height.div_ceil(4) {
            let rows = (self.height - 4 * y).min(4);
            for x in 0..groups - 2 {
                let columns = (self.width - 4 * x).min(4);
                let inside = (0x1111 * ((1_u32 << rows) - 1)) & ((1_u32 << (4 * columns)) - 1);
                let group = (y + 1) * groups + x + 1;
                let free = inside & !self.group(group);
                let mut due = self.near(group, groups, causal) & free;
                let mut found = 0_u32;
                while due != 0 {
                    let bit = due.trailing_zeros();
                    due &= due - 1;
                    if bits.take(1) != 0 {
                        found |= 1 << bit;
                        due |= LATER.get(bit as usize & 3).copied().unwrap_or_default() << (bit & 12) & free;
                    }
                }
                if let Some(significant) = self.significant.get_mut(group) {
                    *significant |= found as u16;
                }
                while found != 0 {
                    let bit = found.trailing_zeros() as usize;
                    found &= found - 1;
                    let sign = (bits.take(1) as u32) << 31;
                    if let Some(sample) = self
                        .samples
                        .get_mut((4 * y + bit % 4) * self.width + 4 * x + bit / 4)
                    {
                        *sample = sign | unit | unit >> 1;
                    }
                }
            }
        }
    }

    fn group(&self, index: usize) -> u32 {
        self.significant.get(index).copied().map_or(0, u32::from)
    }

    /// The samples of a group that are significant or have a significant neighbor.
    fn near(&self, group: usize, groups: usize, causal: bool) -> u32 {
        let column = |group: usize| {
            let at = self.group(group);
            let above = self.group(group - groups) >> 3 & 0x1111;
            let below = if causal {
                0
            } else {
                self.group(group + groups) << 3 & 0x8888
            };
            at | at << 1 & 0xEEEE | at >> 1 & 0x7777 | above | below
        };
        let at = column(group);
        at | at << 4 | at >> 4 | column(group - 1) >> 12 | column(group + 1) << 12
    }

    /// Magnitude refinement (7.5) in the bit-plane of `unit`.
    fn magnitude(&mut self, unit: u32, data: &[u8]) {
        let groups = self.width.div_ceil(4) + 2;
        let mut bits = Backward::of_refinement(data);
        for y in 0..self.height.div_ceil(4) {
            for x in 0..groups - 2 {
                let mut due = self.group((y + 1) * groups + x + 1);
                while due != 0 {
                    let bit = due.trailing_zeros() as usize;
                    due &= due - 1;
                    let refinement = bits.take(1) as u32;
                    if let Some(sample) = self
                        .samples
                        .get_mut((4 * y + bit % 4) * self.width + 4 * x + bit / 4)
                    {
                        *sample ^= ((refinement ^ 1) * unit) | (unit >> 1);
                    }
                }
            }
        }
    }
}

/// The streams that say which samples are significant.
struct Codes<'a> {
    runs: Runs<'a>,
    bits: Backward<'a>,
}

impl Codes<'_> {
    /// The next two quads, or the last one when `left` is 1, each with what it adds to its bound. `above` and `row` begin
    /// with the quad to the left; significance is put into `row`.
    #[inline(always)]
    fn pair(
        &mut self,
        first_row: bool,
        above: &[u8],
        row: &mut [u8],
        left: usize,
    ) -> Option<[(Quad, u64); 2]> {
        let mut quads = [Quad::default(); 2];
        for (quad, at) in quads.iter_mut().zip(0..left) {
            let (northwest, north, northeast) = (*above.get(at)?, *above.get(at + 1)?, *above.get(at + 2)?);
            let west = *row.get(at)?;
            // Equations 1 and 2.
            let (context, table) = if first_row {
                ((west | west >> 1) & 1 | west >> 1 & 6, &FIRST_ROW)
            } else {
                let context = (north >> 1 | northwest >> 3) & 1
                    | ((west >> 2 | west >> 3) & 1) << 1
                    | ((north >> 3 | northeast >> 1) & 1) << 2;
                (context, &OTHER_ROWS)
            };
            if context != 0 || self.runs.event() {
                let index = usize::from(context) << 7 | (self.bits.peek() & 127) as usize;
                *quad = *table.get(index)?;
                self.bits.take(u32::from(quad.length));
            }
            *row.get_mut(at + 1)? = quad.significant;
        }
        let bounds = self.bounds(first_row, quads.map(|quad| quad.bound_follows));
        Some([(quads[0], bounds[0]), (quads[1], bounds[1])])
    }

    /// What two quads add to their bounds (7.3.6): prefixes, then suffixes.
    #[inline(always)]
    fn bounds(&mut self, first_row: bool, follows: [bool; 2]) -> [u64; 2] {
        let both = follows == [true, true];
        let more = if first_row && both && self.runs.event() {
            2
        } else {
            0
        };
        let mut prefixes = [(0, 0); 2];
        if follows[0] {
            prefixes[0] = self.prefix();
        }
        if follows[1] {
            // In the first row, when the first quad's is long and no event said otherwise, the second's is short.
            prefixes[1] = if first_row && both && more == 0 && prefixes[0].0 > 2 {
                (1 + self.bits.take(1), 0)
            } else {
                self.prefix()
            };
        }
        prefixes.map(|(base, suffix)| base + more + self.bits.take(suffix))
    }

    /// A prefix (table 3): its value and the bits of its suffix.
    #[inline(always)]
    fn prefix(&mut self) -> (u64, u32) {
        let (value, suffix, length) = match self.bits.peek() & 7 {
            0 => (5, 5, 3),
            4 => (3, 1, 3),
            2 | 6 => (2, 0, 2),
            _ => (1, 0, 1),
        };
        self.bits.take(length);
        (value, suffix)
    }
}

/// Events of quads in whose surroundings nothing is significant: runs of zeros with ones between them (7.3.3).
struct Runs<'a> {
    /// The bytes that are left; ones follow without end.
    data: &'a [u8],
    byte: u8,
    left: u8,
    state: usize,
    zeros: u32,
    /// Whether a one follows the zeros.
    one: bool,
}

impl<'a> Runs<'a> {
    /// The runs at the front of `tail`. Its last byte belongs to its length, and of the one before the lower half.
    fn new(tail: &'a [u8]) -> Self {
        let data = tail.get(..tail.len().saturating_sub(1)).unwrap_or_default();
        Self {
            data,
            byte: 0,
            left: 0,
            state: 0,
            zeros: 0,
            one: false,
        }
    }

    fn bit(&mut self) -> bool {
        if self.left == 0 {
            self.left = if self.byte == 0xFF { 7 } else { 8 };
            self.byte = match self.data {
                [last] => *last | 15,
                [next, ..] => *next,
                [] => 0xFF,
            };
            self.data = self.data.get(1..).unwrap_or_default();
        }
        self.left -= 1;
        self.byte >> self.left & 1 != 0
    }

    fn event(&mut self) -> bool {
        if self.zeros == 0 && !self.one {
            let exponent = RUN_EXPONENTS.get(self.state).copied().unwrap_or_default();
            if self.bit() {
                self.zeros = 1 << exponent;
                self.state = (self.state + 1).min(RUN_EXPONENTS.len() - 1);
            } else {
                for _ in 0..exponent {
                    self.zeros = self.zeros << 1 | u32::from(self.bit());
                }
                self.one = true;
                self.state = self.state.saturating_sub(1);
            }
        }
        if self.zeros > 0 {
            self.zeros -= 1;
            false
        } else {
            self.one = false;
            true
        }
    }
}

/// Bits from the front, lowest first. After a byte of ones comes one of seven bits.
struct Forward<'a> {
    data: &'a [u8],
    bits: u64,
    count: u32,
    stuffed: bool,
    /// What bytes past the end read as.
    fill: u8,
}

impl<'a> Forward<'a> {
    fn new(data: &'a [u8], fill: u8) -> Self {
        Self {
            data,
            bits: 0,
            count: 0,
            stuffed: false,
            fill,
        }
    }

    /// The next bits, at most 33 of them.
    #[inline(always)]
    fn take(&mut self, count: u32) -> u64 {
        if self.count < count {
            self.refill();
        }
        let bits = self.bits & ((1 << count) - 1);
        self.bits >>= count;
        self.count -= count;
        bits
    }

    /// Takes bytes in until there are at least 33 bits.
    fn refill(&mut self) {
        if let (Some((four, rest)), false, 0..=32) = (self.data.split_first_chunk(), self.stuffed, self.count)
        {
            let word = u32::from_le_bytes(*four);
            // No byte is all ones: no byte of the complement borrows when one is taken from each.
            if (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0 {
                self.bits |= u64::from(word) << self.count;
                self.count += 32;
                self.data = rest;
            }
        }
        while self.count < 33 {
            let byte = self.data.split_off_first().copied().unwrap_or(self.fill);
            let (byte, length) = if self.stuffed { (byte & 0x7F, 7) } else { (byte, 8) };
            self.bits |= u64::from(byte) << self.count;
            self.count += length;
            self.stuffed = byte == 0xFF;
        }
    }
}

/// Bits from the back, lowest first. Before a byte above 0x8F comes one of seven bits, if those are all ones.
struct Backward<'a> {
    data: &'a [u8],
    bits: u64,
    count: u32,
    stuffed: bool,
}

impl<'a> Backward<'a> {
    /// The codes of quads at the back of `tail`, in front of its length of twelve bits.
    fn of_codes(tail: &'a [u8]) -> Self {
        let [front @ .., half, _] = tail else {
            return Self {
                data: &[],
                bits: 0,
                count: 0,
                stuffed: false,
            };
        };
        let bits = u64::from(half >> 4);
        Self {
            data: front,
            bits,
            count: if bits & 7 == 7 { 3 } else { 4 },
            stuffed: half | 15 > 0x8F,
        }
    }

    /// The refinement of magnitudes at the back of `data`.
    fn of_refinement(data: &'a [u8]) -> Self {
        Self {
            data,
            bits: 0,
            count: 0,
            stuffed: true,
        }
    }

    /// At least 32 of the next bits; zeros follow the last one.
    #[inline(always)]
    fn peek(&mut self) -> u64 {
        if self.count < 32 {
            self.refill();
        }
        self.bits
    }

    fn refill(&mut self) {
        if let Some((rest, four)) = self.data.split_last_chunk() {
            let word = u32::from_be_bytes(*four);
            // The lower seven bits of no byte are all ones, so none can be short.
            if ((word & 0x7F7F_7F7F) + 0x0101_0101) & 0x8080_8080 == 0 {
                self.bits |= u64::from(word) << self.count;
                self.count += 32;
                self.stuffed = four.first().is_some_and(|byte| *byte > 0x8F);
                self.data = rest;
                return;
            }
        }
        while self.count < 32 {
            let byte = self.data.split_off_last().copied().unwrap_or(0);
            let length = if self.stuffed && byte & 0x7F == 0x7F { 7 } else { 8 };
            self.bits |= u64::from(byte & (0xFF >> (8 - length))) << self.count;
            self.count += length;
            self.stuffed = byte > 0x8F;
        }
    }

    /// The next bits, at most 32.
    #[inline(always)]
    fn take(&mut self, count: u32) -> u64 {
        let bits = self.peek() & ((1 << count) - 1);
        self.bits >>= count;
        self.count -= count;
        bits
    }
}

#[cfg(test)]
mod tests;
