//! `./x test`: every test of the workspace; `./x test --long`: with the long runs of those that have one.

use anyhow::Result;

use crate::{shell, tools};

/// A Vulkan driver that needs no GPU, for the tests of the renderer, and the database that larger practices take.
const PACKAGES: &[&str] = &["libvulkan1", "mesa-vulkan-drivers", "postgresql"];

/// A browser to sign in with; without `--long`, only where it is there already.
const BROWSER: &[&str] = &["chromium", "chromium-driver"];

pub(crate) fn run(rest: &[&str]) -> Result<()> {
    let mut command = shell::cargo();
    command.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    for word in rest {
        match *word {
            "--long" => command.env("VITRINE_LONG", "1"),
            other => command.arg(other),
        };
    }
    match tools::test_python() {
        Ok(python) => {
            command.env("VITRINE_MOTO", python.with_file_name("moto_server"));
            command.env("VITRINE_PYTHON", python);
        }
        Err(error) => println!("tests that need Python are skipped: {error:#}"),
    }
    if rest.contains(&"--long")
        && let Err(error) = tools::debian_packages(BROWSER)
    {
        println!("tests in a browser are skipped: {error:#}");
    }
    if let Err(error) = tools::debian_packages(PACKAGES) {
        println!("tests that need a missing package are skipped: {error:#}");
    }
    shell::run(&mut command)
}
