//! The queue of work. A worker holds a lease on what it works on; when the lease runs out another takes it up.

use domain::{CaseId, JobId, JobState, Timestamp, UploadSetId, UserId};
use policy::{Authorized, act};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use crate::cipher::Keyring;
use crate::database::{Change, Conn, Dialect, System};
use crate::error::{CatalogError, unreadable};
use crate::read::case_keys;
use crate::right;
use crate::sql::{count, id, maybe_id, signed, word};
use crate::standing::{AsSystem, Standing};

/// How often a job is tried.
pub const MOST_ATTEMPTS: u64 = 3;

/// A piece of work.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The case that it is done in.
    pub case: CaseId,
    /// The practice of the case.
    pub practice: Option<domain::PracticeId>,
    /// The key of the case as the catalog keeps it.
    pub wrapped_key: Vec<u8>,
    /// The uploads to be ingested.
    pub set: UploadSetId,
    /// For whom.
    pub user: UserId,
    /// How it stands.
    pub state: JobState,
    /// How often it was begun.
    pub attempts: u64,
    /// How far it has come, in words of the worker's.
    pub progress: Value,
    /// What came of it, or why it failed.
    pub outcome: Option<Value>,
    /// When it was queued.
    pub created: Timestamp,
}

const COLUMNS: &str = "SELECT j.id, j.case_id, c.wrapped_key, j.set_id, j.user_id, j.state, j.attempts, j.progress, \
                       j.sealed, j.created_ms, c.practice_id FROM jobs j JOIN cases c ON c.id = j.case_id";

impl Conn {
    /// The job of a set of uploads.
    ///
    /// # Errors
    /// The database's.
    pub async fn job_of_set<A: right::ReadUploads>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<Option<Job>, CatalogError> {
        let set = self.under(&proof, A::id).await?;
        self.job_in_sight(set).await
    }

    /// The job of a set that the person whose rows are seen has uploaded.
    pub(crate) async fn job_in_sight(&mut self, set: UploadSetId) -> Result<Option<Job>, CatalogError> {
        let seen = sqlx::query("SELECT id FROM upload_sets WHERE id = $1")
            .bind(set.to_string())
            .fetch_optional(self.db())
            .await?;
        if seen.is_none() {
            return Ok(None);
        }
        // Who uploaded sees what came of it, even where the case is out of sight by now.
        self.stand(Standing::System).await?;
        let row = sqlx::query(AssertSqlSafe(format!("{COLUMNS} WHERE j.set_id = $1")))
            .bind(set.to_string())
            .fetch_optional(self.db())
            .await?;
        row.map(|row| job_from(self, &row)).transpose()
    }

    async fn job(&mut self, job: JobId) -> Result<Option<Job>, CatalogError> {
        let row = sqlx::query(AssertSqlSafe(format!("{COLUMNS} WHERE j.id = $1")))
            .bind(job.to_string())
            .fetch_optional(self.db())
            .await?;
        row.map(|row| job_from(self, &row)).transpose()
    }
}

impl System {
    /// Takes the job that has waited longest: one that is queued, or one whose lease has run out.
    ///
    /// # Errors
    /// The database's.
    pub async fn take_job(
        &self,
        worker: &str,
        lease_ms: i64,
        now: Timestamp,
    ) -> Result<Option<Job>, CatalogError> {
        let next = "SELECT id FROM jobs WHERE (state = 'queued' OR (state = 'running' AND lease_until_ms < $1)) \
                    AND attempts < $2 ORDER BY created_ms, id LIMIT 1";
        let next = match self.dialect {
            Dialect::Sqlite => next.to_owned(),
            Dialect::Postgres => format!("{next} FOR UPDATE SKIP LOCKED"),
        };
        // Looking needs no writer's turn: idle workers ask often.
        let mut reader = self.reader().await?;
        let waiting = sqlx::query(
            "SELECT id FROM jobs WHERE (state = 'queued' OR (state = 'running' AND lease_until_ms < $1)) LIMIT 1",
        )
        .bind(now.ms())
        .fetch_optional(reader.db())
        .await?;
        drop(reader);
        if waiting.is_none() {
            return Ok(None);
        }
        let mut change = self.change().await?;
        let row = sqlx::query(AssertSqlSafe(next))
            .bind(now.ms())
            .bind(signed(MOST_ATTEMPTS))
            .fetch_optional(change.db())
            .await?;
        let Some(row) = row else {
            change.give_up_on_jobs(now).await?;
            change.commit().await?;
            return Ok(None);
        };
        let job: JobId = id(&row, 0)?;
        sqlx::query(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, worker = $1, lease_until_ms = $2, \
             changed_ms = $3 WHERE id = $4",
        )
        .bind(worker)
        .bind(now.plus_ms(lease_ms).ms())
        .bind(now.ms())
        .bind(job.to_string())
        .execute(change.db())
        .await?;
        let job = change.job(job).await?;
        change.commit().await?;
        Ok(job)
    }

    /// Keeps a job, and tells how far it has come; `false` where another worker has taken it.
    ///
    /// # Errors
    /// The database's.
    pub async fn renew_job(
        &self,
        job: JobId,
        worker: &str,
        lease_until: Timestamp,
        progress: &Value,
    ) -> Result<bool, CatalogError> {
        let mut change = self.change().await?;
        let renewed = sqlx::query(
            "UPDATE jobs SET lease_until_ms = $1, progress = $2 WHERE id = $3 AND worker = $4 AND state = 'running'",
        )
        .bind(lease_until.ms())
        .bind(progress.to_string())
        .bind(job.to_string())
        .bind(worker)
        .execute(change.db())
        .await?;
        change.commit().await?;
        Ok(renewed.rows_affected() == 1)
    }
}

impl AsSystem<'_> {
    /// Ends a job, well or not; `false` where another worker has taken it.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_job(
        &mut self,
        job: &Job,
        worker: &str,
        state: JobState,
        outcome: &Value,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let keys = Keyring::open(&*self.cipher, *job.case.as_bytes(), &job.wrapped_key)?;
        let ended = sqlx::query(
            "UPDATE jobs SET state = $1, sealed = $2, changed_ms = $3, worker = NULL, lease_until_ms = 0 \
             WHERE id = $4 AND worker = $5 AND state = 'running'",
        )
        .bind(state.word())
        .bind(keys.seal("jobs", job.id.as_bytes(), outcome)?)
        .bind(now.ms())
        .bind(job.id.to_string())
        .bind(worker)
        .execute(self.db())
        .await?;
        Ok(ended.rows_affected() == 1)
    }
}

impl Change {
    /// Puts the failed job of a set back into the queue, as if it had never been begun.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] where it has not failed, or its files are no longer kept.
    pub async fn retry_job(
        &mut self,
        proof: Authorized<act::RetryIngest>,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let set = self.under(&proof, right::ReadUploads::id).await?;
        let open = sqlx::query(
            "UPDATE upload_sets SET state = 'closed', changed_ms = $1 WHERE id = $2 AND state = 'failed' \
             AND EXISTS (SELECT 1 FROM uploads u WHERE u.set_id = upload_sets.id)",
        )
        .bind(now.ms())
        .bind(set.to_string())
        .execute(self.db())
        .await?;
        if open.rows_affected() == 0 {
            return Err(CatalogError::Conflict("the work on the set has not failed"));
        }
        sqlx::query(
            "UPDATE jobs SET state = 'queued', attempts = 0, progress = '{}', sealed = NULL, changed_ms = $1 \
             WHERE set_id = $2 AND state = 'failed'",
        )
        .bind(now.ms())
        .bind(set.to_string())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Jobs whose workers died as often as one is tried have failed, and their sets with them.
    async fn give_up_on_jobs(&mut self, now: Timestamp) -> Result<(), CatalogError> {
        sqlx::query(
            "UPDATE jobs SET state = 'failed', changed_ms = $1 WHERE state = 'running' AND lease_until_ms < $1 \
             AND attempts >= $2",
        )
        .bind(now.ms())
        .bind(signed(MOST_ATTEMPTS))
        .execute(self.db())
        .await?;
        sqlx::query(
            "UPDATE upload_sets SET state = 'failed', changed_ms = $1 WHERE state = 'closed' \
             AND id IN (SELECT set_id FROM jobs WHERE state = 'failed')",
        )
        .bind(now.ms())
        .execute(self.db())
        .await?;
        Ok(())
    }
}

fn job_from(conn: &Conn, row: &AnyRow) -> Result<Job, CatalogError> {
    let id: JobId = id(row, 0)?;
    let outcome = match row.try_get::<Option<&[u8]>, _>(8)? {
        Some(sealed) => {
            let keys = case_keys(&*conn.cipher, row, 1, 2)?;
            Some(keys.unseal("jobs", id.as_bytes(), sealed)?)
        }
        None => None,
    };
    Ok(Job {
        id,
        case: crate::sql::id(row, 1)?,
        wrapped_key: row.try_get(2)?,
        set: crate::sql::id(row, 3)?,
        user: crate::sql::id(row, 4)?,
        state: word(row, 5, JobState::from_word, "job state")?,
        attempts: count(row, 6)?,
        progress: serde_json::from_str(row.try_get(7)?).map_err(unreadable("progress"))?,
        outcome,
        created: Timestamp::from_ms(row.try_get(9)?),
        practice: maybe_id(row, 10)?,
    })
}
