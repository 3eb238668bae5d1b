//! What changed since when.

/// A box of samples: from `start` up to but not including `end`, as columns, rows and slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleBox {
    /// The first sample along each axis.
    pub start: [u32; 3],
    /// One beyond the last sample along each axis.
    pub end: [u32; 3],
}

impl SampleBox {
    /// All of a grid of `dims` samples.
    pub fn all(dims: [u32; 3]) -> Self {
        Self {
            start: [0; 3],
            end: dims,
        }
    }
}

/// Changes that are remembered one by one.
const REMEMBERED: usize = 4096;

/// The latest changes of a volume.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// By rising revision.
    latest: Vec<(u64, SampleBox)>,
    /// What lies before this revision was forgotten.
    forgotten: u64,
}

impl Changes {
    pub(super) fn add(&mut self, revision: u64, changed: SampleBox) {
        if self.latest.len() == REMEMBERED {
            let mut half = self.latest.drain(..REMEMBERED / 2);
            self.forgotten = half.next_back().map_or(self.forgotten, |(revision, _)| revision);
        }
        self.latest.push((revision, changed));
    }

    /// The changes after `revision`; `None` when some of them were forgotten.
    pub(super) fn since(&self, revision: u64) -> Option<Vec<SampleBox>> {
        if revision < self.forgotten {
            return None;
        }
        let first = self.latest.partition_point(|(at, _)| *at <= revision);
        Some(self.latest[first..].iter().map(|(_, changed)| *changed).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_forgotten_is_not_denied() {
        let mut changes = Changes::default();
        let at = |n: u32| SampleBox {
            start: [n; 3],
            end: [n + 1; 3],
        };
        for revision in 1..=REMEMBERED as u64 + 1 {
            changes.add(revision, at(revision as u32));
        }
        assert_eq!(changes.since(0), None);
        assert_eq!(
            changes.since(REMEMBERED as u64),
            Some(vec![at(REMEMBERED as u32 + 1)])
        );
        assert_eq!(changes.since(REMEMBERED as u64 + 1), Some(vec![]));
    }
}
