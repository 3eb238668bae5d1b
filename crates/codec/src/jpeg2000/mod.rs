//! JPEG 2000 (ISO/IEC 15444-1) and its high-throughput form (15444-15), lossless and lossy.
//!
//! One decoder for both, because they differ only in how a code-block's bits are coded (`ebcot` and `ht`); markers,
//! tiles, packets, wavelets and component transforms are the same. The steps, from left to right:
//!
//! `container` finds the codestream; `codestream` takes it apart, and `header` keeps what its markers say; `tile` lays
//! out one tile's resolutions, bands, precincts and code-blocks; `packets` hands the bytes out to the blocks in the
//! order that `progression` says; `component` has the blocks decoded to coefficients, `wavelet` makes samples of those,
//! `color` undoes the component transform, and `output` stores.
//!
//! # Limits
//! Part 2 extensions are refused, and so are code-blocks with more than 31 magnitude bits, and streams that mix
//! both block coders in one component. A stream is decoded only when all its packets are there: one that was cut
//! is an error. What follows the last packet, or the lack of an end marker, is of no matter.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod codestream;
mod color;
mod component;
mod container;
mod ebcot;
mod header;
mod ht;
mod ht_tables;
mod mq;
mod output;
mod packets;
mod progression;
mod reader;
mod tag_tree;
mod tile;
mod wavelet;

use crate::{CodecError, Decoded, Expected};

/// The codec's name in errors.
const NAME: &str = "JPEG 2000";

/// Decodes one frame: a codestream, raw or in a JP2 or JPH file.
///
/// Reversible and irreversible component transforms are undone, and the color is then [`Rgb`](crate::ColorSpace);
/// otherwise it is as declared. Components with fewer samples than the picture has pixels are repeated, so
/// that every pixel has all channels; when all components share one subsampling, their samples are the pixels.
/// Samples of more than 16 bits come as `i32`, those of 32 unsigned bits by their bit pattern.
///
/// # Errors
/// When the stream is cut, breaks the format, uses what is not done here, or holds another picture than `expected`.
/// Memory stays in proportion to `expected` and to `data`.
pub fn decode(data: &[u8], expected: Expected) -> Result<Decoded, CodecError> {
    let (bytes, base) = container::codestream(data)?;
    let header = codestream::MainHeader::read(bytes, base)?;
    let mut picture = output::Picture::new(&header.size, expected)?;
    let stream = header.tiles()?;
    let mut blocks = component::Blocks::default();
    for index in 0..stream.tiles.len() {
        component::decode_tile(&stream, index, &mut picture, &mut blocks)?;
    }
    Ok(picture.finish())
}

/// A stream that ends too early; `offset` counts from the start of the frame.
fn truncated(offset: usize) -> CodecError {
    CodecError::Truncated { codec: NAME, offset }
}

/// A stream that breaks the format.
fn malformed(what: &'static str, offset: usize) -> CodecError {
    CodecError::Malformed {
        codec: NAME,
        what,
        offset,
    }
}

/// A stream that uses what is not done here.
fn unsupported(what: &'static str) -> CodecError {
    CodecError::Unsupported { codec: NAME, what }
}
