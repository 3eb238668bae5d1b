//! The proof that a question was answered with yes.

use std::marker::PhantomData;

use domain::{Timestamp, UserId};

use crate::action::{Act, Action};
use crate::facts::Facts;

/// Proof that [`crate::decide()`] allowed `A` to a user on one thing at one moment. Nothing else can make one, so that
/// a function that takes it cannot be called without the question having been asked.
///
/// ```compile_fail
/// // Its fields are private, and it has no constructor outside of `policy`.
/// let proof: policy::Authorized<policy::act::SeeCase> = policy::Authorized {};
/// ```
pub struct Authorized<A: Act> {
    user: UserId,
    on: <A::On as Facts>::Id,
    at: Timestamp,
    action: PhantomData<fn() -> A>,
}

impl<A: Act> Authorized<A> {
    pub(crate) fn new(user: UserId, on: <A::On as Facts>::Id, at: Timestamp) -> Self {
        Self {
            user,
            on,
            at,
            action: PhantomData,
        }
    }

    /// Who may do it.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// To what.
    pub fn on(&self) -> <A::On as Facts>::Id {
        self.on
    }

    /// When the question was asked.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// What.
    pub fn action(&self) -> Action {
        A::ACTION
    }
}

impl<A: Act> Clone for Authorized<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Act> Copy for Authorized<A> {}

impl<A: Act> std::fmt::Debug for Authorized<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Authorized({} by {} on {:?} at {})",
            A::ACTION,
            self.user,
            self.on,
            self.at.ms()
        )
    }
}
