//! What the pipeline did, for people and machines.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{ItemId, ItemKind};
use serde::{Deserialize, Serialize};
use volume::Note;

use crate::progress::Step;

/// What came of an ingest: the object that `vitrine ingest --json` prints.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// One entry an item, in the order of the series.
    pub items: Vec<ItemReport>,
    /// Files that were refused.
    pub failed: Vec<Failure>,
    /// Where the time went.
    pub steps: Vec<StepReport>,
}

/// An item.
#[derive(Clone, Debug, Serialize)]
pub struct ItemReport {
    /// Its identifier.
    pub id: ItemId,
    /// What it is.
    pub kind: ItemKind,
    /// What a person reads in a list.
    pub name: String,
    /// Series Instance UID.
    pub series_uid: Option<String>,
    /// Whether this ingest made it or it was there.
    pub state: ItemState,
    /// How many originals it is made of.
    pub originals: usize,
    /// The files of this ingest that it is made of, as they were given; told of meshes, captures and photographs, which
    /// have no name but theirs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Columns, rows, and slices or frames.
    pub dims: Option<[u32; 3]>,
    /// Distance between columns, rows and slices, mm; the last is the length of the step between slices. Frames
    /// have two.
    pub spacing_mm: Option<Vec<f64>>,
    /// Voxel (column, row, slice) to patient LPS mm, 4 x 4 by rows.
    pub patient_from_voxel: Option<[f64; 16]>,
    /// What was found.
    pub findings: Vec<FindingReport>,
    /// What was derived.
    pub artifacts: Vec<ArtifactReport>,
    /// What else is known: modality, unit, acquired slices, sample type; of a photograph its format.
    pub details: serde_json::Value,
}

/// Whether an item is from this ingest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// Made by this ingest.
    Added,
    /// There already, made of the same files.
    AlreadyThere,
}

/// A finding with its numbers by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingReport {
    /// Stable name in snake case.
    pub code: String,
    /// `info`, `caution` or `danger`.
    pub severity: volume::Severity,
    /// One sentence.
    pub message: String,
    /// The numbers of the sentence, each with its unit in its name.
    pub values: BTreeMap<String, f64>,
}

impl From<&Note> for FindingReport {
    fn from(note: &Note) -> Self {
        Self {
            code: note.code.clone(),
            severity: note.severity,
            message: note.message.clone(),
            values: note.values.iter().cloned().collect(),
        }
    }
}

/// An artifact.
#[derive(Clone, Debug, Serialize)]
pub struct ArtifactReport {
    /// `pyramid`, `frame_stack`, `surface`, `photo` or `thumbnail`.
    pub kind: domain::ArtifactKind,
    /// Its name within the item, such as `skin`.
    pub name: String,
    /// Bytes before encryption.
    pub bytes: u64,
    /// What else is known: levels and bricks of a pyramid, triangles and error of a surface.
    pub details: serde_json::Value,
}

/// A file that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The file, and after `!` the entry of an archive.
    pub file: String,
    /// Why, one sentence.
    pub reason: String,
}

/// Time and bytes of one step. Steps of one item follow one another, so their times add up to the whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// The step.
    pub name: &'static str,
    /// Seconds by the clock on the wall.
    pub secs: f64,
    /// Bytes worked through.
    pub bytes: u64,
}

/// Adds up the time of steps.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch(Vec<(Step, Duration, u64)>);

impl Stopwatch {
    /// Runs `work` as a part of `step` that goes through `bytes`.
    pub(crate) fn time<R>(&mut self, step: Step, bytes: u64, work: impl FnOnce() -> R) -> R {
        let start = std::time::Instant::now();
        let result = work();
        self.add(step, start.elapsed(), bytes);
        result
    }

    /// Adds what was timed elsewhere. Where steps ran side by side, their times add up to more than passed.
    pub(crate) fn merge(&mut self, other: &Self) {
        for &(step, time, bytes) in &other.0 {
            self.add(step, time, bytes);
        }
    }

    /// Adds time that `step` took, and the bytes that it went through.
    pub(crate) fn add(&mut self, step: Step, time: Duration, bytes: u64) {
        match self.0.iter_mut().find(|(known, ..)| *known == step) {
            Some((_, total, all)) => {
                *total += time;
                *all += bytes;
            }
            None => self.0.push((step, time, bytes)),
        }
    }

    pub(crate) fn report(&self) -> Vec<StepReport> {
        let entry = |&(step, time, bytes): &(Step, Duration, u64)| StepReport {
            name: step.word(),
            secs: time.as_secs_f64(),
            bytes,
        };
        self.0.iter().map(entry).collect()
    }
}
