//! An item as it is looked at: everything of it that a renderer shows, read once.
//!
//! Of its own because who looks chooses the window, the transfer function and the layers anew for each picture, where
//! [`crate::Stage`] is one scene.

mod photo;

use artifact::pyramid::Polarity;
use domain::{ArtifactKind, ItemId, ItemKind};
use geometry::GridGeometry;
use renderer::{Inversion, ResidentSurface, ResidentVolume, Window};
use volume::Unit;

use crate::place::Place;
use crate::{IngestError, Options};

pub use photo::LookedPhoto;
pub(crate) use photo::level_pixels;

/// Everything of an item that a renderer shows.
#[derive(Debug)]
pub struct Looked {
    /// What the item is.
    pub kind: ItemKind,
    /// Its volume.
    pub volume: Option<LookedVolume>,
    /// Its surfaces, by their names.
    pub surfaces: Vec<(String, ResidentSurface)>,
    /// The photograph.
    pub photo: Option<LookedPhoto>,
}

/// The volume of an item.
#[derive(Debug)]
pub struct LookedVolume {
    /// Its samples, of the finest level that was allowed.
    pub volume: ResidentVolume,
    /// Which level that is; 0 is the finest.
    pub level: u32,
    /// Where the finest samples lie.
    pub finest: GridGeometry,
    /// Its least and largest meaningful values.
    pub range: (f64, f64),
    /// The window that it is first seen through.
    pub window: Window,
    /// Whether its large values are dark.
    pub inversion: Inversion,
}

/// Soft tissue in CT, where the source proposes no window.
const SOFT: (f64, f64) = (40.0, 400.0);
/// The longest side of a photograph that is read whole, pixels; what is finer is read where somebody comes near.
const PHOTO_SIDE: u32 = 2048;

impl Place {
    /// Reads all of an item that a renderer shows: its volume with at most `samples` samples, its surfaces, its
    /// photograph. What it has not is not there.
    ///
    /// # Errors
    /// When stored bytes are damaged, or a texture cannot be decoded.
    pub fn look(&self, item: ItemId, samples: u64, options: &Options) -> Result<Looked, IngestError> {
        let kind = self.item(&item.to_string())?.kind;
        let artifacts = self.artifacts(item)?;
        let has = |kind: ArtifactKind| artifacts.iter().any(|artifact| artifact.kind == kind);
        let volume = match has(ArtifactKind::Pyramid) {
            true => Some(self.look_at_volume(item, samples)?),
            false => None,
        };
        let surfaces = self.look_at_surfaces(item, options)?;
        let photo = match has(ArtifactKind::Photo) {
            true => Some(self.look_at_photo(item, PHOTO_SIDE)?),
            false => None,
        };
        Ok(Looked {
            kind,
            volume,
            surfaces,
            photo,
        })
    }

    /// Reads the surfaces of an item, with their names.
    ///
    /// # Errors
    /// When stored bytes are damaged, or a texture cannot be decoded.
    pub fn look_at_surfaces(
        &self,
        item: ItemId,
        options: &Options,
    ) -> Result<Vec<(String, ResidentSurface)>, IngestError> {
        let pool = options.pool();
        let artifacts = self.artifacts(item)?;
        let names = artifacts
            .iter()
            .filter(|artifact| artifact.kind == ArtifactKind::Surface)
            .map(|artifact| artifact.name.clone());
        names
            .map(|name| {
                let (model, _) = self.surface(item, &name)?;
                Ok((name, crate::draw::resident(model, &pool)?))
            })
            .collect()
    }

    fn look_at_volume(&self, item: ItemId, samples: u64) -> Result<LookedVolume, IngestError> {
        let pyramid = self.pyramid(item)?;
        let head = &pyramid.head;
        let rescale = head.rescale().clone();
        let statistics = head.statistics();
        let ends = [statistics.min, statistics.max].map(|stored| rescale.value(stored));
        let range = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        let description = head.description();
        let proposed = description.windows.first().filter(|window| window.width > 0.0);
        let window = match proposed {
            Some(window) => Window::new(window.center, window.width),
            None if rescale.unit == Unit::Hu => Window::new(SOFT.0, SOFT.1),
            None => Window::new((range.0 + range.1) / 2.0, (range.1 - range.0).max(1.0)),
        };
        let inversion = match description.polarity {
            Polarity::LargeIsBright => Inversion::Off,
            Polarity::SmallIsBright => Inversion::On,
        };
        let finest = *head.layout().finest();
        let samples = pyramid.level_with_at_most(samples)?;
        let grid = *samples.grid();
        let level = head.layout().levels().iter().position(|level| *level == grid);
        let volume = ResidentVolume::dense(grid, samples.into_samples(), rescale)
            .map_err(|error| IngestError::Broken(error.to_string()))?;
        Ok(LookedVolume {
            volume,
            level: level.and_then(|level| u32::try_from(level).ok()).unwrap_or(0),
            finest,
            range,
            window,
            inversion,
        })
    }
}
