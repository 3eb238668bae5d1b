//! What those who look at a case together ask of each other and hear of each other.

use domain::{ItemId, SessionId};
use geometry::{DVec2, DVec3};
use serde::{Deserialize, Serialize};

use crate::look::{Look, LookError};

/// Farther away nothing lies: mm in space, pixels in a picture.
const FARTHEST: f64 = 1e6;

/// What somebody in a room asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "room", rename_all = "snake_case")]
pub enum RoomRequest {
    /// Be there: see the others and be seen. Who only wants pictures does not ask for it.
    Enter,
    /// Point somewhere, or nowhere any more.
    Point {
        /// Where.
        at: Option<Pointed>,
    },
    /// Raise a hand, or take it down.
    Hand {
        /// Which.
        hand: Hand,
    },
    /// Take the lead, which nobody has.
    Lead,
    /// Give the lead to somebody.
    HandOver {
        /// To whom.
        to: SessionId,
    },
    /// Give the lead up.
    StopLeading,
    /// What the leader sees now.
    Show {
        /// Of which item.
        item: ItemId,
        /// Camera, layout, window, planes and the rest.
        look: Box<Look>,
    },
    /// See what the leader sees, or what one wants oneself.
    Follow {
        /// Which.
        follows: Follows,
    },
}

impl RoomRequest {
    /// Whether it means something.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn check(&self) -> Result<(), LookError> {
        match self {
            Self::Point { at: Some(at) } => at.check(),
            Self::Show { look, .. } => look.check(),
            _ => Ok(()),
        }
    }
}

/// Where somebody points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pointed {
    /// At a point of the patient, in a slice or in space.
    Patient {
        /// In which item.
        item: ItemId,
        /// Where, patient mm.
        p_mm: DVec3,
    },
    /// At a place of a photograph.
    Picture {
        /// Of which item.
        item: ItemId,
        /// Where, in its pixels.
        p_px: DVec2,
    },
}

impl Pointed {
    fn check(&self) -> Result<(), LookError> {
        let is_near = match self {
            Self::Patient { p_mm, .. } => p_mm.is_finite() && p_mm.abs().max_element() < FARTHEST,
            Self::Picture { p_px, .. } => p_px.is_finite() && p_px.abs().max_element() < FARTHEST,
        };
        is_near.then_some(()).ok_or(LookError::Number)
    }
}

/// A hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hand {
    /// It is up: somebody wants to speak.
    Raised,
    /// It is not.
    Down,
}

/// Whose view somebody sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Follows {
    /// That of whoever leads.
    Leader,
    /// Their own.
    Nobody,
}

/// Whether somebody can take the lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanLead {
    /// As one who may annotate the case.
    Yes,
    /// As one who only looks.
    No,
}

/// What is said about a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Annotations and the comments on them.
    Marks,
    /// Saved views, and tours through them.
    Views,
}

/// What somebody is called in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Called {
    /// By name.
    Name(String),
    /// The patient, whose name not everybody may know.
    Patient,
    /// Who acts for the patient, and may bear the same name.
    Guardian,
}

/// Somebody in a room: one session. Who looks twice is there twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// Their session.
    pub session: SessionId,
    /// What others call them.
    pub called: Called,
    /// Their color in the case, the same as that of their marks: a number from 0 on.
    pub color: u8,
    /// Since when their hand is up, milliseconds since 1970: whoever was first speaks first.
    pub hand_ms: Option<i64>,
    /// Whose view they see.
    pub follows: Follows,
    /// Whether they can lead.
    pub can_lead: CanLead,
}

/// What somebody in a room is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "room", rename_all = "snake_case")]
pub enum RoomEvent {
    /// Somebody came, or changed.
    Here {
        /// As they are now.
        person: Person,
    },
    /// Somebody went.
    Gone {
        /// Who.
        session: SessionId,
    },
    /// Where people point now; of those not named nothing has changed.
    Points {
        /// Who, and where; nowhere any more.
        pointers: Vec<(SessionId, Option<Pointed>)>,
    },
    /// Somebody has said something, changed it or taken it back: it is to be read anew.
    Says {
        /// What.
        what: Said,
    },
    /// Who leads now.
    Leads {
        /// None when nobody does.
        session: Option<SessionId>,
    },
    /// What the leader sees now.
    Shows {
        /// Of which item.
        item: ItemId,
        /// Camera, layout, window, planes and the rest.
        look: Box<Look>,
    },
}
