//! The deflated data set (PS3.5 A.5), inflated within a budget that is checked as it is written.

use flate2::{Decompress, FlushDecompress, Status};
use intake::budget;

use super::error::ReadError;
use super::walk::wide;

/// What any deflated data set may expand to, however small it is: blank frames compress beyond every ratio.
const SMALL: u64 = 16 << 20;
/// What the largest may expand to.
const LARGE: u64 = 2 << 30;
/// How much is written at a time.
const STEP: usize = 64 << 10;

/// Inflates the data set that begins at `start`, and says whether bytes are left over.
pub(crate) fn inflate(bytes: &[u8], start: usize) -> Result<(Vec<u8>, usize), ReadError> {
    let compressed = bytes.get(start..).unwrap_or_default();
    let limit = budget::expansion_limit(wide(compressed.len())).clamp(SMALL, LARGE);
    let damage = |what| ReadError::Inflate {
        offset: wide(start),
        what,
    };
    match run(compressed, false, limit) {
        Ok(done) => Ok(done),
        Err(Stop::Damaged) => match run(compressed, true, limit) {
            Ok(done) => Ok(done),
            Err(_) => Err(damage("is damaged")),
        },
        Err(Stop::Cut) => Err(damage("is cut before its end")),
        Err(Stop::Budget) => Err(damage("expands beyond its budget")),
    }
}

/// The first inflated bytes, if they can be had.
pub(crate) fn head(compressed: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(512);
    let mut state = Decompress::new(false);
    let status = state.decompress_vec(compressed, &mut out, FlushDecompress::None);
    (status.is_ok() && out.len() >= 64).then_some(out)
}

/// Inflates exactly `expected` bytes, or fewer where the stream ends.
pub(crate) fn inflate_frame(compressed: &[u8], expected: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    out.try_reserve_exact(expected).ok()?;
    let mut state = Decompress::new(false);
    state
        .decompress_vec(compressed, &mut out, FlushDecompress::Finish)
        .ok()?;
    out.truncate(expected);
    Some(out)
}

/// Why inflating stopped.
enum Stop {
    Damaged,
    Cut,
    Budget,
}

/// Inflates a raw stream, or one with a zlib header as some writers make it.
fn run(compressed: &[u8], zlib_header: bool, limit: u64) -> Result<(Vec<u8>, usize), Stop> {
    let mut state = Decompress::new(zlib_header);
    let mut out = Vec::new();
    loop {
        if out.len() == out.capacity() {
            // Grows with what is written, never with what is declared.
            out.try_reserve(STEP.max(out.len() / 2))
                .map_err(|_| Stop::Budget)?;
        }
        let read = usize::try_from(state.total_in()).unwrap_or(usize::MAX);
        let rest = compressed.get(read..).unwrap_or_default();
        let before = (state.total_in(), state.total_out());
        let status = state
            .decompress_vec(rest, &mut out, FlushDecompress::None)
            .map_err(|_| Stop::Damaged)?;
        if state.total_out() > limit {
            return Err(Stop::Budget);
        }
        if status == Status::StreamEnd {
            let read = usize::try_from(state.total_in()).unwrap_or(usize::MAX);
            return Ok((out, compressed.len().saturating_sub(read)));
        }
        if before == (state.total_in(), state.total_out()) && out.len() < out.capacity() {
            return Err(Stop::Cut);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, ZlibEncoder};

    use super::*;

    fn deflated(plain: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn streams_with_and_without_header_inflate() {
        let plain: Vec<u8> = (0..300_000_u64).map(|i| ((i * i) >> 7) as u8).collect();
        assert_eq!(inflate(&deflated(&plain), 0).unwrap(), (plain.clone(), 0));
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&plain).unwrap();
        assert_eq!(inflate(&zlib.finish().unwrap(), 0).unwrap().0, plain);
        let padded = [deflated(&plain), vec![0]].concat();
        assert_eq!(inflate(&padded, 0).unwrap().1, 1);
    }

    #[test]
    fn the_output_is_bounded() {
        let at_limit = deflated(&vec![0; usize::try_from(SMALL).unwrap()]);
        assert!(inflate(&at_limit, 0).is_ok());
        let below = deflated(&vec![0; usize::try_from(SMALL - 1).unwrap()]);
        assert!(inflate(&below, 0).is_ok());
        let above = deflated(&vec![0; usize::try_from(SMALL + 1).unwrap()]);
        let error = inflate(&above, 0).unwrap_err();
        assert!(error.to_string().contains("beyond its budget"), "{error}");
    }

    #[test]
    fn damage_is_an_error() {
        let whole = deflated(&[7; 1000]);
        assert!(inflate(&whole[..whole.len() / 2], 0).is_err());
        assert!(inflate(&[0xFF; 64], 0).is_err());
        assert!(inflate(&[], 0).is_err());
    }
}
