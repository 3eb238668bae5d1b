//! An item is laid onto another in the case viewer, and seen there in one scene: by who uploaded both, and by a guest
//! who gets pictures.

use serde_json::{Value, json};

use super::super::registrations::{add, face, guest, head};
use super::driver::Browser;
use super::visit::Visit;

/// Remembers the picture in space; gives the parts of it that are bright, and that differ from what was remembered before.
const LOOK: &str = "const shown = document.querySelector('[data-pane=space] canvas');
     const copy = document.createElement('canvas');
     copy.width = shown.width; copy.height = shown.height;
     const context = copy.getContext('2d');
     context.drawImage(shown, 0, 0);
     const data = context.getImageData(0, 0, copy.width, copy.height).data;
     const before = window.remembered || data;
     let bright = 0, other = 0;
     for (let at = 0; at < data.length; at += 4) {
        if (data[at] > 90) bright++;
        if (before.length !== data.length || Math.abs(data[at] - before[at]) > 24) other++;
     }
     if (arguments[0] === 'remember') window.remembered = data;
     return [bright, other].map(n => n / (data.length / 4))";

fn remember(browser: &Browser) {
    browser.evaluate(LOOK, &json!("remember"));
}

/// Waits for another picture than the remembered one in which something is seen.
fn wait_for_other(browser: &Browser, what: &str) {
    browser.wait_until(what, || {
        let seen = browser.evaluate(LOOK, &Value::Null);
        let part = |at: usize| seen[at].as_f64().unwrap_or_default();
        part(0) > 0.02 && part(1) > 0.01
    });
}

/// Waits for the volume, the two surfaces of the CT and that of the face.
fn wait_for_layers(browser: &Browser) {
    browser.wait_until("a layer of the face", || {
        let count = "return document.querySelectorAll('.layers li').length";
        browser.evaluate(count, &Value::Null) == json!(4)
    });
}

/// Shows the volume of the item, or no longer.
fn toggle_volume(browser: &Browser) {
    browser.click_on(&browser.wait(".layers input[type=checkbox]"));
}

#[test]
fn a_face_is_laid_onto_a_ct_and_seen_in_one_scene() {
    let Some(visit) = Visit::begin(&["--demo"]) else {
        return;
    };
    let browser = &visit.browser;
    let (ada, case) = visit.case();
    let ct = add(&ada, &case, &head("Head"));
    let scan = add(&ada, &case, &face());
    visit.sign_in("ada@example.org");
    visit.open(&format!("/cases/{case}/view"));
    browser.wait(".viewer[data-fraction='1.000']");
    // The surgeon lays the scan onto the CT that is open; what is found is seen before it is kept.
    assert!(
        !browser.has("[data-test=add]"),
        "they do not lie in one space yet"
    );
    browser.click_on(&browser.wait("[data-test=lay]"));
    browser.click("Find the place");
    browser.wait_text("Only you see this until you keep it.");
    browser.wait_text("Apart where they meet");
    wait_for_layers(browser);
    // Without the volume, what is left in the scene of the CT is the face.
    remember(browser);
    toggle_volume(browser);
    wait_for_other(browser, "the face in the scene of the CT");
    visit.look_at_viewer("laid-preview");
    browser.size(1440, 900);
    let kept = |client: &super::super::client::Client| {
        let items = client.get(&format!("/api/cases/{case}/items")).json;
        let all = items.as_array().unwrap().iter();
        let found = all.filter(|item| item["id"] == scan.as_str());
        found.map(|item| item["registration"]["state"].clone()).next()
    };
    assert_eq!(kept(&ada), Some(json!("proposed")));
    browser.click("Keep");
    browser.wait("[data-test=laid]");
    browser.wait_until("it is kept", || kept(&ada) == Some(json!("kept")));
    assert!(!browser.has("[data-test=lay]"));
    visit.is_clean("laid");

    // Hidden by its button, and shown again.
    remember(browser);
    toggle_volume(browser);
    wait_for_other(browser, "the volume again");
    browser.click_on(&browser.wait("[data-test=add][aria-pressed=true]"));
    browser.click_on(&browser.wait("[data-test=add][aria-pressed=false]"));
    browser.wait("[data-test=add][aria-pressed=true]");

    // A guest sees the same in pictures from the server, and is not offered what the server refuses.
    drop(guest(&visit.server, &ada, &case, "see"));
    visit.open("/");
    visit.sign_out();
    visit.sign_in("see@example.net");
    visit.open(&format!("/cases/{case}/view/{ct}"));
    browser.wait(".viewer[data-ready='true']");
    assert!(!browser.has("[data-test=lay-apart]"));
    browser.click_on(&browser.wait("[data-test=add]"));
    browser.wait("[data-test=add][aria-pressed=true]");
    wait_for_layers(browser);
    remember(browser);
    toggle_volume(browser);
    wait_for_other(browser, "the face in a picture from the server");
    browser.picture("laid-guest-1440");
    visit.is_clean("laid-guest");
}
