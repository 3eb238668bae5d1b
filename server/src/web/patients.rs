//! Patient profiles and their care teams.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::Patient;
use domain::{Deletion, Demographics, Hold, MemberRole, PatientId, Phi, PracticeId, UserId};
use policy::act;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::cases::UNDO_MS;
use super::extract::{Ask, Id, Ids, Input};
use super::page::{Page, after, limit, page};
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::random_id;
use super::who::Who;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(edit))
        .routes(routes!(care_team))
        .routes(routes!(join_care_team))
        .routes(routes!(leave_care_team))
        .routes(routes!(delete))
        .routes(routes!(undo_delete))
}

/// A patient profile.
#[derive(Serialize, ToSchema)]
struct PatientBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: PatientId,
    /// The practice that owns it.
    #[schema(value_type = Uuid)]
    practice: PracticeId,
    /// Who made it.
    #[schema(value_type = Uuid)]
    created_by: UserId,
    /// When, RFC 3339.
    created: String,
    /// Goes up with every change; to be given back with one.
    version: u64,
    /// Name, day of birth, contact, address, gender, sex, race, color of the eyes, height.
    #[schema(value_type = DemographicsBody)]
    demographics: Demographics,
}

/// Demographics of one person.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes `domain::Demographics`")]
struct DemographicsBody {
    /// Name.
    name: String,
    /// Day of birth, `YYYY-MM-DD`.
    born: Option<String>,
    /// E-mail address, telephone numbers.
    contact: Option<String>,
    /// Postal address.
    address: Option<String>,
    /// `female`, `male`, `other` or `unknown`.
    gender: Option<String>,
    /// `F`, `M` or `O`.
    sex: Option<String>,
    /// Race, in the person's own words.
    race: Option<String>,
    /// Color of the eyes.
    eye_color: Option<String>,
    /// Body height, centimeters.
    height_cm: Option<f64>,
}

fn body(patient: Patient) -> PatientBody {
    PatientBody {
        id: patient.id,
        practice: patient.practice,
        created_by: patient.created_by,
        created: patient.created.to_rfc3339(),
        version: patient.version,
        demographics: patient.demographics,
    }
}

/// Create a patient profile. Who creates it is its care team.
#[utoipa::path(post, path = "/api/practices/{practice}/patients", tag = "patients",
    params(("practice" = Uuid, Path)), request_body = DemographicsBody,
    responses((status = 201, body = PatientBody), (status = "default", body = ProblemBody)))]
async fn create(
    State(app): State<App>,
    who: Who,
    Id(practice): Id<PracticeId>,
    Input(input): Input<Demographics>,
) -> Answer<(StatusCode, Json<PatientBody>)> {
    let demographics = input.checked()?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.practice::<act::CreatePatient>(practice).await?;
        let patient = Patient {
            id: PatientId::from_random(random_id()?),
            practice,
            created_by: who.user(),
            demographics,
            version: 1,
            created: turn.now,
            hold: Hold::None,
            deleted: None,
        };
        turn.db.create_patient(proof, &patient).await?;
        Ok((StatusCode::CREATED, Json(body(patient))))
    }
    .await;
    turn.end(done).await
}

/// Which patients.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Search {
    /// Beginnings of words of the name.
    #[param(value_type = Option<String>)]
    q: Option<Phi<String>>,
    /// What the page before gave as `next`.
    after: Option<String>,
    /// Rows of the page, 1 to 200.
    limit: Option<u32>,
}

/// The profiles of whose care team one is, the latest first.
#[utoipa::path(get, path = "/api/practices/{practice}/patients", tag = "patients",
    params(("practice" = Uuid, Path), Search),
    responses((status = 200, body = Page<PatientBody>), (status = "default", body = ProblemBody)))]
async fn list(
    State(app): State<App>,
    who: Who,
    Id(practice): Id<PracticeId>,
    Ask(search): Ask<Search>,
) -> Answer<Json<Page<PatientBody>>> {
    let (after, limit) = (after(search.after.as_deref())?, limit(search.limit)?);
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.practice::<act::ListPatients>(practice).await?;
        let rows = turn
            .db
            .patients_of(proof, search.q.as_ref(), after.as_ref(), limit + 1)
            .await?;
        let place = |patient: &Patient| (patient.created, patient.id.to_string());
        Ok(Json(page(rows, limit, place, body)))
    }
    .await;
    turn.end(answer).await
}

/// A patient profile.
#[utoipa::path(get, path = "/api/patients/{patient}", tag = "patients", params(("patient" = Uuid, Path)),
    responses((status = 200, body = PatientBody), (status = "default", body = ProblemBody)))]
async fn read(State(app): State<App>, who: Who, Id(patient): Id<PatientId>) -> Answer<Json<PatientBody>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.patient::<act::ReadProfile>(patient).await?;
        let patient = turn.db.patient(proof).await?.ok_or_else(Problem::not_found)?;
        Ok(Json(body(patient)))
    }
    .await;
    turn.end(answer).await
}

/// A changed profile.
#[derive(Deserialize, ToSchema)]
struct Edit {
    /// The version that was changed.
    version: u64,
    /// What the profile says now.
    #[schema(value_type = DemographicsBody)]
    demographics: Demographics,
}

/// Change a patient profile.
#[utoipa::path(put, path = "/api/patients/{patient}", tag = "patients", params(("patient" = Uuid, Path)),
    request_body = Edit,
    responses((status = 200, body = PatientBody), (status = "default", body = ProblemBody)))]
async fn edit(
    State(app): State<App>,
    who: Who,
    Id(patient): Id<PatientId>,
    Input(input): Input<Edit>,
) -> Answer<Json<PatientBody>> {
    let demographics = input.demographics.checked()?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.patient::<act::EditProfile>(patient).await?;
        turn.db
            .update_patient(proof, input.version, &demographics)
            .await?;
        let patient = turn.db.patient(proof).await?.ok_or_else(Problem::not_found)?;
        Ok(Json(body(patient)))
    }
    .await;
    turn.end(done).await
}

/// A member of a care team.
#[derive(Serialize, ToSchema)]
struct CareTeamBody {
    /// Who.
    #[schema(value_type = Uuid)]
    user: UserId,
    /// What others call the person.
    #[schema(value_type = Option<String>)]
    name: Option<Phi<String>>,
    /// As what the person works in the practice.
    #[schema(value_type = Option<String>)]
    role: Option<MemberRole>,
    /// Since when, RFC 3339.
    since: String,
}

/// Who belongs to the care team of a profile.
#[utoipa::path(get, path = "/api/patients/{patient}/care-team", tag = "patients", params(("patient" = Uuid, Path)),
    responses((status = 200, body = Vec<CareTeamBody>), (status = "default", body = ProblemBody)))]
async fn care_team(
    State(app): State<App>,
    who: Who,
    Id(patient): Id<PatientId>,
) -> Answer<Json<Vec<CareTeamBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, facts) = turn.patient::<act::ReadCareTeam>(patient).await?;
        let mut team = Vec::new();
        let users = turn.db.care_team(proof).await?;
        let mut known = turn.db.facts().await?;
        for (user, since) in users {
            let member = known.member(facts.practice.practice, user).await?;
            team.push(CareTeamBody {
                user,
                name: known.name_of(user).await?,
                role: member.map(|member| member.role),
                since: since.to_rfc3339(),
            });
        }
        Ok(Json(team))
    }
    .await;
    turn.end(answer).await
}

/// Add a member of the practice to a care team.
#[utoipa::path(put, path = "/api/patients/{patient}/care-team/{user}", tag = "patients",
    params(("patient" = Uuid, Path), ("user" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn join_care_team(
    State(app): State<App>,
    who: Who,
    Ids(patient, user): Ids<PatientId, UserId>,
) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, facts) = turn.patient::<act::ChangeCareTeam>(patient).await?;
        let member = turn
            .db
            .facts()
            .await?
            .member(facts.practice.practice, user)
            .await?;
        if member.is_none_or(|member| member.state != "active") {
            return Err(Problem::invalid(
                "Only members of the practice can be in a care team.",
            ));
        }
        let now = turn.now;
        turn.db.put_care_team(proof, user, now).await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// Take a member out of a care team.
#[utoipa::path(delete, path = "/api/patients/{patient}/care-team/{user}", tag = "patients",
    params(("patient" = Uuid, Path), ("user" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn leave_care_team(
    State(app): State<App>,
    who: Who,
    Ids(patient, user): Ids<PatientId, UserId>,
) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.patient::<act::ChangeCareTeam>(patient).await?;
        if turn.db.care_team(proof).await?.len() < 2 {
            return Err(Problem::conflict("The last member of a care team stays."));
        }
        match turn.db.leave_care_team(proof, user).await? {
            true => Ok(StatusCode::NO_CONTENT),
            false => Err(Problem::not_found()),
        }
    }
    .await;
    turn.end(done).await
}

/// Delete a profile with everything under it. For thirty days that can be undone.
#[utoipa::path(delete, path = "/api/patients/{patient}", tag = "patients", params(("patient" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn delete(State(app): State<App>, who: Who, Id(patient): Id<PatientId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, facts) = turn.patient::<act::DeleteProfile>(patient).await?;
        let deletion = Deletion::request(facts.keeping, turn.now, UNDO_MS)?;
        turn.db.mark_patient_deleted(proof, Some(deletion)).await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// Undo the deletion of a profile.
#[utoipa::path(post, path = "/api/patients/{patient}/undo-delete", tag = "patients",
    params(("patient" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn undo_delete(State(app): State<App>, who: Who, Id(patient): Id<PatientId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, facts) = turn.patient::<act::UndoDeleteProfile>(patient).await?;
        let deletion = facts
            .deletion
            .ok_or_else(|| Problem::conflict("The profile was not deleted."))?;
        deletion.undo(turn.now)?;
        turn.db.mark_patient_deleted(proof, None).await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}
