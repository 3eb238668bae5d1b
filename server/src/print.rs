//! Reports on a terminal.

use std::time::Duration;

use anyhow::Result;
use ingest::{ItemReport, ItemState, Report};

use crate::bars::bytes;

/// One JSON object on standard output.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// What an ingest did, closing with one line that sums it up.
pub(crate) fn summary(report: &Report, took: Duration) {
    for entry in &report.items {
        item(entry);
    }
    for failure in &report.failed {
        println!("refused  {}\n         {}", failure.file, failure.reason);
    }
    let added = report
        .items
        .iter()
        .filter(|i| i.state == ItemState::Added)
        .count();
    let known = report.items.len() - added;
    let read: u64 = report
        .steps
        .iter()
        .filter(|s| s.name == "read")
        .map(|s| s.bytes)
        .sum();
    let mut line = format!("{} added", things(added, "item"));
    if known > 0 {
        line += &format!(", {known} already there");
    }
    if !report.failed.is_empty() {
        line += &format!(", {} refused", things(report.failed.len(), "file"));
    }
    println!("\n{line}; {} read in {:.1} s", bytes(read), took.as_secs_f64());
    let steps: Vec<String> = report
        .steps
        .iter()
        .map(|s| format!("{} {:.2} s", s.name, s.secs))
        .collect();
    println!("{}", steps.join(" · "));
}

/// An item with what was found and derived.
pub(crate) fn item(item: &ItemReport) {
    println!("\n{}  {}", item.kind.word(), item.name);
    let mut facts = Vec::new();
    if let Some([columns, rows, count]) = item.dims {
        facts.push(format!("{columns} x {rows} x {count}"));
    }
    if let Some(spacing) = &item.spacing_mm {
        let spacing: Vec<String> = spacing.iter().map(|s| format!("{s:.2}")).collect();
        facts.push(format!("{} mm", spacing.join(" x ")));
    }
    facts.push(things(item.originals, "original"));
    if item.state == ItemState::AlreadyThere {
        facts.push("already there".to_owned());
    }
    println!("  {}", facts.join(", "));
    println!("  id {}", item.id);
    for finding in &item.findings {
        println!("  {:<7}  {}", severity(finding.severity), finding.message);
    }
    for artifact in &item.artifacts {
        let what = match artifact
            .details
            .get("triangles")
            .and_then(serde_json::Value::as_u64)
        {
            Some(triangles) => format!("{triangles} triangles, "),
            None => String::new(),
        };
        println!(
            "  {:<10} {:<10} {what}{}",
            artifact.kind.word(),
            artifact.name,
            bytes(artifact.bytes)
        );
    }
}

pub(crate) fn severity(severity: ingest::Severity) -> &'static str {
    match severity {
        ingest::Severity::Info => "note",
        ingest::Severity::Caution => "caution",
        ingest::Severity::Danger => "danger",
    }
}

fn things(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}
