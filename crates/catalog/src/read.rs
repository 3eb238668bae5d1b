//! Everything that only looks.

use std::collections::HashMap;
use std::str::FromStr;

use domain::{ArtifactKind, CaseId, ItemId, ItemKind, OriginalId, Phi};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use crate::error::{CatalogError, unreadable};
use crate::rows::{Artifact, Item, ObjectRow, Original, time_from_ms};
use crate::schema::Catalog;
use crate::write::BATCH;

const ITEM_COLUMNS: &str = "SELECT id, case_id, kind, name, modality, study_uid, series_uid, grid, findings, details, \
                            created_ms FROM items ";

impl Catalog {
    /// Which of these contents (SHA-256) the case has already.
    ///
    /// # Errors
    /// The database's.
    pub async fn known_originals(
        &self,
        case: CaseId,
        hashes: &[[u8; 32]],
    ) -> Result<HashMap<[u8; 32], OriginalId>, CatalogError> {
        let mut connection = self.pool.acquire().await?;
        originals_by_hash(&mut connection, case, hashes).await
    }

    /// The item of the case that is made of the same input.
    ///
    /// # Errors
    /// The database's.
    pub async fn item_by_content_key(
        &self,
        case: CaseId,
        key: &[u8; 32],
    ) -> Result<Option<ItemId>, CatalogError> {
        let row = sqlx::query("SELECT id FROM items WHERE case_id = $1 AND content_key = $2")
            .bind(case.to_string())
            .bind(&key[..])
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| id_from(row.try_get(0)?, "item id")).transpose()
    }

    /// All items, the oldest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn items(&self) -> Result<Vec<Item>, CatalogError> {
        let mut query = QueryBuilder::<Sqlite>::new(ITEM_COLUMNS);
        let rows = query
            .push("ORDER BY created_ms, id")
            .build()
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(item_from).collect()
    }

    /// The item whose id is `id`, or the only one whose id begins with it.
    ///
    /// # Errors
    /// [`CatalogError::NoItem`], [`CatalogError::AmbiguousItem`], or the database's.
    pub async fn item(&self, id: &str) -> Result<Item, CatalogError> {
        let none = || CatalogError::NoItem(id.to_owned());
        // Nothing else stands in an id, and what `LIKE` gives a meaning to must not get there.
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
            return Err(none());
        }
        let mut query = QueryBuilder::<Sqlite>::new(ITEM_COLUMNS);
        query
            .push("WHERE id LIKE ")
            .push_bind(format!("{}%", id.to_ascii_lowercase()))
            .push(" LIMIT 2");
        let rows = query.build().fetch_all(&self.pool).await?;
        match rows.as_slice() {
            [] => Err(none()),
            [row] => item_from(row),
            _ => Err(CatalogError::AmbiguousItem(id.to_owned())),
        }
    }

    /// The files that an item was made of, in their order.
    ///
    /// # Errors
    /// The database's.
    pub async fn originals(&self, item: ItemId) -> Result<Vec<Original>, CatalogError> {
        let rows = sqlx::query(
            "SELECT o.id, o.sha256, o.file_name, b.name, b.reference, b.len FROM item_originals l \
             JOIN originals o ON o.id = l.original_id JOIN objects b ON b.name = o.object \
             WHERE l.item_id = $1 ORDER BY l.position",
        )
        .bind(item.to_string())
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Original {
                    id: id_from(row.try_get(0)?, "original id")?,
                    sha256: hash_from(row, 1)?,
                    file_name: Phi::new(row.try_get(2)?),
                    object: object_from(row, 3)?,
                })
            })
            .collect()
    }

    /// What was derived from an item's originals, by kind and name.
    ///
    /// # Errors
    /// The database's.
    pub async fn artifacts(&self, item: ItemId) -> Result<Vec<Artifact>, CatalogError> {
        let rows = sqlx::query(
            "SELECT a.id, a.kind, a.name, a.details, p.part, b.name, b.reference, b.len FROM artifacts a \
             JOIN artifact_objects p ON p.artifact_id = a.id JOIN objects b ON b.name = p.object \
             WHERE a.item_id = $1 ORDER BY a.kind, a.name, p.part",
        )
        .bind(item.to_string())
        .fetch_all(&self.pool)
        .await?;
        let mut artifacts: Vec<Artifact> = Vec::new();
        for row in &rows {
            let object = (row.try_get(4)?, object_from(row, 5)?);
            let id = id_from(row.try_get(0)?, "artifact id")?;
            match artifacts.last_mut().filter(|artifact| artifact.id == id) {
                Some(artifact) => artifact.objects.push(object),
                None => artifacts.push(Artifact {
                    id,
                    kind: word_from(row.try_get(1)?, ArtifactKind::from_word, "artifact kind")?,
                    name: row.try_get(2)?,
                    details: json_from(row.try_get(3)?, "artifact details")?,
                    objects: vec![object],
                }),
            }
        }
        Ok(artifacts)
    }

    /// Names of objects that runs left behind which have finished or of which `is_alive` says that they are gone.
    /// They may exist or not. Delete them, then [`Catalog::forget_pending`] them.
    ///
    /// # Errors
    /// The database's.
    pub async fn abandoned_objects(
        &self,
        is_alive: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, CatalogError> {
        let rows = sqlx::query(
            "SELECT p.name, i.process, i.finished_ms FROM pending_objects p JOIN ingests i ON i.id = p.ingest_id \
             ORDER BY p.name",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut alive: HashMap<String, bool> = HashMap::new();
        let mut names = Vec::new();
        for row in &rows {
            let process: String = row.try_get(1)?;
            let finished: Option<i64> = row.try_get(2)?;
            if finished.is_some()
                || !*alive
                    .entry(process)
                    .or_insert_with_key(|process| is_alive(process))
            {
                names.push(row.try_get(0)?);
            }
        }
        Ok(names)
    }
}

pub(crate) async fn originals_by_hash(
    connection: &mut SqliteConnection,
    case: CaseId,
    hashes: &[[u8; 32]],
) -> Result<HashMap<[u8; 32], OriginalId>, CatalogError> {
    let mut known = HashMap::new();
    for batch in hashes.chunks(BATCH) {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT sha256, id FROM originals WHERE case_id = ");
        query.push_bind(case.to_string()).push(" AND sha256 IN (");
        let mut list = query.separated(", ");
        for hash in batch {
            list.push_bind(&hash[..]);
        }
        for row in query.push(")").build().fetch_all(&mut *connection).await? {
            known.insert(hash_from(&row, 0)?, id_from(row.try_get(1)?, "original id")?);
        }
    }
    Ok(known)
}

pub(crate) fn id_from<T>(text: &str, what: &'static str) -> Result<T, CatalogError>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(unreadable(what))
}

fn item_from(row: &SqliteRow) -> Result<Item, CatalogError> {
    let grid: Option<&str> = row.try_get(7)?;
    Ok(Item {
        id: id_from(row.try_get(0)?, "item id")?,
        case: id_from(row.try_get(1)?, "case id")?,
        kind: word_from(row.try_get(2)?, ItemKind::from_word, "item kind")?,
        name: row.try_get(3)?,
        modality: row.try_get(4)?,
        study_uid: row.try_get(5)?,
        series_uid: row.try_get(6)?,
        grid: grid
            .map(serde_json::from_str)
            .transpose()
            .map_err(unreadable("grid"))?,
        findings: json_from(row.try_get(8)?, "findings")?,
        details: json_from(row.try_get(9)?, "item details")?,
        created: time_from_ms(row.try_get(10)?),
    })
}

/// Three columns from `first` on: name, reference, length.
fn object_from(row: &SqliteRow, first: usize) -> Result<ObjectRow, CatalogError> {
    let len: i64 = row.try_get(first + 2)?;
    Ok(ObjectRow {
        name: row.try_get(first)?,
        reference: row.try_get(first + 1)?,
        len: u64::try_from(len).map_err(unreadable("object length"))?,
    })
}

fn hash_from(row: &SqliteRow, column: usize) -> Result<[u8; 32], CatalogError> {
    row.try_get::<&[u8], _>(column)?
        .try_into()
        .map_err(unreadable("hash"))
}

fn json_from(text: &str, what: &'static str) -> Result<serde_json::Value, CatalogError> {
    serde_json::from_str(text).map_err(unreadable(what))
}

fn word_from<T>(word: &str, from: fn(&str) -> Option<T>, what: &'static str) -> Result<T, CatalogError> {
    from(word).ok_or_else(|| unreadable(what)(format!("unknown word {word:?}")))
}
