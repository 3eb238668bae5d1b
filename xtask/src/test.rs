//! `./x test`: every test of the workspace.

use anyhow::Result;

use crate::{shell, tools};

pub(crate) fn run(rest: &[&str]) -> Result<()> {
    let mut command = shell::cargo();
    command
        .args(["test", "--workspace", "--locked", "--no-fail-fast"])
        .args(rest);
    match tools::test_python() {
        Ok(python) => {
            command.env("VITRINE_MOTO", python.with_file_name("moto_server"));
            command.env("VITRINE_PYTHON", python);
        }
        Err(error) => println!("tests that need Python are skipped: {error:#}"),
    }
    shell::run(&mut command)
}
