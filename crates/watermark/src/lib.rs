//! Marks on pictures of a case: what everybody reads, [`visible`], and what only the server finds again, [`hidden`].
//!
//! Pure: pictures in, pictures out. No clock, no files, no random numbers; what changes from session to session is an
//! argument. A picture is RGB, 8 bits a channel, `[row][column][channel]` without padding, as screens show it (sRGB).

pub mod hidden;
pub mod visible;

mod text;
