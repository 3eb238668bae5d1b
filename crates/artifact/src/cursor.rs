//! Reading numbers from bytes that may end too early.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

use volume::SampleType;

use crate::ArtifactError;

/// Reads little-endian numbers one after the other.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The next `needed` bytes.
    pub(crate) fn take(&mut self, needed: u64, what: &'static str) -> Result<&'a [u8], ArtifactError> {
        let left = self.bytes.get(self.offset..).unwrap_or_default();
        let taken = usize::try_from(needed).ok().and_then(|needed| left.get(..needed));
        let taken = taken.ok_or(ArtifactError::Truncated {
            what,
            offset: self.offset,
            needed,
            available: left.len(),
        })?;
        self.offset += taken.len();
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], ArtifactError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64, what)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, ArtifactError> {
        self.array(what).map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self, what: &'static str) -> Result<u16, ArtifactError> {
        self.array(what).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, ArtifactError> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, ArtifactError> {
        self.array(what).map(u64::from_le_bytes)
    }

    pub(crate) fn f64(&mut self, what: &'static str) -> Result<f64, ArtifactError> {
        self.array(what).map(f64::from_le_bytes)
    }

    /// A number of seven bits a byte, lowest first, the highest bit set where another byte follows.
    pub(crate) fn varint(&mut self, what: &'static str) -> Result<u64, ArtifactError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8(what)?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ArtifactError::Damaged {
            what: "a number of variable length does not end",
        })
    }

    /// Checks the mark and the version with which an object starts.
    pub(crate) fn start(
        &mut self,
        magic: &[u8; 8],
        supported: u16,
        what: &'static str,
    ) -> Result<(), ArtifactError> {
        if self.array::<8>(what)? != *magic {
            return Err(ArtifactError::BadMagic { what });
        }
        let found = self.u16(what)?;
        if found == 0 || found > supported {
            return Err(ArtifactError::UnknownVersion {
                what,
                found,
                supported,
            });
        }
        Ok(())
    }

    pub(crate) fn sample_type(&mut self) -> Result<SampleType, ArtifactError> {
        match self.u8("sample type")? {
            0 => Ok(SampleType::U8),
            1 => Ok(SampleType::I16),
            2 => Ok(SampleType::U16),
            3 => Ok(SampleType::I32),
            4 => Ok(SampleType::U32),
            5 => Ok(SampleType::F32),
            code => Err(ArtifactError::UnknownCode {
                what: "sample type",
                code: code.into(),
            }),
        }
    }
}

/// The code of a sample type, as [`Cursor::sample_type`] reads it.
pub(crate) fn sample_type_code(sample_type: SampleType) -> u8 {
    match sample_type {
        SampleType::U8 => 0,
        SampleType::I16 => 1,
        SampleType::U16 => 2,
        SampleType::I32 => 3,
        SampleType::U32 => 4,
        SampleType::F32 => 5,
    }
}

/// Appends a number as [`Cursor::varint`] reads it.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_variable_length_come_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut cursor = Cursor::new(&bytes);
            assert_eq!(cursor.varint("value").unwrap(), value);
            assert_eq!(cursor.offset(), bytes.len());
        }
        assert!(Cursor::new(&[0xFF; 12]).varint("value").is_err());
        assert!(Cursor::new(&[0x80]).varint("value").is_err());
    }

    #[test]
    fn a_promise_beyond_the_end_is_refused() {
        let mut cursor = Cursor::new(&[1, 2, 3]);
        assert_eq!(cursor.u16("two").unwrap(), 0x0201);
        let error = cursor.take(u64::MAX, "too much").unwrap_err();
        assert_eq!(
            error.to_string(),
            "too much needs 18446744073709551615 bytes at 2, 1 are left"
        );
    }
}
