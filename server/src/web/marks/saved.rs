//! Saved views and tours.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Change, Mark, MarkId, MarkKind};
use domain::{CaseId, Phi, TourId, UserId, ViewId};
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
use super::{add, amend, found, new_mark, withdraw};

/// Most bytes of a saved view, and most views of a tour.
const VIEW_BYTES: usize = 64 << 10;
const TOUR_VIEWS: usize = 500;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(views))
        .routes(routes!(save_view))
        .routes(routes!(amend_view))
        .routes(routes!(delete_view))
        .routes(routes!(tours))
        .routes(routes!(save_tour))
        .routes(routes!(amend_tour))
        .routes(routes!(delete_tour))
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
            let found = change.facts().await?.mark_place(MarkId::View(view)).await?;
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
        let (proof, _) = turn.case::<act::SeeAnnotations>(case).await?;
        let all = turn.db.marks_of(proof, kind).await?;
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
        let (proof, _) = turn.case::<act::SaveView>(case).await?;
        let id = input
            .id
            .map_or_else(|| random_id().map(ViewId::from_random), Ok)?;
        let mark = new_mark(&turn, MarkId::View(id), case, None, None, content);
        let mark = add(&mut turn.db, proof, mark, "view.saved").await?;
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
        let (proof, _) = turn.case::<act::SaveTour>(case).await?;
        let content = input.content(&mut turn.db, case).await?;
        let id = input
            .id
            .map_or_else(|| random_id().map(TourId::from_random), Ok)?;
        let mark = new_mark(&turn, MarkId::Tour(id), case, None, None, content);
        let mark = add(&mut turn.db, proof, mark, "tour.saved").await?;
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
        let asked = asked!(turn, AmendView, id, View);
        let mark = amend(&mut turn, asked, input.version, content, "view.changed").await?;
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
        let asked = asked!(turn, DeleteView, id, View);
        withdraw(&mut turn, asked, "view.deleted").await
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
        let (proof, mark) = asked!(turn, AmendTour, id, Tour);
        let content = input.content(&mut turn.db, mark.case).await?;
        let mark = amend(&mut turn, (proof, mark), input.version, content, "tour.changed").await?;
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
        let asked = asked!(turn, DeleteTour, id, Tour);
        withdraw(&mut turn, asked, "tour.deleted").await
    }
    .await;
    turn.end(done).await
}
