//! What can go wrong with keys and objects.

use std::io;
use std::path::PathBuf;

use crate::object::ObjectId;

/// An error of the vault. Names objects by their random id; never holds key material or content.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The store itself failed: network, disk, permissions.
    #[error("object store failed to {action}")]
    Store {
        /// What was asked of it.
        action: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No object of that id.
    #[error("object {0} is missing")]
    Missing(ObjectId),
    /// An object is not what was written: changed, cut, spliced, or sealed under another key.
    #[error("object {id} is damaged: {what}")]
    Damaged {
        /// Which object.
        id: ObjectId,
        /// Where and how it differs.
        what: Damage,
    },
    /// Bytes that the object does not have were asked for.
    #[error("bytes {start}..{end} of object {id}, which has {len}")]
    Range {
        /// Which object.
        id: ObjectId,
        /// First byte asked for.
        start: u64,
        /// One past the last byte asked for.
        end: u64,
        /// Length of its content, bytes.
        len: u64,
    },
    /// The reference of an object cannot be read, or does not belong to this case.
    #[error("the reference of object {0} does not open under the key of this case")]
    Reference(ObjectId),
    /// The bytes of a reference or a wrapped key have a form that is not known.
    #[error("{what} of {actual} bytes, expected {expected}")]
    Form {
        /// Which of them.
        what: &'static str,
        /// The length it should have, bytes.
        expected: usize,
        /// The length it has, bytes.
        actual: usize,
    },
    /// The key of a case does not open: another root key wrapped it, it belongs to another case, or it was changed.
    #[error("the key of this case does not open under root key {0}")]
    CaseKey(String),
    /// The file of the root key cannot be used.
    #[error("root key {path}: {reason}", path = .path.display())]
    RootKey {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: RootKeyFault,
    },
    /// The place of the objects cannot be opened.
    #[error("cannot open the store at {place}")]
    Open {
        /// Path or URL, without credentials.
        place: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Written objects could not be made durable.
    #[error("syncing the store to disk")]
    Sync(#[source] io::Error),
    /// The cryptographic library refused to work, which it only does when random numbers fail.
    #[error("cryptography failed")]
    Crypto,
}

/// How an object differs from what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Its header is not that of this object.
    #[error("wrong header")]
    Header,
    /// It has another length than was written.
    #[error("{actual} bytes stored, {expected} expected")]
    Length {
        /// Bytes that were written.
        expected: u64,
        /// Bytes that are there.
        actual: u64,
    },
    /// A chunk is not what was written at its place.
    #[error("chunk {0} fails its authentication")]
    Chunk(u64),
}

/// Why the file of a root key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyFault {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It would lie beside what it protects.
    #[error("lies inside the data folder {data}; keep the key apart from the data", data = .0.display())]
    InsideData(PathBuf),
    /// Others may read it.
    #[error("its permissions {0:03o} let other users in; set them to 600")]
    Open(u32),
    /// It is no file of a root key.
    #[error("not a root key file")]
    Form,
}
