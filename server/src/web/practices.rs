//! Practices: what they are called, what they have chosen, how much they keep; opening another one.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Practice, PracticeSettings};
use domain::{PatientId, Phi, PracticeId, UserId};
use policy::{AccountFacts, act};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::extract::{Id, Input};
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::random_id;
use super::who::Who;

/// Longest time that a practice may choose to keep records at least, years; and youngest and oldest coming of age.
const MOST_YEARS: u8 = 100;
const MAJORITY_YEARS: std::ops::RangeInclusive<u8> = 12..=25;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(open))
        .routes(routes!(read))
        .routes(routes!(rename))
        .routes(routes!(retain))
        .routes(routes!(care_teams))
}

/// A practice.
#[derive(Serialize, ToSchema)]
struct PracticeBody {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: PracticeId,
    /// What it is called.
    #[schema(value_type = String)]
    name: Phi<String>,
    /// How long a case is kept at least, years from its creation; 0 where no law applies.
    retention_years: u8,
    /// How old a person is who is of age, years.
    majority_years: u8,
    /// Bytes of files that it keeps, with those on their way.
    kept_bytes: u64,
    /// Most bytes that it may keep.
    quota_bytes: u64,
}

fn body(practice: Practice, kept_bytes: u64) -> PracticeBody {
    PracticeBody {
        id: practice.id,
        name: practice.name,
        retention_years: practice.settings.retention_years,
        majority_years: practice.settings.majority_years,
        kept_bytes,
        quota_bytes: practice.settings.quota_bytes,
    }
}

/// The name of a practice.
#[derive(Deserialize, ToSchema)]
struct Name {
    /// What it is called.
    #[schema(value_type = String, max_length = 300)]
    name: Phi<String>,
}

impl Name {
    fn checked(&self) -> Answer<Phi<String>> {
        let name = domain::text::line("The name of the practice", self.name.reveal())?;
        Ok(Phi::new(name))
    }
}

/// Open a practice with one's own account, as its administrator.
#[utoipa::path(post, path = "/api/me/practices", tag = "practices", request_body = Name,
    responses((status = 201, body = PracticeBody), (status = "default", body = ProblemBody)))]
async fn open(
    State(app): State<App>,
    who: Who,
    Input(input): Input<Name>,
) -> Answer<(StatusCode, Json<PracticeBody>)> {
    let name = input.checked()?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let proof = turn.ask::<act::CreatePractice>(&AccountFacts { owner: who.user() })?;
        let practice = Practice {
            id: PracticeId::from_random(random_id()?),
            name,
            settings: PracticeSettings::default(),
            created: turn.now,
        };
        turn.db.create_practice(proof, &practice).await?;
        Ok((StatusCode::CREATED, Json(body(practice, 0))))
    }
    .await;
    turn.end(done).await
}

/// A practice, for its members.
#[utoipa::path(get, path = "/api/practices/{practice}", tag = "practices", params(("practice" = Uuid, Path)),
    responses((status = 200, body = PracticeBody), (status = "default", body = ProblemBody)))]
async fn read(State(app): State<App>, who: Who, Id(practice): Id<PracticeId>) -> Answer<Json<PracticeBody>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.practice::<act::SeePractice>(practice).await?;
        let found = turn.db.practice(proof).await?.ok_or_else(Problem::not_found)?;
        let kept = turn.db.facts().await?.bytes_of_practice(practice).await?;
        Ok(Json(body(found, kept)))
    }
    .await;
    turn.end(answer).await
}

/// Change what a practice is called.
#[utoipa::path(put, path = "/api/practices/{practice}", tag = "practices", params(("practice" = Uuid, Path)),
    request_body = Name,
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn rename(
    State(app): State<App>,
    who: Who,
    Id(practice): Id<PracticeId>,
    Input(input): Input<Name>,
) -> Answer<StatusCode> {
    let name = input.checked()?;
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.practice::<act::EditPractice>(practice).await?;
        let found = turn.db.practice(proof).await?.ok_or_else(Problem::not_found)?;
        turn.db
            .update_practice(proof, &Practice { name, ..found })
            .await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// How long records are kept.
#[derive(Deserialize, ToSchema)]
struct Retain {
    /// How long a case is kept at least, years from its creation; 0 where no law applies.
    retention_years: u8,
    /// How old a person is who is of age, years.
    majority_years: u8,
}

/// Change how long records are kept, and when a person is of age. Cases that there are keep their dates.
#[utoipa::path(put, path = "/api/practices/{practice}/retention", tag = "practices",
    params(("practice" = Uuid, Path)), request_body = Retain,
    responses((status = 204), (status = "default", body = ProblemBody)))]
async fn retain(
    State(app): State<App>,
    who: Who,
    Id(practice): Id<PracticeId>,
    Input(input): Input<Retain>,
) -> Answer<StatusCode> {
    if input.retention_years > MOST_YEARS || !MAJORITY_YEARS.contains(&input.majority_years) {
        return Err(Problem::invalid(
            "Records are kept for 0 to 100 years, and majority is at 12 to 25.",
        ));
    }
    let mut turn = app.change(&who).await?;
    let done = async {
        let (proof, _) = turn.practice::<act::SetRetention>(practice).await?;
        let found = turn.db.practice(proof).await?.ok_or_else(Problem::not_found)?;
        let settings = PracticeSettings {
            retention_years: input.retention_years,
            majority_years: input.majority_years,
            ..found.settings.clone()
        };
        turn.db
            .update_practice(proof, &Practice { settings, ..found })
            .await?;
        Ok(StatusCode::NO_CONTENT)
    }
    .await;
    turn.end(done).await
}

/// The care team of one profile.
#[derive(Serialize, ToSchema)]
struct Team {
    /// The profile; whom it is of, only the team may read.
    #[schema(value_type = Uuid)]
    patient: PatientId,
    /// Who belongs to it.
    #[schema(value_type = Vec<Uuid>)]
    users: Vec<UserId>,
}

/// Who belongs to which care team, for administrators.
#[utoipa::path(get, path = "/api/practices/{practice}/care-teams", tag = "practices",
    params(("practice" = Uuid, Path)),
    responses((status = 200, body = Vec<Team>), (status = "default", body = ProblemBody)))]
async fn care_teams(
    State(app): State<App>,
    who: Who,
    Id(practice): Id<PracticeId>,
) -> Answer<Json<Vec<Team>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, _) = turn.practice::<act::ListCareTeams>(practice).await?;
        let mut teams: Vec<Team> = Vec::new();
        let mut places: HashMap<PatientId, usize> = HashMap::new();
        for (patient, user) in turn.db.care_teams(proof).await? {
            let place = *places.entry(patient).or_insert_with(|| {
                teams.push(Team {
                    patient,
                    users: Vec::new(),
                });
                teams.len() - 1
            });
            teams[place].users.push(user);
        }
        Ok(Json(teams))
    }
    .await;
    turn.end(answer).await
}
