//! The pipeline: strangers' files to verified, encrypted, recorded items.
//!
//! [`ingest`] is the whole of it; `pipeline.rs` reads as the list of its steps. [`Place`] is where everything lies: the
//! catalog, the vault and the key of the case. [`guard`] keeps parsing and decoding in processes of their own.

mod compare;
mod draw;
mod error;
mod export;
pub mod guard;
mod keys;
mod lay;
mod look;
mod options;
mod pipeline;
mod place;
mod progress;
mod report;
mod steps;

pub use compare::{
    Compared, ComparisonArtifact, ComparisonReport, PeakReport, RegistrationReport, SideReport,
    StatisticsReport, SurfaceOf, VolumeReport,
};
pub use draw::{Stage, What};
pub use error::IngestError;
pub use export::{MeshFormat, Packing, PyramidPart};
pub use keys::RootCipher;
pub use lay::{LayError, MOST_TRIANGLES};
pub use look::{Looked, LookedPhoto, LookedVolume};
pub use options::{Options, SurfaceChoice, SurfaceRequest, WORKER_COMMAND};
pub use pipeline::{ingest, ingest_stored};
pub use place::{Place, PlaceConfig, StoredFile, sweep};
pub use progress::{Event, Progress, Step};
pub use report::{ArtifactReport, Failure, FindingReport, ItemReport, ItemState, Report, StepReport};
pub use steps::process::{is_alive, this as this_process};
pub use volume::Severity;
