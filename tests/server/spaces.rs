//! Captures in spaces of one's own, and the ways out of them; requests, choices, practices.

use serde_json::{Value, json};
use ureq::http::Method;

use super::cases::series;
use super::client::{Client, PASSWORD, Server};

/// Uploads a series into one's own space; gives the capture.
pub(crate) fn capture(client: &Client, name: &str) -> String {
    let set = client.post("/api/space/upload-sets", &json!({ "biometric": "no" }));
    assert_eq!(set.status, 201, "{set:?}");
    assert_eq!(client.send_many(&set.id(), &series(name)).status, 201);
    assert_eq!(client.ingest(&set.id())["state"], "done");
    let all = client.get("/api/space/captures");
    let last = all.json.as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["kind"], &last["own"]), (&json!("volume"), &json!(true)));
    last["id"].as_str().unwrap().to_owned()
}

fn count(client: &Client, path: &str) -> usize {
    let list = client.get(path);
    list.json.as_array().unwrap_or_else(|| panic!("{list:?}")).len()
}

fn call(client: &Client, method: Method, path: &str) -> u16 {
    client.call(method, path, &[], Vec::new()).status
}

/// A practice with a doctor, and a patient who is connected with the doctor.
pub(crate) struct People {
    pub(crate) doctor: Client,
    pub(crate) doctor_id: String,
    pub(crate) patient: Client,
    patient_id: String,
    case: String,
    profile: String,
    pub(crate) connection: String,
}

pub(crate) fn people(server: &Server) -> People {
    let (doctor, practice) = server.practice("doctor@example.org");
    let (profile, case) = doctor.patient_and_case(&practice);
    let invited = doctor.post(
        &format!("/api/patients/{profile}/people"),
        &json!({ "email": "patient@example.org", "name": "Quirina" }),
    );
    let patient = server.accept("patient@example.org", &invited.json["mailed"]);
    let asked = patient.post(
        &format!("/api/patients/{profile}/connections"),
        &json!({ "doctor": "doctor@example.org" }),
    );
    assert_eq!(asked.status, 201, "{asked:?}");
    let id = |client: &Client| client.get("/api/me").id();
    People {
        doctor_id: id(&doctor),
        patient_id: id(&patient),
        connection: asked.id(),
        doctor,
        patient,
        case,
        profile,
    }
}

#[test]
fn a_capture_reaches_a_doctor_over_a_connection_only() {
    let server = Server::demo();
    let people = people(&server);
    let item = capture(&people.patient, "Own^Capture");
    // Nobody else knows of it, on no route.
    assert_eq!(count(&people.doctor, "/api/space/captures"), 0);
    for path in [
        format!("/api/captures/{item}/originals"),
        format!("/api/items/{item}"),
    ] {
        assert_eq!(people.doctor.get(&path).status, 404, "{path}");
    }
    let transfer = |from: &Client, item: &str, to: &str| {
        from.post(&format!("/api/captures/{item}/transfer"), &json!({ "to": to }))
    };
    assert_eq!(transfer(&people.patient, &item, &people.doctor_id).status, 403);
    let answered = people.doctor.post(
        &format!("/api/connections/{}/answer", people.connection),
        &json!({ "accept": true }),
    );
    assert_eq!(answered.status, 200, "{answered:?}");
    let given = transfer(&people.patient, &item, &people.doctor_id);
    assert_eq!(given.status, 201, "{given:?}");
    let got = given.json["item"].as_str().unwrap().to_owned();
    assert_ne!(got, item);
    // A second time it is there already.
    assert_eq!(
        transfer(&people.patient, &item, &people.doctor_id).json["item"],
        got.as_str()
    );

    // The doctor looks at it and files it, and gets no byte of it; the patient keeps the own one.
    let seen = people.doctor.get("/api/space/captures").json;
    assert_eq!((&seen[0]["id"], &seen[0]["own"]), (&json!(got), &json!(false)));
    assert_eq!(
        count(&people.doctor, &format!("/api/captures/{got}/originals")),
        0
    );
    assert_eq!(
        count(&people.patient, &format!("/api/captures/{item}/originals")),
        9
    );
    let originals = people
        .patient
        .get(&format!("/api/captures/{item}/originals"))
        .json;
    let first = originals[0]["id"].as_str().unwrap();
    let content = format!("/api/originals/{first}/content");
    assert_eq!(
        people.patient.get(&content).body.len() as u64,
        originals[0]["bytes"].as_u64().unwrap()
    );
    assert_eq!(people.doctor.get(&content).status, 404);
    let file = |case: &str| {
        people.doctor.post(
            &format!("/api/captures/{got}/file"),
            &json!({ "case": case, "biometric": "no" }),
        )
    };
    let filed = file(&people.case);
    assert_eq!(filed.status, 201, "{filed:?}");
    let items = people
        .doctor
        .get(&format!("/api/cases/{}/items", people.case))
        .json;
    assert_eq!(
        (&items[0]["id"], &items[0]["own"]),
        (&filed.json["item"], &json!(false))
    );
    let (_, foreign) = server.practice("other@example.org");
    assert_eq!(file(&foreign).status, 404);

    // A doctor's capture goes into the patient's space the same way.
    let own = capture(&people.doctor, "Doctors^Capture");
    assert_eq!(transfer(&people.doctor, &own, &people.patient_id).status, 201);
    assert_eq!(count(&people.patient, "/api/space/captures"), 2);
    assert_eq!(
        call(
            &people.patient,
            Method::DELETE,
            &format!("/api/connections/{}", people.connection)
        ),
        200
    );
    let other = capture(&people.patient, "After^End");
    assert_eq!(transfer(&people.patient, &other, &people.doctor_id).status, 403);

    // What is deleted can be brought back.
    let path = format!("/api/captures/{item}");
    assert_eq!(call(&people.doctor, Method::DELETE, &path), 404);
    assert_eq!(call(&people.patient, Method::DELETE, &path), 204);
    assert_eq!(count(&people.patient, "/api/space/captures"), 2);
    assert_eq!(
        call(&people.patient, Method::POST, &format!("{path}/undo-delete")),
        204
    );
    assert_eq!(count(&people.patient, "/api/space/captures"), 3);
}

#[test]
fn a_space_takes_no_face_without_a_release() {
    let server = Server::demo();
    let people = people(&server);
    let open = || {
        people
            .patient
            .post("/api/space/upload-sets", &json!({ "biometric": "face_or_head" }))
    };
    assert_eq!((open().status, &open().json["code"]), (403, &json!("no_release")));
    let signed = people.patient.post(
        &format!("/api/patients/{}/releases", people.profile),
        &json!({ "version": 1, "scope": "treatment", "name": "Quirina" }),
    );
    assert_eq!(signed.status, 201, "{signed:?}");
    let set = open();
    assert_eq!(set.status, 201);
    // Given up, it takes nothing more.
    let path = format!("/api/upload-sets/{}", set.id());
    assert_eq!(call(&people.doctor, Method::DELETE, &path), 404);
    assert_eq!(call(&people.patient, Method::DELETE, &path), 204);
    assert_eq!(call(&people.patient, Method::DELETE, &path), 409);
    assert_ne!(
        people
            .patient
            .send_many(&set.id(), &[("a".to_owned(), vec![1])])
            .status,
        201
    );
    let large = people.patient.post(
        "/api/space/upload-sets",
        &json!({ "biometric": "no", "bytes": 21_u64 << 30 }),
    );
    assert_eq!((large.status, &large.json["code"]), (507, &json!("quota")));
}

#[test]
fn patients_ask_and_the_practice_answers() {
    let server = Server::demo();
    let people = people(&server);
    let path = format!("/api/patients/{}/requests", people.profile);
    let ask = |who: &Client, kind: &str| {
        who.post(
            &path,
            &json!({ "kind": kind, "text": "My name is spelled otherwise." }),
        )
    };
    assert_eq!(ask(&people.doctor, "amendment").status, 403);
    let asked = ask(&people.patient, "amendment");
    assert_eq!(asked.status, 201, "{asked:?}");
    assert_eq!(ask(&people.patient, "copy").status, 201);
    let answer = |who: &Client, id: &str| {
        who.post(
            &format!("/api/requests/{id}/answer"),
            &json!({ "granted": true, "text": "It is corrected." }),
        )
    };
    assert_eq!(answer(&people.patient, &asked.id()).status, 403);
    let (stranger, _) = server.practice("other@example.org");
    assert_eq!(answer(&stranger, &asked.id()).status, 404);
    let answered = answer(&people.doctor, &asked.id());
    assert_eq!(
        (answered.status, &answered.json["state"]),
        (200, &json!("granted"))
    );
    assert_eq!(answer(&people.doctor, &asked.id()).status, 409);
    let all = people.patient.get(&path).json;
    assert_eq!(all.as_array().unwrap().len(), 2);
    let found = all
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["id"] == answered.json["id"]);
    assert_eq!(found.unwrap()["answer"], "It is corrected.");
}

#[test]
fn people_manage_their_accounts_and_practices() {
    let server = Server::demo();
    let (client, practice) = server.practice("a@example.org");
    let on = |choice: &str| -> Value {
        let all = client.get("/api/me/marketing").json;
        let one = all.as_array().unwrap().iter().find(|one| one["choice"] == choice);
        one.unwrap()["on"].clone()
    };
    assert_eq!(on("product_news"), false);
    assert_eq!(call(&client, Method::PUT, "/api/me/marketing/product_news"), 204);
    assert_eq!((on("product_news"), on("surveys")), (json!(true), json!(false)));
    assert_eq!(
        call(&client, Method::DELETE, "/api/me/marketing/product_news"),
        204
    );
    assert_eq!(on("product_news"), false);
    assert_eq!(call(&client, Method::PUT, "/api/me/marketing/other"), 404);

    assert_eq!(client.put("/api/me", &json!({ "name": "Dr. Zett" })).status, 204);
    assert_eq!(client.get("/api/me").json["name"], "Dr. Zett");
    let change = |old: &str| {
        client.post(
            "/api/me/password",
            &json!({ "old": old, "new": "another plain phrase" }),
        )
    };
    let elsewhere = server.sign_in("a@example.org");
    assert_eq!(change("not the present one").status, 422);
    assert_eq!(elsewhere.get("/api/me").status, 200);
    assert_eq!(change(PASSWORD).status, 204);
    assert_eq!(
        (elsewhere.get("/api/me").status, client.get("/api/me").status),
        (401, 200)
    );

    let path = format!("/api/practices/{practice}");
    assert_eq!(client.put(&path, &json!({ "name": "Praxis am See" })).status, 204);
    let retention = json!({ "retention_years": 10, "majority_years": 21 });
    assert_eq!(client.put(&format!("{path}/retention"), &retention).status, 204);
    let seen = client.get(&path).json;
    assert_eq!(
        (
            &seen["name"],
            &seen["retention_years"],
            &seen["majority_years"],
            &seen["kept_bytes"]
        ),
        (&json!("Praxis am See"), &json!(10), &json!(21), &json!(0))
    );
    let (patient, _) = client.patient_and_case(&practice);
    let teams = client.get(&format!("{path}/care-teams")).json;
    assert_eq!(
        teams,
        json!([{ "patient": patient, "users": [client.get("/api/me").id()] }])
    );

    // The last administrator stays until there is another.
    assert_eq!(call(&client, Method::DELETE, "/api/me"), 409);
    let second = client.post("/api/me/practices", &json!({ "name": "Zweitpraxis" }));
    assert_eq!(second.status, 201, "{second:?}");
    assert_eq!(
        client.get("/api/me").json["memberships"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let invited = client.post(
        &format!("/api/practices/{practice}/members"),
        &json!({ "email": "b@example.org", "name": "B", "role": "clinician" }),
    );
    let other = server.accept("b@example.org", &invited.json["mailed"]);
    assert_eq!(other.put(&path, &json!({ "name": "Taken over" })).status, 403);
    assert_eq!(call(&other, Method::DELETE, "/api/me"), 204);
    assert_eq!(other.get("/api/me").status, 401);
}
