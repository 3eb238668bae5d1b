//! Encrypted, chunked, integrity-checked objects over object_store; the key hierarchy.
//!
//! A room of its own because two promises meet here: whoever holds the store sees random names and ciphertext only,
//! and whatever is read back is exactly what was written or an error. It knows neither what objects mean nor who may
//! see them; the catalog keeps an [`ObjectRef`] for each.
//!
//! A root key ([`RootKey`]) wraps the key of each case ([`CaseKey`], kept as [`WrappedKey`]); a case's key wraps the
//! key of each of its objects. The bytes of an object are described in the source of `format`.

mod buffers;
mod copy;
mod error;
mod fields;
mod format;
mod key;
mod notes;
mod object;
mod root_file;
mod vault;
mod writer;

pub use copy::Copied;
pub use error::{Damage, RootKeyFault, VaultError};
pub use fields::{FieldKey, TOKEN_BYTES};
pub use key::{CaseKey, RootKey, WrappedKey};
pub use object::{ObjectId, ObjectRef};
pub use vault::{StoredObject, Vault};
pub use writer::ObjectWriter;
