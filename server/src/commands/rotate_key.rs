//! `vitrine rotate-key`.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use vault::{RootKey, WrappedKey};

use super::settings::Settings;
use crate::store::Store;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// File of the other root key; made where it is missing
    #[arg(long, value_name = "FILE")]
    new_key_file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let config = arguments.settings.checked()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Store::existing(&config.place, config.database.as_ref()).await?;
        ensure!(
            !store.catalog.system().is_in_use(ingest::is_alive).await?,
            "a server or worker runs on these data: stop it first, it would go on with the present key"
        );
        let fresh = RootKey::load_or_create(&arguments.new_key_file, &config.place.data)?;
        ensure!(
            fresh.fingerprint() != store.root.fingerprint(),
            "this is the present key"
        );
        let wrap = |owner, wrapped: &[u8]| {
            let wrapped = WrappedKey::from_bytes(wrapped)?;
            Ok(fresh.rewrap(&store.root, owner, &wrapped)?.as_bytes().to_vec())
        };
        let count = store.catalog.system().rewrap(fresh.fingerprint(), wrap).await?;
        // The old wrapped keys go from the journal as well.
        store.catalog.system().forget_deleted().await?;
        println!(
            "{count} keys are under root key {} now; {} opens nothing any more but backups made before",
            fresh.fingerprint(),
            config.place.key_file.display()
        );
        store.catalog.close().await;
        Ok(())
    })
}
