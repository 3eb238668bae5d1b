//! Pictures: of both back ends, and in a browser.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Bench, compare, lines};
use crate::{shell, tools, web};

impl Bench {
    /// Frames of a turning volume without a GPU, against VTK's CPU ray caster, axial slices, and memory on the device.
    pub(super) fn renders(&self) -> Result<()> {
        for (size, slices, series) in [(256, 200, self.small()?), (512, 400, self.large()?)] {
            let prefix = self.data.join(format!("render-{size}"));
            let peer_png =
                prefix.with_file_name(format!("render-{size}-vtkFixedPointVolumeRayCastMapper.png"));
            let peers = match &self.peers {
                Some((python, scripts)) => {
                    let mut script = Command::new(python);
                    script.arg(scripts.join("render_peers.py")).arg(&series);
                    lines(script.arg("--png").arg(&prefix)).unwrap_or_else(|error| {
                        println!("VTK: skipped, {error:#}");
                        Vec::new()
                    })
                }
                None => Vec::new(),
            };
            let png = prefix.with_extension("png");
            let mut arguments = vec![series.as_path(), png.as_path()];
            if !peers.is_empty() {
                arguments.push(&peer_png);
            }
            let lines = self.ours("render_volume", &arguments)?;
            let (axial, ours): (Vec<Value>, Vec<Value>) =
                lines.into_iter().partition(|line| line["task"] == "axial slice");
            // The script has its own name for the median.
            let peers: Vec<Value> = peers
                .into_iter()
                .filter(|line| line["peer"] == "vtkFixedPointVolumeRayCastMapper")
                .map(|mut line| {
                    line["median_s"] = line["frame_median_s"].clone();
                    line
                })
                .collect();
            compare(
                &format!("{size} x {size} x {slices} into 512 x 512"),
                &ours,
                &peers,
                3.0,
            );
            for line in axial {
                let ms = line["median_s"].as_f64().unwrap_or(f64::NAN) * 1e3;
                println!("an axial slice of {size} x {size} x {slices}: {ms:.2} ms (asked: at most 8)");
            }
        }
        for line in self.ours("render_device", &[])? {
            let number = |name: &str| line[name].as_f64().unwrap_or(f64::NAN);
            let asked = match line["budget_bytes"].as_f64() {
                Some(budget) => format!("{budget:.0} bytes at most"),
                None => "1.2 at most".to_owned(),
            };
            println!(
                "on {}, {}: {:.0} bytes = {:.3} of the samples (asked: {asked}), {:.3} s a frame",
                line["adapter"],
                line["task"],
                number("device_bytes"),
                number("of_samples"),
                number("median_s"),
            );
        }
        Ok(())
    }

    /// The web client beside other viewers, each in a headless browser without a GPU.
    pub(super) fn browser(&self) -> Result<()> {
        let Some((_, scripts)) = &self.peers else {
            println!("browser: skipped, the scripts that drive it are missing");
            return Ok(());
        };
        tools::debian_packages(&["chromium", "chromium-driver"])?;
        let folder = web::build_stage()?;
        let pages = shell::root().join("viewer/measure");
        for page in ["index.html", "page.js"] {
            std::fs::copy(pages.join(page), folder.join(page)).with_context(|| format!("copying {page}"))?;
        }
        let (nifti, store) = (self.data.join("head-256.nii"), self.data.join("browser-store"));
        let _ = std::fs::remove_dir_all(&store);
        let vitrine = |words: &[&str]| {
            let mut command = Command::new(self.programs.join("vitrine"));
            command
                .args(words)
                .arg("--data")
                .arg(&store)
                .arg("--key-file")
                .arg(self.data.join("bench.key"));
            command
        };
        let stored = |series: &Path| -> Result<String> {
            let report = shell::output(vitrine(&["ingest", "--json"]).arg(series))?;
            let report: Value = serde_json::from_str(&report).context("what ingest prints")?;
            let id = report["items"][0]["id"].as_str().context("an item")?;
            Ok(id.to_owned())
        };
        let small = stored(&self.small()?)?;
        shell::output(vitrine(&["export", &small]).arg("--nifti").arg(&nifti))?;
        shell::output(vitrine(&["export", &small]).arg("--pyramid").arg(&folder))?;
        let large = stored(&self.large()?)?;
        shell::output(
            vitrine(&["export", &large])
                .arg("--pyramid")
                .arg(folder.join("large")),
        )?;

        let peers = web::browser_peers(&scripts.join("browser"))?;
        let ours = format!("{}/index.html", web::serve(&folder)?);
        let mut lines_of = Vec::new();
        for viewer in [ours.as_str(), "niivue", "vtkjs"] {
            let mut node = Command::new("node");
            node.current_dir(&peers)
                .arg("run.mjs")
                .arg(&nifti)
                .args(["--peer", viewer, "--frames", "10"]);
            let line = lines(&mut node)?
                .pop()
                .with_context(|| format!("what {viewer} prints"))?;
            println!("browser: {line}");
            lines_of.push(line);
        }
        let number = |at: usize, name: &str| lines_of[at][name].as_f64().unwrap_or(f64::NAN);
        for (peer, asked) in [(1, 4), (2, 15)] {
            println!(
                "browser: {:.1} times as fast a frame as {} (asked: {asked})",
                number(peer, "frame_median_ms") / number(0, "frame_median_ms"),
                lines_of[peer]["viewer"]
            );
        }
        println!(
            "browser: first picture after {:.2} of NiiVue's time (asked: at most 0.2)",
            number(0, "first_picture_ms") / number(1, "first_picture_ms")
        );
        std::fs::copy(pages.join("slices.mjs"), peers.join("slices.mjs"))?;
        let mut node = Command::new("node");
        node.current_dir(&peers)
            .arg("slices.mjs")
            .arg(format!("{ours}?volume=large"));
        let slices = lines(&mut node)?.pop().context("what slices.mjs prints")?;
        println!("browser: an axial slice of 512 x 512 x 400: {slices} (asked: at most 8 ms)");
        Ok(())
    }
}
