//! What was seen, taken down: in the catalog for whoever owns the item, and in the log.

use std::sync::PoisonError;
use std::time::Instant;

use catalog::{NewSights, Notice};
use domain::{NewsKind, SessionId, Verb};
use ledger::{Detail, Word};
use serde_json::json;
use streamer::watching::{Attention, Noticed, Pace, Sight, Watch, Watched};

use super::super::app::App;
use super::super::content::{Content, Looking, Proof};
use super::super::news::{Happened, tell};
use super::super::problem::Answer;
use super::super::turn::event_of;
use super::super::who::Who;

/// What one session sees of one item.
pub(crate) struct Record {
    session: SessionId,
    watched: Watched,
    content: Content,
    looking: Looking,
    /// Until when what was looked at is taken down.
    until: Instant,
    totals: Totals,
}

/// Of the session alone, for the log.
#[derive(Default)]
struct Totals {
    frames: i64,
    questions: i64,
    looked_ms: i64,
}

impl Record {
    /// Begins where `looking` says that one may look at the content.
    pub(crate) fn begin(app: &App, session: SessionId, content: Content, looking: Looking) -> Self {
        let now = Instant::now();
        Self {
            session,
            watched: app.live.watches.of(looking.user(), content.item(), now),
            content,
            looking,
            until: now,
            totals: Totals::default(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Watch) -> T) -> T {
        act(&mut self.watched.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A picture was sent. A sweep that was not noticed before is told.
    pub(crate) async fn saw(
        &mut self,
        app: &App,
        who: &Who,
        sight: Sight,
        attention: Attention,
    ) -> Answer<()> {
        self.totals.frames += 1;
        match self.with(|watch| watch.saw(sight, attention, Instant::now())) {
            Pace::Sweep(Noticed::First) => self.tell_sweep(app, who).await,
            Pace::Usual | Pace::Sweep(Noticed::Already) => Ok(()),
        }
    }

    /// A question was answered.
    pub(crate) fn asked(&mut self) {
        self.totals.questions += 1;
        self.with(Watch::asked);
    }

    /// Whether the viewer is slowed now.
    pub(crate) fn is_sweep(&self) -> bool {
        self.with(|watch| watch.is_sweep(Instant::now()))
    }

    /// In the log, and to whoever uploaded it.
    async fn tell_sweep(&self, app: &App, who: &Who) -> Answer<()> {
        let event = event_of(
            who,
            &self.content,
            app.now(),
            ("NoticeSweep", Verb::Execute),
            self.session,
        );
        let detail = json!({ "item": self.content.item(), "viewer": who.user() });
        let notice = Notice::for_user("item.swept", self.content.uploader()).with(detail);
        let happened = Happened {
            what: NewsKind::Sweep,
            by: who.user(),
            case: self.content.case(),
            patient: None,
            at: app.now(),
        };
        let mut change = app.catalog.change().await?;
        change.record(&[event]).await?;
        change.notify(notice);
        tell(app, &mut change, self.content.uploader(), &happened).await?;
        change.commit().await?;
        tracing::warn!(session = %self.session, item = %self.content.item(), "a sweep was noticed and is slowed");
        Ok(())
    }

    /// Takes down what was seen since it was last taken down.
    pub(crate) async fn take_down(&mut self, app: &App) -> Answer<()> {
        let now = Instant::now();
        let looked = now.saturating_duration_since(self.until);
        self.until = now;
        self.totals.looked_ms += i64::try_from(looked.as_millis()).unwrap_or(i64::MAX);
        let seen = self.with(|watch| {
            watch.looked(looked);
            watch.take()
        });
        if seen.is_empty() {
            return Ok(());
        }
        let at = app.now();
        let new = NewSights {
            at,
            slices: seen.slices,
            directions: seen.directions,
            frames: seen.frames,
            questions: seen.questions,
            sweeps: seen.sweeps,
            looked_ms: u64::try_from(seen.looked.as_millis()).unwrap_or(u64::MAX),
        };
        let mut change = app.catalog.change().await?;
        match self.looking {
            Proof::Item(proof) => change.add_sights(proof, &new).await?,
            Proof::Capture(proof) => change.add_sights(proof, &new).await?,
        }
        change.commit().await?;
        Ok(())
    }

    /// The session looks at the item no more.
    pub(crate) async fn end(mut self, app: &App, who: &Who) -> Answer<()> {
        self.take_down(app).await?;
        let mut event = event_of(
            who,
            &self.content,
            app.now(),
            ("StopLooking", Verb::Read),
            self.session,
        );
        for (name, count) in [
            ("frames", self.totals.frames),
            ("questions", self.totals.questions),
            ("ms", self.totals.looked_ms),
        ] {
            event.details.insert(Word::fixed(name), Detail::Number(count));
        }
        app.catalog.record(vec![event]).await?;
        Ok(())
    }
}
