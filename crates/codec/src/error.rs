//! Why a frame could not be decoded.

/// Why a frame could not be decoded. Offsets are bytes from the start of the compressed frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The stream ends before the picture does.
    #[error("{codec}: the stream ends at byte {offset}, before the picture is complete")]
    Truncated {
        /// Name of the codec, as a person says it.
        codec: &'static str,
        /// Where the bytes ran out.
        offset: usize,
    },
    /// The stream breaks the rules of its format.
    #[error("{codec}: {what} at byte {offset}")]
    Malformed {
        /// Name of the codec.
        codec: &'static str,
        /// What is wrong, such as `bad marker`.
        what: &'static str,
        /// Where.
        offset: usize,
    },
    /// The stream is valid but uses what the decoder does not do.
    #[error("{codec}: {what} is not supported")]
    Unsupported {
        /// Name of the codec.
        codec: &'static str,
        /// The feature.
        what: &'static str,
    },
    /// The stream holds another picture than the caller expects.
    #[error("{codec}: the stream holds {actual}, the file declares {expected}")]
    Mismatch {
        /// Name of the codec.
        codec: &'static str,
        /// What the stream says, such as `512 x 512 x 1`.
        actual: String,
        /// What the caller expects.
        expected: String,
    },
}
