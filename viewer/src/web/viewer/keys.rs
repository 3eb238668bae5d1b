//! Keys, as OHIF has them where it has them; `?` shows all.

use domain::AnnotationKind;
use leptos::prelude::*;
use web_sys::KeyboardEvent;

use super::pane::{go_to, scroll};
use super::top::{WINDOWS, set_window};
use super::{Room, Tool};
use crate::texts::t;
use crate::view_state::{Layout, Pane};

/// What a key does, with its name.
const LIST: &[(&str, &str)] = &[
    ("↑ ↓", "key.slice"),
    ("Home End", "key.ends"),
    ("1 – 5", "key.windows"),
    ("W", "key.pointer"),
    ("C", "key.crosshair"),
    ("N Z S", "key.hand"),
    ("M", "key.distance"),
    ("A", "key.angle"),
    ("G", "key.region"),
    ("P", "key.pin"),
    ("I", "key.invert"),
    ("+ −", "key.zoom"),
    ("Space", "key.reset"),
    ("F", "key.fold"),
    ("Enter", "key.finish"),
    ("Delete", "key.delete"),
    ("Ctrl Z  Ctrl Y", "key.undo"),
    ("Esc", "key.escape"),
    ("?", "key.help"),
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
    let key = event.key();
    if event.ctrl_key() || event.meta_key() {
        match key.as_str() {
            "z" if event.shift_key() => room.marks.redo(),
            "z" => room.marks.undo(),
            "y" => room.marks.redo(),
            _ => return,
        }
        event.prevent_default();
        return;
    }
    let active = room.active.get_untracked();
    let plane = if active == Pane::Space {
        Pane::Axial
    } else {
        active
    };
    let tool = |tool| room.tool.set(tool);
    match key.as_str() {
        "ArrowDown" => scroll(room, plane, 1),
        "ArrowUp" => scroll(room, plane, -1),
        "Home" => go_to(room, plane, 0.0),
        "End" => go_to(room, plane, f64::MAX),
        "1" | "2" | "3" | "4" | "5" => {
            let index = key.parse::<usize>().unwrap_or(1) - 1;
            if let Some(&(_, width, center)) = WINDOWS.get(index) {
                set_window(room, width, center);
            }
        }
        "w" => tool(Tool::Pointer),
        "c" => tool(Tool::Crosshair),
        "n" => tool(Tool::Pan),
        "z" => tool(Tool::Zoom),
        "s" => tool(Tool::Scroll),
        "m" => tool(Tool::Mark(AnnotationKind::Distance)),
        "a" => tool(Tool::Mark(AnnotationKind::Angle)),
        "g" => tool(Tool::Mark(AnnotationKind::Region)),
        "p" => tool(Tool::Mark(AnnotationKind::Pin)),
        "i" => room.change(|view| view.inverted = !view.inverted),
        "+" | "=" => room.change(|view| view.enlarge(active, 1.25)),
        "-" => room.change(|view| view.enlarge(active, 0.8)),
        " " => reset(room),
        "f" => room.sides.update(|(left, right)| {
            let is_open = *left || *right;
            (*left, *right) = (!is_open, !is_open);
        }),
        "Enter" => {
            if let Some(draft) = room.marks.draft.get_untracked() {
                room.finish_draft(draft);
            }
        }
        "Delete" | "Backspace" => {
            if let Some(id) = room.marks.selected.get_untracked() {
                room.marks.remove(&id);
            }
        }
        "Escape" => escape(room),
        "?" => room.help.update(|help| *help = !*help),
        _ => return,
    }
    event.prevent_default();
}

fn escape(room: Room) {
    if room.help.get_untracked() {
        room.help.set(false);
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
    let bounds = room
        .status
        .with_untracked(|status| status.grid.map(|grid| grid.bounds_mm()));
    if let Some(bounds) = bounds {
        room.change(|view| *view = crate::view_state::ViewState::of(bounds, view.window(), &view.preset));
    }
}

#[component]
pub(crate) fn Help() -> impl IntoView {
    let room: Room = expect_context();
    view! {
        <div class="sheet" role="dialog" aria-modal="true" aria-label=t("key.title") on:click=move |_| room.help.set(false)>
            <div class="sheet-body" on:click=|event| event.stop_propagation()>
                <h2>{t("key.title")}</h2>
                <p class="quiet">{t("key.mouse")}</p>
                <dl class="keys">
                    {LIST.iter().map(|(key, text)| view! { <dt><kbd>{*key}</kbd></dt><dd>{t(text)}</dd> }).collect_view()}
                </dl>
                <button class="primary" on:click=move |_| room.help.set(false)>{t("key.close")}</button>
            </div>
        </div>
    }
}
