//! Questions and answers.

use domain::Timestamp;

use crate::action::{Act, Action};
use crate::engine::ENGINE;
use crate::error::PolicyError;
use crate::facts::{Facts, Resource, Subject};
use crate::memo::{MEMO, Question};
use crate::proof::Authorized;

/// Why something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The account is deactivated.
    Deactivated,
    /// The e-mail address has not been verified.
    Unverified,
    /// An agreement in force has not been accepted.
    AgreementPending,
    /// A second factor or a passkey is missing.
    SecondFactor,
    /// The thing, or what contains it, was deleted.
    Deleted,
    /// The case is closed.
    Closed,
    /// A legal hold lies on it.
    Held,
    /// Its retention date has not come.
    Retained,
    /// No biometric release is signed, or it was withdrawn.
    NoRelease,
    /// Nothing allows it.
    NotAllowed,
}

impl Reason {
    /// Every reason. Where several hold, the first of them is the answer.
    pub const ALL: &'static [Self] = &[
        Self::Deactivated,
        Self::Unverified,
        Self::AgreementPending,
        Self::SecondFactor,
        Self::Deleted,
        Self::Closed,
        Self::Held,
        Self::Retained,
        Self::NoRelease,
        Self::NotAllowed,
    ];

    /// The word for it, in the policies, in answers and in the audit trail.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deactivated => "deactivated",
            Self::Unverified => "unverified",
            Self::AgreementPending => "agreement_pending",
            Self::SecondFactor => "second_factor",
            Self::Deleted => "deleted",
            Self::Closed => "closed",
            Self::Held => "held",
            Self::Retained => "retained",
            Self::NoRelease => "no_release",
            Self::NotAllowed => "not_allowed",
        }
    }

    /// The reason whose word this is.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.word() == word)
    }
}

/// Whether whoever is refused may know that the thing exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Existence {
    /// The answer must be the same as if there were no such thing (404). The reason is for the audit trail alone.
    Hidden,
    /// The answer may say that it is refused, and why (403).
    Visible,
}

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("refused: {reason}", reason = .reason.word())]
pub struct Denial {
    /// Whether the subject may know that the thing exists.
    pub existence: Existence,
    /// Why.
    pub reason: Reason,
}

/// The answer to a question, without a proof: for tables, and for interfaces that show only what is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Allowed.
    Allow,
    /// Refused.
    Deny(Denial),
}

/// The answer to a question.
#[derive(Debug)]
pub enum Decision<A: Act> {
    /// Allowed, with the proof.
    Allow(Authorized<A>),
    /// Refused.
    Deny(Denial),
}

impl<A: Act> Decision<A> {
    /// The proof, or the refusal as an error.
    ///
    /// # Errors
    /// The refusal.
    pub fn into_result(self) -> Result<Authorized<A>, Denial> {
        match self {
            Self::Allow(proof) => Ok(proof),
            Self::Deny(denial) => Err(denial),
        }
    }
}

/// Whether `subject` may do `A` to the thing with these facts, at this moment. Pure and total: the same question has
/// the same answer, and where the policies themselves are broken the answer is no.
pub fn decide<A: Act>(subject: &Subject, on: &A::On, now: Timestamp) -> Decision<A> {
    match verdict(A::ACTION, subject, &on.resource(), now) {
        Verdict::Allow => Decision::Allow(Authorized::new(subject.user, on.id(), now)),
        Verdict::Deny(denial) => Decision::Deny(denial),
    }
}

/// What [`decide`] would say, for an action that is known only at run time. An action on a thing of another kind than
/// its own is refused, and hidden.
pub fn verdict(action: Action, subject: &Subject, on: &Resource, now: Timestamp) -> Verdict {
    if action.kind() != on.kind() {
        return HIDDEN;
    }
    let Ok(engine) = ENGINE.as_ref() else {
        return HIDDEN;
    };
    MEMO.answer(Question::new(action, subject, on), now, || {
        engine.judge(action, subject, on, now)
    })
    .unwrap_or(HIDDEN)
}

/// Checks that the policies of this program can be read. A server that starts asks this first: where they cannot be
/// read, everything is refused.
///
/// # Errors
/// What is wrong with them.
pub fn self_check() -> Result<(), &'static PolicyError> {
    ENGINE.as_ref().map(|_| ())
}

const HIDDEN: Verdict = Verdict::Deny(Denial {
    existence: Existence::Hidden,
    reason: Reason::NotAllowed,
});
