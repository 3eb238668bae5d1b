//! Annotations with threads and history, views and tours.

use serde_json::json;
use ureq::http::Method;

use super::client::Server;

#[test]
fn marks_keep_everything_that_they_ever_said() {
    let server = Server::demo();
    let (admin, practice) = server.practice("a@example.org");
    let (_, case) = admin.patient_and_case(&practice);
    let at = format!("/api/cases/{case}/annotations");
    let mark = |points: serde_json::Value| json!({ "geometry": { "kind": "distance", "space": "patient", "points": points }, "label": "Gap" });
    let made = admin.post(&at, &mark(json!([[0.0, 0.0, 0.0], [2.0, 3.0, 6.0]])));
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(
        made.json["measure"],
        json!({ "quantity": "length_mm", "value": 7.0 })
    );
    assert_eq!(made.json["author_name"], "Dr. Adler");
    for poison in [
        json!([[0.0, 0.0, 0.0]]),
        json!([[0.0, 0.0, 0.0], [1e9, 0.0, 0.0]]),
        json!("x"),
    ] {
        assert_eq!(admin.post(&at, &mark(poison)).status, 422);
    }

    // What a client sends again, because no answer came, is there once.
    let mut again = mark(json!([[0.0, 0.0, 0.0], [4.0, 0.0, 0.0]]));
    again["id"] = json!("6ad4c5a4-5a3e-4be1-9ad3-4f0d3bb1a5c7");
    let first = admin.post(&at, &again);
    assert_eq!(
        (first.status, first.id()),
        (201, "6ad4c5a4-5a3e-4be1-9ad3-4f0d3bb1a5c7".to_owned())
    );
    assert_eq!(admin.post(&at, &again).json, first.json);
    assert_eq!(admin.get(&at).json.as_array().unwrap().len(), 2);
    let (_, elsewhere) = admin.patient_and_case(&practice);
    assert_eq!(
        admin
            .post(&format!("/api/cases/{elsewhere}/annotations"), &again)
            .status,
        409
    );
    assert_eq!(
        admin.delete(&format!("/api/annotations/{}", first.id())).status,
        204
    );
    assert_eq!(admin.post(&at, &again).status, 409);

    // An amendment names the version that it is of, and keeps the old one.
    let own = format!("/api/annotations/{}", made.id());
    let mut changed = mark(json!([[0.0, 0.0, 0.0], [0.0, 0.0, 1.5]]));
    assert_eq!(admin.put(&own, &changed).status, 422);
    changed["version"] = json!(1);
    assert_eq!(admin.put(&own, &changed).json["version"], 2);
    // Sent again, it changes nothing; what another has changed meanwhile is not overwritten, other fields are merged.
    assert_eq!(admin.put(&own, &changed).json["version"], 2);
    let mut stale = mark(json!([[0.0, 0.0, 0.0], [0.0, 9.0, 0.0]]));
    stale["version"] = json!(1);
    assert_eq!(admin.put(&own, &stale).status, 409);
    stale["version"] = json!(7);
    assert_eq!(admin.put(&own, &stale).status, 409);
    let mut named = mark(json!([[0.0, 0.0, 0.0], [2.0, 3.0, 6.0]]));
    (named["label"], named["version"]) = (json!("Diastasis"), json!(1));
    let both = admin.put(&own, &named).json;
    assert_eq!(
        (&both["version"], &both["label"]),
        (&json!(3), &json!("Diastasis"))
    );
    assert_eq!(both["measure"]["value"], 1.5);
    let said = admin.post(
        &format!("{own}/comments"),
        &json!({ "text": "Wider than planned" }),
    );
    assert_eq!(said.status, 201, "{said:?}");
    let all = admin.get(&at);
    assert_eq!(all.json[0]["measure"]["value"], 1.5);
    assert_eq!(all.json[0]["comments"][0]["text"], "Wider than planned");
    let history = admin.get(&format!("{own}/history"));
    assert_eq!(history.json.as_array().unwrap().len(), 3);
    assert_eq!(
        history.json[0]["body"]["geometry"]["points"][1],
        json!([2.0, 3.0, 6.0])
    );
    assert_eq!(admin.delete(&own).status, 204);
    assert_eq!(admin.get(&at).json, json!([]));
    assert_eq!(
        admin
            .get(&format!("{own}/history"))
            .json
            .as_array()
            .unwrap()
            .len(),
        3
    );

    // One who may only see writes nothing.
    let granted = admin.post(
        &format!("/api/cases/{case}/grants"),
        &json!({ "email": "see@example.net", "right": "see", "until": "2099-01-01" }),
    );
    let seer = server.accept("see@example.net", &granted.json["mailed"]);
    assert_eq!(seer.get(&at).status, 200);
    let refused = seer.post(&at, &mark(json!([[0.0, 0.0, 0.0], [2.0, 3.0, 6.0]])));
    assert!(matches!(refused.status, 403 | 404), "{refused:?}");

    let view = admin.post(
        &format!("/api/cases/{case}/views"),
        &json!({ "caption": "From the left", "state": { "camera": [1, 2, 3] } }),
    );
    assert_eq!(view.status, 201, "{view:?}");
    let tours = format!("/api/cases/{case}/tours");
    let tour = admin.post(&tours, &json!({ "title": "Walk", "views": [view.id()] }));
    assert_eq!(tour.status, 201, "{tour:?}");
    let foreign = admin.post(&tours, &json!({ "title": "Walk", "views": [case] }));
    assert_eq!(foreign.status, 422);
}

#[test]
fn a_closed_or_deleted_case_takes_nothing() {
    let server = Server::demo();
    let (admin, practice) = server.practice("a@example.org");
    let (patient, case) = admin.patient_and_case(&practice);
    let own = format!("/api/cases/{case}");
    let post = |path: String| admin.call(Method::POST, &path, &[], Vec::new());
    assert_eq!(post(format!("{own}/close")).json["state"], "closed");
    assert_eq!(post(format!("{own}/close")).status, 409);
    let upload = admin.post(&format!("{own}/upload-sets"), &json!({ "biometric": "no" }));
    assert_eq!((upload.status, &upload.json["code"]), (403, &json!("closed")));
    assert_eq!(post(format!("{own}/reopen")).json["state"], "open");

    // A face needs a release that the patient signs.
    let face = json!({ "biometric": "face_or_head" });
    let refused = admin.post(&format!("{own}/upload-sets"), &face);
    assert_eq!(
        (refused.status, &refused.json["code"]),
        (403, &json!("no_release"))
    );
    let invited = admin.post(
        &format!("/api/patients/{patient}/people"),
        &json!({ "email": "p@example.com", "name": "P" }),
    );
    let person = server.accept("p@example.com", &invited.json["mailed"]);
    let releases = format!("/api/patients/{patient}/releases");
    let release = json!({ "version": 1, "scope": "treatment", "name": "Q. Zyxwander" });
    assert_ne!(admin.post(&releases, &release).status, 201);
    assert_eq!(person.post(&releases, &release).status, 201);
    assert_eq!(admin.post(&format!("{own}/upload-sets"), &face).status, 201);
    assert_eq!(person.delete(&releases).status, 204);
    assert_eq!(admin.post(&format!("{own}/upload-sets"), &face).status, 403);

    // Held, it stays; deleted, it is gone until that is undone.
    let hold = format!("{own}/hold");
    assert_eq!(admin.call(Method::PUT, &hold, &[], Vec::new()).status, 204);
    assert_eq!(admin.delete(&own).json["code"], "held");
    assert_eq!(admin.delete(&hold).status, 204);
    assert_eq!(admin.delete(&own).status, 204);
    assert_ne!(admin.get(&own).status, 200);
    let list = admin.get(&format!("/api/practices/{practice}/cases"));
    assert_eq!(list.json["items"], json!([]));
    assert_eq!(post(format!("{own}/undo-delete")).status, 204);
    assert_eq!(admin.get(&own).status, 200);

    let looked = person.get(&format!("/api/patients/{patient}/who-looked"));
    assert_eq!(looked.status, 200, "{looked:?}");
    assert!(!looked.json.as_array().unwrap().is_empty());
    let audit = admin.get(&format!("/api/practices/{practice}/audit?limit=200"));
    let outcomes: Vec<&str> = audit
        .json
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["outcome"].as_str().unwrap())
        .collect();
    for outcome in ["refused: held", "refused: no_release", "refused: closed"] {
        assert!(outcomes.contains(&outcome), "{outcomes:?}");
    }
}

#[test]
fn problems_are_told_in_the_language_of_who_asks() {
    let server = Server::demo();
    let (admin, practice) = server.practice("a@example.org");
    let (_, case) = admin.patient_and_case(&practice);
    let foreign = json!({
        "item": "6ad4c5a4-5a3e-4be1-9ad3-4f0d3bb1a5c7",
        "geometry": { "kind": "pin", "space": "patient", "points": [[0.0, 0.0, 0.0]] },
    });
    let told = |language: &str| {
        let headers = [
            ("content-type", "application/json"),
            ("accept-language", language),
        ];
        let path = format!("/api/cases/{case}/annotations");
        let reply = admin.call(Method::POST, &path, &headers, foreign.to_string().into_bytes());
        assert_eq!((reply.status, &reply.json["code"]), (422, &json!("invalid")));
        assert_eq!(reply.header("content-type"), "application/problem+json");
        reply.json["title"].as_str().expect("a sentence").to_owned()
    };
    assert_eq!(
        told("de-DE,de;q=0.9,en;q=0.8"),
        "Der Eintrag ist nicht in diesem Fall."
    );
    assert_eq!(told("en-GB,de"), "The item is not in this case.");
    assert_eq!(told("fr"), "The item is not in this case.");
}
