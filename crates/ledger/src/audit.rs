//! Reads the whole log once and says whether it is what was signed.

use crate::checkpoint::Checkpoint;
use crate::event::Event;
use crate::merkle::{Frontier, Hash, leaf_hash};

/// Where a checkpoint was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// Beside the events: the last one must cover all of them.
    Database,
    /// Where the database is not, such as the object store.
    Elsewhere,
}

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Events are missing at this place.
    #[error("events {from} to {until} are missing")]
    Missing {
        /// First place without an event.
        from: u64,
        /// Last such place.
        until: u64,
    },
    /// An event stands where another has stood, or twice.
    #[error("event {sequence} stands where event {expected} should")]
    OutOfOrder {
        /// Its place, as it says.
        sequence: u64,
        /// The place at which it was found.
        expected: u64,
    },
    /// The bytes of an event are no event.
    #[error("event {sequence} cannot be read")]
    Unreadable {
        /// Its place.
        sequence: u64,
    },
    /// What is kept beside the bytes of an event, such as columns to search by, says something else than they do.
    #[error("event {sequence} is indexed as another than it is")]
    Misindexed {
        /// Its place.
        sequence: u64,
    },
    /// An event is not the one whose hash was kept.
    #[error("event {sequence} was changed")]
    Changed {
        /// Its place.
        sequence: u64,
    },
    /// The events up to a checkpoint are not those that were signed: one of those since the checkpoint before was
    /// changed, removed, reordered or inserted.
    #[error("events {from} to {until} are not those that were signed")]
    NotAsSigned {
        /// First event that the checkpoint before did not cover.
        from: u64,
        /// Last event that this checkpoint covers.
        until: u64,
    },
    /// A checkpoint has seen more events than there are: the database is an older one, or its end was cut off.
    #[error("there are {found} events, and {signed} were signed: the database was rolled back, or cut off")]
    RolledBack {
        /// Events that there are.
        found: u64,
        /// Events that the latest checkpoint has seen.
        signed: u64,
    },
    /// There are events that nothing has signed.
    #[error("events {from} to {until} were never signed")]
    Unsigned {
        /// First such event.
        from: u64,
        /// Last such event.
        until: u64,
    },
    /// A checkpoint does not carry the signature of this log.
    #[error("checkpoint {name} is not signed by this log")]
    ForgedCheckpoint {
        /// What it is called where it is kept.
        name: String,
    },
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// Events that were read.
    pub events: u64,
    /// Checkpoints that agreed.
    pub checkpoints: usize,
    /// Root of the tree over the events.
    pub root: Hash,
    /// What is wrong, in the order of the log. None: everything is as it was signed.
    pub faults: Vec<Fault>,
}

/// An audit under way. Give it every checkpoint, then every event in the order of the log.
#[derive(Debug)]
pub struct Audit {
    /// By size, the smallest last.
    checkpoints: Vec<Checkpoint>,
    head: Option<u64>,
    latest: u64,
    frontier: Frontier,
    agreed: usize,
    agreed_size: u64,
    next: u64,
    faults: Vec<Fault>,
}

/// Most faults that are listed: a log that lost its first event has a fault at each.
const MOST_FAULTS: usize = 1000;

impl Audit {
    /// An audit against these checkpoints, whose signatures were checked.
    pub fn new(checkpoints: Vec<(Where, Checkpoint)>) -> Self {
        let head = checkpoints
            .iter()
            .filter(|(place, _)| *place == Where::Database)
            .map(|(_, checkpoint)| checkpoint.size)
            .max();
        let mut checkpoints: Vec<Checkpoint> = checkpoints
            .into_iter()
            .map(|(_, checkpoint)| checkpoint)
            .collect();
        checkpoints.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.size));
        let mut audit = Self {
            head,
            latest: checkpoints.first().map_or(0, |checkpoint| checkpoint.size),
            checkpoints,
            frontier: Frontier::new(),
            agreed: 0,
            agreed_size: 0,
            next: 0,
            faults: Vec::new(),
        };
        audit.check_here();
        audit
    }

    /// Notes a checkpoint whose signature does not hold.
    pub fn forged_checkpoint(&mut self, name: &str) {
        self.fault(Fault::ForgedCheckpoint {
            name: name.to_owned(),
        });
    }

    /// The next event: its place as the database says, its bytes, and its leaf hash if that is kept. Gives the event,
    /// if it is one, so that the caller can compare what else is kept of it ([`Audit::misindexed`]).
    pub fn event(&mut self, sequence: u64, bytes: &[u8], kept_hash: Option<Hash>) -> Option<Event> {
        if sequence > self.next {
            self.fault(Fault::Missing {
                from: self.next,
                until: sequence - 1,
            });
        } else if sequence < self.next {
            self.fault(Fault::OutOfOrder {
                sequence,
                expected: self.next,
            });
        }
        let leaf = leaf_hash(bytes);
        if kept_hash.is_some_and(|kept| kept != leaf) {
            self.fault(Fault::Changed { sequence });
        }
        self.frontier.append(leaf);
        self.next = self.next.max(sequence.saturating_add(1));
        self.check_here();
        let event = Event::from_bytes(bytes).ok();
        if event.is_none() {
            self.fault(Fault::Unreadable { sequence });
        }
        event
    }

    /// Notes that what is kept beside the bytes of an event says something else than they do.
    pub fn misindexed(&mut self, sequence: u64) {
        self.fault(Fault::Misindexed { sequence });
    }

    /// What was found.
    pub fn finish(mut self) -> Findings {
        let events = self.frontier.size();
        if self.latest > events {
            self.fault(Fault::RolledBack {
                found: events,
                signed: self.latest,
            });
        }
        // What the database itself has signed must reach to its end; what is kept elsewhere lags behind.
        let signed = self.head.unwrap_or(self.latest);
        if signed < events {
            self.fault(Fault::Unsigned {
                from: signed,
                until: events - 1,
            });
        }
        Findings {
            events,
            checkpoints: self.agreed,
            root: self.frontier.root(),
            faults: self.faults,
        }
    }

    /// Compares with the checkpoints of the size that was reached.
    fn check_here(&mut self) {
        let size = self.frontier.size();
        while let Some(checkpoint) = self.checkpoints.pop_if(|checkpoint| checkpoint.size == size) {
            if checkpoint.root == self.frontier.root() {
                self.agreed += 1;
                self.agreed_size = size;
            } else {
                self.fault(Fault::NotAsSigned {
                    from: self.agreed_size,
                    until: size.saturating_sub(1),
                });
            }
        }
    }

    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{Capacity, Timestamp, UserId, Verb};

    use super::*;
    use crate::event::{Outcome, Word};

    /// Place, bytes and kept hash.
    type Row = (u64, Vec<u8>, Hash);
    type Change = fn(&mut Vec<Row>, usize);

    fn bytes(number: u8) -> Vec<u8> {
        let mut event = Event::new(
            Timestamp::from_ms(i64::from(number)),
            Word::new("LookAtItem").unwrap(),
            Verb::Read,
            Outcome::Allowed,
            Capacity::Clinician,
        );
        event.actor = Some(UserId::from_bytes([number; 16]));
        event.to_bytes().unwrap()
    }

    /// Twelve events with their kept hashes; checkpoints elsewhere after 4 and 9, the head in the database after 12.
    fn log() -> (Vec<Row>, Vec<(Where, Checkpoint)>) {
        let mut frontier = Frontier::new();
        let mut checkpoints = Vec::new();
        let events = (0..12)
            .map(|number| {
                let bytes = bytes(number);
                let leaf = leaf_hash(&bytes);
                frontier.append(leaf);
                let place = match frontier.size() {
                    4 | 9 => Some(Where::Elsewhere),
                    12 => Some(Where::Database),
                    _ => None,
                };
                let checkpoint = Checkpoint {
                    size: frontier.size(),
                    root: frontier.root(),
                    at: Timestamp::from_ms(0),
                };
                checkpoints.extend(place.map(|place| (place, checkpoint)));
                (u64::from(number), bytes, leaf)
            })
            .collect();
        (events, checkpoints)
    }

    fn faults(events: &[Row], checkpoints: Vec<(Where, Checkpoint)>) -> Vec<Fault> {
        let mut audit = Audit::new(checkpoints);
        for (sequence, bytes, hash) in events {
            audit.event(*sequence, bytes, Some(*hash));
        }
        audit.finish().faults
    }

    /// Renumbers and rehashes, as one who wants to hide would.
    fn cover_up(events: &mut [Row]) {
        for (number, event) in events.iter_mut().enumerate() {
            event.0 = number as u64;
            event.2 = leaf_hash(&event.1);
        }
    }

    #[test]
    fn an_honest_log_has_no_fault() {
        let (events, checkpoints) = log();
        assert_eq!(faults(&events, checkpoints.clone()), []);
        let mut audit = Audit::new(checkpoints);
        for (sequence, bytes, hash) in &events {
            assert!(audit.event(*sequence, bytes, Some(*hash)).is_some());
        }
        let findings = audit.finish();
        assert_eq!((findings.events, findings.checkpoints), (12, 3));
        assert_eq!(Audit::new(vec![]).finish().faults, []);
    }

    #[test]
    fn a_changed_event_is_named() {
        for place in 0..12 {
            let (mut events, checkpoints) = log();
            events[place].1 = bytes(99);
            let found = faults(&events, checkpoints);
            assert_eq!(
                found[0],
                Fault::Changed {
                    sequence: place as u64
                }
            );
            assert!(
                found
                    .iter()
                    .any(|fault| matches!(fault, Fault::NotAsSigned { .. }))
            );
        }
    }

    #[test]
    fn a_change_that_is_covered_up_is_found_by_the_next_checkpoint() {
        for place in 0..12 {
            let (mut events, checkpoints) = log();
            events[place].1 = bytes(99);
            cover_up(&mut events);
            let (from, until) = match place {
                0..4 => (0, 3),
                4..9 => (4, 8),
                _ => (9, 11),
            };
            assert_eq!(
                faults(&events, checkpoints)[0],
                Fault::NotAsSigned { from, until }
            );
        }
    }

    #[test]
    fn removal_insertion_and_reordering_are_found() {
        for place in 0..12 {
            for covered in [false, true] {
                let changes: [Change; 3] = [
                    |events, place| {
                        events.remove(place);
                    },
                    |events, place| {
                        let inserted = (place as u64, bytes(99), leaf_hash(&bytes(99)));
                        events.insert(place, inserted);
                    },
                    |events, place| events.swap(place, (place + 1) % 12),
                ];
                for change in changes {
                    let (mut events, checkpoints) = log();
                    change(&mut events, place);
                    if covered {
                        cover_up(&mut events);
                    }
                    assert!(!faults(&events, checkpoints).is_empty(), "at {place}");
                }
            }
        }
    }

    #[test]
    fn a_database_rolled_back_is_found_by_a_checkpoint_elsewhere() {
        let (events, checkpoints) = log();
        // An older backup, honest in itself: its own head was signed after 6 events.
        let mut old = Frontier::new();
        events[..6].iter().for_each(|event| old.append(event.2));
        let head = Checkpoint {
            size: 6,
            root: old.root(),
            at: Timestamp::from_ms(0),
        };
        let kept = [vec![(Where::Database, head)], checkpoints[..2].to_vec()].concat();
        assert_eq!(
            faults(&events[..6], kept),
            [Fault::RolledBack { found: 6, signed: 9 }]
        );
    }

    #[test]
    fn an_event_at_the_end_that_nothing_signed_is_found() {
        let (mut events, checkpoints) = log();
        events.push((12, bytes(50), leaf_hash(&bytes(50))));
        assert_eq!(
            faults(&events, checkpoints),
            [Fault::Unsigned { from: 12, until: 12 }]
        );
    }

    #[test]
    fn what_is_no_event_is_named() {
        let mut audit = Audit::new(vec![]);
        assert!(audit.event(0, b"{}", None).is_none());
        assert!(audit.finish().faults.contains(&Fault::Unreadable { sequence: 0 }));
    }
}
