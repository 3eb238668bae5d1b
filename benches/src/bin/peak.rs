//! Runs a command and prints its time and the peak memory of all its processes as one JSON line.
//!
//! Memory is what belongs to the processes: anonymous pages of each, and pages that they share counted once. Mapped
//! files are left out: they are the system's cache.

use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("usage: peak PROGRAM ARGUMENT...");
        return ExitCode::FAILURE;
    };
    let start = Instant::now();
    let spawned = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .spawn();
    let Ok(mut child) = spawned else {
        eprintln!("peak: the program could not be started");
        return ExitCode::FAILURE;
    };
    let root = child.id();
    let over = AtomicBool::new(false);
    let (status, secs, peak) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = 0;
            while !over.load(Ordering::Relaxed) {
                peak = peak.max(tree_bytes(root));
                std::thread::sleep(Duration::from_millis(10));
            }
            peak
        });
        let status = child.wait();
        let secs = start.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        (status, secs, watch.join().unwrap_or_default())
    });
    println!("{{\"secs\": {secs:.4}, \"peak_bytes\": {peak}}}");
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Memory of `root` and its children, bytes.
fn tree_bytes(root: u32) -> u64 {
    let children = std::fs::read_to_string(format!("/proc/{root}/task/{root}/children")).unwrap_or_default();
    let threads = std::fs::read_dir(format!("/proc/{root}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let of_threads = threads.filter_map(|t| std::fs::read_to_string(t.path().join("children")).ok());
    let mut family: Vec<u32> = of_threads
        .flat_map(|text| {
            text.split_whitespace()
                .filter_map(|p| p.parse().ok())
                .collect::<Vec<u32>>()
        })
        .chain(children.split_whitespace().filter_map(|p| p.parse().ok()))
        .chain([root])
        .collect();
    family.sort_unstable();
    family.dedup();
    let (mut own, mut shared) = (0, 0);
    for process in family {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        own += kilobytes(&status, "RssAnon:");
        shared = shared.max(kilobytes(&status, "RssShmem:"));
    }
    (own + shared) * 1024
}

fn kilobytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next())
        .and_then(|n| n.parse().ok())
        .unwrap_or_default()
}
