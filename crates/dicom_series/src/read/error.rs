//! Why a file could not be read.

use dicom_core::Tag;
use intake::budget::BudgetError;

/// Why a file could not be read. Offsets are bytes from the start of the file, or from the start of the inflated
/// data set in a deflated file. Messages hold no text value of the file, which may be personal data.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// The bytes are not DICOM.
    #[error("not a DICOM file: {what}")]
    NotDicom {
        /// What was found in place of DICOM.
        what: &'static str,
    },
    /// An element asks for more than its budget, or for more bytes than there are.
    #[error("element {tag} at byte {offset}: {source}")]
    Budget {
        /// The element.
        tag: Tag,
        /// Where it begins.
        offset: u64,
        /// What was asked for and what is accepted.
        source: BudgetError,
    },
    /// The bytes end in the middle of a structure.
    #[error("the file ends at byte {offset}, {what} after element {tag}")]
    Truncated {
        /// The last element that was seen.
        tag: Tag,
        /// Where the bytes ran out.
        offset: u64,
        /// What is cut, such as `within an element header`.
        what: &'static str,
    },
    /// The bytes break the rules of PS3.5.
    #[error("element {tag} at byte {offset}: {what}")]
    Malformed {
        /// The element.
        tag: Tag,
        /// Where it begins.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// Everything was readable but the pixel data, which the end of the file cuts.
    #[error(
        "the pixel data {tag} at byte {offset} are cut: {declared} bytes declared, {remaining} there; \
         everything before them is readable"
    )]
    PixelDataCut {
        /// The pixel data element.
        tag: Tag,
        /// Where its value begins.
        offset: u64,
        /// The declared length, or what could be made out of it where items are missing.
        declared: u64,
        /// The bytes that are there.
        remaining: u64,
    },
    /// The pixel data are whole but hold less than the picture needs.
    #[error(
        "the pixel data {tag} at byte {offset} hold {actual} bytes, but {frames} frames of {columns} x {rows} \
         need {needed}"
    )]
    PixelDataShort {
        /// The pixel data element.
        tag: Tag,
        /// Where its value begins.
        offset: u64,
        /// Bytes that are there.
        actual: u64,
        /// Bytes that the picture needs.
        needed: u64,
        /// Number of Frames.
        frames: u32,
        /// Columns.
        columns: u32,
        /// Rows.
        rows: u32,
    },
    /// Encapsulated pixel data whose fragments cannot be told apart into frames.
    #[error("the pixel data at byte {offset} hold {fragments} fragments, which do not make {frames} frames")]
    Frames {
        /// Where the first fragment begins.
        offset: u64,
        /// How many fragments there are.
        fragments: u64,
        /// Number of Frames.
        frames: u32,
    },
    /// An element that the object needs is absent or empty.
    #[error("{name} {tag} is missing, which an instance of {sop_class} needs")]
    Missing {
        /// The element.
        tag: Tag,
        /// Its name.
        name: &'static str,
        /// SOP Class UID, or `unknown class`.
        sop_class: String,
    },
    /// A number that the object needs has no meaning.
    #[error("{name} {tag} at byte {offset} is {actual}, not {expected}")]
    Value {
        /// The element.
        tag: Tag,
        /// Its name.
        name: &'static str,
        /// Where its value begins.
        offset: u64,
        /// The number found.
        actual: i64,
        /// What was expected.
        expected: &'static str,
    },
    /// The deflated data set is damaged.
    #[error("the deflated data set beginning at byte {offset} {what}")]
    Inflate {
        /// Where the compressed bytes begin.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
}
