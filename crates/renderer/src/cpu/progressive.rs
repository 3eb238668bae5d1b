//! Pictures that come soon: coarse while something moves, then finer until they are at their best.
//!
//! Nothing here reads a clock, so that it works the same in windows, in browsers and on a server that sends frames.

use super::{DrawError, Quality, Renderer};
use crate::picture::Picture;
use crate::scene::Scene;

/// How coarse pictures must be while something moves, so that each takes no longer than a budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    budget_secs: f64,
    divisor: u32,
}

/// The largest part of the budget that a finer picture is expected to take, so that the size does not swing.
const MARGIN: f64 = 0.8;

impl Pace {
    /// The coarsest pictures have a quarter of the pixels along each axis.
    pub const COARSEST: u32 = 4;

    /// Pictures that take `budget_secs`, full size until one takes longer.
    pub fn new(budget_secs: f64) -> Self {
        Self {
            budget_secs,
            divisor: 1,
        }
    }

    /// By how much to divide the pixels of the next picture along each axis, 1 to [`Pace::COARSEST`].
    pub fn divisor(&self) -> u32 {
        self.divisor
    }

    /// Takes note of how long a picture of the present size took.
    pub fn took(&mut self, secs: f64) {
        let of = |divisor: u32| secs * f64::from(self.divisor * self.divisor) / f64::from(divisor * divisor);
        if secs > self.budget_secs {
            // The work grows with the pixels.
            let fits = (self.divisor..Self::COARSEST).find(|&divisor| of(divisor) <= self.budget_secs);
            self.divisor = fits.unwrap_or(Self::COARSEST);
        } else if self.divisor > 1 && of(self.divisor - 1) <= self.budget_secs * MARGIN {
            self.divisor -= 1;
        }
    }
}

/// A picture of something at rest, coarse first. Make a new one when anything in the scene changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Progressive {
    width: u32,
    height: u32,
    quality: Quality,
    next: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// With a part of the pixels along each axis.
    Coarse(u32),
    /// As it was asked for.
    Best,
    Finished,
}

impl Progressive {
    /// A picture of `width` x `height` pixels that is refined until it has `quality`. It begins with every pixel divided
    /// by `divisor` along each axis: that of a [`Pace`] that something moved at, or [`Pace::COARSEST`].
    pub fn new(width: u32, height: u32, quality: Quality, divisor: u32) -> Self {
        Self {
            width,
            height,
            quality,
            next: Stage::Coarse(divisor.clamp(1, Pace::COARSEST)),
        }
    }

    /// Whether the last picture was the best.
    pub fn is_finished(&self) -> bool {
        self.next == Stage::Finished
    }

    /// The next, finer picture, in full size; `None` after the best.
    ///
    /// # Errors
    /// As [`Renderer::draw`]; the same picture comes again then.
    pub fn refine(
        &mut self,
        renderer: &mut Renderer,
        scene: &Scene<'_>,
    ) -> Result<Option<Picture>, DrawError> {
        let (picture, next) = match self.next {
            Stage::Finished => return Ok(None),
            Stage::Best => (
                renderer.draw(scene, self.width, self.height, self.quality)?,
                Stage::Finished,
            ),
            Stage::Coarse(divisor) => {
                let picture = renderer.draw_coarse(scene, self.width, self.height, divisor)?;
                let next = match divisor / 2 {
                    0 if self.quality == Quality::QUICK => Stage::Finished,
                    0 => Stage::Best,
                    finer => Stage::Coarse(finer),
                };
                (picture, next)
            }
        };
        self.next = next;
        Ok(Some(picture))
    }
}

impl Renderer {
    /// Draws `scene` quickly, with the pixels divided by `divisor` along each axis, and stretches it to `width` x
    /// `height`.
    ///
    /// # Errors
    /// As [`Renderer::draw`].
    pub fn draw_coarse(
        &mut self,
        scene: &Scene<'_>,
        width: u32,
        height: u32,
        divisor: u32,
    ) -> Result<Picture, DrawError> {
        let part = |pixels: u32| pixels.div_ceil(divisor.max(1));
        let picture = self.draw(scene, part(width), part(height), Quality::QUICK)?;
        Ok(picture.stretched(width, height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_found_and_kept() {
        let mut pace = Pace::new(0.02);
        pace.took(0.019);
        assert_eq!(pace.divisor(), 1);
        // Four times as long as it may: half the pixels each way.
        pace.took(0.08);
        assert_eq!(pace.divisor(), 2);
        // The full size would take 0.018 s: too close to the budget to try.
        pace.took(0.0045);
        assert_eq!(pace.divisor(), 2);
        pace.took(0.002);
        assert_eq!(pace.divisor(), 1);
        pace.took(9.0);
        assert_eq!(pace.divisor(), Pace::COARSEST);
        pace.took(9.0);
        pace.took(f64::NAN);
        assert_eq!(pace.divisor(), Pace::COARSEST);
    }
}
