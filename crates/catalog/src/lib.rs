//! What is kept, in SQL: people, practices, patients, cases, content, uploads, work, and the record of what was done.
//!
//! The only room with SQL. One schema serves SQLite and PostgreSQL, and the statements keep to what both understand.
//! Every change of state is a [`Change`]: all of it is there after [`Change::commit`], with the events that tell of
//! it, or nothing is. What is read or written for a person takes the policy's proof that the person may ([`right`]),
//! and PostgreSQL lets through only the rows that the person has to do with. Values about people are sealed by keys that the caller's [`Cipher`] opens: whoever holds the
//! database alone sees identifiers, times, counts and states.
//!
//! An item appears with everything that belongs to it in one transaction, or not at all. Objects are written before
//! that; so that none is lost, a run of the pipeline records their names as pending before it writes, and the commit
//! of an item takes them off that list. What is left there by a run that has ended is garbage
//! ([`System::abandoned_objects`]).
//!
//! SQLite runs in WAL mode: one writer at a time, others wait; a commit survives loss of power.

mod audit;
mod cases;
mod cipher;
mod colors;
mod consent;
mod database;
mod doors;
mod dump;
mod emergencies;
mod error;
mod facts;
mod fold;
mod jobs;
mod log;
mod marks;
mod news;
mod notice;
mod patients;
mod people;
mod practices;
mod purge;
mod read;
mod record;
mod registrations;
mod requests;
mod rewrap;
pub mod right;
mod rows;
mod sights;
mod sign_ins;
mod spaces;
mod sql;
mod standing;
mod trace;
mod uploads;
mod words;
mod write;

pub use cases::{Case, CaseGrant, CaseList, CaseSearch, NewCase};
pub use cipher::{Cipher, CipherError, Fields};
pub use consent::{Connection, SignedRelease};
pub use database::{Catalog, Change, Conn, Database, System};
pub use dump::{FLEETING, Load, TABLES};
pub use emergencies::Emergency;
pub use error::CatalogError;
pub use jobs::{Job, MOST_ATTEMPTS};
pub use marks::{Mark, MarkId, MarkKind, MarkPlace, MarkVersion};
pub use news::News;
pub use notice::Notice;
pub use patients::{After, Patient};
pub use people::{Account, Credential, CredentialKind, Link, NewAccount};
pub use practices::{Member, Practice, PracticeSettings};
pub use purge::Due;
pub use read::Download;
pub use record::{Only, Scope};
pub use registrations::Registration;
pub use requests::RecordRequest;
pub use rows::{
    Artifact, Committed, Item, ItemOriginal, NewArtifact, NewItem, NewOriginal, ObjectRow, Original, OwnCase,
};
pub use sights::{NewSights, Sights};
pub use sign_ins::{Acceptance, Origin, SignIn, SignedIn};
pub use standing::{AsSystem, Facts, SecondWall};
pub use trace::MarkedSession;
pub use uploads::{Arrived, NewUpload, Upload, UploadSet};
