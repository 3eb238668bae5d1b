//! The commands behind `./x`.
//!
//! Everything that a person or CI does to the workspace is a command here: `./x demo`, `./x test`, `./x check`,
//! `./x bench`, `./x build`. Each installs what it needs below `target/tools` and says so.

mod bench;
mod check;
mod demo;
mod layers;
mod shell;
mod test;
mod tools;
mod web;

use std::process::ExitCode;

const HELP: &str = "\
./x demo     build Vitrine, write a synthetic head, ingest it, leave pictures (in demo/) and serve it  [--once: and end]
./x test     run every test  [--long: with long random runs]
./x check    formatting, lints, layers, dependencies, documentation
./x bench    benchmarks, beside other programs where they are installed  [NAME of a row to run it alone]
./x build    build the vitrine program and the web client in release mode
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["demo", rest @ ..] => demo::run(rest),
        ["test", rest @ ..] => test::run(rest),
        ["check"] => check::run(),
        ["bench", rest @ ..] => bench::run(rest),
        ["build"] => shell::build_release().and_then(|program| {
            let web = web::build_client()?;
            println!("built {} and {}", program.display(), web.display());
            Ok(())
        }),
        ["help" | "--help" | "-h"] | [] => {
            print!("{HELP}");
            Ok(())
        }
        [other, ..] => Err(anyhow::anyhow!("there is no command {other}\n\n{HELP}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("x: {error:#}");
            ExitCode::FAILURE
        }
    }
}
