//! Cases, what is shared of them and with whom.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Case, CaseGrant, CaseList, NewAccount, NewCase, Notice};
use domain::{
    AccountState, CaseId, CaseState, Date, Deletion, Grant, GrantId, GrantRight, NameDisclosure, PatientId,
    Phi, PracticeId, Sharing, Timestamp, UserId,
};
use policy::{AccountFacts, Decision, act};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::{Mailed, Sent, email, mail_link};
use super::app::App;
use super::extract::{Ask, Id, Ids, Input};
use super::page::{Page, after, limit, page};
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::random_id;
use super::who::Who;

/// How long a deletion can be undone, milliseconds.
pub(crate) const UNDO_MS: i64 = 30 * 24 * 3_600_000;
/// How long an invitation is good, hours.
const INVITATION_HOURS: i64 = 14 * 24;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(search))
        .routes(routes!(mine))
        .routes(routes!(read))
        .routes(routes!(edit))
        .routes(routes!(close))
        .routes(routes!(reopen))
        .routes(routes!(share))
        .routes(routes!(stop_sharing))
        .routes(routes!(delete))
        .routes(routes!(undo_delete))
        .routes(routes!(grants))
        .routes(routes!(invite))
        .routes(routes!(revoke))
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
        let (_, facts) = turn.patient::<act::CreateCase>(patient).await?;
        let practice = facts.practice.practice;
        let settings = turn
            .db
            .practice(practice)
            .await?
            .ok_or_else(Problem::not_found)?
            .settings;
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
        turn.db.create_case(&case).await?;
        turn.db.notify(Notice::in_case("case.created", id, id));
        let case = turn.db.case(id).await?.ok_or_else(Problem::not_found)?;
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
    let list = CaseList::Practice {
        practice,
        patient: search.patient,
        state: search.state,
        search: search.q,
    };
    let mut turn = app.look(&who).await?;
    let answer = async {
        turn.practice::<act::SearchCases>(practice).await?;
        let now = turn.now;
        let rows = turn
            .db
            .cases_of(who.user(), &list, after.as_ref(), limit + 1, now)
            .await?;
        Ok(Json(page(rows, limit, place, |case| {
            let patient = case.patient;
            body(case, Some(patient))
        })))
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
    #[param(rename = "as")]
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
        turn.ask::<act::ListCases>(&AccountFacts { owner: who.user() })?;
        let now = turn.now;
        let rows = turn
            .db
            .cases_of(who.user(), &list, after.as_ref(), limit + 1, now)
            .await?;
        let next = page(rows, limit, place, |case| case);
        let mut items = Vec::with_capacity(next.items.len());
        for case in next.items {
            // A guardian's time may have passed, and names may be withheld: the policy says.
            let facts = turn.db.case_facts(case.id, who.user()).await?;
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
        let (_, facts) = turn.case::<act::SeeCase>(case).await?;
        let name = policy::decide::<act::SeePatientName>(&who.subject, &facts, turn.now);
        let case = turn.db.case(case).await?.ok_or_else(Problem::not_found)?;
        let patient = matches!(name, Decision::Allow(_)).then_some(case.patient);
        Ok(Json(body(case, patient)))
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
        turn.case::<act::EditCase>(case).await?;
        let present = turn.db.case(case).await?.ok_or_else(Problem::not_found)?;
        update(
            &mut turn.db,
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
        turn.case::<act::CloseCase>(case).await?;
        let present = turn.db.case(case).await?.ok_or_else(Problem::not_found)?;
        let state = present.state.close()?;
        update(&mut turn.db, Case { state, ..present }).await
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
        turn.case::<act::ReopenCase>(case).await?;
        let present = turn.db.case(case).await?.ok_or_else(Problem::not_found)?;
        let state = present.state.reopen()?;
        update(&mut turn.db, Case { state, ..present }).await
    }
    .await;
    turn.end(done).await
}

async fn update(change: &mut catalog::Change, case: Case) -> Answer<Json<CaseBody>> {
    let id = case.id;
    change.update_case(&case).await?;
    change.notify(Notice::in_case("case.changed", id, id));
    let case = change.case(id).await?.ok_or_else(Problem::not_found)?;
    let patient = case.patient;
    Ok(Json(body(case, Some(patient))))
}

/// Share a case with its patient.
#[utoipa::path(put, path = "/api/cases/{case}/sharing", tag = "cases", params(("case" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn share(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        turn.case::<act::ShareWithPatient>(case).await?;
        let now = turn.now;
        turn.db.share_case(case, Sharing::WithPatient, now).await?;
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
        turn.case::<act::StopSharing>(case).await?;
        let now = turn.now;
        turn.db.share_case(case, Sharing::Private, now).await?;
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
        let (_, facts) = turn.case::<act::DeleteCase>(case).await?;
        let deletion = Deletion::request(facts.keeping, turn.now, UNDO_MS)?;
        turn.db.mark_case_deleted(case, Some(deletion)).await?;
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
        let (_, facts) = turn.case::<act::UndoDeleteCase>(case).await?;
        let deletion = facts
            .deletion
            .ok_or_else(|| Problem::conflict("The case was not deleted."))?;
        deletion.undo(turn.now)?;
        turn.db.mark_case_deleted(case, None).await?;
        turn.db.notify(Notice::in_case("access.changed", case, case));
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// A grant on a case.
#[derive(Serialize, ToSchema)]
struct GrantBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: GrantId,
    /// Whose.
    #[schema(value_type = Uuid)]
    user: UserId,
    /// What others call the person.
    #[schema(value_type = Option<String>)]
    name: Option<Phi<String>>,
    /// `see`, `annotate` or `contribute`.
    #[schema(value_type = String)]
    right: GrantRight,
    /// First moment at which it no longer holds, RFC 3339.
    until: String,
    /// Whether it holds now.
    live: bool,
}

/// Who was invited to a case, and was not taken the right again.
#[utoipa::path(get, path = "/api/cases/{case}/grants", tag = "grants", params(("case" = Uuid, Path)),
    responses((status = 200, body = Vec<GrantBody>), (status = "default", body = ProblemBody)))]
async fn grants(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<Json<Vec<GrantBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        turn.case::<act::ReadGrants>(case).await?;
        let mut all = Vec::new();
        for grant in turn.db.grants_of(case).await? {
            let account = turn.db.account(grant.user).await?;
            all.push(GrantBody {
                id: grant.id,
                user: grant.user,
                name: account.map(|account| account.name),
                right: grant.grant.right,
                until: grant.grant.until.to_rfc3339(),
                live: grant.grant.is_live(turn.now),
            });
        }
        Ok(Json(all))
    }
    .await;
    turn.end(answer).await
}

/// Whom to invite, to what and until when.
#[derive(Deserialize, ToSchema)]
struct Invite {
    /// Where the invitation goes.
    #[schema(value_type = String)]
    email: Phi<String>,
    /// What the person is called, where there is no account yet.
    #[schema(value_type = Option<String>)]
    name: Option<Phi<String>>,
    /// `see`, `annotate` or `contribute`.
    #[schema(value_type = String)]
    right: GrantRight,
    /// The last day, `YYYY-MM-DD`.
    #[schema(value_type = String)]
    until: Date,
}

/// An invitation was mailed.
#[derive(Serialize, ToSchema)]
struct Invited {
    /// The grant.
    #[schema(value_type = Uuid)]
    grant: GrantId,
    /// Whose.
    #[schema(value_type = Uuid)]
    user: UserId,
    /// The mail.
    mailed: Mailed,
}

/// Invite a collaborator by name, to one case, with an end. An earlier grant of the person on the case ends.
#[utoipa::path(post, path = "/api/cases/{case}/grants", tag = "grants", params(("case" = Uuid, Path)),
    request_body = Invite,
    responses((status = 201, body = Invited), (status = "default", body = ProblemBody)))]
async fn invite(
    State(app): State<App>,
    who: Who,
    Id(case): Id<CaseId>,
    Input(input): Input<Invite>,
) -> Answer<(StatusCode, Json<Invited>)> {
    let to = email(&input.email)?;
    let mut turn = app.change(&who).await?;
    let done = async {
        turn.case::<act::InviteCollaborator>(case).await?;
        let now = turn.now;
        let user = account_or_new(&mut turn.db, &to, input.name, now).await?;
        let grant = CaseGrant {
            id: GrantId::from_random(random_id()?),
            case,
            user,
            grant: Grant::new(input.right, input.until.start().plus_days(1), now)?,
            granted_by: who.user(),
            created: now,
        };
        turn.db.put_grant(&grant).await?;
        let sent = Sent {
            to,
            user,
            purpose: "invitation",
            terms: serde_json::json!({ "case": case, "grant": grant.id }),
            by: Some(who.user()),
            hours: INVITATION_HOURS,
            subject: "You are invited to a case",
            text: "A colleague invites you to look at a case together. Open this link to sign in, or to set up an account.",
        };
        let mailed = mail_link(&app, &mut turn.db, sent, now).await?;
        turn.db.notify(Notice::in_case("access.changed", case, grant.id));
        Ok((
            StatusCode::CREATED,
            Json(Invited {
                grant: grant.id,
                user,
                mailed,
            }),
        ))
    }
    .await;
    turn.end(done).await
}

/// The account with an address, or a new one that its owner has yet to take into use.
pub(crate) async fn account_or_new(
    change: &mut catalog::Change,
    email: &Phi<String>,
    name: Option<Phi<String>>,
    now: Timestamp,
) -> Answer<UserId> {
    if let Some(account) = change.account_by_email(email).await? {
        return match account.state {
            AccountState::Deactivated => Err(Problem::conflict("The account of this address is closed.")),
            AccountState::Active | AccountState::Unverified => Ok(account.id),
        };
    }
    let name = name.unwrap_or_else(|| email.clone());
    let id = UserId::from_random(random_id()?);
    let account = NewAccount {
        id,
        name: Phi::new(domain::text::line("The name", name.reveal())?),
        email: email.clone(),
        password: None,
    };
    change.create_account(&account, now).await?;
    Ok(id)
}

/// Revoke a grant. The picture stops within a second.
#[utoipa::path(delete, path = "/api/cases/{case}/grants/{grant}", tag = "grants",
    params(("case" = Uuid, Path), ("grant" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn revoke(
    State(app): State<App>,
    who: Who,
    Ids(case, grant): Ids<CaseId, GrantId>,
) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        turn.case::<act::RevokeGrant>(case).await?;
        let found = turn.db.grant(grant).await?.filter(|found| found.case == case);
        if found.is_none() {
            return Err(Problem::not_found());
        }
        let now = turn.now;
        if !turn.db.revoke_grant(grant, now).await? {
            return Err(Problem::conflict("The grant was revoked before."));
        }
        turn.db.notify(Notice::in_case("access.changed", case, grant));
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}
