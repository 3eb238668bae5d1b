//! What is drawn: items of the store, or files that are read into a temporary place first.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use domain::{ItemId, ItemKind};
use ingest::{Options, Place, PlaceConfig, SurfaceChoice};

use super::PlaceArguments;

/// How files are read that are drawn at once: with the surfaces that are asked for, and no others.
pub(crate) fn drawing_options(surfaces: SurfaceChoice) -> Result<Options> {
    let program = std::env::current_exe().context("finding this program, to start its workers")?;
    Ok(Options {
        surfaces,
        ..Options::new(program)
    })
}

/// Where the items lie that are drawn.
pub(crate) struct Source {
    pub(crate) place: Place,
    pub(crate) items: Vec<ItemId>,
    /// What files were read into; gone with it.
    _folder: Option<tempfile::TempDir>,
}

impl Source {
    /// Items of the store by the beginnings of their identifiers; or files, where all that is given exists.
    pub(crate) fn open(given: &[String], place: &PlaceArguments, options: &Options) -> Result<Self> {
        let paths: Vec<PathBuf> = given.iter().map(PathBuf::from).collect();
        if paths.iter().all(|path| path.exists()) {
            return Self::of_files(&paths, options);
        }
        let place = place.open()?;
        let items = given.iter().map(|item| Ok(place.item(item)?.id));
        Ok(Self {
            items: items.collect::<Result<_>>()?,
            place,
            _folder: None,
        })
    }

    /// Reads files into a temporary place. Of several volumes the largest is taken, and surfaces with it.
    fn of_files(paths: &[PathBuf], options: &Options) -> Result<Self> {
        let folder = tempfile::tempdir().context("making a temporary place")?;
        let place = Place::open(&PlaceConfig {
            data: folder.path().join("data"),
            key_file: folder.path().join("key/root.key"),
            objects: None,
        })?;
        let report = ingest::ingest(&place, paths, options, &())?;
        let samples =
            |dims: Option<[u32; 3]>| dims.map_or(0, |dims| dims.iter().map(|&n| u64::from(n)).product());
        let volumes = report.items.iter().filter(|item| item.kind == ItemKind::Volume);
        let volume = volumes.max_by_key(|item| samples(item.dims));
        let is_surface = |kind: ItemKind| matches!(kind, ItemKind::Mesh | ItemKind::Capture);
        let surfaces = report.items.iter().filter(|item| is_surface(item.kind));
        let mut items: Vec<ItemId> = volume.into_iter().chain(surfaces).map(|item| item.id).collect();
        if items.is_empty() {
            let photos = report.items.iter().filter(|item| item.kind == ItemKind::Photo);
            items.extend(photos.take(1).map(|item| item.id));
        }
        if items.is_empty() {
            let reasons: Vec<String> = report
                .failed
                .iter()
                .map(|f| format!("{}: {}", f.file, f.reason))
                .collect();
            bail!("there is nothing to draw in these files\n{}", reasons.join("\n"));
        }
        Ok(Self {
            place,
            items,
            _folder: Some(folder),
        })
    }
}
