//! The budgets for input: how much of anything a stranger's file may ask for.
//!
//! One place for every number (DESIGN.md, section 9), so that a limit is the same wherever it is met and its
//! message reads the same. A reader calls these functions *before* it allocates; whatever passes fits in memory
//! and in time. All counts are exact: the limit itself is accepted, one more is not.

use serde::{Deserialize, Serialize};

/// Depth of sequences within sequences, of boxes within boxes, of JSON within JSON. Top level counts as 0.
pub const MAX_NESTING: u64 = 64;
/// Data elements of one DICOM file, those within sequences included.
pub const MAX_ELEMENTS: u64 = 1_000_000;
/// Rows or columns of a frame.
pub const MAX_FRAME_SIDE: u64 = 65_535;
/// Bytes of one decoded frame.
pub const MAX_FRAME_BYTES: u64 = 512 << 20;
/// Bytes of the decoded frames of one series.
pub const MAX_SERIES_BYTES: u64 = 16 << 30;
/// Entries of one archive, directories and skipped ones included.
pub const MAX_ARCHIVE_ENTRIES: u64 = 50_000;
/// Expanded bytes for each compressed byte of an archive's entry.
pub const MAX_EXPANSION_RATIO: u64 = 200;
/// Triangles of one mesh.
pub const MAX_MESH_TRIANGLES: u64 = 50_000_000;
/// Pixels of one photograph: 100 megapixels.
pub const MAX_PHOTO_PIXELS: u64 = 100_000_000;
/// Bytes of one text value.
pub const MAX_TEXT_BYTES: u64 = 64 << 10;
/// Bytes of one JSON document.
pub const MAX_JSON_BYTES: u64 = 1 << 20;
/// Bytes of one chunk of an upload.
pub const MAX_UPLOAD_CHUNK_BYTES: u64 = 16 << 20;

/// What a budget limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Budget {
    /// Depth of nested structures.
    Nesting,
    /// Data elements of a file.
    Elements,
    /// A length that the file declares, against the bytes that remain.
    DeclaredLength,
    /// Rows of a frame.
    Rows,
    /// Columns of a frame.
    Columns,
    /// Bytes of a decoded frame.
    FrameBytes,
    /// Bytes of a decoded series.
    SeriesBytes,
    /// Entries of an archive.
    ArchiveEntries,
    /// Bytes that compressed data may expand to: their own length times [`MAX_EXPANSION_RATIO`].
    Expansion,
    /// Bytes that the entries of one archive may expand to together; the caller sets the limit.
    ArchiveBytes,
    /// Triangles of a mesh.
    MeshTriangles,
    /// Pixels of a photograph.
    PhotoPixels,
    /// Bytes of a text value.
    TextBytes,
    /// Bytes of a JSON document.
    JsonBytes,
    /// Bytes of a chunk of an upload.
    UploadChunkBytes,
}

impl Budget {
    /// What is counted, as the beginning of a message, and its unit.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Nesting => ("nesting", "levels"),
            Self::Elements => ("one file", "data elements"),
            Self::DeclaredLength => ("declared length", "bytes"),
            Self::Rows => ("frame", "rows"),
            Self::Columns => ("frame", "columns"),
            Self::FrameBytes => ("decoded frame", "bytes"),
            Self::SeriesBytes => ("decoded series", "bytes"),
            Self::ArchiveEntries => ("archive", "entries"),
            Self::Expansion => ("expanded data", "bytes"),
            Self::ArchiveBytes => ("expanded archive", "bytes"),
            Self::MeshTriangles => ("mesh", "triangles"),
            Self::PhotoPixels => ("photograph", "pixels"),
            Self::TextBytes => ("text value", "bytes"),
            Self::JsonBytes => ("JSON document", "bytes"),
            Self::UploadChunkBytes => ("upload chunk", "bytes"),
        }
    }

    /// Accepts `actual` up to and including `limit`.
    ///
    /// # Errors
    /// [`BudgetError`] with both numbers when `actual` is larger.
    pub fn check(self, actual: u64, limit: u64) -> Result<(), BudgetError> {
        if actual <= limit {
            Ok(())
        } else {
            Err(BudgetError {
                budget: self,
                actual,
                limit,
            })
        }
    }
}

/// A file asks for more than its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{}: {actual} {}, {}{limit}{}", .budget.words().0, .budget.words().1, .budget.limit_words().0, .budget.limit_words().1)]
pub struct BudgetError {
    /// Which budget.
    pub budget: Budget,
    /// What the file asks for, in the unit of the budget; `u64::MAX` where the number does not fit.
    pub actual: u64,
    /// The most that is accepted, in the same unit.
    pub limit: u64,
}

impl Budget {
    /// What stands around the limit in a message.
    fn limit_words(self) -> (&'static str, &'static str) {
        match self {
            Self::DeclaredLength => ("but only ", " remain"),
            _ => ("at most ", " accepted"),
        }
    }
}

/// Checks the depth of a structure; the top level is 0.
///
/// # Errors
/// More than [`MAX_NESTING`].
pub fn check_nesting(depth: u64) -> Result<(), BudgetError> {
    Budget::Nesting.check(depth, MAX_NESTING)
}

/// Checks the number of data elements met so far in one file.
///
/// # Errors
/// More than [`MAX_ELEMENTS`].
pub fn check_elements(count: u64) -> Result<(), BudgetError> {
    Budget::Elements.check(count, MAX_ELEMENTS)
}

/// Checks a declared length, bytes, against the bytes that remain, and returns it as an index type.
///
/// # Errors
/// A length beyond `remaining`.
pub fn check_length(declared: u64, remaining: usize) -> Result<usize, BudgetError> {
    // What is at most a `usize` fits in one.
    let limit = u64::try_from(remaining).unwrap_or(u64::MAX);
    Budget::DeclaredLength
        .check(declared, limit)
        .map(|()| usize::try_from(declared).unwrap_or(remaining))
}

/// Checks the size of a frame and returns the bytes of its decoded samples, each padded to whole bytes.
///
/// # Errors
/// More than [`MAX_FRAME_SIDE`] rows or columns, or more than [`MAX_FRAME_BYTES`] in all.
pub fn check_frame(
    rows: u64,
    columns: u64,
    samples_per_pixel: u64,
    bytes_per_sample: u64,
) -> Result<u64, BudgetError> {
    Budget::Rows.check(rows, MAX_FRAME_SIDE)?;
    Budget::Columns.check(columns, MAX_FRAME_SIDE)?;
    let bytes = rows
        .saturating_mul(columns)
        .saturating_mul(samples_per_pixel)
        .saturating_mul(bytes_per_sample);
    Budget::FrameBytes.check(bytes, MAX_FRAME_BYTES).map(|()| bytes)
}

/// Checks the bytes of all decoded frames of a series, `frames` of `frame_bytes` each, and returns them.
///
/// # Errors
/// More than [`MAX_SERIES_BYTES`].
pub fn check_series(frames: u64, frame_bytes: u64) -> Result<u64, BudgetError> {
    let bytes = frames.saturating_mul(frame_bytes);
    Budget::SeriesBytes.check(bytes, MAX_SERIES_BYTES).map(|()| bytes)
}

/// Checks the number of entries of an archive.
///
/// # Errors
/// More than [`MAX_ARCHIVE_ENTRIES`].
pub fn check_archive_entries(count: u64) -> Result<(), BudgetError> {
    Budget::ArchiveEntries.check(count, MAX_ARCHIVE_ENTRIES)
}

/// The bytes that `compressed` bytes may expand to.
pub fn expansion_limit(compressed: u64) -> u64 {
    compressed.saturating_mul(MAX_EXPANSION_RATIO)
}

/// Checks what came out of `compressed` bytes so far.
///
/// # Errors
/// More than [`expansion_limit`].
pub fn check_expansion(compressed: u64, expanded: u64) -> Result<(), BudgetError> {
    Budget::Expansion.check(expanded, expansion_limit(compressed))
}

/// Checks the triangles of a mesh.
///
/// # Errors
/// More than [`MAX_MESH_TRIANGLES`].
pub fn check_triangles(count: u64) -> Result<(), BudgetError> {
    Budget::MeshTriangles.check(count, MAX_MESH_TRIANGLES)
}

/// Checks the size of a photograph in pixels.
///
/// # Errors
/// More than [`MAX_PHOTO_PIXELS`] in all.
pub fn check_photo(width: u64, height: u64) -> Result<(), BudgetError> {
    Budget::PhotoPixels.check(width.saturating_mul(height), MAX_PHOTO_PIXELS)
}

/// Checks the bytes of one text value.
///
/// # Errors
/// More than [`MAX_TEXT_BYTES`].
pub fn check_text(bytes: u64) -> Result<(), BudgetError> {
    Budget::TextBytes.check(bytes, MAX_TEXT_BYTES)
}

/// Checks the bytes of one JSON document.
///
/// # Errors
/// More than [`MAX_JSON_BYTES`].
pub fn check_json(bytes: u64) -> Result<(), BudgetError> {
    Budget::JsonBytes.check(bytes, MAX_JSON_BYTES)
}

/// Checks the bytes of one chunk of an upload.
///
/// # Errors
/// More than [`MAX_UPLOAD_CHUNK_BYTES`].
pub fn check_upload_chunk(bytes: u64) -> Result<(), BudgetError> {
    Budget::UploadChunkBytes.check(bytes, MAX_UPLOAD_CHUNK_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accepts just below and at the limit, refuses just above, and says both numbers.
    fn limit_is_exact(limit: u64, check: impl Fn(u64) -> Result<(), BudgetError>) {
        check(0).unwrap();
        check(limit - 1).unwrap();
        check(limit).unwrap();
        let error = check(limit + 1).unwrap_err();
        assert_eq!((error.actual, error.limit), (limit + 1, limit));
        let text = error.to_string();
        assert!(
            text.contains(&limit.to_string()) && text.contains(&(limit + 1).to_string()),
            "{text}"
        );
        check(u64::MAX).unwrap_err();
    }

    #[test]
    fn counts_are_accepted_up_to_their_limit() {
        limit_is_exact(64, check_nesting);
        limit_is_exact(1_000_000, check_elements);
        limit_is_exact(50_000, check_archive_entries);
        limit_is_exact(50_000_000, check_triangles);
        limit_is_exact(65_536, check_text);
        limit_is_exact(1_048_576, check_json);
        limit_is_exact(16_777_216, check_upload_chunk);
    }

    #[test]
    fn sides_of_a_frame_are_accepted_up_to_their_limit() {
        limit_is_exact(65_535, |rows| check_frame(rows, 3, 1, 2).map(drop));
        limit_is_exact(65_535, |columns| check_frame(3, columns, 1, 2).map(drop));
        assert_eq!(check_frame(65_536, 1, 1, 1).unwrap_err().budget, Budget::Rows);
        assert_eq!(check_frame(1, 65_536, 1, 1).unwrap_err().budget, Budget::Columns);
    }

    #[test]
    fn bytes_of_a_frame_are_accepted_up_to_their_limit() {
        // 16,384 x 8,192 samples of 4 bytes are 512 MiB.
        assert_eq!(check_frame(16_384, 8_192, 1, 4), Ok(512 << 20));
        limit_is_exact(512 << 20, |bytes| check_frame(1, 1, 1, bytes).map(drop));
        limit_is_exact(512 << 20, |samples| check_frame(1, 1, samples, 1).map(drop));
        let error = check_frame(65_535, 65_535, 3, u64::MAX).unwrap_err();
        assert_eq!((error.budget, error.actual), (Budget::FrameBytes, u64::MAX));
    }

    #[test]
    fn bytes_of_a_series_are_accepted_up_to_their_limit() {
        assert_eq!(check_series(32, 512 << 20), Ok(16 << 30));
        limit_is_exact(16 << 30, |frames| check_series(frames, 1).map(drop));
        assert_eq!(check_series(u64::MAX, 2).unwrap_err().actual, u64::MAX);
    }

    #[test]
    fn a_declared_length_ends_where_the_bytes_end() {
        assert_eq!(check_length(9, 10), Ok(9));
        assert_eq!(check_length(10, 10), Ok(10));
        let error = check_length(11, 10).unwrap_err();
        assert_eq!(error.to_string(), "declared length: 11 bytes, but only 10 remain");
        assert_eq!(check_length(0, 0), Ok(0));
        check_length(u64::MAX, usize::MAX - 1).unwrap_err();
    }

    #[test]
    fn expansion_is_accepted_up_to_its_ratio() {
        limit_is_exact(200 * 7, |expanded| check_expansion(7, expanded));
        assert_eq!(check_expansion(0, 0), Ok(()));
        check_expansion(0, 1).unwrap_err();
        assert_eq!(expansion_limit(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_photograph_is_accepted_up_to_100_megapixels() {
        limit_is_exact(100_000_000, |width| check_photo(width, 1));
        check_photo(9_999, 10_001).unwrap();
        check_photo(10_000, 10_000).unwrap();
        check_photo(10_000, 10_001).unwrap_err();
        check_photo(u64::MAX, u64::MAX).unwrap_err();
    }

    #[test]
    fn messages_read_as_sentences() {
        let error = check_frame(65_536, 1, 1, 1).unwrap_err();
        assert_eq!(error.to_string(), "frame: 65536 rows, at most 65535 accepted");
        assert_eq!(
            check_nesting(65).unwrap_err().to_string(),
            "nesting: 65 levels, at most 64 accepted"
        );
    }
}
