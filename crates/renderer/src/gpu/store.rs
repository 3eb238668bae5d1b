//! The volumes on a device, within a budget.

use std::collections::BTreeMap;

use volume::with_samples;

use super::Device;
use super::field::Field;
use crate::{BlockRanges, DataId, ResidentVolume, SampleBox};

/// Samples along each edge of a cell: half of a block, for half as many steps through what is there but not seen.
pub(super) const CELL_SIDE: usize = 4;

/// Pictures after which a volume that none of them showed is given up.
const UNUSED: u64 = 600;

/// The volumes on a device, by their identity.
#[derive(Debug)]
pub(super) struct Store {
    kept: BTreeMap<DataId, Kept>,
    pub(super) budget_bytes: u64,
    picture: u64,
}

#[derive(Debug)]
struct Kept {
    field: Field,
    /// The ranges of small cells, and the revision that they are of.
    cells: BlockRanges,
    revision: Option<u64>,
    /// The last picture that showed it.
    picture: u64,
}

impl Store {
    pub(super) fn new(budget_bytes: u64) -> Self {
        Self {
            kept: BTreeMap::new(),
            budget_bytes,
            picture: 0,
        }
    }

    /// Begins a picture of `volumes`: gives up what no picture showed for long, and what lies in the way of the budget.
    pub(super) fn begin<'a>(&mut self, volumes: impl Iterator<Item = &'a ResidentVolume>) {
        self.picture += 1;
        let picture = self.picture;
        let mut coming = 0;
        for volume in volumes {
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

    /// The samples of `volume` on the device, brought up to date by at most about `allowance` bytes, which is lessened.
    pub(super) fn field(
        &mut self,
        device: &Device,
        volume: &ResidentVolume,
        allowance: &mut u64,
    ) -> (&Field, &BlockRanges) {
        let picture = self.picture;
        let kept = self.kept.entry(volume.id()).or_insert_with(|| Kept {
            field: Field::new(device, volume.grid(), volume.samples().sample_type()),
            cells: BlockRanges::with_side(volume.grid().dims(), CELL_SIDE),
            revision: None,
            picture,
        });
        kept.refine(volume);
        kept.field.upload(device, volume, allowance);
        (&kept.field, &kept.cells)
    }

    /// Bytes on the device.
    pub(super) fn bytes(&self) -> u64 {
        self.kept.values().map(|kept| kept.field.bytes()).sum()
    }
}

impl Kept {
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
