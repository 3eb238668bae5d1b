//! What happens, as it happens: server-sent events. Whether one may hear of a thing is asked for each event anew, so
//! that a revoked grant, a sign-out or an expired date ends what one hears.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use catalog::Notice;
use futures::{Stream, stream};
use policy::{AccountFacts, Decision, act};
use tokio::sync::broadcast::error::RecvError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::problem::{Answer, ProblemBody};
use super::who::{Who, signed_in};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

/// How often it is asked whether the sign-in still holds while nothing happens.
const CHECK: Duration = Duration::from_secs(1);

/// What happens in the cases that one may see, and to one's sign-in. Each event is named after what happened and holds
/// the identifiers of the case and the thing; `missed` says that some were lost, and everything should be read anew.
#[utoipa::path(get, path = "/api/events", tag = "events",
    responses((status = 200, body = String, content_type = "text/event-stream"),
    (status = "default", body = ProblemBody)))]
async fn events(
    State(app): State<App>,
    who: Who,
    headers: axum::http::HeaderMap,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let notices = app.catalog.listen();
    let mut turn = app.look(&who).await?;
    let allowed = turn
        .ask::<act::ListCases>(&AccountFacts { owner: who.user() })
        .map(|_| ());
    turn.end(allowed).await?;
    let heard = stream::unfold(
        (app, headers, notices),
        |(app, headers, mut notices)| async move {
            loop {
                let notice = tokio::time::timeout(CHECK, notices.recv()).await;
                let who = signed_in(&app, &headers).await.ok().flatten()?;
                let event = match notice {
                    Err(_) => continue,
                    Ok(Err(RecvError::Closed)) => return None,
                    Ok(Err(RecvError::Lagged(_))) => Some(Event::default().event("missed").data("{}")),
                    Ok(Ok(notice)) if may_hear(&app, &who, &notice).await => told(&notice),
                    Ok(Ok(_)) => None,
                };
                if let Some(event) = event {
                    return Some((Ok(event), (app, headers, notices)));
                }
            }
        },
    );
    Ok(Sse::new(heard).keep_alive(KeepAlive::default()))
}

async fn may_hear(app: &App, who: &Who, notice: &Notice) -> bool {
    if let Some(user) = notice.user {
        return user == who.user();
    }
    let Some(case) = notice.case else { return false };
    let facts = async {
        app.catalog
            .reader()
            .await?
            .facts()
            .await?
            .case_facts(case, who.user())
            .await
    };
    match facts.await {
        Ok(Some(facts)) => {
            let decision = policy::decide::<act::SeeCase>(&who.subject, &facts, app.now());
            matches!(decision, Decision::Allow(_))
        }
        // What is about one's own space concerns nobody else.
        Ok(None) => {
            let owner = async {
                app.catalog
                    .reader()
                    .await?
                    .facts()
                    .await?
                    .owner_of_space(case)
                    .await
            };
            matches!(owner.await, Ok(Some(owner)) if owner == who.user())
        }
        Err(error) => {
            tracing::warn!(%error, "an event was not passed on");
            false
        }
    }
}

fn told(notice: &Notice) -> Option<Event> {
    let data = serde_json::json!({ "case": notice.case, "id": notice.id, "detail": notice.detail });
    Event::default().event(&notice.what).json_data(data).ok()
}
