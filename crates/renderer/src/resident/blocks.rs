//! Smallest and largest values of small blocks.

use std::ops::Range;

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
    ranges: Ranges,
}

/// `[block in z][y][x]`, smallest and largest stored value; of a block that holds nothing the smallest is the larger one.
#[derive(Debug, PartialEq)]
enum Ranges {
    /// Of types of up to 16 bits: so much below the stored values.
    Narrow(Vec<[i16; 2]>, f32),
    /// Of all others.
    Wide(Vec<[f32; 2]>),
}

impl Ranges {
    fn new(len: usize, sample_type: SampleType) -> Self {
        match sample_type {
            SampleType::U8 | SampleType::I16 => Self::Narrow(vec![NO_NARROW; len], 0.0),
            SampleType::U16 => Self::Narrow(vec![NO_NARROW; len], 32_768.0),
            SampleType::I32 | SampleType::U32 | SampleType::F32 => Self::Wide(vec![NOTHING; len]),
        }
    }
}

/// The range of a block that holds nothing.
const NOTHING: [f32; 2] = [f32::INFINITY, f32::NEG_INFINITY];
const NO_NARROW: [i16; 2] = [i16::MAX, i16::MIN];

impl BlockRanges {
    /// Empty ranges over `dims` samples.
    pub(super) fn new(dims: [u32; 3], sample_type: SampleType) -> Self {
        Self::with_side(dims, sample_type, BLOCK_SIDE)
    }

    /// Empty ranges of blocks with `side` samples along each edge.
    pub(crate) fn with_side(dims: [u32; 3], sample_type: SampleType, side: usize) -> Self {
        let dims = dims.map(|n| n as usize);
        let counts = dims.map(|n| n.div_ceil(side));
        Self {
            side,
            counts,
            dims,
            ranges: Ranges::new(counts.iter().product(), sample_type),
        }
    }

    /// Bytes that the ranges over `dims` samples take.
    pub(super) fn bytes_of(dims: [u32; 3], sample_type: SampleType) -> u64 {
        let blocks: u64 = dims
            .iter()
            .map(|&n| u64::from(n).div_ceil(BLOCK_SIDE as u64))
            .product();
        blocks * 2 * sample_type.size().clamp(2, 4) as u64
    }

    /// Blocks along columns, rows and slices.
    pub fn counts(&self) -> [usize; 3] {
        self.counts
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        match &self.ranges {
            Ranges::Narrow(ranges, _) => ranges.len(),
            Ranges::Wide(ranges) => ranges.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Smallest and largest stored value of the block at `index`, of `[block in z][y][x]`. NaN is left out; a block of
    /// nothing else, and one that nothing came for, has its smallest above its largest. 32-bit integers are rounded outward.
    ///
    /// # Panics
    /// When there is no such block.
    #[inline]
    pub fn at(&self, index: usize) -> [f32; 2] {
        match &self.ranges {
            Ranges::Narrow(ranges, above) => ranges[index].map(|v| f32::from(v) + above),
            Ranges::Wide(ranges) => ranges[index],
        }
    }

    /// The ranges of all blocks, as [`BlockRanges::at`] gives them.
    pub fn iter(&self) -> impl Iterator<Item = [f32; 2]> {
        (0..self.len()).map(|index| self.at(index))
    }

    /// Takes note that the samples in `changed` changed.
    pub(crate) fn update<T: Sample>(&mut self, samples: &[T], changed: SampleBox) {
        let side = self.side;
        // A block also reads the first samples of the next one.
        let first = changed.start.map(|n| (n as usize).saturating_sub(1) / side);
        let last: [usize; 3] =
            std::array::from_fn(|axis| (changed.end[axis] as usize).div_ceil(side).min(self.counts[axis]));
        let place = Place {
            counts: self.counts,
            dims: self.dims,
            side,
            first,
            last,
        };
        match &mut self.ranges {
            Ranges::Narrow(ranges, above) => place.update(samples, ranges, |range| {
                let below = |v: f32| (v - *above) as i16;
                range.map_or(NO_NARROW, |range| range.map(below))
            }),
            Ranges::Wide(ranges) => place.update(samples, ranges, |range| range.unwrap_or(NOTHING)),
        }
    }
}

/// Blocks whose ranges are made anew: from `first` up to but not including `last`.
struct Place {
    counts: [usize; 3],
    dims: [usize; 3],
    side: usize,
    first: [usize; 3],
    last: [usize; 3],
}

impl Place {
    fn update<T: Sample, R: Copy + Send>(
        &self,
        samples: &[T],
        ranges: &mut [R],
        held: impl Fn(Option<[f32; 2]>) -> R + Sync,
    ) {
        let Self { first, last, .. } = *self;
        let [bx, by, _] = self.counts;
        let rows = ranges.par_chunks_mut(bx.max(1)).enumerate();
        rows.for_each_init(Scratch::default, |scratch, (row, ranges)| {
            let (y, z) = (row % by, row / by);
            if (first[1]..last[1]).contains(&y) && (first[2]..last[2]).contains(&z) {
                let columns = first[0] * self.side..(last[0] * self.side + 1).min(self.dims[0]);
                scratch.fold(samples, (self.dims, self.side), [y, z], columns);
                for (block, range) in ranges[first[0]..last[0]].iter_mut().enumerate() {
                    *range = held(scratch.range(block * self.side..(block + 1) * self.side + 1));
                }
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
    /// Takes the columns of samples under row `y` of blocks in layer `z`.
    fn fold(
        &mut self,
        samples: &[T],
        (dims, side): ([usize; 3], usize),
        [y, z]: [usize; 2],
        columns: Range<usize>,
    ) {
        let reach = |block: usize, axis: usize| block * side..((block + 1) * side + 1).min(dims[axis]);
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
    }

    /// The range of some of the columns; `None` where they hold nothing.
    fn range(&self, columns: Range<usize>) -> Option<[f32; 2]> {
        let columns = columns.start..columns.end.min(self.low.len());
        let lows = self.low[columns.clone()].iter();
        let low = lows.fold(T::HIGHEST, |low, &v| if v < low { v } else { low });
        let highs = self.high[columns].iter();
        let high = highs.fold(T::LOWEST, |high, &v| if v > high { v } else { high });
        (low <= high).then(|| outward(low, high))
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
