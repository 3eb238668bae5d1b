//! Names of objects, and what the catalog keeps of each.

use aws_lc_rs::rand;

use crate::error::VaultError;
use crate::key::WRAPPED_BYTES;

/// The random name of an object. Says nothing about its content; used for one object only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 16]);

impl ObjectId {
    /// A name that nothing has.
    ///
    /// # Errors
    /// [`VaultError::Crypto`] when the system gives no random numbers.
    pub fn random() -> Result<Self, VaultError> {
        let mut bytes = [0; 16];
        rand::fill(&mut bytes).map_err(|_| VaultError::Crypto)?;
        Ok(Self(bytes))
    }

    /// Its 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The name that [`std::fmt::Display`] wrote: 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 32
            || text
                .bytes()
                .any(|b| b.is_ascii_uppercase() || !b.is_ascii_hexdigit())
        {
            return None;
        }
        u128::from_str_radix(text, 16)
            .ok()
            .map(|number| Self(number.to_be_bytes()))
    }
}

impl std::fmt::Display for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl std::fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ObjectId({self})")
    }
}

/// Version of the encrypted format; the only one so far.
pub(crate) const FORMAT_VERSION: u8 = 1;

/// What has to be kept to read an object again: its name, its length and its wrapped key. Belongs into the catalog;
/// useless without the key of the case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectRef {
    /// Its name.
    pub id: ObjectId,
    /// Length of the content, bytes; authenticated with the key.
    pub len: u64,
    /// Its key under the key of the case.
    pub(crate) wrapped: [u8; WRAPPED_BYTES],
}

impl ObjectRef {
    /// Length of [`ObjectRef::to_bytes`].
    pub const BYTES: usize = 1 + 16 + 8 + WRAPPED_BYTES;

    /// One version byte, 16 bytes of name, the length as `u64` little endian, the wrapped key.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [FORMAT_VERSION; Self::BYTES];
        bytes[1..17].copy_from_slice(&self.id.0);
        bytes[17..25].copy_from_slice(&self.len.to_le_bytes());
        bytes[25..].copy_from_slice(&self.wrapped);
        bytes
    }

    /// Reads what [`ObjectRef::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`VaultError::Form`] for another length or version. Whether the rest is true shows when the object is read.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VaultError> {
        match bytes.try_into() {
            Ok::<[u8; Self::BYTES], _>(fixed) if fixed[0] == FORMAT_VERSION => {
                let (mut id, mut len, mut wrapped) = ([0; 16], [0; 8], [0; WRAPPED_BYTES]);
                id.copy_from_slice(&fixed[1..17]);
                len.copy_from_slice(&fixed[17..25]);
                wrapped.copy_from_slice(&fixed[25..]);
                Ok(Self {
                    id: ObjectId(id),
                    len: u64::from_le_bytes(len),
                    wrapped,
                })
            }
            _ => Err(VaultError::Form {
                what: "object reference, version 1,",
                expected: Self::BYTES,
                actual: bytes.len(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_its_text() {
        let id = ObjectId::random().unwrap();
        assert_eq!(ObjectId::parse(&id.to_string()), Some(id));
        assert_ne!(id, ObjectId::random().unwrap());
        for text in [
            "",
            "00",
            &"G".repeat(32),
            &"A".repeat(32),
            &"0".repeat(33),
            &format!("+{}", "0".repeat(31)),
        ] {
            assert_eq!(ObjectId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_reference_survives_its_bytes() {
        let reference = ObjectRef {
            id: ObjectId([7; 16]),
            len: 0x0123_4567_89AB,
            wrapped: [9; WRAPPED_BYTES],
        };
        let bytes = reference.to_bytes();
        assert_eq!(ObjectRef::from_bytes(&bytes).unwrap(), reference);
        assert!(ObjectRef::from_bytes(&bytes[1..]).is_err());
        assert!(ObjectRef::from_bytes(&[2; ObjectRef::BYTES]).is_err());
    }
}
