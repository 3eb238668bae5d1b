//! Step 7: what is built becomes visible, all of an item at once.

use catalog::{Committed, Item, ItemOriginal, NewArtifact, NewItem};
use dicom_series::group::{Finding, Group, Severity as Weight};
use domain::{ArtifactId, ArtifactKind, IngestId, ItemId, ItemKind};
use geometry::GridGeometry;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use vault::ObjectId;
use volume::{Note, Severity};

use super::read::{Hash, Scanned};
use crate::IngestError;
use crate::place::Place;
use crate::report::FindingReport;

/// An item with everything that belongs to it, before it is visible.
pub(crate) struct Built {
    pub(crate) kind: ItemKind,
    pub(crate) grid: Option<GridGeometry>,
    /// Dimensions and spacing of what is no grid.
    pub(crate) frames: Option<([u32; 3], Option<[f64; 2]>)>,
    pub(crate) notes: Vec<Note>,
    pub(crate) details: Value,
    pub(crate) artifacts: Vec<NewArtifact>,
}

/// Makes an item visible after everything it refers to is on disk, and gives its identifier.
///
/// # Errors
/// The catalog's and the vault's; nothing has changed then.
pub(crate) fn record(
    place: &Place,
    ingest: IngestId,
    group: &Group,
    key: Hash,
    originals: Vec<ItemOriginal>,
    built: Built,
) -> Result<ItemId, IngestError> {
    place.wait(place.vault.sync())?;
    let findings: Vec<FindingReport> = built.notes.iter().map(FindingReport::from).collect();
    let mut details = built.details;
    if let (Some((dims, spacing)), Some(object)) = (built.frames, details.as_object_mut()) {
        object.insert("dims".to_owned(), json!(dims));
        object.insert("spacing_mm".to_owned(), json!(spacing));
    }
    let item = NewItem {
        id: ItemId::from_random(*ObjectId::random()?.as_bytes()),
        case: place.case,
        ingest,
        kind: built.kind,
        name: group.name.clone(),
        modality: group.modality.clone(),
        study_uid: group.study_uid.clone(),
        series_uid: group.series_uid.clone(),
        content_key: key,
        grid: built.grid,
        findings: json!(findings),
        details,
        originals,
        artifacts: built.artifacts,
    };
    match place.wait(place.catalog.commit_item(&item))? {
        Committed::New => Ok(item.id),
        Committed::AlreadyThere(id) => Ok(id),
    }
}

/// An artifact of one or more stored objects.
pub(crate) fn artifact(
    kind: ArtifactKind,
    name: &str,
    details: Value,
    objects: Vec<(&str, catalog::ObjectRow)>,
) -> Result<NewArtifact, IngestError> {
    Ok(NewArtifact {
        id: ArtifactId::from_random(*ObjectId::random()?.as_bytes()),
        kind,
        name: name.to_owned(),
        details,
        objects: objects
            .into_iter()
            .map(|(part, object)| (part.to_owned(), object))
            .collect(),
    })
}

/// What an item is made of, as a hash that does not depend on names or order of files: which instances and frames,
/// in the order of the grid, and which surfaces were asked for.
pub(crate) fn content_key(
    kind: ItemKind,
    frames: impl Iterator<Item = (usize, u32, u32)>,
    scanned: &[Scanned],
    wishes: &str,
) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(kind.word());
    for (instance, frame, tile) in frames {
        if let Some(scanned) = scanned.get(instance) {
            hasher.update(scanned.hash);
        }
        hasher.update(frame.to_le_bytes());
        hasher.update(tile.to_le_bytes());
    }
    hasher.update(wishes);
    hasher.finalize().into()
}

/// A typed finding in its lasting form.
pub(crate) fn note(finding: &Finding) -> Note {
    Note {
        code: finding.code().to_owned(),
        severity: match finding.severity() {
            Weight::Info => Severity::Info,
            Weight::Caution => Severity::Caution,
            Weight::Danger => Severity::Danger,
        },
        message: finding.message(),
        values: finding
            .values()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}

/// Dimensions and spacing of a recorded item, from its grid or, for frames, from its details.
pub(crate) struct GridDetails {
    pub(crate) dims: Option<[u32; 3]>,
    pub(crate) spacing_mm: Option<Vec<f64>>,
}

impl GridDetails {
    pub(crate) fn read(item: &Item) -> Self {
        if let Some(grid) = &item.grid {
            return Self {
                dims: Some(grid.dims()),
                spacing_mm: Some(grid.spacing_mm().to_vec()),
            };
        }
        let field = |name: &str| item.details.get(name).cloned().unwrap_or(Value::Null);
        Self {
            dims: serde_json::from_value(field("dims")).ok().flatten(),
            spacing_mm: serde_json::from_value(field("spacing_mm")).ok().flatten(),
        }
    }
}
