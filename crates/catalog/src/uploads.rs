//! Files on their way in. A set of them is ingested as one; each arrives in pieces, and each piece is an object of the
//! vault that is durable before it is acknowledged.

use domain::{Biometric, CaseId, IngestId, JobId, Phi, Timestamp, UploadId, UploadSetId, UserId};
use policy::{Authorized, DestinationId, act};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use crate::cipher::Keyring;
use crate::database::{Change, Conn, System};
use crate::error::CatalogError;
use crate::jobs::Job;
use crate::read::{case_keys, object_from};
use crate::right;
use crate::rows::ObjectRow;
use crate::sql::{count, id, signed, word};
use crate::standing::{AsSystem, Facts, Standing};

/// Files that come in together.
#[derive(Clone, Debug, PartialEq)]
pub struct UploadSet {
    /// Its id.
    pub id: UploadSetId,
    /// The case that they go to.
    pub case: CaseId,
    /// Who uploads.
    pub user: UserId,
    /// Whether it was said to show a face or a head.
    pub biometric: Biometric,
    /// `open`, `closed`, `done`, `failed` or `dropped`.
    pub state: String,
    /// How many files were announced.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// When it was opened.
    pub created: Timestamp,
}

/// A file on its way in.
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// The set that it belongs to.
    pub set: UploadSetId,
    /// The case that it goes to.
    pub case: CaseId,
    /// Who uploads it.
    pub user: UserId,
    /// How the set stands.
    pub set_state: String,
    /// Its length, bytes.
    pub len: u64,
    /// Bytes that have arrived and are durable.
    pub received: u64,
}

/// A file to be announced, with what has arrived of it, if anything has.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// Its id, new.
    pub id: UploadId,
    /// Its name and path as uploaded.
    pub path: Phi<String>,
    /// Its length, bytes.
    pub len: u64,
    /// Its beginning, or all of it.
    pub part: Option<ObjectRow>,
}

/// A file that has arrived, to be ingested.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Its id.
    pub id: UploadId,
    /// Its name and path as uploaded.
    pub path: Phi<String>,
    /// Its length, bytes.
    pub len: u64,
    /// Its pieces in their order, which cover it.
    pub parts: Vec<ObjectRow>,
}

const SETS: &str = "SELECT id, case_id, user_id, state, files, bytes, created_ms, biometric FROM upload_sets";

impl Conn {
    /// One's own sets in a case that are still open, not yet ingested, or failed and kept to be tried again, each with the
    /// work on it.
    ///
    /// # Errors
    /// The database's.
    pub async fn open_upload_sets(
        &mut self,
        proof: Authorized<act::SeeCase>,
    ) -> Result<Vec<(UploadSet, Option<Job>)>, CatalogError> {
        let (case, user) = (self.under(&proof, Authorized::on).await?, proof.user());
        let sql = format!(
            "{SETS} WHERE case_id = $1 AND user_id = $2 AND state IN ('open', 'closed', 'failed') ORDER BY created_ms, id"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(case.to_string())
            .bind(user.to_string())
            .fetch_all(self.db())
            .await?;
        let mut sets = Vec::with_capacity(rows.len());
        for row in &rows {
            let set = set_from(row)?;
            self.under(&proof, Authorized::on).await?;
            let job = self.job_in_sight(set.id).await?;
            sets.push((set, job));
        }
        Ok(sets)
    }

    /// The key of the case that an upload goes to, and the case.
    ///
    /// # Errors
    /// [`CatalogError::Missing`], or the database's.
    pub async fn key_of_upload(
        &mut self,
        proof: Authorized<act::ContinueUpload>,
    ) -> Result<(CaseId, Vec<u8>), CatalogError> {
        let upload = self.under(&proof, Authorized::on).await?;
        let row = sqlx::query(
            "SELECT c.id, c.wrapped_key FROM upload_sets s JOIN cases c ON c.id = s.case_id WHERE s.id = $1 \
             OR s.id = (SELECT set_id FROM uploads WHERE id = $1)",
        )
        .bind(upload.to_string())
        .fetch_optional(self.db())
        .await?
        .ok_or(CatalogError::Missing { what: "upload" })?;
        Ok((id(&row, 0)?, row.try_get(1)?))
    }

    /// Every file of a set with its pieces, in the order of their announcement.
    ///
    /// # Errors
    /// The database's.
    pub async fn arrived(&mut self, proof: Authorized<act::SeeUpload>) -> Result<Vec<Arrived>, CatalogError> {
        let set = self.under(&proof, right::ReadUploads::id).await?;
        let seen = sqlx::query("SELECT id FROM upload_sets WHERE id = $1")
            .bind(set.to_string())
            .fetch_optional(self.db())
            .await?;
        if seen.is_none() {
            return Ok(Vec::new());
        }
        // Who uploaded sees what has come of it, even where the case is out of sight by now.
        self.stand(Standing::System).await?;
        self.files_of(set).await
    }

    async fn files_of(&mut self, set: UploadSetId) -> Result<Vec<Arrived>, CatalogError> {
        let rows = sqlx::query(
            "SELECT u.id, u.sealed, u.len, s.case_id, c.wrapped_key, p.object, b.reference, b.len FROM uploads u \
             JOIN upload_sets s ON s.id = u.set_id JOIN cases c ON c.id = s.case_id \
             LEFT JOIN upload_parts p ON p.upload_id = u.id LEFT JOIN objects b ON b.name = p.object \
             WHERE u.set_id = $1 ORDER BY u.created_ms, u.id, p.start",
        )
        .bind(set.to_string())
        .fetch_all(self.db())
        .await?;
        let mut files: Vec<Arrived> = Vec::new();
        let mut keys: Option<Keyring> = None;
        for row in &rows {
            let upload: UploadId = id(row, 0)?;
            if files.last().is_none_or(|file| file.id != upload) {
                let keys = match &keys {
                    Some(keys) => keys,
                    None => keys.insert(case_keys(&*self.cipher, row, 3, 4)?),
                };
                files.push(Arrived {
                    id: upload,
                    path: keys.unseal("uploads", upload.as_bytes(), row.try_get(1)?)?,
                    len: count(row, 2)?,
                    parts: Vec::new(),
                });
            }
            if row.try_get::<Option<&str>, _>(5)?.is_some()
                && let Some(file) = files.last_mut()
            {
                file.parts.push(object_from(row, 5)?);
            }
        }
        Ok(files)
    }
}

impl Facts<'_> {
    /// A set of uploads.
    ///
    /// # Errors
    /// The database's.
    pub async fn upload_set(&mut self, set: UploadSetId) -> Result<Option<UploadSet>, CatalogError> {
        let row = sqlx::query(AssertSqlSafe(format!("{SETS} WHERE id = $1")))
            .bind(set.to_string())
            .fetch_optional(self.db())
            .await?;
        row.map(|row| set_from(&row)).transpose()
    }

    /// A file on its way in.
    ///
    /// # Errors
    /// The database's.
    pub async fn upload(&mut self, upload: UploadId) -> Result<Option<Upload>, CatalogError> {
        let row = sqlx::query(
            "SELECT u.id, u.set_id, s.case_id, s.user_id, s.state, u.len, u.received FROM uploads u \
             JOIN upload_sets s ON s.id = u.set_id WHERE u.id = $1",
        )
        .bind(upload.to_string())
        .fetch_optional(self.db())
        .await?;
        row.map(|row| {
            Ok(Upload {
                id: id(&row, 0)?,
                set: id(&row, 1)?,
                case: id(&row, 2)?,
                user: id(&row, 3)?,
                set_state: row.try_get(4)?,
                len: count(&row, 5)?,
                received: count(&row, 6)?,
            })
        })
        .transpose()
    }

    /// Bytes that a practice keeps: objects of originals, and uploads that are still on their way.
    ///
    /// # Errors
    /// The database's.
    pub async fn bytes_of_practice(&mut self, practice: domain::PracticeId) -> Result<u64, CatalogError> {
        let row = sqlx::query(
            "SELECT CAST(COALESCE((SELECT SUM(b.len) FROM originals o JOIN objects b ON b.name = o.object \
             JOIN cases c ON c.id = o.case_id WHERE c.practice_id = $1), 0) + \
             COALESCE((SELECT SUM(s.bytes) FROM upload_sets s JOIN cases c ON c.id = s.case_id \
             WHERE c.practice_id = $1 AND s.state IN ('open', 'closed', 'failed')), 0) AS BIGINT)",
        )
        .bind(practice.to_string())
        .fetch_one(self.db())
        .await?;
        count(&row, 0)
    }

    /// Bytes that a case keeps, counted as for a practice.
    ///
    /// # Errors
    /// The database's.
    pub async fn bytes_of_case(&mut self, case: CaseId) -> Result<u64, CatalogError> {
        let row = sqlx::query(
            "SELECT CAST(COALESCE((SELECT SUM(b.len) FROM originals o JOIN objects b ON b.name = o.object \
             WHERE o.case_id = $1), 0) + COALESCE((SELECT SUM(bytes) FROM upload_sets \
             WHERE case_id = $1 AND state IN ('open', 'closed', 'failed')), 0) AS BIGINT)",
        )
        .bind(case.to_string())
        .fetch_one(self.db())
        .await?;
        count(&row, 0)
    }
}

impl System {
    /// Sets that failed before a moment and are still kept: at most `limit`.
    ///
    /// # Errors
    /// The database's.
    pub async fn failed_upload_sets(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<UploadSet>, CatalogError> {
        let sql = format!("{SETS} WHERE state = 'failed' AND changed_ms < $1 ORDER BY changed_ms LIMIT $2");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(before.ms())
            .bind(i64::from(limit))
            .fetch_all(self.reader().await?.db())
            .await?;
        rows.iter().map(set_from).collect()
    }

    /// Every file of a set with its pieces, in the order of their announcement.
    ///
    /// # Errors
    /// The database's.
    pub async fn arrived(&self, set: UploadSetId) -> Result<Vec<Arrived>, CatalogError> {
        self.reader().await?.files_of(set).await
    }
}

impl Change {
    /// Opens a set of uploads into what the proof is about, and tells where that is kept. One's own space is made where
    /// there is none.
    ///
    /// # Errors
    /// [`CatalogError::Missing`] for a profile, which keeps nothing outside of its cases; or the database's.
    pub async fn create_upload_set(
        &mut self,
        proof: Authorized<act::StartUpload>,
        set: UploadSetId,
        biometric: Biometric,
        now: Timestamp,
    ) -> Result<CaseId, CatalogError> {
        let case = match self.under(&proof, Authorized::on).await? {
            DestinationId::Case(case) => case,
            DestinationId::Space(owner) => {
                let case = self.as_system().await?.space_or_new(owner, now).await?;
                self.under(&proof, Authorized::on).await?;
                case
            }
            DestinationId::Profile(_) => return Err(CatalogError::Missing { what: "case" }),
        };
        sqlx::query(
            "INSERT INTO upload_sets (id, case_id, user_id, state, files, bytes, created_ms, changed_ms, biometric) \
             VALUES ($1, $2, $3, 'open', 0, 0, $4, $4, $5)",
        )
        .bind(set.to_string())
        .bind(case.to_string())
        .bind(proof.user().to_string())
        .bind(now.ms())
        .bind(biometric.word())
        .execute(self.db())
        .await?;
        Ok(case)
    }

    /// Announces files of a set, some perhaps with what has arrived of them. Their objects are pending no more.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] where the set is not open.
    pub async fn add_uploads(
        &mut self,
        proof: Authorized<act::ContinueUpload>,
        uploads: &[NewUpload],
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let set = self.under(&proof, right::ReadUploads::id).await?;
        let bytes = uploads.iter().fold(0_u64, |sum, u| sum.saturating_add(u.len));
        let counted = sqlx::query(
            "UPDATE upload_sets SET files = files + $1, bytes = bytes + $2, changed_ms = $3 \
             WHERE id = $4 AND state = 'open'",
        )
        .bind(signed(uploads.len() as u64))
        .bind(signed(bytes))
        .bind(now.ms())
        .bind(set.to_string())
        .execute(self.db())
        .await?;
        if counted.rows_affected() == 0 {
            return Err(CatalogError::Conflict("the set takes no more files"));
        }
        let row = sqlx::query(
            "SELECT c.id, c.wrapped_key FROM upload_sets s JOIN cases c ON c.id = s.case_id WHERE s.id = $1",
        )
        .bind(set.to_string())
        .fetch_one(self.db())
        .await?;
        let keys = case_keys(&*self.cipher, &row, 0, 1)?;
        let set = set.to_string();
        self.insert(
            "INSERT INTO uploads (id, set_id, sealed, len, received, created_ms) VALUES ",
            6,
            uploads,
            |query, upload| {
                let received = upload.part.as_ref().map_or(0, |part| part.len);
                Ok(query
                    .bind(upload.id.to_string())
                    .bind(set.clone())
                    .bind(keys.seal("uploads", upload.id.as_bytes(), &upload.path)?)
                    .bind(signed(upload.len))
                    .bind(signed(received))
                    .bind(now.ms()))
            },
        )
        .await?;
        let parts: Vec<(UploadId, u64, &ObjectRow)> = uploads
            .iter()
            .filter_map(|upload| Some((upload.id, 0, upload.part.as_ref()?)))
            .collect();
        self.add_parts(&parts).await
    }

    /// Adds a piece to a file, which must begin where the last one ended.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] where another piece came first.
    pub async fn add_part(
        &mut self,
        proof: Authorized<act::ContinueUpload>,
        start: u64,
        part: &ObjectRow,
    ) -> Result<(), CatalogError> {
        let upload = self.under(&proof, Authorized::on).await?;
        let moved =
            sqlx::query("UPDATE uploads SET received = received + $1 WHERE id = $2 AND received = $3")
                .bind(signed(part.len))
                .bind(upload.to_string())
                .bind(signed(start))
                .execute(self.db())
                .await?;
        if moved.rows_affected() == 0 {
            return Err(CatalogError::Conflict("another piece of the file came first"));
        }
        self.add_parts(&[(upload, start, part)]).await
    }

    async fn add_parts(&mut self, parts: &[(UploadId, u64, &ObjectRow)]) -> Result<(), CatalogError> {
        let objects: Vec<&ObjectRow> = parts.iter().map(|(_, _, part)| *part).collect();
        self.insert_objects(&objects).await?;
        self.insert(
            "INSERT INTO upload_parts (upload_id, start, object) VALUES ",
            3,
            parts,
            |query, (upload, start, part)| {
                Ok(query
                    .bind(upload.to_string())
                    .bind(signed(*start))
                    .bind(part.name.clone()))
            },
        )
        .await?;
        let names: Vec<&String> = parts.iter().map(|(_, _, part)| &part.name).collect();
        self.remove_pending(&names).await
    }

    /// Closes a set whose files have all arrived and queues the work on it.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] where a file has not arrived, there is none, or the set is not open.
    pub async fn close_upload_set(
        &mut self,
        proof: Authorized<act::ContinueUpload>,
        job: JobId,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let set = self.under(&proof, right::ReadUploads::id).await?;
        let missing = sqlx::query("SELECT COUNT(*) FROM uploads WHERE set_id = $1 AND received < len")
            .bind(set.to_string())
            .fetch_one(self.db())
            .await?;
        if count(&missing, 0)? > 0 {
            return Err(CatalogError::Conflict("a file of the set has not arrived"));
        }
        let closed = sqlx::query(
            "UPDATE upload_sets SET state = 'closed', changed_ms = $1 \
             WHERE id = $2 AND state = 'open' AND files > 0",
        )
        .bind(now.ms())
        .bind(set.to_string())
        .execute(self.db())
        .await?;
        if closed.rows_affected() == 0 {
            return Err(CatalogError::Conflict("the set is not open, or empty"));
        }
        sqlx::query(
            "INSERT INTO jobs (id, kind, case_id, set_id, user_id, state, attempts, lease_until_ms, progress, \
             created_ms, changed_ms) \
             SELECT $1, 'ingest', case_id, id, user_id, 'queued', 0, 0, '{}', $2, $2 FROM upload_sets WHERE id = $3",
        )
        .bind(job.to_string())
        .bind(now.ms())
        .bind(set.to_string())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Gives a set up: what no original has taken over is garbage of the run `ingest`.
    ///
    /// # Errors
    /// [`CatalogError::Missing`], or the database's.
    pub async fn abandon_upload_set(
        &mut self,
        proof: Authorized<act::AbandonUpload>,
        ingest: IngestId,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let upload = self.under(&proof, Authorized::on).await?;
        let row = sqlx::query("SELECT id FROM upload_sets WHERE id = $1")
            .bind(upload.to_string())
            .fetch_optional(self.db())
            .await?
            .ok_or(CatalogError::Missing { what: "set" })?;
        let set = id(&row, 0)?;
        // Which objects originals have taken over is to be seen in full, or what is in use would be removed.
        self.as_system()
            .await?
            .end_upload_set(set, "dropped", ingest, now)
            .await
    }

    /// Takes a file back that was announced; `false` where there is none or its set is not open.
    ///
    /// # Errors
    /// The database's.
    pub async fn drop_upload(
        &mut self,
        proof: Authorized<act::ContinueUpload>,
        ingest: IngestId,
    ) -> Result<bool, CatalogError> {
        let upload = self.under(&proof, Authorized::on).await?;
        let counted = sqlx::query(
            "UPDATE upload_sets SET files = files - 1, bytes = bytes - (SELECT len FROM uploads WHERE id = $1) \
             WHERE id = (SELECT set_id FROM uploads WHERE id = $1) AND state = 'open'",
        )
        .bind(upload.to_string())
        .execute(self.db())
        .await?;
        if counted.rows_affected() == 0 {
            return Ok(false);
        }
        let rows = sqlx::query("SELECT object FROM upload_parts WHERE upload_id = $1")
            .bind(upload.to_string())
            .fetch_all(self.db())
            .await?;
        let names = rows
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<Vec<String>, _>>()?;
        self.drop_parts(&names, ingest).await?;
        let dropped = sqlx::query("DELETE FROM uploads WHERE id = $1")
            .bind(upload.to_string())
            .execute(self.db())
            .await?;
        Ok(dropped.rows_affected() == 1)
    }

    async fn drop_parts(&mut self, names: &[String], ingest: IngestId) -> Result<(), CatalogError> {
        self.add_pending(ingest, names).await?;
        self.delete_named("DELETE FROM upload_parts WHERE object IN", names)
            .await?;
        self.delete_named("DELETE FROM objects WHERE name IN", names)
            .await
    }
}

impl AsSystem<'_> {
    /// Notes that the work on a set has failed. Its files are kept, to be tried again.
    ///
    /// # Errors
    /// The database's.
    pub async fn fail_upload_set(&mut self, set: UploadSetId, now: Timestamp) -> Result<(), CatalogError> {
        sqlx::query("UPDATE upload_sets SET state = 'failed', changed_ms = $1 WHERE id = $2")
            .bind(now.ms())
            .bind(set.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Ends a set: what no original has taken over is garbage of the run `ingest`.
    ///
    /// # Errors
    /// The database's.
    pub async fn end_upload_set(
        &mut self,
        set: UploadSetId,
        state: &'static str,
        ingest: IngestId,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let rows = sqlx::query(
            "SELECT p.object FROM upload_parts p JOIN uploads u ON u.id = p.upload_id \
             LEFT JOIN originals o ON o.object = p.object WHERE u.set_id = $1 AND o.id IS NULL",
        )
        .bind(set.to_string())
        .fetch_all(self.db())
        .await?;
        let names = rows
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<Vec<String>, _>>()?;
        self.drop_parts(&names, ingest).await?;
        sqlx::query("DELETE FROM uploads WHERE set_id = $1")
            .bind(set.to_string())
            .execute(self.db())
            .await?;
        sqlx::query("UPDATE upload_sets SET state = $1, changed_ms = $2 WHERE id = $3")
            .bind(state)
            .bind(now.ms())
            .bind(set.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }
}

fn set_from(row: &AnyRow) -> Result<UploadSet, CatalogError> {
    Ok(UploadSet {
        id: id(row, 0)?,
        case: id(row, 1)?,
        user: id(row, 2)?,
        state: row.try_get(3)?,
        files: count(row, 4)?,
        bytes: count(row, 5)?,
        created: Timestamp::from_ms(row.try_get(6)?),
        biometric: word(row, 7, Biometric::from_word, "biometric")?,
    })
}
