//! Looking through the server: everyone but the uploader gets marked pictures, for as long as they may look.

mod attacker;
mod audit;
mod captures;
mod ending;
mod forbidden;
mod laid;
mod photographs;
pub(crate) mod socket;
mod together;

use std::sync::Arc;
use std::time::{Duration, Instant};

use codec::Expected;
use geometry::{DVec3, GridGeometry};
use protocol::{Answer, Ask, Ending, Event, Exhibit, Grade, Pane, PaneLook, PixelSize, Shows, Trouble, Unit};
use renderer::{Clip, ResidentVolume, Slab, Slice, SliceLayer, SlicePlane, Window, cpu};
use serde_json::json;
use testkit::dicom::{SeriesSpec, Vr, tag};
use ureq::http::Method;
use volume::{Rescale, Samples};

use super::client::{Client, Server, files_as_sent};
use socket::{Heard, Viewer, axial, space};

pub(crate) const DIMS: [u32; 3] = [48, 40, 220];
const SPACING_MM: [f64; 3] = [0.7, 0.9, 0.5];

pub(crate) const SIZE: PixelSize = PixelSize {
    width: 240,
    height: 200,
};

/// The stored value of a sample: a ball of bone with a bubble, in something that rises to the right.
pub(crate) fn stored([x, y, z]: [u32; 3]) -> i16 {
    let p = DVec3::new(f64::from(x), f64::from(y), f64::from(z)) * DVec3::from_array(SPACING_MM);
    let middle = DVec3::from_array(DIMS.map(f64::from)) * DVec3::from_array(SPACING_MM) * 0.5;
    let away = p.distance(middle);
    match away {
        a if a < 4.0 => 24,
        a if a < 15.0 => 1900 + (x * 7) as i16,
        _ => 1000 + (x * 2) as i16 + (y as i16) % 5,
    }
}

/// A CT of these samples, as files.
pub(crate) fn files() -> Vec<(String, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = SeriesSpec::ct(DIMS, SPACING_MM);
    spec.rescale = [1.0, -1024.0];
    // What a tag says of the person and the place.
    spec.extra = spec
        .extra
        .text(tag::PATIENT_NAME, Vr::PN, "Canaryname^Quaint")
        .text(tag::PATIENT_ID, Vr::LO, "CANARY-4711-ID")
        .text(tag::MANUFACTURER, Vr::LO, "Canary Tomographs");
    spec.write(folder.path(), |z, pixels| {
        for (at, pixel) in pixels.iter_mut().enumerate() {
            *pixel = stored([at as u32 % DIMS[0], at as u32 / DIMS[0], z]);
        }
    })
    .unwrap();
    files_as_sent(folder.path(), "ct")
}

/// A server with a case in which somebody uploaded a volume, and others who may look at it.
pub(crate) struct Scene {
    pub(crate) server: Arc<Server>,
    pub(crate) admin: Client,
    pub(crate) practice: String,
    pub(crate) patient: String,
    pub(crate) case: String,
    pub(crate) item: String,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::at(Server::demo())
    }

    pub(crate) fn at(server: Server) -> Self {
        let (admin, practice) = server.practice("adler@example.org");
        let (patient, case) = admin.patient_and_case(&practice);
        let set = admin.open_set(&case);
        assert_eq!(admin.send_many(&set, &files()).status, 201);
        assert_eq!(admin.ingest(&set)["state"], "done");
        let item = admin.get(&format!("/api/cases/{case}/items")).json[0]["id"]
            .as_str()
            .expect("an item")
            .to_owned();
        Self {
            server: Arc::new(server),
            admin,
            practice,
            patient,
            case,
            item,
        }
    }

    /// Somebody from outside who may see the case.
    pub(crate) fn collaborator(&self, email: &str) -> Client {
        let granted = self.admin.post(
            &format!("/api/cases/{}/grants", self.case),
            &json!({ "email": email, "right": "see", "until": "2099-01-01" }),
        );
        assert_eq!(granted.status, 201, "{granted:?}");
        self.server.accept(email, &granted.json["mailed"])
    }

    /// The patient, with whom the case is shared.
    pub(crate) fn person(&self, email: &str) -> Client {
        let invited = self.admin.post(
            &format!("/api/patients/{}/people", self.patient),
            &json!({ "email": email, "name": "Quirina" }),
        );
        assert_eq!(invited.status, 201, "{invited:?}");
        let person = self.server.accept(email, &invited.json["mailed"]);
        self.share();
        person
    }

    pub(crate) fn share(&self) {
        let path = format!("/api/cases/{}/sharing", self.case);
        let shared = self.admin.call(Method::PUT, &path, &[], Vec::new());
        assert_eq!(shared.status, 204, "{shared:?}");
    }

    /// Another who works in the practice, in the patient's care team.
    pub(crate) fn colleague(&self, email: &str) -> Client {
        let invited = self.admin.post(
            &format!("/api/practices/{}/members", self.practice),
            &json!({ "email": email, "name": "C", "role": "clinician" }),
        );
        assert_eq!(invited.status, 201, "{invited:?}");
        let client = self.server.accept(email, &invited.json["mailed"]);
        let me = client.get("/api/me").json["id"].as_str().unwrap().to_owned();
        let path = format!("/api/patients/{}/care-team/{me}", self.patient);
        let added = self.admin.call(Method::PUT, &path, &[], Vec::new());
        assert_eq!(added.status, 204, "{added:?}");
        client
    }
}

/// Brightness of a coded picture, `[row][column]`.
pub(crate) fn brightness(jpeg: &[u8], size: PixelSize) -> Vec<u8> {
    let decode = |channels| {
        let expected = Expected {
            columns: size.width,
            rows: size.height,
            channels,
        };
        codec::jpeg::decode(jpeg, expected)
    };
    let (decoded, channels) = match decode(1) {
        Ok(decoded) => (decoded, 1),
        Err(_) => (decode(3).expect("a picture"), 3),
    };
    match decoded.samples {
        codec::Samples::U8(samples) => samples.into_iter().step_by(channels).collect(),
        other => panic!("eight bits: {other:?}"),
    }
}

/// The same plane as the renderer draws it from the samples.
fn drawn(pane: &Shows, window: Window) -> Vec<u8> {
    let Shows::Plane(plane) = pane else {
        panic!("a plane")
    };
    let origin = SeriesSpec::ct(DIMS, SPACING_MM).origin_mm;
    let grid = GridGeometry::axis_aligned(DIMS, SPACING_MM, origin).unwrap();
    let [columns, rows, slices] = DIMS;
    let samples: Vec<i16> = (0..slices)
        .flat_map(|z| (0..rows).flat_map(move |y| (0..columns).map(move |x| stored([x, y, z]))))
        .collect();
    let rescale = Rescale {
        intercept: -1024.0,
        ..Rescale::IDENTITY
    };
    let volume = ResidentVolume::dense(grid, Samples::I16(samples), rescale).unwrap();
    let slice = Slice {
        layers: vec![SliceLayer::new(&volume, window)],
        plane: SlicePlane {
            center_mm: plane.center_mm,
            right: plane.right,
            down: plane.down,
            mm_per_pixel: plane.mm_per_pixel,
        },
        slab: Slab::THIN,
        clip: Clip::NONE,
        background: [0.0; 3],
    };
    let picture = cpu::Renderer::new()
        .draw_slice(&slice, SIZE.width, SIZE.height)
        .unwrap();
    picture.rgba.into_iter().step_by(4).collect()
}

#[test]
fn a_collaborator_gets_right_pictures_with_a_mark_and_nothing_else() {
    let scene = Scene::new();
    let collaborator = scene.collaborator("curie@example.net");
    for path in [
        format!("/api/items/{}/artifacts", scene.item),
        format!("/api/items/{}/sights", scene.item),
    ] {
        assert_eq!(collaborator.get(&path).status, 403, "{path}");
    }
    let mut viewer = Viewer::open(&collaborator, &scene.case).expect("a socket");
    let exhibit = viewer.look_at(&scene.item);
    assert_eq!(exhibit.unit, Unit::Hu);
    assert_eq!(exhibit.grid.map(|grid| grid.dims()), Some(DIMS));
    let pane = axial(&exhibit, 3.0, SIZE);
    let asked = viewer.ask_for(&exhibit, &[pane]);
    let (header, picture) = viewer.frame(asked, Pane::Axial, Grade::Fine);
    assert_eq!((header.shows, header.coded), (pane.shows, SIZE));
    let window = exhibit.window.expect("a window");
    let expected = drawn(&header.shows, Window::new(window.center, window.width));
    let got = brightness(&picture, SIZE);
    let apart: Vec<u8> = got.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).collect();
    let share = |limit: u8| apart.iter().filter(|apart| **apart <= limit).count() as f64 / apart.len() as f64;
    println!(
        "within 4: {:.3}, within 16: {:.3}, within 64: {:.3}",
        share(4),
        share(16),
        share(64)
    );
    assert!(share(4) > 0.5, "away from the mark it is the same");
    assert!(share(64) > 0.98, "the mark is quiet");
    assert!(share(8) < 0.99, "there is a mark");

    // The same in space: the mark is in it, and more of it changes with the direction than with the time.
    let front = viewer.ask_for(&exhibit, &[space(&exhibit, DVec3::NEG_Y, SIZE)]);
    let (_, front) = viewer.frame(front, Pane::Space, Grade::Fine);
    let side = viewer.ask_for(&exhibit, &[space(&exhibit, DVec3::X, SIZE)]);
    let (_, side) = viewer.frame(side, Pane::Space, Grade::Fine);
    assert_ne!(brightness(&front, SIZE), brightness(&side, SIZE));

    // Questions are answered one by one.
    let middle = exhibit.bounds_mm.center();
    let told = viewer.question(Ask::Value { p_mm: middle });
    assert!(
        matches!(told, Event::Answered { answer: Answer::Value(value), .. } if (value + 1000.0).abs() < 1.0),
        "{told:?}"
    );
    let Shows::Space(camera) = space(&exhibit, DVec3::NEG_Y, SIZE).shows else {
        unreachable!("a camera")
    };
    let told = viewer.question(Ask::Pick {
        camera,
        size: SIZE,
        pixel: geometry::DVec2::new(120.0, 100.0),
    });
    assert!(
        matches!(told, Event::Answered { answer: Answer::Point { p_mm, .. }, .. } if p_mm.y < middle.y),
        "{told:?}"
    );
    let nowhere = viewer.question(Ask::Value {
        p_mm: DVec3::splat(1e4),
    });
    assert!(
        matches!(
            nowhere,
            Event::Answered {
                answer: Answer::Nothing,
                ..
            }
        ),
        "{nowhere:?}"
    );

    // A thumbnail is a marked picture as well, and not the stored one.
    let thumbnail = collaborator.get(&format!("/api/items/{}/thumbnail", scene.item));
    assert_eq!(
        (thumbnail.status, thumbnail.header("content-type")),
        (200, "image/jpeg")
    );
    assert_eq!(
        scene
            .server
            .visitor()
            .get(&format!("/api/items/{}/thumbnail", scene.item))
            .status,
        401
    );

    // What was looked at is told to whoever uploaded it.
    drop(viewer);
    let path = format!("/api/items/{}/sights", scene.item);
    let start = Instant::now();
    let sights = loop {
        let sights = scene.admin.get(&path);
        assert_eq!(sights.status, 200, "{sights:?}");
        if sights.json[0]["frames"].as_u64().is_some_and(|frames| frames > 3) {
            break sights.json[0].clone();
        }
        assert!(start.elapsed() < socket::PATIENCE, "{sights:?}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(
        (&sights["slices"], &sights["directions"], &sights["questions"]),
        (&json!(1), &json!(2), &json!(3)),
        "{sights}"
    );
    assert!(sights["seconds"].as_f64().unwrap() > 0.0);
    // The same of the whole case, with how much there is; who uploaded nothing is told nothing.
    let path = format!("/api/cases/{}/sights", scene.case);
    let of_case = scene.admin.get(&path).json;
    assert_eq!(of_case[0]["item"], json!(scene.item), "{of_case}");
    assert_eq!(of_case[0]["frames"], sights["frames"], "{of_case}");
    assert_eq!(
        of_case[0]["of_slices"],
        json!(DIMS.iter().sum::<u32>()),
        "{of_case}"
    );
    assert_eq!(collaborator.get(&path).json, json!([]));
}

#[test]
fn who_may_not_look_opens_nothing() {
    let scene = Scene::new();
    let collaborator = scene.collaborator("curie@example.net");
    let (stranger, _) = scene.server.practice("stranger@example.com");
    assert_eq!(Viewer::open(&stranger, &scene.case).err(), Some(404));
    assert_eq!(
        Viewer::open(&scene.server.visitor(), &scene.case).err(),
        Some(401)
    );
    let foreign = Viewer::open_from(&collaborator, &scene.case, Some("https://evil.example"));
    assert_eq!(foreign.err(), Some(403));
    let own = Viewer::open_from(&collaborator, &scene.case, Some(&scene.server.base));
    let mut viewer = own.expect("a socket");
    let plain = collaborator.get(&format!("/api/cases/{}/live", scene.case));
    assert_eq!((plain.status, &plain.json["code"]), (426, &json!("upgrade")));

    // An item of another case is not there, and neither is one that does not exist.
    let other = scene.admin.post(
        &format!("/api/patients/{}/cases", scene.patient),
        &json!({ "title": "Another" }),
    );
    let mut beside = Viewer::open(&scene.admin, &other.id()).expect("a socket");
    for (viewer, item) in [
        (&mut beside, scene.item.as_str()),
        (&mut viewer, "00000000-0000-4000-8000-000000000000"),
    ] {
        viewer.send(&protocol::Request::Open {
            item: item.parse().unwrap(),
        });
        let trouble = viewer.event(|event| match event {
            Event::Trouble { trouble, .. } => Some(*trouble),
            _ => None,
        });
        assert_eq!(trouble, Trouble::NotFound);
    }
    // What is no request ends nothing.
    viewer.send_text("{\"type\":\"steal\"}");
    let trouble = viewer.event(|event| match event {
        Event::Trouble { trouble, .. } => Some(*trouble),
        _ => None,
    });
    assert_eq!(trouble, Trouble::Unreadable);
    let exhibit = viewer.look_at(&scene.item);
    let asked = viewer.ask_for(&exhibit, &[axial(&exhibit, 0.0, SIZE)]);
    viewer.frame(asked, Pane::Axial, Grade::Moving);
}

#[test]
fn when_all_places_are_taken_one_waits_and_is_told_so() {
    let variables = vec![("VITRINE_LIVE_SESSIONS".to_owned(), "1".to_owned())];
    let scene = Scene::at(Server::in_environment(&["--demo"], variables));
    let collaborator = scene.collaborator("curie@example.net");
    let open = protocol::Request::Open {
        item: scene.item.parse().unwrap(),
    };
    // Who looks at nothing takes nobody's place.
    let _beside = Viewer::open(&scene.admin, &scene.case).expect("a socket");
    let mut first = Viewer::open(&scene.admin, &scene.case).expect("a socket");
    first.send(&open);
    first.event(|event| matches!(event, Event::Admitted).then_some(()));
    let mut second = Viewer::open(&collaborator, &scene.case).expect("a socket");
    second.send(&open);
    let (mut queued, mut opened) = (None, None);
    let (ahead, exhibit) = second.event(|event| {
        match event {
            Event::Queued { ahead } => queued = Some(*ahead),
            Event::Opened(exhibit) => opened = Some(exhibit.clone()),
            _ => {}
        }
        queued.zip(opened.clone())
    });
    assert_eq!(ahead, 0);
    let asked = second.ask_for(&exhibit, &[axial(&exhibit, 0.0, SIZE)]);
    let early = second.next(Duration::from_millis(700));
    assert!(early.is_none(), "no picture without a place: {early:?}");
    drop(first);
    second.event(|event| matches!(event, Event::Admitted).then_some(()));
    second.frame(asked, Pane::Axial, Grade::Fine);
}

#[test]
fn a_sweep_of_slices_is_noticed_slowed_and_told() {
    sweep(|exhibit, n| axial(exhibit, (f64::from(n) - 100.0) * SPACING_MM[2], SIZE));
}

#[test]
fn a_sweep_of_directions_is_noticed_slowed_and_told() {
    // Around the head in a spiral from above, each direction some degrees from the others.
    sweep(|exhibit, n| {
        let up = 1.0 - (f64::from(n) + 0.5) / 100.0;
        let turn = f64::from(n) * 2.4;
        let across = (1.0 - up * up).sqrt();
        let direction = DVec3::new(across * turn.cos(), across * turn.sin(), up);
        space(exhibit, direction, SIZE)
    });
}

/// A script that asks for 200 pictures, one after the other as they come.
fn sweep(pane: impl Fn(&Exhibit, u32) -> PaneLook) {
    let scene = Scene::new();
    let collaborator = scene.collaborator("curie@example.net");
    let told = scene.admin.listen();
    let mut viewer = Viewer::open(&collaborator, &scene.case).expect("a socket");
    let exhibit = viewer.look_at(&scene.item);
    let start = Instant::now();
    let mut slowed = None;
    let mut after = 0_u32;
    for n in 0..200 {
        let asked = viewer.ask_for(&exhibit, &[pane(&exhibit, n)]);
        viewer.until(|heard| match heard {
            Heard::Frame(header, _) => (header.sequence == asked).then_some(()),
            Heard::Event(Event::Slowed { .. }) => {
                slowed.get_or_insert_with(Instant::now);
                None
            }
            _ => None,
        });
        if let Some(slowed) = slowed {
            after += 1;
            if slowed.elapsed() > Duration::from_secs(4) {
                break;
            }
        }
    }
    let slowed = slowed.expect("it is noticed");
    assert!(slowed - start < Duration::from_secs(60));
    let secs = slowed.elapsed().as_secs_f64();
    assert!(
        f64::from(after) <= secs * 2.0 + 3.0,
        "{after} pictures in {secs} s"
    );
    let deadline = Instant::now() + socket::PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let (name, data, _) = told.recv_timeout(left).expect("the uploader is told");
        if name == "item.swept" {
            assert_eq!(data["detail"]["item"], json!(scene.item));
            break;
        }
    }
    drop(viewer);
    let path = format!("/api/practices/{}/audit", scene.practice);
    let events = scene.admin.get(&path);
    let noticed = events.json.as_array().unwrap().iter();
    assert!(
        noticed.into_iter().any(|event| event["action"] == "NoticeSweep"),
        "{events:?}"
    );
}

#[test]
fn what_was_seen_is_taken_down_when_the_server_stops() {
    let mut scene = Scene::new();
    let collaborator = scene.collaborator("curie@example.net");
    let mut viewer = Viewer::open(&collaborator, &scene.case).expect("a socket");
    let exhibit = viewer.look_at(&scene.item);
    for n in 0..7 {
        let pane = axial(&exhibit, f64::from(n) * SPACING_MM[2], SIZE);
        let asked = viewer.ask_for(&exhibit, &[pane]);
        viewer.frame(asked, Pane::Axial, Grade::Moving);
    }
    let server = Arc::get_mut(&mut scene.server).expect("nobody else holds it");
    server.stop();
    viewer.event(|event| matches!(event, Event::Ended { why: Ending::Stopped }).then_some(()));
    server.start();
    let admin = scene.admin.at(server);
    let sights = admin.get(&format!("/api/items/{}/sights", scene.item)).json;
    assert_eq!(sights[0]["slices"], json!(7), "{sights}");
    let events = admin
        .get(&format!("/api/practices/{}/audit", scene.practice))
        .json;
    let mut events = events.as_array().expect("events").iter();
    assert!(events.any(|event| event["action"] == "StopLooking"), "{events:?}");
}

#[test]
fn pictures_move_while_they_are_asked_for_and_settle_after() {
    let scene = Scene::new();
    let collaborator = scene.collaborator("curie@example.net");
    let mut viewer = Viewer::open(&collaborator, &scene.case).expect("a socket");
    let exhibit = viewer.look_at(&scene.item);
    let size = PixelSize {
        width: 400,
        height: 300,
    };
    let mut last = 0;
    let mut moving = 0;
    for n in 0..40 {
        let turn = f64::from(n) * 0.03;
        let direction = DVec3::new(turn.sin(), -turn.cos(), 0.1);
        last = viewer.ask_for(&exhibit, &[space(&exhibit, direction, size)]);
        if let Some(Heard::Frame(header, _)) = viewer.next(Duration::from_millis(30)) {
            assert_eq!(header.grade, Grade::Moving);
            moving += 1;
        }
    }
    assert!(moving > 0, "there are pictures on the way");
    let (full, _) = viewer.frame(last, Pane::Space, Grade::Full);
    assert_eq!(full.coded, size);
    let (fine, _) = viewer.frame(last, Pane::Space, Grade::Fine);
    assert!(fine.frame > full.frame);
    // At rest nothing more comes.
    let more = viewer.next(Duration::from_millis(1500));
    assert!(more.is_none(), "{more:?}");
}
