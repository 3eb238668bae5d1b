//! Somebody is named in a comment, and finds that where they sign in; one color tells each author from the others.

use serde_json::json;

use super::super::client::{PASSWORD, word_of};
use super::visit::{Visit, as_sent, phantom};

#[test]
fn who_is_named_in_a_thread_finds_it() {
    let Some(visit) = Visit::begin(&["--demo"]) else {
        return;
    };
    let browser = &visit.browser;
    let (ada, case) = visit.case();
    let folder = tempfile::tempdir().unwrap();
    let series = phantom(folder.path());
    let set = ada.open_set(&case);
    assert_eq!(ada.send_many(&set, &as_sent(&series)).status, 201);
    assert_eq!(ada.ingest(&set)["state"], "done");
    let items = ada.get(&format!("/api/cases/{case}/items")).json;
    let pin = json!({ "kind": "pin", "space": "patient", "points": [[1.0, 2.0, 3.5]] });
    let mark = json!({ "item": items[0]["id"], "geometry": pin, "label": "Margin" });
    assert_eq!(
        ada.post(&format!("/api/cases/{case}/annotations"), &mark).status,
        201
    );
    let invite = |email: &str, name: &str, right: &str| {
        let granted = ada.post(
            &format!("/api/cases/{case}/grants"),
            &json!({ "email": email, "right": right, "until": "2099-01-01" }),
        );
        let word = word_of(&granted.json["mailed"]["demo_link"]);
        let accept = json!({ "word": word, "name": name, "password": PASSWORD });
        assert_eq!(visit.server.visitor().post("/api/accept", &accept).status, 204);
        visit.server.sign_in(email);
    };
    invite("curie@example.net", "Maria Curie", "annotate");
    invite("meitner@example.net", "Lise Meitner", "see");

    visit.sign_in("ada@example.org");
    visit.open(&format!("/cases/{case}/view"));
    browser.wait(".viewer[data-ready=true]");
    browser.click_on(&browser.wait(".mark-row .row"));
    browser.choose_text("Name somebody: they are told", "Maria Curie");
    browser.add("Say something about it", "is this wide enough?");
    browser.click("Send");
    browser.wait_text("@Maria Curie is this wide enough?");
    visit.look_at_viewer("mention");
    visit.open("/");
    visit.sign_out();

    // She is told, goes there, and answers; what is another's she cannot change.
    visit.sign_in("curie@example.net");
    browser.wait_text("Dr. Adler named you in a comment");
    visit.look("today-mention");
    visit.open(&format!("/cases/{case}/view"));
    browser.wait(".viewer[data-ready=true]");
    browser.click_on(&browser.wait(".mark-row .row"));
    browser.wait_text("@Maria Curie is this wide enough?");
    assert!(
        !browser.has("[aria-label='Name of this mark']") && !browser.has("[aria-label='Delete this mark']")
    );
    browser.fill("Say something about it", "Two millimeters more.");
    browser.click("Send");
    browser.wait_text("Two millimeters more.");
    let colors = browser.evaluate(
        "return [...document.querySelectorAll('.comment .swatch, .mark-row > .row .swatch')].map((e) => e.style.background)",
        &serde_json::Value::Null,
    );
    assert_eq!(colors[0], colors[1], "{colors}");
    assert_ne!(colors[1], colors[2], "{colors}");
    visit.look_at_viewer("thread");
    visit.open("/");
    visit.sign_out();

    // Who may only look reads the thread, and is offered nothing to say.
    visit.sign_in("meitner@example.net");
    visit.open(&format!("/cases/{case}/view"));
    browser.wait(".viewer[data-ready=true]");
    browser.click_on(&browser.wait(".mark-row .row"));
    browser.wait_text("Two millimeters more.");
    assert!(!browser.has(".thread + form") && !browser.has("[title=Distance]"));
    visit.look_at_viewer("thread-looked-at");
    visit.is_clean("mentions");
}
