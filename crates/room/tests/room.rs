//! Rooms over servers that lose, double and reorder what they tell each other, and people who come and go.

use std::collections::BTreeMap;

use domain::{ItemId, SessionId, Timestamp};
use geometry::DVec3;
use protocol::{Called, CanLead, Follows, Hand, Look, Person, Pointed, RoomEvent, RoomRequest, WindowLook};
use room::{Newcomer, News, Node, Refused, Room};

fn session(number: u64) -> SessionId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    SessionId::from_random(bytes)
}

fn newcomer(number: u64) -> Newcomer {
    Newcomer {
        session: session(number),
        called: Called::Name(format!("Doctor {number}")),
        color: (number % 12) as u8,
        can_lead: if number % 4 == 3 {
            CanLead::No
        } else {
            CanLead::Yes
        },
    }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}

fn point(x: f64) -> RoomRequest {
    RoomRequest::Point {
        at: Some(Pointed::Patient {
            item: ItemId::from_random([1; 16]),
            p_mm: DVec3::new(x, -2.5, 7.0),
        }),
    }
}

fn show(sequence: u64) -> RoomRequest {
    RoomRequest::Show {
        item: ItemId::from_random([1; 16]),
        look: Box::new(Look::new(
            sequence,
            Vec::new(),
            WindowLook {
                center: 40.0,
                width: 400.0,
            },
            "CT-Bone",
        )),
    }
}

/// What a viewer knows of a room, by what it was told.
#[derive(Debug, Default, PartialEq)]
struct Screen {
    people: BTreeMap<SessionId, Person>,
    pointers: BTreeMap<SessionId, Pointed>,
    leader: Option<SessionId>,
    shown: Option<u64>,
}

impl Screen {
    fn take(&mut self, events: Vec<RoomEvent>) {
        for event in events {
            match event {
                RoomEvent::Here { person } => {
                    self.people.insert(person.session, person);
                }
                RoomEvent::Gone { session } => {
                    assert!(self.people.remove(&session).is_some(), "went who was not there");
                    self.pointers.remove(&session);
                }
                RoomEvent::Points { pointers } => {
                    for (session, pointed) in pointers {
                        match pointed {
                            Some(pointed) => self.pointers.insert(session, pointed),
                            None => self.pointers.remove(&session),
                        };
                    }
                }
                RoomEvent::Leads { session } => self.leader = session,
                RoomEvent::Shows { look, .. } => self.shown = Some(look.sequence),
                RoomEvent::Says { .. } => panic!("what is said is no matter of a room"),
            }
        }
    }
}

#[test]
fn who_comes_late_hears_all_that_is_true_and_then_what_changes() {
    let mut room = Room::new(Node(1));
    room.enter(newcomer(1)).unwrap();
    room.enter(newcomer(2)).unwrap();
    let (first, second, late) = (session(1), session(2), session(4));
    room.ask(first, RoomRequest::Lead, at(1)).unwrap();
    room.ask(first, show(7), at(2)).unwrap();
    room.ask(second, point(3.5), at(3)).unwrap();
    room.ask(second, RoomRequest::Hand { hand: Hand::Raised }, at(4))
        .unwrap();
    room.enter(newcomer(4)).unwrap();
    let mut screen = Screen::default();
    screen.take(room.untold(late));
    assert_eq!(screen.people.len(), 3);
    assert_eq!(screen.people[&second].hand_ms, Some(4));
    assert_eq!((screen.leader, screen.shown), (Some(first), Some(7)));
    assert_eq!(screen.pointers.len(), 1);
    assert_eq!(room.untold(late), []);
    // Of much that happens, the newest is told.
    for n in 0..50 {
        room.ask(second, point(f64::from(n)), at(5)).unwrap();
    }
    let events = room.untold(late);
    assert!(
        matches!(&events[..], [RoomEvent::Points { pointers }] if pointers.len() == 1),
        "{events:?}"
    );
    // Nobody is told of their own pointer, nor shown their own view.
    assert!(
        !room
            .untold(second)
            .iter()
            .any(|event| matches!(event, RoomEvent::Points { .. }))
    );
    assert!(
        !room
            .untold(first)
            .iter()
            .any(|event| matches!(event, RoomEvent::Shows { .. }))
    );
}

#[test]
fn one_leads_and_gives_the_lead_away() {
    let mut room = Room::new(Node(1));
    for n in [1, 2, 3] {
        room.enter(newcomer(n)).unwrap();
    }
    let [a, b, patient] = [1, 2, 3].map(session);
    let ask = |room: &mut Room, who, what| room.ask(who, what, at(9));
    assert_eq!(
        ask(&mut room, patient, RoomRequest::Lead),
        Err(Refused::CannotLead)
    );
    assert_eq!(ask(&mut room, a, show(1)), Err(Refused::DoesNotLead));
    assert_eq!(ask(&mut room, a, RoomRequest::Lead), Ok(()));
    assert_eq!(ask(&mut room, b, RoomRequest::Lead), Err(Refused::Led));
    let over = |to| RoomRequest::HandOver { to };
    assert_eq!(ask(&mut room, b, over(b)), Err(Refused::DoesNotLead));
    assert_eq!(ask(&mut room, a, over(patient)), Err(Refused::CannotLead));
    assert_eq!(ask(&mut room, a, over(session(99))), Err(Refused::NotThere));
    assert_eq!(ask(&mut room, a, over(b)), Ok(()));
    assert_eq!(room.leader(), Some(b));
    // What the one before saw is not what the next one sees.
    room.untold(a);
    ask(&mut room, b, show(5)).unwrap();
    assert!(matches!(&room.untold(a)[..], [RoomEvent::Shows { look, .. }] if look.sequence == 5));
    room.leave(b, at(10));
    assert_eq!(room.leader(), None);
    assert_eq!(ask(&mut room, b, RoomRequest::Lead), Err(Refused::NotThere));
    assert_eq!(ask(&mut room, a, point(f64::NAN)), Err(Refused::Meaningless));
    assert_eq!(ask(&mut room, a, RoomRequest::Lead), Ok(()));
    assert_eq!(ask(&mut room, a, RoomRequest::StopLeading), Ok(()));
    assert_eq!(room.leader(), None);
}

/// Numbers by chance (xorshift64*, Vigna 2016).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
}

/// Servers with their people, and news that is on its way.
struct World {
    chance: Chance,
    now: i64,
    rooms: Vec<Option<Room>>,
    people: BTreeMap<SessionId, (usize, Screen)>,
    under_way: Vec<(usize, News)>,
    next: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            chance: Chance(seed * 2 + 1),
            now: 1_000_000,
            rooms: (0..3).map(|n| Some(Room::new(Node(n)))).collect(),
            people: BTreeMap::new(),
            under_way: Vec::new(),
            next: 0,
        }
    }

    fn step(&mut self) {
        self.now += 20;
        let server = self.chance.below(self.rooms.len());
        let pick = self.chance.below(self.people.len().max(1));
        let someone = self.people.keys().nth(pick).copied();
        match (self.chance.below(24), someone) {
            (0 | 1, _) => self.enter(server),
            (2, Some(who)) => self.leave(who),
            (3, _) if self.chance.below(12) == 0 => self.kill(server),
            (4, _) => self.tell(server, true),
            (5..=9, _) => self.tell(server, false),
            (10..=15, _) => self.deliver(),
            (_, Some(who)) => self.act(who),
            _ => {}
        }
    }

    fn enter(&mut self, server: usize) {
        self.next += 1;
        // A server that had died begins anew.
        let number = 100 + self.next;
        let room = self.rooms[server].get_or_insert_with(|| Room::new(Node(number)));
        room.enter(newcomer(self.next)).unwrap();
        self.people
            .insert(session(self.next), (server, Screen::default()));
    }

    fn leave(&mut self, who: SessionId) {
        let (server, _) = self.people.remove(&who).unwrap();
        if let Some(room) = &mut self.rooms[server] {
            room.leave(who, at(self.now));
        }
    }

    /// Nobody hears that a server has died.
    fn kill(&mut self, server: usize) {
        self.rooms[server] = None;
        self.people.retain(|_, (of, _)| *of != server);
    }

    fn tell(&mut self, server: usize, all: bool) {
        let Some(room) = &mut self.rooms[server] else {
            return;
        };
        let news = if all { Some(room.roster()) } else { room.changes() };
        let Some(news) = news else { return };
        for other in (0..self.rooms.len()).filter(|other| *other != server) {
            // Lost, told once, or told twice.
            for _ in 0..self.chance.below(5).min(2) {
                self.under_way.push((other, news.clone()));
            }
        }
    }

    fn deliver(&mut self) {
        if self.under_way.is_empty() {
            return;
        }
        let index = self.chance.below(self.under_way.len());
        let (to, news) = self.under_way.swap_remove(index);
        if let Some(room) = &mut self.rooms[to] {
            room.hear(news, at(self.now));
        }
    }

    fn act(&mut self, who: SessionId) {
        let (server, screen) = self.people.get_mut(&who).unwrap();
        let Some(room) = &mut self.rooms[*server] else {
            return;
        };
        let others: Vec<SessionId> = room.people().map(|person| person.session).collect();
        let wish = match self.chance.below(9) {
            0 => RoomRequest::Lead,
            1 => RoomRequest::HandOver {
                to: others[self.chance.below(others.len())],
            },
            2 => RoomRequest::StopLeading,
            3 => show(self.now as u64),
            4 => RoomRequest::Hand { hand: Hand::Raised },
            5 => RoomRequest::Follow {
                follows: Follows::Leader,
            },
            6 => RoomRequest::Point { at: None },
            _ => point(self.now as f64 / 16.0),
        };
        // Not every wish is granted.
        let _ = room.ask(who, wish, at(self.now));
        if self.chance.below(3) == 0 {
            screen.take(room.untold(who));
        }
    }

    /// All that is alive tells all, twice, and nothing is lost any more.
    fn settle(&mut self) {
        self.under_way.clear();
        self.now += room::SILENCE_MS + 1;
        for _ in 0..3 {
            for server in 0..self.rooms.len() {
                let Some(news) = self.rooms[server].as_mut().map(Room::roster) else {
                    continue;
                };
                for other in 0..self.rooms.len() {
                    if let Some(room) = &mut self.rooms[other] {
                        room.hear(news.clone(), at(self.now));
                    }
                }
            }
            for room in self.rooms.iter_mut().flatten() {
                room.expire(at(self.now));
            }
        }
        for (who, (server, screen)) in &mut self.people {
            if let Some(room) = &mut self.rooms[*server] {
                screen.take(room.untold(*who));
            }
        }
    }

    fn check(&self, seed: u64) {
        let there: Vec<SessionId> = self.people.keys().copied().collect();
        let mut leaders = Vec::new();
        for room in self.rooms.iter().flatten() {
            let mut known: Vec<SessionId> = room.people().map(|person| person.session).collect();
            known.sort();
            assert_eq!(known, there, "seed {seed}: who is there");
            leaders.push(room.leader());
        }
        leaders.dedup();
        assert!(leaders.len() <= 1, "seed {seed}: {leaders:?} lead");
        for (who, (server, screen)) in &self.people {
            let Some(room) = &self.rooms[*server] else {
                continue;
            };
            let people: BTreeMap<SessionId, Person> = room
                .people()
                .map(|person| (person.session, person.clone()))
                .collect();
            assert_eq!(screen.people, people, "seed {seed}");
            assert_eq!(screen.leader, leaders[0], "seed {seed}: who leads");
            for other in there.iter().filter(|other| *other != who) {
                let own = self.rooms[self.people[other].0].as_ref().unwrap().pointed(*other);
                assert_eq!(
                    screen.pointers.get(other).copied(),
                    own,
                    "seed {seed}: where they point"
                );
            }
        }
    }
}

#[test]
fn everybody_comes_to_know_the_same_whatever_was_lost_doubled_or_late() {
    for seed in 0..1000 {
        let mut world = World::new(seed);
        for _ in 0..400 {
            world.step();
        }
        world.settle();
        world.check(seed);
    }
}
