//! The web client: its pages, and the case viewer in which volumes, surfaces and photographs are seen and marked.
//!
//! What can be thought through without a browser ([`loading`], [`view_state`], [`marking`], [`texts`]) is plain Rust and
//! tested as such; `web` is the rest that touches the page, `stage` a volume alone on a canvas, for measuring. The renderer
//! is the one that the server and the desktop use.

#[cfg(target_family = "wasm")]
mod back_end;
#[cfg(target_family = "wasm")]
mod canvas;
pub mod loading;
pub mod marking;
#[cfg(target_family = "wasm")]
pub mod stage;
pub mod texts;
pub mod view_state;
#[cfg(target_family = "wasm")]
pub mod web;
