//! Who looked at one's upload, when, for how long, how much of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use axum::Json;
use axum::extract::State;
use domain::{ItemId, Phi, UserId};
use policy::act;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::app::App;
use super::super::extract::Id;
use super::super::problem::{Answer, ProblemBody};
use super::super::who::Who;

/// Days and viewers that are told at most.
const MOST: u32 = 1000;

/// What somebody saw of an item on a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct SightsBody {
    /// Who.
    #[schema(value_type = Uuid)]
    viewer: UserId,
    /// What the person is called.
    #[schema(value_type = Option<String>)]
    name: Option<Phi<String>>,
    /// The day in UTC, `YYYY-MM-DD`.
    day: String,
    /// The first time that day, RFC 3339.
    first: String,
    /// The last time that day, RFC 3339.
    last: String,
    /// For how long in all, seconds.
    seconds: f64,
    /// Distinct slices.
    slices: u64,
    /// Distinct directions, of 864.
    directions: u64,
    /// Pictures.
    frames: u64,
    /// Answered questions.
    questions: u64,
    /// Times that so much was looked at in so short a time that it was slowed.
    sweeps: u64,
}

/// Who looked at an item that one uploaded oneself: when, for how long, how much of it. The latest day first.
#[utoipa::path(get, path = "/api/items/{item}/sights", tag = "live", params(("item" = Uuid, Path)),
    responses((status = 200, body = Vec<SightsBody>), (status = "default", body = ProblemBody)))]
pub(crate) async fn read(
    State(app): State<App>,
    who: Who,
    Id(item): Id<ItemId>,
) -> Answer<Json<Vec<SightsBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        turn.item::<act::RenderLocally>(item).await?;
        let all = turn.db.sights_of(item, MOST).await?;
        let mut names: HashMap<UserId, Option<Phi<String>>> = HashMap::new();
        let mut bodies = Vec::with_capacity(all.len());
        for sights in all {
            if let Entry::Vacant(place) = names.entry(sights.viewer) {
                let account = turn.db.account(sights.viewer).await?;
                place.insert(account.map(|account| account.name));
            }
            bodies.push(SightsBody {
                viewer: sights.viewer,
                name: names.get(&sights.viewer).cloned().flatten(),
                day: sights.day,
                first: sights.first.to_rfc3339(),
                last: sights.last.to_rfc3339(),
                seconds: sights.looked_ms as f64 / 1e3,
                slices: sights.slices,
                directions: sights.directions,
                frames: sights.frames,
                questions: sights.questions,
                sweeps: sights.sweeps,
            });
        }
        Ok(Json(bodies))
    }
    .await;
    turn.end(answer).await
}
