//! A real S3 server process with one bucket: moto, from PyPI.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The URL under which a store may lie.
pub(crate) const URL: &str = "s3://cases/vitrine";

/// A running S3 server; ends when dropped.
pub(crate) struct Bucket {
    process: Child,
    address: String,
}

impl Bucket {
    /// Starts the program that `VITRINE_MOTO` names. `None`, with a line that says so, where there is none.
    pub(crate) fn start() -> Option<Self> {
        let Some(moto) = std::env::var_os("VITRINE_MOTO").filter(|program| Path::new(program).is_file())
        else {
            println!("skipped: an S3 server is started through VITRINE_MOTO, which ./x test sets");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let process = Command::new(moto)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let bucket = Self {
            process,
            address: format!("127.0.0.1:{port}"),
        };
        let is_up = (0..300).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            TcpStream::connect(&bucket.address).is_ok()
        });
        assert!(is_up, "the S3 server does not start");
        let (mut stream, host) = (TcpStream::connect(&bucket.address).unwrap(), &bucket.address);
        write!(
            stream,
            "PUT /cases HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200"),
            "the bucket could not be made: {answer}"
        );
        Some(bucket)
    }

    /// What a program needs to know to find it.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT", format!("http://{}", self.address).as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
