//! Files that lie encrypted in the vault already: uploads, in pieces.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use catalog::ObjectRow;
use rustix::fs::MemfdFlags;
use tokio::runtime::Handle;
use vault::{CaseKey, ObjectRef, Vault, VaultError};

use crate::IngestError;

/// Bytes that are decrypted at once.
const BLOCK_BYTES: u64 = 4 << 20;

/// The first failure of the vault's to give bytes that it has taken: that is no fault of the file that they belong to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lost(Arc<Mutex<Option<VaultError>>>);

impl Lost {
    fn note(&self, error: VaultError) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
    }

    /// What failed since this was asked last.
    pub(crate) fn take(&self) -> Option<VaultError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A file in the vault.
#[derive(Clone)]
pub(crate) struct Stored {
    vault: Vault,
    key: CaseKey,
    runtime: Handle,
    lost: Lost,
    parts: Arc<[Piece]>,
    len: u64,
}

/// A piece of a file: an object, and where it begins.
#[derive(Debug)]
struct Piece {
    start: u64,
    object: ObjectRef,
    row: ObjectRow,
}

impl Stored {
    pub(crate) fn new(
        vault: Vault,
        key: CaseKey,
        (runtime, lost): (Handle, Lost),
        parts: Vec<ObjectRow>,
    ) -> Result<Self, IngestError> {
        let mut len = 0;
        let mut pieces = Vec::with_capacity(parts.len());
        for row in parts {
            let object = ObjectRef::from_bytes(&row.reference)?;
            let start = len;
            len += object.len;
            pieces.push(Piece { start, object, row });
        }
        Ok(Self {
            vault,
            key,
            runtime,
            lost,
            parts: pieces.into(),
            len,
        })
    }

    /// The object that holds all of the file, where it is one.
    pub(crate) fn whole(&self) -> Option<&ObjectRow> {
        match &*self.parts {
            [one] => Some(&one.row),
            _ => None,
        }
    }

    /// The bytes as an open file that lives in memory only.
    pub(crate) fn open(&self) -> io::Result<File> {
        let memory = rustix::fs::memfd_create("vitrine-upload", MemfdFlags::CLOEXEC)?;
        let mut memory = File::from(memory);
        io::copy(&mut self.reader(), &mut memory)?;
        memory.flush()?;
        memory.seek(SeekFrom::Start(0))?;
        Ok(memory)
    }

    /// Reads anywhere, a block of it decrypted at a time.
    pub(crate) fn reader(&self) -> StoredReader {
        StoredReader {
            file: self.clone(),
            at: 0,
            block: Vec::new(),
            block_start: 0,
        }
    }

    /// The bytes from `at` to the end of a block or of the piece that they lie in.
    fn block(&self, at: u64) -> io::Result<Vec<u8>> {
        let index = self.parts.partition_point(|piece| piece.start <= at);
        let Some(piece) = index.checked_sub(1).and_then(|index| self.parts.get(index)) else {
            return Ok(Vec::new());
        };
        let from = at - piece.start;
        let to = (from + BLOCK_BYTES).min(piece.object.len);
        if from >= to {
            return Ok(Vec::new());
        }
        let read = self.vault.get_range(&self.key, &piece.object, from..to);
        self.runtime.block_on(read).map_err(|error| {
            let told = io::Error::other(error.to_string());
            self.lost.note(error);
            told
        })
    }
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stored({} bytes)", self.len)
    }
}

/// Reads a stored file.
pub(crate) struct StoredReader {
    file: Stored,
    at: u64,
    block: Vec<u8>,
    block_start: u64,
}

impl Read for StoredReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let is_inside = |reader: &Self| {
            reader.at >= reader.block_start && reader.at - reader.block_start < reader.block.len() as u64
        };
        if !is_inside(self) {
            self.block = self.file.block(self.at)?;
            self.block_start = self.at;
            if self.block.is_empty() {
                return Ok(0);
            }
        }
        let offset = (self.at - self.block_start) as usize;
        let rest = self.block.get(offset..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for StoredReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.file.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::other("before the beginning of the file"))?;
        Ok(self.at)
    }
}
