//! Every route as every person, on what is one's own and what is another's, in every state that it can be in: each
//! answers what `assets/policy/matrix.tsv` says of the right that `assets/policy/routes.tsv` says it asks for.

mod calls;
mod own;
mod people;
mod scene;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use catalog::Database;
use serde_json::Value;
use testkit::postgres::Cluster;
use ureq::http::Method;

use super::client::{Reply, Server};
use calls::Call;
use people::{Account, Person};
use world::World;

/// A route, and the right that it asks for.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) right: String,
}

/// A state, and the answer to each person in it.
type Row = (String, BTreeMap<String, String>);

/// The answers of the matrix: for a right, its states in their order; for each, the answer to each person.
struct Matrix {
    rows: BTreeMap<String, Vec<Row>>,
}

fn table(name: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../assets/policy")
        .join(name);
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

fn routes() -> Vec<Route> {
    let field = |row: &[String], at: usize| row[at].clone();
    table("routes.tsv")[1..]
        .iter()
        .map(|row| Route {
            method: field(row, 0),
            path: field(row, 1),
            right: field(row, 2),
        })
        .collect()
}

fn matrix() -> Matrix {
    let table = table("matrix.tsv");
    let mut rows: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for row in &table[1..] {
        let answers = table[0]
            .iter()
            .zip(row)
            .skip(3)
            .map(|(name, cell)| (name.clone(), cell.clone()));
        rows.entry(row[0].clone())
            .or_default()
            .push((row[2].clone(), answers.collect()));
    }
    Matrix { rows }
}

#[test]
fn every_route_has_a_row() {
    let server = Server::demo();
    let document = server.visitor().get("/api/openapi.json").json;
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let listed: BTreeSet<_> = routes()
        .into_iter()
        .map(|route| (route.method, route.path))
        .collect();
    let missing: Vec<_> = described.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&described).collect();
    assert!(
        missing.is_empty(),
        "routes without a row in assets/policy/routes.tsv: {missing:?}"
    );
    assert!(
        stale.is_empty(),
        "rows of assets/policy/routes.tsv without a route: {stale:?}"
    );
    let matrix = matrix();
    for route in routes() {
        let is_known = route.right == "visitor" || matrix.rows.contains_key(&route.right);
        assert!(
            is_known,
            "{route:?} asks for a right that the matrix does not know"
        );
    }
}

/// What was found out.
#[derive(Default)]
struct Tally {
    cells: usize,
    allowed: usize,
    wrong: Vec<String>,
}

#[test]
fn every_route_answers_as_the_matrix_says() {
    let server = Server::in_memory(&["--demo", "--workers", "0"]);
    let database = Database::Sqlite(server.data().join("catalog.sqlite"));
    every_route_answers(&World::open(&server, &database));
}

/// The server connects as an ordinary role, so that the second wall stands in every answer.
#[test]
fn every_route_answers_as_the_matrix_says_on_postgres() {
    let Some(cluster) = Cluster::shared() else { return };
    let url = cluster.database();
    let server = Server::in_memory(&["--demo", "--workers", "0", "--database", &url]);
    let database = Database::Postgres(Cluster::past_walls(&url));
    every_route_answers(&World::open(&server, &database));
}

fn every_route_answers(world: &World) {
    let people = people::people(world);
    let matrix = matrix();
    let mut tally = Tally::default();
    for route in routes() {
        if route.right == "visitor" {
            visitors(world, &people, &route, &mut tally);
            continue;
        }
        for (state, answers) in &matrix.rows[&route.right] {
            for person in &people {
                cell(world, &route, state, person, &answers[person.name], &mut tally);
            }
        }
        nobody(world, &route, &people[0], &matrix.rows[&route.right], &mut tally);
    }
    println!("{} cells, {} allowed", tally.cells, tally.allowed);
    assert!(
        tally.wrong.is_empty(),
        "{} wrong:\n{}",
        tally.wrong.len(),
        tally.wrong[..tally.wrong.len().min(60)].join("\n")
    );
    assert!(tally.cells >= 5_000, "{} cells", tally.cells);
    assert!(tally.allowed >= 1_000, "{} allowed", tally.allowed);
}

/// One person asks for one thing in one state.
fn cell(world: &World, route: &Route, state: &str, person: &Person, expected: &str, tally: &mut Tally) {
    let Some(scene) = world.scene(route, state, person) else {
        return;
    };
    let call = Call::new(route, &scene);
    let may_end_it = route.path.starts_with("/api/me") || route.path == "/api/sign-out";
    let cookie = match &scene.double {
        Some(cookie) => cookie.clone(),
        None if may_end_it => world.sign_in(person),
        None => person.cookie.clone(),
    };
    let reply = world.ask(&call, Some(cookie));
    tally.cells += 1;
    let expected = match person.account {
        Account::Deactivated => "401",
        _ => expected,
    };
    if expected == "yes" {
        tally.allowed += 1;
    }
    if !is_right(&reply, expected) {
        tally.wrong.push(format!(
            "{} {} ({}) by {} on {state:?}: expected {expected}, got {} {}",
            route.method, route.path, route.right, person.name, reply.status, reply.json
        ));
    }
    if route.method != "GET" && route.method != "HEAD" && reply.status < 300 {
        world.forget(&scene);
    }
}

/// Whether the answer is that of a cell of the matrix.
fn is_right(reply: &Reply, expected: &str) -> bool {
    let says = |code: &str| reply.json.is_null() || reply.json["code"] == code;
    match expected {
        "yes" => !matches!(reply.status, 401 | 403 | 404 | 429 | 500..),
        "-" => reply.status == 404 && says("not_found"),
        "no" => reply.status == 403 && says("not_allowed"),
        "401" => reply.status == 401 && says("sign_in"),
        other => reply.status == 403 && other.strip_prefix("no: ").is_some_and(says),
    }
}

/// Nobody gets anywhere without a sign-in, whatever there is.
fn nobody(
    world: &World,
    route: &Route,
    person: &Person,
    states: &[(String, BTreeMap<String, String>)],
    tally: &mut Tally,
) {
    for (state, _) in states {
        let Some(scene) = world.scene(route, state, person) else {
            continue;
        };
        for cookie in [None, Some("__Host-vitrine=AAAA".to_owned())] {
            let reply = world.ask(&Call::new(route, &scene), cookie);
            tally.cells += 1;
            if !is_right(&reply, "401") {
                tally.wrong.push(format!(
                    "{route:?} by nobody on {state:?}: got {} {}",
                    reply.status, reply.json
                ));
            }
        }
    }
}

/// A route that asks nobody who they are answers a visitor and somebody alike.
fn visitors(world: &World, people: &[Person], route: &Route, tally: &mut Tally) {
    for cookie in [None, Some(people[0].cookie.clone())] {
        let call = Call::of_visitor(route);
        let reply = world.ask(&call, cookie);
        tally.cells += 1;
        let is_refused = matches!(
            reply.json["code"].as_str(),
            Some("sign_in" | "not_allowed" | "not_found")
        );
        if is_refused || reply.status >= 500 || reply.json == Value::Null && reply.status >= 400 {
            tally.wrong.push(format!(
                "{route:?} by a visitor: got {} {}",
                reply.status, reply.json
            ));
        }
    }
}

/// The method of a route.
pub(crate) fn method(name: &str) -> Method {
    name.parse().expect("a method")
}
