//! The server: routes, guards around them, and what starts and stops it.

mod accounts;
mod agreements;
mod app;
mod artifacts;
#[expect(unused_qualifications, reason = "by the macro that describes routes")]
mod cases;
mod checkpoints;
mod client;
mod codes;
mod consent;
mod content;
mod describe;
mod doctor;
mod emergencies;
mod events;
mod exports;
mod extract;
mod front;
mod grants;
mod guard;
mod invitations;
mod items;
mod keeper;
mod limits;
mod listen;
mod live;
mod mail;
mod marks;
mod merging;
mod metrics;
mod names;
mod news;
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
mod registrations;
mod requests;
mod secrets;
mod serve;
mod signing;
mod spaces;
mod stored;
mod syncing;
mod turn;
mod uploads;
mod who;
mod wording;
mod worker;

pub(crate) use app::{Config, Demo, now};
pub(crate) use checkpoints::FOLDER as CHECKPOINTS;
pub(crate) use doctor::look_after;
pub(crate) use exports::{account_by_system as account_for_disclosures, lines as fhir_lines};
pub(crate) use listen::TlsFiles;
pub(crate) use live::LiveConfig;
pub(crate) use mail::MailConfig;
pub(crate) use operate::{add_practice, deactivate, reset, set_operator};
pub(crate) use serve::{serve, work};
