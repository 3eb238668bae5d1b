//! The commands of the program, one module each.

pub(crate) mod audit;
pub(crate) mod back_end;
pub(crate) mod backup;
pub(crate) mod compare;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod ingest;
pub(crate) mod inspect;
pub(crate) mod render;
pub(crate) mod rotate_key;
pub(crate) mod serve;
pub(crate) mod settings;
pub(crate) mod source;
pub(crate) mod trace;
pub(crate) mod user;
pub(crate) mod view;

use std::path::{Path, PathBuf};

use ::ingest::{Place, PlaceConfig};
use anyhow::{Context, Result};

use crate::secret::Secret;
use crate::store::Store;

/// Where everything lies: the same for every command.
#[derive(clap::Args)]
pub(crate) struct PlaceArguments {
    /// Folder of the catalog and, by default, of the encrypted objects
    #[arg(long, value_name = "DIR", env = "VITRINE_DATA")]
    data: Option<PathBuf>,
    /// File of the root key, outside the data; made when it is missing [default: ~/.config/vitrine/root.key]
    #[arg(long, value_name = "FILE", env = "VITRINE_KEY_FILE")]
    key_file: Option<PathBuf>,
    /// Where the encrypted objects lie instead: s3://bucket/prefix, or file:///folder
    #[arg(long, value_name = "URL", env = "VITRINE_OBJECTS")]
    objects: Option<String>,
}

impl PlaceArguments {
    /// Where everything lies, with the defaults filled in.
    pub(crate) fn config(&self) -> Result<PlaceConfig> {
        let key_file = match &self.key_file {
            Some(file) => file.clone(),
            None => default_key_file()?,
        };
        Ok(PlaceConfig {
            data: self.data()?.to_owned(),
            key_file,
            objects: self.objects.clone(),
        })
    }

    fn data(&self) -> Result<&Path> {
        self.data
            .as_deref()
            .context("there is no store to work on; say where it lies with --data or VITRINE_DATA")
    }

    /// Opens the store, making it when it is not there.
    pub(crate) fn open_or_create(&self) -> Result<Place> {
        Ok(Place::open(&self.config()?)?)
    }

    /// Opens the store, which must be there.
    pub(crate) fn open(&self) -> Result<Place> {
        let data = self.data()?;
        anyhow::ensure!(
            Place::exists(data),
            "there is no store in {}; `vitrine ingest PATH --data {}` makes one",
            data.display(),
            data.display()
        );
        self.open_or_create()
    }
}

/// A store that is there, its catalog in its folder or elsewhere.
#[derive(clap::Args)]
pub(crate) struct StoreArguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// A postgres:// URL of the catalog, in place of a file in the data folder
    #[arg(long, value_name = "URL", env = "VITRINE_DATABASE", hide_env_values = true)]
    database: Option<Secret>,
}

impl StoreArguments {
    /// Opens what is there; nothing is made.
    async fn open(&self) -> Result<Store> {
        Store::existing(&self.place.config()?, self.database.as_ref()).await
    }
}

fn default_key_file() -> Result<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")))
        .context("there is no home folder to keep the root key in; say where with --key-file")?;
    Ok(config.join("vitrine/root.key"))
}
