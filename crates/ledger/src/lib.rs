//! The audit log as mathematics: what an event is in bytes, the Merkle tree over all of them (RFC 6962), signed
//! checkpoints of the tree, and the reports that people have a right to.
//!
//! Every event becomes a leaf. The [`Frontier`] of the tree is a few hashes that grow with the logarithm of its size;
//! whoever appends keeps it beside the events, in the same transaction. From time to time its root is signed
//! ([`Checkpoint`]) and kept where the database is not. [`Audit`] reads all events once and says whether any was
//! changed, removed, reordered or inserted, and whether the database is an older one than a checkpoint has seen.
//!
//! No I/O and no clock.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod audit;
mod checkpoint;
mod error;
mod event;
mod fhir;
mod merkle;
mod report;

pub use audit::{Audit, Fault, Findings, Where};
pub use checkpoint::{Checkpoint, LogKey, LogName, VerifyingKey};
pub use domain::{Capacity, Verb};
pub use error::LedgerError;
pub use event::{Detail, Event, Object, Outcome, Word};
pub use fhir::{Observer, audit_event};
pub use merkle::{
    Frontier, Hash, consistency_proof, inclusion_proof, leaf_hash, root, verify_consistency, verify_inclusion,
};
pub use report::{
    Basis, Disclosure, Look, Recorded, SIX_YEARS_MS, accounting_of_disclosures, shows, who_looked,
};
