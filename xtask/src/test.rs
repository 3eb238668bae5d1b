//! `./x test`: every test of the workspace; `./x test --long`: with the long runs of those that have one.

use anyhow::Result;

use crate::{shell, tools, web};

/// A Vulkan driver that needs no GPU, for the tests of the renderer, and the database that larger practices take.
const PACKAGES: &[&str] = &["libvulkan1", "mesa-vulkan-drivers", "postgresql"];

/// A browser for the tests of the pages, which are among the long ones: they need the client built.
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
    if rest.contains(&"--long") {
        match tools::debian_packages(BROWSER).and_then(|()| web::build_client()) {
            Ok(client) => {
                command.env("VITRINE_CLIENT", client);
            }
            Err(error) => println!("tests in a browser are skipped: {error:#}"),
        }
        match tools::axe() {
            Ok(script) => {
                command.env("VITRINE_AXE", script);
            }
            Err(error) => println!("pages are not checked for accessibility: {error:#}"),
        }
    }
    if let Err(error) = tools::debian_packages(PACKAGES) {
        println!("tests that need a missing package are skipped: {error:#}");
    }
    shell::run(&mut command)
}
