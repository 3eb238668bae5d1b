//! Who leads, and what the leader sees: values that every server comes to agree on.

use std::cmp::Reverse;

use domain::{ItemId, SessionId};
use protocol::Look;
use serde::{Deserialize, Serialize};

/// Who leads. Of two that servers say, the later term counts; of two of one term, which are claims of the same
/// moment, that of the lower session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lead {
    /// Goes up whenever the lead goes from one to another.
    pub term: u64,
    /// Who has it.
    pub holder: Option<SessionId>,
}

impl Lead {
    /// The lead in the next term.
    pub(crate) fn to(self, holder: Option<SessionId>) -> Self {
        Self {
            term: self.term + 1,
            holder,
        }
    }

    fn rank(self) -> (u64, Reverse<Option<SessionId>>) {
        (self.term, Reverse(self.holder))
    }

    /// Whether it counts against another.
    pub(crate) fn is_over(self, other: Self) -> bool {
        self.rank() > other.rank()
    }
}

/// What the leader of a term sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shown {
    pub(crate) term: u64,
    pub(crate) number: u64,
    pub(crate) item: ItemId,
    pub(crate) look: Look,
}
