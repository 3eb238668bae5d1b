//! The events as a log that can be audited: each is a leaf of a tree whose edge and signed head change in the
//! transaction that appends it.

use std::sync::{Arc, OnceLock};

use domain::EventId;
use ledger::{Checkpoint, Event, Frontier, Hash, LogKey, LogName, VerifyingKey, leaf_hash};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Row};

use crate::cipher::Cipher;
use crate::database::{Catalog, Conn, Dialect, System};
use crate::error::{CatalogError, unreadable};
use crate::sql::{BATCH, count, id, placeholders, random, signed};

/// The name of the log's key among those that belong to no row.
const KEY: &str = "log";
/// Hashes that are read at once.
const AT_ONCE: u64 = 10_000;

/// What appends to the log. The key that signs is opened when it is needed first: until then nobody has said that the
/// root key is the right one.
#[derive(Clone)]
pub(crate) struct Log {
    cipher: Arc<dyn Cipher>,
    key: Arc<OnceLock<LogKey>>,
}

impl Log {
    /// Makes the key where there is none.
    pub(crate) async fn open(pool: &AnyPool, cipher: Arc<dyn Cipher>) -> Result<Self, CatalogError> {
        let row = sqlx::query("SELECT owner FROM keys WHERE name = $1")
            .bind(KEY)
            .fetch_optional(pool)
            .await?;
        if row.is_none() {
            let owner = EventId::from_random(random()?);
            let wrapped = cipher.new_key(*owner.as_bytes()).map_err(CatalogError::Cipher)?;
            sqlx::query(
                "INSERT INTO keys (name, owner, wrapped_key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            )
            .bind(KEY)
            .bind(owner.to_string())
            .bind(wrapped)
            .execute(pool)
            .await?;
        }
        Ok(Self {
            cipher,
            key: Arc::new(OnceLock::new()),
        })
    }

    /// The key that signs.
    async fn key(&self, connection: &mut AnyConnection) -> Result<&LogKey, CatalogError> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let row = sqlx::query("SELECT owner, wrapped_key FROM keys WHERE name = $1")
            .bind(KEY)
            .fetch_one(connection)
            .await?;
        let owner: EventId = id(&row, 0)?;
        let fields = self
            .cipher
            .open_key(*owner.as_bytes(), row.try_get(1)?)
            .map_err(CatalogError::Cipher)?;
        let seed = [&b"seed 1"[..], b"seed 2"].map(|part| fields.token(b"audit log", part));
        let seed: [u8; 32] = seed
            .concat()
            .try_into()
            .map_err(|_| unreadable("key of the log")("a seed has 32 bytes"))?;
        let name = LogName::from_random(*owner.as_bytes());
        let key = LogKey::from_seed(name, &seed).map_err(unreadable("key of the log"))?;
        Ok(self.key.get_or_init(|| key))
    }

    /// Appends events. Whoever comes later waits until this transaction has ended.
    pub(crate) async fn append(
        &self,
        connection: &mut AnyConnection,
        dialect: Dialect,
        events: &[&Event],
    ) -> Result<(), CatalogError> {
        let Some(last) = events.last() else {
            return Ok(());
        };
        let mut frontier = edge(connection, dialect).await?;
        for batch in events.chunks(BATCH) {
            let first = frontier.size();
            let leaves = batch
                .iter()
                .map(|event| {
                    let bytes = event.to_bytes().map_err(unreadable("event"))?;
                    let hash = leaf_hash(&bytes);
                    frontier.append(hash);
                    Ok((bytes, hash))
                })
                .collect::<Result<Vec<_>, CatalogError>>()?;
            insert(connection, first, batch, leaves).await?;
        }
        let head = Checkpoint {
            size: frontier.size(),
            root: frontier.root(),
            at: last.at,
        };
        let head = self.key(connection).await?.sign(&head);
        let roots: String = frontier.roots().iter().map(Hash::to_string).collect();
        sqlx::query("UPDATE ledger SET size = $1, roots = $2, head = $3 WHERE name = 'events'")
            .bind(signed(frontier.size()))
            .bind(roots)
            .bind(head)
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// The right edge of the tree. PostgreSQL locks the row; SQLite has one writer anyway.
async fn edge(connection: &mut AnyConnection, dialect: Dialect) -> Result<Frontier, CatalogError> {
    let row = sqlx::query(match dialect {
        Dialect::Sqlite => "SELECT size, roots FROM ledger WHERE name = 'events'",
        Dialect::Postgres => "SELECT size, roots FROM ledger WHERE name = 'events' FOR UPDATE",
    })
    .fetch_one(connection)
    .await?;
    let roots: &str = row.try_get(1)?;
    let roots = roots
        .as_bytes()
        .chunks(64)
        .map(|digits| std::str::from_utf8(digits).unwrap_or_default().parse::<Hash>())
        .collect::<Result<_, _>>()
        .map_err(unreadable("edge of the log"))?;
    Frontier::from_parts(count(&row, 0)?, roots).map_err(unreadable("edge of the log"))
}

async fn insert(
    connection: &mut AnyConnection,
    first: u64,
    events: &[&Event],
    leaves: Vec<(Vec<u8>, Hash)>,
) -> Result<(), CatalogError> {
    let sql = format!(
        "INSERT INTO events (seq, at_ms, actor, session, practice, patient, case_id, action, outcome, bytes, hash) \
         VALUES {}",
        placeholders(events.len(), 11)
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(events.len() == 1);
    for (seq, (event, (bytes, hash))) in (signed(first)..).zip(events.iter().zip(leaves)) {
        let index = Index::of(event);
        query = query
            .bind(seq)
            .bind(index.at_ms)
            .bind(index.actor)
            .bind(index.session)
            .bind(index.practice)
            .bind(index.patient)
            .bind(index.case)
            .bind(index.action)
            .bind(index.outcome)
            .bind(bytes)
            .bind(hash.0.to_vec());
    }
    query.execute(connection).await?;
    Ok(())
}

/// What the columns say of an event, beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Index {
    at_ms: i64,
    actor: Option<String>,
    /// The session of looking, or the sign-in of what is done in none.
    session: Option<String>,
    practice: Option<String>,
    patient: Option<String>,
    case: Option<String>,
    action: String,
    outcome: String,
}

impl Index {
    fn of(event: &Event) -> Self {
        Self {
            at_ms: event.at.ms(),
            actor: event.actor.map(|id| id.to_string()),
            session: session_of(event),
            practice: event.practice.map(|id| id.to_string()),
            patient: event.patient.map(|id| id.to_string()),
            case: event.case.map(|id| id.to_string()),
            action: event.action.to_string(),
            outcome: event.outcome.text(),
        }
    }
}

/// What finds an event by the session that it belongs to.
fn session_of(event: &Event) -> Option<String> {
    let session = event.session.map(|id| id.to_string());
    session.or_else(|| event.sign_in.map(|id| id.to_string()))
}

/// An event as the database keeps it: nothing of it is trusted.
pub(crate) struct Leaf {
    /// Its place, as the database says.
    pub(crate) place: i64,
    pub(crate) bytes: Vec<u8>,
    /// The hash that was kept of them; `None` for what is no hash.
    pub(crate) hash: Option<Hash>,
    index: Index,
}

impl Leaf {
    /// Whether the columns that find an event say of it what it is.
    pub(crate) fn is_index_of(&self, event: &Event) -> bool {
        self.index == Index::of(event)
    }
}

impl Conn {
    /// Events from a place on, in the order of the log.
    pub(crate) async fn leaves(&mut self, from: i64, limit: u32) -> Result<Vec<Leaf>, CatalogError> {
        let rows = sqlx::query(
            "SELECT seq, at_ms, actor, session, practice, patient, case_id, action, outcome, bytes, hash \
             FROM events WHERE seq >= $1 ORDER BY seq LIMIT $2",
        )
        .bind(from)
        .bind(i64::from(limit))
        .fetch_all(self.db())
        .await?;
        rows.iter()
            .map(|row| {
                let hash: &[u8] = row.try_get(10)?;
                Ok(Leaf {
                    place: row.try_get(0)?,
                    bytes: row.try_get(9)?,
                    hash: hash.try_into().ok().map(Hash),
                    index: Index {
                        at_ms: row.try_get(1)?,
                        actor: row.try_get(2)?,
                        session: row.try_get(3)?,
                        practice: row.try_get(4)?,
                        patient: row.try_get(5)?,
                        case: row.try_get(6)?,
                        action: row.try_get(7)?,
                        outcome: row.try_get(8)?,
                    },
                })
            })
            .collect()
    }

    /// The hashes of events from a place on, as they are kept.
    async fn leaf_hashes(&mut self, from: u64, until: u64) -> Result<Vec<Hash>, CatalogError> {
        let rows = sqlx::query("SELECT hash FROM events WHERE seq >= $1 AND seq < $2 ORDER BY seq")
            .bind(signed(from))
            .bind(signed(until))
            .fetch_all(self.db())
            .await?;
        rows.iter()
            .map(|row| {
                let hash: &[u8] = row.try_get(0)?;
                hash.try_into().map(Hash).map_err(unreadable("hash of an event"))
            })
            .collect()
    }

    /// The signed checkpoint over all events; `None` before the first event.
    pub(crate) async fn log_head(&mut self) -> Result<Option<String>, CatalogError> {
        let row = sqlx::query("SELECT head FROM ledger WHERE name = 'events'")
            .fetch_one(self.db())
            .await?;
        Ok(row.try_get(0)?)
    }
}

impl Catalog {
    /// What checks the signatures of this catalog's log.
    ///
    /// # Errors
    /// The database's, or that the key does not open.
    pub async fn log_verifying_key(&self) -> Result<VerifyingKey, CatalogError> {
        let mut conn = self.reader().await?;
        Ok(self.log.key(conn.db()).await?.verifying_key())
    }

    /// The name of this catalog's log.
    ///
    /// # Errors
    /// The database's, or that the key does not open.
    pub async fn log_name(&self) -> Result<LogName, CatalogError> {
        let mut conn = self.reader().await?;
        Ok(self.log.key(conn.db()).await?.name().clone())
    }
}

impl System {
    /// The signed checkpoint over all events, as text and as what it says, to be kept where the database is not.
    ///
    /// # Errors
    /// The database's, or that the head is not what this program signs.
    pub async fn checkpoint(&self) -> Result<Option<(Checkpoint, String)>, CatalogError> {
        let mut conn = self.reader().await?;
        let Some(text) = conn.log_head().await? else {
            return Ok(None);
        };
        let key = self.log.key(conn.db()).await?.verifying_key();
        let head = key.open(&text).map_err(unreadable("head of the log"))?;
        Ok(Some((head, text)))
    }

    /// Whether the log up to `head` begins with what `kept` has seen and with what was read before, of which
    /// `frontier` is the edge; it moves on to the edge at `head`. What is new is read, and no more.
    ///
    /// # Errors
    /// The database's.
    pub async fn extends(
        &self,
        frontier: &mut Frontier,
        kept: Option<&Checkpoint>,
        head: &Checkpoint,
    ) -> Result<bool, CatalogError> {
        let mut conn = self.reader().await?;
        let agrees = |frontier: &Frontier| {
            [kept, Some(head)]
                .into_iter()
                .flatten()
                .all(|seen| seen.size != frontier.size() || seen.root == frontier.root())
        };
        let mut grown = frontier.clone();
        let mut is_same = agrees(&grown);
        while grown.size() < head.size {
            let until = head.size.min(grown.size() + AT_ONCE);
            let hashes = conn.leaf_hashes(grown.size(), until).await?;
            if hashes.is_empty() {
                return Ok(false);
            }
            for hash in hashes {
                grown.append(hash);
                is_same &= agrees(&grown);
            }
        }
        is_same &= grown.size() == head.size;
        if is_same {
            *frontier = grown;
        }
        Ok(is_same)
    }
}
