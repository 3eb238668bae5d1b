//! What was done, for those who may know: a practice's administrators and the patient. Holds.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Only, Scope};
use domain::{Capacity, CaseId, Hold, PatientId, Phi, PracticeId, UserId};
use ledger::Recorded;
use policy::act;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Ask, Id};
use super::page::limit;
use super::problem::{Answer, Problem, ProblemBody};
use super::who::Who;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(audit))
        .routes(routes!(who_looked))
        .routes(routes!(hold_case))
        .routes(routes!(lift_case))
        .routes(routes!(hold_patient))
        .routes(routes!(lift_patient))
}

/// Which part of a record.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Part {
    /// Places before this one.
    before: Option<u64>,
    /// Rows, 1 to 200.
    limit: Option<u32>,
}

/// Which part of a practice's record.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Chosen {
    /// Places before this one.
    before: Option<u64>,
    /// Rows, 1 to 200.
    limit: Option<u32>,
    /// What this person did.
    #[param(value_type = Option<Uuid>)]
    actor: Option<UserId>,
    /// What was done, such as `SeeCase`.
    action: Option<String>,
    /// What concerns this patient.
    #[param(value_type = Option<Uuid>)]
    patient: Option<PatientId>,
}

/// Something that was decided or done.
#[derive(Serialize, ToSchema)]
struct EventBody {
    /// Its place in the record.
    seq: u64,
    /// When, RFC 3339.
    at: String,
    /// Who.
    #[schema(value_type = Option<Uuid>)]
    actor: Option<UserId>,
    /// Concerning whom.
    #[schema(value_type = Option<Uuid>)]
    patient: Option<PatientId>,
    /// In which case.
    #[schema(value_type = Option<Uuid>)]
    case: Option<CaseId>,
    /// What.
    action: String,
    /// `allowed`, or `refused: ` or `failed: ` and why.
    outcome: String,
    /// In which capacity: `clinician`, `collaborator`, `patient` and so on.
    #[schema(value_type = String)]
    capacity: Capacity,
    /// The thing that it was done to.
    object: Option<String>,
}

fn body(recorded: Recorded) -> EventBody {
    EventBody {
        seq: recorded.sequence,
        at: recorded.event.at.to_rfc3339(),
        actor: recorded.event.actor,
        patient: recorded.event.patient,
        case: recorded.event.case,
        action: recorded.event.action.into(),
        outcome: recorded.event.outcome.text(),
        capacity: recorded.event.capacity,
        object: recorded.event.object.map(|object| object.id.into()),
    }
}

/// The audit trail of a practice, the latest first.
#[utoipa::path(get, path = "/api/practices/{practice}/audit", tag = "records",
    params(("practice" = Uuid, Path), Chosen),
    responses((status = 200, body = Vec<EventBody>), (status = "default", body = ProblemBody)))]
async fn audit(
    State(app): State<App>,
    who: Who,
    Id(practice): Id<PracticeId>,
    Ask(chosen): Ask<Chosen>,
) -> Answer<Json<Vec<EventBody>>> {
    let limit = limit(chosen.limit)?;
    if let Some(action) = &chosen.action
        && !action.chars().all(|letter| letter.is_ascii_alphanumeric())
    {
        return Err(Problem::invalid("An action is one word."));
    }
    let only = Only {
        actor: chosen.actor,
        action: chosen.action,
        patient: chosen.patient,
    };
    let mut turn = app.look(&who).await?;
    let answer = async {
        turn.practice::<act::ReadAudit>(practice).await?;
        let events = turn
            .db
            .events_only(Scope::Practice(practice), &only, chosen.before, limit)
            .await?;
        Ok(Json(events.into_iter().map(body).collect()))
    }
    .await;
    turn.end(answer).await
}

/// Someone who looked at a record.
#[derive(Serialize, ToSchema)]
struct Looked {
    /// When, RFC 3339.
    at: String,
    /// What the person is called.
    #[schema(value_type = Option<String>)]
    name: Option<Phi<String>>,
    /// In which capacity: `clinician`, `collaborator`, `guardian` and so on.
    #[schema(value_type = String)]
    capacity: Capacity,
    /// What the person did.
    action: String,
    /// In which case.
    #[schema(value_type = Option<Uuid>)]
    case: Option<CaseId>,
}

/// Who looked at one's record, the latest first.
#[utoipa::path(get, path = "/api/patients/{patient}/who-looked", tag = "records",
    params(("patient" = Uuid, Path), Part),
    responses((status = 200, body = Vec<Looked>), (status = "default", body = ProblemBody)))]
async fn who_looked(
    State(app): State<App>,
    who: Who,
    Id(patient): Id<PatientId>,
    Ask(part): Ask<Part>,
) -> Answer<Json<Vec<Looked>>> {
    let limit = limit(part.limit)?;
    let mut turn = app.look(&who).await?;
    let answer = async {
        turn.patient::<act::WhoLooked>(patient).await?;
        let events = turn
            .db
            .events(Scope::Patient(patient), part.before, limit)
            .await?;
        let mut names: HashMap<UserId, Option<Phi<String>>> = HashMap::new();
        let mut looked = Vec::new();
        for Recorded { event, .. } in events {
            let is_look = ledger::shows(&event, patient) && event.capacity != Capacity::Patient;
            let Some(actor) = event.actor.filter(|_| is_look) else {
                continue;
            };
            if let Entry::Vacant(place) = names.entry(actor) {
                let account = turn.db.account(actor).await?;
                place.insert(account.map(|account| account.name));
            }
            looked.push(Looked {
                at: event.at.to_rfc3339(),
                name: names.get(&actor).cloned().flatten(),
                capacity: event.capacity,
                action: event.action.into(),
                case: event.case,
            });
        }
        Ok(Json(looked))
    }
    .await;
    turn.end(answer).await
}

/// Place a legal hold on a case: nothing in it is deleted, whatever any schedule says.
#[utoipa::path(put, path = "/api/cases/{case}/hold", tag = "records", params(("case" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn hold_case(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        turn.case::<act::PlaceCaseHold>(case).await?;
        turn.db.hold_case(case, Hold::Placed).await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// Lift the legal hold of a case.
#[utoipa::path(delete, path = "/api/cases/{case}/hold", tag = "records", params(("case" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn lift_case(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        turn.case::<act::LiftCaseHold>(case).await?;
        turn.db.hold_case(case, Hold::None).await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// Place a legal hold on everything of a patient.
#[utoipa::path(put, path = "/api/patients/{patient}/hold", tag = "records", params(("patient" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn hold_patient(State(app): State<App>, who: Who, Id(patient): Id<PatientId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        turn.patient::<act::PlaceHold>(patient).await?;
        turn.db.hold_patient(patient, Hold::Placed).await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// Lift the legal hold of a patient.
#[utoipa::path(delete, path = "/api/patients/{patient}/hold", tag = "records", params(("patient" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn lift_patient(State(app): State<App>, who: Who, Id(patient): Id<PatientId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        turn.patient::<act::LiftHold>(patient).await?;
        turn.db.hold_patient(patient, Hold::None).await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}
