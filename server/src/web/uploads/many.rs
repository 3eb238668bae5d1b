//! Many whole files in one request (`application/vnd.vitrine.files`).

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use bytes::{Buf, Bytes, BytesMut};
use catalog::NewUpload;
use domain::{Phi, UploadId, UploadSetId};
use futures::StreamExt;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vault::{CaseKey, ObjectId, ObjectRef};

use super::{PATH_BYTES, check_file_len, check_set, checked_path, row, target};
use crate::web::app::App;
use crate::web::extract::Id;
use crate::web::problem::{Answer, Problem, ProblemBody};
use crate::web::secrets::random_id;
use crate::web::who::Who;

/// Most files and bytes of one request that brings many.
const MANY_FILES: usize = 2_000;
const MANY_BYTES: u64 = 512 << 20;
/// Bytes of what precedes each file's path.
const FILE_HEAD: usize = 12;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(many))
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
            names = app.names.take(&app.catalog.system(), 64).await?;
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
    change.add_uploads(target.proof, &files, app.now()).await?;
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
