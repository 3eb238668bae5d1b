//! The steps of the pipeline, one module each.

pub(crate) mod build;
pub(crate) mod find;
pub(crate) mod gather;
mod planes;
pub(crate) mod process;
pub(crate) mod read;
pub(crate) mod record;
pub(crate) mod slices;
pub(crate) mod stored;
