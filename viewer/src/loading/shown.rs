//! The volumes of a pyramid on its way: which one is drawn, and which one is made to take its place.
//!
//! Of its own because memory decides here: a small volume is shown first, the one in between has the room that the finest
//! one needs, and grows into it while it is drawn.

use std::convert::Infallible;

use artifact::pyramid::{AssembleError, PyramidHead, Section};
use renderer::{Growing, ResidentError, ResidentVolume, SampleBox};
use volume::{BrickKey, Samples};

use super::LoadingError;

/// Samples of the levels that are shown before the finest one, at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    /// Of the first: so few that they are there, and drawn, in a moment.
    pub(super) first: u64,
    /// Of the one in between: what a picture in space needs.
    pub(super) middle: u64,
}

impl Steps {
    pub(super) const OF_A_SCREEN: Self = Self {
        first: 2_000_000,
        middle: 32_000_000,
    };
}

#[derive(Debug)]
pub(super) struct Shown {
    pub(super) head: PyramidHead,
    /// The level that is shown in the end.
    pub(super) finest: u32,
    /// The level that is shown in space before; the same where the finest one is small.
    pub(super) middle: u32,
    /// The level that is shown first.
    first: u32,
    /// Memory for the finest level, until a volume is made in it. It is taken before all else, for what is let go on both
    /// sides of it would never be one place.
    room: Option<Samples>,
    /// What is drawn.
    pub(super) volume: ResidentVolume,
    /// What takes its place when nothing of it is a hole.
    next: Option<Next>,
}

/// A volume that is being made.
#[derive(Debug)]
enum Next {
    /// Filled from the one that is drawn, a layer of bricks after the other; and the next layer.
    Filling(ResidentVolume, u32),
    /// Of the finest level, made of the one in between, which is drawn.
    Growing(Growing),
}

impl Shown {
    pub(super) fn new(head: PyramidHead, budget_bytes: u64, steps: Steps) -> Result<Self, LoadingError> {
        let layout = head.layout();
        let finest = ResidentVolume::finest_within(layout, head.sample_type(), budget_bytes)?;
        let levels = layout.levels().len() as u32;
        let first_within = |samples: u64| {
            let is_small = |level: &u32| layout.grid(*level).is_some_and(|grid| grid.len() <= samples);
            let found = (finest..levels).find(is_small);
            found.unwrap_or(levels.saturating_sub(1))
        };
        let (first, middle) = (first_within(steps.first), first_within(steps.middle));
        let room = (first > finest).then(|| ResidentVolume::room(layout, finest, head.sample_type()));
        let room = room.transpose()?;
        let volume = ResidentVolume::at_level(layout, first, head.sample_type(), head.rescale().clone())?;
        Ok(Self {
            head,
            finest,
            middle,
            first,
            room,
            volume,
            next: None,
        })
    }

    /// The levels that are looked at, coarsest first.
    pub(super) fn levels(&self) -> Vec<u32> {
        let coarsest = (self.head.layout().levels().len() as u32).saturating_sub(1);
        let mut levels = vec![coarsest, self.first, self.middle, self.finest];
        levels.dedup();
        levels
    }

    /// Whether the volume that is shown first is whole, or a finer one is there.
    pub(super) fn has_begun(&self) -> bool {
        self.volume.level() < self.first || self.volume.is_complete()
    }

    pub(super) fn is_growing(&self) -> bool {
        matches!(self.next, Some(Next::Growing(_)))
    }

    /// The volume of the finest level, where bricks can be placed in it.
    pub(super) fn finest_volume(&self) -> Option<&ResidentVolume> {
        let volume = match &self.next {
            Some(Next::Filling(volume, _)) => volume,
            _ => &self.volume,
        };
        (volume.level() == self.finest).then_some(volume)
    }

    /// Goes one step on with making the next finer volume, and shows it after the last one; says whether there was
    /// something to do.
    pub(super) fn refine(&mut self) -> Result<bool, LoadingError> {
        match self.next.take() {
            Some(Next::Filling(volume, layer)) => self.fill(volume, layer)?,
            Some(Next::Growing(mut growing)) => {
                if growing.step(&mut self.volume) {
                    self.next = Some(Next::Growing(growing));
                }
            }
            None if self.volume.level() == self.finest || !self.volume.is_complete() => return Ok(false),
            None if self.volume.level() < self.first => {
                self.next = Some(Next::Growing(self.volume.grow(self.finest)?));
            }
            None => {
                let finer = self.finer()?;
                self.fill(finer, 0)?;
            }
        }
        Ok(true)
    }

    /// An empty volume for what is shown after the first one.
    fn finer(&mut self) -> Result<ResidentVolume, ResidentError> {
        let level = if self.middle < self.first {
            self.middle
        } else {
            self.finest
        };
        let (layout, rescale) = (self.head.layout(), self.head.rescale().clone());
        match self.room.take() {
            Some(room) => ResidentVolume::at_level_in(room, layout, level, rescale),
            None => ResidentVolume::at_level(layout, level, self.head.sample_type(), rescale),
        }
    }

    /// Fills in a layer of what is shown next.
    fn fill(&mut self, mut finer: ResidentVolume, layer: u32) -> Result<(), LoadingError> {
        finer.put_layer(self.first, self.volume.samples(), layer)?;
        if layer + 1 < finer.layers() {
            self.next = Some(Next::Filling(finer, layer + 1));
            return Ok(());
        }
        self.volume = finer;
        Ok(())
    }

    /// The level of the finest volume that takes bricks now.
    fn taken(&self) -> Option<u32> {
        match &self.next {
            Some(Next::Filling(volume, _)) => Some(volume.level()),
            Some(Next::Growing(_)) => None,
            None => Some(self.volume.level()),
        }
    }

    /// Takes a brick, or the whole level that is shown before any other.
    pub(super) fn place(&mut self, key: BrickKey, bytes: &[u8]) -> Result<(), LoadingError> {
        if self.volume.is_empty() {
            // The coarsest level is one brick, and comes first.
            let level = self
                .head
                .assemble_level(key.level, |_, _| Ok::<_, Infallible>(bytes))
                .map_err(|error| match error {
                    AssembleError::Brick(error) => error,
                    AssembleError::Read(never) => match never {},
                })?;
            self.volume.put_level(key.level, &level.into_samples())?;
            return Ok(());
        }
        // What is finer than all that is there waits for nobody.
        while self.taken().is_none_or(|level| key.level < level) && self.refine()? {}
        let samples = self.head.decode_brick(key, bytes)?;
        let volume = match &mut self.next {
            Some(Next::Filling(volume, _)) if key.level < self.first => volume,
            _ => &mut self.volume,
        };
        volume.put_brick(key, &samples)?;
        Ok(())
    }

    /// The samples of level 0 that a section is cut out of.
    pub(super) fn samples_of(&self, section: Section) -> SampleBox {
        let mut place = SampleBox::all(self.head.layout().finest().dims());
        let axis = section.across.axis();
        place.start[axis] = section.first;
        place.end[axis] = section.first + section.count;
        place
    }

    /// Whether the volume holds planes of level 0 as they are.
    pub(super) fn has(&self, section: Section) -> bool {
        let finest = self.finest_volume().filter(|volume| volume.level() == 0);
        finest.is_some_and(|volume| volume.coarsest_in(self.samples_of(section)) == Some(0))
    }
}
