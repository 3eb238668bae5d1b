//! The key hierarchy: a root key wraps the keys of cases, the key of a case wraps the keys of its objects.
//!
//! Every key is 256 bits for AES-256-GCM (NIST SP 800-38D). A wrapped key is bound, as additional authenticated
//! data, to what it belongs to: one cannot stand in for another. Where a case's wrapped key is destroyed, nothing
//! opens its objects any more. Keys are wiped from memory when dropped and print nothing.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{digest, rand};
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::fields::FieldKey;
use crate::object::{FORMAT_VERSION, ObjectId, ObjectRef};

const KEY_BYTES: usize = 32;
pub(crate) const NONCE_BYTES: usize = 12;
pub(crate) const TAG_BYTES: usize = 16;
/// A wrapped key: nonce, encrypted key, tag.
pub(crate) const WRAPPED_BYTES: usize = NONCE_BYTES + KEY_BYTES + TAG_BYTES;

pub(crate) type KeyBytes = Zeroizing<[u8; KEY_BYTES]>;

/// The key above all others. Lives in a file of its own, apart from the data ([`RootKey::load_or_create`]).
pub struct RootKey {
    key: LessSafeKey,
    fingerprint: String,
}

/// The key of one case. Clones share one copy.
#[derive(Clone)]
pub struct CaseKey {
    key: Arc<LessSafeKey>,
    case: [u8; 16],
}

/// The key of one object.
pub(crate) struct ObjectKey {
    pub(crate) key: LessSafeKey,
    bytes: KeyBytes,
}

/// The key of a case as it is kept in the catalog, encrypted under the root key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WrappedKey([u8; WRAPPED_BYTES]);

impl RootKey {
    pub(crate) fn from_key_bytes(bytes: &KeyBytes) -> Result<Self, VaultError> {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"vitrine root key fingerprint 1");
        context.update(bytes.as_ref());
        let fingerprint = context
            .finish()
            .as_ref()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Self {
            key: aes_key(bytes)?,
            fingerprint,
        })
    }

    /// 16 hexadecimal digits that tell this key from others and reveal nothing of it. Kept in the catalog, so that
    /// data opened with the wrong key are recognized before anything is read.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Makes a fresh key for the case whose id is `case`.
    ///
    /// # Errors
    /// [`VaultError::Crypto`] when the system gives no random numbers.
    pub fn new_case_key(&self, case: [u8; 16]) -> Result<(CaseKey, WrappedKey), VaultError> {
        let bytes = random_key()?;
        let wrapped = wrap(&self.key, &case_context(case), &bytes)?;
        Ok((
            CaseKey {
                key: Arc::new(aes_key(&bytes)?),
                case,
            },
            WrappedKey(wrapped),
        ))
    }

    /// Opens the key of the case whose id is `case`.
    ///
    /// # Errors
    /// [`VaultError::CaseKey`] if this root key did not wrap it for this case.
    pub fn open_case_key(&self, case: [u8; 16], wrapped: &WrappedKey) -> Result<CaseKey, VaultError> {
        let bytes = unwrap(&self.key, &case_context(case), &wrapped.0)
            .ok_or_else(|| VaultError::CaseKey(self.fingerprint.clone()))?;
        Ok(CaseKey {
            key: Arc::new(aes_key(&bytes)?),
            case,
        })
    }
}

impl RootKey {
    /// Makes a fresh key for the values of `owner`.
    ///
    /// # Errors
    /// [`VaultError::Crypto`] when the system gives no random numbers.
    pub fn new_field_key(&self, owner: [u8; 16]) -> Result<(FieldKey, WrappedKey), VaultError> {
        let bytes = random_key()?;
        let wrapped = wrap(&self.key, &case_context(owner), &bytes)?;
        Ok((FieldKey::derive(&bytes)?, WrappedKey(wrapped)))
    }

    /// Opens the key of the values of `owner`. A case has one key for its objects and, derived from it, for its
    /// values: `wrapped` may come from [`RootKey::new_case_key`].
    ///
    /// # Errors
    /// [`VaultError::CaseKey`] if this root key did not wrap it for this owner.
    pub fn open_field_key(&self, owner: [u8; 16], wrapped: &WrappedKey) -> Result<FieldKey, VaultError> {
        let bytes = unwrap(&self.key, &case_context(owner), &wrapped.0)
            .ok_or_else(|| VaultError::CaseKey(self.fingerprint.clone()))?;
        FieldKey::derive(&bytes)
    }

    /// Wraps a key that `old` wrapped under this root key instead: so a root key is replaced without touching an
    /// object.
    ///
    /// # Errors
    /// [`VaultError::CaseKey`] if `old` did not wrap it for this owner.
    pub fn rewrap(
        &self,
        old: &Self,
        owner: [u8; 16],
        wrapped: &WrappedKey,
    ) -> Result<WrappedKey, VaultError> {
        let context = case_context(owner);
        let bytes = unwrap(&old.key, &context, &wrapped.0)
            .ok_or_else(|| VaultError::CaseKey(old.fingerprint.clone()))?;
        Ok(WrappedKey(wrap(&self.key, &context, &bytes)?))
    }
}

impl CaseKey {
    /// Wraps an object's key, bound to the case and to the object's name and length.
    pub(crate) fn seal_ref(&self, id: ObjectId, len: u64, key: &ObjectKey) -> Result<ObjectRef, VaultError> {
        let wrapped = wrap(&self.key, &self.object_context(id, len), &key.bytes)?;
        Ok(ObjectRef { id, len, wrapped })
    }

    /// Opens an object's key; fails for another case's objects and for changed names and lengths.
    pub(crate) fn open_ref(&self, object: &ObjectRef) -> Result<ObjectKey, VaultError> {
        let bytes = unwrap(
            &self.key,
            &self.object_context(object.id, object.len),
            &object.wrapped,
        )
        .ok_or(VaultError::Reference(object.id))?;
        ObjectKey::new(bytes)
    }

    fn object_context(&self, id: ObjectId, len: u64) -> Vec<u8> {
        [
            b"vitrine object key",
            &[FORMAT_VERSION][..],
            &self.case,
            id.as_bytes(),
            &len.to_le_bytes(),
        ]
        .concat()
    }
}

impl ObjectKey {
    pub(crate) fn random() -> Result<Self, VaultError> {
        Self::new(random_key()?)
    }

    fn new(bytes: KeyBytes) -> Result<Self, VaultError> {
        Ok(Self {
            key: aes_key(&bytes)?,
            bytes,
        })
    }
}

impl WrappedKey {
    /// Its bytes, for the catalog.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads what [`WrappedKey::as_bytes`] gave.
    ///
    /// # Errors
    /// [`VaultError::Form`] for another length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VaultError> {
        bytes.try_into().map(Self).map_err(|_| VaultError::Form {
            what: "wrapped key",
            expected: WRAPPED_BYTES,
            actual: bytes.len(),
        })
    }
}

macro_rules! prints_nothing {
    ($($name:ident),*) => {
        $(impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        })*
    };
}
prints_nothing!(RootKey, CaseKey, ObjectKey, WrappedKey);

pub(crate) fn random_key() -> Result<KeyBytes, VaultError> {
    let mut bytes = KeyBytes::default();
    rand::fill(bytes.as_mut()).map_err(|_| VaultError::Crypto)?;
    Ok(bytes)
}

fn case_context(case: [u8; 16]) -> Vec<u8> {
    [b"vitrine case key", &[FORMAT_VERSION][..], &case].concat()
}

/// The library wipes its copy of the key when it is dropped.
fn aes_key(bytes: &KeyBytes) -> Result<LessSafeKey, VaultError> {
    UnboundKey::new(&AES_256_GCM, bytes.as_ref())
        .map(LessSafeKey::new)
        .map_err(|_| VaultError::Crypto)
}

/// Encrypts `secret` under a random nonce. A key may wrap 2^32 others before nonces become likely to collide
/// (SP 800-38D section 8.3).
fn wrap(key: &LessSafeKey, context: &[u8], secret: &KeyBytes) -> Result<[u8; WRAPPED_BYTES], VaultError> {
    let mut wrapped = [0; WRAPPED_BYTES];
    let (nonce, rest) = wrapped.split_at_mut(NONCE_BYTES);
    let (body, tag) = rest.split_at_mut(KEY_BYTES);
    rand::fill(nonce).map_err(|_| VaultError::Crypto)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Crypto)?;
    key.seal_out_of_place_scatter(nonce, Aad::from(context), secret.as_ref(), body, &[], tag)
        .map_err(|_| VaultError::Crypto)?;
    Ok(wrapped)
}

fn unwrap(key: &LessSafeKey, context: &[u8], wrapped: &[u8; WRAPPED_BYTES]) -> Option<KeyBytes> {
    let (nonce, rest) = wrapped.split_at(NONCE_BYTES);
    let (body, tag) = rest.split_at(KEY_BYTES);
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut secret = KeyBytes::default();
    key.open_separate_gather(nonce, Aad::from(context), body, tag, secret.as_mut())
        .ok()?;
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> RootKey {
        RootKey::from_key_bytes(&random_key().unwrap()).unwrap()
    }

    #[test]
    fn a_case_key_opens_under_its_root_and_case_only() {
        let (root_a, root_b) = (root(), root());
        let (_, wrapped) = root_a.new_case_key([1; 16]).unwrap();
        root_a.open_case_key([1; 16], &wrapped).unwrap();
        let error = root_b.open_case_key([1; 16], &wrapped).unwrap_err();
        assert!(error.to_string().contains(root_b.fingerprint()), "{error}");
        root_a.open_case_key([2; 16], &wrapped).unwrap_err();
        for position in 0..WRAPPED_BYTES {
            let mut changed = wrapped;
            changed.0[position] ^= 0x40;
            root_a.open_case_key([1; 16], &changed).unwrap_err();
        }
    }

    #[test]
    fn an_object_key_opens_for_its_object_only() {
        let (case, wrapped) = root().new_case_key([1; 16]).unwrap();
        let other = root().open_case_key([1; 16], &wrapped);
        assert!(other.is_err());
        let id = ObjectId::random().unwrap();
        let key = ObjectKey::random().unwrap();
        let reference = case.seal_ref(id, 1000, &key).unwrap();
        assert_eq!(case.open_ref(&reference).unwrap().bytes, key.bytes);
        for changed in [
            ObjectRef {
                len: 1001,
                ..reference
            },
            ObjectRef {
                id: ObjectId::random().unwrap(),
                ..reference
            },
            ObjectRef {
                wrapped: [0; WRAPPED_BYTES],
                ..reference
            },
        ] {
            assert!(matches!(case.open_ref(&changed), Err(VaultError::Reference(id)) if id == changed.id));
        }
        let (neighbor, _) = root().new_case_key([1; 16]).unwrap();
        neighbor.open_ref(&reference).unwrap_err();
    }

    #[test]
    fn wrapping_twice_gives_different_bytes() {
        let root = root();
        let bytes = random_key().unwrap();
        let once = wrap(&root.key, b"x", &bytes).unwrap();
        let twice = wrap(&root.key, b"x", &bytes).unwrap();
        assert_ne!(once, twice);
    }

    #[test]
    fn keys_print_nothing() {
        let root = root();
        let (case, wrapped) = root.new_case_key([1; 16]).unwrap();
        let object = ObjectKey::random().unwrap();
        assert_eq!(
            format!("{root:?} {case:?} {wrapped:?} {object:?}"),
            "RootKey(..) CaseKey(..) WrappedKey(..) ObjectKey(..)"
        );
    }
}
