//! Finding: scale, place, code.

use super::Code;
use super::fft::{Complex, Transform, Way, times};
use super::key::Key;
use super::pattern::{Pattern, SIDE, Wave};
use super::polar::LENGTH;
use super::still::Luma;

/// Scales of a copy against the frame that was sent.
const SMALLEST: f64 = 0.45;
const LARGEST: f64 = 2.2;
/// Scales that copies have before others.
const USUAL: [f64; 9] = [1.0, 0.5, 2.0, 1.5, 1.25, 0.75, 0.8, 2.0 / 3.0, 4.0 / 3.0];
/// At neighboring scales, tiles at a picture's edge lie this far apart, in pixels of the frame.
const APART: f64 = 3.0;
/// Where no place is plain, this many of the best are looked at closely.
const TRIED: usize = 6;
/// Evidence for the known waves, in deviations of what chance would give, below which nothing is decoded.
const LEAST_FOUND: f32 = 5.0;
/// The same from which on a place is decoded before others are looked at: chance seldom gives it.
const PLAIN: f32 = 7.0;
/// The same above which there is no doubt that a mark is there.
const SURE: f32 = 9.0;
/// Evidence for the code in the same measure, below which it is not believed. Signs that a picture knows nothing of add
/// up to that with a probability of at most `exp(-9.5^2 / 2)` (Hoeffding's inequality): for any of `2^32` codes at
/// any of the few places that are decoded, below `2e-9`, whatever the picture shows.
const LEAST_SAID: f32 = 9.5;
/// Pictures larger than this are halved first.
const LARGE: usize = 16 << 20;

/// What was found in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// The mark of this session.
    Found {
        /// Which.
        code: Code,
        /// Width of the picture against that of the frame it is a copy of.
        scale: f64,
        /// How clearly, in deviations of what chance would give.
        evidence: f32,
    },
    /// A mark of this server, too faint to say of which session.
    Faint,
    /// None.
    Nothing,
}

/// Finds the marks of one key.
pub struct Reader {
    pattern: Pattern,
    transform: Transform,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader(..)")
    }
}

/// Where the tile may be.
#[derive(Clone, Copy)]
struct Place {
    scale: f64,
    /// Column and row of the tile's origin, in pixels of the frame.
    origin: [f32; 2],
    evidence: f32,
}

impl Reader {
    /// Finds marks that were made with `key`.
    pub fn new(key: &Key) -> Self {
        Self {
            pattern: Pattern::new(key),
            transform: Transform::new(SIDE),
        }
    }

    /// Looks for a mark in a picture: `pixels` is `[row][column][channel]`, RGB of 8 bits, `width` times `height`.
    /// Takes about a second for each megapixel where nothing is found.
    pub fn read(&self, pixels: &[u8], width: u32, height: u32) -> Reading {
        let (width, height) = (width as usize, height as usize);
        if width < 48 || height < 48 || pixels.len() / 3 / width < height {
            return Reading::Nothing;
        }
        let mut luma = Luma::of(pixels, width, height);
        let mut halvings = 1.0;
        while luma.values.len() > LARGE {
            luma = luma.halved();
            halvings *= 2.0;
        }
        let stills = Stills::of(&luma);
        let mut places = Vec::new();
        for scale in scales(stills.longest()) {
            let place = self.place(&stills, scale / halvings);
            if place.evidence >= PLAIN
                && let Some(found) = self.decode(&stills, self.closer(&stills, place), halvings)
            {
                return found;
            }
            places.push(place);
        }
        places.sort_by(|a, b| b.evidence.total_cmp(&a.evidence));
        let mut seen = f32::MIN;
        for place in places.into_iter().take(TRIED) {
            let place = self.closer(&stills, place);
            seen = seen.max(place.evidence);
            if let Some(found) = self.decode(&stills, place, halvings) {
                return found;
            }
        }
        match seen >= SURE {
            true => Reading::Faint,
            false => Reading::Nothing,
        }
    }

    /// The place with the most evidence at a scale.
    fn place(&self, stills: &Stills, scale: f64) -> Place {
        let modes = self.modes(stills, scale);
        let mut product = vec![[0.0; 2]; SIDE * SIDE];
        for finder in &self.pattern.finders {
            let [real, imaginary] = finder.value;
            product[finder.wave.index()] = times(modes[finder.wave.index()], [real, -imaginary]);
        }
        self.transform.run(&mut product, Way::Back);
        let square: f32 = product.iter().map(|value| value[0] * value[0]).sum();
        let deviation = (square / product.len() as f32).sqrt();
        let (peak, most) = product
            .iter()
            .enumerate()
            .fold((0, f32::MIN), |best, (n, value)| match value[0] > best.1 {
                true => (n, value[0]),
                false => best,
            });
        Place {
            scale,
            origin: [(peak % SIDE) as f32, (peak / SIDE) as f32],
            evidence: if deviation > 0.0 { most / deviation } else { 0.0 },
        }
    }

    /// The best place among finer and finer steps of scale around one.
    fn closer(&self, stills: &Stills, mut place: Place) -> Place {
        let longest = stills.longest() / place.scale;
        for apart in [APART * 0.5, APART * 0.25, APART * 0.12, APART * 0.06] {
            for by in [1.0 + apart / longest, 1.0 - apart / longest] {
                let other = self.place(stills, place.scale * by);
                if other.evidence > place.evidence {
                    place = other;
                    break;
                }
            }
        }
        place
    }

    /// What the mark at a place says, if it says something.
    fn decode(&self, stills: &Stills, place: Place, halvings: f64) -> Option<Reading> {
        if place.evidence < LEAST_FOUND {
            return None;
        }
        let modes = self.modes(stills, place.scale);
        let origin = self.between(&modes, place.origin);
        let mut evidence = [0.0; LENGTH];
        let mut square = 0.0;
        for carrier in &self.pattern.carriers {
            let value = times(modes[carrier.wave.index()], shift(carrier.wave, origin));
            for part in 0..2 {
                let weighed = value[part] * carrier.strength;
                evidence[carrier.bits[part]] += weighed * carrier.signs[part];
                square += weighed * weighed;
            }
        }
        let messages = self.pattern.polar.decode(&evidence);
        let (message, code) = messages
            .into_iter()
            .find_map(|message| Some((message, self.pattern.code(message)?)))?;
        let sent = self.pattern.polar.encode(message);
        let said: f32 = sent
            .iter()
            .zip(evidence)
            .map(|(&bit, value)| if bit { -value } else { value })
            .sum();
        let said = said / square.sqrt();
        (said >= LEAST_SAID).then_some(Reading::Found {
            code,
            scale: place.scale * halvings,
            evidence: place.evidence.hypot(said),
        })
    }

    /// The origin between pixels, near the one that was found.
    fn between(&self, modes: &[Complex], origin: [f32; 2]) -> [f32; 2] {
        let quarters = || (-3_i8..=3).map(|n| f32::from(n) * 0.25);
        let score = |origin: [f32; 2]| -> f32 {
            let finders = self.pattern.finders.iter();
            finders
                .map(|finder| {
                    let value = times(modes[finder.wave.index()], shift(finder.wave, origin));
                    value[0] * finder.value[0] + value[1] * finder.value[1]
                })
                .sum()
        };
        quarters()
            .flat_map(|y| quarters().map(move |x| [origin[0] + x, origin[1] + y]))
            .map(|origin| (score(origin), origin))
            .fold(
                (f32::MIN, origin),
                |best, next| if next.0 > best.0 { next } else { best },
            )
            .1
    }

    /// The waves of all tiles at a scale laid over each other, each over the mean strength of waves of its length.
    fn modes(&self, stills: &Stills, scale: f64) -> Vec<Complex> {
        let mut modes = fold(stills.at(scale), scale);
        self.transform.run(&mut modes, Way::Forward);
        let waves = || {
            let finders = self.pattern.finders.iter().map(|finder| finder.wave);
            finders.chain(self.pattern.carriers.iter().map(|carrier| carrier.wave))
        };
        let mut rings = [(0.0_f32, 0.0_f32); SIDE];
        let square = |value: Complex| value[0] * value[0] + value[1] * value[1];
        for wave in waves() {
            let ring = &mut rings[wave.ring()];
            ring.0 += square(modes[wave.index()]);
            ring.1 += 1.0;
        }
        for wave in waves() {
            // Neighboring rings count, for there are few long waves.
            let near = &rings[wave.ring() - 1..=wave.ring() + 1];
            let (sum, count) = near
                .iter()
                .fold((0.0, 0.0), |all, ring| (all.0 + ring.0, all.1 + ring.1));
            let power = sum / count;
            let value = &mut modes[wave.index()];
            if power > 0.0 {
                let cut = (power * 4.0 / square(*value).max(f32::MIN_POSITIVE))
                    .sqrt()
                    .min(1.0);
                *value = value.map(|part| part * cut / power.sqrt());
            }
        }
        modes
    }
}

/// Scales to look at, the usual ones first.
fn scales(longest: f64) -> impl Iterator<Item = f64> {
    let next = move |scale: &f64| Some(scale * (1.0 + (APART * scale / longest).min(0.01)));
    let all = std::iter::successors(Some(SMALLEST), next);
    USUAL.into_iter().chain(all.take_while(|&scale| scale <= LARGEST))
}

/// What turns a mode of the folded picture into that of the tile at its origin.
fn shift(wave: Wave, origin: [f32; 2]) -> Complex {
    let turns = (wave.kx as f32 * origin[0] + wave.ky as f32 * origin[1]) / SIDE as f32;
    let (sin, cos) = (turns * std::f32::consts::TAU).sin_cos();
    [cos, sin]
}

/// A picture's stills for small, middle and large scales.
struct Stills([Luma; 3]);

impl Stills {
    fn of(luma: &Luma) -> Self {
        Self([3, 5, 8].map(|radius| luma.still(radius)))
    }

    fn at(&self, scale: f64) -> &Luma {
        let [small, middle, large] = &self.0;
        match scale {
            ..0.75 => small,
            0.75..1.4 => middle,
            _ => large,
        }
    }

    fn longest(&self) -> f64 {
        self.0[0].width.max(self.0[0].height) as f64
    }
}

/// Lays all tiles of a picture over each other: each pixel goes to the four of the tile around its place.
fn fold(luma: &Luma, scale: f64) -> Vec<Complex> {
    let place = |n: usize| {
        let at = ((n as f64 + 0.5) / scale - 0.5).rem_euclid(SIDE as f64);
        (at as usize % SIDE, at.fract() as f32)
    };
    let columns: Vec<(usize, f32)> = (0..luma.width).map(place).collect();
    let mut tile = vec![[0.0; 2]; SIDE * SIDE];
    let mut row = [0.0_f32; SIDE + 1];
    for (y, line) in luma.values.chunks_exact(luma.width).enumerate() {
        row.fill(0.0);
        for (&value, &(at, part)) in line.iter().zip(&columns) {
            row[at] += value * (1.0 - part);
            row[at + 1] += value * part;
        }
        row[0] += row[SIDE];
        let (top, part) = place(y);
        let bottom = (top + 1) % SIDE;
        for (x, &value) in row[..SIDE].iter().enumerate() {
            tile[top * SIDE + x][0] += value * (1.0 - part);
            tile[bottom * SIDE + x][0] += value * part;
        }
    }
    tile
}
