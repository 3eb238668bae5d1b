//! A real S3 server process: moto, from PyPI.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running server; ends when dropped.
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts the program that `VITRINE_MOTO` names, or `moto_server` of the project's tools or on the path. `None`,
    /// with a word about it, where there is none.
    pub(crate) fn start() -> Option<Self> {
        let tools = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../target/tools/venv/bin/moto_server"
        );
        let program = match std::env::var_os("VITRINE_MOTO") {
            Some(named) => PathBuf::from(named),
            None if PathBuf::from(tools).exists() => tools.into(),
            None => "moto_server".into(),
        };
        let started = Command::new(&program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut process) = started else {
            println!("skipped: no S3 server ({} does not start)", program.display());
            return None;
        };
        // It says where it listens, then one line for each request: somebody has to read them.
        let mut lines = BufReader::new(process.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let address = lines
            .find_map(|line| {
                line.split_once("http://")?
                    .1
                    .split_whitespace()
                    .next()?
                    .parse()
                    .ok()
            })
            .expect("the server says where it listens");
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { process, address })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn create_bucket(&self, name: &str) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let host = self.address;
        write!(
            stream,
            "PUT /{name} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
