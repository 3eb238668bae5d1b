//! Encrypted, chunked, integrity-checked objects over object_store; the key hierarchy.
