//! Accounts: sign-up, links that were mailed, signing in and out, one's own account.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use catalog::{
    Account, Change, Credential, CredentialKind, Link, NewAccount, Practice, PracticeSettings, SignIn,
};
use domain::{
    AccountState, CredentialId, InvitationId, MemberRole, Phi, PracticeId, SignInId, SignInStrength,
    Timestamp, UserId,
};
use policy::{AccountFacts, act};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::{App, Demo};
use super::extract::{Id, Input};
use super::mail::Letter;
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::{Totp, check_password, folded_code, random_id, random_word, recovery_codes, word_hash};
use super::who::{From, Who, clear_cookie, set_cookie};

/// How long a link is good, hours.
const VERIFY_HOURS: i64 = 48;
const RECOVER_HOURS: i64 = 1;
/// Limits of a sign-in, minutes without use and hours in all: those who work with records, and patients.
const MEMBER_IDLE_MINUTES: i64 = 15;
const MEMBER_HOURS: i64 = 12;
const OTHER_IDLE_MINUTES: i64 = 30;
const OTHER_HOURS: i64 = 12;
/// Wrong passwords or codes after which an account waits.
const FREE_FAILURES: u64 = 4;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_up))
        .routes(routes!(verify))
        .routes(routes!(recover))
        .routes(routes!(reset))
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
        .routes(routes!(me))
        .routes(routes!(sign_ins))
        .routes(routes!(end_sign_in))
        .routes(routes!(agree))
        .routes(routes!(start_totp))
        .routes(routes!(confirm_totp))
}

/// A practice signs up, with its first administrator.
#[derive(Deserialize, ToSchema)]
struct SignUp {
    /// What the practice is called.
    #[schema(value_type = String, max_length = 300)]
    practice: Phi<String>,
    /// What the administrator is called.
    #[schema(value_type = String, max_length = 300)]
    name: Phi<String>,
    /// Where mail to the administrator goes.
    #[schema(value_type = String, max_length = 300)]
    email: Phi<String>,
    /// Twelve letters or more.
    #[schema(value_type = String, min_length = 12, max_length = 200)]
    password: Phi<String>,
}

/// A link was mailed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Mailed {
    /// The link itself, which only a demonstration shows.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) demo_link: Option<Phi<String>>,
}

/// Sign up a practice. The answer is the same whether the address has an account or not.
#[utoipa::path(post, path = "/api/practices", tag = "accounts", request_body = SignUp,
    responses((status = 202, body = Mailed), (status = "default", body = ProblemBody)))]
async fn sign_up(
    State(app): State<App>,
    from: From,
    Input(input): Input<SignUp>,
) -> Answer<(StatusCode, Json<Mailed>)> {
    app.limits.visitor.take(from.address, Instant::now())?;
    let email = email(&input.email)?;
    let practice_name = Phi::new(domain::text::line(
        "The name of the practice",
        input.practice.reveal(),
    )?);
    let name = Phi::new(domain::text::line("The name", input.name.reveal())?);
    check_password(&input.password, &email)?;
    let password = app.hasher.hash(input.password).await?;
    let now = app.now();
    let mut change = app.catalog.change().await?;
    if change.account_by_email(&email).await?.is_some() {
        drop(change);
        let letter = Letter {
            to: email,
            subject: "You have an account",
            text: "Somebody, perhaps you, signed up with this address, which has an account already. \
                   Sign in, or recover the account there."
                .to_owned(),
            link: None,
        };
        app.mail.send(letter).await?;
        return Ok((StatusCode::ACCEPTED, Json(Mailed { demo_link: None })));
    }
    let user = UserId::from_random(random_id()?);
    let practice = PracticeId::from_random(random_id()?);
    change
        .create_account(
            &NewAccount {
                id: user,
                name,
                email: email.clone(),
                password: Some(password),
            },
            now,
        )
        .await?;
    change
        .create_practice(&Practice {
            id: practice,
            name: practice_name,
            settings: PracticeSettings::default(),
            created: now,
        })
        .await?;
    change
        .put_member(practice, user, MemberRole::Administrator, "active", now)
        .await?;
    let mailed = mail_link(
        &app,
        &mut change,
        Sent {
            to: email,
            user,
            purpose: "verify",
            terms: serde_json::Value::Null,
            by: None,
            hours: VERIFY_HOURS,
            subject: "Confirm your address",
            text: "Confirm that this address is yours by opening this link.",
        },
        now,
    )
    .await?;
    change
        .record(&[event(now, Some(user), "SignUp", "done", Some(practice))])
        .await?;
    change.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(mailed)))
}

/// A mail with a link, to be sent.
pub(crate) struct Sent {
    pub(crate) to: Phi<String>,
    pub(crate) user: UserId,
    pub(crate) purpose: &'static str,
    pub(crate) terms: serde_json::Value,
    pub(crate) by: Option<UserId>,
    pub(crate) hours: i64,
    pub(crate) subject: &'static str,
    pub(crate) text: &'static str,
}

/// Keeps a link and mails it. What the link holds is nowhere kept but in the mail.
pub(crate) async fn mail_link(app: &App, change: &mut Change, sent: Sent, now: Timestamp) -> Answer<Mailed> {
    let word = random_word()?;
    let link = Link {
        id: InvitationId::from_random(random_id()?),
        purpose: sent.purpose.to_owned(),
        user: sent.user,
        terms: sent.terms,
        created_by: sent.by,
        expires: now.plus_ms(sent.hours * 3_600_000),
        used: None,
    };
    change.add_link(&word_hash(word.reveal()), &link, now).await?;
    let url = Phi::new(format!(
        "{}/link/{}#{}",
        app.config.public_url,
        sent.purpose,
        word.reveal()
    ));
    app.mail
        .send(Letter {
            to: sent.to,
            subject: sent.subject,
            text: sent.text.to_owned(),
            link: Some(url.clone()),
        })
        .await?;
    Ok(Mailed {
        demo_link: (app.config.demo == Demo::Yes).then_some(url),
    })
}

/// What a link holds after its `#`.
#[derive(Deserialize, ToSchema)]
struct Word {
    /// The word.
    #[schema(value_type = String)]
    word: Phi<String>,
}

/// Confirm an e-mail address.
#[utoipa::path(post, path = "/api/verify", tag = "accounts", request_body = Word,
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn verify(State(app): State<App>, from: From, Input(input): Input<Word>) -> Answer<StatusCode> {
    app.limits.visitor.take(from.address, Instant::now())?;
    let now = app.now();
    let mut change = app.catalog.change().await?;
    let link = use_link(&mut change, &input.word, "verify", now).await?;
    change.verify_account(link.user, now).await?;
    change
        .record(&[event(now, Some(link.user), "Verify", "done", None)])
        .await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Uses a link up that was sent for `purpose`.
pub(crate) async fn use_link(
    change: &mut Change,
    word: &Phi<String>,
    purpose: &str,
    now: Timestamp,
) -> Answer<Link> {
    let hash = word_hash(word.reveal());
    let is_right = change
        .link(&hash)
        .await?
        .is_some_and(|link| link.purpose == purpose);
    let link = match is_right {
        true => change.use_link(&hash, now).await?,
        false => None,
    };
    link.ok_or_else(|| {
        Problem::new(
            StatusCode::GONE,
            "link",
            "This link was used already, or its time has passed.",
        )
    })
}

/// Where a way back to an account is to be mailed.
#[derive(Deserialize, ToSchema)]
struct Recover {
    /// The address of the account.
    #[schema(value_type = String)]
    email: Phi<String>,
}

/// Ask for a way back to an account. The answer is the same whether the address has one or not.
#[utoipa::path(post, path = "/api/recover", tag = "accounts", request_body = Recover,
    responses((status = 202, body = Mailed), (status = "default", body = ProblemBody)))]
async fn recover(
    State(app): State<App>,
    from: From,
    Input(input): Input<Recover>,
) -> Answer<(StatusCode, Json<Mailed>)> {
    app.limits.visitor.take(from.address, Instant::now())?;
    let email = email(&input.email)?;
    let now = app.now();
    let mut change = app.catalog.change().await?;
    let account = change.account_by_email(&email).await?;
    let Some(account) = account.filter(|account| account.state != AccountState::Deactivated) else {
        return Ok((StatusCode::ACCEPTED, Json(Mailed { demo_link: None })));
    };
    change.void_links(account.id, "recover", now).await?;
    let sent = Sent {
        to: account.email,
        user: account.id,
        purpose: "recover",
        terms: serde_json::Value::Null,
        by: None,
        hours: RECOVER_HOURS,
        subject: "A way back to your account",
        text: "Choose another password by opening this link. If you did not ask for it, do nothing.",
    };
    let mailed = mail_link(&app, &mut change, sent, now).await?;
    change
        .record(&[event(now, Some(account.id), "AskRecovery", "done", None)])
        .await?;
    change.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(mailed)))
}

/// Another password.
#[derive(Deserialize, ToSchema)]
struct Reset {
    /// What the link holds after its `#`.
    #[schema(value_type = String)]
    word: Phi<String>,
    /// Twelve letters or more.
    #[schema(value_type = String, min_length = 12, max_length = 200)]
    password: Phi<String>,
}

/// Choose another password by a link that was mailed. Second factors stay; all sign-ins end.
#[utoipa::path(post, path = "/api/reset", tag = "accounts", request_body = Reset,
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn reset(State(app): State<App>, from: From, Input(input): Input<Reset>) -> Answer<StatusCode> {
    app.limits.visitor.take(from.address, Instant::now())?;
    let password = check_new_password(&app, input.password).await?;
    let now = app.now();
    let mut change = app.catalog.change().await?;
    let link = use_link(&mut change, &input.word, "recover", now).await?;
    change.set_password(link.user, None, &password).await?;
    change.verify_account(link.user, now).await?;
    change.end_sign_ins(link.user, None).await?;
    change
        .record(&[event(now, Some(link.user), "ResetPassword", "done", None)])
        .await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
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
    let account = app.catalog.reader().await?.account_by_email(&input.email).await?;
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
    change.clear_failures(account.id).await?;
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
    let codes = change.credentials(account.id, CredentialKind::Totp).await?;
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
        for kept in change.credentials(account.id, CredentialKind::Recovery).await? {
            let is_it = kept.secret.reveal().as_str() == Some(&hex(&word_hash(&folded)));
            if is_it && change.remove_credential(account.id, kept.id).await? {
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
                    && change.take_step(credential.id, step, now).await?
                {
                    return Ok(SignInStrength::Strong);
                }
            }
            Err(wrong())
        }
    }
}

fn totp_of(credential: &Credential) -> Option<Totp> {
    Totp::from_text(credential.secret.reveal().as_str()?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Counts what was wrong; from some point on the account waits, longer each time.
async fn fail(app: &App, account: &Account, outcome: &str, now: Timestamp) -> Answer<()> {
    let beyond = (account.failures + 1).saturating_sub(FREE_FAILURES).min(7);
    let wait_ms = if beyond == 0 { 0 } else { 5_000_i64 << beyond };
    let mut change = app.catalog.change().await?;
    change.note_failure(account.id, now.plus_ms(wait_ms)).await?;
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
    let is_member = change.works_somewhere(user).await?;
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
        turn.ask::<act::SignOut>(&own(&who))?;
        turn.db.end_sign_in(who.user(), who.sign_in).await?;
        Ok(())
    }
    .await;
    turn.end(done).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, clear_cookie())]).into_response())
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
struct Me {
    /// The account.
    #[schema(value_type = Uuid)]
    id: UserId,
    /// What others call the person.
    #[schema(value_type = String)]
    name: Phi<String>,
    /// Where mail goes.
    #[schema(value_type = String)]
    email: Phi<String>,
    /// How strong the sign-in is.
    #[schema(value_type = String)]
    strength: SignInStrength,
    /// The practices that the person works in.
    memberships: Vec<MembershipBody>,
    /// Agreements that must be accepted before anything else works.
    pending_agreements: Vec<AgreementBody>,
    /// Whether the server is a demonstration, where one factor is enough.
    demo: bool,
}

#[derive(Serialize, ToSchema)]
struct MembershipBody {
    /// The practice.
    #[schema(value_type = Uuid)]
    practice: PracticeId,
    /// `administrator`, `clinician` or `staff`.
    #[schema(value_type = String)]
    role: MemberRole,
}

#[derive(Serialize, ToSchema)]
struct AgreementBody {
    /// `terms` or `privacy`.
    kind: &'static str,
    /// The version in force.
    version: u32,
}

/// Who is signed in, and what is still to be done before anything else.
#[utoipa::path(get, path = "/api/me", tag = "accounts",
    responses((status = 200, body = Me), (status = "default", body = ProblemBody)))]
async fn me(State(app): State<App>, who: Who) -> Answer<Json<Me>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        turn.ask::<act::SeeSignIn>(&own(&who))?;
        let account = turn.db.account(who.user()).await?.ok_or_else(Problem::sign_in)?;
        let pending = match who.subject.agreements {
            domain::AgreementStanding::Current => &[],
            domain::AgreementStanding::Pending => app.agreements_in_force(),
        };
        Ok(Json(Me {
            id: account.id,
            name: account.name,
            email: account.email,
            strength: who.subject.strength,
            memberships: who
                .memberships
                .iter()
                .map(|&(practice, role)| MembershipBody { practice, role })
                .collect(),
            pending_agreements: pending
                .iter()
                .map(|(kind, version)| AgreementBody {
                    kind: kind.word(),
                    version: *version,
                })
                .collect(),
            demo: app.config.demo == Demo::Yes,
        }))
    }
    .await;
    turn.end(answer).await
}

fn own(who: &Who) -> AccountFacts {
    AccountFacts { owner: who.user() }
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
        turn.ask::<act::ListSignIns>(&own(&who))?;
        let now = turn.now;
        let all = turn.db.sign_ins(who.user(), now).await?;
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
        turn.ask::<act::EndSignIn>(&own(&who))?;
        match turn.db.end_sign_in(who.user(), sign_in).await? {
            true => Ok(StatusCode::NO_CONTENT),
            false => Err(Problem::not_found()),
        }
    }
    .await;
    turn.end(done).await
}

/// A version of an agreement.
#[derive(Deserialize, ToSchema)]
struct Agree {
    /// `terms` or `privacy`.
    kind: String,
    /// The version that was read.
    version: u32,
}

/// Accept an agreement.
#[utoipa::path(post, path = "/api/me/agreements", tag = "accounts", request_body = Agree,
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn agree(State(app): State<App>, who: Who, Input(input): Input<Agree>) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        turn.ask::<act::AcceptAgreement>(&own(&who))?;
        let in_force = app
            .agreements_in_force()
            .iter()
            .any(|(kind, version)| kind.word() == input.kind && *version == input.version);
        if !in_force {
            return Err(Problem::conflict("This is not the version in force."));
        }
        let now = turn.now;
        let text = word_hash(&format!("{} {}", input.kind, input.version));
        turn.db
            .accept_agreement(who.user(), &input.kind, input.version, &text, now)
            .await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// The secret of one-time codes, to be put into an application.
#[derive(Serialize, ToSchema)]
struct TotpSecret {
    /// The credential, to be confirmed.
    #[schema(value_type = Uuid)]
    credential: CredentialId,
    /// In base 32.
    #[schema(value_type = String)]
    secret: Phi<String>,
    /// As QR codes hold it.
    #[schema(value_type = String)]
    uri: Phi<String>,
}

/// Begin to set up one-time codes. They count when one was shown.
#[utoipa::path(post, path = "/api/me/totp", tag = "accounts",
    responses((status = 200, body = TotpSecret), (status = "default", body = ProblemBody)))]
async fn start_totp(State(app): State<App>, who: Who) -> Answer<Json<TotpSecret>> {
    let mut turn = app.change(&who).await?;
    let done = async {
        turn.ask::<act::EnrollFactor>(&own(&who))?;
        let account = turn.db.account(who.user()).await?.ok_or_else(Problem::sign_in)?;
        refuse_weak_enrolment(&mut turn, &who).await?;
        for old in turn.db.credentials(who.user(), CredentialKind::Totp).await? {
            if old.confirmed.is_none() {
                turn.db.remove_credential(who.user(), old.id).await?;
            }
        }
        let totp = Totp::random()?;
        let credential = Credential {
            id: CredentialId::from_random(random_id()?),
            kind: CredentialKind::Totp,
            secret: Phi::new(serde_json::Value::String(totp.text())),
            last_step: 0,
            confirmed: None,
            used: None,
        };
        turn.db.add_credential(who.user(), &credential, None).await?;
        Ok(Json(TotpSecret {
            credential: credential.id,
            secret: Phi::new(totp.text()),
            uri: Phi::new(totp.uri(&account.email)),
        }))
    }
    .await;
    turn.end(done).await
}

/// Who has a second factor must have shown it to add another: a stolen password must not be enough.
pub(crate) async fn refuse_weak_enrolment(turn: &mut super::turn::Turn<Change>, who: &Who) -> Answer<()> {
    if who.subject.strength == SignInStrength::Strong {
        return Ok(());
    }
    let mut has_factor = !turn
        .db
        .credentials(who.user(), CredentialKind::Passkey)
        .await?
        .is_empty();
    for code in turn.db.credentials(who.user(), CredentialKind::Totp).await? {
        has_factor |= code.confirmed.is_some();
    }
    match has_factor {
        true => Err(Problem::forbidden()),
        false => Ok(()),
    }
}

/// A one-time code that shows that they work.
#[derive(Deserialize, ToSchema)]
struct Confirm {
    /// The credential.
    #[schema(value_type = Uuid)]
    credential: CredentialId,
    /// Its present code.
    #[schema(value_type = String)]
    code: Phi<String>,
}

/// What to keep in a safe place.
#[derive(Serialize, ToSchema)]
struct RecoveryCodes {
    /// Each is good once in place of a one-time code. They are shown only now.
    #[schema(value_type = Vec<String>)]
    codes: Vec<Phi<String>>,
}

/// Show that one-time codes work. The sign-in is strong from now on, under another cookie.
#[utoipa::path(post, path = "/api/me/totp/confirm", tag = "accounts", request_body = Confirm,
    responses((status = 200, body = RecoveryCodes), (status = "default", body = ProblemBody)))]
async fn confirm_totp(
    State(app): State<App>,
    who: Who,
    from: From,
    Input(input): Input<Confirm>,
) -> Answer<Response> {
    app.limits.account.take(who.user(), Instant::now())?;
    let mut turn = app.change(&who).await?;
    let done = async {
        turn.ask::<act::EnrollFactor>(&own(&who))?;
        refuse_weak_enrolment(&mut turn, &who).await?;
        let now = turn.now;
        let all = turn.db.credentials(who.user(), CredentialKind::Totp).await?;
        let credential = all.iter().find(|kept| kept.id == input.credential);
        let step = credential
            .and_then(totp_of)
            .and_then(|totp| totp.step_of(input.code.reveal(), now));
        let is_taken = match step {
            Some(step) => turn.db.take_step(input.credential, step, now).await?,
            None => false,
        };
        if !is_taken {
            return Err(Problem::invalid("The code is wrong or was used."));
        }
        turn.db
            .remove_credentials(who.user(), CredentialKind::Recovery)
            .await?;
        let codes = recovery_codes()?;
        for code in &codes {
            let kept = Credential {
                id: CredentialId::from_random(random_id()?),
                kind: CredentialKind::Recovery,
                secret: Phi::new(serde_json::Value::String(hex(&word_hash(&folded_code(
                    code.reveal(),
                ))))),
                last_step: 0,
                confirmed: Some(now),
                used: None,
            };
            turn.db.add_credential(who.user(), &kept, None).await?;
        }
        // A sign-in that grows stronger gets another cookie: who had the old one gains nothing.
        turn.db.end_sign_in(who.user(), who.sign_in).await?;
        let (word, _) = add_sign_in(&mut turn.db, who.user(), SignInStrength::Strong, &from, now).await?;
        Ok((word, codes))
    }
    .await;
    let (word, codes) = turn.end(done).await?;
    Ok((
        [(header::SET_COOKIE, set_cookie(&word))],
        Json(RecoveryCodes { codes }),
    )
        .into_response())
}

/// Checks and hashes a password that somebody chooses by a link.
pub(crate) async fn check_new_password(app: &App, password: Phi<String>) -> Answer<Phi<String>> {
    check_password(&password, &Phi::new(String::new()))?;
    app.hasher.hash(password).await
}

/// An e-mail address as far as one can tell without writing to it.
pub(crate) fn email(text: &Phi<String>) -> Answer<Phi<String>> {
    let line = domain::text::line("The e-mail address", text.reveal())?;
    let is_plausible = line
        .rsplit_once('@')
        .is_some_and(|(local, host)| !local.is_empty() && host.contains('.') && !host.starts_with('.'))
        && !line.contains(|c: char| c.is_whitespace() || "<>,;:\"\\".contains(c));
    match is_plausible {
        true => Ok(Phi::new(line)),
        false => Err(Problem::invalid("This is no e-mail address.")),
    }
}

/// An event that is no question of the policy's.
pub(crate) fn event(
    at: Timestamp,
    actor: Option<UserId>,
    action: &str,
    outcome: &str,
    practice: Option<PracticeId>,
) -> catalog::Event {
    catalog::Event {
        at,
        actor,
        sign_in: None,
        practice,
        patient: None,
        case: None,
        action: action.to_owned(),
        outcome: outcome.to_owned(),
        object: None,
    }
}
