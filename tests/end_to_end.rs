//! The real program, as people and scripts use it.

mod bucket;
mod captures;
mod compare;
mod data_sets;
mod ingest;
mod meshes;
mod photos;
mod render;
mod server;
mod support;
