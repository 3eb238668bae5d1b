//! Shared memory that workers decode into.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::MmapMut;
use rustix::fs::{MemfdFlags, SealFlags};

/// Why shared memory could not be had.
#[derive(Debug, thiserror::Error)]
#[error("no shared memory of {len} bytes could be had")]
pub struct ArenaError {
    len: u64,
    #[source]
    source: std::io::Error,
}

/// A block of anonymous memory that this process and its workers see alike.
///
/// A region is written by one worker between a request and its reply, and read here after the reply; the pipeline
/// never hands one region to two requests at a time.
#[derive(Debug)]
pub struct Arena {
    id: u64,
    file: File,
    map: MmapMut,
}

impl Arena {
    /// `len` zeroed bytes.
    ///
    /// # Errors
    /// When the system has no memory left for it.
    pub fn new(len: u64) -> Result<Self, ArenaError> {
        let fail = |source| ArenaError { len, source };
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let fd = rustix::fs::memfd_create("vitrine-arena", flags).map_err(|e| fail(e.into()))?;
        let file = File::from(fd);
        file.set_len(len).map_err(fail)?;
        // A worker that could shrink the file would crash this process at the next read.
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&file, seals).map_err(|e| fail(e.into()))?;
        let map = map_shared(&file).map_err(fail)?;
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        Ok(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            file,
            map,
        })
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Memory with `parts` one after the other, for workers to read.
    ///
    /// # Errors
    /// When the system has no memory left for it.
    pub(super) fn holding<'p>(parts: impl Iterator<Item = &'p [u8]> + Clone) -> Result<Self, ArenaError> {
        let len = parts.clone().map(|part| part.len() as u64).sum::<u64>().max(1);
        let arena = Self::new(len)?;
        let mut at = 0;
        for part in parts {
            let written = arena.file.write_all_at(part, at);
            written.map_err(|source| ArenaError { len, source })?;
            at += part.len() as u64;
        }
        Ok(arena)
    }

    /// Tells arenas of this process apart.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Maps the whole of `file` for reading and writing, shared.
pub(super) fn map_shared(file: &File) -> std::io::Result<MmapMut> {
    // SAFETY: the file is an anonymous, size-sealed memfd of ours, so the mapping cannot be cut from under us. Its
    // bytes change under a `&[u8]` only while a request is in flight for that region, and nobody reads a region
    // between request and reply (see `Arena`).
    #[expect(unsafe_code, reason = "mapping shared memory has no safe form")]
    unsafe {
        MmapMut::map_mut(file)
    }
}

/// Maps the whole of `file` for reading.
pub(super) fn map_source(file: &File) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: the mapping is only read, as bytes, inside a worker. Someone who shortens the file while it is
    // mapped makes the worker die of SIGBUS, which is what the guard is for: that file is then named as the cause.
    #[expect(unsafe_code, reason = "mapping a file has no safe form")]
    unsafe {
        memmap2::Mmap::map(file)
    }
}
