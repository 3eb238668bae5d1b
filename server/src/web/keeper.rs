//! What has to be done from time to time: what was deleted goes for good, and what dead processes left behind.

use std::time::Duration;

use catalog::{Due, Event};
use tokio::sync::watch;

use super::app::App;
use super::names::Names;
use super::problem::Answer;

/// How often.
const EVERY: Duration = Duration::from_secs(60);
/// Things of each kind that are destroyed at once.
const AT_ONCE: u32 = 50;

/// Keeps house until `stop` says so.
pub(crate) async fn keep(app: App, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(problem) = purge(&app).await {
            tracing::error!(?problem, "what was deleted could not be destroyed");
        }
        if let Err(error) = ingest::sweep(&app.catalog, &app.vault).await {
            tracing::warn!(%error, "garbage could not be removed");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.changed() => return,
        }
    }
}

/// Destroys what is due; tells how much.
async fn purge(app: &App) -> Answer<()> {
    let now = app.now();
    let due = app.catalog.reader().await?.due(now, AT_ONCE).await?;
    if due.is_empty() {
        return Ok(());
    }
    let run = Names::finished_run(&app.catalog).await?;
    for &thing in &due {
        let mut change = app.catalog.change().await?;
        change.destroy(thing, run).await?;
        let (case, patient, object) = match thing {
            Due::Item(item) => (None, None, Some(item.to_string())),
            Due::Case(case) => (Some(case), None, None),
            Due::Patient(patient) => (None, Some(patient), None),
        };
        change
            .record(&[Event {
                at: now,
                actor: None,
                sign_in: None,
                practice: None,
                patient,
                case,
                action: "Destroy".to_owned(),
                outcome: "done".to_owned(),
                object,
            }])
            .await?;
        change.commit().await?;
    }
    app.catalog.finish_ingest(run).await?;
    app.catalog.forget_deleted().await?;
    tracing::info!(count = due.len(), "what was deleted is destroyed");
    Ok(())
}
