//! Times the server: reading lists and cases, storing a folder over HTTP, its memory during a large upload, and
//! pictures for those who look through it, what a script can take of them, and pointers for those who look together.
//!
//! Every run has a store of its own. Each task prints one JSON line.

mod client;
mod live;
mod reads;
mod room;
mod take;
mod uploads;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

const USAGE: &str = "\
usage: server_load reads VITRINE [PATIENTS CASES SECONDS CLIENTS [REQUESTS_PER_SECOND]]
       server_load upload VITRINE FOLDER [RUNS]
       server_load memory VITRINE [GIB]
       server_load live VITRINE FOLDER
       server_load room VITRINE [PEOPLE]
       server_load take VITRINE FOLDER [SECONDS]
VITRINE is the program. Without a rate, clients of `reads` ask as fast as they are answered.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("server_load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: usize| -> Result<usize> {
        match words.get(at) {
            Some(word) => word.parse().with_context(|| format!("{word} is no number")),
            None => Ok(usual),
        }
    };
    let program = PathBuf::from(words.get(1).context(USAGE)?);
    match words[0].as_str() {
        "reads" => reads::run(
            &program,
            &reads::Load {
                patients: number(2, 10_000)?,
                cases: number(3, 50_000)?,
                secs: number(4, 10)?,
                clients: number(5, 16)?,
                per_sec: number(6, 0)?,
            },
        ),
        "upload" => uploads::folder(&program, words.get(2).context(USAGE)?.as_ref(), number(3, 5)?),
        "memory" => uploads::memory(&program, number(2, 10)?),
        "live" => live::run(&program, words.get(2).context(USAGE)?.as_ref()),
        "take" => take::run(&program, words.get(2).context(USAGE)?.as_ref(), number(3, 600)?),
        "room" => room::run(&program, number(2, 100)?),
        _ => bail!(USAGE),
    }
}
