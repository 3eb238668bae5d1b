//! Rooms: those who look at one case at the same time, here and on other servers.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{CaseId, SessionId, Timestamp};
use protocol::{RoomEvent, RoomRequest, Said};
use room::{Extent, Newcomer, News, Node, Refused, Room};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::app::{App, now};
use super::pieces::{self, Pieces};

/// Nobody is told of others more often than this.
const PACE: Duration = Duration::from_millis(25);
/// How often other servers are told what has changed.
const CHANGES: Duration = Duration::from_millis(30);
/// How often they are told all.
const ROSTERS: Duration = Duration::from_secs(2);

/// The rooms of this server.
pub(crate) struct Rooms {
    node: Node,
    halls: Mutex<HashMap<CaseId, Arc<Hall>>>,
}

/// A room, and what wakes those who are there.
struct Hall {
    room: Mutex<Room>,
    changed: watch::Sender<()>,
}

impl Hall {
    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rooms {
    /// Rooms of the server that is known by `node`.
    pub(crate) fn new(node: Node) -> Self {
        Self {
            node,
            halls: Mutex::default(),
        }
    }

    fn halls(&self) -> MutexGuard<'_, HashMap<CaseId, Arc<Hall>>> {
        self.halls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets somebody into the room of a case.
    ///
    /// # Errors
    /// [`Refused::Full`].
    pub(crate) fn enter(&self, case: CaseId, who: Newcomer) -> Result<Seat, Refused> {
        let mut halls = self.halls();
        let hall = halls.entry(case).or_insert_with(|| {
            Arc::new(Hall {
                room: Mutex::new(Room::new(self.node)),
                changed: watch::Sender::new(()),
            })
        });
        let session = who.session;
        hall.room().enter(who)?;
        hall.changed.send_replace(());
        let mut changed = hall.changed.subscribe();
        changed.mark_changed();
        Ok(Seat {
            hall: Arc::clone(hall),
            session,
            changed,
            rests_until: Instant::now(),
            said: BTreeSet::new(),
        })
    }

    fn all(&self) -> Vec<(CaseId, Arc<Hall>)> {
        let halls = self.halls();
        halls
            .iter()
            .map(|(case, hall)| (*case, Arc::clone(hall)))
            .collect()
    }

    /// What other servers are to hear.
    fn news(&self, extent: Extent, at: Timestamp) -> Vec<(CaseId, News)> {
        let mut news = Vec::new();
        for (case, hall) in self.all() {
            let mut room = hall.room();
            let told = match extent == Extent::All || room.is_asked() {
                true => Some(room.roster()),
                false => room.changes(),
            };
            news.extend(told.map(|told| (case, told)));
            if extent == Extent::All && room.expire(at) > 0 {
                hall.changed.send_replace(());
            }
        }
        news
    }

    /// Closes rooms where nobody is left.
    fn close(&self) {
        self.halls().retain(|_, hall| !hall.room().is_empty());
    }

    /// Another server tells of a room. Rooms where nobody of this one is are no concern of it.
    fn hear(&self, case: CaseId, news: News, at: Timestamp) {
        let hall = self.halls().get(&case).cloned();
        if let Some(hall) = hall {
            hall.room().hear(news, at);
            hall.changed.send_replace(());
        }
    }
}

/// Exchanges news with other servers until `stop` says so. Where there are none, rooms are closed, no more.
pub(crate) async fn keep(app: App, mut stop: watch::Receiver<bool>) {
    let mut whispers = app.catalog.whispers();
    let mut pieces = Pieces::default();
    let mut ticks = tokio::time::interval(CHANGES);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut rosters = Instant::now();
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let is_due = rosters.elapsed() >= ROSTERS;
                let extent = if is_due { Extent::All } else { Extent::Changed };
                if is_due {
                    rosters = Instant::now();
                }
                tell(&app, extent).await;
                app.live.rooms.close();
            }
            whisper = whispers.recv() => match whisper {
                Ok(text) => hear(&app, &mut pieces, &text),
                // What was missed is in the next roster.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            _ = stop.changed() => return,
        }
    }
}

async fn tell(app: &App, extent: Extent) {
    if !app.catalog.has_whispers() {
        return;
    }
    for (case, news) in app.live.rooms.news(extent, now()) {
        // Numbers and words: nothing in it can fail to be written.
        let text = serde_json::to_string(&(case, &news)).unwrap_or_default();
        for piece in pieces::cut(&format!("{:x}-{case}", news.node.0), news.number, &text) {
            if let Err(error) = app.catalog.whisper(&piece).await {
                tracing::warn!(%error, "other servers could not be told of a room");
            }
        }
    }
}

fn hear(app: &App, pieces: &mut Pieces, text: &str) {
    let Some(text) = pieces.join(text) else { return };
    if let Ok((case, news)) = serde_json::from_str::<(CaseId, News)>(&text) {
        app.live.rooms.hear(case, news, now());
    }
}

/// Somebody's place in a room; it is left when this is dropped.
pub(crate) struct Seat {
    hall: Arc<Hall>,
    session: SessionId,
    changed: watch::Receiver<()>,
    rests_until: Instant,
    /// What was said and has not been told of.
    said: BTreeSet<Said>,
}

impl Seat {
    /// Until there may be something to be told.
    pub(crate) async fn wait(&mut self) {
        // In this order nothing is missed when somebody stops waiting.
        tokio::time::sleep_until(self.rests_until).await;
        if self.changed.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What is to be told.
    pub(crate) fn untold(&mut self) -> Vec<RoomEvent> {
        self.rests_until = Instant::now() + PACE;
        self.changed.mark_unchanged();
        let mut events = self.hall.room().untold(self.session);
        events.extend(
            std::mem::take(&mut self.said)
                .into_iter()
                .map(|what| RoomEvent::Says { what }),
        );
        events
    }

    /// Something was said.
    pub(crate) fn say(&mut self, what: Said) {
        self.said.insert(what);
        self.changed.mark_changed();
    }

    /// What is to be told is told later.
    pub(crate) fn later(&mut self) {
        self.rests_until = Instant::now() + PACE;
        self.changed.mark_changed();
    }

    /// Asks for something.
    pub(crate) fn ask(&mut self, request: RoomRequest) -> Result<(), Refused> {
        self.hall.room().ask(self.session, request, now())?;
        self.hall.changed.send_replace(());
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hall.room().leave(self.session, now());
        self.hall.changed.send_replace(());
    }
}
