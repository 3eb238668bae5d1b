//! Mails. Without a server to send them they lie in a folder, one file each, where the operator reads them.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use domain::Phi;

use super::problem::{Answer, Problem};
use super::secrets::random_id;

/// Sends mails.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    outbox: PathBuf,
}

/// A mail with one link.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) to: Phi<String>,
    pub(crate) subject: &'static str,
    pub(crate) text: String,
    pub(crate) link: Option<Phi<String>>,
}

impl Mail {
    /// Puts mails into a folder that only this user may read.
    pub(crate) fn outbox(folder: &Path) -> anyhow::Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        Ok(Self {
            outbox: folder.to_owned(),
        })
    }

    /// Sends a mail.
    pub(crate) async fn send(&self, letter: Letter) -> Answer<()> {
        let name = random_id()?
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        let path = self.outbox.join(format!("{name}.eml"));
        let written = tokio::task::spawn_blocking(move || write(&path, &letter)).await;
        written
            .map_err(|error| Problem::internal(&error))?
            .map_err(|error| Problem::internal(&error))
    }
}

fn write(path: &Path, letter: &Letter) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let link = letter.link.as_ref().map_or("", |link| link.reveal());
    write!(
        file,
        "To: {}\r\nSubject: {}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n\r\n{link}\r\n",
        letter.to.reveal(),
        letter.subject,
        letter.text,
    )
}
