//! What everything that works on the data opens first: the catalog, the vault and the root key.

use std::sync::Arc;

use anyhow::{Result, ensure};
use catalog::{Catalog, Database};
use ingest::PlaceConfig;
use vault::{RootKey, Vault};

use crate::secret::Secret;

/// The data, open.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) catalog: Catalog,
    pub(crate) vault: Vault,
    pub(crate) root: Arc<RootKey>,
}

impl Store {
    /// Opens everything that lies in `place`, making it where it is not there.
    ///
    /// # Errors
    /// When something cannot be opened, or the key is not that of the data.
    pub(crate) async fn open(place: &PlaceConfig, database: Option<&Secret>) -> Result<Self> {
        let store = Self::unbound(place, database).await?;
        store
            .catalog
            .system()
            .bind_root_key(store.root.fingerprint())
            .await?;
        Ok(store)
    }

    /// Opens what must be there already.
    ///
    /// # Errors
    /// As [`Store::open`], and when nothing is there.
    pub(crate) async fn existing(place: &PlaceConfig, database: Option<&Secret>) -> Result<Self> {
        let is_there = database.is_some() || place.catalog_file().is_file();
        ensure!(is_there, "there is no store in {}", place.data.display());
        ensure!(
            place.key_file.is_file(),
            "there is no root key in {}",
            place.key_file.display()
        );
        Self::open(place, database).await
    }

    /// Opens everything without asking whether the key is that of the data.
    ///
    /// # Errors
    /// When something cannot be opened.
    pub(crate) async fn unbound(place: &PlaceConfig, database: Option<&Secret>) -> Result<Self> {
        std::fs::create_dir_all(&place.data)?;
        let root = Arc::new(RootKey::load_or_create(&place.key_file, &place.data)?);
        let database = match database {
            Some(url) => Database::Postgres(url.reveal().to_owned()),
            None => Database::Sqlite(place.catalog_file()),
        };
        let cipher = Arc::new(ingest::RootCipher(Arc::clone(&root)));
        let catalog = Catalog::open(&database, cipher).await?;
        let vault = match &place.objects {
            Some(url) => Vault::open(url).await?,
            None => Vault::open_folder(&place.data.join("objects")).await?,
        };
        Ok(Self { catalog, vault, root })
    }
}
