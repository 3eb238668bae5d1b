//! Compressed frames to samples: RLE, JPEG in its forms, JPEG-LS, JPEG 2000, JPEG XL.
//!
//! A room of its own because it knows no DICOM: a codec takes the bytes of one frame and what the caller expects
//! of it, and gives samples. Every decoder checks the dimensions that the stream declares against
//! [`Expected`] before it allocates, never reads outside its input, and returns a typed error on any stream.
//! Damaged streams may still make a decoder slow; the caller bounds time.

mod error;
pub mod jpeg;
pub mod jpeg2000;
pub mod jpeg_ls;
pub mod jpeg_xl;
pub mod rle;

pub use error::CodecError;

/// What the caller knows of a frame before it is decoded. A stream that declares anything larger is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Pixels along a row.
    pub columns: u32,
    /// Pixels down a column.
    pub rows: u32,
    /// Channels a pixel.
    pub channels: u16,
}

/// One decoded frame: `[row][column][channel]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// Pixels along a row.
    pub columns: u32,
    /// Pixels down a column.
    pub rows: u32,
    /// Channels a pixel.
    pub channels: u16,
    /// Significant bits a sample, as the stream says.
    pub precision_bits: u8,
    /// Whether the stream says that samples have a sign (JPEG 2000 only; others leave it to the caller).
    pub signed: bool,
    /// The color space of the samples, as far as the stream decides it.
    pub color: ColorSpace,
    /// The samples.
    pub samples: Samples,
}

/// The color space of decoded samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorSpace {
    /// The stream does not say; the caller's description holds.
    AsDeclared,
    /// Red, green, blue: either the stream holds it, or the decoder undid a transform that belongs to the codec
    /// itself (JPEG 2000's component transform, JPEG XL's XYB).
    Rgb,
    /// Luminance and two chrominances as in JFIF, full range.
    Ybr,
}

/// Samples in the smallest of three types that holds the precision of the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// Unsigned, at most 8 bits.
    U8(Vec<u8>),
    /// At most 16 bits; two's complement where the stream is signed.
    U16(Vec<u16>),
    /// More than 16 bits.
    I32(Vec<i32>),
}
