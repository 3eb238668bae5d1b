//! What the targets for codecs share: an input is five bytes that say which picture is expected, then the stream.

use codec::{CodecError, Decoded, Expected, Samples};

/// Splits an input into what a caller expects, at most 1024 x 1024 pixels of four channels, and the stream.
pub fn split(input: &[u8]) -> Option<(Expected, &[u8])> {
    let (&[c0, c1, r0, r1, channels], stream) = input.split_first_chunk::<5>()?;
    let edge = |bytes| u32::from(u16::from_be_bytes(bytes)) % 1024 + 1;
    let expected = Expected {
        columns: edge([c0, c1]),
        rows: edge([r0, r1]),
        channels: u16::from(channels % 4) + 1,
    };
    Some((expected, stream))
}

/// A decoder may refuse a stream, but a picture that it gives must be the one expected.
pub fn check(result: Result<Decoded, CodecError>, expected: Expected) {
    let Ok(decoded) = result else { return };
    let Expected { columns, rows, channels } = expected;
    assert_eq!((decoded.columns, decoded.rows, decoded.channels), (columns, rows, channels));
    let count = match &decoded.samples {
        Samples::U8(samples) => samples.len(),
        Samples::U16(samples) => samples.len(),
        Samples::I32(samples) => samples.len(),
    };
    assert_eq!(count, columns as usize * rows as usize * usize::from(channels));
}
