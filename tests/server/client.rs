//! The real server on a port of its own, and clients of it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::http::{Method, Request, Response};

/// A running server with data of its own; stopped when the test is over.
pub(crate) struct Server {
    child: Option<Child>,
    pub(crate) base: String,
    pub(crate) folder: Arc<tempfile::TempDir>,
    /// Name of the folder of the data in `folder`.
    data: &'static str,
    options: Vec<String>,
    /// Environment variables.
    variables: Vec<(String, String)>,
}

impl Server {
    /// A demonstration: links are shown, one factor is enough.
    pub(crate) fn demo() -> Self {
        Self::with(&["--demo"])
    }

    pub(crate) fn with(options: &[&str]) -> Self {
        Self::in_environment(options, Vec::new())
    }

    pub(crate) fn in_environment(options: &[&str], variables: Vec<(String, String)>) -> Self {
        Self::within(&std::env::temp_dir(), options, variables)
    }

    /// With data in memory, where the machine has a place for that: thousands of changes wait for no disk.
    pub(crate) fn in_memory(options: &[&str]) -> Self {
        let memory = Path::new("/dev/shm");
        match memory.is_dir() {
            true => Self::within(memory, options, Vec::new()),
            false => Self::with(options),
        }
    }

    fn within(place: &Path, options: &[&str], variables: Vec<(String, String)>) -> Self {
        let mut server = Self {
            child: None,
            base: String::new(),
            folder: Arc::new(tempfile::tempdir_in(place).expect("a temporary folder")),
            data: "data",
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            variables,
        };
        server.start();
        server
    }

    /// Another one over the same data.
    pub(crate) fn beside(other: &Self) -> Self {
        let mut server = Self {
            child: None,
            base: String::new(),
            folder: Arc::clone(&other.folder),
            data: other.data,
            options: other.options.clone(),
            variables: other.variables.clone(),
        };
        server.start();
        server
    }

    /// One with the key of another, and a folder for data in which nothing is; it does not run yet.
    pub(crate) fn elsewhere(other: &Self, data: &'static str) -> Self {
        Self {
            child: None,
            base: String::new(),
            folder: Arc::clone(&other.folder),
            data,
            options: other.options.clone(),
            variables: other.variables.clone(),
        }
    }

    /// Starts the program over the data that there are.
    pub(crate) fn start(&mut self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_vitrine"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(&self.options)
            .envs(self.variables.clone())
            .arg("--data")
            .arg(self.data())
            .arg("--key-file")
            .arg(self.folder.path().join("key/root.key"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let line = lines.next().expect("a line").expect("text");
        self.base = line
            .strip_prefix("listening at ")
            .expect("the address")
            .to_owned();
        self.child = Some(child);
    }

    /// What the program was told.
    pub(crate) fn options(&self) -> &[String] {
        &self.options
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join(self.data)
    }

    /// Another option, from the next start on.
    pub(crate) fn option(&mut self, option: &str) {
        self.options.push(option.to_owned());
    }

    /// Ends the program at once, as a loss of power would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the program is killed");
            child.wait().expect("the program has ended");
        }
    }

    /// Asks the program to stop, and waits for it.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let asked = Command::new("kill").arg(child.id().to_string()).status();
            assert!(asked.expect("kill runs").success());
            assert!(child.wait().expect("the program has ended").success());
        }
    }

    /// Somebody without a cookie.
    pub(crate) fn visitor(&self) -> Client {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        Client {
            agent: config.into(),
            base: self.base.clone(),
            cookie: None,
        }
    }

    /// Signs a practice up; gives its administrator, signed in, with the terms accepted, and its identifier.
    pub(crate) fn practice(&self, email: &str) -> (Client, String) {
        let visitor = self.visitor();
        let answer = visitor.post(
            "/api/practices",
            &json!({ "practice": "Praxis am Park", "name": "Dr. Adler", "email": email, "password": PASSWORD }),
        );
        assert_eq!(answer.status, 202, "{answer:?}");
        let word = word_of(&answer.json["demo_link"]);
        let verified = visitor.post("/api/verify", &json!({ "word": word }));
        assert_eq!(verified.status, 204, "{verified:?}");
        let client = self.sign_in(email);
        let me = client.get("/api/me");
        let practice = me.json["memberships"][0]["practice"]
            .as_str()
            .expect("a practice");
        (client, practice.to_owned())
    }

    /// The word of the link in the only mail that was sent, to confirm an address.
    pub(crate) fn mailed_word(&self) -> String {
        let outbox = self.folder.path().join("data-outbox");
        let mails: Vec<PathBuf> = std::fs::read_dir(&outbox)
            .expect("the outbox")
            .map(|entry| entry.expect("a mail").path())
            .collect();
        let [mail] = mails.as_slice() else {
            panic!("one mail, not {}", mails.len());
        };
        let mail = std::fs::read_to_string(mail).expect("the mail");
        let link = mail.lines().find(|line| line.contains("/link/verify#"));
        word_of(&json!(link.expect("a link")))
    }

    /// Takes an invitation up and signs in.
    pub(crate) fn accept(&self, email: &str, mailed: &Value) -> Client {
        let word = word_of(&mailed["demo_link"]);
        let accepted = self.visitor().post(
            "/api/accept",
            &json!({ "word": word, "name": "Invited", "password": PASSWORD }),
        );
        assert_eq!(accepted.status, 204, "{accepted:?}");
        self.sign_in(email)
    }

    /// Signs in with the password of all tests and accepts the terms.
    pub(crate) fn sign_in(&self, email: &str) -> Client {
        let mut client = self.visitor();
        client.sign_in(&json!({ "email": email, "password": PASSWORD }));
        client.accept_terms();
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The password of everybody in these tests.
pub(crate) const PASSWORD: &str = "four plain words here";

/// What a mailed link holds.
pub(crate) fn word_of(link: &Value) -> String {
    let link = link.as_str().expect("a link");
    link.split_once('#').expect("a word in the link").1.to_owned()
}

/// Somebody who talks to the server.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    pub(crate) base: String,
    pub(crate) cookie: Option<String>,
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The body, where it is JSON.
    pub(crate) json: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    pub(crate) fn id(&self) -> String {
        self.json["id"]
            .as_str()
            .unwrap_or_else(|| panic!("an id: {self:?}"))
            .to_owned()
    }
}

impl Client {
    /// The same person at a server that was started anew.
    pub(crate) fn at(&self, server: &Server) -> Self {
        Self {
            cookie: self.cookie.clone(),
            ..server.visitor()
        }
    }

    pub(crate) fn call(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
        self.attempt(method, path, headers, body).expect("an answer")
    }

    /// The answer, unless the server is gone.
    pub(crate) fn attempt(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Option<Reply> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let request = request.body(body).expect("a request");
        let mut response: Response<ureq::Body> = self.agent.run(request).ok()?;
        let body = response
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_to_vec()
            .ok()?;
        Some(Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            json: serde_json::from_slice(&body).unwrap_or(Value::Null),
            body,
        })
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, &[], Vec::new())
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path, &[], Vec::new())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, body)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PUT, path, body)
    }

    fn send(&self, method: Method, path: &str, body: &Value) -> Reply {
        let kind = [("content-type", "application/json")];
        self.call(method, path, &kind, body.to_string().into_bytes())
    }

    /// Signs in and keeps the cookie.
    pub(crate) fn sign_in(&mut self, proofs: &Value) {
        let answer = self.post("/api/sign-in", proofs);
        assert_eq!(answer.status, 200, "{answer:?}");
        self.keep_cookie(&answer);
    }

    pub(crate) fn keep_cookie(&mut self, answer: &Reply) {
        let cookie = answer.header("set-cookie");
        for word in [
            "__Host-vitrine=",
            "Secure",
            "HttpOnly",
            "SameSite=Strict",
            "Path=/",
        ] {
            assert!(cookie.contains(word), "{cookie}");
        }
        self.cookie = cookie.split(';').next().map(str::to_owned);
    }

    pub(crate) fn accept_terms(&self) {
        let me = self.get("/api/me");
        for agreement in me.json["pending_agreements"].as_array().expect("agreements") {
            let accepted = self.post("/api/me/agreements", agreement);
            assert_eq!(accepted.status, 204, "{accepted:?}");
        }
    }

    /// A patient and a case of the patient.
    pub(crate) fn patient_and_case(&self, practice: &str) -> (String, String) {
        let patient = self.post(
            &format!("/api/practices/{practice}/patients"),
            &json!({ "name": "Zyxwander, Quirina", "born": "1990-02-03" }),
        );
        assert_eq!(patient.status, 201, "{patient:?}");
        let case = self.post(
            &format!("/api/patients/{}/cases", patient.id()),
            &json!({ "title": "Mandible, Plannedword", "date": "2026-12-01" }),
        );
        assert_eq!(case.status, 201, "{case:?}");
        (patient.id(), case.id())
    }

    /// Opens a set of uploads.
    pub(crate) fn open_set(&self, case: &str) -> String {
        let set = self.post(
            &format!("/api/cases/{case}/upload-sets"),
            &json!({ "biometric": "no" }),
        );
        assert_eq!(set.status, 201, "{set:?}");
        set.id()
    }

    /// Sends whole files in one request.
    pub(crate) fn send_many(&self, set: &str, files: &[(String, Vec<u8>)]) -> Reply {
        self.attempt_many(set, files).expect("an answer")
    }

    /// The same, unless the server is gone.
    pub(crate) fn attempt_many(&self, set: &str, files: &[(String, Vec<u8>)]) -> Option<Reply> {
        let mut body = Vec::new();
        for (path, content) in files {
            body.extend_from_slice(&u32::try_from(path.len()).unwrap().to_le_bytes());
            body.extend_from_slice(&(content.len() as u64).to_le_bytes());
            body.extend_from_slice(path.as_bytes());
            body.extend_from_slice(content);
        }
        let kind = [("content-type", "application/vnd.vitrine.files")];
        self.attempt(Method::POST, &format!("/api/upload-sets/{set}/many"), &kind, body)
    }

    /// Closes a set and waits until it is ingested.
    pub(crate) fn ingest(&self, set: &str) -> Value {
        let closed = self.call(
            Method::POST,
            &format!("/api/upload-sets/{set}/close"),
            &[],
            Vec::new(),
        );
        assert_eq!(closed.status, 202, "{closed:?}");
        self.wait_for(set)
    }

    pub(crate) fn wait_for(&self, set: &str) -> Value {
        let start = Instant::now();
        loop {
            let seen = self.get(&format!("/api/upload-sets/{set}"));
            assert_eq!(seen.status, 200, "{seen:?}");
            match seen.json["job"]["state"].as_str() {
                Some("done" | "failed") => return seen.json["job"].clone(),
                _ => assert!(start.elapsed() < Duration::from_secs(120), "{seen:?}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Client {
    /// Listens to events: each as its name and its data, and when it came.
    pub(crate) fn listen(&self) -> std::sync::mpsc::Receiver<(String, Value, Instant)> {
        let host = self.base.strip_prefix("http://").expect("an address");
        let mut stream = TcpStream::connect(host).expect("a connection");
        write!(
            stream,
            "GET /api/events HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\n\r\n",
            self.cookie.as_deref().unwrap_or_default()
        )
        .expect("a request");
        let mut lines = BufReader::new(stream).lines();
        let status = lines.next().expect("a status").expect("text");
        assert!(status.contains(" 200 "), "{status}");
        let (told, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut name = String::new();
            for line in lines.map_while(Result::ok) {
                if let Some(event) = line.strip_prefix("event: ") {
                    event.clone_into(&mut name);
                } else if let Some(data) = line.strip_prefix("data: ") {
                    let data = serde_json::from_str(data).unwrap_or(Value::Null);
                    if told.send((name.clone(), data, Instant::now())).is_err() {
                        return;
                    }
                }
            }
        });
        heard
    }
}

/// The files right in a folder, by their names below `stem`, as browsers send those of a folder.
pub(crate) fn files_as_sent(folder: &Path, stem: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = files_below(folder)
        .into_iter()
        .map(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            (format!("{stem}/{name}"), std::fs::read(&path).expect("a file"))
        })
        .collect();
    files.sort();
    files
}

/// All files below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}
