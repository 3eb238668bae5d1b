//! Accounts: sign-up, links that were mailed, who is signed in.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Change, Link, NewAccount, Practice, PracticeSettings};
use domain::{
    AccountState, InvitationId, MemberRole, PatientId, PatientLink, Phi, PracticeId, SignInStrength,
    Timestamp, UserId,
};
use policy::{AccountFacts, act};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::{App, Demo};
use super::extract::Input;
use super::mail::Letter;
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::{check_password, random_id, random_word, word_hash};
use super::who::{From, Who};

/// How long a link is good, hours.
const VERIFY_HOURS: i64 = 48;
const RECOVER_HOURS: i64 = 1;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_up))
        .routes(routes!(verify))
        .routes(routes!(recover))
        .routes(routes!(reset))
        .routes(routes!(me))
        .routes(routes!(visitor))
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
    if change.facts().await?.account_by_email(&email).await?.is_some() {
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
    let mut system = change.as_system().await?;
    system
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
    system
        .create_practice(&Practice {
            id: practice,
            name: practice_name,
            settings: PracticeSettings::default(),
            created: now,
        })
        .await?;
    system
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
    change
        .as_system()
        .await?
        .add_link(&word_hash(word.reveal()), &link, now)
        .await?;
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
    change.as_system().await?.verify_account(link.user, now).await?;
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
        .facts()
        .await?
        .link(&hash)
        .await?
        .is_some_and(|link| link.purpose == purpose);
    let link = match is_right {
        true => change.as_system().await?.use_link(&hash, now).await?,
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
    let account = change.facts().await?.account_by_email(&email).await?;
    let Some(account) = account.filter(|account| account.state != AccountState::Deactivated) else {
        return Ok((StatusCode::ACCEPTED, Json(Mailed { demo_link: None })));
    };
    change
        .as_system()
        .await?
        .void_links(account.id, "recover", now)
        .await?;
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
    let mut system = change.as_system().await?;
    system.set_password(link.user, None, &password).await?;
    system.verify_account(link.user, now).await?;
    system.end_sign_ins(link.user).await?;
    change
        .record(&[event(now, Some(link.user), "ResetPassword", "done", None)])
        .await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
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
    /// The profiles that the person sees as the patient or as a guardian.
    records: Vec<RecordBody>,
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
    /// What it is called.
    #[schema(value_type = String)]
    name: Phi<String>,
    /// `administrator`, `clinician` or `staff`.
    #[schema(value_type = String)]
    role: MemberRole,
}

#[derive(Serialize, ToSchema)]
struct RecordBody {
    /// The profile.
    #[schema(value_type = Uuid)]
    patient: PatientId,
    /// `own` or `guardian`.
    link: &'static str,
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
    Ok(Json(read_me(&app, &who).await?))
}

/// Who looks, which may be nobody.
#[derive(Serialize, ToSchema)]
struct Visitor {
    /// Who is signed in.
    me: Option<Me>,
}

/// Who looks at the pages: somebody who is signed in, or nobody, which is no fault.
#[utoipa::path(get, path = "/api/visitor", tag = "accounts",
    responses((status = 200, body = Visitor), (status = "default", body = ProblemBody)))]
async fn visitor(State(app): State<App>, who: Option<Who>) -> Answer<Json<Visitor>> {
    let me = match who {
        Some(who) => Some(read_me(&app, &who).await?),
        None => None,
    };
    Ok(Json(Visitor { me }))
}

async fn read_me(app: &App, who: &Who) -> Answer<Me> {
    let mut turn = app.look(who).await?;
    let answer = async {
        let proof = turn.ask::<act::SeeSignIn>(&own(who))?;
        let account = turn.db.own_account(proof).await?.ok_or_else(Problem::sign_in)?;
        let pending = match who.subject.agreements {
            domain::AgreementStanding::Current => &[],
            domain::AgreementStanding::Pending => app.agreements.required(),
        };
        let mut memberships = Vec::with_capacity(who.memberships.len());
        for &(practice, role) in &who.memberships {
            let found = turn
                .db
                .own_practice(proof, practice)
                .await?
                .ok_or_else(Problem::not_found)?;
            let name = found.name;
            memberships.push(MembershipBody { practice, name, role });
        }
        let now = turn.now;
        let records = turn.db.records_of(proof).await?;
        Ok(Me {
            id: account.id,
            name: account.name,
            email: account.email,
            strength: who.subject.strength,
            memberships,
            records: records
                .iter()
                .filter_map(|(patient, link)| record(*patient, link, now))
                .collect(),
            pending_agreements: pending
                .iter()
                .map(|(kind, version)| AgreementBody {
                    kind: kind.word(),
                    version: *version,
                })
                .collect(),
            demo: app.config.demo == Demo::Yes,
        })
    }
    .await;
    turn.end(answer).await
}

/// A profile that is seen by such a link, unless its time is over.
fn record(patient: PatientId, link: &PatientLink, now: Timestamp) -> Option<RecordBody> {
    let link = match link {
        PatientLink::Own => "own",
        PatientLink::Guardian(guardianship) if guardianship.is_live(now) => "guardian",
        PatientLink::Guardian(_) => return None,
    };
    Some(RecordBody { patient, link })
}

/// One's own account, for the policy.
pub(crate) fn own(who: &Who) -> AccountFacts {
    AccountFacts { owner: who.user() }
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

/// An event that is no question of the policy's. `outcome` is `done`, `refused: ` and why, or how it was done.
pub(crate) fn event(
    at: Timestamp,
    actor: Option<UserId>,
    action: &'static str,
    outcome: &'static str,
    practice: Option<PracticeId>,
) -> ledger::Event {
    use domain::{Capacity, Verb};
    use ledger::{Detail, Event, Outcome, Word};
    let capacity = actor.map_or(Capacity::Visitor, |_| Capacity::Owner);
    let mut event = Event::new(at, Word::fixed(action), Verb::Execute, Outcome::Allowed, capacity);
    event.actor = actor;
    event.practice = practice;
    match outcome.strip_prefix("refused: ") {
        Some(reason) => event.outcome = Outcome::refused(reason),
        None if outcome == "done" => {}
        None => {
            let how = Detail::Word(Word::fixed(outcome));
            event.details.insert(Word::fixed("how"), how);
        }
    }
    event
}
