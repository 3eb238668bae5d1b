//! DICOM parts to instances to verified series with decoded slices and findings.
//!
//! Three steps, each a pure function over bytes or values:
//!
//! 1. [`read()`] takes the bytes of one file to an [`Instance`]: what it is, where its pixels lie, and everything
//!    that placing them needs. No pixel is decoded.
//! 2. [`group()`] takes the instances of an upload to [`Stack`](group::Stack)s: sets of frames that make one grid, each with
//!    its verdict, its `patient_from_voxel` and its typed findings.
//! 3. [`pixels`] decodes one frame of one instance to stored values.
//!
//! Nothing to the right of this room sees a DICOM tag.

pub mod group;
pub mod instance;
pub mod pixels;
pub mod read;

pub use group::{Group, GroupKind, group};
pub use instance::{Content, Instance};
pub use read::{ReadError, read};
