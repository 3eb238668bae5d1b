//! Opening the database, bringing its schema up to date, connections and transactions.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use policy::{Act, Authorized};
use sqlx::any::{Any, AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Executor, SqlSafeStr, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::cipher::{Cipher, Remembering};
use crate::error::CatalogError;
use crate::fold::{self, Folding};
use crate::log::Log;
use crate::notice::{Bus, Notice};
use crate::record::Recorder;
use crate::standing::{AsSystem, Facts, Standing};

/// The steps that lead to the present schema. A step that was released is never changed.
pub(crate) const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "people", include_str!("../migrations/0001_people.sql")),
    (2, "cases", include_str!("../migrations/0002_cases.sql")),
    (3, "content", include_str!("../migrations/0003_content.sql")),
    (4, "marks", include_str!("../migrations/0004_marks.sql")),
    (5, "ledger", include_str!("../migrations/0005_ledger.sql")),
    (6, "sights", include_str!("../migrations/0006_sights.sql")),
    (7, "news", include_str!("../migrations/0007_news.sql")),
    (8, "colors", include_str!("../migrations/0008_colors.sql")),
    (9, "walls", include_str!("../migrations/0009_walls.sql")),
    (
        10,
        "registrations",
        include_str!("../migrations/0010_registrations.sql"),
    ),
    (
        11,
        "registrations' wall",
        include_str!("../migrations/0011_registrations_wall.sql"),
    ),
];

/// The steps that PostgreSQL alone takes: SQLite has no row-level security, and nobody but this program in its file.
const WALLS: [i64; 2] = [9, 11];

/// The present schema: the last step.
pub(crate) const SCHEMA: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

/// How long a writer waits for a writer of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECTIONS_SQLITE: u32 = 8;
const CONNECTIONS_POSTGRES: u32 = 16;

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file of this machine, made where it does not exist.
    Sqlite(PathBuf),
    /// A server, by its `postgres://` URL.
    Postgres(String),
}

/// Whose dialect is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// The catalog. Cheap to clone; several processes may have it open.
#[derive(Clone)]
pub struct Catalog {
    pub(crate) pool: AnyPool,
    pub(crate) dialect: Dialect,
    pub(crate) cipher: Arc<dyn Cipher>,
    pub(crate) bus: Bus,
    pub(crate) recorder: Recorder,
    pub(crate) log: Log,
    pub(crate) folding: Folding,
    /// Writers of this process line up here: SQLite takes one at a time, and would have the others sleep and retry.
    turn: Arc<Mutex<()>>,
}

impl Catalog {
    /// Opens a database. `cipher` seals what is personal.
    ///
    /// # Errors
    /// [`CatalogError::Open`], [`CatalogError::Newer`] for the database of a later version of the program, or
    /// [`CatalogError::Early`] for one from before the schema was settled.
    pub async fn open(database: &Database, cipher: Arc<dyn Cipher>) -> Result<Self, CatalogError> {
        sqlx::any::install_default_drivers();
        let fail = |source| CatalogError::Open {
            place: database.place(),
            source,
        };
        let options: AnyConnectOptions = database.url().parse().map_err(fail)?;
        let (dialect, connections) = match database {
            Database::Sqlite(_) => (Dialect::Sqlite, CONNECTIONS_SQLITE),
            Database::Postgres(_) => (Dialect::Postgres, CONNECTIONS_POSTGRES),
        };
        let pool = AnyPoolOptions::new()
            .max_connections(connections)
            // A file does not go away while nobody looks.
            .test_before_acquire(dialect == Dialect::Postgres)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if dialect == Dialect::Sqlite {
                        let pragmas = AssertSqlSafe(sqlite_pragmas());
                        connection.execute(sqlx::raw_sql(pragmas)).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await
            .map_err(fail)?;
        migrate(&pool, dialect).await.map_err(|error| match error {
            CatalogError::Database(source) => fail(source),
            other => other,
        })?;
        let bus = Bus::open(database, dialect).await.map_err(fail)?;
        let turn = Arc::new(Mutex::new(()));
        let log = Log::open(&pool, Arc::clone(&cipher)).await?;
        let folding = Folding::start(&pool, dialect);
        let recorder = Recorder::start(
            pool.clone(),
            dialect,
            Arc::clone(&turn),
            log.clone(),
            folding.clone(),
        );
        Ok(Self {
            pool,
            dialect,
            cipher: Arc::new(Remembering::over(cipher)),
            bus,
            recorder,
            log,
            folding,
            turn,
        })
    }

    /// What no person asked for, and what the operator of the machine does.
    pub fn system(&self) -> System {
        System(self.clone())
    }

    /// Closes the database; the log of changes is folded into it.
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// A connection to look with.
    ///
    /// # Errors
    /// The database's.
    pub async fn reader(&self) -> Result<Conn, CatalogError> {
        self.reader_as(Standing::Facts).await
    }

    pub(crate) async fn reader_as(&self, standing: Standing) -> Result<Conn, CatalogError> {
        let link = match self.dialect {
            Dialect::Sqlite => Link::Pooled(self.pool.acquire().await?),
            // Who asks is told to a transaction.
            Dialect::Postgres => Link::Transaction(
                self.pool
                    .begin_with(AssertSqlSafe(standing.begin("BEGIN")))
                    .await?,
            ),
        };
        Ok(self.conn(link, standing))
    }

    fn conn(&self, link: Link, standing: Standing) -> Conn {
        Conn {
            link,
            cipher: Arc::clone(&self.cipher),
            dialect: self.dialect,
            standing,
        }
    }

    /// Begins a change. Nothing of it is there before [`Change::commit`].
    ///
    /// # Errors
    /// The database's.
    pub async fn change(&self) -> Result<Change, CatalogError> {
        self.change_as(Standing::Facts).await
    }

    async fn change_as(&self, standing: Standing) -> Result<Change, CatalogError> {
        let (transaction, turn) = begin(&self.pool, self.dialect, &self.turn, standing).await?;
        Ok(Change {
            conn: self.conn(Link::Transaction(transaction), standing),
            notices: Vec::new(),
            bus: self.bus.clone(),
            log: self.log.clone(),
            folding: self.folding.clone(),
            _turn: turn,
        })
    }
}

/// The catalog for what no person asked for: the pipeline and its queue, purging, the log, backups, keys.
#[derive(Clone, Debug)]
pub struct System(Catalog);

impl Deref for System {
    type Target = Catalog;

    fn deref(&self) -> &Catalog {
        &self.0
    }
}

impl System {
    /// A connection that sees everything.
    pub(crate) async fn reader(&self) -> Result<Conn, CatalogError> {
        self.0.reader_as(Standing::System).await
    }

    /// A change of anything.
    pub(crate) async fn change(&self) -> Result<Change, CatalogError> {
        self.0.change_as(Standing::System).await
    }

    /// A connection that sees the database as it is at its first question, whatever is written meanwhile.
    pub(crate) async fn snapshot(&self) -> Result<Conn, CatalogError> {
        let begin = match self.dialect {
            Dialect::Sqlite => "BEGIN".to_owned(),
            Dialect::Postgres => Standing::System.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
        };
        let transaction = self.pool.begin_with(AssertSqlSafe(begin)).await?;
        Ok(self.0.conn(Link::Transaction(transaction), Standing::System))
    }
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Catalog({:?})", self.dialect)
    }
}

/// Begins a transaction. SQLite's takes the writer's lock at its beginning: one that only reads first could find,
/// when it comes to write, that another has written in between.
pub(crate) async fn begin(
    pool: &AnyPool,
    dialect: Dialect,
    turn: &Arc<Mutex<()>>,
    standing: Standing,
) -> Result<(Transaction<'static, Any>, Option<OwnedMutexGuard<()>>), CatalogError> {
    match dialect {
        Dialect::Sqlite => {
            let turn = Arc::clone(turn).lock_owned().await;
            Ok((pool.begin_with("BEGIN IMMEDIATE").await?, Some(turn)))
        }
        Dialect::Postgres => {
            let begin = AssertSqlSafe(standing.begin("BEGIN"));
            Ok((pool.begin_with(begin).await?, None))
        }
    }
}

/// A connection with what opens the values it reads.
pub struct Conn {
    link: Link,
    pub(crate) cipher: Arc<dyn Cipher>,
    pub(crate) dialect: Dialect,
    /// Whose rows it sees.
    standing: Standing,
}

enum Link {
    Pooled(PoolConnection<Any>),
    Transaction(Transaction<'static, Any>),
}

impl Conn {
    /// What is known before a question is answered.
    ///
    /// # Errors
    /// The database's.
    pub async fn facts(&mut self) -> Result<Facts<'_>, CatalogError> {
        self.stand(Standing::Facts).await?;
        Ok(Facts::over(self))
    }

    /// The thing of a proof. From now on the database lets through what its user may know of.
    pub(crate) async fn under<A: Act, I>(
        &mut self,
        proof: &Authorized<A>,
        id: fn(&Authorized<A>) -> I,
    ) -> Result<I, CatalogError> {
        self.stand(Standing::Person(proof.user())).await?;
        Ok(id(proof))
    }

    /// Says whose rows are seen from now on.
    pub(crate) async fn stand(&mut self, standing: Standing) -> Result<(), CatalogError> {
        if self.standing == standing {
            return Ok(());
        }
        if self.dialect == Dialect::Postgres {
            sqlx::query("SELECT set_config('vitrine.who', $1, true)")
                .bind(standing.word())
                .execute(self.db())
                .await?;
        }
        self.standing = standing;
        Ok(())
    }

    pub(crate) fn db(&mut self) -> &mut AnyConnection {
        match &mut self.link {
            Link::Pooled(connection) => connection,
            Link::Transaction(transaction) => transaction,
        }
    }
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Conn(..)")
    }
}

/// A change of the catalog: reads as [`Conn`] does, writes, and is there all at once or not at all.
pub struct Change {
    conn: Conn,
    notices: Vec<Notice>,
    bus: Bus,
    pub(crate) log: Log,
    folding: Folding,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Change {
    /// What a person brings about beyond what the person may see, and what is done before anybody is known.
    ///
    /// # Errors
    /// The database's.
    pub async fn as_system(&mut self) -> Result<AsSystem<'_>, CatalogError> {
        self.stand(Standing::System).await?;
        Ok(AsSystem::over(self))
    }

    /// Tells everybody who listens, when the change is there.
    pub fn notify(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// Makes the change last; when this returns it survives loss of power.
    ///
    /// # Errors
    /// The database's; nothing has changed then.
    pub async fn commit(mut self) -> Result<(), CatalogError> {
        if self.conn.dialect == Dialect::Postgres {
            for notice in &self.notices {
                crate::notice::send(self.conn.db(), notice).await?;
            }
        }
        if let Link::Transaction(transaction) = self.conn.link {
            transaction.commit().await?;
        }
        self.folding.tell();
        if self.conn.dialect == Dialect::Sqlite {
            for notice in self.notices {
                self.bus.tell(notice);
            }
        }
        Ok(())
    }
}

impl Deref for Change {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Change {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Change(..)")
    }
}

impl Database {
    /// For messages: without a password.
    fn place(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres(url) => match url.rsplit_once('@') {
                Some((_, host)) => format!("postgres://{host}"),
                None => "postgres://".to_owned(),
            },
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}?mode=rwc", escaped(path)),
            Self::Postgres(url) => url.clone(),
        }
    }
}

/// A path as it stands in a URL: any byte that could mean something there is written as its number.
fn escaped(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut out = String::new();
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A commit survives loss of power; what is deleted is overwritten; temporary tables stay in memory.
fn sqlite_pragmas() -> String {
    format!(
        "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = {};",
        BUSY_TIMEOUT.as_millis(),
        fold::PAGES
    )
}

/// All steps in one transaction, so that of several processes one takes them and the others find them taken.
async fn migrate(pool: &AnyPool, dialect: Dialect) -> Result<(), CatalogError> {
    let steps = MIGRATIONS.iter().map(|&(version, name, sql)| {
        let sql = match dialect {
            Dialect::Sqlite if WALLS.contains(&version) => "SELECT 1".to_owned(),
            Dialect::Sqlite => sql.to_owned(),
            Dialect::Postgres => sql.replace(" BLOB", " BYTEA"),
        };
        Migration::new(
            version,
            name.into(),
            MigrationType::Simple,
            AssertSqlSafe(sql).into_sql_str(),
            false,
        )
    });
    let known = SCHEMA;
    let mut transaction = match dialect {
        Dialect::Sqlite => pool.begin_with("BEGIN IMMEDIATE").await?,
        Dialect::Postgres => {
            let begin = AssertSqlSafe(Standing::System.begin("BEGIN"));
            pool.begin_with(begin).await?
        }
    };
    if dialect == Dialect::Postgres {
        // Any number, the same for all who do this.
        sqlx::query("SELECT pg_advisory_xact_lock(7203174)")
            .execute(&mut *transaction)
            .await?;
    }
    let connection: &mut AnyConnection = &mut transaction;
    Migrator::with_migrations(steps.collect())
        .run(connection)
        .await
        .map_err(|error| match error {
            MigrateError::VersionMissing(found) if found > known => CatalogError::Newer { found, known },
            MigrateError::VersionMismatch(_) => CatalogError::Early,
            MigrateError::Execute(source) => CatalogError::Database(source),
            other => CatalogError::Schema(other),
        })?;
    Ok(transaction.commit().await?)
}
