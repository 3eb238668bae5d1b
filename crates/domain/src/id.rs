//! Typed identifiers. A bare UUID never crosses a function's boundary.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// An identifier from 16 random bytes of the caller's.
            pub fn from_random(bytes: [u8; 16]) -> Self {
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }

            /// The identifier whose bytes these are.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes of the identifier.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id! {
    /// A clinic or group.
    PracticeId
}
id! {
    /// One person's account.
    UserId
}
id! {
    /// A patient profile: one person as one practice knows them.
    PatientId
}
id! {
    /// One treatment or procedure of one patient.
    CaseId
}
id! {
    /// One piece of medical content in a case.
    ItemId
}
id! {
    /// The bytes of one uploaded file.
    OriginalId
}
id! {
    /// What the pipeline derived from originals.
    ArtifactId
}
id! {
    /// One run of the pipeline.
    IngestId
}
id! {
    /// A collaborator's grant on one case.
    GrantId
}
id! {
    /// A link between a patient and a doctor.
    ConnectionId
}
id! {
    /// One person acting for one minor.
    GuardianshipId
}
id! {
    /// An invitation by e-mail.
    InvitationId
}
id! {
    /// One user's acceptance of one version of an agreement.
    AcceptanceId
}
id! {
    /// A signed biometric release.
    ReleaseId
}
id! {
    /// A legal hold.
    HoldId
}
id! {
    /// A mark in a case.
    AnnotationId
}
id! {
    /// A comment in the thread of an annotation.
    CommentId
}
id! {
    /// A saved view.
    ViewId
}
id! {
    /// An ordered list of views.
    TourId
}
id! {
    /// One person looking at one case, from opening to closing.
    SessionId
}
id! {
    /// One signed-in browser or program of one user.
    SignInId
}
id! {
    /// A passkey or another means of signing in.
    CredentialId
}
id! {
    /// One upload, resumable until it ends.
    UploadId
}
id! {
    /// Files that come in together and are ingested as one.
    UploadSetId
}
id! {
    /// A piece of work in the queue.
    JobId
}
id! {
    /// An event of the audit trail.
    EventId
}
id! {
    /// One time that an operator of the server has access in an emergency.
    EmergencyId
}
id! {
    /// A request for an amendment or a copy of a record.
    RecordRequestId
}
id! {
    /// One item laid onto another.
    RegistrationId
}
id! {
    /// Something that a person is told of.
    NewsId
}
id! {
    /// One request to the server, as logs and audit events name it.
    RequestId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        let id = ItemId::from_random([7; 16]);
        assert_eq!(id.to_string().parse::<ItemId>().unwrap(), id);
        assert_eq!(ItemId::from_bytes(*id.as_bytes()), id);
    }
}
