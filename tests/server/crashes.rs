//! The server is killed at any moment: what it acknowledged is there, and nothing is half there.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use testkit::postgres::Cluster;
use ureq::http::Method;

use super::audit::verify;
use super::cases::series;
use super::client::{Client, Server};

/// What the server said yes to.
#[derive(Default)]
struct Acknowledged {
    patients: Vec<String>,
    cases: Vec<String>,
    sets: Vec<(String, usize)>,
    closed: Vec<String>,
    shared: Vec<String>,
    deleted: HashSet<String>,
}

/// Kills in an ordinary run, and in a long one.
fn cycles() -> u32 {
    if std::env::var_os("VITRINE_LONG").is_some() {
        200
    } else {
        20
    }
}

#[test]
fn what_is_acknowledged_survives_kill_9() {
    acknowledged_survives_kill_9(Server::demo());
}

#[test]
fn what_is_acknowledged_survives_kill_9_on_postgres() {
    if let Some(cluster) = Cluster::shared() {
        acknowledged_survives_kill_9(Server::with(&["--demo", "--database", &cluster.database()]));
    }
}

fn acknowledged_survives_kill_9(mut server: Server) {
    let (client, practice) = server.practice("a@example.org");
    let files = Arc::new(series("Crash"));
    let known = Arc::new(Mutex::new(Acknowledged::default()));
    let mut number: u64 = 0x9E37_79B9_7F4A_7C15;
    for _ in 0..cycles() {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let stop = Arc::new(AtomicBool::new(false));
        let busy = {
            let client = client.at(&server);
            let (practice, files) = (practice.clone(), Arc::clone(&files));
            let (known, stop) = (Arc::clone(&known), Arc::clone(&stop));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) && work(&client, &practice, &files, &known).is_some() {}
            })
        };
        std::thread::sleep(Duration::from_millis(30 + (number >> 33) % 400));
        server.kill();
        stop.store(true, Ordering::Relaxed);
        busy.join().unwrap();
        server.start();
        check(&client.at(&server), &practice, &known.lock().unwrap());
    }
    // What was closed is ingested in the end, each once.
    let client = client.at(&server);
    let known = known.lock().unwrap();
    for set in &known.closed {
        // Of some the case was deleted, acknowledged or not.
        if client.get(&format!("/api/upload-sets/{set}")).status == 200 {
            let mut job = client.wait_for(set);
            // Three times killed at the same work: it was given up, with its files kept, and is tried again.
            if job["state"] == "failed" && job["attempts"] == 3 {
                let path = format!("/api/upload-sets/{set}/retry");
                let again = client.call(Method::POST, &path, &[], Vec::new());
                assert_eq!(again.status, 202, "{again:?} after {job}");
                job = client.wait_for(set);
            }
            assert_eq!(job["state"], "done", "{job}");
        }
    }
    let (is_well, found) = verify(&server);
    assert!(is_well, "{found}");
}

/// One round of everything that changes something; `None` when the server is gone.
fn work(
    client: &Client,
    practice: &str,
    files: &[(String, Vec<u8>)],
    known: &Mutex<Acknowledged>,
) -> Option<()> {
    let post = |path: String, body: serde_json::Value| {
        let reply = client.attempt(
            Method::POST,
            &path,
            &[("content-type", "application/json")],
            body.to_string().into_bytes(),
        )?;
        (reply.status < 300).then_some(reply)
    };
    let patient = post(
        format!("/api/practices/{practice}/patients"),
        json!({ "name": "Crash" }),
    )?
    .id();
    known.lock().unwrap().patients.push(patient.clone());
    let case = post(
        format!("/api/patients/{patient}/cases"),
        json!({ "title": "Crash" }),
    )?
    .id();
    known.lock().unwrap().cases.push(case.clone());
    let set = post(
        format!("/api/cases/{case}/upload-sets"),
        json!({ "biometric": "no" }),
    )?
    .id();
    known.lock().unwrap().sets.push((set.clone(), 0));
    for some in files.chunks(3) {
        let sent = client.attempt_many(&set, some)?;
        (sent.status == 201).then_some(())?;
        if let Some(entry) = known.lock().unwrap().sets.last_mut() {
            entry.1 += some.len();
        }
    }
    let closed = client.attempt(
        Method::POST,
        &format!("/api/upload-sets/{set}/close"),
        &[],
        Vec::new(),
    )?;
    (closed.status == 202).then_some(())?;
    known.lock().unwrap().closed.push(set);
    let shared = client.attempt(
        Method::PUT,
        &format!("/api/cases/{case}/sharing"),
        &[],
        Vec::new(),
    )?;
    (shared.status == 204).then_some(())?;
    known.lock().unwrap().shared.push(case.clone());
    let old = {
        let known = known.lock().unwrap();
        known
            .cases
            .iter()
            .rev()
            .nth(3)
            .filter(|old| !known.deleted.contains(*old))
            .cloned()
    };
    if let Some(old) = old {
        let deleted = client.attempt(Method::DELETE, &format!("/api/cases/{old}"), &[], Vec::new())?;
        if deleted.status == 204 {
            known.lock().unwrap().deleted.insert(old);
        }
    }
    Some(())
}

fn check(client: &Client, practice: &str, known: &Acknowledged) {
    for patient in known.patients.iter().rev().take(5) {
        assert_eq!(client.get(&format!("/api/patients/{patient}")).status, 200);
    }
    for case in known.cases.iter().rev().take(8) {
        let seen = client.get(&format!("/api/cases/{case}"));
        if known.deleted.contains(case) {
            assert_ne!(seen.status, 200, "a deleted case is back");
            continue;
        }
        // A deletion may have been done and not acknowledged.
        if seen.status == 200 && known.shared.contains(case) {
            assert_eq!(seen.json["sharing"], "with_patient");
        }
    }
    for (set, files) in known.sets.iter().rev().take(3) {
        let seen = client.get(&format!("/api/upload-sets/{set}"));
        if seen.status == 200 {
            let there = seen.json["files"].as_u64().unwrap() as usize;
            assert!(there >= *files, "{there} of {files} acknowledged files");
            assert!(there.is_multiple_of(3), "half of a request");
        }
    }
    let audit = client.get(&format!("/api/practices/{practice}/audit?limit=200"));
    let places: Vec<u64> = audit
        .json
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["seq"].as_u64().unwrap())
        .collect();
    assert!(places.windows(2).all(|pair| pair[0] > pair[1]));
}
