//! Signing in with a password and a one-time code, signing out, and one's sign-ins.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use catalog::{Account, Change, Credential, CredentialKind, SignIn};
use domain::{AccountState, Phi, SignInId, SignInStrength, Timestamp, UserId};
use policy::act;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::{event, own};
use super::app::{App, Demo};
use super::codes::{hex, totp_of};
use super::extract::{Id, Input};
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::{folded_code, random_id, random_word, word_hash};
use super::who::{From, Who, clear_cookie, set_cookie};

/// Limits of a sign-in, minutes without use and hours in all: those who work with records, and patients.
const MEMBER_IDLE_MINUTES: i64 = 15;
const MEMBER_HOURS: i64 = 12;
const OTHER_IDLE_MINUTES: i64 = 30;
const OTHER_HOURS: i64 = 12;
/// Wrong passwords or codes after which an account waits.
const FREE_FAILURES: u64 = 4;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
        .routes(routes!(sign_ins))
        .routes(routes!(end_sign_in))
}

/// What somebody signs in with.
#[derive(Deserialize, ToSchema)]
struct Proofs {
    /// The address of the account.
    #[schema(value_type = String)]
    email: Phi<String>,
    /// Its password.
    #[schema(value_type = String)]
    password: Phi<String>,
    /// A one-time code, where the account has them.
    #[schema(value_type = Option<String>)]
    code: Option<Phi<String>>,
    /// A recovery code in its place, good once.
    #[schema(value_type = Option<String>)]
    recovery_code: Option<Phi<String>>,
}

/// What was signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedInBody {
    /// Who.
    #[schema(value_type = Uuid)]
    pub(crate) user: UserId,
    /// `single`, `strong` or `waived_for_demo`: with `single`, a second factor must be set up before anything else.
    #[schema(value_type = String)]
    pub(crate) strength: SignInStrength,
}

/// Sign in with a password and a one-time code. The cookie of the answer is the sign-in.
#[utoipa::path(post, path = "/api/sign-in", tag = "accounts", request_body = Proofs,
    responses((status = 200, body = SignedInBody), (status = "default", body = ProblemBody)))]
async fn sign_in(State(app): State<App>, from: From, Input(input): Input<Proofs>) -> Answer<Response> {
    app.limits.visitor.take(from.address, Instant::now())?;
    let account = app
        .catalog
        .reader()
        .await?
        .facts()
        .await?
        .account_by_email(&input.email)
        .await?;
    let hash = account.as_ref().and_then(|account| account.password.clone());
    if let Some(account) = &account {
        app.limits.account.take(account.id, Instant::now())?;
        let wait_ms = account.locked_until.ms() - app.now().ms();
        if wait_ms > 0 {
            return Err(Problem::too_many(u64::try_from(wait_ms / 1000 + 1).unwrap_or(1)));
        }
    }
    let is_right = app.hasher.verify(input.password, hash).await?;
    let now = app.now();
    let wrong = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "wrong",
            "The address or the password is wrong.",
        )
    };
    let Some(account) = account else {
        let refused = event(now, None, "SignIn", "refused: no account", None);
        app.catalog.record(vec![refused]).await?;
        return Err(wrong());
    };
    if !is_right {
        fail(&app, &account, "refused: password", now).await?;
        return Err(wrong());
    }
    match account.state {
        AccountState::Active => {}
        AccountState::Unverified | AccountState::Deactivated => {
            let refused = event(now, Some(account.id), "SignIn", "refused: account", None);
            app.catalog.record(vec![refused]).await?;
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                account.state.word(),
                "Confirm your e-mail address first, or ask who closed the account.",
            ));
        }
    }
    let mut change = app.catalog.change().await?;
    let strength = second_factor(
        &app,
        &mut change,
        &account,
        &input.code,
        &input.recovery_code,
        now,
    )
    .await;
    let strength = match strength {
        Ok(strength) => strength,
        Err(problem) => {
            drop(change);
            if input.code.is_some() || input.recovery_code.is_some() {
                fail(&app, &account, "refused: code", now).await?;
            }
            return Err(problem);
        }
    };
    change.as_system().await?.clear_failures(account.id).await?;
    let (word, sign_in) = add_sign_in(&mut change, account.id, strength, &from, now).await?;
    let mut done = event(now, Some(account.id), "SignIn", strength.word(), None);
    done.sign_in = Some(sign_in);
    change.record(&[done]).await?;
    change.commit().await?;
    let body = SignedInBody {
        user: account.id,
        strength,
    };
    Ok(([(header::SET_COOKIE, set_cookie(&word))], Json(body)).into_response())
}

/// How strong a sign-in is that showed the right password, by what else was shown.
async fn second_factor(
    app: &App,
    change: &mut Change,
    account: &Account,
    code: &Option<Phi<String>>,
    recovery: &Option<Phi<String>>,
    now: Timestamp,
) -> Answer<SignInStrength> {
    let codes = change
        .facts()
        .await?
        .credentials(account.id, CredentialKind::Totp)
        .await?;
    let confirmed: Vec<&Credential> = codes.iter().filter(|code| code.confirmed.is_some()).collect();
    let wrong = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "wrong_code",
            "The code is wrong or was used.",
        )
    };
    if let Some(recovery) = recovery {
        let folded = folded_code(recovery.reveal());
        let all = change
            .facts()
            .await?
            .credentials(account.id, CredentialKind::Recovery)
            .await?;
        for kept in all {
            let is_it = kept.secret.reveal().as_str() == Some(&hex(&word_hash(&folded)));
            if is_it
                && change
                    .as_system()
                    .await?
                    .remove_credential(account.id, kept.id)
                    .await?
            {
                return Ok(SignInStrength::Strong);
            }
        }
        return Err(wrong());
    }
    match (confirmed.as_slice(), code) {
        ([], _) if app.config.demo == Demo::Yes => Ok(SignInStrength::WaivedForDemo),
        ([], _) => Ok(SignInStrength::Single),
        (_, None) => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "second_factor_required",
            "This account needs a one-time code as well.",
        )),
        (confirmed, Some(code)) => {
            for credential in confirmed {
                let step = totp_of(credential).and_then(|totp| totp.step_of(code.reveal(), now));
                if let Some(step) = step
                    && change
                        .as_system()
                        .await?
                        .take_step(account.id, credential.id, step, now)
                        .await?
                {
                    return Ok(SignInStrength::Strong);
                }
            }
            Err(wrong())
        }
    }
}

/// Counts what was wrong; from some point on the account waits, longer each time.
async fn fail(app: &App, account: &Account, outcome: &'static str, now: Timestamp) -> Answer<()> {
    let beyond = (account.failures + 1).saturating_sub(FREE_FAILURES).min(7);
    let wait_ms = if beyond == 0 { 0 } else { 5_000_i64 << beyond };
    let mut change = app.catalog.change().await?;
    change
        .as_system()
        .await?
        .note_failure(account.id, now.plus_ms(wait_ms))
        .await?;
    change
        .record(&[event(now, Some(account.id), "SignIn", outcome, None)])
        .await?;
    Ok(change.commit().await?)
}

/// Makes a sign-in: the word of its cookie, and its identifier.
pub(crate) async fn add_sign_in(
    change: &mut Change,
    user: UserId,
    strength: SignInStrength,
    from: &From,
    now: Timestamp,
) -> Answer<(Phi<String>, SignInId)> {
    let word = random_word()?;
    let is_member = change.facts().await?.works_somewhere(user).await?;
    let (idle_minutes, hours) = match is_member {
        true => (MEMBER_IDLE_MINUTES, MEMBER_HOURS),
        false => (OTHER_IDLE_MINUTES, OTHER_HOURS),
    };
    let sign_in = SignIn {
        id: SignInId::from_random(random_id()?),
        user,
        strength,
        created: now,
        seen: now,
        idle_ms: idle_minutes * 60_000,
        ends: now.plus_ms(hours * 3_600_000),
    };
    change
        .as_system()
        .await?
        .add_sign_in(&word_hash(word.reveal()), &sign_in, &from.origin())
        .await?;
    Ok((word, sign_in.id))
}

/// End the present sign-in.
#[utoipa::path(post, path = "/api/sign-out", tag = "accounts",
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn sign_out(State(app): State<App>, who: Who) -> Answer<Response> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::SignOut>(&own(&who))?;
        turn.db.end_sign_in(proof, who.sign_in).await?;
        Ok(())
    }
    .await;
    turn.end(done).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, clear_cookie())]).into_response())
}

/// One of one's sign-ins.
#[derive(Serialize, ToSchema)]
struct SignInBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: SignInId,
    /// Whether it is the present one.
    present: bool,
    /// When it was made, RFC 3339.
    created: String,
    /// When it was used last, to about a quarter of a minute.
    seen: String,
    /// Network address that it came from.
    address: String,
    /// What the browser calls itself.
    agent: String,
}

/// One's sign-ins.
#[utoipa::path(get, path = "/api/me/sign-ins", tag = "accounts",
    responses((status = 200, body = Vec<SignInBody>), (status = "default", body = ProblemBody)))]
async fn sign_ins(State(app): State<App>, who: Who) -> Answer<Json<Vec<SignInBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let proof = turn.ask::<act::ListSignIns>(&own(&who))?;
        let now = turn.now;
        let all = turn.db.sign_ins(proof, now).await?;
        let body = |(sign_in, origin): (SignIn, Phi<catalog::Origin>)| SignInBody {
            id: sign_in.id,
            present: sign_in.id == who.sign_in,
            created: sign_in.created.to_rfc3339(),
            seen: sign_in.seen.to_rfc3339(),
            address: origin.reveal().address.clone(),
            agent: origin.reveal().agent.clone(),
        };
        Ok(Json(all.into_iter().map(body).collect()))
    }
    .await;
    turn.end(answer).await
}

/// End one of one's sign-ins.
#[utoipa::path(delete, path = "/api/me/sign-ins/{sign_in}", tag = "accounts", params(("sign_in" = Uuid, Path)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn end_sign_in(State(app): State<App>, who: Who, Id(sign_in): Id<SignInId>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::EndSignIn>(&own(&who))?;
        match turn.db.end_sign_in(proof, sign_in).await? {
            true => Ok(StatusCode::NO_CONTENT),
            false => Err(Problem::not_found()),
        }
    }
    .await;
    turn.end(done).await
}
