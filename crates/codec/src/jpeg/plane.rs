//! The decoded samples of one component.

use super::frame::BLOCK_EDGE;

/// Samples of one component, `[row][column]`, padded to whole units of its coding.
#[derive(Clone, Debug, Default)]
pub(super) struct Plane {
    /// `stride * padded rows` samples.
    pub(super) samples: Vec<u16>,
    /// Samples from one row to the next.
    pub(super) stride: usize,
}

impl Plane {
    /// A plane of zeros.
    pub(super) fn new(stride: usize, rows: usize) -> Self {
        Self {
            samples: vec![0; stride * rows],
            stride,
        }
    }

    /// Row `row`; empty if there is none.
    pub(super) fn row(&self, row: usize) -> &[u16] {
        self.samples
            .get(row * self.stride..)
            .and_then(|rest| rest.get(..self.stride))
            .unwrap_or_default()
    }

    /// Row `row` and the one above it, which is empty for row 0.
    pub(super) fn row_pair_mut(&mut self, row: usize) -> (&[u16], &mut [u16]) {
        let start = row * self.stride;
        let Some((before, rest)) = self.samples.split_at_mut_checked(start) else {
            return (&[], &mut []);
        };
        let above = before
            .get(start.saturating_sub(self.stride)..)
            .unwrap_or_default();
        (above, rest.get_mut(..self.stride).unwrap_or_default())
    }

    /// Writes an 8 x 8 block, `[row][column]`, at block row `y` and block column `x`.
    pub(super) fn place_block(&mut self, y: usize, x: usize, block: &[u16; 64]) {
        let first = y * BLOCK_EDGE * self.stride + x * BLOCK_EDGE;
        let rows = self
            .samples
            .get_mut(first..)
            .unwrap_or_default()
            .chunks_mut(self.stride);
        for (row, samples) in rows.zip(block.as_chunks::<BLOCK_EDGE>().0) {
            if let Some(target) = row.first_chunk_mut::<BLOCK_EDGE>() {
                *target = *samples;
            }
        }
    }
}
