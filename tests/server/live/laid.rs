//! Items that were laid onto each other, in one picture from the server, for whoever may look at both.

use domain::ItemId;
use geometry::DVec3;
use protocol::{Event, Grade, Layer, Look, Pane, Request, Shown};
use serde_json::json;

use super::super::client::Server;
use super::super::registrations::{add, colleague, face, guest, head, keep, lay};
use super::socket::{Viewer, look, space};
use super::{SIZE, brightness};

#[test]
fn a_guest_sees_a_face_where_it_was_laid() {
    let server = Server::demo();
    let (admin, practice) = server.practice("adler@example.org");
    let (patient, case) = admin.patient_and_case(&practice);
    let other = colleague(&server, &admin, &practice, &patient);
    let viewer = guest(&server, &admin, &case, "see");
    let (ct, face) = (add(&admin, &case, &head("Head")), add(&other, &case, &face()));
    let item: ItemId = face.parse().unwrap();

    let mut socket = Viewer::open(&viewer, &case).expect("a socket");
    let exhibit = socket.look_at(&ct);
    let apart = |event: &Event| matches!(event, Event::Apart { item: apart } if *apart == item).then_some(());
    socket.send(&Request::Add { item });
    socket.event(apart);
    // A proposal is nobody else's to see.
    let proposed = lay(&admin, &face, &json!({ "onto": ct }));
    assert_eq!(proposed.status, 201, "{proposed:?}");
    socket.send(&Request::Add { item });
    socket.event(apart);
    assert_eq!(keep(&admin, &face, &proposed.id()), 204);
    socket.send(&Request::Add { item });
    let (surfaces, bounds) = socket.event(|event| match event {
        Event::Added {
            item: added,
            surfaces,
            bounds_mm,
        } if *added == item => Some((surfaces.clone(), *bounds_mm)),
        _ => None,
    });
    // It lies in the millimeters of the CT: from the tip of the nose backward, above and below.
    assert!(bounds.max.y < -29.0 && bounds.min.y > -125.0, "{bounds:?}");
    assert!(bounds.min.z > -61.0 && bounds.max.z < 81.0, "{bounds:?}");

    let pane = space(&exhibit, DVec3::NEG_Y, SIZE);
    let mut sequence = 100;
    let mut drawn = |layers: Vec<Layer>| {
        sequence += 1;
        socket.send(&Request::Look(Look {
            layers,
            volume: Shown::No,
            ..look(&exhibit, sequence, &[pane])
        }));
        let (_, picture) = socket.frame(sequence, Pane::Space, Grade::Fine);
        brightness(&picture, SIZE)
    };
    let layer = |item, name: &str| Layer {
        item,
        name: name.to_owned(),
        opacity: 1.0,
        color: Some([0.9; 3]),
    };
    let nothing = drawn(Vec::new());
    let of_face = drawn(surfaces.iter().map(|name| layer(Some(item), name)).collect());
    let of_skin = drawn(vec![layer(None, "skin")]);
    let seen = |picture: &[u8]| -> Vec<usize> {
        let pixels = picture.iter().zip(&nothing).enumerate();
        let bright = pixels.filter(|(_, (seen, before))| **seen > **before + 60);
        bright.map(|(at, _)| at).collect()
    };
    let (on_face, on_skin) = (seen(&of_face), seen(&of_skin));
    assert!(
        on_face.len() > 800,
        "{} of {} pixels",
        on_face.len(),
        of_face.len()
    );
    // Wherever the face is, the skin of the CT is as well, and as bright: it is the same surface.
    let alike = on_face
        .iter()
        .filter(|at| of_skin[**at].abs_diff(of_face[**at]) < 24);
    let share = alike.count() as f64 / on_face.len() as f64;
    println!(
        "{} pixels of the face, {} of the skin, {share:.3} alike",
        on_face.len(),
        on_skin.len()
    );
    assert!(share > 0.95 && on_skin.len() > on_face.len(), "{share}");

    // Withdrawn, it is out of the pictures at once.
    let path = format!("/api/items/{face}/registrations/{}", proposed.id());
    assert_eq!(other.delete(&path).status, 204);
    socket.event(apart);
    // Who uploaded it learns who looked.
    let sights = other.get(&format!("/api/items/{face}/sights")).json;
    assert!(
        sights[0]["frames"].as_u64().is_some_and(|frames| frames > 0),
        "{sights}"
    );
}
