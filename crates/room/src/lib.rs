//! Who looks at a case together: who is there, where they point, who leads and what the leader sees.
//!
//! Of its own because it has no clock, no socket and no database: [`Room`] is what one server knows of a case's room.
//! Its own people ask it ([`Room::ask`]) and hear from it what they have not heard yet ([`Room::untold`]); other servers
//! get its [`News`] and send theirs ([`Room::hear`]).
//!
//! Nothing queues: of everything the newest state counts, and what somebody has not been told is found by comparing.
//! So a slow one skips what is no longer true, a late one hears all that is true now, and news between servers may be
//! lost, doubled or come in any order: each thing has one owner who numbers its states, and from time to time each
//! server says all that is its own.

mod lead;
mod news;

use std::collections::BTreeMap;

use domain::{SessionId, Timestamp};
use protocol::{Called, CanLead, Follows, Hand, Person, Pointed, RoomEvent, RoomRequest};

pub use lead::Lead;
pub use news::{Extent, News, Node, SILENCE_MS, Seat};

use lead::Shown;
use news::Peer;

/// People of one server in one room.
pub const MOST_PEOPLE: usize = 256;

/// Why a wish is not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Who asks is not in the room.
    NotThere,
    /// The room is full.
    Full,
    /// Who asks, or who is to lead, cannot.
    CannotLead,
    /// Somebody else leads.
    Led,
    /// Who asks does not lead.
    DoesNotLead,
    /// It means nothing.
    Meaningless,
}

/// Who enters.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// Their session.
    pub session: SessionId,
    /// What others call them.
    pub called: Called,
    /// Their color in the case, a number from 0 on.
    pub color: u8,
    /// Whether they can lead.
    pub can_lead: CanLead,
}

/// What one server knows of a room.
#[derive(Debug)]
pub struct Room {
    node: Node,
    seats: BTreeMap<SessionId, Seat>,
    /// What each of this server's people has been told.
    told: BTreeMap<SessionId, Told>,
    lead: Lead,
    shown: Option<Shown>,
    peers: BTreeMap<Node, Peer>,
    /// People who have gone, and when: no late news brings them back.
    gone: BTreeMap<SessionId, Timestamp>,
    outbox: news::Outbox,
    /// Whether a server that has come does not know this one's people yet.
    is_asked: bool,
}

/// What somebody has been told.
#[derive(Debug, Default)]
struct Told {
    people: BTreeMap<SessionId, (u64, u64)>,
    leader: Option<SessionId>,
    shown: Option<(u64, u64)>,
}

impl Room {
    /// An empty room, as `node` knows it.
    pub fn new(node: Node) -> Self {
        Self {
            node,
            seats: BTreeMap::new(),
            told: BTreeMap::new(),
            lead: Lead::default(),
            shown: None,
            peers: BTreeMap::new(),
            gone: BTreeMap::new(),
            outbox: news::Outbox::default(),
            is_asked: false,
        }
    }

    /// Lets somebody in.
    ///
    /// # Errors
    /// [`Refused::Full`].
    pub fn enter(&mut self, who: Newcomer) -> Result<(), Refused> {
        if self.told.len() >= MOST_PEOPLE && !self.told.contains_key(&who.session) {
            return Err(Refused::Full);
        }
        let seat = Seat {
            person: Person {
                session: who.session,
                called: who.called,
                color: who.color,
                hand_ms: None,
                follows: Follows::Nobody,
                can_lead: who.can_lead,
            },
            version: 1,
            pointed: None,
            moves: 0,
            node: self.node,
        };
        self.outbox.changed(who.session);
        self.seats.insert(who.session, seat);
        self.told.insert(who.session, Told::default());
        Ok(())
    }

    /// Somebody has gone.
    pub fn leave(&mut self, session: SessionId, now: Timestamp) {
        if self.told.remove(&session).is_some() {
            self.remove(session, now);
            self.outbox.gone(session);
        }
    }

    fn remove(&mut self, session: SessionId, now: Timestamp) {
        self.seats.remove(&session);
        self.gone.insert(session, now);
        if self.lead.holder == Some(session) {
            self.lead = self.lead.to(None);
            self.outbox.lead();
        }
    }

    /// Whether nobody of this server is there.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Everybody who is there, of all servers.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.seats.values().map(|seat| &seat.person)
    }

    /// Who leads.
    pub fn leader(&self) -> Option<SessionId> {
        self.lead.holder.filter(|holder| self.seats.contains_key(holder))
    }

    /// Where somebody points.
    pub fn pointed(&self, session: SessionId) -> Option<Pointed> {
        self.seats.get(&session).and_then(|seat| seat.pointed)
    }

    /// Somebody of this server asks for something.
    ///
    /// # Errors
    /// Why it is not granted.
    pub fn ask(&mut self, session: SessionId, request: RoomRequest, now: Timestamp) -> Result<(), Refused> {
        request.check().map_err(|_| Refused::Meaningless)?;
        let leader = self.leader();
        let seat = match self.told.contains_key(&session) {
            true => self.seats.get_mut(&session).ok_or(Refused::NotThere)?,
            false => return Err(Refused::NotThere),
        };
        match request {
            RoomRequest::Point { at } => {
                if seat.pointed != at {
                    seat.pointed = at;
                    seat.moves += 1;
                    self.outbox.changed(session);
                }
            }
            RoomRequest::Hand { hand } => {
                let is_up = seat.person.hand_ms.is_some();
                if is_up != (hand == Hand::Raised) {
                    seat.person.hand_ms = (!is_up).then_some(now.ms());
                    seat.version += 1;
                    self.outbox.changed(session);
                }
            }
            RoomRequest::Follow { follows } => {
                if seat.person.follows != follows {
                    seat.person.follows = follows;
                    seat.version += 1;
                    self.outbox.changed(session);
                }
            }
            // Who asks is there.
            RoomRequest::Enter => {}
            RoomRequest::Lead => match leader {
                Some(leader) if leader != session => return Err(Refused::Led),
                Some(_) => {}
                None if seat.person.can_lead == CanLead::No => return Err(Refused::CannotLead),
                None => self.hand_lead(Some(session)),
            },
            _ if leader != Some(session) => return Err(Refused::DoesNotLead),
            RoomRequest::HandOver { to } => {
                let next = self.seats.get(&to).ok_or(Refused::NotThere)?;
                if next.person.can_lead == CanLead::No {
                    return Err(Refused::CannotLead);
                }
                self.hand_lead(Some(to));
            }
            RoomRequest::StopLeading => self.hand_lead(None),
            RoomRequest::Show { item, look } => {
                let number = self.shown.as_ref().map_or(0, |shown| shown.number) + 1;
                self.shown = Some(Shown {
                    term: self.lead.term,
                    number,
                    item,
                    look: *look,
                });
                self.outbox.shown();
            }
        }
        Ok(())
    }

    fn hand_lead(&mut self, to: Option<SessionId>) {
        self.lead = self.lead.to(to);
        self.outbox.lead();
    }

    /// What somebody of this server has not been told yet, and now is: all that is true, for one who has just come.
    pub fn untold(&mut self, session: SessionId) -> Vec<RoomEvent> {
        let leader = self.leader();
        let Some(told) = self.told.get_mut(&session) else {
            return Vec::new();
        };
        let mut events = Vec::new();
        told.people.retain(|person, _| {
            let is_there = self.seats.contains_key(person);
            if !is_there {
                events.push(RoomEvent::Gone { session: *person });
            }
            is_there
        });
        let mut pointers = Vec::new();
        for (&other, seat) in &self.seats {
            let (version, moves) = told.people.entry(other).or_default();
            if *version != seat.version {
                *version = seat.version;
                let person = seat.person.clone();
                events.push(RoomEvent::Here { person });
            }
            // One's own pointer one sees oneself.
            if *moves != seat.moves && other != session {
                pointers.push((other, seat.pointed));
            }
            *moves = seat.moves;
        }
        if !pointers.is_empty() {
            events.push(RoomEvent::Points { pointers });
        }
        if told.leader != leader {
            told.leader = leader;
            events.push(RoomEvent::Leads { session: leader });
        }
        if let Some(shown) = &self.shown
            && leader.is_some_and(|leader| leader != session)
            && shown.term == self.lead.term
            && told.shown != Some((shown.term, shown.number))
        {
            told.shown = Some((shown.term, shown.number));
            events.push(RoomEvent::Shows {
                item: shown.item,
                look: Box::new(shown.look.clone()),
            });
        }
        events
    }
}
