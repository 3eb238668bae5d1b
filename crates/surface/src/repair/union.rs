//! Sets that are joined from many threads at once.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use parallel::prelude::*;

/// Disjoint sets without locks (Anderson and Woll, "Wait-free parallel algorithms for the union-find problem", 1991). The
/// lowest number of a set is its root, whatever the order of joining was.
pub(super) struct SharedSets {
    parents: Vec<AtomicU32>,
}

impl SharedSets {
    pub(super) fn new(count: usize) -> Self {
        Self {
            parents: (0..count as u32).into_par_iter().map(AtomicU32::new).collect(),
        }
    }

    pub(super) fn root(&self, mut of: u32) -> u32 {
        loop {
            let parent = self.parents[of as usize].load(Relaxed);
            if parent == of {
                return of;
            }
            let above = self.parents[parent as usize].load(Relaxed);
            if above != parent {
                // Others may have gone farther: then nothing needs to be done.
                let _ = self.parents[of as usize].compare_exchange_weak(parent, above, Relaxed, Relaxed);
            }
            of = above;
        }
    }

    pub(super) fn join(&self, a: u32, b: u32) {
        let (mut a, mut b) = (a, b);
        loop {
            (a, b) = (self.root(a), self.root(b));
            if a == b {
                return;
            }
            let (low, high) = (a.min(b), a.max(b));
            let hung = self.parents[high as usize].compare_exchange(high, low, Relaxed, Relaxed);
            if hung.is_ok() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_joined_from_many_threads_have_their_lowest_root() {
        let count = 100_000u32;
        let sets = SharedSets::new(count as usize);
        (0..count - 7).into_par_iter().for_each(|i| sets.join(i, i + 7));
        assert!((0..count).all(|i| sets.root(i) == i % 7));
    }
}
