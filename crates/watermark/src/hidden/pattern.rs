//! What is hidden: a tile of waves, of which some are the same for all sessions of a key, so that the tile is found,
//! and the others carry the code.

use super::Code;
use super::fft::{Complex, Transform, Way};
use super::key::{Draw, Key};
use super::polar::{LENGTH, MESSAGE, Polar};

/// Pixels of a tile's side; it repeats.
pub(super) const SIDE: usize = 128;
/// Shortest and longest wave, in waves a tile: long enough to outlast JPEG and halving, short enough to differ from
/// what pictures are made of.
const FEWEST: i32 = 4;
const MOST: i32 = 25;
/// Waves, of a hundred, that the tile is found by.
const FINDING: usize = 28;
/// Bits of the message that say the session; the others say that it is one.
const CODE_BITS: u32 = 32;

/// A wave: how many of it fit a tile's side along rows and along columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wave {
    pub(super) kx: i32,
    pub(super) ky: i32,
}

impl Wave {
    /// Its place in a transformed tile.
    pub(super) fn index(self) -> usize {
        let side = SIDE as i32;
        (self.ky.rem_euclid(side) * side + self.kx.rem_euclid(side)) as usize
    }

    fn opposite(self) -> Self {
        Self {
            kx: -self.kx,
            ky: -self.ky,
        }
    }

    /// Its frequency, in whole waves a tile.
    pub(super) fn ring(self) -> usize {
        f64::from(self.kx * self.kx + self.ky * self.ky).sqrt().round() as usize
    }

    fn strength(self) -> f32 {
        let k = self.ring() as f32;
        1.0 / (1.0 + (k / 16.0).powi(2)).sqrt()
    }
}

/// A wave that carries two sent bits, one by its cosine, one by its sine.
pub(super) struct Carrier {
    pub(super) wave: Wave,
    pub(super) strength: f32,
    /// Which sent bits.
    pub(super) bits: [usize; 2],
    /// By which signs.
    pub(super) signs: [f32; 2],
}

/// A wave that is always the same.
pub(super) struct Finder {
    pub(super) wave: Wave,
    /// Its amplitude and phase.
    pub(super) value: Complex,
}

/// Which wave does what. Follows from the key.
pub(super) struct Pattern {
    pub(super) finders: Vec<Finder>,
    pub(super) carriers: Vec<Carrier>,
    pub(super) polar: Polar,
    key: Key,
}

impl Pattern {
    pub(super) fn new(key: &Key) -> Self {
        let mut draw = Draw::new(key, "pattern");
        let mut waves: Vec<Wave> = (0..=MOST)
            .flat_map(|ky| (-MOST..=MOST).map(move |kx| Wave { kx, ky }))
            // Half of the plane; pictures and blocks of JPEG have much along rows and columns themselves.
            .filter(|wave| wave.ky > 0 && wave.kx != 0 && (FEWEST..=MOST).contains(&(wave.ring() as i32)))
            .collect();
        draw.shuffle(&mut waves);
        let mut carrying = waves.split_off(waves.len() * FINDING / 100);
        let mut sign = || if draw.below(2) == 0 { 1.0 } else { -1.0 };
        let finders = waves
            .into_iter()
            .map(|wave| Finder {
                wave,
                value: [sign() * wave.strength(), sign() * wave.strength()],
            })
            .collect();
        // Each bit gets waves of every length.
        carrying.sort_by_key(|wave| wave.kx * wave.kx + wave.ky * wave.ky);
        let mut order: Vec<usize> = Vec::new();
        let carriers = carrying
            .into_iter()
            .map(|wave| {
                let mut bit = || {
                    if order.is_empty() {
                        order = (0..LENGTH).collect();
                        draw.shuffle(&mut order);
                    }
                    order.pop().unwrap_or_default()
                };
                let bits = [bit(), bit()];
                let mut sign = || if draw.below(2) == 0 { 1.0 } else { -1.0 };
                Carrier {
                    wave,
                    strength: wave.strength(),
                    bits,
                    signs: [sign(), sign()],
                }
            })
            .collect();
        Self {
            finders,
            carriers,
            polar: Polar::new(),
            key: key.clone(),
        }
    }

    /// What is said for a code: the code, and bits that only the key's owner can tell.
    pub(super) fn message(&self, code: Code) -> u64 {
        let check = self.key.word("check", u64::from(code.0)) >> (64 - (MESSAGE as u32 - CODE_BITS));
        check << CODE_BITS | u64::from(code.0)
    }

    /// The code of a message, if it is one that was said.
    pub(super) fn code(&self, message: u64) -> Option<Code> {
        let code = Code(message as u32);
        (self.message(code) == message).then_some(code)
    }

    /// The tile of a code, `[row][column]`, with a mean square of 1.
    pub(super) fn tile(&self, code: Code) -> Vec<f32> {
        let sent = self.polar.encode(self.message(code));
        let mut modes = vec![[0.0; 2]; SIDE * SIDE];
        let mut add = |wave: Wave, value: Complex| {
            modes[wave.index()] = value;
            modes[wave.opposite().index()] = [value[0], -value[1]];
        };
        for finder in &self.finders {
            add(finder.wave, finder.value);
        }
        for carrier in &self.carriers {
            let part = |n: usize| {
                let bit = if sent[carrier.bits[n]] { -1.0 } else { 1.0 };
                bit * carrier.signs[n] * carrier.strength
            };
            add(carrier.wave, [part(0), part(1)]);
        }
        Transform::new(SIDE).run(&mut modes, Way::Back);
        let square: f32 = modes.iter().map(|value| value[0] * value[0]).sum();
        let scale = (modes.len() as f32 / square).sqrt();
        modes.iter().map(|value| value[0] * scale).collect()
    }
}
