//! Hiding: the tile laid over a picture, strong where the picture hides it, weak where it would be seen.

use super::pattern::{Pattern, SIDE};
use super::{Code, Key};

/// Pixels of a block's side; each block is judged as one.
const BLOCK: usize = 8;
/// Offset in quiet blocks, and by how much it grows with the mean step between neighboring pixels; root mean square.
const QUIET: f32 = 1.6;
const BUSY: f32 = 0.12;
const STRONGEST: f32 = 4.5;
/// In blocks that are nearly black or white half of the tile is cut off, and the eye sees least.
const FLAT_END: f32 = 2.3;
/// Means from here on down, or as near to white, are such.
const END: f32 = 5.0;
/// Mean square of all offsets at most: with rounding, 42.3 dB.
const BUDGET: f32 = 3.75;
/// Pictures that need less than the budget get this much more.
const RAISE: f32 = 1.25;

/// The hidden mark of a session, ready to be laid over its pictures.
pub struct Marker {
    /// `[row][column]`, 256 for the root mean square.
    tile: Vec<i16>,
}

impl std::fmt::Debug for Marker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Marker(..)")
    }
}

impl Marker {
    /// The mark that says `code` to who has the key.
    pub fn new(key: &Key, code: Code) -> Self {
        let tile = Pattern::new(key).tile(code);
        let tile = tile.into_iter().map(|value| (value * 256.0).round() as i16);
        Self { tile: tile.collect() }
    }

    /// Lays the mark over a picture, as the last step before it is coded: `pixels` is `[row][column][channel]`, RGB of
    /// 8 bits, `width` times `height`. All channels of a pixel move by the same, so that grays stay gray.
    pub fn apply(&self, pixels: &mut [u8], width: u32, height: u32) {
        let (width, height) = (width as usize, height as usize);
        if width == 0 || pixels.len() < width * height * 3 {
            return;
        }
        let strengths = Strengths::of(pixels, width, height);
        for (y, line) in pixels.chunks_exact_mut(width * 3).take(height).enumerate() {
            let tile = &self.tile[(y % SIDE) * SIDE..][..SIDE];
            let blocks = strengths.row(y / BLOCK);
            for (part, (block, &strength)) in line.chunks_mut(BLOCK * 3).zip(blocks).enumerate() {
                let from = part * BLOCK % SIDE;
                for (pixel, &wave) in block.chunks_exact_mut(3).zip(&tile[from..from + BLOCK]) {
                    let by = (i32::from(wave) * strength + (1 << 15)) >> 16;
                    for value in pixel {
                        *value = (i32::from(*value) + by).clamp(0, 255) as u8;
                    }
                }
            }
        }
    }
}

/// How strong the tile is in each block.
struct Strengths {
    across: usize,
    /// `[row][column]` of blocks, 256 for an offset of 1.
    values: Vec<i32>,
}

impl Strengths {
    fn of(pixels: &[u8], width: usize, height: usize) -> Self {
        let (across, down) = (width.div_ceil(BLOCK), height.div_ceil(BLOCK));
        let looks = looks(pixels, width, height, across, down);
        let mut square = 0.0;
        let mut values = Vec::with_capacity(across * down);
        for y in 0..down {
            for x in 0..across {
                let own = looks[y * across + x];
                // Beside a quiet block, an edge hides nothing.
                let beside = [
                    (x.wrapping_sub(1), y),
                    (x + 1, y),
                    (x, y.wrapping_sub(1)),
                    (x, y + 1),
                ];
                let quietest = beside
                    .into_iter()
                    .filter(|&(x, y)| x < across && y < down)
                    .map(|(x, y)| looks[y * across + x].step)
                    .fold(own.step, f32::min);
                let is_end = !(END..=255.0 - END).contains(&own.mean);
                let (strength, share) = match is_end {
                    true => (FLAT_END, 0.5),
                    false => {
                        let hides = (own.step + quietest) / 2.0;
                        ((QUIET + BUSY * hides).min(STRONGEST), 1.0)
                    }
                };
                square += strength * strength * share;
                values.push(strength);
            }
        }
        let mean = square / values.len() as f32;
        let scale = (BUDGET / mean).sqrt().min(RAISE) * 256.0;
        Self {
            across,
            values: values
                .into_iter()
                .map(|value| (value * scale).round() as i32)
                .collect(),
        }
    }

    fn row(&self, row: usize) -> &[i32] {
        &self.values[row * self.across..][..self.across]
    }
}

/// How a block looks.
#[derive(Clone, Copy)]
struct Look {
    mean: f32,
    /// Mean step between neighboring pixels.
    step: f32,
}

fn looks(pixels: &[u8], width: usize, height: usize, across: usize, down: usize) -> Vec<Look> {
    let mut looks = Vec::with_capacity(across * down);
    let mut sums = vec![(0_i32, 0_i32); across];
    for top in (0..height).step_by(BLOCK) {
        sums.fill((0, 0));
        let rows = BLOCK.min(height - top);
        let mut counted = 0;
        // Every second row is enough.
        for y in (top..top + rows).step_by(2) {
            let line = &pixels[y * width * 3..][..width * 3];
            for (block, sum) in line.chunks(BLOCK * 3).zip(&mut sums) {
                let mut last = luma(block);
                for pixel in block.chunks_exact(3) {
                    let value = luma(pixel);
                    sum.0 += value;
                    sum.1 += (value - last).abs();
                    last = value;
                }
            }
            counted += 1;
        }
        for (x, sum) in sums.iter().enumerate() {
            let columns = BLOCK.min(width - x * BLOCK) as i32;
            looks.push(Look {
                mean: sum.0 as f32 / (4 * counted * columns) as f32,
                step: sum.1 as f32 / (4 * counted * (columns - 1).max(1)) as f32,
            });
        }
    }
    looks
}

/// Four times something near the luma.
fn luma(pixel: &[u8]) -> i32 {
    match pixel {
        [red, green, blue, ..] => i32::from(*red) + 2 * i32::from(*green) + i32::from(*blue),
        _ => 0,
    }
}
