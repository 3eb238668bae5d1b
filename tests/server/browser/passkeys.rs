//! Passkeys in a real browser, with an authenticator that ChromeDriver plays.

use serde_json::{Value, json};

use super::super::client::{PASSWORD, Server, word_of};
use super::driver::{Browser, Verifies};

impl Browser {
    /// Runs statements in the page that end with `return`; `api` talks to its server.
    fn run(&self, statements: &str, arguments: &Value) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; const given = arguments[0];
             const api = async (path, body) => {{
                 const init = body === undefined ? {{}} : {{
                     method: 'POST',
                     headers: body === null ? {{}} : {{ 'content-type': 'application/json' }},
                     body: body === null ? null : JSON.stringify(body),
                 }};
                 const answer = await fetch(path, init);
                 const text = await answer.text();
                 return {{ status: answer.status, json: text === '' ? null : JSON.parse(text) }};
             }};
             (async () => {{ {statements} }})().then(done, error => done({{ thrown: String(error) }}));"
        );
        self.post(
            "/execute/async",
            &json!({ "script": script, "args": [arguments] }),
        )
    }
}

/// What a page does to set a passkey up.
const ENROLL: &str = "
    const begun = await api('/api/me/passkeys/start', null);
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(begun.json.options.publicKey);
    const made = await navigator.credentials.create({ publicKey });
    return await api('/api/me/passkeys/finish', { ceremony: begun.json.ceremony, credential: made.toJSON() });";

/// What a page does to sign in with one.
const SIGN_IN: &str = "
    const begun = await api('/api/sign-in/passkey/start', null);
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(begun.json.options.publicKey);
    const got = await navigator.credentials.get({ publicKey });
    return await api('/api/sign-in/passkey/finish', { ceremony: begun.json.ceremony, credential: got.toJSON() });";

#[test]
fn a_browser_signs_in_with_a_passkey() {
    let Some(browser) = Browser::start() else { return };
    // The demonstration shows links; what a passkey is worth is the same.
    let server = Server::demo();
    let visitor = server.visitor();
    let signed_up = visitor.post(
        "/api/practices",
        &json!({ "practice": "Praxis", "name": "A", "email": "a@example.org", "password": PASSWORD }),
    );
    let word = word_of(&signed_up.json["demo_link"]);
    assert_eq!(visitor.post("/api/verify", &json!({ "word": word })).status, 204);

    browser.open(&format!("{}/", server.base.replace("127.0.0.1", "localhost")));
    let authenticator = browser.add_authenticator(Verifies::Yes);
    let proofs = json!({ "email": "a@example.org", "password": PASSWORD });
    let signed_in = browser.run("return await api('/api/sign-in', given);", &proofs);
    assert_eq!(signed_in["status"], 200, "{signed_in}");
    let enrolled = browser.run(ENROLL, &Value::Null);
    assert_eq!(
        (&enrolled["status"], &enrolled["json"]["strength"]),
        (&json!(201), &json!("strong")),
        "{enrolled}"
    );
    let me = browser.run("return await api('/api/me');", &Value::Null);
    assert_eq!(me["json"]["strength"], "strong", "{me}");

    let signed_out = browser.run("return await api('/api/sign-out', null);", &Value::Null);
    assert_eq!(signed_out["status"], 204, "{signed_out}");
    let me = browser.run("return await api('/api/me');", &Value::Null);
    assert_eq!(me["status"], 401, "{me}");

    let signed_in = browser.run(SIGN_IN, &Value::Null);
    assert_eq!(
        (&signed_in["status"], &signed_in["json"]["strength"]),
        (&json!(200), &json!("strong")),
        "{signed_in}"
    );
    let me = browser.run("return await api('/api/me');", &Value::Null);
    assert_eq!(
        (&me["status"], &me["json"]["strength"]),
        (&json!(200), &json!("strong")),
        "{me}"
    );

    // Whoever holds the device without unlocking it is not let in, and neither is one with another device.
    browser.run("return await api('/api/sign-out', null);", &Value::Null);
    browser.send(
        "POST",
        &format!("/webauthn/authenticator/{authenticator}/uv"),
        &json!({ "isUserVerified": false }),
    );
    let refused = browser.run(SIGN_IN, &Value::Null);
    assert!(
        refused["thrown"].is_string() || refused["status"] == 401,
        "{refused}"
    );
    browser.send(
        "DELETE",
        &format!("/webauthn/authenticator/{authenticator}"),
        &json!({}),
    );
    browser.add_authenticator(Verifies::No);
    let refused = browser.run(SIGN_IN, &Value::Null);
    assert!(
        refused["thrown"].is_string() || refused["status"] == 401,
        "{refused}"
    );
    let me = browser.run("return await api('/api/me');", &Value::Null);
    assert_eq!(me["status"], 401, "{me}");
}
