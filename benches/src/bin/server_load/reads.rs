//! Reading: the list of a practice's cases, and one case, over and over, from a catalog with many of them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use catalog::{Catalog, Database, NewCase, Patient};
use domain::{CaseId, Demographics, Hold, PatientId, Phi, PracticeId, Timestamp, UserId};
use serde_json::json;
use testkit::proofs::Asker;
use vault::{ObjectId, RootKey};

use crate::client::{Client, Server};

/// Who reads: one alone may not ask as often as the server can answer.
const PEOPLE: usize = 4;

/// What to ask of it.
pub(crate) struct Load {
    pub(crate) patients: usize,
    pub(crate) cases: usize,
    pub(crate) secs: usize,
    pub(crate) clients: usize,
    /// Requests a second of all clients together; 0 for as many as are answered.
    pub(crate) per_sec: usize,
}

pub(crate) fn run(program: &Path, load: &Load) -> Result<()> {
    let mut server = Server::start(program)?;
    let (administrator, practice) = server.practice()?;
    let mut people = vec![administrator];
    for number in 1..PEOPLE {
        let colleague = server.colleague(&mut people[0], &practice, number)?;
        people.push(colleague);
    }
    let users: Vec<UserId> = people
        .iter_mut()
        .map(|client| Ok(client.get("/api/me")?["id"].as_str().context("an id")?.parse()?))
        .collect::<Result<_>>()?;
    let cookies: Vec<Option<String>> = people.into_iter().map(|client| client.cookie).collect();
    let cases = server.pause(|place| fill(place, practice.parse()?, &users, load))?;

    let clients = (0..load.clients)
        .map(|number| server.client(cookies[number % cookies.len()].as_deref()))
        .collect::<Result<Vec<_>>>()?;
    let cpu = server.cpu_secs()?;
    let start = Instant::now();
    let secs = Duration::from_secs(load.secs as u64);
    let mut times: Vec<f64> = std::thread::scope(|scope| {
        let readers: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(number, client)| {
                let (practice, cases) = (&practice, &cases);
                scope.spawn(move || read(client, number, practice, cases, load, (start, secs)))
            })
            .collect();
        readers
            .into_iter()
            .map(|reader| {
                reader
                    .join()
                    .unwrap_or_else(|_| Err(anyhow::anyhow!("a client broke")))
            })
            .collect::<Result<Vec<_>>>()
    })?
    .concat();
    let took = start.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    let at = |part: f64| 1e3 * times[((times.len() - 1) as f64 * part) as usize];
    println!(
        "{}",
        json!({
            "task": "reads", "patients": load.patients, "cases": load.cases, "clients": load.clients,
            "asked_per_s": load.per_sec, "per_s": times.len() as f64 / took,
            "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0),
            "server_cores": (server.cpu_secs()? - cpu) / took, "peak_mb": server.peak_bytes()? / 1_000_000,
        })
    );
    Ok(())
}

/// Asks for the list and for single cases in turn; gives how long each answer took from when it was due, seconds.
fn read(
    mut client: Client,
    number: usize,
    practice: &str,
    cases: &[CaseId],
    load: &Load,
    (start, secs): (Instant, Duration),
) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for turn in 0.. {
        let due = match load.per_sec {
            0 => Instant::now(),
            rate => start + Duration::from_secs_f64((turn * load.clients + number) as f64 / rate as f64),
        };
        if due.max(Instant::now()) - start >= secs {
            break;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let path = match (turn + number) % 2 {
            0 => format!("/api/practices/{practice}/cases"),
            _ => format!(
                "/api/cases/{}",
                cases[(turn * load.clients + number) * 7919 % cases.len()]
            ),
        };
        client.call("GET", &path, &[], b"")?;
        times.push(due.elapsed().as_secs_f64());
    }
    Ok(times)
}

/// Writes patients and cases into the catalog of a server that does not run.
fn fill(place: &Path, practice: PracticeId, users: &[UserId], load: &Load) -> Result<Vec<CaseId>> {
    let user = users[0];
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let data = place.join("data");
    let root = RootKey::load_or_create(&place.join("key/root.key"), &data)?;
    let cipher = Arc::new(ingest::RootCipher(Arc::new(root)));
    runtime.block_on(async {
        let catalog = Catalog::open(&Database::Sqlite(data.join("catalog.sqlite")), cipher).await?;
        let mut cases = Vec::with_capacity(load.cases);
        let mut change = catalog.change().await?;
        for number in 0..load.patients {
            let created = Timestamp::from_ms(1_700_000_000_000 + 1000 * number as i64);
            let patient = Patient {
                id: PatientId::from_random(*ObjectId::random()?.as_bytes()),
                practice,
                created_by: user,
                demographics: person(number),
                version: 1,
                created,
                hold: Hold::None,
                deleted: None,
            };
            let asker = Asker::new(user, created);
            let proof = asker.practice(practice);
            change.create_patient(proof, &patient).await?;
            for user in &users[1..] {
                let proof = asker.patient(patient.id);
                change.put_care_team(proof, *user, created).await?;
            }
            let proof = asker.patient(patient.id);
            let (first, last) = (number, number + 1);
            let share = |at: usize| at * load.cases / load.patients;
            for case in share(first)..share(last) {
                let id = CaseId::from_random(*ObjectId::random()?.as_bytes());
                let new = NewCase {
                    id,
                    practice,
                    patient: patient.id,
                    created_by: user,
                    title: Phi::new(format!("Operation {} of {}", case % 7, number % 1000)),
                    date: None,
                    retain_until: None,
                    created: created.plus_ms(case as i64 % 1000),
                };
                change.create_case(proof, &new).await?;
                cases.push(id);
            }
            if number % 500 == 499 {
                change.commit().await?;
                change = catalog.change().await?;
            }
        }
        change.commit().await?;
        catalog.close().await;
        Ok(cases)
    })
}

fn person(number: usize) -> Demographics {
    Demographics {
        name: Phi::new(format!("Person{number}, Bench{}", number % 97)),
        born: None,
        contact: None,
        address: Some(Phi::new(format!("{number} Hill Street"))),
        gender: None,
        sex: None,
        race: None,
        eye_color: None,
        height_cm: None,
    }
}
