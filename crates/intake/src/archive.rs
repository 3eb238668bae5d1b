//! ZIP archives: what they hold, entry by entry, within budgets.
//!
//! An archive is listed once and its entries are then written one by one into whatever the caller gives, from any
//! reader over the same bytes and from any number of threads. What is wrong with one entry is that entry's error;
//! the others are not touched by it.
//!
//! The central directory is what counts. Every number in it is a claim of a stranger's: entries may not share
//! bytes, output is counted as it is written, and lengths and checksums are compared at the end.
//!
//! # Limits
//! Stored and deflated entries only; one volume; no decryption.

use std::io::{self, Read, Seek, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use zip::ZipReadOptions;
use zip::read::{Config, OwnedZipFileEntry, ZipFile};
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;

use crate::budget::{self, Budget, BudgetError};
use crate::name;
use crate::sniff::{HEAD_BYTES, Kind, sniff};

/// Why an archive cannot be listed at all.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Its directory is missing, damaged or of a kind that is not read.
    #[error("the archive cannot be read")]
    Directory(#[source] ZipError),
    /// More entries than are accepted.
    #[error(transparent)]
    Budget(#[from] BudgetError),
}

/// Why one entry of an archive cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// An archive within the archive.
    #[error("{0} inside an archive is not opened")]
    NestedArchive(String),
    /// A symbolic link or another reference to a place outside the archive.
    #[error("links are not followed")]
    Link,
    /// A device, a pipe or a socket.
    #[error("not a regular file")]
    SpecialFile,
    /// Its content needs a password.
    #[error("encrypted")]
    Encrypted,
    /// Compressed by a method other than deflate.
    #[error("compression method {0} is not read")]
    Method(String),
    /// It claims bytes that belong to another entry or to the directory.
    #[error("overlaps what follows: ends at byte {end}, the next part begins at {next}")]
    Overlap {
        /// One past its last byte, counted in the archive; `u64::MAX` where the number does not fit.
        end: u64,
        /// First byte of the next entry or of the directory.
        next: u64,
    },
    /// It gives another number of bytes than the directory says.
    #[error("holds {actual} bytes, the directory says {declared}")]
    Size {
        /// Bytes according to the directory.
        declared: u64,
        /// Bytes that came out.
        actual: u64,
    },
    /// It expands too far.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// Its header or its compressed data are damaged, or their checksum is wrong.
    #[error("damaged: {0}")]
    Damaged(String),
    /// The archive's bytes cannot be read.
    #[error("reading the archive")]
    Read(#[source] io::Error),
    /// What was read cannot be written.
    #[error("writing the entry")]
    Write(#[source] io::Error),
}

/// An entry that may be read.
#[derive(Debug)]
pub struct Entry {
    name: String,
    zip: OwnedZipFileEntry,
    /// First byte of what follows in the archive.
    next: u64,
}

impl Entry {
    /// Its path within the archive, made safe by [`name::clean_path`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its length in bytes, as the directory claims; what comes out is never longer.
    pub fn declared_len(&self) -> u64 {
        self.zip.size()
    }
}

/// An entry that may not be read.
#[derive(Debug)]
pub struct Refused {
    /// Its path within the archive, made safe by [`name::clean_path`].
    pub name: String,
    /// Why.
    pub reason: EntryError,
}

/// A listed archive.
#[derive(Debug)]
pub struct Archive {
    entries: Vec<Entry>,
    refused: Vec<Refused>,
    skipped: usize,
    cut_short: Option<ZipError>,
    max_bytes: u64,
    written: AtomicU64,
}

impl Archive {
    /// Reads the directory of the archive that `reader` holds; its entries may expand to `max_bytes` together.
    ///
    /// # Errors
    /// No directory, or more than [`budget::MAX_ARCHIVE_ENTRIES`] entries in it; told before they are read.
    pub fn list<R: Read + Seek>(reader: R, max_bytes: u64) -> Result<Self, ArchiveError> {
        let mut zip = ZipIterable::try_new(reader, Config::default()).map_err(ArchiveError::Directory)?;
        budget::check_archive_entries(zip.len() as u64)?;
        let mut archive = Self {
            entries: Vec::new(),
            refused: Vec::new(),
            skipped: 0,
            cut_short: None,
            max_bytes,
            written: AtomicU64::new(0),
        };
        let mut directory_start = None;
        for entry in zip.files().map_err(ArchiveError::Directory)? {
            match entry {
                Ok(entry) => {
                    directory_start.get_or_insert(entry.central_header_start());
                    archive.sort_in(entry.into());
                }
                Err(error) => archive.cut_short = Some(error),
            }
        }
        archive.find_what_follows(directory_start.unwrap_or(0));
        Ok(archive)
    }

    /// What may be read, in the order of the directory.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What may not be read, and why.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// How many folders and files of the operating system's ([`name::is_clutter`]) were passed over.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// Why the directory could not be read to its end; `None` where it was. Entries after that place are unknown.
    pub fn cut_short(&self) -> Option<&ZipError> {
        self.cut_short.as_ref()
    }

    /// Writes the content of `entry` to `out` and returns its length, bytes. `reader` is any reader over the bytes
    /// that were listed.
    ///
    /// # Errors
    /// [`EntryError`]; `out` then holds an unspecified part of the content, never more than the budgets allow.
    pub fn extract<R: Read + Seek, W: Write>(
        &self,
        reader: &mut R,
        entry: &Entry,
        out: &mut W,
    ) -> Result<u64, EntryError> {
        let compressed = entry.zip.compressed_size();
        budget::check_expansion(compressed, entry.declared_len())?;
        let view = entry.zip.as_ref();
        let mut content = view
            .with_reader(reader, ZipReadOptions::new())
            .map_err(from_zip)?;
        check_place(&content, entry)?;
        let mut buffer = vec![0; 128 << 10];
        let mut actual: u64 = 0;
        loop {
            let filled = fill(&mut content, &mut buffer)?;
            let chunk = buffer.get(..filled).unwrap_or_default();
            if actual == 0 {
                refuse_archive(chunk)?;
            }
            actual = actual.saturating_add(filled as u64);
            budget::check_expansion(compressed, actual)?;
            self.count(filled as u64)?;
            out.write_all(chunk).map_err(EntryError::Write)?;
            if filled < buffer.len() {
                break;
            }
        }
        let declared = entry.declared_len();
        if actual == declared {
            Ok(actual)
        } else {
            Err(EntryError::Size { declared, actual })
        }
    }

    fn sort_in(&mut self, zip: OwnedZipFileEntry) {
        // Undecodable names cannot be: what is not UTF-8 is read as code page 437, which has all bytes.
        let raw = zip
            .name()
            .unwrap_or_else(|_| String::from_utf8_lossy(zip.name_raw()))
            .into_owned();
        let name = name::clean_path(&raw);
        if zip.is_dir() || name::is_clutter(&name) {
            self.skipped = self.skipped.saturating_add(1);
            return;
        }
        match judge(&zip, &name) {
            Ok(()) => self.entries.push(Entry { name, zip, next: 0 }),
            Err(reason) => self.refused.push(Refused { name, reason }),
        }
    }

    /// Notes for each entry where the next thing in the file begins, and refuses all but the first of those that
    /// begin at the same place.
    fn find_what_follows(&mut self, directory_start: u64) {
        let mut starts: Vec<u64> = self
            .entries
            .iter()
            .map(|entry| entry.zip.header_start())
            .collect();
        starts.sort_unstable();
        starts.dedup();
        let mut taken = vec![false; starts.len()];
        for mut entry in std::mem::take(&mut self.entries) {
            let start = entry.zip.header_start();
            let place = starts.partition_point(|&other| other < start);
            // Entries may stand behind the directory in archives that were appended to.
            let bound = if start < directory_start {
                directory_start
            } else {
                u64::MAX
            };
            entry.next = starts
                .get(place.saturating_add(1))
                .map_or(bound, |&next| next.min(bound));
            match taken.get_mut(place) {
                Some(taken @ false) => {
                    *taken = true;
                    self.entries.push(entry);
                }
                _ => self.refused.push(Refused {
                    name: entry.name,
                    reason: EntryError::Overlap {
                        end: start.saturating_add(entry.zip.compressed_size()),
                        next: start,
                    },
                }),
            }
        }
    }

    fn count(&self, bytes: u64) -> Result<(), BudgetError> {
        let before = self.written.fetch_add(bytes, Ordering::Relaxed);
        Budget::ArchiveBytes.check(before.saturating_add(bytes), self.max_bytes)
    }
}

/// What can be held against an entry from the directory alone.
fn judge(zip: &OwnedZipFileEntry, name: &str) -> Result<(), EntryError> {
    const FILE_TYPE: u32 = 0o170_000;
    const DOS_REPARSE_POINT: u32 = 0x400;
    let dos = matches!(zip.system(), zip::System::Dos | zip::System::WindowsNTFS);
    match zip.unix_mode().map_or(0, |mode| mode & FILE_TYPE) {
        0o120_000 => return Err(EntryError::Link),
        _ if dos && zip.external_attributes() & DOS_REPARSE_POINT != 0 => return Err(EntryError::Link),
        // Some writers leave the type out.
        0 | 0o100_000 => {}
        _ if dos => {}
        _ => return Err(EntryError::SpecialFile),
    }
    if zip.encrypted() {
        return Err(EntryError::Encrypted);
    }
    const ARCHIVES: &[&str] = &[
        "zip", "gz", "tgz", "tar", "7z", "rar", "bz2", "tbz2", "xz", "txz", "zst", "lzma", "cab", "jar",
    ];
    let extension = name::extension(name);
    if ARCHIVES.contains(&extension.as_str()) {
        return Err(EntryError::NestedArchive(format!("a .{extension} file")));
    }
    match zip.compression() {
        zip::CompressionMethod::Stored | zip::CompressionMethod::Deflated => Ok(()),
        other => Err(EntryError::Method(other.to_string())),
    }
}

/// An archive by another name is still one.
fn refuse_archive(content: &[u8]) -> Result<(), EntryError> {
    let kind: Kind = sniff(content.get(..HEAD_BYTES).unwrap_or(content));
    if kind.is_archive() {
        Err(EntryError::NestedArchive(format!("a {}", kind.word())))
    } else {
        Ok(())
    }
}

/// The entry's compressed bytes have to lie between its header and whatever comes next.
fn check_place<R: Read>(content: &ZipFile<'_, R>, entry: &Entry) -> Result<(), EntryError> {
    let end = content
        .data_start()
        .and_then(|start| start.checked_add(entry.zip.compressed_size()));
    let end = end.unwrap_or(u64::MAX);
    if end <= entry.next {
        Ok(())
    } else {
        Err(EntryError::Overlap {
            end,
            next: entry.next,
        })
    }
}

/// Fills `buffer` as far as the content goes.
fn fill<R: Read>(content: &mut R, buffer: &mut [u8]) -> Result<usize, EntryError> {
    let mut filled = 0_usize;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match content.read(rest) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(from_io(error)),
        }
    }
    Ok(filled)
}

/// What the decoder found wrong is the entry's fault, everything else the reader's.
fn from_io(error: io::Error) -> EntryError {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            EntryError::Damaged(error.to_string())
        }
        _ => EntryError::Read(error),
    }
}

fn from_zip(error: ZipError) -> EntryError {
    match error {
        ZipError::Io(error) => from_io(error),
        other => EntryError::Damaged(other.to_string()),
    }
}
