//! Inviting members, patients and guardians, and accepting an invitation.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::Notice;
use domain::{
    Date, GuardianScope, Guardianship, MemberRole, PatientId, PatientLink, Phi, PracticeId, UserId, Window,
};
use policy::act;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::{Mailed, Sent, check_new_password, email, event, mail_link, use_link};
use super::app::App;
use super::extract::{Id, Ids, Input};
use super::grants::account_or_new;
use super::problem::{Answer, Problem, ProblemBody};
use super::who::{From, Who};

/// How long an invitation is good, hours.
const INVITATION_HOURS: i64 = 14 * 24;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(members))
        .routes(routes!(invite_member))
        .routes(routes!(change_member))
        .routes(routes!(remove_member))
        .routes(routes!(invite_patient))
        .routes(routes!(people))
        .routes(routes!(end_link))
        .routes(routes!(accept))
}

/// Someone who works in a practice.
#[derive(Serialize, ToSchema)]
struct MemberBody {
    /// Who.
    #[schema(value_type = Uuid)]
    user: UserId,
    /// What others call the person.
    #[schema(value_type = String)]
    name: Phi<String>,
    /// Where mail goes.
    #[schema(value_type = String)]
    email: Phi<String>,
    /// `administrator`, `clinician` or `staff`.
    #[schema(value_type = String)]
    role: MemberRole,
    /// `invited`, `active` or `left`.
    state: String,
}

/// Who works in a practice.
#[utoipa::path(get, path = "/api/practices/{practice}/members", tag = "practices",
    params(("practice" = Uuid, Path)),
    responses((status = 200, body = Vec<MemberBody>), (status = "default", body = ProblemBody)))]
async fn members(
    State(app): State<App>,
    who: Who,
    Id(practice): Id<PracticeId>,
) -> Answer<Json<Vec<MemberBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.practice::<act::ListMembers>(practice).await?;
        let all = turn.db.members(proof).await?;
        Ok(Json(
            all.into_iter()
                .map(|(member, account)| MemberBody {
                    user: member.user,
                    name: account.name,
                    email: account.email,
                    role: member.role,
                    state: member.state,
                })
                .collect(),
        ))
    }
    .await;
    turn.end(answer).await
}

/// Whom to invite into a practice.
#[derive(Deserialize, ToSchema)]
struct InviteMember {
    /// Where the invitation goes.
    #[schema(value_type = String)]
    email: Phi<String>,
    /// What the person is called.
    #[schema(value_type = String)]
    name: Phi<String>,
    /// `administrator`, `clinician` or `staff`.
    #[schema(value_type = String)]
    role: MemberRole,
}

/// Someone was invited.
#[derive(Serialize, ToSchema)]
struct InvitedBody {
    /// Whom.
    #[schema(value_type = Uuid)]
    user: UserId,
    /// The mail.
    mailed: Mailed,
}

/// Invite somebody to work in a practice.
#[utoipa::path(post, path = "/api/practices/{practice}/members", tag = "practices",
    params(("practice" = Uuid, Path)), request_body = InviteMember,
    responses((status = 201, body = InvitedBody), (status = "default", body = ProblemBody)))]
async fn invite_member(
    State(app): State<App>,
    who: Who,
    Id(practice): Id<PracticeId>,
    Input(input): Input<InviteMember>,
) -> Answer<(StatusCode, Json<InvitedBody>)> {
    let to = email(&input.email)?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.practice::<act::InviteMember>(practice).await?;
        let now = turn.now;
        let user = account_or_new(&mut turn.db, &to, Some(input.name), now).await?;
        let present = turn.db.facts().await?.member(practice, user).await?;
        if present.is_some_and(|member| member.state == "active") {
            return Err(Problem::conflict("This person works in the practice already."));
        }
        turn.db
            .put_member(proof, user, input.role, "invited", now)
            .await?;
        let sent = Sent {
            to,
            user,
            purpose: "invitation",
            terms: serde_json::json!({ "practice": practice, "role": input.role }),
            by: Some(who.user()),
            hours: INVITATION_HOURS,
            subject: "You are invited to a practice",
            text: "A practice invites you to work in it. Accept by opening this link.",
        };
        let mailed = mail_link(&app, &mut turn.db, sent, now).await?;
        Ok((StatusCode::CREATED, Json(InvitedBody { user, mailed })))
    }
    .await;
    turn.end(done).await
}

/// Another role.
#[derive(Deserialize, ToSchema)]
struct ChangeMember {
    /// `administrator`, `clinician` or `staff`.
    #[schema(value_type = String)]
    role: MemberRole,
}

/// Change what a member is.
#[utoipa::path(put, path = "/api/practices/{practice}/members/{user}", tag = "practices",
    params(("practice" = Uuid, Path), ("user" = Uuid, Path)), request_body = ChangeMember,
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn change_member(
    State(app): State<App>,
    who: Who,
    Ids(practice, user): Ids<PracticeId, UserId>,
    Input(input): Input<ChangeMember>,
) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.practice::<act::ChangeMember>(practice).await?;
        let now = turn.now;
        keep_an_administrator(&mut turn.db, practice, user).await?;
        turn.db.put_member(proof, user, input.role, "active", now).await?;
        turn.db.notify(Notice::for_user("access.changed", user));
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// End a membership. All of the person's sign-ins end at once.
#[utoipa::path(delete, path = "/api/practices/{practice}/members/{user}", tag = "practices",
    params(("practice" = Uuid, Path), ("user" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn remove_member(
    State(app): State<App>,
    who: Who,
    Ids(practice, user): Ids<PracticeId, UserId>,
) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.practice::<act::RemoveMember>(practice).await?;
        let now = turn.now;
        let member = keep_an_administrator(&mut turn.db, practice, user).await?;
        turn.db.put_member(proof, user, member, "left", now).await?;
        turn.db.as_system().await?.end_sign_ins(user).await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// The role of an active member, unless it is the last administrator.
async fn keep_an_administrator(
    change: &mut catalog::Change,
    practice: PracticeId,
    user: UserId,
) -> Answer<MemberRole> {
    let all = change.facts().await?.members(practice).await?;
    let is_administrator =
        |member: &catalog::Member| member.state == "active" && member.role == MemberRole::Administrator;
    let member = all
        .iter()
        .find(|member| member.user == user && member.state == "active")
        .ok_or_else(Problem::not_found)?;
    let administrators = all.iter().filter(|member| is_administrator(member)).count();
    match is_administrator(member) && administrators < 2 {
        true => Err(Problem::conflict("A practice keeps one administrator at least.")),
        false => Ok(member.role),
    }
}

/// Whom to invite to a profile.
#[derive(Deserialize, ToSchema)]
struct InvitePatient {
    /// Where the invitation goes.
    #[schema(value_type = String)]
    email: Phi<String>,
    /// What the person is called.
    #[schema(value_type = String)]
    name: Phi<String>,
    /// As a guardian; as the patient where there is none.
    guardian: Option<GuardianBody>,
}

/// What a guardian may do, and when.
#[derive(Deserialize, ToSchema)]
struct GuardianBody {
    /// `look` or `act`.
    #[schema(value_type = String)]
    scope: GuardianScope,
    /// The first day, `YYYY-MM-DD`.
    #[schema(value_type = String)]
    from: Date,
    /// The last day, `YYYY-MM-DD`; it ends at majority in any case.
    #[schema(value_type = String)]
    until: Date,
}

/// Invite the patient, or a guardian of a minor, to a profile.
#[utoipa::path(post, path = "/api/patients/{patient}/people", tag = "patients", params(("patient" = Uuid, Path)),
    request_body = InvitePatient,
    responses((status = 201, body = InvitedBody), (status = "default", body = ProblemBody)))]
async fn invite_patient(
    State(app): State<App>,
    who: Who,
    Id(patient): Id<PatientId>,
    Input(input): Input<InvitePatient>,
) -> Answer<(StatusCode, Json<InvitedBody>)> {
    let to = email(&input.email)?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let now = turn.now;
        let user = match input.guardian {
            None => {
                let (proof, _) = turn.patient::<act::InvitePatient>(patient).await?;
                let user = account_or_new(&mut turn.db, &to, Some(input.name), now).await?;
                turn.db.put_patient_user(proof, user, &PatientLink::Own).await?;
                user
            }
            Some(guardian) => {
                let (proof, facts) = turn.patient::<act::InviteGuardian>(patient).await?;
                let practice = facts.practice.practice;
                let profile = turn.db.patient(proof).await?.ok_or_else(Problem::not_found)?;
                let settings = turn.db.facts().await?.practice_settings(practice).await?;
                let settings = settings.ok_or_else(Problem::not_found)?;
                let born = profile
                    .demographics
                    .born
                    .ok_or_else(|| Problem::invalid("The profile needs a day of birth first."))?;
                let window = Window {
                    from: guardian.from.start(),
                    until: guardian.until.start().plus_days(1),
                };
                let link = PatientLink::Guardian(Guardianship::new(
                    guardian.scope,
                    window,
                    *born.reveal(),
                    settings.majority_years,
                )?);
                let user = account_or_new(&mut turn.db, &to, Some(input.name), now).await?;
                turn.db.put_patient_user(proof, user, &link).await?;
                user
            }
        };
        let sent = Sent {
            to,
            user,
            purpose: "invitation",
            terms: serde_json::json!({ "patient": patient }),
            by: Some(who.user()),
            hours: INVITATION_HOURS,
            subject: "You are invited to see a record",
            text: "A practice invites you to see what it shares with you. Open this link to set up your account.",
        };
        let mailed = mail_link(&app, &mut turn.db, sent, now).await?;
        Ok((StatusCode::CREATED, Json(InvitedBody { user, mailed })))
    }
    .await;
    turn.end(done).await
}

/// Somebody who sees a profile as the patient or for the patient.
#[derive(Serialize, ToSchema)]
struct PersonBody {
    /// Who.
    #[schema(value_type = Uuid)]
    user: UserId,
    /// What others call the person.
    #[schema(value_type = Option<String>)]
    name: Option<Phi<String>>,
    /// As a guardian: `look` or `act`; as the patient where there is none.
    #[schema(value_type = Option<String>)]
    guardian: Option<GuardianScope>,
    /// First moment at which a guardian is none any more, RFC 3339: as the papers say, and at majority in any case.
    until: Option<String>,
    /// Whether the person sees the profile now.
    live: bool,
}

/// Who sees a profile as the patient or as a guardian.
#[utoipa::path(get, path = "/api/patients/{patient}/people", tag = "patients", params(("patient" = Uuid, Path)),
    responses((status = 200, body = Vec<PersonBody>), (status = "default", body = ProblemBody)))]
async fn people(
    State(app): State<App>,
    who: Who,
    Id(patient): Id<PatientId>,
) -> Answer<Json<Vec<PersonBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.patient::<act::ReadCareTeam>(patient).await?;
        let mut people = Vec::new();
        for (user, link) in turn.db.patient_users(proof).await? {
            let name = turn.db.facts().await?.name_of(user).await?;
            let guardianship = match link {
                PatientLink::Own => None,
                PatientLink::Guardian(guardianship) => Some(guardianship),
            };
            people.push(PersonBody {
                user,
                name,
                guardian: guardianship.map(|guardianship| guardianship.scope),
                until: guardianship
                    .map(|guardianship| guardianship.window.until.min(guardianship.majority).to_rfc3339()),
                live: guardianship.is_none_or(|guardianship| guardianship.is_live(turn.now)),
            });
        }
        Ok(Json(people))
    }
    .await;
    turn.end(answer).await
}

/// End what the patient or a guardian sees of a profile.
#[utoipa::path(delete, path = "/api/patients/{patient}/people/{user}", tag = "patients",
    params(("patient" = Uuid, Path), ("user" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn end_link(
    State(app): State<App>,
    who: Who,
    Ids(patient, user): Ids<PatientId, UserId>,
) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.patient::<act::EndPatientLink>(patient).await?;
        if !turn.db.remove_patient_user(proof, user).await? {
            return Err(Problem::not_found());
        }
        turn.db.notify(Notice::for_user("access.changed", user));
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// What is needed to take an invitation up.
#[derive(Deserialize, ToSchema)]
struct Accept {
    /// What the link holds after its `#`.
    #[schema(value_type = String)]
    word: Phi<String>,
    /// What the person is called; needed where there is no account yet.
    #[schema(value_type = Option<String>)]
    name: Option<Phi<String>>,
    /// Twelve letters or more; needed where there is no account yet.
    #[schema(value_type = Option<String>, min_length = 12, max_length = 200)]
    password: Option<Phi<String>>,
}

/// What an invitation to a practice gives.
#[derive(Deserialize)]
struct Terms {
    practice: Option<PracticeId>,
    role: Option<MemberRole>,
}

/// Accept an invitation; an account that was made for it is taken into use.
#[utoipa::path(post, path = "/api/accept", tag = "accounts", request_body = Accept,
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn accept(State(app): State<App>, from: From, Input(input): Input<Accept>) -> Answer<StatusCode> {
    app.limits.visitor.take(from.address, Instant::now())?;
    let password = match input.password {
        Some(password) => Some(check_new_password(&app, password).await?),
        None => None,
    };
    let now = app.now();
    let mut change = app.catalog.change().await?;
    let link = use_link(&mut change, &input.word, "invitation", now).await?;
    let account = change
        .facts()
        .await?
        .account(link.user)
        .await?
        .ok_or_else(Problem::not_found)?;
    if account.password.is_none() {
        let password = password.ok_or_else(|| Problem::invalid("Choose a password."))?;
        change
            .as_system()
            .await?
            .set_password(link.user, input.name.as_ref(), &password)
            .await?;
    }
    change.as_system().await?.verify_account(link.user, now).await?;
    let terms: Terms = serde_json::from_value(link.terms).map_err(|error| Problem::internal(&error))?;
    if let (Some(practice), Some(role)) = (terms.practice, terms.role) {
        let invited = change.facts().await?.member(practice, link.user).await?;
        if invited.is_none_or(|member| member.state == "left") {
            return Err(Problem::conflict("The invitation was taken back."));
        }
        change
            .as_system()
            .await?
            .put_member(practice, link.user, role, "active", now)
            .await?;
    }
    change
        .record(&[event(
            now,
            Some(link.user),
            "AcceptInvitation",
            "done",
            terms.practice,
        )])
        .await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
