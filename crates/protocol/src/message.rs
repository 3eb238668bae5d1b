//! What is asked, and what is told beside pictures.

use domain::{ItemId, ItemKind, SessionId};
use geometry::{Aabb, DVec2, DVec3, GridGeometry};
use serde::{Deserialize, Serialize};

use crate::look::{CameraLook, Look, LookError, PixelSize, WindowLook};
use crate::room::{RoomEvent, RoomRequest};

/// Version of the protocol.
pub const VERSION: u32 = 1;
/// Bytes of a message at most.
pub const MESSAGE_BYTES: usize = 64 << 10;
/// Points of a region at most.
pub const REGION_POINTS: usize = 512;

/// What a viewer sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Look at an item of the case instead of what was looked at.
    Open {
        /// Which.
        item: ItemId,
    },
    /// Show the surfaces of another item that lies in the same space in the same pictures.
    Add {
        /// Which.
        item: ItemId,
    },
    /// Look at nothing any more.
    Close,
    /// What is wanted now. An older one that was not drawn yet never is.
    Look(Look),
    /// A frame is on the screen: more may come.
    Seen {
        /// Which.
        frame: u64,
    },
    /// A question about the item.
    Ask(Question),
    /// Something that concerns the others who look at the case.
    Room(RoomRequest),
}

/// A question, by which its answer is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The viewer's number for it.
    pub number: u32,
    /// What is asked.
    pub ask: Ask,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// The point of the patient that a picture in space shows, as the last view state says.
    Pick {
        /// The camera of the picture.
        camera: CameraLook,
        /// Its size.
        size: PixelSize,
        /// Which pixel, from the top left corner.
        pixel: DVec2,
    },
    /// The value of the volume at a point.
    Value {
        /// Where, patient mm.
        p_mm: DVec3,
    },
    /// The values inside a closed line.
    Region {
        /// Its corners, patient mm.
        points_mm: Vec<DVec3>,
    },
}

impl Ask {
    /// Whether it can be answered, whoever asks.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn check(&self) -> Result<(), LookError> {
        match self {
            Self::Pick { camera, size, pixel } => {
                size.check()?;
                camera.check()?;
                pixel.is_finite().then_some(()).ok_or(LookError::Number)
            }
            Self::Value { p_mm } => p_mm.is_finite().then_some(()).ok_or(LookError::Number),
            Self::Region { points_mm } if points_mm.len() > REGION_POINTS => Err(LookError::TooMuch),
            Self::Region { points_mm } => {
                let is_fine = points_mm
                    .iter()
                    .all(|p| p.is_finite() && p.abs().max_element() < 1e5);
                is_fine.then_some(()).ok_or(LookError::Number)
            }
        }
    }
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// There is nothing, or no value.
    Nothing,
    /// What a picture shows at a pixel.
    Point {
        /// Where, patient mm.
        p_mm: DVec3,
        /// The value there, in the unit of the volume.
        value: Option<f64>,
    },
    /// A value, in the unit of the volume.
    Value(f64),
    /// Values inside a closed line.
    Region(RegionTold),
}

/// The values inside a closed line, in the unit of the volume.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegionTold {
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation.
    pub sd: f64,
    /// The least.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// How many there are.
    pub count: u64,
}

/// Whether bright and dark are exchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inversion {
    /// Large values are bright.
    #[default]
    Off,
    /// Large values are dark.
    On,
}

/// The unit of values: a word of this list, never one of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Hounsfield units.
    Hu,
    /// Standardized uptake value by body weight, g/ml.
    SuvBw,
    /// One that is not told, or none.
    #[default]
    None,
}

impl Unit {
    /// As it is read.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Hu => "HU",
            Self::SuvBw => "g/ml",
            Self::None => "",
        }
    }
}

/// What there is to look at: where it lies, not what it is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exhibit {
    /// The item.
    pub item: ItemId,
    /// Its kind.
    pub kind: ItemKind,
    /// Where the samples of its volume lie.
    pub grid: Option<GridGeometry>,
    /// The box around everything, patient mm; of a photograph its pixels.
    pub bounds_mm: Aabb,
    /// The unit of its values.
    pub unit: Unit,
    /// Its least and its largest value.
    pub range: [f64; 2],
    /// The level of the volume that pictures are drawn from; from 1 on they are coarser than what was uploaded.
    pub level: u32,
    /// The window that it is seen through at first.
    pub window: Option<WindowLook>,
    /// Whether its large values are dark at first.
    pub inversion: Inversion,
    /// Name of the transfer function that it is seen through at first.
    pub preset: String,
    /// Names of its surfaces.
    pub surfaces: Vec<String>,
    /// Size of the photograph, where it is one.
    pub photo: Option<PixelSize>,
}

/// What could not be done; the session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// A message was none that this side knows.
    Unreadable,
    /// A view state or a question means nothing.
    Meaningless,
    /// There is no such item in the case, or it may not be looked at.
    NotFound,
    /// The item has nothing to look at.
    NothingToSee,
    /// What is stored of the item could not be shown.
    Broken,
    /// That was asked too often: it is not answered.
    TooOften,
    /// So many look at the case that one does not see them, nor they one.
    Crowded,
    /// The lead is somebody else's, or one cannot lead.
    Refused,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// One is signed in no more.
    SignedOut,
    /// One may see the case no more.
    Revoked,
    /// The server stops, or cannot go on.
    Stopped,
}

/// What a viewer is told beside pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The session has begun.
    Welcome {
        /// Version of the protocol.
        version: u32,
        /// The session: it is in the mark of every picture and in the audit trail.
        session: SessionId,
    },
    /// All places are taken; pictures come as soon as one is free.
    Queued {
        /// How many wait before one.
        ahead: u32,
    },
    /// A place is free, and it is one's own.
    Admitted,
    /// What there is to look at.
    Opened(Box<Exhibit>),
    /// The surfaces of another item can be seen in the same pictures.
    Added {
        /// Which.
        item: ItemId,
        /// Their names.
        surfaces: Vec<String>,
        /// The box around them, patient mm of the item that is looked at.
        bounds_mm: Aabb,
    },
    /// Another item is not seen in the same pictures, or no longer: it does not lie in the same space, or may not be
    /// looked at.
    Apart {
        /// Which.
        item: ItemId,
    },
    /// An answer.
    Answered {
        /// To which question.
        number: u32,
        /// What it is.
        answer: Answer,
    },
    /// Something could not be done.
    Trouble {
        /// What.
        trouble: Trouble,
        /// Of which item or question it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<u32>,
    },
    /// So much was looked at in so short a time that pictures come slowly for a while, and the owner is told.
    Slowed {
        /// At most so often a new picture comes, milliseconds.
        every_ms: u32,
    },
    /// Something of the others who look at the case.
    Room(RoomEvent),
    /// The session is over.
    Ended {
        /// Why.
        why: Ending,
    },
}

impl Event {
    /// As it is sent.
    pub fn text(&self) -> String {
        // Numbers and words: nothing in it can fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What was sent; `None` for what this side does not know.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl Request {
    /// As it is sent.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What was sent; `None` for what is too long or this side does not know.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() <= MESSAGE_BYTES)
            .then(|| serde_json::from_str(text).ok())
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::tests::look;
    use crate::room::{Hand, Pointed};

    #[test]
    fn messages_come_through_the_wire() {
        let item = ItemId::from_random([3; 16]);
        let requests = [
            Request::Open { item },
            Request::Add { item },
            Request::Close,
            Request::Look(look()),
            Request::Seen { frame: 4 },
            Request::Ask(Question {
                number: 9,
                ask: Ask::Value {
                    p_mm: DVec3::new(1.0, 2.0, 3.0),
                },
            }),
        ];
        let pointed = Pointed::Patient {
            item,
            p_mm: DVec3::new(-1.0, 0.5, 9.0),
        };
        let room = [
            RoomRequest::Enter,
            RoomRequest::Point { at: Some(pointed) },
            RoomRequest::Point { at: None },
            RoomRequest::Hand { hand: Hand::Raised },
            RoomRequest::Show {
                item,
                look: Box::new(look()),
            },
        ];
        for request in requests.into_iter().chain(room.map(Request::Room)) {
            assert_eq!(Request::parse(&request.text()), Some(request));
        }
        let grid = GridGeometry::axis_aligned([4, 5, 6], [0.5, 0.7, 1.1], DVec3::ZERO).unwrap();
        let opened = Event::Opened(Box::new(Exhibit {
            item,
            kind: ItemKind::Volume,
            grid: Some(grid),
            bounds_mm: grid.bounds_mm(),
            unit: Unit::Hu,
            range: [-1000.0, 2000.0],
            level: 0,
            window: None,
            inversion: Inversion::Off,
            preset: "CT-Bone".to_owned(),
            surfaces: vec!["bone".to_owned()],
            photo: None,
        }));
        let events = [
            Event::Welcome {
                version: VERSION,
                session: SessionId::from_random([5; 16]),
            },
            opened,
            Event::Answered {
                number: 9,
                answer: Answer::Value(-1000.5),
            },
            Event::Trouble {
                trouble: Trouble::TooOften,
                number: None,
            },
            Event::Room(RoomEvent::Points {
                pointers: vec![(SessionId::from_random([6; 16]), Some(pointed))],
            }),
            Event::Room(RoomEvent::Leads { session: None }),
            Event::Room(RoomEvent::Says {
                what: crate::Said::Marks,
            }),
            Event::Ended { why: Ending::Revoked },
        ];
        for event in events {
            assert_eq!(Event::parse(&event.text()), Some(event));
        }
    }

    #[test]
    fn what_is_unknown_or_too_long_is_nothing() {
        assert_eq!(Request::parse(r#"{"type":"steal"}"#), None);
        assert_eq!(
            Request::parse(&format!("\"{}\"", "x".repeat(MESSAGE_BYTES))),
            None
        );
        assert_eq!(Event::parse("{}"), None);
        let far = Ask::Region {
            points_mm: vec![DVec3::ZERO; REGION_POINTS + 1],
        };
        assert_eq!(far.check(), Err(LookError::TooMuch));
        let nowhere = Ask::Value {
            p_mm: DVec3::new(f64::NAN, 0.0, 0.0),
        };
        assert_eq!(nowhere.check(), Err(LookError::Number));
    }
}
