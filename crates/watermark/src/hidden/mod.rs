//! The hidden mark: a code of the session in every frame, which is found again in copies of it.
//!
//! A tile of 128 pixels, made of waves that are 5 to 32 pixels long, repeats over the picture. A part of its waves is the
//! same for all sessions of a key: by them a reader finds scale and place. The others carry the code, protected by
//! a polar code of rate 1/10 with a list decoder, and 20 bits that only the key's owner can tell. All of it is drawn
//! from the key: without it, the waves are noise. Where a picture hides more, more is laid over it; the mean square of
//! what is added stays under 42 dB.
//!
//! A reader takes away what a picture has itself (its local mean, its local strength), lays all tiles over each other
//! for each scale that comes into question, and looks for the known waves at all places at once. A reading names
//! a session only when the code is one that the key has made.
//!
//! # Limits
//! Measured by `tests/hidden` with `VITRINE_LONG=1` on 100 renderings and slices of a head, 512 by 512: as it is, through
//! JPEG at quality 50, scaled from 0.5 to 2 (1,000 copies), half of it, and two of these one after the other, every copy
//! was read; of a quarter of a picture 97. PSNR is 42.2 dB at least. Of 17 photographs and textures that were tried beside,
//! two were not read: turf that fills the whole picture never, gravel as long as it is whole.
//!
//! A name is given to a picture without a mark with a probability below `2e-9`, whatever the picture shows (the
//! inequality is at `LEAST_SAID` in `read`), and then only if a session has that code. Smaller pictures are read as long as
//! they have about the content of 256 by 256; thumbnails under that are not.
//!
//! Turning, bending, mirroring and a photograph of a screen are not searched for. Who has two pictures of
//! different sessions of one frame can see where they differ; who has the key can remove the mark.

mod fft;
pub(crate) mod key;
mod mark;
mod pattern;
mod polar;
mod read;
mod still;

pub use key::Key;
pub use mark::Marker;
pub use read::{Reader, Reading};

/// What a hidden mark says: a number that stands for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u32);
