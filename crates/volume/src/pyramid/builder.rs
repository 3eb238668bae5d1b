//! From a stream of slices to bricks of all levels.

use geometry::GridGeometry;

use super::level::{Level, Next};
use super::{BrickSink, PyramidLayout};
use crate::{Rescale, Sample, Statistics, StatisticsBuilder, Volume};

/// Why a pyramid could not be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError<E> {
    /// What was pushed is no whole number of slices.
    #[error("{samples} samples are no whole number of slices of {slice_len}")]
    PartialSlice {
        /// Samples pushed.
        samples: usize,
        /// Samples a slice.
        slice_len: usize,
    },
    /// The stream has more or fewer slices than the grid.
    #[error("the grid has {expected} slices, the stream at least {actual}")]
    TooManySlices {
        /// Slices of the grid.
        expected: u32,
        /// Slices pushed so far, with those that were refused.
        actual: u64,
    },
    /// The stream ended early.
    #[error("the grid has {expected} slices, the stream ended after {actual}")]
    TooFewSlices {
        /// Slices of the grid.
        expected: u32,
        /// Slices pushed.
        actual: u64,
    },
    /// An earlier push failed, so that slices are missing.
    #[error("an earlier slice could not be stored")]
    Broken,
    /// The sink refused a brick.
    #[error("a brick could not be stored")]
    Sink(#[source] E),
}

/// What is left when all bricks are handed out.
#[derive(Clone, Debug, PartialEq)]
pub struct Built<T: Sample> {
    /// Of the stored values of level 0.
    pub statistics: Statistics,
    /// The level that was kept, if one was asked for.
    pub kept: Option<KeptLevel<T>>,
}

/// A level that was kept in memory as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptLevel<T: Sample> {
    /// Which level; 0 is the finest.
    pub level: u32,
    /// Its samples; the rescale is the one given to [`PyramidBuilder::keep_level_with_at_most`].
    pub volume: Volume<T>,
}

/// Builds a pyramid from slices pushed in order, holding at most about 66 slices of each level.
///
/// Bricks are cut, handed to the sink and halved on rayon's current thread pool, while the caller waits.
#[derive(Debug)]
pub struct PyramidBuilder<T: Sample, S> {
    layout: PyramidLayout,
    levels: Vec<Level<T>>,
    statistics: StatisticsBuilder<T>,
    keep: Option<Keep<T>>,
    state: State,
    sink: S,
}

#[derive(Debug)]
struct Keep<T> {
    level: usize,
    rescale: Rescale,
    samples: Vec<T>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Broken,
}

impl<T: Sample, S: BrickSink<T>> PyramidBuilder<T, S> {
    /// A builder for a volume on `grid` whose bricks go to `sink`.
    pub fn new(grid: GridGeometry, sink: S) -> Self {
        let layout = PyramidLayout::new(grid);
        let levels: Vec<_> = (0..)
            .zip(layout.levels())
            .map(|(i, grid)| Level::new(i, grid.dims()))
            .collect();
        let [columns, rows, _] = grid.dims();
        Self {
            statistics: StatisticsBuilder::new(columns as usize * rows as usize),
            layout,
            levels,
            keep: None,
            state: State::Open,
            sink,
        }
    }

    /// Also keeps the finest level of at most `samples` samples in memory, or the coarsest where none is so small.
    /// Its volume gets `rescale`.
    #[must_use]
    pub fn keep_level_with_at_most(mut self, samples: u64, rescale: Rescale) -> Self {
        let grids = self.layout.levels();
        let level = grids.iter().position(|grid| grid.len() <= samples);
        self.keep = Some(Keep {
            level: level.unwrap_or(grids.len() - 1),
            rescale,
            samples: Vec::new(),
        });
        self
    }

    /// The levels and bricks that are being built.
    pub fn layout(&self) -> &PyramidLayout {
        &self.layout
    }

    /// The sink.
    pub fn sink(&self) -> &S {
        &self.sink
    }

    /// Takes the next whole slices, `[slice][row][column]`, any number at a time, and returns when all bricks that
    /// they finish have been handed out.
    ///
    /// Slices are copied only where a brick waits for more of them; pushing many at a time saves that.
    ///
    /// # Errors
    /// When `slices` are no whole number of slices or more than the grid has, and when the sink refuses a brick.
    /// After an error of the sink nothing more can be pushed.
    pub fn push_slices(&mut self, slices: &[T]) -> Result<(), BuildError<S::Error>> {
        let Some(finest) = self.levels.first() else {
            unreachable!("a pyramid has at least one level");
        };
        let slice_len = finest.slice_len();
        if self.state == State::Broken {
            return Err(BuildError::Broken);
        }
        if !slices.len().is_multiple_of(slice_len) {
            return Err(BuildError::PartialSlice {
                samples: slices.len(),
                slice_len,
            });
        }
        let actual = (finest.received() + slices.len() / slice_len) as u64;
        let expected = self.slices();
        if actual > u64::from(expected) {
            return Err(BuildError::TooManySlices { expected, actual });
        }
        let mut rest = slices;
        while !rest.is_empty() {
            let wanted = self.levels[0].wanted() * slice_len;
            let (part, later) = rest.split_at(wanted.min(rest.len()));
            self.push_part(part)?;
            rest = later;
        }
        Ok(())
    }

    /// Takes slices that finish one layer of level 0 at most.
    fn push_part(&mut self, part: &[T]) -> Result<(), BuildError<S::Error>> {
        self.statistics.add(part);
        let mut finer = Vec::new();
        let count = self.levels.len();
        for (i, level) in self.levels.iter_mut().enumerate() {
            let fresh = if i == 0 { part } else { finer.as_slice() };
            if let Some(keep) = self.keep.as_mut().filter(|keep| keep.level == i) {
                keep.samples.extend_from_slice(fresh);
            }
            let next = if i + 1 < count { Next::Level } else { Next::None };
            match level.push(fresh, next, &self.sink) {
                Ok(coarse) => finer = coarse,
                Err(error) => {
                    self.state = State::Broken;
                    return Err(BuildError::Sink(error));
                }
            }
            if finer.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Ends the stream; returns what was gathered, and the sink.
    ///
    /// # Errors
    /// When slices are missing.
    pub fn finish(self) -> Result<(Built<T>, S), BuildError<S::Error>> {
        let expected = self.slices();
        let actual = self.levels.first().map_or(0, Level::received) as u64;
        if self.state == State::Broken {
            return Err(BuildError::Broken);
        }
        if actual != u64::from(expected) {
            return Err(BuildError::TooFewSlices { expected, actual });
        }
        let kept = self.keep.map(|keep| {
            let grid = self.layout.levels()[keep.level];
            match Volume::new(grid, keep.rescale, keep.samples) {
                Ok(volume) => KeptLevel {
                    level: keep.level as u32,
                    volume,
                },
                Err(_) => unreachable!("every slice of every level has come"),
            }
        });
        let built = Built {
            statistics: self.statistics.finish(),
            kept,
        };
        Ok((built, self.sink))
    }

    fn slices(&self) -> u32 {
        self.layout.finest().dims()[2]
    }
}
