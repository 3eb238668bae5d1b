//! Big-endian fields of marker segments, each checked against the bytes that remain.

use super::truncated;
use crate::CodecError;

/// A cursor over a slice that lies at `base` in the compressed frame.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    data: &'a [u8],
    at: usize,
    base: usize,
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `data`, whose first byte has offset `base` in the frame.
    pub(super) fn new(data: &'a [u8], base: usize) -> Self {
        Self { data, at: 0, base }
    }

    /// Offset of the next byte in the frame, for messages.
    pub(super) fn offset(&self) -> usize {
        self.base.saturating_add(self.at)
    }

    /// How many bytes are left.
    pub(super) fn remaining(&self) -> usize {
        self.data.len().saturating_sub(self.at)
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let end = self.at.checked_add(count);
        let bytes = end.and_then(|end| self.data.get(self.at..end));
        let bytes = bytes.ok_or_else(|| truncated(self.base.saturating_add(self.data.len())))?;
        self.at += count;
        Ok(bytes)
    }

    /// All bytes that are left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        let bytes = self.data.get(self.at..).unwrap_or_default();
        self.at = self.data.len();
        bytes
    }

    /// The next 8 bits.
    pub(super) fn u8(&mut self) -> Result<u8, CodecError> {
        Ok(self.take(1)?.first().copied().unwrap_or_default())
    }

    /// The next 16 bits.
    pub(super) fn u16(&mut self) -> Result<u16, CodecError> {
        Ok(self
            .take(2)?
            .iter()
            .fold(0, |word, byte| word << 8 | u16::from(*byte)))
    }

    /// The next 32 bits.
    pub(super) fn u32(&mut self) -> Result<u32, CodecError> {
        Ok(self
            .take(4)?
            .iter()
            .fold(0, |word, byte| word << 8 | u32::from(*byte)))
    }

    /// A component index: 8 bits in streams of fewer than 257 components, else 16 (A.6.2).
    pub(super) fn component(&mut self, components: usize) -> Result<usize, CodecError> {
        if components < 257 {
            self.u8().map(usize::from)
        } else {
            self.u16().map(usize::from)
        }
    }
}
