//! From entropy-coded bytes to bits.
//!
//! A bit after each byte 0xFF is stuffed so that no marker appears in the data (T.87 9.1, A.1). Taking those
//! bits out of a whole segment first costs little, as it goes by eight bytes at a time, and leaves a plain
//! string of bits that the decoder can refill from without a branch.

/// Zero bytes after the bits, so that a refill near the end reads whole words.
const PADDING: usize = 8;

/// An entropy-coded segment without its stuffed bits.
#[derive(Default)]
pub(super) struct Segment {
    bytes: Vec<u8>,
    /// How many bits of `bytes` come from the stream.
    bits: usize,
}

impl Segment {
    /// Replaces the contents by the segment that `data` begins with, and returns its length in `data`: up to
    /// the next marker or the end.
    pub(super) fn fill(&mut self, data: &[u8]) -> usize {
        self.bytes.clear();
        self.bytes.reserve(data.len().saturating_add(2 * PADDING));
        let mut unstuffer = Unstuffer {
            carry: 0,
            count: 0,
            after_ff: false,
        };
        let mut end = 0_usize;
        loop {
            let rest = data.get(end..).unwrap_or_default();
            if let Some(&chunk) = rest.first_chunk::<8>()
                && !unstuffer.after_ff
                && !has_ff(u64::from_be_bytes(chunk))
            {
                self.bytes
                    .extend_from_slice(&unstuffer.word(u64::from_be_bytes(chunk)).to_be_bytes());
                end = end.saturating_add(8);
                continue;
            }
            let starts_marker = match rest {
                [] => break,
                [0xFF, next, ..] => *next >= 0x80,
                _ => false,
            };
            if starts_marker {
                break;
            }
            for &byte in rest.iter().take(1) {
                self.bytes.extend(unstuffer.byte(byte));
            }
            end = end.saturating_add(1);
        }
        self.bits = self
            .bytes
            .len()
            .saturating_mul(8)
            .saturating_add(unstuffer.count as usize);
        self.bytes.push((unstuffer.carry << (8 - unstuffer.count)) as u8);
        self.bytes.extend_from_slice(&[0; PADDING]);
        end
    }

    /// A reader at the first bit.
    pub(super) fn reader(&self) -> BitReader<'_> {
        BitReader {
            bytes: &self.bytes,
            cache: 0,
            valid: 0,
            next: 0,
        }
    }

    /// Whether a reader has taken more bits than the stream holds.
    pub(super) fn is_overrun(&self, reader: &BitReader<'_>) -> bool {
        (reader.next as usize)
            .saturating_mul(8)
            .saturating_sub(reader.valid as usize)
            > self.bits
    }
}

/// Whether a byte of the word is 0xFF.
fn has_ff(word: u64) -> bool {
    let inverted = !word;
    inverted.wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 != 0
}

/// Joins bytes of eight and seven bits; holds fewer than eight bits between calls.
struct Unstuffer {
    carry: u64,
    count: u32,
    after_ff: bool,
}

impl Unstuffer {
    /// Takes eight bytes without 0xFF among and before them.
    fn word(&mut self, word: u64) -> u64 {
        let joined = u128::from(self.carry) << 64 | u128::from(word);
        self.carry = word & ((1 << self.count) - 1);
        (joined >> self.count) as u64
    }

    /// Takes a byte; gives one as soon as there is one.
    fn byte(&mut self, byte: u8) -> Option<u8> {
        let width = if self.after_ff { 7 } else { 8 };
        self.after_ff = byte == 0xFF;
        let joined = self.carry << width | u64::from(byte);
        let total = self.count + width;
        let left = if total >= 8 { total - 8 } else { total };
        self.carry = joined & ((1 << left) - 1);
        self.count = left;
        (total >= 8).then_some((joined >> left) as u8)
    }
}

/// Reads bits, most significant first. Past the end of the segment it reads zeros; [`Segment::is_overrun`]
/// tells.
///
/// Arithmetic wraps: only on a damaged stream does more get taken than is valid, and then what is read does
/// not matter.
#[derive(Clone, Copy)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// The next bits from the top; those below `valid` are right as well, or zero.
    cache: u64,
    /// Bits of `cache` that count as read from `bytes`.
    valid: u32,
    /// Index of the first byte that is not in `cache`. 32 bits, so that the end of a word needs no check of
    /// its own.
    next: u32,
}

impl BitReader<'_> {
    /// Makes at least 56 bits valid.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        let next = self.next as usize;
        let word = self
            .bytes
            .get(next..next + 8)
            .and_then(|bytes| bytes.first_chunk::<8>());
        self.cache |= word
            .map_or(0, |&word| u64::from_be_bytes(word))
            .wrapping_shr(self.valid);
        self.next = self.next.wrapping_add((self.valid ^ 63) >> 3);
        self.valid |= 56;
    }

    /// Zeros before the next one bit; needs valid bits enough.
    #[inline(always)]
    pub(super) fn peek_zeros(&self) -> u32 {
        self.cache.leading_zeros()
    }

    /// Takes `zeros` bits and the one after them, then a number of `count` bits. All must be valid: at most
    /// 55 zeros, and at most 56 bits together.
    #[inline(always)]
    pub(super) fn take_after_zeros(&mut self, zeros: u32, count: u32) -> u32 {
        let rest = self.cache << zeros << 1;
        self.cache = rest.wrapping_shl(count);
        self.valid = self.valid.wrapping_sub(zeros + 1 + count);
        (rest >> 1).wrapping_shr(count ^ 63) as u32
    }

    /// A number of at most 32 bits.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        self.refill();
        let value = (self.cache >> 1).wrapping_shr(count ^ 63) as u32;
        self.cache = self.cache.wrapping_shl(count);
        self.valid = self.valid.wrapping_sub(count);
        value
    }

    /// A Golomb code in the general form of T.87 A.5.3: `longest` zeros announce a number of `escape_bits`
    /// bits. A code with more zeros than any picture has comes back as `u32::MAX`.
    #[inline]
    pub(super) fn take_golomb(&mut self, k: u32, longest: u32, escape_bits: u32) -> u32 {
        self.refill();
        let mut zeros = self.peek_zeros();
        let mut taken = 0;
        if zeros > 55 {
            // An escape has up to 61 zeros (16 bits, a range of few values), more than a refill makes valid.
            self.take(32);
            self.refill();
            taken = 32;
            zeros = self.peek_zeros();
            if zeros > 55 {
                return u32::MAX;
            }
        }
        self.take_after_zeros(zeros, 0);
        let zeros = zeros + taken;
        match zeros < longest {
            true => zeros.wrapping_shl(k) | self.take(k),
            false => self.take(escape_bits).wrapping_add(1),
        }
    }
}
