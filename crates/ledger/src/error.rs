//! What can be wrong with what the log is told or shown.

/// An error of the log.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A text that is more than a word: it could be about a person.
    #[error("a word of the log has 1 to 64 letters, digits and `_`, `-`, `.`, `:`")]
    NotAWord,
    /// Bytes that are no event in canonical form.
    #[error("these bytes are no event")]
    NotAnEvent(#[source] Option<serde_json::Error>),
    /// A text that is no SHA-256 hash.
    #[error("a hash has 64 hexadecimal digits")]
    NotAHash,
    /// A proof asks for a place that the tree does not have.
    #[error("the tree has {size} leaves; {asked} was asked for")]
    OutOfTree {
        /// Leaves of the tree.
        size: u64,
        /// What was asked for.
        asked: u64,
    },
    /// A proof that does not prove what it should.
    #[error("the proof does not hold")]
    NoProof,
    /// A frontier whose hashes do not fit its size.
    #[error("a frontier of {size} leaves has {expected} hashes, not {actual}")]
    Frontier {
        /// Leaves.
        size: u64,
        /// Hashes that it must have.
        expected: usize,
        /// Hashes that it has.
        actual: usize,
    },
    /// A text that is no signed checkpoint.
    #[error("this is no signed checkpoint: {0}")]
    NotACheckpoint(&'static str),
    /// A checkpoint of another log, or by another key, or changed after it was signed.
    #[error("the checkpoint does not carry the signature of this log")]
    Signature,
    /// A key that is none.
    #[error("not an Ed25519 key")]
    Key,
}
