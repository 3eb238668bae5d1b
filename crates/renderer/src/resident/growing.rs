//! A volume that becomes one of a finer level in the memory that it has.
//!
//! Of its own because a tab of a browser keeps what it once took: the array of a level that is shown for a while would
//! lie beside the finest one for good.

use volume::{PyramidLayout, Rescale, Sample, SampleType, Samples, with_samples};

use super::{BLOCK_SIDE, BlockRanges, Changes, EMPTY, ResidentError, ResidentVolume, SampleBox, fill, zeros};
use crate::DataId;

/// Slices that are made at once: whole blocks. The more, the more of the coarser level is kept aside for the last of them.
const SLICES: u32 = BLOCK_SIDE as u32;

/// A volume on its way to a finer level. It is none that could be drawn until all its slices are made.
#[derive(Debug)]
pub struct Growing {
    /// The finer one, whose array ends with the samples of the coarser one.
    volume: ResidentVolume,
    /// The level that it is made of.
    from: u32,
    /// The coarsest level that was there of it.
    held: u32,
    /// Slices that are made.
    made: u32,
    /// The last slices of the coarser level, once their place is needed, from the one with this index on.
    saved: Option<(usize, Samples)>,
}

impl ResidentVolume {
    /// An empty volume for a level of `layout`, in an array that has room for the level `finest` too.
    ///
    /// # Errors
    /// [`ResidentError::NoSuchPlace`] when there is no such level.
    pub fn at_level_with_room(
        layout: &PyramidLayout,
        level: u32,
        finest: u32,
        sample_type: SampleType,
        rescale: Rescale,
    ) -> Result<Self, ResidentError> {
        let missing = ResidentError::NoSuchPlace { level: finest };
        let room = layout.grid(finest).ok_or(missing)?;
        let held = layout.grid(level).ok_or(ResidentError::NoSuchPlace { level })?;
        // The room is taken once: a smaller array that is let go would stay beside it.
        let mut samples = zeros(sample_type, 0);
        with_samples!(&mut samples, samples => {
            samples.reserve_exact(room.len().max(held.len()) as usize);
            samples.resize(held.len() as usize, Default::default());
        });
        Self::holding(layout, level, samples, rescale)
    }

    /// Begins to make this volume one of the finer level `level`: linear between the samples that it has now.
    ///
    /// # Errors
    /// When there is no such level, it is not finer, or nothing came yet.
    pub fn grow(self, level: u32) -> Result<Growing, ResidentError> {
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
        let mut samples = self.samples;
        let len = finer.len() as usize;
        with_samples!(&mut samples, samples => {
            let coarse = samples.len();
            samples.reserve_exact(len.saturating_sub(coarse));
            samples.resize(len, Default::default());
            samples.copy_within(..coarse, len - coarse);
        });
        Ok(Growing {
            volume: Self {
                id: DataId::next(),
                revision: 0,
                level,
                rescale: self.rescale,
                samples,
                held: vec![EMPTY; self.layout.brick_count(level) as usize],
                blocks: BlockRanges::new(finer.dims()),
                changes: Changes::default(),
                layout: self.layout,
            },
            from: self.level,
            held,
            made: 0,
            saved: None,
        })
    }
}

impl Growing {
    /// Makes the next slices; says whether there are more to make.
    pub fn step(&mut self) -> bool {
        let dims = self.volume.grid().dims();
        let mut place = SampleBox::all(dims);
        place.start[2] = self.made;
        place.end[2] = self.made.saturating_add(SLICES).min(dims[2]);
        let (levels, bricks) = (
            &self.volume.layout,
            self.volume.layout.brick_counts(self.volume.level),
        );
        let levels = &levels.levels()[self.volume.level as usize..=self.from as usize];
        let takes = vec![true; self.volume.held.len()];
        let target = fill::Target {
            levels,
            bricks: bricks.map(|n| n as usize),
            takes: &takes,
            place,
        };
        with_samples!(&mut self.volume.samples, samples => fill_within(samples, &mut self.saved, &target));
        self.made = place.end[2];
        let is_last = self.made == dims[2];
        // A block reads the first slice of the next one, which is not made yet.
        if !is_last {
            place.end[2] -= BLOCK_SIDE as u32;
        }
        let blocks = &mut self.volume.blocks;
        with_samples!(&self.volume.samples, samples => blocks.update(samples, place));
        !is_last
    }

    /// The finer volume, after what is left to make.
    pub fn into_volume(mut self) -> ResidentVolume {
        while self.made < self.volume.grid().dims()[2] {
            self.step();
        }
        let mut volume = self.volume;
        volume.held.fill(self.held);
        volume.revision = 1;
        volume.changes.add(1, SampleBox::all(volume.grid().dims()));
        volume
    }
}

/// Makes the slices of `target.place` at the front of `samples` out of the coarser ones at its end. These are taken out of
/// the way when what is made comes near to them.
fn fill_within<T: Sample>(
    samples: &mut [T],
    saved: &mut Option<(usize, Samples)>,
    target: &fill::Target<'_>,
) {
    let [Some(fine), Some(coarse)] = [target.levels.first(), target.levels.last()]
        .map(|grid| grid.map(|grid| grid.dims().map(|n| n as usize)))
    else {
        return;
    };
    let len_of_slice = coarse[0] * coarse[1];
    let first = fill::between(target.levels, 2, target.place.start[2] as usize).floor() as usize;
    let first_at = samples.len() - (coarse[2] - first) * len_of_slice;
    let end = target.place.end[2] as usize * fine[0] * fine[1];
    if saved.is_none() && first_at < end {
        *saved = Some((first, T::into_samples(samples[first_at..].to_vec())));
    }
    let (made, rest) = samples.split_at_mut(end);
    let (first, from) = match saved {
        Some((first, saved)) => (*first, T::of_samples(saved).unwrap_or_default()),
        None => (first, &rest[first_at - end..]),
    };
    let source = fill::Source {
        start: [0, 0, first as i64],
        extent: [coarse[0], coarse[1], coarse[2] - first],
    };
    fill::fill(made, from, source, target);
}
