//! A server of the benchmark's own, and a client that keeps its connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

const EMAIL: &str = "bench@example.org";
const PASSWORD: &str = "four plain words here";

/// A running server; its store goes with it.
pub(crate) struct Server {
    program: PathBuf,
    place: tempfile::TempDir,
    child: Child,
    host: String,
}

impl Server {
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let place = tempfile::Builder::new().prefix("vitrine-bench-").tempdir()?;
        let (child, host) = spawn(program, place.path())?;
        Ok(Self {
            program: program.to_owned(),
            place,
            child,
            host,
        })
    }

    /// Stops it, lets `work` have its folder (data in `data`, key in `key/root.key`), and starts it again.
    pub(crate) fn pause<T>(&mut self, work: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
        self.end()?;
        let done = work(self.place.path())?;
        (self.child, self.host) = spawn(&self.program, self.place.path())?;
        Ok(done)
    }

    fn end(&mut self) -> Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        self.child.wait()?;
        Ok(())
    }

    pub(crate) fn client(&self, cookie: Option<&str>) -> Result<Client> {
        Client::connect(&self.host, cookie)
    }

    /// Signs a practice up; gives its administrator and its identifier.
    pub(crate) fn practice(&self) -> Result<(Client, String)> {
        let mut client = self.client(None)?;
        let mailed = client.post(
            "/api/practices",
            &json!({ "practice": "Bench", "name": "Bench", "email": EMAIL, "password": PASSWORD }),
        )?;
        let word = word_of(&mailed)?;
        client.post("/api/verify", &json!({ "word": word }))?;
        sign_in(&mut client, EMAIL)?;
        let me = client.get("/api/me")?;
        let practice = me["memberships"][0]["practice"].as_str().context("a practice")?;
        Ok((client, practice.to_owned()))
    }

    /// Another administrator of the practice, whom `administrator` invites; `number` tells them apart.
    pub(crate) fn colleague(
        &self,
        administrator: &mut Client,
        practice: &str,
        number: usize,
    ) -> Result<Client> {
        let email = format!("bench{number}@example.org");
        let invited = administrator.post(
            &format!("/api/practices/{practice}/members"),
            &json!({ "email": email, "name": "Bench", "role": "administrator" }),
        )?;
        let word = word_of(&invited["mailed"])?;
        let mut client = self.client(None)?;
        client.post(
            "/api/accept",
            &json!({ "word": word, "name": "Bench", "password": PASSWORD }),
        )?;
        sign_in(&mut client, &email)?;
        Ok(client)
    }

    /// Where it listens.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The most memory that the server has had, bytes.
    pub(crate) fn peak_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line
            .and_then(|line| line.split_whitespace().nth(1))
            .context("VmHWM")?;
        Ok(kib.parse::<u64>()? * 1024)
    }

    /// Seconds of processor time that the server has taken.
    pub(crate) fn cpu_secs(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = stat.rsplit_once(')').context("fields")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks / 100.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it cannot be stopped there is nothing else to try.
        let _ = self.end();
    }
}

/// The word in the link of a mail that the server tells.
fn word_of(mailed: &Value) -> Result<&str> {
    let link = mailed["demo_link"].as_str().context("a link")?;
    link.split('#').nth(1).context("a word")
}

/// Signs in and accepts what is to be accepted.
fn sign_in(client: &mut Client, email: &str) -> Result<()> {
    client.post("/api/sign-in", &json!({ "email": email, "password": PASSWORD }))?;
    let me = client.get("/api/me")?;
    for agreement in me["pending_agreements"].as_array().into_iter().flatten() {
        client.post("/api/me/agreements", agreement)?;
    }
    Ok(())
}

fn spawn(program: &Path, place: &Path) -> Result<(Child, String)> {
    let mut child = Command::new(program)
        .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--data"])
        .arg(place.join("data"))
        .arg("--key-file")
        .arg(place.join("key/root.key"))
        .env("VITRINE_LOG", "error")
        .stdout(Stdio::piped())
        .spawn()
        .context("the server could not be started")?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("its output")?).read_line(&mut line)?;
    let host = line.trim().rsplit("//").next().unwrap_or_default().to_owned();
    ensure!(!host.is_empty(), "the server did not start");
    Ok((child, host))
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header, by its name in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// A client with a connection that it keeps.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    host: String,
    pub(crate) cookie: Option<String>,
}

impl Client {
    fn connect(host: &str, cookie: Option<&str>) -> Result<Self> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::with_capacity(64 << 10, stream),
            host: host.to_owned(),
            cookie: cookie.map(str::to_owned),
        })
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Value> {
        let answer = self.call("GET", path, &[], b"")?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        let kind = [("content-type", "application/json")];
        let answer = self.call("POST", path, &kind, body.to_string().as_bytes())?;
        Ok(serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    /// Asks and reads the answer, which must say that it was done.
    pub(crate) fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer> {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n",
            self.host,
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(cookie) = &self.cookie {
            head.push_str(&format!("cookie: {cookie}\r\n"));
        }
        head.push_str("\r\n");
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let answer = self.answer()?;
        if !answer.head.starts_with("HTTP/1.1 2") {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            bail!(
                "{method} {path}: {} {text}",
                answer.head.lines().next().unwrap_or_default()
            );
        }
        if let Some(cookie) = answer.header("set-cookie") {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        Ok(answer)
    }

    fn answer(&mut self) -> Result<Answer> {
        let mut head = String::new();
        loop {
            let start = head.len();
            ensure!(
                self.stream.read_line(&mut head)? > 0,
                "the server closed the connection"
            );
            if head[start..].trim().is_empty() {
                break;
            }
        }
        let mut answer = Answer {
            head: head.replace('\r', ""),
            body: Vec::new(),
        };
        let len = answer.header("content-length").map_or(Ok(0), str::parse)?;
        answer.body.resize(len, 0);
        self.stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }
}
