//! The `vitrine` program.

mod bars;
mod commands;
mod memory;
mod print;
mod secret;
mod store;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Medical imaging cases: everyone may look, only the uploader may obtain a file.
#[derive(Parser)]
#[command(name = "vitrine", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Take files, folders and ZIP archives into the store: series, meshes and photographs
    Ingest(commands::ingest::Arguments),
    /// Show what is stored: items, geometry, findings, artifacts, sizes
    Inspect(commands::inspect::Arguments),
    /// Write a stored volume as NIfTI or a surface as GLB, STL or PLY, for the operator of this machine
    Export(commands::export::Arguments),
    /// Lay a stored surface onto another one and measure what has changed
    Compare(commands::compare::Arguments),
    /// Draw a stored item as a PNG picture
    Render(commands::render::Arguments),
    /// Show a stored item, or files, in a window
    View(commands::view::Arguments),
    /// Serve cases over HTTP
    Serve(commands::serve::Arguments),
    /// Work on what servers have taken in, apart from them
    Worker(commands::serve::Arguments),
    /// Copy everything to a folder while servers run; nothing in it can be read without the root key
    Backup(commands::backup::BackupArguments),
    /// Take what a backup has into a store that has nothing yet
    Restore(commands::backup::RestoreArguments),
    /// Manage accounts as the operator of this machine, who sees no content
    User(commands::user::Arguments),
    /// Replace the root key: every key under it is wrapped anew, no object is touched
    RotateKey(commands::rotate_key::Arguments),
    /// Say whether a server would start here, and what it would run with
    Doctor(commands::doctor::Arguments),
    /// Prove that the record of what was done is whole, and take it out
    Audit(commands::audit::Arguments),
    /// Say whose session a copy of a picture comes from, by the hidden mark in it
    Trace(commands::trace::Arguments),
    /// Read and decode files for another vitrine process, behind a wall
    #[command(name = ingest::WORKER_COMMAND, hide = true)]
    DecodeWorker {
        /// Private memory that the worker may use, bytes.
        memory_bytes: u64,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Ingest(arguments) => {
            memory::give_back_early();
            commands::ingest::run(&arguments)
        }
        Command::Inspect(arguments) => commands::inspect::run(&arguments),
        Command::Export(arguments) => commands::export::run(&arguments),
        Command::Compare(arguments) => commands::compare::run(&arguments),
        Command::Render(arguments) => commands::render::run(&arguments),
        Command::View(arguments) => commands::view::run(&arguments),
        Command::Serve(arguments) => commands::serve::run(&arguments),
        Command::Worker(arguments) => {
            memory::give_back_early();
            commands::serve::run_worker(&arguments)
        }
        Command::Backup(arguments) => commands::backup::run(&arguments),
        Command::Restore(arguments) => commands::backup::run_restore(&arguments),
        Command::User(arguments) => commands::user::run(&arguments),
        Command::RotateKey(arguments) => commands::rotate_key::run(&arguments),
        Command::Doctor(arguments) => commands::doctor::run(&arguments),
        Command::Audit(arguments) => commands::audit::run(&arguments),
        Command::Trace(arguments) => commands::trace::run(&arguments),
        Command::DecodeWorker { memory_bytes } => {
            ingest::guard::run_worker(memory_bytes);
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vitrine: {error:#}");
            ExitCode::FAILURE
        }
    }
}
