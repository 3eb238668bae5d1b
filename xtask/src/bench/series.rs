//! Files to volumes, surfaces and stored items.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Bench, RUNS, compare, lines, median, orthanc};
use crate::shell;

struct Run {
    secs: f64,
    peak_bytes: u64,
}

impl Bench {
    /// Series to one sorted volume in memory, uncompressed and compressed.
    pub(super) fn volumes(&self) -> Result<()> {
        for (syntax, slices, times) in [
            ("explicit", 400, 5.0),
            ("rle", 120, 4.0),
            ("jpegll", 120, 2.5),
            ("jpegls", 120, 2.5),
            ("j2k", 120, 2.0),
        ] {
            let Some(series) = self.series(syntax, slices)? else {
                println!("{syntax}: skipped, the tool that writes it is missing");
                continue;
            };
            let ours = self.ours("series_to_volume", &[&series, Path::new(RUNS)])?;
            let peers = self.peer("ingest_peers.py", &series, &[])?;
            compare(&format!("{slices} files, {syntax}"), &ours, &peers, times);
        }
        Ok(())
    }

    /// Isosurface and simplification of the large series.
    pub(super) fn surfaces(&self) -> Result<()> {
        let series = self.large()?;
        let meshes = self.data.join("meshes");
        let arguments = [&series, Path::new(RUNS), Path::new("300"), &meshes];
        let ours = self.ours("isosurface", &arguments)?;
        let peers = self.peer("surface_peers.py", &series, &["--iso", "300"])?;
        let task = |lines: &[Value], task: &str| -> Vec<Value> {
            lines.iter().filter(|l| l["task"] == task).cloned().collect()
        };
        for (name, times) in [("isosurface with normals", 2.0), ("decimate by 90 %", 10.0)] {
            compare(name, &task(&ours, name), &task(&peers, name), times);
        }
        if let Some((python, _)) = &self.peers {
            let script = shell::root().join("benches/peers/surface_check.py");
            shell::run(Command::new(python).arg(script).arg(&series).arg(&meshes))?;
        }
        Ok(())
    }

    /// Mesh files of 5 million triangles to repaired surfaces, against loading and merging alone.
    pub(super) fn meshes(&self) -> Result<()> {
        let folder = self.once("mesh", |folder| {
            let mut writer = Command::new(self.programs.join("mesh_file"));
            shell::run(writer.arg("make").arg(folder))
        })?;
        let ours = self.ours("mesh_file", &[&folder, Path::new(RUNS)])?;
        let peers = match &self.peers {
            Some((python, _)) => {
                let script = shell::root().join("benches/peers/trimesh_load.py");
                let run = lines(
                    Command::new(python)
                        .arg(script)
                        .arg(&folder)
                        .args(["--runs", "1"]),
                );
                run.unwrap_or_else(|error| {
                    println!("trimesh: skipped, {error:#}");
                    Vec::new()
                })
            }
            None => Vec::new(),
        };
        let task = |lines: &[Value], task: &str| -> Vec<Value> {
            lines.iter().filter(|l| l["task"] == task).cloned().collect()
        };
        for format in ["stl file", "ply file", "glb file"] {
            let own = task(&ours, format);
            compare(format, &own, &task(&peers, format), 3.0);
            for line in &own {
                let bytes = |name: &str| line[name].as_f64().unwrap_or(f64::NAN);
                let times = bytes("peak_bytes") / bytes("file_bytes");
                println!("{format}: stored, peak memory {times:.1} times the file (asked: at most 4)");
            }
        }
        Ok(())
    }

    /// Depth frames to a surface, and how far it is from the true one.
    pub(super) fn captures(&self) -> Result<()> {
        let Some((python, scripts)) = &self.peers else {
            println!("capture: skipped, the script that writes it is missing");
            return Ok(());
        };
        let made = self.once("capture-40", |folder| {
            let mut writer = Command::new(python);
            shell::run(writer.arg(scripts.join("capture_phantom.py")).arg(folder))
        });
        let Ok(folder) = made else {
            println!("capture: skipped, its Python has no open3d");
            return Ok(());
        };
        let measure = |options: &[&Path]| {
            let mut script = Command::new(python);
            lines(
                script
                    .arg(scripts.join("capture_peers.py"))
                    .arg(&folder)
                    .args(options),
            )
        };
        let secs = |line: &Value| line["seconds"].as_f64();
        let theirs = (0..5).map(|_| measure(&[])).collect::<Result<Vec<_>>>()?.concat();
        let peer = median(theirs.iter().filter_map(secs));
        let rms = &theirs.first().context("what the peer measures")?["rms_mm"];
        println!("capture: Open3D VoxelBlockGrid {peer:.3} s, RMS {rms} mm");
        for (mode, asked) in [
            (
                "known",
                "half the time, RMS no larger, signed mean within 0.02 mm",
            ),
            ("disturbed", "RMS 0.30 mm"),
            ("none", "RMS 0.46 mm"),
        ] {
            let mesh = self.data.join(format!("capture-{mode}.ply"));
            let ours = self.ours(
                "capture_fusion",
                &[&folder, Path::new(RUNS), Path::new(mode), &mesh, Path::new("1.0")],
            )?;
            let own = ours
                .first()
                .and_then(|l| l["median_s"].as_f64())
                .unwrap_or(f64::NAN);
            for line in measure(&[Path::new("--mesh"), &mesh])? {
                println!(
                    "capture, poses {mode}: vitrine {own:.3} s = {:.2} of Open3D, RMS {} mm, signed mean {} mm (asked: {asked})",
                    own / peer,
                    line["rms_mm"],
                    line["signed_mean_mm"]
                );
            }
        }
        Ok(())
    }

    /// The whole ingest against Orthanc merely storing the files.
    pub(super) fn ingest(&self) -> Result<()> {
        let series = self.large()?;
        let mut ours = Vec::new();
        for _ in 0..5 {
            ours.push(self.timed_ingest(&series)?);
        }
        let secs = median(ours.iter().map(|run| run.secs));
        let peak = ours.iter().map(|run| run.peak_bytes).max().unwrap_or_default();
        println!(
            "vitrine ingest: median {secs:.3} s, peak memory {} MB",
            peak / 1_000_000
        );
        for (clients, how) in [(1, "one file after the other"), (2, "two files at a time")] {
            let Some(theirs) = orthanc(&series, clients) else {
                break;
            };
            println!(
                "Orthanc, storing only, {how}: median {theirs:.3} s, ratio {:.2} (asked: at most 1.5)",
                secs / theirs
            );
        }
        Ok(())
    }

    /// Peak memory against the size of the volume, for a large and a very large series.
    pub(super) fn memory(&self) -> Result<()> {
        for (slices, asked) in [(400u32, "1.6 times the volume"), (3000, "1.2 GB")] {
            let series = self.head(slices)?;
            let run = self.timed_ingest(&series)?;
            let volume = 512.0 * 512.0 * 2.0 * f64::from(slices);
            println!(
                "{slices} slices: {:.1} s, peak {:.0} MB = {:.2} times the volume (asked: at most {asked})",
                run.secs,
                run.peak_bytes as f64 / 1e6,
                run.peak_bytes as f64 / volume
            );
        }
        Ok(())
    }

    /// Time a voxel over the number of slices.
    pub(super) fn scaling(&self) -> Result<()> {
        let mut per_voxel = Vec::new();
        // Heads of 100 slices, one above the other: the same surface a voxel at every length.
        for (slices, runs) in [(100u32, 5), (400, 5), (1000, 3), (3000, 1)] {
            let series = self.heads(100, slices / 100)?;
            let secs = median(
                (0..runs)
                    .map(|_| self.timed_ingest(&series).map(|r| r.secs))
                    .collect::<Result<Vec<_>>>()?,
            );
            let ns = secs * 1e9 / (512.0 * 512.0 * f64::from(slices));
            println!("{slices:>5} slices: {secs:7.2} s, {ns:.2} ns a voxel");
            per_voxel.push(ns);
        }
        let (low, high) = per_voxel
            .iter()
            .fold((f64::MAX, 0.0f64), |(l, h), &v| (l.min(v), h.max(v)));
        println!("largest over smallest: {:.2} (asked: at most 1.2)", high / low);
        Ok(())
    }

    /// One ingest into an empty store, with its time and the peak memory of all its processes.
    fn timed_ingest(&self, series: &Path) -> Result<Run> {
        let store = self.data.join("store");
        let _ = std::fs::remove_dir_all(&store);
        let out = lines(
            Command::new(self.programs.join("peak"))
                .arg(self.programs.join("vitrine"))
                .arg("ingest")
                .arg(series)
                .arg("--data")
                .arg(&store)
                .arg("--key-file")
                .arg(self.data.join("bench.key")),
        )?;
        std::fs::remove_dir_all(&store)?;
        let line = out.last().context("what the memory watch prints")?;
        let number = |name: &str| {
            line[name]
                .as_f64()
                .with_context(|| format!("{name} is missing in {line}"))
        };
        Ok(Run {
            secs: number("secs")?,
            peak_bytes: number("peak_bytes")? as u64,
        })
    }
}
