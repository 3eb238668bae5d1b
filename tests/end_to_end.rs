//! The real program, as people and scripts use it.

mod compare;
mod data_sets;
mod ingest;
mod support;
