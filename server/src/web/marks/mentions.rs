//! Who can be named in the words on a mark, and telling them.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use catalog::{Change, Conn};
use domain::{AccountState, CaseId, NewsKind, Phi, Timestamp, UserId};
use policy::{CaseFacts, act};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::app::App;
use super::super::extract::Id;
use super::super::news::{Happened, tell};
use super::super::problem::{Answer, ProblemBody};
use super::super::turn::Turn;
use super::super::who::Who;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(colleagues))
}

/// Somebody who works on a case.
#[derive(Clone, Serialize, ToSchema)]
struct Colleague {
    /// Who.
    #[schema(value_type = Uuid)]
    user: UserId,
    /// What the person is called: `@` before it in a comment tells the person of it.
    #[schema(value_type = String)]
    name: Phi<String>,
}

/// Who works on a case now, and can be named in comments.
#[utoipa::path(get, path = "/api/cases/{case}/colleagues", tag = "annotations", params(("case" = Uuid, Path)),
    responses((status = 200, body = Vec<Colleague>), (status = "default", body = ProblemBody)))]
async fn colleagues(State(app): State<App>, who: Who, Id(case): Id<CaseId>) -> Answer<Json<Vec<Colleague>>> {
    let mut turn = app.look(&who).await?;
    let answer = async {
        let (_, facts) = turn.case::<act::Annotate>(case).await?;
        let now = turn.now;
        Ok(Json(working_on(&mut turn.db, &facts, now).await?))
    }
    .await;
    turn.end(answer).await
}

/// The care team, and collaborators whose grant lasts.
async fn working_on(db: &mut Conn, facts: &CaseFacts, now: Timestamp) -> Answer<Vec<Colleague>> {
    let mut known = db.facts().await?;
    let team = known.care_team(facts.patient.patient).await?;
    let members = known.members(facts.patient.practice.practice).await?;
    let mut all: Vec<Colleague> = Vec::new();
    for member in members {
        if member.state == "active"
            && team.contains(&member.user)
            && let Some(name) = known.name_of(member.user).await?
        {
            let user = member.user;
            all.push(Colleague { user, name });
        }
    }
    for grant in known.grants_of(facts.case).await? {
        if !grant.grant.is_live(now) || all.iter().any(|one| one.user == grant.user) {
            continue;
        }
        let account = known.account(grant.user).await?;
        all.extend(
            account
                .filter(|account| account.state == AccountState::Active)
                .map(|account| Colleague {
                    user: grant.user,
                    name: account.name,
                }),
        );
    }
    Ok(all)
}

/// Tells those whom a text names and the text before it did not.
pub(super) async fn tell_named(
    app: &App,
    turn: &mut Turn<Change>,
    case: CaseId,
    text: &str,
    before: &str,
) -> Answer<()> {
    if !text.contains('@') {
        return Ok(());
    }
    let (by, at) = (turn.who().user(), turn.now);
    let Some(facts) = turn.db.facts().await?.case_facts(case, by).await? else {
        return Ok(());
    };
    let all = working_on(&mut turn.db, &facts, at).await?;
    let (already, named) = (named(before, &all), named(text, &all));
    let happened = Happened {
        what: NewsKind::Mention,
        by,
        case: Some(case),
        patient: None,
        at,
    };
    for user in named.difference(&already).filter(|user| **user != by) {
        tell(app, &mut turn.db, *user, &happened).await?;
    }
    Ok(())
}

/// Whom a text names: `@` and the whole name, of several the longest that stands there.
fn named(text: &str, all: &[Colleague]) -> BTreeSet<UserId> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices('@') {
        let rest = &text[at + 1..];
        let named = |one: &&Colleague| {
            rest.strip_prefix(one.name.reveal().as_str())
                .is_some_and(|after| !after.starts_with(char::is_alphanumeric))
        };
        let longest = all.iter().filter(named).map(|one| one.name.reveal().len()).max();
        let Some(longest) = longest else { continue };
        found.extend(
            all.iter()
                .filter(named)
                .filter(|one| one.name.reveal().len() == longest)
                .map(|one| one.user),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[u8]) {
        let names = ["Ann", "Ann Roe", "Bö Å", "Cy", "Cy"];
        let all: Vec<Colleague> = names
            .iter()
            .zip(1_u8..)
            .map(|(name, number)| Colleague {
                user: UserId::from_random([number; 16]),
                name: Phi::new((*name).to_owned()),
            })
            .collect();
        let expected: BTreeSet<UserId> = expected
            .iter()
            .map(|number| UserId::from_random([*number; 16]))
            .collect();
        assert_eq!(named(text, &all), expected, "{text}");
    }

    #[test]
    fn the_longest_name_that_stands_there_is_named() {
        check("no one", &[]);
        check("@Ann", &[1]);
        check("see @Ann Roe, and @Bö Å.", &[2, 3]);
        check("@Anna @@ @ann a@Cy", &[4, 5]);
        check("@Ann Roe @Ann", &[1, 2]);
        check("Ann Roe@", &[]);
    }
}
