//! Step 7: what is built becomes visible, all of an item at once.

use capture::photo::PhotoFinding;
use catalog::{Committed, Item, ItemOriginal, NewArtifact, NewItem};
use dicom_series::group::{Finding, Group, Severity as Weight};
use domain::{ArtifactId, ArtifactKind, IngestId, ItemId, ItemKind};
use geometry::GridGeometry;
use serde::Serialize;
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

/// What an item is called, and which study it belongs to. Nothing about the person.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) modality: Option<String>,
    pub(crate) study_uid: Option<String>,
    pub(crate) series_uid: Option<String>,
}

impl From<&Group> for Identity {
    fn from(group: &Group) -> Self {
        Self {
            name: group.name.clone(),
            modality: group.modality.clone(),
            study_uid: group.study_uid.clone(),
            series_uid: group.series_uid.clone(),
        }
    }
}

/// Makes an item visible after everything it refers to is on disk, and gives its identifier.
///
/// # Errors
/// The catalog's and the vault's; nothing has changed then.
pub(crate) fn record(
    place: &Place,
    ingest: IngestId,
    identity: Identity,
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
        uploader: place.uploader,
        ingest,
        kind: built.kind,
        name: identity.name,
        modality: identity.modality,
        study_uid: identity.study_uid,
        series_uid: identity.series_uid,
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

/// The same for an item made of whole files, and what was asked for.
pub(crate) fn files_key(kind: ItemKind, files: impl Iterator<Item = Hash>, wishes: &str) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(kind.word());
    files.for_each(|hash| hasher.update(hash));
    hasher.update(wishes);
    hasher.finalize().into()
}

/// A typed finding of a photograph in its lasting form.
pub(crate) fn photo_note(finding: &PhotoFinding) -> Note {
    Note {
        code: finding.code().to_owned(),
        severity: severity(finding.severity()),
        message: finding.message(),
        values: owned(finding.values()),
    }
}

/// A typed finding in its lasting form, with its code and numbers from its variant and fields.
pub(crate) fn typed_note(finding: &impl Serialize, severity: Severity, message: String) -> Note {
    let (variant, fields) = match serde_json::to_value(finding) {
        Ok(Value::String(variant)) => (variant, Value::Null),
        Ok(Value::Object(one)) => one.into_iter().next().unwrap_or_default(),
        _ => (String::new(), Value::Null),
    };
    let values = fields.as_object().into_iter().flatten();
    Note {
        code: snake_case(&variant),
        severity,
        message,
        values: values
            .filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)))
            .collect(),
    }
}

/// `TriangleCount` as `triangle_count`.
fn snake_case(variant: &str) -> String {
    let mut out = String::with_capacity(variant.len() + 4);
    for (at, c) in variant.char_indices() {
        if c.is_uppercase() && at > 0 {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// A weight of `capture` in its lasting form.
pub(crate) fn severity(weight: capture::Severity) -> Severity {
    match weight {
        capture::Severity::Info => Severity::Info,
        capture::Severity::Caution => Severity::Caution,
        capture::Severity::Danger => Severity::Danger,
    }
}

pub(crate) fn owned(values: Vec<(&'static str, f64)>) -> Vec<(String, f64)> {
    values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
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
        values: owned(finding.values()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    enum Finding {
        AtRest,
        TriangleCount { declared: u64, name: &'static str },
    }

    #[test]
    fn codes_and_numbers_come_from_the_type() {
        let note = typed_note(&Finding::AtRest, Severity::Info, String::new());
        assert_eq!((note.code.as_str(), note.values.len()), ("at_rest", 0));
        let finding = Finding::TriangleCount {
            declared: 7,
            name: "x",
        };
        let note = typed_note(&finding, Severity::Caution, "seven".to_owned());
        assert_eq!(note.code, "triangle_count");
        assert_eq!(note.values, [("declared".to_owned(), 7.0)]);
    }
}
