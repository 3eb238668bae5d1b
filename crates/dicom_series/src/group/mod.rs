//! Instances to stacks, each with its verdict.
//!
//! [`group`] is pure: it sees what files say and decodes nothing. It answers which frames make one grid of samples,
//! where that grid lies in the patient, what must be told about it, and what is looked at as single pictures
//! instead. The order of files and their names never matter; positions do, and instance numbers only break ties.
//!
//! Steps, one module each: `sheet` places every frame (tiles of mosaics through `mosaic`) or says why it can't;
//! `partition` divides a series by what can be one grid; `phases` divides repeated positions into volumes of
//! their own; `spacing` turns positions into planes; `stack` and `frames` put the results together, with
//! `values` for what stored values mean. Everything worth telling is a [`Finding`].
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod finding;
mod frames;
mod model;
mod mosaic;
mod name;
mod partition;
mod phases;
mod sentence;
mod series;
mod sheet;
mod spacing;
mod stack;
mod values;

pub use finding::{Finding, Gap, Severity};
pub use model::{
    DocumentList, FrameList, FramePlane, FrameRef, Group, GroupKind, Phase, PhaseBy, Plane, Polarity,
    RescalePolicy, SampleLayout, SliceRef, SplitReason, Stack, Tile,
};

use crate::Instance;

/// Groups the instances of an upload: volumes, lists of pictures, and documents, in an order that does
/// not depend on that of the files: by study, series number and series; in a series volumes first, the largest one
/// first, then pictures, then documents.
///
/// Every frame of every instance is in exactly one group, but for those that a finding says were left out. Indexes in
/// the result count in `instances`.
///
/// # Limits
/// Frames of one series that agree in all but direction and pixel spacing make at most 512 grids; frames of others
/// are pictures.
pub fn group(instances: &[Instance]) -> Vec<Group> {
    series::by_series(instances)
        .into_iter()
        .flat_map(|series| series::groups_of(&series))
        .collect()
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
