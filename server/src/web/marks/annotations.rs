//! Annotations and their threads.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Change, Mark, MarkId, MarkKind, MarkVersion};
use domain::{AnnotationGeometry, AnnotationId, CaseId, CommentId, ItemId, MarkColor, Measure, Phi, UserId};
use policy::act;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::app::App;
use super::super::extract::{Id, Input};
use super::super::problem::{Answer, Problem, ProblemBody};
use super::super::secrets::random_id;
use super::super::who::Who;
use super::authors::{Author, Authors, author};
use super::mentions::tell_named;
use super::{add, amend, found, new_mark, withdraw};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(annotations))
        .routes(routes!(annotate))
        .routes(routes!(amend_annotation))
        .routes(routes!(withdraw_annotation))
        .routes(routes!(annotation_history))
        .routes(routes!(comment))
        .routes(routes!(amend_comment))
        .routes(routes!(withdraw_comment))
}

/// What an annotation says.
#[derive(Serialize, Deserialize)]
struct AnnotationContent {
    geometry: AnnotationGeometry,
    label: Option<String>,
    #[serde(default)]
    color: Option<MarkColor>,
}

/// An annotation with its thread.
#[derive(Serialize, ToSchema)]
struct AnnotationBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: AnnotationId,
    /// The item that it is on.
    #[schema(value_type = Option<Uuid>)]
    item: Option<ItemId>,
    /// Who made it.
    #[schema(value_type = Uuid)]
    author: UserId,
    /// What its author is called; of a deleted account nothing is known.
    #[schema(value_type = Option<String>)]
    author_name: Option<Phi<String>>,
    /// The author's color in the case, a number from 0 to 11: by it they are told from others, by their pointer too.
    author_color: u8,
    /// When, RFC 3339.
    created: String,
    /// Goes up with every amendment; to be given back with one.
    version: u64,
    /// Kind (`pin`, `distance`, `angle`, `polyline`, `region`, `arrow`, `text`), space (`patient` in millimeters,
    /// `picture` in pixels) and points.
    #[schema(value_type = Object)]
    geometry: AnnotationGeometry,
    /// Words beside it.
    label: Option<String>,
    /// `cyan`, `yellow`, `orange`, `pink`, `violet`, `green` or `white`; its author's color where there is none.
    #[schema(value_type = Option<String>)]
    color: Option<MarkColor>,
    /// What it measures, with its unit in its name.
    #[schema(value_type = Option<Object>)]
    measure: Option<Measure>,
    /// Its thread, the oldest comment first.
    comments: Vec<CommentBody>,
}

/// A comment.
#[derive(Serialize, ToSchema)]
struct CommentBody {
    /// Its id.
    id: String,
    /// Who wrote it.
    #[schema(value_type = Uuid)]
    author: UserId,
    /// What its author is called; of a deleted account nothing is known.
    #[schema(value_type = Option<String>)]
    author_name: Option<Phi<String>>,
    /// The author's color in the case, a number from 0 to 11: by it they are told from others, by their pointer too.
    author_color: u8,
    /// When, RFC 3339.
    created: String,
    /// Goes up with every amendment; to be given back with one.
    version: u64,
    /// What it says.
    text: String,
}

/// A new or amended annotation.
#[derive(Deserialize, ToSchema)]
struct Annotate {
    /// The id of a new one, made by the client: sent again, it is added once.
    #[schema(value_type = Option<Uuid>)]
    id: Option<AnnotationId>,
    /// The item that it is on.
    #[schema(value_type = Option<Uuid>)]
    item: Option<ItemId>,
    /// The version that is amended; none for a new one.
    version: Option<u64>,
    /// Kind, space and points.
    #[schema(value_type = Object)]
    geometry: AnnotationGeometry,
    /// Words beside it.
    #[schema(value_type = Option<String>)]
    label: Option<Phi<String>>,
    /// `cyan`, `yellow`, `orange`, `pink`, `violet`, `green` or `white`; its author's color where there is none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    color: Option<MarkColor>,
}

impl Annotate {
    fn content(self) -> Answer<Value> {
        let label = match &self.label {
            Some(text) => Some(domain::text::lines("The label", text.reveal())?),
            None => None,
        };
        let content = AnnotationContent {
            geometry: self.geometry,
            label,
            color: self.color,
        };
        serde_json::to_value(content).map_err(|error| Problem::internal(&error))
    }
}

/// The annotations of a case with their threads.
#[utoipa::path(get, path = "/api/cases/{case}/annotations", tag = "annotations", params(("case" = Uuid, Path)),
    responses((status = 200, body = Vec<AnnotationBody>), (status = "default", body = ProblemBody)))]
async fn annotations(
    State(app): State<App>,
    who: Who,
    Id(case): Id<CaseId>,
) -> Answer<Json<Vec<AnnotationBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.case::<act::SeeAnnotations>(case).await?;
        let comments = turn.db.marks_of(proof, MarkKind::Comment).await?;
        let mut authors = Authors::of_case(&mut turn.db, case).await?;
        let mut all = Vec::new();
        for mark in turn.db.marks_of(proof, MarkKind::Annotation).await? {
            let MarkId::Annotation(id) = mark.id else { continue };
            let mut thread = Vec::new();
            for comment in comments.iter().filter(|comment| comment.parent == Some(id)) {
                let author = authors.find(&mut turn.db, comment.author).await?;
                thread.push(comment_body(comment, author));
            }
            let author = authors.find(&mut turn.db, mark.author).await?;
            all.push(annotation_body(id, &mark, author, thread)?);
        }
        Ok(Json(all))
    }
    .await;
    turn.end(answer).await
}

fn annotation_body(
    id: AnnotationId,
    mark: &Mark,
    author: Author,
    comments: Vec<CommentBody>,
) -> Answer<AnnotationBody> {
    let content: AnnotationContent =
        serde_json::from_value(mark.body.clone()).map_err(|error| Problem::internal(&error))?;
    Ok(AnnotationBody {
        id,
        item: mark.item,
        author: mark.author,
        author_name: author.name,
        author_color: author.color,
        created: mark.created.to_rfc3339(),
        version: mark.version,
        measure: content.geometry.measure(),
        geometry: content.geometry,
        label: content.label,
        color: content.color,
        comments,
    })
}

fn comment_body(mark: &Mark, author: Author) -> CommentBody {
    CommentBody {
        id: mark.id.to_string(),
        author: mark.author,
        author_name: author.name,
        author_color: author.color,
        created: mark.created.to_rfc3339(),
        version: mark.version,
        text: mark.body["text"].as_str().unwrap_or_default().to_owned(),
    }
}

/// Set a mark in a case.
#[utoipa::path(post, path = "/api/cases/{case}/annotations", tag = "annotations", params(("case" = Uuid, Path)),
    request_body = Annotate,
    responses((status = 201, body = AnnotationBody), (status = "default", body = ProblemBody)))]
async fn annotate(
    State(app): State<App>,
    who: Who,
    Id(case): Id<CaseId>,
    Input(input): Input<Annotate>,
) -> Answer<(StatusCode, Json<AnnotationBody>)> {
    let (id, item) = (input.id, input.item);
    let content = input.content()?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.case::<act::Annotate>(case).await?;
        refuse_foreign_item(&mut turn.db, case, item).await?;
        let id = id.map_or_else(|| random_id().map(AnnotationId::from_random), Ok)?;
        let mark = new_mark(&turn, MarkId::Annotation(id), case, item, None, content);
        let mark = add(&mut turn.db, proof, mark, "annotation.added").await?;
        let mut system = turn.db.as_system().await?;
        system.person_color(case, mark.author).await?;
        let author = author(&mut turn.db, case, mark.author).await?;
        let body = annotation_body(id, &mark, author, Vec::new())?;
        Ok((StatusCode::CREATED, Json(body)))
    }
    .await;
    turn.end(done).await
}

async fn refuse_foreign_item(change: &mut Change, case: CaseId, item: Option<ItemId>) -> Answer<()> {
    let Some(item) = item else { return Ok(()) };
    let place = change.facts().await?.place_of_item(item).await?;
    match place == Some(case) {
        true => Ok(()),
        false => Err(Problem::invalid("The item is not in this case.")),
    }
}

/// Amend an annotation; what it was is kept.
#[utoipa::path(put, path = "/api/annotations/{annotation}", tag = "annotations",
    params(("annotation" = Uuid, Path)), request_body = Annotate,
    responses((status = 200, body = AnnotationBody), (status = "default", body = ProblemBody)))]
async fn amend_annotation(
    State(app): State<App>,
    who: Who,
    Id(id): Id<AnnotationId>,
    Input(input): Input<Annotate>,
) -> Answer<Json<AnnotationBody>> {
    let version = input.version;
    let content = input.content()?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let asked = asked!(turn, AmendAnnotation, id, Annotation);
        let mark = amend(&mut turn, asked, version, content, "annotation.changed").await?;
        let author = author(&mut turn.db, mark.case, mark.author).await?;
        Ok(Json(annotation_body(id, &mark, author, Vec::new())?))
    }
    .await;
    turn.end(done).await
}

/// Withdraw an annotation; its history stays.
#[utoipa::path(delete, path = "/api/annotations/{annotation}", tag = "annotations",
    params(("annotation" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn withdraw_annotation(
    State(app): State<App>,
    who: Who,
    Id(id): Id<AnnotationId>,
) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let asked = asked!(turn, WithdrawAnnotation, id, Annotation);
        withdraw(&mut turn, asked, "annotation.withdrawn").await
    }
    .await;
    turn.end(done).await
}

/// A version of an annotation.
#[derive(Serialize, ToSchema)]
struct VersionBody {
    /// Which, from 1.
    version: u64,
    /// Who wrote it.
    #[schema(value_type = Uuid)]
    author: UserId,
    /// When, RFC 3339.
    written: String,
    /// What it said.
    #[schema(value_type = Object)]
    body: Value,
}

/// All that an annotation ever said, withdrawn or not.
#[utoipa::path(get, path = "/api/annotations/{annotation}/history", tag = "annotations",
    params(("annotation" = Uuid, Path)),
    responses((status = 200, body = Vec<VersionBody>), (status = "default", body = ProblemBody)))]
async fn annotation_history(
    State(app): State<App>,
    who: Who,
    Id(id): Id<AnnotationId>,
) -> Answer<Json<Vec<VersionBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let mut known = turn.db.facts().await?;
        let facts = match known.mark_place(MarkId::Annotation(id)).await? {
            Some(place) => known.case_facts(place.case, who.user()).await?,
            None => None,
        };
        let (proof, _) = turn.ask_of::<act::ReadAnnotationHistory>(facts, id)?;
        let body = |version: MarkVersion| VersionBody {
            version: version.version,
            author: version.author,
            written: version.written.to_rfc3339(),
            body: version.body,
        };
        let versions = turn.db.mark_history(proof, MarkId::Annotation(id)).await?;
        Ok(Json(versions.into_iter().map(body).collect()))
    }
    .await;
    turn.end(answer).await
}

/// A new or amended comment.
#[derive(Deserialize, ToSchema)]
struct Comment {
    /// The id of a new one, made by the client: sent again, it is added once.
    #[schema(value_type = Option<Uuid>)]
    id: Option<CommentId>,
    /// The version that is amended; none for a new one.
    version: Option<u64>,
    /// What it says.
    #[schema(value_type = String)]
    text: Phi<String>,
}

impl Comment {
    fn content(&self) -> Answer<Value> {
        Ok(json!({ "text": domain::text::lines("The comment", self.text.reveal())? }))
    }
}

/// Comment on an annotation.
#[utoipa::path(post, path = "/api/annotations/{annotation}/comments", tag = "annotations",
    params(("annotation" = Uuid, Path)), request_body = Comment,
    responses((status = 201, body = CommentBody), (status = "default", body = ProblemBody)))]
async fn comment(
    State(app): State<App>,
    who: Who,
    Id(id): Id<AnnotationId>,
    Input(input): Input<Comment>,
) -> Answer<(StatusCode, Json<CommentBody>)> {
    let content = input.content()?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, annotation) = asked!(turn, Comment, id, Annotation);
        let comment = input
            .id
            .map_or_else(|| random_id().map(CommentId::from_random), Ok)?;
        let comment = MarkId::Comment(comment);
        let mark = new_mark(
            &turn,
            comment,
            annotation.case,
            annotation.item,
            Some(id),
            content,
        );
        let is_new = turn.db.added_mark(proof, comment).await?.is_none();
        let mark = add(&mut turn.db, proof, mark, "comment.added").await?;
        if is_new {
            tell_named(&app, &mut turn, mark.case, input.text.reveal(), "").await?;
        }
        let mut system = turn.db.as_system().await?;
        system.person_color(mark.case, mark.author).await?;
        let author = author(&mut turn.db, mark.case, mark.author).await?;
        Ok((StatusCode::CREATED, Json(comment_body(&mark, author))))
    }
    .await;
    turn.end(done).await
}

/// Amend a comment; what it was is kept.
#[utoipa::path(put, path = "/api/comments/{comment}", tag = "annotations", params(("comment" = Uuid, Path)),
    request_body = Comment,
    responses((status = 200, body = CommentBody), (status = "default", body = ProblemBody)))]
async fn amend_comment(
    State(app): State<App>,
    who: Who,
    Id(id): Id<CommentId>,
    Input(input): Input<Comment>,
) -> Answer<Json<CommentBody>> {
    let content = input.content()?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, mark) = asked!(turn, AmendComment, id, Comment);
        let before = mark.body["text"].as_str().unwrap_or_default().to_owned();
        let mark = amend(
            &mut turn,
            (proof, mark),
            input.version,
            content,
            "comment.changed",
        )
        .await?;
        tell_named(&app, &mut turn, mark.case, input.text.reveal(), &before).await?;
        let author = author(&mut turn.db, mark.case, mark.author).await?;
        Ok(Json(comment_body(&mark, author)))
    }
    .await;
    turn.end(done).await
}

/// Withdraw a comment; its history stays.
#[utoipa::path(delete, path = "/api/comments/{comment}", tag = "annotations", params(("comment" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn withdraw_comment(State(app): State<App>, who: Who, Id(id): Id<CommentId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let asked = asked!(turn, WithdrawComment, id, Comment);
        withdraw(&mut turn, asked, "comment.withdrawn").await
    }
    .await;
    turn.end(done).await
}
