//! Who else takes part: grants, connections.

use serde::{Deserialize, Serialize};

use crate::error::DomainError;
use crate::time::Timestamp;
use crate::word::words;

words! {
    /// How much a collaborator may do in a case. Each right includes those before it.
    GrantRight {
        /// Look.
        See = "see",
        /// Look, mark and comment.
        Annotate = "annotate",
        /// Look, mark, comment and upload.
        Contribute = "contribute",
    }
}

/// What one case allows one collaborator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// How much.
    pub right: GrantRight,
    /// First moment at which it no longer holds.
    pub until: Timestamp,
    /// When it was revoked, if it was.
    pub revoked: Option<Timestamp>,
}

impl Grant {
    /// A grant that ends.
    ///
    /// # Errors
    /// [`DomainError::EndBeforeBeginning`] where it would have ended already.
    pub fn new(right: GrantRight, until: Timestamp, now: Timestamp) -> Result<Self, DomainError> {
        if until <= now {
            return Err(DomainError::EndBeforeBeginning);
        }
        Ok(Self {
            right,
            until,
            revoked: None,
        })
    }

    /// Whether it holds at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.until
    }

    /// Ends it at once.
    ///
    /// # Errors
    /// [`DomainError::WrongState`] where it was revoked before.
    pub fn revoke(self, now: Timestamp) -> Result<Self, DomainError> {
        match self.revoked {
            Some(_) => Err(DomainError::WrongState {
                change: "revoke",
                state: "revoked",
            }),
            None => Ok(Self {
                revoked: Some(now),
                ..self
            }),
        }
    }
}

words! {
    /// How a connection stands.
    ConnectionState {
        /// The patient has asked; the doctor has not answered.
        Asked = "asked",
        /// The doctor has accepted.
        Active = "active",
        /// The doctor has declined.
        Declined = "declined",
        /// One of the two has ended it.
        Ended = "ended",
    }
}

impl ConnectionState {
    /// The doctor accepts.
    ///
    /// # Errors
    /// [`DomainError::WrongState`] unless it was asked for and not answered.
    pub fn accept(self) -> Result<Self, DomainError> {
        self.step("accept", &[Self::Asked], Self::Active)
    }

    /// The doctor declines.
    ///
    /// # Errors
    /// [`DomainError::WrongState`] unless it was asked for and not answered.
    pub fn decline(self) -> Result<Self, DomainError> {
        self.step("decline", &[Self::Asked], Self::Declined)
    }

    /// One of the two ends it, or the patient takes the question back.
    ///
    /// # Errors
    /// [`DomainError::WrongState`] where it is over already.
    pub fn end(self) -> Result<Self, DomainError> {
        self.step("end", &[Self::Asked, Self::Active], Self::Ended)
    }

    fn step(self, change: &'static str, from: &[Self], to: Self) -> Result<Self, DomainError> {
        if from.contains(&self) {
            Ok(to)
        } else {
            Err(DomainError::WrongState {
                change,
                state: self.word(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_ends_by_its_date_or_by_revocation() {
        let now = Timestamp::from_ms(10);
        let grant = Grant::new(GrantRight::Annotate, Timestamp::from_ms(20), now).unwrap();
        assert!(grant.is_live(Timestamp::from_ms(19)) && !grant.is_live(Timestamp::from_ms(20)));
        let revoked = grant.revoke(Timestamp::from_ms(12)).unwrap();
        assert!(!revoked.is_live(Timestamp::from_ms(13)));
        assert!(revoked.revoke(now).is_err());
        assert!(Grant::new(GrantRight::See, now, now).is_err());
        assert!(GrantRight::See < GrantRight::Annotate && GrantRight::Annotate < GrantRight::Contribute);
    }

    #[test]
    fn a_connection_is_answered_once() {
        use ConnectionState::{Active, Asked, Declined, Ended};
        assert_eq!(Asked.accept(), Ok(Active));
        assert_eq!(Asked.decline(), Ok(Declined));
        assert_eq!(Asked.end(), Ok(Ended));
        assert_eq!(Active.end(), Ok(Ended));
        for over in [Active, Declined, Ended] {
            assert!(over.accept().is_err() && over.decline().is_err());
        }
        assert!(Declined.end().is_err() && Ended.end().is_err());
    }
}
