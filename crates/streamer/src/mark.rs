//! The mark, and what it makes of a picture: a frame, the only content that can be sent.

use std::sync::Arc;

use domain::{Phi, SessionId, Timestamp, UserId};
use protocol::{Event, FrameHeader, PixelSize, frame};
use renderer::Picture;
use watermark::hidden::{Code, Key, Marker};
use watermark::visible::{Lines, Rect, Stamp};

use crate::clearing::Part;
use crate::coding::Coding;

/// For how long a mark says the right time.
const MINUTE_MS: i64 = 60_000;

/// What is drawn into every picture of a session, for a minute.
pub struct Mark {
    stamp: Stamp,
    hidden: Arc<Marker>,
    minute: i64,
}

impl Mark {
    /// The mark of a session at a moment: what everybody reads, and what only who has the key finds.
    pub fn new(
        (name, user): (Phi<String>, UserId),
        session: SessionId,
        hidden: Arc<Marker>,
        now: Timestamp,
    ) -> Self {
        let first = |id: String| id.chars().take(8).collect::<String>();
        let lines = Lines {
            name,
            account: first(user.to_string()),
            when: now,
            session: first(session.to_string()),
        };
        Self {
            stamp: Stamp::new(&lines),
            hidden,
            minute: now.ms().div_euclid(MINUTE_MS),
        }
    }

    /// Whether it still says the right time.
    pub fn is_of(&self, now: Timestamp) -> bool {
        self.minute == now.ms().div_euclid(MINUTE_MS)
    }

    /// Draws the mark into a picture, codes it, and makes it the picture of a frame. `header.coded` becomes the size
    /// of the picture. The visible mark leaves `clear` free, as far as it may be.
    pub fn seal(&self, picture: &Picture, header: FrameHeader, coding: Coding, clear: Option<Part>) -> Frame {
        let header = FrameHeader {
            coded: PixelSize {
                width: picture.width,
                height: picture.height,
            },
            ..header
        };
        let mut bytes = frame::start(&header);
        self.code(
            picture,
            coding,
            clear.map(|part| part.pixels(header.coded)),
            &mut bytes,
        );
        Frame { header, bytes }
    }

    /// Draws the mark into a picture that belongs to no session, such as a thumbnail, and codes it: JPEG.
    pub fn seal_still(&self, picture: &Picture, coding: Coding) -> Still {
        let mut bytes = Vec::new();
        self.code(picture, coding, None, &mut bytes);
        Still { bytes }
    }

    fn code(&self, picture: &Picture, coding: Coding, clear: Option<Rect>, out: &mut Vec<u8>) {
        let mut rgb: Vec<u8> = picture
            .rgba
            .chunks_exact(4)
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
            .collect();
        self.stamp.apply(&mut rgb, picture.width, picture.height, clear);
        self.hidden.apply(&mut rgb, picture.width, picture.height);
        coding.code(&rgb, picture.width, picture.height, out);
    }
}

/// The hidden mark of a session: the first four bytes of its id, as the log finds it by.
pub fn hidden_mark(secret: [u8; 32], session: SessionId) -> Arc<Marker> {
    let [a, b, c, d, ..] = *session.as_bytes();
    let code = Code(u32::from_be_bytes([a, b, c, d]));
    Arc::new(Marker::new(&Key::new(secret), code))
}

/// A marked and coded picture, ready for the wire. Nothing but [`Mark::seal`] makes one:
///
/// ```compile_fail
/// fn forged(header: protocol::FrameHeader) -> streamer::Frame {
///     streamer::Frame { header, bytes: vec![1, 2, 3] }
/// }
/// ```
#[derive(Clone)]
pub struct Frame {
    header: FrameHeader,
    bytes: Vec<u8>,
}

impl Frame {
    /// What the picture is.
    pub fn header(&self) -> &FrameHeader {
        &self.header
    }

    /// As it is sent: header and picture ([`protocol::frame`]).
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// As it is sent.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A marked and coded picture of no session. Nothing but [`Mark::seal_still`] makes one.
pub struct Still {
    bytes: Vec<u8>,
}

impl Still {
    /// The picture, JPEG.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// All that can be sent to somebody who looks: an event, which has no place for content, or a marked picture.
pub enum Outgoing {
    /// Something to tell.
    Event(Event),
    /// A picture.
    Frame(Frame),
}

impl From<Event> for Outgoing {
    fn from(event: Event) -> Self {
        Self::Event(event)
    }
}

impl From<Frame> for Outgoing {
    fn from(frame: Frame) -> Self {
        Self::Frame(frame)
    }
}

#[cfg(test)]
mod tests {
    use codec::Expected;
    use protocol::{Codec, Grade, Pane, PlaneLook, Shows};

    use super::*;

    fn header() -> FrameHeader {
        let size = PixelSize {
            width: 400,
            height: 300,
        };
        FrameHeader {
            frame: 1,
            pane: Pane::Axial,
            sequence: 2,
            shows: Shows::Plane(PlaneLook {
                center_mm: geometry::DVec3::ZERO,
                right: geometry::DVec3::X,
                down: geometry::DVec3::Y,
                mm_per_pixel: 1.0,
            }),
            size,
            coded: size,
            grade: Grade::Full,
            codec: Codec::Jpeg,
        }
    }

    fn mark(name: &str, minute: i64) -> Mark {
        let session = SessionId::from_random([2; 16]);
        Mark::new(
            (Phi::new(name.to_owned()), UserId::from_random([1; 16])),
            session,
            hidden_mark([9; 32], session),
            Timestamp::from_ms(minute * MINUTE_MS + 5),
        )
    }

    /// Brightness of the picture of a frame.
    fn luma(frame: &Frame) -> Vec<u8> {
        let (header, jpeg) = frame::parse(frame.bytes()).unwrap();
        let decode = |channels| {
            let expected = Expected {
                columns: header.coded.width,
                rows: header.coded.height,
                channels,
            };
            codec::jpeg::decode(jpeg, expected).map(|decoded| (decoded, usize::from(channels)))
        };
        let (decoded, channels) = decode(1).or_else(|_| decode(3)).unwrap();
        let codec::Samples::U8(samples) = decoded.samples else {
            panic!("eight bits")
        };
        samples.into_iter().step_by(channels).collect()
    }

    fn plain(level: u8) -> Picture {
        Picture {
            width: 200,
            height: 150,
            rgba: [level, level, level, 255].repeat(200 * 150),
        }
    }

    #[test]
    fn every_picture_is_marked_whatever_it_shows_and_however_it_is_coded() {
        for level in [0, 30, 128, 255] {
            for coding in [Coding::MOVING, Coding::SLICE, Coding::FULL, Coding::FINE] {
                let frame = mark("Dr. Marie Curie", 1).seal(&plain(level), header(), coding, None);
                assert_eq!(
                    (frame.header().coded.width, frame.header().coded.height),
                    (200, 150)
                );
                let luma = luma(&frame);
                let changed = luma.iter().filter(|seen| seen.abs_diff(level) > 6).count();
                let share = changed as f64 / luma.len() as f64;
                assert!((0.005..0.7).contains(&share), "{level} {coding:?}: {share}");
            }
        }
    }

    #[test]
    fn where_something_is_measured_it_is_left_out() {
        let part = Part::of_shares([0.25, 0.3], [0.55, 0.7]);
        let marked = luma(&mark("Curie", 1).seal(&plain(90), header(), Coding::FINE, Some(part)));
        let changed = |columns: std::ops::Range<usize>| {
            let rows = (45 + 8)..(105 - 8);
            let row = |row: usize| &marked[row * 200..][columns.clone()];
            rows.flat_map(row).filter(|seen| seen.abs_diff(90) > 9).count()
        };
        assert_eq!(changed(50 + 8..110 - 8), 0);
        assert!(changed(110..200) > 100);
    }

    #[test]
    fn the_mark_says_who_and_when() {
        let seal = |mark: Mark| luma(&mark.seal(&plain(90), header(), Coding::FINE, None));
        assert_ne!(seal(mark("Curie", 1)), seal(mark("Meitner", 1)));
        assert_ne!(seal(mark("Curie", 1)), seal(mark("Curie", 2)));
        assert_eq!(seal(mark("Curie", 1)), seal(mark("Curie", 1)));
        assert!(mark("Curie", 1).is_of(Timestamp::from_ms(2 * MINUTE_MS - 1)));
        assert!(!mark("Curie", 1).is_of(Timestamp::from_ms(2 * MINUTE_MS)));
    }
}
