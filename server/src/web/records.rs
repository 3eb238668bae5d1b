//! What was done, for those who may know: a practice's administrators and the patient. Holds.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::Only;
use domain::{Capacity, CaseId, Hold, PatientId, PatientLink, Phi, PracticeId, Sharing, UserId};
use ledger::Recorded;
use policy::act;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Ask, Id};
use super::news::Called;
use super::page::limit;
use super::problem::{Answer, Problem, ProblemBody};
use super::who::Who;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(audit))
        .routes(routes!(who_looked))
        .routes(routes!(who_sees))
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
        let (proof, _) = turn.practice::<act::ReadAudit>(practice).await?;
        let events = turn.db.events_only(proof, &only, chosen.before, limit).await?;
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
        let (proof, _) = turn.patient::<act::WhoLooked>(patient).await?;
        let events = turn.db.events(proof, part.before, limit).await?;
        let mut called = Called::default();
        let mut looked = Vec::new();
        for Recorded { event, .. } in events {
            let is_look = ledger::shows(&event, patient) && event.capacity != Capacity::Patient;
            let Some(actor) = event.actor.filter(|_| is_look) else {
                continue;
            };
            looked.push(Looked {
                at: event.at.to_rfc3339(),
                name: called.name(&mut turn.db, actor).await?,
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

/// Someone who can look at a record.
#[derive(Serialize, ToSchema)]
struct Seer {
    /// What the person is called.
    #[schema(value_type = Option<String>)]
    name: Option<Phi<String>>,
    /// As what: `administrator`, `clinician`, `staff`, `collaborator`, `patient` or `guardian`.
    #[schema(value_type = String)]
    capacity: Capacity,
    /// What the case is called that a collaborator sees, where it is shared with the patient.
    #[schema(value_type = Option<String>)]
    title: Option<Phi<String>>,
    /// First moment at which the person no longer can, RFC 3339, where there is one.
    until: Option<String>,
}

/// Who can look at one's record now: the care team, those who see it as the patient or as a guardian, and colleagues
/// who were invited to one case.
#[utoipa::path(get, path = "/api/patients/{patient}/who-sees", tag = "records", params(("patient" = Uuid, Path)),
    responses((status = 200, body = Vec<Seer>), (status = "default", body = ProblemBody)))]
async fn who_sees(State(app): State<App>, who: Who, Id(patient): Id<PatientId>) -> Answer<Json<Vec<Seer>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, facts) = turn.patient::<act::WhoLooked>(patient).await?;
        let now = turn.now;
        let db = &mut turn.db;
        let mut called = Called::default();
        let mut seers: Vec<Seer> = Vec::new();
        let team = db.facts().await?.care_team(patient).await?;
        let members = db.facts().await?.members(facts.practice.practice).await?;
        for member in members {
            if member.state == "active" && team.contains(&member.user) {
                seers.push(Seer {
                    name: called.name(db, member.user).await?,
                    capacity: member.role.into(),
                    title: None,
                    until: None,
                });
            }
        }
        for (user, link) in db.patient_users(proof).await? {
            let (capacity, until) = match link {
                PatientLink::Own => (Capacity::Patient, None),
                PatientLink::Guardian(guardian) if guardian.is_live(now) => (
                    Capacity::Guardian,
                    Some(guardian.window.until.min(guardian.majority)),
                ),
                PatientLink::Guardian(_) => continue,
            };
            seers.push(Seer {
                name: called.name(db, user).await?,
                capacity,
                title: None,
                until: until.map(|until| until.to_rfc3339()),
            });
        }
        for case in db.cases_of_patient(proof).await? {
            let title = Some(case.title).filter(|_| case.sharing == Sharing::WithPatient);
            for grant in db.facts().await?.grants_of(case.id).await? {
                if grant.grant.is_live(now) {
                    seers.push(Seer {
                        name: called.name(db, grant.user).await?,
                        capacity: Capacity::Collaborator,
                        title: title.clone(),
                        until: Some(grant.grant.until.to_rfc3339()),
                    });
                }
            }
        }
        Ok(Json(seers))
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
        let (proof, _) = turn.case::<act::PlaceCaseHold>(case).await?;
        turn.db.hold_case(proof, Hold::Placed).await?;
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
        let (proof, _) = turn.case::<act::LiftCaseHold>(case).await?;
        turn.db.hold_case(proof, Hold::None).await?;
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
        let (proof, _) = turn.patient::<act::PlaceHold>(patient).await?;
        turn.db.hold_patient(proof, Hold::Placed).await?;
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
        let (proof, _) = turn.patient::<act::LiftHold>(patient).await?;
        turn.db.hold_patient(proof, Hold::None).await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}
