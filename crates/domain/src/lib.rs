//! The words of a case as types: items, artifacts, identifiers, personal data.
//!
//! No I/O, no clock, no SQL: time and randomness are arguments.

mod id;
mod item;
mod phi;

pub use id::{ArtifactId, CaseId, IngestId, ItemId, OriginalId};
pub use item::{ArtifactKind, ItemKind};
pub use phi::Phi;
