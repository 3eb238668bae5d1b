//! The case viewer: what one does above, what one looks at on the left, what was said on the right, what is true below.

mod asking;
mod curve;
mod drawing;
mod drawn;
mod kept;
mod keys;
mod laying;
mod live;
mod look;
mod marks;
mod opening;
mod overlay;
mod painter;
mod pane;
mod photo;
mod said;
mod scene;
mod side;
mod sized;
mod thread;
mod together;
mod top;
mod tours;

use std::rc::Rc;

use domain::AnnotationKind;
use geometry::{Aabb, DVec3, GridGeometry};
use leptos::context::Provider;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use wasm_bindgen_futures::spawn_local;

use self::marks::Marks;
pub(crate) use self::painter::sleep;
use self::painter::{Layer, Painter, Status};
use super::Session;
use super::api::{self, Item};
use crate::bindings::Habits;
use crate::linking::{Frames, follow};
use crate::texts::t;
use crate::view_state::{FOUR_UP, Layout, Pane, Size, ViewState};

/// What the left button does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tool {
    /// Window in planes, turning in space.
    Pointer,
    /// Moves the crosshair.
    Crosshair,
    Pan,
    Zoom,
    Scroll,
    Mark(AnnotationKind),
}

/// Where two items are shown, the one on the left or the one on the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Left,
    Right,
}

/// A side that is unfolded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    Neither,
    Items,
    Said,
    Both,
}

impl Open {
    pub(crate) fn has_items(self) -> bool {
        matches!(self, Self::Items | Self::Both)
    }

    pub(crate) fn has_said(self) -> bool {
        matches!(self, Self::Said | Self::Both)
    }
}

/// What one looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    /// A case, together with others.
    Case,
    /// One's own captures, alone.
    Space,
}

/// How much room there is beside the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// A phone: one picture, and a side over it.
    Narrow,
    /// Both sides beside the pictures.
    Wide,
}

/// The width of the page now.
pub(crate) fn page_width() -> Width {
    let width = web_sys::window()
        .and_then(|window| window.inner_width().ok())
        .and_then(|width| width.as_f64());
    if width.is_none_or(|width| width > 900.0) {
        Width::Wide
    } else {
        Width::Narrow
    }
}

/// The plays of a stack of slices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cine {
    Still,
    /// Slices a second.
    Playing(f64),
}

/// Everything that the parts of the viewer share; all of it can be copied.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    pub(crate) within: Within,
    pub(crate) case: StoredValue<String>,
    pub(crate) title: RwSignal<String>,
    pub(crate) items: RwSignal<Vec<Item>>,
    pub(crate) item: RwSignal<Option<Item>>,
    pub(crate) view: RwSignal<Option<ViewState>>,
    pub(crate) layout: RwSignal<Layout>,
    pub(crate) layout_before: RwSignal<Option<Layout>>,
    pub(crate) active: RwSignal<Pane>,
    pub(crate) tool: RwSignal<Tool>,
    pub(crate) layers: RwSignal<Vec<Layer>>,
    pub(crate) volume_shown: RwSignal<bool>,
    /// Other items whose surfaces are in the same pictures.
    pub(crate) others: RwSignal<Vec<painter::Other>>,
    /// Whether the server draws.
    pub(crate) is_live: RwSignal<bool>,
    /// An item on its way onto the one that is shown.
    pub(crate) laying: RwSignal<Option<laying::Laying>>,
    pub(crate) status: RwSignal<Status>,
    /// What of the status stays while pieces and pictures come: who reads it here is not told of each of those.
    pub(crate) known: Known,
    pub(crate) painter: StoredValue<Option<Rc<Painter>>, LocalStorage>,
    /// The view states that live pictures answer; none where the browser draws.
    pub(crate) frames: live::Frames,
    pub(crate) marks: Marks,
    pub(crate) probe: RwSignal<Option<(DVec3, Option<f64>)>>,
    pub(crate) sides: RwSignal<Open>,
    pub(crate) help: RwSignal<bool>,
    pub(crate) habits: RwSignal<Habits>,
    pub(crate) cine: RwSignal<Cine>,
    /// Which of two items this shows, and which one the hand was in last.
    pub(crate) place: Place,
    pub(crate) hand: RwSignal<Place>,
    /// The tour that is being shown.
    pub(crate) tour: RwSignal<Option<tours::Playing>>,
    /// The others who look at the case.
    pub(crate) together: together::Together,
}

/// What is known of the item that is shown.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    /// Where the volume lies.
    pub(crate) grid: Memo<Option<GridGeometry>>,
    /// The size of a photograph.
    pub(crate) photo: Memo<Option<Size>>,
    /// The unit of the volume's values.
    pub(crate) unit: Memo<String>,
    /// The box around what is shown, patient mm.
    pub(crate) bounds_mm: Memo<Option<Aabb>>,
}

impl Known {
    fn of(status: RwSignal<Status>) -> Self {
        Self {
            grid: Memo::new(move |_| status.with(|status| status.grid)),
            photo: Memo::new(move |_| status.with(|status| status.photo)),
            unit: Memo::new(move |_| status.with(|status| status.unit.clone())),
            bounds_mm: Memo::new(move |_| {
                status.with(|status| status.grid.map(|grid| grid.bounds_mm()).or(status.surfaces_mm))
            }),
        }
    }
}

impl Room {
    fn new(within: Within, case: String, author: String) -> Self {
        let status = RwSignal::new(Status::default());
        Self {
            within,
            marks: Marks::new(case.clone(), author),
            case: StoredValue::new(case),
            title: RwSignal::new(String::new()),
            items: RwSignal::new(Vec::new()),
            item: RwSignal::new(None),
            view: RwSignal::new(None),
            layout: RwSignal::new(first_layout()),
            layout_before: RwSignal::new(None),
            active: RwSignal::new(Pane::Space),
            tool: RwSignal::new(Tool::Pointer),
            layers: RwSignal::new(Vec::new()),
            others: RwSignal::new(Vec::new()),
            is_live: RwSignal::new(false),
            laying: RwSignal::new(None),
            volume_shown: RwSignal::new(true),
            status,
            known: Known::of(status),
            painter: StoredValue::new_local(None),
            frames: RwSignal::new(Vec::new()),
            probe: RwSignal::new(None),
            sides: RwSignal::new(first_sides(within)),
            help: RwSignal::new(false),
            habits: RwSignal::new(kept::habits()),
            cine: RwSignal::new(Cine::Still),
            place: Place::Left,
            hand: RwSignal::new(Place::Left),
            tour: RwSignal::new(None),
            together: together::Together::new(),
        }
    }

    /// Room for a second item beside this one; what is said and how it is looked at is shared.
    fn beside(self) -> Self {
        let status = RwSignal::new(Status::default());
        Self {
            item: RwSignal::new(None),
            view: RwSignal::new(None),
            layers: RwSignal::new(Vec::new()),
            others: RwSignal::new(Vec::new()),
            is_live: RwSignal::new(false),
            volume_shown: RwSignal::new(true),
            status,
            known: Known::of(status),
            painter: StoredValue::new_local(None),
            frames: RwSignal::new(Vec::new()),
            place: Place::Right,
            ..self
        }
    }

    /// Says what the server does not want.
    pub(crate) fn refused(&self, why: String) {
        self.marks.trouble.set(Some(marks::Trouble::Refused(why)));
    }

    pub(crate) fn with_painter(&self, act: impl FnOnce(&Painter)) {
        self.painter.with_value(|painter| {
            if let Some(painter) = painter {
                act(painter);
            }
        });
    }

    /// Changes the view, where there is one.
    pub(crate) fn change(&self, change: impl FnOnce(&mut ViewState)) {
        self.view.update(|view| {
            if let Some(view) = view {
                change(view);
            }
        });
    }

    /// Shows one pane alone, or what was there before.
    pub(crate) fn enlarge(&self, pane: Pane) {
        match self.layout.get_untracked() {
            Layout::Single(shown) if shown == pane => {
                self.layout
                    .set(self.layout_before.get_untracked().unwrap_or(Layout::FourUp));
            }
            Layout::Single(_) => self.layout.set(Layout::Single(pane)),
            Layout::Compare(_) => {}
            other => {
                self.layout_before.set(Some(other));
                self.layout.set(Layout::Single(pane));
            }
        }
    }
}

/// Which sides are open first: about one's own captures nothing is said.
fn first_sides(within: Within) -> Open {
    match (page_width(), within) {
        (Width::Wide, Within::Case) => Open::Both,
        (Width::Wide, Within::Space) => Open::Items,
        (Width::Narrow, _) => Open::Neither,
    }
}

/// How a volume is shown first.
fn first_layout() -> Layout {
    match page_width() {
        Width::Wide => Layout::FourUp,
        Width::Narrow => Layout::Single(Pane::Space),
    }
}

/// The viewer of a case, or of the captures of one's own space.
#[component]
pub(crate) fn Viewer() -> impl IntoView {
    let params = use_params_map();
    let param = |name| params.with_untracked(|params| params.get(name));
    let (within, id, wanted) = match param("capture") {
        Some(capture) => (Within::Space, String::new(), Some(capture)),
        None => (Within::Case, param("id").unwrap_or_default(), param("item")),
    };
    let session: Session = expect_context();
    let author = untrack(|| session.me()).map(|me| me.id).unwrap_or_default();
    let room = Room::new(within, id.clone(), author);
    provide_context(room);
    let failure = RwSignal::new(None::<String>);
    // All is asked for at once: on a long line each answer that is waited for is seen.
    let items = match within {
        Within::Case => {
            read_case(room, failure);
            format!("/api/cases/{id}/items")
        }
        Within::Space => {
            room.title.set(t("capture.title").to_owned());
            "/api/space/captures".to_owned()
        }
    };
    spawn_local(async move {
        match api::get::<Vec<Item>>(&items).await {
            Ok(items) => {
                let shown = items.iter().filter(|item| is_shown(item));
                let first = shown
                    .clone()
                    .find(|item| wanted.as_ref().is_some_and(|wanted| *wanted == item.id))
                    .or_else(|| shown.clone().find(|item| item.kind == "volume"))
                    .or_else(|| shown.clone().next())
                    .cloned();
                room.items.set(items);
                match first {
                    Some(item) => room.open(item),
                    None => failure.set(Some(t("viewer.nothing").to_owned())),
                }
            }
            Err(problem) => failure.set(Some(problem.title)),
        }
    });
    let beside = room.beside();
    link(room, beside);
    link(beside, room);
    play(room);
    if within == Within::Case {
        together::meet(room);
    }
    Effect::new(move |_| {
        if !room.marks.can_mark() && matches!(room.tool.get(), Tool::Mark(_)) {
            room.marks.draft.set(None);
            room.tool.set(Tool::Pointer);
        }
    });
    on_cleanup(move || {
        room.close();
        beside.close();
        room.cine.set(Cine::Still);
    });
    let keys = window_event_listener(leptos::ev::keydown, move |event| keys::pressed(room, &event));
    on_cleanup(move || keys.remove());
    // The sides make room where the window narrows, and come back where it widens.
    let width = StoredValue::new(page_width());
    let resized = window_event_listener(leptos::ev::resize, move |_| {
        let now = page_width();
        if now != width.get_value() {
            width.set_value(now);
            room.sides.set(first_sides(within));
        }
    });
    on_cleanup(move || resized.remove());
    let note = move || {
        let told = failure
            .get()
            .or_else(|| room.status.with(|status| status.failure.clone()))
            .or_else(|| room.status.with(|status| status.notice.map(str::to_owned)));
        told.map(|text| view! { <p class="stage-note" role="alert">{text}</p> })
    };
    let panes = move || {
        let panes = room.layout.get().panes();
        panes
            .into_iter()
            .map(|pane| view! { <pane::PaneView pane/> })
            .collect_view()
    };
    let is_compared = Memo::new(move |_| matches!(room.layout.get(), Layout::Compare(_)));
    Effect::new(move |_| {
        if !is_compared.get() {
            beside.empty();
        }
    });
    view! {
        <div class="viewer" data-ready=move || room.status.with(|status| status.first_picture_ms.is_some().to_string())
            data-first-picture=move || room.status.with(|status| status.first_picture_ms.map(|ms| format!("{ms:.0}")))
            data-fraction=move || room.status.with(|status| format!("{:.3}", status.fraction))
            data-pictures=move || room.status.with(|status| status.pictures.to_string())>
            <top::Top/>
            <div class="viewer-middle">
                <side::Items beside/>
                <main class="stage">
                    {note}
                    <div class=move || format!("panes {}", room.layout.get().word())>
                        {panes}
                        {move || is_compared.get().then(|| view! { <Provider value=beside>{panes()}</Provider> })}
                    </div>
                    <together::Following/>
                    <PaneChoice/>
                    <tours::Caption/>
                </main>
                {(within == Within::Case).then(|| view! { <said::Said/> })}
            </div>
            <Truth/>
            {move || room.help.get().then(|| view! { <keys::Help/> })}
        </div>
    }
}

/// Reads what a case is called, what one may do in it, and what was said.
fn read_case(room: Room, failure: RwSignal<Option<String>>) {
    spawn_local(async move {
        match room.marks.read_case().await {
            Ok(case) => room.title.set(case.title),
            Err(problem) => failure.set(Some(problem.title)),
        }
    });
    spawn_local(async move {
        if let Err(problem) = room.marks.load().await {
            failure.set(Some(problem.title));
        }
    });
}

/// Where one picture is shown alone on a narrow page, the others to choose from.
#[component]
fn PaneChoice() -> impl IntoView {
    let room: Room = expect_context();
    let shown = move || match room.layout.get() {
        Layout::Single(pane) | Layout::Compare(pane) if room.known.grid.with(Option::is_some) => Some(pane),
        _ => None,
    };
    move || {
        shown().map(|shown| {
            let buttons = FOUR_UP.into_iter().map(|pane| {
                let choose = move |_| {
                    room.active.set(pane);
                    room.layout.update(|layout| {
                        *layout = match layout {
                            Layout::Compare(_) => Layout::Compare(pane),
                            _ => Layout::Single(pane),
                        }
                    });
                };
                view! {
                    <button class=format!("pane-choice {}", pane.word()) aria-pressed=(pane == shown).to_string() on:click=choose>
                        {pane::pane_name(pane)}</button>
                }
            });
            view! { <div class="pane-choices" role="group" aria-label=t("layout.pictures")>{buttons.collect_view()}</div> }
        })
    }
}

/// While two items are compared, what the hand does to `leader` is done to `follower`.
fn link(leader: Room, follower: Room) {
    Effect::new(move |before: Option<Option<ViewState>>| {
        let now = leader.view.get();
        let is_linked = matches!(leader.layout.get_untracked(), Layout::Compare(_))
            && leader.hand.get_untracked() == leader.place;
        if let (true, Some(Some(before)), Some(now)) = (is_linked, before, &now) {
            let shown = untrack(|| leader.item.get());
            let motion = shown.and_then(|shown| untrack(|| follower.motion_from(&shown)));
            let is_same = leader.item.with_untracked(|shown| {
                follower
                    .item
                    .with_untracked(|item| item.is_some() && item == shown)
            });
            let frames = match motion {
                Some(motion) => Frames::Shared(motion),
                None if is_same => Frames::Shared(geometry::DAffine3::IDENTITY),
                None => Frames::Apart,
            };
            follower.change(|view| follow(view, &before, now, frames));
        }
        now
    });
}

/// Goes through the slices of the active plane while it plays.
fn play(room: Room) {
    Effect::new(move |_| {
        if let Cine::Playing(rate) = room.cine.get() {
            spawn_local(async move {
                while room.cine.try_get_untracked() == Some(Cine::Playing(rate)) {
                    let pane = keys::active_plane(room);
                    if let Some(grid) = room.status.with_untracked(|status| status.grid) {
                        room.change(|view| view.play(pane, &grid));
                    }
                    sleep((1_000.0 / rate) as i32).await;
                }
            });
        }
    });
}

/// Whether an item has a picture: drawn by the browser where one uploaded it oneself, live from the server elsewhere.
pub(crate) fn is_shown(item: &Item) -> bool {
    matches!(item.kind.as_str(), "volume" | "mesh" | "capture" | "photo")
}

/// What is true: spacing, findings, whose pictures these are.
#[component]
fn Truth() -> impl IntoView {
    let room: Room = expect_context();
    let spacing = move || {
        room.known.grid.get().map(|grid| {
            let [x, y, z] = grid.spacing_mm();
            let [nx, ny, nz] = grid.dims();
            format!("{x:.2} × {y:.2} × {z:.2} mm · {nx} × {ny} × {nz}")
        })
    };
    let findings = move || {
        room.item
            .with(|item| item.as_ref().map_or_else(Vec::new, |item| item.findings.clone()))
    };
    let is_coarse = Memo::new(move |_| room.status.with(|status| status.level > 0));
    let coarse = move || {
        is_coarse
            .get()
            .then(|| view! { <span class="caution">{t("viewer.coarse")}</span> })
    };
    let probe = move || {
        room.probe.get().map(|(p, value)| {
            let unit = room.known.unit.get();
            let value = value
                .map(|value| format!(" · {value:.0} {unit}"))
                .unwrap_or_default();
            format!(
                "{} {:.1}  {} {:.1}  {} {:.1} mm{value}",
                if p.x >= 0.0 { "L" } else { "R" },
                p.x.abs(),
                if p.y >= 0.0 { "P" } else { "A" },
                p.y.abs(),
                if p.z >= 0.0 { "S" } else { "I" },
                p.z.abs()
            )
        })
    };
    let percent = Memo::new(move |_| {
        room.status.with(|status| {
            (status.grid.is_some() && status.fraction < 1.0).then(|| (status.arrived * 100.0) as u32)
        })
    });
    let arriving = move || {
        percent
            .get()
            .map(|percent| format!("{} {percent} %", t("viewer.arriving")))
    };
    let drawn = move || {
        t(match room.is_live.get() {
            true => "viewer.live",
            false => "viewer.local",
        })
    };
    view! {
        <footer class="truth">
            <span class="number">{spacing}</span>
            {coarse}
            <span class="finding-list">
                {move || findings().into_iter().map(|finding| view! {
                    <span class=format!("finding {}", finding.severity) title=finding.message.clone()>{finding.message.clone()}</span>
                }).collect_view()}
            </span>
            <span class="number probe" data-test="probe">{probe}</span>
            <span class="number quiet">{arriving}</span>
            <span class="quiet">{drawn}</span>
            <span class="quiet">{t("viewer.not_primary")}</span>
        </footer>
    }
}
