//! Why an ingest, or an item of it, could not be done. What is wrong with one file is no error here: it is told in
//! [`crate::Report::failed`] and the rest goes on.

use crate::guard::{ArenaError, GuardError};
use crate::report::Failure;

/// Why an ingest, or an item of it, could not be done.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The catalog failed.
    #[error("the catalog could not be used")]
    Catalog(#[from] catalog::CatalogError),
    /// The vault failed.
    #[error("the encrypted store could not be used")]
    Vault(#[from] vault::VaultError),
    /// A worker could not be used.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// There is no shared memory.
    #[error(transparent)]
    Arena(#[from] ArenaError),
    /// No slice of a series could be decoded.
    #[error("none of its {} slices could be decoded", failed.len())]
    NoSlice {
        /// Every file with its reason.
        failed: Vec<Failure>,
    },
    /// Stored bytes are not what they should be.
    #[error("stored bytes could not be read back")]
    Artifact(#[from] artifact::ArtifactError),
    /// A surface could not be made.
    #[error("the surface {name} could not be made")]
    Surface {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: surface::SurfaceError,
    },
    /// Something could not be read or written.
    #[error("{what}")]
    Io {
        /// What was done.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// What was asked for is not there.
    #[error("{0}")]
    Missing(String),
    /// The pipeline met something it holds impossible.
    #[error("{0}")]
    Broken(String),
}

impl From<std::io::Error> for IngestError {
    fn from(source: std::io::Error) -> Self {
        Self::Io {
            what: "a file could not be read or written".to_owned(),
            source,
        }
    }
}
