//! Marks between the client's outbox and the server, while connections break, pages and servers are killed, and what was
//! sent arrives twice or late: nothing is lost, and nothing is there twice.

use std::collections::BTreeMap;

use domain::{AnnotationGeometry, AnnotationKind, MarkSpace};
use geometry::DVec3;
use serde_json::{Value, json};
use ureq::http::Method;
use viewer::outbox::{Act, Content, Outbox, Request, Verdict};

use super::client::{Client, Server};

/// Disruptions, and those among them in which the server is killed.
const DISRUPTIONS: u32 = 1_000;
const SERVER_KILLS: u32 = 8;

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn id(&mut self) -> String {
        let mut bytes = [0; 16];
        bytes.fill_with(|| self.below(256) as u8);
        domain::AnnotationId::from_random(bytes).to_string()
    }
}

/// What a mark is to be in the end: what it says, and its comments in order.
type Marks = BTreeMap<String, (Content, Vec<(String, String)>)>;

/// A page in which somebody marks a case.
struct Page {
    random: Random,
    case: String,
    outbox: Outbox,
    /// What the browser keeps of it.
    kept: String,
    versions: BTreeMap<String, u64>,
    wanted: Marks,
    sent: Vec<Request>,
}

impl Page {
    fn content(&mut self) -> Content {
        let mut along = || self.random.below(100_000) as f64 / 7.0 - 5_000.0;
        let point = DVec3::new(along(), along(), along());
        let geometry = AnnotationGeometry::new(AnnotationKind::Pin, MarkSpace::Patient, vec![point]);
        Content {
            item: None,
            geometry: geometry.expect("a pin"),
            label: (self.random.below(3) == 0).then(|| format!("label {}", self.random.below(9))),
            color: None,
        }
    }

    /// The hand does something.
    fn act(&mut self) {
        let marks: Vec<String> = self.wanted.keys().cloned().collect();
        let some = match marks.len() {
            0 => None,
            count => marks.get(self.random.below(count as u64) as usize).cloned(),
        };
        let (mark, act) = match (self.random.below(20), some) {
            (0..=7, Some(mark)) => {
                let content = self.content();
                self.wanted.get_mut(&mark).expect("a mark").0 = content.clone();
                (mark, Act::Amend(content))
            }
            (8..=9, Some(mark)) => {
                self.wanted.remove(&mark);
                (mark, Act::Remove)
            }
            (10..=13, Some(mark)) => {
                let (id, text) = (self.random.id(), format!("said {}", self.random.below(1_000)));
                let comments = &mut self.wanted.get_mut(&mark).expect("a mark").1;
                comments.push((id.clone(), text.clone()));
                (mark, Act::Comment { id, text })
            }
            _ => {
                let (id, content) = (self.random.id(), self.content());
                self.wanted.insert(id.clone(), (content.clone(), Vec::new()));
                (id, Act::Add(content))
            }
        };
        self.outbox.push(&mark, act);
        self.keep();
    }

    fn keep(&mut self) {
        self.kept = serde_json::to_string(&self.outbox).expect("JSON");
    }

    /// The page is gone, and opened again.
    fn open_again(&mut self, client: &Client) {
        self.outbox = serde_json::from_str(&self.kept).expect("what was kept");
        self.read(client);
    }

    /// Reads what the server has.
    fn read(&mut self, client: &Client) {
        let there = client.get(&format!("/api/cases/{}/annotations", self.case));
        assert_eq!(there.status, 200, "{there:?}");
        let version = |mark: &Value| Some((mark["id"].as_str()?.to_owned(), mark["version"].as_u64()?));
        self.versions = there
            .json
            .as_array()
            .expect("marks")
            .iter()
            .filter_map(version)
            .collect();
    }

    /// The next request, noted as sent before it is.
    fn next(&mut self) -> Option<Request> {
        let entry = self.outbox.send()?;
        self.keep();
        let version = self.versions.get(&entry.mark).copied();
        let request = entry.request(&self.case, version.unwrap_or(1));
        self.sent.push(request.clone());
        Some(request)
    }

    /// What comes of an answer; `status` is 0 where none came.
    fn answered(&mut self, client: &Client, status: u16, body: &Value) {
        let first = self.outbox.entries().next().expect("what was sent").clone();
        match first.verdict(status) {
            Verdict::Settled => {
                self.outbox.settled();
                if let (Act::Add(_) | Act::Amend(_), Some(version)) = (&first.act, body["version"].as_u64()) {
                    self.versions.insert(first.mark, version);
                }
            }
            Verdict::Again => self.read(client),
            Verdict::Refused => panic!("{first:?} is refused: {status} {body}"),
        }
        self.keep();
    }

    /// Sends the next without any trouble.
    fn go_on(&mut self, client: &Client) {
        if let Some(request) = self.next() {
            let (status, body) = deliver(client, &request);
            self.answered(client, status, &body);
        }
    }
}

fn deliver(client: &Client, request: &Request) -> (u16, Value) {
    let method = Method::from_bytes(request.method.as_bytes()).expect("a method");
    let json = [("content-type", "application/json")];
    let (headers, body): (&[_], _) = match &request.body {
        Some(body) => (&json, body.to_string().into_bytes()),
        None => (&[], Vec::new()),
    };
    match client.attempt(method, &request.path, headers, body) {
        Some(reply) => (reply.status, reply.json),
        None => (0, Value::Null),
    }
}

#[test]
fn nothing_is_lost_and_nothing_is_there_twice() {
    let mut server = Server::in_memory(&["--demo"]);
    let (admin, practice) = server.practice("a@example.org");
    let (_, case) = admin.patient_and_case(&practice);
    let mut client = admin.at(&server);
    let mut page = Page {
        random: Random(0x9E37_79B9_7F4A_7C15),
        case,
        outbox: Outbox::default(),
        kept: "null".to_owned(),
        versions: BTreeMap::new(),
        wanted: Marks::new(),
        sent: Vec::new(),
    };
    page.keep();
    for disruption in 0..DISRUPTIONS {
        for _ in 0..1 + page.random.below(3) {
            page.act();
        }
        if page.random.below(3) == 0 {
            page.go_on(&client);
        }
        let Some(request) = page.next() else { continue };
        if disruption % (DISRUPTIONS / SERVER_KILLS) == 7 {
            server.kill();
            page.outbox = serde_json::from_str(&page.kept).expect("what was kept");
            server.start();
            client = admin.at(&server);
            page.read(&client);
            continue;
        }
        match page.random.below(5) {
            // The connection breaks before, or after the server has it.
            0 => page.answered(&client, 0, &Value::Null),
            1 => {
                deliver(&client, &request);
                page.answered(&client, 0, &Value::Null);
            }
            // The page is killed before, or after.
            2 => page.open_again(&client),
            3 => {
                deliver(&client, &request);
                page.open_again(&client);
            }
            // What was sent long ago arrives once more, and late.
            _ => {
                for _ in 0..1 + page.random.below(3) {
                    let at = page.random.below(page.sent.len() as u64) as usize;
                    let late = page.sent[at].clone();
                    deliver(&client, &late);
                }
                let (status, body) = deliver(&client, &request);
                page.answered(&client, status, &body);
            }
        }
    }
    while !page.outbox.is_empty() {
        page.go_on(&client);
    }
    let there = client.get(&format!("/api/cases/{}/annotations", page.case)).json;
    let found: Marks = there.as_array().expect("marks").iter().map(mark).collect();
    assert_eq!(
        there.as_array().map(Vec::len),
        Some(found.len()),
        "each mark once"
    );
    for (id, wanted) in &page.wanted {
        assert_eq!(found.get(id), Some(wanted), "{id}");
    }
    assert_eq!(found.len(), page.wanted.len());
    println!(
        "{DISRUPTIONS} disruptions, {} requests, {} marks",
        page.sent.len(),
        found.len()
    );
}

fn mark(found: &Value) -> (String, (Content, Vec<(String, String)>)) {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let content = json!({
        "item": found["item"], "geometry": found["geometry"], "label": found["label"], "color": found["color"],
    });
    let comments = found["comments"].as_array().expect("comments").iter();
    let comments = comments.map(|comment| (text(&comment["id"]), text(&comment["text"])));
    let content = serde_json::from_value(content).expect("what it says");
    (text(&found["id"]), (content, comments.collect()))
}
