//! Small public texts beside the objects, such as checkpoints of the audit log: they are kept where the database is
//! not, and anybody who holds the store may read them.

use futures::TryStreamExt;
use object_store::path::Path as Location;
use object_store::{ObjectStoreExt, PutPayload};

use crate::error::VaultError;
use crate::vault::Vault;

/// Longest note that is read, bytes.
const MOST_BYTES: u64 = 64 * 1024;

impl Vault {
    /// Writes the note `name` of `folder`, in place of the one before. Durable after [`Vault::sync`].
    ///
    /// # Errors
    /// What the store says.
    pub async fn put_note(&self, folder: &'static str, name: &str, text: &str) -> Result<(), VaultError> {
        let place = Location::from_iter([folder, name]);
        let payload = PutPayload::from(text.as_bytes().to_vec());
        self.store
            .put(&place, payload)
            .await
            .map(|_| ())
            .map_err(failed("write a note"))
    }

    /// The note `name` of `folder`; `None` where there is none, or it is no short text.
    ///
    /// # Errors
    /// What the store says.
    pub async fn note(&self, folder: &'static str, name: &str) -> Result<Option<String>, VaultError> {
        self.read_note(&Location::from_iter([folder, name])).await
    }

    /// All notes of `folder` with their names, in the order of their names. What is no short text comes as an empty
    /// one.
    ///
    /// # Errors
    /// What the store says.
    pub async fn notes(&self, folder: &'static str) -> Result<Vec<(String, String)>, VaultError> {
        let prefix = Location::from_iter([folder]);
        let listed: Vec<_> = self
            .store
            .list(Some(&prefix))
            .try_collect()
            .await
            .map_err(failed("list notes"))?;
        let mut notes = Vec::with_capacity(listed.len());
        for meta in listed {
            if let Some(name) = meta.location.filename() {
                let text = self.read_note(&meta.location).await?;
                notes.push((name.to_owned(), text.unwrap_or_default()));
            }
        }
        notes.sort();
        Ok(notes)
    }

    async fn read_note(&self, place: &Location) -> Result<Option<String>, VaultError> {
        let found = match self.store.get(place).await {
            Ok(found) if found.meta.size <= MOST_BYTES => found,
            Ok(_) | Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed("read a note")(error)),
        };
        let bytes = found.bytes().await.map_err(failed("read a note"))?;
        Ok(String::from_utf8(bytes.to_vec()).ok())
    }
}

fn failed(action: &'static str) -> impl FnOnce(object_store::Error) -> VaultError {
    move |error| VaultError::Store {
        action,
        source: error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn notes_are_kept_beside_objects() {
        let vault = Vault::over(Arc::new(InMemory::new())).await;
        assert_eq!(vault.note("log", "a.txt").await.unwrap(), None);
        vault.put_note("log", "b.txt", "second").await.unwrap();
        vault.put_note("log", "a.txt", "first").await.unwrap();
        vault.put_note("log", "a.txt", "first again").await.unwrap();
        vault.put_note("other", "c.txt", "elsewhere").await.unwrap();
        let kept = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(
            vault.notes("log").await.unwrap(),
            [kept("a.txt", "first again"), kept("b.txt", "second")]
        );
        let long = "x".repeat(MOST_BYTES as usize + 1);
        vault.put_note("log", "b.txt", &long).await.unwrap();
        assert_eq!(vault.note("log", "b.txt").await.unwrap(), None);
        let objects: Vec<_> = vault.list().try_collect().await.unwrap();
        assert!(objects.is_empty(), "a note is no object: {objects:?}");
    }
}
