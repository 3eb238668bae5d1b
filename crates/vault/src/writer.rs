//! Writing one object piece by piece.

use std::sync::Arc;

use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::buffers::{Buffer, Buffers, PART_BYTES};
use crate::error::VaultError;
use crate::format::{self, CHUNK_BYTES, HEADER_BYTES, Place};
use crate::key::{CaseKey, ObjectKey, TAG_BYTES};
use crate::object::{ObjectId, ObjectRef};
use crate::vault::{location, store_error};

/// Parts on their way at once.
const PARTS_IN_FLIGHT: usize = 3;

/// An object that is being written. Chunks are encrypted by the thread that polls [`ObjectWriter::append`], parts of
/// 8 MiB travel in the background; at most four of them, 33 MiB, are in memory.
///
/// Nothing can be seen of the object before [`ObjectWriter::finish`] has returned. Dropping the writer undoes what
/// was sent.
pub struct ObjectWriter {
    store: Arc<dyn ObjectStore>,
    buffers: Buffers,
    runtime: Handle,
    case: CaseKey,
    key: ObjectKey,
    id: ObjectId,
    /// Content given so far, bytes.
    len: u64,
    /// Chunks sealed so far.
    sealed: u64,
    /// Content of the chunk that is not sealed yet. A full one waits here until more comes: it may be the last.
    open_chunk: Vec<u8>,
    part: Buffer,
    upload: Option<Upload>,
    /// Something given was lost; nothing can be finished any more.
    broken: bool,
}

struct Upload {
    parts: Box<dyn MultipartUpload>,
    in_flight: JoinSet<object_store::Result<()>>,
}

impl ObjectWriter {
    pub(crate) fn new(
        store: Arc<dyn ObjectStore>,
        buffers: Buffers,
        runtime: Handle,
        case: CaseKey,
        id: ObjectId,
    ) -> Result<Self, VaultError> {
        let mut part = buffers.take();
        part.extend(HEADER_BYTES).copy_from_slice(&format::header(id));
        let key = ObjectKey::random()?;
        Ok(Self {
            store,
            buffers,
            runtime,
            case,
            key,
            id,
            len: 0,
            sealed: 0,
            open_chunk: Vec::new(),
            part,
            upload: None,
            broken: false,
        })
    }

    /// The name of the object.
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// Bytes of content appended so far: the offset of what comes next.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was appended yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends content. Waits while too many parts are on their way. Outside async code, call it through
    /// [`Handle::block_on`]: the encryption then runs on the calling thread.
    ///
    /// # Errors
    /// What the store says of this or of an earlier part. The object cannot be finished any more then, nor when this
    /// was cancelled.
    pub async fn append(&mut self, content: &[u8]) -> Result<(), VaultError> {
        self.refuse_broken()?;
        self.broken = true;
        self.append_chunks(content).await?;
        self.broken = false;
        self.len += content.len() as u64;
        Ok(())
    }

    /// Sends what is left and makes the object visible, all at once.
    ///
    /// # Errors
    /// What the store says; nothing is visible then.
    pub async fn finish(mut self) -> Result<ObjectRef, VaultError> {
        self.refuse_broken()?;
        self.seal_open_chunk(Place::Last).await?;
        let reference = self.case.seal_ref(self.id, self.len, &self.key)?;
        if self.upload.is_none() {
            let content = self.take_part();
            self.store
                .put(&location(self.id), content)
                .await
                .map_err(|e| store_error("write an object", self.id, e))?;
            return Ok(reference);
        }
        if self.part.filled() > 0 {
            self.send_part().await?;
        }
        self.wait_for_parts(0).await?;
        if let Some(upload) = &mut self.upload {
            upload
                .parts
                .complete()
                .await
                .map_err(|e| store_error("complete an object", self.id, e))?;
            self.upload = None;
        }
        Ok(reference)
    }

    fn refuse_broken(&self) -> Result<(), VaultError> {
        if self.broken {
            return Err(VaultError::Store {
                action: "write an object",
                source: "an earlier piece was lost".into(),
            });
        }
        Ok(())
    }

    async fn append_chunks(&mut self, mut content: &[u8]) -> Result<(), VaultError> {
        while !content.is_empty() {
            if self.open_chunk.len() == CHUNK_BYTES {
                self.seal_open_chunk(Place::Inner).await?;
            }
            if self.open_chunk.is_empty() && content.len() > CHUNK_BYTES {
                let (chunk, rest) = content.split_at(CHUNK_BYTES);
                self.seal(chunk, Place::Inner).await?;
                content = rest;
            } else {
                let (piece, rest) = content.split_at(content.len().min(CHUNK_BYTES - self.open_chunk.len()));
                self.open_chunk.extend_from_slice(piece);
                content = rest;
            }
        }
        Ok(())
    }

    async fn seal_open_chunk(&mut self, place: Place) -> Result<(), VaultError> {
        let mut chunk = std::mem::take(&mut self.open_chunk);
        self.seal(&chunk, place).await?;
        chunk.clear();
        self.open_chunk = chunk;
        Ok(())
    }

    async fn seal(&mut self, chunk: &[u8], place: Place) -> Result<(), VaultError> {
        let sealed = self.part.extend(chunk.len() + TAG_BYTES);
        format::seal_chunk(&self.key, self.id, self.sealed, place, chunk, sealed)?;
        self.sealed += 1;
        if self.part.filled() >= PART_BYTES {
            self.send_part().await
        } else {
            Ok(())
        }
    }

    fn take_part(&mut self) -> PutPayload {
        std::mem::replace(&mut self.part, self.buffers.take())
            .into_bytes()
            .into()
    }

    async fn send_part(&mut self) -> Result<(), VaultError> {
        if self.upload.is_none() {
            let parts = self.store.put_multipart(&location(self.id)).await;
            let parts = parts.map_err(|e| store_error("begin an object", self.id, e))?;
            self.upload = Some(Upload {
                parts,
                in_flight: JoinSet::new(),
            });
        }
        self.wait_for_parts(PARTS_IN_FLIGHT - 1).await?;
        let rest = self.part.split_off_part();
        let part = std::mem::replace(&mut self.part, rest).into_bytes();
        if let Some(upload) = &mut self.upload {
            let sending = upload.parts.put_part(part.into());
            upload.in_flight.spawn_on(sending, &self.runtime);
        }
        Ok(())
    }

    /// Waits until at most `allowed` parts are on their way.
    async fn wait_for_parts(&mut self, allowed: usize) -> Result<(), VaultError> {
        let Some(upload) = &mut self.upload else {
            return Ok(());
        };
        while upload.in_flight.len() > allowed {
            let sent = match upload.in_flight.join_next().await {
                Some(Ok(sent)) => sent,
                Some(Err(lost)) => Err(object_store::Error::JoinError { source: lost }),
                None => break,
            };
            if let Err(error) = sent {
                return Err(store_error("send part of an object", self.id, error));
            }
        }
        Ok(())
    }
}

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        if let Some(Upload {
            mut parts,
            mut in_flight,
        }) = self.upload.take()
        {
            self.runtime.spawn(async move {
                in_flight.shutdown().await;
                // Nobody is left to hear of an error; what stays behind is invisible and swept by name.
                drop(parts.abort().await);
            });
        }
    }
}

impl std::fmt::Debug for ObjectWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectWriter")
            .field("id", &self.id)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
