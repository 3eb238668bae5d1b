//! From the bytes of a stored pyramid, in whatever pieces they arrive, to a volume that gets sharper.

use std::collections::VecDeque;
use std::convert::Infallible;

use artifact::ArtifactError;
use artifact::pyramid::{AssembleError, BrickObject, PyramidHead};
use geometry::GridGeometry;
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

/// How much of a stored volume is needed to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Bytes from the head's start.
    pub head_len: u64,
    /// Bytes from the body's start: none where only a coarser level fits the budget.
    pub body_len: u64,
}

/// Samples of the level that is shown first, at most: so few that they are there, and drawn, in a moment.
const FIRST_SAMPLES: u64 = 2_000_000;

/// A pyramid on its way. Feed it the head from its start, then the body from its start; the volume shows from the
/// coarsest level on, and bytes are let go as soon as their bricks are placed.
///
/// A large volume is first shown as a coarse one of its own: to fill in all of the fine one would keep the first picture
/// waiting. [`Loading::refine`] fills the fine one from it step by step, and it takes the coarse one's place when nothing of
/// it is a hole.
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
    /// The level that is shown in the end.
    finest: u32,
    /// The level that is shown first.
    first: u32,
    volume: ResidentVolume,
    /// The volume of the finest level while it is filled in, and the next layer of it.
    filling: Option<(ResidentVolume, u32)>,
}

impl Shown {
    fn new(head: PyramidHead, budget_bytes: u64) -> Result<Self, LoadingError> {
        let layout = head.layout();
        let finest = ResidentVolume::finest_within(layout, head.sample_type(), budget_bytes)?;
        let levels = layout.levels().len() as u32;
        let is_small = |level: &u32| {
            let grid = layout.grid(*level);
            grid.is_some_and(|grid| grid.len() <= FIRST_SAMPLES)
        };
        let first = (finest..levels)
            .find(is_small)
            .unwrap_or(levels.saturating_sub(1));
        let volume = ResidentVolume::at_level(layout, first, head.sample_type(), head.rescale().clone())?;
        Ok(Self {
            head,
            finest,
            first,
            volume,
            filling: None,
        })
    }

    /// Where bricks of a level belong.
    fn volume_of(&mut self, level: u32) -> &mut ResidentVolume {
        match &mut self.filling {
            Some((volume, _)) if level < self.first => volume,
            _ => &mut self.volume,
        }
    }

    /// Whether the finest level is still to be filled in, and can be.
    fn can_refine(&self) -> bool {
        self.volume.level() > self.finest && self.volume.is_complete()
    }

    /// Fills in the next layer of the finest level, and shows that after the last one.
    fn refine(&mut self) -> Result<(), LoadingError> {
        let (mut finer, layer) = match self.filling.take() {
            Some(filling) => filling,
            None => {
                let (layout, of_type) = (self.head.layout(), self.head.sample_type());
                let rescale = self.head.rescale().clone();
                (
                    ResidentVolume::at_level(layout, self.finest, of_type, rescale)?,
                    0,
                )
            }
        };
        finer.put_layer(self.first, self.volume.samples(), layer)?;
        match layer + 1 < finer.layers() {
            true => self.filling = Some((finer, layer + 1)),
            false => self.volume = finer,
        }
        Ok(())
    }
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

    /// The volume with what came so far, coarser first than in the end; `None` until the index is there.
    pub fn volume(&self) -> Option<&ResidentVolume> {
        self.shown.as_ref().map(|shown| &shown.volume)
    }

    /// What is known of the volume besides its samples; `None` until the index is there.
    pub fn head(&self) -> Option<&PyramidHead> {
        self.shown.as_ref().map(|shown| &shown.head)
    }

    /// The volume when all of it is there, of which values can be told.
    pub fn complete(&self) -> Option<&ResidentVolume> {
        self.volume()
            .filter(|volume| volume.is_complete() && Some(volume.level()) == self.level())
    }

    /// The level that is shown in the end; `None` until the index is there.
    pub fn level(&self) -> Option<u32> {
        self.shown.as_ref().map(|shown| shown.finest)
    }

    /// Where the samples lie that are shown in the end; `None` until the index is there.
    pub fn grid(&self) -> Option<&GridGeometry> {
        let shown = self.shown.as_ref()?;
        shown.head.layout().grid(shown.finest)
    }

    /// What of the level that is shown in the end is there, 0 to 1.
    pub fn fraction(&self) -> f64 {
        let Some(shown) = &self.shown else { return 0.0 };
        let volume = match &shown.filling {
            Some((finer, _)) => finer,
            None => &shown.volume,
        };
        match volume.level() == shown.finest {
            true => volume.resident_fraction(),
            false => 0.0,
        }
    }

    /// Which bytes are needed; `None` until the index is there.
    pub fn needs(&self) -> Option<Needs> {
        let Shown {
            head, finest, first, ..
        } = self.shown.as_ref()?;
        // Where the finest level is in the body, those between it and the first are not looked at.
        let last = if *finest == 0 { *first } else { *finest };
        Some(Needs {
            head_len: head.head_len_for_level(last),
            body_len: if *finest == 0 { head.body_len() } else { 0 },
        })
    }

    /// Goes one step on with filling in the finest level; says whether there was something to do.
    ///
    /// # Errors
    /// When the volume has no such place, which its layout excludes.
    pub fn refine(&mut self) -> Result<bool, LoadingError> {
        match &mut self.shown {
            Some(shown) if shown.can_refine() => shown.refine().map(|()| true),
            _ => Ok(false),
        }
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
            let shown = Shown::new(head, self.budget_bytes)?;
            let mut lists = [Vec::new(), Vec::new()];
            let coarsest = (shown.head.layout().levels().len() as u32).saturating_sub(1);
            let mut levels = vec![coarsest, shown.first, shown.finest];
            levels.dedup();
            for level in levels {
                for key in shown.head.layout().bricks(level) {
                    let Some(entry) = shown.head.entry(key) else {
                        continue;
                    };
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
            self.shown = Some(shown);
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
                if key.level < shown.first && shown.filling.is_none() && shown.can_refine() {
                    shown.refine()?;
                }
                shown.volume_of(key.level).put_brick(key, &samples)?;
            }
            placed += 1;
        }
        arriving.forget();
        Ok(placed)
    }
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
        stored_of([150, 90, 70])
    }

    fn stored_of(dims: [u32; 3]) -> (Vec<u8>, Vec<u8>, Vec<i16>) {
        let grid = GridGeometry::axis_aligned(dims, [0.5, 0.7, 1.1], DVec3::new(3.0, -4.0, 5.0)).unwrap();
        let samples: Vec<i16> = (0..dims.iter().product::<u32>() as i32)
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
            let volume = loading.complete().unwrap();
            assert_eq!(volume.samples(), &Samples::I16(samples.clone()));
        }
    }

    #[test]
    fn a_large_volume_is_coarse_first_and_never_a_hole() {
        let (head, body, samples) = stored_of([160, 130, 150]);
        let fill = |loading: &mut Loading| while loading.refine().unwrap() {};
        for body_first in [false, true] {
            let mut loading = Loading::new(1 << 30);
            loading.push_head(&head[..head.len() / 2]).unwrap();
            let needs = loading.needs().unwrap();
            assert!(needs.head_len <= head.len() as u64);
            assert_eq!(needs.body_len, body.len() as u64);
            loading
                .push_head(&head[head.len() / 2..needs.head_len as usize])
                .unwrap();
            assert_eq!(loading.volume().unwrap().level(), 1, "a volume of its own");
            assert!(loading.volume().unwrap().is_complete());
            assert!(loading.complete().is_none(), "but not what values are told of");
            assert!(loading.fraction() < 1e-9);
            if body_first {
                loading.push_body(&body).unwrap();
                assert_eq!(loading.volume().unwrap().level(), 1);
                fill(&mut loading);
            } else {
                fill(&mut loading);
                let volume = loading.volume().unwrap();
                assert_eq!(volume.level(), 0);
                assert!((0..3).all(|z| volume.level_at([0, 0, z]) == Some(1)));
                loading.push_body(&body).unwrap();
            }
            loading.finish().unwrap();
            assert!(loading.fraction() > 1.0 - 1e-9);
            assert_eq!(
                loading.complete().unwrap().samples(),
                &Samples::I16(samples.clone())
            );
        }
    }

    #[test]
    fn a_small_budget_shows_a_coarser_level_without_the_body() {
        let (head, _, _) = stored();
        let mut loading = Loading::new(400_000);
        loading.push_head(&head).unwrap();
        assert_eq!(loading.level(), Some(1));
        assert_eq!(loading.needs().unwrap().body_len, 0);
        loading.finish().unwrap();
        assert_eq!(loading.complete().unwrap().level(), 1);
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
