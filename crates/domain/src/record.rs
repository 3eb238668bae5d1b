//! States of what a practice keeps: open and closed cases, deletion with an undo window, holds, retention.

use serde::{Deserialize, Serialize};

use crate::error::DomainError;
use crate::time::Timestamp;
use crate::word::words;

words! {
    /// Whether a case goes on.
    CaseState {
        /// It goes on.
        Open = "open",
        /// It has ended: it may be looked at, and nothing is added until it is reopened.
        Closed = "closed",
    }
}

impl CaseState {
    /// Closes an open case.
    ///
    /// # Errors
    /// [`DomainError::WrongState`] where it is closed.
    pub fn close(self) -> Result<Self, DomainError> {
        match self {
            Self::Open => Ok(Self::Closed),
            Self::Closed => Err(wrong("close", self)),
        }
    }

    /// Reopens a closed case.
    ///
    /// # Errors
    /// [`DomainError::WrongState`] where it is open.
    pub fn reopen(self) -> Result<Self, DomainError> {
        match self {
            Self::Closed => Ok(Self::Open),
            Self::Open => Err(wrong("reopen", self)),
        }
    }
}

fn wrong(change: &'static str, state: CaseState) -> DomainError {
    DomainError::WrongState {
        change,
        state: state.word(),
    }
}

words! {
    /// Whether the patient sees a case.
    Sharing {
        /// The patient does not know of it.
        Private = "private",
        /// The patient, and guardians, may look.
        WithPatient = "with_patient",
    }
}

words! {
    /// Whether collaborators see the patient's name beside the title of a case.
    NameDisclosure {
        /// They see the title only.
        Withheld = "withheld",
        /// The practice lets them see the name.
        Shown = "shown",
    }
}

words! {
    /// Whether a legal hold lies on a record.
    Hold {
        /// None.
        None = "none",
        /// Nothing under it is deleted, whatever any schedule says.
        Placed = "placed",
    }
}

words! {
    /// What a person is told of.
    NewsKind {
        /// Somebody named them in a comment.
        Mention = "mention",
        /// Somebody looked at very much of what they uploaded in a short time.
        Sweep = "sweep",
        /// A patient or guardian asks for something about a record that they decide about.
        Request = "request",
        /// Such a request of theirs was answered.
        Answer = "answer",
        /// A connection with them was asked for, answered or ended.
        Connection = "connection",
        /// Somebody put a capture into their space.
        Capture = "capture",
    }
}

words! {
    /// What a patient or guardian asks a practice for by law.
    RecordRequestKind {
        /// That the record be amended (45 CFR 164.526).
        Amendment = "amendment",
        /// A copy of it (45 CFR 164.524).
        Copy = "copy",
    }
}

words! {
    /// How such a request stands.
    RecordRequestState {
        /// The practice has not answered.
        Open = "open",
        /// The practice does, or did, what was asked.
        Granted = "granted",
        /// The practice has said no, and why.
        Declined = "declined",
    }
}

/// A deletion that can be undone for a while. When the window has passed, keys are destroyed and objects removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Deletion {
    /// When it was asked for.
    pub at: Timestamp,
    /// First moment at which it can no longer be undone.
    pub undo_until: Timestamp,
}

impl Deletion {
    /// Deletes a record, unless a hold or its retention date forbids it.
    ///
    /// # Errors
    /// [`DomainError::Held`] or [`DomainError::Retained`].
    pub fn request(keeping: Keeping, now: Timestamp, undo_ms: i64) -> Result<Self, DomainError> {
        keeping.allows_deletion(now)?;
        Ok(Self {
            at: now,
            undo_until: now.plus_ms(undo_ms),
        })
    }

    /// Whether it can be undone at this moment.
    pub fn is_undoable(self, now: Timestamp) -> bool {
        now < self.undo_until
    }

    /// Checks that it can be undone.
    ///
    /// # Errors
    /// [`DomainError::TooLateToUndo`].
    pub fn undo(self, now: Timestamp) -> Result<(), DomainError> {
        if self.is_undoable(now) {
            Ok(())
        } else {
            Err(DomainError::TooLateToUndo)
        }
    }

    /// Whether what was deleted may be destroyed now: the window has passed, and no hold was placed meanwhile.
    pub fn is_due(self, keeping: Keeping, now: Timestamp) -> bool {
        !self.is_undoable(now) && keeping.allows_deletion(now).is_ok()
    }
}

/// What keeps a record from deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Keeping {
    /// Whether a legal hold lies on it, or on what it belongs to.
    pub hold: Hold,
    /// First moment at which the law lets it go; `None` where no schedule applies.
    pub retain_until: Option<Timestamp>,
}

impl Keeping {
    /// Nothing keeps it.
    pub const FREE: Self = Self {
        hold: Hold::None,
        retain_until: None,
    };

    /// Checks that nothing keeps the record at this moment.
    ///
    /// # Errors
    /// [`DomainError::Held`] or [`DomainError::Retained`].
    pub fn allows_deletion(self, now: Timestamp) -> Result<(), DomainError> {
        if self.hold == Hold::Placed {
            return Err(DomainError::Held);
        }
        match self.retain_until {
            Some(until) if now < until => Err(DomainError::Retained),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_000);

    #[test]
    fn a_case_closes_and_reopens() {
        let closed = CaseState::Open.close().unwrap();
        assert_eq!(closed, CaseState::Closed);
        assert_eq!(closed.reopen(), Ok(CaseState::Open));
        assert_eq!(
            closed.close().unwrap_err().to_string(),
            "cannot close what is closed"
        );
        assert!(CaseState::Open.reopen().is_err());
    }

    #[test]
    fn a_deletion_can_be_undone_until_its_window_ends() {
        let deletion = Deletion::request(Keeping::FREE, NOW, 500).unwrap();
        assert_eq!(deletion.undo(Timestamp::from_ms(1_499)), Ok(()));
        assert_eq!(
            deletion.undo(Timestamp::from_ms(1_500)),
            Err(DomainError::TooLateToUndo)
        );
        assert!(!deletion.is_due(Keeping::FREE, Timestamp::from_ms(1_499)));
        assert!(deletion.is_due(Keeping::FREE, Timestamp::from_ms(1_500)));
    }

    #[test]
    fn holds_and_retention_keep_a_record() {
        let held = Keeping {
            hold: Hold::Placed,
            retain_until: None,
        };
        assert_eq!(Deletion::request(held, NOW, 500), Err(DomainError::Held));
        let retained = Keeping {
            hold: Hold::None,
            retain_until: Some(NOW.plus_ms(1)),
        };
        assert_eq!(Deletion::request(retained, NOW, 500), Err(DomainError::Retained));
        assert!(Deletion::request(retained, NOW.plus_ms(1), 500).is_ok());
        let deletion = Deletion::request(Keeping::FREE, NOW, 500).unwrap();
        assert!(
            !deletion.is_due(held, NOW.plus_days(1)),
            "a hold stops a deletion under way"
        );
    }
}
