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

use std::hint::select_unpredictable;

use super::header::BlockStyle;
use super::mq::{Arithmetic, Decisions, Model, RUN, Raw, UNIFORM};
use super::packets::MAX_BITS;
use super::tile::BandKind;

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

/// What is to be added to [`State::columns`] when a sample becomes significant, by its row in the stripe. They keep
/// for each column of four samples what is significant there and around, in 18 bits: six rows, from the one above
/// the stripe to the one below, and in each the left column, the own one, the right one.
#[derive(Clone, Copy, Default)]
struct Spread {
    own: u32,
    left: u32,
    right: u32,
    /// The same in the stripe above or below, when the sample lies at its edge.
    beyond: [u32; 3],
    /// How far that stripe's columns lie from the own ones.
    step: usize,
    /// What a positive sign adds to the balance of the sample above.
    above: u8,
}

const fn spread(row: u32, causal: bool, stride: usize) -> Spread {
    let beyond = match row {
        0 if causal => [0; 3],
        0 => [1 << 16, 1 << 17, 1 << 15],
        3 => [1 << 1, 1 << 2, 1 << 0],
        _ => [0; 3],
    };
    let step = match row {
        0 => stride.wrapping_neg(),
        3 => stride,
        _ => 0,
    };
    let above = if causal && row == 0 { 0 } else { VERTICAL };
    Spread {
        own: 1 << (3 * row + 4),
        left: 1 << (3 * row + 5),
        right: 1 << (3 * row + 3),
        beyond,
        step,
        above,
    }
}

/// First contexts of signs and of magnitude refinement (tables D.2 to D.4).
const SIGN: u8 = 9;
const MAGNITUDE: u8 = 14;

/// Context by the nine bits of significance around a sample, for bands LL and LH, HL, HH (table D.1).
static ZERO_CODING: [[u8; 512]; 3] = zero_coding();
/// No neighbor, or as many positive ones as negative ones on both axes.
const BALANCED: u8 = 12;
/// What a positive neighbor adds above or below, and to the left or right; a negative one takes as much.
const VERTICAL: u8 = 5;
const HORIZONTAL: u8 = 1;

const fn zero_coding() -> [[u8; 512]; 3] {
    let mut tables = [[0; 512]; 3];
    let mut index = 0_usize;
    while index < 512 {
        let d = (index & 0x145).count_ones();
        let v = (index & 0x82).count_ones();
        let h = (index & 0x28).count_ones();
        tables[0][index] = zero_coding_edges(h, v, d);
        tables[1][index] = zero_coding_edges(v, h, d);
        tables[2][index] = match (d, h + v) {
            (0, 0) => 0,
            (0, 1) => 1,
            (0, _) => 2,
            (1, 0) => 3,
            (1, 1) => 4,
            (1, _) => 5,
            (2, 0) => 6,
            (2, _) => 7,
            _ => 8,
        };
        index += 1;
    }
    tables
}

/// The context in a band whose edges run along the first of both neighbor counts.
const fn zero_coding_edges(along: u32, across: u32, diagonal: u32) -> u8 {
    match (along, across, diagonal) {
        (2, _, _) => 8,
        (1, 0, 0) => 5,
        (1, 0, _) => 6,
        (1, _, _) => 7,
        (_, 2, _) => 4,
        (_, 1, _) => 3,
        (_, _, 0) => 0,
        (_, _, 1) => 1,
        _ => 2,
    }
}

/// Context, and in bit 7 whether the sign is flipped (table D.3), by what the nearest neighbors' signs add up to, as
/// [`State::balance`] has it.
const fn sign_coding() -> [u8; 32] {
    let mut table = [0; 32];
    let mut index = 0;
    while index < 25 {
        let vertical = (index as i32 / 5 - 2).signum();
        let horizontal = (index as i32 % 5 - 2).signum();
        let flip = horizontal < 0 || horizontal == 0 && vertical < 0;
        let (horizontal, vertical) = if flip {
            (-horizontal, -vertical)
        } else {
            (horizontal, vertical)
        };
        let context = if horizontal == 1 { 3 + vertical } else { vertical };
        table[index] = (SIGN + context as u8) | (flip as u8) << 7;
        index += 1;
    }
    table
}

/// By row in the stripe: which samples of the own and the next column a sample is a neighbor of, as far as they
/// come later in the scan.
const LATER: [u64; 4] = [0x32, 0x74, 0xE8, 0xC0];

/// All rows of 16 columns but the first, and but the last.
const NOT_FIRST: u64 = 0xEEEE_EEEE_EEEE_EEEE;
const NOT_LAST: u64 = 0x7777_7777_7777_7777;

/// One coding pass's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Significance,
    Magnitude,
    CleanUp,
}

/// What does not change while a block is decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockShape {
    /// Columns and rows.
    pub(super) size: [u16; 2],
    /// The band that the block is of.
    pub(super) kind: BandKind,
    pub(super) style: BlockStyle,
    /// Upper bit-planes that are not coded.
    pub(super) zero_planes: u8,
    /// The bit-planes below them, 1 to 31.
    pub(super) planes: u8,
    /// Bits of decoded magnitudes below the unit, 0 or 1.
    pub(super) fraction_bits: u32,
}

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
        state.table = match shape.kind {
            BandKind::Ll | BandKind::Lh => ZERO_CODING[0],
            BandKind::Hl => ZERO_CODING[1],
            BandKind::Hh => ZERO_CODING[2],
        };
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
        self.0.finish(shape, passes);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn finish_avx2(&mut self, shape: &BlockShape, passes: u8) {
        self.0.finish(shape, passes);
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
        let kind = |pass: u8| match pass % 3 {
            0 => Pass::CleanUp,
            1 => Pass::Significance,
            _ => Pass::Magnitude,
        };
        // Where the words of the pass's bit-plane begin.
        let inner = self.stripes * (self.words - 2);
        let plane = |pass: u8| usize::from(pass + 2) / 3 * inner;
        let last = 3 * shape.planes.min(MAX_BITS) - 2;
        let passes = first..first.saturating_add(count).min(last);
        if shape.style.bypass() && first >= 10 && kind(first) != Pass::CleanUp {
            let mut source = Raw::new(data);
            for pass in passes {
                match kind(pass) {
                    Pass::Significance => self.significance(&mut source, plane(pass)),
                    Pass::Magnitude => self.magnitude(&mut source, plane(pass)),
                    Pass::CleanUp => {}
                }
            }
            return;
        }
        let mut source = Arithmetic::new(data);
        for pass in passes {
            match kind(pass) {
                Pass::Significance => self.significance(&mut source, plane(pass)),
                Pass::Magnitude => self.magnitude(&mut source, plane(pass)),
                Pass::CleanUp => {
                    self.clean_up(&mut source, plane(pass));
                    if shape.style.segmentation_symbols() {
                        for _ in 0..4 {
                            source.decide(&mut self.model, UNIFORM);
                        }
                    }
                }
            }
            if shape.style.reset() {
                self.model.reset();
            }
        }
    }

    #[inline(always)]
    fn finish(&mut self, shape: &BlockShape, passes: u8) {
        let across = self.words - 2;
        let inner = self.stripes * across;
        let passes = passes.min(3 * shape.planes.min(MAX_BITS) - 2);
        let planes = usize::from(passes + 1) / 3 + 1;
        // The lowest bit-plane that was begun, as a bit of a sample.
        let unit = u32::from(shape.planes.saturating_sub(planes as u8)) + shape.fraction_bits;
        let cut = passes % 3 == 2;
        for word in 0..inner {
            let (x, y) = (word % across, word / across);
            let bordered = ((y + 1) * self.words + x + 1) & (WORDS - 1);
            // After a significance pass alone, samples that it was not for are known one bit-plane less far.
            let late = if cut {
                self.significant[bordered] & !self.visited[bordered]
            } else {
                0
            };
            let on_time = self.significant[bordered] & !late;
            let mut samples = [[[0_u32; 8]; 2]; 4];
            let mut at = word;
            for _ in 0..planes {
                let bits = spread_out(self.magnitudes.get(at).copied().unwrap_or_default());
                for (samples, bits) in samples.as_flattened_mut().iter_mut().zip(bits.as_flattened()) {
                    samples
                        .iter_mut()
                        .zip(bits)
                        .for_each(|(sample, bit)| *sample = *sample << 1 | bit);
                }
                at += inner;
            }
            let signs = spread_out(self.signs[word & (INNER_WORDS - 1)]);
            let (on_time, late) = (spread_out(on_time), spread_out(late));
            for row in 0..(self.height - 4 * y).min(4) {
                for (half, start) in (16 * x..self.width).step_by(8).take(2).enumerate() {
                    let mut samples = samples[row][half];
                    for (lane, sample) in samples.iter_mut().enumerate() {
                        let middle = (on_time[row][half][lane] << unit >> 1) | late[row][half][lane] << unit;
                        *sample = *sample << unit | middle | signs[row][half][lane] << 31;
                    }
                    let target = (4 * y + row) * self.width + start;
                    let target = self.samples.get_mut(target..).unwrap_or_default();
                    match target.first_chunk_mut::<8>() {
                        Some(target) if self.width - start >= 8 => *target = samples,
                        _ => target
                            .iter_mut()
                            .zip(samples)
                            .take(self.width - start)
                            .for_each(|(t, s)| *t = s),
                    }
                }
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

/// The bits of a word of 16 columns as numbers, by rows, in two halves of eight columns.
#[inline(always)]
fn spread_out(word: u64) -> [[[u32; 8]; 2]; 4] {
    let halves = [word as u32, (word >> 32) as u32];
    std::array::from_fn(|row| halves.map(|half| std::array::from_fn(|column| half >> (4 * column + row) & 1)))
}
