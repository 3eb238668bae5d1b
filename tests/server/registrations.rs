//! Items laid onto each other: found as the phantom was moved, refused where they do not meet, seen by those who may.

use std::time::Instant;

use geometry::{DAffine3, DMat3, DVec3};
use serde_json::{Value, json};
use testkit::face::{Face, TrueSurface};
use testkit::postgres::Cluster;
use ureq::http::Method;

use super::client::{Client, Reply, Server, files_as_sent};

/// Where the scanner had the head, seen from where the CT had it: a turn and a shift, mm.
pub(crate) fn motion() -> DAffine3 {
    DAffine3 {
        matrix3: DMat3::from_axis_angle(DVec3::new(0.4, -0.3, 0.9).normalize(), 0.55),
        translation: DVec3::new(61.0, -43.0, 128.0),
    }
}

/// A CT of the head, as files.
pub(crate) fn head(description: &str) -> Vec<(String, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let face = Face::default();
    face.write_ct(folder.path(), 1, description, DVec3::ZERO)
        .expect("the series is written");
    files_as_sent(folder.path(), "ct")
}

/// The face of the same head as a scanner has it: from ear to ear, moved by [`motion`].
pub(crate) fn face() -> Vec<(String, Vec<u8>)> {
    let mut surface = TrueSurface::of(&Face::default());
    let positions = surface.positions_mm.clone();
    surface.triangles.retain(|triangle| {
        triangle.iter().all(|vertex| {
            let [_, y, z] = positions[*vertex as usize];
            y < -30.0 && (-60.0..80.0).contains(&z)
        })
    });
    for p in &mut surface.positions_mm {
        let moved = motion().transform_point3(DVec3::from_array(p.map(f64::from)));
        *p = moved.as_vec3().to_array();
    }
    vec![("scan/face.ply".to_owned(), surface.to_ply())]
}

/// A surface without a shape that could be recognized on a head: a flat plate.
fn plate() -> Vec<(String, Vec<u8>)> {
    let mut ply =
        "ply\nformat ascii 1.0\nelement vertex 441\nproperty float x\nproperty float y\nproperty float z\n\
                   element face 800\nproperty list uchar int vertex_indices\nend_header\n"
            .to_owned();
    for at in 0..441 {
        ply += &format!("{} {} 0\n", (at % 21) * 30, (at / 21) * 35);
    }
    for at in 0..400 {
        let v = at / 20 * 21 + at % 20;
        ply += &format!("3 {v} {} {}\n3 {v} {} {}\n", v + 1, v + 22, v + 22, v + 21);
    }
    vec![("plate/plate.ply".to_owned(), ply.into_bytes())]
}

/// Adds files to a case; gives the item that was made of them.
pub(crate) fn add(client: &Client, case: &str, files: &[(String, Vec<u8>)]) -> String {
    let ids = |client: &Client| {
        let items = client.get(&format!("/api/cases/{case}/items")).json;
        let ids = items.as_array().unwrap().iter();
        ids.map(|item| item["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let before = ids(client);
    let set = client.open_set(case);
    let sent = client.send_many(&set, files);
    assert_eq!(sent.status, 201, "{sent:?}");
    let job = client.ingest(&set);
    assert_eq!(job["state"], "done", "{job}");
    let added = ids(client).into_iter().find(|id| !before.contains(id));
    added.unwrap_or_else(|| panic!("an item: {job}"))
}

/// Invites a colleague to the care team.
pub(crate) fn colleague(server: &Server, admin: &Client, practice: &str, patient: &str) -> Client {
    let invited = admin.post(
        &format!("/api/practices/{practice}/members"),
        &json!({ "email": "buchner@example.org", "name": "Dr. Buchner", "role": "clinician" }),
    );
    let colleague = server.accept("buchner@example.org", &invited.json["mailed"]);
    let user = invited.json["user"].as_str().unwrap();
    let path = format!("/api/patients/{patient}/care-team/{user}");
    let joined = admin.call(Method::PUT, &path, &[], Vec::new());
    assert_eq!(joined.status, 204, "{joined:?}");
    colleague
}

/// Lets somebody from elsewhere look at a case.
pub(crate) fn guest(server: &Server, admin: &Client, case: &str, right: &str) -> Client {
    let email = format!("{right}@example.net");
    let granted = admin.post(
        &format!("/api/cases/{case}/grants"),
        &json!({ "email": email, "right": right, "until": "2099-01-01" }),
    );
    assert_eq!(granted.status, 201, "{granted:?}");
    server.accept(&email, &granted.json["mailed"])
}

pub(crate) fn lay(client: &Client, item: &str, body: &Value) -> Reply {
    client.post(&format!("/api/items/{item}/registrations"), body)
}

pub(crate) fn keep(client: &Client, item: &str, registration: &str) -> u16 {
    let path = format!("/api/items/{item}/registrations/{registration}");
    client.call(Method::PUT, &path, &[], Vec::new()).status
}

fn listed(client: &Client, case: &str, item: &str) -> Value {
    let items = client.get(&format!("/api/cases/{case}/items")).json;
    let found = items.as_array().unwrap().iter().find(|known| known["id"] == item);
    found.unwrap_or_else(|| panic!("{item} in {items}")).clone()
}

/// The rows of a matrix as a motion.
fn affine(rows: &Value) -> DAffine3 {
    let rows: Vec<f64> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_f64().unwrap())
        .collect();
    domain::from_rows(&rows.try_into().expect("16 numbers"))
}

/// How far two motions are apart: mm around the middle of the face, and degrees.
fn apart(found: DAffine3, truth: DAffine3) -> (f64, f64) {
    let middle = motion().transform_point3(DVec3::new(0.0, -80.0, 0.0));
    let shift = found
        .transform_point3(middle)
        .distance(truth.transform_point3(middle));
    let turn = found.matrix3 * truth.matrix3.transpose();
    let trace = turn.x_axis.x + turn.y_axis.y + turn.z_axis.z;
    (shift, ((trace - 1.0) / 2.0).clamp(-1.0, 1.0).acos().to_degrees())
}

/// Points of the head, as the scanner and as the CT have them, each off by a few mm.
fn landmarks() -> Value {
    let at = [
        [0.0, -105.0, 0.0],
        [35.0, -75.0, 25.0],
        [-35.0, -75.0, 25.0],
        [0.0, -85.0, -45.0],
    ];
    let pairs = at.into_iter().enumerate().map(|(number, p)| {
        let p = DVec3::from_array(p);
        let off = DVec3::new(2.0, -1.0, 1.5) * (number as f64 - 1.5);
        json!([motion().transform_point3(p).to_array(), (p + off).to_array()])
    });
    pairs.collect()
}

#[test]
fn a_face_is_laid_onto_a_ct() {
    a_face_is_laid(&Server::demo());
}

#[test]
fn a_face_is_laid_onto_a_ct_on_postgres() {
    if let Some(cluster) = Cluster::shared() {
        a_face_is_laid(&Server::with(&["--demo", "--database", &cluster.database()]));
    }
}

fn a_face_is_laid(server: &Server) {
    let (admin, practice) = server.practice("adler@example.org");
    let (patient, case) = admin.patient_and_case(&practice);
    let other = colleague(server, &admin, &practice, &patient);
    let viewer = guest(server, &admin, &case, "annotate");
    let (ct, face) = (add(&admin, &case, &head("Head")), add(&other, &case, &face()));
    let path = format!("/api/items/{face}/registrations");

    // By itself, and with points that are only about right.
    let truth = motion().inverse();
    let mut ids = Vec::new();
    for points in [json!([]), landmarks()] {
        let start = Instant::now();
        let found = lay(&admin, &face, &json!({ "onto": ct, "landmarks": points }));
        println!("laid in {} ms", start.elapsed().as_millis());
        assert_eq!(found.status, 201, "{found:?}");
        let (shift_mm, turn_degrees) = apart(affine(&found.json["onto_from_item"]), truth);
        assert!(
            shift_mm < 0.1 && turn_degrees < 0.1,
            "{shift_mm} mm, {turn_degrees} degrees"
        );
        assert!(found.json["residual_mm"].as_f64().unwrap() < 0.3, "{found:?}");
        assert!(
            found.json["percentile_95_mm"].as_f64().unwrap() < 0.8,
            "{found:?}"
        );
        assert!(found.json["agreeing"].as_f64().unwrap() > 0.8, "{found:?}");
        assert_eq!(found.json["onto_surface"], "skin");
        ids.push(found.id());
    }
    // Only who proposed it sees it, and only they may keep it.
    assert_eq!(listed(&admin, &case, &face)["registration"]["state"], "proposed");
    assert_eq!(listed(&admin, &case, &face)["space"]["item"], ct.as_str());
    for client in [&other, &viewer] {
        assert_eq!(client.get(&path).json, json!([]));
        assert_eq!(listed(client, &case, &face)["registration"], Value::Null);
        assert_eq!(listed(client, &case, &face)["space"]["item"], face.as_str());
    }
    assert_eq!(keep(&other, &face, &ids[1]), 404);
    assert_eq!(keep(&viewer, &face, &ids[1]), 403);
    assert_eq!(keep(&admin, &face, &ids[0]), 404, "the second went before it");
    assert_eq!(keep(&admin, &face, &ids[1]), 204);
    for client in [&admin, &other, &viewer] {
        let (of_ct, of_face) = (listed(client, &case, &ct), listed(client, &case, &face));
        assert_eq!(of_face["registration"]["state"], "kept");
        assert_eq!(of_face["space"]["item"], of_ct["space"]["item"]);
        let ct_from_face =
            affine(&of_ct["space"]["from_item"]).inverse() * affine(&of_face["space"]["from_item"]);
        let (shift_mm, turn_degrees) = apart(ct_from_face, truth);
        assert!(shift_mm < 0.1 && turn_degrees < 0.1);
        // What guests are told of frames leaves out the identifiers of files.
        let is_own = of_ct["own"] == true;
        assert_eq!(of_ct["frame"].is_string(), is_own);
    }
    // A second time they need not be laid, the other way about they cannot be.
    assert_eq!(lay(&admin, &ct, &json!({ "onto": face })).status, 409);

    // Another takes its place, and what it was stays in its history.
    let again = lay(&other, &face, &json!({ "onto": ct }));
    assert_eq!(again.status, 201, "{again:?}");
    assert_eq!(
        listed(&viewer, &case, &face)["registration"]["id"],
        ids[1].as_str()
    );
    assert_eq!(keep(&other, &face, &again.id()), 204);
    let states = |client: &Client| {
        let all = client.get(&path).json;
        let states = all.as_array().unwrap().iter();
        states
            .map(|known| known["state"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&admin), ["withdrawn", "withdrawn", "kept"]);
    assert_eq!(states(&viewer), ["withdrawn", "kept"], "no proposals of others");
    let again = format!("{path}/{}", again.id());
    assert_eq!(viewer.delete(&again).status, 403);
    assert_eq!(admin.delete(&again).status, 204);
    assert_eq!(admin.delete(&again).status, 404);
    assert_eq!(states(&viewer), ["withdrawn", "withdrawn"]);
    assert_eq!(listed(&viewer, &case, &face)["space"]["item"], face.as_str());
    let log = admin.get(&format!("/api/practices/{practice}/audit?limit=200"));
    assert_eq!(log.status, 200);
    let edits = log.json.to_string().matches("EditItem").count();
    assert!(edits >= 8, "{edits} events of who laid what");
}

#[test]
fn what_does_not_meet_is_refused_with_what_to_do() {
    let server = Server::demo();
    let (admin, practice) = server.practice("adler@example.org");
    let (patient, case) = admin.patient_and_case(&practice);
    let viewer = guest(&server, &admin, &case, "see");
    let (ct, face) = (add(&admin, &case, &head("Head")), add(&admin, &case, &face()));
    let plate = add(&admin, &case, &plate());
    let elsewhere = admin.post(
        &format!("/api/patients/{patient}/cases"),
        &json!({ "title": "Other" }),
    );
    let foreign = add(&admin, &elsewhere.id(), &super::cases::series("Foreign"));
    let line = json!([
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
        [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]],
        [[2.0, 0.0, 0.0], [2.0, 0.0, 0.0]]
    ]);
    let far = json!([
        [[0, 0, 0], [1e9, 0, 0]],
        [[1, 0, 0], [1, 0, 0]],
        [[2, 1, 0], [2, 0, 0]]
    ]);
    for (item, body, status, words) in [
        (
            &plate,
            json!({ "onto": ct }),
            422,
            "Give three or more pairs of points",
        ),
        (
            &face,
            json!({ "onto": face }),
            422,
            "another one of the same case",
        ),
        (
            &face,
            json!({ "onto": foreign }),
            422,
            "another one of the same case",
        ),
        (&face, json!({ "onto": patient }), 404, "nothing here"),
        (
            &face,
            json!({ "onto": ct, "surface": "chin" }),
            422,
            "which surface",
        ),
        (
            &face,
            json!({ "onto": ct, "onto_surface": "chin" }),
            422,
            "which surface",
        ),
        (&face, json!({ "onto": ct, "landmarks": line }), 422, "on a line"),
        (
            &face,
            json!({ "onto": ct, "landmarks": far }),
            422,
            "where nothing is",
        ),
        (
            &face,
            json!({ "onto": ct, "landmarks": [line[0]] }),
            422,
            "3 to 64 pairs",
        ),
        (
            &face,
            json!({ "onto": ct, "landmarks": [[[0, 0], [0, 0]]] }),
            422,
            "form",
        ),
    ] {
        let told = lay(&admin, item, &body);
        assert_eq!(told.status, status, "{body}: {told:?}");
        let title = told.json["title"].as_str().unwrap();
        assert!(title.contains(words), "{body}: {title}");
    }
    assert_eq!(lay(&viewer, &face, &json!({ "onto": ct })).status, 403);
    for item in [&face, &plate] {
        let all = admin.get(&format!("/api/items/{item}/registrations"));
        assert_eq!(all.json, json!([]), "nothing is stored of what was refused");
    }

    // Where its target is deleted, it lies by itself; undone, as before.
    let laid = lay(&admin, &face, &json!({ "onto": ct }));
    assert_eq!(keep(&admin, &face, &laid.id()), 204);
    assert_eq!(admin.delete(&format!("/api/items/{ct}")).status, 204);
    let alone = listed(&viewer, &case, &face);
    assert_eq!(
        (&alone["registration"], &alone["space"]["item"]),
        (&Value::Null, &json!(face))
    );
    let undone = admin.call(
        Method::POST,
        &format!("/api/items/{ct}/undo-delete"),
        &[],
        Vec::new(),
    );
    assert_eq!(undone.status, 204);
    assert_eq!(
        listed(&viewer, &case, &face)["registration"]["id"],
        laid.id().as_str()
    );
}
