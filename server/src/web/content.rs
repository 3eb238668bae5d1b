//! What is looked at: an item of a case, or a capture of somebody's own space. The same routes lead to both, by the
//! rights of either.

use catalog::{CatalogError, Conn};
use domain::{CaseId, ItemId, Timestamp, UserId};
use policy::{Act, CaptureFacts, Decision, ItemFacts, Subject, act};

use super::problem::{Answer, Problem};
use super::turn::{Place, Placed, Turn};

/// Something with pictures, and how whoever asks stands to it.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one a session, copied as facts are"
)]
pub(crate) enum Content {
    /// An item of a case.
    Item(ItemFacts),
    /// A capture of a space.
    Capture(CaptureFacts),
}

impl Content {
    /// Reads it, as it stands to a user.
    pub(crate) async fn read(
        db: &mut Conn,
        item: ItemId,
        user: UserId,
    ) -> Result<Option<Self>, CatalogError> {
        if let Some(facts) = db.item_facts(item, user).await? {
            return Ok(Some(Self::Item(facts)));
        }
        Ok(db.capture_facts(item).await?.map(Self::Capture))
    }

    /// Which.
    pub(crate) fn item(&self) -> ItemId {
        match self {
            Self::Item(facts) => facts.item,
            Self::Capture(facts) => facts.item,
        }
    }

    /// Who uploaded it.
    pub(crate) fn uploader(&self) -> UserId {
        match self {
            Self::Item(facts) => facts.uploader,
            Self::Capture(facts) => facts.uploader,
        }
    }

    /// The case that it is in, where it is in one.
    pub(crate) fn case(&self) -> Option<CaseId> {
        match self {
            Self::Item(facts) => Some(facts.case.case),
            Self::Capture(_) => None,
        }
    }

    /// The case or space under whose key it lies.
    pub(crate) async fn kept_in(&self, db: &mut Conn) -> Answer<CaseId> {
        match self {
            Self::Item(facts) => Ok(facts.case.case),
            Self::Capture(facts) => db.space_of(facts.owner).await?.ok_or_else(Problem::not_found),
        }
    }

    /// Whether one may look at it.
    pub(crate) fn is_seen_by(&self, subject: &Subject, now: Timestamp) -> bool {
        match self {
            Self::Item(facts) => {
                matches!(
                    policy::decide::<act::LookAtItem>(subject, facts, now),
                    Decision::Allow(_)
                )
            }
            Self::Capture(facts) => {
                matches!(
                    policy::decide::<act::LookAtCapture>(subject, facts, now),
                    Decision::Allow(_)
                )
            }
        }
    }
}

impl Placed for Content {
    fn place(&self) -> Place {
        match self {
            Self::Item(facts) => facts.place(),
            Self::Capture(facts) => facts.place(),
        }
    }
}

impl Turn<Conn> {
    /// Asks whether `I` may be done to an item of a case, or `C` to a capture of a space, whichever it is.
    pub(crate) async fn content<I, C>(&mut self, id: ItemId) -> Answer<Content>
    where
        I: Act<On = ItemFacts>,
        C: Act<On = CaptureFacts>,
    {
        let user = self.who().user();
        match Content::read(&mut self.db, id, user).await? {
            Some(Content::Capture(facts)) => {
                self.ask::<C>(&facts)?;
                Ok(Content::Capture(facts))
            }
            Some(Content::Item(facts)) => {
                self.ask::<I>(&facts)?;
                Ok(Content::Item(facts))
            }
            None => self.ask_of::<I>(None, id).map(|(_, facts)| Content::Item(facts)),
        }
    }
}
