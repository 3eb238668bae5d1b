//! The brick pyramid of a volume, built from a stream of slices.
//!
//! Level 0 is the volume itself; each further level halves every axis ([`halved`](crate::GridGeometry::halved)) until one brick
//! holds it all. A coarse sample is the mean of the up to eight samples that it stands for, rounded to nearest, ties
//! towards positive infinity; where an axis has an odd end, the last sample is the mean of what there is. A NaN makes
//! the means that it takes part in NaN.
//!
//! A brick holds up to 64 samples along each axis, its *core*, and one more on every side, its *border*: a copy of the
//! neighbor's sample, or of the core's outermost one at the end of the volume. Trilinear interpolation inside the core
//! therefore needs no second brick. A brick at the far end of an axis is as small as what is left.
//!
//! # Limits
//! A padding value is a sample like any other: at its edge, coarse samples are means of padding and picture.

mod builder;
mod halve;
mod layout;
mod level;

pub use builder::{BuildError, Built, KeptLevel, PyramidBuilder};
pub use layout::{BRICK_BORDER, BRICK_SIDE, BrickKey, PyramidLayout};

/// A finished brick on its way to a sink.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brick<'a, T> {
    /// Which brick of the pyramid.
    pub key: BrickKey,
    /// Samples along columns, rows and slices, with the border: 3 to 66 each.
    pub extent: [u32; 3],
    /// Stored values `[slice][row][column]`, with the border.
    pub samples: &'a [T],
    /// Smallest and largest of `samples`, the border included and NaN left out; zeros when all are NaN.
    pub range: (T, T),
}

/// Takes finished bricks, from several threads at once and in no particular order.
pub trait BrickSink<T>: Sync {
    /// Why a brick could not be taken.
    type Error: Send;

    /// Takes one brick. Each brick of the pyramid comes exactly once.
    ///
    /// # Errors
    /// An error ends the building; bricks under way on other threads may still arrive.
    fn brick(&self, brick: Brick<'_, T>) -> Result<(), Self::Error>;
}

impl<T, S: BrickSink<T>> BrickSink<T> for &S {
    type Error = S::Error;

    fn brick(&self, brick: Brick<'_, T>) -> Result<(), Self::Error> {
        (**self).brick(brick)
    }
}
