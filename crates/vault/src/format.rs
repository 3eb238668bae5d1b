//! The bytes of an encrypted object, version 1.
//!
//! | bytes | content |
//! |---|---|
//! | 8 | `VITRINE` and a zero |
//! | 1 | version, 1 |
//! | 1 | binary logarithm of the chunk size, 18 |
//! | 6 | zero |
//! | 16 | object id |
//! | each chunk: its length + 16 | AES-256-GCM ciphertext, then the tag |
//!
//! Every chunk holds 256 KiB but the last, which holds what remains: at least one byte, or none in an empty object.
//! The nonce is the chunk's index (four zero bytes, then `u64` big endian): the key is fresh for each object, so no
//! nonce is ever used twice. The header, the index (`u64` little endian) and one byte that says whether the chunk is
//! the last are authenticated with each chunk. So a chunk can be read alone, but not be moved within its object, be
//! put into another, or be dropped from the end; the total length is authenticated with the object's key besides.

use aws_lc_rs::aead::{Aad, Nonce};

use crate::error::{Damage, VaultError};
use crate::key::{ObjectKey, TAG_BYTES};
use crate::object::{FORMAT_VERSION, ObjectId, ObjectRef};

const CHUNK_LOG2: u8 = 18;
/// Bytes of content in every chunk but the last.
pub(crate) const CHUNK_BYTES: usize = 1 << CHUNK_LOG2;
/// The same with the tag: the distance of chunks in the object.
pub(crate) const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;
pub(crate) const HEADER_BYTES: usize = 32;

/// Whether anything follows a chunk.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Place {
    Inner = 0,
    Last = 1,
}

pub(crate) fn header(id: ObjectId) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(b"VITRINE\0");
    header[8] = FORMAT_VERSION;
    header[9] = CHUNK_LOG2;
    header[16..].copy_from_slice(id.as_bytes());
    header
}

/// Encrypts one chunk into `sealed`, which is [`TAG_BYTES`] longer than `plain`.
pub(crate) fn seal_chunk(
    key: &ObjectKey,
    id: ObjectId,
    index: u64,
    place: Place,
    plain: &[u8],
    sealed: &mut [u8],
) -> Result<(), VaultError> {
    let (body, tag) = sealed.split_at_mut(plain.len());
    key.key
        .seal_out_of_place_scatter(nonce(index), context(id, index, place), plain, body, &[], tag)
        .map_err(|_| VaultError::Crypto)
}

/// Where the parts of an object of known length lie.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    id: ObjectId,
    len: u64,
}

impl Layout {
    pub(crate) fn of(object: &ObjectRef) -> Self {
        Self {
            id: object.id,
            len: object.len,
        }
    }

    pub(crate) fn chunks(self) -> u64 {
        self.len.div_ceil(CHUNK_BYTES as u64).max(1)
    }

    /// Length of the stored object, bytes. Saturates for lengths that no object has.
    pub(crate) fn stored_len(self) -> u64 {
        self.len
            .saturating_add(self.chunks() * TAG_BYTES as u64 + HEADER_BYTES as u64)
    }

    /// Bytes of content in the chunk.
    pub(crate) fn plain_len(self, index: u64) -> usize {
        let before = index.saturating_mul(CHUNK_BYTES as u64);
        self.len.saturating_sub(before).min(CHUNK_BYTES as u64) as usize
    }

    /// First byte of the chunk in the stored object.
    pub(crate) fn stored_offset(self, index: u64) -> u64 {
        HEADER_BYTES as u64 + index * SEALED_CHUNK_BYTES as u64
    }

    /// Decrypts the chunk `sealed` into `plain`, which has [`Layout::plain_len`] bytes.
    pub(crate) fn open_chunk(
        self,
        key: &ObjectKey,
        index: u64,
        sealed: &[u8],
        plain: &mut [u8],
    ) -> Result<(), VaultError> {
        let place = if index + 1 == self.chunks() {
            Place::Last
        } else {
            Place::Inner
        };
        let (body, tag) = sealed.split_at(plain.len());
        key.key
            .open_separate_gather(nonce(index), context(self.id, index, place), body, tag, plain)
            .map_err(|_| VaultError::Damaged {
                id: self.id,
                what: Damage::Chunk(index),
            })
    }
}

fn nonce(index: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&index.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

fn context(id: ObjectId, index: u64, place: Place) -> Aad<[u8; HEADER_BYTES + 9]> {
    let mut context = [0; HEADER_BYTES + 9];
    context[..HEADER_BYTES].copy_from_slice(&header(id));
    context[HEADER_BYTES..HEADER_BYTES + 8].copy_from_slice(&index.to_le_bytes());
    context[HEADER_BYTES + 8] = place as u8;
    Aad::from(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(len: u64) -> Layout {
        Layout {
            id: ObjectId::random().unwrap(),
            len,
        }
    }

    #[test]
    fn chunks_cover_the_content() {
        let chunk = CHUNK_BYTES as u64;
        for (len, chunks, last) in [
            (0, 1, 0),
            (1, 1, 1),
            (chunk - 1, 1, chunk - 1),
            (chunk, 1, chunk),
            (chunk + 1, 2, 1),
            (3 * chunk, 3, chunk),
        ] {
            let layout = layout(len);
            assert_eq!(layout.chunks(), chunks, "{len}");
            assert_eq!(layout.plain_len(chunks - 1) as u64, last, "{len}");
            let end = layout.stored_offset(chunks - 1) + last + TAG_BYTES as u64;
            assert_eq!(layout.stored_len(), end, "{len}");
        }
        assert_eq!(layout(u64::MAX).stored_len(), u64::MAX);
    }

    #[test]
    fn a_chunk_opens_at_its_place_only() {
        let layout = layout(CHUNK_BYTES as u64 + 5);
        let key = ObjectKey::random().unwrap();
        let mut sealed = [0; 5 + TAG_BYTES];
        seal_chunk(&key, layout.id, 1, Place::Last, b"hello", &mut sealed).unwrap();
        let mut plain = [0; 5];
        layout.open_chunk(&key, 1, &sealed, &mut plain).unwrap();
        assert_eq!(&plain, b"hello");
        // As an inner chunk of a longer object, at another index, in another object, under another key.
        let longer = Layout {
            len: layout.len + CHUNK_BYTES as u64,
            ..layout
        };
        assert!(longer.open_chunk(&key, 1, &sealed, &mut plain).is_err());
        assert!(layout.open_chunk(&key, 0, &sealed, &mut plain).is_err());
        let other = Layout {
            id: ObjectId::random().unwrap(),
            ..layout
        };
        assert!(other.open_chunk(&key, 1, &sealed, &mut plain).is_err());
        assert!(
            layout
                .open_chunk(&ObjectKey::random().unwrap(), 1, &sealed, &mut plain)
                .is_err()
        );
    }
}
