//! The block decoder of part 1 (ISO/IEC 15444-1 annex D): three coding passes a bit-plane, each visiting the
//! samples it is for in stripes of four rows, column by column.
//!
//! Samples are never visited to find that a pass is not for them. Significance is kept as one bit a sample, 16
//! columns of a stripe to a word, in the very order of the scan; which samples a pass is for is then a few
//! operations on words, and the pass goes from set bit to set bit. Contexts come from a second picture of the
//! block that holds, for each sample, which neighbors are significant and of which sign; it is written once for each
//! sample that becomes significant and read for each decision.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is masked to its array's size, which is a power of two that holds the largest block"
)]

mod assemble;
mod contexts;

use std::hint::select_unpredictable;
use std::ops::Range;

use super::mq::{Arithmetic, Decisions, Model, RUN, Raw, UNIFORM};
use super::packets::MAX_BITS;
use super::tile::BlockShape;
use contexts::{BALANCED, HORIZONTAL, MAGNITUDE, Spread, VERTICAL, sign_coding, spread, zero_contexts};

/// Samples of the largest block.
const SAMPLES: usize = 4096;
/// Words of the largest block (4 by 1024) without a border.
const INNER_WORDS: usize = 256;
/// Columns of stripes of the largest blocks (1024 by 4, or 4 by 1024), with a border of one all around, rounded up.
const COLUMNS: usize = 4096;
/// Words of the largest block (4 by 1024) with a border of one all around, rounded up.
const WORDS: usize = 1024;

/// Samples of the largest block with a border of one all around, rounded up.
const BORDERED: usize = 8192;
/// The longest row of it, rounded up.
const MAX_STRIDE: usize = 2048;

/// By row in the stripe: which samples of the own and the next column a sample is a neighbor of, as far as they
/// come later in the scan.
const LATER: [u64; 4] = [0x32, 0x74, 0xE8, 0xC0];

/// All rows of 16 columns but the first, and but the last.
const NOT_FIRST: u64 = 0xEEEE_EEEE_EEEE_EEEE;
const NOT_LAST: u64 = 0x7777_7777_7777_7777;

/// The block at hand. It is kept from block to block, and lies in one piece so that one address leads to all.
pub(super) struct BlockDecoder(Box<State>);

struct State {
    /// Columns and rows of the block.
    width: usize,
    height: usize,
    /// Words a stripe, with a border of one on each side.
    words: usize,
    /// Stripes, without a border.
    stripes: usize,
    /// Samples in the block of a word of the last stripe, and of the last word of a stripe.
    last_rows: u64,
    last_columns: u64,
    causal: bool,
    model: Model,
    /// Context of zero coding, for the band at hand.
    table: [u8; 512],
    /// Context of sign coding by balance.
    sign_table: [u8; 32],
    /// By row in the stripe.
    spreads: [Spread; 4],
    /// Significance, by stripes of `words`, with a border of one above and below.
    significant: [u64; WORDS],
    /// Samples that were coded in this bit-plane's significance pass.
    visited: [u64; WORDS],
    /// Samples that were refined before.
    refined: [u64; WORDS],
    /// What columns of stripes know, by stripes of `width + 2`, with a border all around.
    columns: [u32; COLUMNS],
    /// Samples that have a significant neighbor, laid out like `significant`.
    near: [u64; WORDS],
    /// What the signs of the nearest neighbors add up to, by rows of `width + 2`, with a border all around.
    balance: [u8; 2 * BORDERED],
    /// Signs, by stripes of words without a border.
    signs: [u64; INNER_WORDS],
    /// Magnitude bits in the same layout, from the highest bit-plane to the lowest.
    magnitudes: [u64; INNER_WORDS * MAX_BITS as usize],
    /// What all that makes, by rows of `width`.
    samples: [u32; SAMPLES],
}

impl BlockDecoder {
    /// A decoder without a block.
    pub(super) fn new() -> Self {
        Self(Box::new(State {
            width: 0,
            height: 0,
            words: 0,
            stripes: 0,
            last_rows: 0,
            last_columns: 0,
            causal: false,
            model: Model::new(),
            table: [0; 512],
            sign_table: sign_coding(),
            spreads: [Spread::default(); 4],
            significant: [0; WORDS],
            visited: [0; WORDS],
            refined: [0; WORDS],
            columns: [0; COLUMNS],
            near: [0; WORDS],
            balance: [BALANCED; 2 * BORDERED],
            signs: [0; INNER_WORDS],
            magnitudes: [0; INNER_WORDS * MAX_BITS as usize],
            samples: [0; SAMPLES],
        }))
    }

    /// Begins a block, all of whose samples are zero.
    pub(super) fn start(&mut self, shape: &BlockShape) {
        let state = &mut *self.0;
        state.width = usize::from(shape.size[0]).min(1024);
        state.height = usize::from(shape.size[1]).min(1024);
        state.words = state.width.div_ceil(16) + 2;
        state.stripes = state.height.div_ceil(4);
        state.last_rows = 0x1111_1111_1111_1111 * ((1 << ((state.height + 3) % 4 + 1)) - 1);
        state.last_columns = u64::MAX >> (60 - 4 * ((state.width + 15) % 16));
        state.causal = shape.style.vertically_causal();
        state.table = *zero_contexts(shape.kind);
        let stride = state.width + 2;
        state.spreads = [0, 1, 2, 3].map(|row| spread(row, state.causal, stride));
        let columns = (state.stripes + 2) * stride;
        state.columns[..columns.min(COLUMNS)].fill(0);
        let words = ((state.stripes + 2) * state.words).min(WORDS);
        state.significant[..words].fill(0);
        state.visited[..words].fill(0);
        state.refined[..words].fill(0);
        state.near[..words].fill(0);
        let inner = (state.stripes * (state.words - 2)).min(INNER_WORDS);
        state.signs[..inner].fill(0);
        let bordered = (state.height + 2) * stride;
        state.balance[..bordered.min(BORDERED)].fill(BALANCED);
        state.magnitudes[..inner * usize::from(shape.planes.min(MAX_BITS))].fill(0);
        state.model.reset();
    }

    /// Decodes `count` passes from number `first` on out of one codeword, which two bytes of ones must follow.
    pub(super) fn codeword(&mut self, shape: &BlockShape, first: u8, count: u8, data: &[u8]) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
        {
            // SAFETY: the processor was just found to have these instructions.
            #[expect(
                unsafe_code,
                reason = "the same code with bit counts and shifts of one instruction"
            )]
            unsafe {
                self.codeword_bmi(shape, first, count, data);
            }
            return;
        }
        self.0.codeword(shape, first, count, data);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "bmi1,bmi2,lzcnt")]
    fn codeword_bmi(&mut self, shape: &BlockShape, first: u8, count: u8, data: &[u8]) {
        self.0.codeword(shape, first, count, data);
    }

    /// Puts bits together, of which `passes` passes were decoded.
    pub(super) fn finish(&mut self, shape: &BlockShape, passes: u8) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor was just found to have these instructions.
            #[expect(unsafe_code, reason = "the same code with a shift for each lane")]
            unsafe {
                self.finish_avx2(shape, passes);
            }
            return;
        }
        self.0.assemble(shape, passes);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn finish_avx2(&mut self, shape: &BlockShape, passes: u8) {
        self.0.assemble(shape, passes);
    }

    /// Row `y` of the finished samples: magnitude, with as many bits below it as `shape` said, in the lower 31 bits,
    /// sign on top. Magnitudes lie in the middle of what their bits leave open.
    pub(super) fn row(&self, y: usize) -> &[u32] {
        self.0
            .samples
            .get(y * self.0.width..)
            .and_then(|rest| rest.get(..self.0.width))
            .unwrap_or_default()
    }
}

impl State {
    #[inline(always)]
    fn codeword(&mut self, shape: &BlockShape, first: u8, count: u8, data: &[u8]) {
        let last = 3 * shape.planes.min(MAX_BITS) - 2;
        let passes = first..first.saturating_add(count).min(last);
        // From the fifth bit-plane on, all passes but the clean-up pass are raw in bypass mode.
        if shape.style.bypass() && first >= 10 && !first.is_multiple_of(3) {
            self.passes(shape, passes, Raw::new(data));
        } else {
            self.passes(shape, passes, Arithmetic::new(data));
        }
    }

    #[inline(always)]
    fn passes<D: Decisions>(&mut self, shape: &BlockShape, passes: Range<u8>, mut source: D) {
        let words = self.stripes * (self.words - 2);
        for pass in passes {
            // Where the words of the pass's bit-plane begin.
            let plane = usize::from(pass + 2) / 3 * words;
            match pass % 3 {
                1 => self.significance(&mut source, plane),
                2 => self.magnitude(&mut source, plane),
                _ => self.clean_up(&mut source, plane),
            }
            if pass.is_multiple_of(3) && shape.style.segmentation_symbols() {
                for _ in 0..4 {
                    source.decide(&mut self.model, UNIFORM);
                }
            }
            if shape.style.reset() {
                self.model.reset();
            }
        }
    }

    /// The samples of word `x` of stripe `y` that lie in the block.
    #[inline(always)]
    fn inside(&self, x: usize, y: usize) -> u64 {
        let rows = if y + 1 == self.stripes {
            self.last_rows
        } else {
            u64::MAX
        };
        let columns = if x + 3 == self.words {
            self.last_columns
        } else {
            u64::MAX
        };
        rows & columns
    }

    /// Notes that the samples `found` of a word have become significant.
    #[inline(always)]
    fn note(&mut self, word: usize, found: u64) {
        if found == 0 {
            return;
        }
        self.significant[word] |= found;
        let beside = found << 1 & NOT_FIRST | found >> 1 & NOT_LAST;
        self.near[word] |= beside;
        self.note_row(word, found | beside);
        let below = (found & !NOT_LAST) >> 3;
        self.near[(word + self.words) & (WORDS - 1)] |= below;
        self.note_row(word + self.words, below);
        if !self.causal {
            let above = (found & !NOT_FIRST) << 3;
            self.near[word.wrapping_sub(self.words) & (WORDS - 1)] |= above;
            self.note_row(word.wrapping_sub(self.words), above);
        }
    }

    /// Notes that the samples to the left and right of `samples` of a word have a significant neighbor.
    #[inline(always)]
    fn note_row(&mut self, word: usize, samples: u64) {
        self.near[word & (WORDS - 1)] |= samples << 4 | samples >> 4;
        self.near[word.wrapping_sub(1) & (WORDS - 1)] |= samples << 60;
        self.near[(word + 1) & (WORDS - 1)] |= samples >> 60;
    }

    /// Index of the first column of word `x` of stripe `y`.
    #[inline(always)]
    fn first_column(&self, x: usize, y: usize) -> usize {
        (y + 1) * (self.width + 2) + 16 * x + 1
    }

    /// The context for whether the sample in `row` of a column is significant.
    #[inline(always)]
    fn zero_context(&self, column: u32, row: u32) -> u8 {
        self.table[(column >> (3 * row) & 0x1FF) as usize]
    }

    /// Index in `balance` of the upper left neighbor of the first sample of word `x` of stripe `y`.
    #[inline(always)]
    fn first_corner(&self, x: usize, y: usize) -> usize {
        4 * y * (self.width + 2) + 16 * x
    }

    /// Tells the neighbors of a sample that it has become significant, decodes its sign and tells them that. It is
    /// sample `bit` of a word and lies in column `at`; `corner` is the word's [`first_corner`](Self::first_corner).
    #[inline(always)]
    fn become_significant<D: Decisions>(
        &mut self,
        source: &mut D,
        corner: usize,
        at: usize,
        bit: u32,
    ) -> u64 {
        let row = bit as usize & 3;
        let stride = (self.width + 2) & (MAX_STRIDE - 1);
        let corner = (corner + row * stride + (bit >> 2) as usize) & (BORDERED - 1);
        let coding = self.sign_table[usize::from(self.balance[corner + stride + 1] & 31)];
        let spread = &self.spreads[row];
        // Masked one by one, lest the compiler join them into wider words, which could then not be loaded before
        // earlier, narrower stores have left for memory.
        self.columns[at & (COLUMNS - 1)] |= spread.own;
        self.columns[(at - 1) & (COLUMNS - 1)] |= spread.left;
        self.columns[(at + 1) & (COLUMNS - 1)] |= spread.right;
        let beyond = at.wrapping_add(spread.step);
        self.columns[beyond & (COLUMNS - 1)] |= spread.beyond[0];
        self.columns[beyond.wrapping_sub(1) & (COLUMNS - 1)] |= spread.beyond[1];
        self.columns[beyond.wrapping_add(1) & (COLUMNS - 1)] |= spread.beyond[2];
        let sign = if D::RAW {
            source.decide(&mut self.model, 0)
        } else {
            source.decide(&mut self.model, coding & 31) ^ u32::from(coding >> 7)
        };
        let factor = 1_u8.wrapping_sub(2 * sign as u8);
        let mut tell =
            |place: usize, amount: u8| self.balance[place] = self.balance[place].wrapping_add(amount);
        tell(corner + 1, spread.above.wrapping_mul(factor));
        tell(corner + stride, HORIZONTAL.wrapping_mul(factor));
        tell(corner + stride + 2, HORIZONTAL.wrapping_mul(factor));
        tell(corner + 2 * stride + 1, VERTICAL.wrapping_mul(factor));
        u64::from(sign)
    }

    /// Significance propagation (D.3.1): samples that are not significant but have a neighbor that is.
    #[inline(always)]
    fn significance<D: Decisions>(&mut self, source: &mut D, plane: usize) {
        let mut decisions = *source;
        for y in 0..self.stripes {
            for x in 0..self.words - 2 {
                let word = ((y + 1) * self.words + x + 1) & (WORDS - 1);
                let free = self.inside(x, y) & !self.significant[word];
                let mut due = self.near[word] & free;
                if due == 0 {
                    continue;
                }
                let (mut visited, mut found, mut signs) = (due, 0, 0);
                let (column, corner) = (self.first_column(x, y), self.first_corner(x, y));
                while due != 0 {
                    let bit = due.trailing_zeros();
                    due &= due - 1;
                    let (row, at) = (bit & 3, (column + (bit >> 2) as usize) & (COLUMNS - 1));
                    let context = self.zero_context(self.columns[at], row);
                    if decisions.decide(&mut self.model, context) != 0 {
                        signs |= self.become_significant(&mut decisions, corner, at, bit) << bit;
                        found |= 1 << bit;
                        due |= LATER[row as usize & 3] << (bit & 60) & free;
                        visited |= due;
                    }
                }
                self.note(word, found);
                self.visited[word] = visited;
                self.record(x, y, plane, found, signs);
            }
        }
        *source = decisions;
    }

    /// Magnitude refinement (D.3.3): samples that were significant before this bit-plane.
    #[inline(always)]
    fn magnitude<D: Decisions>(&mut self, source: &mut D, plane: usize) {
        let mut decisions = *source;
        let [mut lonely, mut first, mut again] =
            [0, 1, 2].map(|which| self.model.contexts[usize::from(MAGNITUDE + which)]);
        for y in 0..self.stripes {
            for x in 0..self.words - 2 {
                let word = ((y + 1) * self.words + x + 1) & (WORDS - 1);
                let mut due = self.significant[word] & !self.visited[word];
                if due == 0 {
                    continue;
                }
                let refined = self.refined[word];
                self.refined[word] = refined | due;
                let mut found = 0;
                let alone = due & !refined & !self.near[word];
                while due != 0 {
                    let bit = due.trailing_zeros();
                    due &= due - 1;
                    let before = refined >> bit & 1 != 0;
                    let mut entry = select_unpredictable(before, again, first);
                    if alone != 0 && alone >> bit & 1 != 0 {
                        entry = lonely;
                    }
                    let (decision, next) = decisions.decide_in(&self.model, entry);
                    if alone != 0 && alone >> bit & 1 != 0 {
                        lonely = next;
                    } else {
                        again = select_unpredictable(before, next, again);
                        first = select_unpredictable(before, first, next);
                    }
                    found |= u64::from(decision) << bit;
                }
                self.record(x, y, plane, found, 0);
            }
        }
        self.model.contexts[usize::from(MAGNITUDE)] = lonely;
        self.model.contexts[usize::from(MAGNITUDE + 1)] = first;
        self.model.contexts[usize::from(MAGNITUDE + 2)] = again;
        *source = decisions;
    }

    /// Keeps the magnitude bits and signs found in one word.
    #[inline(always)]
    fn record(&mut self, x: usize, y: usize, plane: usize, found: u64, signs: u64) {
        self.signs[(y * (self.words - 2) + x) & (INNER_WORDS - 1)] |= signs;
        if let Some(bits) = self.magnitudes.get_mut(plane + y * (self.words - 2) + x) {
            *bits |= found;
        }
    }

    /// Clean-up (D.3.4): samples that no other pass of this bit-plane was for. Columns of four without a
    /// significant neighbor are coded as runs.
    #[inline(always)]
    fn clean_up<D: Decisions>(&mut self, source: &mut D, plane: usize) {
        let mut decisions = *source;
        let mut run = self.model.contexts[usize::from(RUN)];
        for y in 0..self.stripes {
            for x in 0..self.words - 2 {
                let word = ((y + 1) * self.words + x + 1) & (WORDS - 1);
                let mut due = self.inside(x, y) & !self.significant[word] & !self.visited[word];
                self.visited[word] = 0;
                if due == 0 {
                    continue;
                }
                let mut near = self.near[word];
                let (mut found, mut signs) = (0, 0);
                let (column, corner) = (self.first_column(x, y), self.first_corner(x, y));
                while due != 0 {
                    let mut bit = due.trailing_zeros();
                    let mut significant = false;
                    // Four samples are due, and none has a significant neighbor.
                    if bit & 3 == 0 && (due & !near) >> bit & 15 == 15 {
                        let interrupted;
                        (interrupted, run) = decisions.decide_in(&self.model, run);
                        if interrupted == 0 {
                            due &= !(15 << bit);
                            continue;
                        }
                        let high = decisions.decide(&mut self.model, UNIFORM);
                        bit += 2 * high + decisions.decide(&mut self.model, UNIFORM);
                        significant = true;
                    }
                    due &= u64::MAX << bit << 1;
                    let (row, at) = (bit & 3, (column + (bit >> 2) as usize) & (COLUMNS - 1));
                    if !significant {
                        let context = self.zero_context(self.columns[at], row);
                        significant = decisions.decide(&mut self.model, context) != 0;
                    }
                    if significant {
                        signs |= self.become_significant(&mut decisions, corner, at, bit) << bit;
                        found |= 1 << bit;
                        near |= LATER[row as usize & 3] << (bit & 60);
                    }
                }
                self.note(word, found);
                self.record(x, y, plane, found, signs);
            }
        }
        self.model.contexts[usize::from(RUN)] = run;
        *source = decisions;
    }
}
