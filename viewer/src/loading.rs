//! From the bytes of a stored pyramid, in whatever pieces they arrive, to a volume that gets sharper.

use std::collections::VecDeque;
use std::convert::Infallible;

use artifact::ArtifactError;
use artifact::pyramid::{AssembleError, BrickObject, PyramidHead};
use renderer::{ResidentError, ResidentVolume};
use volume::BrickKey;

/// Why a stored volume cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum LoadingError {
    /// The bytes are damaged.
    #[error("the volume cannot be read")]
    Artifact(#[from] ArtifactError),
    /// There is no room for it.
    #[error("the volume cannot be shown")]
    Volume(#[from] ResidentError),
    /// An object ended too early.
    #[error("the {object} of the volume ended after {len} of {expected} bytes")]
    Short {
        /// Which one.
        object: &'static str,
        /// Bytes that came.
        len: u64,
        /// Bytes that it has.
        expected: u64,
    },
}

/// A brick that was not yet met.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    key: BrickKey,
    start: u64,
    end: u64,
}

/// Bytes of one object, of which those before the next brick are let go.
#[derive(Debug, Default)]
struct Arriving {
    /// Where `bytes` begin in the object.
    offset: u64,
    bytes: Vec<u8>,
    awaited: VecDeque<Awaited>,
}

impl Arriving {
    fn new(mut awaited: Vec<Awaited>) -> Self {
        awaited.sort_by_key(|brick| brick.start);
        Self {
            awaited: awaited.into(),
            ..Self::default()
        }
    }

    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    /// The next brick that is there as a whole, and its place in `bytes`.
    fn next(&mut self) -> Option<(BrickKey, std::ops::Range<usize>)> {
        let brick = *self.awaited.front()?;
        if brick.end > self.end() {
            return None;
        }
        self.awaited.pop_front();
        let at = |offset: u64| (offset.saturating_sub(self.offset)) as usize;
        Some((brick.key, at(brick.start)..at(brick.end)))
    }

    /// Lets go of what no brick needs any more.
    fn forget(&mut self) {
        let needed = self.awaited.front().map_or(self.end(), |brick| brick.start);
        let gone = (needed.saturating_sub(self.offset) as usize).min(self.bytes.len());
        self.bytes.drain(..gone);
        self.offset += gone as u64;
    }
}

/// A pyramid on its way. Feed it the head from its start, then the body from its start; the volume shows from the
/// coarsest level on, and bytes are let go as soon as their bricks are placed.
#[derive(Debug)]
pub struct Loading {
    budget_bytes: u64,
    head_bytes: Arriving,
    body_bytes: Arriving,
    shown: Option<Shown>,
}

#[derive(Debug)]
struct Shown {
    head: PyramidHead,
    volume: ResidentVolume,
}

impl Loading {
    /// Nothing yet; the volume may take `budget_bytes` of memory, and is shown from the finest level that fits.
    pub fn new(budget_bytes: u64) -> Self {
        Self {
            budget_bytes,
            head_bytes: Arriving::default(),
            body_bytes: Arriving::default(),
            shown: None,
        }
    }

    /// The volume with what came so far; `None` until the index is there.
    pub fn volume(&self) -> Option<&ResidentVolume> {
        self.shown.as_ref().map(|shown| &shown.volume)
    }

    /// What is known of the volume besides its samples; `None` until the index is there.
    pub fn head(&self) -> Option<&PyramidHead> {
        self.shown.as_ref().map(|shown| &shown.head)
    }

    /// Whether the body is needed at all: not where only a coarser level fits the budget.
    pub fn needs_body(&self) -> bool {
        self.shown.as_ref().is_none_or(|shown| shown.volume.level() == 0)
    }

    /// Takes the next bytes of the head; gives the number of bricks that became visible.
    ///
    /// # Errors
    /// When the bytes are damaged or the volume does not fit.
    pub fn push_head(&mut self, bytes: &[u8]) -> Result<usize, LoadingError> {
        self.head_bytes.bytes.extend_from_slice(bytes);
        if self.shown.is_none() {
            let start = &self.head_bytes.bytes;
            if start.len() < 256 || (start.len() as u64) < PyramidHead::index_len(start)? {
                return Ok(0);
            }
            let head = PyramidHead::parse(start)?;
            let volume = ResidentVolume::streaming(
                head.layout(),
                head.sample_type(),
                head.rescale().clone(),
                self.budget_bytes,
            )?;
            let mut lists = [Vec::new(), Vec::new()];
            for level in levels_taken(volume.level(), head.layout().levels().len() as u32) {
                for key in head.layout().bricks(level) {
                    let Some(entry) = head.entry(key) else { continue };
                    let list = match entry.object {
                        BrickObject::Head => 0,
                        BrickObject::Body => 1,
                    };
                    lists[list].push(Awaited {
                        key,
                        start: entry.offset,
                        end: entry.offset + u64::from(entry.len),
                    });
                }
            }
            let [in_head, in_body] = lists;
            let arrived = std::mem::take(&mut self.head_bytes.bytes);
            self.head_bytes = Arriving::new(in_head);
            self.head_bytes.bytes = arrived;
            self.body_bytes = Arriving::new(in_body);
            self.shown = Some(Shown { head, volume });
        }
        Self::place(self.shown.as_mut(), &mut self.head_bytes)
    }

    /// Takes the next bytes of the body; gives the number of bricks that became visible.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn push_body(&mut self, bytes: &[u8]) -> Result<usize, LoadingError> {
        self.body_bytes.bytes.extend_from_slice(bytes);
        Self::place(self.shown.as_mut(), &mut self.body_bytes)
    }

    /// Says that no more bytes come.
    ///
    /// # Errors
    /// When bricks are still awaited.
    pub fn finish(&self) -> Result<(), LoadingError> {
        for (object, arriving) in [("head", &self.head_bytes), ("body", &self.body_bytes)] {
            if let Some(last) = arriving.awaited.back() {
                return Err(LoadingError::Short {
                    object,
                    len: arriving.end(),
                    expected: last.end,
                });
            }
        }
        if self.shown.is_none() {
            let len = self.head_bytes.end();
            return Err(LoadingError::Short {
                object: "head",
                len,
                expected: len.max(255) + 1,
            });
        }
        Ok(())
    }

    fn place(shown: Option<&mut Shown>, arriving: &mut Arriving) -> Result<usize, LoadingError> {
        let Some(shown) = shown else { return Ok(0) };
        let mut placed = 0;
        while let Some((key, range)) = arriving.next() {
            let bytes = arriving.bytes.get(range).unwrap_or_default();
            if shown.volume.is_empty() {
                // The coarsest level is one brick, and comes first.
                let level = shown
                    .head
                    .assemble_level(key.level, |_, _| Ok::<_, Infallible>(bytes))
                    .map_err(|error| match error {
                        AssembleError::Brick(error) => error,
                        AssembleError::Read(never) => match never {},
                    })?;
                shown.volume.put_level(key.level, &level.into_samples())?;
            } else {
                let samples = shown.head.decode_brick(key, bytes)?;
                shown.volume.put_brick(key, &samples)?;
            }
            placed += 1;
        }
        arriving.forget();
        Ok(placed)
    }
}

/// Which levels are shown on the way to the finest that is held: the coarsest for the first picture, then every second
/// one, because filling in a level takes as long as reading one that is twice as fine.
fn levels_taken(finest: u32, levels: u32) -> impl Iterator<Item = u32> {
    let coarsest = levels.saturating_sub(1);
    (finest..=coarsest).filter(move |level| *level == coarsest || (level - finest).is_multiple_of(2))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use artifact::pyramid::{BodySink, Description, PyramidWriter};
    use geometry::{DVec3, GridGeometry};
    use volume::{PyramidBuilder, Rescale, Samples};

    use super::*;

    /// A body in memory.
    struct InMemory(Mutex<Vec<u8>>);

    impl BodySink for InMemory {
        type Error = Infallible;

        fn append(&self, bytes: Vec<u8>) -> Result<u64, Infallible> {
            let mut body = self.0.lock().unwrap();
            let start = body.len() as u64;
            body.extend(bytes);
            Ok(start)
        }
    }

    /// Head and body of a volume of 150 x 90 x 70 samples, and its samples.
    fn stored() -> (Vec<u8>, Vec<u8>, Vec<i16>) {
        let grid =
            GridGeometry::axis_aligned([150, 90, 70], [0.5, 0.7, 1.1], DVec3::new(3.0, -4.0, 5.0)).unwrap();
        let samples: Vec<i16> = (0..150 * 90 * 70)
            .map(|i| ((i % 7919) * 31 % 4001 - 1000) as i16)
            .collect();
        let writer = PyramidWriter::new(
            grid,
            Rescale::IDENTITY,
            Description::default(),
            InMemory(Mutex::new(Vec::new())),
        );
        let mut builder = PyramidBuilder::<i16, _>::new(grid, writer);
        builder.push_slices(&samples).unwrap();
        let (built, writer) = builder.finish().unwrap();
        let (head, body) = writer.finish(&built.statistics).unwrap();
        (head, body.0.into_inner().unwrap(), samples)
    }

    #[test]
    fn pieces_of_any_size_give_the_volume() {
        let (head, body, samples) = stored();
        for piece in [97, 4096, usize::MAX] {
            let mut loading = Loading::new(1 << 30);
            let mut seen = None;
            for bytes in head.chunks(piece.min(head.len())) {
                loading.push_head(bytes).unwrap();
                if let Some(volume) = loading.volume().filter(|volume| !volume.is_empty()) {
                    seen.get_or_insert(volume.resident_fraction());
                }
            }
            assert!(seen.is_some(), "a picture can be drawn before the body comes");
            for bytes in body.chunks(piece.min(body.len())) {
                assert!(loading.finish().is_err());
                loading.push_body(bytes).unwrap();
            }
            loading.finish().unwrap();
            let volume = loading.volume().unwrap();
            assert!(volume.is_complete());
            assert_eq!(volume.samples(), &Samples::I16(samples.clone()));
        }
    }

    #[test]
    fn a_small_budget_shows_a_coarser_level_without_the_body() {
        let (head, _, _) = stored();
        let mut loading = Loading::new(400_000);
        loading.push_head(&head).unwrap();
        assert_eq!(loading.volume().unwrap().level(), 1);
        assert!(!loading.needs_body());
        loading.finish().unwrap();
        assert!(loading.volume().unwrap().is_complete());
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_told() {
        let (mut head, body, _) = stored();
        let mut loading = Loading::new(1 << 30);
        loading.push_head(&head[..300]).unwrap();
        assert!(matches!(
            loading.finish(),
            Err(LoadingError::Short { object: "head", .. })
        ));
        let mut loading = Loading::new(1 << 30);
        loading.push_head(&head).unwrap();
        loading.push_body(&body[..body.len() - 1]).unwrap();
        assert!(matches!(
            loading.finish(),
            Err(LoadingError::Short { object: "body", .. })
        ));
        head[8] = 99;
        assert!(matches!(
            Loading::new(1 << 30).push_head(&head),
            Err(LoadingError::Artifact(_))
        ));
    }
}
