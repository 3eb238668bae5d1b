//! What people are told of, inside and by mail: that something has happened, nothing of what was said.

use serde_json::{Value, json};
use ureq::http::Method;

use super::client::{Client, Server, files_below, word_of};

/// Mails in the outbox to an address.
fn mails(server: &Server, to: &str) -> Vec<String> {
    files_below(&server.folder.path().join("data-outbox"))
        .into_iter()
        .map(|path| std::fs::read_to_string(path).expect("a mail"))
        .filter(|mail| mail.starts_with(&format!("To: {to}\r\n")))
        .collect()
}

/// What somebody was told of: each as what it is, and by whom.
fn news(client: &Client) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = client.get("/api/me/news");
    assert_eq!(all.status, 200, "{all:?}");
    let all = all.json.as_array().expect("news").clone();
    all.iter()
        .map(|one| (word(&one["what"]), word(&one["by"])))
        .collect()
}

fn told(what: &str, by: &str) -> (String, String) {
    (what.to_owned(), by.to_owned())
}

#[test]
fn who_is_named_in_a_comment_is_told() {
    let server = Server::demo();
    let (admin, practice) = server.practice("adler@example.org");
    let (_, case) = admin.patient_and_case(&practice);
    let invited = admin.post(
        &format!("/api/cases/{case}/grants"),
        &json!({ "email": "curie@example.net", "right": "annotate", "until": "2099-01-01" }),
    );
    let word = word_of(&invited.json["mailed"]["demo_link"]);
    let accept = json!({ "word": word, "name": "Maria Curie", "password": super::client::PASSWORD });
    assert_eq!(server.visitor().post("/api/accept", &accept).status, 204);
    let curie = server.sign_in("curie@example.net");
    let before = mails(&server, "curie@example.net").len();

    let mut names: Vec<String> = Vec::new();
    for one in curie
        .get(&format!("/api/cases/{case}/colleagues"))
        .json
        .as_array()
        .unwrap()
    {
        names.push(one["name"].as_str().unwrap().to_owned());
    }
    assert_eq!(names, ["Dr. Adler", "Maria Curie"]);

    let geometry = json!({ "kind": "pin", "space": "patient", "points": [[1.0, 2.0, 3.0]] });
    let mark = admin.post(
        &format!("/api/cases/{case}/annotations"),
        &json!({ "geometry": geometry }),
    );
    let comments = format!("/api/annotations/{}/comments", mark.id());
    let say = |client: &Client, text: &str| {
        let said = client.post(&comments, &json!({ "text": text }));
        assert_eq!(said.status, 201, "{said:?}");
        said
    };
    say(&admin, "Nobody is named @ here, nor myself: @Dr. Adler");
    assert_eq!(news(&admin), []);
    let first = say(&admin, "Look here, @Maria Curie: Secretword");
    assert_eq!(news(&curie), [told("mention", "Dr. Adler")]);
    let listed = curie.get("/api/me/news").json;
    assert_eq!(
        (&listed[0]["case"], &listed[0]["seen"], &listed[0]["title"]),
        (&json!(case), &json!(false), &json!("Mandible, Plannedword"))
    );
    // Said anew without more names, nobody is told again; sent again, neither.
    let amend = json!({ "text": "Look there, @Maria Curie", "version": 1 });
    let amended = admin.put(&format!("/api/comments/{}", first.id()), &amend);
    assert_eq!(amended.status, 200, "{amended:?}");
    assert_eq!(news(&curie).len(), 1);
    // A second one before she looked brings no second mail, and no mail says what was said, where or by whom.
    say(&admin, "@Maria Curie once more");
    let mail = mails(&server, "curie@example.net");
    assert_eq!(mail.len(), before + 1);
    let mail = mail
        .iter()
        .find(|mail| mail.contains("Something waits"))
        .expect("the mail");
    for word in [
        "Secretword",
        "Plannedword",
        "Adler",
        "Zyxwander",
        "comment",
        &case,
    ] {
        assert!(!mail.contains(word), "{word} in {mail}");
    }
    let seen = curie.call(Method::POST, "/api/me/news/seen", &[], Vec::new());
    assert_eq!(seen.status, 204);
    assert_eq!(curie.get("/api/me/news").json[0]["seen"], true);
    say(&curie, "@Dr. Adler yes");
    say(&admin, "@Maria Curie thanks");
    assert_eq!(mails(&server, "curie@example.net").len(), before + 2);
    assert_eq!(news(&admin), [told("mention", "Maria Curie")]);

    // Who may no longer see the case is told nothing of it, and not named.
    let grants = admin.get(&format!("/api/cases/{case}/grants")).json;
    let grant = grants[0]["id"].as_str().unwrap();
    assert_eq!(
        admin.delete(&format!("/api/cases/{case}/grants/{grant}")).status,
        204
    );
    say(&admin, "@Maria Curie are you there");
    assert_eq!(news(&curie).len(), 3);
    let listed = curie.get("/api/me/news").json;
    assert_eq!(
        (&listed[0]["case"], &listed[0]["title"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_patient_and_a_practice_are_told_of_each_other() {
    let server = Server::demo();
    let (doctor, practice) = server.practice("adler@example.org");
    let (profile, case) = doctor.patient_and_case(&practice);
    let invited = doctor.post(
        &format!("/api/patients/{profile}/people"),
        &json!({ "email": "quirina@example.com", "name": "Quirina" }),
    );
    let patient = server.accept("quirina@example.com", &invited.json["mailed"]);
    let invited = doctor.post(
        &format!("/api/cases/{case}/grants"),
        &json!({ "email": "curie@example.net", "right": "see", "until": "2099-01-01" }),
    );
    assert_eq!(invited.status, 201, "{invited:?}");

    // A request with its clock, which both sides see.
    let path = format!("/api/patients/{profile}/requests");
    let asked = patient.post(&path, &json!({ "kind": "copy", "text": "All of it" }));
    assert_eq!(asked.status, 201, "{asked:?}");
    let days = |reply: &Value| {
        let day = |name: &str| {
            reply[name]
                .as_str()
                .unwrap()
                .get(..10)
                .unwrap()
                .parse::<domain::Date>()
                .unwrap()
        };
        (day("due").start().ms() - day("asked").start().ms()) / 86_400_000
    };
    assert_eq!(days(&asked.json), 30);
    assert_eq!(days(&doctor.get(&path).json[0]), 30);
    assert_eq!(news(&doctor), [told("request", "Invited")]);
    let answer = json!({ "granted": true, "text": "On a disc" });
    let answered = doctor.post(&format!("/api/requests/{}/answer", asked.id()), &answer);
    assert_eq!(answered.status, 200, "{answered:?}");
    assert_eq!(news(&patient), [told("answer", "Dr. Adler")]);
    assert_eq!(patient.get("/api/me/news").json[0]["patient"], json!(profile));

    // A connection, asked for and accepted; each sees what the other is called.
    let asked = patient.post(
        &format!("/api/patients/{profile}/connections"),
        &json!({ "doctor": "adler@example.org" }),
    );
    assert_eq!(
        (asked.status, &asked.json["name"]),
        (201, &json!("Dr. Adler")),
        "{asked:?}"
    );
    assert_eq!(doctor.get("/api/connections").json[0]["name"], "Invited");
    let accepted = doctor.post(
        &format!("/api/connections/{}/answer", asked.id()),
        &json!({ "accept": true }),
    );
    assert_eq!(accepted.status, 200, "{accepted:?}");
    assert_eq!(news(&doctor)[0], told("connection", "Invited"));
    assert_eq!(news(&patient)[0], told("connection", "Dr. Adler"));

    // Who can see the record: a case that is not shared is not named.
    let seers = || patient.get(&format!("/api/patients/{profile}/who-sees")).json;
    let row = |seers: &Value, capacity: &str| {
        let all = seers.as_array().unwrap().clone();
        all.into_iter()
            .find(|one| one["capacity"] == capacity)
            .unwrap_or_else(|| panic!("{seers}"))
    };
    let seen = seers();
    assert_eq!(seen.as_array().map(Vec::len), Some(3), "{seen}");
    assert_eq!(row(&seen, "administrator")["name"], "Dr. Adler");
    assert_eq!(row(&seen, "patient")["name"], "Invited");
    assert_eq!(row(&seen, "collaborator")["title"], Value::Null);
    let shared = doctor.call(
        Method::PUT,
        &format!("/api/cases/{case}/sharing"),
        &[],
        Vec::new(),
    );
    assert_eq!(shared.status, 204);
    let colleague = row(&seers(), "collaborator");
    assert_eq!(colleague["title"], "Mandible, Plannedword");
    assert!(
        colleague["until"]
            .as_str()
            .is_some_and(|until| until.starts_with("2099-01-02")),
        "{colleague}"
    );
    assert_eq!(
        doctor.get(&format!("/api/patients/{profile}/who-sees")).status,
        403
    );
}
