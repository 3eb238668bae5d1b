//! The numbers of a PLY file's body, one after the other.

use std::iter::Peekable;

use super::super::text::{lines, number, words};
use super::header::{Encoding, Scalar};
use super::truncated;
use crate::CaptureError;

/// Where numbers come from.
pub(super) trait Source {
    /// The next number, which is of type `scalar` in files of bytes; NaN for a word that is none.
    fn next(&mut self, scalar: Scalar) -> Result<f64, CaptureError>;

    /// Begins a row: a line of text.
    fn start_row(&mut self) -> Result<(), CaptureError>;

    /// Whether the row has more numbers; always so in files of bytes.
    fn has_more(&mut self) -> bool;
}

/// Words of text, a row a line: where a line has more or fewer than it should, the next one is read right all the same.
pub(super) struct Text<'a> {
    lines: Box<dyn Iterator<Item = &'a [u8]> + 'a>,
    words: Peekable<Box<dyn Iterator<Item = &'a [u8]> + 'a>>,
    end: usize,
    /// Words that were no number.
    pub(super) unread: u64,
    /// Rows with other than the declared numbers.
    pub(super) uneven: u64,
}

impl<'a> Text<'a> {
    pub(super) fn new(bytes: &'a [u8], body: usize) -> Self {
        let is_row = |line: &&[u8]| words(line).next().is_some();
        Self {
            lines: Box::new(lines(bytes.get(body..).unwrap_or_default()).filter(is_row)),
            words: no_words().peekable(),
            end: bytes.len(),
            unread: 0,
            uneven: 0,
        }
    }
}

fn no_words<'a>() -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
    Box::new(std::iter::empty())
}

impl Source for Text<'_> {
    fn next(&mut self, _: Scalar) -> Result<f64, CaptureError> {
        let word = self
            .words
            .next()
            .ok_or_else(|| truncated("a number of a row", self.end))?;
        Ok(number(word).unwrap_or_else(|| {
            self.unread += 1;
            f64::NAN
        }))
    }

    fn start_row(&mut self) -> Result<(), CaptureError> {
        self.uneven += u64::from(self.words.next().is_some());
        let line = self.lines.next().ok_or_else(|| truncated("a row", self.end))?;
        let boxed: Box<dyn Iterator<Item = &[u8]>> = Box::new(words(line));
        self.words = boxed.peekable();
        Ok(())
    }

    fn has_more(&mut self) -> bool {
        let has_more = self.words.peek().is_some();
        self.uneven += u64::from(!has_more);
        has_more
    }
}

/// Bytes, in either order.
pub(super) struct Binary<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    is_big_endian: bool,
}

impl<'a> Binary<'a> {
    pub(super) fn new(bytes: &'a [u8], body: usize, encoding: Encoding) -> Self {
        Self {
            bytes,
            at: body,
            is_big_endian: encoding == Encoding::BigEndian,
        }
    }

    /// The next `len` bytes.
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], CaptureError> {
        let end = self.at.checked_add(len);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or_else(|| truncated("a number", self.bytes.len()))?;
        self.at += len;
        Ok(taken)
    }

    /// The bytes that are left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

impl Source for Binary<'_> {
    fn next(&mut self, scalar: Scalar) -> Result<f64, CaptureError> {
        let bytes = self.take(scalar.bytes())?;
        Ok(decode(bytes, scalar, self.is_big_endian))
    }

    fn start_row(&mut self) -> Result<(), CaptureError> {
        Ok(())
    }

    fn has_more(&mut self) -> bool {
        true
    }
}

/// The number in `bytes`, which are as many as `scalar` has.
pub(super) fn decode(bytes: &[u8], scalar: Scalar, is_big_endian: bool) -> f64 {
    macro_rules! as_type {
        ($type:ty) => {{
            let bytes = bytes.first_chunk().copied().unwrap_or_default();
            if is_big_endian {
                <$type>::from_be_bytes(bytes) as f64
            } else {
                <$type>::from_le_bytes(bytes) as f64
            }
        }};
    }
    match scalar {
        Scalar::I8 => as_type!(i8),
        Scalar::U8 => as_type!(u8),
        Scalar::I16 => as_type!(i16),
        Scalar::U16 => as_type!(u16),
        Scalar::I32 => as_type!(i32),
        Scalar::U32 => as_type!(u32),
        Scalar::I64 => as_type!(i64),
        Scalar::U64 => as_type!(u64),
        Scalar::F32 => as_type!(f32),
        Scalar::F64 => as_type!(f64),
    }
}
