//! A patient on a phone: shown around a case, who can see it, captures handed to a doctor; and what the doctor sees of it.

use serde_json::{Value, json};
use ureq::http::Method;

use super::visit::{Visit, as_sent, phantom};

#[test]
fn a_patient_is_shown_around_and_hands_over_a_capture() {
    let Some(visit) = Visit::begin(&["--demo"]) else {
        return;
    };
    let browser = &visit.browser;
    let (ada, practice) = visit.server.practice("ada@example.org");
    let (patient, case) = ada.patient_and_case(&practice);
    let folder = tempfile::tempdir().unwrap();
    let series = phantom(folder.path());
    let set = ada.open_set(&case);
    assert_eq!(ada.send_many(&set, &as_sent(&series)).status, 201);
    assert_eq!(ada.ingest(&set)["state"], "done");
    let view = |caption: &str| {
        let path = format!("/api/cases/{case}/views");
        ada.post(&path, &json!({ "caption": caption, "state": {} })).id()
    };
    let views = [
        view("This is your head from the front."),
        view("Here a piece of bone is missing."),
    ];
    let tour = json!({ "title": "For you", "views": views });
    assert_eq!(ada.post(&format!("/api/cases/{case}/tours"), &tour).status, 201);
    let shared = ada.call(
        Method::PUT,
        &format!("/api/cases/{case}/sharing"),
        &[],
        Vec::new(),
    );
    assert_eq!(shared.status, 204);
    let invited = ada.post(
        &format!("/api/patients/{patient}/people"),
        &json!({ "email": "quirina@example.com", "name": "Quirina" }),
    );
    visit
        .server
        .accept("quirina@example.com", &invited.json["mailed"]);

    // The record: the case with its picture, who can see it, and the tour with its captions.
    visit.sign_in("quirina@example.com");
    visit.open("/record");
    browser.wait(".stage-card img");
    browser.wait_text("Who can see this record");
    browser.wait_text("Dr. Adler");
    visit.look("record");
    browser.size(360, 740);
    browser.click("Show me around");
    browser.wait_text("This is your head from the front.");
    browser.wait(".viewer canvas, .viewer img");
    visit.look_at_viewer("shown-around");
    // The patient looks; nothing of what makes marks is there, not even by its key.
    browser.wait("[title='Zoom']");
    browser.press("m");
    for what in [
        "[title=Distance]",
        "[title=Undo]",
        "[aria-label='Caption of this view']",
        "[aria-label='Delete this view']",
    ] {
        assert!(!browser.has(what), "{what} is offered to a patient");
    }

    // A connection with the doctor, who accepts it; a capture of one's own that goes over it.
    visit.open("/record");
    browser.fill("E-mail address of the doctor", "ada@example.org");
    browser.click("Ask for a connection");
    browser.wait_text("asked, not yet answered");
    let connections = ada.get("/api/connections").json;
    let accept = format!(
        "/api/connections/{}/answer",
        connections[0]["id"].as_str().unwrap()
    );
    assert_eq!(ada.post(&accept, &json!({ "accept": true })).status, 200);
    visit.open("/record");
    browser.wait_text("connected");
    browser.choose_files("input[webkitdirectory]", &[&series]);
    browser.wait(".progress[data-done=true]");
    browser.wait_text("Hand over");
    // It has a picture, and is looked at in the viewer, which renders it here.
    browser.wait(".pictured .thumbnail img");
    browser.click_on(&browser.wait(".pictured a"));
    browser.wait(".viewer[data-ready=true]");
    assert!(
        !browser.has(".side.right"),
        "nothing is said about one's own captures"
    );
    visit.look_at_viewer("own-capture");
    visit.open("/record");
    browser.wait_text("Hand over");
    visit.look("record-captures");
    browser.choose_text("Where to", "Give to Dr. Adler");
    browser.click("Hand over");
    browser.wait_text("Handed over.");
    // A copy of the record, with the days that are left for it.
    browser.choose("What you ask for", "copy");
    browser.fill("In your words", "All pictures of me.");
    browser.click("Send the request");
    browser.wait_text("days left");
    visit.look("record-full");
    visit.sign_out();

    // The doctor: told of all of it, and files the capture.
    visit.sign_in("ada@example.org");
    browser.wait_text("Invited gave you a capture");
    browser.wait_text("What concerns you");
    browser.wait(".pictured .thumbnail img");
    visit.look("today-news");
    // What somebody else uploaded is looked at as live pictures.
    browser.click_on(&browser.wait(".pictured a"));
    browser.wait(".viewer[data-ready=true]");
    browser.wait_text("live picture, marked with your name");
    let asked = browser.requests();
    assert!(
        asked.iter().all(|(url, _)| !url.contains("/artifacts")),
        "only pictures come: {asked:?}"
    );
    visit.look_at_viewer("given-capture");
    visit.open("/");
    browser.choose_text("Where to", "File in Mandible, Plannedword");
    browser.click("Hand over");
    browser.wait_text("Handed over.");
    visit.open(&format!("/cases/{case}"));
    browser.wait_text("You see live pictures of it, marked with your name.");
    // Who looked at what she uploaded: the patient did.
    browser.wait_until("the patient's look is told", || {
        ada.get(&format!("/api/cases/{case}/sights")).json[0]["name"] == "Invited"
    });
    visit.open(&format!("/cases/{case}"));
    browser.wait_text("Who looked at what you uploaded");
    browser.wait_text("Invited");
    browser.evaluate(
        "document.querySelector('[aria-label=\"Who looked at what you uploaded\"]').scrollIntoView()",
        &Value::Null,
    );
    visit.look("sights");
    visit.open(&format!("/patients/{patient}"));
    browser.wait_text("days left");
    visit.look("request-clock");
    visit.is_clean("patients");
}
