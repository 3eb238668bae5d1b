//! Mail to people: sent by a server for mail, or laid into a folder where nobody sends it.
//!
//! # Limits
//! What waits to be sent waits in memory: where the process ends meanwhile, whoever asked for the mail asks again.

use std::fs::DirBuilder;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use domain::Phi;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::sync::mpsc;

use super::problem::{Answer, Problem};
use super::secrets::random_id;
use crate::secret::Secret;

/// Pauses before a mail is tried again.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(600),
];
/// Mails that may wait.
const WAITING: usize = 1000;

/// Which way mail goes.
#[derive(Clone, Debug)]
pub(crate) enum MailConfig {
    /// Into a folder.
    Outbox(PathBuf),
    /// To a server that sends it.
    Smtp {
        /// Its URL, with user and password.
        url: Secret,
        /// Whom it comes from.
        from: Mailbox,
    },
}

impl MailConfig {
    /// Mail over a server, to which words go under TLS unless it is this machine.
    ///
    /// # Errors
    /// What is wrong with either.
    pub(crate) fn smtp(url: Secret, from: &str) -> Result<Self> {
        let text = url.reveal();
        let host = text.split("://").nth(1).unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        let is_local = ["localhost", "127.", "[::1]"]
            .iter()
            .any(|name| host.starts_with(name));
        let is_sealed = text.starts_with("smtps://") || text.contains("tls=required");
        ensure!(
            text.starts_with("smtps://") || text.starts_with("smtp://"),
            "smtp: this is no smtps:// or smtp:// URL"
        );
        ensure!(is_sealed || is_local, "smtp: say smtps://, or add ?tls=required");
        ensure!(transport(&url).is_ok(), "smtp: this URL cannot be read");
        let from = from.parse().ok().context("mail-from: this is no address")?;
        Ok(Self::Smtp { url, from })
    }

    /// Whether mail would go out.
    ///
    /// # Errors
    /// Why it would not.
    pub(crate) async fn check(&self) -> Result<String> {
        match self {
            Self::Outbox(folder) => {
                make_outbox(folder)?;
                tempfile::tempfile_in(folder).context("writing into the outbox")?;
                Ok(format!("nobody sends it, it lies in {}", folder.display()))
            }
            Self::Smtp { url, from } => {
                ensure!(
                    transport(url)?.test_connection().await?,
                    "the server for mail does not answer"
                );
                Ok(format!("sent as {from}"))
            }
        }
    }
}

fn transport(url: &Secret) -> Result<AsyncSmtpTransport<Tokio1Executor>> {
    // Its error may repeat the URL with its password.
    let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.reveal());
    let builder = builder.ok().context("the URL of the server for mail")?;
    Ok(builder.timeout(Some(Duration::from_secs(30))).build())
}

/// A mail with a link.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) to: Phi<String>,
    pub(crate) subject: &'static str,
    pub(crate) text: String,
    /// What opens something, if it has one.
    pub(crate) link: Option<Phi<String>>,
}

impl Letter {
    fn body(&self) -> String {
        let link = self.link.as_ref().map_or("", |link| link.reveal());
        format!("{}\r\n\r\n{link}\r\n", self.text)
    }
}

/// Sends mail.
#[derive(Clone, Debug)]
pub(crate) enum Mail {
    Outbox(PathBuf),
    Smtp(mpsc::Sender<Letter>),
}

impl Mail {
    /// Begins to send as the configuration says.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn start(config: &MailConfig) -> Result<Self> {
        match config {
            MailConfig::Outbox(folder) => {
                make_outbox(folder)?;
                Ok(Self::Outbox(folder.clone()))
            }
            MailConfig::Smtp { url, from } => {
                let (letters, waiting) = mpsc::channel(WAITING);
                tokio::spawn(send_all(transport(url)?, from.clone(), waiting));
                Ok(Self::Smtp(letters))
            }
        }
    }

    /// Sends a mail: it lies in the outbox when this returns, or waits to be sent.
    pub(crate) async fn send(&self, letter: Letter) -> Answer<()> {
        match self {
            Self::Smtp(letters) => letters
                .try_send(letter)
                .map_err(|error| Problem::internal(&error)),
            Self::Outbox(folder) => {
                let name: String = random_id()?.iter().map(|byte| format!("{byte:02x}")).collect();
                let path = folder.join(format!("{name}.eml"));
                let written = tokio::task::spawn_blocking(move || write(&path, &letter)).await;
                written
                    .map_err(|error| Problem::internal(&error))?
                    .map_err(|error| Problem::internal(&error))
            }
        }
    }
}

/// Sends what comes, each by itself: one that cannot be sent holds up no other.
async fn send_all(
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    mut waiting: mpsc::Receiver<Letter>,
) {
    while let Some(letter) = waiting.recv().await {
        let Ok(to) = letter.to.reveal().parse() else {
            tracing::warn!("a mail was not sent: its address cannot be read");
            continue;
        };
        let message = Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(letter.body());
        match message {
            Ok(message) => drop(tokio::spawn(send(transport.clone(), message))),
            Err(error) => tracing::warn!(%error, "a mail was not sent"),
        }
    }
}

async fn send(transport: AsyncSmtpTransport<Tokio1Executor>, message: Message) {
    for pause in PAUSES.into_iter().map(Some).chain([None]) {
        // What the server says may name the address: only its code is told.
        let Err(error) = transport.send(message.clone()).await else {
            return;
        };
        let code = error.status().map(|code| code.to_string());
        let Some(pause) = pause.filter(|_| !error.is_permanent()) else {
            tracing::warn!(code, "a mail was given up");
            return;
        };
        tokio::time::sleep(pause).await;
    }
}

fn make_outbox(folder: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("making the outbox {}", folder.display()))
}

fn write(path: &Path, letter: &Letter) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    write!(
        file,
        "To: {}\r\nSubject: {}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}",
        letter.to.reveal(),
        letter.subject,
        letter.body(),
    )
}
