//! Other items in the same pictures: those that lie in the same space, each under the right to look at it.

use std::sync::Arc;

use domain::ItemId;
use geometry::DAffine3;
use policy::act;
use protocol::{Event, Shows};
use streamer::watching::{Attention, sight};
use streamer::{Exhibited, LoadError, Order};

use super::super::super::app::App;
use super::super::super::content::{Content, Looking, Proof};
use super::super::super::problem::{Answer, Problem};
use super::super::super::registrations::CaseSpaces;
use super::super::super::who::Who;
use super::super::record::Record;
use super::super::shown::exhibited_beside;
use super::{Done, Opened, Over, Session};

/// Other items at most.
const MOST: usize = 8;

/// Another item that is on its way into the pictures.
pub(super) struct Adding {
    content: Content,
    looking: Looking,
    shown_from_item: DAffine3,
}

/// Another item in the same pictures.
pub(super) struct Beside {
    adding: Adding,
    exhibited: Arc<Exhibited>,
    record: Record,
}

impl Opened {
    /// The other items, where they lie.
    pub(super) fn exhibited_beside(&self) -> Vec<Arc<Exhibited>> {
        let all = self.beside.iter();
        all.map(|beside| Arc::clone(&beside.exhibited)).collect()
    }

    /// What is taken down of each item.
    pub(super) fn records(&mut self) -> impl Iterator<Item = &mut Record> {
        let others = self.beside.iter_mut().map(|beside| &mut beside.record);
        std::iter::once(&mut self.record).chain(others)
    }

    /// Whether too much of any item is looked at.
    pub(super) fn is_sweep(&self) -> bool {
        self.record.is_sweep() || self.beside.iter().any(|beside| beside.record.is_sweep())
    }

    /// Counts what was sent of the other items.
    pub(super) async fn saw_beside(&mut self, app: &App, who: &Who, order: &Order, attention: Attention) {
        if !matches!(order.pane.shows, Shows::Space(_)) {
            return;
        }
        for beside in &mut self.beside {
            let told = &beside.exhibited.told;
            let is_seen = |layer: &protocol::Layer| layer.item == Some(told.item) && layer.opacity > 0.0;
            if !order.look.layers.iter().any(is_seen) {
                continue;
            }
            let sight = sight(&order.pane.shows, None, told.bounds_mm);
            if let Err(problem) = beside.record.saw(app, who, sight, attention).await {
                tracing::error!(%problem, "a sweep could not be told");
            }
        }
    }
}

impl Session {
    /// Shows another item in the same pictures.
    pub(super) async fn add(&mut self, item: ItemId) -> Result<(), Over> {
        let Some(opened) = self.opened.as_ref() else {
            return self.apart(item).await;
        };
        let (number, shown) = (opened.number, opened.exhibited.told.item);
        if opened.beside.len() >= MOST || item == shown {
            return self.apart(item).await;
        }
        let Ok(adding) = self.read_beside(shown, item).await else {
            return self.apart(item).await;
        };
        let app = self.app.clone();
        self.at_work.push(Box::pin(async move {
            let (looking, uploader) = (adding.looking, adding.content.uploader());
            let loaded = match exhibited_beside(&app, looking, uploader, adding.shown_from_item).await {
                Ok(loaded) => loaded,
                Err(problem) => Err(LoadError::Broken(problem.to_string())),
            };
            Done::Added(number, Box::new(adding), loaded)
        }));
        Ok(())
    }

    /// Asks whether one may look at another item, and where it lies.
    async fn read_beside(&mut self, shown: ItemId, item: ItemId) -> Answer<Adding> {
        let case = self.rights.case().ok_or_else(Problem::not_found)?;
        let mut turn = self.app.look(&self.rights.who).await?;
        turn.in_session(self.id);
        let answer = async {
            let (looking, facts) = turn.item::<act::LookAtItem>(item).await?;
            if facts.case.case != case {
                return Err(Problem::not_found());
            }
            let (proof, _) = turn.case::<act::SeeCase>(case).await?;
            let items = turn.db.items_of(proof).await?;
            let spaces = CaseSpaces::of(&items, turn.db.registrations_of(proof).await?);
            let motion = spaces.motion(item, shown);
            Ok(Adding {
                content: Content::Item(facts),
                looking: Proof::Item(looking),
                shown_from_item: motion.ok_or_else(Problem::not_found)?,
            })
        }
        .await;
        turn.end(answer).await
    }

    pub(super) async fn added(
        &mut self,
        number: u64,
        adding: Adding,
        loaded: Result<Arc<Exhibited>, LoadError>,
    ) -> Result<(), Over> {
        let item = adding.content.item();
        let Some(opened) = self.opened.as_mut().filter(|opened| opened.number == number) else {
            return Ok(());
        };
        let exhibited = match loaded {
            Ok(exhibited) => exhibited,
            Err(error) => {
                if let LoadError::Broken(_) = error {
                    tracing::error!(%item, %error, "an item could not be shown beside another");
                }
                return self.apart(item).await;
            }
        };
        let told = Event::Added {
            item,
            surfaces: exhibited.told.surfaces.clone(),
            bounds_mm: exhibited.told.bounds_mm,
        };
        let known = opened
            .beside
            .iter()
            .position(|known| known.adding.content.item() == item);
        let before = known.map(|at| opened.beside.remove(at));
        opened.beside.push(Beside {
            record: Record::begin(&self.app, self.id, adding.content, adding.looking),
            exhibited,
            adding,
        });
        if let Some(before) = before {
            self.end_record(before.record).await;
        }
        if let Some(beside) = self.opened.as_ref().and_then(|opened| opened.beside.last()) {
            self.rights.add(beside.adding.content);
        }
        Ok(self.wire.send(told).await?)
    }

    /// Takes other items out of the pictures that may no longer be looked at; says whether there were any.
    pub(super) async fn leave_lost(&mut self) -> Result<bool, Over> {
        let (app, rights) = (&self.app, &self.rights);
        let lost = self.opened.as_ref().map_or_else(Vec::new, |opened| {
            let items = opened.beside.iter().map(|beside| beside.adding.content.item());
            items.filter(|item| !rights.sees_beside(app, *item)).collect()
        });
        for item in &lost {
            self.take_out(*item).await?;
        }
        Ok(!lost.is_empty())
    }

    /// Something was laid elsewhere, or no longer: what lies elsewhere now is taken out, to be added anew.
    pub(super) async fn lie_anew(&mut self) -> Result<(), Over> {
        let Some(opened) = &self.opened else {
            return Ok(());
        };
        let shown = opened.exhibited.told.item;
        let known: Vec<(ItemId, DAffine3)> = opened
            .beside
            .iter()
            .map(|beside| (beside.adding.content.item(), beside.adding.shown_from_item))
            .collect();
        for (item, motion) in known {
            let now = self.read_beside(shown, item).await;
            if now.is_ok_and(|now| now.shown_from_item == motion) {
                continue;
            }
            self.take_out(item).await?;
        }
        Ok(())
    }

    async fn take_out(&mut self, item: ItemId) -> Result<(), Over> {
        let found = self.opened.as_mut().and_then(|opened| {
            let mut all = opened.beside.iter();
            let at = all.position(|beside| beside.adding.content.item() == item)?;
            Some(opened.beside.remove(at))
        });
        if let Some(beside) = found {
            self.leave(beside).await;
        }
        self.apart(item).await
    }

    /// Looks at another item no more.
    pub(super) async fn leave(&mut self, beside: Beside) {
        self.rights.remove(beside.adding.content.item());
        self.end_record(beside.record).await;
    }

    async fn end_record(&mut self, record: Record) {
        if let Err(problem) = record.end(&self.app, &self.rights.who).await {
            tracing::error!(%problem, "what was seen could not be taken down");
        }
    }

    async fn apart(&mut self, item: ItemId) -> Result<(), Over> {
        Ok(self.wire.send(Event::Apart { item }).await?)
    }
}
