//! The lasting bytes of a brick pyramid.
//!
//! A pyramid is two objects. The **body** holds the packed bricks of level 0, one after the other in the order in
//! which they were finished. The **head** holds everything else: what is known of the volume, where every brick
//! lies, and the packed bricks of all coarser levels, the coarsest first. So the start of the head is enough for
//! a first picture, and a writer streams the body while it keeps about a seventh of the whole, the coarse levels,
//! until the end.
//!
//! The head, version 1, all numbers little endian:
//!
//! | offset | type | content |
//! |---|---|---|
//! | 0 | 8 bytes | `VTRNPYR` and a line feed |
//! | 8 | u16 | version, 1 |
//! | 10 | u8 | sample type: 0 u8, 1 i16, 2 u16, 3 i32, 4 u32, 5 f32 |
//! | 11 | u8 | number of levels |
//! | 12 | 3 x u32 | columns, rows, slices of level 0 |
//! | 24 | 16 x f64 | `patient_from_voxel` of level 0 by rows, LPS mm |
//! | 152 | 2 x f64 | rescale slope and intercept |
//! | 168 | 3 x f64 | minimum, maximum and mean of the stored values |
//! | 192 | 2 x f64 | histogram: lowest value of bin 0, width of a bin |
//! | 208 | u64 | histogram: samples that are not finite |
//! | 216 | u32 | histogram: number of bins |
//! | 220 | u32 | histogram: 0 integers, 1 reals |
//! | 224 | u32 | bytes of the description |
//! | 228 | u32 | bytes of the histogram |
//! | 232 | u64 | bytes of the index: all up to the first brick |
//! | 240 | u64 | bytes of the head |
//! | 248 | u64 | bytes of the body |
//! | 256 | JSON | the unit and the [`Description`] |
//! | | varints | histogram: samples in each bin, seven bits a byte |
//! | | 20 bytes each | the brick table: level by level from 0, in the order of [`volume::PyramidLayout::bricks`] |
//! | index | | packed bricks, from the coarsest level to level 1, in the same order within a level |
//!
//! One entry of the brick table: offset in its object (u64), length (u32), smallest and largest sample, each in
//! four bytes: as u32 for u8 and u16, as i32 for i16, the others as they are. Levels, bricks and their borders
//! follow from the dimensions ([`volume::PyramidLayout`]); a brick is packed with its border.
//!
//! There is no checksum: the vault authenticates what it stores.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod description;
mod head;
mod read;
mod section;
mod writer;

pub use description::{Description, Polarity, Window};
pub use head::{BrickEntry, BrickObject, PyramidHead};
pub use read::AssembleError;
pub use section::{Across, MAX_PLANES, NoSection, Section};
pub use writer::{BodySink, PyramidWriter};
