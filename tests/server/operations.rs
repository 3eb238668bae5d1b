//! Running the server: settings, TLS, mail, backups, keys, accounts from the command line.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use ureq::http::Method;

use super::cases::series;
use super::client::{PASSWORD, Server, files_below, word_of};
use crate::support::run;

/// `vitrine WORDS...` over the data and the key of a server.
fn vitrine(server: &Server, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
    // What comes after them may belong to the last of the words.
    let (last, first) = words.split_last().expect("words");
    command
        .args(first)
        .arg("--data")
        .arg(server.data())
        .arg("--key-file")
        .arg(server.folder.path().join("key/root.key"))
        .arg(last);
    command
}

/// Everything that one can see of a practice with one case: its cases, items, and the bytes of the files.
fn seen(server: &Server, email: &str, case: &str) -> (Value, Vec<Vec<u8>>) {
    let client = server.sign_in(email);
    let items = client.get(&format!("/api/cases/{case}/items")).json;
    let item = items[0]["id"].as_str().expect("an item");
    let originals = client.get(&format!("/api/items/{item}/originals")).json;
    let files = originals.as_array().expect("originals").iter().map(|original| {
        let id = original["id"].as_str().expect("an id");
        client.get(&format!("/api/originals/{id}/content")).body
    });
    let files = files.collect();
    (
        json!([client.get(&format!("/api/cases/{case}")).json, items, originals]),
        files,
    )
}

#[test]
fn a_backup_of_a_running_server_gives_everything_back() {
    let server = Server::demo();
    let (client, practice) = server.practice("adler@example.org");
    let (_, case) = client.patient_and_case(&practice);
    let set = client.open_set(&case);
    assert_eq!(client.send_many(&set, &series("Wintermute^Zaphod")).status, 201);
    assert_eq!(client.ingest(&set)["state"], "done");
    // One that is not closed is in the backup as well.
    let open = client.open_set(&case);
    assert_eq!(
        client
            .send_many(&open, &[("later.bin".to_owned(), vec![7; 5000])])
            .status,
        201
    );
    let before = seen(&server, "adler@example.org", &case);
    assert_eq!(before.1.len(), 9);

    let to = server.folder.path().join("backup");
    run(vitrine(&server, &["backup", "--to"]).arg(&to));
    let first = files_below(&to).len();
    // What is done after it is not in it; the next one takes only what is new.
    client.patient_and_case(&practice);
    let again = run(vitrine(&server, &["backup", "--to"]).arg(&to));
    assert!(String::from_utf8_lossy(&again.stdout).contains(" 0 bytes of them new"));
    assert_eq!(files_below(&to).len(), first);
    for path in files_below(&to) {
        let bytes = std::fs::read(&path).unwrap();
        for word in [
            "Phantom",
            "Wintermute",
            "Zyxwander",
            "Plannedword",
            "adler@",
            "Praxis",
            "later.bin",
            &case,
        ] {
            let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!found, "{} holds {word}", path.display());
        }
    }

    let mut restored = Server::elsewhere(&server, "restored");
    run(vitrine(&restored, &["restore", "--from"]).arg(&to));
    restored.start();
    assert_eq!(seen(&restored, "adler@example.org", &case), before);
    let client = restored.sign_in("adler@example.org");
    let seen = client.get(&format!("/api/upload-sets/{open}")).json;
    assert_eq!((&seen["files"], &seen["state"]), (&json!(1), &json!("open")));
    assert_eq!(client.patient_and_case(&practice).0.len(), 36);
    restored.stop();
    let (is_well, found) = super::audit::verify(&restored);
    assert!(is_well, "{found}");

    // Not over what is there, not with another key, not what is cut off.
    let refused = |server: &Server, from: &std::path::Path| {
        let output = vitrine(server, &["restore", "--from"])
            .arg(from)
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(refused(&restored, &to).contains("already"));
    let stranger = Server::demo();
    let other = Server::elsewhere(&stranger, "restored");
    assert!(refused(&other, &to).contains("root key"));
    let index = std::fs::read_to_string(to.join("backup.json")).unwrap();
    let index: Value = serde_json::from_str(&index).unwrap();
    let catalog = index["catalog"].as_str().unwrap();
    let name = &catalog[2..34];
    let rows = to.join("objects").join(&name[..2]).join(name);
    let bytes = std::fs::read(&rows).unwrap();
    std::fs::write(&rows, &bytes[..bytes.len() - 100]).unwrap();
    let cut = Server::elsewhere(&server, "cut");
    assert!(refused(&cut, &to).contains("damaged"));
}

#[test]
fn another_root_key_opens_everything_and_the_old_one_nothing() {
    let mut server = Server::demo();
    let (client, practice) = server.practice("a@example.org");
    let (_, case) = client.patient_and_case(&practice);
    let set = client.open_set(&case);
    assert_eq!(client.send_many(&set, &series("Key")).status, 201);
    assert_eq!(client.ingest(&set)["state"], "done");
    let before = seen(&server, "a@example.org", &case);
    let fresh = server.folder.path().join("key/fresh.key");
    let rotate = |server: &Server| {
        vitrine(server, &["rotate-key", "--new-key-file"])
            .arg(&fresh)
            .output()
            .unwrap()
    };
    let refused = rotate(&server);
    assert!(!refused.status.success(), "a server runs");
    server.stop();
    let rotated = rotate(&server);
    assert!(rotated.status.success(), "{rotated:?}");
    let old = vitrine(&server, &["doctor", "--json"]).output().unwrap();
    assert!(!old.status.success(), "the old key opens nothing");
    std::fs::rename(&fresh, server.folder.path().join("key/root.key")).unwrap();
    server.start();
    assert_eq!(seen(&server, "a@example.org", &case), before);
}

#[test]
fn operators_manage_accounts_without_seeing_anything() {
    let server = Server::with(&[]);
    let link_of = |words: &[&str]| {
        let output = run(&mut vitrine(&server, words));
        let text = String::from_utf8(output.stdout).unwrap();
        json!(text.lines().last().unwrap())
    };
    let link = link_of(&[
        "user",
        "add-practice",
        "--practice",
        "Praxis",
        "--name",
        "Dr. A",
        "--email=a@example.org",
    ]);
    let choose = |link: &Value| {
        let body = json!({ "word": word_of(link), "password": PASSWORD });
        server.visitor().post("/api/reset", &body).status
    };
    assert_eq!(choose(&link), 204);
    let client = server.sign_in("a@example.org");
    let me = client.get("/api/me");
    assert_eq!(me.json["memberships"][0]["role"], "administrator");

    // With a second factor that is lost, the operator lets its owner in again; sign-ins end.
    let begun = client.call(Method::POST, "/api/me/totp", &[], Vec::new());
    assert_eq!(begun.status, 200);
    let link = link_of(&["user", "reset", "a@example.org"]);
    assert_eq!(client.get("/api/me").status, 401);
    assert_eq!(choose(&link), 204);
    let client = server.sign_in("a@example.org");
    run(&mut vitrine(&server, &["user", "deactivate", "a@example.org"]));
    assert_eq!(client.get("/api/me").status, 401);
    let proofs = json!({ "email": "a@example.org", "password": PASSWORD });
    assert_eq!(server.visitor().post("/api/sign-in", &proofs).status, 403);
    let nobody = vitrine(&server, &["user", "deactivate", "b@example.org"])
        .output()
        .unwrap();
    assert!(!nobody.status.success());
}

#[test]
fn a_server_speaks_tls_by_settings_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (
        folder.path().join("certificate.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let file = folder.path().join("vitrine.toml");
    let text = format!(
        "demo = true\nworkers = 2\ntls-certificate = '{}'\ntls-key = '{}'\n",
        certificate.display(),
        key.display()
    );
    std::fs::write(&file, text).unwrap();
    let server = Server::with(&["--config", file.to_str().unwrap()]);
    let address = server.base.strip_prefix("https://").expect("TLS").to_owned();

    // Who never agrees on a key holds up nobody.
    let _silent = TcpStream::connect(&address).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(&address).unwrap());
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    // The end of a closed connection may come without a word.
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("strict-transport-security"), "{answer}");
    assert!(answer.contains("This is a demonstration"), "{answer}");

    let doctor = vitrine(&server, &["doctor", "--json", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    let findings: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let found = |what: &str| {
        let all = findings.as_array().unwrap();
        let one = all.iter().find(|finding| finding["what"] == what);
        one.unwrap_or_else(|| panic!("{what} in {findings}"))["ok"] == true
    };
    for what in [
        "clock",
        "entropy",
        "disk",
        "keys apart",
        "mail",
        "certificates",
        "catalog",
        "objects",
        "record",
    ] {
        assert!(found(what), "{what}: {findings}");
    }
    assert!(doctor.status.success());
}

/// A server for mail that takes one after the other, and gives what came.
fn mail_server() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, heard) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map_while(Result::ok);
            let mut out = stream;
            let mut say = |text: &str| write!(out, "{text}\r\n").is_ok();
            say("220 mail.example");
            let mut mail = String::new();
            while let Some(line) = lines.next() {
                let is_fine = match line.get(..4).unwrap_or(&line) {
                    "DATA" => {
                        say("354 go on");
                        let text: Vec<String> = lines.by_ref().take_while(|line| line != ".").collect();
                        mail += &text.join("\n");
                        drop(told.send(std::mem::take(&mut mail)));
                        say("250 taken")
                    }
                    "QUIT" => break,
                    _ => {
                        mail += &format!("{line}\n");
                        say("250 fine")
                    }
                };
                if !is_fine {
                    break;
                }
            }
        }
    });
    (port, heard)
}

#[test]
fn mails_go_to_a_server_for_mail() {
    let (port, mails) = mail_server();
    let url = format!("smtp://127.0.0.1:{port}");
    let server = Server::with(&["--smtp", &url, "--mail-from", "Vitrine <vitrine@example.org>"]);
    let signed_up = server.visitor().post(
        "/api/practices",
        &json!({ "practice": "Praxis", "name": "A", "email": "a@example.org", "password": PASSWORD }),
    );
    assert_eq!(signed_up.status, 202, "{signed_up:?}");
    let mail = mails
        .recv_timeout(std::time::Duration::from_secs(20))
        .expect("a mail");
    assert!(mail.contains("RCPT TO:<a@example.org>"), "{mail}");
    assert!(mail.contains("MAIL FROM:<vitrine@example.org>"), "{mail}");
    let whole = mail.replace("=\n", "");
    assert!(whole.contains("/link/verify#"), "{mail}");
    assert!(!server.folder.path().join("data-outbox").exists());
}

#[test]
fn wrong_settings_are_told_together() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_vitrine"))
        .args([
            "serve",
            "--workers",
            "1000",
            "--database",
            "mysql://u:secretword@h/d",
            "--tls-key",
            "k",
        ])
        .arg("--key-file")
        .arg(folder.path().join("root.key"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    for word in ["workers:", "database:", "tls-certificate", "data:"] {
        assert!(told.contains(word), "{word} in {told}");
    }
    assert!(!told.contains("secretword"), "{told}");
}

#[test]
fn emergency_access_is_short_and_the_practice_is_told() {
    let server = Server::demo();
    let (admin, practice) = server.practice("a@example.org");
    let (patient, case) = admin.patient_and_case(&practice);
    let (operator, _) = server.practice("operator@example.org");
    let path = format!("/api/practices/{practice}/emergencies");
    let open = |who: &super::client::Client, minutes: u32| {
        who.post(
            &path,
            &json!({ "reason": "A surgeon cannot sign in.", "minutes": minutes }),
        )
        .status
    };
    assert_eq!(open(&operator, 10), 404);
    run(&mut vitrine(
        &server,
        &["user", "operator", "operator@example.org"],
    ));
    assert_eq!(operator.get(&format!("/api/cases/{case}")).status, 404);
    assert_eq!((open(&admin, 10), open(&operator, 121)), (403, 422));
    let heard = admin.listen();
    assert_eq!(open(&operator, 10), 201);
    let (name, _, _) = heard
        .recv_timeout(std::time::Duration::from_secs(5))
        .expect("an event");
    assert_eq!(name, "emergency.opened");
    // Pictures and nothing else: no name, no profile, no change.
    let seen = operator.get(&format!("/api/cases/{case}"));
    assert_eq!((seen.status, &seen.json["patient"]), (200, &Value::Null));
    assert_eq!(operator.get(&format!("/api/patients/{patient}")).status, 404);
    assert_eq!(
        operator
            .call(Method::POST, &format!("/api/cases/{case}/close"), &[], Vec::new())
            .status,
        403
    );
    let mails = files_below(&server.folder.path().join("data-outbox"));
    let told = mails.iter().any(|mail| {
        std::fs::read_to_string(mail)
            .unwrap()
            .contains("emergency access")
    });
    assert!(told, "{mails:?}");
    let all = admin.get(&path).json;
    assert_eq!(
        (&all[0]["reason"], &all[0]["ended"]),
        (&json!("A surgeon cannot sign in."), &Value::Null)
    );
    assert_eq!(admin.delete(&path).status, 204);
    assert_eq!(operator.get(&format!("/api/cases/{case}")).status, 404);
    assert_eq!(admin.delete(&path).status, 409);
}
