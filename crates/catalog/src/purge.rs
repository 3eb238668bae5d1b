//! Deleting for good what was deleted and can no longer be undone. Rows go, with the keys that they hold; objects
//! become garbage of a run, which the sweep removes from the store.

use domain::{CaseId, Deletion, IngestId, ItemId, PatientId, Timestamp};
use policy::Authorized;
use sqlx::{AssertSqlSafe, Row};

use crate::database::{Change, Conn, Dialect, System};
use crate::error::CatalogError;
use crate::right;
use crate::sql::id;
use crate::standing::AsSystem;

/// What is due for deletion for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// An item.
    Item(ItemId),
    /// A case with everything in it.
    Case(CaseId),
    /// A patient profile with all of its cases.
    Patient(PatientId),
}

/// No hold lies on it, on its case or on its patient, and its retention date has come.
const FREE_CASE: &str = "c.hold = 0 AND COALESCE(p.hold, 0) = 0 AND c.retain_until_ms <= $1";

impl Conn {
    async fn due(&mut self, now: Timestamp, limit: u32) -> Result<Vec<Due>, CatalogError> {
        let mut due = Vec::new();
        let items = format!(
            "SELECT i.id FROM items i JOIN cases c ON c.id = i.case_id LEFT JOIN patients p ON p.id = c.patient_id \
             WHERE i.undo_ms <= $1 AND {FREE_CASE} LIMIT $2"
        );
        for row in self.due_rows(items, now, limit).await? {
            due.push(Due::Item(id(&row, 0)?));
        }
        let cases = format!(
            "SELECT c.id FROM cases c JOIN patients p ON p.id = c.patient_id WHERE c.undo_ms <= $1 AND {FREE_CASE} \
             LIMIT $2"
        );
        for row in self.due_rows(cases, now, limit).await? {
            due.push(Due::Case(id(&row, 0)?));
        }
        let patients = format!(
            "SELECT q.id FROM patients q WHERE q.undo_ms <= $1 AND q.hold = 0 AND NOT EXISTS (SELECT 1 FROM cases c \
             JOIN patients p ON p.id = c.patient_id WHERE c.patient_id = q.id AND NOT ({FREE_CASE})) LIMIT $2"
        );
        for row in self.due_rows(patients, now, limit).await? {
            due.push(Due::Patient(id(&row, 0)?));
        }
        Ok(due)
    }

    async fn due_rows(
        &mut self,
        sql: String,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<sqlx::any::AnyRow>, CatalogError> {
        Ok(sqlx::query(AssertSqlSafe(sql))
            .bind(now.ms())
            .bind(i64::from(limit))
            .fetch_all(self.db())
            .await?)
    }
}

impl Change {
    /// Notes that an item is to be deleted, or no longer.
    ///
    /// # Errors
    /// [`CatalogError::Missing`], or the database's.
    pub async fn mark_item_deleted<A: right::EndItem>(
        &mut self,
        proof: Authorized<A>,
        deletion: Option<Deletion>,
    ) -> Result<(), CatalogError> {
        let item = self.under(&proof, A::id).await?;
        self.mark_deleted(
            "UPDATE items SET deleted_ms = $1, undo_ms = $2 WHERE id = $3",
            item,
            deletion,
        )
        .await
    }

    /// Notes that a profile is to be deleted, or no longer.
    ///
    /// # Errors
    /// [`CatalogError::Missing`], or the database's.
    pub async fn mark_patient_deleted<A: right::EndPatient>(
        &mut self,
        proof: Authorized<A>,
        deletion: Option<Deletion>,
    ) -> Result<(), CatalogError> {
        let patient = self.under(&proof, A::id).await?;
        self.mark_deleted(
            "UPDATE patients SET deleted_ms = $1, undo_ms = $2 WHERE id = $3",
            patient,
            deletion,
        )
        .await
    }

    pub(crate) async fn mark_deleted(
        &mut self,
        statement: &'static str,
        thing: impl ToString,
        deletion: Option<Deletion>,
    ) -> Result<(), CatalogError> {
        let marked = sqlx::query(statement)
            .bind(deletion.map(|deletion| deletion.at.ms()))
            .bind(deletion.map(|deletion| deletion.undo_until.ms()))
            .bind(thing.to_string())
            .execute(self.db())
            .await?;
        match marked.rows_affected() {
            0 => Err(CatalogError::Missing { what: "such thing" }),
            _ => Ok(()),
        }
    }
}

impl AsSystem<'_> {
    /// Destroys what is due: rows and keys are gone with the commit, objects become garbage of the run `ingest`.
    ///
    /// # Errors
    /// The database's.
    pub async fn destroy(&mut self, due: Due, ingest: IngestId) -> Result<(), CatalogError> {
        match due {
            Due::Item(item) => self.destroy_item(item, ingest).await,
            Due::Case(case) => self.destroy_case(case, ingest).await,
            Due::Patient(patient) => {
                let rows = sqlx::query("SELECT id FROM cases WHERE patient_id = $1")
                    .bind(patient.to_string())
                    .fetch_all(self.db())
                    .await?;
                for row in &rows {
                    self.destroy_case(id(row, 0)?, ingest).await?;
                }
                // Its tokens, care team, people and releases go with it.
                self.remove("DELETE FROM patients WHERE id = $1", patient).await
            }
        }
    }

    async fn destroy_item(&mut self, item: ItemId, ingest: IngestId) -> Result<(), CatalogError> {
        let artifacts = self
            .names(
                "SELECT p.object FROM artifact_objects p JOIN artifacts a ON a.id = p.artifact_id WHERE a.item_id = $1",
                item,
            )
            .await?;
        // A file that another item is made of as well stays.
        let originals = self
            .names(
                "SELECT o.object FROM item_originals l JOIN originals o ON o.id = l.original_id WHERE l.item_id = $1 \
                 AND NOT EXISTS (SELECT 1 FROM item_originals k WHERE k.original_id = o.id AND k.item_id <> $1)",
                item,
            )
            .await?;
        self.remove("UPDATE marks SET item_id = NULL WHERE item_id = $1", item)
            .await?;
        self.remove("DELETE FROM items WHERE id = $1", item).await?;
        self.delete_named("DELETE FROM originals WHERE object IN", &originals)
            .await?;
        self.discard(&[artifacts, originals].concat(), ingest).await
    }

    async fn destroy_case(&mut self, case: CaseId, ingest: IngestId) -> Result<(), CatalogError> {
        let mut objects = self
            .names("SELECT object FROM originals WHERE case_id = $1", case)
            .await?;
        objects.extend(
            self.names(
                "SELECT p.object FROM artifact_objects p JOIN artifacts a ON a.id = p.artifact_id \
                 JOIN items i ON i.id = a.item_id WHERE i.case_id = $1",
                case,
            )
            .await?,
        );
        objects.extend(
            self.names(
                "SELECT p.object FROM upload_parts p JOIN uploads u ON u.id = p.upload_id \
                 JOIN upload_sets s ON s.id = u.set_id WHERE s.case_id = $1",
                case,
            )
            .await?,
        );
        for statement in [
            "DELETE FROM marks WHERE case_id = $1 AND parent_id IS NOT NULL",
            "DELETE FROM marks WHERE case_id = $1",
            "DELETE FROM jobs WHERE case_id = $1",
            "DELETE FROM upload_sets WHERE case_id = $1",
            "DELETE FROM items WHERE case_id = $1",
            "DELETE FROM originals WHERE case_id = $1",
            // Its key, grants and tokens go with it.
            "DELETE FROM cases WHERE id = $1",
        ] {
            self.remove(statement, case).await?;
        }
        self.discard(&objects, ingest).await
    }

    async fn names(
        &mut self,
        statement: &'static str,
        thing: impl ToString,
    ) -> Result<Vec<String>, CatalogError> {
        let rows = sqlx::query(statement)
            .bind(thing.to_string())
            .fetch_all(self.db())
            .await?;
        Ok(rows
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<Vec<String>, _>>()?)
    }

    async fn remove(&mut self, statement: &'static str, thing: impl ToString) -> Result<(), CatalogError> {
        sqlx::query(statement)
            .bind(thing.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Objects that nothing refers to any more become garbage of a run.
    async fn discard(&mut self, objects: &[String], ingest: IngestId) -> Result<(), CatalogError> {
        self.add_pending(ingest, objects).await?;
        self.delete_named("DELETE FROM objects WHERE name IN", objects)
            .await
    }
}

impl System {
    /// What was deleted, can no longer be undone, and is kept by no hold and no schedule: at most `limit` of each kind.
    ///
    /// # Errors
    /// The database's.
    pub async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<Due>, CatalogError> {
        self.reader().await?.due(now, limit).await
    }

    /// Removes what was deleted from the files of the database as well: journals and dead rows hold it for a while.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_deleted(&self) -> Result<(), CatalogError> {
        let statements: &[&'static str] = match self.dialect {
            Dialect::Sqlite => &["PRAGMA wal_checkpoint(TRUNCATE)"],
            Dialect::Postgres => &[
                "VACUUM cases",
                "VACUUM patients",
                "VACUUM items",
                "VACUUM originals",
            ],
        };
        let _alone = self.folding.alone().await;
        let mut connection = self.pool.acquire().await?;
        for &statement in statements {
            sqlx::query(statement)
                .persistent(false)
                .fetch_all(&mut *connection)
                .await?;
        }
        Ok(())
    }
}
