//! Step 2: parts to instances and other files, with stored originals.

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

/// What the parts of an upload turned out to be.
#[derive(Debug, Default)]
pub(crate) struct Understood {
    /// DICOM files, with their originals stored.
    pub(crate) dicom: Vec<Scanned>,
    /// Other files that items are made of, with their originals stored.
    pub(crate) files: Vec<Kept>,
    /// Files that nothing is made of, unless another file needs them.
    pub(crate) rest: Vec<Leftover>,
    /// What is stored.
    pub(crate) originals: Originals,
}

/// A DICOM file.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) part: Part,
    pub(crate) hash: Hash,
    pub(crate) instance: Instance,
    pub(crate) original: ItemOriginal,
}

/// Another file whose original is stored.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) part: Part,
    pub(crate) hash: Hash,
    pub(crate) role: Role,
    pub(crate) original: ItemOriginal,
}

/// A file that is nothing by itself, and why.
#[derive(Clone, Debug)]
pub(crate) struct Leftover {
    pub(crate) part: Part,
    pub(crate) reason: String,
}

/// What an item can be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A photograph, or the texture of a mesh.
    Photo,
    /// A mesh, or a frame of a capture.
    Mesh,
}

/// A part that was understood.
struct Known {
    part: Part,
    hash: Hash,
    content: Content,
    /// The bytes, where they are few enough to be kept until they are stored.
    bytes: Option<Vec<u8>>,
}

enum Content {
    Dicom(Box<Instance>),
    File(Role),
}

/// What became of a part.
enum Outcome {
    Known(Known),
    Left(Leftover),
    Refused(Failure),
}

/// Parts whose originals are stored together, while as many are read.
const PARTS_AT_ONCE: usize = 32;
/// A part of more bytes is read again to be stored.
const KEPT_BYTES: u64 = 1 << 20;
const CHUNK_BYTES: usize = 1 << 20;

/// Tells what `parts` are, reads the headers of DICOM files and stores the originals that are new to the case.
///
/// # Errors
/// Only what has nothing to do with a part: the catalog, the vault, no worker to be had.
pub(crate) fn read(
    place: &Place,
    ingest: IngestId,
    parts: Vec<Part>,
    pool: &Pool,
    progress: &dyn Progress,
) -> Result<(Understood, Vec<Failure>), IngestError> {
    let mut failed = Vec::new();
    let mut all = Understood::default();
    let mut parts = parts.into_iter();
    let mut known: Vec<Known> = Vec::new();
    loop {
        // While some are stored, the next ones are read: the catalog and the processor do not wait for each other.
        let some: Vec<Part> = parts.by_ref().take(PARTS_AT_ONCE).collect();
        let is_last = some.is_empty();
        let (kept, read) = rayon::join(
            || all.originals.keep(place, ingest, &known),
            || -> Vec<_> {
                some.into_par_iter()
                    .map(|part| understand(part, pool, progress))
                    .collect()
            },
        );
        failed.extend(kept?);
        all.add(std::mem::take(&mut known));
        if is_last {
            return Ok((all, failed));
        }
        for result in read {
            match result? {
                Outcome::Known(part) => known.push(part),
                Outcome::Left(part) => all.rest.push(part),
                Outcome::Refused(failure) => failed.push(failure),
            }
        }
    }
}

impl Understood {
    /// Adds parts whose originals are stored; what could not be stored is passed over.
    fn add(&mut self, known: Vec<Known>) {
        for Known {
            part, hash, content, ..
        } in known
        {
            let Some(original) = self.originals.0.get(&hash).cloned() else {
                continue;
            };
            match content {
                Content::Dicom(instance) => self.dicom.push(Scanned {
                    part,
                    hash,
                    instance: *instance,
                    original,
                }),
                Content::File(role) => self.files.push(Kept {
                    part,
                    hash,
                    role,
                    original,
                }),
            }
        }
    }
}

/// Reads one part; what is wrong with it is no error.
fn understand(part: Part, pool: &Pool, progress: &dyn Progress) -> Result<Outcome, IngestError> {
    let len = part.len;
    let outcome = match read_one(&part, pool) {
        Ok(Found::File(hash, bytes, content)) => Outcome::Known(Known {
            part,
            hash,
            content,
            bytes,
        }),
        Ok(Found::Nothing(reason)) => Outcome::Left(Leftover { part, reason }),
        Err(Fault::Part(reason)) => {
            progress.event(Event::Refused {
                file: &part.label,
                reason: &reason,
            });
            Outcome::Refused(failure(&part.label, reason))
        }
        Err(Fault::Machine(error)) => return Err(error.into()),
    };
    progress.event(Event::Advanced {
        step: Step::Read,
        count: 1,
        bytes: len,
    });
    Ok(outcome)
}

enum Found {
    File(Hash, Option<Vec<u8>>, Content),
    Nothing(String),
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

fn read_one(part: &Part, pool: &Pool) -> Result<Found, Fault> {
    let file = part.open()?;
    let head = read_head(&file).map_err(|e| e.to_string())?;
    let kind = intake::sniff(&head);
    let file_of = |role| {
        let (hash, bytes) = hash(&file).map_err(|e| e.to_string())?;
        Ok(Found::File(hash, bytes, Content::File(role)))
    };
    match kind {
        Kind::Empty => Err("the file is empty".to_owned().into()),
        kind if capture::photo::is_photo(kind) => file_of(Role::Photo),
        kind if is_mesh(kind, &head, part) => file_of(Role::Mesh),
        Kind::Dicom { .. } => read_dicom(&file, pool),
        // What has no signature at all may still be a data set that only the reader makes out.
        Kind::Other => match read_dicom(&file, pool) {
            Err(Fault::Part(reason)) => Ok(Found::Nothing(reason)),
            other => other,
        },
        kind if kind.is_archive() => Err(format!(
            "this is a {}; only ZIP archives can be opened, and none inside another",
            kind.word()
        )
        .into()),
        kind => Ok(Found::Nothing(format!(
            "this is no DICOM file, mesh or photograph ({})",
            kind.word()
        ))),
    }
}

/// Whether a file is a mesh: by its bytes, or by its name where bytes cannot tell.
fn is_mesh(kind: Kind, head: &[u8], part: &Part) -> bool {
    const EXTENSIONS: [&str; 8] = ["stl", "obj", "ply", "gltf", "glb", "off", "xyz", "drc"];
    let named = || EXTENSIONS.contains(&intake::name::extension(&part.file_name).as_str());
    match kind {
        Kind::Glb | Kind::Stl | Kind::Ply | Kind::Obj => true,
        Kind::Json | Kind::Text => named(),
        // Binary STL has no signature but its length: 80 bytes, a count, and 50 bytes a triangle.
        Kind::Other => {
            named() || {
                let count = head.get(80..84).and_then(|four| four.try_into().ok());
                count
                    .map(u32::from_le_bytes)
                    .is_some_and(|count| count > 0 && u64::from(count) * 50 + 84 == part.len)
            }
        }
        _ => false,
    }
}

fn read_dicom(file: &File, pool: &Pool) -> Result<Found, Fault> {
    let fault = |error: GuardError| match error {
        GuardError::Refused(reason) => Fault::Part(reason),
        GuardError::Died(_) => Fault::Part(error.to_string()),
        GuardError::Spawn { .. } => Fault::Machine(error),
    };
    // The worker reads the header while the whole is hashed.
    let (instance, hashed) = pool
        .with(|worker| Ok(worker.read_beside(file, || hash(file))))
        .map_err(fault)?;
    let instance = instance.map_err(fault)?;
    let (hash, bytes) = hashed.map_err(|e| e.to_string())?;
    Ok(Found::File(hash, bytes, Content::Dicom(Box::new(instance))))
}

/// The hash of a file, and its bytes where they are few.
fn hash(file: &File) -> std::io::Result<(Hash, Option<Vec<u8>>)> {
    let len = file.metadata()?.len();
    if len <= KEPT_BYTES {
        let bytes = whole(file, len as usize)?;
        return Ok((Sha256::digest(&bytes).into(), Some(bytes)));
    }
    let mut hasher = Sha256::new();
    for_each_chunk(file, |chunk| {
        hasher.update(chunk);
        Ok::<(), std::io::Error>(())
    })?;
    Ok((hasher.finalize().into(), None))
}

/// All bytes of a file that had `len` of them, read to where they stay.
fn whole(file: &File, len: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(len + 1);
    loop {
        let at = bytes.len() as u64;
        match rustix::io::pread(file, rustix::buffer::spare_capacity(&mut bytes), at)? {
            0 => return Ok(bytes),
            // It has grown meanwhile.
            _ if bytes.len() == bytes.capacity() => bytes.reserve(CHUNK_BYTES),
            _ => {}
        }
    }
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

/// The originals of a run by their content.
#[derive(Debug, Default)]
pub(crate) struct Originals(HashMap<Hash, ItemOriginal>);

impl Originals {
    /// Stores the original of a file that nothing was made of before. The inner error is what is wrong with it.
    ///
    /// # Errors
    /// The catalog's and the vault's.
    pub(crate) fn add(
        &mut self,
        place: &Place,
        ingest: IngestId,
        part: &Part,
    ) -> Result<Result<(Hash, ItemOriginal), String>, IngestError> {
        let hashed = part
            .open()
            .and_then(|file| hash(&file).map_err(|e| e.to_string()));
        let (hash, bytes) = match hashed {
            Ok(hashed) => hashed,
            Err(reason) => return Ok(Err(reason)),
        };
        let known = Known {
            part: part.clone(),
            hash,
            content: Content::File(Role::Mesh),
            bytes,
        };
        let failed = self.keep(place, ingest, &[known])?;
        Ok(match (self.0.get(&hash), failed.into_iter().next()) {
            (Some(original), None) => Ok((hash, original.clone())),
            (_, Some(failure)) => Err(failure.reason),
            (None, None) => Err("it could not be stored".to_owned()),
        })
    }

    /// Stores those of `known` that neither the case nor this run has yet, and tells which could not be: files that
    /// changed or went away since they were read.
    fn keep(
        &mut self,
        place: &Place,
        ingest: IngestId,
        known: &[Known],
    ) -> Result<Vec<Failure>, IngestError> {
        if known.is_empty() {
            return Ok(Vec::new());
        }
        let mut fresh: Vec<&Known> = Vec::new();
        for part in known {
            if !self.0.contains_key(&part.hash) && !fresh.iter().any(|f| f.hash == part.hash) {
                fresh.push(part);
            }
        }
        let hashes: Vec<Hash> = fresh.iter().map(|part| part.hash).collect();
        let there = place.wait(place.catalog.known_originals(place.case, place.uploader, &hashes))?;
        self.0
            .extend(there.iter().map(|(&hash, &id)| (hash, ItemOriginal::Known(id))));
        fresh.retain(|part| !there.contains_key(&part.hash));
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
                    self.0.insert(original.sha256, ItemOriginal::New(original));
                }
                Err(IngestError::Missing(reason) | IngestError::Broken(reason)) => {
                    failed.push(failure(&part.part.label, reason));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(failed)
    }
}

fn store(place: &Place, part: &Known, object: ObjectId) -> Result<NewOriginal, IngestError> {
    // An upload that came in one piece is stored as it shall stay.
    let stored = match (part.part.object(), &part.bytes) {
        (Some(stored), _) => stored.clone(),
        (None, Some(bytes)) => place.put(object, bytes)?,
        (None, None) => store_large(place, part, object)?,
    };
    Ok(NewOriginal {
        id: OriginalId::from_random(*ObjectId::random()?.as_bytes()),
        sha256: part.hash,
        file_name: Phi::new(part.part.file_name.clone()),
        object: stored,
    })
}

/// Stores a large part piece by piece, and makes sure that it is what was hashed and understood.
fn store_large(place: &Place, part: &Known, object: ObjectId) -> Result<catalog::ObjectRow, IngestError> {
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
