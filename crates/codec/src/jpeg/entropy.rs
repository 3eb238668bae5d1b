//! The entropy-coded bytes of a scan: stuffing undone, cut at restart markers, read bit by bit.
//!
//! Unstuffing one restart interval into a buffer of its own costs a fraction of a cycle a byte and lets the bit reader
//! take eight bytes at a time without looking for `FF`.

use super::{CODEC, malformed, truncated};
use crate::CodecError;

/// Bytes compared at once in the search for `FF`.
const STRIDE: usize = 32;
/// Bits that a refill guarantees.
pub(super) const REFILLED_BITS: u32 = 56;

/// Walks through the restart intervals of one scan.
pub(super) struct EntropySource<'a> {
    data: &'a [u8],
    position: usize,
    /// Intervals begun so far.
    intervals: usize,
    buffer: Vec<u8>,
}

impl<'a> EntropySource<'a> {
    /// `position` is the first byte after the scan header.
    pub(super) fn new(data: &'a [u8], position: usize) -> Self {
        Self {
            data,
            position,
            intervals: 0,
            buffer: Vec::new(),
        }
    }

    /// Where the marker after the interval read last begins, or the end of the data.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Bytes from here to the end of the data.
    pub(super) fn remaining(&self) -> usize {
        self.data.len().saturating_sub(self.position)
    }

    /// Reads the next restart interval, past its restart marker unless it is the first.
    pub(super) fn next_interval(&mut self) -> Result<BitReader<'_>, CodecError> {
        if self.intervals > 0 {
            let expected = 0xD0 + u8::try_from((self.intervals - 1) % 8).unwrap_or(0);
            match self.data.get(self.position..self.position.saturating_add(2)) {
                None => return Err(truncated(self.data.len())),
                Some(&[0xFF, code]) if code == expected => self.position += 2,
                Some(_) => return Err(malformed("restart marker missing or out of order", self.position)),
            }
        }
        self.intervals += 1;
        self.unstuff();
        Ok(BitReader::new(&self.buffer, self.position))
    }

    /// Fills the buffer up to the next marker. `FF 00` is a data byte `FF`; further `FF`s before either are fill bytes.
    fn unstuff(&mut self) {
        self.buffer.clear();
        let data = self.data;
        loop {
            let rest = data.get(self.position..).unwrap_or_default();
            let run = run_without_ff(rest);
            self.buffer.extend_from_slice(rest.get(..run).unwrap_or_default());
            self.position += run;
            let after = rest.get(run..).unwrap_or_default();
            let fill = after.iter().take_while(|&&byte| byte == 0xFF).count();
            match after.get(fill) {
                Some(0) => {
                    self.buffer.push(0xFF);
                    self.position += fill + 1;
                }
                // The marker's own `FF` is the last of the run.
                Some(_) => {
                    self.position += fill - 1;
                    return;
                }
                None => {
                    self.position = data.len();
                    return;
                }
            }
        }
    }
}

/// How many bytes come before the first `FF`.
fn run_without_ff(bytes: &[u8]) -> usize {
    let (strides, _) = bytes.as_chunks::<STRIDE>();
    let clean = strides
        .iter()
        .take_while(|stride| !stride.iter().fold(false, |found, &byte| found | (byte == 0xFF)))
        .count()
        * STRIDE;
    let tail = bytes.get(clean..).unwrap_or_default();
    clean + tail.iter().position(|&byte| byte == 0xFF).unwrap_or(tail.len())
}

/// Reads bits, most significant first, from one restart interval. Past its end it gives zeros;
/// [`check`](Self::check) tells.
#[derive(Clone, Copy)]
pub(super) struct BitReader<'b> {
    bytes: &'b [u8],
    /// Where in the frame's bytes the interval ends, for messages.
    source_end: usize,
    /// The next byte to load.
    next: usize,
    /// Bits not yet consumed, from the top. Below the `count` known ones lie bits that the next refill will set again.
    window: u64,
    count: u32,
}

impl<'b> BitReader<'b> {
    fn new(bytes: &'b [u8], source_end: usize) -> Self {
        Self {
            bytes,
            source_end,
            next: 0,
            window: 0,
            count: 0,
        }
    }

    /// Makes at least [`REFILLED_BITS`] bits available.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        let word = match self.bytes.get(self.next..).and_then(<[u8]>::first_chunk::<8>) {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => tail_word(self.bytes, self.next),
        };
        self.window |= word >> self.count;
        self.next += ((63 - self.count) >> 3) as usize;
        self.count |= REFILLED_BITS;
    }

    /// The bits to come, left-aligned.
    #[inline(always)]
    pub(super) fn window(&self) -> u64 {
        self.window
    }

    /// Drops `bits` bits, at most what the refill has left.
    #[inline(always)]
    pub(super) fn consume(&mut self, bits: u32) {
        self.window <<= bits;
        self.count -= bits;
    }

    /// Takes `bits` (0 to 16) bits as a number.
    #[inline(always)]
    pub(super) fn take(&mut self, bits: u32) -> u32 {
        // Two shifts, because one by 64 is undefined when no bit is asked for.
        let value = (self.window >> 1 >> (63 - bits)) as u32;
        self.consume(bits);
        value
    }

    /// Takes `bits` (0 to 16) bits as a difference: T.81 F.2.2.1, EXTEND.
    #[inline(always)]
    pub(super) fn take_extended(&mut self, bits: u32) -> i32 {
        let value = extend(self.window, bits);
        self.consume(bits);
        value
    }

    /// An error if more bits were consumed than the interval has.
    #[inline(always)]
    pub(super) fn check(&self) -> Result<(), CodecError> {
        let consumed = (self.next as u64 * 8).saturating_sub(u64::from(self.count));
        if consumed > self.bytes.len() as u64 * 8 {
            return Err(truncated(self.source_end));
        }
        Ok(())
    }

    /// The error for a code that is in no table: if the data ran out, that is what went wrong.
    #[cold]
    pub(super) fn bad_code(&self) -> CodecError {
        self.check().err().unwrap_or(CodecError::Malformed {
            codec: CODEC,
            what: "a code that the Huffman table lacks, in the interval that ends",
            offset: self.source_end,
        })
    }

    /// The error for a run of coefficients that leaves the block: likewise.
    #[cold]
    pub(super) fn bad_run(&self) -> CodecError {
        self.check().err().unwrap_or(CodecError::Malformed {
            codec: CODEC,
            what: "a coefficient beyond the block, in the interval that ends",
            offset: self.source_end,
        })
    }
}

/// The top `bits` (0 to 16) bits of `window` as a difference: a leading zero means a negative one (T.81 F.2.2.1).
#[inline(always)]
pub(super) fn extend(window: u64, bits: u32) -> i32 {
    let magnitude = (window >> 1 >> (63 - bits)) as i32;
    // All ones if the leading bit is zero.
    let negative = !((window as i64) >> 63) as i32;
    magnitude + (negative & (1 - (1 << bits)))
}

/// The up to seven bytes from `next` on, left-aligned, zeros after them.
#[cold]
fn tail_word(bytes: &[u8], next: usize) -> u64 {
    let mut word = [0u8; 8];
    for (to, from) in word.iter_mut().zip(bytes.get(next..).unwrap_or_default()) {
        *to = *from;
    }
    u64::from_be_bytes(word)
}
