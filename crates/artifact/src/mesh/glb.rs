//! The container: glTF 2.0 section 4.4, "Binary glTF Layout".

use std::io::Write;

use super::MAX_DESCRIPTION_BYTES;
use super::document::Document;
use crate::ArtifactError;
use crate::cursor::Cursor;

const MAGIC: u32 = u32::from_le_bytes(*b"glTF");
const VERSION: u32 = 2;
const CHUNK_JSON: u32 = u32::from_le_bytes(*b"JSON");
const CHUNK_BINARY: u32 = u32::from_le_bytes(*b"BIN\0");
const HEADER_BYTES: u64 = 12;
const CHUNK_HEADER_BYTES: u64 = 8;

/// Writes everything that comes before the bytes of the binary chunk, which the caller writes next; 0 of them mean no
/// chunk. `binary_len` must be a multiple of 4.
pub(super) fn write_head(
    document: &Document,
    binary_len: u64,
    out: &mut dyn Write,
) -> Result<(), ArtifactError> {
    let mut json = serde_json::to_vec(document).map_err(ArtifactError::Description)?;
    json.resize(json.len().next_multiple_of(4), b' ');
    if json.len() > MAX_DESCRIPTION_BYTES {
        return Err(ArtifactError::Inconsistent {
            what: "the length of a surface's description",
            expected: MAX_DESCRIPTION_BYTES as u64,
            actual: json.len() as u64,
        });
    }
    let binary_chunk = if binary_len == 0 {
        0
    } else {
        CHUNK_HEADER_BYTES.saturating_add(binary_len)
    };
    let total = (HEADER_BYTES + CHUNK_HEADER_BYTES + json.len() as u64).saturating_add(binary_chunk);
    let total = u32::try_from(total).map_err(|_| ArtifactError::Inconsistent {
        what: "the length of a GLB file",
        expected: u32::MAX.into(),
        actual: total,
    })?;
    // The total fits, so its parts do.
    for number in [MAGIC, VERSION, total, json.len() as u32, CHUNK_JSON] {
        out.write_all(&number.to_le_bytes())?;
    }
    out.write_all(&json)?;
    if binary_len > 0 {
        out.write_all(&(binary_len as u32).to_le_bytes())?;
        out.write_all(&CHUNK_BINARY.to_le_bytes())?;
    }
    Ok(())
}

/// The JSON chunk and the binary chunk, which is empty where there is none. Nothing may follow them.
pub(super) fn read(bytes: &[u8]) -> Result<(&[u8], &[u8]), ArtifactError> {
    let mut cursor = Cursor::new(bytes);
    if cursor.u32("the header of a surface")? != MAGIC {
        return Err(ArtifactError::BadMagic { what: "surface" });
    }
    expect(
        "the version of glTF",
        VERSION,
        cursor.u32("the header of a surface")?,
    )?;
    let total = cursor.u32("the header of a surface")?;
    if u64::from(total) != bytes.len() as u64 {
        return Err(ArtifactError::Inconsistent {
            what: "the length of a GLB file",
            expected: total.into(),
            actual: bytes.len() as u64,
        });
    }
    let json_len = cursor.u32("the JSON chunk")?;
    expect(
        "the type of the first chunk",
        CHUNK_JSON,
        cursor.u32("the JSON chunk")?,
    )?;
    if json_len as usize > MAX_DESCRIPTION_BYTES {
        return Err(ArtifactError::Inconsistent {
            what: "the length of a surface's description",
            expected: MAX_DESCRIPTION_BYTES as u64,
            actual: json_len.into(),
        });
    }
    let json = cursor.take(json_len.into(), "the JSON chunk")?;
    if cursor.offset() == bytes.len() {
        return Ok((json, &[]));
    }
    let binary_len = cursor.u32("the binary chunk")?;
    expect(
        "the type of the second chunk",
        CHUNK_BINARY,
        cursor.u32("the binary chunk")?,
    )?;
    let binary = cursor.take(binary_len.into(), "the binary chunk")?;
    if cursor.offset() != bytes.len() {
        return Err(ArtifactError::Inconsistent {
            what: "the end of the binary chunk",
            expected: bytes.len() as u64,
            actual: cursor.offset() as u64,
        });
    }
    Ok((json, binary))
}

fn expect(what: &'static str, expected: u32, actual: u32) -> Result<(), ArtifactError> {
    if expected == actual {
        return Ok(());
    }
    Err(ArtifactError::Inconsistent {
        what,
        expected: expected.into(),
        actual: actual.into(),
    })
}
