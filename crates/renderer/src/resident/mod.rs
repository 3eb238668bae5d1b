//! A volume as a renderer holds it: one dense array that fills while the pyramid streams in.
//!
//! Of its own because every back end draws from it and every measure is read from it: the finest level that fits a
//! budget, in stored values, exact where that level has come and upsampled from coarser ones elsewhere, so that nothing is
//! ever a hole. Beside the samples lie the ranges of small blocks ([`BlockRanges`]), from which back ends tell where
//! there is nothing to see.

mod blocks;
mod changes;
mod fill;
mod growing;

use geometry::{DVec3, GridGeometry};
use volume::{
    BRICK_BORDER, BRICK_SIDE, BrickKey, PyramidLayout, Rescale, Sample, SampleType, Samples, with_samples,
};

pub use blocks::{BLOCK_SIDE, BlockRanges};
pub use changes::SampleBox;
pub use growing::Growing;

use crate::DataId;
use changes::Changes;

/// Why samples are not taken into a resident volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResidentError {
    /// The array has another length than its place.
    #[error("{expected} samples were expected and {actual} came")]
    WrongLength {
        /// Samples of the place.
        expected: u64,
        /// Samples given.
        actual: u64,
    },
    /// The samples have another type than the volume.
    #[error("samples of the type {expected:?} were expected and {actual:?} came")]
    WrongType {
        /// Type of the volume.
        expected: SampleType,
        /// Type given.
        actual: SampleType,
    },
    /// There is no such level or brick.
    #[error("the volume has no such place on level {level}")]
    NoSuchPlace {
        /// The level asked for.
        level: u32,
    },
    /// The level is finer than the one that fits the budget.
    #[error("level {level} is finer than level {held}, which is held")]
    TooFine {
        /// The level given.
        level: u32,
        /// The level held.
        held: u32,
    },
    /// A brick came before any whole level.
    #[error("a brick came before a whole level")]
    NothingToRefine,
    /// Not even the coarsest level fits.
    #[error("the coarsest level needs {needed} bytes, more than the {budget} that are allowed")]
    Budget {
        /// Bytes of the coarsest level.
        needed: u64,
        /// Bytes allowed.
        budget: u64,
    },
}

/// A volume as a renderer holds it. Long-lived: an application owns it, scenes borrow it, back ends keep what they
/// derive from it by [`ResidentVolume::id`] and [`ResidentVolume::revision`].
#[derive(Debug)]
pub struct ResidentVolume {
    id: DataId,
    revision: u64,
    layout: PyramidLayout,
    level: u32,
    rescale: Rescale,
    samples: Samples,
    /// The level that each brick of the dense array holds, columns first; [`EMPTY`] before any came.
    held: Vec<u32>,
    blocks: BlockRanges,
    changes: Changes,
}

/// Marks a brick that holds nothing.
const EMPTY: u32 = u32::MAX;

impl ResidentVolume {
    /// A volume of which everything is there: stored values `[slice][row][column]`.
    ///
    /// # Errors
    /// [`ResidentError::WrongLength`] when `samples` are not as many as the grid has places.
    pub fn dense(grid: GridGeometry, samples: Samples, rescale: Rescale) -> Result<Self, ResidentError> {
        check_length(grid.len(), &samples)?;
        let layout = PyramidLayout::new(grid);
        let held = vec![0; layout.brick_count(0) as usize];
        let mut blocks = BlockRanges::new(grid.dims(), samples.sample_type());
        with_samples!(&samples, samples => blocks.update(samples, SampleBox::all(grid.dims())));
        Ok(Self {
            id: DataId::next(),
            revision: 0,
            layout,
            level: 0,
            rescale,
            samples,
            held,
            blocks,
            changes: Changes::default(),
        })
    }

    /// An empty volume for the finest level of `layout` whose dense array, with its block ranges, fits
    /// `budget_bytes`.
    ///
    /// # Errors
    /// [`ResidentError::Budget`] when not even the coarsest level fits.
    pub fn streaming(
        layout: &PyramidLayout,
        sample_type: SampleType,
        rescale: Rescale,
        budget_bytes: u64,
    ) -> Result<Self, ResidentError> {
        let level = Self::finest_within(layout, sample_type, budget_bytes)?;
        Self::at_level(layout, level, sample_type, rescale)
    }

    /// The finest level whose dense array, with its block ranges, fits `budget_bytes`.
    ///
    /// # Errors
    /// [`ResidentError::Budget`] when not even the coarsest level fits.
    pub fn finest_within(
        layout: &PyramidLayout,
        sample_type: SampleType,
        budget_bytes: u64,
    ) -> Result<u32, ResidentError> {
        let needed = |grid: &GridGeometry| {
            grid.len().saturating_mul(sample_type.size() as u64)
                + BlockRanges::bytes_of(grid.dims(), sample_type)
        };
        let levels = layout.levels();
        let fits = levels.iter().position(|grid| needed(grid) <= budget_bytes);
        fits.map(|level| level as u32).ok_or(ResidentError::Budget {
            needed: levels.last().map_or(0, needed),
            budget: budget_bytes,
        })
    }

    /// An empty volume for a level of `layout`.
    ///
    /// # Errors
    /// [`ResidentError::NoSuchPlace`] when there is no such level.
    pub fn at_level(
        layout: &PyramidLayout,
        level: u32,
        sample_type: SampleType,
        rescale: Rescale,
    ) -> Result<Self, ResidentError> {
        let grid = layout.grid(level).ok_or(ResidentError::NoSuchPlace { level })?;
        let samples = zeros(sample_type, grid.len() as usize);
        Self::holding(layout, level, samples, rescale)
    }

    /// An empty volume for a level of `layout` with its array.
    fn holding(
        layout: &PyramidLayout,
        level: u32,
        samples: Samples,
        rescale: Rescale,
    ) -> Result<Self, ResidentError> {
        let grid = layout.grid(level).ok_or(ResidentError::NoSuchPlace { level })?;
        let blocks = BlockRanges::new(grid.dims(), samples.sample_type());
        Ok(Self {
            id: DataId::next(),
            revision: 0,
            level,
            rescale,
            samples,
            held: vec![EMPTY; layout.brick_count(level) as usize],
            blocks,
            changes: Changes::default(),
            layout: layout.clone(),
        })
    }

    /// Takes a whole level, `[slice][row][column]`, into every brick that holds nothing finer: as it is where it is the
    /// level that is held, else linear between its samples.
    ///
    /// # Errors
    /// When there is no such level, it is finer than what is held, or the samples are not of its size or type.
    pub fn put_level(&mut self, level: u32, samples: &Samples) -> Result<(), ResidentError> {
        let grid = *self
            .layout
            .grid(level)
            .ok_or(ResidentError::NoSuchPlace { level })?;
        self.put_of_level(level, &grid, samples, SampleBox::all(self.grid().dims()))
    }

    /// As [`ResidentVolume::put_level`], for one layer of bricks only, from 0 at the first slice: so that a whole level
    /// can be taken in steps.
    ///
    /// # Errors
    /// As [`ResidentVolume::put_level`]; and when there is no such layer.
    pub fn put_layer(&mut self, level: u32, samples: &Samples, layer: u32) -> Result<(), ResidentError> {
        let missing = ResidentError::NoSuchPlace { level };
        let grid = *self.layout.grid(level).ok_or(missing)?;
        let mut place = SampleBox::all(self.grid().dims());
        let slices = place.end[2];
        place.start[2] = layer.saturating_mul(BRICK_SIDE);
        place.end[2] = place.start[2].saturating_add(BRICK_SIDE).min(slices);
        if place.start[2] >= slices {
            return Err(missing);
        }
        self.put_of_level(level, &grid, samples, place)
    }

    /// How many layers of bricks the dense array has.
    pub fn layers(&self) -> u32 {
        self.grid().dims()[2].div_ceil(BRICK_SIDE)
    }

    fn put_of_level(
        &mut self,
        level: u32,
        grid: &GridGeometry,
        samples: &Samples,
        place: SampleBox,
    ) -> Result<(), ResidentError> {
        self.check(level, samples)?;
        check_length(grid.len(), samples)?;
        let source = fill::Source {
            start: [0; 3],
            extent: grid.dims().map(|n| n as usize),
        };
        self.put(level, samples, source, place);
        Ok(())
    }

    /// Takes a brick with its border, as it is decoded: exact where its level is the one that is held, else linear
    /// between its samples in every brick that holds something coarser.
    ///
    /// # Errors
    /// When there is no such brick, it is finer than what is held, its samples are not of its size or type, or no level
    /// came before it.
    pub fn put_brick(&mut self, key: BrickKey, samples: &Samples) -> Result<(), ResidentError> {
        let missing = ResidentError::NoSuchPlace { level: key.level };
        let extent = self.layout.extent(key).ok_or(missing)?;
        let core = self.layout.core(key).ok_or(missing)?;
        self.check(key.level, samples)?;
        check_length(extent.iter().map(|&n| u64::from(n)).product(), samples)?;
        if self.is_empty() {
            return Err(ResidentError::NothingToRefine);
        }
        let start = self.layout.core_start(key);
        let source = fill::Source {
            start: start.map(|n| i64::from(n) - i64::from(BRICK_BORDER)),
            extent: extent.map(|n| n as usize),
        };
        let dims = self.grid().dims();
        let place = self.place_of(key.level, start, core);
        let place = SampleBox {
            start: place.start,
            end: std::array::from_fn(|axis| place.end[axis].min(dims[axis])),
        };
        self.put(key.level, samples, source, place);
        Ok(())
    }

    /// The samples of the held level that a box of a coarser one stands for.
    fn place_of(&self, level: u32, start: [u32; 3], size: [u32; 3]) -> SampleBox {
        let mut place = SampleBox {
            start,
            end: std::array::from_fn(|axis| start[axis] + size[axis]),
        };
        for finer in (self.level..level).rev() {
            let dims = self.layout.levels()[finer as usize].dims();
            for (axis, &len) in dims.iter().enumerate() {
                if len > 1 {
                    place.start[axis] *= 2;
                    place.end[axis] = (place.end[axis] * 2).min(len);
                }
            }
        }
        place
    }

    fn put(&mut self, level: u32, samples: &Samples, source: fill::Source, place: SampleBox) {
        let levels = &self.layout.levels()[self.level as usize..=level as usize];
        let bricks = self.layout.brick_counts(self.level);
        let takes: Vec<bool> = self
            .held
            .iter()
            .map(|&held| held > level || (held == level && level == self.level))
            .collect();
        let target = fill::Target {
            levels,
            bricks: bricks.map(|n| n as usize),
            takes: &takes,
            place,
        };
        copy(&mut self.samples, samples, source, &target);
        with_samples!(&self.samples, samples => self.blocks.update(samples, place));
        let side = BRICK_SIDE as usize;
        let [bx, by, _] = bricks.map(|n| n as usize);
        for (index, held) in self.held.iter_mut().enumerate() {
            let brick = [index % bx, index / bx % by, index / bx / by];
            let inside = (0..3).all(|axis| {
                let at = (brick[axis] * side) as u32;
                (place.start[axis]..place.end[axis]).contains(&at)
            });
            if inside && takes[index] {
                *held = level;
            }
        }
        self.revision += 1;
        self.changes.add(self.revision, place);
    }

    fn check(&self, level: u32, samples: &Samples) -> Result<(), ResidentError> {
        if level < self.level {
            let held = self.level;
            return Err(ResidentError::TooFine { level, held });
        }
        let (expected, actual) = (self.samples.sample_type(), samples.sample_type());
        if expected != actual {
            return Err(ResidentError::WrongType { expected, actual });
        }
        Ok(())
    }

    /// Tells this volume from every other one.
    pub fn id(&self) -> DataId {
        self.id
    }

    /// Rises with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The level of the pyramid that the dense array stands for; 0 is the finest.
    pub fn level(&self) -> u32 {
        self.level
    }

    /// Where the samples lie.
    pub fn grid(&self) -> &GridGeometry {
        &self.layout.levels()[self.level as usize]
    }

    /// Stored values `[slice][row][column]`; zeros before a level came. While a volume grows there are more behind them.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Stored values to meaningful ones.
    pub fn rescale(&self) -> &Rescale {
        &self.rescale
    }

    /// The ranges of small blocks; all empty before a level came.
    pub fn blocks(&self) -> &BlockRanges {
        &self.blocks
    }

    /// The level that a brick of the dense array holds now, by its place among bricks of 64 samples; `None` before any
    /// came, or outside.
    pub fn level_at(&self, [x, y, z]: [u32; 3]) -> Option<u32> {
        let key = BrickKey {
            level: self.level,
            x,
            y,
            z,
        };
        let held = *self.held.get(self.layout.index(key)?)?;
        (held != EMPTY).then_some(held)
    }

    /// The coarsest level of what lies in a box of the dense array's samples; `None` where a brick of it holds nothing, or
    /// the box is none of the array's.
    pub fn coarsest_in(&self, place: SampleBox) -> Option<u32> {
        let first = place.start.map(|n| n / BRICK_SIDE);
        let end = place.end.map(|n| n.div_ceil(BRICK_SIDE));
        let mut coarsest = self.level;
        for z in first[2]..end[2] {
            for y in first[1]..end[1] {
                for x in first[0]..end[0] {
                    coarsest = coarsest.max(self.level_at([x, y, z])?);
                }
            }
        }
        Some(coarsest)
    }

    /// Whether nothing came so far.
    pub fn is_empty(&self) -> bool {
        // The first level that comes fills every brick.
        self.held.first().is_none_or(|&held| held == EMPTY)
    }

    /// Whether every brick holds the level of the dense array.
    pub fn is_complete(&self) -> bool {
        self.held.iter().all(|&held| held == self.level)
    }

    /// The part of the bricks that hold the level of the dense array, 0 to 1.
    pub fn resident_fraction(&self) -> f64 {
        let there = self.held.iter().filter(|&&held| held == self.level).count();
        there as f64 / self.held.len().max(1) as f64
    }

    /// Bytes of the samples and what lies beside them.
    pub fn resident_bytes(&self) -> u64 {
        let samples = self.samples.len() as u64 * self.samples.sample_type().size() as u64;
        samples + BlockRanges::bytes_of(self.grid().dims(), self.samples.sample_type())
    }

    /// The boxes of samples that changed after `revision`; they may overlap and cover more than what changed.
    pub fn changed_since(&self, revision: u64) -> Vec<SampleBox> {
        if revision >= self.revision {
            return Vec::new();
        }
        self.changes
            .since(revision)
            .unwrap_or_else(|| vec![SampleBox::all(self.grid().dims())])
    }

    /// The stored value at whole indexes (column, row, slice) of the dense array; `None` outside, or before a level
    /// came.
    pub fn stored_at(&self, [x, y, z]: [u32; 3]) -> Option<f64> {
        let [nx, ny, nz] = self.grid().dims();
        if x >= nx || y >= ny || z >= nz || self.is_empty() {
            return None;
        }
        let index = (z as usize * ny as usize + y as usize) * nx as usize + x as usize;
        Some(with_samples!(&self.samples, samples => samples[index].to_f64()))
    }

    /// The stored value at (column, row, slice), linear between the eight samples around it. Up to half a voxel beyond
    /// the outermost centers the value of the border holds; farther out, and before a level came, there is none.
    pub fn stored_at_voxel(&self, p_in_voxel: DVec3) -> Option<f64> {
        let dims = self.grid().dims();
        let p = p_in_voxel.to_array();
        let inside = (0..3).all(|axis| p[axis] >= -0.5 && p[axis] <= f64::from(dims[axis]) - 0.5);
        if !inside || self.is_empty() {
            return None;
        }
        let dims = dims.map(|n| n as usize);
        Some(with_samples!(&self.samples, samples => trilinear(samples, dims, p)))
    }

    /// The meaningful value at a point in the patient (LPS, mm), linear between samples; `None` outside the volume, or
    /// before a level came.
    pub fn value_at_mm(&self, p_in_patient_mm: DVec3) -> Option<f64> {
        let p_in_voxel = self.grid().voxel_from_patient().transform_point3(p_in_patient_mm);
        Some(self.rescale.value(self.stored_at_voxel(p_in_voxel)?))
    }

    /// As [`ResidentVolume::value_at_mm`], and `None` too where a sample that the value is mixed from is not yet there in
    /// the level of the dense array.
    pub fn exact_at_mm(&self, p_in_patient_mm: DVec3) -> Option<f64> {
        let p = self
            .grid()
            .voxel_from_patient()
            .transform_point3(p_in_patient_mm)
            .to_array();
        let dims = self.grid().dims();
        let around = SampleBox {
            start: std::array::from_fn(|axis| (p[axis].floor().max(0.0) as u32).min(dims[axis] - 1)),
            end: std::array::from_fn(|axis| (p[axis].ceil().max(0.0) as u32).min(dims[axis] - 1) + 1),
        };
        let is_exact = self.coarsest_in(around) == Some(self.level);
        is_exact.then(|| self.value_at_mm(p_in_patient_mm)).flatten()
    }
}

fn check_length(expected: u64, samples: &Samples) -> Result<(), ResidentError> {
    let actual = samples.len() as u64;
    if expected == actual {
        Ok(())
    } else {
        Err(ResidentError::WrongLength { expected, actual })
    }
}

fn zeros(sample_type: SampleType, len: usize) -> Samples {
    match sample_type {
        SampleType::U8 => Samples::U8(vec![0; len]),
        SampleType::I16 => Samples::I16(vec![0; len]),
        SampleType::U16 => Samples::U16(vec![0; len]),
        SampleType::I32 => Samples::I32(vec![0; len]),
        SampleType::U32 => Samples::U32(vec![0; len]),
        SampleType::F32 => Samples::F32(vec![0.0; len]),
    }
}

/// Samples of one type into samples of the same type; [`ResidentVolume::check`] makes sure of it.
fn copy(into: &mut Samples, from: &Samples, source: fill::Source, target: &fill::Target<'_>) {
    match (into, from) {
        (Samples::U8(into), Samples::U8(from)) => copy_of(into, from, source, target),
        (Samples::I16(into), Samples::I16(from)) => copy_of(into, from, source, target),
        (Samples::U16(into), Samples::U16(from)) => copy_of(into, from, source, target),
        (Samples::I32(into), Samples::I32(from)) => copy_of(into, from, source, target),
        (Samples::U32(into), Samples::U32(from)) => copy_of(into, from, source, target),
        (Samples::F32(into), Samples::F32(from)) => copy_of(into, from, source, target),
        _ => {}
    }
}

fn copy_of<T: Sample>(into: &mut [T], from: &[T], source: fill::Source, target: &fill::Target<'_>) {
    let dims = target.levels.first().map_or([0; 3], GridGeometry::dims);
    let first = target.place.start[2] as usize * dims[0] as usize * dims[1] as usize;
    fill::fill(&mut into[first..], from, source, target);
}

/// Linear between the eight samples around a place, which is held inside the array.
pub(crate) fn trilinear<T: Sample>(samples: &[T], dims: [usize; 3], p: [f64; 3]) -> f64 {
    let mut low = [0; 3];
    let mut high = [0; 3];
    let mut part = [0.0; 3];
    for axis in 0..3 {
        let last = dims[axis] - 1;
        let clamped = p[axis].max(0.0).min(last as f64);
        low[axis] = (clamped as usize).min(last);
        high[axis] = (low[axis] + 1).min(last);
        part[axis] = clamped - low[axis] as f64;
    }
    let at = |x: usize, y: usize, z: usize| samples[(z * dims[1] + y) * dims[0] + x].to_f64();
    let along_x = |y: usize, z: usize| mix(at(low[0], y, z), at(high[0], y, z), part[0]);
    let along_y = |z: usize| mix(along_x(low[1], z), along_x(high[1], z), part[1]);
    mix(along_y(low[2]), along_y(high[2]), part[2])
}

/// `a` at 0, `b` at 1. A neighbor without weight is not touched, so that its NaN or infinity stays its own.
pub(crate) fn mix(a: f64, b: f64, part: f64) -> f64 {
    if part == 0.0 { a } else { a + (b - a) * part }
}

#[cfg(test)]
mod tests;
