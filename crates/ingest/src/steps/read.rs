//! Step 2: parts to instances and other files, with stored originals.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use catalog::{ItemOriginal, NewOriginal};
use dicom_series::Instance;
use domain::{IngestId, OriginalId, Phi};
use intake::Kind;
use rayon::Scope;
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
}

/// A file whose original is to be stored.
struct Unstored {
    part: Part,
    hash: Hash,
    /// Its bytes, where they are few enough to be kept until then.
    bytes: Option<Vec<u8>>,
}

enum Content {
    Dicom(Box<Instance>),
    File(Role),
}

/// What became of a part.
enum Outcome {
    Known(Known, Option<Vec<u8>>),
    Left(Leftover),
    Refused(Failure),
}

/// Parts that are read together, while about as many are stored.
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
    let mut known: Vec<Known> = Vec::new();
    let mut parts = parts.into_iter();
    let storing = Storing::default();
    // While some are stored, the next ones are read; nothing waits for the last one of either.
    rayon::scope(|scope| -> Result<(), IngestError> {
        loop {
            let some: Vec<Part> = parts.by_ref().take(PARTS_AT_ONCE).collect();
            if some.is_empty() || storing.has_stopped.load(Ordering::Relaxed) {
                return Ok(());
            }
            let read: Vec<_> = some
                .into_par_iter()
                .map(|part| understand(part, pool, progress))
                .collect();
            let (mut hashes, mut bytes) = (Vec::new(), Vec::new());
            let first = known.len();
            for result in read {
                match result? {
                    Outcome::Known(part, kept) => {
                        hashes.push(part.hash);
                        bytes.push(kept);
                        known.push(part);
                    }
                    Outcome::Left(part) => all.rest.push(part),
                    Outcome::Refused(failure) => failed.push(failure),
                }
            }
            for (i, id) in all.originals.claim(place, ingest, &hashes, parts.len())? {
                let file = known[first + i].unstored(std::mem::take(&mut bytes[i]));
                storing.begin(scope, place, (first + i, file), id);
            }
            drop(bytes);
            storing.wait();
        }
    })?;
    failed.extend(all.settle(place, ingest, known, storing.done())?);
    Ok((all, failed))
}

impl Known {
    fn unstored(&self, bytes: Option<Vec<u8>>) -> Unstored {
        Unstored {
            part: self.part.clone(),
            hash: self.hash,
            bytes,
        }
    }
}

/// What became of a file that was to be stored.
type Stored = Result<NewOriginal, IngestError>;

/// Originals that are being stored beside the reading.
#[derive(Default)]
struct Storing {
    /// How many are not there yet.
    waiting: AtomicUsize,
    /// Whether nothing more can be stored.
    has_stopped: AtomicBool,
    done: Mutex<Vec<(usize, Stored)>>,
}

impl Storing {
    /// Stores a file with its number under a name.
    fn begin<'s>(
        &'s self,
        scope: &Scope<'s>,
        place: &'s Place,
        (number, file): (usize, Unstored),
        id: ObjectId,
    ) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        scope.spawn(move |_| {
            let stored = store(place, &file, id);
            drop(file);
            if stored.as_ref().is_err_and(|error| !is_of_the_file(error)) {
                self.has_stopped.store(true, Ordering::Relaxed);
            }
            self.list().push((number, stored));
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// Helps until few are left, so that few files are in memory.
    fn wait(&self) {
        while self.waiting.load(Ordering::Relaxed) > PARTS_AT_ONCE.max(2 * rayon::current_num_threads()) {
            if rayon::yield_now() != Some(rayon::Yield::Executed) {
                std::thread::yield_now();
            }
        }
    }

    fn list(&self) -> MutexGuard<'_, Vec<(usize, Stored)>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of each, in the order of their numbers.
    fn done(self) -> Vec<(usize, Stored)> {
        let mut done = self.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_unstable_by_key(|(number, _)| *number);
        done
    }
}

impl Understood {
    /// Adds parts when some of them, by their numbers, were `stored`. Tells which could not be.
    fn settle(
        &mut self,
        place: &Place,
        ingest: IngestId,
        known: Vec<Known>,
        stored: Vec<(usize, Stored)>,
    ) -> Result<Vec<Failure>, IngestError> {
        let mut failures: HashMap<usize, Failure> = HashMap::new();
        for (i, stored) in stored {
            if let Err(failure) = self.originals.take(&known[i].part, known[i].hash, stored)? {
                failures.insert(i, failure);
            }
        }
        let mut failed = Vec::new();
        for (i, part) in known.into_iter().enumerate() {
            // Where one of several with the same content went away, another one is stored.
            let kept = match failures.remove(&i) {
                Some(failure) => Err(failure),
                None => self.originals.keep(place, ingest, &part.unstored(None))?,
            };
            match kept {
                Ok(original) => self.add(part, original),
                Err(failure) => failed.push(failure),
            }
        }
        Ok(failed)
    }

    fn add(&mut self, Known { part, hash, content }: Known, original: ItemOriginal) {
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

/// Reads one part; what is wrong with it is no error.
fn understand(part: Part, pool: &Pool, progress: &dyn Progress) -> Result<Outcome, IngestError> {
    let len = part.len;
    let outcome = match read_one(&part, pool) {
        Ok(Found::File(hash, bytes, content)) => Outcome::Known(Known { part, hash, content }, bytes),
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
pub(crate) struct Originals {
    found: HashMap<Hash, ItemOriginal>,
    /// What is being stored.
    claimed: HashSet<Hash>,
}

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
        let file = Unstored {
            part: part.clone(),
            hash,
            bytes,
        };
        let kept = self.keep(place, ingest, &file)?;
        Ok(kept
            .map(|original| (hash, original))
            .map_err(|failure| failure.reason))
    }

    /// The original of a file, which is stored unless the case or this run has it.
    fn keep(
        &mut self,
        place: &Place,
        ingest: IngestId,
        file: &Unstored,
    ) -> Result<Result<ItemOriginal, Failure>, IngestError> {
        if let Some((_, id)) = self.claim(place, ingest, &[file.hash], 0)?.pop()
            && let Err(failure) = self.take(&file.part, file.hash, store(place, file, id))?
        {
            return Ok(Err(failure));
        }
        let original = self.found.get(&file.hash).cloned();
        Ok(original.ok_or_else(|| failure(&file.part.label, "it could not be stored")))
    }

    /// Which of some contents neither the case nor this run has, each with a name for it, which is to be stored and then
    /// [taken](Self::take). About so many `more` are expected.
    fn claim(
        &mut self,
        place: &Place,
        ingest: IngestId,
        hashes: &[Hash],
        more: usize,
    ) -> Result<Vec<(usize, ObjectId)>, IngestError> {
        let mut fresh: Vec<usize> = Vec::new();
        for (i, hash) in hashes.iter().enumerate() {
            if !self.found.contains_key(hash) && self.claimed.insert(*hash) {
                fresh.push(i);
            }
        }
        if fresh.is_empty() {
            return Ok(Vec::new());
        }
        let asked: Vec<Hash> = fresh.iter().map(|&i| hashes[i]).collect();
        let there = place.wait(place.catalog.known_originals(place.case, place.uploader, &asked))?;
        self.found
            .extend(there.iter().map(|(&hash, &id)| (hash, ItemOriginal::Known(id))));
        fresh.retain(|&i| !there.contains_key(&hashes[i]));
        let ids = place.reserve_of(ingest, fresh.len(), more)?;
        Ok(fresh.into_iter().zip(ids).collect())
    }

    /// Takes what was stored of a file. The inner error is that of a file that changed or went away since it was read.
    fn take(&mut self, part: &Part, hash: Hash, stored: Stored) -> Result<Result<(), Failure>, IngestError> {
        self.claimed.remove(&hash);
        match stored {
            Ok(original) => {
                self.found.insert(hash, ItemOriginal::New(original));
                Ok(Ok(()))
            }
            Err(error) if is_of_the_file(&error) => Ok(Err(failure(&part.label, error.to_string()))),
            Err(error) => Err(error),
        }
    }
}

/// Whether a file changed or went away since it was read; all else has nothing to do with it.
fn is_of_the_file(error: &IngestError) -> bool {
    matches!(error, IngestError::Missing(_) | IngestError::Broken(_))
}

fn store(place: &Place, file: &Unstored, object: ObjectId) -> Result<NewOriginal, IngestError> {
    // An upload that came in one piece is stored as it shall stay.
    let stored = match (file.part.object(), &file.bytes) {
        (Some(stored), _) => stored.clone(),
        (None, Some(bytes)) => place.put(object, bytes)?,
        (None, None) => store_large(place, file, object)?,
    };
    Ok(NewOriginal {
        id: OriginalId::from_random(*ObjectId::random()?.as_bytes()),
        sha256: file.hash,
        file_name: Phi::new(file.part.file_name.clone()),
        object: stored,
    })
}

/// Stores a large part piece by piece, and makes sure that it is what was hashed and understood.
fn store_large(place: &Place, file: &Unstored, object: ObjectId) -> Result<catalog::ObjectRow, IngestError> {
    let opened = file.part.open().map_err(IngestError::Missing)?;
    let mut writer = place.vault.writer(&place.key, object)?;
    let mut hasher = Sha256::new();
    for_each_chunk(&opened, |chunk| {
        hasher.update(chunk);
        Ok::<(), IngestError>(place.wait(writer.append(chunk))?)
    })?;
    if <Hash>::from(hasher.finalize()) != file.hash {
        return Err(IngestError::Broken("it changed while it was read".to_owned()));
    }
    Ok(row(&place.wait(writer.finish())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PlaceConfig;
    use crate::steps::{find, process};

    /// Of two large files with one content the first is gone when it is to be stored: it failed and becomes nothing, and
    /// the second one is stored.
    #[test]
    fn a_content_is_stored_from_another_file_when_one_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place::open(&PlaceConfig {
            data: folder.path().join("data"),
            key_file: folder.path().join("key"),
            objects: None,
        })
        .expect("a store");
        let run = IngestId::from_random(*ObjectId::random().expect("random").as_bytes());
        place
            .wait(place.catalog.begin_ingest(run, &process::this()))
            .expect("a run");
        let content = vec![7u8; 2 << 20];
        let hash: Hash = Sha256::digest(&content).into();
        let paths = ["first", "second"].map(|name| folder.path().join(name));
        for path in &paths {
            std::fs::write(path, &content).expect("a file");
        }
        let (parts, _) = find::find(&paths);
        let known: Vec<Known> = parts
            .into_iter()
            .map(|part| Known {
                part,
                hash,
                content: Content::File(Role::Mesh),
            })
            .collect();

        let mut all = Understood::default();
        let claimed = all.originals.claim(&place, run, &[hash, hash], 0).expect("names");
        assert_eq!(claimed.len(), 1, "one content is stored once");
        let (first, id) = claimed[0];
        std::fs::remove_file(&paths[first]).expect("the file goes away");
        let stored = store(&place, &known[first].unstored(None), id);
        let failed = all
            .settle(&place, run, known, vec![(first, stored)])
            .expect("the store works");

        assert_eq!(failed.len(), 1);
        assert!(failed[0].file.ends_with("first"), "{failed:?}");
        assert_eq!(all.files.len(), 1, "what is gone becomes nothing");
        assert!(all.files[0].part.label.ends_with("second"));
        let ItemOriginal::New(original) = &all.files[0].original else {
            panic!("it was not there before")
        };
        assert_eq!(original.object.len, 2 << 20);
    }
}
