//! A server of the demonstration while it is set up, and people who talk to it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use ureq::http::Request;

/// How long an upload may be worked on.
const PATIENCE: Duration = Duration::from_secs(600);

/// A running server; it is asked to stop when this goes.
pub(super) struct Server {
    child: Child,
    base: String,
}

impl Server {
    /// Starts `vitrine serve`, at a port of its own.
    pub(super) fn start(mut command: Command) -> Result<Self> {
        let mut child = command
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .context("the server could not be started")?;
        let out = child.stdout.take().context("what the server prints")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let base = line.trim().strip_prefix("listening at ").unwrap_or_default();
        let base = base.to_owned();
        if base.is_empty() {
            child.kill()?;
            bail!("the server did not start");
        }
        Ok(Self { child, base })
    }

    /// Asks it to stop and waits.
    pub(super) fn stop(mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        Command::new("kill").arg(pid).status()?;
        let ended = self.child.wait()?;
        anyhow::ensure!(ended.success(), "the server ended with {ended}");
        Ok(())
    }

    /// Somebody who is not signed in.
    pub(super) fn visitor(&self) -> Person {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        Person {
            agent: config.into(),
            base: self.base.clone(),
            cookie: None,
        }
    }

    /// Signs in and accepts the agreements.
    pub(super) fn sign_in(&self, email: &str) -> Result<Person> {
        let mut person = self.visitor();
        person.post(
            "/api/sign-in",
            &json!({ "email": email, "password": super::PASSWORD }),
        )?;
        let me = person.get("/api/me")?;
        for agreement in me["pending_agreements"].as_array().into_iter().flatten() {
            person.post("/api/me/agreements", agreement)?;
        }
        Ok(person)
    }

    /// Signs a practice up with its administrator.
    pub(super) fn sign_up(&self, practice: &str, name: &str, email: &str) -> Result<Person> {
        let mut visitor = self.visitor();
        let mailed = visitor.post(
            "/api/practices",
            &json!({ "practice": practice, "name": name, "email": email, "password": super::PASSWORD }),
        )?;
        visitor.post("/api/verify", &json!({ "word": word_of(&mailed)? }))?;
        self.sign_in(email)
    }

    /// Takes an invitation up, with a password where there is no account yet.
    pub(super) fn accept(&self, name: &str, email: &str, mailed: &Value) -> Result<Person> {
        let word = word_of(mailed)?;
        self.visitor().post(
            "/api/accept",
            &json!({ "word": word, "name": name, "password": super::PASSWORD }),
        )?;
        self.sign_in(email)
    }
}

/// What the link of a mail holds.
fn word_of(mailed: &Value) -> Result<String> {
    let link = mailed["demo_link"].as_str().context("a link")?;
    let (_, word) = link.split_once('#').context("a word in the link")?;
    Ok(word.to_owned())
}

/// Somebody who talks to the server.
pub(super) struct Person {
    agent: ureq::Agent,
    base: String,
    cookie: Option<String>,
}

impl Person {
    pub(super) fn get(&mut self, path: &str) -> Result<Value> {
        self.call("GET", path, "", Vec::new())
    }

    pub(super) fn put(&mut self, path: &str) -> Result<Value> {
        self.call("PUT", path, "", Vec::new())
    }

    pub(super) fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        self.call("POST", path, "application/json", body.to_string().into_bytes())
    }

    fn call(&mut self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> Result<Value> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("content-type", kind);
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let mut response = self.agent.run(request.body(body)?)?;
        let text = response.body_mut().read_to_string()?;
        if !response.status().is_success() {
            bail!("{method} {path} was answered with {}: {text}", response.status());
        }
        if let Some(cookie) = response.headers().get("set-cookie") {
            self.cookie = cookie.to_str()?.split(';').next().map(str::to_owned);
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Uploads files into a case and waits until they are ingested.
    pub(super) fn upload(&mut self, case: &str, biometric: &str, files: &[(String, Vec<u8>)]) -> Result<()> {
        let set = self.post(
            &format!("/api/cases/{case}/upload-sets"),
            &json!({ "biometric": biometric }),
        )?;
        let set = id(&set)?;
        for batch in files.chunks(50) {
            let mut body = Vec::new();
            for (path, content) in batch {
                body.extend_from_slice(&u32::try_from(path.len())?.to_le_bytes());
                body.extend_from_slice(&(content.len() as u64).to_le_bytes());
                body.extend_from_slice(path.as_bytes());
                body.extend_from_slice(content);
            }
            let path = format!("/api/upload-sets/{set}/many");
            self.call("POST", &path, "application/vnd.vitrine.files", body)?;
        }
        self.call("POST", &format!("/api/upload-sets/{set}/close"), "", Vec::new())?;
        let start = Instant::now();
        loop {
            let seen = self.get(&format!("/api/upload-sets/{set}"))?;
            match seen["job"]["state"].as_str() {
                Some("done") => return Ok(()),
                Some("failed") => bail!("an upload was not ingested: {}", seen["job"]["outcome"]),
                _ if start.elapsed() > PATIENCE => bail!("an upload takes too long: {seen}"),
                _ => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }
}

/// The identifier of an answer.
pub(super) fn id(answer: &Value) -> Result<String> {
    let id = answer["id"].as_str();
    Ok(id.with_context(|| format!("an id in {answer}"))?.to_owned())
}
