//! Annotations with their threads, saved views, tours.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Change, Mark, MarkId, MarkKind, MarkVersion, Notice};
use domain::{
    AnnotationGeometry, AnnotationId, CaseId, CommentId, ItemId, MarkColor, Measure, Phi, TourId, UserId,
    ViewId,
};
use policy::{AuthoredFacts, act};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Id, Input};
use super::merging::merged;
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::random_id;
use super::turn::Turn;
use super::who::Who;

/// Most bytes of a saved view, and most views of a tour.
const VIEW_BYTES: usize = 64 << 10;
const TOUR_VIEWS: usize = 500;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(annotations))
        .routes(routes!(annotate))
        .routes(routes!(amend_annotation))
        .routes(routes!(withdraw_annotation))
        .routes(routes!(annotation_history))
        .routes(routes!(comment))
        .routes(routes!(amend_comment))
        .routes(routes!(withdraw_comment))
        .routes(routes!(views))
        .routes(routes!(save_view))
        .routes(routes!(amend_view))
        .routes(routes!(delete_view))
        .routes(routes!(tours))
        .routes(routes!(save_tour))
        .routes(routes!(amend_tour))
        .routes(routes!(delete_tour))
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
        turn.case::<act::SeeAnnotations>(case).await?;
        let comments = turn.db.marks_of(case, MarkKind::Comment).await?;
        let mut all = Vec::new();
        for mark in turn.db.marks_of(case, MarkKind::Annotation).await? {
            let MarkId::Annotation(id) = mark.id else { continue };
            let thread = comments.iter().filter(|comment| comment.parent == Some(id));
            all.push(annotation_body(id, &mark, thread.map(comment_body).collect())?);
        }
        Ok(Json(all))
    }
    .await;
    turn.end(answer).await
}

fn annotation_body(id: AnnotationId, mark: &Mark, comments: Vec<CommentBody>) -> Answer<AnnotationBody> {
    let content: AnnotationContent =
        serde_json::from_value(mark.body.clone()).map_err(|error| Problem::internal(&error))?;
    Ok(AnnotationBody {
        id,
        item: mark.item,
        author: mark.author,
        created: mark.created.to_rfc3339(),
        version: mark.version,
        measure: content.geometry.measure(),
        geometry: content.geometry,
        label: content.label,
        color: content.color,
        comments,
    })
}

fn comment_body(mark: &Mark) -> CommentBody {
    CommentBody {
        id: mark.id.to_string(),
        author: mark.author,
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
        turn.case::<act::Annotate>(case).await?;
        refuse_foreign_item(&mut turn.db, case, item).await?;
        let id = id.map_or_else(|| random_id().map(AnnotationId::from_random), Ok)?;
        let mark = new_mark(&turn, MarkId::Annotation(id), case, item, None, content);
        let mark = add(&mut turn.db, mark, "annotation.added").await?;
        Ok((StatusCode::CREATED, Json(annotation_body(id, &mark, Vec::new())?)))
    }
    .await;
    turn.end(done).await
}

async fn refuse_foreign_item(change: &mut Change, case: CaseId, item: Option<ItemId>) -> Answer<()> {
    let Some(item) = item else { return Ok(()) };
    let found = change.item(item).await?;
    match found.is_some_and(|found| found.case == case) {
        true => Ok(()),
        false => Err(Problem::invalid("The item is not in this case.")),
    }
}

fn new_mark(
    turn: &Turn<Change>,
    id: MarkId,
    case: CaseId,
    item: Option<ItemId>,
    parent: Option<AnnotationId>,
    body: Value,
) -> Mark {
    Mark {
        id,
        case,
        item,
        parent,
        author: turn.who().user(),
        version: 1,
        created: turn.now,
        withdrawn: None,
        body,
    }
}

/// Adds a mark. One that its author has sent before is what it has become.
async fn add(change: &mut Change, mark: Mark, what: &str) -> Answer<Mark> {
    let known = change.mark(mark.id).await?.filter(|known| {
        let place = |mark: &Mark| (mark.case, mark.item, mark.parent, mark.author);
        known.withdrawn.is_none() && place(known) == place(&mark)
    });
    if let Some(known) = known {
        return Ok(known);
    }
    change.add_mark(&mark).await?;
    change.notify(Notice::in_case(what, mark.case, mark.id));
    Ok(mark)
}

/// A mark that is in force, with what decides on it.
async fn found<I: Copy>(
    turn: &mut Turn<Change>,
    id: I,
    key: MarkId,
) -> Answer<Option<(Mark, AuthoredFacts<I>)>> {
    let user = turn.who().user();
    let Some(mark) = turn.db.mark(key).await?.filter(|mark| mark.withdrawn.is_none()) else {
        return Ok(None);
    };
    let Some(case) = turn.db.case_facts(mark.case, user).await? else {
        return Ok(None);
    };
    let author = mark.author;
    Ok(Some((mark, AuthoredFacts { id, case, author })))
}

/// Asks whether `A` may be done to a mark, and gives the mark.
macro_rules! asked {
    ($turn:ident, $act:ident, $id:ident, $kind:ident) => {{
        let key = MarkId::$kind($id);
        let (mark, facts) = match found(&mut $turn, $id, key).await? {
            Some((mark, facts)) => (Some(mark), Some(facts)),
            None => (None, None),
        };
        $turn.ask_of::<act::$act>(facts, $id)?;
        mark.ok_or_else(Problem::not_found)?
    }};
}

/// Amends a mark. An amendment of an earlier version counts for what it changes, where nobody else has changed that.
async fn amend(
    turn: &mut Turn<Change>,
    mark: Mark,
    version: Option<u64>,
    body: Value,
    what: &str,
) -> Answer<Mark> {
    let version = version.ok_or_else(|| Problem::invalid("Say which version is amended."))?;
    let body = match version == mark.version {
        true => body,
        false => {
            let all = turn.db.mark_history(mark.id).await?;
            let base = all.into_iter().find(|known| known.version == version);
            let base = base.ok_or_else(|| Problem::conflict("There is no such version."))?;
            merged(&base.body, &mark.body, body)
                .map_err(|_| Problem::conflict("The same was amended meanwhile."))?
        }
    };
    if body == mark.body {
        return Ok(mark);
    }
    let (user, now) = (turn.who().user(), turn.now);
    turn.db.amend_mark(&mark, user, &body, now).await?;
    turn.db.notify(Notice::in_case(what, mark.case, mark.id));
    Ok(Mark {
        version: mark.version + 1,
        body,
        ..mark
    })
}

async fn withdraw(turn: &mut Turn<Change>, mark: &Mark, what: &str) -> Answer<StatusCode> {
    let now = turn.now;
    turn.db.withdraw_mark(mark.id, now).await?;
    turn.db.notify(Notice::in_case(what, mark.case, mark.id));
    Ok(StatusCode::NO_CONTENT)
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
        let mark = asked!(turn, AmendAnnotation, id, Annotation);
        let mark = amend(&mut turn, mark, version, content, "annotation.changed").await?;
        Ok(Json(annotation_body(id, &mark, Vec::new())?))
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
        let mark = asked!(turn, WithdrawAnnotation, id, Annotation);
        withdraw(&mut turn, &mark, "annotation.withdrawn").await
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
        let mark = turn.db.mark(MarkId::Annotation(id)).await?;
        let facts = match &mark {
            Some(mark) => turn.db.case_facts(mark.case, who.user()).await?,
            None => None,
        };
        turn.ask_of::<act::ReadAnnotationHistory>(facts, id)?;
        let body = |version: MarkVersion| VersionBody {
            version: version.version,
            author: version.author,
            written: version.written.to_rfc3339(),
            body: version.body,
        };
        let versions = turn.db.mark_history(MarkId::Annotation(id)).await?;
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
        let annotation = asked!(turn, Comment, id, Annotation);
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
        let mark = add(&mut turn.db, mark, "comment.added").await?;
        Ok((StatusCode::CREATED, Json(comment_body(&mark))))
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
        let mark = asked!(turn, AmendComment, id, Comment);
        let mark = amend(&mut turn, mark, input.version, content, "comment.changed").await?;
        Ok(Json(comment_body(&mark)))
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
        let mark = asked!(turn, WithdrawComment, id, Comment);
        withdraw(&mut turn, &mark, "comment.withdrawn").await
    }
    .await;
    turn.end(done).await
}

/// A saved view or a tour.
#[derive(Serialize, ToSchema)]
struct SavedBody {
    /// Its id.
    id: String,
    /// Who saved it.
    #[schema(value_type = Uuid)]
    author: UserId,
    /// When, RFC 3339.
    created: String,
    /// Goes up with every change; to be given back with one.
    version: u64,
    /// Of a view: caption and state. Of a tour: title and views.
    #[schema(value_type = Object)]
    body: Value,
}

fn saved_body(mark: &Mark) -> SavedBody {
    SavedBody {
        id: mark.id.to_string(),
        author: mark.author,
        created: mark.created.to_rfc3339(),
        version: mark.version,
        body: mark.body.clone(),
    }
}

/// Camera, layout, window, transfer function, clipping and visibility, with a caption.
#[derive(Deserialize, ToSchema)]
struct View {
    /// The id of a new one, made by the client: sent again, it is saved once.
    #[schema(value_type = Option<Uuid>)]
    id: Option<ViewId>,
    /// The version that is changed; none for a new one.
    version: Option<u64>,
    /// What the view is called.
    #[schema(value_type = String)]
    caption: Phi<String>,
    /// The state of the viewer, at most 64 KiB.
    #[schema(value_type = Object)]
    state: Value,
}

impl View {
    fn content(&self) -> Answer<Value> {
        if !self.state.is_object() || self.state.to_string().len() > VIEW_BYTES {
            return Err(Problem::invalid(
                "The state of a view is an object of at most 64 KiB.",
            ));
        }
        let caption = domain::text::lines("The caption", self.caption.reveal())?;
        Ok(json!({ "caption": caption, "state": self.state }))
    }
}

/// An ordered list of views.
#[derive(Deserialize, ToSchema)]
struct Tour {
    /// The id of a new one, made by the client: sent again, it is saved once.
    #[schema(value_type = Option<Uuid>)]
    id: Option<TourId>,
    /// The version that is changed; none for a new one.
    version: Option<u64>,
    /// What the tour is called.
    #[schema(value_type = String)]
    title: Phi<String>,
    /// Its views in their order.
    #[schema(value_type = Vec<Uuid>)]
    views: Vec<ViewId>,
}

impl Tour {
    async fn content(&self, change: &mut Change, case: CaseId) -> Answer<Value> {
        let title = domain::text::line("The title", self.title.reveal())?;
        if self.views.is_empty() || self.views.len() > TOUR_VIEWS {
            return Err(Problem::invalid(format!("A tour has 1 to {TOUR_VIEWS} views.")));
        }
        for &view in &self.views {
            let found = change.mark(MarkId::View(view)).await?;
            if found.is_none_or(|found| found.case != case || found.withdrawn.is_some()) {
                return Err(Problem::invalid("A tour has views of its case only."));
            }
        }
        Ok(json!({ "title": title, "views": self.views }))
    }
}

/// The saved views of a case.
#[utoipa::path(get, path = "/api/cases/{case}/views", tag = "views", params(("case" = Uuid, Path)),
    responses((status = 200, body = Vec<SavedBody>), (status = "default", body = ProblemBody)))]
async fn views(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<Json<Vec<SavedBody>>> {
    saved(&app, &who, case, MarkKind::View).await
}

/// The tours of a case.
#[utoipa::path(get, path = "/api/cases/{case}/tours", tag = "views", params(("case" = Uuid, Path)),
    responses((status = 200, body = Vec<SavedBody>), (status = "default", body = ProblemBody)))]
async fn tours(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<Json<Vec<SavedBody>>> {
    saved(&app, &who, case, MarkKind::Tour).await
}

async fn saved(app: &App, who: &Who, case: CaseId, kind: MarkKind) -> Answer<Json<Vec<SavedBody>>> {
    let mut turn = app.look(who).await?;
    let answer = async {
        turn.case::<act::SeeAnnotations>(case).await?;
        let all = turn.db.marks_of(case, kind).await?;
        Ok(Json(all.iter().map(saved_body).collect()))
    }
    .await;
    turn.end(answer).await
}

/// Save a view.
#[utoipa::path(post, path = "/api/cases/{case}/views", tag = "views", params(("case" = Uuid, Path)),
    request_body = View,
    responses((status = 201, body = SavedBody), (status = "default", body = ProblemBody)))]
async fn save_view(
    State(app): State<App>,
    who: Who,
    Id(case): Id<CaseId>,
    Input(input): Input<View>,
) -> Answer<(StatusCode, Json<SavedBody>)> {
    let content = input.content()?;
    let mut turn = app.change(&who).await?;
    let done = async {
        turn.case::<act::SaveView>(case).await?;
        let id = input
            .id
            .map_or_else(|| random_id().map(ViewId::from_random), Ok)?;
        let mark = new_mark(&turn, MarkId::View(id), case, None, None, content);
        let mark = add(&mut turn.db, mark, "view.saved").await?;
        Ok((StatusCode::CREATED, Json(saved_body(&mark))))
    }
    .await;
    turn.end(done).await
}

/// Save a tour.
#[utoipa::path(post, path = "/api/cases/{case}/tours", tag = "views", params(("case" = Uuid, Path)),
    request_body = Tour,
    responses((status = 201, body = SavedBody), (status = "default", body = ProblemBody)))]
async fn save_tour(
    State(app): State<App>,
    who: Who,
    Id(case): Id<CaseId>,
    Input(input): Input<Tour>,
) -> Answer<(StatusCode, Json<SavedBody>)> {
    let mut turn = app.change(&who).await?;
    let done = async {
        turn.case::<act::SaveTour>(case).await?;
        let content = input.content(&mut turn.db, case).await?;
        let id = input
            .id
            .map_or_else(|| random_id().map(TourId::from_random), Ok)?;
        let mark = new_mark(&turn, MarkId::Tour(id), case, None, None, content);
        let mark = add(&mut turn.db, mark, "tour.saved").await?;
        Ok((StatusCode::CREATED, Json(saved_body(&mark))))
    }
    .await;
    turn.end(done).await
}

/// Change a saved view.
#[utoipa::path(put, path = "/api/views/{view}", tag = "views", params(("view" = Uuid, Path)), request_body = View,
    responses((status = 200, body = SavedBody), (status = "default", body = ProblemBody)))]
async fn amend_view(
    State(app): State<App>,
    who: Who,
    Id(id): Id<ViewId>,
    Input(input): Input<View>,
) -> Answer<Json<SavedBody>> {
    let content = input.content()?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let mark = asked!(turn, AmendView, id, View);
        let mark = amend(&mut turn, mark, input.version, content, "view.changed").await?;
        Ok(Json(saved_body(&mark)))
    }
    .await;
    turn.end(done).await
}

/// Delete a saved view.
#[utoipa::path(delete, path = "/api/views/{view}", tag = "views", params(("view" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn delete_view(State(app): State<App>, who: Who, Id(id): Id<ViewId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let mark = asked!(turn, DeleteView, id, View);
        withdraw(&mut turn, &mark, "view.deleted").await
    }
    .await;
    turn.end(done).await
}

/// Change a tour.
#[utoipa::path(put, path = "/api/tours/{tour}", tag = "views", params(("tour" = Uuid, Path)), request_body = Tour,
    responses((status = 200, body = SavedBody), (status = "default", body = ProblemBody)))]
async fn amend_tour(
    State(app): State<App>,
    who: Who,
    Id(id): Id<TourId>,
    Input(input): Input<Tour>,
) -> Answer<Json<SavedBody>> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let mark = asked!(turn, AmendTour, id, Tour);
        let content = input.content(&mut turn.db, mark.case).await?;
        let mark = amend(&mut turn, mark, input.version, content, "tour.changed").await?;
        Ok(Json(saved_body(&mark)))
    }
    .await;
    turn.end(done).await
}

/// Delete a tour.
#[utoipa::path(delete, path = "/api/tours/{tour}", tag = "views", params(("tour" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn delete_tour(State(app): State<App>, who: Who, Id(id): Id<TourId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let mark = asked!(turn, DeleteTour, id, Tour);
        withdraw(&mut turn, &mark, "tour.deleted").await
    }
    .await;
    turn.end(done).await
}
