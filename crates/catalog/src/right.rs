//! Which right each function of the catalog asks for.
//!
//! What is read or written for a person takes the proof that the policy has allowed it ([`policy::Authorized`]), and
//! takes the thing from the proof: there is no identifier beside it to mix up. A trait here is a right that several
//! actions give; [`policy::Act`] is sealed and its types belong to `policy`, so nobody else can give an action a right.
//! On PostgreSQL the same proof says whose rows the database lets through (`migrations/0009_walls.sql`).
//!
//! Three things have no proof, each behind a name that says so:
//!
//! - [`crate::Facts`] reads what is known before a question is answered: how people stand to things, what they are
//!   called, who is signed in. It reads no content and writes nothing.
//! - [`crate::AsSystem`] writes what a person brings about beyond what the person may see or before anybody is known:
//!   accounts and invitations of others, news for others, sign-ins, links that were mailed, the state of a job.
//! - [`crate::System`] is work that no person asked for or that the operator of the machine does: the pipeline and its
//!   queue, purging, the log and its audits, backups, new root keys, names of pending objects.
//!
//! The record of events is written by any change; it holds what was decided, refusals included, which have no proof.
//!
//! A case is read with the proof that it may be seen:
//!
//! ```no_run
//! # async fn read(db: &mut catalog::Conn, proof: policy::Authorized<policy::act::SeeCase>)
//! # -> Result<(), catalog::CatalogError> {
//! let case = db.case(proof).await?;
//! # Ok(())
//! # }
//! ```
//!
//! With its identifier it is not:
//!
//! ```compile_fail,E0308
//! # async fn read(db: &mut catalog::Conn, case: domain::CaseId) -> Result<(), catalog::CatalogError> {
//! let case = db.case(case).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Nor with a proof of something else, be it of the same case:
//!
//! ```compile_fail,E0277
//! # async fn read(db: &mut catalog::Conn, proof: policy::Authorized<policy::act::PlaceCaseHold>)
//! # -> Result<(), catalog::CatalogError> {
//! let case = db.case(proof).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Who may only look at an item gets none of its files:
//!
//! ```compile_fail,E0308
//! # async fn read(db: &mut catalog::Conn, proof: policy::Authorized<policy::act::LookAtItem>)
//! # -> Result<(), catalog::CatalogError> {
//! let file = db.original(proof).await?;
//! # Ok(())
//! # }
//! ```
//!
//! And facts lead to no content:
//!
//! ```compile_fail,E0599
//! # async fn read(db: &mut catalog::Conn, case: domain::CaseId) -> Result<(), catalog::CatalogError> {
//! let case = db.facts().await?.case(case).await?;
//! # Ok(())
//! # }
//! ```

use domain::{
    AnnotationId, CaseId, ConnectionId, ItemId, PatientId, PracticeId, UploadId, UploadSetId, UserId,
};
use policy::{Act, Authorized, act};

use crate::marks::MarkId;
use crate::record::Scope;

/// Where something is added to what people say: in a case, or in the thread of an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// In a case.
    Case(CaseId),
    /// In a thread.
    Thread(AnnotationId),
}

fn same<I>(id: I) -> I {
    id
}

/// Which capture is on its way.
fn capture((capture, _): (ItemId, Option<ConnectionId>)) -> ItemId {
    capture
}

/// A set is decided on under its own identifier.
fn set(id: UploadId) -> UploadSetId {
    UploadSetId::from_bytes(*id.as_bytes())
}

macro_rules! rights {
    ($($(#[$doc:meta])* $right:ident -> $id:ty { $($($act:ident),* by $of:path;)* })*) => {$(
        $(#[$doc])*
        pub trait $right: Act {
            /// What the proof is about.
            fn id(proof: &Authorized<Self>) -> $id
            where
                Self: Sized;
        }
        $($(impl $right for act::$act {
            fn id(proof: &Authorized<Self>) -> $id {
                $of(proof.on())
            }
        })*)*
    )*};
}

rights! {
    /// Reads one's own account.
    OwnAccount -> UserId { SeeSignIn, ReadAccount, EnrollFactor by same; }
    /// Reads what one signs in with.
    ReadFactors -> UserId { ReadAccount, EnrollFactor, EditAccount by same; }
    /// Takes away something that one signs in with.
    DropFactors -> UserId { EnrollFactor, RemoveFactor by same; }
    /// Ends one of one's sign-ins.
    EndSignIns -> UserId { SignOut, EndSignIn, EnrollFactor by same; }
    /// Accepts an agreement, or advertising.
    Accept -> UserId { AcceptAgreement, ChooseMarketing by same; }

    /// Reads what a practice is called and has chosen.
    ReadPractice -> PracticeId { SeePractice, EditPractice, SetRetention by same; }
    /// Changes that.
    ChangePractice -> PracticeId { EditPractice, SetRetention by same; }
    /// Reads who works in a practice.
    ReadMembers -> PracticeId {
        ListMembers, InviteMember, ChangeMember, RemoveMember, OpenEmergencyAccess by same;
    }
    /// Changes who works in a practice.
    PutMember -> PracticeId { InviteMember, ChangeMember, RemoveMember by same; }

    /// Reads a profile.
    ReadPatient -> PatientId { ReadProfile, EditProfile, InviteGuardian by same; }
    /// Reads the care team.
    ReadTeam -> PatientId { ReadCareTeam, ChangeCareTeam by same; }
    /// Reads who sees a profile as the patient or for the patient.
    ReadPeople -> PatientId { ReadCareTeam, WhoLooked by same; }
    /// Lets somebody see it so.
    PutPeople -> PatientId { InvitePatient, InviteGuardian by same; }
    /// Lists the cases of a patient.
    ReadCases -> PatientId { ListPatientCases, WhoLooked by same; }
    /// Asks the practice for something by law.
    AskPractice -> PatientId { RequestAmendment, RequestCopy by same; }
    /// Answers that.
    AnswerPatient -> PatientId { AnswerAmendment, AnswerCopyRequest by same; }
    /// Places a hold on a patient, or lifts it.
    HoldPatient -> PatientId { PlaceHold, LiftHold by same; }
    /// Deletes a profile, or undoes that.
    EndPatient -> PatientId { DeleteProfile, UndoDeleteProfile by same; }

    /// Reads a case.
    ReadCase -> CaseId { SeeCase, EditCase, CloseCase, ReopenCase by same; }
    /// Changes a case.
    ChangeCase -> CaseId { EditCase, CloseCase, ReopenCase by same; }
    /// Shares a case with its patient, or no longer.
    ShareCase -> CaseId { ShareWithPatient, StopSharing by same; }
    /// Places a hold on a case, or lifts it.
    HoldCase -> CaseId { PlaceCaseHold, LiftCaseHold by same; }
    /// Deletes a case, or undoes that.
    EndCase -> CaseId { DeleteCase, UndoDeleteCase by same; }
    /// Gives a grant on a case.
    PutGrant -> CaseId { InviteCollaborator, ChangeGrant by same; }
    /// Reads one grant on a case.
    ReadGrant -> CaseId { ChangeGrant, RevokeGrant by same; }

    /// Reads what an item is.
    ReadItem -> ItemId {
        SeeItem, LookAtItem, RenderLocally, EditItem by same;
        FileCapture by same;
        TransferCapture, GiveCapture by capture;
    }
    /// Reads which files an item was made of; each is one's own only if one may download it.
    ReadOriginals -> ItemId {
        SeeItem, DownloadCapture, FileCapture by same;
        TransferCapture, GiveCapture by capture;
    }
    /// Reads what was made of an item, and its key: to show marked pictures of it, to hand it out, or to copy it.
    ReadContent -> ItemId {
        LookAtItem, RenderLocally, LookAtCapture, RenderCapture, FileCapture by same;
        TransferCapture, GiveCapture by capture;
    }
    /// Looks at an item or a capture, of which is kept how much was seen.
    Look -> ItemId { LookAtItem, LookAtCapture by same; }
    /// Copies a capture elsewhere.
    CopyCapture -> ItemId { FileCapture by same; TransferCapture, GiveCapture by capture; }
    /// Gives a copy of a capture to somebody else.
    HandOver -> (ItemId, Option<ConnectionId>) { TransferCapture, GiveCapture by same; }
    /// Deletes an item or a capture, or undoes that.
    EndItem -> ItemId { DeleteItem, UndoDeleteItem, DeleteCapture, UndoDeleteCapture by same; }

    /// Adds a mark.
    AddMark -> Spot { Annotate, SaveView, SaveTour by Spot::Case; Comment by Spot::Thread; }
    /// Amends a mark.
    AmendMark -> MarkId {
        AmendAnnotation by MarkId::Annotation;
        AmendComment by MarkId::Comment;
        AmendView by MarkId::View;
        AmendTour by MarkId::Tour;
    }
    /// Withdraws a mark.
    WithdrawMark -> MarkId {
        WithdrawAnnotation by MarkId::Annotation;
        WithdrawComment by MarkId::Comment;
        DeleteView by MarkId::View;
        DeleteTour by MarkId::Tour;
    }
    /// Reads a mark that one is about to change or to comment on.
    ReadMark -> MarkId {
        AmendAnnotation, WithdrawAnnotation, Comment by MarkId::Annotation;
        AmendComment, WithdrawComment by MarkId::Comment;
        AmendView, DeleteView by MarkId::View;
        AmendTour, DeleteTour by MarkId::Tour;
    }

    /// Sees a set of uploads and the work on it.
    ReadUploads -> UploadSetId { SeeUpload, ContinueUpload, RetryIngest by set; }

    /// Reads events of the log.
    ReadEvents -> Scope {
        ReadAudit, ExportAudit by Scope::Practice;
        WhoLooked, AccountForDisclosures by Scope::Patient;
    }
    /// Answers or ends a connection.
    ChangeConnection -> ConnectionId { AnswerConnection, EndConnection by same; }
}
