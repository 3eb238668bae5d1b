//! Whether one may go on looking: asked of the policy for every frame, over facts that are read anew whenever something
//! happened that may have changed them, and twice a second anyway.

use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use catalog::Notice;
use domain::{CaseId, ItemId, PatientLink, Phi};
use policy::{CaseFacts, Decision, SpaceFacts, act};
use protocol::{Called, CanLead, Ending};

use super::super::app::App;
use super::super::content::Content;
use super::super::who::{self, Who};

/// How old facts may be.
pub(crate) const FRESH: Duration = Duration::from_millis(400);
/// Facts older than this, as when the database does not answer, allow nothing.
const STALE: Duration = Duration::from_millis(900);

/// Where one looks.
#[derive(Clone, Copy)]
#[expect(clippy::large_enum_variant, reason = "there is one a session")]
pub(crate) enum Ground {
    /// In a case, as one stands to it.
    Case(CaseFacts),
    /// In one's own space.
    Space,
}

/// Who looks, and what is known of how they stand to it.
pub(crate) struct Rights {
    headers: HeaderMap,
    pub(crate) who: Who,
    ground: Ground,
    of_item: Option<Content>,
    /// Other items in the same pictures, as far as they are known still.
    beside: Vec<Content>,
    read: Instant,
}

/// Why a picture is not sent.
pub(crate) enum Refusal {
    /// One may look no more: the session is over.
    Over(Ending),
    /// What is known is too old: it is read first.
    Unknown,
}

impl Rights {
    pub(crate) fn new(headers: HeaderMap, who: Who, ground: Ground) -> Self {
        Self {
            headers,
            who,
            ground,
            of_item: None,
            beside: Vec::new(),
            read: Instant::now(),
        }
    }

    /// The case that one looks at; one's own space is none.
    pub(crate) fn case(&self) -> Option<CaseId> {
        match &self.ground {
            Ground::Case(facts) => Some(facts.case),
            Ground::Space => None,
        }
    }

    pub(crate) fn of_item(&self) -> Option<&Content> {
        self.of_item.as_ref()
    }

    /// What is looked at from now on.
    pub(crate) fn open(&mut self, content: Option<Content>) {
        self.of_item = content;
        self.beside.clear();
    }

    /// Another item is seen in the same pictures from now on.
    pub(crate) fn add(&mut self, content: Content) {
        self.remove(content.item());
        self.beside.push(content);
    }

    /// Another item is seen in the same pictures no more.
    pub(crate) fn remove(&mut self, item: ItemId) {
        self.beside.retain(|known| known.item() != item);
    }

    /// Whether another item may be seen in the same pictures, by what is known; whether that is too old is for
    /// [`Rights::check`] to say.
    pub(crate) fn sees_beside(&self, app: &App, item: ItemId) -> bool {
        let found = self.beside.iter().find(|known| known.item() == item);
        found.is_some_and(|content| content.is_seen_by(&self.who.subject, app.now()))
    }

    /// Whether something that happened may have changed what one may.
    pub(crate) fn is_concerned(&self, notice: &Notice) -> bool {
        (notice.case.is_some() && notice.case == self.case()) || notice.user == Some(self.who.user())
    }

    /// Whether the facts are as fresh as they must be.
    pub(crate) fn is_fresh(&self) -> bool {
        self.read.elapsed() < FRESH
    }

    /// Reads everything anew. Who does nothing is not kept signed in by this.
    pub(crate) async fn refresh(&mut self, app: &App) -> Result<(), Refusal> {
        let began = Instant::now();
        let read = async {
            let Some(who) = who::recognized(app, &self.headers).await? else {
                return Ok(None);
            };
            let mut db = app.catalog.reader().await?;
            let ground = match self.case() {
                Some(case) => {
                    let facts = db.facts().await?.case_facts(case, who.user()).await?;
                    facts.map(Ground::Case)
                }
                None => Some(Ground::Space),
            };
            let of_item = match &self.of_item {
                Some(content) => Content::read(&mut db, content.item(), who.user()).await?,
                None => None,
            };
            let mut beside = Vec::new();
            for content in &self.beside {
                beside.extend(Content::read(&mut db, content.item(), who.user()).await?);
            }
            Ok::<_, super::super::problem::Problem>(Some((who, ground, of_item, beside)))
        };
        let Ok(read) = read.await else {
            return Err(Refusal::Unknown);
        };
        let Some((who, ground, of_item, beside)) = read else {
            return Err(Refusal::Over(Ending::SignedOut));
        };
        let (Some(ground), true) = (ground, of_item.is_some() == self.of_item.is_some()) else {
            return Err(Refusal::Over(Ending::Revoked));
        };
        (self.who, self.ground, self.of_item) = (who, ground, of_item);
        self.beside = beside;
        self.read = began;
        self.check(app)
    }

    /// Notes that the viewer does something: that keeps a sign-in alive.
    pub(crate) fn touch(&self, app: &App) {
        who::touch_if_due(app, &self.who);
    }

    /// Whether one may look, by what is known and the time that it is.
    pub(crate) fn check(&self, app: &App) -> Result<(), Refusal> {
        if self.read.elapsed() > STALE {
            return Err(Refusal::Unknown);
        }
        let (subject, now) = (&self.who.subject, app.now());
        let sees = match &self.ground {
            Ground::Case(facts) => matches!(
                policy::decide::<act::SeeCase>(subject, facts, now),
                Decision::Allow(_)
            ),
            Ground::Space => {
                let own = SpaceFacts {
                    owner: self.who.user(),
                };
                matches!(
                    policy::decide::<act::ListCaptures>(subject, &own, now),
                    Decision::Allow(_)
                )
            }
        };
        let looks = |content: &Content| content.is_seen_by(subject, now);
        match sees && self.of_item.as_ref().is_none_or(looks) {
            true => Ok(()),
            false => Err(Refusal::Over(Ending::Revoked)),
        }
    }

    /// What others who look at the case call one. A patient's name is not everybody's to know.
    pub(crate) fn called(&self, name: &Phi<String>) -> Called {
        let link = match &self.ground {
            Ground::Case(facts) => facts.patient.link,
            Ground::Space => None,
        };
        match link {
            None => Called::Name(name.reveal().clone()),
            Some(PatientLink::Own) => Called::Patient,
            Some(PatientLink::Guardian(_)) => Called::Guardian,
        }
    }

    /// Whether one may lead others through the case: who may mark it.
    pub(crate) fn can_lead(&self, app: &App) -> CanLead {
        let Ground::Case(facts) = &self.ground else {
            return CanLead::No;
        };
        match policy::decide::<act::Annotate>(&self.who.subject, facts, app.now()) {
            Decision::Allow(_) => CanLead::Yes,
            Decision::Deny(_) => CanLead::No,
        }
    }
}
