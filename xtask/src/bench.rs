//! `./x bench`: whole-program runs beside other programs, then the criterion benches.
//!
//! Each row times our side and its peers one after the other in the same run on the same files, and prints medians
//! and the ratio between them. Peers are Python packages and Debian programs; a row says plainly which are missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{shell, tools, web};

/// How often each side of a row runs.
const RUNS: &str = "5";

type Row = fn(&Bench) -> Result<()>;

const ROWS: &[(&str, Row)] = &[
    ("volume", |b| b.volumes()),
    ("isosurface", |b| b.surfaces()),
    ("mesh", |b| b.meshes()),
    ("ingest", |b| b.ingest()),
    ("server", |b| b.server()),
    ("capture", |b| b.captures()),
    ("render", |b| b.renders()),
    ("memory", |b| b.memory()),
    ("scaling", |b| b.scaling()),
    ("browser", |b| b.browser()),
    ("criterion", |_| {
        shell::run(shell::cargo().args(["bench", "--workspace", "--locked"]))
    }),
];

pub(crate) fn run(wanted: &[&str]) -> Result<()> {
    if let Some(unknown) = wanted
        .iter()
        .find(|name| !ROWS.iter().any(|(row, _)| row == *name))
    {
        let names: Vec<&str> = ROWS.iter().map(|(name, _)| *name).collect();
        bail!("there is no row {unknown}; the rows are {}", names.join(", "));
    }
    shell::run(shell::cargo().args([
        "build",
        "--release",
        "--locked",
        "-p",
        "server",
        "-p",
        "benches",
        "-p",
        "testkit",
    ]))?;
    let bench = Bench::new()?;
    for (name, row) in ROWS {
        if wanted.is_empty() || wanted.contains(name) {
            println!("\n== {name}");
            row(&bench)?;
        }
    }
    Ok(())
}

struct Bench {
    programs: PathBuf,
    /// Series are kept here between runs.
    data: PathBuf,
    /// The scripts that time other programs, and a Python that has what they need.
    peers: Option<(PathBuf, PathBuf)>,
}

impl Bench {
    fn new() -> Result<Self> {
        let data = shell::target().join("bench");
        std::fs::create_dir_all(&data)?;
        let peers = peers();
        if peers.is_none() {
            println!(
                "peers are skipped: no Python with numpy, pydicom and SimpleITK, or no scripts \
                 (VITRINE_PEERS_PYTHON, VITRINE_PEERS)"
            );
        }
        Ok(Self {
            programs: shell::target().join("release"),
            data,
            peers,
        })
    }

    /// Series to one sorted volume in memory, uncompressed and compressed.
    fn volumes(&self) -> Result<()> {
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
    fn surfaces(&self) -> Result<()> {
        let series = self.series("explicit", 400)?.context("the uncompressed series")?;
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
    fn meshes(&self) -> Result<()> {
        let folder = self.data.join("mesh");
        if !folder.is_dir() {
            let partial = folder.with_extension("partial");
            let _ = std::fs::remove_dir_all(&partial);
            shell::run(
                Command::new(self.programs.join("mesh_file"))
                    .arg("make")
                    .arg(&partial),
            )?;
            std::fs::rename(&partial, &folder)?;
        }
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

    /// The whole ingest against Orthanc merely storing the files.
    fn ingest(&self) -> Result<()> {
        let series = self.series("explicit", 400)?.context("the uncompressed series")?;
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
        if let Some(theirs) = orthanc(&series) {
            println!("Orthanc, storing only: median {theirs:.3} s");
            println!("ratio {:.2} (asked: at most 1.5)", secs / theirs);
        }
        Ok(())
    }

    /// The server: storing a series over HTTP against Orthanc, memory during a large upload, and reading.
    fn server(&self) -> Result<()> {
        let vitrine = self.programs.join("vitrine");
        let series = self.series("explicit", 400)?.context("the uncompressed series")?;
        let load = |words: &[&Path]| -> Result<Value> {
            let line = self.ours("server_load", words)?.pop();
            line.context("what server_load prints")
        };
        let ours = load(&[Path::new("upload"), &vitrine, &series, Path::new(RUNS)])?;
        let secs = ours["median_s"].as_f64().unwrap_or(f64::NAN);
        println!("400 files over HTTP, encrypted and durable: median {secs:.3} s");
        if let Some(theirs) = orthanc(&series) {
            println!(
                "Orthanc: median {theirs:.3} s, ratio {:.2} (asked: at most 1)",
                secs / theirs
            );
        }
        let memory = load(&[Path::new("memory"), &vitrine])?;
        println!("upload of 10 GiB: {memory} (asked: peak below 300 MB)");
        let reads = load(&[Path::new("reads"), &vitrine])?;
        println!("reads: {reads} (asked: 1,000 a second, p99 at most 50 ms)");
        let live = load(&[Path::new("live"), &vitrine, &series])?;
        println!(
            "pictures from the server: {live} (asked, p95: turning 150 ms, slices 60 ms, 20 viewers of slices 200 ms)"
        );
        let room = load(&[Path::new("room"), &vitrine])?;
        println!("100 people who point 20 times a second: {room} (asked: delivery p99 50 ms)");
        Ok(())
    }

    /// Depth frames to a surface, and how far it is from the true one.
    fn captures(&self) -> Result<()> {
        let Some((python, scripts)) = &self.peers else {
            println!("capture: skipped, the script that writes it is missing");
            return Ok(());
        };
        let folder = self.data.join("capture-40");
        if !folder.is_dir() {
            let partial = folder.with_extension("partial");
            let _ = std::fs::remove_dir_all(&partial);
            let mut writer = Command::new(python);
            writer.arg(scripts.join("capture_phantom.py")).arg(&partial);
            if shell::run(&mut writer).is_err() {
                println!("capture: skipped, its Python has no open3d");
                return Ok(());
            }
            std::fs::rename(&partial, &folder)?;
        }
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

    /// Frames of a turning volume without a GPU, against VTK's CPU ray caster, axial slices, and memory on the device.
    fn renders(&self) -> Result<()> {
        for (size, slices) in [(256u32, 200u32), (512, 400)] {
            let series = self.head_of(size, slices)?;
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

    /// The synthetic head of `size` x `size` x `slices`, as the peers' script writes it where it can run.
    fn head_of(&self, size: u32, slices: u32) -> Result<PathBuf> {
        if size == 512 {
            return self
                .series("explicit", slices)?
                .context("the uncompressed series");
        }
        let folder = self.data.join(format!("head-{size}-{slices}"));
        if !folder.is_dir() {
            let partial = folder.with_extension("partial");
            let _ = std::fs::remove_dir_all(&partial);
            let mut writer = match &self.peers {
                Some((python, scripts)) => {
                    let mut writer = Command::new(python);
                    writer.arg(scripts.join("phantom.py"));
                    writer
                }
                None => Command::new(self.programs.join("head_ct")),
            };
            let (size, slices) = (size.to_string(), slices.to_string());
            writer.arg(&partial).args(["--size", &size, "--slices", &slices]);
            shell::run(&mut writer)?;
            std::fs::rename(&partial, &folder)?;
        }
        Ok(folder)
    }

    /// Peak memory against the size of the volume, for a large and a very large series.
    fn memory(&self) -> Result<()> {
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

    /// The web client beside other viewers, each in a headless browser without a GPU.
    fn browser(&self) -> Result<()> {
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
        let small = stored(&self.small_head()?)?;
        shell::output(vitrine(&["export", &small]).arg("--nifti").arg(&nifti))?;
        shell::output(vitrine(&["export", &small]).arg("--pyramid").arg(&folder))?;
        let large = stored(&self.series("explicit", 400)?.context("the uncompressed series")?)?;
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

    /// The phantom of 256 x 256 x 200.
    fn small_head(&self) -> Result<PathBuf> {
        let folder = self.data.join("explicit-256x200");
        if let (false, Some((python, scripts))) = (folder.is_dir(), &self.peers) {
            let partial = folder.with_extension("partial");
            let _ = std::fs::remove_dir_all(&partial);
            shell::run(
                Command::new(python)
                    .arg(scripts.join("phantom.py"))
                    .arg(&partial)
                    .args(["--size", "256", "--slices", "200"]),
            )?;
            std::fs::rename(&partial, &folder)?;
        }
        Ok(folder)
    }

    /// Time a voxel over the number of slices.
    fn scaling(&self) -> Result<()> {
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

    /// A series as the peers' phantom script writes it, made once; `None` where its tool is missing.
    fn series(&self, syntax: &str, slices: u32) -> Result<Option<PathBuf>> {
        let folder = self.data.join(format!("{syntax}-{slices}"));
        if folder.is_dir() {
            return Ok(Some(folder));
        }
        let Some((python, scripts)) = &self.peers else {
            return if syntax == "explicit" {
                self.head(slices).map(Some)
            } else {
                Ok(None)
            };
        };
        let partial = folder.with_extension("partial");
        let _ = std::fs::remove_dir_all(&partial);
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = python
            .parent()
            .map(|p| p.display().to_string())
            .unwrap_or_default();
        let made = shell::run(
            Command::new(python)
                .env("PATH", format!("{bin}:{path}"))
                .arg(scripts.join("phantom.py"))
                .arg(&partial)
                .args(["--slices", &slices.to_string(), "--syntax", syntax]),
        );
        if made.is_err() {
            return Ok(None);
        }
        std::fs::rename(&partial, &folder)?;
        Ok(Some(folder))
    }

    /// The synthetic head as a series, made once.
    fn head(&self, slices: u32) -> Result<PathBuf> {
        self.heads(slices, 1)
    }

    /// Several synthetic heads above each other as one series, made once.
    fn heads(&self, slices: u32, heads: u32) -> Result<PathBuf> {
        let name = match heads {
            1 => format!("head-{slices}"),
            _ => format!("heads-{slices}x{heads}"),
        };
        let folder = self.data.join(name);
        if !folder.is_dir() {
            let partial = folder.with_extension("partial");
            let _ = std::fs::remove_dir_all(&partial);
            let mut writer = Command::new(self.programs.join("head_ct"));
            writer.arg(&partial).args(["--slices", &slices.to_string()]);
            shell::run(writer.args(["--heads", &heads.to_string()]))?;
            std::fs::rename(&partial, &folder)?;
        }
        Ok(folder)
    }

    fn ours(&self, program: &str, arguments: &[&Path]) -> Result<Vec<Value>> {
        lines(Command::new(self.programs.join(program)).args(arguments))
    }

    fn peer(&self, script: &str, series: &Path, options: &[&str]) -> Result<Vec<Value>> {
        let Some((python, scripts)) = &self.peers else {
            return Ok(Vec::new());
        };
        lines(
            Command::new(python)
                .arg(scripts.join(script))
                .arg(series)
                .args(options)
                .args(["--runs", RUNS]),
        )
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

/// The median seconds that Orthanc takes to store a folder over REST; none where it is not installed.
fn orthanc(series: &Path) -> Option<f64> {
    let script = shell::root().join("benches/peers/orthanc.py");
    let run = lines(
        Command::new("python3")
            .arg(script)
            .arg(series)
            .args(["--runs", RUNS]),
    );
    let median = run.ok().and_then(|lines| lines.first()?["median_s"].as_f64());
    if median.is_none() {
        println!("Orthanc: skipped, it is not installed");
    }
    median
}

struct Run {
    secs: f64,
    peak_bytes: u64,
}

/// A Python with the peers' packages, and the scripts.
fn peers() -> Option<(PathBuf, PathBuf)> {
    let scripts = std::env::var_os("VITRINE_PEERS")
        .map_or_else(|| shell::root().join("../shared/peers"), PathBuf::from);
    let python =
        std::env::var_os("VITRINE_PEERS_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let ready = Command::new(&python)
        .args(["-c", "import numpy, pydicom, SimpleITK"])
        .output()
        .ok()?
        .status
        .success();
    (ready && scripts.join("phantom.py").is_file()).then_some((python, scripts))
}

/// The JSON lines that a command prints.
fn lines(command: &mut Command) -> Result<Vec<Value>> {
    let text = shell::output(command)?;
    Ok(text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}

/// Prints ours, theirs and the ratio to the best of them.
fn compare(what: &str, ours: &[Value], peers: &[Value], asked: f64) {
    let secs = |line: &Value| line["median_s"].as_f64();
    let own = ours.iter().filter_map(secs).fold(f64::INFINITY, f64::min);
    for line in ours.iter().chain(peers) {
        let name = line["peer"].as_str().unwrap_or("vitrine");
        match secs(line) {
            Some(s) => println!("{what}: {name} {s:.3} s  {}", extras(line)),
            None => println!("{what}: {name} failed: {}", line["error"]),
        }
    }
    match peers.iter().filter_map(secs).reduce(f64::min) {
        Some(best) => println!(
            "{what}: {:.1} times as fast as the best of them (asked: {asked})",
            best / own
        ),
        None => println!("{what}: no peer to compare with"),
    }
}

fn extras(line: &Value) -> String {
    let known = ["peer", "task", "median_s", "min_s", "voxels_per_s"];
    let Some(object) = line.as_object() else {
        return String::new();
    };
    let rest = object.iter().filter(|(name, _)| !known.contains(&name.as_str()));
    rest.map(|(name, value)| format!("{name} {value}"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
