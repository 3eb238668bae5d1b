//! What crosses the wire of a session's one WebSocket: view states and questions one way, frames, answers and notices
//! the other.
//!
//! Of its own because the browser and the server must mean the same by every byte, and because what is listed here is
//! all that can be sent: [`Event`] has no place for a sample, a vertex, a tag or a file. Pictures are not among events;
//! they travel behind a [`FrameHeader`] ([`frame`]), and the one who makes them sees to it that they are marked.
//!
//! Messages are JSON in text frames, pictures are binary frames. A message has at most [`MESSAGE_BYTES`]. What a peer
//! does not know is an error of its own ([`Trouble::Unreadable`]), never the end of the session, so that kinds of
//! messages can be added on either side first.
//!
//! Lengths are millimeters of patient space (LPS), angles radians, sizes pixels.

pub mod frame;
mod look;
mod message;
mod room;

pub use frame::{Codec, FrameHeader, Grade};
pub use look::{
    CameraLook, ClipLook, Corner, Layer, Look, LookError, MOST_LAYERS, MOST_MEASURED, MOST_PIXELS, Pane,
    PaneLook, PhotoLook, PixelSize, PlaneLook, Projection, Shown, Shows, SlabLook, WindowLook,
};
pub use message::{
    Answer, Ask, Ending, Event, Exhibit, Inversion, MESSAGE_BYTES, Question, REGION_POINTS, RegionTold,
    Request, Trouble, Unit, VERSION,
};
pub use room::{Called, CanLead, Follows, Hand, Person, Pointed, RoomEvent, RoomRequest, Said};
