//! Files on their way in.
//!
//! A browser opens a **set**, announces files in it and sends them in any order, in parallel, and closes the set; then
//! all of it is ingested as one. Each file follows tus 1.0.0 (<https://tus.io/protocols/resumable-upload>): core,
//! creation, creation-with-upload, termination, expiration by the closing of the set. A piece has at most 16 MiB. What
//! is acknowledged is encrypted, on disk and in the catalog.
//!
//! Files of which a series has hundreds are sent many in one request instead (`application/vnd.vitrine.files`): for
//! each, the length of its path as `u32`, the length of its content as `u64`, both little endian, then the path in
//! UTF-8, then the content. All files of such a request are acknowledged together, or none is.
//!
//! Nothing of a file is ever on disk in the clear, and no more than a piece of each request is in memory.

mod many;
mod tus;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Notice, ObjectRow, UploadSet};
use domain::{Biometric, CaseId, JobId, JobState, Phi, Release, UploadId, UploadSetId, UserId};
use policy::{Authorized, Destination, IntakeFacts, SpaceFacts, UploadFacts, act};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vault::{CaseKey, ObjectRef};

use super::app::App;
use super::extract::{Id, Input};
use super::names::Names;
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::random_id;
use super::turn::Turn;
use super::who::Who;

/// Most bytes of a file, of a set, and most files of a set.
const FILE_BYTES: u64 = 64 << 30;
const SET_BYTES: u64 = 256 << 30;
const SET_FILES: u64 = 200_000;
/// Most bytes of a user's own space.
const SPACE_BYTES: u64 = 20 << 30;
/// Longest path, bytes.
const PATH_BYTES: usize = 4_096;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(open))
        .routes(routes!(open_space))
        .routes(routes!(abandon))
        .routes(routes!(close))
        .routes(routes!(retry))
        .routes(routes!(see))
        .routes(routes!(unfinished))
        .routes(routes!(files))
        .merge(tus::routes())
        .merge(many::routes())
}

/// What is about to come.
#[derive(Deserialize, ToSchema)]
struct Open {
    /// Whether it shows a face or a head as a surface, picture or depth capture: `no` or `face_or_head`.
    #[schema(value_type = String)]
    biometric: Biometric,
    /// Bytes that are to come, as far as known: refused at once where there is no room for them.
    #[serde(default)]
    bytes: u64,
}

/// A set of uploads.
#[derive(Serialize, ToSchema)]
struct SetBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: UploadSetId,
    /// The case that it goes to.
    #[schema(value_type = Uuid)]
    case: CaseId,
    /// `open`, `closed`, `done`, `failed` or `dropped`.
    state: String,
    /// Files that were announced.
    files: u64,
    /// Their bytes.
    bytes: u64,
    /// The work on it, once it was closed.
    job: Option<JobBody>,
}

/// The work on a set of uploads.
#[derive(Serialize, ToSchema)]
struct JobBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: JobId,
    /// `queued`, `running`, `done` or `failed`.
    #[schema(value_type = String)]
    state: JobState,
    /// How often it was begun.
    attempts: u64,
    /// How far it has come: steps with things and bytes done of how many.
    #[schema(value_type = Object)]
    progress: serde_json::Value,
    /// What came of it, or why it failed.
    #[schema(value_type = Option<Object>)]
    outcome: Option<serde_json::Value>,
}

/// Open a set of uploads into a case.
#[utoipa::path(post, path = "/api/cases/{case}/upload-sets", tag = "uploads", params(("case" = Uuid, Path)),
    request_body = Open,
    responses((status = 201, body = SetBody), (status = "default", body = ProblemBody)))]
async fn open(
    State(app): State<App>,
    who: Who,
    Id(case): Id<CaseId>,
    Input(input): Input<Open>,
) -> Answer<(StatusCode, Json<SetBody>)> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let found = turn.db.facts().await?.destination(case, who.user()).await?;
        // A space has a route of its own.
        let found = found.filter(|(into, _)| matches!(into, Destination::Case(_)));
        begin(&mut turn, found, case, &input).await
    }
    .await;
    turn.end(done).await
}

/// Open a set of uploads into one's own space of captures.
#[utoipa::path(post, path = "/api/space/upload-sets", tag = "captures", request_body = Open,
    responses((status = 201, body = SetBody), (status = "default", body = ProblemBody)))]
async fn open_space(
    State(app): State<App>,
    who: Who,
    Input(input): Input<Open>,
) -> Answer<(StatusCode, Json<SetBody>)> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let owner = who.user();
        let release = turn.db.facts().await?.latest_release_by(owner).await?;
        let into = Destination::Space(SpaceFacts { owner });
        begin(&mut turn, Some((into, release)), owner, &input).await
    }
    .await;
    turn.end(done).await
}

/// Asks whether one may upload there, and whether there is room; then makes the set.
async fn begin(
    turn: &mut Turn<catalog::Change>,
    found: Option<(Destination, Option<Release>)>,
    place: impl ToString + Copy,
    input: &Open,
) -> Answer<(StatusCode, Json<SetBody>)> {
    let intake = found.map(|(into, release)| IntakeFacts {
        into,
        biometric: input.biometric,
        release,
    });
    let (proof, intake) = turn.ask_of::<act::StartUpload>(intake, place)?;
    refuse_beyond_quota(turn, &intake.into, input.bytes).await?;
    let id = UploadSetId::from_random(random_id()?);
    let now = turn.now;
    turn.db.create_upload_set(proof, id, input.biometric, now).await?;
    let set = turn.db.facts().await?.upload_set(id).await?;
    let set = set.ok_or_else(Problem::not_found)?;
    Ok((StatusCode::CREATED, Json(set_body(set, None))))
}

/// Refuses where `bytes` more do not fit with what is kept and on its way.
async fn refuse_beyond_quota(turn: &mut Turn<catalog::Change>, into: &Destination, bytes: u64) -> Answer<()> {
    let mut known = turn.db.facts().await?;
    let (kept, quota) = match into {
        Destination::Case(case) => {
            let practice = case.patient.practice.practice;
            let settings = known.practice_settings(practice).await?;
            let settings = settings.ok_or_else(Problem::not_found)?;
            (known.bytes_of_practice(practice).await?, settings.quota_bytes)
        }
        Destination::Profile(_) => return Err(Problem::not_found()),
        Destination::Space(space) => match known.space_of(space.owner).await? {
            Some(case) => (known.bytes_of_case(case).await?, SPACE_BYTES),
            None => (0, SPACE_BYTES),
        },
    };
    match kept.saturating_add(bytes) > quota {
        true => Err(Problem::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "quota",
            "There is no room for this.",
        )),
        false => Ok(()),
    }
}

fn set_body(set: UploadSet, job: Option<catalog::Job>) -> SetBody {
    SetBody {
        id: set.id,
        case: set.case,
        state: set.state,
        files: set.files,
        bytes: set.bytes,
        job: job.map(|job| JobBody {
            id: job.id,
            state: job.state,
            attempts: job.attempts,
            progress: job.progress,
            outcome: match (job.state, job.outcome) {
                // Its workers ended without a word.
                (JobState::Failed, None) => Some(json!({ "reason": "The work was broken off three times." })),
                (_, outcome) => outcome,
            },
        }),
    }
}

/// An open set of one's own, with the key of its case.
struct Target {
    proof: Authorized<act::ContinueUpload>,
    set: UploadSet,
    into: Destination,
    key: CaseKey,
}

/// Asks whether one may send more into a set.
async fn target(app: &App, who: &Who, set: UploadSetId, upload: Option<UploadId>) -> Answer<Target> {
    let mut turn = app.look(who).await?;
    let answer = async {
        let (found, facts) = found_set(&mut turn.db, who.user(), set, upload).await?;
        let name = upload.map_or(set.to_string(), |id| id.to_string());
        let (proof, facts) = turn.ask_of::<act::ContinueUpload>(facts, name.as_str())?;
        let set = found.ok_or_else(Problem::not_found)?;
        let (case, wrapped) = turn.db.key_of_upload(proof).await?;
        let key = app.case_key(case, &wrapped)?;
        Ok(Target {
            proof,
            set,
            into: facts.intake.into,
            key,
        })
    }
    .await;
    turn.end(answer).await
}

/// A set, and what decides on an upload of it; nothing where there is no such set, or no place that it goes to.
async fn found_set(
    db: &mut catalog::Conn,
    user: UserId,
    set: UploadSetId,
    upload: Option<UploadId>,
) -> Answer<(Option<UploadSet>, Option<UploadFacts>)> {
    let mut known = db.facts().await?;
    let Some(set) = known.upload_set(set).await? else {
        return Ok((None, None));
    };
    let found = known.destination(set.case, user).await?;
    let facts = found.map(|(into, release)| UploadFacts {
        upload: upload.unwrap_or(UploadId::from_bytes(*set.id.as_bytes())),
        creator: set.user,
        intake: IntakeFacts {
            into,
            biometric: set.biometric,
            release,
        },
    });
    Ok((Some(set), facts))
}

/// Close a set of which all files have arrived; the work on it begins.
#[utoipa::path(post, path = "/api/upload-sets/{set}/close", tag = "uploads", params(("set" = Uuid, Path)),
    responses((status = 202, body = SetBody), (status = "default", body = ProblemBody)))]
async fn close(
    State(app): State<App>,
    who: Who,
    Id(set): Id<UploadSetId>,
) -> Answer<(StatusCode, Json<SetBody>)> {
    let target = target(&app, &who, set, None).await?;
    let mut turn = app.change(&who).await?;
    let done = async {
        // What has come is among what is kept: a set may have grown beyond what was said of it.
        refuse_beyond_quota(&mut turn, &target.into, 0).await?;
        let now = turn.now;
        let job = JobId::from_random(random_id()?);
        turn.db.close_upload_set(target.proof, job, now).await?;
        turn.db
            .notify(Notice::in_case("job.queued", target.set.case, job));
        let set = turn.db.facts().await?.upload_set(set).await?;
        let set = set.ok_or_else(Problem::not_found)?;
        let job = turn.db.job_of_set(target.proof).await?;
        Ok((StatusCode::ACCEPTED, Json(set_body(set, job))))
    }
    .await;
    turn.end(done).await
}

/// Have the work on a set of one's own tried again, after it has failed. Its files are kept for a week.
#[utoipa::path(post, path = "/api/upload-sets/{set}/retry", tag = "uploads", params(("set" = Uuid, Path)),
    responses((status = 202, body = SetBody), (status = "default", body = ProblemBody)))]
async fn retry(
    State(app): State<App>,
    who: Who,
    Id(set): Id<UploadSetId>,
) -> Answer<(StatusCode, Json<SetBody>)> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (found, facts) = found_set(&mut turn.db, who.user(), set, None).await?;
        let (proof, _) = turn.ask_of::<act::RetryIngest>(facts, set)?;
        let found = found.ok_or_else(Problem::not_found)?;
        let now = turn.now;
        turn.db.retry_job(proof, now).await?;
        let job = turn.db.job_of_set(proof).await?.ok_or_else(Problem::not_found)?;
        turn.db.notify(Notice::in_case("job.queued", found.case, job.id));
        let set = turn.db.facts().await?.upload_set(set).await?;
        let set = set.ok_or_else(Problem::not_found)?;
        Ok((StatusCode::ACCEPTED, Json(set_body(set, Some(job)))))
    }
    .await;
    turn.end(done).await
}

/// Give up a set of one's own that is open or has failed: what has come of it is removed.
#[utoipa::path(delete, path = "/api/upload-sets/{set}", tag = "uploads", params(("set" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn abandon(State(app): State<App>, who: Who, Id(set): Id<UploadSetId>) -> Answer<StatusCode> {
    let system = app.catalog.system();
    let run = Names::finished_run(&system).await?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let (found, facts) = found_set(&mut turn.db, who.user(), set, None).await?;
        let (proof, _) = turn.ask_of::<act::AbandonUpload>(facts, set)?;
        if found.is_none_or(|set| !matches!(set.state.as_str(), "open" | "failed")) {
            return Err(Problem::conflict(
                "The set is being worked on, or its work is done.",
            ));
        }
        let now = turn.now;
        turn.db.abandon_upload_set(proof, run, now).await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    let done = turn.end(done).await;
    // What was dropped is garbage of a run that is over: the keeper sweeps it.
    system.finish_ingest(run).await?;
    done
}

/// How far a set of one's own and its ingestion have come.
#[utoipa::path(get, path = "/api/upload-sets/{set}", tag = "uploads", params(("set" = Uuid, Path)),
    responses((status = 200, body = SetBody), (status = "default", body = ProblemBody)))]
async fn see(State(app): State<App>, who: Who, Id(set): Id<UploadSetId>) -> Answer<Json<SetBody>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (found, facts) = found_set(&mut turn.db, who.user(), set, None).await?;
        let (proof, _) = turn.ask_of::<act::SeeUpload>(facts, set)?;
        let found = found.ok_or_else(Problem::not_found)?;
        let job = turn.db.job_of_set(proof).await?;
        Ok(Json(set_body(found, job)))
    }
    .await;
    turn.end(answer).await
}

/// One's own sets in a case that are still open, being worked on, or failed and kept, the oldest first.
#[utoipa::path(get, path = "/api/cases/{case}/upload-sets", tag = "uploads", params(("case" = Uuid, Path)),
    responses((status = 200, body = Vec<SetBody>), (status = "default", body = ProblemBody)))]
async fn unfinished(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<Json<Vec<SetBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.case::<act::SeeCase>(case).await?;
        let sets = turn.db.open_upload_sets(proof).await?;
        let body = |(set, job)| set_body(set, job);
        Ok(Json(sets.into_iter().map(body).collect()))
    }
    .await;
    turn.end(answer).await
}

/// A file of a set.
#[derive(Serialize, ToSchema)]
struct FileBody {
    /// Its id, as tus addresses it: `/api/uploads/{id}`.
    #[schema(value_type = Uuid)]
    id: UploadId,
    /// Its name and path as uploaded.
    #[schema(value_type = String)]
    path: Phi<String>,
    /// Its length, bytes.
    bytes: u64,
    /// Bytes of it that have arrived and are kept.
    received: u64,
}

/// The files of a set of one's own and how much of each has arrived: where to go on after a page was closed.
#[utoipa::path(get, path = "/api/upload-sets/{set}/files", tag = "uploads", params(("set" = Uuid, Path)),
    responses((status = 200, body = Vec<FileBody>), (status = "default", body = ProblemBody)))]
async fn files(State(app): State<App>, who: Who, Id(set): Id<UploadSetId>) -> Answer<Json<Vec<FileBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (_, facts) = found_set(&mut turn.db, who.user(), set, None).await?;
        let (proof, _) = turn.ask_of::<act::SeeUpload>(facts, set)?;
        let files = turn.db.arrived(proof).await?.into_iter().map(|file| FileBody {
            id: file.id,
            path: file.path,
            bytes: file.len,
            received: file.parts.iter().map(|part| part.len).sum(),
        });
        Ok(Json(files.collect()))
    }
    .await;
    turn.end(answer).await
}

pub(crate) fn row(object: &ObjectRef) -> ObjectRow {
    ObjectRow {
        name: object.id.to_string(),
        reference: object.to_bytes().to_vec(),
        len: object.len,
    }
}

fn check_file_len(len: u64) -> Answer<()> {
    match len > FILE_BYTES {
        true => Err(Problem::too_large(format!(
            "A file has at most {} GiB.",
            FILE_BYTES >> 30
        ))),
        false => Ok(()),
    }
}

fn check_set(set: &UploadSet, files: u64, bytes: u64) -> Answer<()> {
    if set.state != "open" {
        return Err(Problem::conflict("The set takes no more files."));
    }
    if set.files + files > SET_FILES || set.bytes.saturating_add(bytes) > SET_BYTES {
        return Err(Problem::too_large(format!(
            "A set has at most {SET_FILES} files and {} GiB.",
            SET_BYTES >> 30
        )));
    }
    Ok(())
}

/// A path that only names: relative, `/` between folders, nothing that leads elsewhere.
fn checked_path(path: &str) -> Answer<Phi<String>> {
    let path = path.replace('\\', "/");
    let is_wrong = path.is_empty()
        || path.len() > PATH_BYTES
        || path.contains(char::is_control)
        || path.split('/').any(|part| part.is_empty() || part == "..");
    match is_wrong {
        true => Err(Problem::invalid(
            "A path is relative, without `..` and control characters.",
        )),
        false => Ok(Phi::new(path)),
    }
}
