//! The API against its own description, by schemathesis, which makes requests of it that nobody thought of: as each
//! role, nothing fails on the server's side, and every answer is one that the description knows.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};
use ureq::http::Method;

use super::cases::series;
use super::client::{Client, Server};

/// The program, beside the Python that `./x test` brings. It takes half a minute a role: only in a long run.
fn schemathesis() -> Option<PathBuf> {
    let python = std::env::var_os("VITRINE_PYTHON");
    let found = python
        .map(|python| Path::new(&python).with_file_name("schemathesis"))
        .filter(|program| program.is_file());
    if found.is_none() || std::env::var_os("VITRINE_LONG").is_none() {
        println!("skipped: schemathesis runs in `./x test --long`");
        return None;
    }
    found
}

const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// A case with one of everything in it, by the names of path parameters, and those who see it.
fn things(server: &Server) -> (Value, Vec<(&'static str, Client)>) {
    let (admin, practice) = server.practice("adler@example.org");
    let (patient, case) = admin.patient_and_case(&practice);
    let set = admin.open_set(&case);
    admin.send_many(&set, &series("Schema"));
    assert_eq!(admin.ingest(&set)["state"], "done");
    let item = admin.get(&format!("/api/cases/{case}/items")).json[0]["id"].clone();
    let item_id = item.as_str().expect("an item").to_owned();
    let originals = admin.get(&format!("/api/items/{item_id}/originals"));
    let geometry = json!({ "kind": "pin", "space": "patient", "points": [[1.0, 2.0, 3.0]] });
    let made = |path: String, body: Value| {
        let made = admin.post(&path, &body);
        assert_eq!(made.status, 201, "{path}: {made:?}");
        made
    };
    let annotation = made(
        format!("/api/cases/{case}/annotations"),
        json!({ "geometry": geometry }),
    )
    .id();
    let comment = made(
        format!("/api/annotations/{annotation}/comments"),
        json!({ "text": "x" }),
    )
    .id();
    let view = made(
        format!("/api/cases/{case}/views"),
        json!({ "caption": "x", "state": {} }),
    )
    .id();
    let tour = made(
        format!("/api/cases/{case}/tours"),
        json!({ "title": "x", "views": [view] }),
    )
    .id();
    let invite = |who: &str, right: &str| {
        made(
            format!("/api/cases/{case}/grants"),
            json!({ "email": who, "right": right, "until": "2099-01-01" }),
        )
    };
    let spare = invite("spare@example.net", "see");
    let granted = invite("curie@example.net", "contribute");
    let collaborator = server.accept("curie@example.net", &granted.json["mailed"]);
    let invited = made(
        format!("/api/patients/{patient}/people"),
        json!({ "email": "quirina@example.com", "name": "Quirina" }),
    );
    let person = server.accept("quirina@example.com", &invited.json["mailed"]);
    let shared = admin.call(
        Method::PUT,
        &format!("/api/cases/{case}/sharing"),
        &[],
        Vec::new(),
    );
    assert_eq!(shared.status, 204, "{shared:?}");
    let connection = person.post(
        &format!("/api/patients/{patient}/connections"),
        &json!({ "doctor": "adler@example.org" }),
    );
    let open = admin.open_set(&case);
    let headers = [("upload-length", "7"), ("upload-metadata", "filename YS5kY20=")];
    let upload = admin.call(
        Method::POST,
        &format!("/api/upload-sets/{open}/files"),
        &headers,
        Vec::new(),
    );
    let upload = upload
        .header("location")
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let stranger = server.practice("other@example.org").0;
    let mut ids: Map<String, Value> = [
        ("practice", practice),
        ("patient", patient),
        ("case", case.clone()),
        ("set", open),
        ("upload", upload),
        ("annotation", annotation),
        ("comment", comment),
        ("view", view.clone()),
        ("tour", tour),
        ("connection", connection.id()),
    ]
    .map(|(name, id)| (name.to_owned(), json!(id)))
    .into_iter()
    .collect();
    ids.insert("item".to_owned(), item);
    ids.insert("original".to_owned(), originals.json[0]["id"].clone());
    ids.insert("grant".to_owned(), spare.json["grant"].clone());
    ids.insert("user".to_owned(), spare.json["user"].clone());
    let roles = vec![
        ("visitor", server.visitor()),
        ("stranger", stranger),
        ("patient", person),
        ("collaborator", collaborator),
        // The administrator may delete things: last.
        ("administrator", admin),
    ];
    (Value::Object(ids), roles)
}

#[test]
fn every_answer_is_one_that_the_api_describes() {
    let Some(program) = schemathesis() else { return };
    let server = Server::in_memory(&["--demo"]);
    let (ids, roles) = things(&server);
    let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/server/schema");
    let folder = tempfile::tempdir().unwrap();
    for (role, client) in roles {
        let mut command = Command::new(&program);
        command
            .args(["run", &format!("{}/api/openapi.json", server.base)])
            .args(["--checks", CHECKS])
            .args([
                "--phases",
                "coverage,fuzzing",
                "--max-examples",
                "10",
                "--seed",
                "1",
            ])
            .args(["--request-timeout", "20", "--generation-database", "none"])
            // Events do not end; these two end the sign-in.
            .args(["--exclude-path", "/api/events", "--exclude-path", "/api/sign-out"])
            .args(["--exclude-path", "/api/me/sign-ins/{sign_in}"])
            .env("PYTHONPATH", &hooks)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("SCHEMATHESIS_HOOKS", "hooks")
            .env("VITRINE_IDS", ids.to_string())
            .current_dir(folder.path());
        if let Some(cookie) = &client.cookie {
            command.args(["--header", &format!("Cookie: {cookie}")]);
        }
        let output = command.output().expect("schemathesis runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "as {role}:\n{text}");
        assert!(text.contains(" passed"), "as {role}:\n{text}");
    }
}
