//! The arithmetic decoder (ISO/IEC 15444-1 annex C), and the raw bits that take its place in bypass mode.
//!
//! The standard moves the code register in byte by byte and keeps 16 bits to compare. Here the register has 64
//! bits, the same 16 on top and up to 48 that wait below, so that bytes come in by four; a carry that a stuffed
//! byte brings is an addition in both. Interval and code stand at the top of their words, probabilities too,
//! and every decision goes through the same instructions: its outcome is close to chance, and a branch on it
//! would be mispredicted as often.

use std::hint::select_unpredictable;

/// Contexts that there are (tables D.1 to D.4).
const CONTEXTS: usize = 19;
/// Context of run lengths (D.3.4).
pub(super) const RUN: u8 = 17;
/// Context of equal chances.
pub(super) const UNIFORM: u8 = 18;

/// Probability (16 bits), state after the more and after the less probable symbol, and more probable symbol, as in
/// table C.2.
const STATES: [(u16, u8, u8, bool); 47] = [
    (0x5601, 1, 1, true),
    (0x3401, 2, 6, false),
    (0x1801, 3, 9, false),
    (0x0AC1, 4, 12, false),
    (0x0521, 5, 29, false),
    (0x0221, 38, 33, false),
    (0x5601, 7, 6, true),
    (0x5401, 8, 14, false),
    (0x4801, 9, 14, false),
    (0x3801, 10, 14, false),
    (0x3001, 11, 17, false),
    (0x2401, 12, 18, false),
    (0x1C01, 13, 20, false),
    (0x1601, 29, 21, false),
    (0x5601, 15, 14, true),
    (0x5401, 16, 14, false),
    (0x5101, 17, 15, false),
    (0x4801, 18, 16, false),
    (0x3801, 19, 17, false),
    (0x3401, 20, 18, false),
    (0x3001, 21, 19, false),
    (0x2801, 22, 19, false),
    (0x2401, 23, 20, false),
    (0x2201, 24, 21, false),
    (0x1C01, 25, 22, false),
    (0x1801, 26, 23, false),
    (0x1601, 27, 24, false),
    (0x1401, 28, 25, false),
    (0x1201, 29, 26, false),
    (0x1101, 30, 27, false),
    (0x0AC1, 31, 28, false),
    (0x09C1, 32, 29, false),
    (0x08A1, 33, 30, false),
    (0x0521, 34, 31, false),
    (0x0441, 35, 32, false),
    (0x02A1, 36, 33, false),
    (0x0221, 37, 34, false),
    (0x0141, 38, 35, false),
    (0x0111, 39, 36, false),
    (0x0085, 40, 37, false),
    (0x0049, 41, 38, false),
    (0x0025, 42, 39, false),
    (0x0015, 43, 40, false),
    (0x0009, 44, 41, false),
    (0x0005, 45, 42, false),
    (0x0001, 45, 43, false),
    (0x5601, 46, 46, false),
];

/// The probability's place in an entry: where interval and code are compared.
const PROBABILITY: u64 = 0xFFFF << 48;

/// All that is to be known of a state and its more probable symbol, in one word: probability in the upper 16 bits,
/// and in the lower 8 the index `2 * state + symbol`.
type Entry = u64;

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, where a bad index can't pass"
)]
const fn entry(state: usize, symbol: u64) -> Entry {
    (STATES[state].0 as u64) << 48 | (2 * state as u64 + symbol)
}

/// The entry that follows each entry after the more probable symbol.
const AFTER_MORE: [Entry; 256] = successors(false);
/// The entry that follows after the less probable one, all bits flipped: so the compiler loads from both tables and
/// chooses; else it would choose where to load from, which takes longer from one decision to the next.
const AFTER_LESS: [Entry; 256] = successors(true);

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, where a bad index can't pass"
)]
const fn successors(flipped: bool) -> [Entry; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 94 {
        let (_, more, less, switch) = STATES[index / 2];
        let symbol = index as u64 % 2;
        table[index] = if flipped {
            !entry(less as usize, symbol ^ switch as u64)
        } else {
            entry(more as usize, symbol)
        };
        index += 1;
    }
    table
}

/// The state of all contexts, and the tables that say how states change.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// As many as a byte counts, though few are used, so that a byte is a valid index.
    pub(super) contexts: [Entry; 256],
    after_more: [Entry; 256],
    after_less: [Entry; 256],
}

impl Model {
    pub(super) fn new() -> Self {
        let mut model = Self {
            contexts: [0; 256],
            after_more: AFTER_MORE,
            after_less: AFTER_LESS,
        };
        model.reset();
        model
    }

    /// Contexts as they are at the start (table D.7).
    #[expect(clippy::indexing_slicing, reason = "constant indices")]
    pub(super) fn reset(&mut self) {
        self.contexts[..CONTEXTS].fill(const { entry(0, 0) });
        self.contexts[0] = const { entry(4, 0) };
        self.contexts[RUN as usize] = const { entry(3, 0) };
        self.contexts[UNIFORM as usize] = const { entry(46, 0) };
    }
}

/// Where coding passes get their decisions from.
pub(super) trait Decisions: Copy {
    /// Whether decisions are raw bits, which say a sign outright.
    const RAW: bool;

    /// The next decision, 0 or 1, where a context is in state `entry`, and its state thereafter.
    fn decide_in(&mut self, model: &Model, entry: Entry) -> (u32, Entry);

    /// The next decision, 0 or 1, in `context`.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a byte is a valid index")]
    fn decide(&mut self, model: &mut Model, context: u8) -> u32 {
        let (decision, next) = self.decide_in(model, model.contexts[usize::from(context)]);
        model.contexts[usize::from(context)] = next;
        decision
    }
}

/// The arithmetic decoder over one codeword.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arithmetic<'a> {
    /// The codeword, followed by at least two bytes of ones.
    data: &'a [u8],
    at: usize,
    interval: u64,
    code: u64,
    /// Bits of `code` that are there below the 16 that are compared; negative when a refill is due.
    waiting: i32,
}

impl<'a> Arithmetic<'a> {
    /// Starts on a codeword (C.3.5). `data` must end with two bytes of ones that do not belong to it: they read as
    /// its end.
    pub(super) fn new(data: &'a [u8]) -> Self {
        let (code, at, waiting) = refill(data, 0, -15);
        Self {
            data,
            at,
            interval: 0x8000 << 48,
            code,
            waiting,
        }
    }
}

impl Decisions for Arithmetic<'_> {
    const RAW: bool = false;

    // Figures C.15 to C.18 in one: the less probable symbol's interval lies below, symbols are exchanged when it is
    // the larger one, and renormalization is a shift by as many bits as the interval is short of. Both entries that may
    // follow are loaded before it is known which one does.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a byte is a valid index")]
    fn decide_in(&mut self, model: &Model, entry: Entry) -> (u32, Entry) {
        let after_more = model.after_more[usize::from(entry as u8)];
        let after_less = model.after_less[usize::from(entry as u8)];
        let probability = entry & PROBABILITY;
        let upper = self.interval.wrapping_sub(probability);
        let (above, below) = self.code.overflowing_sub(probability);
        let less = below ^ (upper < probability);
        let interval = select_unpredictable(below, probability, upper);
        let code = select_unpredictable(below, self.code, above);
        let shift = interval.leading_zeros();
        // Without renormalization the state stays; what is less probable always brings one.
        let next = select_unpredictable(upper >> 63 != 0, entry, after_more);
        let next = select_unpredictable(less, !after_less, next);
        self.interval = interval << (shift & 63);
        self.code = code << (shift & 63);
        self.waiting -= shift as i32;
        if self.waiting < 0 {
            let (add, at, waiting) = refill(self.data, self.at, self.waiting);
            self.code = self.code.wrapping_add(add);
            (self.at, self.waiting) = (at, waiting);
        }
        ((entry as u32 ^ u32::from(less)) & 1, next)
    }
}

/// What is to be added to the code register, where reading then stands, and how many bits then wait, at least 16
/// (BYTEIN, figure C.19, several times over).
#[inline(never)]
fn refill(data: &[u8], mut at: usize, mut waiting: i32) -> (u64, usize, i32) {
    if let Some(eight) = data.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let six = u64::from_be_bytes(*eight) >> 16;
        // No byte is all ones: no byte of the complement borrows when one is taken from each.
        if (!six).wrapping_sub(0x0101_0101_0101) & six & 0x8080_8080_8080 == 0 {
            return (six << -waiting, at + 6, waiting + 48);
        }
    }
    let mut add = 0_u64;
    let mut stuffed = false;
    while waiting < 16 || stuffed {
        let byte = data.get(at).copied().unwrap_or(0xFF);
        let next = data.get(at + 1).copied().unwrap_or(0xFF);
        waiting += if stuffed { 7 } else { 8 };
        add = add.wrapping_add(u64::from(byte) << (48 - waiting));
        // A byte of ones before one above 0x8F ends the codeword; ones follow without end.
        let ended = byte == 0xFF && next > 0x8F;
        stuffed = byte == 0xFF && !ended;
        at += usize::from(!ended);
    }
    (add, at, waiting)
}

/// Raw bits (D.6): after a byte of ones comes a stuffed zero bit; past the end come ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw<'a> {
    data: &'a [u8],
    at: usize,
    byte: u8,
    left: u8,
}

impl<'a> Raw<'a> {
    /// Starts on a codeword of raw bits.
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            at: 0,
            byte: 0,
            left: 0,
        }
    }
}

impl Decisions for Raw<'_> {
    const RAW: bool = true;

    #[inline(always)]
    fn decide_in(&mut self, _: &Model, entry: Entry) -> (u32, Entry) {
        if self.left == 0 {
            self.left = if self.byte == 0xFF { 7 } else { 8 };
            self.byte = self.data.get(self.at).copied().unwrap_or(0xFF);
            self.at += 1;
        }
        self.left -= 1;
        (u32::from(self.byte >> self.left & 1), entry)
    }
}
