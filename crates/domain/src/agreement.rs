//! Texts that users accept or sign.

use serde::{Deserialize, Serialize};

use crate::error::DomainError;
use crate::time::Timestamp;
use crate::word::words;

words! {
    /// What a text is about.
    AgreementKind {
        /// Terms of use; accepted by everyone.
        Terms = "terms",
        /// Privacy policy; accepted by everyone.
        Privacy = "privacy",
        /// Biometric release; signed by the patient or a guardian before faces and heads are captured.
        Release = "release",
    }
}

impl AgreementKind {
    /// Those that stop everything else until their version in force is accepted.
    pub const REQUIRED: &'static [Self] = &[Self::Terms, Self::Privacy];
}

/// Version of a text: 1, 2, 3 and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AgreementVersion(pub u32);

words! {
    /// Choices about advertising, each off until its owner turns it on, and off again with one click.
    MarketingChoice {
        /// News about the product by e-mail.
        ProductNews = "product_news",
        /// Questions about the product by e-mail.
        Surveys = "surveys",
    }
}

words! {
    /// What a biometric release covers. Each scope includes those before it.
    ReleaseScope {
        /// Captures for this person's own treatment.
        Treatment = "treatment",
        /// And showing them to collaborators.
        Collaboration = "collaboration",
    }
}

words! {
    /// Whether what is to be stored shows a face or a head as a surface, picture or depth capture.
    Biometric {
        /// It does not.
        No = "no",
        /// It does: a release is needed first.
        FaceOrHead = "face_or_head",
    }
}

/// A signed biometric release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Release {
    /// Version of the text that was signed.
    pub version: AgreementVersion,
    /// What it covers.
    pub scope: ReleaseScope,
    /// When it was signed.
    pub signed: Timestamp,
    /// When it was withdrawn, if it was.
    pub withdrawn: Option<Timestamp>,
}

impl Release {
    /// Whether face and head captures may be taken in at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.signed <= now && self.withdrawn.is_none_or(|withdrawn| now < withdrawn)
    }

    /// Withdraws it: nothing more is taken in.
    ///
    /// # Errors
    /// [`DomainError::WrongState`] where it was withdrawn before.
    pub fn withdraw(self, now: Timestamp) -> Result<Self, DomainError> {
        match self.withdrawn {
            Some(_) => Err(DomainError::WrongState {
                change: "withdraw",
                state: "withdrawn",
            }),
            None => Ok(Self {
                withdrawn: Some(now),
                ..self
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_holds_until_it_is_withdrawn() {
        let release = Release {
            version: AgreementVersion(2),
            scope: ReleaseScope::Treatment,
            signed: Timestamp::from_ms(5),
            withdrawn: None,
        };
        assert!(!release.is_live(Timestamp::from_ms(4)) && release.is_live(Timestamp::from_ms(5)));
        let withdrawn = release.withdraw(Timestamp::from_ms(9)).unwrap();
        assert!(withdrawn.is_live(Timestamp::from_ms(8)) && !withdrawn.is_live(Timestamp::from_ms(9)));
        assert!(withdrawn.withdraw(Timestamp::from_ms(10)).is_err());
    }
}
