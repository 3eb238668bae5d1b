//! Cases, what is shared of them and with whom.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Case, CaseList, CaseSearch, NewCase, Notice, right};
use domain::{
    AnnotationId, Biometric, CaseId, CaseState, Date, Deletion, NameDisclosure, PatientId, PersonColor, Phi,
    PracticeId, Sharing, Timestamp, UserId,
};
use policy::{AccountFacts, AnnotationFacts, Authorized, Decision, Destination, IntakeFacts, act};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Ask, Id, Input};
use super::page::{Page, after, limit, page};
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::random_id;
use super::who::Who;

/// How long a deletion can be undone, milliseconds.
pub(crate) const UNDO_MS: i64 = 30 * 24 * 3_600_000;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(search))
        .routes(routes!(of_patient))
        .routes(routes!(mine))
        .routes(routes!(read))
        .routes(routes!(edit))
        .routes(routes!(close))
        .routes(routes!(reopen))
        .routes(routes!(share))
        .routes(routes!(stop_sharing))
        .routes(routes!(delete))
        .routes(routes!(undo_delete))
}

/// A case.
#[derive(Serialize, ToSchema)]
struct CaseBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: CaseId,
    /// The practice that it belongs to.
    #[schema(value_type = Uuid)]
    practice: PracticeId,
    /// The patient, for those who may know whom the case is of.
    #[schema(value_type = Option<Uuid>)]
    patient: Option<PatientId>,
    /// What people call it.
    #[schema(value_type = String)]
    title: Phi<String>,
    /// The day that it is about, usually of surgery, `YYYY-MM-DD`.
    #[schema(value_type = Option<String>)]
    date: Option<Phi<Date>>,
    /// `open` or `closed`.
    #[schema(value_type = String)]
    state: CaseState,
    /// `private` or `with_patient`.
    #[schema(value_type = String)]
    sharing: Sharing,
    /// Whether collaborators see whom it is of: `withheld` or `shown`.
    #[schema(value_type = String)]
    names: NameDisclosure,
    /// When it was made, RFC 3339.
    created: String,
    /// Goes up with every change; to be given back with one.
    version: u64,
    /// Whether one may add files to it now; only where one case is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    takes_uploads: Option<bool>,
    /// Whether one may mark it, comment and save views now; only where one case is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    annotates: Option<bool>,
    /// One's own color in it, a number from 0 to 11; only where one case is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<u8>,
    /// Whether one may also take away what others marked and said; only where one case is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    withdraws: Option<bool>,
}

fn body(case: Case, patient: Option<PatientId>) -> CaseBody {
    CaseBody {
        id: case.id,
        practice: case.practice,
        patient,
        title: case.title,
        date: case.date,
        state: case.state,
        sharing: case.sharing,
        names: case.names,
        created: case.created.to_rfc3339(),
        version: case.version,
        takes_uploads: None,
        annotates: None,
        color: None,
        withdraws: None,
    }
}

/// A new case.
#[derive(Deserialize, ToSchema)]
struct New {
    /// What people call it.
    #[schema(value_type = String, max_length = 300)]
    title: Phi<String>,
    /// The day that it is about, `YYYY-MM-DD`.
    #[schema(value_type = Option<String>)]
    date: Option<Phi<Date>>,
}

/// Open a case.
#[utoipa::path(post, path = "/api/patients/{patient}/cases", tag = "cases", params(("patient" = Uuid, Path)),
    request_body = New,
    responses((status = 201, body = CaseBody), (status = "default", body = ProblemBody)))]
async fn create(
    State(app): State<App>,
    who: Who,
    Id(patient): Id<PatientId>,
    Input(input): Input<New>,
) -> Answer<(StatusCode, Json<CaseBody>)> {
    let title = Phi::new(domain::text::line("The title", input.title.reveal())?);
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, facts) = turn.patient::<act::CreateCase>(patient).await?;
        let practice = facts.practice.practice;
        let settings = turn.db.facts().await?.practice_settings(practice).await?;
        let settings = settings.ok_or_else(Problem::not_found)?;
        let years = settings.retention_years;
        let id = CaseId::from_random(random_id()?);
        let case = NewCase {
            id,
            practice,
            patient,
            created_by: who.user(),
            title,
            date: input.date,
            retain_until: (years > 0).then(|| turn.now.date().plus_years(years).start()),
            created: turn.now,
        };
        let case = turn.db.create_case(proof, &case).await?;
        turn.db.notify(Notice::in_case("case.created", id, id));
        Ok((StatusCode::CREATED, Json(body(case, Some(patient)))))
    }
    .await;
    turn.end(done).await
}

/// Which cases.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Search {
    /// Beginnings of words of the title.
    #[param(value_type = Option<String>)]
    q: Option<Phi<String>>,
    /// Of one patient only.
    #[param(value_type = Option<Uuid>)]
    patient: Option<PatientId>,
    /// `open` or `closed`.
    #[param(value_type = Option<String>)]
    state: Option<CaseState>,
    /// What the page before gave as `next`.
    after: Option<String>,
    /// Rows of the page, 1 to 200.
    limit: Option<u32>,
}

/// The cases of a practice's patients of whose care team one is, the latest first.
#[utoipa::path(get, path = "/api/practices/{practice}/cases", tag = "cases",
    params(("practice" = Uuid, Path), Search),
    responses((status = 200, body = Page<CaseBody>), (status = "default", body = ProblemBody)))]
async fn search(
    State(app): State<App>,
    who: Who,
    Id(practice): Id<PracticeId>,
    Ask(search): Ask<Search>,
) -> Answer<Json<Page<CaseBody>>> {
    let (after, limit) = (after(search.after.as_deref())?, limit(search.limit)?);
    let list = CaseSearch {
        patient: search.patient,
        state: search.state,
        search: search.q,
    };
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.practice::<act::SearchCases>(practice).await?;
        let rows = turn
            .db
            .cases_of_practice(proof, &list, after.as_ref(), limit + 1)
            .await?;
        Ok(Json(page(rows, limit, place, |case| {
            let patient = case.patient;
            body(case, Some(patient))
        })))
    }
    .await;
    turn.end(answer).await
}

/// The cases of one profile, as far as one may see them: for the care team all, for the patient and guardians those that
/// are shared with them. The latest first.
#[utoipa::path(get, path = "/api/patients/{patient}/cases", tag = "cases", params(("patient" = Uuid, Path)),
    responses((status = 200, body = Vec<CaseBody>), (status = "default", body = ProblemBody)))]
async fn of_patient(
    State(app): State<App>,
    who: Who,
    Id(patient): Id<PatientId>,
) -> Answer<Json<Vec<CaseBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.patient::<act::ListPatientCases>(patient).await?;
        let now = turn.now;
        let mut cases = Vec::new();
        for case in turn.db.cases_of_patient(proof).await? {
            let facts = turn.db.facts().await?.case_facts(case.id, who.user()).await?;
            let sees = facts.map(|facts| policy::decide::<act::SeeCase>(&who.subject, &facts, now));
            if matches!(sees, Some(Decision::Allow(_))) {
                cases.push(body(case, Some(patient)));
            }
        }
        Ok(Json(cases))
    }
    .await;
    turn.end(answer).await
}

fn place(case: &Case) -> (Timestamp, String) {
    (case.created, case.id.to_string())
}

/// Cases of others that one may see.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Mine {
    /// `collaborator` for those that one was invited to, `patient` for those that are shared with one as a patient or
    /// guardian.
    #[serde(rename = "as")]
    #[param(rename = "as", inline)]
    role: Role,
    /// What the page before gave as `next`.
    after: Option<String>,
    /// Rows of the page, 1 to 200.
    limit: Option<u32>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Role {
    Collaborator,
    Patient,
}

/// The cases that one was invited to, or that are shared with one, the latest first.
#[utoipa::path(get, path = "/api/cases", tag = "cases", params(Mine),
    responses((status = 200, body = Page<CaseBody>), (status = "default", body = ProblemBody)))]
async fn mine(State(app): State<App>, who: Who, Ask(mine): Ask<Mine>) -> Answer<Json<Page<CaseBody>>> {
    let (after, limit) = (after(mine.after.as_deref())?, limit(mine.limit)?);
    let list = match mine.role {
        Role::Collaborator => CaseList::Granted,
        Role::Patient => CaseList::AsPatient,
    };
    let mut turn = app.look(&who).await?;
    let answer = async {
        let proof = turn.ask::<act::ListCases>(&AccountFacts { owner: who.user() })?;
        let now = turn.now;
        let rows = turn
            .db
            .cases_of(proof, list, after.as_ref(), limit + 1, now)
            .await?;
        let next = page(rows, limit, place, |case| case);
        let mut items = Vec::with_capacity(next.items.len());
        for case in next.items {
            // A guardian's time may have passed, and names may be withheld: the policy says.
            let facts = turn.db.facts().await?.case_facts(case.id, who.user()).await?;
            let Some(facts) = facts else { continue };
            let sees = policy::decide::<act::SeeCase>(&who.subject, &facts, now);
            if matches!(sees, Decision::Allow(_)) {
                let name = policy::decide::<act::SeePatientName>(&who.subject, &facts, now);
                let patient = matches!(name, Decision::Allow(_)).then_some(case.patient);
                items.push(body(case, patient));
            }
        }
        Ok(Json(Page {
            items,
            next: next.next,
        }))
    }
    .await;
    turn.end(answer).await
}

/// A case.
#[utoipa::path(get, path = "/api/cases/{case}", tag = "cases", params(("case" = Uuid, Path)),
    responses((status = 200, body = CaseBody), (status = "default", body = ProblemBody)))]
async fn read(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<Json<CaseBody>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, facts) = turn.case::<act::SeeCase>(case).await?;
        let name = policy::decide::<act::SeePatientName>(&who.subject, &facts, turn.now);
        let colors = turn.db.facts().await?.person_colors(case).await?;
        let color = colors.get(&who.user()).copied();
        let color = color.unwrap_or_else(|| PersonColor::preferred(who.user()));
        let case = turn.db.case(proof).await?.ok_or_else(Problem::not_found)?;
        let patient = matches!(name, Decision::Allow(_)).then_some(case.patient);
        let intake = IntakeFacts {
            into: Destination::Case(facts),
            biometric: Biometric::No,
            release: None,
        };
        let of_others = AnnotationFacts {
            id: AnnotationId::from_random([0; 16]),
            case: facts,
            author: UserId::from_random([0; 16]),
        };
        let (subject, now) = (&who.subject, turn.now);
        let uploads = policy::decide::<act::StartUpload>(subject, &intake, now);
        let annotates = policy::decide::<act::Annotate>(subject, &facts, now);
        let withdraws = policy::decide::<act::WithdrawAnnotation>(subject, &of_others, now);
        Ok(Json(CaseBody {
            takes_uploads: Some(matches!(uploads, Decision::Allow(_))),
            annotates: Some(matches!(annotates, Decision::Allow(_))),
            color: Some(color.number()),
            withdraws: Some(matches!(withdraws, Decision::Allow(_))),
            ..body(case, patient)
        }))
    }
    .await;
    turn.end(answer).await
}

/// A changed case.
#[derive(Deserialize, ToSchema)]
struct Edit {
    /// The version that was changed.
    version: u64,
    /// What people call it now.
    #[schema(value_type = String, max_length = 300)]
    title: Phi<String>,
    /// The day that it is about, `YYYY-MM-DD`.
    #[schema(value_type = Option<String>)]
    date: Option<Phi<Date>>,
    /// Whether collaborators see whom it is of: `withheld` or `shown`.
    #[schema(value_type = String)]
    names: NameDisclosure,
}

/// Change title, day, and what collaborators see.
#[utoipa::path(put, path = "/api/cases/{case}", tag = "cases", params(("case" = Uuid, Path)), request_body = Edit,
    responses((status = 200, body = CaseBody), (status = "default", body = ProblemBody)))]
async fn edit(
    State(app): State<App>,
    who: Who,
    Id(case): Id<CaseId>,
    Input(input): Input<Edit>,
) -> Answer<Json<CaseBody>> {
    let title = Phi::new(domain::text::line("The title", input.title.reveal())?);
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.case::<act::EditCase>(case).await?;
        let present = turn.db.case(proof).await?.ok_or_else(Problem::not_found)?;
        update(
            &mut turn.db,
            proof,
            Case {
                version: input.version,
                title,
                date: input.date,
                names: input.names,
                ..present
            },
        )
        .await
    }
    .await;
    turn.end(done).await
}

/// Close a case: nothing is added to it any more.
#[utoipa::path(post, path = "/api/cases/{case}/close", tag = "cases", params(("case" = Uuid, Path)),
    responses((status = 200, body = CaseBody), (status = "default", body = ProblemBody)))]
async fn close(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<Json<CaseBody>> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.case::<act::CloseCase>(case).await?;
        let present = turn.db.case(proof).await?.ok_or_else(Problem::not_found)?;
        let state = present.state.close()?;
        update(&mut turn.db, proof, Case { state, ..present }).await
    }
    .await;
    turn.end(done).await
}

/// Reopen a closed case.
#[utoipa::path(post, path = "/api/cases/{case}/reopen", tag = "cases", params(("case" = Uuid, Path)),
    responses((status = 200, body = CaseBody), (status = "default", body = ProblemBody)))]
async fn reopen(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<Json<CaseBody>> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.case::<act::ReopenCase>(case).await?;
        let present = turn.db.case(proof).await?.ok_or_else(Problem::not_found)?;
        let state = present.state.reopen()?;
        update(&mut turn.db, proof, Case { state, ..present }).await
    }
    .await;
    turn.end(done).await
}

async fn update<A: right::ChangeCase + right::ReadCase>(
    change: &mut catalog::Change,
    proof: Authorized<A>,
    case: Case,
) -> Answer<Json<CaseBody>> {
    let id = case.id;
    change.update_case(proof, &case).await?;
    change.notify(Notice::in_case("case.changed", id, id));
    let case = change.case(proof).await?.ok_or_else(Problem::not_found)?;
    let patient = case.patient;
    Ok(Json(body(case, Some(patient))))
}

/// Share a case with its patient.
#[utoipa::path(put, path = "/api/cases/{case}/sharing", tag = "cases", params(("case" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn share(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.case::<act::ShareWithPatient>(case).await?;
        let now = turn.now;
        turn.db.share_case(proof, Sharing::WithPatient, now).await?;
        turn.db.notify(Notice::in_case("case.shared", case, case));
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// Share a case with its patient no longer.
#[utoipa::path(delete, path = "/api/cases/{case}/sharing", tag = "cases", params(("case" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn stop_sharing(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.case::<act::StopSharing>(case).await?;
        let now = turn.now;
        turn.db.share_case(proof, Sharing::Private, now).await?;
        turn.db.notify(Notice::in_case("access.changed", case, case));
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// Delete a case. For thirty days that can be undone; then its key is destroyed.
#[utoipa::path(delete, path = "/api/cases/{case}", tag = "cases", params(("case" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn delete(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, facts) = turn.case::<act::DeleteCase>(case).await?;
        let deletion = Deletion::request(facts.keeping, turn.now, UNDO_MS)?;
        turn.db.mark_case_deleted(proof, Some(deletion)).await?;
        turn.db.notify(Notice::in_case("access.changed", case, case));
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// Undo the deletion of a case.
#[utoipa::path(post, path = "/api/cases/{case}/undo-delete", tag = "cases", params(("case" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn undo_delete(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, facts) = turn.case::<act::UndoDeleteCase>(case).await?;
        let deletion = facts
            .deletion
            .ok_or_else(|| Problem::conflict("The case was not deleted."))?;
        deletion.undo(turn.now)?;
        turn.db.mark_case_deleted(proof, None).await?;
        turn.db.notify(Notice::in_case("access.changed", case, case));
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}
