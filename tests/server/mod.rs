//! The real server, as people's browsers use it.

mod accounts;
mod cases;
pub(crate) mod client;
mod crashes;
mod marks;
mod operations;
mod passkeys;
mod several;
mod spaces;
mod uploads;
