//! Uploads from the page: what each file became or why not, a pause, and going on after the page was closed.

use std::path::Path;

use serde_json::json;

use super::visit::{Visit, as_sent, phantom};

#[test]
fn an_upload_goes_on_after_the_page_was_closed() {
    let Some(visit) = Visit::begin(&["--demo"]) else {
        return;
    };
    let browser = &visit.browser;
    let (ada, case) = visit.case();
    let folder = tempfile::tempdir().unwrap();
    let series = phantom(folder.path());
    std::fs::write(series.join("shopping.txt"), "buy milk").unwrap();
    let files = as_sent(&series);

    // Half of it arrived, then the page was closed; one file came in part only.
    let set = ada.open_set(&case);
    let half = files.len() / 2;
    assert_eq!(ada.send_many(&set, &files[..half]).status, 201);
    begin(&ada, &set, &files[half]);
    visit.sign_in("ada@example.org");
    visit.open(&format!("/cases/{case}"));
    browser.wait_text("An upload was broken off");
    visit.look("broken-off");
    browser.choose_files("input[webkitdirectory]", &[&series]);
    browser.wait(".progress[data-done=true]");
    let items = ada.get(&format!("/api/cases/{case}/items")).json;
    assert_eq!(items.as_array().unwrap().len(), 1, "{items}");
    let sent = ada.get(&format!("/api/upload-sets/{set}")).json;
    assert_eq!(
        (&sent["state"], &sent["files"]),
        (&json!("done"), &json!(files.len()))
    );
    let originals = ada
        .get(&format!(
            "/api/items/{}/originals",
            items[0]["id"].as_str().unwrap()
        ))
        .json;
    assert_eq!(originals.as_array().unwrap().len(), files.len() - 1);

    // What nothing was made of is told by name, with the reason.
    browser.wait_text("Not added, and why:");
    browser.wait_text("shopping.txt");
    visit.look("report");
    visit.is_clean("an upload");

    // What arrived of another can be thrown away, or used as it is.
    let set = ada.open_set(&case);
    assert_eq!(ada.send_many(&set, &files[..3]).status, 201);
    browser.post("/refresh", &json!({}));
    browser.click("Discard it");
    browser.wait_until("the set is gone", || {
        ada.get(&format!("/api/cases/{case}/upload-sets")).json == json!([])
    });
}

/// Announces a file and sends its first bytes.
fn begin(client: &super::super::client::Client, set: &str, file: &(String, Vec<u8>)) {
    let name = data_encoding::BASE64.encode(file.0.as_bytes());
    let created = client.call(
        ureq::http::Method::POST,
        &format!("/api/upload-sets/{set}/files"),
        &[
            ("tus-resumable", "1.0.0"),
            ("upload-length", &file.1.len().to_string()),
            ("upload-metadata", &format!("filename {name}")),
            ("content-type", "application/offset+octet-stream"),
        ],
        file.1[..file.1.len() / 3].to_vec(),
    );
    assert_eq!(created.status, 201, "{created:?}");
}

#[test]
fn an_upload_can_be_paused() {
    let Some(visit) = Visit::begin(&["--demo"]) else {
        return;
    };
    let browser = &visit.browser;
    let (ada, case) = visit.case();
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.bin");
    write_noise(&large, 24 << 20);
    visit.sign_in("ada@example.org");
    visit.open(&format!("/cases/{case}"));
    browser.wait_text("Choose files");
    // As slow as a line of 32 Mbit/s, so that there is something to pause.
    let line =
        json!({ "offline": false, "latency": 5, "downloadThroughput": -1, "uploadThroughput": 4_000_000 });
    browser.devtools("Network.enable", &json!({}));
    browser.devtools("Network.emulateNetworkConditions", &line);
    browser.choose_files("input[type=file]:not([webkitdirectory])", &[&large]);
    browser.click("Pause");
    browser.wait_text("paused");
    visit.look("paused");
    let sets = ada.get(&format!("/api/cases/{case}/upload-sets")).json;
    assert_eq!(sets[0]["state"], "open", "{sets}");
    let free = json!({ "offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    browser.devtools("Network.emulateNetworkConditions", &free);
    browser.click("Go on");
    browser.wait_text("large.bin");
    browser.wait(".progress[data-done=true]");
    visit.is_clean("a paused upload");
}

/// A file that is nothing, and that does not compress.
fn write_noise(path: &Path, bytes: usize) {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let noise: Vec<u8> = (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect();
    std::fs::write(path, noise).expect("a file");
}
