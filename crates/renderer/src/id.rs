//! Names of long-lived data, by which back ends keep what they derive from it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Tells one volume or surface from every other one of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DataId(u64);

impl DataId {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}
