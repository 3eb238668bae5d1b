//! When one may look no more, the pictures stop: within a second of a revoked grant, a sign-out, an end date, a case
//! that is no longer shared or was deleted.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use catalog::{CaseGrant, Catalog, Database};
use domain::{GrantId, GrantRight, Timestamp};
use protocol::Ending;
use serde_json::json;
use testkit::proofs::{Asker, act};
use tokio::runtime::Runtime;
use ureq::http::Method;
use vault::RootKey;

use super::super::client::{Client, PASSWORD};
use super::socket::{Heard, Viewer, axial};
use super::{SIZE, Scene};

#[derive(Clone, Copy, Debug)]
enum Way {
    Revoked,
    SignedOut,
    Expired,
    Unshared,
    Deleted,
}

const WAYS: [Way; 5] = [
    Way::Revoked,
    Way::SignedOut,
    Way::Expired,
    Way::Unshared,
    Way::Deleted,
];

/// The catalog of the server, opened beside it: for dates that no route sets.
struct Beside {
    runtime: Runtime,
    catalog: Catalog,
}

impl Beside {
    fn open(scene: &Scene) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (data, key) = (
            scene.server.data(),
            scene.server.folder.path().join("key/root.key"),
        );
        let root = RootKey::load_or_create(&key, &data).expect("the root key");
        let cipher = std::sync::Arc::new(ingest::RootCipher(std::sync::Arc::new(root)));
        let database = Database::Sqlite(data.join("catalog.sqlite"));
        let catalog = runtime
            .block_on(Catalog::open(&database, cipher))
            .expect("the catalog");
        Self { runtime, catalog }
    }

    /// Gives somebody a grant until a moment.
    fn grant(&self, scene: &Scene, client: &Client, until: Timestamp) -> GrantId {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("random bytes");
        let id = |client: &Client| {
            client.get("/api/me").json["id"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap()
        };
        let grant = CaseGrant {
            id: GrantId::from_random(bytes),
            case: scene.case.parse().unwrap(),
            user: id(client),
            grant: domain::Grant {
                right: GrantRight::See,
                until,
                revoked: None,
            },
            granted_by: id(&scene.admin),
            created: now(),
        };
        self.runtime.block_on(async {
            let mut change = self.catalog.change().await.unwrap();
            let proof =
                Asker::new(grant.granted_by, grant.created).case::<act::InviteCollaborator>(grant.case);
            change.put_grant(proof, &grant).await.unwrap();
            change.commit().await.unwrap();
        });
        grant.id
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Timestamp::from_ms(since.as_millis() as i64)
}

/// Does it; gives the moment since which nothing may be seen.
fn end(way: Way, scene: &Scene, client: &Client, grant: Option<GrantId>, until: Instant) -> Instant {
    let case = &scene.case;
    let call = |client: &Client, method: Method, path: String| {
        let done = client.call(method, &path, &[], Vec::new());
        assert_eq!(done.status, 204, "{way:?}: {done:?}");
    };
    match way {
        Way::Revoked => {
            let grant = grant.expect("a grant");
            call(
                &scene.admin,
                Method::DELETE,
                format!("/api/cases/{case}/grants/{grant}"),
            );
        }
        Way::SignedOut => call(client, Method::POST, "/api/sign-out".to_owned()),
        Way::Expired => return until,
        Way::Unshared => call(&scene.admin, Method::DELETE, format!("/api/cases/{case}/sharing")),
        Way::Deleted => call(&scene.admin, Method::DELETE, format!("/api/cases/{case}")),
    }
    Instant::now()
}

/// Signs in once more; waits where that was too often.
fn sign_in_again(scene: &Scene) -> Client {
    let mut client = scene.server.visitor();
    let proofs = json!({ "email": "curie@example.net", "password": PASSWORD });
    loop {
        let answer = client.post("/api/sign-in", &proofs);
        if answer.status == 429 {
            let secs = answer.header("retry-after").parse().expect("seconds");
            std::thread::sleep(Duration::from_secs(secs));
            continue;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        client.keep_cookie(&answer);
        return client;
    }
}

#[test]
fn pictures_stop_within_a_second() {
    let trials = match std::env::var_os("VITRINE_LONG") {
        Some(_) => 200,
        None => 20,
    };
    let scene = Scene::new();
    let collaborator = scene.collaborator("curie@example.net");
    let person = scene.person("quirina@example.com");
    let beside = Beside::open(&scene);
    let later = now().plus_ms(86_400_000);
    let mut late = Vec::new();
    for trial in 0..trials {
        let way = WAYS[trial % WAYS.len()];
        let lasts = Duration::from_millis(1_500);
        let (client, grant) = match way {
            Way::Unshared => {
                scene.share();
                (person.clone(), None)
            }
            Way::SignedOut => {
                beside.grant(&scene, &collaborator, later);
                (sign_in_again(&scene), None)
            }
            Way::Expired => {
                let until = now().plus_ms(lasts.as_millis() as i64);
                (
                    collaborator.clone(),
                    Some(beside.grant(&scene, &collaborator, until)),
                )
            }
            Way::Revoked | Way::Deleted => (
                collaborator.clone(),
                Some(beside.grant(&scene, &collaborator, later)),
            ),
        };
        let until = Instant::now() + lasts;
        let mut viewer = Viewer::open(&client, &scene.case).expect("a socket");
        let exhibit = viewer.look_at(&scene.item);
        let ask = |viewer: &mut Viewer, n: u32| {
            let above_mm = f64::from(n % 40) * 0.5;
            viewer.ask_for(&exhibit, &[axial(&exhibit, above_mm, SIZE)])
        };
        // Pictures flow until it happens.
        let mut frames = 0;
        while frames < 5 {
            ask(&mut viewer, frames);
            if let Some(Heard::Frame(..)) = viewer.next(Duration::from_millis(100)) {
                frames += 1;
            }
        }
        let (told, asked) = std::sync::mpsc::channel();
        let since = std::thread::scope(|scope| {
            let scene = &scene;
            let client = &client;
            scope.spawn(move || {
                told.send(end(way, scene, client, grant, until))
                    .expect("it is heard");
            });
            // And are asked for all the while.
            let mut last = Instant::now();
            let mut since = None;
            let mut why = None;
            let began = Instant::now();
            for n in 0.. {
                ask(&mut viewer, n);
                match viewer.next(Duration::from_millis(50)) {
                    Some(Heard::Frame(..)) => last = Instant::now(),
                    Some(Heard::Event(protocol::Event::Ended { why: told })) => why = Some(told),
                    Some(Heard::Closed) => break,
                    _ => {}
                }
                since = since.or_else(|| asked.try_recv().ok());
                assert!(
                    began.elapsed() < super::socket::PATIENCE,
                    "{way:?} does not end it"
                );
            }
            let expected = match way {
                Way::SignedOut => Ending::SignedOut,
                _ => Ending::Revoked,
            };
            assert_eq!(why, Some(expected), "{way:?}");
            let since = since.unwrap_or_else(|| asked.recv().expect("it was done"));
            last.saturating_duration_since(since)
        });
        late.push(since);
        if matches!(way, Way::Deleted) {
            let path = format!("/api/cases/{}/undo-delete", scene.case);
            let undone = scene.admin.call(Method::POST, &path, &[], Vec::new());
            assert_eq!(undone.status, 204, "{undone:?}");
        }
    }
    late.sort();
    let at = |share: f64| late[((late.len() - 1) as f64 * share).round() as usize];
    println!(
        "last picture after the end, {trials} trials: median {:?}, p99 {:?}, worst {:?}",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    assert!(at(0.99) <= Duration::from_secs(1), "{late:?}");
}
