//! Steps 4 to 7 for one group: decode, build, draw, record.

pub(crate) mod capture;
mod frames;
pub(crate) mod mesh;
pub(crate) mod photo;
mod streams;
mod surfaces;
pub(crate) mod thumbnail;
mod volume;

use std::collections::{HashMap, HashSet};

use catalog::ItemOriginal;
use dicom_series::group::{DocumentList, Group, GroupKind};
use domain::{IngestId, ItemId, ItemKind};
use serde_json::json;

use super::find::{chain, failure};
use super::read::{Hash, Scanned};
use super::record::{self, Built, content_key};
use super::slices::Decoder;
use crate::guard::Pool;
use crate::options::SurfaceChoice;
use crate::place::Place;
use crate::progress::Progress;
use crate::report::Failure;
use crate::{IngestError, Options};

/// What building any item needs.
#[derive(Clone, Copy)]
pub(crate) struct Workshop<'a> {
    pub(crate) place: &'a Place,
    pub(crate) run: IngestId,
    pub(crate) pool: &'a Pool,
    pub(crate) options: &'a Options,
    pub(crate) progress: &'a dyn Progress,
}

/// Everything that building needs.
pub(crate) struct Builder<'a> {
    place: &'a Place,
    run: IngestId,
    scanned: &'a [Scanned],
    pool: &'a Pool,
    options: &'a Options,
    progress: &'a dyn Progress,
    /// Files that no group uses (copies, slices at a place that is taken) by series: they stay with its first item.
    unused: HashMap<Option<String>, Vec<usize>>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(workshop: Workshop<'a>, scanned: &'a [Scanned], groups: &[Group]) -> Self {
        let Workshop {
            place,
            run,
            pool,
            options,
            progress,
        } = workshop;
        let used: HashSet<usize> = groups.iter().flat_map(instances).collect();
        let mut unused: HashMap<Option<String>, Vec<usize>> = HashMap::new();
        for (index, file) in scanned
            .iter()
            .enumerate()
            .filter(|(index, _)| !used.contains(index))
        {
            unused
                .entry(file.instance.series_uid.clone())
                .or_default()
                .push(index);
        }
        Self {
            place,
            run,
            scanned,
            pool,
            options,
            progress,
            unused,
        }
    }

    /// The files of a group: those it is made of in the order of the grid, then those that stay with it. The latter
    /// are given to the first group of their series that asks.
    pub(crate) fn take_files(&mut self, group: &Group) -> Vec<usize> {
        let mut seen = HashSet::new();
        let mut hashes = HashSet::new();
        let mut files: Vec<usize> = instances(group).filter(|index| seen.insert(*index)).collect();
        hashes.extend(
            files
                .iter()
                .filter_map(|&index| self.scanned.get(index))
                .map(|file| file.hash),
        );
        let rest = self.unused.remove(&group.series_uid).unwrap_or_default();
        files.extend(rest.into_iter().filter(|&index| {
            self.scanned
                .get(index)
                .is_some_and(|file| hashes.insert(file.hash))
        }));
        files
    }

    /// What the item of a group is made of, as a hash.
    pub(crate) fn content_key(&self, group: &Group, files: &[usize]) -> Hash {
        let wishes = match &self.options.surfaces {
            SurfaceChoice::ByModality => String::new(),
            SurfaceChoice::None => "none".to_owned(),
            SurfaceChoice::These(some) => some.iter().map(|s| format!("{}={};", s.name, s.value)).collect(),
        };
        let used: HashSet<usize> = instances(group).collect();
        let kept = files
            .iter()
            .filter(|index| !used.contains(index))
            .map(|&index| (index, u32::MAX, u32::MAX));
        match &group.kind {
            GroupKind::Volume(stack) => {
                let slices = stack
                    .slices
                    .iter()
                    .map(|s| (s.instance, s.frame, s.tile.map_or(0, |t| t.index)));
                content_key(ItemKind::Volume, slices.chain(kept), self.scanned, &wishes)
            }
            GroupKind::Frames(list) => {
                let frames = list
                    .frames
                    .iter()
                    .map(|f| (f.at.instance, f.at.frame, f.at.tile.map_or(0, |t| t.index)));
                content_key(ItemKind::Frames, frames.chain(kept), self.scanned, "")
            }
            GroupKind::Document(list) => {
                let instances = list.instances.iter().map(|&index| (index, 0, 0));
                content_key(ItemKind::Document, instances.chain(kept), self.scanned, "")
            }
        }
    }

    /// A document: kept as it is and listed.
    pub(crate) fn document(&self, list: &DocumentList) -> Built {
        let syntaxes: Vec<&str> = list
            .instances
            .iter()
            .filter_map(|&index| self.scanned.get(index))
            .map(|file| file.instance.sop_class_uid.as_str())
            .collect();
        Built {
            kind: ItemKind::Document,
            grid: None,
            frames: None,
            notes: Vec::new(),
            details: json!({ "document": list.kind, "sop_class_uids": unique(&syntaxes) }),
            artifacts: Vec::new(),
        }
    }

    /// Makes what was built visible.
    pub(crate) fn record(
        &self,
        group: &Group,
        key: Hash,
        files: &[usize],
        built: Built,
    ) -> Result<ItemId, IngestError> {
        let originals: Vec<ItemOriginal> = unique_originals(files, self.scanned);
        record::record(self.place, self.run, group.into(), key, originals, built)
    }

    /// The same fault for every file of a group.
    pub(crate) fn fault(&self, group: &Group, error: &IngestError) -> Vec<Failure> {
        let reason = format!(
            "the series \"{}\" could not be built: {}",
            group.name,
            chain(error)
        );
        let mut seen = HashSet::new();
        instances(group)
            .filter(|index| seen.insert(*index))
            .filter_map(|index| self.scanned.get(index))
            .map(|file| failure(&file.part.label, reason.clone()))
            .collect()
    }

    fn decoder(&self) -> Decoder<'a> {
        Decoder {
            scanned: self.scanned,
            pool: self.pool,
            threads: self.options.threads,
        }
    }
}

/// Bytes of samples that building a group goes through.
pub(crate) fn sample_bytes(group: &Group) -> u64 {
    match &group.kind {
        GroupKind::Volume(stack) => stack.grid.len() * volume::sample_type(stack).size() as u64,
        GroupKind::Frames(list) => {
            let pixels = u64::from(list.columns) * u64::from(list.rows) * list.frames.len() as u64;
            pixels * frames::frame_layout(list).pixel_bytes() as u64
        }
        GroupKind::Document(_) => 0,
    }
}

/// Which instances a group is made of; one of several frames comes several times.
fn instances(group: &Group) -> impl Iterator<Item = usize> + '_ {
    let all: Box<dyn Iterator<Item = usize>> = match &group.kind {
        GroupKind::Volume(stack) => Box::new(stack.slices.iter().map(|s| s.instance)),
        GroupKind::Frames(list) => Box::new(list.frames.iter().map(|f| f.at.instance)),
        GroupKind::Document(list) => Box::new(list.instances.iter().copied()),
    };
    all
}

/// The originals of files, each content once.
fn unique_originals(files: &[usize], scanned: &[Scanned]) -> Vec<ItemOriginal> {
    let mut seen = HashSet::new();
    let files = files.iter().filter_map(|&index| scanned.get(index));
    files
        .filter(|file| seen.insert(file.hash))
        .map(|file| file.original.clone())
        .collect()
}

fn unique<'s>(words: &[&'s str]) -> Vec<&'s str> {
    let mut words = words.to_vec();
    words.sort_unstable();
    words.dedup();
    words
}
