//! An item as it lies in memory, shared by all who look at it.

use domain::ItemId;
use geometry::{Aabb, DAffine3, DVec3, GridGeometry};
use ingest::Looked;
use protocol::{Exhibit, Unit, WindowLook};
use renderer::{Inversion, ResidentSurface, ResidentVolume};
use volume::Unit as StoredUnit;

use crate::photo::Photo;

/// The volume of an item.
#[derive(Debug)]
pub struct VolumeShown {
    /// Its samples, of the finest level that fits.
    pub volume: ResidentVolume,
    /// Where the finest samples lie, held or not: planes are fitted to these.
    pub finest: GridGeometry,
    /// Its least and largest meaningful values: what relative transfer functions are stretched over.
    pub range: (f64, f64),
}

/// An item as it lies in memory.
#[derive(Debug)]
pub struct Exhibited {
    /// Its volume.
    pub volume: Option<VolumeShown>,
    /// Its surfaces, by their names.
    pub surfaces: Vec<(String, ResidentSurface)>,
    /// Its photograph.
    pub photo: Option<Photo>,
    /// What is told of it.
    pub told: Exhibit,
}

impl Exhibited {
    /// What was read of an item; `None` where there is nothing to see.
    pub fn new(item: ItemId, looked: Looked) -> Option<Self> {
        let mut told = Exhibit {
            item,
            kind: looked.kind,
            grid: looked.volume.as_ref().map(|volume| volume.finest),
            bounds_mm: Aabb::EMPTY,
            unit: Unit::None,
            range: [0.0; 2],
            level: 0,
            window: None,
            inversion: protocol::Inversion::Off,
            preset: String::new(),
            surfaces: looked.surfaces.iter().map(|(name, _)| name.clone()).collect(),
            photo: None,
        };
        let volume = looked.volume.map(|looked| {
            told.unit = match looked.volume.rescale().unit {
                StoredUnit::Hu => Unit::Hu,
                StoredUnit::SuvBw => Unit::SuvBw,
                StoredUnit::None | StoredUnit::Named(_) => Unit::None,
            };
            told.range = looked.range.into();
            told.level = looked.level;
            told.window = Some(WindowLook {
                center: looked.window.center,
                width: looked.window.width,
            });
            told.inversion = match looked.inversion {
                Inversion::Off => protocol::Inversion::Off,
                Inversion::On => protocol::Inversion::On,
            };
            told.preset = match told.unit {
                Unit::Hu => "CT-Bone",
                Unit::SuvBw | Unit::None => "MR-Default",
            }
            .to_owned();
            VolumeShown {
                volume: looked.volume,
                finest: looked.finest,
                range: looked.range,
            }
        });
        let photo = looked.photo.and_then(Photo::new);
        told.photo = photo.as_ref().map(Photo::size);
        let boxes = volume.iter().map(|shown| shown.volume.grid().bounds_mm());
        let boxes = boxes.chain(looked.surfaces.iter().map(|(_, surface)| surface.bounds_mm()));
        let flat = photo.iter().map(|photo| {
            let size = photo.size();
            let size = DVec3::new(f64::from(size.width), f64::from(size.height), 1.0);
            Aabb::around([DVec3::ZERO, size])
        });
        let bounds = boxes
            .chain(flat)
            .filter(|bounds| !bounds.is_empty())
            .fold(Aabb::EMPTY, |all, bounds| {
                all.grown_to(bounds.min).grown_to(bounds.max)
            });
        told.bounds_mm = bounds;
        (!bounds.is_empty()).then_some(Self {
            volume,
            surfaces: looked.surfaces,
            photo,
            told,
        })
    }

    /// The surfaces of an item beside another one, in whose space they lie where `space_from_item` brings them; `None`
    /// where there is none.
    pub fn beside(
        item: ItemId,
        surfaces: Vec<(String, ResidentSurface)>,
        space_from_item: &DAffine3,
    ) -> Option<Self> {
        let surfaces = surfaces.into_iter();
        let surfaces = surfaces.map(|(name, surface)| (name, surface.moved(space_from_item)));
        let looked = Looked {
            kind: domain::ItemKind::Mesh,
            volume: None,
            surfaces: surfaces.collect(),
            photo: None,
        };
        Self::new(item, looked)
    }

    /// Bytes that it takes.
    pub fn resident_bytes(&self) -> u64 {
        let volume = self.volume.as_ref().map(|shown| shown.volume.resident_bytes());
        let surfaces = self.surfaces.iter().map(|(_, surface)| surface.resident_bytes());
        let photo = self.photo.as_ref().map(Photo::resident_bytes);
        volume.into_iter().chain(surfaces).chain(photo).sum()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use geometry::GridGeometry;
    use renderer::Window;
    use volume::{Rescale, Samples};

    use super::*;

    /// A ball of bone in soft tissue, as an item: 60 x 48 x 40 samples.
    pub(crate) fn ball(item: ItemId) -> Exhibited {
        let dims = [60, 48, 40];
        let grid = GridGeometry::axis_aligned(dims, [0.9, 1.1, 1.3], DVec3::new(-20.0, 10.0, 5.0)).unwrap();
        let center = grid.bounds_mm().center();
        let mut samples = Vec::with_capacity(grid.len() as usize);
        for z in 0..dims[2] {
            for y in 0..dims[1] {
                for x in 0..dims[0] {
                    let p = DVec3::new(f64::from(x), f64::from(y), f64::from(z));
                    let away = grid.patient_from_voxel().transform_point3(p).distance(center);
                    samples.push(if away < 16.0 { 1200_i16 } else { -900 });
                }
            }
        }
        let rescale = Rescale {
            unit: StoredUnit::Hu,
            ..Rescale::IDENTITY
        };
        let volume = ResidentVolume::dense(grid, Samples::I16(samples), rescale).unwrap();
        let looked = Looked {
            kind: domain::ItemKind::Volume,
            volume: Some(ingest::LookedVolume {
                volume,
                level: 0,
                finest: grid,
                range: (-900.0, 1200.0),
                window: Window::new(300.0, 1500.0),
                inversion: Inversion::Off,
            }),
            surfaces: Vec::new(),
            photo: None,
        };
        Exhibited::new(item, looked).expect("there is something to see")
    }
}
