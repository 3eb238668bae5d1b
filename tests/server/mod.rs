//! The real server, as people's browsers use it.

mod accounts;
mod audit;
mod browser;
mod cases;
pub(crate) mod client;
mod crashes;
mod live;
mod marks;
mod matrix;
mod news;
mod operations;
mod outbox;
mod passkeys;
pub(crate) mod registrations;
mod schema;
mod several;
mod spaces;
mod uploads;
