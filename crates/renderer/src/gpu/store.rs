//! The volumes on a device, within a budget.

use std::collections::BTreeMap;

use volume::{Sample, Samples, with_samples};

use super::Device;
use super::field::{Field, FieldKind};
use crate::{BlockRanges, DataId, ResidentVolume, SampleBox};

/// Pictures after which a volume that none of them showed is given up.
const UNUSED: u64 = 600;

/// The volumes on a device, by their identity.
#[derive(Debug)]
pub(super) struct Store {
    kept: BTreeMap<DataId, Kept>,
    pub(super) budget_bytes: u64,
    picture: u64,
    /// Volumes of the picture.
    shown: u64,
    /// Bytes that the picture may still bring to the device.
    pub(super) allowance: u64,
}

#[derive(Debug)]
struct Kept {
    source: Source,
    /// What stands in until all of the volume is there.
    preview: Option<(ResidentVolume, Source)>,
    /// The last picture that showed it.
    picture: u64,
}

/// A volume on the device.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) field: Field,
    /// The ranges of small cells, and the revision that they are of.
    pub(super) cells: BlockRanges,
    revision: Option<u64>,
}

impl FieldKind {
    /// Samples along each edge of a cell: fewer mean fewer steps through what is there but not seen, and more memory.
    pub(super) fn cell_side(self) -> usize {
        if self.bricks { 8 } else { 4 }
    }
}

impl Store {
    pub(super) fn new(budget_bytes: u64) -> Self {
        Self {
            kept: BTreeMap::new(),
            budget_bytes,
            picture: 0,
            shown: 1,
            allowance: u64::MAX,
        }
    }

    /// Begins a picture of `volumes` that may bring `allowance` bytes to the device: gives up what no picture showed for
    /// long, and what lies in the way of the budget.
    pub(super) fn begin<'a>(&mut self, volumes: impl Iterator<Item = &'a ResidentVolume>, allowance: u64) {
        self.picture += 1;
        self.shown = 0;
        self.allowance = allowance;
        let picture = self.picture;
        let mut coming = 0;
        for volume in volumes {
            self.shown += 1;
            match self.kept.get_mut(&volume.id()) {
                Some(kept) => kept.picture = picture,
                None => coming += volume.resident_bytes(),
            }
        }
        self.kept.retain(|_, kept| kept.picture + UNUSED > picture);
        while self.bytes() + coming > self.budget_bytes {
            let unused = self.kept.iter().filter(|(_, kept)| kept.picture < picture);
            let Some(id) = unused.min_by_key(|(_, kept)| kept.picture).map(|(id, _)| *id) else {
                return;
            };
            self.kept.remove(&id);
        }
    }

    /// Gives up what no picture showed since the last one began.
    pub(super) fn forget_unused(&mut self) {
        let picture = self.picture;
        self.kept.retain(|_, kept| kept.picture == picture);
    }

    /// A place for `volume` on the device, with its ranges up to date.
    pub(super) fn source(&mut self, device: &Device, volume: &ResidentVolume) -> &Source {
        &self.keep(device, volume).source
    }

    fn keep(&mut self, device: &Device, volume: &ResidentVolume) -> &mut Kept {
        let of_samples = self.budget_bytes - self.budget_bytes / BESIDE;
        let (picture, budget) = (self.picture, of_samples / self.shown.max(1));
        let kept = self.kept.entry(volume.id()).or_insert_with(|| Kept {
            source: Source::new(device, volume, budget),
            preview: None,
            picture,
        });
        kept.source.refine(volume);
        kept
    }

    /// Brings `volume` up to date by what the picture may still bring; `wanted` is asked for levels of bricks. Gives what can
    /// be drawn: the volume itself, or a coarse one until all of it was there once.
    pub(super) fn serve<'a>(
        &'a mut self,
        device: &Device,
        volume: &'a ResidentVolume,
        wanted: impl FnOnce([u32; 3]) -> Vec<u32>,
    ) -> (&'a ResidentVolume, &'a Source) {
        let mut allowance = self.allowance;
        let field = &mut self.keep(device, volume).source.field;
        field.upload(device, volume, wanted, &mut allowance);
        self.allowance = allowance;
        let kept = self.keep(device, volume);
        if kept.source.field.is_filled() {
            kept.preview = None;
        } else if kept.preview.is_none() {
            kept.preview = preview(volume).map(|coarse| {
                let mut source = Source::new(device, &coarse, u64::MAX);
                source.refine(&coarse);
                let mut all = u64::MAX;
                source.field.upload(device, &coarse, |_| Vec::new(), &mut all);
                (coarse, source)
            });
        }
        match &kept.preview {
            Some((coarse, source)) => (coarse, source),
            None => (volume, &kept.source),
        }
    }

    /// Whether everything that the last picture showed was there as it asked for.
    pub(super) fn is_current(&self) -> bool {
        let shown = self.kept.values().filter(|kept| kept.picture == self.picture);
        shown.into_iter().all(|kept| kept.source.field.is_current())
    }

    /// Bytes on the device.
    pub(super) fn bytes(&self) -> u64 {
        let of = |kept: &Kept| {
            let preview = kept
                .preview
                .as_ref()
                .map_or(0, |(_, source)| source.field.bytes());
            kept.source.field.bytes() + preview
        };
        self.kept.values().map(of).sum()
    }
}

impl Source {
    fn new(device: &Device, volume: &ResidentVolume, budget_bytes: u64) -> Self {
        let field = Field::new(
            device,
            volume.grid(),
            volume.samples().sample_type(),
            budget_bytes,
        );
        Self {
            cells: BlockRanges::with_side(
                volume.grid().dims(),
                volume.samples().sample_type(),
                field.kind.cell_side(),
            ),
            field,
            revision: None,
        }
    }

    /// Brings the ranges of cells up to date.
    fn refine(&mut self, volume: &ResidentVolume) {
        let changed = match self.revision {
            Some(revision) => volume.changed_since(revision),
            None if volume.is_empty() => Vec::new(),
            None => vec![SampleBox::all(volume.grid().dims())],
        };
        self.revision = Some(volume.revision());
        for place in changed {
            with_samples!(volume.samples(), samples => self.cells.update(samples, place));
        }
    }
}

/// What part of the budget is left to what lies beside the samples: previews, tables of bricks, what is seen of each cell.
const BESIDE: u64 = 32;

/// Samples along each axis of a preview, at most.
const PREVIEW_SIDE: u32 = 96;

/// A coarse volume in the place of `volume`: one sample of many. `None` where it is small, or nothing of it came.
fn preview(volume: &ResidentVolume) -> Option<ResidentVolume> {
    let mut grid = *volume.grid();
    let mut step = 1usize;
    while grid.dims().iter().any(|&n| n > PREVIEW_SIDE) {
        grid = grid.halved();
        step *= 2;
    }
    if step == 1 || volume.is_empty() {
        return None;
    }
    let dims = volume.grid().dims().map(|n| n as usize);
    let samples = with_samples!(volume.samples(), samples => every(samples, dims, grid.dims(), step));
    ResidentVolume::dense(grid, samples, volume.rescale().clone()).ok()
}

/// The middle one of each `step` samples along each axis.
fn every<T: Sample>(samples: &[T], [nx, ny, nz]: [usize; 3], dims: [u32; 3], step: usize) -> Samples {
    let [x, y, z] = dims.map(|n| n as usize);
    let at = |i: usize, n: usize| (i * step + step / 2).min(n - 1);
    let mut out = Vec::with_capacity(x * y * z);
    for k in 0..z {
        for j in 0..y {
            let row = (at(k, nz) * ny + at(j, ny)) * nx;
            out.extend((0..x).map(|i| samples[row + at(i, nx)]));
        }
    }
    T::into_samples(out)
}
