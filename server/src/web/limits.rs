//! How often somebody may ask: a bucket a key, which fills by itself and is emptied by asking.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::problem::{Answer, Problem};

/// Buckets that are kept before full ones are thrown away.
const KEPT: usize = 50_000;

/// Buckets of one size.
pub(crate) struct Limits<K> {
    /// Most that can be asked at once.
    burst: f64,
    /// How fast a bucket fills, a second.
    per_sec: f64,
    buckets: Mutex<HashMap<K, (f64, Instant)>>,
}

impl<K: Hash + Eq> Limits<K> {
    pub(crate) fn new(burst: f64, per_sec: f64) -> Self {
        Self {
            burst,
            per_sec,
            buckets: Mutex::default(),
        }
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&self, key: K, now: Instant) -> Answer<()> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let fill = |(level, since): (f64, Instant)| {
            let secs = now.saturating_duration_since(since).as_secs_f64();
            (level + secs * self.per_sec).min(self.burst)
        };
        if buckets.len() >= KEPT {
            buckets.retain(|_, bucket| fill(*bucket) < self.burst);
        }
        let level = buckets.get(&key).map_or(self.burst, |bucket| fill(*bucket));
        if level < 1.0 {
            let secs = ((1.0 - level) / self.per_sec).ceil();
            return Err(Problem::too_many(secs as u64));
        }
        buckets.insert(key, (level - 1.0, now));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_empties_and_fills() {
        let limits = Limits::new(3.0, 0.5);
        let start = Instant::now();
        for _ in 0..3 {
            assert!(limits.take("a", start).is_ok());
        }
        assert!(limits.take("a", start).is_err());
        assert!(limits.take("b", start).is_ok());
        assert!(limits.take("a", start + Duration::from_millis(1900)).is_err());
        assert!(limits.take("a", start + Duration::from_millis(2100)).is_ok());
        assert!(limits.take("a", start + Duration::from_millis(2200)).is_err());
    }
}
