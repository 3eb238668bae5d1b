//! `./x bench`: whole-program runs beside other programs, then the criterion benches.
//!
//! Each row times our side and its peers one after the other in the same run on the same files, and prints medians
//! and the ratio between them. Peers are Python packages and Debian programs; a row says plainly which are missing.

mod data;
mod pictures;
mod series;
mod server;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::shell;

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
}

/// The median seconds that Orthanc takes to store a folder over REST, posted by so many clients at once; none where it
/// is not installed.
fn orthanc(series: &Path, clients: u32) -> Option<f64> {
    let script = shell::root().join("benches/peers/orthanc.py");
    let run = lines(Command::new("python3").arg(script).arg(series).args([
        "--runs",
        RUNS,
        "--clients",
        &clients.to_string(),
    ]));
    let median = run.ok().and_then(|lines| lines.first()?["median_s"].as_f64());
    if median.is_none() {
        println!("Orthanc: skipped, it is not installed");
    }
    median
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
