//! Looking together: who is there, where they point, who leads; and whose session a picture comes from.

use std::process::Command;
use std::time::{Duration, Instant};

use geometry::DVec3;
use protocol::{Called, Event, Grade, Hand, Pane, Person, Pointed, Request, RoomEvent, RoomRequest, Trouble};
use serde_json::Value;
use testkit::postgres::Cluster;

use super::super::client::{Client, Server};
use super::socket::{Viewer, axial, look};
use super::{SIZE, Scene};
use crate::support::run;

fn room<T>(viewer: &mut Viewer, mut is_it: impl FnMut(&RoomEvent) -> Option<T>) -> T {
    viewer.event(|event| match event {
        Event::Room(event) => is_it(event),
        _ => None,
    })
}

fn here(viewer: &mut Viewer, called: &Called) -> Person {
    room(viewer, |event| match event {
        RoomEvent::Here { person } if person.called == *called => Some(person.clone()),
        _ => None,
    })
}

fn name(client: &Client) -> Called {
    let me = client.get("/api/me").json;
    Called::Name(me["name"].as_str().expect("a name").to_owned())
}

fn ask(viewer: &mut Viewer, request: RoomRequest) {
    viewer.send(&Request::Room(request));
}

fn pointed(scene: &Scene, x: f64) -> Pointed {
    Pointed::Patient {
        item: scene.item.parse().expect("an item"),
        p_mm: DVec3::new(x, 2.5, -7.0),
    }
}

fn trouble(viewer: &mut Viewer) -> Trouble {
    viewer.event(|event| match event {
        Event::Trouble { trouble, .. } => Some(*trouble),
        _ => None,
    })
}

#[test]
fn who_looks_at_a_case_sees_the_others_and_follows_who_leads() {
    let scene = Scene::new();
    let (collaborator, grant) = scene.collaborator("curie@example.net");
    let person = scene.person("quirina@example.net");
    let (adler, curie) = (name(&scene.admin), name(&collaborator));
    let mut first = Viewer::open(&scene.admin, &scene.case).expect("a socket");
    let own = here(&mut first, &adler);
    let mut second = Viewer::open(&collaborator, &scene.case).expect("a socket");
    let other = here(&mut first, &curie);
    assert_ne!(own.color, other.color);
    here(&mut second, &adler);

    // Where one points, the others see; oneself is told nothing.
    ask(
        &mut first,
        RoomRequest::Point {
            at: Some(pointed(&scene, 4.0)),
        },
    );
    let seen = room(&mut second, |event| match event {
        RoomEvent::Points { pointers } => Some(pointers.clone()),
        _ => None,
    });
    assert_eq!(seen, [(own.session, Some(pointed(&scene, 4.0)))]);

    // Who may not mark the case cannot lead it; who leads shows.
    ask(&mut second, RoomRequest::Lead);
    assert_eq!(trouble(&mut second), Trouble::Refused);
    ask(&mut first, RoomRequest::Lead);
    let leads = |viewer: &mut Viewer| {
        room(viewer, |event| match event {
            RoomEvent::Leads { session } => Some(*session),
            _ => None,
        })
    };
    assert_eq!(leads(&mut second), Some(own.session));
    let exhibit = first.look_at(&scene.item);
    let shown = look(&exhibit, 5, &[axial(&exhibit, 3.0, SIZE)]);
    ask(
        &mut first,
        RoomRequest::Show {
            item: scene.item.parse().expect("an item"),
            look: Box::new(shown.clone()),
        },
    );
    let shows = |viewer: &mut Viewer| {
        room(viewer, |event| match event {
            RoomEvent::Shows { look, .. } => Some(look.clone()),
            _ => None,
        })
    };
    assert_eq!(*shows(&mut second), shown);

    // Who comes late hears what is true: the patient, whose name is told to nobody.
    let mut third = Viewer::open(&person, &scene.case).expect("a socket");
    here(&mut third, &adler);
    assert_eq!(leads(&mut third), Some(own.session));
    assert_eq!(*shows(&mut third), shown);
    here(&mut second, &Called::Patient);
    ask(&mut third, RoomRequest::Hand { hand: Hand::Raised });
    room(&mut second, |event| match event {
        RoomEvent::Here { person } => person.hand_ms,
        _ => None,
    });

    // Who may see the case no more is there no more, and hears no more.
    let path = format!("/api/grants/{grant}");
    assert_eq!(scene.admin.delete(&path).status, 204);
    let why = second.event(|event| match event {
        Event::Ended { why } => Some(*why),
        _ => None,
    });
    assert_eq!(why, Ending::Revoked);
    let gone = room(&mut first, |event| match event {
        RoomEvent::Gone { session } => Some(*session),
        _ => None,
    });
    assert_eq!(gone, other.session);
    // Who leads and goes leaves the lead free.
    drop(first);
    assert_eq!(leads(&mut third), None);
}

#[test]
fn a_room_goes_over_two_servers() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let scene = Scene::at(Server::in_environment(
        &["--demo", "--database", &database],
        Vec::new(),
    ));
    let beside = Server::beside(&scene.server);
    let colleague = scene.colleague("meitner@example.org").at(&beside);
    let mut here_ = Viewer::open(&scene.admin, &scene.case).expect("a socket");
    let mut there = Viewer::open(&colleague, &scene.case).expect("a socket");
    let other = here(&mut here_, &name(&colleague));
    ask(&mut there, RoomRequest::Lead);
    room(&mut here_, |event| {
        (*event
            == RoomEvent::Leads {
                session: Some(other.session),
            })
        .then_some(())
    });
    // How long a pointer takes from one server's viewer to the other's.
    let mut took: Vec<Duration> = (0..20)
        .map(|n| {
            let at = pointed(&scene, f64::from(n));
            let start = Instant::now();
            ask(&mut there, RoomRequest::Point { at: Some(at) });
            room(&mut here_, |event| match event {
                RoomEvent::Points { pointers } => pointers.contains(&(other.session, Some(at))).then_some(()),
                _ => None,
            });
            start.elapsed()
        })
        .collect();
    took.sort();
    println!(
        "a pointer over two servers: median {:?}, worst {:?}",
        took[10], took[19]
    );
    assert!(took[10] < Duration::from_secs(1), "{took:?}");
    drop(there);
    room(&mut here_, |event| {
        (*event
            == RoomEvent::Gone {
                session: other.session,
            })
        .then_some(())
    });
}

/// What `vitrine trace` says of a picture.
fn traced(server: &Server, picture: &[u8]) -> Value {
    let file = server.folder.path().join("picture.jpg");
    std::fs::write(&file, picture).expect("a file");
    let output = run(Command::new(env!("CARGO_BIN_EXE_vitrine"))
        .arg("trace")
        .arg(&file)
        .arg("--json")
        .arg("--data")
        .arg(server.data())
        .arg("--key-file")
        .arg(server.folder.path().join("key/root.key")));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_picture_is_traced_to_who_saw_it() {
    let scene = Scene::new();
    let (collaborator, _) = scene.collaborator("curie@example.net");
    let mut viewer = Viewer::open(&collaborator, &scene.case).expect("a socket");
    let session = viewer.event(|event| match event {
        Event::Welcome { session, .. } => Some(*session),
        _ => None,
    });
    let exhibit = viewer.look_at(&scene.item);
    let size = protocol::PixelSize {
        width: 520,
        height: 512,
    };
    let asked = viewer.ask_for(&exhibit, &[axial(&exhibit, 3.0, size)]);
    let (_, picture) = viewer.frame(asked, Pane::Axial, Grade::Fine);
    let found = traced(&scene.server, &picture);
    let user = &collaborator.get("/api/me").json["id"];
    assert_eq!(found["sessions"][0]["session"], session.to_string(), "{found}");
    assert_eq!(&found["sessions"][0]["user"], user);
    assert_eq!(found["sessions"][0]["case"], scene.case);
    assert_eq!(found["sessions"][0]["email"], "curie@example.net");
    // A picture of another server is nobody's here.
    let elsewhere = Server::demo();
    let found = traced(&elsewhere, &picture);
    assert_eq!(
        (&found["mark"], found["sessions"].as_array().map(Vec::len)),
        (&Value::Null, Some(0))
    );
}
