//! JPEG (ITU-T T.81): baseline, extended sequential, progressive and lossless, 2 to 16 bits, Huffman coded.
//!
//! These are the processes that DICOM uses (PS3.5 8.2.1 and A.4.1: 1, 2 and 4, 14) and used (6 and 8, 10 and 12). The lossy
//! ones follow the Independent JPEG Group's library bit for bit in what T.81 leaves open: the accurate integer inverse
//! transform and the smooth ("fancy") upsampling. Colors are returned as the stream holds them.
//!
//! Data flow: `markers` reads the headers; `entropy` gives the bits of a scan; `lossless`, or `sequential` and
//! `progressive` with `idct`, fill one `plane` of samples a component; `upsample` joins the planes.
//!
//! Streams in the wild are bent in known ways, and these are read: fill bytes, junk between markers, a missing end marker
//! after a complete picture, anything after the picture, missing Huffman tables (those of T.81 K.3 are taken), a height of
//! zero that is said after the scan. A stream that ends before its picture does is an error.
//!
//! # Limits
//!
//! Arithmetic coding and hierarchical coding are refused.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod decoder;
mod entropy;
mod frame;
mod huffman;
mod idct;
mod lossless;
mod markers;
mod plane;
mod predict;
mod progressive;
mod sequential;
mod upsample;

pub use decoder::decode;

use crate::CodecError;

const CODEC: &str = "JPEG";

#[cold]
fn truncated(offset: usize) -> CodecError {
    CodecError::Truncated { codec: CODEC, offset }
}

#[cold]
fn malformed(what: &'static str, offset: usize) -> CodecError {
    CodecError::Malformed {
        codec: CODEC,
        what,
        offset,
    }
}

#[cold]
fn unsupported(what: &'static str) -> CodecError {
    CodecError::Unsupported { codec: CODEC, what }
}
