//! What the rows work on: synthetic series, made once and kept between runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::Bench;
use crate::shell;

impl Bench {
    /// A folder of the bench's data, made whole or not at all where it is not there.
    pub(super) fn once(&self, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let folder = self.data.join(name);
        if !folder.is_dir() {
            let partial = folder.with_extension("partial");
            let _ = std::fs::remove_dir_all(&partial);
            make(&partial)?;
            std::fs::rename(&partial, &folder)?;
        }
        Ok(folder)
    }

    /// A series as the peers' phantom script writes it; `None` where its tool is missing.
    pub(super) fn series(&self, syntax: &str, slices: u32) -> Result<Option<PathBuf>> {
        let Some((python, scripts)) = &self.peers else {
            return match syntax {
                "explicit" => self.head(slices).map(Some),
                _ => Ok(None),
            };
        };
        let bin = python.parent().map(|folder| folder.display().to_string());
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", bin.unwrap_or_default());
        let made = self.once(&format!("{syntax}-{slices}"), |folder| {
            let mut writer = Command::new(python);
            writer
                .env("PATH", path)
                .arg(scripts.join("phantom.py"))
                .arg(folder);
            shell::run(writer.args(["--slices", &slices.to_string(), "--syntax", syntax]))
        });
        Ok(made.ok())
    }

    /// The uncompressed series of 400 slices.
    pub(super) fn large(&self) -> Result<PathBuf> {
        self.series("explicit", 400)?.context("the uncompressed series")
    }

    /// The phantom of 256 x 256 x 200.
    pub(super) fn small(&self) -> Result<PathBuf> {
        let (size, slices) = ("256", "200");
        self.once("explicit-256x200", |folder| {
            let mut writer = match &self.peers {
                Some((python, scripts)) => {
                    let mut writer = Command::new(python);
                    writer.arg(scripts.join("phantom.py"));
                    writer
                }
                None => Command::new(self.programs.join("head_ct")),
            };
            writer.arg(folder).args(["--size", size, "--slices", slices]);
            shell::run(&mut writer)
        })
    }

    /// The synthetic head as a series.
    pub(super) fn head(&self, slices: u32) -> Result<PathBuf> {
        self.heads(slices, 1)
    }

    /// Several synthetic heads above each other as one series.
    pub(super) fn heads(&self, slices: u32, heads: u32) -> Result<PathBuf> {
        let name = match heads {
            1 => format!("head-{slices}"),
            _ => format!("heads-{slices}x{heads}"),
        };
        self.once(&name, |folder| {
            let mut writer = Command::new(self.programs.join("head_ct"));
            writer.arg(folder).args(["--slices", &slices.to_string()]);
            shell::run(writer.args(["--heads", &heads.to_string()]))
        })
    }
}
