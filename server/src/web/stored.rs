//! Stored objects on their way out.

use std::ops::Range;

use axum::body::{Body, Bytes};
use futures::stream;
use vault::{CaseKey, ObjectRef, Vault, VaultError};

/// Bytes that are decrypted at once.
const PIECE_BYTES: u64 = 1 << 20;

/// Some bytes of an object, decrypted piece by piece as they are taken.
pub(crate) fn body(vault: Vault, key: CaseKey, object: ObjectRef, bytes: Range<u64>) -> Body {
    Body::from_stream(stream::try_unfold(bytes.start, move |start| {
        let (vault, key) = (vault.clone(), key.clone());
        async move {
            if start >= bytes.end {
                return Ok::<_, VaultError>(None);
            }
            let next = (start + PIECE_BYTES).min(bytes.end);
            let piece = vault.get_range(&key, &object, start..next).await?;
            Ok(Some((Bytes::from(piece), next)))
        }
    }))
}
