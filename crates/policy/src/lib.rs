//! Who may do what.
//!
//! The rules are Cedar policies in `assets/policy/`, written for an auditor to read. [`decide()`] puts one question to
//! them: may this [`Subject`] do this [`Act`] to the thing with these facts, at this moment? The answer is a proof
//! ([`Authorized`]) that the catalog asks for, or a [`Denial`], which says whether the subject may know that the thing
//! exists at all. `assets/policy/matrix.tsv` has the answers for every role, action and state, kept under test beside
//! a reference model that was written apart from the policies.
//!
//! No I/O and no clock: every fact is a plain field, and time is an argument.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod action;
mod decide;
mod encode;
mod engine;
mod error;
mod facts;
mod memo;
mod proof;

pub use action::{Act, Action, act};
pub use decide::{Decision, Denial, Existence, Reason, Verdict, decide, self_check, verdict};
pub use error::PolicyError;
pub use facts::{
    AccountFacts, AnnotationFacts, AuthoredFacts, CaptureFacts, CaseFacts, CommentFacts, ConnectionFacts,
    Destination, DestinationId, Facts, IntakeFacts, InvitationFacts, ItemFacts, Kind, OriginalFacts,
    PatientFacts, PracticeFacts, Resource, SpaceFacts, Subject, TourFacts, TransferFacts, UploadFacts,
    ViewFacts,
};
pub use proof::Authorized;
