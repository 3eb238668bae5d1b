//! One session: one loop that hears what comes in and what happens, has pictures drawn, and sends them.

mod beside;
mod together;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use catalog::Notice;
use domain::{ItemId, Phi, SessionId};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use policy::act;
use protocol::{
    Answer as Told, Ask, Ending, Event, FrameHeader, Look, Pane, Question, Request, Trouble, VERSION,
};
use streamer::watching::{Attention, SLOWED_EVERY, sight};
use streamer::{
    Drawer, Exhibited, Frame, LoadError, Mark, Next, Order, Outgoing, Place, Seen, Session as Pictures,
    Ticket, Urgency, hidden_mark,
};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use watermark::hidden::Marker;

use super::super::app::App;
use super::super::content::Looking;
use super::record::Record;
use super::rights::{FRESH, Refusal, Rights};
use super::rooms::Seat;
use super::shown::exhibited;
use super::wire::{Gone, Incoming, Wire};
use beside::{Adding, Beside};

/// How often what was seen is taken down.
const TAKEN_DOWN: Duration = Duration::from_secs(10);
/// How often it is asked whether the viewer is still there.
const PING: Duration = Duration::from_secs(20);
/// Questions that can be asked at once, and how fast that fills, a second.
const QUESTIONS: f64 = 60.0;
const QUESTIONS_A_SEC: f64 = 30.0;
/// Questions that wait for their answers.
const WAITING: usize = 8;

/// Something that was at work is done.
enum Done {
    Loaded(Looking, Result<Arc<Exhibited>, LoadError>),
    Added(u64, Box<Adding>, Result<Arc<Exhibited>, LoadError>),
    Drawn(u64, Order, Option<renderer::Picture>, Duration),
    Answered(u64, u32, Option<Told>),
}

/// Why the loop ends.
enum Over {
    Gone,
    Ended(Ending),
}

impl From<Gone> for Over {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// What is looked at.
struct Opened {
    exhibited: Arc<Exhibited>,
    pictures: Pictures,
    record: Record,
    /// One for each pane and whether it is in a hurry: none waits for another.
    drawers: [[Arc<Mutex<Drawer>>; 2]; Pane::ALL.len()],
    asker: Arc<Mutex<Drawer>>,
    /// Other items in the same pictures.
    beside: Vec<Beside>,
    /// Tells what was asked of it from what was asked of another item before.
    number: u64,
}

/// Whether pictures come.
enum Admission {
    Waiting(Ticket, Option<u32>),
    Inside(#[expect(dead_code, reason = "it is free again when the session is over")] Place),
}

pub(crate) struct Session {
    app: App,
    wire: Wire,
    rights: Rights,
    id: SessionId,
    name: Phi<String>,
    hidden: Arc<Marker>,
    mark: Option<Arc<Mark>>,
    /// None before anything is looked at: who only meets others there takes nobody's place.
    admission: Option<Admission>,
    opened: Option<Opened>,
    /// The newest view state, which may come before the item has been read.
    look: Option<Look>,
    next_frame: u64,
    openings: u64,
    questions: (f64, Instant),
    asked: usize,
    at_work: FuturesUnordered<BoxFuture<'static, Done>>,
    taken_down: Instant,
    pinged: Instant,
    /// The place among others who look at the case.
    seat: Option<Seat>,
}

impl Session {
    /// From the opening of a socket to its end.
    pub(crate) async fn run(
        app: App,
        wire: Wire,
        rights: Rights,
        id: SessionId,
        (name, secret): (Phi<String>, [u8; 32]),
    ) {
        let now = Instant::now();
        let notices = app.catalog.listen();
        let stopping = app.live.stopping.subscribe();
        let mut session = Self {
            app,
            wire,
            rights,
            id,
            name,
            hidden: hidden_mark(secret, id),
            mark: None,
            admission: None,
            opened: None,
            look: None,
            next_frame: 0,
            openings: 0,
            questions: (QUESTIONS, now),
            asked: 0,
            at_work: FuturesUnordered::new(),
            taken_down: now,
            pinged: now,
            seat: None,
        };
        let over = session.go_on(notices, stopping.clone()).await;
        session.close().await;
        if let Err(Over::Ended(why)) = over {
            session.wire.end(Event::Ended { why }).await;
        }
        // Until here the server waits for it when it stops.
        drop(stopping);
    }

    async fn go_on(
        &mut self,
        mut notices: Receiver<Notice>,
        mut stopping: watch::Receiver<bool>,
    ) -> Result<(), Over> {
        self.wire
            .send(Event::Welcome {
                version: VERSION,
                session: self.id,
            })
            .await?;
        let mut ticks = tokio::time::interval(FRESH / 2);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.admit().await?;
            let due = self.start_drawing();
            tokio::select! {
                biased;
                () = stopped(&mut stopping) => return Err(Over::Ended(Ending::Stopped)),
                notice = notices.recv() => self.heard(notice).await?,
                _ = ticks.tick() => self.keep().await?,
                Some(done) = self.at_work.next() => self.done(done).await?,
                incoming = self.wire.receive() => match incoming? {
                    Incoming::Request(request) => self.asked_for(*request).await?,
                    Incoming::Unreadable => self.trouble(Trouble::Unreadable, None).await?,
                    Incoming::Ping(asked) => self.wire.pong(&asked).await?,
                    Incoming::Alive => {}
                },
                () = wait_until(due) => {}
                () = wait_in_line(self.admission.as_ref()) => {}
                () = together::wait(self.seat.as_mut()) => self.tell_room().await?,
            }
            if !self.rights.is_fresh() {
                self.refresh().await?;
            }
        }
    }

    /// Asks for a place until there is one.
    async fn admit(&mut self) -> Result<(), Over> {
        let (ticket, told) = match self.admission.take() {
            Some(Admission::Waiting(ticket, told)) => (ticket, told),
            settled => {
                self.admission = settled;
                return Ok(());
            }
        };
        let inside = |place| Some(Admission::Inside(place));
        match ticket.enter() {
            Ok(place) => {
                self.admission = inside(place);
                self.wire.send(Event::Admitted).await?;
            }
            Err((ahead, ticket)) => {
                self.admission = Some(Admission::Waiting(ticket, Some(ahead)));
                if told != Some(ahead) {
                    self.wire.send(Event::Queued { ahead }).await?;
                }
            }
        }
        Ok(())
    }

    fn is_inside(&self) -> bool {
        matches!(self.admission, Some(Admission::Inside(_)))
    }

    async fn heard(&mut self, notice: Result<Notice, RecvError>) -> Result<(), Over> {
        let is_concerned = match &notice {
            Ok(notice) => self.rights.is_concerned(notice),
            Err(RecvError::Lagged(_)) => true,
            Err(RecvError::Closed) => return Err(Over::Ended(Ending::Stopped)),
        };
        if let Ok(notice) = &notice
            && notice.what == "item.deleted"
            && let Some(item) = notice.id.as_deref().and_then(|id| id.parse().ok())
        {
            self.app.live.library.forget(item);
        }
        if is_concerned {
            self.refresh().await?;
            self.note_said(notice.as_ref().ok());
        }
        if notice.is_ok_and(|notice| notice.what == "item.laid") {
            self.lie_anew().await?;
        }
        Ok(())
    }

    /// Asks anew whether one may look.
    async fn refresh(&mut self) -> Result<(), Over> {
        match self.rights.refresh(&self.app).await {
            Ok(()) | Err(Refusal::Unknown) => Ok(()),
            Err(Refusal::Over(why)) => Err(Over::Ended(why)),
        }
    }

    /// What is done from time to time.
    async fn keep(&mut self) -> Result<(), Over> {
        if let Err(Refusal::Over(why)) = self.rights.check(&self.app) {
            return Err(Over::Ended(why));
        }
        if self.pinged.elapsed() > PING {
            self.pinged = Instant::now();
            self.wire.ping().await?;
        }
        if self.taken_down.elapsed() > TAKEN_DOWN {
            self.taken_down = Instant::now();
            for record in self.opened.iter_mut().flat_map(Opened::records) {
                if let Err(problem) = record.take_down(&self.app).await {
                    tracing::error!(%problem, "what was seen could not be taken down");
                }
            }
        }
        Ok(())
    }

    async fn asked_for(&mut self, request: Request) -> Result<(), Over> {
        self.rights.touch(&self.app);
        match request {
            Request::Open { item } => self.open(item).await,
            Request::Add { item } => self.add(item).await,
            Request::Close => {
                self.close().await;
                Ok(())
            }
            Request::Look(look) => match look.check() {
                Ok(()) => {
                    if let Some(opened) = &mut self.opened {
                        opened.pictures.look(look.clone(), Instant::now());
                    }
                    self.look = Some(look);
                    Ok(())
                }
                Err(_) => self.trouble(Trouble::Meaningless, None).await,
            },
            Request::Seen { frame } => {
                if let Some(opened) = &mut self.opened {
                    opened.pictures.seen(frame, Instant::now());
                }
                Ok(())
            }
            Request::Ask(question) => self.ask(question).await,
            Request::Room(request) => self.ask_room(request).await,
        }
    }

    async fn trouble(&mut self, trouble: Trouble, number: Option<u32>) -> Result<(), Over> {
        Ok(self.wire.send(Event::Trouble { trouble, number }).await?)
    }

    /// Looks at an item instead of what was looked at.
    async fn open(&mut self, item: ItemId) -> Result<(), Over> {
        self.close().await;
        self.look = None;
        let read = async {
            let mut turn = self.app.look(&self.rights.who).await?;
            turn.in_session(self.id);
            let answer = turn.content::<act::LookAtItem, act::LookAtCapture>(item).await;
            turn.end(answer).await
        };
        let (content, looking) = match read.await {
            Ok((content, looking)) if content.case() == self.rights.case() => (content, looking),
            Ok(_) | Err(_) => return self.trouble(Trouble::NotFound, None).await,
        };
        self.rights.open(Some(content));
        if self.admission.is_none() {
            self.admission = Some(Admission::Waiting(self.app.live.places.line_up(), None));
        }
        self.openings += 1;
        let (app, uploader) = (self.app.clone(), content.uploader());
        self.at_work.push(Box::pin(async move {
            let loaded = match exhibited(&app, looking, uploader).await {
                Ok(loaded) => loaded,
                Err(problem) => Err(LoadError::Broken(problem.to_string())),
            };
            Done::Loaded(looking, loaded)
        }));
        Ok(())
    }

    /// Looks at nothing any more.
    async fn close(&mut self) {
        self.rights.open(None);
        let Some(mut opened) = self.opened.take() else {
            return;
        };
        for beside in std::mem::take(&mut opened.beside) {
            self.leave(beside).await;
        }
        self.next_frame = opened.pictures.next_frame();
        if let Err(problem) = opened.record.end(&self.app, &self.rights.who).await {
            tracing::error!(%problem, "what was seen could not be taken down");
        }
    }

    async fn done(&mut self, done: Done) -> Result<(), Over> {
        match done {
            Done::Loaded(looking, loaded) => self.loaded(looking, loaded).await,
            Done::Added(number, adding, loaded) => self.added(number, *adding, loaded).await,
            Done::Drawn(number, order, picture, took) => self.drawn(number, &order, picture, took).await,
            Done::Answered(number, question, told) => {
                self.asked = self.asked.saturating_sub(1);
                let opened = self.opened.as_mut().filter(|opened| opened.number == number);
                let (Some(opened), Some(answer)) = (opened, told) else {
                    return self.trouble(Trouble::NotFound, Some(question)).await;
                };
                if self.rights.check(&self.app).is_err() {
                    return self.refresh().await;
                }
                opened.record.asked();
                let answered = Event::Answered {
                    number: question,
                    answer,
                };
                Ok(self.wire.send(answered).await?)
            }
        }
    }

    async fn loaded(
        &mut self,
        looking: Looking,
        loaded: Result<Arc<Exhibited>, LoadError>,
    ) -> Result<(), Over> {
        let item = looking.item();
        let Some(content) = self
            .rights
            .of_item()
            .copied()
            .filter(|content| content.item() == item)
        else {
            return Ok(());
        };
        if self.opened.is_some() {
            return Ok(());
        }
        let exhibited = match loaded {
            Ok(exhibited) => exhibited,
            Err(LoadError::Nothing) => return self.trouble(Trouble::NothingToSee, None).await,
            Err(error @ LoadError::Broken(_)) => {
                tracing::error!(%item, %error, "an item could not be shown");
                return self.trouble(Trouble::Broken, None).await;
            }
        };
        if self.rights.check(&self.app).is_err() {
            self.refresh().await?;
        }
        let mut pictures = Pictures::new(self.next_frame);
        if let Some(look) = self.look.clone() {
            pictures.look(look, Instant::now());
        }
        let told = exhibited.told.clone();
        self.opened = Some(Opened {
            exhibited,
            pictures,
            record: Record::begin(&self.app, self.id, content, looking),
            drawers: Default::default(),
            asker: Arc::default(),
            beside: Vec::new(),
            number: self.openings,
        });
        Ok(self.wire.send(Event::Opened(Box::new(told))).await?)
    }

    /// Has pictures drawn that are due; says when the next one will be.
    fn start_drawing(&mut self) -> Option<Instant> {
        if !self.is_inside() || self.rights.check(&self.app).is_err() {
            return None;
        }
        let now = Instant::now();
        let opened = self.opened.as_mut()?;
        match opened.is_sweep() {
            true => opened.pictures.slow(SLOWED_EVERY, now),
            false => opened.pictures.hurry(),
        }
        loop {
            match opened.pictures.next(now) {
                Next::Idle => return None,
                Next::At(at) => return Some(at),
                Next::Draw(order) => {
                    let hurry = usize::from(order.urgency() == Urgency::Later);
                    let drawer = Arc::clone(&opened.drawers[order.pane.pane.index()][hurry]);
                    let (exhibited, number) = (Arc::clone(&opened.exhibited), opened.number);
                    let beside = opened.exhibited_beside();
                    let studio = self.app.live.studio.clone();
                    self.at_work.push(Box::pin(async move {
                        let drawn = order.clone();
                        let work = move || {
                            let began = Instant::now();
                            // One that still works at what nobody waits for is left alone.
                            let mut spare = Drawer::new();
                            let mut held = drawer.try_lock();
                            let drawer = held.as_deref_mut().unwrap_or(&mut spare);
                            let seen = Seen {
                                exhibited: &exhibited,
                                beside: &beside,
                            };
                            let picture =
                                drawer.draw(seen, &drawn.look, &drawn.pane, drawn.divisor, drawn.quality);
                            (picture.ok(), began.elapsed())
                        };
                        let (picture, took) = studio
                            .run(order.urgency(), work)
                            .await
                            .unwrap_or((None, Duration::ZERO));
                        Done::Drawn(number, order, picture, took)
                    }));
                }
            }
        }
    }

    async fn drawn(
        &mut self,
        number: u64,
        order: &Order,
        picture: Option<renderer::Picture>,
        took: Duration,
    ) -> Result<(), Over> {
        let Some(opened) = self.opened.as_mut().filter(|opened| opened.number == number) else {
            return Ok(());
        };
        let Some(picture) = picture else {
            opened.pictures.give_up(order);
            return Ok(());
        };
        let Some(header) = opened.pictures.finish(order, took, Instant::now()) else {
            return Ok(());
        };
        let frame = self.sealed(picture, header, order).await;
        // What may no longer be looked at is not in what is sent.
        if self.leave_lost().await? {
            return Ok(());
        }
        // The last thing before a frame is sent: whether it may be.
        match self.rights.check(&self.app) {
            Ok(()) => {}
            Err(Refusal::Unknown) => return self.refresh().await,
            Err(Refusal::Over(why)) => return Err(Over::Ended(why)),
        }
        let Some(frame) = frame else { return Ok(()) };
        self.wire.send(Outgoing::from(frame)).await?;
        self.saw(order).await
    }

    /// Marks and codes a picture.
    async fn sealed(
        &mut self,
        picture: renderer::Picture,
        header: FrameHeader,
        order: &Order,
    ) -> Option<Frame> {
        let now = self.app.now();
        let mark = match &self.mark {
            Some(mark) if mark.is_of(now) => Arc::clone(mark),
            _ => {
                let viewer = (self.name.clone(), self.rights.who.user());
                let mark = Mark::new(viewer, self.id, Arc::clone(&self.hidden), now);
                Arc::clone(self.mark.insert(Arc::new(mark)))
            }
        };
        let (coding, clear) = (order.coding, order.clear);
        let studio = &self.app.live.studio;
        studio
            .run(order.urgency(), move || {
                mark.seal(&picture, header, coding, clear)
            })
            .await
    }

    /// Counts what was sent.
    async fn saw(&mut self, order: &Order) -> Result<(), Over> {
        let Some(opened) = &mut self.opened else {
            return Ok(());
        };
        let told = &opened.exhibited.told;
        let sight = sight(&order.pane.shows, told.grid.as_ref(), told.bounds_mm);
        let attention = match opened.pictures.is_awaited(order) {
            true => Attention::Waited,
            false => Attention::Passed,
        };
        let was_sweep = opened.is_sweep();
        if let Err(problem) = opened
            .record
            .saw(&self.app, &self.rights.who, sight, attention)
            .await
        {
            tracing::error!(%problem, "a sweep could not be told");
        }
        opened
            .saw_beside(&self.app, &self.rights.who, order, attention)
            .await;
        if !was_sweep && opened.is_sweep() {
            let every_ms = u32::try_from(SLOWED_EVERY.as_millis()).unwrap_or(u32::MAX);
            self.wire.send(Event::Slowed { every_ms }).await?;
        }
        Ok(())
    }

    async fn ask(&mut self, question: Question) -> Result<(), Over> {
        let number = Some(question.number);
        if question.ask.check().is_err() {
            return self.trouble(Trouble::Meaningless, number).await;
        }
        if !self.may_ask() {
            return self.trouble(Trouble::TooOften, number).await;
        }
        let inside = self.is_inside();
        let Some(opened) = self.opened.as_ref().filter(|_| inside) else {
            return self.trouble(Trouble::NotFound, number).await;
        };
        let Some(look) = opened.pictures.newest().cloned() else {
            return self.trouble(Trouble::NotFound, number).await;
        };
        let (exhibited, asker) = (Arc::clone(&opened.exhibited), Arc::clone(&opened.asker));
        let beside = opened.exhibited_beside();
        let (studio, opening) = (self.app.live.studio.clone(), opened.number);
        self.asked += 1;
        self.at_work.push(Box::pin(async move {
            let Question { number, ask } = question;
            let work = move || {
                let seen = Seen {
                    exhibited: &exhibited,
                    beside: &beside,
                };
                answer(&asker, seen, &look, &ask)
            };
            let told = studio.run(Urgency::Now, work).await;
            Done::Answered(opening, number, told)
        }));
        Ok(())
    }

    /// Takes a question from the bucket, which fills by itself.
    fn may_ask(&mut self) -> bool {
        let (level, since) = self.questions;
        let now = Instant::now();
        let secs = now.saturating_duration_since(since).as_secs_f64();
        let level = (level + secs * QUESTIONS_A_SEC).min(QUESTIONS);
        let may = level >= 1.0 && self.asked < WAITING;
        self.questions = (if may { level - 1.0 } else { level }, now);
        may
    }
}

fn answer(asker: &Mutex<Drawer>, seen: Seen<'_>, look: &Look, ask: &Ask) -> Told {
    let mut spare = Drawer::new();
    let mut held = asker.try_lock();
    streamer::answer(held.as_deref_mut().unwrap_or(&mut spare), seen, look, ask)
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // Nobody tells when the sender is gone: then it stops as well.
    drop(stopping.wait_for(|stopping| *stopping).await);
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

async fn wait_in_line(admission: Option<&Admission>) {
    match admission {
        Some(Admission::Waiting(ticket, _)) => ticket.wait().await,
        _ => std::future::pending().await,
    }
}
