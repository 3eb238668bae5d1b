//! What servers tell each other of a room.

use std::collections::{BTreeMap, BTreeSet};

use domain::{SessionId, Timestamp};
use protocol::{Person, Pointed};
use serde::{Deserialize, Serialize};

use crate::Room;
use crate::lead::{Lead, Shown};

/// A server that is silent for so long is gone, with everybody who is there by it.
pub const SILENCE_MS: i64 = 7_000;
/// For so long it is known who has gone: no news is later than that.
const GONE_MS: i64 = 60_000;

/// A server, by a number that it drew when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Node(pub u64);

/// Somebody in a room, with the numbers of their states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seat {
    /// Who.
    pub person: Person,
    /// Goes up whenever the person changes.
    pub version: u64,
    /// Where they point.
    pub pointed: Option<Pointed>,
    /// Goes up whenever they point somewhere else.
    pub moves: u64,
    /// The server that they are there by; it alone changes them.
    pub node: Node,
}

/// How much news says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// What has changed.
    Changed,
    /// All that is a server's own.
    All,
}

/// What a server tells others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct News {
    /// Who tells.
    pub node: Node,
    /// Goes up with all that it tells of a room.
    pub number: u64,
    /// How much it is.
    pub extent: Extent,
    /// Its people.
    pub seats: Vec<Seat>,
    /// Those who have gone.
    pub gone: Vec<SessionId>,
    /// Who leads.
    pub lead: Lead,
    /// What the leader sees.
    pub(crate) shown: Option<Shown>,
}

/// What is known of another server.
#[derive(Debug)]
pub(crate) struct Peer {
    heard: Timestamp,
    /// The latest news that said all.
    all: u64,
    /// The latest news that named each of its people.
    named: BTreeMap<SessionId, u64>,
}

impl Peer {
    fn new(now: Timestamp) -> Self {
        Self {
            heard: now,
            all: 0,
            named: BTreeMap::new(),
        }
    }
}

/// What other servers have not been told.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    number: u64,
    seats: BTreeSet<SessionId>,
    gone: BTreeSet<SessionId>,
    is_led: bool,
    is_shown: bool,
}

impl Outbox {
    pub(crate) fn changed(&mut self, session: SessionId) {
        self.seats.insert(session);
    }

    pub(crate) fn gone(&mut self, session: SessionId) {
        self.seats.remove(&session);
        self.gone.insert(session);
    }

    pub(crate) fn lead(&mut self) {
        self.is_led = true;
    }

    pub(crate) fn shown(&mut self) {
        self.is_shown = true;
    }

    fn is_empty(&self) -> bool {
        self.seats.is_empty() && self.gone.is_empty() && !self.is_led && !self.is_shown
    }
}

impl Room {
    /// What has changed since it was last asked for; none when nothing has.
    pub fn changes(&mut self) -> Option<News> {
        if self.outbox.is_empty() {
            return None;
        }
        let outbox = self.next_outbox();
        let seats = outbox.seats.iter().filter_map(|session| self.seats.get(session));
        Some(News {
            node: self.node,
            number: outbox.number,
            extent: Extent::Changed,
            seats: seats.cloned().collect(),
            gone: outbox.gone.into_iter().collect(),
            lead: self.lead,
            shown: self.shown.clone().filter(|_| outbox.is_shown),
        })
    }

    /// All that is this server's own, to be told from time to time: whatever was lost is made good.
    pub fn roster(&mut self) -> News {
        self.is_asked = false;
        let outbox = self.next_outbox();
        let own = self.seats.values().filter(|seat| seat.node == self.node);
        News {
            node: self.node,
            number: outbox.number,
            extent: Extent::All,
            seats: own.cloned().collect(),
            gone: outbox.gone.into_iter().collect(),
            lead: self.lead,
            shown: self.shown.clone(),
        }
    }

    /// Whether a server that is new to this one waits for a roster.
    pub fn is_asked(&self) -> bool {
        self.is_asked
    }

    fn next_outbox(&mut self) -> Outbox {
        let number = self.outbox.number + 1;
        let next = Outbox {
            number,
            ..Outbox::default()
        };
        Outbox {
            number,
            ..std::mem::replace(&mut self.outbox, next)
        }
    }

    /// Another server tells something.
    pub fn hear(&mut self, news: News, now: Timestamp) {
        if news.node == self.node {
            return;
        }
        self.is_asked |= !self.peers.contains_key(&news.node);
        let peer = self.peers.entry(news.node).or_insert_with(|| Peer::new(now));
        peer.heard = peer.heard.max(now);
        let is_stale = news.number < peer.all;
        for seat in &news.seats {
            let named = peer.named.entry(seat.person.session).or_default();
            *named = news.number.max(*named);
        }
        if news.extent == Extent::All {
            peer.all = peer.all.max(news.number);
            // Whom it does not name, and no later news has named, has gone.
            peer.named.retain(|_, named| *named >= news.number);
            let named = &peer.named;
            self.seats
                .retain(|session, seat| seat.node != news.node || named.contains_key(session));
        }
        for &session in &news.gone {
            if self.is_of(session, news.node) {
                self.seats.remove(&session);
            }
            self.gone.insert(session, now);
        }
        for seat in news.seats {
            self.take(seat, news.node, is_stale);
        }
        if news.lead.is_over(self.lead) {
            self.lead = news.lead;
        }
        if let Some(shown) = news.shown {
            let rank = |shown: &Shown| (shown.term, shown.number);
            if self.shown.as_ref().is_none_or(|known| rank(&shown) > rank(known)) {
                self.shown = Some(shown);
            }
        }
    }

    fn is_of(&self, session: SessionId, node: Node) -> bool {
        self.seats.get(&session).is_some_and(|seat| seat.node == node)
    }

    /// Takes another server's seat as far as it is newer.
    fn take(&mut self, seat: Seat, from: Node, is_stale: bool) {
        let session = seat.person.session;
        if seat.node != from || self.gone.contains_key(&session) {
            return;
        }
        match self.seats.get_mut(&session) {
            Some(known) if known.node == from => {
                if seat.version > known.version {
                    known.version = seat.version;
                    known.person = seat.person;
                }
                if seat.moves > known.moves {
                    known.moves = seat.moves;
                    known.pointed = seat.pointed;
                }
            }
            Some(_) => {}
            // Whoever later news did not name has gone.
            None if is_stale => {}
            None => {
                self.seats.insert(session, seat);
            }
        }
    }

    /// Forgets servers that have been silent, and their people; tells how many people those were.
    pub fn expire(&mut self, now: Timestamp) -> usize {
        let silent = |peer: &Peer| now.ms() - peer.heard.ms() > SILENCE_MS;
        let lost: Vec<SessionId> = self
            .seats
            .values()
            .filter(|seat| self.peers.get(&seat.node).is_some_and(silent))
            .map(|seat| seat.person.session)
            .collect();
        for &session in &lost {
            self.remove_silently(session);
        }
        self.peers.retain(|_, peer| !silent(peer));
        self.gone.retain(|_, since| now.ms() - since.ms() < GONE_MS);
        lost.len()
    }

    /// Whoever comes back with their server is there again.
    fn remove_silently(&mut self, session: SessionId) {
        self.seats.remove(&session);
        if self.lead.holder == Some(session) {
            self.lead = self.lead.to(None);
            self.outbox.lead();
        }
    }
}
