//! A browser without a window, driven over WebDriver (<https://www.w3.org/TR/webdriver2/>): it clicks, types and looks as a
//! person does, and tells what went wrong in it.

use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::http::Request;

/// How long a page may take to show something.
const PATIENCE: Duration = Duration::from_secs(20);
/// How WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys as WebDriver writes them.
pub(crate) mod key {
    pub(crate) const TAB: &str = "\u{E004}";
    pub(crate) const ENTER: &str = "\u{E007}";
    pub(crate) const ESCAPE: &str = "\u{E00C}";
    pub(crate) const DELETE: &str = "\u{E017}";
}

/// A browser; it ends with its value.
pub(crate) struct Browser {
    driver: Child,
    agent: ureq::Agent,
    /// Address of the session.
    session: String,
    /// Where its profile and what it downloads lie.
    folder: tempfile::TempDir,
    /// Clicks and keystroke groups so far.
    acts: Cell<usize>,
}

/// Something on a page.
#[derive(Clone, Debug)]
pub(crate) struct Element(String);

/// Which colors the person prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Light,
    Dark,
}

/// A program of this machine.
fn program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

impl Browser {
    /// `None`, with a line that says so, where there is no Chromium with its driver.
    pub(crate) fn start() -> Option<Self> {
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
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let mut browser = Self {
            driver,
            agent: config.into(),
            session: format!("http://127.0.0.1:{port}/session"),
            folder: tempfile::tempdir().expect("a temporary folder"),
            acts: Cell::new(0),
        };
        let made = browser.post(
            "",
            &json!({ "capabilities": { "alwaysMatch": browser.wishes(&chromium) } }),
        );
        let id = made["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("a session: {made}"));
        browser.session = format!("{}/{id}", browser.session);
        let downloads = json!({ "behavior": "allow", "downloadPath": browser.downloads() });
        browser.devtools("Browser.setDownloadBehavior", &downloads);
        // What its own first page asks for is not of the pages that are looked at.
        browser.open("about:blank");
        browser.requests();
        Some(browser)
    }

    fn wishes(&self, chromium: &Path) -> Value {
        let profile = self.folder.path().join("profile");
        let options = json!({
            "binary": chromium,
            "args": [
                "--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run",
                // Draws by WebGPU, and on the screen, without a GPU.
                "--enable-unsafe-webgpu", "--enable-features=Vulkan,WebGPU", "--use-vulkan=swiftshader",
                "--use-webgpu-adapter=swiftshader", "--ignore-gpu-blocklist", "--use-angle=vulkan",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en-US", "--window-size=1440,900",
                format!("--user-data-dir={}", profile.display()),
            ],
            "perfLoggingPrefs": { "enableNetwork": true, "enablePage": false },
        });
        json!({
            "webauthn:virtualAuthenticators": true,
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        })
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let value = self.try_send(method, path, body);
        assert!(value["error"].is_null(), "{method} {path}: {value}");
        value
    }

    fn try_send(&self, method: &str, path: &str, body: &Value) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.session))
            .header("content-type", "application/json");
        let body = if method == "GET" {
            String::new()
        } else {
            body.to_string()
        };
        let request = request.body(body).expect("a request");
        let mut response = self.agent.run(request).expect("an answer of ChromeDriver");
        let text = response
            .body_mut()
            .with_config()
            .limit(1 << 28)
            .read_to_string()
            .expect("its text");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        answer["value"].clone()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.send("POST", path, body)
    }

    /// A command of the browser's own protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post(
            "/goog/cdp/execute",
            &json!({ "cmd": command, "params": parameters }),
        )
    }

    /// The process that the browser's are below.
    pub(crate) fn driver_id(&self) -> u32 {
        self.driver.id()
    }

    /// Opens an address.
    pub(crate) fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Runs a function's body in the page; `arguments[0]` is what is given.
    pub(crate) fn evaluate(&self, body: &str, given: &Value) -> Value {
        self.post("/execute/sync", &json!({ "script": body, "args": [given] }))
    }

    /// Plugs an authenticator in that keeps passkeys.
    pub(crate) fn add_authenticator(&self, verifies: Verifies) -> String {
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

    /// As large as that, in CSS pixels.
    pub(crate) fn size(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// In these colors, and without motion, so that pictures are the same each time.
    pub(crate) fn prefer(&self, scheme: Scheme) {
        let word = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let features = json!([
            { "name": "prefers-color-scheme", "value": word },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Where downloads lie.
    fn downloads(&self) -> PathBuf {
        self.folder.path().join("downloads")
    }

    /// The names of files that were downloaded.
    pub(crate) fn downloaded(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.downloads()).into_iter().flatten();
        entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect()
    }
}

/// Whether an authenticator knows who uses it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verifies {
    Yes,
    No,
}

/// What a person sees and does.
impl Browser {
    /// Clicks and keystroke groups so far.
    pub(crate) fn acts(&self) -> usize {
        self.acts.get()
    }

    fn act(&self) {
        self.acts.set(self.acts.get() + 1);
    }

    fn found(&self, using: &str, value: &str) -> Option<Element> {
        let all = self.try_send("POST", "/elements", &json!({ "using": using, "value": value }));
        all.as_array()
            .into_iter()
            .flatten()
            .filter_map(|element| Some(Element(element[ELEMENT].as_str()?.to_owned())))
            .find(|element| {
                let shown = self.try_send("GET", &format!("/element/{}/displayed", element.0), &Value::Null);
                shown == true
            })
    }

    fn wait_for(&self, using: &str, value: &str) -> Element {
        let begun = Instant::now();
        loop {
            if let Some(element) = self.found(using, value) {
                return element;
            }
            if begun.elapsed() > PATIENCE {
                let text = self.evaluate("return document.body.innerText", &Value::Null);
                panic!(
                    "there is no {value} on the page:\n{}\n{:?}",
                    text.as_str().unwrap_or_default(),
                    self.complaints()
                );
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// The first shown element that a CSS selector finds, once there is one.
    pub(crate) fn wait(&self, css: &str) -> Element {
        self.wait_for("css selector", css)
    }

    /// Whether a CSS selector finds something now.
    pub(crate) fn has(&self, css: &str) -> bool {
        self.evaluate(
            "return document.querySelector(arguments[0]) !== null",
            &json!(css),
        ) == true
    }

    /// Waits until a text stands on the page.
    pub(crate) fn wait_text(&self, text: &str) -> Element {
        let path = format!("//*[text()[contains(normalize-space(.), {})]]", quoted(text));
        self.wait_for("xpath", &path)
    }

    /// A button or link by its name.
    pub(crate) fn named(&self, name: &str) -> Element {
        let name = quoted(name);
        let path = format!(
            "//*[self::button or self::a or self::label or self::summary][normalize-space(.)={name} or @aria-label={name} or @title={name}]"
        );
        self.wait_for("xpath", &path)
    }

    /// A field by the name above it.
    pub(crate) fn field(&self, name: &str) -> Element {
        let name = quoted(name);
        let path = format!(
            "//label[normalize-space(span)={name}]//*[self::input or self::select or self::textarea] \
             | //*[self::input or self::select or self::textarea][@aria-label={name} \
             or @aria-labelledby=//*[@id][normalize-space(.)={name}]/@id]"
        );
        self.wait_for("xpath", &path)
    }

    /// Clicks on something.
    pub(crate) fn click_on(&self, element: &Element) {
        self.act();
        let begun = Instant::now();
        loop {
            let answer = self.try_send("POST", &format!("/element/{}/click", element.0), &json!({}));
            // What moves into its place may be covered for a moment.
            if answer["error"] != "element click intercepted" {
                assert!(answer["error"].is_null(), "{answer}");
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{answer}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Clicks on a button or link by its name.
    pub(crate) fn click(&self, name: &str) {
        self.click_on(&self.named(name));
    }

    /// Types where the focus is: one group of keystrokes.
    pub(crate) fn keys(&self, text: &str) {
        self.act();
        let active = self.send("GET", "/element/active", &Value::Null);
        let id = active[ELEMENT].as_str().expect("a focused element").to_owned();
        self.post(&format!("/element/{id}/value"), &json!({ "text": text }));
    }

    /// Presses a key, whatever has the focus.
    pub(crate) fn press(&self, key: &str) {
        self.act();
        let actions = json!({ "actions": [{
            "type": "key", "id": "keyboard",
            "actions": [{ "type": "keyDown", "value": key }, { "type": "keyUp", "value": key }],
        }] });
        self.post("/actions", &actions);
    }

    /// The name of what has the focus.
    pub(crate) fn focused(&self) -> String {
        let body = "const e = document.activeElement; const l = e.closest('label');
            return (e.getAttribute('aria-label') || (l && l.querySelector('span') || l || e).innerText || e.tagName).trim()";
        self.evaluate(body, &Value::Null)
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Types into the focused field, which must have this name.
    pub(crate) fn fill_focused(&self, name: &str, text: &str) {
        let begun = Instant::now();
        while self.focused() != name {
            assert!(
                begun.elapsed() < PATIENCE,
                "{name} should have the focus, {} has",
                self.focused()
            );
            std::thread::sleep(Duration::from_millis(30));
        }
        self.keys(text);
    }

    /// Types into a field by its name, in place of what is there.
    pub(crate) fn fill(&self, name: &str, text: &str) {
        let field = self.field(name);
        self.try_send("POST", &format!("/element/{}/clear", field.0), &json!({}));
        self.add(name, text);
    }

    /// Types into a field by its name, after what is there.
    pub(crate) fn add(&self, name: &str, text: &str) {
        self.act();
        let field = self.field(name);
        self.post(&format!("/element/{}/value", field.0), &json!({ "text": text }));
    }

    /// Chooses one of some choices by its value.
    pub(crate) fn choose(&self, name: &str, value: &str) {
        self.act();
        let field = self.field(name);
        let path = format!("./option[@value={}]", quoted(value));
        self.click_inside(&field, &path);
    }

    /// Chooses one of some choices by what it says.
    pub(crate) fn choose_text(&self, name: &str, text: &str) {
        self.act();
        let field = self.field(name);
        self.click_inside(&field, &format!("./option[normalize-space(.)={}]", quoted(text)));
    }

    fn click_inside(&self, element: &Element, path: &str) {
        let body = json!({ "using": "xpath", "value": path });
        let found = self.post(&format!("/element/{}/element", element.0), &body);
        let id = found[ELEMENT].as_str().expect("an element inside");
        self.post(&format!("/element/{id}/click"), &json!({}));
    }

    /// An attribute of an element.
    pub(crate) fn attribute(&self, element: &Element, name: &str) -> String {
        let value = self.send(
            "GET",
            &format!("/element/{}/attribute/{name}", element.0),
            &Value::Null,
        );
        value.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until something holds.
    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < PATIENCE, "{what}: {:?}", self.complaints());
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Whether a button or link has this name now.
    pub(crate) fn has_named(&self, name: &str) -> bool {
        let path = format!(
            "//*[self::button or self::a][normalize-space(.)={}]",
            quoted(name)
        );
        self.found("xpath", &path).is_some()
    }

    /// Gives files or a folder to a field for files, shown or not.
    pub(crate) fn choose_files(&self, css: &str, paths: &[&Path]) {
        self.act();
        self.wait_until(css, || self.has(css));
        let found = self.post("/element", &json!({ "using": "css selector", "value": css }));
        let id = found[ELEMENT].as_str().expect("a field for files").to_owned();
        let text: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        self.post(
            &format!("/element/{id}/value"),
            &json!({ "text": text.join("\n") }),
        );
    }

    /// Where something lies in the page: its left upper corner and its size, CSS pixels.
    fn place_of(&self, css: &str) -> [f64; 4] {
        let element = self.wait(css);
        let rect = self.send("GET", &format!("/element/{}/rect", element.0), &Value::Null);
        ["x", "y", "width", "height"].map(|name| rect[name].as_f64().unwrap_or(0.0))
    }

    /// Clicks at a part of the width and height of something.
    pub(crate) fn click_at(&self, css: &str, x: f64, y: f64) {
        let [_, _, width, height] = self.place_of(css);
        self.click_in(css, [width * x, height * y]);
    }

    /// Clicks in something, so many CSS pixels from its left upper corner.
    pub(crate) fn click_in(&self, css: &str, at: [f64; 2]) {
        self.act();
        let [left, top, ..] = self.place_of(css);
        let (x, y) = ((left + at[0]).round(), (top + at[1]).round());
        let actions = json!({ "actions": [{
            "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" },
            "actions": [
                { "type": "pointerMove", "x": x, "y": y, "duration": 0 },
                { "type": "pointerDown", "button": 0 },
                { "type": "pointerUp", "button": 0 },
            ],
        }] });
        self.post("/actions", &actions);
    }

    /// The page as a picture, kept below `target/screens`.
    pub(crate) fn picture(&self, name: &str) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../screens");
        std::fs::create_dir_all(&folder).expect("a folder for pictures");
        let text = self.send("GET", "/screenshot", &Value::Null);
        let png = data_encoding::BASE64
            .decode(text.as_str().unwrap_or_default().as_bytes())
            .expect("base 64");
        std::fs::write(folder.join(format!("{name}.png")), png).expect("the picture is kept");
    }
}

/// What went wrong.
impl Browser {
    fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.post("/se/log", &json!({ "type": kind }));
        entries.as_array().cloned().unwrap_or_default()
    }

    /// Errors and warnings of the console since it was asked last; refusals of the content security policy are among them.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.log("browser")
            .iter()
            .filter(|entry| matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING")))
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Requests since it was asked last: the address of each, and the bytes that came over the wire.
    pub(crate) fn requests(&self) -> Vec<(String, u64)> {
        let messages: Vec<Value> = self
            .log("performance")
            .iter()
            .filter_map(|entry| serde_json::from_str::<Value>(entry["message"].as_str()?).ok())
            .map(|entry| entry["message"].clone())
            .collect();
        let sizes: std::collections::HashMap<&str, u64> = messages
            .iter()
            .filter(|message| message["method"] == "Network.loadingFinished")
            .filter_map(|message| {
                let parameters = &message["params"];
                let bytes = parameters["encodedDataLength"].as_f64()?;
                Some((parameters["requestId"].as_str()?, bytes as u64))
            })
            .collect();
        messages
            .iter()
            .filter(|message| message["method"] == "Network.requestWillBeSent")
            .filter_map(|message| {
                let parameters = &message["params"];
                let url = parameters["request"]["url"].as_str()?.to_owned();
                let bytes = sizes.get(parameters["requestId"].as_str()?).copied().unwrap_or(0);
                Some((url, bytes))
            })
            .collect()
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

/// A text in XPath.
fn quoted(text: &str) -> String {
    match text.contains('\'') {
        false => format!("'{text}'"),
        true => format!("\"{text}\""),
    }
}
