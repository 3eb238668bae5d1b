//! What is in a case.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use catalog::{Download, Item, Notice, Original};
use domain::{CaseId, Deletion, ItemId, ItemKind, OriginalId, Phi, UserId};
use policy::{Decision, act};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vault::ObjectRef;

use super::app::App;
use super::cases::UNDO_MS;
use super::extract::{Id, Input};
use super::problem::{Answer, Problem, ProblemBody};
use super::registrations::{CaseSpaces, RegistrationBody, SpaceBody};
use super::spaces::ask_of_own_capture;
use super::stored;
use super::who::Who;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(rename))
        .routes(routes!(originals))
        .routes(routes!(download))
        .routes(routes!(delete))
        .routes(routes!(undo_delete))
}

/// One piece of medical content.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: ItemId,
    /// `volume`, `frames`, `document`, `mesh`, `capture` or `photo`.
    #[schema(value_type = String)]
    kind: ItemKind,
    /// What people call it.
    name: String,
    /// Such as `CT`.
    modality: Option<String>,
    /// Whether it is one's own upload.
    own: bool,
    /// What was found out about it: code, severity, one sentence, numbers with units in their names.
    #[schema(value_type = Vec<Object>)]
    findings: serde_json::Value,
    /// What tells which items share a frame of reference, so that a point of one is the same point of the other; of
    /// one's own items only.
    frame: Option<String>,
    /// In whose space it lies, and where; told in the list of a case.
    space: Option<SpaceBody>,
    /// What it was laid onto, if it was; told in the list of a case.
    registration: Option<RegistrationBody>,
    /// When it became visible, RFC 3339.
    created: String,
}

pub(crate) fn body(item: Item, me: UserId) -> ItemBody {
    let since = item
        .created
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let created = domain::Timestamp::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    let own = item.uploader == Some(me);
    let frame = item.details["frame_of_reference_uid"].as_str().filter(|_| own);
    ItemBody {
        id: item.id,
        kind: item.kind,
        frame: frame.map(str::to_owned),
        space: None,
        registration: None,
        name: item.name,
        modality: item.modality,
        own,
        findings: item.findings,
        created: created.to_rfc3339(),
    }
}

/// What is in a case.
#[utoipa::path(get, path = "/api/cases/{case}/items", tag = "items", params(("case" = Uuid, Path)),
    responses((status = 200, body = Vec<ItemBody>), (status = "default", body = ProblemBody)))]
async fn list(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<Json<Vec<ItemBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.case::<act::SeeCase>(case).await?;
        let items = turn.db.items_of(proof).await?;
        let spaces = CaseSpaces::of(&items, turn.db.registrations_of(proof).await?);
        let placed = |item: Item| ItemBody {
            space: spaces.space(item.id),
            registration: spaces.registration(item.id),
            ..body(item, who.user())
        };
        Ok(Json(items.into_iter().map(placed).collect()))
    }
    .await;
    turn.end(answer).await
}

/// An item.
#[utoipa::path(get, path = "/api/items/{item}", tag = "items", params(("item" = Uuid, Path)),
    responses((status = 200, body = ItemBody), (status = "default", body = ProblemBody)))]
async fn read(State(app): State<App>, who: Who, Id(item): Id<ItemId>) -> Answer<Json<ItemBody>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.item::<act::SeeItem>(item).await?;
        let item = turn.db.item(proof).await?.ok_or_else(Problem::not_found)?;
        Ok(Json(body(item, who.user())))
    }
    .await;
    turn.end(answer).await
}

/// Another name.
#[derive(Deserialize, ToSchema)]
struct Rename {
    /// What people call the item now.
    #[schema(value_type = String, max_length = 300)]
    name: Phi<String>,
}

/// Change what an item is called.
#[utoipa::path(put, path = "/api/items/{item}", tag = "items", params(("item" = Uuid, Path)), request_body = Rename,
    responses((status = 200, body = ItemBody), (status = "default", body = ProblemBody)))]
async fn rename(
    State(app): State<App>,
    who: Who,
    Id(item): Id<ItemId>,
    Input(input): Input<Rename>,
) -> Answer<Json<ItemBody>> {
    let name = domain::text::line("The name", input.name.reveal())?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, facts) = turn.item::<act::EditItem>(item).await?;
        turn.db.rename_item(proof, name).await?;
        turn.db
            .notify(Notice::in_case("item.changed", facts.case.case, item));
        let item = turn.db.item(proof).await?.ok_or_else(Problem::not_found)?;
        Ok(Json(body(item, who.user())))
    }
    .await;
    turn.end(done).await
}

/// A file that one uploaded.
#[derive(Serialize, ToSchema)]
pub(crate) struct OriginalBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: OriginalId,
    /// Its name and path as uploaded.
    #[schema(value_type = String)]
    name: Phi<String>,
    /// Bytes.
    bytes: u64,
    /// SHA-256 of its bytes, hexadecimal.
    sha256: String,
}

/// The files of an item that one uploaded oneself; nobody learns of others.
#[utoipa::path(get, path = "/api/items/{item}/originals", tag = "items", params(("item" = Uuid, Path)),
    responses((status = 200, body = Vec<OriginalBody>), (status = "default", body = ProblemBody)))]
async fn originals(
    State(app): State<App>,
    who: Who,
    Id(item): Id<ItemId>,
) -> Answer<Json<Vec<OriginalBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, facts) = turn.item::<act::SeeItem>(item).await?;
        let now = turn.now;
        let may = |original: &Original| {
            let facts = policy::OriginalFacts {
                original: original.id,
                item: facts,
                uploader: original.uploader?,
            };
            let decision = policy::decide::<act::DownloadOriginal>(&who.subject, &facts, now);
            matches!(decision, Decision::Allow(_)).then_some(())
        };
        let all = turn.db.originals(proof).await?;
        let own = all.into_iter().filter(|original| may(original).is_some());
        Ok(Json(own.map(original_body).collect()))
    }
    .await;
    turn.end(answer).await
}

pub(crate) fn original_body(original: Original) -> OriginalBody {
    OriginalBody {
        id: original.id,
        name: original.file_name,
        bytes: original.object.len,
        sha256: original.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// Download the very bytes that one uploaded.
#[utoipa::path(get, path = "/api/originals/{original}/content", tag = "items", params(("original" = Uuid, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
    (status = "default", body = ProblemBody)))]
async fn download(State(app): State<App>, who: Who, Id(original): Id<OriginalId>) -> Answer<Response> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let found = match turn.db.facts().await?.capture_of(original).await? {
            Some(capture) => {
                let proof = ask_of_own_capture(&mut turn, capture).await?;
                turn.db.original_of_capture(proof, original).await?
            }
            None => {
                let (proof, _) = turn.original::<act::DownloadOriginal>(original).await?;
                turn.db.original(proof).await?
            }
        };
        found.ok_or_else(Problem::not_found)
    }
    .await;
    let Download {
        case,
        wrapped_key,
        original,
    } = turn.end(answer).await?;
    let key = app.case_key(case, &wrapped_key)?;
    let object = ObjectRef::from_bytes(&original.object.reference)?;
    let disposition = HeaderValue::from_str(&disposition(original.file_name.reveal()))
        .map_err(|error| Problem::internal(&error))?;
    Ok((
        [
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/octet-stream"),
            ),
            (header::CONTENT_LENGTH, HeaderValue::from(object.len)),
            (header::CONTENT_DISPOSITION, disposition),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ],
        stored::body(app.vault.clone(), key, object, 0..object.len),
    )
        .into_response())
}

/// Delete an item. For thirty days that can be undone.
#[utoipa::path(delete, path = "/api/items/{item}", tag = "items", params(("item" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn delete(State(app): State<App>, who: Who, Id(item): Id<ItemId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, facts) = turn.item::<act::DeleteItem>(item).await?;
        let deletion = Deletion::request(facts.keeping, turn.now, UNDO_MS)?;
        turn.db.mark_item_deleted(proof, Some(deletion)).await?;
        turn.db
            .notify(Notice::in_case("item.deleted", facts.case.case, item));
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// Undo the deletion of an item.
#[utoipa::path(post, path = "/api/items/{item}/undo-delete", tag = "items", params(("item" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn undo_delete(State(app): State<App>, who: Who, Id(item): Id<ItemId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, facts) = turn.item::<act::UndoDeleteItem>(item).await?;
        let deletion = facts
            .deletion
            .ok_or_else(|| Problem::conflict("The item was not deleted."))?;
        deletion.undo(turn.now)?;
        turn.db.mark_item_deleted(proof, None).await?;
        turn.db
            .notify(Notice::in_case("item.added", facts.case.case, item));
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// An attachment under the last part of its path (RFC 6266, RFC 8187).
fn disposition(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    let escaped: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    format!("attachment; filename*=UTF-8''{escaped}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_attachments_are_escaped() {
        assert_eq!(
            super::disposition("CT/Müller \"x\"\r\n.dcm"),
            "attachment; filename*=UTF-8''M%C3%BCller%20%22x%22%0D%0A.dcm"
        );
    }
}
