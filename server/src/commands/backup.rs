//! `vitrine backup` and `vitrine restore`.
//!
//! A backup is a folder: `objects`, in which every object lies as it is stored, encrypted; among them one more, which
//! holds all rows of the catalog; and `backup.json`, which says how that one is opened, under the root key. It is
//! written last: a folder without it is no backup. Objects never change, so that a backup into the folder of an earlier
//! one copies only what is new.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use vault::{Copied, ObjectId, ObjectRef, Vault, WrappedKey};

use super::settings::Settings;
use crate::store::Store;
use crate::web::{CHECKPOINTS, Config};

/// Version of `backup.json`.
const FORMAT: u32 = 1;
const INDEX: &str = "backup.json";
/// How long sweeps wait for a backup that has died, and how often one that lives says so.
const PAUSE_MS: i64 = 10 * 60_000;
const BEAT: Duration = Duration::from_secs(60);
/// Bytes of rows that are gathered before they are encrypted, and decrypted at once.
const PIECE: usize = 1 << 20;

#[derive(clap::Args)]
pub(crate) struct BackupArguments {
    #[command(flatten)]
    settings: Settings,
    /// Folder of the backup; one that is there is brought up to date
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

#[derive(clap::Args)]
pub(crate) struct RestoreArguments {
    #[command(flatten)]
    settings: Settings,
    /// Folder of the backup
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
}

/// What `backup.json` says.
#[derive(Serialize, Deserialize)]
struct Index {
    format: u32,
    /// Which root key opens it.
    root_key: String,
    /// When it was made, RFC 3339.
    made: String,
    /// Objects of the store, without the one of the catalog.
    objects: u64,
    /// What the key of the catalog's object belongs to, that key under the root key, and the object's reference under
    /// it, hexadecimal.
    owner: String,
    wrapped_key: String,
    catalog: String,
}

pub(crate) fn run(arguments: &BackupArguments) -> Result<()> {
    let config = arguments.settings.checked()?;
    runtime()?.block_on(backup(&config, &arguments.to))
}

pub(crate) fn run_restore(arguments: &RestoreArguments) -> Result<()> {
    let config = arguments.settings.checked()?;
    runtime()?.block_on(restore(&config, &arguments.from))
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting threads")
}

async fn backup(config: &Config, to: &Path) -> Result<()> {
    let store = Store::existing(&config.place, config.database.as_ref()).await?;
    let kept = Vault::open_folder(&to.join("objects")).await?;
    // What the rows refer to must not go before it is copied.
    store.catalog.system().pause_sweeps(PAUSE_MS).await?;
    let saved = save(&store, &kept, to).await;
    store.catalog.system().pause_sweeps(0).await?;
    let (objects, bytes) = saved?;
    println!(
        "{objects} objects are in {}, {bytes} bytes of them new",
        to.display()
    );
    Ok(())
}

async fn save(store: &Store, kept: &Vault, to: &Path) -> Result<(u64, u64)> {
    let owner = *ObjectId::random()?.as_bytes();
    let (key, wrapped) = store.root.new_case_key(owner)?;
    // Checkpoints before the rows: what they attest is among these then.
    for (name, text) in store.vault.notes(CHECKPOINTS).await? {
        kept.put_note(CHECKPOINTS, &name, &text).await?;
    }
    let mut writer = kept.writer(&key, ObjectId::random()?)?;
    let mut gathered = Vec::with_capacity(2 * PIECE);
    let names = store
        .catalog
        .system()
        .dump(async |rows: Vec<u8>| {
            gathered.extend_from_slice(&rows);
            if gathered.len() >= PIECE {
                writer.append(&gathered).await?;
                gathered.clear();
            }
            anyhow::Ok(())
        })
        .await?;
    writer.append(&gathered).await?;
    let catalog = writer.finish().await?;

    let (mut bytes, mut said) = (0, Instant::now());
    for name in &names {
        let id = ObjectId::parse(name).context("the name of an object")?;
        if let Copied::Now(len) = store.vault.copy_to(id, kept).await? {
            bytes += len;
        }
        if said.elapsed() > BEAT {
            store.catalog.system().pause_sweeps(PAUSE_MS).await?;
            said = Instant::now();
        }
    }
    kept.sync().await?;
    let before = read_index(to).ok();
    let index = Index {
        format: FORMAT,
        root_key: store.root.fingerprint().to_owned(),
        made: crate::web::now().to_rfc3339(),
        objects: names.len() as u64,
        owner: HEXLOWER.encode(&owner),
        wrapped_key: HEXLOWER.encode(wrapped.as_bytes()),
        catalog: HEXLOWER.encode(&catalog.to_bytes()),
    };
    write_index(to, &index)?;
    if let Some(before) = before {
        kept.delete(before.reference()?.id).await?;
    }
    Ok((index.objects, bytes))
}

async fn restore(config: &Config, from: &Path) -> Result<()> {
    let index = read_index(from)?;
    let place = &config.place;
    ensure!(
        place.key_file.is_file(),
        "there is no root key in {}: nothing of the backup can be read without the one that it was made with",
        place.key_file.display()
    );
    let kept = Vault::open_folder(&from.join("objects")).await?;
    let store = Store::unbound(place, config.database.as_ref()).await?;
    let (expected, actual) = (&index.root_key, store.root.fingerprint());
    ensure!(
        expected == actual,
        "the backup was made with root key {expected}, but root key {actual} was given"
    );
    let mut load = store.catalog.system().load().await?;
    take_rows(&store, &kept, &index, &mut load).await?;
    for name in load.objects().await? {
        let id = ObjectId::parse(&name).context("the name of an object")?;
        kept.copy_to(id, &store.vault)
            .await
            .context("copying an object of the backup")?;
    }
    for (name, text) in kept.notes(CHECKPOINTS).await? {
        store.vault.put_note(CHECKPOINTS, &name, &text).await?;
    }
    store.vault.sync().await?;
    let rows = load.finish().await?;
    store
        .catalog
        .system()
        .bind_root_key(store.root.fingerprint())
        .await?;
    store.catalog.system().pause_sweeps(0).await?;
    println!("{rows} rows and {} objects are restored", index.objects);
    store.catalog.close().await;
    Ok(())
}

/// Decrypts the rows of the catalog, and gives them to it.
async fn take_rows(store: &Store, kept: &Vault, index: &Index, load: &mut catalog::Load) -> Result<()> {
    let owner = HEXLOWER.decode(index.owner.as_bytes())?;
    let owner: [u8; 16] = owner.try_into().ok().context("the owner of the catalog's key")?;
    let wrapped = WrappedKey::from_bytes(&HEXLOWER.decode(index.wrapped_key.as_bytes())?)?;
    let key = store.root.open_case_key(owner, &wrapped)?;
    let rows = index.reference()?;
    for start in (0..rows.len).step_by(PIECE) {
        let end = (start + PIECE as u64).min(rows.len);
        load.push(&kept.get_range(&key, &rows, start..end).await?).await?;
    }
    Ok(())
}

impl Index {
    /// The object that holds the rows of the catalog.
    fn reference(&self) -> Result<ObjectRef> {
        Ok(ObjectRef::from_bytes(&HEXLOWER.decode(self.catalog.as_bytes())?)?)
    }
}

fn read_index(folder: &Path) -> Result<Index> {
    let path = folder.join(INDEX);
    let text = std::fs::read(&path).with_context(|| format!("{} is no backup", folder.display()))?;
    let index: Index =
        serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()))?;
    ensure!(
        index.format == FORMAT,
        "the backup has format {}, known is {FORMAT}",
        index.format
    );
    Ok(index)
}

/// Writes the index beside its place and moves it there, after everything else is on the disk.
fn write_index(folder: &Path, index: &Index) -> Result<()> {
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut draft, index)?;
    draft.flush()?;
    draft.as_file().sync_all()?;
    draft.persist(folder.join(INDEX))?;
    std::fs::File::open(folder)?.sync_all()?;
    Ok(())
}
