//! The vault: encrypted objects in any object store.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Location;
use object_store::prefix::PrefixStore;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt, ObjectStoreScheme};
use tokio::runtime::Handle;

use crate::buffers::{Buffers, PART_BYTES};
use crate::error::{Damage, VaultError};
use crate::format::{self, CHUNK_BYTES, HEADER_BYTES, Layout, SEALED_CHUNK_BYTES};
use crate::key::{CaseKey, ObjectKey, TAG_BYTES};
use crate::object::{ObjectId, ObjectRef};
use crate::writer::ObjectWriter;

/// Chunks fetched with one request: about as many bytes as a part has.
const CHUNKS_A_FETCH: u64 = (PART_BYTES / CHUNK_BYTES) as u64;
/// Requests on their way at once while an object is read.
const FETCHES_IN_FLIGHT: usize = 3;

/// Encrypted objects in a folder, a bucket or any other [`ObjectStore`]. Cheap to clone.
///
/// Encryption and decryption run on the thread that polls. Outside async code use [`Handle::block_on`].
#[derive(Clone)]
pub struct Vault {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Set where objects are files of this machine.
    disk: Option<Arc<Disk>>,
    buffers: Buffers,
    runtime: Handle,
}

struct Disk {
    root: PathBuf,
    /// Held open from the beginning, so that it hears of every write that fails later.
    folder: fs::File,
    /// Whether it has heard of one: the kernel tells only once.
    has_lost: AtomicBool,
}

impl Disk {
    fn sync(&self) -> io::Result<()> {
        let synced = rustix::fs::syncfs(&self.folder);
        if synced.is_err() {
            self.has_lost.store(true, Ordering::SeqCst);
        }
        synced?;
        if self.has_lost.load(Ordering::SeqCst) {
            return Err(io::Error::other("an earlier write did not reach the disk"));
        }
        Ok(())
    }
}

/// An object as the store lists it.
#[derive(Clone, Debug)]
pub struct StoredObject {
    /// Its name.
    pub id: ObjectId,
    /// Its length with everything around the content, bytes.
    pub stored_bytes: u64,
    /// When it became visible.
    pub modified: SystemTime,
}

impl Vault {
    /// Opens a store by its place: a path or `file://` URL for a folder, which is made where it does not exist, or
    /// `s3://bucket/prefix`. For S3, credentials, region and endpoint come from the `AWS_*` variables that the AWS
    /// tools use (`AWS_ENDPOINT_URL` and `AWS_ALLOW_HTTP=true` for servers of one's own). A rule of the bucket should
    /// remove incomplete uploads after some days: they are what a crash leaves.
    ///
    /// # Errors
    /// [`VaultError::Open`].
    pub async fn open(place: &str) -> Result<Self, VaultError> {
        let fail = |source| VaultError::Open {
            place: place.to_owned(),
            source,
        };
        if !place.contains("://") {
            return Self::open_folder(Path::new(place)).await;
        }
        let url = place.parse().map_err(|e| fail(Box::from(format!("{e}"))))?;
        let (scheme, path) = ObjectStoreScheme::parse(&url).map_err(|e| fail(e.into()))?;
        match scheme {
            ObjectStoreScheme::Local => match url.to_file_path() {
                Ok(folder) => Self::open_folder(&folder).await,
                Err(()) => Err(fail("not a path of this machine".into())),
            },
            ObjectStoreScheme::AmazonS3 => {
                let bucket = AmazonS3Builder::from_env()
                    .with_url(place)
                    .build()
                    .map_err(|e| fail(e.into()))?;
                Ok(Self::over(Arc::new(PrefixStore::new(bucket, path))).await)
            }
            _ => Err(fail("neither a folder nor an s3:// URL".into())),
        }
    }

    /// Opens a folder of this machine, made where it does not exist. Writes are not synced one by one:
    /// [`Vault::sync`] makes them durable together.
    ///
    /// # Errors
    /// [`VaultError::Open`].
    pub async fn open_folder(folder: &Path) -> Result<Self, VaultError> {
        let fail = |source| VaultError::Open {
            place: folder.display().to_string(),
            source,
        };
        fs::create_dir_all(folder).map_err(|e| fail(e.into()))?;
        let root = fs::canonicalize(folder).map_err(|e| fail(e.into()))?;
        let store = LocalFileSystem::new_with_prefix(&root).map_err(|e| fail(e.into()))?;
        let folder = fs::File::open(&root).map_err(|e| fail(e.into()))?;
        let disk = Some(Arc::new(Disk {
            root,
            folder,
            has_lost: AtomicBool::new(false),
        }));
        Ok(Self {
            disk,
            ..Self::over(Arc::new(store)).await
        })
    }

    /// A vault over a store that the caller made, whose writes are durable when they return.
    #[expect(
        clippy::unused_async,
        reason = "background work needs the runtime that polls this"
    )]
    pub async fn over(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            disk: None,
            buffers: Buffers::default(),
            runtime: Handle::current(),
        }
    }

    /// Stores `content` as the object `id`, which must not have been used before.
    ///
    /// # Errors
    /// What the store says; nothing is visible then.
    pub async fn put(&self, case: &CaseKey, id: ObjectId, content: &[u8]) -> Result<ObjectRef, VaultError> {
        let mut writer = self.writer(case, id)?;
        writer.append(content).await?;
        writer.finish().await
    }

    /// Begins the object `id`, which must not have been used before.
    ///
    /// # Errors
    /// [`VaultError::Crypto`] when the system gives no random numbers.
    pub fn writer(&self, case: &CaseKey, id: ObjectId) -> Result<ObjectWriter, VaultError> {
        ObjectWriter::new(
            self.store.clone(),
            self.buffers.clone(),
            self.runtime.clone(),
            case.clone(),
            id,
        )
    }

    /// Reads a whole object.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::Damaged`], [`VaultError::Reference`], or what the store says.
    pub async fn get(&self, case: &CaseKey, object: &ObjectRef) -> Result<Vec<u8>, VaultError> {
        self.get_range(case, object, 0..object.len).await
    }

    /// Reads the bytes `range` of an object's content; fetches only the chunks that hold them.
    ///
    /// # Errors
    /// As [`Vault::get`], and [`VaultError::Range`] for a range beyond the content. What is damaged outside the
    /// range is not seen.
    pub async fn get_range(
        &self,
        case: &CaseKey,
        object: &ObjectRef,
        range: Range<u64>,
    ) -> Result<Vec<u8>, VaultError> {
        let (start, end) = (range.start, range.end);
        let key = case.open_ref(object)?;
        let layout = Layout::of(object);
        let size = end.checked_sub(start).filter(|_| end <= object.len);
        let Some(size) = size.and_then(|size| usize::try_from(size).ok()) else {
            return Err(VaultError::Range {
                id: object.id,
                start,
                end,
                len: object.len,
            });
        };
        if size == 0 && object.len > 0 {
            return Ok(Vec::new());
        }
        let chunk = CHUNK_BYTES as u64;
        // The chunk of an empty object is read as well: it authenticates that there is nothing.
        let chunks = start / chunk..end.div_ceil(chunk).max(1);
        let fetches = (chunks.start..chunks.end)
            .step_by(CHUNKS_A_FETCH as usize)
            .map(|first| first..(first + CHUNKS_A_FETCH).min(chunks.end));
        let mut fetched = futures::stream::iter(fetches)
            .map(|chunks| async { Ok::<_, VaultError>((chunks.start, self.fetch(object, chunks).await?)) })
            .buffered(FETCHES_IN_FLIGHT);
        let mut content = Content {
            key,
            layout,
            start,
            bytes: vec![0; size],
            scratch: Vec::new(),
        };
        while let Some((first, sealed)) = fetched.try_next().await? {
            content.open(first, &sealed)?;
        }
        Ok(content.bytes)
    }

    /// Removes an object and what an interrupted writer left of it. Removing what is not there is no error.
    ///
    /// # Errors
    /// What the store says.
    pub async fn delete(&self, id: ObjectId) -> Result<(), VaultError> {
        match self.store.delete(&location(id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(store_error("delete an object", id, error)),
        }
        let Some(disk) = &self.disk else { return Ok(()) };
        // The local store writes beside the object's place, under its name with `#1`, and renames.
        let draft = disk.root.join(format!("{}#1", location(id)));
        match fs::remove_file(draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(VaultError::Store {
                action: "delete a draft",
                source: error.into(),
            }),
            _ => Ok(()),
        }
    }

    /// Lists all objects, in no order. Files with other names are passed over.
    pub fn list(&self) -> impl Stream<Item = Result<StoredObject, VaultError>> + Send + use<> {
        self.store.list(None).filter_map(|listed| async {
            let meta = match listed {
                Ok(meta) => meta,
                Err(error) => {
                    return Some(Err(VaultError::Store {
                        action: "list objects",
                        source: error.into(),
                    }));
                }
            };
            let id =
                ObjectId::parse(meta.location.filename()?).filter(|id| location(*id) == meta.location)?;
            Some(Ok(StoredObject {
                id,
                stored_bytes: meta.size,
                modified: meta.last_modified.into(),
            }))
        })
    }

    /// Returns when everything that was written survives a loss of power. To be called before the catalog says that
    /// the objects are there. Stores in the network promise it for every write by itself; for a folder one `syncfs`
    /// covers all objects, which is far less work than syncing each.
    ///
    /// # Errors
    /// [`VaultError::Sync`]: what was written since the vault was opened may be lost.
    pub async fn sync(&self) -> Result<(), VaultError> {
        let Some(disk) = self.disk.clone() else {
            return Ok(());
        };
        let synced = self.runtime.spawn_blocking(move || disk.sync());
        let synced = synced.await.map_err(|e| VaultError::Sync(io::Error::other(e)))?;
        synced.map_err(VaultError::Sync)
    }

    /// Fetches some chunks of an object, with the header where the first is among them.
    async fn fetch(&self, object: &ObjectRef, chunks: Range<u64>) -> Result<Bytes, VaultError> {
        let damaged = |what| VaultError::Damaged { id: object.id, what };
        let failed = |error| store_error("read an object", object.id, error);
        let layout = Layout::of(object);
        let last = chunks.end - 1;
        let end = layout.stored_offset(last) + (layout.plain_len(last) + TAG_BYTES) as u64;
        let start = if chunks.start == 0 {
            0
        } else {
            layout.stored_offset(chunks.start)
        };
        let options = GetOptions::new().with_range(Some(start..end));
        let result = match self.store.get_opts(&location(object.id), options).await {
            Ok(result) => result,
            // Stores answer a range that begins beyond the end with an error of their own: so the object is short.
            Err(error @ object_store::Error::NotFound { .. }) => return Err(failed(error)),
            Err(error) => match self.store.head(&location(object.id)).await {
                Ok(meta) if meta.size < end => {
                    return Err(damaged(Damage::Length {
                        expected: layout.stored_len(),
                        actual: meta.size,
                    }));
                }
                _ => return Err(failed(error)),
            },
        };
        let stored = result.meta.size;
        if stored != layout.stored_len() {
            return Err(damaged(Damage::Length {
                expected: layout.stored_len(),
                actual: stored,
            }));
        }
        let bytes = result.bytes().await.map_err(failed)?;
        if bytes.len() as u64 != end - start {
            return Err(damaged(Damage::Length {
                expected: end - start,
                actual: bytes.len() as u64,
            }));
        }
        if chunks.start > 0 {
            return Ok(bytes);
        }
        if bytes[..HEADER_BYTES] != format::header(object.id) {
            return Err(damaged(Damage::Header));
        }
        Ok(bytes.slice(HEADER_BYTES..))
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({})", self.store)
    }
}

/// Part of an object's content, filled chunk by chunk.
struct Content {
    key: ObjectKey,
    layout: Layout,
    /// Offset of `bytes` in the content.
    start: u64,
    bytes: Vec<u8>,
    /// Room for a chunk of which only a piece is wanted.
    scratch: Vec<u8>,
}

impl Content {
    /// Opens neighboring chunks from `first` on.
    fn open(&mut self, first: u64, sealed: &[u8]) -> Result<(), VaultError> {
        for (index, sealed) in (first..).zip(sealed.chunks(SEALED_CHUNK_BYTES)) {
            let chunk_start = index * CHUNK_BYTES as u64;
            let chunk_len = self.layout.plain_len(index);
            let from = chunk_start.max(self.start);
            let to = (chunk_start + chunk_len as u64)
                .min(self.start + self.bytes.len() as u64)
                .max(from);
            let wanted = &mut self.bytes[(from - self.start) as usize..(to - self.start) as usize];
            if wanted.len() == chunk_len {
                self.layout.open_chunk(&self.key, index, sealed, wanted)?;
            } else {
                self.scratch.resize(chunk_len, 0);
                self.layout
                    .open_chunk(&self.key, index, sealed, &mut self.scratch)?;
                let piece = (from - chunk_start) as usize..(to - chunk_start) as usize;
                wanted.copy_from_slice(&self.scratch[piece]);
            }
        }
        Ok(())
    }
}

/// Where an object lies: in one of 256 folders by the beginning of its name, since some file systems are slow with
/// very large ones.
pub(crate) fn location(id: ObjectId) -> Location {
    let name = id.to_string();
    Location::from(format!("{}/{name}", &name[..2]))
}

pub(crate) fn store_error(action: &'static str, id: ObjectId, error: object_store::Error) -> VaultError {
    match error {
        object_store::Error::NotFound { .. } => VaultError::Missing(id),
        other => VaultError::Store {
            action,
            source: other.into(),
        },
    }
}
