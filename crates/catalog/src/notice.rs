//! Telling those who wait that something has happened: within the process, and between processes over PostgreSQL's
//! `LISTEN` and `NOTIFY`.
//!
//! A notice carries identifiers and words only. Who may hear of it is asked where it is passed on.

use domain::{CaseId, UserId};
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use sqlx::postgres::PgListener;
use tokio::sync::broadcast;

use crate::database::{Database, Dialect};
use crate::error::CatalogError;

/// Notices that a listener may be behind before it misses some.
const KEPT: usize = 1024;
const CHANNEL: &str = "vitrine";
/// For what servers tell each other many times a second and nobody else hears.
const WHISPERS: &str = "vitrine_whispers";

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// What, such as `item.added`.
    pub what: String,
    /// The case that it happened in.
    pub case: Option<CaseId>,
    /// The user whom it concerns, where it is no case.
    pub user: Option<UserId>,
    /// The thing that it happened to.
    pub id: Option<String>,
    /// Numbers and words, such as how far a job has come.
    pub detail: serde_json::Value,
}

impl Notice {
    /// Something happened to the thing `id` in a case.
    pub fn in_case(what: &str, case: CaseId, id: impl ToString + Copy) -> Self {
        Self {
            what: what.to_owned(),
            case: Some(case),
            user: None,
            id: Some(id.to_string()),
            detail: serde_json::Value::Null,
        }
    }

    /// Something happened that concerns a user, such as the end of a session.
    pub fn for_user(what: &str, user: UserId) -> Self {
        Self {
            what: what.to_owned(),
            case: None,
            user: Some(user),
            id: None,
            detail: serde_json::Value::Null,
        }
    }

    /// With numbers and words.
    #[must_use]
    pub fn with(self, detail: serde_json::Value) -> Self {
        Self { detail, ..self }
    }
}

/// Passes notices on to everybody in this process who listens.
#[derive(Clone, Debug)]
pub(crate) struct Bus {
    listeners: broadcast::Sender<Notice>,
    whispers: broadcast::Sender<String>,
}

impl Bus {
    pub(crate) async fn open(database: &Database, dialect: Dialect) -> Result<Self, sqlx::Error> {
        let bus = Self {
            listeners: broadcast::Sender::new(KEPT),
            whispers: broadcast::Sender::new(KEPT),
        };
        if let (Database::Postgres(url), Dialect::Postgres) = (database, dialect) {
            let mut listener = PgListener::connect(url).await?;
            listener.listen_all([CHANNEL, WHISPERS]).await?;
            let told = bus.clone();
            tokio::spawn(async move { forward(listener, &told).await });
        }
        Ok(bus)
    }

    pub(crate) fn tell(&self, notice: Notice) {
        // Nobody may be listening.
        drop(self.listeners.send(notice));
    }
}

/// Until the database is closed. The listener connects again by itself.
async fn forward(mut listener: PgListener, bus: &Bus) {
    loop {
        match listener.recv().await {
            Ok(notification) if notification.channel() == WHISPERS => {
                // Nobody may be listening.
                drop(bus.whispers.send(notification.payload().to_owned()));
            }
            Ok(notification) => {
                if let Ok(notice) = serde_json::from_str(notification.payload()) {
                    bus.tell(notice);
                }
            }
            Err(sqlx::Error::PoolClosed) => return,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(250)).await,
        }
    }
}

/// Sends a notice to all processes when the transaction commits.
pub(crate) async fn send(connection: &mut AnyConnection, notice: &Notice) -> Result<(), CatalogError> {
    let text = serde_json::to_string(notice).map_err(crate::error::unreadable("notice"))?;
    notify(connection, CHANNEL, &text).await
}

async fn notify(connection: &mut AnyConnection, channel: &str, text: &str) -> Result<(), CatalogError> {
    sqlx::query("SELECT CAST(pg_notify($1, $2) AS TEXT)")
        .bind(channel)
        .bind(text)
        .execute(connection)
        .await?;
    Ok(())
}

impl crate::Catalog {
    /// Hears of everything from now on. Who falls far behind misses some and is told so.
    pub fn listen(&self) -> broadcast::Receiver<Notice> {
        self.bus.listeners.subscribe()
    }

    /// Whether there can be other servers to whisper to.
    pub fn has_whispers(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    /// Hears from now on what servers tell each other, this one among them.
    pub fn whispers(&self) -> broadcast::Receiver<String> {
        self.bus.whispers.subscribe()
    }

    /// Tells all servers something of fewer than 8000 bytes that lasts nowhere.
    ///
    /// # Errors
    /// The database's.
    pub async fn whisper(&self, text: &str) -> Result<(), CatalogError> {
        if self.has_whispers() {
            notify(&mut *self.pool.acquire().await?, WHISPERS, text).await?;
        }
        Ok(())
    }

    /// Tells everybody who listens, beside any change: for what lasts nowhere, such as how far a job has come.
    ///
    /// # Errors
    /// The database's.
    pub async fn tell(&self, notice: Notice) -> Result<(), CatalogError> {
        match self.dialect {
            Dialect::Sqlite => self.bus.tell(notice),
            Dialect::Postgres => send(&mut *self.pool.acquire().await?, &notice).await?,
        }
        Ok(())
    }
}
