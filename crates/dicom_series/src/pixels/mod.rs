//! One frame of one instance to samples.
//!
//! Stored values come out as the standard means them: bits above the high bit masked (old overlays lie there),
//! signs extended, bytes swapped, single bits unpacked, color by pixel. `native` takes uncompressed bytes,
//! `encapsulated` calls the codecs, `fit` brings samples into their container, `lut` and `color` derive what is
//! measured and looked at. No metadata is parsed here: [`read`](mod@crate::read) has checked it.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod color;
mod encapsulated;
mod error;
mod fit;
mod lut;
mod native;

use std::borrow::Cow;

pub use color::to_display_rgb;
pub use error::PixelError;
pub use lut::modality_values;

use crate::instance::{Content, Image, Instance, Photometric, PixelLocation, Sign};
use crate::read::inflated_data_set;
use crate::read::syntax::DEFLATED;

use encapsulated::Stream;
use fit::Fit;

/// One decoded frame: `[row][column][channel]`, stored values.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Pixels down a column.
    pub rows: u32,
    /// Pixels along a row.
    pub columns: u32,
    /// Channels a pixel.
    pub channels: u16,
    /// What the channels mean after decoding: subsampling and the color transforms of a codec are undone.
    pub photometric: Photometric,
    /// The samples.
    pub samples: PixelSamples,
}

/// Samples in the type of Bits Allocated and Pixel Representation.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are those of the types")]
pub enum PixelSamples {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl PixelSamples {
    /// How many samples there are.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(samples) => samples.len(),
            Self::I8(samples) => samples.len(),
            Self::U16(samples) => samples.len(),
            Self::I16(samples) => samples.len(),
            Self::U32(samples) => samples.len(),
            Self::I32(samples) => samples.len(),
            Self::F32(samples) => samples.len(),
            Self::F64(samples) => samples.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The bytes that the offsets of an [`Instance`] count in. Open it once for all frames of a file: a deflated one
/// is inflated then.
#[derive(Clone, Debug)]
pub struct DataSet<'a> {
    bytes: Cow<'a, [u8]>,
}

impl<'a> DataSet<'a> {
    /// Opens the file from which `instance` was read.
    ///
    /// # Errors
    /// [`PixelError::Inflate`] if the data set is deflated and damaged.
    pub fn open(bytes: &'a [u8], instance: &Instance) -> Result<Self, PixelError> {
        let bytes = if instance.transfer_syntax_uid == DEFLATED {
            Cow::Owned(inflated_data_set(bytes)?)
        } else {
            Cow::Borrowed(bytes)
        };
        Ok(Self { bytes })
    }

    /// Decodes frame number `frame`, from 0.
    ///
    /// # Errors
    /// If the instance has no picture or not so many frames, was read from other bytes, or its stream is damaged
    /// or of a kind that is not done here.
    pub fn decode_frame(&self, instance: &Instance, frame: u32) -> Result<Frame, PixelError> {
        let image = image_of(instance, frame)?;
        let pixels = &image.pixels;
        match &pixels.location {
            PixelLocation::Native { .. } => native::frame(native::value(&self.bytes, pixels)?, pixels, frame),
            PixelLocation::Encapsulated { .. } => self.stream(instance, image, frame)?.frame(pixels),
        }
    }

    /// Decodes frame number `frame`, from 0, into `out`: `[row][column][channel]`, 16 bits a sample, two's
    /// complement where the returned sign says so. Samples of fewer bits are widened. Values are stored values;
    /// where a modality lookup table stands in place of the rescale
    /// ([`FrameDescription::modality_lut`](crate::instance::FrameDescription::modality_lut)), it is applied.
    ///
    /// Native samples go straight from the file to `out`.
    ///
    /// # Errors
    /// As [`Self::decode_frame`]; [`PixelError::Output`] if `out` has another length than the frame has samples;
    /// [`PixelError::TooWide`] if 16 bits do not hold them.
    pub fn decode_frame_into(
        &self,
        instance: &Instance,
        frame: u32,
        out: &mut [u16],
    ) -> Result<Sign, PixelError> {
        let image = image_of(instance, frame)?;
        let pixels = &image.pixels;
        let expected = native::samples_a_frame(pixels);
        if out.len() != expected {
            return Err(PixelError::Output {
                expected,
                actual: out.len(),
            });
        }
        match &pixels.location {
            PixelLocation::Native { .. } => {
                let value = native::value(&self.bytes, pixels)?;
                if let Some(samples) = native::direct(value, pixels, frame)? {
                    native::widen_into(samples, Fit::native(pixels), out);
                } else {
                    fit::copy_into(native::frame(value, pixels, frame)?.samples, out)?;
                }
            }
            PixelLocation::Encapsulated { .. } => {
                self.stream(instance, image, frame)?.into_16(pixels, out)?;
            }
        }
        let description = usize::try_from(frame)
            .ok()
            .and_then(|index| image.frames.get(index));
        if description.is_some_and(|frame| frame.modality_lut) {
            lut::apply_modality_in_place(&self.bytes, image, out)?;
            return Ok(Sign::Unsigned);
        }
        Ok(pixels.sign)
    }

    /// The compressed stream of a frame.
    fn stream<'s>(
        &'s self,
        instance: &'s Instance,
        image: &Image,
        frame: u32,
    ) -> Result<Stream<'s>, PixelError> {
        Stream::of(&self.bytes, &instance.transfer_syntax_uid, &image.pixels, frame)
    }
}

/// Decodes one frame of the file from which `instance` was read. For several frames, open a [`DataSet`].
///
/// # Errors
/// As [`DataSet::open`] and [`DataSet::decode_frame`].
pub fn decode_frame(bytes: &[u8], instance: &Instance, frame: u32) -> Result<Frame, PixelError> {
    DataSet::open(bytes, instance)?.decode_frame(instance, frame)
}

/// Decodes one frame into 16-bit samples of the caller's. For several frames, open a [`DataSet`].
///
/// # Errors
/// As [`DataSet::open`] and [`DataSet::decode_frame_into`].
pub fn decode_frame_into(
    bytes: &[u8],
    instance: &Instance,
    frame: u32,
    out: &mut [u16],
) -> Result<Sign, PixelError> {
    DataSet::open(bytes, instance)?.decode_frame_into(instance, frame, out)
}

/// The picture of an instance that has the frame.
fn image_of(instance: &Instance, frame: u32) -> Result<&Image, PixelError> {
    let Content::Image(image) = &instance.content else {
        return Err(PixelError::NoImage);
    };
    let frames = image.pixels.frames;
    if frame >= frames {
        return Err(PixelError::NoFrame { frame, frames });
    }
    Ok(image)
}
