//! Copying objects as they are stored, encrypted, from one store to another: for backups, which need no key.

use futures::TryStreamExt;
use object_store::{ObjectStoreExt, WriteMultipart};

use crate::error::VaultError;
use crate::object::ObjectId;
use crate::vault::{Vault, location, store_error};

/// Parts on their way at once.
const PARTS_IN_FLIGHT: usize = 3;

/// What [`Vault::copy_to`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// The other store has the object now; so many bytes were copied.
    Now(u64),
    /// It had the object before.
    Before,
}

impl Vault {
    /// Gives another store an object of this one, byte by byte. Objects never change: one that is there, as long as
    /// here, stays.
    ///
    /// # Errors
    /// [`VaultError::Missing`], or what the stores say; the other has nothing of the object then.
    pub async fn copy_to(&self, id: ObjectId, other: &Self) -> Result<Copied, VaultError> {
        let place = location(id);
        let read = |error| store_error("read an object", id, error);
        let write = |error| store_error("write an object", id, error);
        let source = self.store.get(&place).await.map_err(read)?;
        let len = source.meta.size;
        match other.store.head(&place).await {
            Ok(meta) if meta.size == len => return Ok(Copied::Before),
            Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(write(error)),
        }
        let upload = other.store.put_multipart(&place).await.map_err(write)?;
        let mut writer = WriteMultipart::new(upload);
        let mut pieces = source.into_stream();
        loop {
            match pieces.try_next().await {
                Ok(Some(piece)) => {
                    writer.wait_for_capacity(PARTS_IN_FLIGHT).await.map_err(write)?;
                    writer.put(piece);
                }
                Ok(None) => break,
                Err(error) => {
                    // What was sent is of no use; that it could not be taken back changes nothing.
                    let _ = writer.abort().await;
                    return Err(read(error));
                }
            }
        }
        writer.finish().await.map_err(write)?;
        Ok(Copied::Now(len))
    }
}
