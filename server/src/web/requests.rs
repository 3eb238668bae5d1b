//! What patients and guardians ask a practice for by law: an amendment of their record, or a copy of it. A practice
//! answers with words, and gives a copy by its own ways: this is no back door to originals.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Change, RecordRequest, right};
use domain::{NewsKind, PatientId, Phi, RecordRequestId, RecordRequestKind, RecordRequestState, UserId};
use policy::{Authorized, act};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Id, Input};
use super::news::{Happened, tell, tell_deciders};
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::random_id;
use super::turn::Turn;
use super::who::Who;

/// Within how many days a request is answered (45 CFR 164.524(b)(2)); an amendment may take longer by law, not here.
const DAYS: i64 = 30;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(ask))
        .routes(routes!(answer))
}

/// A request.
#[derive(Serialize, ToSchema)]
struct RequestBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: RecordRequestId,
    /// Who asked.
    #[schema(value_type = Uuid)]
    asked_by: UserId,
    /// `amendment` or `copy`.
    #[schema(value_type = String)]
    kind: RecordRequestKind,
    /// `open`, `granted` or `declined`.
    #[schema(value_type = String)]
    state: RecordRequestState,
    /// What was asked.
    #[schema(value_type = String)]
    text: Phi<String>,
    /// What was answered.
    #[schema(value_type = Option<String>)]
    answer: Option<Phi<String>>,
    /// When it was asked, RFC 3339.
    asked: String,
    /// When it is to be answered at the latest.
    due: String,
    /// When it was answered.
    answered: Option<String>,
}

fn body(request: RecordRequest) -> RequestBody {
    RequestBody {
        id: request.id,
        asked_by: request.asked_by,
        kind: request.kind,
        state: request.state,
        text: request.text,
        answer: request.answer,
        asked: request.asked.to_rfc3339(),
        due: request.asked.plus_days(DAYS).to_rfc3339(),
        answered: request.answered.map(|moment| moment.to_rfc3339()),
    }
}

fn happened(turn: &Turn<Change>, what: NewsKind, patient: PatientId) -> Happened {
    Happened {
        what,
        by: turn.who().user(),
        case: None,
        patient: Some(patient),
        at: turn.now,
    }
}

/// The requests about a record, the latest first.
#[utoipa::path(get, path = "/api/patients/{patient}/requests", tag = "records", params(("patient" = Uuid, Path)),
    responses((status = 200, body = Vec<RequestBody>), (status = "default", body = ProblemBody)))]
async fn list(
    State(app): State<App>,
    who: Who,
    Id(patient): Id<PatientId>,
) -> Answer<Json<Vec<RequestBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.patient::<act::ReadProfile>(patient).await?;
        let all = turn.db.requests_of(proof).await?;
        Ok(Json(all.into_iter().map(body).collect()))
    }
    .await;
    turn.end(answer).await
}

/// A request to be made.
#[derive(Deserialize, ToSchema)]
struct Ask {
    /// `amendment` or `copy`.
    #[schema(value_type = String)]
    kind: RecordRequestKind,
    /// What is asked for, and why.
    #[schema(value_type = String, max_length = 10_000)]
    text: Phi<String>,
}

/// Ask that a record be amended, or for a copy of it, as the patient or a guardian.
#[utoipa::path(post, path = "/api/patients/{patient}/requests", tag = "records", params(("patient" = Uuid, Path)),
    request_body = Ask,
    responses((status = 201, body = RequestBody), (status = "default", body = ProblemBody)))]
async fn ask(
    State(app): State<App>,
    who: Who,
    Id(patient): Id<PatientId>,
    Input(input): Input<Ask>,
) -> Answer<(StatusCode, Json<RequestBody>)> {
    let text = Phi::new(domain::text::lines("The request", input.text.reveal())?);
    let mut turn = app.change(&who).await?;
    let done = async {
        let request = RecordRequest {
            id: RecordRequestId::from_random(random_id()?),
            patient,
            asked_by: who.user(),
            kind: input.kind,
            state: RecordRequestState::Open,
            text,
            answer: None,
            asked: turn.now,
            answered_by: None,
            answered: None,
        };
        let facts = match input.kind {
            RecordRequestKind::Amendment => {
                let (proof, facts) = turn.patient::<act::RequestAmendment>(patient).await?;
                turn.db.add_request(proof, &request).await?;
                facts
            }
            RecordRequestKind::Copy => {
                let (proof, facts) = turn.patient::<act::RequestCopy>(patient).await?;
                turn.db.add_request(proof, &request).await?;
                facts
            }
        };
        let happened = happened(&turn, NewsKind::Request, patient);
        tell_deciders(&app, &mut turn.db, &facts, &happened).await?;
        Ok((StatusCode::CREATED, Json(body(request))))
    }
    .await;
    turn.end(done).await
}

/// An answer.
#[derive(Deserialize, ToSchema)]
struct AnswerInput {
    /// Whether the practice does what was asked.
    granted: bool,
    /// What it does, or why not.
    #[schema(value_type = String, max_length = 10_000)]
    text: Phi<String>,
}

/// Answer a request, for the practice. Each is answered once.
#[utoipa::path(post, path = "/api/requests/{request}/answer", tag = "records", params(("request" = Uuid, Path)),
    request_body = AnswerInput,
    responses((status = 200, body = RequestBody), (status = "default", body = ProblemBody)))]
async fn answer(
    State(app): State<App>,
    who: Who,
    Id(request): Id<RecordRequestId>,
    Input(input): Input<AnswerInput>,
) -> Answer<Json<RequestBody>> {
    let text = Phi::new(domain::text::lines("The answer", input.text.reveal())?);
    let mut turn = app.change(&who).await?;
    let done = async {
        let mut known = turn.db.facts().await?;
        let (facts, kind) = match known.request(request).await? {
            Some((patient, kind)) => (known.patient_facts(patient, who.user()).await?, kind),
            None => (None, RecordRequestKind::Copy),
        };
        let state = match input.granted {
            true => RecordRequestState::Granted,
            false => RecordRequestState::Declined,
        };
        let answered = match kind {
            RecordRequestKind::Amendment => {
                let (proof, _) = turn.ask_of::<act::AnswerAmendment>(facts, request)?;
                keep_answer(&mut turn, proof, request, (state, text)).await?
            }
            RecordRequestKind::Copy => {
                let (proof, _) = turn.ask_of::<act::AnswerCopyRequest>(facts, request)?;
                keep_answer(&mut turn, proof, request, (state, text)).await?
            }
        };
        let happened = happened(&turn, NewsKind::Answer, answered.patient);
        tell(&app, &mut turn.db, answered.asked_by, &happened).await?;
        Ok(Json(body(answered)))
    }
    .await;
    turn.end(done).await
}

/// Keeps the answer to a request, which is as it is then.
async fn keep_answer<A: right::AnswerPatient>(
    turn: &mut Turn<Change>,
    proof: Authorized<A>,
    request: RecordRequestId,
    (state, answer): (RecordRequestState, Phi<String>),
) -> Answer<RecordRequest> {
    let found = turn.db.request(proof, request).await?;
    let answered = RecordRequest {
        state,
        answer: Some(answer),
        answered: Some(turn.now),
        ..found.ok_or_else(Problem::not_found)?
    };
    let now = turn.now;
    turn.db.answer_request(proof, &answered, now).await?;
    Ok(answered)
}
