//! Passkeys in a real browser, with an authenticator that ChromeDriver plays.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use ureq::http::Request;

use super::client::{PASSWORD, Server, word_of};

/// A browser without a window, driven over WebDriver (<https://www.w3.org/TR/webdriver2/>).
struct Browser {
    driver: Child,
    agent: ureq::Agent,
    /// Address of the session.
    session: String,
    _profile: tempfile::TempDir,
}

/// A program of this machine.
fn program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

impl Browser {
    /// `None`, with a line that says so, where there is no Chromium with its driver.
    fn start() -> Option<Self> {
        let (Some(driver), Some(chromium)) = (program("chromedriver"), program("chromium")) else {
            println!("skipped: there is no Chromium with ChromeDriver here");
            return None;
        };
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("ChromeDriver starts");
        let mut lines = BufReader::new(driver.stdout.take().expect("its output")).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, rest) = line.split_once("started successfully on port ")?;
                rest.trim_end_matches('.').parse::<u16>().ok()
            })
            .expect("the port of ChromeDriver");
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let profile = tempfile::tempdir().expect("a temporary folder");
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let mut browser = Self {
            driver,
            agent: config.into(),
            session: format!("http://127.0.0.1:{port}/session"),
            _profile: profile,
        };
        let profile = browser._profile.path().display();
        let options = json!({
            "binary": chromium,
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                format!("--user-data-dir={profile}"),
            ],
        });
        let capabilities = json!({ "webauthn:virtualAuthenticators": true, "goog:chromeOptions": options });
        let made = browser.post("", &json!({ "capabilities": { "alwaysMatch": capabilities } }));
        let id = made["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("a session: {made}"));
        browser.session = format!("{}/{id}", browser.session);
        Some(browser)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.session))
            .header("content-type", "application/json")
            .body(body.to_string())
            .expect("a request");
        let mut response = self.agent.run(request).expect("an answer of ChromeDriver");
        let text = response.body_mut().read_to_string().expect("its text");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        let value = answer["value"].clone();
        assert!(value["error"].is_null(), "{method} {path}: {value}");
        value
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.send("POST", path, body)
    }

    fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Plugs an authenticator in that keeps passkeys.
    fn add_authenticator(&self, verifies: Verifies) -> String {
        let authenticator = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserConsenting": true,
            "isUserVerified": verifies == Verifies::Yes,
        });
        let id = self.post("/webauthn/authenticator", &authenticator);
        id.as_str().expect("an id").to_owned()
    }

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

impl Drop for Browser {
    fn drop(&mut self) {
        let request = Request::builder().method("DELETE").uri(&self.session).body(());
        // The driver ends the browser; without it, both end with this process's children.
        drop(request.map(|request| self.agent.run(request)));
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verifies {
    Yes,
    No,
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
