//! A frame: what its picture is, and the picture behind it.
//!
//! The bytes of a frame are the length of the header as `u32` little endian, the header as JSON, and the picture as its
//! codec writes it.

use serde::{Deserialize, Serialize};

use crate::{Pane, PixelSize, Shows};

/// How a picture is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// JPEG, baseline.
    Jpeg,
}

impl Codec {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
        }
    }
}

/// How good a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As good as there was time for: a better one follows when nothing changes.
    Moving,
    /// All pixels.
    Full,
    /// As good as it gets.
    Fine,
}

/// What a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameHeader {
    /// Rises with every frame of a session.
    pub frame: u64,
    /// Where it is shown.
    pub pane: Pane,
    /// The view state that it answers.
    pub sequence: u64,
    /// The plane or the camera that it shows: what lies over the picture is placed by these.
    pub shows: Shows,
    /// How large the viewer's picture is; what is coded may have fewer pixels.
    pub size: PixelSize,
    /// Pixels that are coded.
    pub coded: PixelSize,
    /// How good it is.
    pub grade: Grade,
    /// How it is coded.
    pub codec: Codec,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no frame")]
pub struct NoFrame;

/// The header's bytes, with their length before them: what comes before the picture.
pub fn start(header: &FrameHeader) -> Vec<u8> {
    // Numbers and words: nothing in it can fail to be written.
    let text = serde_json::to_vec(header).unwrap_or_default();
    let mut bytes = Vec::with_capacity(4 + text.len());
    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&text);
    bytes
}

/// The header of a frame, and its picture.
///
/// # Errors
/// [`NoFrame`] where the bytes are cut off or the header is none.
pub fn parse(bytes: &[u8]) -> Result<(FrameHeader, &[u8]), NoFrame> {
    let (len, rest) = bytes.split_first_chunk::<4>().ok_or(NoFrame)?;
    let len = u32::from_le_bytes(*len) as usize;
    if len > crate::MESSAGE_BYTES {
        return Err(NoFrame);
    }
    let (header, picture) = rest.split_at_checked(len).ok_or(NoFrame)?;
    let header = serde_json::from_slice(header).map_err(|_| NoFrame)?;
    Ok((header, picture))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::tests::look;

    #[test]
    fn a_frame_is_read_back_and_what_is_cut_off_is_none() {
        let pane = look().panes[0];
        let header = FrameHeader {
            frame: 12,
            pane: pane.pane,
            sequence: 7,
            shows: pane.shows,
            size: pane.size,
            coded: pane.size,
            grade: Grade::Full,
            codec: Codec::Jpeg,
        };
        let mut bytes = start(&header);
        bytes.extend_from_slice(b"picture");
        assert_eq!(parse(&bytes), Ok((header, &b"picture"[..])));
        let head = bytes.len() - 7;
        for len in 0..head {
            assert_eq!(parse(&bytes[..len]), Err(NoFrame), "{len}");
        }
        bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(parse(&bytes), Err(NoFrame));
    }
}
