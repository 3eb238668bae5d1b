//! The samples of one line: the kernel that the speed of the decoder depends on.
//!
//! Each sample waits for the one to its left, so what counts is the length of that chain: from the left
//! neighbor to its context, from the context to the code, from the code to the sample. All else (prediction,
//! refill, learning) is kept off it and free of branches. Lines have a sample more at either end, so that
//! neighbors need no special cases: at index 0 the left neighbor of the first sample, at the end a copy of
//! the last.
#![expect(
    clippy::indexing_slicing,
    reason = "lines are `columns + 2` long, indexed up to `columns + 1`; contexts by |81 a + 9 b + c| <= 364"
)]

use super::bits::BitReader;
use super::model::{Coding, Context, Model, REGULAR, Regions, RunContext, region};

/// log2 of the length of a full run, by run index (T.87 A.2.1, J).
const RUN_LENGTH_BITS: [u8; 32] = [
    0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15,
];

/// What the decoder carries through a segment besides the model.
#[derive(Clone, Copy)]
pub(super) struct State<'a> {
    pub(super) reader: BitReader<'a>,
    /// All codes so far, joined by `or`: shows whether one was larger than any valid stream has.
    pub(super) codes: u32,
}

/// A line of samples of one component with a margin of one on both sides, and its place among runs.
#[derive(Clone, Default)]
pub(super) struct Line {
    pub(super) above: Vec<u16>,
    pub(super) current: Vec<u16>,
    pub(super) run_index: usize,
}

impl Line {
    pub(super) fn new(columns: usize) -> Self {
        Self {
            above: vec![0; columns + 2],
            current: vec![0; columns + 2],
            run_index: 0,
        }
    }

    /// Begins as at the top of the picture.
    pub(super) fn reset(&mut self) {
        self.above.fill(0);
        self.current.fill(0);
        self.run_index = 0;
    }

    /// Makes the current line the one above, and sets the margins of both.
    fn advance(&mut self) {
        std::mem::swap(&mut self.above, &mut self.current);
        let columns = self.above.len() - 2;
        self.above[columns + 1] = self.above[columns];
        self.current[0] = self.above[1];
    }

    #[inline(always)]
    fn neighbors(&self, x: usize) -> Neighbors {
        let [a, b, c] = [self.current[x - 1], self.above[x], self.above[x - 1]].map(i32::from);
        Neighbors { a, b, c }
    }

    /// The number of the context of a sample before merging of signs, -364..=364; 0 where run mode begins
    /// (T.87 A.3.3, A.3.4).
    #[inline(always)]
    fn signed_context(&self, regions: &Regions, x: usize) -> i32 {
        let Neighbors { a, b, c } = self.neighbors(x);
        let d = i32::from(self.above[x + 1]);
        81 * region(regions, d - b) + 9 * region(regions, b - c) + region(regions, c - a)
    }

    /// The decoded samples.
    pub(super) fn samples(&self) -> &[u16] {
        &self.current[1..self.current.len() - 1]
    }
}

/// The sample at distance `error` from its prediction (T.87 A.4.4, A.4.5). `EXACT` stands for NEAR = 0 and a
/// MAXVAL of 2^n - 1, where all is modulo a power of two.
#[inline(always)]
fn reconstruct<const EXACT: bool>(coding: &Coding, predicted: i32, error: i32) -> i32 {
    if EXACT {
        return predicted.wrapping_add(error) & coding.maxval;
    }
    let step = coding.step();
    let sample = predicted.wrapping_add(error.wrapping_mul(step));
    let turn = coding.range * step;
    let sample = if sample < -coding.near {
        sample.wrapping_add(turn)
    } else if sample > coding.maxval + coding.near {
        sample.wrapping_sub(turn)
    } else {
        sample
    };
    sample.max(0).min(coding.maxval)
}

/// The neighbors of a sample: left, above, above left (T.87 A.1).
#[derive(Clone, Copy)]
struct Neighbors {
    a: i32,
    b: i32,
    c: i32,
}

/// Decodes a sample in regular mode (T.87 A.4 to A.6) in the context with the given number before merging of
/// signs.
#[inline(always)]
fn regular<const EXACT: bool>(
    coding: &Coding,
    contexts: &mut [Context; REGULAR],
    state: &mut State<'_>,
    signed_context: i32,
    near: Neighbors,
) -> i32 {
    let sign = signed_context >> 31;
    let context = &mut contexts[((signed_context ^ sign) - sign) as u32 as usize];
    let Neighbors { a, b, c } = near;
    let edge = (a + b - c).max(a.min(b)).min(a.max(b));
    let predicted = (edge + ((i32::from(context.correction) ^ sign) - sign))
        .max(0)
        .min(coding.maxval);

    let k = u32::from(context.k);
    state.reader.refill();
    let zeros = state.reader.peek_zeros();
    let code = if zeros < coding.short_zeros {
        zeros.wrapping_shl(k) | state.reader.take_after_zeros(zeros, k)
    } else {
        long_code(state, coding, k)
    };
    state.codes |= code;
    let folded = (code >> 1) as i32 ^ -((code & 1) as i32);
    let flip = i32::from(context.flip);
    context.update::<EXACT>(coding, folded ^ flip);
    // The sign and the flip join before the code is there: ((folded ^ flip) ^ sign) - sign.
    reconstruct::<EXACT>(coding, predicted, (folded ^ (flip ^ sign)).wrapping_sub(sign))
}

/// The rare codes that the kernel leaves aside. Goes by a copy, so that the kernel may keep its reader in
/// registers.
#[inline(always)]
fn long_code(state: &mut State<'_>, coding: &Coding, k: u32) -> u32 {
    #[cold]
    #[inline(never)]
    fn apart<'a>(mut reader: BitReader<'a>, coding: &Coding, k: u32) -> (BitReader<'a>, u32) {
        let code = reader.take_golomb(k, coding.longest(0), coding.error_bits);
        (reader, code)
    }
    let (reader, code) = apart(state.reader, coding, k);
    state.reader = reader;
    code
}

#[inline(always)]
fn line_kernel<const EXACT: bool>(model: &mut Model, state: &mut State<'_>, line: &mut Line) {
    line.advance();
    let Line {
        above,
        current,
        run_index,
    } = line;
    let columns = current.len() - 2;
    let coding = model.coding;
    let mut local = *state;
    let mut x = 1;
    while x <= columns {
        let Model {
            regions,
            regular: contexts,
            ..
        } = &mut *model;
        let mut near = Neighbors {
            a: i32::from(current[x - 1]),
            b: i32::from(above[x]),
            c: i32::from(above[x - 1]),
        };
        let mut region_bc = region(regions, near.b - near.c);
        for (sample, &d) in current[x..=columns].iter_mut().zip(&above[x + 1..]) {
            let d = i32::from(d);
            let region_db = region(regions, d - near.b);
            let context = 9 * (9 * region_db + region_bc) + region(regions, near.c - near.a);
            if context == 0 {
                break;
            }
            let a = regular::<EXACT>(&coding, contexts, &mut local, context, near);
            *sample = a as u16;
            near = Neighbors { a, b: d, c: near.b };
            region_bc = region_db;
            x += 1;
        }
        if x <= columns {
            (x, local) = run_apart::<EXACT>(model, local, above, current, run_index, x);
        }
    }
    *state = local;
}

/// Where a run of the left neighbor ends: one past its last sample, and whether another sample interrupts it
/// there.
struct RunEnd {
    end: usize,
    is_interrupted: bool,
}

/// The length of a run that begins at `start` in a line whose last index is `last` (T.87 A.7.1).
fn run_end(state: &mut State<'_>, run_index: &mut usize, start: usize, last: usize) -> RunEnd {
    let mut end = start;
    while state.reader.take(1) == 1 {
        end += 1 << RUN_LENGTH_BITS[*run_index];
        if end <= last + 1 {
            *run_index = (*run_index + 1).min(31);
        }
        if end > last {
            return RunEnd {
                end: last + 1,
                is_interrupted: false,
            };
        }
    }
    end += state.reader.take(u32::from(RUN_LENGTH_BITS[*run_index])) as usize;
    if end > last {
        // Only a damaged stream leads here.
        state.codes = u32::MAX;
        return RunEnd {
            end: last + 1,
            is_interrupted: false,
        };
    }
    RunEnd {
        end,
        is_interrupted: true,
    }
}

/// Decodes the sample that interrupts a run (T.87 A.7.2) in the context of the given number.
fn interruption<const EXACT: bool>(
    model: &mut Model,
    state: &mut State<'_>,
    run_index: usize,
    kind: usize,
    near: Neighbors,
) -> i32 {
    let context: &mut RunContext = &mut model.runs[kind];
    let k = context.k();
    let longest = model.coding.longest(u32::from(RUN_LENGTH_BITS[run_index]) + 1);
    let code = state.reader.take_golomb(k, longest, model.coding.error_bits);
    state.codes |= code;
    let error = context.error(&model.coding, k, code);
    let (predicted, error) = match kind {
        0 if near.a > near.b => (near.b, error.wrapping_neg()),
        0 => (near.b, error),
        _ => (near.a, error),
    };
    reconstruct::<EXACT>(&model.coding, predicted, error)
}

/// Decodes a run and the sample that interrupts it; returns the index of the sample after them.
#[inline(never)]
fn run_apart<'a, const EXACT: bool>(
    model: &mut Model,
    mut state: State<'a>,
    above: &[u16],
    current: &mut [u16],
    run_index: &mut usize,
    start: usize,
) -> (usize, State<'a>) {
    let last = current.len() - 2;
    let value = current[start - 1];
    let RunEnd { end, is_interrupted } = run_end(&mut state, run_index, start, last);
    current[start..end].fill(value);
    if !is_interrupted {
        return (end, state);
    }
    let near = Neighbors {
        a: i32::from(value),
        b: i32::from(above[end]),
        c: 0,
    };
    let kind = usize::from((near.a - near.b).abs() <= model.coding.near);
    current[end] = interruption::<EXACT>(model, &mut state, *run_index, kind, near) as u16;
    *run_index = run_index.saturating_sub(1);
    (end + 1, state)
}

/// One line of several components, sample by sample (T.87 B.2, C.2.3 with ILV = 2): a run goes over all
/// components at once, and its interruption uses the first context for each.
#[inline(always)]
fn interleaved_kernel<const EXACT: bool>(model: &mut Model, state: &mut State<'_>, lines: &mut [Line]) {
    lines.iter_mut().for_each(Line::advance);
    let columns = lines[0].current.len() - 2;
    let coding = model.coding;
    let mut run_index = lines[0].run_index;
    let mut x = 1;
    while x <= columns {
        let mut contexts = [0; 4];
        for (context, line) in contexts.iter_mut().zip(lines.iter()) {
            *context = line.signed_context(&model.regions, x);
        }
        if contexts == [0; 4] {
            x = interleaved_run::<EXACT>(model, state, lines, &mut run_index, x);
            continue;
        }
        for (context, line) in contexts.into_iter().zip(lines.iter_mut()) {
            let near = line.neighbors(x);
            line.current[x] = regular::<EXACT>(&coding, &mut model.regular, state, context, near) as u16;
        }
        x += 1;
    }
    lines[0].run_index = run_index;
}

fn interleaved_run<const EXACT: bool>(
    model: &mut Model,
    state: &mut State<'_>,
    lines: &mut [Line],
    run_index: &mut usize,
    start: usize,
) -> usize {
    let last = lines[0].current.len() - 2;
    let RunEnd { end, is_interrupted } = run_end(state, run_index, start, last);
    for line in &mut *lines {
        let value = line.current[start - 1];
        line.current[start..end].fill(value);
    }
    if !is_interrupted {
        return end;
    }
    for line in lines {
        let near = line.neighbors(end);
        line.current[end] = interruption::<EXACT>(model, state, *run_index, 0, near) as u16;
    }
    *run_index = run_index.saturating_sub(1);
    end + 1
}

/// Decodes the next line of one component, or of several that alternate sample by sample.
pub(super) fn decode_line(model: &mut Model, state: &mut State<'_>, lines: &mut [Line]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("bmi1")
        && std::arch::is_x86_feature_detected!("bmi2")
        && std::arch::is_x86_feature_detected!("lzcnt")
    {
        #[expect(unsafe_code, reason = "calls a twin compiled for newer instructions")]
        // SAFETY: the processor has just been asked for all the features that the function enables.
        return unsafe { dispatch_bmi(model, state, lines) };
    }
    dispatch(model, state, lines);
}

/// The same as [`dispatch`] with single-instruction shifts and bit counts, which shorten the chain by a
/// third.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "bmi1,bmi2,lzcnt")]
fn dispatch_bmi(model: &mut Model, state: &mut State<'_>, lines: &mut [Line]) {
    dispatch(model, state, lines);
}

#[inline(always)]
fn dispatch(model: &mut Model, state: &mut State<'_>, lines: &mut [Line]) {
    let is_exact = model.coding.is_exact();
    match lines {
        [line] if is_exact => line_kernel::<true>(model, state, line),
        [line] => line_kernel::<false>(model, state, line),
        _ if is_exact => interleaved_kernel::<true>(model, state, lines),
        _ => interleaved_kernel::<false>(model, state, lines),
    }
}
