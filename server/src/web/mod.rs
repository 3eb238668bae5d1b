//! The server: routes, guards around them, and what starts and stops it.

mod accounts;
mod agreements;
mod app;
#[expect(unused_qualifications, reason = "by the macro that describes routes")]
mod cases;
mod consent;
mod doctor;
mod events;
mod extract;
mod guard;
mod invitations;
mod items;
mod keeper;
mod limits;
mod mail;
mod marks;
mod metrics;
mod names;
mod page;
mod passkeys;
#[expect(unused_qualifications, reason = "by the macro that describes routes")]
mod patients;
mod problem;
#[expect(unused_qualifications, reason = "by the macro that describes routes")]
mod records;
mod secrets;
mod serve;
mod syncing;
mod turn;
mod uploads;
mod who;
mod worker;

pub(crate) use app::{Config, Demo};
pub(crate) use doctor::look_after;
pub(crate) use serve::{serve, work};
