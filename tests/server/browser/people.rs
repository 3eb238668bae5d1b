//! What people do on the pages about people: inviting, sharing, taking back, signing, reading what was done.

use serde_json::json;

use super::super::client::Server;
use super::driver::{Verifies, key};
use super::visit::{Visit, as_sent, phantom};

#[test]
fn people_share_and_take_back() {
    let Some(visit) = Visit::begin(&["--demo"]) else {
        return;
    };
    let browser = &visit.browser;
    let (ada, practice) = visit.server.practice("ada@example.org");
    let (patient, case) = ada.patient_and_case(&practice);
    let folder = tempfile::tempdir().unwrap();
    let set = ada.open_set(&case);
    assert_eq!(ada.send_many(&set, &as_sent(&phantom(folder.path()))).status, 201);
    assert_eq!(ada.ingest(&set)["state"], "done");
    visit.sign_in("ada@example.org");
    let has_member = |key: &str, value: &str| {
        let members = ada.get(&format!("/api/practices/{practice}/members"));
        let members = members.json.as_array().expect("members");
        members.iter().any(|member| member[key] == value)
    };

    // A member of the practice: invited, given another role, taken into a care team, deactivated.
    visit.open("/practice");
    browser.fill("Name", "Dr. Buchner");
    browser.fill("E-mail address", "buchner@example.org");
    browser.click("Send invitation");
    let link = browser.wait_text("open it");
    let href = browser.attribute(&link, "href");
    accept(&visit.server, &href);
    browser.post("/refresh", &json!({}));
    browser.choose("Role of Dr. Buchner", "staff");
    browser.wait_until("the role is changed", || has_member("role", "staff"));
    visit.open(&format!("/patients/{patient}"));
    browser.choose_text("Add to the care team", "Dr. Buchner");
    browser.click("Add");
    browser.wait_until("the care team has two", || {
        ada.get(&format!("/api/patients/{patient}/care-team"))
            .json
            .as_array()
            .unwrap()
            .len()
            == 2
    });
    visit.open("/practice");
    browser.click("Deactivate");
    browser.wait("dialog[open]");
    visit.look("sure");
    browser.click_on(&browser.wait("dialog[open] .danger"));
    browser.wait_until("the member is gone", || has_member("state", "left"));

    // A colleague of another practice: invited to a case until a day, the day changed, the access revoked.
    visit.open(&format!("/cases/{case}"));
    browser.click("Invite a colleague");
    browser.fill("Invite by e-mail", "curie@example.net");
    browser.click("Send invitation");
    let link = browser.wait_text("open it");
    accept(&visit.server, &browser.attribute(&link, "href"));
    let grants = || ada.get(&format!("/api/cases/{case}/grants")).json;
    browser.click("Change");
    browser.choose("Right", "annotate");
    browser.click("Save");
    browser.wait_until("the right is changed", || grants()[0]["right"] == "annotate");
    visit.look("grants");
    browser.click("Revoke access");
    browser.click_on(&browser.wait("dialog[open] .danger"));
    browser.wait_until("the access is revoked", || grants() == json!([]));

    // The patient: shared with, and no longer.
    browser.click("Share with the patient");
    browser.wait_text("The patient may look at this case.");
    browser.click("Stop sharing");
    browser.wait_text("The patient does not see this case.");

    // What was deleted comes back.
    browser.click("Files and more");
    browser.wait_text("48 files");
    browser.click("Delete item");
    browser.click_on(&browser.wait("dialog[open] .danger"));
    browser.wait_text("Nothing is in this case yet");
    browser.wait(".undo");
    visit.look("undo");
    browser.click("Undo");
    browser.wait(".item-card img");
    browser.click("Close the case");
    browser.wait_text("Reopen the case");
    browser.click("Delete the case");
    browser.click_on(&browser.wait("dialog[open] .danger"));
    browser.click("Undo");
    browser.wait_text("Reopen the case");

    // All of it stands in the audit trail, which can be narrowed.
    visit.open("/audit");
    browser.choose("What", "DeleteCase");
    browser.wait_until("only deletions are listed", || {
        let rows = browser.evaluate(
            "return [...document.querySelectorAll('tbody tr')].map(r => r.innerText)",
            &serde_json::Value::Null,
        );
        let rows = rows.as_array().unwrap();
        rows.len() == 1 && rows[0].as_str().unwrap().contains("deleted a case")
    });
    visit.is_clean("people");
}

/// Takes an invitation up, as its person in another browser.
fn accept(server: &Server, href: &str) {
    let word = href.split_once('#').expect("a word").1;
    let body = json!({ "word": word, "name": "Dr. Buchner", "password": "four plain words here" });
    let accepted = server.visitor().post("/api/accept", &body);
    assert_eq!(accepted.status, 204, "{accepted:?}");
}

#[test]
fn an_account_is_kept_by_its_owner() {
    let Some(visit) = Visit::begin(&["--demo"]) else {
        return;
    };
    let browser = &visit.browser;
    let (ada, practice) = visit.server.practice("ada@example.org");
    let (patient, _) = ada.patient_and_case(&practice);
    let invited = ada.post(
        &format!("/api/patients/{patient}/people"),
        &json!({ "email": "quirina@example.com", "name": "Quirina" }),
    );
    visit
        .server
        .accept("quirina@example.com", &invited.json["mailed"]);
    visit.sign_in("quirina@example.com");
    browser.add_authenticator(Verifies::Yes);

    // A passkey: added, named, used, removed.
    visit.open("/account");
    browser.click("Add a passkey");
    browser.click("Rename");
    browser.fill("What you call it", &format!("Phone{}", key::ENTER));
    browser.wait_text("Phone");
    visit.sign_out();
    browser.click("Sign in with a passkey");
    browser.wait(".frame");
    visit.open("/account");
    browser.wait_text("used");
    browser.click("Remove passkey");
    visit.look("passkey-sure");
    browser.keys(key::ESCAPE);
    browser.click("Remove passkey");
    browser.click_on(&browser.wait("dialog[open] .danger"));
    browser.wait_until("the passkey is gone", || {
        !browser.has("[aria-label='Remove passkey']")
    });

    // The other sign-in is ended from here.
    browser.click("End it");
    browser.wait_until("one sign-in is left", || {
        browser.evaluate(
            "return document.querySelectorAll('.rows .tag').length",
            &serde_json::Value::Null,
        ) == 1
            && !browser.has_named("End it")
    });

    // Another language, kept when the page is opened anew.
    browser.choose("Language", "de");
    browser.wait_text("Konto schließen");
    assert_eq!(
        browser.evaluate("return document.documentElement.lang", &serde_json::Value::Null),
        "de"
    );
    visit.look("account-german");
    browser.choose("Sprache", "en");
    browser.wait_text("Close the account");

    // The patient's own record: the release is signed and withdrawn, a correction asked for.
    visit.open("/record");
    browser.click("Read and sign");
    browser.fill("Type your name to sign", "Quirina Zyxwander");
    browser.click("Sign");
    browser.wait_text("Quirina Zyxwander signed on");
    browser.click("Withdraw");
    browser.click_on(&browser.wait("dialog[open] .danger"));
    browser.wait_text("withdrawn");
    browser.fill("In your words", "My name is spelled with an x.");
    browser.click("Send the request");
    browser.wait_text("Your request is with the practice.");
    visit.sign_out();

    visit.sign_in("ada@example.org");
    visit.open(&format!("/patients/{patient}"));
    browser.fill("What is done, or why not", "It is corrected.");
    browser.click("Send the answer");
    browser.wait_text("It is corrected.");
    visit.is_clean("account");
}

#[test]
fn the_second_factor_can_be_a_passkey() {
    let Some(visit) = Visit::begin(&[]) else { return };
    let browser = &visit.browser;
    let signed_up = visit.server.visitor().post(
        "/api/practices",
        &json!({ "practice": "Praxis", "name": "Ada", "email": "ada@example.org", "password": "four plain words here" }),
    );
    assert_eq!(signed_up.status, 202, "{signed_up:?}");
    browser.add_authenticator(Verifies::Yes);
    visit.open(&format!("/link/verify#{}", visit.server.mailed_word()));
    browser.click("Go to sign-in");
    browser.fill_focused("E-mail address", &format!("ada@example.org{}", key::TAB));
    browser.fill_focused("Password", &format!("four plain words here{}", key::ENTER));
    browser.click("Accept");
    browser.wait_text("One more step");
    visit.look("second-factor");
    visit.by_keyboard("second-factor");
    browser.click("Set up a passkey");
    browser.wait(".frame");
    visit.is_clean("second factor");
}
