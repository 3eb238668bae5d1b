//! The record of what was decided and done, in one order.
//!
//! A change writes its events in its own transaction ([`Change::record`]). What only looks has no transaction: its
//! events go to one writer, which takes all that have come in meanwhile into one transaction ([`Catalog::record`]).
//! Either way an answer leaves the server only after its events survive loss of power, and a thousand readers cost
//! few commits.

use std::sync::Arc;

use domain::{PatientId, PracticeId, UserId};
use ledger::{Event, Recorded};
use policy::Authorized;
use sqlx::{AnyPool, AssertSqlSafe, Row};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::database::{Catalog, Change, Conn, Dialect, System, begin};
use crate::error::{CatalogError, unreadable};
use crate::fold::Folding;
use crate::log::Log;
use crate::right;
use crate::sql::{count, signed};
use crate::standing::Standing;

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
    pub(crate) fn start(
        pool: AnyPool,
        dialect: Dialect,
        turn: Arc<Mutex<()>>,
        log: Log,
        folding: Folding,
    ) -> Self {
        let (entries, mut waiting) = mpsc::channel::<Entry>(WAITING);
        tokio::spawn(async move {
            let mut together = Vec::new();
            while waiting.recv_many(&mut together, TOGETHER).await > 0 {
                let entries = std::mem::take(&mut together);
                let events: Vec<&Event> = entries.iter().flat_map(|(events, _)| events).collect();
                let written = write(&pool, dialect, &turn, &log, &events).await;
                folding.tell();
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
    log: &Log,
    events: &[&Event],
) -> Result<(), &'static str> {
    let written = async {
        let (mut transaction, _turn) = begin(pool, dialect, turn, Standing::System).await?;
        log.append(&mut transaction, dialect, events).await?;
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
    /// The database's, or that the log cannot be signed.
    pub async fn record(&mut self, events: &[Event]) -> Result<(), CatalogError> {
        let events: Vec<&Event> = events.iter().collect();
        let (log, dialect) = (self.log.clone(), self.dialect);
        self.stand(Standing::System).await?;
        log.append(self.db(), dialect, &events).await
    }
}

impl System {
    /// Events with a place before `before`, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn events(
        &self,
        scope: Scope,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Recorded>, CatalogError> {
        let mut db = self.reader().await?;
        db.events_in(scope, &Only::default(), before, limit).await
    }
}

/// Whose events are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of a practice's.
    Practice(PracticeId),
    /// Those that concern a patient.
    Patient(PatientId),
}

/// Which events, of those in a scope; all where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Only {
    /// What this person did.
    pub actor: Option<UserId>,
    /// What was done, such as `SeeCase`.
    pub action: Option<String>,
    /// What concerns this patient.
    pub patient: Option<PatientId>,
}

impl Conn {
    /// Events with a place before `before`, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn events<A: right::ReadEvents>(
        &mut self,
        proof: Authorized<A>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Recorded>, CatalogError> {
        self.events_only(proof, &Only::default(), before, limit).await
    }

    /// As [`Conn::events`], of some only.
    ///
    /// # Errors
    /// The database's.
    pub async fn events_only<A: right::ReadEvents>(
        &mut self,
        proof: Authorized<A>,
        only: &Only,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Recorded>, CatalogError> {
        let scope = self.under(&proof, A::id).await?;
        self.events_in(scope, only, before, limit).await
    }

    async fn events_in(
        &mut self,
        scope: Scope,
        only: &Only,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Recorded>, CatalogError> {
        let (column, whose) = match scope {
            Scope::Practice(id) => ("practice", id.to_string()),
            Scope::Patient(id) => ("patient", id.to_string()),
        };
        let filters = [
            ("actor", only.actor.map(|id| id.to_string())),
            ("action", only.action.clone()),
            ("patient", only.patient.map(|id| id.to_string())),
        ];
        let mut sql = format!("SELECT seq, bytes FROM events WHERE {column} = $1 AND seq < $2");
        let given = || {
            filters
                .iter()
                .filter_map(|(column, value)| Some((column, value.as_ref()?)))
        };
        for (at, (column, _)) in given().enumerate() {
            sql.push_str(&format!(" AND {column} = ${}", at + 4));
        }
        sql.push_str(" ORDER BY seq DESC LIMIT $3");
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .bind(whose)
            .bind(before.map_or(i64::MAX, signed))
            .bind(i64::from(limit));
        for (_, value) in given() {
            query = query.bind(value.clone());
        }
        let rows = query.fetch_all(self.db()).await?;
        rows.iter()
            .map(|row| {
                let bytes: &[u8] = row.try_get(1)?;
                Ok(Recorded {
                    sequence: count(row, 0)?,
                    event: Event::from_bytes(bytes).map_err(unreadable("event"))?,
                })
            })
            .collect()
    }
}
