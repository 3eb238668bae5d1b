//! What has to be done from time to time: what was deleted goes for good, and what dead processes left behind; the log
//! is signed where the database is not.

use std::time::Duration;

use catalog::Due;
use domain::{Capacity, Verb};
use ledger::{Event, Object, Outcome, Word};
use tokio::sync::watch;

use super::app::App;
use super::checkpoints::Checkpoints;
use super::names::Names;
use super::problem::Answer;

/// How often.
const EVERY: Duration = Duration::from_secs(60);
/// Things of each kind that are destroyed at once.
const AT_ONCE: u32 = 50;
/// How long the files of an upload are kept whose work has failed, milliseconds.
const FAILED_MS: i64 = 7 * 24 * 3_600_000;

/// Keeps house until `stop` says so.
pub(crate) async fn keep(app: App, mut stop: watch::Receiver<bool>) {
    let mut checkpoints = Checkpoints::default();
    loop {
        if let Err(problem) = purge(&app).await {
            tracing::error!(?problem, "what was deleted could not be destroyed");
        }
        if let Err(problem) = drop_failed(&app).await {
            tracing::error!(?problem, "failed uploads could not be dropped");
        }
        if let Err(problem) = checkpoints.keep(&app.catalog.system(), &app.vault).await {
            tracing::error!(?problem, "no checkpoint of the log could be kept");
        }
        if let Err(error) = ingest::sweep(&app.catalog.system(), &app.vault).await {
            tracing::warn!(%error, "garbage could not be removed");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.changed() => break,
        }
    }
    if let Err(problem) = checkpoints.keep(&app.catalog.system(), &app.vault).await {
        tracing::error!(?problem, "no checkpoint of the log could be kept");
    }
}

/// Drops what nobody had tried again.
async fn drop_failed(app: &App) -> Answer<()> {
    let now = app.now();
    let before = now.plus_ms(-FAILED_MS);
    let system = app.catalog.system();
    let sets = system.failed_upload_sets(before, AT_ONCE).await?;
    if sets.is_empty() {
        return Ok(());
    }
    let run = Names::finished_run(&system).await?;
    let mut change = app.catalog.change().await?;
    for set in sets {
        let mut change = change.as_system().await?;
        change.end_upload_set(set.id, "dropped", run, now).await?;
    }
    change.commit().await?;
    system.finish_ingest(run).await?;
    Ok(())
}

/// Destroys what is due; tells how much.
async fn purge(app: &App) -> Answer<()> {
    let now = app.now();
    let system = app.catalog.system();
    let due = system.due(now, AT_ONCE).await?;
    if due.is_empty() {
        return Ok(());
    }
    let run = Names::finished_run(&system).await?;
    for &thing in &due {
        let mut change = app.catalog.change().await?;
        change.as_system().await?.destroy(thing, run).await?;
        let mut event = Event::new(
            now,
            Word::fixed("Destroy"),
            Verb::Delete,
            Outcome::Allowed,
            Capacity::System,
        );
        event.object = Some(match thing {
            Due::Item(item) => Object::new("Item", item.as_bytes()),
            Due::Case(case) => Object::new("Case", case.as_bytes()),
            Due::Patient(patient) => Object::new("Patient", patient.as_bytes()),
        });
        match thing {
            Due::Item(_) => {}
            Due::Case(case) => event.case = Some(case),
            Due::Patient(patient) => event.patient = Some(patient),
        }
        change.record(&[event]).await?;
        change.commit().await?;
    }
    system.finish_ingest(run).await?;
    system.forget_deleted().await?;
    tracing::info!(count = due.len(), "what was deleted is destroyed");
    Ok(())
}
