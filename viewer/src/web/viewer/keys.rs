//! Keys, as OHIF has them where it has them; `?` shows all.

use domain::AnnotationKind;
use leptos::prelude::*;
use web_sys::KeyboardEvent;

use super::pane::{go_to, scroll};
use super::top::{RATES, WINDOWS, set_window, toggle_cine};
use super::{Open, Room, Tool, is_shown, kept};
use crate::bindings::Habits;
use crate::texts::t;
use crate::view_state::{FOUR_UP, Layout, Mirror, Pane};

/// What a key does, with its name.
const LIST: &[(&str, &str)] = &[
    ("↑ ↓", "key.slice"),
    ("← →", "key.pane"),
    ("Home End", "key.ends"),
    ("PgUp PgDn", "key.items"),
    ("1 – 5", "key.windows"),
    ("C", "key.cine"),
    ("R L", "key.turn"),
    ("H V", "key.mirror"),
    ("I", "key.invert"),
    ("+ − =", "key.zoom"),
    ("W", "key.pointer"),
    ("X", "key.crosshair"),
    ("N Z S", "key.hand"),
    ("Space", "key.reset"),
    ("F", "key.fold"),
    ("J", "key.lead"),
    ("Y", "key.hand_up"),
    ("D", "key.enlarge"),
    ("Esc", "key.escape"),
    ("?", "key.help"),
];

/// Likewise, for those who make marks.
const MARK_LIST: &[(&str, &str)] = &[
    ("M", "key.distance"),
    ("A", "key.angle"),
    ("O", "key.polyline"),
    ("G", "key.region"),
    ("P", "key.pin"),
    ("T", "key.text"),
    ("Enter", "key.finish"),
    ("Delete", "key.delete"),
    ("Ctrl Z  Ctrl Y", "key.undo"),
];

/// A key was pressed anywhere in the viewer.
pub(crate) fn pressed(room: Room, event: &KeyboardEvent) {
    let in_field = event
        .target()
        .and_then(|target| wasm_bindgen::JsCast::dyn_into::<web_sys::Element>(target).ok())
        .is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT"));
    if in_field && event.key() != "Escape" {
        return;
    }
    let can_mark = untrack(|| room.marks.can_mark());
    let is_done = if event.ctrl_key() || event.meta_key() {
        can_mark && undo(room, event)
    } else {
        let key = event.key();
        look(room, event) || choose_tool(room, &key) || (can_mark && mark(room, &key))
    };
    if is_done {
        event.prevent_default();
    }
}

fn undo(room: Room, event: &KeyboardEvent) -> bool {
    match event.key().as_str() {
        "z" if event.shift_key() => room.marks.redo(),
        "z" => room.marks.undo(),
        "y" => room.marks.redo(),
        _ => return false,
    }
    true
}

/// The plane that slices are gone through in: the active one, or the axial one beside the picture in space.
pub(super) fn active_plane(room: Room) -> Pane {
    match room.active.get_untracked() {
        Pane::Space => room.layout.with_untracked(|layout| {
            let planes = layout.panes();
            planes.into_iter().find(|pane| *pane != Pane::Space)
        }),
        plane => Some(plane),
    }
    .unwrap_or(Pane::Axial)
}

/// How one looks.
fn look(room: Room, event: &KeyboardEvent) -> bool {
    let active = room.active.get_untracked();
    let plane = active_plane(room);
    match event.key().as_str() {
        "ArrowDown" => scroll(room, plane, 1),
        "ArrowUp" => scroll(room, plane, -1),
        "ArrowRight" => step_pane(room, 1),
        "ArrowLeft" => step_pane(room, -1),
        "PageDown" => step_item(room, 1),
        "PageUp" => step_item(room, -1),
        "Home" => go_to(room, plane, 0.0),
        "End" => go_to(room, plane, f64::MAX),
        "1" | "2" | "3" | "4" | "5" => {
            let index = event.key().parse::<usize>().unwrap_or(1) - 1;
            if let Some(&(_, width, center)) = WINDOWS.get(index) {
                set_window(room, width, center);
            }
        }
        "c" => toggle_cine(room, RATES[1]),
        "r" => room.change(|view| view.turn_picture(plane, 1)),
        "l" => room.change(|view| view.turn_picture(plane, -1)),
        "h" => room.change(|view| view.mirror(plane, Mirror::Across)),
        "v" => room.change(|view| view.mirror(plane, Mirror::Down)),
        "i" => room.change(|view| view.inverted = !view.inverted),
        "+" => zoom(room, active, 1.25),
        "-" => zoom(room, active, 0.8),
        "=" | " " => reset(room),
        "d" => room.enlarge(active),
        "f" => room.sides.update(|sides| {
            *sides = match sides {
                Open::Neither => Open::Both,
                _ => Open::Neither,
            }
        }),
        "j" => room.together.lead_or_follow(),
        "y" => room.together.raise_or_lower(),
        "Escape" => escape(room),
        "?" => room.help.update(|help| *help = !*help),
        _ => return false,
    }
    true
}

fn zoom(room: Room, pane: Pane, factor: f64) {
    let is_photo = room.status.with_untracked(|status| status.photo.is_some());
    room.change(|view| {
        if is_photo {
            view.photo.zoom = (view.photo.zoom * factor).clamp(0.25, 64.0);
        } else {
            view.enlarge(pane, factor);
        }
    });
}

fn choose_tool(room: Room, key: &str) -> bool {
    let tool = match key {
        "w" => Tool::Pointer,
        "x" => Tool::Crosshair,
        "n" => Tool::Pan,
        "z" => Tool::Zoom,
        "s" => Tool::Scroll,
        _ => return false,
    };
    take_tool(room, tool);
    true
}

fn take_tool(room: Room, tool: Tool) {
    room.marks.draft.set(None);
    room.tool.set(tool);
}

/// What one does with marks.
fn mark(room: Room, key: &str) -> bool {
    let make = |kind| take_tool(room, Tool::Mark(kind));
    match key {
        "m" => make(AnnotationKind::Distance),
        "a" => make(AnnotationKind::Angle),
        "o" => make(AnnotationKind::Polyline),
        "g" => make(AnnotationKind::Region),
        "p" => make(AnnotationKind::Pin),
        "t" => make(AnnotationKind::Text),
        "Enter" => match room.marks.draft.get_untracked() {
            Some(draft) => room.finish_draft(&draft),
            // A button that has the focus is pressed.
            None => return false,
        },
        "Delete" | "Backspace" => match room.marks.selected.get_untracked() {
            Some(id) => return room.marks.remove_if_allowed(&id),
            None => return false,
        },
        _ => return false,
    }
    true
}

/// Goes to the next picture of the layout.
fn step_pane(room: Room, by: i32) {
    let panes = match room.layout.get_untracked() {
        Layout::Single(_) | Layout::Compare(_) => FOUR_UP.to_vec(),
        layout => layout.panes(),
    };
    let now = room.active.get_untracked();
    let at = panes.iter().position(|pane| *pane == now).unwrap_or(0) as i32;
    let next = panes[(at + by).rem_euclid(panes.len() as i32) as usize];
    room.active.set(next);
    room.layout.update(|layout| match layout {
        Layout::Single(pane) | Layout::Compare(pane) => *pane = next,
        Layout::FourUp | Layout::OneAndThree | Layout::Slices => {}
    });
}

/// Opens the next item of the case.
fn step_item(room: Room, by: i32) {
    let items = room.items.get_untracked();
    let items: Vec<_> = items.into_iter().filter(is_shown).collect();
    let now = room
        .item
        .with_untracked(|item| item.as_ref().map(|item| item.id.clone()));
    let at = items.iter().position(|item| Some(&item.id) == now.as_ref());
    let next = at
        .and_then(|at| usize::try_from(at as i32 + by).ok())
        .and_then(|at| items.get(at));
    if let Some(next) = next {
        room.open(next.clone());
    }
}

fn escape(room: Room) {
    if room.help.get_untracked() {
        room.help.set(false);
    } else if room.together.is_following() {
        room.together.follow(protocol::Follows::Nobody);
    } else if room.tour.with_untracked(Option::is_some) {
        room.tour.set(None);
    } else if room.marks.draft.get_untracked().is_some() {
        room.marks.draft.set(None);
    } else if room.tool.get_untracked() != Tool::Pointer {
        room.tool.set(Tool::Pointer);
    } else if matches!(room.layout.get_untracked(), Layout::Single(_))
        && room.layout_before.get_untracked().is_some()
    {
        room.enlarge(room.active.get_untracked());
    }
}

/// All as it was at first, but for the marks.
pub(crate) fn reset(room: Room) {
    let bounds = room.known.bounds_mm.get_untracked();
    if let Some(bounds) = bounds {
        room.change(|view| *view = crate::view_state::ViewState::of(bounds, view.window(), &view.preset));
    } else {
        room.change(|view| view.photo = crate::view_state::PhotoView::default());
    }
}

#[component]
pub(crate) fn Help() -> impl IntoView {
    let room: Room = expect_context();
    view! {
        <div class="sheet" role="dialog" aria-modal="true" aria-label=t("key.title") on:click=move |_| room.help.set(false)>
            <div class="sheet-body" on:click=|event| event.stop_propagation()>
                <h2>{t("key.title")}</h2>
                <HabitChoice/>
                <p class="quiet">{move || match room.habits.get() {
                    Habits::Radiology => t("key.mouse"),
                    Habits::Archive => t("key.mouse_archive"),
                    Habits::Slicer => t("key.mouse_slicer"),
                }}</p>
                <p class="quiet">{t("key.touch")}</p>
                <dl class="keys">
                    {list(LIST)}
                    {move || room.marks.can_mark().then(|| list(MARK_LIST))}
                </dl>
                <button class="primary" on:click=move |_| room.help.set(false)>{t("key.close")}</button>
            </div>
        </div>
    }
}

fn list(keys: &'static [(&'static str, &'static str)]) -> impl IntoView {
    let rows = keys
        .iter()
        .map(|&(key, text)| view! { <dt><kbd>{key}</kbd></dt><dd>{t(text)}</dd> });
    rows.collect_view()
}

/// What the buttons of the mouse do.
#[component]
fn HabitChoice() -> impl IntoView {
    let room: Room = expect_context();
    let name = |habits: Habits| match habits {
        Habits::Radiology => t("habits.radiology"),
        Habits::Archive => t("habits.archive"),
        Habits::Slicer => t("habits.slicer"),
    };
    let choose = move |event| {
        let habits = Habits::named(&event_target_value(&event));
        kept::keep_habits(habits);
        room.habits.set(habits);
    };
    view! {
        <label class="field"><span>{t("habits.title")}</span><select on:change=choose>
            {Habits::ALL.into_iter().map(|habits| view! {
                <option value=habits.word() selected=move || room.habits.get() == habits>{name(habits)}</option>
            }).collect_view()}
        </select></label>
    }
}
