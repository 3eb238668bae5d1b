//! What people have a right to know from the log: to whom a record was disclosed, and who looked at it.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Capacity, CaseId, Date, PatientId, Timestamp, UserId, Verb};
use serde::Serialize;

use crate::event::{Event, Outcome, Word};

/// Six years, as far back as an accounting of disclosures goes (45 CFR 164.528(a)(1)); two of them are leap years at
/// most.
pub const SIX_YEARS_MS: i64 = (6 * 365 + 2) * 86_400_000;

/// An event at its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its place, from 0.
    pub sequence: u64,
    /// What happened.
    pub event: Event,
}

/// On what ground somebody outside of the practice got to see something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The practice asked a colleague for help with the treatment.
    Treatment,
    /// The patient asked for it.
    PatientsRequest,
    /// An operator of the server, in an emergency that the practice was told of.
    Emergency,
}

/// One line of an accounting of disclosures: all that one person got to see in one case on one ground. Several
/// disclosures to the same person for one purpose are one line with the first, the last and their number
/// (45 CFR 164.528(b)(3)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disclosure {
    /// Who got to see it. The report of the program names the person.
    pub recipient: UserId,
    /// On what ground: the purpose.
    pub basis: Basis,
    /// In which case; `None` for the record as such.
    pub case: Option<CaseId>,
    /// The first time.
    pub first: Timestamp,
    /// The last time.
    pub last: Timestamp,
    /// How many times.
    pub times: u64,
    /// What was done: the actions of the policy.
    pub actions: BTreeSet<Word>,
    /// What was disclosed: identifiers of items and the like.
    pub objects: BTreeSet<Word>,
}

/// The accounting of disclosures of one patient's record for the six years before `until` (45 CFR 164.528).
///
/// What the practice's own members do is use, not disclosure, and what the patient or a guardian sees is not accounted
/// for (164.528(a)(1)(ii)). Disclosures for treatment need not be listed; here they are, as such.
pub fn accounting_of_disclosures<'a>(
    events: impl IntoIterator<Item = &'a Recorded>,
    patient: PatientId,
    until: Timestamp,
) -> Vec<Disclosure> {
    let since = until.plus_ms(-SIX_YEARS_MS);
    let mut lines: BTreeMap<(UserId, Basis, Option<CaseId>), Disclosure> = BTreeMap::new();
    for Recorded { event, .. } in events {
        let (Some(recipient), Some(basis)) = (event.actor, basis(event.capacity)) else {
            continue;
        };
        if !shows(event, patient) || event.at < since || event.at >= until {
            continue;
        }
        let line = lines
            .entry((recipient, basis, event.case))
            .or_insert_with(|| Disclosure {
                recipient,
                basis,
                case: event.case,
                first: event.at,
                last: event.at,
                times: 0,
                actions: BTreeSet::new(),
                objects: BTreeSet::new(),
            });
        line.first = line.first.min(event.at);
        line.last = line.last.max(event.at);
        line.times = line.times.saturating_add(1);
        line.actions.insert(event.action.clone());
        line.objects
            .extend(event.object.as_ref().map(|object| object.id.clone()));
    }
    let mut lines: Vec<Disclosure> = lines.into_values().collect();
    lines.sort_by_key(|line| (line.first, line.recipient));
    lines
}

fn basis(capacity: Capacity) -> Option<Basis> {
    match capacity {
        Capacity::Collaborator => Some(Basis::Treatment),
        Capacity::ConnectedDoctor => Some(Basis::PatientsRequest),
        Capacity::Operator => Some(Basis::Emergency),
        _ => None,
    }
}

/// Whether an event showed something of this patient to somebody.
pub fn shows(event: &Event, patient: PatientId) -> bool {
    event.patient == Some(patient)
        && event.outcome == Outcome::Allowed
        && matches!(event.verb, Verb::Read | Verb::List)
}

/// One line of "who looked at my record": one person in one capacity on one day, in one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Look {
    /// Who looked. The report of the program names the person.
    pub who: UserId,
    /// In which capacity.
    pub capacity: Capacity,
    /// The day in UTC.
    pub day: Date,
    /// In which case; `None` for the record as such.
    pub case: Option<CaseId>,
    /// The first time that day.
    pub first: Timestamp,
    /// The last time that day.
    pub last: Timestamp,
    /// How many times.
    pub times: u64,
}

/// Who looked at a patient's record, the latest first. What the patient did is left out.
pub fn who_looked<'a>(events: impl IntoIterator<Item = &'a Recorded>, patient: PatientId) -> Vec<Look> {
    let mut looks: BTreeMap<(Date, UserId, Capacity, Option<CaseId>), Look> = BTreeMap::new();
    for Recorded { event, .. } in events {
        let Some(who) = event.actor.filter(|_| shows(event, patient)) else {
            continue;
        };
        if event.capacity == Capacity::Patient {
            continue;
        }
        let day = event.at.date();
        let look = looks
            .entry((day, who, event.capacity, event.case))
            .or_insert_with(|| Look {
                who,
                capacity: event.capacity,
                day,
                case: event.case,
                first: event.at,
                last: event.at,
                times: 0,
            });
        look.first = look.first.min(event.at);
        look.last = look.last.max(event.at);
        look.times = look.times.saturating_add(1);
    }
    let mut looks: Vec<Look> = looks.into_values().collect();
    looks.sort_by_key(|look| std::cmp::Reverse((look.last, look.who)));
    looks
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: PatientId = PatientId::from_bytes([1; 16]);
    const NOW: Timestamp = Timestamp::from_ms(1_795_000_000_000);

    fn event(who: u8, capacity: Capacity, days_ago: i64, change: impl Fn(&mut Event)) -> Recorded {
        let mut event = Event::new(
            NOW.plus_days(-days_ago),
            Word::new("LookAtItem").unwrap(),
            Verb::Read,
            Outcome::Allowed,
            capacity,
        );
        event.actor = Some(UserId::from_bytes([who; 16]));
        event.patient = Some(PATIENT);
        event.case = Some(CaseId::from_bytes([2; 16]));
        change(&mut event);
        Recorded { sequence: 0, event }
    }

    fn log() -> Vec<Recorded> {
        use Capacity::{Clinician, Collaborator, Guardian, Operator, Patient};
        let same = |_: &mut Event| {};
        vec![
            event(1, Clinician, 9, same),
            event(2, Collaborator, 8, same),
            event(2, Collaborator, 8, |event| event.at = event.at.plus_ms(5)),
            event(2, Collaborator, 3, same),
            event(2, Collaborator, 2, |event| event.case = None),
            event(3, Operator, 7, same),
            event(4, Patient, 6, same),
            event(5, Guardian, 5, same),
            event(2, Collaborator, 1, |event| {
                event.outcome = Outcome::Refused(Word::new("not_allowed").unwrap());
            }),
            event(2, Collaborator, 1, |event| event.verb = Verb::Update),
            event(2, Collaborator, 1, |event| {
                event.patient = Some(PatientId::from_bytes([9; 16]));
            }),
            event(2, Collaborator, 2_193, same),
            event(6, Collaborator, 2_192, same),
            event(6, Collaborator, 0, same),
        ]
    }

    #[test]
    fn disclosures_leave_the_practice() {
        let lines = accounting_of_disclosures(&log(), PATIENT, NOW);
        let found: Vec<(u8, Basis, u64, i64)> = lines
            .iter()
            .map(|line| {
                (
                    line.recipient.as_bytes()[0],
                    line.basis,
                    line.times,
                    line.last.ms() - line.first.ms(),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                (6, Basis::Treatment, 1, 0),
                (2, Basis::Treatment, 3, 5 * 86_400_000),
                (3, Basis::Emergency, 1, 0),
                (2, Basis::Treatment, 1, 0),
            ]
        );
    }

    #[test]
    fn looks_are_counted_by_day() {
        let found: Vec<(u8, Capacity, u64)> = who_looked(&log(), PATIENT)
            .iter()
            .map(|look| (look.who.as_bytes()[0], look.capacity, look.times))
            .collect();
        use Capacity::{Clinician, Collaborator, Guardian, Operator};
        assert_eq!(
            found,
            [
                (6, Collaborator, 1),
                (2, Collaborator, 1),
                (2, Collaborator, 1),
                (5, Guardian, 1),
                (3, Operator, 1),
                (2, Collaborator, 2),
                (1, Clinician, 1),
                (6, Collaborator, 1),
                (2, Collaborator, 1),
            ]
        );
    }
}
