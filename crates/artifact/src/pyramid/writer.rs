//! Packing bricks as they are finished, and the head at the end.

use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard};

use geometry::GridGeometry;
use volume::{Brick, BrickSink, PyramidLayout, Rescale, Sample, Statistics};

use super::Description;
use super::head::{HeadParts, Place, Placed};
use crate::{ArtifactError, packing};

/// Takes the bytes of an object that grows while it is written, from several threads at once.
pub trait BodySink: Sync {
    /// Why bytes could not be taken.
    type Error: Send;

    /// Appends `bytes` in one piece to what was appended before, by whomever; returns where they start in the object.
    ///
    /// # Errors
    /// When the object cannot grow; the writer then stops.
    fn append(&self, bytes: Vec<u8>) -> Result<u64, Self::Error>;
}

impl<S: BodySink> BodySink for &S {
    type Error = S::Error;

    fn append(&self, bytes: Vec<u8>) -> Result<u64, S::Error> {
        (**self).append(bytes)
    }
}

/// Packs the bricks of a pyramid: level 0 goes to the body at once, the coarser levels are held for the head.
///
/// Give it to a [`volume::PyramidBuilder`] as its sink, and to [`PyramidWriter::finish`] what that gathered.
#[derive(Debug)]
pub struct PyramidWriter<T, S> {
    layout: PyramidLayout,
    rescale: Rescale,
    description: Description,
    body: S,
    written: Mutex<Written>,
    of: PhantomData<fn(T)>,
}

#[derive(Debug)]
struct Written {
    /// For each level, finest first, its bricks in order.
    bricks: Vec<Vec<Option<Placed>>>,
    body_len: u64,
}

impl std::fmt::Debug for Placed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Placed").finish_non_exhaustive()
    }
}

impl<T: Sample, S: BodySink> PyramidWriter<T, S> {
    /// A writer for a volume on `grid` whose stored values mean what `rescale` says; level 0 goes to `body`.
    pub fn new(grid: GridGeometry, rescale: Rescale, description: Description, body: S) -> Self {
        let layout = PyramidLayout::new(grid);
        let bricks = (0..layout.levels().len() as u32)
            .map(|level| layout.bricks(level).map(|_| None).collect())
            .collect();
        Self {
            layout,
            rescale,
            description,
            body,
            written: Mutex::new(Written { bricks, body_len: 0 }),
            of: PhantomData,
        }
    }

    /// The same writer with another description: some findings are known only when all slices were seen.
    #[must_use]
    pub fn with_description(mut self, description: Description) -> Self {
        self.description = description;
        self
    }

    /// The bytes of the head, and the body.
    ///
    /// # Errors
    /// When a brick was never written, or the description cannot be (a number in it is not finite).
    pub fn finish(self, statistics: &Statistics) -> Result<(Vec<u8>, S), ArtifactError> {
        let written = self
            .written
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let expected: usize = written.bricks.iter().map(Vec::len).sum();
        let bricks: Vec<Vec<Placed>> = written
            .bricks
            .into_iter()
            .map(|level| level.into_iter().flatten().collect())
            .collect();
        let present: usize = bricks.iter().map(Vec::len).sum();
        if present != expected {
            return Err(ArtifactError::Incomplete {
                what: "bricks",
                missing: (expected - present) as u64,
                expected: expected as u64,
            });
        }
        let head = HeadParts {
            layout: &self.layout,
            sample_type: T::TYPE,
            rescale: &self.rescale,
            statistics,
            description: &self.description,
            body_len: written.body_len,
            bricks: &bricks,
        };
        Ok((head.to_bytes()?, self.body))
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl<T: Sample, S: BodySink> BrickSink<T> for PyramidWriter<T, S> {
    type Error = S::Error;

    fn brick(&self, brick: Brick<'_, T>) -> Result<(), S::Error> {
        let mut bytes = Vec::new();
        packing::encode(brick.samples, brick.extent.map(|n| n as usize), &mut bytes);
        let len = bytes.len() as u32;
        let place = if brick.key.level == 0 {
            Place::Body {
                offset: self.body.append(bytes)?,
                len,
            }
        } else {
            bytes.shrink_to_fit();
            Place::Held(bytes)
        };
        let mut written = self.written();
        if let Place::Body { offset, len } = place {
            written.body_len = written.body_len.max(offset + u64::from(len));
        }
        let slot = self.layout.index(brick.key).and_then(|index| {
            let level = written.bricks.get_mut(brick.key.level as usize)?;
            level.get_mut(index)
        });
        debug_assert!(slot.is_some(), "the builder has another layout");
        if let Some(slot) = slot {
            *slot = Some(Placed {
                place,
                min: brick.range.0.to_f64(),
                max: brick.range.1.to_f64(),
            });
        }
        Ok(())
    }
}
