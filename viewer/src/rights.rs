//! What one may do in a case besides looking at it. What one may not do is not offered.

/// What one may do with marks, comments, saved views and tours, each right with those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rights {
    /// One looks, as patients do, and as everybody does until the server has told more.
    #[default]
    Look,
    /// One makes them, and changes one's own.
    Mark,
    /// One also takes away those of others.
    Withdraw,
}

/// Whose something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// One's own.
    Own,
    /// Another's.
    Anothers,
}

impl Rights {
    /// As the server tells them of a case: whether one annotates, and whether one takes away what others said.
    pub fn told(annotates: Option<bool>, withdraws: Option<bool>) -> Self {
        match (annotates, withdraws) {
            (Some(true), Some(true)) => Self::Withdraw,
            (Some(true), _) => Self::Mark,
            _ => Self::Look,
        }
    }

    /// Whether one makes marks, comments, views and tours.
    pub fn can_mark(self) -> bool {
        self >= Self::Mark
    }

    /// Whether one changes what is there: its author alone does.
    pub fn can_amend(self, whose: Whose) -> bool {
        self.can_mark() && whose == Whose::Own
    }

    /// Whether one takes away what is there.
    pub fn can_withdraw(self, whose: Whose) -> bool {
        self.can_amend(whose) || self == Self::Withdraw
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_offered_what_the_server_refuses() {
        let offered = |annotates, withdraws| {
            let rights = Rights::told(annotates, withdraws);
            let both =
                |can: fn(Rights, Whose) -> bool| [can(rights, Whose::Own), can(rights, Whose::Anothers)];
            (
                rights.can_mark(),
                both(Rights::can_amend),
                both(Rights::can_withdraw),
            )
        };
        // Patients, collaborators who only see, everybody in a closed case, and everybody before anything is told.
        let nothing = (false, [false; 2], [false; 2]);
        for told in [None, Some(false)] {
            for withdraws in [None, Some(false), Some(true)] {
                assert_eq!(offered(told, withdraws), nothing);
            }
        }
        // Collaborators who annotate, staff.
        let own = (true, [true, false], [true, false]);
        assert_eq!(offered(Some(true), Some(false)), own);
        assert_eq!(offered(Some(true), None), own);
        // Clinicians and administrators of the care team.
        let all = (true, [true, false], [true, true]);
        assert_eq!(offered(Some(true), Some(true)), all);
    }
}
