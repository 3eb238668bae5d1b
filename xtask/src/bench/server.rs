//! The server under load.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Bench, RUNS, orthanc};

impl Bench {
    /// The server: storing a series over HTTP against Orthanc, memory during a large upload, and reading.
    pub(super) fn server(&self) -> Result<()> {
        let vitrine = self.programs.join("vitrine");
        let series = self.large()?;
        let load = |words: &[&Path]| -> Result<Value> {
            let line = self.ours("server_load", words)?.pop();
            line.context("what server_load prints")
        };
        let ours = load(&[Path::new("upload"), &vitrine, &series, Path::new(RUNS)])?;
        let secs = ours["median_s"].as_f64().unwrap_or(f64::NAN);
        println!("400 files over HTTP, encrypted and durable: median {secs:.3} s");
        if let Some(theirs) = orthanc(&series, 2) {
            println!(
                "Orthanc: median {theirs:.3} s, ratio {:.2} (asked: at most 1)",
                secs / theirs
            );
        }
        let memory = load(&[Path::new("memory"), &vitrine])?;
        println!("upload of 10 GiB: {memory} (asked: peak below 300 MB)");
        let reads = load(&[Path::new("reads"), &vitrine])?;
        println!("reads as fast as they are answered: {reads} (asked: 1,000 a second, p99 at most 50 ms)");
        let rate = ["10000", "50000", "20", "16", "1000"].map(Path::new);
        let reads = load(&[&[Path::new("reads"), &vitrine][..], &rate].concat())?;
        println!("reads at 1,000 a second: {reads} (asked: p99 at most 50 ms)");
        let live = load(&[Path::new("live"), &vitrine, &series])?;
        println!(
            "pictures from the server: {live} (asked, p95: turning 150 ms, slices 60 ms, 20 viewers of slices 200 ms)"
        );
        let taken = load(&[Path::new("take"), &vitrine, &series])?;
        println!("what a script takes: {taken} (asked: noticed within 60 s)");
        let room = load(&[Path::new("room"), &vitrine])?;
        println!("100 people who point 20 times a second: {room} (asked: delivery p99 50 ms)");
        Ok(())
    }
}
