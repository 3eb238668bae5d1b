//! A volume that becomes one of a finer level in the memory that it has.
//!
//! Of its own because a tab of a browser keeps what it once took: the array of a level that is shown for a while would
//! lie beside the finest one for good.

use volume::{PyramidLayout, Rescale, Sample, SampleType, Samples, with_samples};

use super::{BLOCK_SIDE, BlockRanges, Changes, ResidentError, ResidentVolume, SampleBox, fill, zeros};
use crate::DataId;

/// Slices that are made at once: whole blocks. The more, the more of the coarser level is copied out of their way at last.
const SLICES: u32 = BLOCK_SIDE as u32;

/// The way of a volume to a finer level. Its slices are made behind the samples that it has, the last ones first, so that
/// it can be drawn as it was until the end.
#[derive(Debug)]
pub struct Growing {
    /// The level that it grows to.
    level: u32,
    /// The coarsest level that was there of it.
    held: u32,
    /// The ranges of the blocks that are made.
    blocks: BlockRanges,
    /// Slices that are not made yet: the first ones.
    left: u32,
}

impl ResidentVolume {
    /// No samples, and memory for those of a level of `layout`.
    ///
    /// # Errors
    /// [`ResidentError::NoSuchPlace`] when there is no such level.
    pub fn room(
        layout: &PyramidLayout,
        level: u32,
        sample_type: SampleType,
    ) -> Result<Samples, ResidentError> {
        let grid = layout.grid(level).ok_or(ResidentError::NoSuchPlace { level })?;
        let mut room = zeros(sample_type, 0);
        with_samples!(&mut room, samples => samples.reserve_exact(grid.len() as usize));
        Ok(room)
    }

    /// An empty volume for a level of `layout`, in memory that has room for a finer one too.
    ///
    /// # Errors
    /// [`ResidentError::NoSuchPlace`] when there is no such level.
    pub fn at_level_in(
        mut room: Samples,
        layout: &PyramidLayout,
        level: u32,
        rescale: Rescale,
    ) -> Result<Self, ResidentError> {
        let grid = layout.grid(level).ok_or(ResidentError::NoSuchPlace { level })?;
        with_samples!(&mut room, samples => {
            samples.clear();
            samples.resize(grid.len() as usize, Default::default());
        });
        Self::holding(layout, level, room, rescale)
    }

    /// Begins to make this volume one of the finer level `level`: linear between the samples that it has now. Until that is
    /// done it stays as it is, and takes nothing; [`ResidentVolume::samples`] has more behind its own.
    ///
    /// # Errors
    /// When there is no such level, it is not finer, or nothing came yet.
    pub fn grow(&mut self, level: u32) -> Result<Growing, ResidentError> {
        let held = self
            .coarsest_in(SampleBox::all(self.grid().dims()))
            .ok_or(ResidentError::NothingToRefine)?;
        let finer = *self
            .layout
            .grid(level)
            .ok_or(ResidentError::NoSuchPlace { level })?;
        if level >= self.level {
            return Err(ResidentError::TooFine {
                level: self.level,
                held: level,
            });
        }
        let len = finer.len() as usize;
        with_samples!(&mut self.samples, samples => {
            samples.reserve_exact(len.saturating_sub(samples.len()));
            samples.resize(len, Default::default());
        });
        Ok(Growing {
            level,
            held,
            blocks: BlockRanges::new(finer.dims(), self.samples.sample_type()),
            left: finer.dims()[2],
        })
    }

    /// Takes the level that was made.
    fn become_finer(&mut self, grown: &mut Growing) {
        self.id = DataId::next();
        self.level = grown.level;
        self.held = vec![grown.held; self.layout.brick_count(grown.level) as usize];
        std::mem::swap(&mut self.blocks, &mut grown.blocks);
        self.revision = 1;
        self.changes = Changes::default();
        self.changes.add(1, SampleBox::all(self.grid().dims()));
    }
}

impl Growing {
    /// Makes the next slices of `volume`, which is the one that grows; says whether there are more to make. The last step
    /// makes all that lie where the coarser samples are, and then `volume` is the finer one.
    pub fn step(&mut self, volume: &mut ResidentVolume) -> bool {
        if self.left == 0 {
            return false;
        }
        let levels = &volume.layout.levels()[self.level as usize..=volume.level as usize];
        let (Some(fine), Some(coarse)) = (levels.first(), levels.last()) else {
            return false;
        };
        let [nx, ny, _] = fine.dims();
        let own = coarse.len().div_ceil(u64::from(nx) * u64::from(ny));
        let before = |left: u32| left.saturating_sub(1) / SLICES * SLICES;
        let (bricks, takes) = (
            volume.layout.brick_counts(self.level).map(|n| n as usize),
            vec![true; volume.layout.brick_count(self.level) as usize],
        );
        let mut place = SampleBox::all(fine.dims());
        loop {
            place.start[2] = before(self.left);
            place.end[2] = self.left;
            let target = fill::Target {
                levels,
                bricks,
                takes: &takes,
                place,
            };
            with_samples!(&mut volume.samples, samples => fill_within(samples, &target));
            self.left = place.start[2];
            // The block before these reads the first of them, and is not made yet.
            place.start[2] += u32::from(self.left > 0);
            let blocks = &mut self.blocks;
            with_samples!(&volume.samples, samples => blocks.update(samples, place));
            if self.left == 0 {
                volume.become_finer(self);
                return false;
            }
            if u64::from(before(self.left)) >= own {
                return true;
            }
        }
    }
}

/// Makes the slices of `target.place` out of the coarser ones at the front of `samples`; those that lie where they are made
/// are taken out of the way.
fn fill_within<T: Sample>(samples: &mut [T], target: &fill::Target<'_>) {
    let [Some(fine), Some(coarse)] = [target.levels.first(), target.levels.last()]
        .map(|grid| grid.map(|grid| grid.dims().map(|n| n as usize)))
    else {
        return;
    };
    let last = target.place.end[2].saturating_sub(1) as usize;
    let needed = (fill::between(target.levels, 2, last).ceil() as usize + 1).min(coarse[2]);
    let source = fill::Source {
        start: [0; 3],
        extent: [coarse[0], coarse[1], needed],
    };
    let needed = coarse[0] * coarse[1] * needed;
    let (before, made) = samples.split_at_mut(target.place.start[2] as usize * fine[0] * fine[1]);
    match before.get(..needed) {
        Some(from) => fill::fill(made, from, source, target),
        None => {
            let from = [&*before, &made[..needed - before.len()]].concat();
            fill::fill(made, &from, source, target);
        }
    }
}
