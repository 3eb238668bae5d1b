//! Step 2: parts to instances with stored originals.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use catalog::{ItemOriginal, NewOriginal};
use dicom_series::Instance;
use domain::{IngestId, OriginalId, Phi};
use intake::Kind;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use vault::ObjectId;

use super::find::{Part, failure, read_head};
use crate::IngestError;
use crate::guard::{GuardError, Pool};
use crate::place::{Place, row};
use crate::progress::{Event, Progress, Step};
use crate::report::Failure;

/// SHA-256 of a file.
pub(crate) type Hash = [u8; 32];

/// A part that was understood, with its original stored.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) part: Part,
    pub(crate) hash: Hash,
    pub(crate) instance: Instance,
    pub(crate) original: ItemOriginal,
}

/// A part that was understood.
struct Understood {
    part: Part,
    hash: Hash,
    instance: Instance,
    /// The bytes, where they are few enough to be kept until they are stored.
    bytes: Option<Vec<u8>>,
}

/// Parts read before their originals are stored together.
const PARTS_AT_ONCE: usize = 64;
/// A part of more bytes is read again to be stored.
const KEPT_BYTES: u64 = 1 << 20;
const CHUNK_BYTES: usize = 1 << 20;

/// Reads the headers of `parts` and stores the originals that are new to the case.
///
/// # Errors
/// Only what has nothing to do with a part: the catalog, the vault, no worker to be had.
pub(crate) fn read(
    place: &Place,
    ingest: IngestId,
    parts: Vec<Part>,
    pool: &Pool,
    progress: &dyn Progress,
) -> Result<(Vec<Scanned>, Vec<Failure>), IngestError> {
    let mut failed = Vec::new();
    let mut scanned = Vec::with_capacity(parts.len());
    let mut originals: HashMap<Hash, ItemOriginal> = HashMap::new();
    let mut parts = parts.into_iter();
    loop {
        let some: Vec<Part> = parts.by_ref().take(PARTS_AT_ONCE).collect();
        if some.is_empty() {
            return Ok((scanned, failed));
        }
        let read: Vec<_> = some
            .into_par_iter()
            .map(|part| understand(part, pool, progress))
            .collect();
        let mut understood = Vec::new();
        for result in read {
            match result? {
                Ok(part) => understood.push(part),
                Err(failure) => failed.push(failure),
            }
        }
        failed.extend(keep_originals(place, ingest, &understood, &mut originals)?);
        scanned.extend(understood.into_iter().filter_map(|u| {
            let original = originals.get(&u.hash)?.clone();
            Some(Scanned {
                part: u.part,
                hash: u.hash,
                instance: u.instance,
                original,
            })
        }));
    }
}

/// Reads one part; its own faults are the inner error.
fn understand(
    part: Part,
    pool: &Pool,
    progress: &dyn Progress,
) -> Result<Result<Understood, Failure>, IngestError> {
    let (label, len) = (part.label.clone(), part.len);
    let result = match read_one(part, pool) {
        Ok(understood) => Ok(Ok(understood)),
        Err(Fault::Part(reason)) => {
            progress.event(Event::Refused {
                file: &label,
                reason: &reason,
            });
            Ok(Err(failure(&label, reason)))
        }
        Err(Fault::Machine(error)) => Err(error.into()),
    };
    progress.event(Event::Advanced {
        step: Step::Read,
        count: 1,
        bytes: len,
    });
    result
}

enum Fault {
    Part(String),
    Machine(GuardError),
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Part(reason)
    }
}

fn read_one(part: Part, pool: &Pool) -> Result<Understood, Fault> {
    let file = part.open()?;
    let head = read_head(&file).map_err(|e| e.to_string())?;
    match intake::sniff(&head) {
        // What has no signature at all may still be a data set that only the reader makes out.
        Kind::Dicom { .. } | Kind::Other => {}
        Kind::Empty => return Err("the file is empty".to_owned().into()),
        kind if kind.is_archive() => {
            return Err(format!(
                "this is a {}; only ZIP archives can be opened, and none inside another",
                kind.word()
            )
            .into());
        }
        kind => return Err(format!("this is no DICOM file ({})", kind.word()).into()),
    }
    let (hash, bytes) = hash(&file).map_err(|e| e.to_string())?;
    let instance = pool
        .with(|worker| worker.read(&file))
        .map_err(|error| match error {
            GuardError::Refused(reason) => Fault::Part(reason),
            GuardError::Died(_) => Fault::Part(error.to_string()),
            GuardError::Spawn { .. } => Fault::Machine(error),
        })?;
    Ok(Understood {
        part,
        hash,
        instance,
        bytes,
    })
}

/// The hash of a file, and its bytes where they are few.
fn hash(file: &File) -> std::io::Result<(Hash, Option<Vec<u8>>)> {
    let len = file.metadata()?.len();
    let mut hasher = Sha256::new();
    let mut kept = (len <= KEPT_BYTES).then(|| Vec::with_capacity(len as usize));
    for_each_chunk(file, |chunk| {
        hasher.update(chunk);
        if let Some(kept) = &mut kept {
            kept.extend_from_slice(chunk);
        }
        Ok::<(), std::io::Error>(())
    })?;
    Ok((hasher.finalize().into(), kept))
}

fn for_each_chunk<E: From<std::io::Error>>(
    file: &File,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut buffer = vec![0; CHUNK_BYTES.min(file.metadata()?.len() as usize + 1)];
    let mut at = 0;
    loop {
        match file.read_at(&mut buffer, at)? {
            0 => return Ok(()),
            n => {
                each(buffer.get(..n).unwrap_or_default())?;
                at += n as u64;
            }
        }
    }
}

/// Stores the originals of `understood` that neither the case nor this run has yet, and tells which could not be:
/// files that changed or went away since they were read.
fn keep_originals(
    place: &Place,
    ingest: IngestId,
    understood: &[Understood],
    originals: &mut HashMap<Hash, ItemOriginal>,
) -> Result<Vec<Failure>, IngestError> {
    let mut fresh: Vec<&Understood> = Vec::new();
    for part in understood {
        if !originals.contains_key(&part.hash) && !fresh.iter().any(|f| f.hash == part.hash) {
            fresh.push(part);
        }
    }
    let hashes: Vec<Hash> = fresh.iter().map(|part| part.hash).collect();
    let known = place.wait(place.catalog.known_originals(place.case, &hashes))?;
    originals.extend(known.iter().map(|(&hash, &id)| (hash, ItemOriginal::Known(id))));
    fresh.retain(|part| !known.contains_key(&part.hash));
    if fresh.is_empty() {
        return Ok(Vec::new());
    }
    let ids = place.reserve(ingest, fresh.len())?;
    let stored: Vec<_> = fresh
        .into_par_iter()
        .zip(ids)
        .map(|(part, id)| (part, store(place, part, id)))
        .collect();
    let mut failed = Vec::new();
    for (part, original) in stored {
        match original {
            Ok(original) => {
                originals.insert(original.sha256, ItemOriginal::New(original));
            }
            Err(IngestError::Missing(reason) | IngestError::Broken(reason)) => {
                failed.push(failure(&part.part.label, reason));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(failed)
}

fn store(place: &Place, part: &Understood, object: ObjectId) -> Result<NewOriginal, IngestError> {
    let stored = match &part.bytes {
        Some(bytes) => place.put(object, bytes)?,
        None => store_large(place, part, object)?,
    };
    Ok(NewOriginal {
        id: OriginalId::from_random(*ObjectId::random()?.as_bytes()),
        sha256: part.hash,
        file_name: Phi::new(part.part.file_name.clone()),
        object: stored,
    })
}

/// Stores a large part piece by piece, and makes sure that it is what was hashed and understood.
fn store_large(
    place: &Place,
    part: &Understood,
    object: ObjectId,
) -> Result<catalog::ObjectRow, IngestError> {
    let file = part.part.open().map_err(IngestError::Missing)?;
    let mut writer = place.vault.writer(&place.key, object)?;
    let mut hasher = Sha256::new();
    for_each_chunk(&file, |chunk| {
        hasher.update(chunk);
        Ok::<(), IngestError>(place.wait(writer.append(chunk))?)
    })?;
    if <Hash>::from(hasher.finalize()) != part.hash {
        return Err(IngestError::Broken("it changed while it was read".to_owned()));
    }
    Ok(row(&place.wait(writer.finish())?))
}
