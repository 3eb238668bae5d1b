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
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
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
