//! Smallest and largest values of small blocks.

use parallel::prelude::*;
use volume::{Sample, SampleType};

use super::SampleBox;

/// Samples along each edge of a block.
pub const BLOCK_SIDE: usize = 8;

/// For each block of 8 cubed samples, the range of all that interpolation inside can meet: its own samples and the
/// next one along each axis.
#[derive(Debug)]
pub struct BlockRanges {
    side: usize,
    counts: [usize; 3],
    dims: [usize; 3],
    /// `[block in z][y][x]`, smallest and largest stored value.
    ranges: Vec<[f32; 2]>,
}

/// The range of a block that holds nothing.
const NOTHING: [f32; 2] = [f32::INFINITY, f32::NEG_INFINITY];

impl BlockRanges {
    /// Empty ranges over `dims` samples.
    pub(super) fn new(dims: [u32; 3]) -> Self {
        Self::with_side(dims, BLOCK_SIDE)
    }

    /// Empty ranges of blocks with `side` samples along each edge.
    pub(crate) fn with_side(dims: [u32; 3], side: usize) -> Self {
        let dims = dims.map(|n| n as usize);
        let counts = dims.map(|n| n.div_ceil(side));
        Self {
            side,
            counts,
            dims,
            ranges: vec![NOTHING; counts.iter().product()],
        }
    }

    /// Bytes that the ranges over `dims` samples take.
    pub(super) fn bytes_of(dims: [u32; 3]) -> u64 {
        let blocks: u64 = dims
            .iter()
            .map(|&n| u64::from(n).div_ceil(BLOCK_SIDE as u64))
            .product();
        blocks * size_of::<[f32; 2]>() as u64
    }

    /// Blocks along columns, rows and slices.
    pub fn counts(&self) -> [usize; 3] {
        self.counts
    }

    /// `[block in z][y][x][smallest, largest]`, stored values. NaN is left out; a block of nothing else, and one that
    /// nothing came for, has its smallest above its largest. 32-bit integers are rounded outward.
    pub fn ranges(&self) -> &[[f32; 2]] {
        &self.ranges
    }

    /// Takes note that the samples in `changed` changed.
    pub(crate) fn update<T: Sample>(&mut self, samples: &[T], changed: SampleBox) {
        let side = self.side;
        // A block also reads the first samples of the next one.
        let first = changed.start.map(|n| (n as usize).saturating_sub(1) / side);
        let last: [usize; 3] =
            std::array::from_fn(|axis| (changed.end[axis] as usize).div_ceil(side).min(self.counts[axis]));
        let [bx, by, _] = self.counts;
        let dims = self.dims;
        let rows = self.ranges.par_chunks_mut(bx).enumerate();
        rows.for_each_init(Scratch::default, |scratch, (row, ranges)| {
            let (y, z) = (row % by, row / by);
            if (first[1]..last[1]).contains(&y) && (first[2]..last[2]).contains(&z) {
                scratch.row(
                    samples,
                    (dims, side),
                    [y, z],
                    first[0],
                    &mut ranges[first[0]..last[0]],
                );
            }
        });
    }
}

/// Smallest and largest of each column under one row of blocks.
struct Scratch<T> {
    low: Vec<T>,
    high: Vec<T>,
}

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        Self {
            low: Vec::new(),
            high: Vec::new(),
        }
    }
}

impl<T: Sample> Scratch<T> {
    /// The ranges of the blocks from `first` on in row `y` of layer `z`.
    fn row(
        &mut self,
        samples: &[T],
        (dims, side): ([usize; 3], usize),
        [y, z]: [usize; 2],
        first: usize,
        out: &mut [[f32; 2]],
    ) {
        let reach = |block: usize, axis: usize| block * side..((block + 1) * side + 1).min(dims[axis]);
        let columns = first * side..((first + out.len()) * side + 1).min(dims[0]);
        self.low.clear();
        self.low.resize(columns.len(), T::HIGHEST);
        self.high.clear();
        self.high.resize(columns.len(), T::LOWEST);
        for z in reach(z, 2) {
            for y in reach(y, 1) {
                let row = (z * dims[1] + y) * dims[0];
                let row = &samples[row + columns.start..row + columns.end];
                for ((low, high), &v) in self.low.iter_mut().zip(&mut self.high).zip(row) {
                    *low = if v < *low { v } else { *low };
                    *high = if v > *high { v } else { *high };
                }
            }
        }
        for (block, range) in out.iter_mut().enumerate() {
            let columns = block * side..((block + 1) * side + 1).min(self.low.len());
            let lows = self.low[columns.clone()].iter();
            let low = lows.fold(T::HIGHEST, |low, &v| if v < low { v } else { low });
            let highs = self.high[columns].iter();
            let high = highs.fold(T::LOWEST, |high, &v| if v > high { v } else { high });
            *range = if low > high { NOTHING } else { outward(low, high) };
        }
    }
}

/// A range in `f32` that holds all between `low` and `high`.
fn outward<T: Sample>(low: T, high: T) -> [f32; 2] {
    let (l, h) = (low.to_f32(), high.to_f32());
    if !matches!(T::TYPE, SampleType::I32 | SampleType::U32) {
        return [l, h];
    }
    [
        if f64::from(l) > low.to_f64() {
            l.next_down()
        } else {
            l
        },
        if f64::from(h) < high.to_f64() {
            h.next_up()
        } else {
            h
        },
    ]
}
