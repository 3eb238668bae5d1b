//! Everything that changes the catalog.

use std::collections::HashMap;

use domain::{CaseId, IngestId, ItemId, OriginalId};
use sqlx::{QueryBuilder, Row, Sqlite, Transaction};

use crate::error::{CatalogError, unreadable};
use crate::read::id_from;
use crate::rows::{Case, Committed, ItemOriginal, NewArtifact, NewItem, NewOriginal, ObjectRow, now_ms};
use crate::schema::Catalog;

/// Rows of one statement. SQLite takes 32,766 parameters, PostgreSQL twice as many.
pub(crate) const BATCH: usize = 1000;

/// Names in `meta`.
const ROOT_KEY: &str = "root_key";
const DEFAULT_CASE: &str = "default_case";

type Tx = Transaction<'static, Sqlite>;

impl Catalog {
    /// Ties the data to the root key with this fingerprint; the first call decides.
    ///
    /// # Errors
    /// [`CatalogError::WrongRootKey`] where they are tied to another.
    pub async fn bind_root_key(&self, fingerprint: &str) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        let expected = meta_or_insert(&mut tx, ROOT_KEY, fingerprint).await?;
        tx.commit().await?;
        if expected == fingerprint {
            Ok(())
        } else {
            Err(CatalogError::WrongRootKey {
                expected,
                actual: fingerprint.to_owned(),
            })
        }
    }

    /// The case that everything goes to while nobody names another: `proposal` where there is none yet.
    ///
    /// # Errors
    /// The database's.
    pub async fn default_case_or(&self, proposal: &Case) -> Result<Case, CatalogError> {
        let mut tx = self.begin().await?;
        let id = meta_or_insert(&mut tx, DEFAULT_CASE, &proposal.id.to_string()).await?;
        let id: CaseId = id_from(&id, "case id")?;
        if id == proposal.id {
            sqlx::query(
                "INSERT INTO cases (id, title, wrapped_key, created_ms) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            )
            .bind(id.to_string())
            .bind(&proposal.title)
            .bind(&proposal.wrapped_key)
            .bind(now_ms())
            .execute(&mut *tx)
            .await?;
        }
        let row = sqlx::query("SELECT title, wrapped_key FROM cases WHERE id = $1")
            .bind(id.to_string())
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Case {
            id,
            title: row.try_get(0)?,
            wrapped_key: row.try_get(1)?,
        })
    }

    /// Notes that a run of the pipeline begins. `process` lets [`Catalog::abandoned_objects`] ask later whether the
    /// run is still alive, such as host, process id and start time.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin_ingest(&self, ingest: IngestId, process: &str) -> Result<(), CatalogError> {
        sqlx::query("INSERT INTO ingests (id, process, started_ms) VALUES ($1, $2, $3)")
            .bind(ingest.to_string())
            .bind(process)
            .bind(now_ms())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes that a run has ended by itself, well or not. What is still pending of it is garbage.
    ///
    /// # Errors
    /// The database's.
    pub async fn finish_ingest(&self, ingest: IngestId) -> Result<(), CatalogError> {
        sqlx::query("UPDATE ingests SET finished_ms = $1 WHERE id = $2")
            .bind(now_ms())
            .bind(ingest.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Records names of objects before they are written. Each call waits for the disk: record many at once.
    ///
    /// # Errors
    /// The database's.
    pub async fn record_pending(&self, ingest: IngestId, objects: &[String]) -> Result<(), CatalogError> {
        let ingest = ingest.to_string();
        let mut tx = self.begin().await?;
        for batch in objects.chunks(BATCH) {
            QueryBuilder::new("INSERT INTO pending_objects (name, ingest_id) ")
                .push_values(batch, |mut row, name| {
                    row.push_bind(name).push_bind(&ingest);
                })
                .build()
                .execute(&mut *tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Takes names off the list of pending objects, after the objects were deleted.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_pending(&self, objects: &[String]) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        remove_pending(&mut tx, objects).await?;
        Ok(tx.commit().await?)
    }

    /// Makes an item visible with its originals and artifacts, all at once; their objects are pending no more. The
    /// objects have to be durable before: the vault's `sync` comes first. Loss of power leaves all of it or nothing.
    ///
    /// # Errors
    /// The database's; nothing has changed then.
    pub async fn commit_item(&self, item: &NewItem) -> Result<Committed, CatalogError> {
        let mut tx = self.begin().await?;
        let there = sqlx::query("SELECT id FROM items WHERE case_id = $1 AND content_key = $2")
            .bind(item.case.to_string())
            .bind(&item.content_key[..])
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(row) = there {
            return Ok(Committed::AlreadyThere(id_from(row.try_get(0)?, "item id")?));
        }
        let known = known_originals(&mut tx, item).await?;
        let (ids, fresh) = resolve_originals(item, known);
        insert_item(&mut tx, item).await?;
        let objects: Vec<&ObjectRow> = fresh
            .iter()
            .map(|original| &original.object)
            .chain(
                item.artifacts
                    .iter()
                    .flat_map(|artifact| artifact.objects.iter().map(|(_, object)| object)),
            )
            .collect();
        insert_objects(&mut tx, &objects).await?;
        insert_originals(&mut tx, item.case, &fresh).await?;
        link_originals(&mut tx, item.id, &ids).await?;
        for artifact in &item.artifacts {
            insert_artifact(&mut tx, item.id, artifact).await?;
        }
        let names: Vec<&String> = objects.iter().map(|object| &object.name).collect();
        remove_pending(&mut tx, &names).await?;
        tx.commit().await?;
        Ok(Committed::New)
    }
}

impl Catalog {
    /// Gives an item an artifact after the item was made visible, in place of one of the same kind and name, whose
    /// objects become pending ones of `ingest`. The objects of the artifact have to be durable before.
    ///
    /// # Errors
    /// [`CatalogError::NoItem`], or the database's; nothing has changed then.
    pub async fn put_artifact(
        &self,
        ingest: IngestId,
        item: ItemId,
        artifact: &NewArtifact,
    ) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        sqlx::query("SELECT id FROM items WHERE id = $1")
            .bind(item.to_string())
            .fetch_optional(&mut *tx)
            .await?
            .ok_or_else(|| CatalogError::NoItem(item.to_string()))?;
        remove_artifact(&mut tx, ingest, item, artifact).await?;
        let objects: Vec<&ObjectRow> = artifact.objects.iter().map(|(_, object)| object).collect();
        insert_objects(&mut tx, &objects).await?;
        insert_artifact(&mut tx, item, artifact).await?;
        let names: Vec<&String> = objects.iter().map(|object| &object.name).collect();
        remove_pending(&mut tx, &names).await?;
        Ok(tx.commit().await?)
    }
}

/// Takes away the item's artifact of the kind and name of `like`, if there is one; its objects become pending.
async fn remove_artifact(
    tx: &mut Tx,
    ingest: IngestId,
    item: ItemId,
    like: &NewArtifact,
) -> Result<(), CatalogError> {
    let rows = sqlx::query(
        "SELECT p.object FROM artifacts a JOIN artifact_objects p ON p.artifact_id = a.id \
         WHERE a.item_id = $1 AND a.kind = $2 AND a.name = $3",
    )
    .bind(item.to_string())
    .bind(like.kind.word())
    .bind(&like.name)
    .fetch_all(&mut **tx)
    .await?;
    for row in &rows {
        let object: &str = row.try_get(0)?;
        sqlx::query("INSERT INTO pending_objects (name, ingest_id) VALUES ($1, $2)")
            .bind(object)
            .bind(ingest.to_string())
            .execute(&mut **tx)
            .await?;
        for statement in [
            "DELETE FROM artifact_objects WHERE object = $1",
            "DELETE FROM objects WHERE name = $1",
        ] {
            sqlx::query(statement).bind(object).execute(&mut **tx).await?;
        }
    }
    sqlx::query("DELETE FROM artifacts WHERE item_id = $1 AND kind = $2 AND name = $3")
        .bind(item.to_string())
        .bind(like.kind.word())
        .bind(&like.name)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The value under `name`, which is `value` where there was none.
async fn meta_or_insert(tx: &mut Tx, name: &str, value: &str) -> Result<String, CatalogError> {
    sqlx::query("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(name)
        .bind(value)
        .execute(&mut **tx)
        .await?;
    let row = sqlx::query("SELECT value FROM meta WHERE name = $1")
        .bind(name)
        .fetch_one(&mut **tx)
        .await?;
    Ok(row.try_get(0)?)
}

/// Which of the item's new originals the case has by now.
async fn known_originals(tx: &mut Tx, item: &NewItem) -> Result<HashMap<[u8; 32], OriginalId>, CatalogError> {
    let hashes: Vec<[u8; 32]> = item
        .originals
        .iter()
        .filter_map(|original| match original {
            ItemOriginal::Known(_) => None,
            ItemOriginal::New(original) => Some(original.sha256),
        })
        .collect();
    crate::read::originals_by_hash(tx, item.case, &hashes).await
}

/// The ids of the item's originals in their order, and those that have to be inserted: each content once.
fn resolve_originals(
    item: &NewItem,
    mut known: HashMap<[u8; 32], OriginalId>,
) -> (Vec<OriginalId>, Vec<&NewOriginal>) {
    let mut fresh = Vec::new();
    let ids = item
        .originals
        .iter()
        .map(|original| match original {
            ItemOriginal::Known(id) => *id,
            ItemOriginal::New(original) => *known.entry(original.sha256).or_insert_with(|| {
                fresh.push(original);
                original.id
            }),
        })
        .collect();
    (ids, fresh)
}

async fn insert_item(tx: &mut Tx, item: &NewItem) -> Result<(), CatalogError> {
    let grid = item
        .grid
        .as_ref()
        .map(serde_json::to_string)
        .transpose()
        .map_err(unreadable("grid"))?;
    sqlx::query(
        "INSERT INTO items (id, case_id, ingest_id, kind, name, modality, study_uid, series_uid, content_key, grid, \
         findings, details, created_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(item.id.to_string())
    .bind(item.case.to_string())
    .bind(item.ingest.to_string())
    .bind(item.kind.word())
    .bind(&item.name)
    .bind(&item.modality)
    .bind(&item.study_uid)
    .bind(&item.series_uid)
    .bind(&item.content_key[..])
    .bind(grid)
    .bind(item.findings.to_string())
    .bind(item.details.to_string())
    .bind(now_ms())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn insert_objects(tx: &mut Tx, objects: &[&ObjectRow]) -> Result<(), CatalogError> {
    for batch in objects.chunks(BATCH) {
        QueryBuilder::new("INSERT INTO objects (name, reference, len) ")
            .push_values(batch, |mut row, object| {
                // SQL knows signed numbers only; no object is that long.
                let len = i64::try_from(object.len).unwrap_or(i64::MAX);
                row.push_bind(&object.name)
                    .push_bind(&object.reference)
                    .push_bind(len);
            })
            .build()
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

async fn insert_originals(tx: &mut Tx, case: CaseId, originals: &[&NewOriginal]) -> Result<(), CatalogError> {
    for batch in originals.chunks(BATCH) {
        QueryBuilder::new("INSERT INTO originals (id, case_id, sha256, file_name, object) ")
            .push_values(batch, |mut row, original| {
                row.push_bind(original.id.to_string())
                    .push_bind(case.to_string())
                    .push_bind(&original.sha256[..])
                    .push_bind(original.file_name.reveal())
                    .push_bind(&original.object.name);
            })
            .build()
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

async fn link_originals(tx: &mut Tx, item: ItemId, originals: &[OriginalId]) -> Result<(), CatalogError> {
    let numbered: Vec<(i64, &OriginalId)> = (0..).zip(originals).collect();
    for batch in numbered.chunks(BATCH) {
        QueryBuilder::new("INSERT INTO item_originals (item_id, position, original_id) ")
            .push_values(batch, |mut row, (position, original)| {
                row.push_bind(item.to_string())
                    .push_bind(position)
                    .push_bind(original.to_string());
            })
            .build()
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

async fn insert_artifact(tx: &mut Tx, item: ItemId, artifact: &NewArtifact) -> Result<(), CatalogError> {
    sqlx::query("INSERT INTO artifacts (id, item_id, kind, name, details) VALUES ($1, $2, $3, $4, $5)")
        .bind(artifact.id.to_string())
        .bind(item.to_string())
        .bind(artifact.kind.word())
        .bind(&artifact.name)
        .bind(artifact.details.to_string())
        .execute(&mut **tx)
        .await?;
    for (part, object) in &artifact.objects {
        sqlx::query("INSERT INTO artifact_objects (artifact_id, part, object) VALUES ($1, $2, $3)")
            .bind(artifact.id.to_string())
            .bind(part)
            .bind(&object.name)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

async fn remove_pending<S: AsRef<str>>(tx: &mut Tx, names: &[S]) -> Result<(), CatalogError> {
    for batch in names.chunks(BATCH) {
        let mut delete = QueryBuilder::new("DELETE FROM pending_objects WHERE name IN (");
        let mut list = delete.separated(", ");
        for name in batch {
            list.push_bind(name.as_ref());
        }
        delete.push(")").build().execute(&mut **tx).await?;
    }
    Ok(())
}
