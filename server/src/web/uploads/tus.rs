//! One file in pieces, after tus 1.0.0 (<https://tus.io/protocols/resumable-upload>).

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use catalog::{NewUpload, ObjectRow, Upload};
use data_encoding::BASE64;
use domain::{Phi, UploadId, UploadSetId};
use futures::StreamExt;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vault::CaseKey;

use super::{Target, check_file_len, check_set, checked_path, row, target};
use crate::web::app::App;
use crate::web::extract::Id;
use crate::web::names::Names;
use crate::web::problem::{Answer, Problem, ProblemBody};
use crate::web::secrets::random_id;
use crate::web::who::Who;

/// Most bytes of a piece.
const CHUNK_BYTES: u64 = 16 << 20;

const TUS_VERSION: HeaderName = HeaderName::from_static("tus-resumable");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(announce))
        .routes(routes!(offset))
        .routes(routes!(append))
        .routes(routes!(drop_file))
}

/// An upload of one's own that still takes pieces.
async fn upload_target(app: &App, who: &Who, upload: UploadId) -> Answer<(Upload, Target)> {
    let found = app
        .catalog
        .reader()
        .await?
        .facts()
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
    change.add_uploads(target.proof, &[file], app.now()).await?;
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
    let mut names = app.names.take(&app.catalog.system(), 1).await?;
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
        change.add_part(target.proof, start, &part).await?;
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
    let (_, target) = upload_target(&app, &who, upload).await?;
    let system = app.catalog.system();
    let run = Names::finished_run(&system).await?;
    let mut change = app.catalog.change().await?;
    let is_dropped = change.drop_upload(target.proof, run).await?;
    change.commit().await?;
    // What was dropped is garbage of a run that is over: the keeper sweeps it.
    system.finish_ingest(run).await?;
    match is_dropped {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::conflict("The set is not open.")),
    }
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
