//! The server: routes, guards around them, and what starts and stops it.

mod accounts;
mod agreements;
mod app;
#[expect(unused_qualifications, reason = "by the macro that describes routes")]
mod cases;
mod codes;
mod consent;
mod doctor;
mod emergencies;
mod events;
mod extract;
mod front;
mod grants;
mod guard;
mod invitations;
mod items;
mod keeper;
mod limits;
mod listen;
mod mail;
mod marks;
mod metrics;
mod names;
mod operate;
mod own;
mod page;
mod passkeys;
#[expect(unused_qualifications, reason = "by the macro that describes routes")]
mod patients;
mod practices;
mod problem;
#[expect(unused_qualifications, reason = "by the macro that describes routes")]
mod records;
mod requests;
mod secrets;
mod serve;
mod signing;
mod spaces;
mod syncing;
mod turn;
mod uploads;
mod who;
mod worker;

pub(crate) use app::{Config, Demo, now};
pub(crate) use doctor::look_after;
pub(crate) use listen::TlsFiles;
pub(crate) use mail::MailConfig;
pub(crate) use operate::{add_practice, deactivate, reset, set_operator};
pub(crate) use serve::{serve, work};
