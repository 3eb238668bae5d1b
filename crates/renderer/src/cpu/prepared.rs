//! What a volume needs for casting besides its samples, kept between pictures.

use geometry::DAffine3;

use super::blocks::Visible;
use super::table::Table;
use crate::scene::VolumeLayer;
use crate::{DataId, TransferFunction};

/// A transfer function at work on one volume.
pub(super) struct Prepared {
    key: Key,
    pub(super) voxel_from_patient: DAffine3,
    /// Between samples along a ray.
    pub(super) step_mm: f32,
    pub(super) table: Table,
    pub(super) visible: Visible,
}

/// What all of it is made from.
#[derive(Clone, PartialEq)]
struct Key {
    volume: DataId,
    revision: u64,
    transfer: TransferFunction,
    steps_per_voxel: f64,
}

impl Prepared {
    pub(super) fn new(layer: &VolumeLayer<'_>, steps_per_voxel: f64) -> Self {
        let volume = layer.volume;
        let spacing = volume.grid().spacing_mm();
        let smallest = spacing.into_iter().fold(f64::INFINITY, f64::min);
        let step_mm = smallest / steps_per_voxel.max(0.1);
        let table = Table::new(layer.transfer, volume.rescale(), step_mm);
        Self {
            key: Key {
                volume: volume.id(),
                revision: volume.revision(),
                transfer: layer.transfer.clone(),
                steps_per_voxel,
            },
            voxel_from_patient: volume.grid().voxel_from_patient(),
            step_mm: step_mm as f32,
            visible: Visible::new(volume, |range| table.shows(range)),
            table,
        }
    }

    /// Whether this was made for `layer` as it is now.
    pub(super) fn is_of(&self, layer: &VolumeLayer<'_>, steps_per_voxel: f64) -> bool {
        self.key.volume == layer.volume.id()
            && self.key.revision == layer.volume.revision()
            && self.key.transfer == *layer.transfer
            && self.key.steps_per_voxel == steps_per_voxel
    }

    /// Bytes that are kept.
    pub(super) fn bytes(&self) -> u64 {
        (self.visible.bytes() + self.table.bytes()) as u64
    }
}
