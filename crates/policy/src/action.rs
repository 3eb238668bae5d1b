//! Everything that a signed-in user can ask to do, one word for each.
//!
//! [`Action`] is the list; [`act`] has the same words as types, so that a function can name the right that it needs
//! in its signature ([`crate::Authorized`]).

use domain::Verb;

use crate::facts::{
    AccountFacts, AnnotationFacts, CaptureFacts, CaseFacts, CommentFacts, ConnectionFacts, Facts,
    IntakeFacts, InvitationFacts, ItemFacts, Kind, OriginalFacts, PatientFacts, PracticeFacts, SpaceFacts,
    TourFacts, TransferFacts, UploadFacts, ViewFacts,
};

/// An action as a type.
pub trait Act: sealed::Sealed {
    /// The action.
    const ACTION: Action;
    /// The facts of what it is done to.
    type On: Facts;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! actions {
    ($($kind:ident($facts:ident) { $($(#[$doc:meta])* $name:ident,)* })*) => {
        /// Something that a user can ask to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum Action {
            $($($(#[$doc])* $name,)*)*
        }

        impl Action {
            /// Every action, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$($(Self::$name,)*)*];

            /// Its name, in the policies, the matrix and the audit trail.
            pub const fn name(self) -> &'static str {
                match self {
                    $($(Self::$name => stringify!($name),)*)*
                }
            }

            /// The action with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($(stringify!($name) => Some(Self::$name),)*)*
                    _ => None,
                }
            }

            /// What it is done to.
            pub const fn kind(self) -> Kind {
                match self {
                    $($(Self::$name => Kind::$kind,)*)*
                }
            }
        }

        /// The actions as types; none has a value.
        pub mod act {
            use super::{Act, Action, sealed::Sealed};
            $($(
                $(#[$doc])*
                #[derive(Debug)]
                pub enum $name {}
                impl Sealed for $name {}
                impl Act for $name {
                    const ACTION: Action = Action::$name;
                    type On = super::$facts;
                }
            )*)*
        }
    };
}

actions! {
    Account(AccountFacts) {
        /// See who is signed in, and what is still to be done before anything else.
        SeeSignIn,
        /// End the sign-in at hand.
        SignOut,
        /// Accept a version of an agreement.
        AcceptAgreement,
        /// Enroll a passkey or a second factor.
        EnrollFactor,
        /// Read one's own account.
        ReadAccount,
        /// Change one's own account.
        EditAccount,
        /// Close one's own account.
        CloseAccount,
        /// Remove a passkey or a second factor.
        RemoveFactor,
        /// Turn advertising on or off.
        ChooseMarketing,
        /// List one's sign-ins.
        ListSignIns,
        /// End one of one's sign-ins.
        EndSignIn,
        /// List the cases that one may see.
        ListCases,
        /// List one's connections.
        ListConnections,
        /// Open a practice, and become its administrator.
        CreatePractice,
    }
    Invitation(InvitationFacts) {
        /// Accept an invitation.
        AcceptInvitation,
    }
    Practice(PracticeFacts) {
        /// See the practice.
        SeePractice,
        /// Change its name, or where it lies among the others of its case. address and choices.
        EditPractice,
        /// List its members.
        ListMembers,
        /// Invite a member.
        InviteMember,
        /// Change a member's role.
        ChangeMember,
        /// End a membership.
        RemoveMember,
        /// List and search the patient profiles of whose care team one is.
        ListPatients,
        /// Search the cases of these patients.
        SearchCases,
        /// Create a patient profile.
        CreatePatient,
        /// List who belongs to which care team.
        ListCareTeams,
        /// Set how long records are kept.
        SetRetention,
        /// Read the audit trail of the practice.
        ReadAudit,
        /// Take the audit trail out, as FHIR AuditEvents.
        ExportAudit,
        /// Open emergency access for a while.
        OpenEmergencyAccess,
        /// End emergency access.
        EndEmergencyAccess,
    }
    Patient(PatientFacts) {
        /// Read a patient profile.
        ReadProfile,
        /// Change it.
        EditProfile,
        /// List the patient's cases, as far as one may see them.
        ListPatientCases,
        /// See who belongs to the care team.
        ReadCareTeam,
        /// Add members to the care team, or remove them.
        ChangeCareTeam,
        /// Open a case.
        CreateCase,
        /// Invite the patient to the profile.
        InvitePatient,
        /// Invite a guardian of a minor.
        InviteGuardian,
        /// End the link of the patient or a guardian to the profile.
        EndPatientLink,
        /// Ask that the profile be amended.
        RequestAmendment,
        /// Answer such a request.
        AnswerAmendment,
        /// Ask for a copy of the record.
        RequestCopy,
        /// Answer such a request.
        AnswerCopyRequest,
        /// Read the biometric releases.
        ReadReleases,
        /// Sign a biometric release.
        SignRelease,
        /// Withdraw a biometric release.
        WithdrawRelease,
        /// Ask a doctor for a connection.
        StartConnection,
        /// Place a legal hold on everything of the patient.
        PlaceHold,
        /// Lift it.
        LiftHold,
        /// Account for disclosures (45 CFR 164.528).
        AccountForDisclosures,
        /// See who looked at the record.
        WhoLooked,
        /// Delete the profile with everything under it.
        DeleteProfile,
        /// Undo that.
        UndoDeleteProfile,
    }
    Case(CaseFacts) {
        /// See a case: title, date, state, what is in it.
        SeeCase,
        /// See the patient's name beside the title.
        SeePatientName,
        /// Change title and date.
        EditCase,
        /// Close it.
        CloseCase,
        /// Reopen it.
        ReopenCase,
        /// Share it with the patient.
        ShareWithPatient,
        /// Stop sharing it with the patient.
        StopSharing,
        /// See who has a grant.
        ReadGrants,
        /// Invite a collaborator.
        InviteCollaborator,
        /// Change a grant's right or end date.
        ChangeGrant,
        /// Revoke a grant.
        RevokeGrant,
        /// See marks, their threads, views and tours.
        SeeAnnotations,
        /// See what marks and comments were before they were amended or withdrawn.
        ReadAnnotationHistory,
        /// Set a mark.
        Annotate,
        /// Save a view.
        SaveView,
        /// Save a tour.
        SaveTour,
        /// Place a legal hold on the case.
        PlaceCaseHold,
        /// Lift it.
        LiftCaseHold,
        /// Delete the case.
        DeleteCase,
        /// Undo that.
        UndoDeleteCase,
    }
    Item(ItemFacts) {
        /// See that an item is there: name, kind, state, findings.
        SeeItem,
        /// Look at it: frames and thumbnails, marked.
        LookAtItem,
        /// Get its content in full, to render in the browser.
        RenderLocally,
        /// Change its name, or where it lies among the others of its case.
        EditItem,
        /// Delete it.
        DeleteItem,
        /// Undo that.
        UndoDeleteItem,
    }
    Original(OriginalFacts) {
        /// Download the very bytes that one uploaded.
        DownloadOriginal,
    }
    Annotation(AnnotationFacts) {
        /// Comment in its thread.
        Comment,
        /// Amend it; what it was is kept.
        AmendAnnotation,
        /// Withdraw it; what it was is kept.
        WithdrawAnnotation,
    }
    Comment(CommentFacts) {
        /// Amend a comment; what it was is kept.
        AmendComment,
        /// Withdraw a comment; what it was is kept.
        WithdrawComment,
    }
    View(ViewFacts) {
        /// Change a saved view.
        AmendView,
        /// Delete a saved view.
        DeleteView,
    }
    Tour(TourFacts) {
        /// Change a tour.
        AmendTour,
        /// Delete a tour.
        DeleteTour,
    }
    Intake(IntakeFacts) {
        /// Start an upload.
        StartUpload,
    }
    Upload(UploadFacts) {
        /// Send more of it, or end it.
        ContinueUpload,
        /// Have the pipeline try again, after it has failed.
        RetryIngest,
        /// See how far it and its ingestion have come.
        SeeUpload,
        /// Give it up.
        AbandonUpload,
    }
    Space(SpaceFacts) {
        /// List the captures of one's own space.
        ListCaptures,
    }
    Capture(CaptureFacts) {
        /// Look at a capture of one's own space: frames.
        LookAtCapture,
        /// Get its content in full, to render in the browser.
        RenderCapture,
        /// Download the very bytes that one uploaded.
        DownloadCapture,
        /// Put it into a case or a profile; needs [`Action::StartUpload`] there as well.
        FileCapture,
        /// Delete it.
        DeleteCapture,
        /// Undo that.
        UndoDeleteCapture,
    }
    Transfer(TransferFacts) {
        /// A patient hands a capture to a connected doctor.
        TransferCapture,
        /// A doctor puts a capture into a connected patient's own space.
        GiveCapture,
    }
    Connection(ConnectionFacts) {
        /// See a connection.
        SeeConnection,
        /// Accept or decline it.
        AnswerConnection,
        /// End it.
        EndConnection,
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Action {
    /// What kind of act it is, for the audit trail.
    pub const fn verb(self) -> Verb {
        use Action as A;
        match self {
            A::EnrollFactor
            | A::CreatePractice
            | A::InviteMember
            | A::CreatePatient
            | A::OpenEmergencyAccess
            | A::CreateCase
            | A::InvitePatient
            | A::InviteGuardian
            | A::RequestAmendment
            | A::RequestCopy
            | A::SignRelease
            | A::StartConnection
            | A::InviteCollaborator
            | A::Annotate
            | A::SaveView
            | A::SaveTour
            | A::Comment
            | A::StartUpload
            | A::AcceptAgreement
            | A::AcceptInvitation
            | A::FileCapture
            | A::TransferCapture
            | A::GiveCapture => Verb::Create,
            A::SeeSignIn
            | A::ReadAccount
            | A::SeePractice
            | A::ReadProfile
            | A::ReadCareTeam
            | A::ReadReleases
            | A::SeeCase
            | A::SeePatientName
            | A::ReadGrants
            | A::SeeAnnotations
            | A::ReadAnnotationHistory
            | A::SeeItem
            | A::LookAtItem
            | A::RenderLocally
            | A::DownloadOriginal
            | A::SeeUpload
            | A::LookAtCapture
            | A::RenderCapture
            | A::DownloadCapture
            | A::SeeConnection
            | A::WhoLooked
            | A::AccountForDisclosures
            | A::ReadAudit
            | A::ExportAudit => Verb::Read,
            A::ListSignIns
            | A::ListCases
            | A::ListConnections
            | A::ListMembers
            | A::ListPatients
            | A::SearchCases
            | A::ListCareTeams
            | A::ListPatientCases
            | A::ListCaptures => Verb::List,
            A::EditAccount
            | A::ChooseMarketing
            | A::EditPractice
            | A::ChangeMember
            | A::SetRetention
            | A::EditProfile
            | A::ChangeCareTeam
            | A::AnswerAmendment
            | A::AnswerCopyRequest
            | A::PlaceHold
            | A::LiftHold
            | A::UndoDeleteProfile
            | A::EditCase
            | A::CloseCase
            | A::ReopenCase
            | A::ShareWithPatient
            | A::StopSharing
            | A::ChangeGrant
            | A::PlaceCaseHold
            | A::LiftCaseHold
            | A::UndoDeleteCase
            | A::EditItem
            | A::RetryIngest
            | A::UndoDeleteItem
            | A::AmendAnnotation
            | A::AmendComment
            | A::AmendView
            | A::AmendTour
            | A::ContinueUpload
            | A::UndoDeleteCapture
            | A::AnswerConnection => Verb::Update,
            A::CloseAccount
            | A::RemoveFactor
            | A::RemoveMember
            | A::EndPatientLink
            | A::WithdrawRelease
            | A::DeleteProfile
            | A::RevokeGrant
            | A::DeleteCase
            | A::DeleteItem
            | A::WithdrawAnnotation
            | A::WithdrawComment
            | A::DeleteView
            | A::DeleteTour
            | A::AbandonUpload
            | A::DeleteCapture
            | A::EndConnection
            | A::EndEmergencyAccess => Verb::Delete,
            A::SignOut | A::EndSignIn => Verb::Execute,
        }
    }
}
