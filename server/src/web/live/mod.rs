//! Looking at a case over one WebSocket a session: view states and questions in, marked pictures, answers and notices
//! out.
//!
//! Whether one may look is asked for every frame ([`rights`]); what can be sent is a type ([`wire`]). What was seen is
//! counted, taken down and told to whom it belongs ([`record`]).

mod pieces;
mod record;
mod rights;
mod rooms;
mod session;
mod shown;
mod sights;
mod thumbnail;
mod websocket;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use catalog::Conn;
use domain::{CaseId, Phi, SessionId};
use policy::{SpaceFacts, act};
use room::Node;
use streamer::watching::Watches;
use streamer::{Library, Places, Studio};
use tokio::sync::watch;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::extract::Id;
use super::problem::{Answer, Problem, ProblemBody};
use super::secrets::random_id;
use super::turn::Turn;
use super::who::Who;
use rights::{Ground, Rights};
use rooms::Rooms;
pub(crate) use rooms::keep as keep_rooms;
use session::Session;
use websocket::{Handshake, MaybeHandshake};
use wire::Wire;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(look))
        .routes(routes!(look_at_own))
        .routes(routes!(thumbnail::read))
        .routes(routes!(sights::read))
        .routes(routes!(sights::of_case))
}

/// What pictures may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LiveConfig {
    /// Sessions that get pictures at once.
    pub(crate) sessions: usize,
    /// Bytes of items in memory.
    pub(crate) memory_bytes: u64,
}

impl LiveConfig {
    /// For so many processors: a dozen viewers each.
    pub(crate) fn usual() -> Self {
        Self {
            sessions: processors() * 12,
            memory_bytes: 4 << 30,
        }
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What all sessions share.
#[derive(Clone)]
pub(crate) struct Live(Arc<Shared>);

pub(crate) struct Shared {
    studio: Studio,
    library: Library,
    places: Places,
    watches: Watches,
    rooms: Rooms,
    /// Whether the server stops; each session holds a receiver for as long as it lasts.
    stopping: watch::Sender<bool>,
}

impl std::ops::Deref for Live {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Live {
    pub(crate) fn start(config: LiveConfig) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(Shared {
            studio: Studio::new(processors()).context("starting the threads that draw")?,
            library: Library::new(config.memory_bytes),
            places: Places::new(config.sessions),
            watches: Watches::default(),
            rooms: Rooms::new(random_node()?),
            stopping: watch::Sender::new(false),
        })))
    }

    /// Ends all sessions, and waits until what they saw is taken down, or for so long.
    pub(crate) async fn stop(&self, patience: Duration) {
        self.stopping.send_replace(true);
        if tokio::time::timeout(patience, self.stopping.closed())
            .await
            .is_err()
        {
            tracing::error!("some sessions did not end: what was seen last in them is not taken down");
        }
    }
}

/// A number by which this process is known to others for as long as it runs.
fn random_node() -> anyhow::Result<Node> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("drawing a number: {error}"))?;
    Ok(Node(u64::from_le_bytes(bytes)))
}

/// Look at a case: a WebSocket (RFC 6455) for pictures, questions and events. Pictures carry the name of who looks; no
/// file, sample or vertex is ever among what is sent.
#[utoipa::path(get, path = "/api/cases/{case}/live", tag = "live", params(("case" = Uuid, Path)),
    responses((status = 101, description = "The session begins."), (status = "default", body = ProblemBody)))]
async fn look(
    State(app): State<App>,
    who: Who,
    Id(case): Id<CaseId>,
    headers: HeaderMap,
    MaybeHandshake(handshake): MaybeHandshake,
) -> Answer<Response> {
    let session = SessionId::from_random(random_id()?);
    let mut turn = app.look(&who).await?;
    turn.in_session(session);
    let answer = async {
        let (_, facts) = turn.case::<act::SeeCase>(case).await?;
        Ok((Ground::Case(facts), viewer(&mut turn, &headers).await?))
    }
    .await;
    let begun = turn.end(answer).await?;
    let secret = app.catalog.system().mark_secret().await?;
    begin(app, who, headers, handshake, session, (begun, secret))
}

/// Look at the captures of one's own space: a WebSocket as for a case, where nobody else is met.
#[utoipa::path(get, path = "/api/space/live", tag = "live",
    responses((status = 101, description = "The session begins."), (status = "default", body = ProblemBody)))]
async fn look_at_own(
    State(app): State<App>,
    who: Who,
    headers: HeaderMap,
    MaybeHandshake(handshake): MaybeHandshake,
) -> Answer<Response> {
    let session = SessionId::from_random(random_id()?);
    let mut turn = app.look(&who).await?;
    turn.in_session(session);
    let answer = async {
        turn.ask::<act::ListCaptures>(&SpaceFacts { owner: who.user() })?;
        Ok((Ground::Space, viewer(&mut turn, &headers).await?))
    }
    .await;
    let begun = turn.end(answer).await?;
    let secret = app.catalog.system().mark_secret().await?;
    begin(app, who, headers, handshake, session, (begun, secret))
}

/// What whoever looks is called; for own pages only.
async fn viewer(turn: &mut Turn<Conn>, headers: &HeaderMap) -> Answer<Phi<String>> {
    if !is_from_own_page(headers) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "cross_site",
            "Another site's page asked for this.",
        ));
    }
    let user = turn.who().user();
    let name = turn.db.facts().await?.name_of(user).await?;
    name.ok_or_else(Problem::not_found)
}

/// Begins a session on the socket that is opened, with the secret that its pictures are marked with.
fn begin(
    app: App,
    who: Who,
    headers: HeaderMap,
    handshake: Option<Handshake>,
    session: SessionId,
    ((ground, name), secret): ((Ground, Phi<String>), [u8; 32]),
) -> Answer<Response> {
    let handshake = handshake.ok_or_else(|| {
        Problem::new(
            StatusCode::UPGRADE_REQUIRED,
            "upgrade",
            "This is where a WebSocket is opened.",
        )
    })?;
    let rights = Rights::new(headers, who, ground);
    Ok(handshake.answer(move |socket| Session::run(app, Wire::new(socket), rights, session, (name, secret))))
}

/// Whether the page that opens the socket is this server's. Programs do not say where they come from; they carry no
/// cookie that they were not given.
fn is_from_own_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (
        headers.contains_key(header::ORIGIN),
        text(header::ORIGIN),
        text(header::HOST),
    ) {
        (false, _, _) => true,
        (true, Some(origin), Some(host)) => origin.split_once("://").map(|(_, origin)| origin) == Some(host),
        (true, _, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn sockets_are_opened_by_own_pages_only() {
        let asked = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("vitrine.example:8080"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            is_from_own_page(&headers)
        };
        assert!(asked(None));
        assert!(asked(Some("https://vitrine.example:8080")));
        for other in [
            "https://vitrine.example",
            "https://evil.example",
            "https://vitrine.example:8080.evil.example",
            "null",
            "",
        ] {
            assert!(!asked(Some(other)), "{other}");
        }
    }
}
