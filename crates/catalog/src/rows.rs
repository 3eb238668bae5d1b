//! What the catalog keeps, as values.

use std::time::SystemTime;

use domain::{ArtifactId, ArtifactKind, CaseId, IngestId, ItemId, ItemKind, OriginalId, Phi, UserId};
use geometry::GridGeometry;

/// The case that belongs to nobody's practice: what the operator of the machine ingests by hand goes there.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnCase {
    /// Its id.
    pub id: CaseId,
    /// The key of the case, encrypted under the root key, as the vault gave it.
    pub wrapped_key: Vec<u8>,
}

/// An object of the vault.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectRow {
    /// Its name in the store.
    pub name: String,
    /// What the vault needs to open it, as the vault gave it.
    pub reference: Vec<u8>,
    /// Length of its content, bytes.
    pub len: u64,
}

/// An item that becomes visible with [`crate::System::commit_item`].
#[derive(Clone, Debug)]
pub struct NewItem {
    /// Its id, new.
    pub id: ItemId,
    /// The case that it belongs to.
    pub case: CaseId,
    /// Who uploaded what it is made of; the operator of the machine where there is nobody.
    pub uploader: Option<UserId>,
    /// The run of the pipeline that made it.
    pub ingest: IngestId,
    /// What it is.
    pub kind: ItemKind,
    /// What people call it, such as the series description. Nothing about the person.
    pub name: String,
    /// Modality (0008,0060).
    pub modality: Option<String>,
    /// Study Instance UID (0020,000D).
    pub study_uid: Option<String>,
    /// Series Instance UID (0020,000E).
    pub series_uid: Option<String>,
    /// SHA-256 of what the item is made of, in an order that does not depend on file names: the same input gives
    /// the same key, so that nothing is stored twice.
    pub content_key: [u8; 32],
    /// Dimensions and place in the patient; `None` for what is no grid.
    pub grid: Option<GridGeometry>,
    /// What was found out about the item, as JSON.
    pub findings: serde_json::Value,
    /// What else is to be shown of it, as JSON. Nothing about the person.
    pub details: serde_json::Value,
    /// The files that it was made of, in their order.
    pub originals: Vec<ItemOriginal>,
    /// What was derived from them.
    pub artifacts: Vec<NewArtifact>,
}

/// A file that an item was made of.
#[derive(Clone, Debug)]
pub enum ItemOriginal {
    /// Stored before, as [`crate::System::known_originals`] told.
    Known(OriginalId),
    /// Stored by this run. Where the case has the same bytes by now, those are taken, and the object stays pending
    /// for the sweep.
    New(NewOriginal),
}

/// A file that is new to the case.
#[derive(Clone, Debug)]
pub struct NewOriginal {
    /// Its id, new.
    pub id: OriginalId,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Its name and path as uploaded.
    pub file_name: Phi<String>,
    /// Its bytes.
    pub object: ObjectRow,
}

/// An artifact that becomes visible with its item.
#[derive(Clone, Debug)]
pub struct NewArtifact {
    /// Its id, new.
    pub id: ArtifactId,
    /// What it is.
    pub kind: ArtifactKind,
    /// What tells it from others of its kind, such as `bone`.
    pub name: String,
    /// Counts, levels and errors, as JSON.
    pub details: serde_json::Value,
    /// Its objects, each with its part in the artifact, such as `head`.
    pub objects: Vec<(String, ObjectRow)>,
}

/// What [`crate::System::commit_item`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// The item is visible now.
    New,
    /// The case has an item of the same content key; nothing was changed.
    AlreadyThere(ItemId),
}

/// A visible item.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its id.
    pub id: ItemId,
    /// The case that it belongs to.
    pub case: CaseId,
    /// Who uploaded what it is made of; the operator of the machine where there is nobody.
    pub uploader: Option<UserId>,
    /// What it is.
    pub kind: ItemKind,
    /// What people call it.
    pub name: String,
    /// Modality (0008,0060).
    pub modality: Option<String>,
    /// Study Instance UID (0020,000D).
    pub study_uid: Option<String>,
    /// Series Instance UID (0020,000E).
    pub series_uid: Option<String>,
    /// Dimensions and place in the patient; `None` for what is no grid.
    pub grid: Option<GridGeometry>,
    /// What was found out about it, as JSON.
    pub findings: serde_json::Value,
    /// What else is to be shown of it, as JSON.
    pub details: serde_json::Value,
    /// When it became visible, to the millisecond.
    pub created: SystemTime,
}

/// A file as it was uploaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Original {
    /// Its id.
    pub id: OriginalId,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Its name and path as uploaded.
    pub file_name: Phi<String>,
    /// Who uploaded it; the operator of the machine where there is nobody.
    pub uploader: Option<UserId>,
    /// Its bytes.
    pub object: ObjectRow,
}

/// What was derived from the originals of an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact {
    /// Its id.
    pub id: ArtifactId,
    /// What it is.
    pub kind: ArtifactKind,
    /// What tells it from others of its kind.
    pub name: String,
    /// Counts, levels and errors, as JSON.
    pub details: serde_json::Value,
    /// Its objects, each with its part in the artifact, in the order of those words.
    pub objects: Vec<(String, ObjectRow)>,
}

impl Artifact {
    /// Bytes of all its objects.
    pub fn size_bytes(&self) -> u64 {
        self.objects.iter().map(|(_, object)| object.len).sum()
    }

    /// The object that plays this part.
    pub fn object(&self, part: &str) -> Option<&ObjectRow> {
        self.objects
            .iter()
            .find(|(name, _)| name == part)
            .map(|(_, object)| object)
    }
}
