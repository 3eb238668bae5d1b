//! The API against its own description, by schemathesis, which makes requests of it that nobody thought of: as each
//! role, nothing fails on the server's side, and every answer is one that the description knows.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::{Map, Value, json};
use ureq::http::Method;

use super::cases::series;
use super::client::{Client, Server};

/// The program, beside the Python that `./x test` brings.
fn schemathesis() -> Option<PathBuf> {
    let python = std::env::var_os("VITRINE_PYTHON");
    let found = python
        .map(|python| Path::new(&python).with_file_name("schemathesis"))
        .filter(|program| program.is_file());
    if found.is_none() {
        println!("skipped: schemathesis is brought by `./x test`");
    }
    found
}

/// How much is asked.
struct Share {
    phases: &'static str,
    examples: &'static str,
    /// Only as these; as all where there are none.
    roles: &'static [&'static str],
}

/// All of it takes a minute a role.
const LONG: Share = Share {
    phases: "coverage,fuzzing",
    examples: "10",
    roles: &[],
};
const ORDINARY: Share = Share {
    phases: "fuzzing",
    examples: "1",
    roles: &["clinician"],
};

const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// A case with one of everything in it, by the names of path parameters, and those who see it.
fn things(server: &Server) -> (Value, Vec<(&'static str, Client)>) {
    let (admin, practice) = server.practice("adler@example.org");
    // A minor has a guardian.
    let minor = json!({ "name": "Zyxwander, Quirina", "born": "2020-02-03" });
    let patient = admin
        .post(&format!("/api/practices/{practice}/patients"), &minor)
        .id();
    let case = json!({ "title": "Mandible", "date": "2026-12-01" });
    let case = admin.post(&format!("/api/patients/{patient}/cases"), &case).id();
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
    let person = |email: &str, guardian: Value| {
        let body = json!({ "email": email, "name": "Quirina", "guardian": guardian });
        let invited = made(format!("/api/patients/{patient}/people"), body);
        server.accept(email, &invited.json["mailed"])
    };
    let minor = person("quirina@example.com", Value::Null);
    let until = json!({ "scope": "act", "from": "2020-02-03", "until": "2037-01-01" });
    let guardian = person("guardian@example.com", until);
    let member = |role: &str| {
        let email = format!("{role}@example.org");
        let body = json!({ "email": email, "name": role, "role": role });
        let invited = made(format!("/api/practices/{practice}/members"), body);
        let member = server.accept(&email, &invited.json["mailed"]);
        let user = invited.json["user"].as_str().expect("an id");
        let path = format!("/api/patients/{patient}/care-team/{user}");
        assert_eq!(admin.call(Method::PUT, &path, &[], Vec::new()).status, 204);
        member
    };
    let (clinician, staff) = (member("clinician"), member("staff"));
    let shared = admin.call(
        Method::PUT,
        &format!("/api/cases/{case}/sharing"),
        &[],
        Vec::new(),
    );
    assert_eq!(shared.status, 204, "{shared:?}");
    let connection = guardian.post(
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
    let request = guardian.post(
        &format!("/api/patients/{patient}/requests"),
        &json!({ "kind": "copy", "text": "x" }),
    );
    let space = guardian.post("/api/space/upload-sets", &json!({ "biometric": "no" }));
    assert_eq!(guardian.send_many(&space.id(), &series("Own")).status, 201);
    assert_eq!(guardian.ingest(&space.id())["state"], "done");
    let captures = guardian.get("/api/space/captures").json;
    let artifact = admin.get(&format!("/api/items/{item_id}/artifacts")).json;
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
        ("request", request.id()),
    ]
    .map(|(name, id)| (name.to_owned(), json!(id)))
    .into_iter()
    .collect();
    ids.insert("item".to_owned(), item);
    ids.insert("capture".to_owned(), captures[0]["id"].clone());
    ids.insert("artifact".to_owned(), artifact[0]["id"].clone());
    ids.insert("original".to_owned(), originals.json[0]["id"].clone());
    ids.insert("grant".to_owned(), spare.json["grant"].clone());
    ids.insert("user".to_owned(), spare.json["user"].clone());
    let roles = vec![
        ("visitor", server.visitor()),
        ("stranger", stranger),
        ("patient", minor),
        ("guardian", guardian),
        ("collaborator", collaborator),
        ("staff", staff),
        ("clinician", clinician),
        ("administrator", admin),
    ];
    (Value::Object(ids), roles)
}

/// What one role took away is there again for the next.
fn restore(admin: &Client, ids: &Value) {
    for kind in ["patient", "case", "item"] {
        let id = ids[kind].as_str().expect("an id");
        let path = format!("/api/{kind}s/{id}/undo-delete");
        admin.call(Method::POST, &path, &[], Vec::new());
    }
}

#[test]
fn every_answer_is_one_that_the_api_describes() {
    let Some(program) = schemathesis() else { return };
    let share = match std::env::var_os("VITRINE_LONG") {
        Some(_) => LONG,
        None => ORDINARY,
    };
    let server = Server::in_memory(&["--demo"]);
    let (ids, roles) = things(&server);
    let admin = roles.last().expect("an administrator").1.clone();
    let mut wrong = Vec::new();
    for (role, client) in roles {
        if !share.roles.is_empty() && !share.roles.contains(&role) {
            continue;
        }
        let begun = Instant::now();
        let output = command(&program, &share, &server, &client, &ids)
            .output()
            .expect("schemathesis runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let is_right = output.status.success() && text.contains(" passed");
        println!("as {role}: {:.0} s", begun.elapsed().as_secs_f64());
        if !is_right {
            wrong.push(format!("as {role}:\n{text}"));
        }
        restore(&admin, &ids);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn command(program: &Path, share: &Share, server: &Server, client: &Client, ids: &Value) -> Command {
    let mut command = Command::new(program);
    command
        .args(["run", &format!("{}/api/openapi.json", server.base)])
        .args(["--checks", CHECKS])
        .args([
            "--phases",
            share.phases,
            "--max-examples",
            share.examples,
            "--seed",
            "1",
        ])
        .args(["--request-timeout", "20", "--generation-database", "none"])
        // Events do not end; the others end the sign-in, or the account.
        .args(["--exclude-path", "/api/events", "--exclude-path", "/api/sign-out"])
        .args(["--exclude-path", "/api/me/sign-ins/{sign_in}"])
        .args(["--exclude-name", "DELETE /api/me"])
        .env(
            "PYTHONPATH",
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/server/schema"),
        )
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("VITRINE_IDS", ids.to_string())
        .current_dir(server.folder.path());
    if let Some(cookie) = &client.cookie {
        command.args(["--header", &format!("Cookie: {cookie}")]);
    }
    command
}
