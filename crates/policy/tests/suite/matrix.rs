//! `assets/policy/matrix.tsv`: who may do what in which state, to read and to compare.
//!
//! `UPDATE_EXPECT=1 cargo test -p policy matrix` writes it anew; the change is then read like any other.

use std::fmt::Write;
use std::path::Path;

use policy::{Action, Denial, Existence, Reason, Verdict, verdict};

use crate::people::{people, states};
use crate::random::NOW;
use crate::reference::{Answer, answer};

const LEGEND: &str = "\
# Who may do what in which state. One row: an action, and the state of the thing. One column: a person.
# yes: allowed. no: refused (403), with the reason if it is more than the role. -: there is no such thing (404).
# Generated from the policies; kept under test, beside the reference model.
";

#[test]
fn the_matrix_is_what_the_policies_say() {
    let people = people();
    let mut table = String::from(LEGEND);
    table.push_str("action\tthing\tstate");
    for person in &people {
        write!(table, "\t{}", person.name).unwrap();
    }
    table.push('\n');
    let (mut cells, mut wrong) = (0, Vec::new());
    for &action in Action::ALL {
        for (state, thing) in states(action.kind()) {
            write!(table, "{action}\t{}\t{state}", action.kind().name()).unwrap();
            for person in &people {
                let thing = thing(person);
                let found = verdict(action, &person.subject, &thing, NOW);
                let expected = answer(action, &person.subject, &thing, NOW);
                if expected != plain(found) {
                    wrong.push(format!(
                        "{action} by {} on {state}: {found:?}, expected {expected:?}",
                        person.name
                    ));
                }
                write!(table, "\t{}", cell(found)).unwrap();
                cells += 1;
            }
            table.push('\n');
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cells >= 5_000, "{cells} cells");
    println!("{cells} cells");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/policy/matrix.tsv");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let difference = kept
        .lines()
        .zip(table.lines())
        .find(|(kept, found)| kept != found);
    assert!(
        kept == table,
        "assets/policy/matrix.tsv differs from the policies; first at {difference:?}"
    );
}

fn plain(verdict: Verdict) -> Answer {
    match verdict {
        Verdict::Allow => Answer::Yes,
        Verdict::Deny(Denial {
            existence: Existence::Visible,
            ..
        }) => Answer::Refused,
        Verdict::Deny(_) => Answer::NoSuchThing,
    }
}

fn cell(verdict: Verdict) -> String {
    match verdict {
        Verdict::Allow => "yes".to_owned(),
        Verdict::Deny(Denial {
            existence: Existence::Hidden,
            ..
        }) => "-".to_owned(),
        Verdict::Deny(Denial {
            reason: Reason::NotAllowed,
            ..
        }) => "no".to_owned(),
        Verdict::Deny(Denial { reason, .. }) => format!("no: {}", reason.word()),
    }
}
