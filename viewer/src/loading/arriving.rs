//! Bytes of one object on their way, in whatever pieces they come.

use std::collections::BTreeMap;
use std::ops::Range;

use volume::BrickKey;

/// Bytes of one object, of which those are let go that no brick needs.
#[derive(Debug, Default)]
pub(super) struct Arriving {
    /// Where `bytes` begin in the object.
    offset: u64,
    bytes: Vec<u8>,
    /// The bricks that were not yet met, and where each ends, by where they begin.
    awaited: BTreeMap<u64, (BrickKey, u64)>,
    /// Bytes of the bricks that were met, and of all.
    counts: [u64; 2],
}

impl Arriving {
    /// The bytes that came before it was known which bricks they hold, and these.
    pub(super) fn new(bytes: Vec<u8>, awaited: impl Iterator<Item = (Range<u64>, BrickKey)>) -> Self {
        let awaited: BTreeMap<_, _> = awaited.map(|(at, key)| (at.start, (key, at.end))).collect();
        let all = awaited.iter().map(|(start, (_, end))| end - start).sum();
        Self {
            offset: 0,
            bytes,
            awaited,
            counts: [0, all],
        }
    }

    /// Takes the bytes from `at` on. Where they do not follow what came before, that is let go.
    pub(super) fn take(&mut self, at: u64, bytes: &[u8]) {
        if at != self.end() {
            self.bytes.clear();
            self.offset = at;
        }
        // Not twice as much as is needed, which a tab would keep.
        self.bytes.reserve_exact(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives away what came.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// One after the last byte that came.
    pub(super) fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    /// The next brick that is there as a whole, and its bytes.
    pub(super) fn next(&mut self) -> Option<(BrickKey, &[u8])> {
        let (&start, &(key, end)) = self.awaited.range(self.offset..).next()?;
        if end > self.end() {
            return None;
        }
        self.awaited.remove(&start);
        self.counts[0] += end - start;
        let at = |place: u64| (place - self.offset) as usize;
        Some((key, self.bytes.get(at(start)..at(end)).unwrap_or_default()))
    }

    /// Lets go of what no brick needs any more.
    pub(super) fn forget(&mut self) {
        let next = self.awaited.range(self.offset..).next();
        let needed = next.map_or(self.end(), |(&start, _)| start.min(self.end()));
        self.bytes.drain(..(needed - self.offset) as usize);
        self.offset = needed;
        if self.awaited.is_empty() {
            self.bytes = Vec::new();
        }
    }

    /// Bytes of the bricks that were met, and of all.
    pub(super) fn counts(&self) -> [u64; 2] {
        self.counts
    }

    /// The bricks that are still awaited, in the order of their bytes.
    pub(super) fn awaited(&self) -> impl DoubleEndedIterator<Item = (Range<u64>, BrickKey)> {
        self.awaited.iter().map(|(&start, &(key, end))| (start..end, key))
    }
}
