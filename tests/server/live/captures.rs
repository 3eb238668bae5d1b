//! Captures of one's own space: whoever uploaded one renders it, whoever was given one gets marked pictures of it.

use std::time::{Duration, Instant};

use protocol::{Ending, Event, Grade, Pane, Request, RoomRequest, Trouble};
use serde_json::json;
use ureq::http::Method;

use super::super::client::{Client, Server};
use super::super::spaces::{capture, people};
use super::socket::{Viewer, axial};
use super::{SIZE, brightness};

const SPACE: &str = "/api/space/live";

fn given(from: &Client, item: &str, to: &str) -> String {
    let given = from.post(&format!("/api/captures/{item}/transfer"), &json!({ "to": to }));
    assert_eq!(given.status, 201, "{given:?}");
    given.json["item"].as_str().expect("an item").to_owned()
}

fn not_found(viewer: &mut Viewer, item: &str) {
    viewer.send(&Request::Open {
        item: item.parse().expect("an item"),
    });
    let trouble = viewer.event(|event| match event {
        Event::Trouble { trouble, .. } => Some(*trouble),
        _ => None,
    });
    assert_eq!(trouble, Trouble::NotFound);
}

#[test]
fn a_capture_is_rendered_by_who_uploaded_it_and_looked_at_by_who_was_given_it() {
    let server = Server::demo();
    let people = people(&server);
    let (patient, doctor) = (&people.patient, &people.doctor);
    let item = capture(patient, "Own^Capture");
    let answer = format!("/api/connections/{}/answer", people.connection);
    assert_eq!(doctor.post(&answer, &json!({ "accept": true })).status, 200);
    let got = given(patient, &item, &people.doctor_id);
    let thumbnail = |who: &Client, item: &str| who.get(&format!("/api/items/{item}/thumbnail")).status;
    let artifacts = |who: &Client, item: &str| who.get(&format!("/api/items/{item}/artifacts"));

    // Whoever uploaded it gets what was made of it, from their own space.
    let own = artifacts(patient, &item);
    assert_eq!(own.status, 200, "{own:?}");
    let part = |kind: &str, part: &str| {
        let all = own.json.as_array().expect("artifacts");
        let one = all
            .iter()
            .find(|one| one["kind"] == kind)
            .expect("one of the kind");
        format!(
            "/api/items/{item}/artifacts/{}/{part}",
            one["id"].as_str().unwrap()
        )
    };
    assert_eq!(patient.get(&part("pyramid", "head")).status, 200);
    assert_eq!(patient.get(&part("pyramid", "sections/slice-1-2")).status, 200);
    assert_eq!(thumbnail(patient, &item), 200);

    // Whoever was given it gets marked pictures, and no byte of what was made of it. Nobody else knows of either.
    let small = doctor.get(&format!("/api/items/{got}/thumbnail"));
    assert_eq!((small.status, small.header("content-type")), (200, "image/jpeg"));
    assert_eq!(artifacts(doctor, &got).status, 403);
    let (stranger, _) = server.practice("other@example.org");
    for (who, what) in [
        (doctor, &item),
        (patient, &got),
        (&stranger, &item),
        (&stranger, &got),
    ] {
        assert_eq!(
            (thumbnail(who, what), artifacts(who, what).status),
            (404, 404),
            "{what}"
        );
    }
    assert_eq!(Viewer::open_at(&server.visitor(), SPACE, None).err(), Some(401));
    assert_eq!(
        Viewer::open_at(doctor, SPACE, Some("https://evil.example")).err(),
        Some(403)
    );
    let mut other = Viewer::open_at(&stranger, SPACE, None).expect("a socket");
    not_found(&mut other, &got);

    // In a space nobody else is met, and what lies elsewhere is not there.
    let mut viewer = Viewer::open_at(doctor, SPACE, None).expect("a socket");
    viewer.send(&Request::Room(RoomRequest::Enter));
    let refused = viewer.event(|event| match event {
        Event::Trouble { trouble, .. } => Some(*trouble),
        _ => None,
    });
    assert_eq!(refused, Trouble::Refused);
    not_found(&mut viewer, &item);
    let exhibit = viewer.look_at(&got);
    let pane = axial(&exhibit, 0.0, SIZE);
    let asked = viewer.ask_for(&exhibit, &[pane]);
    let (header, picture) = viewer.frame(asked, Pane::Axial, Grade::Fine);
    let bright = brightness(&picture, header.coded);
    assert!(
        bright.iter().any(|value| *value > 100),
        "there is something to see"
    );

    // Deleted, it is seen no more, at once.
    let removed = doctor.call(Method::DELETE, &format!("/api/captures/{got}"), &[], Vec::new());
    assert_eq!(removed.status, 204);
    let start = Instant::now();
    let why = viewer.event(|event| match event {
        Event::Ended { why } => Some(*why),
        _ => None,
    });
    assert_eq!(why, Ending::Revoked);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    // Nothing changes for whose it was.
    assert_eq!(thumbnail(patient, &item), 200);
}
