//! The record of what was done: verified by the program, taken out, and shown to those whom it is about.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};
use testkit::postgres::Cluster;
use ureq::http::Method;

use super::client::{Client, Server};

/// Runs `vitrine audit` over a server's data.
pub(crate) fn audit(server: &Server, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vitrine"))
        .arg("audit")
        .args(arguments)
        .args(server.options().iter().filter(|option| *option != "--demo"))
        .arg("--data")
        .arg(server.data())
        .arg("--key-file")
        .arg(server.folder.path().join("key/root.key"))
        .output()
        .expect("the program runs")
}

/// What `vitrine audit verify` finds: whether all is well, and what is not.
pub(crate) fn verify(server: &Server) -> (bool, Value) {
    let output = audit(server, &["verify", "--json"]);
    let found = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.success(), found)
}

/// A practice with a case that a collaborator and the patient have looked at, and a stranger has not.
struct Scene {
    admin: Client,
    practice: String,
    patient: String,
    case: String,
    person: Client,
}

fn scene(server: &Server) -> Scene {
    let (admin, practice) = server.practice("adler@example.org");
    let (stranger, _) = server.practice("other@example.org");
    let (patient, case) = admin.patient_and_case(&practice);
    let granted = admin.post(
        &format!("/api/cases/{case}/grants"),
        &json!({ "email": "curie@example.net", "right": "see", "until": "2099-01-01" }),
    );
    let collaborator = server.accept("curie@example.net", &granted.json["mailed"]);
    let invited = admin.post(
        &format!("/api/patients/{patient}/people"),
        &json!({ "email": "quirina@example.com", "name": "Quirina" }),
    );
    let person = server.accept("quirina@example.com", &invited.json["mailed"]);
    let shared = admin.call(
        Method::PUT,
        &format!("/api/cases/{case}/sharing"),
        &[],
        Vec::new(),
    );
    assert_eq!(shared.status, 204, "{shared:?}");
    for (who, status) in [
        (&collaborator, 200),
        (&collaborator, 200),
        (&person, 200),
        (&stranger, 404),
    ] {
        assert_eq!(who.get(&format!("/api/cases/{case}")).status, status);
    }
    Scene {
        admin,
        practice,
        patient,
        case,
        person,
    }
}

#[test]
fn the_record_is_verified_and_taken_out() {
    record_is_verified_and_taken_out(Server::demo());
}

#[test]
fn the_record_is_verified_and_taken_out_on_postgres() {
    if let Some(cluster) = Cluster::shared() {
        record_is_verified_and_taken_out(Server::with(&["--demo", "--database", &cluster.database()]));
    }
}

fn record_is_verified_and_taken_out(mut server: Server) {
    let scene = scene(&server);
    let taken = scene
        .admin
        .get(&format!("/api/practices/{}/audit.ndjson", scene.practice));
    assert_eq!(taken.header("content-type"), "application/fhir+ndjson");
    balp(&taken.body, &scene);
    let accounted = scene
        .admin
        .get(&format!("/api/patients/{}/disclosures", scene.patient));
    disclosed(&accounted.json, &scene);
    who_looked(&scene);

    // While it runs, and after it has stopped.
    let (is_well, found) = verify(&server);
    assert!(is_well, "{found}");
    server.stop();
    let (is_well, found) = verify(&server);
    assert!(is_well, "{found}");
    assert!(found["events"].as_u64().unwrap() > 20, "{found}");
    assert_eq!(
        found["checkpoints"], 2,
        "of the database, and beside the objects: {found}"
    );

    let taken = audit(&server, &["export", "--practice", &scene.practice]);
    assert!(taken.status.success(), "{taken:?}");
    balp(&taken.stdout, &scene);
    let accounted = audit(&server, &["disclosures", "--patient", &scene.patient]);
    disclosed(&serde_json::from_slice(&accounted.stdout).unwrap(), &scene);
}

/// AuditEvents as IHE BALP has them, of both outcomes, with nothing in them but words and identifiers.
fn balp(lines: &[u8], scene: &Scene) {
    let text = std::str::from_utf8(lines).unwrap();
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(events.len() >= 8, "{}", events.len());
    for event in &events {
        assert_eq!(event["resourceType"], "AuditEvent");
        for field in [
            "type", "subtype", "action", "recorded", "outcome", "agent", "source",
        ] {
            assert!(!event[field].is_null(), "{field} of {event}");
        }
    }
    let profile = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead";
    let read = events
        .iter()
        .filter(|event| event["meta"]["profile"][0] == profile);
    assert!(read.count() >= 3, "looks at the case");
    let refused: Vec<_> = events.iter().filter(|event| event["outcome"] != "0").collect();
    assert!(
        refused
            .iter()
            .any(|event| event.to_string().contains(&scene.case)),
        "a refusal of the case"
    );
    for word in ["Quirina", "Zyxwander", "Plannedword", "example.net", "Adler"] {
        assert!(!text.contains(word), "{word}");
    }
}

fn disclosed(lines: &Value, scene: &Scene) {
    let lines = lines.as_array().unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["name"], "Invited");
    assert_eq!(lines[0]["basis"], "treatment");
    assert_eq!(lines[0]["case"].as_str(), Some(scene.case.as_str()));
    assert_eq!(lines[0]["times"], 2);
}

/// The patient learns of the administrator and the collaborator, and nobody else does.
fn who_looked(scene: &Scene) {
    let path = format!("/api/patients/{}/who-looked", scene.patient);
    let looked = scene.person.get(&path);
    assert_eq!(looked.status, 200, "{looked:?}");
    let mut capacities: Vec<&str> = looked
        .json
        .as_array()
        .unwrap()
        .iter()
        .map(|look| look["capacity"].as_str().unwrap())
        .collect();
    capacities.sort_unstable();
    capacities.dedup();
    assert_eq!(capacities, ["administrator", "collaborator"]);
    assert_eq!(scene.admin.get(&path).status, 403);
}

#[test]
fn a_database_put_back_is_found_out() {
    let mut server = Server::demo();
    let scene = scene(&server);
    server.stop();
    let older = files(&server);
    server.start();
    assert_eq!(
        scene
            .admin
            .at(&server)
            .get(&format!("/api/cases/{}", scene.case))
            .status,
        200
    );
    server.stop();
    let newer = files(&server);
    assert!(verify(&server).0);
    put(&older);
    let (is_well, found) = verify(&server);
    assert!(
        !is_well && found["faults"][0].as_str().unwrap().contains("rolled back"),
        "{found}"
    );
    put(&newer);
    assert!(verify(&server).0);
}

#[test]
fn one_changed_word_is_found_out() {
    let mut server = Server::demo();
    scene(&server);
    server.stop();
    let file = server.data().join("catalog.sqlite");
    let mut bytes = std::fs::read(&file).unwrap();
    let (from, to) = (b"\"action\":\"SeeCase\"", b"\"action\":\"SeeItem\"");
    let at = bytes
        .windows(from.len())
        .position(|window| window == from)
        .unwrap();
    bytes[at..at + to.len()].copy_from_slice(to);
    std::fs::write(&file, bytes).unwrap();
    let (is_well, found) = verify(&server);
    let faults = found["faults"].to_string();
    assert!(
        !is_well && faults.contains("was changed") && faults.contains("indexed as another"),
        "{faults}"
    );
}

/// The files of the database.
fn files(server: &Server) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"]
        .map(|name| server.data().join(name))
        .map(|path| {
            let bytes = std::fs::read(&path).ok();
            (path, bytes)
        })
        .into()
}

fn put(files: &[(PathBuf, Option<Vec<u8>>)]) {
    for (path, bytes) in files {
        match bytes {
            Some(bytes) => std::fs::write(path, bytes).unwrap(),
            None if path.exists() => std::fs::remove_file(path).unwrap(),
            None => {}
        }
    }
}

#[test]
fn the_record_of_a_practice_is_narrowed() {
    let server = Server::demo();
    let scene = scene(&server);
    let path = format!("/api/practices/{}/audit?limit=200", scene.practice);
    let rows = |query: &str| {
        let answer = scene.admin.get(&format!("{path}{query}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json.as_array().unwrap().clone()
    };
    let all = rows("");
    let actor = scene.admin.get("/api/me").json["id"].as_str().unwrap().to_owned();
    for (query, field, value) in [
        ("&action=SeeCase".to_owned(), "action", "SeeCase"),
        (format!("&actor={actor}"), "actor", actor.as_str()),
        (format!("&patient={}", scene.patient), "patient", &scene.patient),
    ] {
        // Asking is itself recorded: the newest are left out.
        let newest = all[0]["seq"].as_u64().unwrap();
        let found: Vec<_> = rows(&format!("{query}&before={}", newest + 1));
        let wanted: Vec<_> = all.iter().filter(|row| row[field] == value).cloned().collect();
        assert!(
            !wanted.is_empty() && wanted.len() < all.len(),
            "{query}: {}",
            wanted.len()
        );
        assert_eq!(found, wanted, "{query}");
    }
    let both = rows(&format!(
        "&action=SeeCase&actor={actor}&patient={}",
        scene.patient
    ));
    assert!(
        both.iter()
            .all(|row| row["action"] == "SeeCase" && row["actor"] == actor.as_str())
    );
    assert_eq!(scene.admin.get(&format!("{path}&action=a%20b")).status, 422);
}
