//! Every page, wide and narrow, light and dark, by eye and by keyboard, for everybody who may see it.

use serde_json::json;
use ureq::http::Method;

use super::super::client::{Client, word_of};
use super::driver::key;
use super::visit::{Visit, as_sent, phantom};

/// What the pages show: a practice with a patient, a case with a series, people who may see it.
struct World {
    patient: String,
    case: String,
}

const SURGEON: &str = "ada@example.org";
const COLLEAGUE: &str = "curie@example.net";
const PATIENT: &str = "otto@example.com";

fn furnish(visit: &Visit) -> World {
    let server = &visit.server;
    let (ada, practice) = server.practice(SURGEON);
    for (name, born) in [
        ("Marsh, Wilhelmina", "1962-11-02"),
        ("Okafor, Chidi", "1988-05-30"),
        ("Lindqvist, Åsa", "2011-08-14"),
    ] {
        let made = ada.post(
            &format!("/api/practices/{practice}/patients"),
            &json!({ "name": name, "born": born }),
        );
        assert_eq!(made.status, 201, "{made:?}");
    }
    let patient = ada.post(
        &format!("/api/practices/{practice}/patients"),
        &json!({ "name": "Adler, Otto", "born": "1971-03-12", "sex": "M", "height_cm": 182, "contact": "otto@example.com" }),
    );
    let patient = patient.id();
    let cases = format!("/api/patients/{patient}/cases");
    let older = ada.post(
        &cases,
        &json!({ "title": "Removal of plates", "date": "2024-06-18" }),
    );
    closed(&ada, &older.id());
    let case = ada.post(
        &cases,
        &json!({ "title": "Mandible reconstruction", "date": "2031-12-03" }),
    );
    let case = case.id();
    let folder = tempfile::tempdir().unwrap();
    let set = ada.open_set(&case);
    let sent = ada.send_many(&set, &as_sent(&phantom(folder.path())));
    assert_eq!(sent.status, 201, "{sent:?}");
    assert_eq!(ada.ingest(&set)["state"], "done");
    let granted = ada.post(
        &format!("/api/cases/{case}/grants"),
        &json!({ "email": COLLEAGUE, "name": "Dr. Curie", "right": "annotate", "until": "2031-04-30" }),
    );
    let colleague = server.accept(COLLEAGUE, &granted.json["mailed"]);
    assert_eq!(colleague.get(&format!("/api/cases/{case}")).status, 200);
    let invited = ada.post(
        &format!("/api/practices/{practice}/members"),
        &json!({ "email": "buchner@example.org", "name": "Dr. Buchner", "role": "clinician" }),
    );
    server.accept("buchner@example.org", &invited.json["mailed"]);
    let invited = ada.post(
        &format!("/api/patients/{patient}/people"),
        &json!({ "email": PATIENT, "name": "Otto Adler" }),
    );
    let otto = server.accept(PATIENT, &invited.json["mailed"]);
    let signed = otto.post(
        &format!("/api/patients/{patient}/releases"),
        &json!({ "version": 1, "scope": "collaboration", "name": "Otto Adler" }),
    );
    assert_eq!(signed.status, 201, "{signed:?}");
    let asked = otto.post(
        &format!("/api/patients/{patient}/requests"),
        &json!({ "kind": "copy", "text": "A copy of my scans for the physiotherapist." }),
    );
    assert_eq!(asked.status, 201, "{asked:?}");
    let shared = ada.call(
        Method::PUT,
        &format!("/api/cases/{case}/sharing"),
        &[],
        Vec::new(),
    );
    assert_eq!(shared.status, 204, "{shared:?}");
    World { patient, case }
}

fn closed(client: &Client, case: &str) {
    let closed = client.call(Method::POST, &format!("/api/cases/{case}/close"), &[], Vec::new());
    assert_eq!(closed.status, 200, "{closed:?}");
}

#[test]
fn every_page_is_fit_for_everybody() {
    let Some(visit) = Visit::begin(&["--demo"]) else {
        return;
    };
    let world = furnish(&visit);
    before_the_sign_in(&visit);

    visit.sign_in(SURGEON);
    let patient = format!("/patients/{}", world.patient);
    let case = format!("/cases/{}", world.case);
    let pages: [(&str, &str, &str); 8] = [
        ("today", "/", ".cards .card"),
        ("patients", "/patients", ".cards .card"),
        ("patient", &patient, ".timeline .card"),
        ("surgeon-case", &case, ".item-card img"),
        ("practice", "/practice", ".rows select"),
        ("audit", "/audit", "tbody tr"),
        ("account", "/account", "section .rows li"),
        ("missing", "/nowhere", "h1"),
    ];
    for (name, path, ready) in pages {
        visit.open(path);
        visit.browser.wait(ready);
        settled(&visit);
        visit.look(name);
        visit.by_keyboard(name);
    }
    visit.open(&format!("{case}/view"));
    visit.browser.wait(".viewer[data-fraction='1.000']");
    visit.look_at_viewer("viewer");
    visit.open("/");
    visit.sign_out();

    visit.sign_in(PATIENT);
    visit.open("/record");
    visit.browser.wait(".rows li");
    settled(&visit);
    visit.look("record");
    visit.by_keyboard("record");
    visit.open("/");
    visit.browser.wait(".cards .card");
    visit.look("patient-today");
    visit.open(&case);
    visit.browser.wait(".item-card");
    visit.look("patient-case");
    visit.sign_out();

    visit.sign_in(COLLEAGUE);
    visit.browser.wait(".cards .card");
    visit.look("colleague-today");
    visit.open(&case);
    visit.browser.wait(".item-card");
    visit.look("colleague-case");
}

/// Waits until everything that the page asked for has come.
fn settled(visit: &Visit) {
    let script = "const done = arguments[arguments.length - 1]; let last = performance.now();
        new PerformanceObserver(() => { last = performance.now(); }).observe({ entryTypes: ['resource'] });
        const look = () => performance.now() - last > 300 ? done(true) : setTimeout(look, 50); look();";
    visit
        .browser
        .post("/execute/async", &json!({ "script": script, "args": [] }));
}

/// The pages on the way in, and what must be done before anything else.
fn before_the_sign_in(visit: &Visit) {
    let browser = &visit.browser;
    visit.open("/");
    browser.wait_text("Sign up a practice");
    visit.look("sign-in");
    visit.by_keyboard("sign-in");
    browser.click("Sign up a practice");
    browser.wait_text("I have an account");
    visit.look("sign-up");
    visit.by_keyboard("sign-up");
    browser.click("I have an account");
    browser.click("Forgot the password");
    browser.wait_text("Send a link");
    visit.look("recover");

    // An invitation that is opened: the account is made, then the agreements stand before everything.
    let (admin, practice) = visit.server.practice("clara@example.org");
    let invited = admin.post(
        &format!("/api/practices/{practice}/members"),
        &json!({ "email": "new@example.org", "name": "New", "role": "staff" }),
    );
    let word = word_of(&invited.json["mailed"]["demo_link"]);
    visit.open(&format!("/link/invitation#{word}"));
    browser.wait_text("You are invited");
    visit.look("invited");
    visit.by_keyboard("invited");
    browser.fill("Your name", "Noah Newman");
    browser.fill("Password", "four plain words here");
    browser.click("Continue");
    browser.click("Go to sign-in");
    browser.fill_focused("E-mail address", &format!("new@example.org{}", key::TAB));
    browser.fill_focused("Password", &format!("four plain words here{}", key::ENTER));
    browser.wait_text("Before you begin");
    visit.look("agreements");
    visit.by_keyboard("agreements");
    browser.click("Accept");
    browser.wait(".frame");
    visit.sign_out();
    visit.is_clean("the way in");
}
