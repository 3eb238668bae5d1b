//! One level while it is built: a window of slices that unfinished bricks still need.

use std::sync::Mutex;

use parallel::prelude::*;

use super::halve::halve_slices;
use super::{BRICK_BORDER, BRICK_SIDE, Brick, BrickKey, BrickSink};
use crate::{Sample, range_of};

const SIDE: usize = BRICK_SIDE as usize;
const BORDER: usize = BRICK_BORDER as usize;

/// One level of the pyramid, fed with slices in order.
#[derive(Debug)]
pub(super) struct Level<T> {
    number: u32,
    /// Columns, rows, slices.
    dims: [usize; 3],
    /// Slices that came before and are still needed, `[slice][row][column]`.
    window: Vec<T>,
    /// Number of the first slice in `window`.
    window_start: usize,
    /// Slices that came so far.
    received: usize,
    /// Layers of bricks that were handed out.
    layers_done: usize,
    /// Slices of the next level that were made.
    halved: usize,
    /// Buffers for bricks, used again from layer to layer.
    scratch: Mutex<Vec<Vec<T>>>,
}

/// Slices by their number: first those kept from before, then those that just came.
struct Slices<'a, T> {
    kept: &'a [T],
    kept_start: usize,
    fresh: &'a [T],
    fresh_start: usize,
    len: usize,
}

impl<'a, T> Slices<'a, T> {
    fn get(&self, slice: usize) -> &'a [T] {
        let (from, index) = if slice < self.fresh_start {
            (self.kept, slice - self.kept_start)
        } else {
            (self.fresh, slice - self.fresh_start)
        };
        &from[index * self.len..(index + 1) * self.len]
    }
}

impl<T: Sample> Level<T> {
    pub(super) fn new(number: u32, dims: [u32; 3]) -> Self {
        Self {
            number,
            dims: dims.map(|n| n as usize),
            window: Vec::new(),
            window_start: 0,
            received: 0,
            layers_done: 0,
            halved: 0,
            scratch: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn slice_len(&self) -> usize {
        self.dims[0] * self.dims[1]
    }

    /// Slices that came so far.
    pub(super) fn received(&self) -> usize {
        self.received
    }

    /// How many more slices finish the next layer of bricks: with so many at a time, hardly any need be copied.
    pub(super) fn wanted(&self) -> usize {
        self.slices_for(self.layers_done + 1) - self.received
    }

    /// Slices that must have come before `layers` layers of bricks are finished.
    fn slices_for(&self, layers: usize) -> usize {
        (layers * SIDE + BORDER).min(self.dims[2])
    }

    /// Takes the next slices, hands out the bricks that they finish and returns the slices of the next level that
    /// they complete.
    pub(super) fn push<S: BrickSink<T>>(
        &mut self,
        fresh: &[T],
        next: Next,
        sink: &S,
    ) -> Result<Vec<T>, S::Error> {
        let slices = Slices {
            kept: &self.window,
            kept_start: self.window_start,
            fresh,
            fresh_start: self.received,
            len: self.slice_len(),
        };
        let total = self.received + fresh.len() / self.slice_len();
        let mut layers = self.layers_done;
        while layers < self.dims[2].div_ceil(SIDE) && self.slices_for(layers + 1) <= total {
            layers += 1;
        }
        let (bricks, coarse) = parallel::join(
            || self.emit(&slices, self.layers_done..layers, sink),
            || match next {
                Next::Level => self.halve(&slices, total),
                Next::None => Vec::new(),
            },
        );
        bricks?;
        self.halved = if total == self.dims[2] {
            total.div_ceil(2)
        } else {
            total / 2
        };
        self.layers_done = layers;
        self.keep(fresh, total);
        Ok(coarse)
    }

    /// Hands out all bricks of `layers`, in parallel.
    fn emit<S: BrickSink<T>>(
        &self,
        slices: &Slices<'_, T>,
        layers: std::ops::Range<usize>,
        sink: &S,
    ) -> Result<(), S::Error> {
        let [columns, rows, _] = self.dims.map(|n| n.div_ceil(SIDE));
        let bricks = layers.start * rows * columns..layers.end * rows * columns;
        bricks.into_par_iter().with_max_len(1).try_for_each(|i| {
            let at = [i % columns, i / columns % rows, i / columns / rows];
            let mut samples = self.take_scratch();
            let extent = self.cut(slices, at, &mut samples);
            let [x, y, z] = at.map(|n| n as u32);
            let taken = sink.brick(Brick {
                key: BrickKey {
                    level: self.number,
                    x,
                    y,
                    z,
                },
                extent: extent.map(|n| n as u32),
                samples: &samples,
                range: range_of(&samples),
            });
            self.give_scratch(samples);
            taken
        })
    }

    /// Copies the brick at `at` with its border into `out`; returns its extent.
    fn cut(&self, slices: &Slices<'_, T>, at: [usize; 3], out: &mut Vec<T>) -> [usize; 3] {
        let start = at.map(|n| n * SIDE);
        let core: [usize; 3] = std::array::from_fn(|axis| (self.dims[axis] - start[axis]).min(SIDE));
        out.clear();
        for z in with_border(start[2], core[2], self.dims[2]) {
            let slice = slices.get(z);
            for y in with_border(start[1], core[1], self.dims[1]) {
                let row = &slice[y * self.dims[0]..(y + 1) * self.dims[0]];
                let end = start[0] + core[0];
                out.push(row[start[0].saturating_sub(BORDER)]);
                out.extend_from_slice(&row[start[0]..end]);
                out.push(row[end.min(self.dims[0] - 1)]);
            }
        }
        core.map(|n| n + 2 * BORDER)
    }

    /// The slices of the next level that are complete with `total` slices of this one, in parallel.
    fn halve(&self, slices: &Slices<'_, T>, total: usize) -> Vec<T> {
        let [columns, rows, depth] = self.dims;
        let end = if total == depth {
            depth.div_ceil(2)
        } else {
            total / 2
        };
        let coarse_len = columns.div_ceil(2) * rows.div_ceil(2);
        let mut coarse = vec![T::default(); (end - self.halved) * coarse_len];
        coarse
            .par_chunks_exact_mut(coarse_len)
            .enumerate()
            .for_each(|(i, out)| {
                let near = 2 * (self.halved + i);
                let far = (near + 1 < depth).then(|| slices.get(near + 1));
                halve_slices(slices.get(near), far, [columns, rows], out);
            });
        coarse
    }

    /// Keeps what the next layer of bricks and the next coarse slice need, now that `total` slices have come.
    fn keep(&mut self, fresh: &[T], total: usize) {
        let len = self.slice_len();
        // The last slice of all is needed by nothing that comes later.
        let needed = if total == self.dims[2] {
            total
        } else {
            (self.layers_done * SIDE)
                .saturating_sub(BORDER)
                .min(2 * self.halved)
        };
        let drop_kept = needed.clamp(self.window_start, self.received) - self.window_start;
        self.window.drain(..drop_kept * len);
        self.window_start += drop_kept;
        let drop_fresh = needed.saturating_sub(self.received);
        if self.window.is_empty() {
            self.window_start = self.received + drop_fresh;
        }
        self.window.reserve_exact(fresh.len() - drop_fresh * len);
        self.window.extend_from_slice(&fresh[drop_fresh * len..]);
        self.received = total;
    }

    fn take_scratch(&self) -> Vec<T> {
        let mut pool = self
            .scratch
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        pool.pop().unwrap_or_default()
    }

    fn give_scratch(&self, samples: Vec<T>) {
        let mut pool = self
            .scratch
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        pool.push(samples);
    }
}

/// Whether slices are halved for a coarser level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A coarser level follows.
    Level,
    /// This level is the coarsest.
    None,
}

/// The indexes `start - 1 ..= start + core`, held inside `0..len`.
fn with_border(start: usize, core: usize, len: usize) -> impl Iterator<Item = usize> {
    (start..start + core + 2 * BORDER).map(move |i| i.saturating_sub(BORDER).min(len - 1))
}
