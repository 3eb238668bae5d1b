//! Who made the marks of a case: by which name and color they are known there.

use std::collections::BTreeMap;

use catalog::Conn;
use domain::{CaseId, PersonColor, Phi, UserId};

use super::super::news::Called;
use super::super::problem::Answer;

/// Who made something.
pub(super) struct Author {
    /// What they are called; of a deleted account nothing is known.
    pub(super) name: Option<Phi<String>>,
    /// Their color in the case.
    pub(super) color: u8,
}

/// The authors of a case.
pub(super) struct Authors {
    called: Called,
    colors: BTreeMap<UserId, PersonColor>,
}

impl Authors {
    pub(super) async fn of_case(db: &mut Conn, case: CaseId) -> Answer<Self> {
        Ok(Self {
            called: Called::default(),
            colors: db.facts().await?.person_colors(case).await?,
        })
    }

    pub(super) async fn find(&mut self, db: &mut Conn, user: UserId) -> Answer<Author> {
        let color = self.colors.get(&user).copied();
        Ok(Author {
            name: self.called.name(db, user).await?,
            color: color.unwrap_or_else(|| PersonColor::preferred(user)).number(),
        })
    }
}

/// One author of a case.
pub(super) async fn author(db: &mut Conn, case: CaseId, user: UserId) -> Answer<Author> {
    Authors::of_case(db, case).await?.find(db, user).await
}
