//! A user's own space of captures, and the ways out of it: over a connection to somebody else's space, or into a case.
//! What leaves is copied under another key; who uploaded it stays.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bytes::Bytes;
use catalog::{
    Artifact, Committed, Conn, Item, ItemOriginal, NewArtifact, NewItem, NewOriginal, Notice, ObjectRow,
    Original, right,
};
use domain::{ArtifactId, Biometric, CaseId, Deletion, ItemId, NewsKind, OriginalId, UserId};
use policy::{Authorized, Decision, IntakeFacts, SpaceFacts, TransferFacts, act};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vault::{CaseKey, ObjectId, ObjectRef};

use super::app::App;
use super::cases::UNDO_MS;
use super::extract::{Id, Input};
use super::items::{ItemBody, OriginalBody, body, original_body};
use super::news::{Happened, tell};
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::random_id;
use super::turn::Turn;
use super::uploads::row;
use super::who::Who;

/// Bytes that are decrypted and encrypted again at once.
const PIECE_BYTES: u64 = 1 << 20;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(originals))
        .routes(routes!(delete))
        .routes(routes!(undo_delete))
        .routes(routes!(transfer))
        .routes(routes!(file))
}

/// The captures of one's own space.
#[utoipa::path(get, path = "/api/space/captures", tag = "captures",
    responses((status = 200, body = Vec<ItemBody>), (status = "default", body = ProblemBody)))]
async fn list(State(app): State<App>, who: Who) -> Answer<Json<Vec<ItemBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let proof = turn.ask::<act::ListCaptures>(&SpaceFacts { owner: who.user() })?;
        let items = turn.db.captures_of(proof).await?;
        Ok(Json(
            items.into_iter().map(|item| body(item, who.user())).collect(),
        ))
    }
    .await;
    turn.end(answer).await
}

/// The files of a capture that one uploaded oneself; nobody learns of others.
#[utoipa::path(get, path = "/api/captures/{capture}/originals", tag = "captures",
    params(("capture" = Uuid, Path)),
    responses((status = 200, body = Vec<OriginalBody>), (status = "default", body = ProblemBody)))]
async fn originals(
    State(app): State<App>,
    who: Who,
    Id(capture): Id<ItemId>,
) -> Answer<Json<Vec<OriginalBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let facts = turn.db.facts().await?.capture_facts(capture).await?;
        let (_, facts) = turn.ask_of::<act::LookAtCapture>(facts, capture)?;
        let decision = policy::decide::<act::DownloadCapture>(&who.subject, &facts, turn.now);
        let all = match decision {
            Decision::Allow(proof) => turn.db.originals(proof).await?,
            Decision::Deny(_) => Vec::new(),
        };
        Ok(Json(all.into_iter().map(original_body).collect()))
    }
    .await;
    turn.end(answer).await
}

/// Delete a capture of one's own space. For thirty days that can be undone.
#[utoipa::path(delete, path = "/api/captures/{capture}", tag = "captures", params(("capture" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn delete(State(app): State<App>, who: Who, Id(capture): Id<ItemId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let facts = turn.db.facts().await?.capture_facts(capture).await?;
        let (proof, facts) = turn.ask_of::<act::DeleteCapture>(facts, capture)?;
        let deletion = Deletion::request(facts.keeping, turn.now, UNDO_MS)?;
        turn.db.mark_item_deleted(proof, Some(deletion)).await?;
        turn.db.notify(Notice::for_user("space.changed", facts.owner));
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// Undo the deletion of a capture.
#[utoipa::path(post, path = "/api/captures/{capture}/undo-delete", tag = "captures",
    params(("capture" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn undo_delete(State(app): State<App>, who: Who, Id(capture): Id<ItemId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let facts = turn.db.facts().await?.capture_facts(capture).await?;
        let (proof, facts) = turn.ask_of::<act::UndoDeleteCapture>(facts, capture)?;
        let deletion = facts
            .deletion
            .ok_or_else(|| Problem::conflict("The capture was not deleted."))?;
        deletion.undo(turn.now)?;
        turn.db.mark_item_deleted(proof, None).await?;
        turn.db.notify(Notice::for_user("space.changed", facts.owner));
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// Whom to give a capture to.
#[derive(Deserialize, ToSchema)]
struct Transfer {
    /// The other side of a connection that is active.
    #[schema(value_type = Uuid)]
    to: UserId,
}

/// Where a copy lies now.
#[derive(Serialize, ToSchema)]
struct Given {
    /// The copy.
    #[schema(value_type = Uuid)]
    item: ItemId,
}

/// Give a copy of a capture of one's own space into the space of somebody whom one is connected with: as a patient to
/// a doctor, or as a doctor to a patient.
#[utoipa::path(post, path = "/api/captures/{capture}/transfer", tag = "captures",
    params(("capture" = Uuid, Path)), request_body = Transfer,
    responses((status = 201, body = Given), (status = "default", body = ProblemBody)))]
async fn transfer(
    State(app): State<App>,
    who: Who,
    Id(capture): Id<ItemId>,
    Input(input): Input<Transfer>,
) -> Answer<(StatusCode, Json<Given>)> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let mut known = turn.db.facts().await?;
        let facts = match known.capture_facts(capture).await? {
            Some(capture) => Some(TransferFacts {
                capture,
                connection: known.connection_between(who.user(), input.to).await?,
            }),
            None => None,
        };
        // The connection says which of the two one is; without one either is refused.
        let is_doctor = facts
            .and_then(|facts| facts.connection)
            .is_some_and(|connection| connection.doctor == who.user());
        let now = turn.now;
        Ok(match is_doctor {
            true => {
                let (proof, _) = turn.ask_of::<act::GiveCapture>(facts, capture)?;
                (
                    turn.db.space_of_other(proof, now).await?,
                    Copied::of(&mut turn.db, proof).await?,
                )
            }
            false => {
                let (proof, _) = turn.ask_of::<act::TransferCapture>(facts, capture)?;
                (
                    turn.db.space_of_other(proof, now).await?,
                    Copied::of(&mut turn.db, proof).await?,
                )
            }
        })
    }
    .await;
    let (space, copied) = turn.end(done).await?;
    let item = copy(&app, copied, space).await?;
    let happened = Happened {
        what: NewsKind::Capture,
        by: who.user(),
        case: None,
        patient: None,
        at: app.now(),
    };
    let mut change = app.catalog.change().await?;
    tell(&app, &mut change, input.to, &happened).await?;
    change.notify(Notice::for_user("space.changed", input.to));
    change.commit().await?;
    Ok((StatusCode::CREATED, Json(Given { item })))
}

/// Where to file a capture.
#[derive(Deserialize, ToSchema)]
struct File {
    /// The case.
    #[schema(value_type = Uuid)]
    case: CaseId,
    /// Whether it shows a face or a head: `no` or `face_or_head`.
    #[schema(value_type = String)]
    biometric: Biometric,
}

/// File a copy of a capture of one's own space in a case.
#[utoipa::path(post, path = "/api/captures/{capture}/file", tag = "captures",
    params(("capture" = Uuid, Path)), request_body = File,
    responses((status = 201, body = Given), (status = "default", body = ProblemBody)))]
async fn file(
    State(app): State<App>,
    who: Who,
    Id(capture): Id<ItemId>,
    Input(input): Input<File>,
) -> Answer<(StatusCode, Json<Given>)> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let facts = turn.db.facts().await?.capture_facts(capture).await?;
        let (proof, _) = turn.ask_of::<act::FileCapture>(facts, capture)?;
        let into = turn.db.facts().await?.destination(input.case, who.user()).await?;
        let intake = into.map(|(into, release)| IntakeFacts {
            into,
            biometric: input.biometric,
            release,
        });
        turn.ask_of::<act::StartUpload>(intake, input.case)?;
        Copied::of(&mut turn.db, proof).await
    }
    .await;
    let copied = turn.end(answer).await?;
    let item = copy(&app, copied, input.case).await?;
    Ok((StatusCode::CREATED, Json(Given { item })))
}

/// A capture of which a copy is made.
struct Copied {
    item: Item,
    originals: Vec<Original>,
    artifacts: Vec<Artifact>,
    content_key: [u8; 32],
    wrapped_key: Vec<u8>,
}

impl Copied {
    async fn of<A>(db: &mut Conn, proof: Authorized<A>) -> Answer<Self>
    where
        A: right::ReadItem + right::ReadOriginals + right::ReadContent + right::CopyCapture,
    {
        Ok(Self {
            item: db.item(proof).await?.ok_or_else(Problem::not_found)?,
            originals: db.originals(proof).await?,
            artifacts: db.artifacts(proof).await?,
            content_key: db.content_key(proof).await?,
            wrapped_key: db.key_of_item(proof).await?.1,
        })
    }
}

/// Copies an item into another case: every object under another name and the other case's key, then all rows at once.
async fn copy(app: &App, copied: Copied, to: CaseId) -> Answer<ItemId> {
    let Copied {
        item: from,
        originals,
        artifacts,
        content_key,
        wrapped_key,
    } = copied;
    let system = app.catalog.system();
    let keys = Keys {
        from: app.case_key(from.case, &wrapped_key)?,
        to: app.case_key(to, &system.wrapped_case_key(to).await?)?,
    };
    let mut new = NewItem {
        id: ItemId::from_random(random_id()?),
        case: to,
        uploader: from.uploader,
        ingest: app.names.run(),
        kind: from.kind,
        name: from.name,
        modality: from.modality,
        study_uid: from.study_uid,
        series_uid: from.series_uid,
        content_key,
        grid: from.grid,
        findings: from.findings,
        details: from.details,
        originals: Vec::with_capacity(originals.len()),
        artifacts: Vec::with_capacity(artifacts.len()),
    };
    for original in originals {
        new.originals.push(ItemOriginal::New(NewOriginal {
            id: OriginalId::from_random(random_id()?),
            sha256: original.sha256,
            file_name: original.file_name,
            object: keys.copy(app, &original.object).await?,
        }));
    }
    for artifact in artifacts {
        let mut objects = Vec::with_capacity(artifact.objects.len());
        for (part, object) in artifact.objects {
            objects.push((part, keys.copy(app, &object).await?));
        }
        new.artifacts.push(NewArtifact {
            id: ArtifactId::from_random(random_id()?),
            kind: artifact.kind,
            name: artifact.name,
            details: artifact.details,
            objects,
        });
    }
    app.syncer.sync().await?;
    match system.commit_item(&new).await? {
        Committed::New => Ok(new.id),
        Committed::AlreadyThere(there) => Ok(there),
    }
}

/// The keys of two cases.
struct Keys {
    from: CaseKey,
    to: CaseKey,
}

impl Keys {
    /// The same content under another name and key.
    async fn copy(&self, app: &App, object: &ObjectRow) -> Answer<ObjectRow> {
        let source = ObjectRef::from_bytes(&object.reference)?;
        let name: ObjectId = app
            .names
            .take(&app.catalog.system(), 1)
            .await?
            .pop()
            .ok_or_else(Problem::not_found)?;
        let mut writer = app.vault.writer(&self.to, name)?;
        let mut start = 0;
        while start < source.len {
            let end = (start + PIECE_BYTES).min(source.len);
            let piece = Bytes::from(app.vault.get_range(&self.from, &source, start..end).await?);
            writer.append(&piece).await?;
            start = end;
        }
        Ok(row(&writer.finish().await?))
    }
}

/// Asks whether a file of a capture in somebody's space may be downloaded.
pub(crate) async fn ask_of_own_capture(
    turn: &mut Turn<Conn>,
    capture: ItemId,
) -> Answer<Authorized<act::DownloadCapture>> {
    let facts = turn.db.facts().await?.capture_facts(capture).await?;
    Ok(turn.ask_of::<act::DownloadCapture>(facts, capture)?.0)
}
