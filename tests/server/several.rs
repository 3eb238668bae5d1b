//! Two servers on one database behave as one; the API describes itself.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::postgres::Cluster;
use ureq::http::Method;

use super::cases::series;
use super::client::{Server, files_below};
use crate::bucket::{self, Bucket};

#[test]
fn two_servers_on_one_database_and_one_bucket_behave_as_one() {
    let Some(cluster) = Cluster::shared() else { return };
    let bucket = Bucket::start();
    let database = cluster.database();
    let mut options = vec!["--demo", "--database", &database];
    let variables = match &bucket {
        Some(bucket) => {
            options.extend(["--objects", bucket::URL]);
            bucket.variables()
        }
        None => Vec::new(),
    };
    let first = Server::in_environment(&options, variables);
    let second = Server::beside(&first);
    let (here, practice) = first.practice("a@example.org");
    let there = here.at(&second);
    let (_, case) = here.patient_and_case(&practice);
    assert_eq!(there.get(&format!("/api/cases/{case}")).json["state"], "open");

    // What happens at the first is heard at the second.
    let heard = there.listen();
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    let closed = here.call(Method::POST, &format!("/api/cases/{case}/close"), &[], Vec::new());
    assert_eq!(closed.status, 200, "{closed:?}");
    let (name, data, when) = heard.recv_timeout(Duration::from_secs(5)).expect("an event");
    assert_eq!((name.as_str(), &data["case"]), ("case.changed", &json!(case)));
    let after = when - start;
    println!("heard after {after:?}");
    assert!(after < Duration::from_secs(1), "{after:?}");
    let reopened = here.call(
        Method::POST,
        &format!("/api/cases/{case}/reopen"),
        &[],
        Vec::new(),
    );
    assert_eq!(reopened.status, 200);

    // An upload is begun at one and ended at the other.
    let files = series("Two");
    let set = here.open_set(&case);
    assert_eq!(here.send_many(&set, &files[..5]).status, 201);
    assert_eq!(there.send_many(&set, &files[5..]).status, 201);
    assert_eq!(there.ingest(&set)["state"], "done");
    let on_disk = files_below(&first.data());
    assert!(
        bucket.is_none() || on_disk.is_empty(),
        "nothing lies on the disk: {on_disk:?}"
    );
    assert_eq!(
        here.get(&format!("/api/cases/{case}/items"))
            .json
            .as_array()
            .unwrap()
            .len(),
        1
    );

    // A sign-out at one ends the other.
    assert_eq!(
        here.call(Method::POST, "/api/sign-out", &[], Vec::new()).status,
        204
    );
    assert_eq!(there.get("/api/me").status, 401);
}

#[test]
fn the_api_describes_itself() {
    let server = Server::demo();
    let document = server.visitor().get("/api/openapi.json");
    assert_eq!(document.status, 200);
    let paths = document.json["paths"].as_object().expect("paths");
    let mut count = 0;
    for (path, methods) in paths {
        for (method, described) in methods.as_object().expect("methods") {
            assert!(described["summary"].is_string(), "{method} {path} has no summary");
            assert!(described["responses"]["default"].is_object(), "{method} {path}");
            count += 1;
        }
    }
    assert!(count > 70, "{count} routes");
    // Without a cookie nothing but what is meant for visitors answers.
    const FOR_VISITORS: [&str; 2] = ["/api/agreements", "/api/visitor"];
    let visitor = server.visitor();
    let nobody = "00000000-0000-4000-8000-000000000000";
    for (path, methods) in paths {
        if methods.get("get").is_some() && !FOR_VISITORS.contains(&path.as_str()) {
            let path = path
                .split('/')
                .map(|part| if part.starts_with('{') { nobody } else { part })
                .collect::<Vec<_>>()
                .join("/");
            let query = if path == "/api/cases" { "?as=patient" } else { "" };
            assert_eq!(visitor.get(&format!("{path}{query}")).status, 401, "{path}");
        }
    }
    let metrics = visitor.get("/metrics");
    assert!(
        String::from_utf8(metrics.body)
            .unwrap()
            .contains("vitrine_http_answers_total")
    );
    assert_eq!(
        (visitor.get("/health").status, visitor.get("/ready").status),
        (204, 204)
    );
}
