//! The secret that marks are made with and found by, and numbers drawn from it.

use sha2::{Digest, Sha256};

/// The secret of a server's hidden marks: without it they are neither found nor made.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// Takes 32 bytes that nobody can guess.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A word of 64 bits that nobody without the key can tell, for a purpose and a number.
    pub(super) fn word(&self, purpose: &str, number: u64) -> u64 {
        let block = self.block(purpose, number);
        block
            .iter()
            .take(8)
            .fold(0, |word, &byte| word << 8 | u64::from(byte))
    }

    fn block(&self, purpose: &str, number: u64) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update((purpose.len() as u64).to_le_bytes());
        hash.update(purpose.as_bytes());
        hash.update(number.to_le_bytes());
        hash.finalize().into()
    }
}

/// A sequence of numbers that follows from a key and a purpose.
pub(super) struct Draw {
    key: Key,
    purpose: &'static str,
    next: u64,
    words: Vec<u32>,
}

impl Draw {
    pub(super) fn new(key: &Key, purpose: &'static str) -> Self {
        Self {
            key: key.clone(),
            purpose,
            next: 0,
            words: Vec::new(),
        }
    }

    /// A number below `limit`, which is much smaller than 2^32.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        let word = match self.words.pop() {
            Some(word) => word,
            None => {
                let block = self.key.block(self.purpose, self.next);
                self.next += 1;
                let word = |bytes: &[u8]| bytes.iter().fold(0, |word, &byte| word << 8 | u32::from(byte));
                self.words = block.chunks_exact(4).map(word).collect();
                self.words.pop().unwrap_or_default()
            }
        };
        ((u64::from(word) * u64::from(limit)) >> 32) as u32
    }

    /// Puts things into an order that follows from the key (Fisher and Yates).
    pub(super) fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let other = self.below(last as u32 + 1) as usize;
            things.swap(last, other);
        }
    }
}
