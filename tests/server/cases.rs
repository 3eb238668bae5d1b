//! From sign-up to a case that several people look at.

use std::path::Path;

use serde_json::json;
use testkit::dicom::SeriesSpec;
use testkit::postgres::Cluster;
use ureq::http::Method;

use super::client::{Client, Server, files_as_sent, files_below};

/// A small CT with a name in its description, as files.
pub(crate) fn series(description: &str) -> Vec<(String, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = SeriesSpec::ct([24, 20, 9], [0.7, 0.9, 1.3]);
    spec.rescale = [1.0, -1024.0];
    spec.description = description.to_owned();
    spec.write(folder.path(), |z, pixels| {
        for (at, pixel) in pixels.iter_mut().enumerate() {
            let (x, y) = (at as i32 % 24 - 12, at as i32 / 24 - 10);
            let is_inside = x * x + y * y + (z as i32 - 4).pow(2) < 40;
            *pixel = if is_inside { 1500 } else { 24 };
        }
    })
    .unwrap();
    files_as_sent(folder.path(), "ct")
}

#[test]
fn a_case_goes_from_upload_to_colleagues_and_patient() {
    case_goes_from_upload_to_colleagues_and_patient(&Server::demo(), None);
}

#[test]
fn a_case_goes_from_upload_to_colleagues_and_patient_on_postgres() {
    if let Some(cluster) = Cluster::shared() {
        let server = Server::with(&["--demo", "--database", &cluster.database()]);
        case_goes_from_upload_to_colleagues_and_patient(&server, Some(&cluster));
    }
}

fn case_goes_from_upload_to_colleagues_and_patient(server: &Server, cluster: Option<&Cluster>) {
    let (admin, practice) = server.practice("adler@example.org");
    let (patient, case) = admin.patient_and_case(&practice);
    let files = series("Wintermute^Zaphod");
    let set = admin.open_set(&case);
    let sent = admin.send_many(&set, &files);
    assert_eq!(sent.status, 201, "{sent:?}");
    let job = admin.ingest(&set);
    assert_eq!(job["state"], "done", "{job}");
    assert_eq!(job["outcome"]["refused"], json!([]));

    let items = admin.get(&format!("/api/cases/{case}/items"));
    let item = items.json[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(items.json[0]["kind"], "volume");
    assert_eq!(items.json[0]["own"], true);

    // The uploader gets the very bytes.
    let originals = admin.get(&format!("/api/items/{item}/originals"));
    assert_eq!(originals.json.as_array().unwrap().len(), files.len());
    for original in originals.json.as_array().unwrap() {
        let got = admin.get(&format!(
            "/api/originals/{}/content",
            original["id"].as_str().unwrap()
        ));
        assert_eq!(got.status, 200);
        assert!(got.header("content-disposition").starts_with("attachment;"));
        let (_, content) = files
            .iter()
            .find(|(path, _)| path.ends_with(original["name"].as_str().unwrap()))
            .unwrap();
        assert_eq!(&got.body, content);
    }
    let original = originals.json[0]["id"].as_str().unwrap().to_owned();

    // A colleague in the care team sees the item and gets no byte of it.
    let invited = admin.post(
        &format!("/api/practices/{practice}/members"),
        &json!({ "email": "buchner@example.org", "name": "Dr. Buchner", "role": "clinician" }),
    );
    assert_eq!(invited.status, 201, "{invited:?}");
    let colleague = server.accept("buchner@example.org", &invited.json["mailed"]);
    assert_eq!(colleague.get(&format!("/api/cases/{case}")).status, 404);
    let user = invited.json["user"].as_str().unwrap();
    let joined = admin.call(
        Method::PUT,
        &format!("/api/patients/{patient}/care-team/{user}"),
        &[],
        Vec::new(),
    );
    assert_eq!(joined.status, 204, "{joined:?}");
    let seen = colleague.get(&format!("/api/cases/{case}"));
    assert_eq!(seen.status, 200);
    assert_eq!(seen.json["title"], "Mandible, Plannedword");
    let items = colleague.get(&format!("/api/cases/{case}/items"));
    assert_eq!(items.json[0]["own"], false);
    let hidden = colleague.get(&format!("/api/items/{item}/originals"));
    assert_eq!(hidden.json, json!([]));
    assert_ne!(
        colleague
            .get(&format!("/api/originals/{original}/content"))
            .status,
        200
    );

    // A collaborator sees the case while the grant lasts, and not whom it is of.
    let granted = admin.post(
        &format!("/api/cases/{case}/grants"),
        &json!({ "email": "curie@example.net", "right": "annotate", "until": "2099-01-01" }),
    );
    assert_eq!(granted.status, 201, "{granted:?}");
    let collaborator = server.accept("curie@example.net", &granted.json["mailed"]);
    let seen = collaborator.get(&format!("/api/cases/{case}"));
    assert_eq!(
        (seen.status, &seen.json["patient"]),
        (200, &serde_json::Value::Null)
    );
    // Who may only annotate adds no files and takes away nobody else's marks, and is told so before trying.
    let told = |who: &Client| {
        let case = who.get(&format!("/api/cases/{case}")).json;
        ["takes_uploads", "annotates", "withdraws"].map(|right| case[right] == true)
    };
    assert_eq!(told(&collaborator), [false, true, false]);
    assert_eq!(told(&admin), [true; 3]);
    assert_eq!(collaborator.get(&format!("/api/patients/{patient}")).status, 404);
    let mine = collaborator.get("/api/cases?as=collaborator");
    assert_eq!(mine.json["items"][0]["id"].as_str(), Some(case.as_str()));
    let grant = granted.json["grant"].as_str().unwrap();
    let revoked = admin.delete(&format!("/api/cases/{case}/grants/{grant}"));
    assert_eq!(revoked.status, 204, "{revoked:?}");
    assert_eq!(collaborator.get(&format!("/api/cases/{case}")).status, 404);

    // The patient sees it when it is shared.
    let invited = admin.post(
        &format!("/api/patients/{patient}/people"),
        &json!({ "email": "quirina@example.com", "name": "Quirina" }),
    );
    assert_eq!(invited.status, 201, "{invited:?}");
    let person = server.accept("quirina@example.com", &invited.json["mailed"]);
    assert_eq!(person.get(&format!("/api/cases/{case}")).status, 404);
    let shared = admin.call(
        Method::PUT,
        &format!("/api/cases/{case}/sharing"),
        &[],
        Vec::new(),
    );
    assert_eq!(shared.status, 204, "{shared:?}");
    assert_eq!(person.get(&format!("/api/cases/{case}")).status, 200);
    assert_ne!(
        person.get(&format!("/api/originals/{original}/content")).status,
        200
    );

    nothing_personal_is_at_rest(&server.data(), &files);
    if let Some(cluster) = cluster {
        nothing_personal_is_at_rest(cluster.folder(), &files);
    }
}

/// Planted words, and the pixels, are in no file of the server.
fn nothing_personal_is_at_rest(folder: &Path, files: &[(String, Vec<u8>)]) {
    let middle = &files[4].1;
    let pixels = &middle[middle.len() - 480..middle.len() - 440];
    let planted: [&[u8]; 7] = [
        b"Phantom^Test",
        b"Wintermute",
        b"Zyxwander",
        b"Plannedword",
        b"adler@example.org",
        b"Praxis am Park",
        pixels,
    ];
    let mut looked = 0;
    for path in files_below(folder) {
        // The server of the database removes files of its own meanwhile.
        let bytes = std::fs::read(&path).unwrap_or_default();
        looked += bytes.len();
        for word in planted {
            assert!(
                !bytes.windows(word.len()).any(|window| window == word),
                "{} holds {:?}",
                path.display(),
                String::from_utf8_lossy(word)
            );
        }
    }
    assert!(looked > 10_000, "{looked}");
}

#[test]
fn lists_are_searched_and_paged() {
    let server = Server::demo();
    let (admin, practice) = server.practice("adler@example.org");
    let patients = format!("/api/practices/{practice}/patients");
    for number in 0..7 {
        let name = format!("Roe{number}, Änne");
        let made = admin.post(&patients, &json!({ "name": name }));
        assert_eq!(made.status, 201, "{made:?}");
    }
    let mut names = Vec::new();
    let mut path = format!("{patients}?limit=3");
    for _ in 0..3 {
        let page = admin.get(&path);
        for patient in page.json["items"].as_array().unwrap() {
            names.push(patient["demographics"]["name"].as_str().unwrap().to_owned());
        }
        match page.json["next"].as_str() {
            Some(next) => path = format!("{patients}?limit=3&after={next}"),
            None => break,
        }
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 7);
    let count = |q: &str| {
        let found = admin.get(&format!("{patients}?q={q}"));
        found.json["items"].as_array().unwrap().len()
    };
    assert_eq!(
        (
            count("anne"),
            count("ro"),
            count("roe3"),
            count("roe3+an"),
            count("oe")
        ),
        (7, 7, 1, 1, 0)
    );
}
