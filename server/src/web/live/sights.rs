//! Who looked at one's upload, when, for how long, how much of it.

use axum::Json;
use axum::extract::State;
use catalog::{Conn, Item, Sights};
use domain::{CaseId, ItemId, Phi, UserId};
use policy::{Decision, ItemFacts, act};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::app::App;
use super::super::extract::Id;
use super::super::news::Called;
use super::super::problem::{Answer, Problem, ProblemBody};
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
    /// Slices that there are along the three axes; none of what has no grid.
    of_slices: Option<u64>,
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
        let (proof, _) = turn.item::<act::RenderLocally>(item).await?;
        let found = turn.db.item(proof).await?.ok_or_else(Problem::not_found)?;
        let mut called = Called::default();
        let mut bodies = Vec::new();
        for sights in turn.db.sights_of(proof, MOST).await? {
            bodies.push(body(&mut turn.db, &mut called, &found, sights).await?);
        }
        Ok(Json(bodies))
    }
    .await;
    turn.end(answer).await
}

async fn body(db: &mut Conn, called: &mut Called, item: &Item, sights: Sights) -> Answer<SightsBody> {
    Ok(SightsBody {
        viewer: sights.viewer,
        name: called.name(db, sights.viewer).await?,
        day: sights.day,
        first: sights.first.to_rfc3339(),
        last: sights.last.to_rfc3339(),
        seconds: sights.looked_ms as f64 / 1e3,
        slices: sights.slices,
        of_slices: item
            .grid
            .as_ref()
            .map(|grid| grid.dims().into_iter().map(u64::from).sum()),
        directions: sights.directions,
        frames: sights.frames,
        questions: sights.questions,
        sweeps: sights.sweeps,
    })
}

/// What somebody saw on a day of an item of a case.
#[derive(Serialize, ToSchema)]
pub(crate) struct CaseSightsBody {
    /// The item.
    #[schema(value_type = Uuid)]
    item: ItemId,
    /// What it is called.
    item_name: String,
    /// What was seen of it.
    #[serde(flatten)]
    sights: SightsBody,
}

/// Who looked at what one uploaded to a case oneself: when, for how long, how much of it. The latest first.
#[utoipa::path(get, path = "/api/cases/{case}/sights", tag = "live", params(("case" = Uuid, Path)),
    responses((status = 200, body = Vec<CaseSightsBody>), (status = "default", body = ProblemBody)))]
pub(crate) async fn of_case(
    State(app): State<App>,
    who: Who,
    Id(case): Id<CaseId>,
) -> Answer<Json<Vec<CaseSightsBody>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (proof, facts) = turn.case::<act::SeeCase>(case).await?;
        let mut called = Called::default();
        let mut bodies = Vec::new();
        for item in turn.db.items_of(proof).await? {
            let of_item = ItemFacts {
                item: item.id,
                case: facts,
                uploader: match item.uploader {
                    Some(uploader) => uploader,
                    None => continue,
                },
                deletion: None,
                keeping: domain::Keeping::FREE,
            };
            let decision = policy::decide::<act::RenderLocally>(&who.subject, &of_item, turn.now);
            let Decision::Allow(proof) = decision else {
                continue;
            };
            for sights in turn.db.sights_of(proof, MOST).await? {
                bodies.push(CaseSightsBody {
                    item: item.id,
                    item_name: item.name.clone(),
                    sights: body(&mut turn.db, &mut called, &item, sights).await?,
                });
            }
        }
        bodies.sort_by(|one, other| other.sights.last.cmp(&one.sights.last));
        bodies.truncate(MOST as usize);
        Ok(Json(bodies))
    }
    .await;
    turn.end(answer).await
}
