//! The adaptive model: coding parameters, contexts and the quantization of gradients (T.87 A.2 to A.6).

use super::header::{Frame, Preset};
use super::malformed;
use crate::CodecError;

/// Contexts for regular samples: 365 after merging signs (T.87 A.3.4).
pub(super) const REGULAR: usize = 365;

/// The numbers that stay the same throughout a scan (T.87 A.2, C.2.4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coding {
    /// MAXVAL.
    pub(super) maxval: i32,
    /// NEAR.
    pub(super) near: i32,
    /// RANGE.
    pub(super) range: i32,
    /// qbpp: bits of an escaped prediction error.
    pub(super) error_bits: u32,
    /// LIMIT: bits of the longest code.
    pub(super) limit: u32,
    /// Codes of fewer zeros than this are no escapes and, with up to 24 bits more, fit what a refill makes
    /// valid.
    pub(super) short_zeros: u32,
    /// T1, T2, T3.
    pub(super) thresholds: [i32; 3],
    /// RESET.
    reset: u32,
}

impl Coding {
    /// Settles the parameters of a scan at byte `offset`.
    pub(super) fn new(frame: &Frame, preset: Preset, near: u8, offset: usize) -> Result<Self, CodecError> {
        let largest = (1_i32 << frame.precision_bits) - 1;
        let maxval = if preset.maxval == 0 {
            largest
        } else {
            i32::from(preset.maxval)
        };
        let near = i32::from(near);
        if maxval > largest || near > maxval / 2 {
            return Err(malformed("MAXVAL or NEAR out of range", offset));
        }
        let mut thresholds = default_thresholds(maxval, near);
        let mut least = near + 1;
        for (threshold, given) in thresholds.iter_mut().zip(preset.thresholds) {
            if given != 0 {
                *threshold = i32::from(given);
            }
            if *threshold < least || *threshold > maxval {
                return Err(malformed("thresholds out of order or range", offset));
            }
            least = *threshold;
        }
        let reset = if preset.reset == 0 {
            64
        } else {
            u32::from(preset.reset)
        };
        if reset < 3 || reset > maxval.max(255) as u32 {
            return Err(malformed("RESET out of range", offset));
        }
        let range = (maxval + 2 * near) / (2 * near + 1) + 1;
        let bits = bits_of(maxval).max(2);
        let limit = 2 * (bits + bits.max(8));
        let error_bits = bits_of(range - 1);
        let short_zeros = limit.saturating_sub(error_bits + 1).min(32);
        Ok(Self {
            maxval,
            near,
            range,
            error_bits,
            limit,
            short_zeros,
            thresholds,
            reset,
        })
    }

    /// Whether errors are modulo a power of two and never quantized.
    pub(super) fn is_exact(&self) -> bool {
        self.near == 0 && self.range & (self.range - 1) == 0
    }

    /// Zeros that announce an escaped error where `used` bits of the longest code are gone already (T.87
    /// A.5.3).
    #[inline(always)]
    pub(super) fn longest(&self, used: u32) -> u32 {
        self.limit.saturating_sub(used + self.error_bits + 1)
    }

    /// Width of a quantization step of the prediction error.
    pub(super) fn step(&self) -> i32 {
        2 * self.near + 1
    }
}

/// Bits that hold every number from 0 to `value`.
fn bits_of(value: i32) -> u32 {
    32 - (value as u32).leading_zeros()
}

/// T1, T2, T3 where the stream gives none (T.87 C.2.4.1.1.1).
fn default_thresholds(maxval: i32, near: i32) -> [i32; 3] {
    let [t1, t2, t3] = if maxval >= 128 {
        let factor = (maxval.min(4095) + 128) / 256;
        [
            factor + 2 + 3 * near,
            4 * factor + 3 + 5 * near,
            17 * factor + 4 + 7 * near,
        ]
    } else {
        let factor = 256 / (maxval + 1);
        [
            (3 / factor + 3 * near).max(2),
            (7 / factor + 5 * near).max(3),
            (21 / factor + 7 * near).max(4),
        ]
    };
    let clamp = |value, least| {
        if value > maxval || value < least {
            least
        } else {
            value
        }
    };
    let t1 = clamp(t1, near + 1);
    let t2 = clamp(t2, t1);
    [t1, t2, clamp(t3, t2)]
}

/// The smallest k for which `count << k` reaches `sum` (T.87 A.5.1). At most 17 as long as all codes are in
/// range.
#[inline(always)]
fn golomb_k(sum: u32, count: u32) -> u32 {
    let k = count.leading_zeros().saturating_sub(sum.leading_zeros());
    k + u32::from(count << k < sum)
}

/// The state of one context of regular mode (T.87 A.2.1), and what the next sample in it needs at once. The
/// latter is computed when the state changes, out of the way of the chain from one sample to the next.
#[derive(Clone, Copy)]
#[repr(align(16))]
pub(super) struct Context {
    /// A.
    sum: u32,
    /// B.
    bias: i32,
    /// N, at most RESET.
    count: u16,
    /// C, -128..=127.
    pub(super) correction: i8,
    /// The Golomb parameter for the next sample.
    pub(super) k: u8,
    /// -1 where the next prediction error comes inverted (T.87 A.5.2, the case k = 0), else 0.
    pub(super) flip: i8,
}

impl Context {
    fn new(coding: &Coding) -> Self {
        let sum = initial_sum(coding);
        Self {
            sum,
            bias: 0,
            count: 1,
            correction: 0,
            k: golomb_k(sum, 1) as u8,
            flip: 0,
        }
    }

    /// Learns, with the arithmetic of [`super::lines`], from a prediction error before its sign is restored
    /// (T.87 A.6). Branches on the bias would be taken at random, so there are none.
    #[inline(always)]
    pub(super) fn update<const EXACT: bool>(&mut self, coding: &Coding, error: i32) {
        let step = if EXACT { 1 } else { coding.step() };
        let may_flip = EXACT || coding.near == 0;
        let mut sum = self.sum.wrapping_add(error.unsigned_abs());
        let mut bias = self.bias.wrapping_add(error.wrapping_mul(step));
        let mut count = u32::from(self.count);
        if count == coding.reset {
            sum >>= 1;
            bias >>= 1;
            count >>= 1;
        }
        count += 1;
        let n = count as i32;
        let shift = i32::from(bias > 0) - i32::from(bias <= -n);
        let bias = bias.wrapping_sub(n * shift).max(1 - n).min(0);
        let correction = i32::from(self.correction) + shift;
        self.sum = sum;
        self.bias = bias;
        self.count = count as u16;
        self.correction = i8::try_from(correction).unwrap_or(self.correction);
        self.k = golomb_k(sum, count) as u8;
        self.flip = -i8::from(may_flip & (sum <= count) & (2 * bias <= -n));
    }
}

/// The first value of A (T.87 A.2.1).
fn initial_sum(coding: &Coding) -> u32 {
    ((coding.range + 32) / 64).max(2) as u32
}

/// The state of one of the two contexts of run interruption (T.87 A.7.2).
#[derive(Clone, Copy)]
pub(super) struct RunContext {
    /// A.
    sum: u32,
    /// N.
    count: u32,
    /// Nn: how many errors were negative.
    negative: u32,
    /// RItype: 1 where left and upper neighbor are alike.
    kind: u32,
}

impl RunContext {
    fn new(coding: &Coding, kind: u32) -> Self {
        Self {
            sum: initial_sum(coding),
            count: 1,
            negative: 0,
            kind,
        }
    }

    /// The Golomb parameter of the next error.
    pub(super) fn k(&self) -> u32 {
        golomb_k(self.sum.wrapping_add(self.kind * (self.count >> 1)), self.count)
    }

    /// The error behind a code, from which the context learns (T.87 A.7.2.1, A.7.2.2).
    pub(super) fn error(&mut self, coding: &Coding, k: u32, code: u32) -> i32 {
        let doubled = code.wrapping_add(self.kind);
        let odd = doubled & 1 != 0;
        let magnitude = doubled.wrapping_add(doubled & 1) >> 1;
        let expects_negative = k != 0 || 2 * self.negative >= self.count;
        let is_negative = expects_negative == odd;
        self.negative += u32::from(is_negative && magnitude != 0);
        self.sum = self.sum.wrapping_add(code.wrapping_add(1 - self.kind) >> 1);
        if self.count == coding.reset {
            self.sum >>= 1;
            self.count >>= 1;
            self.negative >>= 1;
        }
        self.count += 1;
        let magnitude = magnitude as i32;
        if is_negative {
            magnitude.wrapping_neg()
        } else {
            magnitude
        }
    }
}

/// What a scan learns as it goes.
pub(super) struct Model {
    pub(super) coding: Coding,
    pub(super) regular: [Context; REGULAR],
    pub(super) runs: [RunContext; 2],
    pub(super) regions: Box<Regions>,
}

impl Model {
    pub(super) fn new(coding: Coding) -> Self {
        Self {
            coding,
            regular: [Context::new(&coding); REGULAR],
            runs: [RunContext::new(&coding, 0), RunContext::new(&coding, 1)],
            regions: regions(&coding),
        }
    }

    /// Forgets everything learnt, as at a restart marker.
    pub(super) fn reset(&mut self) {
        self.regular = [Context::new(&self.coding); REGULAR];
        self.runs = [RunContext::new(&self.coding, 0), RunContext::new(&self.coding, 1)];
    }
}

/// Differences of samples modulo this are distinct.
const DIFFERENCES: usize = 1 << 17;

/// Regions of local gradients, -4..=4 (T.87 A.3.3), indexed by gradient modulo the length.
pub(super) type Regions = [i8; DIFFERENCES];

fn regions(coding: &Coding) -> Box<Regions> {
    let mut regions = vec![0_i8; DIFFERENCES];
    let [t1, t2, t3] = coding.thresholds;
    // Each entry is written by the last bound that it reaches.
    for (region, least) in (1..).zip([coding.near + 1, t1, t2, t3]) {
        let [least, end] = [least, coding.maxval + 1].map(|gradient| gradient as usize);
        regions
            .iter_mut()
            .take(end)
            .skip(least)
            .for_each(|entry| *entry = region);
        regions
            .iter_mut()
            .rev()
            .take(end - 1)
            .skip(least - 1)
            .for_each(|entry| *entry = -region);
    }
    let regions = regions.into_boxed_slice().try_into();
    regions.unwrap_or_else(|_| unreachable!("the length is that of the type"))
}

/// The region of the difference of two samples.
#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "the remainder is below the length of the array"
)]
pub(super) fn region(regions: &Regions, gradient: i32) -> i32 {
    i32::from(regions[gradient as usize % DIFFERENCES])
}
