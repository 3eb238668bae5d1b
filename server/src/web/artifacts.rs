//! What the pipeline made of an item, for its uploader alone: the browser renders it itself.

use std::collections::HashMap;
use std::ops::Range;

use artifact::pyramid::{PyramidHead, Section};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use catalog::Artifact;
use domain::{ArtifactId, ArtifactKind, ItemId};
use futures::{StreamExt, TryStreamExt, stream};
use policy::act;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vault::{CaseKey, ObjectRef, VaultError};
use volume::BrickKey;

use super::app::App;
use super::extract::{Id, IdsAndWord};
use super::problem::{Answer, Problem, ProblemBody};
use super::stored;
use super::who::Who;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(content))
        .routes(routes!(section))
}

/// What was made of an item.
#[derive(Serialize, ToSchema)]
struct ArtifactBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ArtifactId,
    /// `pyramid`, `surface`, `thumbnail`, `photo` or `comparison`.
    #[schema(value_type = String)]
    kind: ArtifactKind,
    /// What tells it from others of its kind, such as `bone`.
    name: String,
    /// Counts, levels and errors.
    #[schema(value_type = Object)]
    details: serde_json::Value,
    /// Its parts.
    parts: Vec<PartBody>,
}

/// A part of an artifact.
#[derive(Serialize, ToSchema)]
struct PartBody {
    /// Its name, such as `head`.
    name: String,
    /// Bytes.
    bytes: u64,
}

fn body(artifact: Artifact) -> ArtifactBody {
    let part = |(name, object): &(String, catalog::ObjectRow)| PartBody {
        name: name.clone(),
        bytes: object.len,
    };
    ArtifactBody {
        parts: artifact.objects.iter().map(part).collect(),
        id: artifact.id,
        kind: artifact.kind,
        name: artifact.name,
        details: artifact.details,
    }
}

/// What was made of an item of a case or a capture of one's own space that one uploaded oneself.
#[utoipa::path(get, path = "/api/items/{item}/artifacts", tag = "items", params(("item" = Uuid, Path)),
    responses((status = 200, body = Vec<ArtifactBody>), (status = "default", body = ProblemBody)))]
async fn list(State(app): State<App>, who: Who, Id(item): Id<ItemId>) -> Answer<Json<Vec<ArtifactBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (_, proof) = turn
            .content::<act::RenderLocally, act::RenderCapture>(item)
            .await?;
        let all = proof.artifacts(&mut turn.db).await?;
        Ok(Json(all.into_iter().map(body).collect()))
    }
    .await;
    turn.end(answer).await
}

/// The bytes of a part, for the browser that renders them; `Range` gives some of them.
#[utoipa::path(get, path = "/api/items/{item}/artifacts/{artifact}/{part}", tag = "items",
    params(("item" = Uuid, Path), ("artifact" = Uuid, Path), ("part" = String, Path),
    ("Range" = Option<String>, Header, description = "`bytes=FIRST-LAST` or `bytes=FIRST-`")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
    (status = 206, body = Vec<u8>, content_type = "application/octet-stream"),
    (status = "default", body = ProblemBody)))]
async fn content(
    State(app): State<App>,
    who: Who,
    IdsAndWord(item, artifact, part): IdsAndWord<ItemId, ArtifactId>,
    headers: HeaderMap,
) -> Answer<Response> {
    let (artifact, key) = rendered(&app, &who, item, artifact).await?;
    let object = object(&artifact, &part)?;
    let range = range(&headers, object.len)?;
    let (start, end) = range.unwrap_or((0, object.len));
    let mut response = (
        match range {
            Some(_) => StatusCode::PARTIAL_CONTENT,
            None => StatusCode::OK,
        },
        [
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/octet-stream"),
            ),
            (header::CONTENT_LENGTH, HeaderValue::from(end - start)),
            (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ],
        stored::body(app.vault.clone(), key, object, start..end),
    )
        .into_response();
    if range.is_some() {
        let text = format!("bytes {start}-{}/{}", end - 1, object.len);
        let value = HeaderValue::from_str(&text).map_err(|error| Problem::internal(&error))?;
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    Ok(response)
}

/// An artifact for whoever may render it, and the key of its case.
async fn rendered(app: &App, who: &Who, item: ItemId, artifact: ArtifactId) -> Answer<(Artifact, CaseKey)> {
    let mut turn = app.look(who).await?;
    let answer = async {
        let (_, proof) = turn
            .content::<act::RenderLocally, act::RenderCapture>(item)
            .await?;
        let all = proof.artifacts(&mut turn.db).await?;
        let found = all.into_iter().find(|found| found.id == artifact);
        let found = found.ok_or_else(Problem::not_found)?;
        let (case, wrapped) = proof.key(&mut turn.db).await?;
        Ok((case, found, wrapped))
    }
    .await;
    let (case, found, wrapped) = turn.end(answer).await?;
    Ok((found, app.case_key(case, &wrapped)?))
}

fn object(artifact: &Artifact, part: &str) -> Answer<ObjectRef> {
    let row = artifact.object(part).ok_or_else(Problem::not_found)?;
    Ok(ObjectRef::from_bytes(&row.reference)?)
}

/// Bytes of a head that are read at first: its index is within them, but for very large volumes.
const HEAD_BYTES: u64 = 1 << 16;
/// Bricks that are read at once.
const READ_AT_ONCE: usize = 8;

/// Exact planes of a volume, for the browser that renders them before all of the volume is there: `slice-211-2` are two,
/// across slices from the one with the index 211 on; likewise `row` and `column`. Packed as bricks are.
#[utoipa::path(get, path = "/api/items/{item}/artifacts/{artifact}/sections/{section}", tag = "items",
    params(("item" = Uuid, Path), ("artifact" = Uuid, Path), ("section" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
    (status = "default", body = ProblemBody)))]
async fn section(
    State(app): State<App>,
    who: Who,
    IdsAndWord(item, artifact, section): IdsAndWord<ItemId, ArtifactId>,
) -> Answer<Response> {
    let (artifact, key) = rendered(&app, &who, item, artifact).await?;
    let no_planes = || Problem::invalid("There are no such planes: sections are as slice-211-2, of volumes.");
    if artifact.kind != ArtifactKind::Pyramid {
        return Err(no_planes());
    }
    let section: Section = section.parse().map_err(|_| no_planes())?;
    let (head, body) = (object(&artifact, "head")?, object(&artifact, "body")?);
    let mut start = app
        .vault
        .get_range(&key, &head, 0..head.len.min(HEAD_BYTES))
        .await?;
    let index_len = PyramidHead::index_len(&start).map_err(|error| Problem::internal(&error))?;
    if index_len > start.len() as u64 {
        start = app.vault.get_range(&key, &head, 0..index_len).await?;
    }
    let head = PyramidHead::parse(&start).map_err(|error| Problem::internal(&error))?;
    head.section_grid(section).ok_or_else(no_planes)?;
    let places: Vec<(BrickKey, Range<u64>)> = head
        .bricks_of(section)
        .filter_map(|brick| {
            let entry = head.entry(brick)?;
            Some((brick, entry.offset..entry.offset + u64::from(entry.len)))
        })
        .collect();
    let bricks: HashMap<BrickKey, Vec<u8>> = stream::iter(places)
        .map(|(brick, range)| {
            let (vault, key, body) = (&app.vault, &key, &body);
            async move { Ok::<_, VaultError>((brick, vault.get_range(key, body, range).await?)) }
        })
        .buffer_unordered(READ_AT_ONCE)
        .try_collect()
        .await?;
    let cut = tokio::task::spawn_blocking(move || {
        let missing = || std::io::Error::other("a brick was not read");
        head.cut_section(section, |brick, _| bricks.get(&brick).ok_or_else(missing))
    });
    let bytes = cut
        .await
        .map_err(|error| Problem::internal(&error))?
        .map_err(|error| Problem::internal(&error))?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, bytes).into_response())
}

/// First byte and the one after the last that are asked for (RFC 9110, 14.2); nothing where all are. Of several ranges,
/// or in words that are not understood, all are.
fn range(headers: &HeaderMap, len: u64) -> Answer<Option<(u64, u64)>> {
    let text = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some((first, last)) = text
        .and_then(|text| text.strip_prefix("bytes="))
        .and_then(|range| range.split_once('-'))
    else {
        return Ok(None);
    };
    let Ok(first) = first.parse::<u64>() else {
        return Ok(None);
    };
    let end = match last {
        "" => len,
        last => match last.parse::<u64>() {
            Ok(last) if last >= first => last.saturating_add(1).min(len),
            _ => return Ok(None),
        },
    };
    if first >= len {
        return Err(Problem::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "range",
            "The part is not that long.",
        ));
    }
    Ok(Some((first, end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let asked = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_static(text));
            range(&headers, 100)
        };
        assert_eq!(asked("bytes=0-9").unwrap(), Some((0, 10)));
        assert_eq!(asked("bytes=90-").unwrap(), Some((90, 100)));
        assert_eq!(asked("bytes=90-500").unwrap(), Some((90, 100)));
        assert_eq!(asked("bytes=99-99").unwrap(), Some((99, 100)));
        assert!(asked("bytes=100-").is_err());
        for all in ["bytes=9-3", "bytes=-5", "bytes=1-2,4-5", "lines=1-2", "bytes=x-3"] {
            assert_eq!(asked(all).unwrap(), None, "{all}");
        }
        assert_eq!(range(&HeaderMap::new(), 100).unwrap(), None);
    }
}
