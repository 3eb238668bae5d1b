//! Bricks back to samples, and whole levels for export.

use parallel::prelude::*;
use volume::{AnyVolume, BRICK_BORDER, BRICK_SIDE, BrickKey, Sample, SampleType, Samples, Volume};

use super::{BrickEntry, PyramidHead};
use crate::{ArtifactError, packing};

const SIDE: usize = BRICK_SIDE as usize;
const BORDER: usize = BRICK_BORDER as usize;

/// Why a level could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError<E> {
    /// The bytes of a brick could not be had.
    #[error("the bytes of a brick could not be read")]
    Read(#[source] E),
    /// They are no brick.
    #[error("a brick could not be unpacked")]
    Brick(#[source] ArtifactError),
}

impl PyramidHead {
    /// The samples of a brick with its border, `[slice][row][column]`, from its packed bytes; its extent is
    /// [`volume::PyramidLayout::extent`].
    ///
    /// # Errors
    /// When there is no such brick, or `bytes` are not one of that extent.
    pub fn decode_brick(&self, key: BrickKey, bytes: &[u8]) -> Result<Samples, ArtifactError> {
        let extent = self.layout.extent(key).ok_or(ArtifactError::NoSuchBrick(key))?;
        packing::decode_samples(self.sample_type, bytes, extent.map(|n| n as usize))
    }

    /// As [`PyramidHead::decode_brick`], into a vector that is used again; what it held is gone.
    ///
    /// # Errors
    /// As [`PyramidHead::decode_brick`], and when the samples are not of type `T`.
    pub fn decode_brick_into<T: Sample>(
        &self,
        key: BrickKey,
        bytes: &[u8],
        samples: &mut Vec<T>,
    ) -> Result<(), ArtifactError> {
        if T::TYPE != self.sample_type {
            return Err(ArtifactError::WrongType {
                expected: T::TYPE,
                actual: self.sample_type,
            });
        }
        let extent = self.layout.extent(key).ok_or(ArtifactError::NoSuchBrick(key))?;
        packing::decode(bytes, extent.map(|n| n as usize), samples)
    }

    /// How many layers of bricks `level` has along its slices.
    pub fn layers(&self, level: u32) -> u32 {
        let [_, _, layers] = self.layout.brick_counts(level);
        layers
    }

    /// The slices of `level` that the bricks of one layer hold, 64 or what is left at the end,
    /// `[slice][row][column]`. `read` gets the bytes of a brick; it is called from several threads.
    ///
    /// # Errors
    /// When there is no such layer, the samples are not of type `T`, `read` fails, or a brick is damaged.
    pub fn assemble_layer<T, B, E, R>(
        &self,
        level: u32,
        layer: u32,
        read: R,
    ) -> Result<Vec<T>, AssembleError<E>>
    where
        T: Sample,
        B: AsRef<[u8]>,
        E: Send,
        R: Fn(BrickKey, &BrickEntry) -> Result<B, E> + Sync,
    {
        let first = BrickKey {
            level,
            x: 0,
            y: 0,
            z: layer,
        };
        let missing = || AssembleError::Brick(ArtifactError::NoSuchBrick(first));
        let [columns, rows, _] = self
            .layout
            .grid(level)
            .ok_or_else(missing)?
            .dims()
            .map(|n| n as usize);
        let [_, _, slices] = self.layout.core(first).ok_or_else(missing)?.map(|n| n as usize);
        let [across, down, _] = self.layout.brick_counts(level);
        let mut out = vec![T::default(); columns * rows * slices];
        // One row of bricks at a time, so that not all of the layer lies in memory twice.
        for y in 0..down {
            let bricks = (0..across)
                .into_par_iter()
                .map(|x| {
                    let key = BrickKey { x, y, ..first };
                    let entry = self.entry(key).ok_or_else(missing)?;
                    let bytes = read(key, entry).map_err(AssembleError::Read)?;
                    let mut samples = Vec::new();
                    self.decode_brick_into(key, bytes.as_ref(), &mut samples)
                        .map_err(AssembleError::Brick)?;
                    Ok((key, samples))
                })
                .collect::<Result<Vec<(BrickKey, Vec<T>)>, AssembleError<E>>>()?;
            for (key, samples) in bricks {
                let core = self.layout.core(key).ok_or_else(missing)?.map(|n| n as usize);
                copy_core(
                    &samples,
                    core,
                    &mut out,
                    [columns, rows],
                    [key.x, key.y].map(|n| n as usize * SIDE),
                );
            }
        }
        Ok(out)
    }

    /// A whole level as a volume, stored values with the rescale of the pyramid. `read` gets the bytes of a brick;
    /// it is called from several threads.
    ///
    /// # Errors
    /// When there is no such level, `read` fails, or a brick is damaged.
    pub fn assemble_level<B, E, R>(&self, level: u32, read: R) -> Result<AnyVolume, AssembleError<E>>
    where
        B: AsRef<[u8]>,
        E: Send,
        R: Fn(BrickKey, &BrickEntry) -> Result<B, E> + Sync,
    {
        Ok(match self.sample_type {
            SampleType::U8 => AnyVolume::U8(self.assemble_as(level, read)?),
            SampleType::I16 => AnyVolume::I16(self.assemble_as(level, read)?),
            SampleType::U16 => AnyVolume::U16(self.assemble_as(level, read)?),
            SampleType::I32 => AnyVolume::I32(self.assemble_as(level, read)?),
            SampleType::U32 => AnyVolume::U32(self.assemble_as(level, read)?),
            SampleType::F32 => AnyVolume::F32(self.assemble_as(level, read)?),
        })
    }

    fn assemble_as<T, B, E, R>(&self, level: u32, read: R) -> Result<Volume<T>, AssembleError<E>>
    where
        T: Sample,
        B: AsRef<[u8]>,
        E: Send,
        R: Fn(BrickKey, &BrickEntry) -> Result<B, E> + Sync,
    {
        let missing = ArtifactError::NoSuchBrick(BrickKey {
            level,
            x: 0,
            y: 0,
            z: 0,
        });
        let grid = *self.layout.grid(level).ok_or(AssembleError::Brick(missing))?;
        let mut samples = Vec::new();
        for layer in 0..self.layers(level) {
            samples.extend(self.assemble_layer::<T, B, E, _>(level, layer, &read)?);
        }
        let actual = samples.len() as u64;
        Volume::new(grid, self.rescale.clone(), samples).map_err(|_| {
            AssembleError::Brick(ArtifactError::Inconsistent {
                what: "number of samples of a level",
                expected: grid.len(),
                actual,
            })
        })
    }
}

/// Copies the core of a brick, without its border, to column and row `start` of slices of `columns` x `rows`.
#[expect(
    clippy::indexing_slicing,
    reason = "a decoded brick has the length of its extent, and the layout places its core inside the slices"
)]
fn copy_core<T: Copy>(
    brick: &[T],
    core: [usize; 3],
    out: &mut [T],
    [columns, rows]: [usize; 2],
    start: [usize; 2],
) {
    let extent = core.map(|n| n + 2 * BORDER);
    for z in 0..core[2] {
        for y in 0..core[1] {
            let from = ((z + BORDER) * extent[1] + y + BORDER) * extent[0] + BORDER;
            let to = (z * rows + start[1] + y) * columns + start[0];
            out[to..to + core[0]].copy_from_slice(&brick[from..from + core[0]]);
        }
    }
}
