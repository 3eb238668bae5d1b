//! Sections: a few neighboring planes of samples of level 0, cut out of its bricks and packed by themselves.
//!
//! Of their own because a plane on a screen needs a fraction of what the bricks hold that it passes through: a reader with
//! little of a large volume shows exact slices long before it has all bricks.

use std::fmt;
use std::str::FromStr;

use geometry::{DAffine3, DVec3, GridGeometry};
use parallel::prelude::*;
use volume::{BRICK_BORDER, BrickKey, Sample, SampleType, Samples, with_samples};

use super::{AssembleError, BrickEntry, PyramidHead};
use crate::{ArtifactError, packing};

const BORDER: usize = BRICK_BORDER as usize;

/// Planes of a section at most.
pub const MAX_PLANES: u32 = 4;

/// Which index is the same all over a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Across {
    /// The column.
    Columns,
    /// The row.
    Rows,
    /// The slice: planes as they were acquired.
    Slices,
}

impl Across {
    /// All, in the order of a grid's axes.
    pub const ALL: [Self; 3] = [Self::Columns, Self::Rows, Self::Slices];

    /// Its place among a grid's axes.
    pub fn axis(self) -> usize {
        self as usize
    }

    fn word(self) -> &'static str {
        match self {
            Self::Columns => "column",
            Self::Rows => "row",
            Self::Slices => "slice",
        }
    }
}

/// Names a section: neighboring planes of level 0. Written as `slice-211-2`: across slices, from the one with the index
/// 211 on, two planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Section {
    /// Which way its planes lie.
    pub across: Across,
    /// Index of the first plane.
    pub first: u32,
    /// How many planes, from 1 to [`MAX_PLANES`].
    pub count: u32,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.across.word(), self.first, self.count)
    }
}

/// What should name a section does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a section is written as `slice-211-2`, with 1 to 4 planes")]
pub struct NoSection;

impl FromStr for Section {
    type Err = NoSection;

    fn from_str(text: &str) -> Result<Self, NoSection> {
        let mut words = text.split('-');
        let word = words.next();
        let across = Across::ALL.into_iter().find(|across| Some(across.word()) == word);
        let mut number = || words.next()?.parse::<u32>().ok();
        match (across, number(), number(), words.next()) {
            (Some(across), Some(first), Some(count), None) if (1..=MAX_PLANES).contains(&count) => {
                Ok(Self { across, first, count })
            }
            _ => Err(NoSection),
        }
    }
}

impl PyramidHead {
    /// Where the samples of a section lie; its slices, rows and columns are those of the volume. `None` where the volume
    /// has no such planes.
    pub fn section_grid(&self, section: Section) -> Option<GridGeometry> {
        let finest = self.layout.finest();
        let axis = section.across.axis();
        let mut dims = finest.dims();
        let side = dims.get_mut(axis)?;
        let is_inside = section.count > 0
            && section.count <= MAX_PLANES
            && section.first.checked_add(section.count)? <= *side;
        *side = section.count;
        let start = DVec3::AXES.get(axis).copied()? * f64::from(section.first);
        let placed = finest.patient_from_voxel() * DAffine3::from_translation(start);
        is_inside.then(|| GridGeometry::new(dims, placed).ok()).flatten()
    }

    /// The bricks of level 0 that a section is cut out of; none where the volume has no such planes.
    pub fn bricks_of(&self, section: Section) -> impl Iterator<Item = BrickKey> + '_ {
        let is_there = self.section_grid(section).is_some();
        let bricks = self.layout.bricks(0).filter(move |_| is_there);
        bricks.filter(move |key| self.planes_in(*key, section).is_some())
    }

    /// The planes of a section that a brick holds, from the first of its core.
    fn planes_in(&self, key: BrickKey, section: Section) -> Option<std::ops::Range<usize>> {
        let axis = section.across.axis();
        let start = *self.layout.core_start(key).get(axis)?;
        let len = *self.layout.core(key)?.get(axis)?;
        let first = section.first.max(start);
        let end = section.first.saturating_add(section.count).min(start + len);
        (first < end).then(|| (first - start) as usize..(end - start) as usize)
    }

    /// The packed bytes of a section, for [`PyramidHead::decode_section`]. `read` gets the bytes of a brick; it is called
    /// from several threads.
    ///
    /// # Errors
    /// When the volume has no such planes, `read` fails, or a brick is damaged.
    pub fn cut_section<B, E, R>(&self, section: Section, read: R) -> Result<Vec<u8>, AssembleError<E>>
    where
        B: AsRef<[u8]>,
        E: Send,
        R: Fn(BrickKey, &BrickEntry) -> Result<B, E> + Sync,
    {
        let missing = || AssembleError::Brick(ArtifactError::NoSuchSection(section));
        self.section_grid(section).ok_or_else(missing)?;
        let keys: Vec<BrickKey> = self.bricks_of(section).collect();
        let parts = keys
            .into_par_iter()
            .map(|key| {
                let entry = self.entry(key).ok_or_else(missing)?;
                let bytes = read(key, entry).map_err(AssembleError::Read)?;
                let part = self.part(key, section, bytes.as_ref());
                part.map_err(AssembleError::Brick)
            })
            .collect::<Result<Vec<Part>, AssembleError<E>>>()?;
        self.packed(section, &parts).map_err(AssembleError::Brick)
    }

    /// What of a packed brick lies in a section.
    fn part(&self, key: BrickKey, section: Section, bytes: &[u8]) -> Result<Part, ArtifactError> {
        let brick = self.decode_brick(key, bytes)?;
        let place = self.place(key, section);
        let part = place.and_then(|place| {
            with_samples!(&brick, brick => {
                let samples = Sample::into_samples(place.taken_from(brick)?);
                Some(Part { start: place.start, size: place.size, samples })
            })
        });
        part.ok_or(ArtifactError::NoSuchSection(section))
    }

    /// Where a section and a brick meet.
    fn place(&self, key: BrickKey, section: Section) -> Option<Place> {
        let planes = self.planes_in(key, section)?;
        let axis = section.across.axis();
        let mut place = Place {
            extent: self.layout.extent(key)?.map(|n| n as usize),
            from: [BORDER; 3],
            start: self.layout.core_start(key).map(|n| n as usize),
            size: self.layout.core(key)?.map(|n| n as usize),
        };
        *place.from.get_mut(axis)? += planes.start;
        *place.size.get_mut(axis)? = planes.len();
        let at = place.start.get_mut(axis)?;
        *at = (*at + planes.start).checked_sub(section.first as usize)?;
        Some(place)
    }

    /// The parts of a section as a packed whole.
    fn packed(&self, section: Section, parts: &[Part]) -> Result<Vec<u8>, ArtifactError> {
        match self.sample_type {
            SampleType::U8 => self.packed_as::<u8>(section, parts),
            SampleType::I16 => self.packed_as::<i16>(section, parts),
            SampleType::U16 => self.packed_as::<u16>(section, parts),
            SampleType::I32 => self.packed_as::<i32>(section, parts),
            SampleType::U32 => self.packed_as::<u32>(section, parts),
            SampleType::F32 => self.packed_as::<f32>(section, parts),
        }
    }

    fn packed_as<T: Sample>(&self, section: Section, parts: &[Part]) -> Result<Vec<u8>, ArtifactError> {
        let missing = || ArtifactError::NoSuchSection(section);
        let dims = self.section_grid(section).ok_or_else(missing)?.dims();
        let dims = dims.map(|n| n as usize);
        let mut samples = vec![T::default(); dims.iter().product()];
        for part in parts {
            part.put(&mut samples, dims).ok_or_else(missing)?;
        }
        let mut bytes = Vec::new();
        packing::encode(&samples, dims, &mut bytes);
        Ok(bytes)
    }

    /// The samples of a section from its packed bytes, `[slice][row][column]` on [`PyramidHead::section_grid`].
    ///
    /// # Errors
    /// When the volume has no such planes, or `bytes` are not so many samples.
    pub fn decode_section(&self, section: Section, bytes: &[u8]) -> Result<Samples, ArtifactError> {
        let grid = self.section_grid(section);
        let dims = grid.ok_or(ArtifactError::NoSuchSection(section))?.dims();
        packing::decode_samples(self.sample_type, bytes, dims.map(|n| n as usize))
    }
}

/// Where a section and a brick meet, in columns, rows and slices.
struct Place {
    /// Samples of the brick with its border.
    extent: [usize; 3],
    /// The first of them that is in the section.
    from: [usize; 3],
    /// Where that lies in the section.
    start: [usize; 3],
    /// How many are in it.
    size: [usize; 3],
}

impl Place {
    /// The samples of a decoded brick that lie here.
    fn taken_from<T: Copy>(&self, brick: &[T]) -> Option<Vec<T>> {
        let [x, y, z] = self.from;
        let mut samples = Vec::with_capacity(self.size.iter().product());
        for slice in z..z + self.size[2] {
            for row in y..y + self.size[1] {
                let line = (slice * self.extent[1] + row) * self.extent[0] + x;
                samples.extend_from_slice(brick.get(line..line + self.size[0])?);
            }
        }
        Some(samples)
    }
}

/// Some samples of a section, and where in it they lie.
struct Part {
    start: [usize; 3],
    size: [usize; 3],
    samples: Samples,
}

impl Part {
    fn put<T: Sample>(&self, samples: &mut [T], dims: [usize; 3]) -> Option<()> {
        let mut lines = T::of_samples(&self.samples)?.chunks_exact(self.size[0]);
        for slice in self.start[2]..self.start[2] + self.size[2] {
            for row in self.start[1]..self.start[1] + self.size[1] {
                let at = (slice * dims[1] + row) * dims[0] + self.start[0];
                let line = samples.get_mut(at..at + self.size[0])?;
                line.copy_from_slice(lines.next()?);
            }
        }
        Some(())
    }
}
