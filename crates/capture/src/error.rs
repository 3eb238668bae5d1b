//! Why a file could not be read.

/// Why a mesh file, photograph or capture could not be read. Offsets are bytes from the start of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// The file ends before what it declares.
    #[error("{format}: the file ends at byte {offset}, {what} is missing")]
    Truncated {
        /// Name of the format, as a person says it.
        format: &'static str,
        /// What should have come.
        what: String,
        /// Where the bytes ran out.
        offset: u64,
    },
    /// The file breaks the rules of its format.
    #[error("{format}: {what}")]
    Malformed {
        /// Name of the format.
        format: &'static str,
        /// What is wrong and where, for a person: "vertex index 12 of face 3 is beyond the 8 vertices".
        what: String,
    },
    /// The file is valid but uses what is not read here.
    #[error("{format}: {what} is not supported")]
    Unsupported {
        /// Name of the format.
        format: &'static str,
        /// The feature.
        what: String,
    },
    /// The file refers to something that may not be followed or is not in the upload.
    #[error("{format}: it refers to \"{reference}\", {why}")]
    Reference {
        /// Name of the format.
        format: &'static str,
        /// The reference, shortened.
        reference: String,
        /// Why it is not followed.
        why: &'static str,
    },
    /// A limit of input is exceeded.
    #[error(transparent)]
    Budget(#[from] intake::BudgetError),
}
