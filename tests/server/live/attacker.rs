//! A headless attacker: people who may look, may not look, or are nobody try every route by every method, with the true
//! identifiers of what they want and with guessed ones, ask for parts and for other types, and leave the paths. Nothing
//! of the content comes.

use std::collections::BTreeMap;

use serde_json::Value;
use ureq::http::Method;

use super::super::client::{Client, Reply};
use super::forbidden::Exhibition;

/// Routes that never end an answer, or end the attacker's own account or session.
const LEFT_OUT: [&str; 3] = ["/api/events", "/api/me", "/api/sign-out"];

/// What stands in a path for each name of a parameter: the true identifiers.
struct Known(BTreeMap<String, Vec<String>>);

impl Known {
    /// What the uploader knows.
    fn of(at: &Exhibition) -> Self {
        let (scene, admin) = (&at.scene, &at.scene.admin);
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut put = |name: &str, id: &Value| {
            let id = id.as_str().expect("an id").to_owned();
            all.entry(name.to_owned()).or_default().push(id);
        };
        put("practice", &scene.practice.clone().into());
        put("patient", &scene.patient.clone().into());
        put("case", &scene.case.clone().into());
        put("user", &admin.get("/api/me").json["id"]);
        put("set", &admin.open_set(&scene.case).into());
        put("section", &"slice-0-4".into());
        for item in &at.items {
            put("item", &item.clone().into());
            // What patients have of their own goes by the same kind of identifier.
            put("capture", &item.clone().into());
            for original in list(admin, &format!("/api/items/{item}/originals"))
                .iter()
                .take(2)
            {
                put("original", &original["id"]);
            }
            for artifact in list(admin, &format!("/api/items/{item}/artifacts")) {
                put("artifact", &artifact["id"]);
                for part in artifact["parts"].as_array().into_iter().flatten() {
                    put("part", &part["name"]);
                }
            }
        }
        for grant in list(admin, &format!("/api/cases/{}/grants", scene.case)) {
            put("grant", &grant["id"]);
        }
        Self(all)
    }

    /// All paths that a route stands for.
    fn paths(&self, route: &str) -> Vec<String> {
        let mut paths = vec![route.to_owned()];
        while let Some(at) = paths[0].find('{') {
            let end = paths[0][at..].find('}').expect("a whole name") + at;
            let name = paths[0][at + 1..end].to_owned();
            let none = vec!["00000000-0000-4000-8000-000000000000".to_owned()];
            let ids = self.0.get(&name).unwrap_or(&none);
            let with = |path: &String| {
                let hole = format!("{{{name}}}");
                ids.iter()
                    .map(move |id| path.replacen(&hole, id, 1))
                    .collect::<Vec<_>>()
            };
            paths = paths.iter().flat_map(with).collect();
        }
        paths
    }
}

fn list(client: &Client, path: &str) -> Vec<Value> {
    client.get(path).json.as_array().cloned().unwrap_or_default()
}

/// The same path as somebody writes it who hopes that it is understood in another way.
fn guesses(path: &str) -> Vec<String> {
    let mut next = path.to_owned();
    // The identifier that came before or after.
    if let Some(last) = next.pop() {
        next.push(if last == '0' { '1' } else { '0' });
    }
    vec![
        next,
        path.to_uppercase(),
        format!("{path}/"),
        format!("{path}/content"),
        format!("{path}%00"),
        format!("{path}?download=1&format=dicom&raw=true&level=0&as=uploader"),
        path.replacen("/api/", "/api/x/..%2f", 1),
        path.replacen("/api/", "/api/../api//", 1),
    ]
}

/// Outside of what there is.
const ASTRAY: [&str; 8] = [
    "/objects/",
    "/data/catalog.sqlite",
    "/..%2f..%2fdata%2fcatalog.sqlite",
    "/../../data/catalog.sqlite",
    "/assets/..%2f..%2fkey%2froot.key",
    "/%2e%2e/%2e%2e/key/root.key",
    "/.env",
    "/api/metrics",
];

/// What came, and of what kind the answers were.
#[derive(Default)]
struct Loot {
    bytes: Vec<u8>,
    statuses: BTreeMap<u16, usize>,
    unanswered: Vec<String>,
}

impl Loot {
    fn try_one(
        &mut self,
        client: &Client,
        (method, path): (Method, &str),
        headers: &[(&str, &str)],
        body: &[u8],
    ) {
        // A connection on which a body was refused is closed, which shows with the next request.
        let mut attempts = (0..3).map(|_| client.attempt(method.clone(), path, headers, body.to_vec()));
        match attempts.find_map(|reply| reply) {
            Some(reply) => self.keep(reply),
            None => self.unanswered.push(format!("{method} {path}")),
        }
    }

    fn keep(&mut self, reply: Reply) {
        *self.statuses.entry(reply.status).or_default() += 1;
        for (name, value) in &reply.headers {
            self.bytes.extend_from_slice(name.as_str().as_bytes());
            self.bytes.extend_from_slice(value.as_bytes());
        }
        self.bytes.extend(reply.body);
    }

    fn try_all(&mut self, client: &Client, path: &str) {
        for headers in [
            &[("range", "bytes=0-65535")][..],
            &[("accept", "application/dicom, application/octet-stream")],
            &[
                ("x-http-method-override", "GET"),
                ("x-forwarded-for", "127.0.0.1"),
                ("x-original-url", path),
            ],
        ] {
            self.try_one(client, (Method::GET, path), headers, b"");
        }
        for method in [
            Method::HEAD,
            Method::OPTIONS,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ] {
            let kind = [("content-type", "application/json")];
            self.try_one(client, (method, path), &kind, b"{}");
        }
    }
}

#[test]
fn nobody_who_tries_everything_gets_a_file() {
    let at = Exhibition::new();
    let known = Known::of(&at);
    let document = at.scene.server.visitor().get("/api/openapi.json").json;
    let routes = document["paths"].as_object().expect("paths");
    let (stranger, _) = at.scene.server.practice("stranger@example.org");
    let people = [
        ("collaborator", at.scene.collaborator("curie@example.net")),
        ("patient", at.scene.person("quirina@example.com")),
        ("stranger", stranger),
        ("nobody", at.scene.server.visitor()),
    ];
    let is_long = std::env::var_os("VITRINE_LONG").is_some();
    for (who, client) in &people {
        let mut loot = Loot::default();
        for route in routes
            .keys()
            .filter(|route| !LEFT_OUT.iter().any(|left| route.starts_with(left)))
        {
            let paths = known.paths(route);
            // The first of each says as much as all, but for what is content.
            let most = if is_long || route.contains("{part}") {
                usize::MAX
            } else {
                2
            };
            for path in paths.iter().take(most) {
                loot.try_all(client, path);
            }
            for path in paths.iter().take(1).flat_map(|path| guesses(path)) {
                loot.try_one(client, (Method::GET, &path), &[], b"");
            }
        }
        for path in ASTRAY {
            loot.try_one(client, (Method::GET, path), &[], b"");
        }
        let hits = at.forbidden.hits(&loot.bytes);
        println!(
            "{who}: {} bytes came, answers {:?}",
            loot.bytes.len(),
            loot.statuses
        );
        assert!(loot.unanswered.is_empty(), "{who}: {:?}", loot.unanswered);
        assert!(hits.is_empty(), "{who}: {:?}", &hits[..hits.len().min(10)]);
        let count = |status: u16| loot.statuses.get(&status).copied().unwrap_or_default();
        let all: usize = loot.statuses.values().sum();
        assert!(all > 1_000, "{who}: {all} answers");
        assert!(count(429) * 20 < all, "{who} was held up: {:?}", loot.statuses);
        let broken: usize = loot.statuses.range(500..).map(|(_, count)| count).sum();
        assert_eq!(broken, 0, "{who}: {:?}", loot.statuses);
    }
    // All of it is still there for whom it belongs to.
    for item in &at.items {
        assert_eq!(at.scene.admin.get(&format!("/api/items/{item}")).status, 200);
    }
}
