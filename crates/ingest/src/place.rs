//! Where everything lies: the catalog, the vault, the key of the case.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use catalog::{Artifact, Catalog, Database, Item, ObjectRow, OwnCase, System};
use domain::{CaseId, IngestId, ItemId, UserId};
use tokio::runtime::{Handle, Runtime};
use vault::{CaseKey, ObjectId, ObjectRef, RootKey, Vault, WrappedKey};

use crate::IngestError;
use crate::keys::RootCipher;
use crate::report::{ArtifactReport, ItemReport, ItemState};
use crate::steps::stored::{Lost, Stored};

/// Where everything lies.
#[derive(Clone, Debug)]
pub struct PlaceConfig {
    /// Folder of the catalog and, by default, of the objects.
    pub data: PathBuf,
    /// File of the root key, outside `data`; made when it is missing.
    pub key_file: PathBuf,
    /// URL of the objects (`s3://...`, `file:///...`) where they lie elsewhere.
    pub objects: Option<String>,
}

/// An open store.
#[derive(Debug)]
pub struct Place {
    pub(crate) catalog: System,
    pub(crate) vault: Vault,
    pub(crate) case: CaseId,
    pub(crate) key: CaseKey,
    /// Whose uploads are taken in; the operator's of this machine where there is nobody.
    pub(crate) uploader: Option<UserId>,
    runtime: Handle,
    /// What the vault could not give back.
    pub(crate) lost: Lost,
    /// Names that are on the list of pending objects and not used yet.
    spare: Mutex<Vec<ObjectId>>,
    /// Kept where it is this place's own.
    _own: Option<Runtime>,
}

/// An upload that lies in the vault.
#[derive(Clone, Debug)]
pub struct StoredFile {
    /// Its name and path as uploaded, `/` between folders.
    pub path: String,
    /// Its length, bytes.
    pub len: u64,
    /// Its pieces in their order.
    pub parts: Vec<ObjectRow>,
}

/// Names of objects that are written down before they are needed, besides those that are expected.
const NAMES_AHEAD: usize = 64;
/// The most names that are written down because they are expected.
const MOST_EXPECTED: usize = 1024;
const CATALOG_FILE: &str = "catalog.sqlite";

impl Place {
    /// Whether there is a store in this folder.
    pub fn exists(data: &Path) -> bool {
        data.join(CATALOG_FILE).is_file()
    }

    /// Opens a store, making it when it is not there.
    ///
    /// # Errors
    /// When the folder, the key, the objects or the catalog cannot be used, or the key is not theirs.
    pub fn open(config: &PlaceConfig) -> Result<Self, IngestError> {
        let io = |what: &str| {
            let what = what.to_owned();
            move |source| IngestError::Io { what, source }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(io("starting the input and output threads"))?;
        std::fs::create_dir_all(&config.data)
            .map_err(io(&format!("making the folder {}", config.data.display())))?;
        let root = Arc::new(RootKey::load_or_create(&config.key_file, &config.data)?);
        let cipher = Arc::new(RootCipher(Arc::clone(&root)));
        let (catalog, vault, case, key) = runtime.block_on(async {
            let database = Database::Sqlite(config.catalog_file());
            let catalog = Catalog::open(&database, cipher).await?.system();
            catalog.bind_root_key(root.fingerprint()).await?;
            let vault = match &config.objects {
                Some(url) => Vault::open(url).await?,
                None => Vault::open_folder(&config.data.join("objects")).await?,
            };
            let id = CaseId::from_random(*ObjectId::random()?.as_bytes());
            let (_, wrapped) = root.new_case_key(*id.as_bytes())?;
            let proposal = OwnCase {
                id,
                wrapped_key: wrapped.as_bytes().to_vec(),
            };
            let case = catalog.default_case_or(&proposal).await?;
            let key = root.open_case_key(*case.id.as_bytes(), &WrappedKey::from_bytes(&case.wrapped_key)?)?;
            Ok::<_, IngestError>((catalog, vault, case.id, key))
        })?;
        Ok(Self {
            catalog,
            vault,
            case,
            key,
            uploader: None,
            runtime: runtime.handle().clone(),
            lost: Lost::default(),
            spare: Mutex::default(),
            _own: Some(runtime),
        })
    }

    /// A case in a store that is open already, where `uploader` has uploaded something. `runtime` does the input and
    /// output; the pipeline must not run on one of its tasks.
    pub fn of_case(
        catalog: System,
        vault: Vault,
        runtime: Handle,
        (case, key): (CaseId, CaseKey),
        uploader: UserId,
    ) -> Self {
        Self {
            catalog,
            vault,
            case,
            key,
            uploader: Some(uploader),
            runtime,
            lost: Lost::default(),
            spare: Mutex::default(),
            _own: None,
        }
    }

    /// A file that lies in the vault in pieces.
    pub(crate) fn stored(&self, parts: Vec<ObjectRow>) -> Result<Stored, IngestError> {
        let around = (self.runtime.clone(), self.lost.clone());
        Stored::new(self.vault.clone(), self.key.clone(), around, parts)
    }

    /// Runs input or output to its end. Not to be called from a task of the runtime.
    pub(crate) fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Sends what is stored so far on its way to the disk, beside other work: less is left to wait for when an item is
    /// recorded. Whether it arrived is asked then.
    pub(crate) fn start_sync(&self) {
        let vault = self.vault.clone();
        self.runtime.spawn(async move { vault.sync().await.is_ok() });
    }

    /// All items, the oldest first.
    ///
    /// # Errors
    /// The catalog's.
    pub fn items(&self) -> Result<Vec<ItemReport>, IngestError> {
        let items = self.wait(self.catalog.items())?;
        items
            .into_iter()
            .map(|item| self.report(item, ItemState::AlreadyThere))
            .collect()
    }

    /// The item whose identifier is or begins with `id`.
    ///
    /// # Errors
    /// When there is none or more than one.
    pub fn item(&self, id: &str) -> Result<ItemReport, IngestError> {
        let item = self.wait(self.catalog.item(id))?;
        self.report(item, ItemState::AlreadyThere)
    }

    pub(crate) fn report(&self, item: Item, state: ItemState) -> Result<ItemReport, IngestError> {
        let artifacts = self.wait(self.catalog.artifacts(item.id))?;
        let originals = self.wait(self.catalog.originals(item.id))?.len();
        let place = crate::steps::record::GridDetails::read(&item);
        Ok(ItemReport {
            id: item.id,
            kind: item.kind,
            name: item.name,
            series_uid: item.series_uid,
            state,
            originals,
            files: Vec::new(),
            dims: place.dims,
            spacing_mm: place.spacing_mm,
            patient_from_voxel: item.grid.map(|grid| grid.patient_from_voxel_rows()),
            findings: serde_json::from_value(item.findings).unwrap_or_default(),
            artifacts: artifacts.iter().map(artifact_report).collect(),
            details: item.details,
        })
    }

    pub(crate) fn artifacts(&self, item: ItemId) -> Result<Vec<Artifact>, IngestError> {
        Ok(self.wait(self.catalog.artifacts(item))?)
    }

    /// The whole content of an object.
    pub(crate) fn read(&self, object: &ObjectRow) -> Result<Vec<u8>, IngestError> {
        let reference = ObjectRef::from_bytes(&object.reference)?;
        Ok(self.wait(self.vault.get(&self.key, &reference))?)
    }

    /// A range of the content of an object.
    pub(crate) fn read_range(
        &self,
        object: &ObjectRow,
        range: std::ops::Range<u64>,
    ) -> Result<Vec<u8>, IngestError> {
        let reference = ObjectRef::from_bytes(&object.reference)?;
        Ok(self.wait(self.vault.get_range(&self.key, &reference, range))?)
    }

    /// Reads ranges of an object for as long as it is kept, on threads that drive no asynchronous work.
    pub(crate) fn reader(
        &self,
        object: &ObjectRow,
    ) -> Result<
        impl Fn(std::ops::Range<u64>) -> Result<Vec<u8>, IngestError> + Send + Sync + use<>,
        IngestError,
    > {
        let reference = ObjectRef::from_bytes(&object.reference)?;
        let (vault, key, runtime) = (self.vault.clone(), self.key.clone(), self.runtime.clone());
        Ok(move |range| Ok(runtime.block_on(vault.get_range(&key, &reference, range))?))
    }

    /// Encrypts and stores `content` under a name that is on the list of pending objects.
    pub(crate) fn put(&self, id: ObjectId, content: &[u8]) -> Result<ObjectRow, IngestError> {
        let stored = self.wait(self.vault.put(&self.key, id, content))?;
        Ok(row(&stored))
    }

    /// `count` new names for objects, on the list of pending ones; as [`Self::reserve_of`].
    pub(crate) fn reserve(&self, ingest: IngestId, count: usize) -> Result<Vec<ObjectId>, IngestError> {
        self.reserve_of(ingest, count, 0)
    }

    /// `count` new names for objects, on the list of pending ones, when about so many more are `expected`. More than are
    /// asked for are written down at once, for later calls until [`Self::release`]: each time waits for the disk, which
    /// may be busy with the objects themselves.
    pub(crate) fn reserve_of(
        &self,
        ingest: IngestId,
        count: usize,
        expected: usize,
    ) -> Result<Vec<ObjectId>, IngestError> {
        let mut spare = self.spare();
        if let Some(missing) = count.checked_sub(spare.len()).filter(|&missing| missing > 0) {
            let ahead = NAMES_AHEAD + expected.min(MOST_EXPECTED);
            spare.extend(self.reserve_exactly(ingest, missing + ahead)?);
        }
        let kept = spare.len() - count;
        Ok(spare.split_off(kept))
    }

    /// `count` new names for objects, on the list of pending ones, and no other.
    pub(crate) fn reserve_exactly(
        &self,
        ingest: IngestId,
        count: usize,
    ) -> Result<Vec<ObjectId>, IngestError> {
        let ids = (0..count)
            .map(|_| ObjectId::random())
            .collect::<Result<Vec<_>, _>>()?;
        let names: Vec<String> = ids.iter().map(ObjectId::to_string).collect();
        self.wait(self.catalog.record_pending(ingest, &names))?;
        Ok(ids)
    }

    /// Takes the names that nothing was stored under off the list of pending objects.
    pub(crate) fn release(&self) -> Result<(), IngestError> {
        let names: Vec<String> = self.spare().drain(..).map(|id| id.to_string()).collect();
        Ok(self.wait(self.catalog.forget_pending(&names))?)
    }

    fn spare(&self) -> MutexGuard<'_, Vec<ObjectId>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Deletes what stopped or finished runs left behind.
    pub(crate) fn sweep(&self) -> Result<(), IngestError> {
        self.wait(sweep(&self.catalog, &self.vault))
    }
}

/// Deletes the objects that stopped or finished runs left behind.
///
/// # Errors
/// The catalog's and the vault's.
pub async fn sweep(catalog: &System, vault: &Vault) -> Result<(), IngestError> {
    let names = catalog.abandoned_objects(crate::steps::process::is_alive).await?;
    for id in names.iter().filter_map(|name| ObjectId::parse(name)) {
        vault.delete(id).await?;
    }
    catalog.forget_pending(&names).await?;
    Ok(())
}

impl PlaceConfig {
    /// The file of the catalog.
    pub fn catalog_file(&self) -> PathBuf {
        self.data.join(CATALOG_FILE)
    }
}

/// An object as the catalog keeps it.
pub(crate) fn row(object: &ObjectRef) -> ObjectRow {
    ObjectRow {
        name: object.id.to_string(),
        reference: object.to_bytes().to_vec(),
        len: object.len,
    }
}

fn artifact_report(artifact: &Artifact) -> ArtifactReport {
    ArtifactReport {
        kind: artifact.kind,
        name: artifact.name.clone(),
        bytes: artifact.size_bytes(),
        details: artifact.details.clone(),
    }
}
