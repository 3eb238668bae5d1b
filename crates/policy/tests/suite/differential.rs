//! Random questions to the policies and to the reference model: not one different answer.

use std::collections::BTreeMap;

use policy::{Action, Denial, Existence, Verdict, verdict};

use crate::random::{NOW, Random};
use crate::reference::{Answer, answer};

#[test]
fn the_policies_and_the_reference_model_agree() {
    let questions: u64 = if std::env::var_os("VITRINE_LONG").is_some() {
        1_000_000
    } else {
        100_000
    };
    let mut random = Random(0x5eed_0005);
    let mut seen: BTreeMap<Action, [u64; 3]> = BTreeMap::new();
    for number in 0..questions {
        let action = random.pick(Action::ALL);
        let subject = random.subject();
        let thing = random.resource(action.kind());
        let expected = answer(action, &subject, &thing, NOW);
        let found = plain(verdict(action, &subject, &thing, NOW));
        assert_eq!(
            found, expected,
            "question {number}: {action} by {subject:#?} on {thing:#?} at {NOW:?}"
        );
        seen.entry(action).or_default()[found as usize] += 1;
    }
    // A question that is never answered with yes, or never with no, tests nothing.
    for &action in Action::ALL {
        let [yes, refused, hidden] = seen.get(&action).copied().unwrap_or_default();
        assert!(
            yes > 0 && refused + hidden > 0,
            "{action}: {yes} yes, {refused} refused, {hidden} hidden"
        );
    }
}

/// An answer is kept until a moment of the facts is passed: asked again at other times, the question must be answered
/// as if it were asked for the first time.
#[test]
fn the_answer_changes_with_the_time() {
    let mut random = Random(0x5eed_0006);
    let mut changes = 0;
    for _ in 0..3_000 {
        let action = random.pick(Action::ALL);
        let subject = random.subject();
        let thing = random.resource(action.kind());
        let mut before = None;
        for _ in 0..6 {
            let now =
                NOW.plus_ms(random.pick(&[-86_400_000, -1_001, -2, -1, 0, 1, 2, 999, 1_000, 86_400_000]));
            let found = plain(verdict(action, &subject, &thing, now));
            assert_eq!(
                found,
                answer(action, &subject, &thing, now),
                "{action} by {subject:#?} on {thing:#?} at {now:?}"
            );
            changes += u32::from(before.is_some_and(|before| before != found));
            before = Some(found);
        }
    }
    assert!(changes > 100, "{changes} changes");
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

#[test]
fn an_action_on_another_kind_of_thing_is_hidden() {
    let mut random = Random(7);
    for &action in Action::ALL {
        for &other in Action::ALL {
            if action.kind() != other.kind() {
                let subject = random.subject();
                let thing = random.resource(other.kind());
                let Verdict::Deny(denial) = verdict(action, &subject, &thing, NOW) else {
                    panic!("{action} was allowed on a {:?}", other.kind());
                };
                assert_eq!(denial.existence, Existence::Hidden);
            }
        }
    }
}
