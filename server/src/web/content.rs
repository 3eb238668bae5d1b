//! What is looked at: an item of a case, or a capture of somebody's own space. The same routes lead to both, by the
//! rights of either.

use catalog::{Artifact, CatalogError, Conn, right};
use domain::{CaseId, ItemId, Timestamp, UserId};
use policy::{Act, Authorized, CaptureFacts, Decision, ItemFacts, Subject, act};

use super::problem::Answer;
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
        let mut known = db.facts().await?;
        if let Some(facts) = known.item_facts(item, user).await? {
            return Ok(Some(Self::Item(facts)));
        }
        Ok(known.capture_facts(item).await?.map(Self::Capture))
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

/// The proof that `I` may be done to an item of a case, or `C` to a capture of a space.
pub(crate) enum Proof<I: Act, C: Act> {
    /// To an item.
    Item(Authorized<I>),
    /// To a capture.
    Capture(Authorized<C>),
}

/// The proof that one may look at something.
pub(crate) type Looking = Proof<act::LookAtItem, act::LookAtCapture>;

impl<I: Act, C: Act> Clone for Proof<I, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I: Act, C: Act> Copy for Proof<I, C> {}

impl Looking {
    /// At which.
    pub(crate) fn item(self) -> ItemId {
        match self {
            Self::Item(proof) => proof.on(),
            Self::Capture(proof) => proof.on(),
        }
    }

    /// Who.
    pub(crate) fn user(self) -> UserId {
        match self {
            Self::Item(proof) => proof.user(),
            Self::Capture(proof) => proof.user(),
        }
    }
}

impl<I: right::ReadContent, C: right::ReadContent> Proof<I, C> {
    /// What was made of it.
    pub(crate) async fn artifacts(self, db: &mut Conn) -> Result<Vec<Artifact>, CatalogError> {
        match self {
            Self::Item(proof) => db.artifacts(proof).await,
            Self::Capture(proof) => db.artifacts(proof).await,
        }
    }

    /// The case or space that it lies in, and the key of that.
    pub(crate) async fn key(self, db: &mut Conn) -> Result<(CaseId, Vec<u8>), CatalogError> {
        match self {
            Self::Item(proof) => db.key_of_item(proof).await,
            Self::Capture(proof) => db.key_of_item(proof).await,
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
    pub(crate) async fn content<I, C>(&mut self, id: ItemId) -> Answer<(Content, Proof<I, C>)>
    where
        I: Act<On = ItemFacts>,
        C: Act<On = CaptureFacts>,
    {
        let user = self.who().user();
        match Content::read(&mut self.db, id, user).await? {
            Some(Content::Capture(facts)) => {
                let proof = self.ask::<C>(&facts)?;
                Ok((Content::Capture(facts), Proof::Capture(proof)))
            }
            Some(Content::Item(facts)) => {
                let proof = self.ask::<I>(&facts)?;
                Ok((Content::Item(facts), Proof::Item(proof)))
            }
            None => {
                let (proof, facts) = self.ask_of::<I>(None, id)?;
                Ok((Content::Item(facts), Proof::Item(proof)))
            }
        }
    }
}
