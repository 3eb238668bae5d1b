//! Takes jobs from the queue and runs the pipeline on them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use catalog::{Job, MOST_ATTEMPTS, Notice};
use domain::{Capacity, JobState, Timestamp, Verb};
use ingest::{Options, Place, Progress, Step, StoredFile};
use ledger::{Event, Object, Outcome, Word};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use super::app::App;
use super::names::Names;
use super::problem::Answer;

/// A job whose worker has not been heard of for so long is taken by another, milliseconds.
const LEASE_MS: i64 = 30_000;
/// How often a worker is heard of and tells how far it has come.
const BEAT: Duration = Duration::from_millis(500);
/// An idle worker looks at least so often whether another's lease has run out.
const IDLE: Duration = Duration::from_secs(5);

/// Works until `stop` says so; a job that was begun is ended.
pub(crate) async fn work(app: App, number: usize, mut stop: watch::Receiver<bool>) {
    let name = format!("{} {number}", ingest::this_process());
    let mut notices = app.catalog.listen();
    while !*stop.borrow() {
        match app.catalog.system().take_job(&name, LEASE_MS, app.now()).await {
            Ok(Some(job)) => {
                if let Err(problem) = run(&app, &name, job).await {
                    tracing::error!(?problem, "a job could not be ended");
                }
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "no job could be taken"),
        }
        let queued = async {
            loop {
                match notices.recv().await {
                    Ok(notice) if notice.what == "job.queued" => return,
                    Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => std::future::pending().await,
                    Ok(_) => {}
                }
            }
        };
        tokio::select! {
            () = queued => {}
            () = tokio::time::sleep(IDLE) => {}
            _ = stop.changed() => {}
        }
    }
}

/// What is done of a step, and of how much.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    count: u64,
    of_count: u64,
    bytes: u64,
    of_bytes: u64,
}

/// How far a job has come.
#[derive(Clone, Default)]
struct Tally(Arc<Mutex<HashMap<Step, Done>>>);

impl Tally {
    fn change(&self, step: Step, change: impl FnOnce(&mut Done)) {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(steps.entry(step).or_default());
    }

    fn json(&self) -> Value {
        let steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = steps.iter().map(|(step, done)| {
            let value = json!({
                "count": done.count, "of_count": done.of_count, "bytes": done.bytes, "of_bytes": done.of_bytes,
            });
            (step.word().to_owned(), value)
        });
        Value::Object(steps.collect())
    }
}

impl Progress for Tally {
    fn event(&self, event: ingest::Event<'_>) {
        match event {
            ingest::Event::Started { step, count, bytes } => self.change(step, |done| {
                done.of_count += count;
                done.of_bytes += bytes;
            }),
            ingest::Event::Advanced { step, count, bytes } => self.change(step, |done| {
                done.count += count;
                done.bytes += bytes;
            }),
            ingest::Event::Finished { step } => self.change(step, |done| {
                done.count = done.count.max(done.of_count);
                done.bytes = done.bytes.max(done.of_bytes);
            }),
            // Names of files and items are personal: they come with the outcome, sealed.
            ingest::Event::Item { .. } | ingest::Event::Refused { .. } => {}
        }
    }
}

/// Runs a job to its end, keeping the lease meanwhile.
async fn run(app: &App, worker: &str, job: Job) -> Answer<()> {
    tracing::info!(job = %job.id, attempt = job.attempts, "a job begins");
    let tally = Tally::default();
    let mut pipeline = tokio::task::spawn_blocking({
        let (app, job, tally) = (app.clone(), job.clone(), tally.clone());
        let runtime = tokio::runtime::Handle::current();
        move || ingest_set(&app, &runtime, &job, &tally)
    });
    let mut last = Value::Null;
    let outcome = loop {
        tokio::select! {
            ended = &mut pipeline => break ended,
            () = tokio::time::sleep(BEAT) => {
                let progress = tally.json();
                let until = app.now().plus_ms(LEASE_MS);
                if !app.catalog.system().renew_job(job.id, worker, until, &progress).await? {
                    // Another has taken it, and this one's items are found there already when it gets to them.
                    tracing::warn!(job = %job.id, "the lease of a job was lost");
                    return Ok(());
                }
                if progress != last {
                    let notice = Notice::in_case("job.progress", job.case, job.id).with(progress.clone());
                    app.catalog.tell(notice).await?;
                    last = progress;
                }
            }
        }
    };
    let (state, outcome) = match outcome {
        Ok(Ok(report)) => (JobState::Done, report),
        Ok(Err(reason)) => (after_failure(&job), json!({ "reason": reason })),
        Err(panicked) => {
            tracing::error!(job = %job.id, %panicked, "the pipeline broke");
            (after_failure(&job), json!({ "reason": "the pipeline broke" }))
        }
    };
    end(app, worker, &job, state, &outcome).await
}

fn after_failure(job: &Job) -> JobState {
    match job.attempts >= MOST_ATTEMPTS {
        true => JobState::Failed,
        false => JobState::Queued,
    }
}

async fn end(app: &App, worker: &str, job: &Job, state: JobState, outcome: &Value) -> Answer<()> {
    let now = app.now();
    let system = app.catalog.system();
    let run = Names::finished_run(&system).await?;
    let mut change = app.catalog.change().await?;
    let mut work = change.as_system().await?;
    if !work.end_job(job, worker, state, outcome, now).await? {
        return Ok(());
    }
    match state {
        JobState::Done => work.end_upload_set(job.set, "done", run, now).await?,
        JobState::Failed => work.fail_upload_set(job.set, now).await?,
        JobState::Queued | JobState::Running => {}
    }
    change.record(&[ended(job, state, now)]).await?;
    change.notify(Notice::in_case("job.ended", job.case, job.id));
    change.commit().await?;
    system.finish_ingest(run).await?;
    if let Err(error) = ingest::sweep(&system, &app.vault).await {
        tracing::warn!(%error, "garbage could not be removed");
    }
    tracing::info!(job = %job.id, state = state.word(), "a job has ended");
    Ok(())
}

fn ended(job: &Job, state: JobState, now: Timestamp) -> Event {
    let outcome = match state {
        JobState::Done => Outcome::Allowed,
        JobState::Queued | JobState::Running => Outcome::Failed(Word::fixed("again")),
        JobState::Failed => Outcome::Failed(Word::fixed("for_good")),
    };
    Event {
        actor: Some(job.user),
        practice: job.practice,
        case: Some(job.case),
        object: Some(Object::new("Job", job.id.as_bytes())),
        ..Event::new(
            now,
            Word::fixed("Ingest"),
            Verb::Create,
            outcome,
            Capacity::System,
        )
    }
}

/// Runs the pipeline on a set of uploads: what came of it as JSON, or why nothing did.
fn ingest_set(
    app: &App,
    runtime: &tokio::runtime::Handle,
    job: &Job,
    tally: &Tally,
) -> Result<Value, String> {
    let chain = |error: &dyn std::error::Error| {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    };
    let key = app
        .case_key(job.case, &job.wrapped_key)
        .map_err(|_| "the key of the case does not open".to_owned())?;
    let arrived = runtime
        .block_on(app.catalog.system().arrived(job.set))
        .map_err(|error| chain(&error))?;
    let files = arrived
        .into_iter()
        .map(|file| StoredFile {
            path: file.path.reveal().clone(),
            len: file.len,
            parts: file.parts,
        })
        .collect();
    let place = Place::of_case(
        app.catalog.system(),
        app.vault.clone(),
        runtime.clone(),
        (job.case, key),
        job.user,
    );
    let program = std::env::current_exe().map_err(|error| chain(&error))?;
    let report =
        ingest::ingest_stored(&place, files, &Options::new(program), tally).map_err(|error| chain(&error))?;
    let item = |item: &ingest::ItemReport| {
        json!({
            "id": item.id, "kind": item.kind, "name": item.name, "state": item.state, "originals": item.originals,
            "files": item.files,
        })
    };
    let items: Vec<_> = report.items.iter().map(item).collect();
    Ok(json!({ "items": items, "refused": report.failed }))
}
