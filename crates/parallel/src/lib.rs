//! Work on all processors: rayon, under its own names.
//!
//! Of its own because browsers run the client on one thread, where rayon works too but is as large as a page of the
//! client. There the same names stand for plain iterators (`alone`), so that the rooms which decode and draw are
//! written once.

#[cfg(any(test, target_family = "wasm"))]
pub mod alone;

#[cfg(target_family = "wasm")]
pub use alone::{current_num_threads, join, prelude};
#[cfg(not(target_family = "wasm"))]
pub use rayon::{current_num_threads, join, prelude};
