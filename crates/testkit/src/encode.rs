//! Encoders for tests: the inverse of what `codec` decodes, written apart from it, so that a mistake in one shows.
//!
//! They take any valid input and give the simplest stream that the format allows; they panic on input that makes no
//! sense, since only tests call them.

mod bits;
mod huffman;
mod jpeg_dct;
mod jpeg_lossless;
pub mod jpeg_ls;
mod rle;

pub use jpeg_dct::{DctComponent, DctPicture, DctProcess, encode_jpeg_dct};
pub use jpeg_lossless::{LosslessJpeg, Scans, encode_jpeg_lossless};
pub use rle::encode_rle;
