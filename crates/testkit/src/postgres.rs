//! A throw-away PostgreSQL cluster for tests, with a database for each test that an ordinary role owns, as servers
//! should have it: row-level security holds for it.

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A running cluster. Stopped and removed when the last holder lets go.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    databases: AtomicU32,
}

/// Who runs the cluster, and may do everything in it.
const SUPERUSER: &str = "vitrine";
/// Who owns the databases, and may do nothing else.
const ORDINARY: &str = "vitrine_server";

static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

impl Cluster {
    /// The cluster of this process, started where it does not run; `None`, with a line that says so, where there is no
    /// PostgreSQL.
    ///
    /// # Panics
    /// When PostgreSQL is there and cannot be started.
    pub fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cluster) = shared.upgrade() {
            return Some(cluster);
        }
        let Some(programs) = programs() else {
            println!("skipped: there is no PostgreSQL here");
            return None;
        };
        let cluster = Arc::new(Self::start(programs).expect("PostgreSQL starts"));
        *shared = Arc::downgrade(&cluster);
        Some(cluster)
    }

    fn start(programs: PathBuf) -> io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = std::env::temp_dir().join(format!("vitrine-postgres-{}-{port}", std::process::id()));
        let cluster = Self {
            folder,
            programs,
            port,
            databases: AtomicU32::new(0),
        };
        let data = cluster.folder.as_path();
        cluster.run(
            "initdb",
            &[
                "--auth=trust",
                "--no-sync",
                "--encoding=UTF8",
                &format!("--username={SUPERUSER}"),
                "-D",
            ],
            data,
        )?;
        let options = format!(
            "--options=-F -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200"
        );
        cluster.run("pg_ctl", &["start", "--wait", &options, "-D"], data)?;
        cluster.ask(
            "createuser",
            &["--no-superuser", "--no-createdb", "--no-createrole", ORDINARY],
        )?;
        Ok(cluster)
    }

    /// Runs a program of PostgreSQL's that asks the cluster for something.
    fn ask(&self, program: &str, arguments: &[&str]) -> io::Result<()> {
        let port = self.port.to_string();
        let status = Command::new(self.programs.join(program))
            .args(["--host=127.0.0.1", "--username", SUPERUSER, "--port", &port])
            .args(arguments)
            .status()?;
        match status.success() {
            true => Ok(()),
            false => Err(io::Error::other(format!("{program} ended with {status}"))),
        }
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The URL of a new, empty database.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.ask("createdb", &["--owner", ORDINARY, &name])
            .expect("a database is made");
        format!("postgres://{ORDINARY}@127.0.0.1:{}/{name}", self.port)
    }

    /// The URL of the same database for who may do everything, past row-level security.
    pub fn past_walls(url: &str) -> String {
        url.replacen(&format!("://{ORDINARY}@"), &format!("://{SUPERUSER}@"), 1)
    }

    /// Runs a program of PostgreSQL's; as its user where this process is root, which PostgreSQL refuses to run as.
    fn run(&self, program: &str, arguments: &[&str], data: &Path) -> io::Result<()> {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        // Who starts a server waits for its output to end, which the server would keep open.
        let status = command
            .args(arguments)
            .arg(data)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        match status.success() {
            true => Ok(()),
            false => Err(io::Error::other(format!("{command:?} ended with {status}"))),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let stopped = self.run("pg_ctl", &["stop", "--mode=immediate", "-D"], &self.folder);
        let removed = std::fs::remove_dir_all(&self.folder);
        if let Err(error) = stopped.and(removed) {
            eprintln!("a cluster stays in {}: {error}", self.folder.display());
        }
    }
}

fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .unwrap_or_default()
        .lines()
        .any(|line| line.starts_with("Uid:\t0\t"))
}

/// The folder of the latest PostgreSQL's programs.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|folder| folder.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop()
}
