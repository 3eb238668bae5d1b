//! What the end-to-end tests share: the program, a store, and the data they may find.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A store of its own, gone when the test is over.
pub(crate) struct Store {
    pub(crate) folder: tempfile::TempDir,
    objects: Option<String>,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            objects: None,
        }
    }

    pub(crate) fn with_objects(url: &str) -> Self {
        Self {
            objects: Some(url.to_owned()),
            ..Self::new()
        }
    }

    /// A folder for inputs, beside the data.
    pub(crate) fn input(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder for inputs");
        folder
    }

    /// `vitrine WORDS... --data ...`.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
        command
            .args(words)
            .arg("--data")
            .arg(self.folder.path().join("data"));
        command
            .arg("--key-file")
            .arg(self.folder.path().join("key/root.key"));
        if let Some(url) = &self.objects {
            command.arg("--objects").arg(url);
        }
        command
    }

    /// Ingests `paths` and gives the report.
    pub(crate) fn ingest(&self, paths: &[&Path]) -> Value {
        self.ingest_with(paths, &[])
    }

    pub(crate) fn ingest_with(&self, paths: &[&Path], options: &[&str]) -> Value {
        report(&run(self
            .command(&["ingest", "--json"])
            .args(options)
            .args(paths)))
    }

    pub(crate) fn inspect(&self) -> Value {
        report(&run(&mut self.command(&["inspect", "--json"])))
    }
}

/// Runs a command that must succeed.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the program starts");
    assert!(
        output.status.success(),
        "{command:?} ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

pub(crate) fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// The items of a report.
pub(crate) fn items(report: &Value) -> &[Value] {
    report["items"].as_array().expect("items")
}

/// Items of one kind.
pub(crate) fn of_kind<'a>(report: &'a Value, kind: &str) -> Vec<&'a Value> {
    items(report).iter().filter(|item| item["kind"] == kind).collect()
}

/// The codes of an item's findings, in order.
pub(crate) fn codes(item: &Value) -> Vec<&str> {
    let findings = item["findings"].as_array().expect("findings");
    findings
        .iter()
        .map(|finding| finding["code"].as_str().expect("a code"))
        .collect()
}

/// A set of the test data, or `None` with a line that says so.
pub(crate) fn data(set: &str) -> Option<PathBuf> {
    let root = std::env::var_os("VITRINE_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let folder = root.join(set);
    if folder.is_dir() {
        println!("using {set}");
        return Some(folder);
    }
    println!("skipped: the test data {set} is not here");
    None
}
