//! Looking together: who is there, where they point, who leads; and whose session a picture comes from.

use std::process::Command;
use std::time::{Duration, Instant};

use geometry::DVec3;
use protocol::{
    Called, Ending, Event, Grade, Hand, Pane, Person, Pointed, Request, RoomEvent, RoomRequest, Said, Trouble,
};
use serde_json::{Value, json};
use testkit::postgres::Cluster;

use super::super::client::{Client, Server};
use super::socket::{Heard, Viewer, axial, look};
use super::{SIZE, Scene};
use crate::support::run;

/// Somebody who looks at the case, and is there for the others.
fn enter(client: &Client, scene: &Scene) -> Viewer {
    let mut viewer = Viewer::open(client, &scene.case).expect("a socket");
    ask(&mut viewer, RoomRequest::Enter);
    viewer
}

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

/// The color that somebody is told to be one's own in the case.
fn color_in(client: &Client, scene: &Scene) -> u8 {
    let case = client.get(&format!("/api/cases/{}", scene.case)).json;
    u8::try_from(case["color"].as_u64().expect("a color")).expect("a small number")
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
    let collaborator = scene.collaborator("curie@example.net");
    let person = scene.person("quirina@example.net");
    let (adler, curie) = (name(&scene.admin), name(&collaborator));
    let mut first = enter(&scene.admin, &scene);
    let own = here(&mut first, &adler);
    let mut second = enter(&collaborator, &scene);
    let other = here(&mut first, &curie);
    assert_ne!(own.color, other.color);
    here(&mut second, &adler);
    // Whoever comes again has the same color.
    drop(second);
    room(&mut first, |event| {
        (*event
            == RoomEvent::Gone {
                session: other.session,
            })
        .then_some(())
    });
    let mut second = enter(&collaborator, &scene);
    let again = here(&mut first, &curie);
    assert_eq!(
        (again.color, color_in(&collaborator, &scene)),
        (other.color, other.color)
    );
    let other = again;
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
    let mut third = enter(&person, &scene);
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
    let path = format!("/api/cases/{}/grants", scene.case);
    let grant = scene.admin.get(&path).json[0]["id"]
        .as_str()
        .expect("a grant")
        .to_owned();
    assert_eq!(scene.admin.delete(&format!("{path}/{grant}")).status, 204);
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
fn who_may_only_look_by_now_leads_no_more() {
    let scene = Scene::new();
    let collaborator = scene.collaborator("curie@example.net");
    let path = format!("/api/cases/{}/grants", scene.case);
    let give = |right: &str| {
        let grants = scene.admin.get(&path).json;
        let grant = grants[0]["id"].as_str().expect("a grant");
        let body = json!({ "right": right, "until": "2099-01-01" });
        let given = scene.admin.put(&format!("{path}/{grant}"), &body);
        assert!(given.status < 300, "{given:?}");
    };
    give("annotate");
    let mut first = enter(&scene.admin, &scene);
    let mut second = enter(&collaborator, &scene);
    let leader = here(&mut first, &name(&collaborator)).session;
    let leads = |viewer: &mut Viewer| {
        room(viewer, |event| match event {
            RoomEvent::Leads { session } => Some(*session),
            _ => None,
        })
    };
    ask(&mut second, RoomRequest::Lead);
    assert_eq!(leads(&mut first), Some(leader));
    let exhibit = second.look_at(&scene.item);
    let shown = look(&exhibit, 5, &[axial(&exhibit, 3.0, SIZE)]);

    give("see");
    ask(
        &mut second,
        RoomRequest::Show {
            item: scene.item.parse().expect("an item"),
            look: Box::new(shown),
        },
    );
    assert_eq!(trouble(&mut second), Trouble::Refused);
    assert_eq!(leads(&mut first), None);
}

#[test]
fn what_is_said_comes_at_once_to_who_is_there() {
    let scene = Scene::new();
    let collaborator = scene.collaborator("curie@example.net");
    let mut viewer = enter(&collaborator, &scene);
    // Who only gets pictures is not told.
    let mut beside = Viewer::open(&collaborator, &scene.case).expect("a socket");
    here(&mut viewer, &name(&collaborator));
    let said = |viewer: &mut Viewer| {
        room(viewer, |event| match event {
            RoomEvent::Says { what } => Some(*what),
            _ => None,
        })
    };
    let pin = json!({ "kind": "pin", "space": "patient", "points": [[1.0, 2.0, 3.5]] });
    let path = format!("/api/cases/{}/annotations", scene.case);
    let added = scene.admin.post(
        &path,
        &json!({ "item": scene.item, "geometry": pin, "label": "here" }),
    );
    assert_eq!(added.status, 201, "{added:?}");
    let start = Instant::now();
    assert_eq!(said(&mut viewer), Said::Marks);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    let marks = collaborator.get(&path).json;
    assert_eq!(marks[0]["label"], "here");
    // A mark has the color of its author's pointer.
    let mut author = enter(&scene.admin, &scene);
    let color = here(&mut author, &name(&scene.admin)).color;
    assert_eq!(marks[0]["author_color"], color);
    assert_eq!(color_in(&scene.admin, &scene), color);
    let comments = format!("/api/annotations/{}/comments", added.id());
    assert_eq!(scene.admin.post(&comments, &json!({ "text": "so" })).status, 201);
    assert_eq!(said(&mut viewer), Said::Marks);
    let views = format!("/api/cases/{}/views", scene.case);
    let saved = scene
        .admin
        .post(&views, &json!({ "caption": "Front", "state": {} }));
    assert_eq!(saved.status, 201, "{saved:?}");
    assert_eq!(said(&mut viewer), Said::Views);
    while let Some(heard) = beside.next(Duration::from_millis(300)) {
        assert!(!matches!(heard, Heard::Event(Event::Room(_))), "{heard:?}");
    }
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
    let mut here_ = enter(&scene.admin, &scene);
    let mut there = enter(&colleague, &scene);
    let other = here(&mut here_, &name(&colleague));
    // Whichever server they come by, people have the same colors.
    let own = here(&mut there, &name(&scene.admin));
    assert_ne!(own.color, other.color);
    let over_there = scene.admin.at(&beside);
    assert_eq!(
        [color_in(&over_there, &scene), color_in(&colleague, &scene)],
        [own.color, other.color]
    );
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
    let collaborator = scene.collaborator("curie@example.net");
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
