//! `./x check`: everything that needs no test run.

use anyhow::Result;

use crate::{layers, shell, tools};

pub(crate) fn run() -> Result<()> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))?;
    layers::check()?;
    shell::run(shell::cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--quiet",
        "--",
        "--deny",
        "warnings",
    ]))?;
    let deny = tools::cargo_deny()?;
    // It asks about the crates of every platform, and a build has fetched only those of this one.
    shell::run(shell::cargo().args(["fetch", "--locked", "--quiet"]))?;
    let manifest = shell::root().join("Cargo.toml");
    shell::run(
        std::process::Command::new(deny)
            .current_dir(shell::root())
            .arg("--offline")
            .arg("--manifest-path")
            .arg(manifest)
            .args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]),
    )?;
    shell::run(
        shell::cargo()
            .args([
                "doc",
                "--workspace",
                "--no-deps",
                "--document-private-items",
                "--locked",
                "--quiet",
            ])
            .env(
                "RUSTDOCFLAGS",
                "--deny warnings --allow rustdoc::private-intra-doc-links",
            ),
    )?;
    println!("\nall checks passed");
    Ok(())
}
