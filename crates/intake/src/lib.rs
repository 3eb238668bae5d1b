//! What strangers bring: sniffing, archives, file names, byte budgets.
//!
//! Bytes become parts here, and nothing else happens: no file system, no network, no DICOM beyond recognizing it.
//! Everything works on bytes or readers that the caller holds, so it can run in any process, guarded or not.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod archive;
pub mod budget;
mod dicom_start;
pub mod name;
mod sniff;

pub use archive::{Archive, ArchiveError, Entry, EntryError, Refused};
pub use budget::{Budget, BudgetError};
pub use sniff::{HEAD_BYTES, Kind, sniff};
