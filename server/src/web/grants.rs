//! Collaborators of a case: whom a practice has invited, to what, and until when.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{CaseGrant, NewAccount, Notice};
use domain::{AccountState, CaseId, Date, Grant, GrantId, GrantRight, Phi, Timestamp, UserId};
use policy::act;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::{Mailed, Sent, email, mail_link};
use super::app::App;
use super::extract::{Id, Ids, Input};
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::random_id;
use super::who::Who;

/// How long an invitation is good, hours.
const INVITATION_HOURS: i64 = 14 * 24;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(grants))
        .routes(routes!(invite))
        .routes(routes!(change))
        .routes(routes!(revoke))
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
        let (proof, _) = turn.case::<act::ReadGrants>(case).await?;
        let mut all = Vec::new();
        for grant in turn.db.grants_of(proof).await? {
            let name = turn.db.facts().await?.name_of(grant.user).await?;
            all.push(GrantBody {
                id: grant.id,
                user: grant.user,
                name,
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
        let (proof, _) = turn.case::<act::InviteCollaborator>(case).await?;
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
        turn.db.put_grant(proof, &grant).await?;
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

/// A changed grant.
#[derive(Deserialize, ToSchema)]
struct ChangeGrant {
    /// `see`, `annotate` or `contribute`.
    #[schema(value_type = String)]
    right: GrantRight,
    /// The last day, `YYYY-MM-DD`.
    #[schema(value_type = String)]
    until: Date,
}

/// Change what a grant allows and until when. It is another one from then on; the person needs no other invitation.
#[utoipa::path(put, path = "/api/cases/{case}/grants/{grant}", tag = "grants",
    params(("case" = Uuid, Path), ("grant" = Uuid, Path)), request_body = ChangeGrant,
    responses((status = 200, body = GrantBody), (status = "default", body = ProblemBody)))]
async fn change(
    State(app): State<App>,
    who: Who,
    Ids(case, grant): Ids<CaseId, GrantId>,
    Input(input): Input<ChangeGrant>,
) -> Answer<Json<GrantBody>> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.case::<act::ChangeGrant>(case).await?;
        let found = turn.db.grant(proof, grant).await?;
        let found = found.filter(|found| found.grant.revoked.is_none());
        let found = found.ok_or_else(Problem::not_found)?;
        let now = turn.now;
        let fresh = CaseGrant {
            id: GrantId::from_random(random_id()?),
            grant: Grant::new(input.right, input.until.start().plus_days(1), now)?,
            granted_by: who.user(),
            created: now,
            ..found
        };
        turn.db.put_grant(proof, &fresh).await?;
        turn.db.notify(Notice::in_case("access.changed", case, fresh.id));
        let name = turn.db.facts().await?.name_of(fresh.user).await?;
        Ok(Json(GrantBody {
            id: fresh.id,
            user: fresh.user,
            name,
            right: fresh.grant.right,
            until: fresh.grant.until.to_rfc3339(),
            live: fresh.grant.is_live(now),
        }))
    }
    .await;
    turn.end(done).await
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
        let (proof, _) = turn.case::<act::RevokeGrant>(case).await?;
        if turn.db.grant(proof, grant).await?.is_none() {
            return Err(Problem::not_found());
        }
        let now = turn.now;
        if !turn.db.revoke_grant(proof, grant, now).await? {
            return Err(Problem::conflict("The grant was revoked before."));
        }
        turn.db.notify(Notice::in_case("access.changed", case, grant));
        Ok(StatusCode::NO_CONTENT)
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
    if let Some(account) = change.facts().await?.account_by_email(email).await? {
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
    change.as_system().await?.create_account(&account, now).await?;
    Ok(id)
}
