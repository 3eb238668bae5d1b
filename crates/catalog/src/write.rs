//! What the pipeline changes.

use std::collections::HashMap;

use domain::{Capacity, CaseId, IngestId, ItemId, OriginalId, PatientId, PracticeId, Timestamp, Verb};
use ledger::{Event, Object, Outcome, Word};
use policy::{Authorized, act};
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row};

use crate::cipher::Keyring;
use crate::database::{Change, System};
use crate::error::{CatalogError, unreadable};
use crate::notice::Notice;
use crate::read::{ItemSecrets, case_keys, originals_by_hash, text_of};
use crate::rows::{Committed, ItemOriginal, NewArtifact, NewItem, NewOriginal, ObjectRow, OwnCase};
use crate::sql::{BATCH, id, list, maybe_id, now_ms, placeholders, signed};

/// Names in `meta`.
pub(crate) const ROOT_KEY: &str = "root_key";
const DEFAULT_CASE: &str = "default_case";

impl System {
    /// Ties the data to the root key with this fingerprint; the first call decides.
    ///
    /// # Errors
    /// [`CatalogError::WrongRootKey`] where they are tied to another.
    pub async fn bind_root_key(&self, fingerprint: &str) -> Result<(), CatalogError> {
        let mut change = self.change().await?;
        let expected = meta_or_insert(&mut change, ROOT_KEY, fingerprint).await?;
        change.commit().await?;
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
    pub async fn default_case_or(&self, proposal: &OwnCase) -> Result<OwnCase, CatalogError> {
        let mut change = self.change().await?;
        let id = meta_or_insert(&mut change, DEFAULT_CASE, &proposal.id.to_string()).await?;
        let id: CaseId = id.parse().map_err(unreadable("case id"))?;
        if id == proposal.id {
            let keys = Keyring::open(&*self.cipher, *id.as_bytes(), &proposal.wrapped_key)?;
            let sealed = keys.seal("cases", id.as_bytes(), &crate::cases::CaseSecrets::own())?;
            sqlx::query(
                "INSERT INTO cases (id, wrapped_key, sealed, state, version, created_ms, hold, retain_until_ms, names) \
                 VALUES ($1, $2, $3, 'open', 1, $4, 0, 0, 'withheld') ON CONFLICT DO NOTHING",
            )
            .bind(id.to_string())
            .bind(&proposal.wrapped_key[..])
            .bind(sealed)
            .bind(now_ms())
            .execute(change.db())
            .await?;
        }
        let row = sqlx::query("SELECT wrapped_key FROM cases WHERE id = $1")
            .bind(id.to_string())
            .fetch_one(change.db())
            .await?;
        change.commit().await?;
        Ok(OwnCase {
            id,
            wrapped_key: row.try_get(0)?,
        })
    }

    /// Notes that a run of the pipeline begins. `process` lets [`System::abandoned_objects`] ask later whether the
    /// run is still alive, such as host, process id and start time.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin_ingest(&self, ingest: IngestId, process: &str) -> Result<(), CatalogError> {
        let mut change = self.change().await?;
        sqlx::query("INSERT INTO ingests (id, process, started_ms) VALUES ($1, $2, $3)")
            .bind(ingest.to_string())
            .bind(process)
            .bind(now_ms())
            .execute(change.db())
            .await?;
        change.commit().await
    }

    /// Notes that a run has ended by itself, well or not. What is still pending of it is garbage.
    ///
    /// # Errors
    /// The database's.
    pub async fn finish_ingest(&self, ingest: IngestId) -> Result<(), CatalogError> {
        let mut change = self.change().await?;
        sqlx::query("UPDATE ingests SET finished_ms = $1 WHERE id = $2")
            .bind(now_ms())
            .bind(ingest.to_string())
            .execute(change.db())
            .await?;
        change.commit().await
    }

    /// Records names of objects before they are written. Each call waits for the disk: record many at once.
    ///
    /// # Errors
    /// The database's.
    pub async fn record_pending(&self, ingest: IngestId, objects: &[String]) -> Result<(), CatalogError> {
        let mut change = self.change().await?;
        change.add_pending(ingest, objects).await?;
        change.commit().await
    }

    /// Takes names off the list of pending objects, after the objects were deleted.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_pending(&self, objects: &[String]) -> Result<(), CatalogError> {
        if objects.is_empty() {
            return Ok(());
        }
        let mut change = self.change().await?;
        change.remove_pending(objects).await?;
        change.commit().await
    }

    /// Makes an item visible with its originals and artifacts, all at once; their objects are pending no more. The
    /// objects have to be durable before: the vault's `sync` comes first. Loss of power leaves all of it or nothing.
    /// An original may take over the object of an upload.
    ///
    /// # Errors
    /// The database's; nothing has changed then.
    pub async fn commit_item(&self, item: &NewItem) -> Result<Committed, CatalogError> {
        let mut change = self.change().await?;
        let there =
            sqlx::query("SELECT id FROM items WHERE case_id = $1 AND uploader = $2 AND content_key = $3")
                .bind(item.case.to_string())
                .bind(text_of(item.uploader))
                .bind(&item.content_key[..])
                .fetch_optional(change.db())
                .await?;
        if let Some(row) = there {
            return Ok(Committed::AlreadyThere(id(&row, 0)?));
        }
        let case = change.case_of_content(item.case).await?;
        let known = known_originals(&mut change, item).await?;
        let (ids, fresh) = resolve_originals(item, known);
        change.insert_item(item, &case.keys).await?;
        let objects: Vec<&ObjectRow> = fresh
            .iter()
            .map(|original| &original.object)
            .chain(
                item.artifacts
                    .iter()
                    .flat_map(|artifact| artifact.objects.iter().map(|(_, object)| object)),
            )
            .collect();
        change.insert_objects(&objects).await?;
        change.insert_originals(item, &fresh, &case.keys).await?;
        change.link_originals(item.id, &ids).await?;
        for artifact in &item.artifacts {
            change.insert_artifact(item.id, artifact, &case.keys).await?;
        }
        let names: Vec<&String> = objects.iter().map(|object| &object.name).collect();
        change.remove_pending(&names).await?;
        change.record(&[item_added(item, &case)]).await?;
        change.notify(Notice::in_case("item.added", item.case, item.id));
        change.commit().await?;
        Ok(Committed::New)
    }

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
        let mut change = self.change().await?;
        let row = sqlx::query(
            "SELECT i.case_id, c.wrapped_key FROM items i JOIN cases c ON c.id = i.case_id WHERE i.id = $1",
        )
        .bind(item.to_string())
        .fetch_optional(change.db())
        .await?
        .ok_or_else(|| CatalogError::NoItem(item.to_string()))?;
        let keys = case_keys(&*self.cipher, &row, 0, 1)?;
        change.remove_artifact(ingest, item, artifact).await?;
        let objects: Vec<&ObjectRow> = artifact.objects.iter().map(|(_, object)| object).collect();
        change.insert_objects(&objects).await?;
        change.insert_artifact(item, artifact, &keys).await?;
        let names: Vec<&String> = objects.iter().map(|object| &object.name).collect();
        change.remove_pending(&names).await?;
        change.commit().await
    }
}

/// What the pipeline needs to know of a case.
struct ContentCase {
    keys: Keyring,
    practice: Option<PracticeId>,
    patient: Option<PatientId>,
}

fn item_added(item: &NewItem, case: &ContentCase) -> Event {
    let capacity = match item.uploader {
        Some(_) => Capacity::Owner,
        None => Capacity::System,
    };
    Event {
        actor: item.uploader,
        practice: case.practice,
        patient: case.patient,
        case: Some(item.case),
        object: Some(Object::new("Item", item.id.as_bytes())),
        ..Event::new(
            Timestamp::from_ms(now_ms()),
            Word::fixed("AddItem"),
            Verb::Create,
            Outcome::Allowed,
            capacity,
        )
    }
}

impl Change {
    /// Gives a visible item another name.
    ///
    /// # Errors
    /// [`CatalogError::NoItem`], or the database's.
    pub async fn rename_item(
        &mut self,
        proof: Authorized<act::EditItem>,
        name: String,
    ) -> Result<(), CatalogError> {
        let item = proof.on();
        let missing = || CatalogError::NoItem(item.to_string());
        let present = self.item(proof).await?.ok_or_else(missing)?;
        let keys = self.case_of_content(present.case).await?.keys;
        let secrets = ItemSecrets {
            name,
            study_uid: present.study_uid,
            series_uid: present.series_uid,
            findings: present.findings,
            details: present.details,
        };
        sqlx::query("UPDATE items SET sealed = $1 WHERE id = $2")
            .bind(keys.seal("items", item.as_bytes(), &secrets)?)
            .bind(item.to_string())
            .execute(self.db())
            .await?;
        Ok(())
    }

    async fn case_of_content(&mut self, case: CaseId) -> Result<ContentCase, CatalogError> {
        let row = sqlx::query("SELECT id, wrapped_key, practice_id, patient_id FROM cases WHERE id = $1")
            .bind(case.to_string())
            .fetch_optional(self.db())
            .await?
            .ok_or(CatalogError::Missing { what: "case" })?;
        Ok(ContentCase {
            keys: case_keys(&*self.cipher, &row, 0, 1)?,
            practice: maybe_id(&row, 2)?,
            patient: maybe_id(&row, 3)?,
        })
    }

    /// Records names of objects before they are written.
    pub(crate) async fn add_pending<S: AsRef<str>>(
        &mut self,
        ingest: IngestId,
        objects: &[S],
    ) -> Result<(), CatalogError> {
        let ingest = ingest.to_string();
        self.insert(
            "INSERT INTO pending_objects (name, ingest_id) VALUES ",
            2,
            objects,
            |query, name| Ok(query.bind(name.as_ref().to_owned()).bind(ingest.clone())),
        )
        .await
    }

    /// Takes names off the list of pending objects.
    pub(crate) async fn remove_pending<S: AsRef<str>>(&mut self, names: &[S]) -> Result<(), CatalogError> {
        self.delete_named("DELETE FROM pending_objects WHERE name IN", names)
            .await
    }

    /// Runs `statement`, which lacks its list, for all `names`.
    pub(crate) async fn delete_named<S: AsRef<str>>(
        &mut self,
        statement: &'static str,
        names: &[S],
    ) -> Result<(), CatalogError> {
        for batch in names.chunks(BATCH) {
            let sql = format!("{statement} ({})", list(1, batch.len()));
            let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(batch.len() == 1);
            for name in batch {
                query = query.bind(name.as_ref().to_owned());
            }
            query.execute(self.db()).await?;
        }
        Ok(())
    }

    /// Runs `statement`, which lacks its values, for all `rows`, whose `columns` values `bind` adds.
    pub(crate) async fn insert<'v, T>(
        &mut self,
        statement: &'static str,
        columns: usize,
        rows: &'v [T],
        bind: impl Fn(Values, &'v T) -> Result<Values, CatalogError>,
    ) -> Result<(), CatalogError> {
        for batch in rows.chunks(BATCH) {
            let sql = format!(
                "{statement}{} ON CONFLICT DO NOTHING",
                placeholders(batch.len(), columns)
            );
            let mut query: Values = sqlx::query(AssertSqlSafe(sql)).persistent(batch.len() == 1);
            for row in batch {
                query = bind(query, row)?;
            }
            query.execute(self.db()).await?;
        }
        Ok(())
    }

    async fn insert_item(&mut self, item: &NewItem, keys: &Keyring) -> Result<(), CatalogError> {
        let grid = item
            .grid
            .as_ref()
            .map(serde_json::to_string)
            .transpose()
            .map_err(unreadable("grid"))?;
        let secrets = ItemSecrets {
            name: item.name.clone(),
            study_uid: item.study_uid.clone(),
            series_uid: item.series_uid.clone(),
            findings: item.findings.clone(),
            details: item.details.clone(),
        };
        sqlx::query(
            "INSERT INTO items (id, case_id, uploader, ingest_id, kind, modality, sealed, content_key, grid, \
             created_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(item.id.to_string())
        .bind(item.case.to_string())
        .bind(text_of(item.uploader))
        .bind(item.ingest.to_string())
        .bind(item.kind.word())
        .bind(item.modality.clone())
        .bind(keys.seal("items", item.id.as_bytes(), &secrets)?)
        .bind(&item.content_key[..])
        .bind(grid)
        .bind(now_ms())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Those that are there already, as the parts of uploads, stay as they are.
    pub(crate) async fn insert_objects(&mut self, objects: &[&ObjectRow]) -> Result<(), CatalogError> {
        self.insert(
            "INSERT INTO objects (name, reference, len) VALUES ",
            3,
            objects,
            |query, object| {
                Ok(query
                    .bind(object.name.clone())
                    .bind(object.reference.clone())
                    .bind(signed(object.len)))
            },
        )
        .await
    }

    async fn insert_originals(
        &mut self,
        item: &NewItem,
        originals: &[&NewOriginal],
        keys: &Keyring,
    ) -> Result<(), CatalogError> {
        let (case, uploader) = (item.case.to_string(), text_of(item.uploader));
        self.insert(
            "INSERT INTO originals (id, case_id, uploader, sha256, sealed, object) VALUES ",
            6,
            originals,
            |query, original| {
                let sealed = keys.seal("originals", original.id.as_bytes(), original.file_name.reveal())?;
                Ok(query
                    .bind(original.id.to_string())
                    .bind(case.clone())
                    .bind(uploader.clone())
                    .bind(original.sha256.to_vec())
                    .bind(sealed)
                    .bind(original.object.name.clone()))
            },
        )
        .await
    }

    async fn link_originals(&mut self, item: ItemId, originals: &[OriginalId]) -> Result<(), CatalogError> {
        let numbered: Vec<(i64, &OriginalId)> = (0..).zip(originals).collect();
        let item = item.to_string();
        self.insert(
            "INSERT INTO item_originals (item_id, position, original_id) VALUES ",
            3,
            &numbered,
            |query, (position, original)| {
                Ok(query
                    .bind(item.clone())
                    .bind(*position)
                    .bind(original.to_string()))
            },
        )
        .await
    }

    async fn insert_artifact(
        &mut self,
        item: ItemId,
        artifact: &NewArtifact,
        keys: &Keyring,
    ) -> Result<(), CatalogError> {
        sqlx::query("INSERT INTO artifacts (id, item_id, kind, name, sealed) VALUES ($1, $2, $3, $4, $5)")
            .bind(artifact.id.to_string())
            .bind(item.to_string())
            .bind(artifact.kind.word())
            .bind(artifact.name.clone())
            .bind(keys.seal("artifacts", artifact.id.as_bytes(), &artifact.details)?)
            .execute(self.db())
            .await?;
        for (part, object) in &artifact.objects {
            sqlx::query("INSERT INTO artifact_objects (artifact_id, part, object) VALUES ($1, $2, $3)")
                .bind(artifact.id.to_string())
                .bind(part.clone())
                .bind(object.name.clone())
                .execute(self.db())
                .await?;
        }
        Ok(())
    }

    /// Takes away the item's artifact of the kind and name of `like`, if there is one; its objects become pending.
    async fn remove_artifact(
        &mut self,
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
        .bind(like.name.clone())
        .fetch_all(self.db())
        .await?;
        let names = rows
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<Vec<String>, _>>()?;
        self.add_pending(ingest, &names).await?;
        self.delete_named("DELETE FROM artifact_objects WHERE object IN", &names)
            .await?;
        self.delete_named("DELETE FROM objects WHERE name IN", &names)
            .await?;
        sqlx::query("DELETE FROM artifacts WHERE item_id = $1 AND kind = $2 AND name = $3")
            .bind(item.to_string())
            .bind(like.kind.word())
            .bind(like.name.clone())
            .execute(self.db())
            .await?;
        Ok(())
    }
}

/// A statement that is given its values.
pub(crate) type Values = Query<'static, Any, AnyArguments>;

/// The value under `name`, which is `value` where there was none.
pub(crate) async fn meta_or_insert(
    change: &mut Change,
    name: &str,
    value: &str,
) -> Result<String, CatalogError> {
    sqlx::query("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(name)
        .bind(value)
        .execute(change.db())
        .await?;
    let row = sqlx::query("SELECT value FROM meta WHERE name = $1")
        .bind(name)
        .fetch_one(change.db())
        .await?;
    Ok(row.try_get(0)?)
}

/// Which of the item's new originals the case has by now.
async fn known_originals(
    change: &mut Change,
    item: &NewItem,
) -> Result<HashMap<[u8; 32], OriginalId>, CatalogError> {
    let hashes: Vec<[u8; 32]> = item
        .originals
        .iter()
        .filter_map(|original| match original {
            ItemOriginal::Known(_) => None,
            ItemOriginal::New(original) => Some(original.sha256),
        })
        .collect();
    originals_by_hash(change.db(), item.case, item.uploader, &hashes).await
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
