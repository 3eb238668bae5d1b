//! Why a frame could not be decoded.

use codec::CodecError;

use crate::instance::Photometric;
use crate::read::ReadError;

/// Why a frame could not be decoded.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PixelError {
    /// The instance holds no picture.
    #[error("the instance holds no picture")]
    NoImage,
    /// The picture has fewer frames.
    #[error("frame {frame} is asked for, counted from 0, but there are {frames}")]
    NoFrame {
        /// The frame that is asked for.
        frame: u32,
        /// How many there are.
        frames: u32,
    },
    /// A range of the instance lies outside the bytes: it was read from others.
    #[error("{len} bytes at byte {offset} are needed, but the data set ends at byte {available}")]
    Range {
        /// Where the range begins.
        offset: u64,
        /// How long it is.
        len: u64,
        /// Length of the data set.
        available: u64,
    },
    /// The deflated data set is damaged.
    #[error("the data set cannot be inflated")]
    Inflate(#[from] ReadError),
    /// The compressed stream is damaged or not supported.
    #[error("a frame of transfer syntax {transfer_syntax_uid} cannot be decoded")]
    Codec {
        /// The transfer syntax.
        transfer_syntax_uid: String,
        /// Why.
        source: CodecError,
    },
    /// The pixels are stored in a way that is not done here.
    #[error("{what} is not supported")]
    Unsupported {
        /// What.
        what: String,
    },
    /// The stream holds samples of more bits than the file declares.
    #[error("the stream holds samples of {actual} bits, the file declares {expected}")]
    Precision {
        /// Bits Allocated.
        expected: u16,
        /// What the stream says.
        actual: u16,
    },
    /// A compressed frame holds fewer bytes than the picture needs.
    #[error("the frame holds {actual} bytes and needs {needed}")]
    Short {
        /// Bytes that are there.
        actual: usize,
        /// Bytes that are needed.
        needed: usize,
    },
    /// The output has another length than the frame.
    #[error("the frame has {expected} samples, the output {actual}")]
    Output {
        /// Samples of the frame.
        expected: usize,
        /// Samples of the output.
        actual: usize,
    },
    /// Samples do not fit 16 bits.
    #[error("samples of {bits} bits do not fit 16")]
    TooWide {
        /// Bits a sample.
        bits: u16,
    },
    /// Colors are asked of what has none.
    #[error("a frame of {channels} channels of {photometric:?} has no colors")]
    NoColors {
        /// Channels a pixel.
        channels: u16,
        /// What they mean.
        photometric: Photometric,
    },
    /// A lookup table that decoding needs is missing or damaged.
    #[error("the {name} lookup table {what}")]
    Lookup {
        /// Which table.
        name: &'static str,
        /// What is wrong.
        what: &'static str,
    },
}
