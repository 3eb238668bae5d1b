//! A frame of a stream asks once: an answer that takes long is a picture that comes late.

use std::hint::black_box;
use std::time::{Duration, Instant};

use domain::{ItemId, Timestamp};
use policy::{Action, Kind, Resource, verdict};

use crate::people::{people, states};
use crate::random::NOW;

/// The best of many runs, so that a loaded machine does not fail it; the bounds are several times what a free one
/// takes.
#[test]
fn an_answer_takes_microseconds() {
    let people = people();
    let clinician = people.iter().find(|person| person.name == "clinician").unwrap();
    let (_, thing) = states(Kind::Item).remove(0);
    let Resource::Item(item) = thing(clinician) else {
        panic!("an item");
    };
    let ask = |number: u32, now: Timestamp| {
        let mut item = item;
        let mut id = [0xee; 16];
        id[..4].copy_from_slice(&number.to_le_bytes());
        item.item = ItemId::from_bytes(id);
        let thing = Resource::Item(item);
        black_box(verdict(
            Action::LookAtItem,
            black_box(&clinician.subject),
            &thing,
            now,
        ));
    };
    let best = |mut ask: Box<dyn FnMut(u32) + '_>| {
        let runs = (0..50).map(|run| {
            let start = Instant::now();
            (0..20).for_each(|number| ask(run * 20 + number));
            start.elapsed() / 20
        });
        runs.min().unwrap_or_default()
    };
    let fresh = best(Box::new(|number| ask(number, NOW)));
    let frames = best(Box::new(|number| ask(u32::MAX, NOW.plus_ms(i64::from(number)))));
    println!("{fresh:?} an answer, {frames:?} where only time has gone on");
    assert!(fresh < Duration::from_micros(200), "{fresh:?}");
    assert!(frames < Duration::from_micros(20), "{frames:?}");
}
