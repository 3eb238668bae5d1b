//! `./x demo`: from nothing to pictures of a head: its CT, two captures of its face with a change between them, and
//! photographs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell;

/// Slices of the demonstration series.
const SLICES: &str = "320";
/// Frames of each capture.
const FRAMES: &str = "40";
/// How far the tip of the nose moves from one capture to the other, mm.
const SHIFT_MM: &str = "3";

pub(crate) fn run() -> Result<()> {
    let vitrine = shell::build_release()?;
    let demo = Demo {
        vitrine,
        folder: shell::root().join("demo"),
    };
    let series = demo.made(
        "head-ct",
        "a synthetic head CT, which takes half a minute",
        |folder| {
            let mut command = testkit("head_ct");
            command.arg(folder).args(["--slices", SLICES]);
            command
        },
    )?;
    shell::run(demo.vitrine(&["ingest"]).arg(&series))?;
    let before = demo.capture("face-before", "0", "1")?;
    let after = demo.capture("face-after", SHIFT_MM, "2")?;
    let photos = demo.made("face-photos", "two photographs of the head", |folder| {
        let mut command = shell::cargo();
        command
            .args(["run", "--quiet", "--release", "--package", "renderer"])
            .args(["--example", "face_photos", "--"])
            .arg(folder);
        command
    })?;
    shell::run(demo.vitrine(&["ingest"]).arg(&before))?;
    shell::run(demo.vitrine(&["ingest"]).arg(&after))?;
    shell::run(demo.vitrine(&["ingest"]).arg(&photos))?;
    shell::run(&mut demo.vitrine(&["inspect"]))?;

    let volume = demo.item(&series, "volume")?;
    let before = demo.item(&before, "capture")?;
    let after = demo.item(&after, "capture")?;
    shell::run(&mut demo.vitrine(&["compare", &before, &after]))?;
    let mut pictures = Vec::new();
    for (file, options) in PICTURES {
        pictures.push(demo.draw(&volume, file, options)?);
    }
    pictures.push(demo.draw(&before, "face-before.png", FROM_THE_SIDE)?);
    pictures.push(demo.draw(&after, "face-after.png", FROM_THE_SIDE)?);
    let changed = [&["--comparison"], FROM_THE_SIDE].concat();
    pictures.push(demo.draw(&before, "face-change.png", &changed)?);
    println!("\nOpen these pictures:");
    for picture in pictures {
        println!("  {}", picture.display());
    }
    println!(
        "The stored items lie encrypted in {}; their key is {}.",
        demo.data().display(),
        demo.key().display()
    );
    Ok(())
}

/// The program, and where everything of the demonstration lies.
struct Demo {
    vitrine: PathBuf,
    folder: PathBuf,
}

impl Demo {
    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn key(&self) -> PathBuf {
        self.folder.join("key/root.key")
    }

    fn vitrine(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.vitrine);
        command
            .args(words)
            .arg("--data")
            .arg(self.data())
            .arg("--key-file")
            .arg(self.key());
        command
    }

    /// A folder of synthetic files. They are written beside their place and moved there, so that a broken-off run
    /// leaves no half folder.
    fn made(&self, name: &str, what: &str, writer: impl FnOnce(&Path) -> Command) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.is_dir() {
            return Ok(folder);
        }
        println!("\nwriting {what}");
        let partial = self.folder.join(format!("{name}.partial"));
        let _ = std::fs::remove_dir_all(&partial);
        shell::run(&mut writer(&partial))?;
        std::fs::rename(&partial, &folder)
            .with_context(|| format!("moving files to {}", folder.display()))?;
        Ok(folder)
    }

    /// A depth capture of the head, as a folder to be ingested; its true surface lies beside it.
    fn capture(&self, name: &str, shift_mm: &str, seed: &str) -> Result<PathBuf> {
        let truth = self.folder.join(format!("{name}-truth.ply"));
        self.made(name, "a depth capture of the head", |folder| {
            let mut command = testkit("face_capture");
            command
                .arg(folder)
                .args(["--frames", FRAMES, "--shift-mm", shift_mm, "--seed", seed])
                .arg("--truth")
                .arg(&truth);
            command
        })
    }

    /// The item that a folder became. Ingesting again makes no second copy and tells.
    fn item(&self, folder: &Path, kind: &str) -> Result<String> {
        let report = shell::output(self.vitrine(&["ingest", "--json"]).arg(folder))?;
        let report: Value = serde_json::from_str(&report).context("what ingest prints")?;
        let items = report["items"].as_array().into_iter().flatten();
        let mut ids = items
            .filter(|item| item["kind"] == kind)
            .filter_map(|item| item["id"].as_str());
        let id = ids
            .next()
            .with_context(|| format!("{} became no {kind}", folder.display()))?;
        Ok(id.to_owned())
    }

    fn draw(&self, item: &str, file: &str, options: &[&str]) -> Result<PathBuf> {
        let picture = self.folder.join(file);
        let mut command = self.vitrine(&["render", item]);
        shell::run(
            command
                .args(options)
                .args(["--turn-degrees", "30", "--size", "900x900"])
                .arg("--png")
                .arg(&picture),
        )?;
        Ok(picture)
    }
}

/// A program of the test kit.
fn testkit(name: &str) -> Command {
    let mut command = shell::cargo();
    command
        .args(["run", "--quiet", "--release", "--package", "testkit"])
        .args(["--bin", name, "--"]);
    command
}

/// The options of `vitrine render` for a face.
const FROM_THE_SIDE: &[&str] = &["--view", "anterior"];

/// File name and the options of `vitrine render` for the volume.
const PICTURES: &[(&str, &[&str])] = &[
    ("volume-skin.png", &["--preset", "CT-Skin", "--view", "anterior"]),
    ("volume-bone.png", &["--preset", "CT-Bone", "--view", "anterior"]),
    ("surfaces.png", &["--surfaces", "--view", "anterior"]),
];
