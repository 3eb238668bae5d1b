//! A picture with what lies over it, and the hand in it.

use domain::AnnotationGeometry;
use geometry::{DVec2, DVec3};
use leptos::html;
use leptos::prelude::*;
use web_sys::{PointerEvent, WheelEvent};

use super::marks::Draft;
use super::overlay::Overlay;
use super::painter::Question;
use super::{Room, Tool};
use crate::marking::{Projector, geometry_of, place, point_count, point_under};
use crate::texts::t;
use crate::view_state::{Pane, Size};

/// What the hand does while it is down.
#[derive(Clone, Debug, PartialEq)]
enum Grip {
    Window,
    Turn,
    Pan,
    Zoom,
    Scroll {
        rest: f64,
    },
    Crosshair,
    /// A point of a mark, and what the mark was before.
    Point {
        mark: String,
        index: usize,
        before: AnnotationGeometry,
    },
}

/// How far the hand goes for a slice, and for twice the size, CSS pixels.
const SCROLL_PIXELS: f64 = 6.0;
const ZOOM_PIXELS: f64 = 160.0;
/// How much a step of the wheel enlarges what is seen in space.
const WHEEL_ZOOM: f64 = 1.12;

impl Room {
    /// How a pane shows the patient now; `None` before there is anything.
    pub(crate) fn projector(&self, pane: Pane, size: Size) -> Option<Projector> {
        let view = self.view.get()?;
        if pane == Pane::Space {
            return Some(Projector::Space {
                camera: view.camera.camera(),
                size,
            });
        }
        let grid = self.status.with(|status| status.grid)?;
        let plane = view.plane(pane, &grid, size)?;
        let least = grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
        let half_mm = (view.slab.mm / 2.0).max(least / 2.0);
        Some(Projector::Plane { plane, half_mm, size })
    }

    /// Sets a point where the hand is: at once in a plane, as soon as it is found in space.
    fn at_point(self, pane: Pane, p: DVec2, size: Size, act: impl FnOnce(DVec3) + 'static) {
        match untrack(|| self.projector(pane, size)) {
            Some(Projector::Plane { plane, .. }) => act(plane.mm_of(p, size.width, size.height)),
            _ => self.at(pane, p, size, move |p_mm, _| act(p_mm)),
        }
    }

    /// Finds the point of the patient under a hand and the value there, and does something with it.
    fn at(&self, pane: Pane, p: DVec2, size: Size, act: impl FnOnce(DVec3, Option<f64>) + 'static) {
        match untrack(|| self.projector(pane, size)) {
            Some(Projector::Plane { plane, .. }) => {
                let p_mm = plane.mm_of(p, size.width, size.height);
                self.with_painter(|painter| {
                    painter.ask(Question::Value(p_mm, Box::new(move |value| act(p_mm, value))));
                });
            }
            Some(Projector::Space { .. }) => self.with_painter(|painter| {
                let tell = move |hit: Option<(DVec3, Option<f64>)>| {
                    if let Some((p_mm, value)) = hit {
                        act(p_mm, value);
                    }
                };
                painter.ask(Question::Pick(p, size, Box::new(tell)));
            }),
            None => {}
        }
    }

    /// Sets the next point of the mark that is under way, or begins one.
    fn set_point(self, kind: domain::AnnotationKind, pane: Pane, p_mm: DVec3) {
        let mut draft = self
            .marks
            .draft
            .get_untracked()
            .filter(|draft| draft.kind == kind)
            .unwrap_or(Draft {
                kind,
                points: Vec::new(),
                pane,
            });
        draft.points.push(p_mm);
        match point_count(kind) {
            (_, Some(last)) if draft.points.len() >= last => self.finish_draft(draft),
            _ => self.marks.draft.set(Some(draft)),
        }
    }

    /// Keeps a mark that is under way where it has enough points.
    pub(crate) fn finish_draft(self, draft: Draft) {
        self.marks.draft.set(None);
        let (least, _) = point_count(draft.kind);
        if draft.points.len() >= least {
            let item = self
                .item
                .with_untracked(|item| item.as_ref().map(|item| item.id.clone()));
            let label = (draft.kind == domain::AnnotationKind::Text).then(|| t("mark.text").to_owned());
            self.marks.add(item, draft.kind, &draft.points, label);
        }
    }
}

/// One picture.
#[component]
pub(crate) fn PaneView(pane: Pane) -> impl IntoView {
    let room: Room = expect_context();
    let canvas = NodeRef::<html::Canvas>::new();
    let frame = NodeRef::<html::Div>::new();
    let size = RwSignal::new(Size::default());
    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            room.item.track();
            room.with_painter(|painter| painter.put_canvas(pane, canvas.clone()));
        }
    });
    // The size follows the layout; it is asked for with every picture that was drawn and when the window changes.
    let measure = move || {
        if let Some(frame) = frame.get_untracked() {
            let now = Size {
                width: frame.client_width().max(0) as u32,
                height: frame.client_height().max(0) as u32,
            };
            if size.get_untracked() != now {
                size.set(now);
            }
        }
    };
    Effect::new(move |_| {
        frame.track();
        room.status.with(|status| status.pictures);
        room.sides.track();
        room.layout.track();
        measure();
    });
    let resized = window_event_listener(leptos::ev::resize, move |_| measure());
    on_cleanup(move || resized.remove());

    let grip = StoredValue::new_local(None::<Grip>);
    let last = StoredValue::new_local(DVec2::ZERO);
    let place_of = move |event: &PointerEvent| {
        let origin = frame
            .get_untracked()
            .map(|frame| frame.get_bounding_client_rect());
        let (x, y) = origin.map_or((0.0, 0.0), |rect| (rect.x(), rect.y()));
        DVec2::new(f64::from(event.client_x()) - x, f64::from(event.client_y()) - y)
    };
    let down = move |event: PointerEvent| {
        event.prevent_default();
        measure();
        room.active.set(pane);
        if let Some(frame) = frame.get_untracked() {
            drop(frame.set_pointer_capture(event.pointer_id()));
            drop(frame.focus());
        }
        let p = place_of(&event);
        last.set_value(p);
        let now = begin(room, pane, size.get_untracked(), p, &event);
        grip.set_value(now);
    };
    let moved = move |event: PointerEvent| {
        let p = place_of(&event);
        let by = p - last.get_value();
        let mut held = grip.get_value();
        match &mut held {
            Some(held) => {
                last.set_value(p);
                drag(room, pane, size.get_untracked(), p, by, held);
            }
            None => room.at(pane, p, size.get_untracked(), move |p_mm, value| {
                room.probe.set(Some((p_mm, value)));
            }),
        }
        grip.set_value(held);
    };
    let up = move |_: PointerEvent| {
        if let Some(Grip::Point { mark, before, .. }) = grip.get_value() {
            room.marks.moved(mark, before);
        }
        grip.set_value(None);
    };
    let wheel = move |event: WheelEvent| {
        event.prevent_default();
        room.active.set(pane);
        let towards = event.delta_y().signum();
        match pane {
            Pane::Space => room.change(|view| view.enlarge(pane, WHEEL_ZOOM.powf(-towards))),
            _ => scroll(room, pane, towards as i32),
        }
    };
    let double = move |_| match room.marks.draft.get_untracked() {
        Some(mut draft) if point_count(draft.kind).1.is_none() => {
            // The second click of the two set a point where the first had set one.
            draft.points.dedup_by(|a, b| a.distance(*b) < 0.05);
            room.finish_draft(draft);
        }
        _ if matches!(room.tool.get_untracked(), Tool::Mark(_)) => {}
        _ => room.enlarge(pane),
    };
    view! {
        <div class=move || format!("pane {}", pane.word()) class:active=move || room.active.get() == pane
            node_ref=frame tabindex="0" role="application" aria-label=pane_name(pane) data-pane=pane.word()
            on:pointerdown=down on:pointermove=moved on:pointerup=up on:pointercancel=up
            on:wheel=wheel on:dblclick=double on:contextmenu=|event| event.prevent_default()>
            <canvas node_ref=canvas></canvas>
            <Overlay pane size/>
        </div>
    }
}

pub(crate) fn pane_name(pane: Pane) -> &'static str {
    match pane {
        Pane::Axial => t("pane.axial"),
        Pane::Coronal => t("pane.coronal"),
        Pane::Sagittal => t("pane.sagittal"),
        Pane::Space => t("pane.space"),
    }
}

/// Goes through the slices of a pane.
pub(crate) fn scroll(room: Room, pane: Pane, slices: i32) {
    if let Some(grid) = room.status.with_untracked(|status| status.grid) {
        room.change(|view| view.scroll(pane, slices, &grid));
    }
}

/// Goes to a slice of a pane, from 0; beyond the last, to that.
pub(crate) fn go_to(room: Room, pane: Pane, slice: f64) {
    if let Some(grid) = room.status.with_untracked(|status| status.grid) {
        room.change(|view| view.go_to(pane, slice, &grid));
    }
}

/// What the hand takes when it comes down.
fn begin(room: Room, pane: Pane, size: Size, p: DVec2, event: &PointerEvent) -> Option<Grip> {
    match event.button() {
        1 => return Some(Grip::Pan),
        2 => return Some(Grip::Zoom),
        _ => {}
    }
    if event.ctrl_key() {
        return Some(Grip::Zoom);
    }
    if event.shift_key() {
        return Some(Grip::Pan);
    }
    if room.marks.draft.with_untracked(Option::is_none)
        && let Some(grip) = taken_point(room, pane, size, p)
    {
        return Some(grip);
    }
    match room.tool.get_untracked() {
        Tool::Pointer if pane == Pane::Space => Some(Grip::Turn),
        Tool::Pointer => Some(Grip::Window),
        Tool::Pan => Some(Grip::Pan),
        Tool::Zoom => Some(Grip::Zoom),
        Tool::Scroll => Some(Grip::Scroll { rest: 0.0 }),
        Tool::Crosshair => {
            move_crosshair(room, pane, size, p);
            Some(Grip::Crosshair)
        }
        Tool::Mark(kind) => {
            room.at_point(pane, p, size, move |p_mm| room.set_point(kind, pane, p_mm));
            None
        }
    }
}

fn taken_point(room: Room, pane: Pane, size: Size, p: DVec2) -> Option<Grip> {
    if room.marks.hidden.get_untracked() {
        return None;
    }
    let projector = untrack(|| room.projector(pane, size))?;
    let item = room
        .item
        .with_untracked(|item| item.as_ref().map(|item| item.id.clone()));
    room.marks.all.with_untracked(|all| {
        let shown: Vec<_> = all
            .iter()
            .filter(|mark| mark.item == item)
            .filter_map(|mark| Some((mark, place(&projector, mark.geometry.points())?.0)))
            .collect();
        let (mark, index) = point_under(p, shown.iter().map(|(_, points)| points.as_slice()))?;
        let mark = shown.get(mark)?.0;
        room.marks.selected.set(Some(mark.id.clone()));
        Some(Grip::Point {
            mark: mark.id.clone(),
            index,
            before: mark.geometry.clone(),
        })
    })
}

fn drag(room: Room, pane: Pane, size: Size, p: DVec2, by: DVec2, grip: &mut Grip) {
    match grip {
        Grip::Window => room.change(|view| view.drag_window(DVec2::new(by.x, -by.y))),
        Grip::Turn => room.change(|view| view.turn(by, size)),
        Grip::Pan => {
            let grid = room.status.with_untracked(|status| status.grid);
            room.change(|view| view.pan(pane, by, grid.as_ref(), size));
        }
        Grip::Zoom => room.change(|view| view.enlarge(pane, 2f64.powf(-by.y / ZOOM_PIXELS))),
        Grip::Scroll { rest } => {
            *rest += by.y / SCROLL_PIXELS;
            let whole = rest.trunc();
            *rest -= whole;
            if whole != 0.0 {
                scroll(room, pane, whole as i32);
            }
        }
        Grip::Crosshair => move_crosshair(room, pane, size, p),
        Grip::Point { mark, index, before } => {
            let (mark, index, before) = (mark.clone(), *index, before.clone());
            room.at_point(pane, p, size, move |p_mm| {
                let mut points = before.points().to_vec();
                if let Some(point) = points.get_mut(index) {
                    *point = p_mm;
                }
                if let Some(geometry) = geometry_of(before.kind(), &points) {
                    room.marks.drag(&mark, geometry);
                }
            });
        }
    }
}

fn move_crosshair(room: Room, pane: Pane, size: Size, p: DVec2) {
    room.at(pane, p, size, move |p_mm, value| {
        room.probe.set(Some((p_mm, value)));
        room.change(|view| view.cross_mm = p_mm);
    });
}
