//! Buffers for parts on their way to the store, used again: fresh pages for every part would cost more than its
//! encryption.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::format::SEALED_CHUNK_BYTES;

/// Bytes of every part of an upload but the last. S3 asks for at least 5 MiB, and some that imitate it for parts of
/// one size.
pub(crate) const PART_BYTES: usize = 8 << 20;
/// A part, and the chunk that crosses its end.
const BUFFER_BYTES: usize = PART_BYTES + SEALED_CHUNK_BYTES;
/// Buffers that are kept while nobody needs them.
const KEPT: usize = 8;

/// The buffers that are free now.
#[derive(Clone, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<Box<[u8]>>>>);

impl Buffers {
    pub(crate) fn take(&self) -> Buffer {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = free.unwrap_or_else(|| vec![0; BUFFER_BYTES].into_boxed_slice());
        Buffer {
            bytes,
            filled: 0,
            home: self.clone(),
        }
    }
}

/// A buffer in use; goes home when dropped.
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    filled: usize,
    home: Buffers,
}

impl Buffer {
    pub(crate) fn filled(&self) -> usize {
        self.filled
    }

    /// The next `len` bytes, to be written to.
    pub(crate) fn extend(&mut self, len: usize) -> &mut [u8] {
        let start = self.filled;
        self.filled += len;
        &mut self.bytes[start..self.filled]
    }

    /// Moves what lies beyond the end of a part into a buffer of its own.
    pub(crate) fn split_off_part(&mut self) -> Self {
        let mut rest = self.home.take();
        let beyond = PART_BYTES.min(self.filled)..self.filled;
        self.filled = beyond.start;
        rest.extend(beyond.len()).copy_from_slice(&self.bytes[beyond]);
        rest
    }

    /// What was filled, to be sent.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        let filled: Range<usize> = 0..self.filled;
        &self.bytes[filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut free = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}
