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

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Buf, Bytes, BytesMut};
use catalog::{NewUpload, Notice, ObjectRow, Upload, UploadSet};
use data_encoding::BASE64;
use domain::{Biometric, CaseId, JobId, JobState, Phi, UploadId, UploadSetId};
use futures::StreamExt;
use policy::{CaseFacts, Destination, IntakeFacts, UploadFacts, act};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vault::{CaseKey, ObjectId, ObjectRef};

use super::app::App;
use super::extract::{Id, Input};
use super::names::Names;
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::random_id;
use super::turn::Turn;
use super::who::Who;

/// Most bytes of a piece.
const CHUNK_BYTES: u64 = 16 << 20;
/// Most bytes of a file, of a set, and most files of a set.
const FILE_BYTES: u64 = 64 << 30;
const SET_BYTES: u64 = 256 << 30;
const SET_FILES: u64 = 200_000;
/// Most files and bytes of one request that brings many.
const MANY_FILES: usize = 2_000;
const MANY_BYTES: u64 = 512 << 20;
/// Longest path, bytes.
const PATH_BYTES: usize = 4_096;
/// Bytes of what precedes each file's path.
const FILE_HEAD: usize = 12;

const TUS_VERSION: HeaderName = HeaderName::from_static("tus-resumable");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(open))
        .routes(routes!(announce))
        .routes(routes!(many))
        .routes(routes!(offset))
        .routes(routes!(append))
        .routes(routes!(drop_file))
        .routes(routes!(close))
        .routes(routes!(see))
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
        let facts = turn.db.case_facts(case, who.user()).await?;
        let intake = match facts {
            Some(facts) => Some(IntakeFacts {
                into: Destination::Case(facts),
                biometric: input.biometric,
                release: turn.db.latest_release(facts.patient.patient).await?,
            }),
            None => None,
        };
        let (_, intake) = turn.ask_of::<act::StartUpload>(intake, case)?;
        if let Destination::Case(facts) = intake.into {
            refuse_beyond_quota(&mut turn, &facts, input.bytes).await?;
        }
        let id = UploadSetId::from_random(random_id()?);
        let now = turn.now;
        turn.db
            .create_upload_set(id, case, who.user(), input.biometric, now)
            .await?;
        let set = turn.db.upload_set(id).await?.ok_or_else(Problem::not_found)?;
        Ok((StatusCode::CREATED, Json(set_body(set, None))))
    }
    .await;
    turn.end(done).await
}

async fn refuse_beyond_quota(turn: &mut Turn<catalog::Change>, facts: &CaseFacts, bytes: u64) -> Answer<()> {
    let practice = facts.patient.practice.practice;
    let quota = turn
        .db
        .practice(practice)
        .await?
        .ok_or_else(Problem::not_found)?
        .settings
        .quota_bytes;
    let kept = turn.db.bytes_of_practice(practice).await?;
    match kept.saturating_add(bytes) > quota {
        true => Err(Problem::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "quota",
            "The practice has no room for this.",
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
            outcome: job.outcome,
        }),
    }
}

/// An open set of one's own, with the key of its case.
struct Target {
    set: UploadSet,
    key: CaseKey,
}

/// Asks whether one may send more into a set.
async fn target(app: &App, who: &Who, set: UploadSetId, upload: Option<UploadId>) -> Answer<Target> {
    let mut turn = app.look(who).await?;
    let answer = async {
        let found = turn.db.upload_set(set).await?;
        let facts = match &found {
            Some(set) => facts_of(&mut turn, set, upload).await?,
            None => None,
        };
        let name = upload.map_or(set.to_string(), |id| id.to_string());
        let (_, facts) = turn.ask_of::<act::ContinueUpload>(facts, name.as_str())?;
        let set = found.ok_or_else(Problem::not_found)?;
        let Destination::Case(case) = facts.intake.into else {
            return Err(Problem::not_found());
        };
        let wrapped = turn.db.wrapped_case_key(case.case).await?;
        let key = app.case_key(case.case, &wrapped)?;
        Ok(Target { set, key })
    }
    .await;
    turn.end(answer).await
}

/// What decides on an upload of a set.
async fn facts_of(
    turn: &mut Turn<catalog::Conn>,
    set: &UploadSet,
    upload: Option<UploadId>,
) -> Answer<Option<UploadFacts>> {
    let user = turn.who().user();
    let Some(case) = turn.db.case_facts(set.case, user).await? else {
        return Ok(None);
    };
    Ok(Some(UploadFacts {
        upload: upload.unwrap_or(UploadId::from_bytes(*set.id.as_bytes())),
        creator: set.user,
        intake: IntakeFacts {
            into: Destination::Case(case),
            biometric: set.biometric,
            release: turn.db.latest_release(case.patient.patient).await?,
        },
    }))
}

/// An upload of one's own that still takes pieces.
async fn upload_target(app: &App, who: &Who, upload: UploadId) -> Answer<(Upload, Target)> {
    let found = app
        .catalog
        .reader()
        .await?
        .upload(upload)
        .await?
        .ok_or_else(Problem::not_found)?;
    let target = target(app, who, found.set, Some(upload)).await?;
    Ok((found, target))
}

/// Announce a file of a set (tus creation). `Upload-Length` says how long it is, `Upload-Metadata` its `filename`, which
/// may have folders; a body of `application/offset+octet-stream` is its beginning.
#[utoipa::path(post, path = "/api/upload-sets/{set}/files", tag = "uploads", params(("set" = Uuid, Path),
    ("Upload-Length" = u64, Header), ("Upload-Metadata" = String, Header)),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses((status = 201, headers(("Location" = String), ("Upload-Offset" = u64))),
    (status = "default", body = ProblemBody)))]
async fn announce(
    State(app): State<App>,
    who: Who,
    Id(set): Id<UploadSetId>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Response> {
    let len = number(&headers, &UPLOAD_LENGTH)?;
    check_file_len(len)?;
    let path = path_of(&headers)?;
    let target = target(&app, &who, set, None).await?;
    check_set(&target.set, 1, len)?;
    let has_content = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/offset+octet-stream");
    let part = match has_content {
        true => store_piece(&app, &target.key, body, len.min(CHUNK_BYTES)).await?,
        false => None,
    };
    let upload = UploadId::from_random(random_id()?);
    let received = part.as_ref().map_or(0, |part| part.len);
    let file = NewUpload {
        id: upload,
        path,
        len,
        part,
    };
    let mut change = app.catalog.change().await?;
    change.add_uploads(set, &[file], app.now()).await?;
    change.commit().await?;
    let location = HeaderValue::from_str(&format!("/api/uploads/{upload}"))
        .map_err(|error| Problem::internal(&error))?;
    Ok((
        StatusCode::CREATED,
        [
            (TUS_VERSION, HeaderValue::from_static("1.0.0")),
            (header::LOCATION, location),
            (UPLOAD_OFFSET, HeaderValue::from(received)),
        ],
    )
        .into_response())
}

/// Stores a body of at most `most` bytes as an object that is durable when this returns; none where it is empty.
async fn store_piece(app: &App, key: &CaseKey, body: Body, most: u64) -> Answer<Option<ObjectRow>> {
    let mut names = app.names.take(&app.catalog, 1).await?;
    let Some(name) = names.pop() else {
        return Ok(None);
    };
    let mut writer = app.vault.writer(key, name)?;
    let mut stream = body.into_data_stream();
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(|_| Problem::invalid("The body broke off."))?;
        if writer.len() + bytes.len() as u64 > most {
            return Err(Problem::too_large(format!(
                "A piece has at most {} MiB and ends with its file.",
                CHUNK_BYTES >> 20
            )));
        }
        writer.append(&bytes).await?;
    }
    if writer.is_empty() {
        return Ok(None);
    }
    let object = writer.finish().await?;
    app.syncer.sync().await?;
    Ok(Some(row(&object)))
}

fn row(object: &ObjectRef) -> ObjectRow {
    ObjectRow {
        name: object.id.to_string(),
        reference: object.to_bytes().to_vec(),
        len: object.len,
    }
}

/// Files that were taken in one request.
#[derive(Serialize, ToSchema)]
struct Taken {
    /// One for each file, in their order.
    #[schema(value_type = Vec<Uuid>)]
    uploads: Vec<UploadId>,
}

/// Send many whole files of a set at once: all are taken, or none.
#[utoipa::path(post, path = "/api/upload-sets/{set}/many", tag = "uploads", params(("set" = Uuid, Path)),
    request_body(content = Vec<u8>, content_type = "application/vnd.vitrine.files"),
    responses((status = 201, body = Taken), (status = "default", body = ProblemBody)))]
async fn many(
    State(app): State<App>,
    who: Who,
    Id(set): Id<UploadSetId>,
    body: Body,
) -> Answer<(StatusCode, Json<Taken>)> {
    let target = target(&app, &who, set, None).await?;
    let mut frames = Frames::new(body);
    let mut names = Vec::new();
    let mut files = Vec::new();
    let mut bytes = 0;
    while let Some((path, len)) = frames.next_file().await? {
        if files.len() == MANY_FILES {
            return Err(Problem::too_large(format!(
                "One request brings at most {MANY_FILES} files."
            )));
        }
        check_file_len(len)?;
        bytes += len;
        check_set(&target.set, files.len() as u64 + 1, bytes)?;
        if names.is_empty() {
            names = app.names.take(&app.catalog, 64).await?;
        }
        let name = names.pop().ok_or_else(Problem::not_found)?;
        let object = frames.store(&app, &target.key, name, len).await?;
        files.push(NewUpload {
            id: UploadId::from_random(random_id()?),
            path,
            len,
            part: Some(row(&object)),
        });
    }
    if files.is_empty() {
        return Err(Problem::invalid("There is no file in this request."));
    }
    app.syncer.sync().await?;
    let mut change = app.catalog.change().await?;
    change.add_uploads(set, &files, app.now()).await?;
    change.commit().await?;
    let uploads = files.iter().map(|file| file.id).collect();
    Ok((StatusCode::CREATED, Json(Taken { uploads })))
}

/// The files of one request, read as they come.
struct Frames {
    stream: axum::body::BodyDataStream,
    buffer: BytesMut,
    total: u64,
}

impl Frames {
    fn new(body: Body) -> Self {
        Self {
            stream: body.into_data_stream(),
            buffer: BytesMut::new(),
            total: 0,
        }
    }

    /// More bytes; `false` at the end.
    async fn more(&mut self) -> Answer<bool> {
        match self.stream.next().await {
            Some(bytes) => {
                let bytes = bytes.map_err(|_| Problem::invalid("The body broke off."))?;
                self.total += bytes.len() as u64;
                if self.total > MANY_BYTES {
                    return Err(Problem::too_large(format!(
                        "One request brings at most {} MiB.",
                        MANY_BYTES >> 20
                    )));
                }
                self.buffer.extend_from_slice(&bytes);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    async fn fill(&mut self, len: usize) -> Answer<()> {
        while self.buffer.len() < len {
            if !self.more().await? {
                return Err(Problem::invalid("The body ends within a file."));
            }
        }
        Ok(())
    }

    /// Path and length of the next file.
    async fn next_file(&mut self) -> Answer<Option<(Phi<String>, u64)>> {
        if self.buffer.is_empty() && !self.more().await? {
            return Ok(None);
        }
        self.fill(FILE_HEAD).await?;
        let path_len = self.buffer.get_u32_le() as usize;
        let len = self.buffer.get_u64_le();
        if path_len > PATH_BYTES {
            return Err(Problem::invalid("A path is too long."));
        }
        self.fill(path_len).await?;
        let path = self.buffer.split_to(path_len);
        let path = String::from_utf8(path.to_vec()).map_err(|_| Problem::invalid("A path is no UTF-8."))?;
        Ok(Some((checked_path(&path)?, len)))
    }

    /// Encrypts and stores the content of a file.
    async fn store(&mut self, app: &App, key: &CaseKey, name: ObjectId, len: u64) -> Answer<ObjectRef> {
        let mut writer = app.vault.writer(key, name)?;
        while writer.len() < len {
            if self.buffer.is_empty() {
                self.fill(1).await?;
            }
            let rest = usize::try_from(len - writer.len()).unwrap_or(usize::MAX);
            let piece: Bytes = self.buffer.split_to(self.buffer.len().min(rest)).freeze();
            writer.append(&piece).await?;
        }
        Ok(writer.finish().await?)
    }
}

/// How much of a file has arrived (tus core).
#[utoipa::path(head, path = "/api/uploads/{upload}", tag = "uploads", params(("upload" = Uuid, Path)),
    responses((status = 200, headers(("Upload-Offset" = u64), ("Upload-Length" = u64))),
    (status = "default", description = "Problem")))]
async fn offset(State(app): State<App>, who: Who, Id(upload): Id<UploadId>) -> Answer<Response> {
    let (upload, _) = upload_target(&app, &who, upload).await?;
    Ok((
        StatusCode::OK,
        [
            (TUS_VERSION, HeaderValue::from_static("1.0.0")),
            (UPLOAD_OFFSET, HeaderValue::from(upload.received)),
            (UPLOAD_LENGTH, HeaderValue::from(upload.len)),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ],
    )
        .into_response())
}

/// Send a piece of a file (tus core): at most 16 MiB, at `Upload-Offset`, where the last piece ended.
#[utoipa::path(patch, path = "/api/uploads/{upload}", tag = "uploads", params(("upload" = Uuid, Path),
    ("Upload-Offset" = u64, Header)),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses((status = 204, headers(("Upload-Offset" = u64))), (status = "default", body = ProblemBody)))]
async fn append(
    State(app): State<App>,
    who: Who,
    Id(upload): Id<UploadId>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Response> {
    let is_tus = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/offset+octet-stream");
    if !is_tus {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media_type",
            "Send application/offset+octet-stream.",
        ));
    }
    let start = number(&headers, &UPLOAD_OFFSET)?;
    let (upload, target) = upload_target(&app, &who, upload).await?;
    if start != upload.received {
        return Err(Problem::conflict(
            "The piece does not begin where the last one ended.",
        ));
    }
    let most = (upload.len - start).min(CHUNK_BYTES);
    let mut received = start;
    if let Some(part) = store_piece(&app, &target.key, body, most).await? {
        let mut change = app.catalog.change().await?;
        change.add_part(upload.id, start, &part).await?;
        change.commit().await?;
        received += part.len;
    }
    Ok((
        StatusCode::NO_CONTENT,
        [
            (TUS_VERSION, HeaderValue::from_static("1.0.0")),
            (UPLOAD_OFFSET, HeaderValue::from(received)),
        ],
    )
        .into_response())
}

/// Take a file back (tus termination).
#[utoipa::path(delete, path = "/api/uploads/{upload}", tag = "uploads", params(("upload" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn drop_file(State(app): State<App>, who: Who, Id(upload): Id<UploadId>) -> Answer<StatusCode> {
    let (upload, _) = upload_target(&app, &who, upload).await?;
    let run = Names::finished_run(&app.catalog).await?;
    let mut change = app.catalog.change().await?;
    let is_dropped = change.drop_upload(&upload, run).await?;
    change.commit().await?;
    // What was dropped is garbage of a run that is over: the keeper sweeps it.
    app.catalog.finish_ingest(run).await?;
    match is_dropped {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::conflict("The set is not open.")),
    }
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
        let now = turn.now;
        let job = JobId::from_random(random_id()?);
        turn.db.close_upload_set(set, job, now).await?;
        turn.db
            .notify(Notice::in_case("job.queued", target.set.case, job));
        let set = turn.db.upload_set(set).await?.ok_or_else(Problem::not_found)?;
        let job = turn.db.job(job).await?;
        Ok((StatusCode::ACCEPTED, Json(set_body(set, job))))
    }
    .await;
    turn.end(done).await
}

/// How far a set of one's own and its ingestion have come.
#[utoipa::path(get, path = "/api/upload-sets/{set}", tag = "uploads", params(("set" = Uuid, Path)),
    responses((status = 200, body = SetBody), (status = "default", body = ProblemBody)))]
async fn see(State(app): State<App>, who: Who, Id(set): Id<UploadSetId>) -> Answer<Json<SetBody>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let found = turn.db.upload_set(set).await?;
        let facts = match &found {
            Some(set) => facts_of(&mut turn, set, None).await?,
            None => None,
        };
        turn.ask_of::<act::SeeUpload>(facts, set)?;
        let found = found.ok_or_else(Problem::not_found)?;
        let job = turn.db.job_of_set(set).await?;
        Ok(Json(set_body(found, job)))
    }
    .await;
    turn.end(answer).await
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

fn number(headers: &HeaderMap, name: &HeaderName) -> Answer<u64> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Problem::invalid(format!("{name} is missing or is no number.")))
}

/// The `filename` of tus's metadata: pairs of a key and a value in base 64, between commas.
fn path_of(headers: &HeaderMap) -> Answer<Phi<String>> {
    let wrong = || Problem::invalid("Upload-Metadata has no filename in base 64.");
    let text = headers
        .get(UPLOAD_METADATA)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(wrong)?;
    let value = text
        .split(',')
        .filter_map(|pair| pair.trim().split_once(' '))
        .find(|(key, _)| *key == "filename")
        .map(|(_, value)| value.trim())
        .ok_or_else(wrong)?;
    let bytes = BASE64.decode(value.as_bytes()).map_err(|_| wrong())?;
    checked_path(&String::from_utf8(bytes).map_err(|_| wrong())?)
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
