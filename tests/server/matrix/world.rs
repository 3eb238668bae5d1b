//! The database of the server under test, as the matrix puts it into its states.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use catalog::{Catalog, Change, Database, NewAccount, Origin, Practice, PracticeSettings, SignIn};
use data_encoding::BASE64URL_NOPAD;
use domain::{IngestId, MemberRole, Phi, PracticeId, SignInId, SignInStrength, Timestamp, UserId};
use tokio::runtime::Runtime;
use ureq::http::HeaderMap;
use vault::{RootKey, Vault};

use super::super::client::{Client, Reply, Server};
use super::calls::Call;
use super::people::{Account, Person, Standing};
use super::scene::{self, Scene};
use super::{Route, method};

/// The server's data, opened beside it.
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) catalog: Catalog,
    pub(crate) vault: Vault,
    pub(crate) root: Arc<RootKey>,
    pub(crate) practice: PracticeId,
    /// A clinician who made everything that nobody else did.
    pub(crate) somebody: UserId,
    pub(crate) run: IngestId,
    client: Client,
    base: String,
    scenes: RefCell<HashMap<String, Scene>>,
}

pub(crate) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("random bytes");
    bytes
}

impl World {
    pub(crate) fn open(server: &Server, database: &Database) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (data, key) = (server.data(), server.folder.path().join("key/root.key"));
        let root = Arc::new(RootKey::load_or_create(&key, &data).expect("the root key"));
        let cipher = Arc::new(ingest::RootCipher(Arc::clone(&root)));
        let (catalog, vault, run) = runtime.block_on(async {
            let catalog = Catalog::open(database, cipher).await.expect("the catalog");
            let vault = Vault::open_folder(&data.join("objects"))
                .await
                .expect("the vault");
            let run = IngestId::from_random(random());
            catalog
                .system()
                .begin_ingest(run, &ingest::this_process())
                .await
                .expect("a run");
            (catalog, vault, run)
        });
        let mut world = Self {
            runtime,
            catalog,
            vault,
            root,
            practice: PracticeId::from_random(random()),
            somebody: UserId::from_random(random()),
            run,
            client: server.visitor(),
            base: server.base.clone(),
            scenes: RefCell::default(),
        };
        world.somebody = world.begin();
        world
    }

    /// The practice, and the clinician who is nobody of the matrix.
    fn begin(&self) -> UserId {
        let now = self.now();
        self.change(async |change| {
            let practice = Practice {
                id: self.practice,
                name: Phi::new("Praxis".to_owned()),
                settings: PracticeSettings::default(),
                created: now,
            };
            let mut system = change.as_system().await.unwrap();
            system.create_practice(&practice).await.unwrap();
            let user = self.account(change).await;
            let mut system = change.as_system().await.unwrap();
            system
                .put_member(self.practice, user, MemberRole::Clinician, "active", now)
                .await
                .unwrap();
            user
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        Timestamp::from_ms(since.as_millis() as i64)
    }

    /// One change of the database.
    pub(crate) fn change<T>(&self, make: impl AsyncFnOnce(&mut Change) -> T) -> T {
        self.runtime.block_on(async {
            let mut change = self.catalog.change().await.expect("a change");
            let made = make(&mut change).await;
            change.commit().await.expect("a commit");
            made
        })
    }

    /// An account that is verified.
    pub(crate) async fn account(&self, change: &mut Change) -> UserId {
        let user = UserId::from_random(random());
        let account = NewAccount {
            id: user,
            name: Phi::new("Somebody".to_owned()),
            email: Phi::new(format!("{user}@example.org")),
            password: None,
        };
        let mut system = change.as_system().await.unwrap();
        system.create_account(&account, self.now()).await.unwrap();
        system.verify_account(user, self.now()).await.unwrap();
        user
    }

    pub(crate) fn person(
        &self,
        name: &'static str,
        standing: Standing,
        strength: SignInStrength,
        account: Account,
    ) -> Person {
        let now = self.now();
        let user = self.change(async |change| {
            let user = match account {
                Account::Unverified => {
                    let user = UserId::from_random(random());
                    let account = NewAccount {
                        id: user,
                        name: Phi::new("Somebody".to_owned()),
                        email: Phi::new(format!("{user}@example.org")),
                        password: None,
                    };
                    let mut system = change.as_system().await.unwrap();
                    system.create_account(&account, now).await.unwrap();
                    user
                }
                _ => self.account(change).await,
            };
            let membership = match standing {
                Standing::Member(role, _) => Some((role, "active")),
                Standing::Former => Some((MemberRole::Clinician, "left")),
                _ => None,
            };
            if let Some((role, state)) = membership {
                let mut system = change.as_system().await.unwrap();
                system
                    .put_member(self.practice, user, role, state, now)
                    .await
                    .unwrap();
            }
            user
        });
        let mut person = Person {
            name,
            user,
            cookie: String::new(),
            strength,
            account,
            standing,
        };
        person.cookie = self.sign_in(&person);
        if account != Account::Pending {
            let mut client = self.client.clone();
            client.cookie = Some(person.cookie.clone());
            client.accept_terms();
        }
        if account == Account::Deactivated {
            self.change(async |change| {
                let mut system = change.as_system().await.unwrap();
                system.deactivate_account(user).await.unwrap();
            });
        }
        person
    }

    /// Somebody else who stands as a person does.
    pub(crate) fn double(&self, person: &Person) -> Person {
        self.person(person.name, person.standing, person.strength, person.account)
    }

    /// Another sign-in of a person: its cookie.
    pub(crate) fn sign_in(&self, person: &Person) -> String {
        self.change(async |change| self.add_sign_in(change, person).await.0)
    }

    /// Adds a sign-in of a person: its cookie, and its identifier.
    pub(crate) async fn add_sign_in(&self, change: &mut Change, person: &Person) -> (String, SignInId) {
        let now = self.now();
        let word = BASE64URL_NOPAD.encode(&[random(), random()].concat());
        let token = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, word.as_bytes());
        let sign_in = SignIn {
            id: SignInId::from_random(random()),
            user: person.user,
            strength: person.strength,
            created: now,
            seen: now,
            idle_ms: 12 * 3_600_000,
            ends: now.plus_ms(12 * 3_600_000),
        };
        let origin = Phi::new(Origin {
            address: "127.0.0.1".to_owned(),
            agent: "test".to_owned(),
        });
        let mut system = change.as_system().await.unwrap();
        system
            .add_sign_in(token.as_ref(), &sign_in, &origin)
            .await
            .unwrap();
        (format!("__Host-vitrine={word}"), sign_in.id)
    }

    /// What `person` meets at `route` in a state; `None` where no request can meet that.
    pub(crate) fn scene(&self, route: &Route, state: &str, person: &Person) -> Option<Scene> {
        let key = scene::key(route, state, person)?;
        if let Some(scene) = self.scenes.borrow().get(&key) {
            return Some(scene.clone());
        }
        let scene = scene::make(self, route, state, person, key.clone());
        self.scenes.borrow_mut().insert(key, scene.clone());
        Some(scene)
    }

    /// A scene that a request has changed is not used again.
    pub(crate) fn forget(&self, scene: &Scene) {
        self.scenes.borrow_mut().remove(&scene.key);
    }

    pub(crate) fn ask(&self, call: &Call, cookie: Option<String>) -> Reply {
        if call.path == "/api/events" {
            return self.listen(cookie);
        }
        let mut client = self.client.clone();
        client.cookie = cookie;
        let headers: Vec<(&str, &str)> = call
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        // A connection may have been closed after its last answer, before the server had read all that was sent.
        (0..3)
            .find_map(|_| client.attempt(method(&call.method), &call.path, &headers, call.body.clone()))
            .expect("an answer")
    }

    /// Events do not end: only how they begin is read.
    fn listen(&self, cookie: Option<String>) -> Reply {
        let host = self.base.strip_prefix("http://").expect("an address");
        let mut stream = TcpStream::connect(host).expect("a connection");
        let cookie = cookie.unwrap_or_default();
        write!(
            stream,
            "GET /api/events HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        )
        .expect("a request");
        let mut text = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let read = stream.read(&mut piece).expect("an answer");
            text.extend_from_slice(&piece[..read]);
            let is_stream = text.starts_with(b"HTTP/1.1 200");
            if read == 0 || is_stream && text.windows(4).any(|four| four == b"\r\n\r\n") {
                break;
            }
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        Reply {
            status: text[9..12].parse().expect("a status"),
            headers: HeaderMap::new(),
            json: serde_json::from_str(body).unwrap_or_default(),
            body: Vec::new(),
        }
    }
}
