//! What must be known to answer a question, as plain values. Nothing here is looked up: the caller brings the facts
//! and vouches for them, at one moment, from one transaction.

use domain::{
    AccountState, AgreementStanding, AnnotationId, Biometric, CareTeam, CaseId, CaseState, CommentId,
    ConnectionId, ConnectionState, Deletion, Grant, InvitationId, ItemId, Keeping, MemberRole,
    NameDisclosure, Operator, OriginalId, PatientId, PatientLink, PracticeId, Release, Sharing,
    SignInStrength, Timestamp, TourId, UploadId, UserId, ViewId, Window,
};

use crate::encode::Encoder;

/// The signed-in user who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Who it is.
    pub user: UserId,
    /// How the account stands.
    pub account: AccountState,
    /// How strong the sign-in is.
    pub strength: SignInStrength,
    /// Whether the agreements in force are accepted.
    pub agreements: AgreementStanding,
    /// Whether the user runs the server.
    pub operator: Operator,
}

/// What kind of thing an action is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A user's account.
    Account,
    /// An invitation.
    Invitation,
    /// A practice.
    Practice,
    /// A patient profile.
    Patient,
    /// A case.
    Case,
    /// An item.
    Item,
    /// The bytes of one uploaded file.
    Original,
    /// A mark.
    Annotation,
    /// A comment in a thread.
    Comment,
    /// A saved view.
    View,
    /// A tour.
    Tour,
    /// What is about to be uploaded, and where to.
    Intake,
    /// An upload under way.
    Upload,
    /// A user's own space of captures.
    Space,
    /// A capture in such a space.
    Capture,
    /// A capture on its way to somebody.
    Transfer,
    /// A connection.
    Connection,
}

/// The facts of one kind of thing.
pub trait Facts: crate::encode::Encode {
    /// What identifies the thing in a proof.
    type Id: Copy + std::fmt::Debug + PartialEq;
    /// Its kind.
    const KIND: Kind;
    /// The thing that these are the facts of.
    fn id(&self) -> Self::Id;
    /// The same facts, among those of every kind.
    fn resource(&self) -> Resource;
}

/// A user's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountFacts {
    /// Whose it is.
    pub owner: UserId,
}

/// An invitation whose token was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InvitationFacts {
    /// Which.
    pub invitation: InvitationId,
    /// The user whose verified address it was sent to.
    pub addressee: UserId,
    /// First moment at which it no longer holds.
    pub until: Timestamp,
}

/// A practice, and how the subject stands to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PracticeFacts {
    /// Which.
    pub practice: PracticeId,
    /// The subject's role in it; `None` for who is no member (any more).
    pub role: Option<MemberRole>,
    /// Emergency access that the subject opened, and that was not ended.
    pub emergency: Option<Window>,
}

/// A patient profile, and how the subject stands to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PatientFacts {
    /// Which.
    pub patient: PatientId,
    /// The practice that owns it.
    pub practice: PracticeFacts,
    /// Who created it.
    pub creator: UserId,
    /// Whether the subject belongs to its care team.
    pub care_team: CareTeam,
    /// Whether it is the subject's own, or the subject acts for the minor whose it is.
    pub link: Option<PatientLink>,
    /// When the person comes of age, where the day of birth is known.
    pub comes_of_age: Option<Timestamp>,
    /// Its deletion, if it was deleted.
    pub deletion: Option<Deletion>,
    /// Its own hold and retention.
    pub keeping: Keeping,
}

/// A case, and how the subject stands to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CaseFacts {
    /// Which.
    pub case: CaseId,
    /// The patient whose case it is.
    pub patient: PatientFacts,
    /// Open or closed.
    pub state: CaseState,
    /// Whether it is shared with the patient.
    pub sharing: Sharing,
    /// Whether the practice lets collaborators see the patient's name.
    pub names: NameDisclosure,
    /// The subject's grant, live or not; the one that ends last, where there were several.
    pub grant: Option<Grant>,
    /// Its deletion, if it was deleted.
    pub deletion: Option<Deletion>,
    /// Its own hold and retention.
    pub keeping: Keeping,
}

/// An item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ItemFacts {
    /// Which.
    pub item: ItemId,
    /// The case that it is in.
    pub case: CaseFacts,
    /// Who uploaded it.
    pub uploader: UserId,
    /// Its deletion, if it was deleted.
    pub deletion: Option<Deletion>,
    /// Its own hold and retention.
    pub keeping: Keeping,
}

/// The bytes of one uploaded file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OriginalFacts {
    /// Which.
    pub original: OriginalId,
    /// The item that was made of it.
    pub item: ItemFacts,
    /// Who uploaded these bytes, who may be another than the item's uploader.
    pub uploader: UserId,
}

/// Something in a case that one person wrote: a mark, a comment, a view, a tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AuthoredFacts<I> {
    /// Which.
    pub id: I,
    /// The case that it is in.
    pub case: CaseFacts,
    /// Who wrote it.
    pub author: UserId,
}

/// A mark.
pub type AnnotationFacts = AuthoredFacts<AnnotationId>;
/// A comment.
pub type CommentFacts = AuthoredFacts<CommentId>;
/// A saved view.
pub type ViewFacts = AuthoredFacts<ViewId>;
/// A tour.
pub type TourFacts = AuthoredFacts<TourId>;

/// Where an upload leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// Into a case.
    Case(CaseFacts),
    /// Into a patient profile.
    Profile(PatientFacts),
    /// Into a user's own space.
    Space(SpaceFacts),
}

/// Where an upload leads to, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DestinationId {
    /// Into a case.
    Case(CaseId),
    /// Into a patient profile.
    Profile(PatientId),
    /// Into a user's own space.
    Space(UserId),
}

impl Destination {
    /// Its name.
    pub fn id(&self) -> DestinationId {
        match self {
            Self::Case(case) => DestinationId::Case(case.case),
            Self::Profile(patient) => DestinationId::Profile(patient.patient),
            Self::Space(space) => DestinationId::Space(space.owner),
        }
    }
}

/// What is about to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IntakeFacts {
    /// Where.
    pub into: Destination,
    /// Whether it shows a face or a head.
    pub biometric: Biometric,
    /// The release of the person whom it shows, if there is one: the latest.
    pub release: Option<Release>,
}

/// An upload under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UploadFacts {
    /// Which.
    pub upload: UploadId,
    /// Who started it.
    pub creator: UserId,
    /// What it brings, and where to.
    pub intake: IntakeFacts,
}

/// A user's own space of captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpaceFacts {
    /// Whose it is.
    pub owner: UserId,
}

/// A capture in a user's own space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CaptureFacts {
    /// Which.
    pub item: ItemId,
    /// In whose space it is.
    pub owner: UserId,
    /// Who uploaded it, who is another than the owner after a transfer.
    pub uploader: UserId,
    /// Its deletion, if it was deleted.
    pub deletion: Option<Deletion>,
    /// Its own hold and retention.
    pub keeping: Keeping,
}

/// A capture on its way to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransferFacts {
    /// The capture.
    pub capture: CaptureFacts,
    /// The connection between its owner and the one who is to get it, if there is one.
    pub connection: Option<ConnectionFacts>,
}

/// A connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionFacts {
    /// Which.
    pub connection: ConnectionId,
    /// Who started it.
    pub patient: UserId,
    /// Whom it leads to.
    pub doctor: UserId,
    /// How it stands.
    pub state: ConnectionState,
}

/// The facts of a thing of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A user's account.
    Account(AccountFacts),
    /// An invitation.
    Invitation(InvitationFacts),
    /// A practice.
    Practice(PracticeFacts),
    /// A patient profile.
    Patient(PatientFacts),
    /// A case.
    Case(CaseFacts),
    /// An item.
    Item(ItemFacts),
    /// The bytes of one uploaded file.
    Original(OriginalFacts),
    /// A mark.
    Annotation(AnnotationFacts),
    /// A comment in a thread.
    Comment(CommentFacts),
    /// A saved view.
    View(ViewFacts),
    /// A tour.
    Tour(TourFacts),
    /// What is about to be uploaded, and where to.
    Intake(IntakeFacts),
    /// An upload under way.
    Upload(UploadFacts),
    /// A user's own space of captures.
    Space(SpaceFacts),
    /// A capture in such a space.
    Capture(CaptureFacts),
    /// A capture on its way to somebody.
    Transfer(TransferFacts),
    /// A connection.
    Connection(ConnectionFacts),
}

macro_rules! facts {
    ($($kind:ident($facts:ident), $id:ty, |$this:ident| $get:expr;)*) => {
        $(impl Facts for $facts {
            type Id = $id;
            const KIND: Kind = Kind::$kind;
            fn id(&self) -> $id {
                let $this = self;
                $get
            }
            fn resource(&self) -> Resource {
                Resource::$kind(*self)
            }
        })*

        impl Resource {
            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$kind(_) => Kind::$kind,)*
                }
            }

            pub(crate) fn encode(&self, out: &mut Encoder) {
                match self {
                    $(Self::$kind(facts) => crate::encode::Encode::encode(facts, out),)*
                }
            }
        }
    };
}

facts! {
    Account(AccountFacts), UserId, |f| f.owner;
    Invitation(InvitationFacts), InvitationId, |f| f.invitation;
    Practice(PracticeFacts), PracticeId, |f| f.practice;
    Patient(PatientFacts), PatientId, |f| f.patient;
    Case(CaseFacts), CaseId, |f| f.case;
    Item(ItemFacts), ItemId, |f| f.item;
    Original(OriginalFacts), OriginalId, |f| f.original;
    Annotation(AnnotationFacts), AnnotationId, |f| f.id;
    Comment(CommentFacts), CommentId, |f| f.id;
    View(ViewFacts), ViewId, |f| f.id;
    Tour(TourFacts), TourId, |f| f.id;
    Intake(IntakeFacts), DestinationId, |f| f.into.id();
    Upload(UploadFacts), UploadId, |f| f.upload;
    Space(SpaceFacts), UserId, |f| f.owner;
    Capture(CaptureFacts), ItemId, |f| f.item;
    Transfer(TransferFacts), (ItemId, Option<ConnectionId>),
        |f| (f.capture.item, f.connection.map(|connection| connection.connection));
    Connection(ConnectionFacts), ConnectionId, |f| f.connection;
}

impl Kind {
    /// Its name in the policies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "Account",
            Self::Invitation => "Invitation",
            Self::Practice => "Practice",
            Self::Patient => "Patient",
            Self::Case => "Case",
            Self::Item => "Item",
            Self::Original => "Original",
            Self::Annotation => "Annotation",
            Self::Comment => "Comment",
            Self::View => "View",
            Self::Tour => "Tour",
            Self::Intake => "Intake",
            Self::Upload => "Upload",
            Self::Space => "Space",
            Self::Capture => "Capture",
            Self::Transfer => "Transfer",
            Self::Connection => "Connection",
        }
    }
}
