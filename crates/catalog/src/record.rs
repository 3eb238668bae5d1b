//! The record of what was decided and done, in one order.
//!
//! A change writes its events in its own transaction ([`Change::record`]). What only looks has no transaction: its
//! events go to one writer, which takes all that have come in meanwhile into one transaction ([`Catalog::record`]).
//! Either way an answer leaves the server only after its events survive loss of power, and a thousand readers cost
//! few commits.

use std::sync::Arc;

use domain::{CaseId, PatientId, PracticeId, SignInId, Timestamp, UserId};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Row};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::database::{Catalog, Change, Conn, Dialect, begin};
use crate::error::{CatalogError, unreadable};
use crate::sql::{BATCH, count, placeholders, signed};

/// Something that was decided or done. Identifiers and words only.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Who; nobody where the server itself acts or a visitor does.
    pub actor: Option<UserId>,
    /// Under which sign-in.
    pub sign_in: Option<SignInId>,
    /// In which practice.
    pub practice: Option<PracticeId>,
    /// Concerning whom.
    pub patient: Option<PatientId>,
    /// In which case.
    pub case: Option<CaseId>,
    /// What was done, or would have been.
    pub action: String,
    /// `allowed`, or `refused` and why in a word.
    pub outcome: String,
    /// The thing that it was done to.
    pub object: Option<String>,
}

/// An event at its place in the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Its place, from 0.
    pub seq: u64,
    /// What happened.
    pub event: Event,
}

/// Events of one request, and where to tell that they last.
type Entry = (Vec<Event>, oneshot::Sender<Result<(), CatalogError>>);

/// Events that one transaction takes.
const TOGETHER: usize = 500;
const WAITING: usize = 4096;

/// Writes events of those who look.
#[derive(Clone)]
pub(crate) struct Recorder {
    entries: mpsc::Sender<Entry>,
}

impl Recorder {
    pub(crate) fn start(pool: AnyPool, dialect: Dialect, turn: Arc<Mutex<()>>) -> Self {
        let (entries, mut waiting) = mpsc::channel::<Entry>(WAITING);
        tokio::spawn(async move {
            let mut together = Vec::new();
            while waiting.recv_many(&mut together, TOGETHER).await > 0 {
                let entries = std::mem::take(&mut together);
                let events: Vec<&Event> = entries.iter().flat_map(|(events, _)| events).collect();
                let written = write(&pool, dialect, &turn, &events).await;
                for (_, teller) in entries {
                    let told = match &written {
                        Ok(()) => Ok(()),
                        Err(error) => Err(CatalogError::Conflict(error)),
                    };
                    // Who asked may have gone away.
                    drop(teller.send(told));
                }
            }
        });
        Self { entries }
    }
}

async fn write(
    pool: &AnyPool,
    dialect: Dialect,
    turn: &Arc<Mutex<()>>,
    events: &[&Event],
) -> Result<(), &'static str> {
    let written = async {
        let (mut transaction, _turn) = begin(pool, dialect, turn).await?;
        append(&mut transaction, events).await?;
        Ok::<_, CatalogError>(transaction.commit().await?)
    };
    written
        .await
        .map_err(|_| "the record of events could not be written")
}

impl Catalog {
    /// Records events beside any change. When this returns they survive loss of power.
    ///
    /// # Errors
    /// [`CatalogError::Stopped`], or that they could not be written.
    pub async fn record(&self, events: Vec<Event>) -> Result<(), CatalogError> {
        let (teller, told) = oneshot::channel();
        let sent = self.recorder.entries.send((events, teller)).await;
        sent.map_err(|_| CatalogError::Stopped)?;
        told.await.map_err(|_| CatalogError::Stopped)?
    }
}

impl Change {
    /// Records events with the change.
    ///
    /// # Errors
    /// The database's.
    pub async fn record(&mut self, events: &[Event]) -> Result<(), CatalogError> {
        let events: Vec<&Event> = events.iter().collect();
        append(self.db(), &events).await
    }
}

async fn append(connection: &mut AnyConnection, events: &[&Event]) -> Result<(), CatalogError> {
    if events.is_empty() {
        return Ok(());
    }
    let row = sqlx::query("UPDATE ledger SET size = size + $1 WHERE name = 'events' RETURNING size")
        .bind(signed(events.len() as u64))
        .fetch_one(&mut *connection)
        .await?;
    let size: i64 = row.try_get(0)?;
    let mut seq = size - signed(events.len() as u64);
    for batch in events.chunks(BATCH) {
        let sql = format!(
            "INSERT INTO events (seq, at_ms, actor, session, practice, patient, case_id, action, outcome, bytes) \
             VALUES {}",
            placeholders(batch.len(), 10)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(batch.len() == 1);
        for event in batch {
            query = query
                .bind(seq)
                .bind(event.at.ms())
                .bind(event.actor.map(|id| id.to_string()))
                .bind(event.sign_in.map(|id| id.to_string()))
                .bind(event.practice.map(|id| id.to_string()))
                .bind(event.patient.map(|id| id.to_string()))
                .bind(event.case.map(|id| id.to_string()))
                .bind(event.action.clone())
                .bind(event.outcome.clone())
                .bind(serde_json::to_vec(event).map_err(unreadable("event"))?);
            seq += 1;
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Whose events are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of a practice's.
    Practice(PracticeId),
    /// Those that concern a patient.
    Patient(PatientId),
    /// Those of a case.
    Case(CaseId),
}

impl Conn {
    /// Events with a place before `before`, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn events(
        &mut self,
        scope: Scope,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Recorded>, CatalogError> {
        let (statement, whose) = match scope {
            Scope::Practice(id) => (
                "SELECT seq, bytes FROM events WHERE practice = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
                id.to_string(),
            ),
            Scope::Patient(id) => (
                "SELECT seq, bytes FROM events WHERE patient = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
                id.to_string(),
            ),
            Scope::Case(id) => (
                "SELECT seq, bytes FROM events WHERE case_id = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
                id.to_string(),
            ),
        };
        let rows = sqlx::query(statement)
            .bind(whose)
            .bind(before.map_or(i64::MAX, signed))
            .bind(i64::from(limit))
            .fetch_all(self.db())
            .await?;
        rows.iter()
            .map(|row| {
                let bytes: &[u8] = row.try_get(1)?;
                Ok(Recorded {
                    seq: count(row, 0)?,
                    event: serde_json::from_slice(bytes).map_err(unreadable("event"))?,
                })
            })
            .collect()
    }
}
