//! The web client's case viewer: a stored pyramid, streamed onto a canvas.
//!
//! What can be thought through without a browser ([`loading`]) is plain Rust and tested as such; `stage` is the thin
//! rest that touches the page. The renderer is the one that the server and the desktop use.

#[cfg(target_family = "wasm")]
mod back_end;
pub mod loading;
#[cfg(target_family = "wasm")]
pub mod stage;
