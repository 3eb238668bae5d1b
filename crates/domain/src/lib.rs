//! The words of a case as types: people, practices, cases, items, grants, releases, marks; identifiers; personal data.
//!
//! No I/O, no clock, no SQL: time and randomness are arguments. What may change into what is said here once, as state
//! machines; who may change it is said in `policy`.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod act;
mod agreement;
mod annotation;
mod error;
mod id;
mod item;
mod people;
mod phi;
mod record;
mod sharing;
mod space;
pub mod text;
mod time;
mod word;

pub use act::{Capacity, Verb};
pub use agreement::{AgreementKind, AgreementVersion, Biometric, MarketingChoice, Release, ReleaseScope};
pub use annotation::{
    AnnotationGeometry, AnnotationKind, AnnotationState, MOST_POINTS, MarkColor, MarkSpace, Measure,
};
pub use error::DomainError;
pub use id::{
    AcceptanceId, AnnotationId, ArtifactId, CaseId, CommentId, ConnectionId, CredentialId, EmergencyId,
    EventId, GrantId, GuardianshipId, HoldId, IngestId, InvitationId, ItemId, JobId, NewsId, OriginalId,
    PatientId, PracticeId, RecordRequestId, RegistrationId, ReleaseId, RequestId, SessionId, SignInId,
    TourId, UploadId, UploadSetId, UserId, ViewId,
};
pub use item::{ArtifactKind, ItemKind, ItemState, JobState};
pub use people::{
    AccountState, AgreementStanding, CareTeam, Demographics, Gender, GuardianScope, Guardianship, MemberRole,
    Membership, Operator, PatientLink, PersonColor, Sex, SignInStrength,
};
pub use phi::Phi;
pub use record::{
    CaseState, Deletion, Hold, Keeping, NameDisclosure, NewsKind, RecordRequestKind, RecordRequestState,
    Sharing,
};
pub use sharing::{ConnectionState, Grant, GrantRight};
pub use space::{Fit, Laid, Lying, from_rows, rows_of, spaces};
pub use time::{Date, Timestamp, Window};
