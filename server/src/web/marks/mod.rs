//! Annotations with their threads, saved views, tours: what they share as marks of a case.

use axum::http::StatusCode;
use catalog::{Change, Mark, MarkId, MarkVersion, Notice};
use domain::{AnnotationId, CaseId, ItemId};
use policy::AuthoredFacts;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;

use super::app::App;
use super::merging::merged;
use super::problem::{Answer, Problem};
use super::turn::Turn;

/// Asks whether `A` may be done to a mark, and gives the mark.
macro_rules! asked {
    ($turn:ident, $act:ident, $id:ident, $kind:ident) => {{
        let key = MarkId::$kind($id);
        let (mark, facts) = match found(&mut $turn, $id, key).await? {
            Some((mark, facts)) => (Some(mark), Some(facts)),
            None => (None, None),
        };
        $turn.ask_of::<act::$act>(facts, $id)?;
        mark.ok_or_else(Problem::not_found)?
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
async fn add(change: &mut Change, mark: Mark, what: &str) -> Answer<Mark> {
    let known = change.mark(mark.id).await?.filter(|known| {
        let place = |mark: &Mark| (mark.case, mark.item, mark.parent, mark.author);
        known.withdrawn.is_none() && place(known) == place(&mark)
    });
    if let Some(known) = known {
        return Ok(known);
    }
    change.add_mark(&mark).await?;
    change.notify(Notice::in_case(what, mark.case, mark.id));
    Ok(mark)
}

/// A mark that is in force, with what decides on it.
async fn found<I: Copy>(
    turn: &mut Turn<Change>,
    id: I,
    key: MarkId,
) -> Answer<Option<(Mark, AuthoredFacts<I>)>> {
    let user = turn.who().user();
    let Some(mark) = turn.db.mark(key).await?.filter(|mark| mark.withdrawn.is_none()) else {
        return Ok(None);
    };
    let Some(case) = turn.db.case_facts(mark.case, user).await? else {
        return Ok(None);
    };
    let author = mark.author;
    Ok(Some((mark, AuthoredFacts { id, case, author })))
}

/// Amends a mark. An amendment of an earlier version counts for what it changes, where nobody else has changed that.
async fn amend(
    turn: &mut Turn<Change>,
    mark: Mark,
    version: Option<u64>,
    body: Value,
    what: &str,
) -> Answer<Mark> {
    let version = version.ok_or_else(|| Problem::invalid("Say which version is amended."))?;
    let body = match version == mark.version {
        true => body,
        false => {
            let all = turn.db.mark_history(mark.id).await?;
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
    let (user, now) = (turn.who().user(), turn.now);
    turn.db.amend_mark(&mark, user, &body, now).await?;
    turn.db.notify(Notice::in_case(what, mark.case, mark.id));
    Ok(Mark {
        version: mark.version + 1,
        body,
        ..mark
    })
}

async fn withdraw(turn: &mut Turn<Change>, mark: &Mark, what: &str) -> Answer<StatusCode> {
    let now = turn.now;
    turn.db.withdraw_mark(mark.id, now).await?;
    turn.db.notify(Notice::in_case(what, mark.case, mark.id));
    Ok(StatusCode::NO_CONTENT)
}
