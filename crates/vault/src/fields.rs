//! Keys for personal values that a database keeps: a few bytes each, sealed where they stand.
//!
//! Whoever owns values (a practice, a patient, a case, a person) has a key of 256 bits, wrapped by the root key as
//! the key of a case is. From it two are derived (HKDF-SHA256, RFC 5869): one seals values under AES-256-GCM, the
//! other makes tokens (HMAC-SHA256) by which equal values can be found again without being read. Destroying the
//! owner's wrapped key destroys all values under it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac, rand};

use crate::error::VaultError;
use crate::key::{KeyBytes, NONCE_BYTES, TAG_BYTES};

/// Length of a token, bytes: long enough that two values share one by chance in no database.
pub const TOKEN_BYTES: usize = 16;

/// The key of one owner's values.
pub struct FieldKey {
    seal: LessSafeKey,
    token: hmac::Key,
}

impl FieldKey {
    pub(crate) fn derive(bytes: &KeyBytes) -> Result<Self, VaultError> {
        let crypto = |_| VaultError::Crypto;
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(bytes.as_ref());
        let seal = secret
            .expand(&[b"vitrine field seal 1"], &AES_256_GCM)
            .map_err(crypto)?;
        let token = secret
            .expand(&[b"vitrine field token 1"], hmac::HMAC_SHA256)
            .map_err(crypto)?;
        Ok(Self {
            seal: LessSafeKey::new(UnboundKey::from(seal)),
            token: hmac::Key::from(token),
        })
    }

    /// Seals `plain`, bound to `context`: the column and row where it will stand. A random nonce comes first, the tag
    /// last.
    ///
    /// # Errors
    /// [`VaultError::Crypto`] when the system gives no random numbers.
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut sealed = vec![0; NONCE_BYTES + plain.len() + TAG_BYTES];
        let (nonce, rest) = sealed.split_at_mut(NONCE_BYTES);
        let (body, tag) = rest.split_at_mut(plain.len());
        rand::fill(nonce).map_err(|_| VaultError::Crypto)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Crypto)?;
        self.seal
            .seal_out_of_place_scatter(nonce, Aad::from(context), plain, body, &[], tag)
            .map_err(|_| VaultError::Crypto)?;
        Ok(sealed)
    }

    /// Opens what [`FieldKey::seal`] made; `None` for other bytes, another context or another owner's.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_BYTES)?;
        let (body, tag) = rest.split_at_checked(rest.len().checked_sub(TAG_BYTES)?)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = vec![0; body.len()];
        self.seal
            .open_separate_gather(nonce, Aad::from(context), body, tag, &mut plain)
            .ok()?;
        Some(plain)
    }

    /// A token of `value` in `context`: equal for equal ones, telling nothing else.
    pub fn token(&self, context: &[u8], value: &[u8]) -> [u8; TOKEN_BYTES] {
        let mut mac = hmac::Context::with_key(&self.token);
        mac.update(&(context.len() as u64).to_le_bytes());
        mac.update(context);
        mac.update(value);
        let mut token = [0; TOKEN_BYTES];
        token.copy_from_slice(&mac.sign().as_ref()[..TOKEN_BYTES]);
        token
    }
}

impl std::fmt::Debug for FieldKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FieldKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::random_key;

    fn key() -> FieldKey {
        FieldKey::derive(&random_key().unwrap()).unwrap()
    }

    #[test]
    fn a_value_opens_at_its_place_under_its_key_only() {
        let key = key();
        for plain in [&b""[..], b"x", &[7; 5000]] {
            let sealed = key.seal(b"patients/1", plain).unwrap();
            assert_eq!(key.open(b"patients/1", &sealed).as_deref(), Some(plain));
            assert_eq!(key.open(b"patients/2", &sealed), None);
            assert_eq!(self::key().open(b"patients/1", &sealed), None);
            for position in [0, 11, sealed.len() / 2, sealed.len() - 1] {
                let mut changed = sealed.clone();
                changed[position] ^= 1;
                assert_eq!(key.open(b"patients/1", &changed), None, "{position}");
            }
            for len in 0..sealed.len().min(40) {
                assert_eq!(key.open(b"patients/1", &sealed[..len]), None, "{len}");
            }
        }
        assert_ne!(key.seal(b"a", b"same").unwrap(), key.seal(b"a", b"same").unwrap());
    }

    #[test]
    fn tokens_tell_values_contexts_and_owners_apart() {
        let key = key();
        assert_eq!(key.token(b"name", b"doe"), key.token(b"name", b"doe"));
        assert_ne!(key.token(b"name", b"doe"), key.token(b"name", b"dof"));
        assert_ne!(key.token(b"name", b"doe"), key.token(b"named", b"oe"));
        assert_ne!(key.token(b"name", b"doe"), self::key().token(b"name", b"doe"));
    }
}
