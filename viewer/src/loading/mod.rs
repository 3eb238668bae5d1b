//! From the bytes of a stored pyramid, in whatever pieces they arrive, to a volume that gets sharper.
//!
//! What is seen is complete in steps. First comes a small volume of a coarse level, which is there and drawn in a moment.
//! Then comes one that is as fine as a picture in space needs, and meanwhile the planes on the screen by themselves, exact
//! (`Loading::section`). When it is whole it grows to the finest level in the memory that it has, and the bricks of that
//! are last, those around the crosshair first. A value is told only where it is exact.

mod arriving;
mod exact;
mod shown;

use std::cell::Cell;
use std::ops::Range;

use artifact::ArtifactError;
use artifact::pyramid::{BrickObject, PyramidHead, Section};
use geometry::{DVec3, GridGeometry};
use renderer::{DataId, RegionValues, ResidentError, ResidentVolume, SampleBox, SlicePlane, region_values};
use volume::BrickKey;

use arriving::Arriving;
use exact::{Exact, section_of};
use shown::{Shown, Steps};

/// Why a stored volume cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum LoadingError {
    /// The bytes are damaged.
    #[error("the volume cannot be read")]
    Artifact(#[from] ArtifactError),
    /// There is no room for it.
    #[error("the volume cannot be shown")]
    Volume(#[from] ResidentError),
    /// An object ended too early.
    #[error("the {object} of the volume ended after {len} of {expected} bytes")]
    Short {
        /// Which one.
        object: &'static str,
        /// Bytes that came.
        len: u64,
        /// Bytes that it has.
        expected: u64,
    },
}

/// How much of a stored volume is needed to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Bytes from the head's start.
    pub head_len: u64,
    /// Bytes of the body: none where only a coarser level fits the budget.
    pub body_len: u64,
}

/// Bytes of the body that are asked for at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Which.
    pub bytes: Range<u64>,
    /// The middle of each of its bricks, patient mm.
    middles_mm: Vec<DVec3>,
}

impl Run {
    /// How far from a point its nearest brick is, mm.
    fn distance_mm(&self, p_mm: DVec3) -> f64 {
        let distances = self.middles_mm.iter().map(|middle| middle.distance(p_mm));
        distances.fold(f64::INFINITY, f64::min)
    }
}

/// Takes the run out of `runs` whose bricks are nearest to a point.
pub fn nearest_run(runs: &mut Vec<Run>, p_mm: DVec3) -> Option<Run> {
    let near = |run: &Run| run.distance_mm(p_mm);
    let (index, _) = runs
        .iter()
        .enumerate()
        .min_by(|(_, a), (_, b)| near(a).total_cmp(&near(b)))?;
    Some(runs.remove(index))
}

/// What a picture of a plane is drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// Its samples.
    pub volume: &'a ResidentVolume,
    /// The coarsest level of what the picture shows of it; 0 is as it was acquired.
    pub level: u32,
    /// Tells it from what the same plane was drawn from before.
    pub source: Source,
}

/// Where the samples of a picture are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Planes that came by themselves.
    Section(DataId),
    /// The volume.
    Volume,
}

/// Bytes of a run, about.
const RUN_BYTES: u64 = 4 << 20;

/// A pyramid on its way. Feed it the head from its start, then the body in runs; the volume shows from the coarsest level
/// on, and bytes are let go as soon as their bricks are placed.
///
/// A large volume is first shown as a coarse one of its own: to fill in all of the fine one would keep the first picture
/// waiting. [`Loading::refine`] makes finer ones of it step by step, which take its place when nothing of them is a hole.
#[derive(Debug)]
pub struct Loading {
    budget_bytes: u64,
    steps: Steps,
    head_bytes: Arriving,
    body_bytes: Arriving,
    shown: Option<Shown>,
    /// Planes that are not yet in the volume, by the axis that they lie across.
    exact: [Option<Exact>; 3],
}

impl Loading {
    /// Nothing yet; the volume may take `budget_bytes` of memory, and is shown from the finest level that fits.
    pub fn new(budget_bytes: u64) -> Self {
        Self::in_steps(budget_bytes, Steps::OF_A_SCREEN)
    }

    fn in_steps(budget_bytes: u64, steps: Steps) -> Self {
        Self {
            budget_bytes,
            steps,
            head_bytes: Arriving::default(),
            body_bytes: Arriving::default(),
            shown: None,
            exact: [None, None, None],
        }
    }

    /// The volume with what came so far, coarser first than in the end; `None` until the index is there.
    pub fn volume(&self) -> Option<&ResidentVolume> {
        self.shown.as_ref().map(|shown| &shown.volume)
    }

    /// What is known of the volume besides its samples; `None` until the index is there.
    pub fn head(&self) -> Option<&PyramidHead> {
        self.shown.as_ref().map(|shown| &shown.head)
    }

    /// The volume when all of it is there.
    pub fn complete(&self) -> Option<&ResidentVolume> {
        self.volume()
            .filter(|volume| volume.is_complete() && Some(volume.level()) == self.level())
    }

    /// The level that is shown in the end; `None` until the index is there.
    pub fn level(&self) -> Option<u32> {
        self.shown.as_ref().map(|shown| shown.finest)
    }

    /// The coarsest level that a picture in space shows anything of; `None` before there is any.
    pub fn level_in_space(&self) -> Option<u32> {
        let volume = self.volume()?;
        volume.coarsest_in(SampleBox::all(volume.grid().dims()))
    }

    /// Whether a picture in space shows what it shows until the last.
    pub fn is_sharp_in_space(&self) -> bool {
        let middle = self.shown.as_ref().map(|shown| shown.middle);
        self.level_in_space().is_some_and(|level| Some(level) <= middle)
    }

    /// Where the samples lie that are shown in the end; `None` until the index is there.
    pub fn grid(&self) -> Option<&GridGeometry> {
        let shown = self.shown.as_ref()?;
        shown.head.layout().grid(shown.finest)
    }

    /// Whether the volume that is shown first is there as a whole, or a finer one.
    pub fn has_begun(&self) -> bool {
        self.shown.as_ref().is_some_and(Shown::has_begun)
    }

    /// Whether the finest level is being made of the one that is shown, which stays as it is meanwhile. Bricks that come for
    /// it end this at once.
    pub fn is_growing(&self) -> bool {
        self.shown.as_ref().is_some_and(Shown::is_growing)
    }

    /// Whether bricks of the finest level can be placed at once.
    pub fn takes_finest(&self) -> bool {
        self.shown
            .as_ref()
            .is_some_and(|shown| shown.finest_volume().is_some())
    }

    /// What of the level that is shown in the end is there, 0 to 1.
    pub fn fraction(&self) -> f64 {
        let finest = self.shown.as_ref().and_then(Shown::finest_volume);
        finest.map_or(0.0, ResidentVolume::resident_fraction)
    }

    /// What of the bytes that are needed has come, 0 to 1: counted by whole bricks.
    pub fn arrived(&self) -> f64 {
        let counts = [&self.head_bytes, &self.body_bytes].map(Arriving::counts);
        let [came, all] = [0, 1].map(|which| counts.iter().map(|counts| counts[which]).sum::<u64>());
        if all == 0 { 0.0 } else { came as f64 / all as f64 }
    }

    /// Which bytes are needed; `None` until the index is there.
    pub fn needs(&self) -> Option<Needs> {
        let shown = self.shown.as_ref()?;
        // Level 0 is in the body, all others in the head.
        let last = shown.levels().into_iter().filter(|level| *level > 0).min();
        Some(Needs {
            head_len: shown.head.head_len_for_level(last.unwrap_or(1)),
            body_len: if shown.finest == 0 {
                shown.head.body_len()
            } else {
                0
            },
        })
    }

    /// The pieces in which the rest of the body is asked for.
    pub fn runs(&self) -> Vec<Run> {
        let Some(shown) = &self.shown else {
            return Vec::new();
        };
        let layout = shown.head.layout();
        let middle_mm = |key: BrickKey| {
            let core = layout.core(key).unwrap_or_default();
            let start = layout.core_start(key);
            let middle = |axis: usize| f64::from(start[axis]) + f64::from(core[axis]) * 0.5 - 0.5;
            let p = DVec3::new(middle(0), middle(1), middle(2));
            layout.finest().patient_from_voxel().transform_point3(p)
        };
        let mut runs: Vec<Run> = Vec::new();
        for (bytes, key) in self.body_bytes.awaited() {
            match runs.last_mut() {
                Some(run) if bytes.end - run.bytes.start <= RUN_BYTES && run.bytes.end == bytes.start => {
                    run.bytes.end = bytes.end;
                    run.middles_mm.push(middle_mm(key));
                }
                _ => runs.push(Run {
                    bytes,
                    middles_mm: vec![middle_mm(key)],
                }),
            }
        }
        runs
    }

    /// The planes that a thin picture of `plane` needs to be exact, where the volume does not hold them yet and never would
    /// be better: of level 0 and along its grid.
    pub fn section(&self, plane: &SlicePlane) -> Option<Section> {
        let shown = self.shown.as_ref().filter(|shown| shown.finest == 0)?;
        let section = section_of(plane, shown.head.layout().finest())?;
        (!shown.has(section)).then_some(section)
    }

    /// Whether planes came by themselves.
    pub fn has_section(&self, section: Section) -> bool {
        self.exact[section.across.axis()]
            .as_ref()
            .is_some_and(|exact| exact.section == section)
    }

    /// Takes planes that came by themselves, in place of those across the same axis that came before.
    ///
    /// # Errors
    /// When there are no such planes, or the bytes are damaged.
    pub fn put_section(&mut self, section: Section, bytes: &[u8]) -> Result<(), LoadingError> {
        let Some(shown) = &self.shown else { return Ok(()) };
        let missing = || ArtifactError::NoSuchSection(section);
        let grid = shown.head.section_grid(section).ok_or_else(missing)?;
        let samples = shown.head.decode_section(section, bytes)?;
        let volume = ResidentVolume::dense(grid, samples, shown.head.rescale().clone())?;
        self.exact[section.across.axis()] = Some(Exact { section, volume });
        Ok(())
    }

    /// Lets go of planes that the volume holds by now.
    fn forget_sections(&mut self) {
        let Some(shown) = &self.shown else { return };
        for exact in &mut self.exact {
            if exact.as_ref().is_some_and(|exact| shown.has(exact.section)) {
                *exact = None;
            }
        }
    }

    /// What a picture of `plane` is drawn from, thin or through `slab_mm`; `None` before there is anything.
    pub fn sight(&self, plane: &SlicePlane, slab_mm: f64) -> Option<Sight<'_>> {
        let volume = self.volume().filter(|volume| !volume.is_empty())?;
        let finest = self.head()?.layout().finest();
        let section = section_of(plane, finest).filter(|_| slab_mm <= 0.0);
        let exact = section.and_then(|section| {
            let exact = self.exact[section.across.axis()].as_ref();
            exact.filter(|exact| exact.section == section)
        });
        if let Some(exact) = exact {
            return Some(Sight {
                volume: &exact.volume,
                level: 0,
                source: Source::Section(exact.volume.id()),
            });
        }
        let all = SampleBox::all(volume.grid().dims());
        let place = match (section, &self.shown) {
            (Some(section), Some(shown)) if volume.level() == 0 => shown.samples_of(section),
            _ => all,
        };
        Some(Sight {
            volume,
            level: volume.coarsest_in(place)?,
            source: Source::Volume,
        })
    }

    /// The value at a point of the patient (LPS, mm), linear between samples; `None` outside, and where it is not yet known
    /// exactly.
    pub fn value_at_mm(&self, p_in_patient_mm: DVec3) -> Option<f64> {
        let sections = self.exact.iter().flatten();
        let in_section = sections
            .filter_map(|exact| exact.value_at_mm(p_in_patient_mm))
            .next();
        let finest = || self.shown.as_ref().and_then(Shown::finest_volume);
        in_section.or_else(|| finest()?.exact_at_mm(p_in_patient_mm))
    }

    /// The values inside a closed line through `points`, patient mm; `None` where it surrounds nothing, and where some of
    /// them are not yet known exactly.
    pub fn region_values(&self, points: &[DVec3]) -> Option<RegionValues> {
        let grid = self.grid()?;
        let step_mm = grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min) / 2.0;
        let voxel_from_patient = grid.voxel_from_patient();
        let is_in_volume = |p_mm: DVec3| {
            let p = voxel_from_patient.transform_point3(p_mm).to_array();
            let mut along = p.into_iter().zip(grid.dims());
            along.all(|(p, n)| p >= -0.5 && p <= f64::from(n) - 0.5)
        };
        let is_known = Cell::new(true);
        let values = region_values(points, step_mm, |p_mm| {
            let value = self.value_at_mm(p_mm);
            if value.is_none() && is_in_volume(p_mm) {
                is_known.set(false);
            }
            value
        });
        values.filter(|_| is_known.get())
    }

    /// Goes one step on with making the next finer volume; says whether there was something to do.
    ///
    /// # Errors
    /// When the volume has no such place, which its layout excludes.
    pub fn refine(&mut self) -> Result<bool, LoadingError> {
        self.shown.as_mut().map_or(Ok(false), Shown::refine)
    }

    /// Takes the next bytes of the head; gives the number of bricks that became visible.
    ///
    /// # Errors
    /// When the bytes are damaged or the volume does not fit.
    pub fn push_head(&mut self, bytes: &[u8]) -> Result<usize, LoadingError> {
        self.head_bytes.take(self.head_bytes.end(), bytes);
        if self.shown.is_none() {
            let start = self.head_bytes.bytes();
            if start.len() < 256 || (start.len() as u64) < PyramidHead::index_len(start)? {
                return Ok(0);
            }
            let shown = Shown::new(PyramidHead::parse(start)?, self.budget_bytes, self.steps)?;
            let keys = || {
                shown
                    .levels()
                    .into_iter()
                    .flat_map(|level| shown.head.layout().bricks(level))
            };
            let within = |object: BrickObject| {
                let entries = keys().filter_map(|key| Some((key, shown.head.entry(key)?)));
                entries
                    .filter(move |(_, entry)| entry.object == object)
                    .map(|(key, entry)| (entry.offset..entry.offset + u64::from(entry.len), key))
            };
            let arrived = std::mem::take(&mut self.head_bytes).into_bytes();
            self.head_bytes = Arriving::new(arrived, within(BrickObject::Head));
            self.body_bytes = Arriving::new(Vec::new(), within(BrickObject::Body));
            self.shown = Some(shown);
        }
        Self::place(self.shown.as_mut(), &mut self.head_bytes)
    }

    /// Takes bytes of the body from `at` on; gives the number of bricks that became visible.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn push_body(&mut self, at: u64, bytes: &[u8]) -> Result<usize, LoadingError> {
        self.body_bytes.take(at, bytes);
        let placed = Self::place(self.shown.as_mut(), &mut self.body_bytes)?;
        self.forget_sections();
        Ok(placed)
    }

    /// Says that no more bytes come.
    ///
    /// # Errors
    /// When bricks are still awaited.
    pub fn finish(&self) -> Result<(), LoadingError> {
        for (object, arriving) in [("head", &self.head_bytes), ("body", &self.body_bytes)] {
            if let Some((bytes, _)) = arriving.awaited().next_back() {
                return Err(LoadingError::Short {
                    object,
                    len: arriving.end(),
                    expected: bytes.end,
                });
            }
        }
        if self.shown.is_none() {
            let len = self.head_bytes.end();
            return Err(LoadingError::Short {
                object: "head",
                len,
                expected: len.max(255) + 1,
            });
        }
        Ok(())
    }

    fn place(shown: Option<&mut Shown>, arriving: &mut Arriving) -> Result<usize, LoadingError> {
        let Some(shown) = shown else { return Ok(0) };
        let mut placed = 0;
        while let Some((key, bytes)) = arriving.next() {
            shown.place(key, bytes)?;
            placed += 1;
        }
        arriving.forget();
        Ok(placed)
    }
}

#[cfg(test)]
mod tests;
