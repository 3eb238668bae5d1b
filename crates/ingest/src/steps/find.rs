//! Step 1: paths to parts. A part is one stranger's file: on disk, or an entry of a ZIP archive.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::ObjectRow;
use intake::{Archive, Kind};
use rayon::prelude::*;
use rustix::fs::MemfdFlags;

use super::stored::Stored;
use crate::IngestError;
use crate::place::{Place, StoredFile};
use crate::report::Failure;

/// One file as it was given.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// How a person names it: its path, and after `!` the entry of an archive.
    pub(crate) label: String,
    /// Its own name, as uploaded.
    pub(crate) file_name: String,
    /// The folder or archive that it was given with: other files are found by name only there.
    pub(crate) tree: Arc<str>,
    /// Its path within that, `/` between folders.
    pub(crate) path: String,
    /// Bytes.
    pub(crate) len: u64,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    File(PathBuf),
    Stored(Stored),
    Entry { archive: Arc<OpenArchive>, index: usize },
}

#[derive(Debug)]
struct OpenArchive {
    source: Source,
    archive: Archive,
}

/// What archives are read from.
trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

impl Source {
    fn reader(&self) -> Result<Box<dyn ReadSeek>, String> {
        match self {
            Self::File(path) => {
                let file = open_regular(path).map_err(|e| readable(&e))?;
                Ok(Box::new(io::BufReader::new(file)))
            }
            Self::Stored(stored) => Ok(Box::new(stored.reader())),
            Self::Entry { .. } => Err("an archive inside another is not opened".to_owned()),
        }
    }
}

/// What the content of all archives of one ingest may expand to, twice over: entries are read for their headers
/// first and for their pixels later.
const MAX_ARCHIVE_BYTES: u64 = 4 * intake::budget::MAX_SERIES_BYTES;

impl Part {
    /// The object of the vault that holds exactly this part already.
    pub(crate) fn object(&self) -> Option<&ObjectRow> {
        match &self.source {
            Source::Stored(stored) => stored.whole(),
            Source::File(_) | Source::Entry { .. } => None,
        }
    }

    /// The bytes as an open file: the file itself, or memory that holds the expanded entry.
    ///
    /// # Errors
    /// A sentence for a person.
    pub(crate) fn open(&self) -> Result<File, String> {
        match &self.source {
            Source::File(path) => open_regular(path).map_err(|e| readable(&e)),
            Source::Stored(stored) => stored.open().map_err(|e| readable(&e)),
            Source::Entry { archive, index } => archive.expand(*index),
        }
    }
}

impl OpenArchive {
    fn expand(&self, index: usize) -> Result<File, String> {
        let entry = self
            .archive
            .entries()
            .get(index)
            .ok_or("the entry is not in the archive")?;
        let mut reader = self.source.reader()?;
        let memory = rustix::fs::memfd_create("vitrine-entry", MemfdFlags::CLOEXEC)
            .map_err(|e| readable(&e.into()))?;
        let mut memory = File::from(memory);
        self.archive
            .extract(&mut reader, entry, &mut memory)
            .map_err(|e| chain(&e))?;
        memory.seek(SeekFrom::Start(0)).map_err(|e| readable(&e))?;
        Ok(memory)
    }
}

/// All parts below `paths`, in a stable order, and what could not be looked into.
pub(crate) fn find(paths: &[PathBuf]) -> (Vec<Part>, Vec<Failure>) {
    let mut files = Vec::new();
    let mut failed = Vec::new();
    for path in paths {
        walk(path, &mut files, &mut failed);
    }
    let looked: Vec<(Vec<Part>, Vec<Failure>)> = files.into_par_iter().map(look_into).collect();
    let mut parts = Vec::with_capacity(looked.len());
    for (some, faults) in looked {
        parts.extend(some);
        failed.extend(faults);
    }
    (parts, failed)
}

/// A file on disk before it is looked into.
struct Found {
    path: PathBuf,
    len: u64,
    /// The folder that was given, or the one that holds the file that was given.
    root: PathBuf,
}

/// Files below `path`. Links inside folders are not followed: an upload is what lies in it.
fn walk(path: &Path, files: &mut Vec<Found>, failed: &mut Vec<Failure>) {
    let mut fail = |path: &Path, error: &io::Error| failed.push(failure(&label(path), readable(error)));
    let mut open = vec![path.to_owned()];
    let root = if path.is_dir() {
        path.to_owned()
    } else {
        path.parent().unwrap_or(Path::new("")).to_owned()
    };
    let mut given = true;
    while let Some(path) = open.pop() {
        let metadata = if given {
            std::fs::metadata(&path)
        } else {
            std::fs::symlink_metadata(&path)
        };
        given = false;
        match metadata {
            Err(error) => fail(&path, &error),
            Ok(m) if m.is_file() => files.push(Found {
                path,
                len: m.len(),
                root: root.clone(),
            }),
            Ok(m) if m.is_dir() => match std::fs::read_dir(&path) {
                Err(error) => fail(&path, &error),
                Ok(entries) => {
                    let mut inside: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
                    inside.retain(|p| {
                        !intake::name::is_clutter(&p.file_name().unwrap_or_default().to_string_lossy())
                    });
                    // The stack gives them back from the end.
                    inside.sort_unstable_by(|a, b| b.cmp(a));
                    open.append(&mut inside);
                }
            },
            Ok(m) if m.is_symlink() => {
                fail(
                    &path,
                    &io::Error::other("it is a link; links inside a folder are not followed"),
                );
            }
            Ok(_) => fail(&path, &io::Error::other("it is neither a file nor a folder")),
        }
    }
}

/// The same for uploads that lie in the vault. Their paths are as their uploader's machine told them.
pub(crate) fn find_stored(
    place: &Place,
    files: Vec<StoredFile>,
) -> Result<(Vec<Part>, Vec<Failure>), IngestError> {
    let mut found = Vec::with_capacity(files.len());
    for file in files {
        let is_clutter = intake::name::is_clutter(intake::name::file_name(&file.path));
        if !is_clutter {
            found.push((file.path, file.len, place.stored(file.parts)?));
        }
    }
    let looked: Vec<(Vec<Part>, Vec<Failure>)> = found
        .into_par_iter()
        .map(|(path, len, stored)| {
            let name = Name {
                label: path.clone(),
                file_name: intake::name::file_name(&path).to_owned(),
                path,
                tree: "upload".into(),
            };
            look_into_source(name, len, Source::Stored(stored))
        })
        .collect();
    let (mut parts, mut failed) = (Vec::new(), Vec::new());
    for (some, faults) in looked {
        parts.extend(some);
        failed.extend(faults);
    }
    Ok((parts, failed))
}

/// How a file is named.
struct Name {
    label: String,
    file_name: String,
    path: String,
    tree: Arc<str>,
}

/// The file itself, or the entries of an archive.
fn look_into(found: Found) -> (Vec<Part>, Vec<Failure>) {
    let Found { path, len, root } = found;
    let name = Name {
        label: label(&path),
        file_name: label(Path::new(path.file_name().unwrap_or_default())),
        path: label(path.strip_prefix(&root).unwrap_or(&path)),
        tree: label(&root).into(),
    };
    look_into_source(name, len, Source::File(path))
}

fn look_into_source(name: Name, len: u64, source: Source) -> (Vec<Part>, Vec<Failure>) {
    let head = source.reader().and_then(|reader| {
        let mut head = Vec::with_capacity(intake::HEAD_BYTES);
        let read = reader.take(intake::HEAD_BYTES as u64).read_to_end(&mut head);
        read.map_err(|e| readable(&e)).map(|_| head)
    });
    let kind = match head {
        Ok(head) => intake::sniff(&head),
        Err(error) => return (Vec::new(), vec![failure(&name.label, error)]),
    };
    match kind {
        Kind::Zip => look_into_archive(source, &name.label),
        _ => (
            vec![Part {
                label: name.label,
                file_name: name.file_name,
                len,
                path: name.path,
                tree: name.tree,
                source,
            }],
            Vec::new(),
        ),
    }
}

fn look_into_archive(source: Source, name: &str) -> (Vec<Part>, Vec<Failure>) {
    let listed = source
        .reader()
        .and_then(|reader| Archive::list(reader, MAX_ARCHIVE_BYTES).map_err(|e| chain(&e)));
    let archive = match listed {
        Ok(archive) => archive,
        Err(reason) => return (Vec::new(), vec![failure(name, reason)]),
    };
    let inside = |entry: &str| format!("{name}!{entry}");
    let mut failed: Vec<Failure> = archive
        .refused()
        .iter()
        .map(|r| failure(&inside(&r.name), chain(&r.reason)))
        .collect();
    if let Some(error) = archive.cut_short() {
        failed.push(failure(
            name,
            format!(
                "the directory of the archive is damaged, later entries are lost: {}",
                chain(error)
            ),
        ));
    }
    let archive = Arc::new(OpenArchive { source, archive });
    let tree: Arc<str> = name.into();
    let part = |(index, entry): (usize, &intake::Entry)| Part {
        label: inside(entry.name()),
        file_name: intake::name::file_name(entry.name()).to_owned(),
        len: entry.declared_len(),
        tree: Arc::clone(&tree),
        path: entry.name().to_owned(),
        source: Source::Entry {
            archive: Arc::clone(&archive),
            index,
        },
    };
    let parts = archive.archive.entries().iter().enumerate().map(part).collect();
    (parts, failed)
}

/// The first bytes of a file, as many as telling its kind needs.
pub(crate) fn read_head(file: &File) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::FileExt;
    let mut head = vec![0; intake::HEAD_BYTES];
    let mut filled = 0;
    while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, filled as u64)? {
            0 => break,
            n => filled += n,
        }
    }
    head.truncate(filled);
    Ok(head)
}

/// Opens a regular file; a pipe or device that took its place meanwhile would block or never end.
fn open_regular(path: &Path) -> io::Result<File> {
    let file = rustix::fs::open(
        path,
        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC | rustix::fs::OFlags::NONBLOCK,
        rustix::fs::Mode::empty(),
    )?;
    let file = File::from(file);
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a file any more"))
    }
}

/// A path for people: what can't be shown is replaced.
fn label(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

pub(crate) fn failure(file: &str, reason: impl Into<String>) -> Failure {
    Failure {
        file: file.to_owned(),
        reason: reason.into(),
    }
}

/// An error and its causes as one sentence.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Some errors say their cause themselves.
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// An I/O error without the words "os error".
fn readable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        _ => error.to_string(),
    }
}
