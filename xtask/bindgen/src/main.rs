//! Makes a browser's module of a compiled wasm file: `bindgen FILE.wasm FOLDER`.
//!
//! A program of its own, so that the commands which need no browser do not wait for it to be built.

use std::path::PathBuf;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (wasm, folder) = arguments
        .next()
        .zip(arguments.next())
        .context("usage: bindgen FILE.wasm FOLDER")?;
    Bindgen::new()
        .input_path(&wasm)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&folder)
        .with_context(|| format!("making a module of {}", wasm.display()))
}
