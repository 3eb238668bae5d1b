//! Annotations with their threads, saved views, tours: what they share as marks of a case.

use axum::http::StatusCode;
use catalog::{Change, Mark, MarkId, MarkVersion, Notice, right};
use domain::{AnnotationId, CaseId, ItemId};
use policy::{AuthoredFacts, Authorized};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;

use super::app::App;
use super::merging::merged;
use super::problem::{Answer, Problem};
use super::turn::Turn;

/// Asks whether `A` may be done to a mark, and gives the mark with the proof.
macro_rules! asked {
    ($turn:ident, $act:ident, $id:ident, $kind:ident) => {{
        let facts = found(&mut $turn, $id, MarkId::$kind($id)).await?;
        let (proof, _) = $turn.ask_of::<act::$act>(facts, $id)?;
        let mark = $turn.db.mark(proof).await?.ok_or_else(Problem::not_found)?;
        (proof, mark)
    }};
}

mod annotations;
mod authors;
mod mentions;
mod saved;

pub(crate) fn routes() -> OpenApiRouter<App> {
    annotations::routes()
        .merge(mentions::routes())
        .merge(saved::routes())
}

fn new_mark(
    turn: &Turn<Change>,
    id: MarkId,
    case: CaseId,
    item: Option<ItemId>,
    parent: Option<AnnotationId>,
    body: Value,
) -> Mark {
    Mark {
        id,
        case,
        item,
        parent,
        author: turn.who().user(),
        version: 1,
        created: turn.now,
        withdrawn: None,
        body,
    }
}

/// Adds a mark. One that its author has sent before is what it has become.
async fn add<A: right::AddMark>(
    change: &mut Change,
    proof: Authorized<A>,
    mark: Mark,
    what: &str,
) -> Answer<Mark> {
    let known = change.added_mark(proof, mark.id).await?.filter(|known| {
        let place = |mark: &Mark| (mark.case, mark.item, mark.parent, mark.author);
        known.withdrawn.is_none() && place(known) == place(&mark)
    });
    if let Some(known) = known {
        return Ok(known);
    }
    change.add_mark(proof, &mark).await?;
    change.notify(Notice::in_case(what, mark.case, mark.id));
    Ok(mark)
}

/// What decides on a mark that is in force.
async fn found<I: Copy>(turn: &mut Turn<Change>, id: I, key: MarkId) -> Answer<Option<AuthoredFacts<I>>> {
    let user = turn.who().user();
    let mut facts = turn.db.facts().await?;
    let place = facts.mark_place(key).await?;
    let Some(place) = place.filter(|place| place.withdrawn.is_none()) else {
        return Ok(None);
    };
    let case = facts.case_facts(place.case, user).await?;
    let author = place.author;
    Ok(case.map(|case| AuthoredFacts { id, case, author }))
}

/// Amends a mark. An amendment of an earlier version counts for what it changes, where nobody else has changed that.
async fn amend<A: right::AmendMark>(
    turn: &mut Turn<Change>,
    (proof, mark): (Authorized<A>, Mark),
    version: Option<u64>,
    body: Value,
    what: &str,
) -> Answer<Mark> {
    let version = version.ok_or_else(|| Problem::invalid("Say which version is amended."))?;
    let body = match version == mark.version {
        true => body,
        false => {
            let all = turn.db.mark_versions(proof).await?;
            let user = turn.who().user();
            let is_same =
                |known: &MarkVersion| known.version > version && known.author == user && known.body == body;
            // Sent again, because no answer came: it is done once, whatever became of it since.
            if all.iter().any(is_same) {
                return Ok(mark);
            }
            let base = all.into_iter().find(|known| known.version == version);
            let base = base.ok_or_else(|| Problem::conflict("There is no such version."))?;
            merged(&base.body, &mark.body, body)
                .map_err(|_| Problem::conflict("The same was amended meanwhile."))?
        }
    };
    if body == mark.body {
        return Ok(mark);
    }
    let now = turn.now;
    turn.db.amend_mark(proof, mark.version, &body, now).await?;
    turn.db.notify(Notice::in_case(what, mark.case, mark.id));
    Ok(Mark {
        version: mark.version + 1,
        body,
        ..mark
    })
}

async fn withdraw<A: right::WithdrawMark>(
    turn: &mut Turn<Change>,
    (proof, mark): (Authorized<A>, Mark),
    what: &str,
) -> Answer<StatusCode> {
    let now = turn.now;
    turn.db.withdraw_mark(proof, now).await?;
    turn.db.notify(Notice::in_case(what, mark.case, mark.id));
    Ok(StatusCode::NO_CONTENT)
}
