//! The web client: its pages, and the case viewer in which volumes, surfaces and photographs are seen and marked.
//!
//! What can be thought through without a browser ([`loading`], [`view_state`], [`linking`], [`bindings`], [`curve`],
//! [`marking`], [`labels`], [`looks`], [`together`], [`outbox`], [`texts`], [`json`]) is plain Rust and tested as such; `web`
//! is the rest that touches the page, `stage` a volume alone on a canvas, for measuring. The renderer is the one that the server and the desktop use.

#[cfg(target_family = "wasm")]
mod back_end;
pub mod bindings;
#[cfg(target_family = "wasm")]
mod canvas;
pub mod curve;
pub mod json;
pub mod labels;
pub mod linking;
pub mod loading;
pub mod looks;
pub mod marking;
pub mod outbox;
pub mod rights;
#[cfg(all(target_family = "wasm", feature = "stage"))]
pub mod stage;
pub mod texts;
pub mod together;
pub mod view_state;
#[cfg(all(target_family = "wasm", any(feature = "pages", feature = "viewer")))]
pub mod web;
