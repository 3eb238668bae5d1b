//! What people are told of: it waits for them where they sign in, and one mail says that something waits, with nothing
//! of what it is. There is no second mail before they have looked.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Change, Conn, News, Notice};
use domain::{AccountState, CaseId, MemberRole, NewsKind, PatientId, Phi, Timestamp, UserId};
use policy::{Decision, PatientFacts, act};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::accounts::own;
use super::app::App;
use super::mail::Letter;
use super::problem::{Answer, ProblemBody};
use super::who::Who;

/// News that are listed.
const MOST: u32 = 50;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(seen))
}

/// Something that has happened.
pub(crate) struct Happened {
    pub(crate) what: NewsKind,
    pub(crate) by: UserId,
    pub(crate) case: Option<CaseId>,
    pub(crate) patient: Option<PatientId>,
    pub(crate) at: Timestamp,
}

/// Tells a user of it.
pub(crate) async fn tell(app: &App, change: &mut Change, user: UserId, happened: &Happened) -> Answer<()> {
    let news = News {
        user,
        what: happened.what,
        by: Some(happened.by),
        case: happened.case,
        patient: happened.patient,
        at: happened.at,
        seen: None,
    };
    let unseen = change.as_system().await?.add_news(&news).await?;
    change.notify(Notice::for_user("news", user));
    let account = change.facts().await?.account(user).await?;
    let account = account.filter(|account| unseen == 0 && account.state == AccountState::Active);
    if let Some(account) = account {
        let letter = Letter {
            to: account.email,
            subject: "Something waits for you in Vitrine",
            text: "Sign in to see what it is.".to_owned(),
            link: Some(Phi::new(app.config.public_url.clone())),
        };
        // What has happened does not wait for mail.
        if let Err(problem) = app.mail.send(letter).await {
            tracing::warn!(?problem, "a mail was not sent");
        }
    }
    Ok(())
}

/// Tells those of a practice who decide about a patient: the clinicians and administrators of the care team, and where
/// there are none the practice's administrators.
pub(crate) async fn tell_deciders(
    app: &App,
    change: &mut Change,
    patient: &PatientFacts,
    happened: &Happened,
) -> Answer<()> {
    let mut facts = change.facts().await?;
    let team = facts.care_team(patient.patient).await?;
    let members = facts.members(patient.practice.practice).await?;
    let active = members.into_iter().filter(|member| member.state == "active");
    let (mut deciders, mut others) = (Vec::new(), Vec::new());
    for member in active {
        let is_inside = team.contains(&member.user);
        match member.role {
            MemberRole::Clinician | MemberRole::Administrator if is_inside => deciders.push(member.user),
            MemberRole::Administrator => others.push(member.user),
            MemberRole::Clinician | MemberRole::Staff => {}
        }
    }
    let told = if deciders.is_empty() { others } else { deciders };
    for user in told {
        tell(app, change, user, happened).await?;
    }
    Ok(())
}

/// What people are called, each asked for once.
#[derive(Default)]
pub(crate) struct Called(HashMap<UserId, Option<Phi<String>>>);

impl Called {
    /// What somebody is called.
    pub(crate) async fn name(&mut self, db: &mut Conn, user: UserId) -> Answer<Option<Phi<String>>> {
        if let Entry::Vacant(place) = self.0.entry(user) {
            place.insert(db.facts().await?.name_of(user).await?);
        }
        Ok(self.0.get(&user).cloned().flatten())
    }
}

/// Something that one is told of.
#[derive(Serialize, ToSchema)]
struct NewsBody {
    /// `mention`, `sweep`, `request`, `answer`, `connection` or `capture`.
    #[schema(value_type = String)]
    what: NewsKind,
    /// Who brought it about.
    #[schema(value_type = Option<String>)]
    by: Option<Phi<String>>,
    /// The case that it is about, where one may see it.
    #[schema(value_type = Option<Uuid>)]
    case: Option<CaseId>,
    /// What that is called.
    #[schema(value_type = Option<String>)]
    title: Option<Phi<String>>,
    /// The patient whose record it is about, where one may read it.
    #[schema(value_type = Option<Uuid>)]
    patient: Option<PatientId>,
    /// When it happened, RFC 3339.
    at: String,
    /// Whether one has seen it before.
    seen: bool,
}

/// What one is told of, the latest first: that something has happened, nothing of what was said or seen.
#[utoipa::path(get, path = "/api/me/news", tag = "accounts",
    responses((status = 200, body = Vec<NewsBody>), (status = "default", body = ProblemBody)))]
async fn list(State(app): State<App>, who: Who) -> Answer<Json<Vec<NewsBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let proof = turn.ask::<act::ReadAccount>(&own(&who))?;
        let mut called = Called::default();
        let mut bodies = Vec::new();
        for news in turn.db.news_of(proof, MOST).await? {
            let case = seen_case(&mut turn.db, &who, news.case, turn.now).await?;
            let by = match news.by {
                Some(user) => called.name(&mut turn.db, user).await?,
                None => None,
            };
            bodies.push(NewsBody {
                what: news.what,
                by,
                case: case.as_ref().map(|(case, _)| *case),
                title: case.map(|(_, title)| title),
                patient: read_patient(&mut turn.db, &who, news.patient, turn.now).await?,
                at: news.at.to_rfc3339(),
                seen: news.seen.is_some(),
            });
        }
        Ok(Json(bodies))
    }
    .await;
    turn.end(answer).await
}

/// A case with its title, where one may see it now.
async fn seen_case(
    db: &mut Conn,
    who: &Who,
    case: Option<CaseId>,
    now: Timestamp,
) -> Answer<Option<(CaseId, Phi<String>)>> {
    let Some(case) = case else { return Ok(None) };
    let facts = db.facts().await?.case_facts(case, who.user()).await?;
    let decision = facts.map(|facts| policy::decide::<act::SeeCase>(&who.subject, &facts, now));
    match decision {
        Some(Decision::Allow(proof)) => Ok(db.case(proof).await?.map(|found| (case, found.title))),
        Some(Decision::Deny(_)) | None => Ok(None),
    }
}

/// A patient, where one may read the profile now.
async fn read_patient(
    db: &mut Conn,
    who: &Who,
    patient: Option<PatientId>,
    now: Timestamp,
) -> Answer<Option<PatientId>> {
    let Some(patient) = patient else { return Ok(None) };
    let facts = db.facts().await?.patient_facts(patient, who.user()).await?;
    Ok(facts
        .filter(|facts| {
            matches!(
                policy::decide::<act::ReadProfile>(&who.subject, facts, now),
                Decision::Allow(_)
            )
        })
        .map(|_| patient))
}

/// All news are seen.
#[utoipa::path(post, path = "/api/me/news/seen", tag = "accounts",
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn seen(State(app): State<App>, who: Who) -> Answer<StatusCode> {
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::EditAccount>(&own(&who))?;
        let now = turn.now;
        turn.db.see_news(proof, now).await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}
