//! What was ingested, in SQL: cases, items, their originals and artifacts, and which objects of the vault hold them.
//!
//! The only room with SQL. An item appears with everything that belongs to it in one transaction, or not at all.
//! Objects are written before that; so that none is lost, a run of the pipeline records their names as pending
//! before it writes, and the commit of an item takes them off that list. What is left there by a run that has ended
//! is garbage ([`Catalog::abandoned_objects`]).
//!
//! The embedded database is SQLite in WAL mode: one writer at a time, others wait; a commit survives loss of power.
//! The SQL keeps to what PostgreSQL understands as well.

mod error;
mod read;
mod rows;
mod schema;
mod write;

pub use error::CatalogError;
pub use rows::{
    Artifact, Case, Committed, Item, ItemOriginal, NewArtifact, NewItem, NewOriginal, ObjectRow, Original,
};
pub use schema::Catalog;
