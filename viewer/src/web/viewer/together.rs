//! Looking together: a socket of its own, over which one is there for others whatever one looks at, also where the
//! browser draws; what is heard over it, and what is shown of that.

use std::cell::Cell;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use domain::{ItemId, SessionId};
use geometry::DVec3;
use leptos::prelude::*;
use protocol::{
    Called, CanLead, Ending, Event, Follows, Hand, Look, Person, Pointed, Request, RoomRequest, Said, Shown,
};
use wasm_bindgen_futures::spawn_local;

use super::live::{AGAIN_MS, content_of};
use super::painter::{now_ms, sleep};
use super::{Item, Room, Width, is_shown, page_width};
use crate::looks::{Subject, as_shown, layout_of, look};
use crate::marking::Projector;
use crate::texts::{fill, t};
use crate::together::{Company, Newest, css_of_person, initials, pointer_pixel};
use crate::view_state::{Layout, ViewState};
use crate::web::icons::{Icon, Name};
use crate::web::socket::{Incoming, Socket};

/// How often it is looked what came and what is to be said, milliseconds.
const TICK_MS: i32 = 25;
/// Others who are shown one by one.
const SHOWN: usize = 6;

/// The others, and what one does with them.
#[derive(Clone, Copy)]
pub(crate) struct Together {
    company: RwSignal<Company>,
    follows: RwSignal<Follows>,
    wishes: StoredValue<VecDeque<RoomRequest>>,
    pointer: StoredValue<Newest<Option<Pointed>>>,
    view: StoredValue<Newest<(ItemId, Look)>>,
    /// What the leader's view has become here; one who has another has left it.
    followed: StoredValue<Option<(ItemId, ViewState)>>,
}

impl Together {
    pub(super) fn new() -> Self {
        Self {
            company: RwSignal::new(Company::default()),
            follows: RwSignal::new(Follows::Nobody),
            wishes: StoredValue::new(VecDeque::new()),
            pointer: StoredValue::new(Newest::default()),
            view: StoredValue::new(Newest::default()),
            followed: StoredValue::new(None),
        }
    }

    fn wish(&self, request: RoomRequest) {
        self.wishes.update_value(|wishes| wishes.push_back(request));
    }

    /// Whether one sees what the leader sees.
    pub(super) fn is_following(&self) -> bool {
        self.follows.get_untracked() == Follows::Leader
    }

    /// Sees what the leader sees, or what one wants oneself.
    pub(super) fn follow(&self, follows: Follows) {
        if self.follows.get_untracked() != follows {
            self.followed.set_value(None);
            self.follows.set(follows);
            self.wish(RoomRequest::Follow { follows });
        }
    }

    /// Takes the lead or gives it up; follows who has it, or follows no more.
    pub(super) fn lead_or_follow(&self) {
        let (is_leading, is_led, can_lead) = self.company.with_untracked(|company| {
            let can_lead = company.me().is_some_and(|me| me.can_lead == CanLead::Yes);
            let has_others = company.others().next().is_some();
            (
                company.is_leading(),
                company.leader().is_some(),
                can_lead && has_others,
            )
        });
        match (is_leading, is_led) {
            (true, _) => self.wish(RoomRequest::StopLeading),
            (false, true) if self.is_following() => self.follow(Follows::Nobody),
            (false, true) => self.follow(Follows::Leader),
            (false, false) if can_lead => self.wish(RoomRequest::Lead),
            (false, false) => {}
        }
    }

    /// Raises one's hand, or takes it down.
    pub(super) fn raise_or_lower(&self) {
        let is_up = self
            .company
            .with_untracked(|company| company.me().is_some_and(|me| me.hand_ms.is_some()));
        let hand = if is_up { Hand::Down } else { Hand::Raised };
        self.wish(RoomRequest::Hand { hand });
    }

    fn point(&self, at: Option<Pointed>) {
        self.pointer.update_value(|pointer| pointer.put(at));
    }

    /// The hand is in no picture any more.
    pub(super) fn point_nowhere(&self) {
        self.point(None);
    }

    /// What is to be said now; to others who see what one sees, that too.
    fn due(&self, room: Room) -> Vec<RoomRequest> {
        let now = now_ms();
        let mut all: Vec<RoomRequest> = self
            .wishes
            .try_update_value(|wishes| wishes.drain(..).collect())
            .unwrap_or_default();
        if self
            .company
            .with_untracked(|company| company.others().next().is_none())
        {
            return all;
        }
        let at = self
            .pointer
            .try_update_value(|pointer| pointer.due(now))
            .flatten();
        all.extend(at.map(|at| RoomRequest::Point { at }));
        if self.company.with_untracked(Company::is_leading) {
            if let Some(seen) = room.seen() {
                self.view.update_value(|view| view.put(seen));
            }
            let shown = self.view.try_update_value(|view| view.due(now)).flatten();
            all.extend(shown.map(|(item, look)| RoomRequest::Show {
                item,
                look: Box::new(look),
            }));
        }
        all
    }
}

impl Room {
    /// Shows the others where the hand is: a point of the patient, or of the photograph that is shown.
    pub(super) fn point(&self, p: DVec3) {
        if let Some(item) = self.item_id() {
            let at = match self.status.with_untracked(|status| status.photo) {
                Some(_) => Pointed::Picture {
                    item,
                    p_px: p.truncate(),
                },
                None => Pointed::Patient { item, p_mm: p },
            };
            self.together.point(Some(at));
        }
    }

    /// What one sees now.
    fn seen(&self) -> Option<(ItemId, Look)> {
        let (item, view) = (self.item_id()?, self.view.get_untracked()?);
        let (grid, photo) = self.status.with_untracked(|status| (status.grid, status.photo));
        let mut sizes = Vec::new();
        self.with_painter(|painter| sizes = painter.panes());
        let panes: Vec<_> = self
            .layout
            .get_untracked()
            .panes()
            .into_iter()
            .filter_map(|pane| sizes.iter().copied().find(|(known, _)| *known == pane))
            .collect();
        let subject = Subject {
            grid: grid.as_ref(),
            photo,
        };
        let volume = match self.volume_shown.get_untracked() {
            true => Shown::Yes,
            false => Shown::No,
        };
        let content = content_of(self.layers.get_untracked(), volume);
        Some((item, look(0, subject, &view, &panes, &content)))
    }

    fn item_id(&self) -> Option<ItemId> {
        self.item.with_untracked(|item| item.as_ref()?.id.parse().ok())
    }
}

/// Is there for the others until the viewer is left or the session is over.
pub(super) fn meet(room: Room) {
    see(room);
    spawn_local(async move {
        let mut pause_ms = AGAIN_MS[0];
        loop {
            let began = now_ms();
            if session(room).await == Over::ForGood {
                return;
            }
            if now_ms() - began > AGAIN_MS[1] {
                pause_ms = AGAIN_MS[0];
            }
            sleep(pause_ms as i32).await;
            pause_ms = (pause_ms * 2.0).min(AGAIN_MS[1]);
        }
    });
}

#[derive(Clone, Copy, PartialEq)]
enum Over {
    /// The connection was lost.
    Lost,
    ForGood,
}

/// One connection, from its beginning to its end.
async fn session(room: Room) -> Over {
    let together = room.together;
    let Some(case) = room.case.try_get_value() else {
        return Over::ForGood;
    };
    let Some(socket) = Socket::open(&format!("/api/cases/{case}/live")) else {
        return Over::Lost;
    };
    let mut is_there = false;
    let is_reading = Rc::new(Cell::new(false));
    let mut unread = BTreeSet::new();
    loop {
        sleep(TICK_MS).await;
        if together.company.try_with_untracked(|_| ()).is_none() {
            return Over::ForGood;
        }
        while let Some(incoming) = socket.next() {
            match incoming {
                Incoming::Open => {}
                Incoming::Event(Event::Welcome { session, .. }) => {
                    enter(together, &socket, session);
                    is_there = true;
                    // What was said while nobody listened.
                    unread.extend([Said::Marks, Said::Views]);
                }
                Incoming::Event(Event::Room(event)) => {
                    let said = together.company.try_update(|company| company.hear(event));
                    let own = together
                        .company
                        .with_untracked(|company| company.me().map(|me| me.color));
                    if let Some(color) = own.filter(|color| *color != room.marks.color.get_untracked()) {
                        room.marks.color.set(color);
                    }
                    unread.extend(said.flatten());
                }
                Incoming::Event(Event::Ended { why }) if why != Ending::Stopped => {
                    together.company.set(Company::default());
                    return Over::ForGood;
                }
                Incoming::Event(_) | Incoming::Frame(_) => {}
            }
        }
        if socket.is_over() {
            together.company.set(Company::default());
            return Over::Lost;
        }
        if is_there {
            for request in together.due(room) {
                socket.send(&Request::Room(request));
            }
        }
        if !unread.is_empty() && !is_reading.replace(true) {
            let (said, is_reading) = (std::mem::take(&mut unread), Rc::clone(&is_reading));
            spawn_local(async move {
                // What cannot be read now is read with what is said next.
                drop(room.marks.reread(&said).await);
                is_reading.set(false);
            });
        }
    }
}

/// Comes in, perhaps again.
fn enter(together: Together, socket: &Socket, own: SessionId) {
    together.company.set(Company::of(own));
    together.wishes.update_value(VecDeque::clear);
    together.pointer.update_value(Newest::unsaid);
    together.view.update_value(Newest::unsaid);
    socket.send(&Request::Room(RoomRequest::Enter));
    together.follow(Follows::Nobody);
}

/// Sees what the leader sees, for as long as one follows: until one looks somewhere else oneself.
fn see(room: Room) {
    let together = room.together;
    let shown = Memo::new(move |_| match together.follows.get() {
        Follows::Leader => together.company.with(|company| company.shown().cloned()),
        Follows::Nobody => None,
    });
    let is_led = Memo::new(move |_| together.company.with(|company| company.leader().is_some()));
    let grid = room.known.grid;
    let has_view = Memo::new(move |_| room.view.with(Option::is_some));
    Effect::new(move |_| {
        if !is_led.get() {
            together.follow(Follows::Nobody);
        }
    });
    Effect::new(move |_| {
        let (grid, has_view) = (grid.get(), has_view.get());
        room.items.track();
        room.item.track();
        let Some((item, look)) = shown.get() else { return };
        if room.item_id() != Some(item) {
            let was_there = together
                .followed
                .with_value(|followed| followed.as_ref().is_some_and(|(before, _)| *before == item));
            if was_there {
                together.follow(Follows::Nobody);
                return;
            }
            together.followed.set_value(None);
            let other = room.items.with_untracked(|items| {
                let is_it = |other: &&Item| other.id.parse::<ItemId>().ok() == Some(item);
                items.iter().find(is_it).filter(|other| is_shown(other)).cloned()
            });
            if let Some(other) = other {
                room.open(other);
            }
        } else if has_view {
            take(room, item, &look, grid.as_ref());
        }
    });
    Effect::new(move |_| {
        let view = room.view.get();
        let has_left = together.followed.with_value(|followed| match (followed, &view) {
            (Some((_, followed)), Some(view)) => view != followed,
            _ => false,
        });
        if has_left {
            together.follow(Follows::Nobody);
        }
    });
}

/// Takes the leader's view.
fn take(room: Room, item: ItemId, look: &Look, grid: Option<&geometry::GridGeometry>) {
    let Some(own) = room.view.get_untracked() else {
        return;
    };
    let layout = layout_of(look).filter(|layout| {
        // A phone has room for one picture.
        page_width() == Width::Wide || matches!(layout, Layout::Single(_))
    });
    if let Some(layout) = layout.filter(|layout| *layout != room.layout.get_untracked()) {
        room.layout.set(layout);
    }
    let mut layers = room.layers.get_untracked();
    for layer in &mut layers {
        let is_it = |shown: &&protocol::Layer| match &layer.of {
            Some(of) => shown.item == Some(of.item) && shown.name == of.surface,
            None => shown.item.is_none() && shown.name == layer.name,
        };
        if let Some(shown) = look.layers.iter().find(is_it) {
            (layer.opacity, layer.color) = (shown.opacity, shown.color);
        }
    }
    if room.layers.with_untracked(|before| *before != layers) {
        room.layers.set(layers);
    }
    let is_shown = look.volume == Shown::Yes;
    if room.volume_shown.get_untracked() != is_shown {
        room.volume_shown.set(is_shown);
    }
    let view = as_shown(&own, look, grid);
    room.together.followed.set_value(Some((item, view.clone())));
    room.view.set(Some(view));
}

/// What others call somebody.
fn name_of(person: &Person) -> String {
    match &person.called {
        Called::Name(name) => name.clone(),
        Called::Patient => t("capacity.patient").to_owned(),
        Called::Guardian => t("capacity.guardian").to_owned(),
    }
}

fn named(text: &'static str, person: &Person) -> String {
    fill(t(text), &[("name", &name_of(person))])
}

/// Who else is here, and what one can do with them; nothing where one is alone.
#[component]
pub(super) fn Present() -> impl IntoView {
    let room: Room = expect_context();
    let company = room.together.company;
    let others = Memo::new(move |_| company.with(|company| company.others().cloned().collect::<Vec<_>>()));
    let is_alone = Memo::new(move |_| others.with(Vec::is_empty));
    let discs = move || {
        let others = others.get();
        let more = others.len().saturating_sub(SHOWN);
        let more = (more > 0).then(|| {
            let rest = others
                .iter()
                .skip(SHOWN)
                .map(name_of)
                .collect::<Vec<_>>()
                .join(", ");
            view! { <span class="quiet number" title=rest>{format!("+{more}")}</span> }
        });
        let discs = others.into_iter().take(SHOWN).map(|person| disc(room, &person));
        view! { {discs.collect_view()} {more} }
    };
    let is_up =
        Memo::new(move |_| company.with(|company| company.me().is_some_and(|me| me.hand_ms.is_some())));
    let hand = move || {
        let is_up = is_up.get();
        let name = if is_up {
            t("together.lower")
        } else {
            t("together.raise")
        };
        view! {
            <button class="icon-button" title=name aria-label=name aria-pressed=is_up.to_string()
                on:click=move |_| room.together.raise_or_lower()><Icon name=Name::Hand/></button>
        }
    };
    move || {
        (!is_alone.get()).then(|| {
            view! {
                <div class="company" role="group" aria-label=t("together.here")>{discs}{hand}<Lead/></div>
            }
        })
    }
}

/// A disc with somebody's initials. Who leads hands the lead over by it.
fn disc(room: Room, person: &Person) -> impl IntoView + use<> {
    let session = person.session;
    let leader = Memo::new(move |_| {
        let company = room.together.company;
        company.with(|company| {
            let leads = company.leader().is_some_and(|leader| leader.session == session);
            (company.is_leading(), leads)
        })
    });
    let can_take = person.can_lead == CanLead::Yes;
    let color = css_of_person(person.color);
    let letters = initials(&name_of(person));
    let is_up = person.hand_ms.is_some();
    let person = person.clone();
    let said = move || {
        let (is_leading, leads) = leader.get();
        let mut said = vec![name_of(&person)];
        said.extend(leads.then(|| t("together.leads").to_owned()));
        said.extend((person.follows == Follows::Leader).then(|| t("together.follows").to_owned()));
        said.extend(is_up.then(|| t("together.raised").to_owned()));
        said.extend((is_leading && can_take).then(|| named("together.hand_over", &person)));
        said.join(", ")
    };
    let hand_over = move |_| {
        if leader.get_untracked().0 {
            room.together.wish(RoomRequest::HandOver { to: session });
        }
    };
    view! {
        <button class="disc" class:leads=move || leader.get().1 class:raised=is_up style:--who=color
            aria-disabled=move || (!(leader.get().0 && can_take)).to_string()
            title=said.clone() aria-label=said on:click=hand_over>{letters}</button>
    }
}

/// Leads, follows, or neither any more.
#[component]
fn Lead() -> impl IntoView {
    let room: Room = expect_context();
    let together = room.together;
    let state = Memo::new(move |_| {
        let follows = together.follows.get();
        together.company.with(|company| {
            let can_lead = company.me().is_some_and(|me| me.can_lead == CanLead::Yes);
            let leader = company.leader().cloned();
            (company.is_leading(), leader, can_lead, follows)
        })
    });
    move || {
        let (is_leading, leader, can_lead, follows) = state.get();
        let text = match (&leader, follows) {
            _ if is_leading => t("together.stop_leading").to_owned(),
            (Some(_), Follows::Leader) => t("together.stop_following").to_owned(),
            (Some(leader), Follows::Nobody) => named("together.follow", leader),
            (None, _) if can_lead => t("together.lead").to_owned(),
            (None, _) => return None,
        };
        let is_on = is_leading || follows == Follows::Leader;
        Some(view! {
            <button class="small take-lead" class:on=is_on aria-pressed=is_on.to_string() title=text.clone()
                on:click=move |_| together.lead_or_follow()>{text.clone()}</button>
        })
    }
}

/// Around the pictures while one follows: whose view it is, and how to leave it.
#[component]
pub(super) fn Following() -> impl IntoView {
    let room: Room = expect_context();
    let together = room.together;
    let leader = Memo::new(move |_| match together.follows.get() {
        Follows::Leader => together.company.with(|company| company.leader().cloned()),
        Follows::Nobody => None,
    });
    move || {
        leader.get().map(|leader| {
            view! {
                <div class="following" style:--who=css_of_person(leader.color)>
                    <p role="status">{named("together.following", &leader)}</p>
                </div>
            }
        })
    }
}

/// Where others point in a picture.
pub(super) fn pointers(room: Room, projector: Option<Projector>) -> Option<impl IntoView> {
    let projector = projector?;
    let item = room.item.with(|item| item.as_ref()?.id.parse::<ItemId>().ok())?;
    let drawn = room.together.company.with(|company| {
        let seen = company.pointers(item).filter_map(|(person, at)| {
            let p = pointer_pixel(&projector, at)?;
            let (color, name) = (css_of_person(person.color), name_of(person));
            Some(view! {
                <g class="pointer" style:--who=color transform=format!("translate({:.1} {:.1})", p.x, p.y)>
                    <path d="M0 0L4.5 15L7.6 9.2L14 8z"/>
                    <text x="12" y="22">{name}</text>
                </g>
            })
        });
        seen.collect_view()
    });
    Some(drawn)
}
