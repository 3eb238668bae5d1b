//! Render sessions on the server: what is resident, which frame comes next, how it is drawn, marked and coded, and
//! what was seen.
//!
//! Of its own because the product's promise is kept here: content leaves this crate as a [`Frame`] and as nothing else,
//! and a frame is made by [`Mark::seal`] alone, which draws the mark into the pixels before they are coded.
//! [`Outgoing`] is all that can be put on the wire to somebody who looks.
//!
//! Items are read once and shared by all sessions ([`Library`]). A session ([`Session`]) keeps the newest view state
//! and says what to draw next; nothing queues. Drawing goes on on a bounded number of threads ([`Studio`]), and when
//! all places are taken a new session waits ([`Places`]). What somebody has seen is counted, and a sweep is noticed
//! ([`watching`]).
//!
//! Nothing here reads a clock: moments are arguments.

mod answer;
mod clearing;
mod coding;
mod draw;
mod exhibit;
mod library;
mod mark;
mod photo;
mod places;
mod session;
mod studio;
pub mod watching;

pub use answer::answer;
pub use clearing::Part;
pub use coding::{Chroma, Coding};
pub use draw::{DrawError, Drawer, Seen};
pub use exhibit::{Exhibited, VolumeShown};
pub use library::{Library, LoadError};
pub use mark::{Frame, Mark, Outgoing, Still, hidden_mark};
pub use photo::Photo;
pub use places::{Place, Places, Ticket};
pub use session::{Next, Order, Session};
pub use studio::{Studio, Urgency};
