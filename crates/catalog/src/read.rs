//! Everything of content that only looks.

use std::collections::HashMap;

use domain::{ArtifactKind, CaseId, ItemId, ItemKind, OriginalId, Phi, UserId};
use policy::{Authorized, act};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use crate::cipher::Keyring;
use crate::database::{Conn, System};
use crate::error::{CatalogError, unreadable};
use crate::right;
use crate::rows::{Artifact, Item, ObjectRow, Original};
use crate::sql::{BATCH, count, id, list, maybe_id, time_from_ms, word};
use crate::standing::Facts;

/// What is sealed of an item.
#[derive(Serialize, Deserialize)]
pub(crate) struct ItemSecrets {
    pub(crate) name: String,
    pub(crate) study_uid: Option<String>,
    pub(crate) series_uid: Option<String>,
    pub(crate) findings: serde_json::Value,
    pub(crate) details: serde_json::Value,
}

/// The columns that [`item_from`] reads; the key of the case is the last.
const ITEMS: &str = "SELECT i.id, i.case_id, i.uploader, i.kind, i.modality, i.sealed, i.grid, i.created_ms, \
                     c.wrapped_key FROM items i JOIN cases c ON c.id = i.case_id WHERE i.deleted_ms IS NULL";

impl System {
    /// Which of these contents (SHA-256) the case has already from this uploader.
    ///
    /// # Errors
    /// The database's.
    pub async fn known_originals(
        &self,
        case: CaseId,
        uploader: Option<UserId>,
        hashes: &[[u8; 32]],
    ) -> Result<HashMap<[u8; 32], OriginalId>, CatalogError> {
        originals_by_hash(self.reader().await?.db(), case, uploader, hashes).await
    }

    /// The item of the case that is made of the same input by the same uploader.
    ///
    /// # Errors
    /// The database's.
    pub async fn item_by_content_key(
        &self,
        case: CaseId,
        uploader: Option<UserId>,
        key: &[u8; 32],
    ) -> Result<Option<ItemId>, CatalogError> {
        let row =
            sqlx::query("SELECT id FROM items WHERE case_id = $1 AND uploader = $2 AND content_key = $3")
                .bind(case.to_string())
                .bind(text_of(uploader))
                .bind(&key[..])
                .fetch_optional(self.reader().await?.db())
                .await?;
        row.map(|row| id(&row, 0)).transpose()
    }

    /// All items, the oldest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn items(&self) -> Result<Vec<Item>, CatalogError> {
        let sql = format!("{ITEMS} ORDER BY i.created_ms, i.id");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .fetch_all(self.reader().await?.db())
            .await?;
        rows.iter().map(|row| item_from(&*self.cipher, row)).collect()
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
        let sql = format!("{ITEMS} AND i.id LIKE $1 LIMIT 2");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(format!("{}%", id.to_ascii_lowercase()))
            .fetch_all(self.reader().await?.db())
            .await?;
        match rows.as_slice() {
            [] => Err(none()),
            [row] => item_from(&*self.cipher, row),
            _ => Err(CatalogError::AmbiguousItem(id.to_owned())),
        }
    }

    /// The files that an item was made of, in their order.
    ///
    /// # Errors
    /// The database's.
    pub async fn originals(&self, item: ItemId) -> Result<Vec<Original>, CatalogError> {
        originals_of(&mut self.reader().await?, item).await
    }

    /// What was derived from an item's originals, by kind and name.
    ///
    /// # Errors
    /// The database's.
    pub async fn artifacts(&self, item: ItemId) -> Result<Vec<Artifact>, CatalogError> {
        artifacts_of(&mut self.reader().await?, item).await
    }

    /// Names of objects that runs left behind which have finished or of which `is_alive` says that they are gone.
    /// They may exist or not. Delete them, then [`crate::System::forget_pending`] them.
    ///
    /// # Errors
    /// The database's.
    pub async fn abandoned_objects(
        &self,
        is_alive: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, CatalogError> {
        if self.sweeps_pause().await? {
            return Ok(Vec::new());
        }
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

impl Conn {
    /// The visible items of a case, the oldest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn items_of(&mut self, proof: Authorized<act::SeeCase>) -> Result<Vec<Item>, CatalogError> {
        let case = self.under(&proof, Authorized::on).await?;
        items_in(self, case).await
    }

    /// The visible captures of one's own space, the oldest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn captures_of(
        &mut self,
        proof: Authorized<act::ListCaptures>,
    ) -> Result<Vec<Item>, CatalogError> {
        let user = self.under(&proof, Authorized::on).await?;
        match crate::spaces::space_of(self, user).await? {
            Some(space) => items_in(self, space).await,
            None => Ok(Vec::new()),
        }
    }

    /// A visible item.
    ///
    /// # Errors
    /// The database's.
    pub async fn item<A: right::ReadItem>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<Option<Item>, CatalogError> {
        let item = self.under(&proof, A::id).await?;
        let sql = format!("{ITEMS} AND i.id = $1");
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(item.to_string())
            .fetch_optional(self.db())
            .await?;
        row.map(|row| item_from(&*self.cipher, &row)).transpose()
    }

    /// The files that an item was made of, in their order.
    ///
    /// # Errors
    /// The database's.
    pub async fn originals<A: right::ReadOriginals>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<Vec<Original>, CatalogError> {
        let item = self.under(&proof, A::id).await?;
        originals_of(self, item).await
    }

    /// A file that one may download, with the key of its case.
    ///
    /// # Errors
    /// The database's.
    pub async fn original(
        &mut self,
        proof: Authorized<act::DownloadOriginal>,
    ) -> Result<Option<Download>, CatalogError> {
        let original = self.under(&proof, Authorized::on).await?;
        self.download(original, None).await
    }

    /// A file of a capture that one may download, with the key of its space.
    ///
    /// # Errors
    /// The database's.
    pub async fn original_of_capture(
        &mut self,
        proof: Authorized<act::DownloadCapture>,
        original: OriginalId,
    ) -> Result<Option<Download>, CatalogError> {
        let capture = self.under(&proof, Authorized::on).await?;
        self.download(original, Some(capture)).await
    }

    async fn download(
        &mut self,
        original: OriginalId,
        item: Option<ItemId>,
    ) -> Result<Option<Download>, CatalogError> {
        let row = sqlx::query(
            "SELECT o.id, o.case_id, c.wrapped_key, o.sha256, o.sealed, b.name, b.reference, b.len, o.uploader \
             FROM originals o JOIN item_originals l ON l.original_id = o.id JOIN items i ON i.id = l.item_id \
             JOIN objects b ON b.name = o.object JOIN cases c ON c.id = o.case_id \
             WHERE o.id = $1 AND i.id = COALESCE($2, i.id) AND i.deleted_ms IS NULL ORDER BY i.id LIMIT 1",
        )
        .bind(original.to_string())
        .bind(item.map(|item| item.to_string()))
        .fetch_optional(self.db())
        .await?;
        row.map(|row| {
            Ok(Download {
                case: id(&row, 1)?,
                wrapped_key: row.try_get(2)?,
                original: original_from(&*self.cipher, &row)?,
            })
        })
        .transpose()
    }

    /// What was derived from an item's originals, by kind and name.
    ///
    /// # Errors
    /// The database's.
    pub async fn artifacts<A: right::ReadContent>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<Vec<Artifact>, CatalogError> {
        let item = self.under(&proof, A::id).await?;
        artifacts_of(self, item).await
    }

    /// The key of the case that an item is in, encrypted under the root key, and the case.
    ///
    /// # Errors
    /// [`CatalogError::Missing`], or the database's.
    pub async fn key_of_item<A: right::ReadContent>(
        &mut self,
        proof: Authorized<A>,
    ) -> Result<(CaseId, Vec<u8>), CatalogError> {
        let item = self.under(&proof, A::id).await?;
        let row = sqlx::query(
            "SELECT c.id, c.wrapped_key FROM items i JOIN cases c ON c.id = i.case_id WHERE i.id = $1",
        )
        .bind(item.to_string())
        .fetch_optional(self.db())
        .await?
        .ok_or(CatalogError::Missing { what: "item" })?;
        Ok((id(&row, 0)?, row.try_get(1)?))
    }
}

impl Facts<'_> {
    /// The case that a visible item is in.
    ///
    /// # Errors
    /// The database's.
    pub async fn place_of_item(&mut self, item: ItemId) -> Result<Option<CaseId>, CatalogError> {
        let row = sqlx::query("SELECT case_id FROM items WHERE id = $1 AND deleted_ms IS NULL")
            .bind(item.to_string())
            .fetch_optional(self.db())
            .await?;
        row.map(|row| id(&row, 0)).transpose()
    }

    /// The capture in somebody's space that a file belongs to, deleted or not, where it belongs to one.
    ///
    /// # Errors
    /// The database's.
    pub async fn capture_of(&mut self, original: OriginalId) -> Result<Option<ItemId>, CatalogError> {
        let row = sqlx::query(
            "SELECT i.id FROM item_originals l JOIN items i ON i.id = l.item_id \
             JOIN spaces s ON s.case_id = i.case_id WHERE l.original_id = $1 \
             ORDER BY CASE WHEN i.deleted_ms IS NULL THEN 0 ELSE 1 END, i.id LIMIT 1",
        )
        .bind(original.to_string())
        .fetch_optional(self.db())
        .await?;
        row.map(|row| id(&row, 0)).transpose()
    }
}

/// A file that its uploader downloads.
#[derive(Clone, Debug, PartialEq)]
pub struct Download {
    /// The case, or the space, that it lies in.
    pub case: CaseId,
    /// The key of that, encrypted under the root key.
    pub wrapped_key: Vec<u8>,
    /// The file.
    pub original: Original,
}

/// The visible items of a case, the oldest first.
async fn items_in(conn: &mut Conn, case: CaseId) -> Result<Vec<Item>, CatalogError> {
    let sql = format!("{ITEMS} AND i.case_id = $1 ORDER BY i.created_ms, i.id");
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(case.to_string())
        .fetch_all(conn.db())
        .await?;
    rows.iter().map(|row| item_from(&*conn.cipher, row)).collect()
}

/// The files that an item was made of, in their order.
async fn originals_of(conn: &mut Conn, item: ItemId) -> Result<Vec<Original>, CatalogError> {
    let rows = sqlx::query(
        "SELECT o.id, o.case_id, c.wrapped_key, o.sha256, o.sealed, b.name, b.reference, b.len, o.uploader \
         FROM item_originals l JOIN originals o ON o.id = l.original_id JOIN objects b ON b.name = o.object \
         JOIN cases c ON c.id = o.case_id WHERE l.item_id = $1 ORDER BY l.position",
    )
    .bind(item.to_string())
    .fetch_all(conn.db())
    .await?;
    rows.iter().map(|row| original_from(&*conn.cipher, row)).collect()
}

/// What was derived from an item's originals, by kind and name.
async fn artifacts_of(conn: &mut Conn, item: ItemId) -> Result<Vec<Artifact>, CatalogError> {
    let rows = sqlx::query(
        "SELECT a.id, a.kind, a.name, a.sealed, p.part, b.name, b.reference, b.len, i.case_id, c.wrapped_key \
         FROM artifacts a JOIN items i ON i.id = a.item_id JOIN cases c ON c.id = i.case_id \
         JOIN artifact_objects p ON p.artifact_id = a.id JOIN objects b ON b.name = p.object \
         WHERE a.item_id = $1 ORDER BY a.kind, a.name, p.part",
    )
    .bind(item.to_string())
    .fetch_all(conn.db())
    .await?;
    let mut artifacts: Vec<Artifact> = Vec::new();
    let mut keys: Option<Keyring> = None;
    for row in &rows {
        let object = (row.try_get(4)?, object_from(row, 5)?);
        let id = id(row, 0)?;
        match artifacts.last_mut().filter(|artifact| artifact.id == id) {
            Some(artifact) => artifact.objects.push(object),
            None => {
                let keys = match &keys {
                    Some(keys) => keys,
                    None => keys.insert(case_keys(&*conn.cipher, row, 8, 9)?),
                };
                artifacts.push(Artifact {
                    id,
                    kind: word(row, 1, ArtifactKind::from_word, "artifact kind")?,
                    name: row.try_get(2)?,
                    details: keys.unseal("artifacts", id.as_bytes(), row.try_get(3)?)?,
                    objects: vec![object],
                });
            }
        }
    }
    Ok(artifacts)
}

pub(crate) async fn originals_by_hash(
    connection: &mut AnyConnection,
    case: CaseId,
    uploader: Option<UserId>,
    hashes: &[[u8; 32]],
) -> Result<HashMap<[u8; 32], OriginalId>, CatalogError> {
    let mut known = HashMap::new();
    for batch in hashes.chunks(BATCH) {
        let sql = format!(
            "SELECT sha256, id FROM originals WHERE case_id = $1 AND uploader = $2 AND sha256 IN ({})",
            list(3, batch.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql))
            .persistent(false)
            .bind(case.to_string())
            .bind(text_of(uploader));
        for hash in batch {
            query = query.bind(&hash[..]);
        }
        for row in query.fetch_all(&mut *connection).await? {
            known.insert(hash_from(&row, 0)?, id(&row, 1)?);
        }
    }
    Ok(known)
}

/// The uploader as a column holds it.
pub(crate) fn text_of(uploader: Option<UserId>) -> String {
    uploader.map(|user| user.to_string()).unwrap_or_default()
}

/// The keys of the case whose identifier and wrapped key stand in these columns.
pub(crate) fn case_keys(
    cipher: &dyn crate::Cipher,
    row: &AnyRow,
    case: usize,
    wrapped: usize,
) -> Result<Keyring, CatalogError> {
    let case: CaseId = id(row, case)?;
    Keyring::open(cipher, *case.as_bytes(), row.try_get(wrapped)?)
}

fn item_from(cipher: &dyn crate::Cipher, row: &AnyRow) -> Result<Item, CatalogError> {
    let id: ItemId = id(row, 0)?;
    let keys = case_keys(cipher, row, 1, 8)?;
    let secrets: ItemSecrets = keys.unseal("items", id.as_bytes(), row.try_get(5)?)?;
    let grid: Option<&str> = row.try_get(6)?;
    Ok(Item {
        id,
        case: crate::sql::id(row, 1)?,
        uploader: maybe_id(row, 2)?,
        kind: word(row, 3, ItemKind::from_word, "item kind")?,
        name: secrets.name,
        modality: row.try_get(4)?,
        study_uid: secrets.study_uid,
        series_uid: secrets.series_uid,
        grid: grid
            .map(serde_json::from_str)
            .transpose()
            .map_err(unreadable("grid"))?,
        findings: secrets.findings,
        details: secrets.details,
        created: time_from_ms(row.try_get(7)?),
    })
}

/// Columns: id, case, key of the case, hash, sealed name, the three of the object, uploader.
fn original_from(cipher: &dyn crate::Cipher, row: &AnyRow) -> Result<Original, CatalogError> {
    let id: OriginalId = id(row, 0)?;
    let keys = case_keys(cipher, row, 1, 2)?;
    let name: String = keys.unseal("originals", id.as_bytes(), row.try_get(4)?)?;
    Ok(Original {
        id,
        sha256: hash_from(row, 3)?,
        file_name: Phi::new(name),
        uploader: maybe_id(row, 8)?,
        object: object_from(row, 5)?,
    })
}

/// Three columns from `first` on: name, reference, length.
pub(crate) fn object_from(row: &AnyRow, first: usize) -> Result<ObjectRow, CatalogError> {
    Ok(ObjectRow {
        name: row.try_get(first)?,
        reference: row.try_get(first + 1)?,
        len: count(row, first + 2)?,
    })
}

fn hash_from(row: &AnyRow, column: usize) -> Result<[u8; 32], CatalogError> {
    row.try_get::<&[u8], _>(column)?
        .try_into()
        .map_err(unreadable("hash"))
}
