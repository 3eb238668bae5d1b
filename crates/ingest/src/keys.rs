//! The catalog's personal values under the vault's keys.

use std::sync::Arc;

use catalog::{Cipher, CipherError, Fields};
use vault::{FieldKey, RootKey, WrappedKey};

/// Seals personal values with keys that a root key wraps.
#[derive(Clone, Debug)]
pub struct RootCipher(pub Arc<RootKey>);

struct OwnerKey(FieldKey);

impl Cipher for RootCipher {
    fn new_key(&self, owner: [u8; 16]) -> Result<Vec<u8>, CipherError> {
        let (_, wrapped) = self.0.new_field_key(owner)?;
        Ok(wrapped.as_bytes().to_vec())
    }

    fn open_key(&self, owner: [u8; 16], wrapped: &[u8]) -> Result<Arc<dyn Fields>, CipherError> {
        let key = self.0.open_field_key(owner, &WrappedKey::from_bytes(wrapped)?)?;
        Ok(Arc::new(OwnerKey(key)))
    }
}

impl Fields for OwnerKey {
    fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, CipherError> {
        Ok(self.0.seal(context, plain)?)
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CipherError> {
        self.0
            .open(context, sealed)
            .ok_or_else(|| "a value does not open under its owner's key".into())
    }

    fn token(&self, context: &[u8], value: &[u8]) -> Vec<u8> {
        self.0.token(context, value).to_vec()
    }
}
