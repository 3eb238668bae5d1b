//! How personal values get into columns and out of them again. The catalog holds no key; who opens it brings one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::Phi;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{CatalogError, unreadable};

/// Why a value could not be sealed or opened.
pub type CipherError = Box<dyn std::error::Error + Send + Sync>;

/// Makes and opens keys of owners of personal values: people, practices, patients, cases.
pub trait Cipher: Send + Sync {
    /// A fresh key for `owner`, wrapped, to be kept in the owner's row. Overwriting it destroys the owner's values.
    ///
    /// # Errors
    /// When there are no random numbers.
    fn new_key(&self, owner: [u8; 16]) -> Result<Vec<u8>, CipherError>;

    /// Opens the key of `owner`.
    ///
    /// # Errors
    /// When it is not the owner's, or another root key wrapped it.
    fn open_key(&self, owner: [u8; 16], wrapped: &[u8]) -> Result<Arc<dyn Fields>, CipherError>;
}

/// The key of one owner's values.
pub trait Fields: Send + Sync {
    /// Seals `plain` for the place named by `context`.
    ///
    /// # Errors
    /// When there are no random numbers.
    fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, CipherError>;

    /// Opens what was sealed for the place named by `context`.
    ///
    /// # Errors
    /// For other bytes, another place or another owner's.
    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CipherError>;

    /// Equal for equal values in the same context, telling nothing else.
    fn token(&self, context: &[u8], value: &[u8]) -> Vec<u8>;
}

/// Owners' keys that are remembered, so that a list does not derive each anew.
const REMEMBERED: usize = 4096;

/// Owners with their wrapped keys and what these opened to.
type Opened = HashMap<[u8; 16], (Vec<u8>, Arc<dyn Fields>)>;

/// Remembers keys that were opened. Who changes a wrapped key gets another one.
pub(crate) struct Remembering {
    cipher: Arc<dyn Cipher>,
    opened: Mutex<Opened>,
}

impl Remembering {
    pub(crate) fn over(cipher: Arc<dyn Cipher>) -> Self {
        Self {
            cipher,
            opened: Mutex::default(),
        }
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cipher for Remembering {
    fn new_key(&self, owner: [u8; 16]) -> Result<Vec<u8>, CipherError> {
        self.cipher.new_key(owner)
    }

    fn open_key(&self, owner: [u8; 16], wrapped: &[u8]) -> Result<Arc<dyn Fields>, CipherError> {
        if let Some((known, key)) = self.opened().get(&owner)
            && known == wrapped
        {
            return Ok(Arc::clone(key));
        }
        let key = self.cipher.open_key(owner, wrapped)?;
        let mut opened = self.opened();
        if opened.len() >= REMEMBERED {
            opened.clear();
        }
        opened.insert(owner, (wrapped.to_vec(), Arc::clone(&key)));
        Ok(key)
    }
}

/// An owner's key with the sealing of values as JSON.
#[derive(Clone)]
pub(crate) struct Keyring(Arc<dyn Fields>);

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(..)")
    }
}

impl Keyring {
    /// Opens the key of `owner`.
    pub(crate) fn open(cipher: &dyn Cipher, owner: [u8; 16], wrapped: &[u8]) -> Result<Self, CatalogError> {
        cipher
            .open_key(owner, wrapped)
            .map(Self)
            .map_err(CatalogError::Cipher)
    }

    /// Seals a value for the column `column` of the row `row`.
    pub(crate) fn seal(
        &self,
        column: &str,
        row: &[u8; 16],
        value: &impl Serialize,
    ) -> Result<Vec<u8>, CatalogError> {
        let plain = serde_json::to_vec(value).map_err(unreadable("value"))?;
        self.0
            .seal(&context(column, row), &plain)
            .map_err(CatalogError::Cipher)
    }

    /// Opens what [`Keyring::seal`] made.
    pub(crate) fn unseal<T: DeserializeOwned>(
        &self,
        column: &'static str,
        row: &[u8; 16],
        sealed: &[u8],
    ) -> Result<T, CatalogError> {
        let plain = self
            .0
            .open(&context(column, row), sealed)
            .map_err(CatalogError::Cipher)?;
        serde_json::from_slice(&plain).map_err(unreadable(column))
    }

    /// Bytes that follow from the key and can be told by nobody without it.
    pub(crate) fn secret(&self, purpose: &[u8], part: &[u8]) -> Vec<u8> {
        self.0.token(purpose, part)
    }

    /// What finds `value` again in `column`.
    pub(crate) fn token(&self, column: &str, value: &Phi<String>) -> Vec<u8> {
        self.0.token(column.as_bytes(), value.reveal().as_bytes())
    }
}

fn context(column: &str, row: &[u8; 16]) -> Vec<u8> {
    [column.as_bytes(), b"\0", row].concat()
}
