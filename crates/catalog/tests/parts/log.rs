//! The log of events over both databases: what an audit finds when somebody with the database in hand changes it.

use catalog::Catalog;
use domain::{Capacity, CaseId, PatientId, Timestamp, UserId, Verb};
use ledger::{Checkpoint, Event, Fault, Frontier, Outcome, Word, leaf_hash};

use crate::support::{Place, on_both};

on_both!(
    an_honest_log_has_no_fault,
    a_changed_event_is_found,
    a_removed_event_is_found,
    reordered_events_are_found,
    an_inserted_event_is_found,
    an_event_found_under_another_name_is_found,
    a_database_rolled_back_is_found,
    a_past_written_anew_is_found_by_what_was_kept,
    an_act_and_its_events_are_there_together,
);

/// Nine events in all: some by a change, some beside any.
const EVENTS: u32 = 9;

fn event(number: u32) -> Event {
    let action = Word::fixed(if number.is_multiple_of(2) {
        "SeeCase"
    } else {
        "EditCase"
    });
    let at = Timestamp::from_ms(1_795_000_000_000 + i64::from(number));
    let mut event = Event::new(at, action, Verb::Read, Outcome::Allowed, Capacity::Clinician);
    event.actor = Some(UserId::from_bytes([1 + number as u8 % 3; 16]));
    event.patient = Some(PatientId::from_bytes([7; 16]));
    event.case = Some(CaseId::from_bytes([8; 16]));
    event
}

/// A log of nine events; the checkpoint after six, as it was kept elsewhere.
async fn log(place: &Place) -> (Catalog, Vec<(String, String)>) {
    let catalog = place.open().await;
    let mut kept = Vec::new();
    for number in 0..EVENTS {
        if number % 3 == 0 {
            let mut change = catalog.change().await.unwrap();
            change.record(&[event(number)]).await.unwrap();
            change.commit().await.unwrap();
        } else {
            catalog.record(vec![event(number)]).await.unwrap();
        }
        if number == 5 {
            let (_, text) = catalog.system().checkpoint().await.unwrap().unwrap();
            kept.push(("2026-11-21.txt".to_owned(), text));
            place
                .execute("CREATE TABLE old_ledger AS SELECT * FROM ledger")
                .await;
        }
    }
    (catalog, kept)
}

async fn faults(catalog: &Catalog, kept: &[(String, String)]) -> Vec<Fault> {
    catalog.system().audit(kept).await.unwrap().faults
}

/// Bytes as a value of SQL.
fn blob(place: &Place, bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match &place.database {
        catalog::Database::Sqlite(_) => format!("X'{digits}'"),
        catalog::Database::Postgres(_) => format!("decode('{digits}', 'hex')"),
    }
}

/// Puts other bytes, and the hash of them, where an event is.
async fn forge(place: &Place, number: u32, bytes: &[u8]) {
    let (bytes, hash) = (blob(place, bytes), blob(place, &leaf_hash(bytes).0));
    place
        .execute(&format!(
            "UPDATE events SET bytes = {bytes}, hash = {hash} WHERE seq = {number}"
        ))
        .await;
}

async fn an_honest_log_has_no_fault(place: Place) {
    let (catalog, kept) = log(&place).await;
    let findings = catalog.system().audit(&kept).await.unwrap();
    assert_eq!(findings.faults, []);
    assert_eq!((findings.events, findings.checkpoints), (u64::from(EVENTS), 2));
    let again = place.open().await;
    assert_eq!(again.system().audit(&kept).await.unwrap(), findings);
    let forged = [("strange".to_owned(), kept[0].1.replace("\n6\n", "\n5\n"))];
    let name = "strange".to_owned();
    assert_eq!(
        faults(&catalog, &forged).await,
        [Fault::ForgedCheckpoint { name }]
    );
}

async fn a_changed_event_is_found(place: Place) {
    let (catalog, kept) = log(&place).await;
    let other = blob(&place, &event(44).to_bytes().unwrap());
    place
        .execute(&format!("UPDATE events SET bytes = {other} WHERE seq = 4"))
        .await;
    let found = faults(&catalog, &kept).await;
    assert_eq!(found[0], Fault::Changed { sequence: 4 });
    // With its hash as well, the next checkpoint finds it.
    forge(&place, 4, &event(4 + 6).to_bytes().unwrap()).await;
    let found = faults(&catalog, &kept).await;
    assert!(
        found.contains(&Fault::NotAsSigned { from: 0, until: 5 }),
        "{found:?}"
    );
}

async fn a_removed_event_is_found(place: Place) {
    let (catalog, kept) = log(&place).await;
    place.execute("DELETE FROM events WHERE seq = 2").await;
    let found = faults(&catalog, &kept).await;
    assert_eq!(found[0], Fault::Missing { from: 2, until: 2 });
    place
        .execute("UPDATE events SET seq = seq - 1 WHERE seq > 2")
        .await;
    let found = faults(&catalog, &kept).await;
    assert!(
        found.contains(&Fault::NotAsSigned { from: 0, until: 5 }),
        "{found:?}"
    );
    assert!(
        found.contains(&Fault::RolledBack { found: 8, signed: 9 }),
        "{found:?}"
    );
}

async fn reordered_events_are_found(place: Place) {
    let (catalog, kept) = log(&place).await;
    for (from, to) in [(6, 100), (7, 6), (100, 7)] {
        place
            .execute(&format!("UPDATE events SET seq = {to} WHERE seq = {from}"))
            .await;
    }
    let found = faults(&catalog, &kept).await;
    assert_eq!(found, [Fault::NotAsSigned { from: 6, until: 8 }]);
}

async fn an_inserted_event_is_found(place: Place) {
    let (catalog, kept) = log(&place).await;
    let copy = |to: i64| {
        format!(
            "INSERT INTO events (seq, at_ms, actor, session, practice, patient, case_id, action, outcome, bytes, hash) \
             SELECT {to}, at_ms, actor, session, practice, patient, case_id, action, outcome, bytes, hash \
             FROM events WHERE seq = 3"
        )
    };
    place.execute(&copy(9)).await;
    let found = faults(&catalog, &kept).await;
    assert_eq!(found, [Fault::Unsigned { from: 9, until: 9 }]);
    place.execute("UPDATE events SET seq = -1 WHERE seq = 9").await;
    let found = faults(&catalog, &kept).await;
    assert!(matches!(found[0], Fault::Missing { from: 0, .. }), "{found:?}");
}

async fn an_event_found_under_another_name_is_found(place: Place) {
    let (catalog, kept) = log(&place).await;
    place
        .execute("UPDATE events SET patient = NULL WHERE seq = 1")
        .await;
    place
        .execute("UPDATE events SET outcome = 'refused: held' WHERE seq = 7")
        .await;
    let expected = [1, 7].map(|sequence| Fault::Misindexed { sequence });
    assert_eq!(faults(&catalog, &kept).await, expected);
}

async fn a_database_rolled_back_is_found(place: Place) {
    let (catalog, mut kept) = log(&place).await;
    let (_, latest) = catalog.system().checkpoint().await.unwrap().unwrap();
    place.execute("DELETE FROM events WHERE seq >= 6").await;
    let found = faults(&catalog, &kept).await;
    assert_eq!(found, [Fault::RolledBack { found: 6, signed: 9 }]);
    // All of the database as it was, its head too: only what is kept elsewhere knows better.
    place.execute("DELETE FROM ledger").await;
    place.execute("INSERT INTO ledger SELECT * FROM old_ledger").await;
    assert_eq!(faults(&catalog, &kept).await, []);
    kept.push(("2026-11-22.txt".to_owned(), latest));
    let found = faults(&catalog, &kept).await;
    assert_eq!(found, [Fault::RolledBack { found: 6, signed: 9 }]);
}

/// Whoever holds the database can write the past and the edge of the tree anew; the server then signs what follows.
async fn a_past_written_anew_is_found_by_what_was_kept(place: Place) {
    let (catalog, kept) = log(&place).await;
    let (before, _) = catalog.system().checkpoint().await.unwrap().unwrap();
    let mut seen = Frontier::new();
    assert!(catalog.system().extends(&mut seen, None, &before).await.unwrap());
    assert_eq!(seen.size(), 9);

    let mut events: Vec<Event> = (0..EVENTS).map(event).collect();
    events[2].actor = Some(UserId::from_bytes([99; 16]));
    let mut edge = Frontier::new();
    for event in &events {
        edge.append(leaf_hash(&event.to_bytes().unwrap()));
    }
    forge(&place, 2, &events[2].to_bytes().unwrap()).await;
    let actor = events[2].actor.unwrap();
    place
        .execute(&format!("UPDATE events SET actor = '{actor}' WHERE seq = 2"))
        .await;
    let roots: String = edge.roots().iter().map(ToString::to_string).collect();
    place
        .execute(&format!("UPDATE ledger SET roots = '{roots}'"))
        .await;
    catalog.record(vec![event(EVENTS)]).await.unwrap();

    assert_eq!(faults(&catalog, &[]).await, []);
    let found = faults(&catalog, &kept).await;
    assert_eq!(found, [Fault::NotAsSigned { from: 0, until: 5 }]);
    let (head, _) = catalog.system().checkpoint().await.unwrap().unwrap();
    // A process that has seen the log before finds it; and so does one that has not, by what was kept.
    assert!(!catalog.system().extends(&mut seen, None, &head).await.unwrap());
    let kept: Checkpoint = catalog
        .log_verifying_key()
        .await
        .unwrap()
        .open(&kept[0].1)
        .unwrap();
    let fresh = &mut Frontier::new();
    assert!(!catalog.system().extends(fresh, Some(&kept), &head).await.unwrap());
    assert!(catalog.system().extends(fresh, None, &head).await.unwrap());
}

async fn an_act_and_its_events_are_there_together(place: Place) {
    let catalog = place.open().await;
    let mut change = catalog.change().await.unwrap();
    change.record(&[event(0)]).await.unwrap();
    drop(change);
    let findings = catalog.system().audit(&[]).await.unwrap();
    assert_eq!((findings.events, findings.faults), (0, vec![]));
    let mut change = catalog.change().await.unwrap();
    change.record(&[event(0), event(1)]).await.unwrap();
    change.commit().await.unwrap();
    let scope = catalog::Scope::Patient(PatientId::from_bytes([7; 16]));
    let found = catalog.system().events(scope, None, 10).await.unwrap();
    let found: Vec<_> = found
        .into_iter()
        .map(|found| (found.sequence, found.event))
        .collect();
    assert_eq!(found, [(1, event(1)), (0, event(0))]);
    assert_eq!(faults(&catalog, &[]).await, []);
}
