//! Opening the database and bringing its schema up to date.

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{SqlSafeStr, Transaction};

use crate::error::CatalogError;

/// The steps that lead to the present schema. A step that was released is never changed.
const MIGRATIONS: &[(i64, &str, &str)] = &[(1, "first", include_str!("../migrations/0001_first.sql"))];

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// The catalog. Cheap to clone; several processes may have it open.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub(crate) pool: SqlitePool,
}

impl Catalog {
    /// Opens the database in the file at `path`, which is made where it does not exist.
    ///
    /// # Errors
    /// [`CatalogError::Open`], or [`CatalogError::Newer`] for the database of a later version of the program.
    pub async fn open(path: &Path) -> Result<Self, CatalogError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let open = |source| CatalogError::Open {
            path: path.to_owned(),
            source,
        };
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options)
            .await
            .map_err(open)?;
        let catalog = Self { pool };
        catalog.migrate().await.map_err(|error| match error {
            CatalogError::Database(source) => open(source),
            other => other,
        })?;
        Ok(catalog)
    }

    /// Closes the database; the log of changes is folded into it.
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// A transaction that takes the writer's lock at its beginning: one that only reads first could find, when it
    /// comes to write, that another has written in between.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, CatalogError> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// All steps in one transaction, so that of several processes one takes them and the others find them taken.
    async fn migrate(&self) -> Result<(), CatalogError> {
        let steps = MIGRATIONS.iter().map(|&(version, name, sql)| {
            Migration::new(
                version,
                name.into(),
                MigrationType::Simple,
                sql.into_sql_str(),
                false,
            )
        });
        let known = MIGRATIONS.iter().map(|step| step.0).max().unwrap_or(0);
        let mut transaction = self.begin().await?;
        Migrator::with_migrations(steps.collect())
            .run(&mut *transaction)
            .await
            .map_err(|error| match error {
                sqlx::migrate::MigrateError::VersionMissing(found) if found > known => {
                    CatalogError::Newer { found, known }
                }
                sqlx::migrate::MigrateError::Execute(source) => CatalogError::Database(source),
                other => CatalogError::Schema(other),
            })?;
        Ok(transaction.commit().await?)
    }
}
