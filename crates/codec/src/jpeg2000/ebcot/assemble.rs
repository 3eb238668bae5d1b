//! From the bit-planes of a decoded block to its samples.
#![expect(
    clippy::indexing_slicing,
    reason = "rows, halves and lanes are counted by the arrays' own sizes, words masked to theirs"
)]

use super::{INNER_WORDS, State, WORDS};
use crate::jpeg2000::packets::MAX_BITS;
use crate::jpeg2000::tile::BlockShape;

/// Bits or numbers of the samples of one word: four rows, each in two halves of eight columns.
type Word = [[[u32; 8]; 2]; 4];

impl State {
    /// Puts the bits of a block's samples together, of which `passes` passes were decoded.
    #[inline(always)]
    pub(super) fn assemble(&mut self, shape: &BlockShape, passes: u8) {
        let passes = passes.min(3 * shape.planes.min(MAX_BITS) - 2);
        let planes = usize::from(passes + 1) / 3 + 1;
        // The lowest bit-plane that was begun, as a bit of a sample.
        let unit = u32::from(shape.planes.saturating_sub(planes as u8)) + shape.fraction_bits;
        let across = self.words - 2;
        for word in 0..self.stripes * across {
            let (x, y) = (word % across, word / across);
            let bordered = ((y + 1) * self.words + x + 1) & (WORDS - 1);
            // After a significance pass alone, samples that it was not for are known one bit-plane less far.
            let known = if passes % 3 == 2 {
                self.visited[bordered]
            } else {
                u64::MAX
            };
            let significant = self.significant[bordered];
            let (full, less) = (spread_out(significant & known), spread_out(significant & !known));
            let signs = spread_out(self.signs[word & (INNER_WORDS - 1)]);
            let mut samples = self.magnitudes(word, planes);
            for row in 0..(self.height - 4 * y).min(4) {
                for (half, start) in (16 * x..self.width).step_by(8).take(2).enumerate() {
                    for (lane, sample) in samples[row][half].iter_mut().enumerate() {
                        let middle = (full[row][half][lane] << unit >> 1) | less[row][half][lane] << unit;
                        *sample = *sample << unit | middle | signs[row][half][lane] << 31;
                    }
                    self.put(4 * y + row, start, &samples[row][half]);
                }
            }
        }
    }

    /// The magnitudes of one word, in units of the lowest of `planes` bit-planes.
    #[inline(always)]
    fn magnitudes(&self, word: usize, planes: usize) -> Word {
        let mut samples = Word::default();
        let words = self.stripes * (self.words - 2);
        for plane in 0..planes {
            let bits = self
                .magnitudes
                .get(plane * words + word)
                .copied()
                .unwrap_or_default();
            let bits = spread_out(bits);
            for (samples, bits) in samples.as_flattened_mut().iter_mut().zip(bits.as_flattened()) {
                samples
                    .iter_mut()
                    .zip(bits)
                    .for_each(|(sample, bit)| *sample = *sample << 1 | bit);
            }
        }
        samples
    }

    /// Stores eight samples of row `y` from column `x` on, or as many as the row has.
    #[inline(always)]
    fn put(&mut self, y: usize, x: usize, samples: &[u32; 8]) {
        let target = self.samples.get_mut(y * self.width + x..).unwrap_or_default();
        match target.first_chunk_mut::<8>() {
            Some(target) if self.width - x >= 8 => *target = *samples,
            _ => target
                .iter_mut()
                .zip(samples)
                .take(self.width - x)
                .for_each(|(target, sample)| *target = *sample),
        }
    }
}

/// The bits of a word of 16 columns as numbers.
#[inline(always)]
fn spread_out(word: u64) -> Word {
    let halves = [word as u32, (word >> 32) as u32];
    std::array::from_fn(|row| halves.map(|half| std::array::from_fn(|column| half >> (4 * column + row) & 1)))
}
