//! `./x demo`: from nothing to pictures of a head.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell;

/// Slices of the demonstration series.
const SLICES: &str = "320";

pub(crate) fn run() -> Result<()> {
    let vitrine = shell::build_release()?;
    let demo = shell::root().join("demo");
    let series = demo.join("head-ct");
    if !series.is_dir() {
        println!("\nwriting a synthetic head CT of {SLICES} slices, which takes half a minute");
        write_series(&series)?;
    }
    let data = demo.join("data");
    let key = demo.join("key/root.key");
    let vitrine_on = |words: &[&str]| {
        let mut command = Command::new(&vitrine);
        command
            .args(words)
            .arg("--data")
            .arg(&data)
            .arg("--key-file")
            .arg(&key);
        command
    };
    shell::run(vitrine_on(&["ingest"]).arg(&series))?;
    shell::run(&mut vitrine_on(&["inspect"]))?;

    let listed = shell::output(vitrine_on(&["inspect"]).arg("--json"))?;
    let listed: Value = serde_json::from_str(&listed).context("what inspect prints")?;
    let id = listed["items"][0]["id"]
        .as_str()
        .context("the demonstration has no item")?;
    let mut pictures = Vec::new();
    for (file, options) in PICTURES {
        let picture = demo.join(file);
        shell::run(
            vitrine_on(&["render", id])
                .args(*options)
                .arg("--png")
                .arg(&picture),
        )?;
        pictures.push(picture);
    }
    println!("\nOpen these pictures:");
    for picture in pictures {
        println!("  {}", picture.display());
    }
    println!(
        "The stored item lies encrypted in {}; its key is {}.",
        data.display(),
        key.display()
    );
    Ok(())
}

/// File name and the options of `vitrine render`.
const PICTURES: &[(&str, &[&str])] = &[
    (
        "volume-skin.png",
        &[
            "--preset",
            "CT-Skin",
            "--view",
            "anterior",
            "--turn-degrees",
            "30",
            "--size",
            "900x900",
        ],
    ),
    (
        "volume-bone.png",
        &[
            "--preset",
            "CT-Bone",
            "--view",
            "anterior",
            "--turn-degrees",
            "30",
            "--size",
            "900x900",
        ],
    ),
    (
        "surfaces.png",
        &[
            "--surfaces",
            "--view",
            "anterior",
            "--turn-degrees",
            "30",
            "--size",
            "900x900",
        ],
    ),
];

/// Writes the series beside its place and moves it there, so that a broken-off run leaves no half series.
fn write_series(folder: &Path) -> Result<()> {
    let partial = folder.with_extension("partial");
    let _ = std::fs::remove_dir_all(&partial);
    shell::run(
        shell::cargo()
            .args([
                "run",
                "--quiet",
                "--release",
                "--package",
                "testkit",
                "--bin",
                "head_ct",
                "--",
            ])
            .arg(&partial)
            .args(["--slices", SLICES]),
    )?;
    std::fs::rename(&partial, folder).with_context(|| format!("moving the series to {}", folder.display()))
}
