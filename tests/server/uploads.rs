//! Uploads in pieces, broken off and gone on with.

use data_encoding::BASE64;
use serde_json::{Value, json};
use ureq::http::Method;

use super::cases::series;
use super::client::{Client, Server};

const PIECE: [(&str, &str); 2] = [
    ("tus-resumable", "1.0.0"),
    ("content-type", "application/offset+octet-stream"),
];

fn announce(client: &Client, set: &str, name: &str, len: usize) -> String {
    let metadata = format!("filename {},filetype eA==", BASE64.encode(name.as_bytes()));
    let created = client.call(
        Method::POST,
        &format!("/api/upload-sets/{set}/files"),
        &[
            ("tus-resumable", "1.0.0"),
            ("upload-length", &len.to_string()),
            ("upload-metadata", &metadata),
        ],
        Vec::new(),
    );
    assert_eq!(created.status, 201, "{created:?}");
    created.header("location").to_owned()
}

fn send(client: &Client, upload: &str, offset: usize, bytes: &[u8]) -> (u16, String) {
    let offset = offset.to_string();
    let headers = [PIECE[0], PIECE[1], ("upload-offset", &offset)];
    let answer = client.call(Method::PATCH, upload, &headers, bytes.to_vec());
    (answer.status, answer.header("upload-offset").to_owned())
}

#[test]
fn an_upload_survives_the_server() {
    let mut server = Server::demo();
    let (mut client, practice) = server.practice("a@example.org");
    let (_, case) = client.patient_and_case(&practice);
    let set = client.open_set(&case);
    let files = series("Doe^Jane");
    let entries: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_slice()))
        .collect();
    let archive = testkit::archive::zip(&entries);
    let upload = announce(&client, &set, "scans/head.zip", archive.len());
    let third = archive.len() / 3;
    assert_eq!(
        send(&client, &upload, 0, &archive[..third]),
        (204, third.to_string())
    );
    // A piece at the wrong place, a piece too long, and a set that is not whole.
    assert_eq!(send(&client, &upload, 0, &archive[..third]).0, 409);
    assert_eq!(send(&client, &upload, third, &vec![0; archive.len()]).0, 413);
    let closing = client.call(
        Method::POST,
        &format!("/api/upload-sets/{set}/close"),
        &[],
        Vec::new(),
    );
    assert_eq!(closing.status, 409);

    server.kill();
    server.start();
    client = client.at(&server);
    let head = client.call(Method::HEAD, &upload, &[("tus-resumable", "1.0.0")], Vec::new());
    assert_eq!(
        (head.status, head.header("upload-offset")),
        (200, third.to_string().as_str())
    );
    assert_eq!(send(&client, &upload, third, &archive[third..2 * third]).0, 204);
    assert_eq!(
        send(&client, &upload, 2 * third, &archive[2 * third..]),
        (204, archive.len().to_string())
    );
    let job = client.ingest(&set);
    assert_eq!(job["state"], "done", "{job}");
    let items = client.get(&format!("/api/cases/{case}/items"));
    assert_eq!(items.json.as_array().unwrap().len(), 1);
    assert_eq!(items.json[0]["kind"], "volume");
    server.stop();
}

#[test]
fn what_is_wrong_with_an_upload_is_told() {
    let server = Server::demo();
    let (client, practice) = server.practice("a@example.org");
    let (_, case) = client.patient_and_case(&practice);
    let set = client.open_set(&case);
    for path in ["../x.dcm", "/etc/passwd", "", "a//b", "a\u{7}b"] {
        let sent = client.send_many(&set, &[(path.to_owned(), vec![1])]);
        assert_eq!(sent.status, 422, "{path:?}: {sent:?}");
    }
    // All of the files of a request are taken, or none.
    let files = [
        ("good.dcm".to_owned(), vec![1; 100]),
        ("..".to_owned(), vec![2; 100]),
    ];
    assert_eq!(client.send_many(&set, &files).status, 422);
    let seen = client.get(&format!("/api/upload-sets/{set}"));
    assert_eq!((&seen.json["files"], &seen.json["bytes"]), (&json!(0), &json!(0)));
    // A file that is nothing is named with the reason.
    let files = [("notes.txt".to_owned(), b"buy milk".to_vec())];
    assert_eq!(client.send_many(&set, &files).status, 201);
    let job = client.ingest(&set);
    assert_eq!(job["state"], "done", "{job}");
    assert_eq!(job["outcome"]["refused"][0]["file"], "notes.txt");
    assert_eq!(client.get(&format!("/api/cases/{case}/items")).json, json!([]));

    // Somebody else knows of neither set nor upload.
    let (other, _) = server.practice("b@example.org");
    assert_eq!(other.get(&format!("/api/upload-sets/{set}")).status, 404);
    assert_eq!(other.send_many(&set, &files).status, 404);
}

#[test]
fn failed_work_is_tried_again() {
    let server = Server::demo();
    let (client, practice) = server.practice("a@example.org");
    let (_, case) = client.patient_and_case(&practice);
    let set = client.open_set(&case);
    assert_eq!(client.send_many(&set, &series("Doe^Jane")).status, 201);
    let retry = || {
        let path = format!("/api/upload-sets/{set}/retry");
        client.call(Method::POST, &path, &[], Vec::new())
    };
    assert_eq!(retry().status, 409, "nothing has failed yet");
    // The store loses everything for a while.
    let (store, away) = (server.data().join("objects"), server.folder.path().join("away"));
    std::fs::rename(&store, &away).unwrap();
    std::fs::create_dir(&store).unwrap();
    let failed = client.ingest(&set);
    assert_eq!(
        (&failed["state"], &failed["attempts"]),
        (&json!("failed"), &json!(3))
    );
    assert!(failed["outcome"]["reason"].is_string(), "{failed}");
    let unfinished = client.get(&format!("/api/cases/{case}/upload-sets")).json;
    assert_eq!(
        (&unfinished[0]["id"], &unfinished[0]["state"]),
        (&json!(set), &json!("failed"))
    );

    std::fs::remove_dir_all(&store).unwrap();
    std::fs::rename(&away, &store).unwrap();
    // Nobody else has it tried, or learns that there is something to try.
    let (other, _) = server.practice("b@example.org");
    let path = format!("/api/upload-sets/{set}/retry");
    assert_eq!(other.call(Method::POST, &path, &[], Vec::new()).status, 404);
    let again = retry();
    assert_eq!(
        (again.status, &again.json["state"]),
        (202, &json!("closed")),
        "{again:?}"
    );
    assert_eq!(client.wait_for(&set)["state"], "done");
    assert_eq!(retry().status, 409, "it is done");
    let items = client.get(&format!("/api/cases/{case}/items"));
    assert_eq!(items.json.as_array().map(Vec::len), Some(1), "{items:?}");
    assert_eq!(
        client.get(&format!("/api/cases/{case}/upload-sets")).json,
        json!([])
    );

    let trail = client
        .get(&format!("/api/practices/{practice}/audit?limit=200"))
        .json;
    let tries: Vec<&Value> = trail
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["action"] == "RetryIngest")
        .map(|event| &event["outcome"])
        .collect();
    assert_eq!(tries.len(), 4, "{tries:?}");
}
