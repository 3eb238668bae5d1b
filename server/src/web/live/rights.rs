//! Whether one may go on looking: asked of the policy for every frame, over facts that are read anew whenever something
//! happened that may have changed them, and twice a second anyway.

use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use catalog::Notice;
use domain::{CaseId, PatientLink, Phi};
use policy::{CaseFacts, Decision, ItemFacts, act};
use protocol::{Called, CanLead, Ending};

use super::super::app::App;
use super::super::who::{self, Who};

/// How old facts may be.
pub(crate) const FRESH: Duration = Duration::from_millis(400);
/// Facts older than this, as when the database does not answer, allow nothing.
const STALE: Duration = Duration::from_millis(900);

/// Who looks, and what is known of how they stand to it.
pub(crate) struct Rights {
    headers: HeaderMap,
    case: CaseId,
    pub(crate) who: Who,
    of_case: CaseFacts,
    of_item: Option<ItemFacts>,
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
    pub(crate) fn new(headers: HeaderMap, who: Who, of_case: CaseFacts) -> Self {
        Self {
            headers,
            case: of_case.case,
            who,
            of_case,
            of_item: None,
            read: Instant::now(),
        }
    }

    pub(crate) fn case(&self) -> CaseId {
        self.case
    }

    pub(crate) fn of_item(&self) -> Option<&ItemFacts> {
        self.of_item.as_ref()
    }

    /// The item that is looked at from now on.
    pub(crate) fn open(&mut self, facts: Option<ItemFacts>) {
        self.of_item = facts;
    }

    /// Whether something that happened may have changed what one may.
    pub(crate) fn is_concerned(&self, notice: &Notice) -> bool {
        notice.case == Some(self.case) || notice.user == Some(self.who.user())
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
            let of_case = db.case_facts(self.case, who.user()).await?;
            let of_item = match &self.of_item {
                Some(facts) => db.item_facts(facts.item, who.user()).await?,
                None => None,
            };
            Ok::<_, super::super::problem::Problem>(Some((who, of_case, of_item)))
        };
        let Ok(read) = read.await else {
            return Err(Refusal::Unknown);
        };
        let Some((who, of_case, of_item)) = read else {
            return Err(Refusal::Over(Ending::SignedOut));
        };
        let (Some(of_case), true) = (of_case, of_item.is_some() == self.of_item.is_some()) else {
            return Err(Refusal::Over(Ending::Revoked));
        };
        (self.who, self.of_case, self.of_item) = (who, of_case, of_item);
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
        let sees = policy::decide::<act::SeeCase>(subject, &self.of_case, now);
        let looks = self
            .of_item
            .as_ref()
            .map(|facts| policy::decide::<act::LookAtItem>(subject, facts, now));
        match (sees, looks) {
            (Decision::Allow(_), None | Some(Decision::Allow(_))) => Ok(()),
            _ => Err(Refusal::Over(Ending::Revoked)),
        }
    }

    /// What others who look at the case call one. A patient's name is not everybody's to know.
    pub(crate) fn called(&self, name: &Phi<String>) -> Called {
        match self.of_case.patient.link {
            None => Called::Name(name.reveal().clone()),
            Some(PatientLink::Own) => Called::Patient,
            Some(PatientLink::Guardian(_)) => Called::Guardian,
        }
    }

    /// Whether one may lead others through the case: who may mark it.
    pub(crate) fn can_lead(&self, app: &App) -> CanLead {
        match policy::decide::<act::Annotate>(&self.who.subject, &self.of_case, app.now()) {
            Decision::Allow(_) => CanLead::Yes,
            Decision::Deny(_) => CanLead::No,
        }
    }
}
