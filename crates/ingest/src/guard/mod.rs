//! Parsing and decoding behind a wall.
//!
//! Strangers' files are read and decoded in worker processes with a memory and a time limit. A worker gets open
//! files and shared memory, never a path; it answers with plain values and samples. If it dies, the file that
//! killed it is named and a fresh worker takes the next one: nobody else notices.
//!
//! ```text
//!   pipeline                                   worker process
//!   Pool::with ── Request + file descriptors ─► dicom_series, capture, surface::repair
//!              ◄─ Reply (values) ──────────────
//!   Arena (shared memory) ◄── samples ─────────
//! ```

mod arena;
mod convert;
pub(crate) mod depth;
pub(crate) mod model;
mod pool;
mod protocol;
mod transport;
mod worker;

pub use arena::{Arena, ArenaError};
pub use capture::photo::MAX_PICTURE_BYTES;
pub use depth::{DepthReply, FrameRequest};
pub use pool::{GuardError, Limits, Pool, Worker};
pub use protocol::{Conversion, FrameJob, FrameReply, MeshJob, MeshReply, ModelLayout, Tile};
pub use worker::run_worker;
