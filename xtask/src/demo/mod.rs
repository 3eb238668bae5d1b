//! `./x demo`: from nothing to pictures of a head: its CT, two captures of its face with a change between them, and
//! photographs; then a server with a practice that has all of it in a case.

mod client;
mod people;

use std::io::IsTerminal;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use self::client::Server;
use self::people::Content;
use crate::{shell, web};

/// With what everybody of the demonstration signs in.
const PASSWORD: &str = "four plain words here";
/// Where the server listens, where nothing else does.
const ADDRESS: &str = "127.0.0.1:8080";

/// Slices of the demonstration series.
const SLICES: &str = "320";
/// Frames of each capture.
const FRAMES: &str = "40";
/// How far the tip of the nose moves from one capture to the other, mm.
const SHIFT_MM: &str = "3";

/// Runs it; with `--once`, or without a terminal, the server does not go on.
pub(crate) fn run(options: &[&str]) -> Result<()> {
    let goes_on = match options {
        [] => std::io::stdin().is_terminal(),
        ["--once"] => false,
        _ => bail!("./x demo takes --once and nothing else"),
    };
    let vitrine = shell::build_release()?;
    let client = web::build_client()?;
    let demo = Demo {
        client,
        vitrine,
        folder: shell::root().join("demo"),
    };
    let series = demo.made(
        "head-ct",
        "a synthetic head CT, which takes half a minute",
        |folder| {
            let mut command = testkit("head_ct");
            command.arg(folder).args(["--slices", SLICES]);
            command
        },
    )?;
    shell::run(demo.vitrine(&["ingest"]).arg(&series))?;
    let before = demo.capture("face-before", "0", "1")?;
    let after = demo.capture("face-after", SHIFT_MM, "2")?;
    let photos = demo.made("face-photos", "two photographs of the head", |folder| {
        let mut command = shell::cargo();
        command
            .args(["run", "--quiet", "--release", "--package", "renderer"])
            .args(["--example", "face_photos", "--"])
            .arg(folder);
        command
    })?;
    shell::run(demo.vitrine(&["ingest"]).arg(&before))?;
    shell::run(demo.vitrine(&["ingest"]).arg(&after))?;
    shell::run(demo.vitrine(&["ingest"]).arg(&photos))?;
    shell::run(&mut demo.vitrine(&["inspect"]))?;

    demo.draw_all(&series, &before, &after)?;
    demo.set_up_practice(&[
        Content {
            folder: &series,
            biometric: "no",
        },
        Content {
            folder: &before,
            biometric: "face_or_head",
        },
        Content {
            folder: &after,
            biometric: "face_or_head",
        },
        Content {
            folder: &photos,
            biometric: "face_or_head",
        },
    ])?;
    demo.serve(goes_on)
}

/// The program, and where everything of the demonstration lies.
struct Demo {
    client: PathBuf,
    vitrine: PathBuf,
    folder: PathBuf,
}

impl Demo {
    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn key(&self) -> PathBuf {
        self.folder.join("key/root.key")
    }

    fn vitrine(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.vitrine);
        command
            .args(words)
            .arg("--data")
            .arg(self.data())
            .arg("--key-file")
            .arg(self.key());
        command
    }

    /// A folder of synthetic files. They are written beside their place and moved there, so that a broken-off run
    /// leaves no half folder.
    fn made(&self, name: &str, what: &str, writer: impl FnOnce(&Path) -> Command) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.is_dir() {
            return Ok(folder);
        }
        println!("\nwriting {what}");
        let partial = self.folder.join(format!("{name}.partial"));
        let _ = std::fs::remove_dir_all(&partial);
        shell::run(&mut writer(&partial))?;
        std::fs::rename(&partial, &folder)
            .with_context(|| format!("moving files to {}", folder.display()))?;
        Ok(folder)
    }

    /// A depth capture of the head, as a folder to be ingested; its true surface lies beside it.
    fn capture(&self, name: &str, shift_mm: &str, seed: &str) -> Result<PathBuf> {
        let truth = self.folder.join(format!("{name}-truth.ply"));
        self.made(name, "a depth capture of the head", |folder| {
            let mut command = testkit("face_capture");
            command
                .arg(folder)
                .args(["--frames", FRAMES, "--shift-mm", shift_mm, "--seed", seed])
                .arg("--truth")
                .arg(&truth);
            command
        })
    }

    /// The item that a folder became. Ingesting again makes no second copy and tells.
    fn item(&self, folder: &Path, kind: &str) -> Result<String> {
        let report = shell::output(self.vitrine(&["ingest", "--json"]).arg(folder))?;
        let report: Value = serde_json::from_str(&report).context("what ingest prints")?;
        let items = report["items"].as_array().into_iter().flatten();
        let mut ids = items
            .filter(|item| item["kind"] == kind)
            .filter_map(|item| item["id"].as_str());
        let id = ids
            .next()
            .with_context(|| format!("{} became no {kind}", folder.display()))?;
        Ok(id.to_owned())
    }

    /// Pictures of the volume, the captures, and what has changed between them.
    fn draw_all(&self, series: &Path, before: &Path, after: &Path) -> Result<()> {
        let volume = self.item(series, "volume")?;
        let before = self.item(before, "capture")?;
        let after = self.item(after, "capture")?;
        shell::run(&mut self.vitrine(&["compare", &before, &after]))?;
        let mut pictures = Vec::new();
        for (file, options) in PICTURES {
            pictures.push(self.draw(&volume, file, options)?);
        }
        pictures.push(self.draw(&before, "face-before.png", FROM_THE_SIDE)?);
        pictures.push(self.draw(&after, "face-after.png", FROM_THE_SIDE)?);
        let changed = [&["--comparison"], FROM_THE_SIDE].concat();
        pictures.push(self.draw(&before, "face-change.png", &changed)?);
        println!("\nOpen these pictures:");
        for picture in pictures {
            println!("  {}", picture.display());
        }
        println!(
            "The stored items lie encrypted in {}; their key is {}.",
            self.data().display(),
            self.key().display()
        );
        Ok(())
    }

    /// Where the server keeps what it has.
    fn served(&self) -> PathBuf {
        self.folder.join("served")
    }

    /// `vitrine serve` over the data of the server.
    fn server(&self) -> Command {
        let mut command = Command::new(&self.vitrine);
        command
            .args(["serve", "--demo", "--data"])
            .arg(self.served())
            .arg("--key-file")
            .arg(self.key())
            .arg("--client")
            .arg(&self.client)
            .env("VITRINE_LOG", "warn");
        command
    }

    /// Sets the practice up, once; what a broken-off run has left is thrown away.
    fn set_up_practice(&self, contents: &[Content<'_>]) -> Result<()> {
        let ready = self.folder.join("served.ready");
        if ready.is_file() {
            return Ok(());
        }
        let _ = std::fs::remove_dir_all(self.served());
        let server = Server::start(self.server())?;
        people::set_up(&server, contents)?;
        server.stop()?;
        Ok(std::fs::write(ready, "")?)
    }

    /// Says where to click and as whom, and becomes the server, which stops with Ctrl-C.
    fn serve(&self, goes_on: bool) -> Result<()> {
        let address = match TcpListener::bind(ADDRESS) {
            Ok(_) => ADDRESS.to_owned(),
            // Something else listens there: any port that is free.
            Err(_) => TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string(),
        };
        let port = address.rsplit(':').next().unwrap_or_default();
        println!("\nThe people of the demonstration, all with the password \"{PASSWORD}\":");
        for (email, name, what) in people::PEOPLE {
            println!("  {email:<28} {name}: {what}");
        }
        let mut server = self.server();
        server.args(["--listen", &address]);
        if !goes_on {
            println!("The server does not go on without a terminal, or with --once. To start it:");
            println!("  {}", shell::describe(&server));
            println!("and open http://localhost:{port}");
            return Ok(());
        }
        println!("\nOpen http://localhost:{port}   (Ctrl-C stops the server)");
        Err(server.exec()).context("the server could not be started")
    }

    fn draw(&self, item: &str, file: &str, options: &[&str]) -> Result<PathBuf> {
        let picture = self.folder.join(file);
        let mut command = self.vitrine(&["render", item]);
        shell::run(
            command
                .args(options)
                .args(["--turn-degrees", "30", "--size", "900x900"])
                .arg("--png")
                .arg(&picture),
        )?;
        Ok(picture)
    }
}

/// A program of the test kit.
fn testkit(name: &str) -> Command {
    let mut command = shell::cargo();
    command
        .args(["run", "--quiet", "--release", "--package", "testkit"])
        .args(["--bin", name, "--"]);
    command
}

/// The options of `vitrine render` for a face.
const FROM_THE_SIDE: &[&str] = &["--view", "anterior"];

/// File name and the options of `vitrine render` for the volume.
const PICTURES: &[(&str, &[&str])] = &[
    ("volume-skin.png", &["--preset", "CT-Skin", "--view", "anterior"]),
    ("volume-bone.png", &["--preset", "CT-Bone", "--view", "anterior"]),
    ("surfaces.png", &["--surfaces", "--view", "anterior"]),
];
