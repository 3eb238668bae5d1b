//! A picture with what lies over it, and the hand in it.

use domain::{AnnotationGeometry, AnnotationKind, MarkSpace};
use geometry::{DVec2, DVec3};
use leptos::html;
use leptos::prelude::*;
use web_sys::{PointerEvent, WheelEvent};

use super::marks::Draft;
use super::overlay::{Overlay, tilt_handles};
use super::painter::Question;
use super::{Room, Tool};
use crate::bindings::{Act, Button, Fingers, Ground, Held, act, finger, pointer};
use crate::marking::{Projector, REACH, geometry_of, is_on_line, place, point_count, point_under};
use crate::texts::t;
use crate::view_state::{Pane, Size, ViewState};

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
    /// The end of a line, by which its plane tilts.
    Tilt(Pane),
    /// A point of a mark, and what the mark was before.
    Point {
        mark: String,
        index: usize,
        before: AnnotationGeometry,
    },
    /// A whole mark, where the hand took it, and what it was before.
    Mark {
        mark: String,
        from_mm: DVec3,
        before: AnnotationGeometry,
    },
    /// A finger that sets a point where it is lifted, if it stays there.
    Tap(AnnotationKind, DVec2),
}

/// How far the hand goes for a slice, and for twice the size, CSS pixels.
const SCROLL_PIXELS: f64 = 6.0;
const ZOOM_PIXELS: f64 = 160.0;
/// How far a finger may stray that only taps.
const TAP_PIXELS: f64 = 10.0;
/// How much a step of the wheel enlarges what is seen in space.
const WHEEL_ZOOM: f64 = 1.12;

impl Room {
    /// How a pane shows the patient now; `None` before there is anything.
    pub(crate) fn projector(&self, pane: Pane, size: Size) -> Option<Projector> {
        self.projector_of(&self.view.get()?, pane, size)
    }

    /// How the picture that a pane shows was made: a live one answers a view state that may have changed meanwhile.
    pub(crate) fn shown_projector(&self, pane: Pane, size: Size) -> Option<Projector> {
        let of_frame = self.frames.with(|frames| {
            let frame = frames.iter().find(|(known, _)| *known == pane);
            frame.map(|(_, view)| view.clone())
        });
        let view = match of_frame {
            Some(view) => view,
            None => self.view.get()?,
        };
        self.projector_of(&view, pane, size)
    }

    fn projector_of(&self, view: &ViewState, pane: Pane, size: Size) -> Option<Projector> {
        if let Some(photo) = self.known.photo.get() {
            return (pane == Pane::Space).then(|| Projector::Photo(view.photo.place(photo, size)));
        }
        if pane == Pane::Space {
            return Some(Projector::Space {
                camera: view.camera.camera(),
                size,
            });
        }
        let grid = self.known.grid.get()?;
        let plane = view.plane(pane, &grid, size)?;
        let least = grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
        let half_mm = (view.slab.mm / 2.0).max(least / 2.0);
        Some(Projector::Plane { plane, half_mm, size })
    }

    /// Sets a point where the hand is: at once in a plane, as soon as it is found in space.
    fn at_point(self, pane: Pane, p: DVec2, size: Size, act: impl FnOnce(DVec3) + 'static) {
        match untrack(|| self.projector(pane, size)) {
            Some(Projector::Plane { plane, .. }) => act(plane.mm_of(p, size.width, size.height)),
            Some(Projector::Photo(place)) => act(((p - place.origin) / place.scale).extend(0.0)),
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
            Some(Projector::Photo(_)) | None => {}
        }
    }

    /// What a pane shows.
    fn ground(&self, pane: Pane) -> Ground {
        if self.status.with_untracked(|status| status.photo.is_some()) {
            Ground::Photo
        } else if pane == Pane::Space {
            Ground::Space
        } else {
            Ground::Plane
        }
    }

    /// Sets the next point of the mark that is under way, or begins one.
    fn set_point(self, kind: AnnotationKind, pane: Pane, p_mm: DVec3) {
        if kind == AnnotationKind::Pin && self.takes_landmark(p_mm) {
            return;
        }
        let mut draft = self
            .marks
            .draft
            .get_untracked()
            .filter(|draft| draft.kind == kind)
            .unwrap_or(Draft {
                kind,
                space: match self.ground(pane) {
                    Ground::Photo => MarkSpace::Picture,
                    Ground::Plane | Ground::Space => MarkSpace::Patient,
                },
                points: Vec::new(),
                pane,
            });
        draft.points.push(p_mm);
        match point_count(kind) {
            (_, Some(last)) if draft.points.len() >= last => self.finish_draft(&draft),
            _ => self.marks.draft.set(Some(draft)),
        }
    }

    /// Keeps a mark that is under way where it has enough points.
    pub(crate) fn finish_draft(self, draft: &Draft) {
        self.marks.draft.set(None);
        let (least, _) = point_count(draft.kind);
        if draft.points.len() >= least {
            let item = self
                .item
                .with_untracked(|item| item.as_ref().map(|item| item.id.clone()));
            let label = (draft.kind == AnnotationKind::Text).then(|| t("mark.text").to_owned());
            if let Some(geometry) = geometry_of(draft.kind, draft.space, &draft.points) {
                self.marks.add(item, geometry, label);
            }
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
            room.is_live.track();
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
    let fingers = StoredValue::new_local(Fingers::default());
    let place_in = move |event: &web_sys::MouseEvent| {
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
        room.hand.set(room.place);
        if let Some(frame) = frame.get_untracked() {
            drop(frame.set_pointer_capture(event.pointer_id()));
            drop(frame.focus());
        }
        let p = place_in(&event);
        last.set_value(p);
        if event.pointer_type() == "touch" {
            fingers.update_value(|fingers| fingers.put(event.pointer_id(), p));
        }
        let is_second = fingers.with_value(|fingers| fingers.count() > 1);
        let now = if is_second {
            None
        } else {
            begin(room, pane, size.get_untracked(), p, &event)
        };
        grip.set_value(now);
    };
    let moved = move |event: PointerEvent| {
        let p = place_in(&event);
        let size = size.get_untracked();
        let pinch = fingers
            .try_update_value(|fingers| fingers.moved(event.pointer_id(), p))
            .flatten();
        if let Some(pinch) = pinch {
            pan(room, pane, size, pinch.by);
            enlarge(room, pane, size, p, pinch.factor);
            return;
        }
        if fingers.with_value(|fingers| fingers.count() > 1) {
            return;
        }
        let by = p - last.get_value();
        let mut held = grip.get_value();
        match &mut held {
            Some(held) => {
                drag(room, pane, size, p, by, held);
                last.set_value(p);
            }
            None => {
                let is_space = room.ground(pane) == Ground::Space;
                if !is_space {
                    room.at_point(pane, p, size, move |p| room.point(p));
                }
                room.at(pane, p, size, move |p_mm, value| {
                    room.probe.set(Some((p_mm, value)));
                    if is_space {
                        room.point(p_mm);
                    }
                });
            }
        }
        grip.set_value(held);
    };
    let up = move |event: PointerEvent| {
        fingers.update_value(|fingers| fingers.lift(event.pointer_id()));
        match grip.get_value() {
            Some(Grip::Point { mark, before, .. } | Grip::Mark { mark, before, .. }) => {
                room.marks.moved(&mark, before);
            }
            Some(Grip::Tap(kind, from)) if place_in(&event).distance(from) < TAP_PIXELS => {
                let size = size.get_untracked();
                room.at_point(pane, from, size, move |p_mm| room.set_point(kind, pane, p_mm));
            }
            _ => {}
        }
        grip.set_value(None);
    };
    let wheel = move |event: WheelEvent| {
        event.prevent_default();
        room.active.set(pane);
        room.hand.set(room.place);
        let towards = event.delta_y().signum();
        let is_zoom = event.ctrl_key() || event.meta_key();
        match room.ground(pane) {
            Ground::Plane if !is_zoom => scroll(room, pane, towards as i32),
            _ => enlarge(
                room,
                pane,
                size.get_untracked(),
                place_in(&event),
                WHEEL_ZOOM.powf(-towards),
            ),
        }
    };
    let double = move |_| match room.marks.draft.get_untracked() {
        Some(mut draft) if point_count(draft.kind).1.is_none() => {
            // The second click of the two set a point where the first had set one.
            draft.points.dedup_by(|a, b| a.distance(*b) < 0.05);
            room.finish_draft(&draft);
        }
        _ if matches!(room.tool.get_untracked(), Tool::Mark(_)) => {}
        _ => room.enlarge(pane),
    };
    view! {
        <div class=move || format!("pane {}", pane.word())
            class:active=move || room.active.get() == pane && room.hand.get() == room.place
            node_ref=frame tabindex="0" role="application" aria-label=pane_name(pane) data-pane=pane.word()
            data-level=move || room.status.with(|status| status.level_of(pane).map(|level| level.to_string()))
            on:pointerdown=down on:pointermove=moved on:pointerup=up on:pointercancel=up
            on:pointerleave=move |_| room.together.point_nowhere()
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

/// Moves the picture.
fn pan(room: Room, pane: Pane, size: Size, by: DVec2) {
    let (grid, photo) = room.status.with_untracked(|status| (status.grid, status.photo));
    room.change(|view| match photo {
        Some(photo) => view.photo.pan(by, photo, size),
        None => view.pan(pane, by, grid.as_ref(), size),
    });
}

/// Makes the picture larger; a photograph about a place that stays where it is.
pub(crate) fn enlarge(room: Room, pane: Pane, size: Size, about: DVec2, factor: f64) {
    let photo = room.status.with_untracked(|status| status.photo);
    room.change(|view| match photo {
        Some(photo) => view.photo.enlarge(factor, about, photo, size),
        None => view.enlarge(pane, factor),
    });
}

/// What the hand takes when it comes down.
fn begin(room: Room, pane: Pane, size: Size, p: DVec2, event: &PointerEvent) -> Option<Grip> {
    let ground = room.ground(pane);
    let held = if event.shift_key() {
        Held::Shift
    } else if event.ctrl_key() || event.meta_key() {
        Held::Control
    } else {
        Held::Nothing
    };
    let habits = room.habits.get_untracked();
    let does = act(habits, ground, Button::of_event(event.button()), held);
    if does != Act::Tool {
        return grip_of(does);
    }
    if room.marks.draft.with_untracked(Option::is_none)
        && let Some(grip) = taken_mark(room, pane, size, p)
    {
        return Some(grip);
    }
    let is_touch = event.pointer_type() == "touch";
    let tool = room.tool.get_untracked();
    if matches!(tool, Tool::Pointer | Tool::Crosshair)
        && let Some(plane) = untrack(|| tilt_handle_under(room, pane, size, p))
    {
        return Some(Grip::Tilt(plane));
    }
    match tool {
        Tool::Pointer if is_touch => grip_of(finger(ground)),
        Tool::Pointer => grip_of(pointer(habits, ground)),
        Tool::Pan => Some(Grip::Pan),
        Tool::Zoom => Some(Grip::Zoom),
        Tool::Scroll => Some(Grip::Scroll { rest: 0.0 }),
        Tool::Crosshair => {
            move_crosshair(room, pane, size, p);
            Some(Grip::Crosshair)
        }
        Tool::Mark(kind) if is_touch => Some(Grip::Tap(kind, p)),
        Tool::Mark(kind) => {
            if closes_draft(room, pane, size, p) {
                if let Some(draft) = room.marks.draft.get_untracked() {
                    room.finish_draft(&draft);
                }
            } else {
                room.at_point(pane, p, size, move |p_mm| room.set_point(kind, pane, p_mm));
            }
            None
        }
    }
}

fn grip_of(does: Act) -> Option<Grip> {
    match does {
        Act::Tool => None,
        Act::Window => Some(Grip::Window),
        Act::Turn => Some(Grip::Turn),
        Act::Pan => Some(Grip::Pan),
        Act::Zoom => Some(Grip::Zoom),
        Act::Scroll => Some(Grip::Scroll { rest: 0.0 }),
    }
}

/// Whether a region is closed by a hand on its first point.
fn closes_draft(room: Room, pane: Pane, size: Size, p: DVec2) -> bool {
    let first = room.marks.draft.with_untracked(|draft| {
        let draft = draft.as_ref()?;
        let can_close = draft.kind == AnnotationKind::Region && draft.points.len() >= 3;
        draft.points.first().copied().filter(|_| can_close)
    });
    let pixel = first.and_then(|first| untrack(|| room.projector(pane, size))?.pixel_of(first));
    pixel.is_some_and(|pixel| pixel.distance(p) <= REACH)
}

/// The plane whose line has an end under the hand.
fn tilt_handle_under(room: Room, pane: Pane, size: Size, p: DVec2) -> Option<Pane> {
    let handles = tilt_handles(room, pane, size);
    let under = handles.into_iter().find(|(_, at)| at.distance(p) <= REACH);
    under.map(|(plane, _)| plane)
}

/// The mark under the hand, which is selected: a point of it, or in a plane the whole of the one that was selected
/// before, where one may change it.
fn taken_mark(room: Room, pane: Pane, size: Size, p: DVec2) -> Option<Grip> {
    if room.marks.hidden.get_untracked() {
        return None;
    }
    let projector = untrack(|| room.projector(pane, size))?;
    let item = room
        .item
        .with_untracked(|item| item.as_ref().map(|item| item.id.clone()));
    let rights = room.marks.rights.get_untracked();
    let can_amend = |author: &str| rights.can_amend(room.marks.whose(author));
    room.marks.all.with_untracked(|all| {
        let shown: Vec<_> = all
            .iter()
            .filter(|mark| mark.item == item && !room.marks.is_hidden(&mark.id))
            .filter_map(|mark| Some((mark, place(&projector, mark.geometry.points())?)))
            .collect();
        if let Some((mark, index)) = point_under(p, shown.iter().map(|(_, points)| points.as_slice())) {
            let mark = shown.get(mark)?.0;
            room.marks.selected.set(Some(mark.id.clone()));
            return can_amend(&mark.author).then(|| Grip::Point {
                mark: mark.id.clone(),
                index,
                before: mark.geometry.clone(),
            });
        }
        let is_closed = |kind| kind == AnnotationKind::Region;
        let (mark, _) = shown
            .iter()
            .find(|(mark, points)| is_on_line(p, points, is_closed(mark.geometry.kind())))?;
        let is_selected = room
            .marks
            .selected
            .with_untracked(|id| id.as_deref() == Some(&mark.id));
        room.marks.selected.set(Some(mark.id.clone()));
        let from_mm = match projector {
            Projector::Plane { plane, .. } => plane.mm_of(p, size.width, size.height),
            Projector::Photo(place) => ((p - place.origin) / place.scale).extend(0.0),
            Projector::Space { .. } => return None,
        };
        (is_selected && can_amend(&mark.author)).then(|| Grip::Mark {
            mark: mark.id.clone(),
            from_mm,
            before: mark.geometry.clone(),
        })
    })
}

fn drag(room: Room, pane: Pane, size: Size, p: DVec2, by: DVec2, grip: &mut Grip) {
    match grip {
        Grip::Window => room.change(|view| view.drag_window(DVec2::new(by.x, -by.y))),
        Grip::Turn => room.change(|view| view.turn(by, size)),
        Grip::Pan => pan(room, pane, size, by),
        Grip::Zoom => {
            let middle = DVec2::new(f64::from(size.width), f64::from(size.height)) * 0.5;
            enlarge(room, pane, size, middle, 2f64.powf(-by.y / ZOOM_PIXELS));
        }
        Grip::Scroll { rest } => {
            *rest += by.y / SCROLL_PIXELS;
            let whole = rest.trunc();
            *rest -= whole;
            if whole != 0.0 {
                scroll(room, pane, whole as i32);
            }
        }
        Grip::Crosshair => move_crosshair(room, pane, size, p),
        Grip::Tilt(plane) => tilt(room, pane, *plane, size, p, by),
        Grip::Tap(..) => {}
        Grip::Point { mark, index, before } => {
            let (mark, index, before) = (mark.clone(), *index, before.clone());
            room.at_point(pane, p, size, move |p_mm| {
                let mut points = before.points().to_vec();
                if let Some(point) = points.get_mut(index) {
                    *point = p_mm;
                }
                if let Some(geometry) = geometry_of(before.kind(), before.space(), &points) {
                    room.marks.drag(&mark, &geometry);
                }
            });
        }
        Grip::Mark {
            mark,
            from_mm,
            before,
        } => {
            let (mark, from_mm, before) = (mark.clone(), *from_mm, before.clone());
            room.at_point(pane, p, size, move |p_mm| {
                let points: Vec<DVec3> = before
                    .points()
                    .iter()
                    .map(|point| *point + p_mm - from_mm)
                    .collect();
                if let Some(geometry) = geometry_of(before.kind(), before.space(), &points) {
                    room.marks.drag(&mark, &geometry);
                }
            });
        }
    }
}

/// Tilts a plane by as much as the hand went around the crosshair.
fn tilt(room: Room, pane: Pane, plane: Pane, size: Size, p: DVec2, by: DVec2) {
    let cross = room
        .view
        .with_untracked(|view| view.as_ref().map(|view| view.cross_mm));
    let middle = cross.and_then(|cross| untrack(|| room.projector(pane, size))?.pixel_of(cross));
    if let Some(middle) = middle {
        let (before, now) = (p - by - middle, p - middle);
        let radians = before.perp_dot(now).atan2(before.dot(now));
        room.change(|view| view.tilt(plane, pane, radians));
    }
}

fn move_crosshair(room: Room, pane: Pane, size: Size, p: DVec2) {
    room.at(pane, p, size, move |p_mm, value| {
        room.probe.set(Some((p_mm, value)));
        room.change(|view| view.cross_mm = p_mm);
    });
}
