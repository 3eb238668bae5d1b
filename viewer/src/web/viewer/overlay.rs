//! What lies over a picture: letters, counters, scale, crosshair and marks, drawn sharp by the browser.

use domain::AnnotationKind;
use geometry::{DVec2, DVec3, PatientDirection};
use leptos::either::Either;
use leptos::prelude::*;

use super::Room;
use super::painter::Question;
use crate::marking::{Projector, RegionValues, measured, place};
use crate::texts::t;
use crate::view_state::{Pane, Size, slice_of};

/// Everything over one picture.
#[component]
pub(crate) fn Overlay(pane: Pane, size: RwSignal<Size>) -> impl IntoView {
    let room: Room = expect_context();
    let projector = Memo::new(move |_| room.projector(pane, size.get()));
    view! {
        <svg class="overlay" aria-hidden="true">
            {move || crosshair(room, pane, size.get())}
            {move || marks(room, projector.get())}
            {move || draft(room, pane, projector.get())}
        </svg>
        {if pane == Pane::Space { Either::Left(view! { <SpaceCorners/> }) } else { Either::Right(view! { <PlaneCorners pane projector/> }) }}
        {move || ring(room)}
    }
}

/// While the volume is coarse, a thin ring in the corner.
fn ring(room: Room) -> Option<impl IntoView> {
    let fraction = room.status.with(|status| status.grid.map(|_| status.fraction))?;
    let length = 2.0 * std::f64::consts::PI * 7.0;
    (fraction < 1.0).then(|| {
        view! {
            <svg class="ring" viewBox="0 0 18 18" role="img" aria-label=t("viewer.arriving")>
                <circle cx="9" cy="9" r="7"/>
                <circle class="done" cx="9" cy="9" r="7" stroke-dasharray=format!("{} {length}", fraction * length)/>
            </svg>
        }
    })
}

/// The lines of the other planes.
fn crosshair(room: Room, pane: Pane, size: Size) -> Option<impl IntoView> {
    let Some(Projector::Plane { plane, .. }) = room.projector(pane, size) else {
        return None;
    };
    let lines = Pane::PLANES
        .into_iter()
        .filter(|other| *other != pane)
        .filter_map(|other| {
            let Some(Projector::Plane {
                plane: other_plane, ..
            }) = room.projector(other, size)
            else {
                return None;
            };
            let [a, b] = plane.line_of(&other_plane, size.width, size.height)?;
            Some(view! { <line class=format!("cross {}", other.word()) x1=a.x y1=a.y x2=b.x y2=b.y/> })
        });
    Some(lines.collect_view())
}

fn path(points: &[DVec2], is_closed: bool) -> String {
    let mut text = String::new();
    for (i, p) in points.iter().enumerate() {
        text.push_str(&format!(
            "{}{:.2} {:.2}",
            if i == 0 { "M" } else { "L" },
            p.x,
            p.y
        ));
    }
    if is_closed {
        text.push('Z');
    }
    text
}

fn marks(room: Room, projector: Option<Projector>) -> Option<impl IntoView> {
    let projector = projector?;
    if room.marks.hidden.get() {
        return None;
    }
    let item = room.item.with(|item| item.as_ref().map(|item| item.id.clone()));
    let selected = room.marks.selected.get();
    let all = room.marks.all.get();
    let shown = all
        .into_iter()
        .filter(|mark| mark.item == item)
        .filter_map(|mark| {
            let (pixels, label) = place(&projector, mark.geometry.points())?;
            let is_selected = selected.as_ref() == Some(&mark.id);
            let kind = mark.geometry.kind();
            let words = match (measured(&mark.geometry), &mark.label) {
                (Some(measure), Some(label)) => format!("{label}  {measure}"),
                (Some(measure), None) => measure,
                (None, Some(label)) => label.clone(),
                (None, None) => String::new(),
            };
            Some(drawn(&pixels, label, kind, words, is_selected))
        });
    Some(shown.collect_view())
}

/// A mark: its lines with a halo, its handles, its words off to the side with a leader.
fn drawn(
    pixels: &[DVec2],
    label: DVec2,
    kind: AnnotationKind,
    words: String,
    is_selected: bool,
) -> impl IntoView + use<> {
    let is_closed = kind == AnnotationKind::Region;
    let line = path(pixels, is_closed);
    let arrow = (kind == AnnotationKind::Arrow && pixels.len() == 2).then(|| head(pixels[0], pixels[1]));
    let handle = if is_selected { 5.0 } else { 3.0 };
    let from = label + DVec2::new(-14.0, 14.0);
    let width = 14.0 + words.chars().count() as f64 * 7.2;
    let dots = pixels
        .iter()
        .map(|p| view! { <circle class="handle" cx=p.x cy=p.y r=handle/> })
        .collect_view();
    view! {
        <g class="mark" class:selected=is_selected data-kind=kind.word()>
            <path class="halo" d=line.clone()/>
            <path class="line" d=line/>
            {arrow.map(|d| view! { <path class="line" d=d/> })}
            {dots}
            {(!words.is_empty()).then(|| view! {
                <line class="leader" x1=from.x y1=from.y x2=label.x y2=label.y/>
                <rect class="pill" x=label.x y=label.y - 18.0 width=width height="22" rx="6"/>
                <text class="words" x=label.x + 7.0 y=label.y - 3.0>{words}</text>
            })}
        </g>
    }
}

/// The head of an arrow at its second point.
fn head(from: DVec2, to: DVec2) -> String {
    let back = (from - to).normalize_or(DVec2::X) * 12.0;
    let side = back.perp() * 0.4;
    path(&[to + back + side, to, to + back - side], false)
}

fn draft(room: Room, pane: Pane, projector: Option<Projector>) -> Option<impl IntoView> {
    let draft = room.marks.draft.get()?;
    let projector = projector?;
    let mut points = draft.points;
    let least = crate::marking::point_count(draft.kind).0;
    // The line follows the hand to where the next point would be.
    if draft.pane == pane
        && let Some((p, _)) = room.probe.get()
    {
        points.push(p);
    }
    let (pixels, label) = place(&projector, &points)?;
    let words = (points.len() >= least)
        .then(|| crate::marking::geometry_of(draft.kind, &points).and_then(|geometry| measured(&geometry)))
        .flatten()
        .unwrap_or_default();
    Some(drawn(&pixels, label, draft.kind, words, false))
}

#[component]
fn PlaneCorners(pane: Pane, projector: Memo<Option<Projector>>) -> impl IntoView {
    let room: Room = expect_context();
    let letters = move || match projector.get() {
        Some(Projector::Plane { plane, .. }) => {
            let letters = plane.letters();
            Some(view! {
                <span class="letter top">{letters.top}</span>
                <span class="letter bottom">{letters.bottom}</span>
                <span class="letter left">{letters.left}</span>
                <span class="letter right">{letters.right}</span>
            })
        }
        _ => None,
    };
    let counter = move || {
        let grid = room.status.with(|status| status.grid)?;
        let cross = room.view.with(|view| view.as_ref().map(|view| view.cross_mm))?;
        let (slice, count) = slice_of(pane, cross, &grid)?;
        Some(format!("{} / {count}", slice + 1))
    };
    let window = move || {
        room.view.with(|view| {
            view.as_ref().map(|view| {
                let slab = if view.slab.mm > 0.0 {
                    format!("  {:.0} mm", view.slab.mm)
                } else {
                    String::new()
                };
                format!("W {:.0} L {:.0}{slab}", view.window_width, view.window_center)
            })
        })
    };
    let bar = move || match projector.get() {
        Some(Projector::Plane { plane, size, .. }) => {
            let bar = plane.scale_bar(size.width);
            Some(view! {
                <span class="scale"><i style:width=format!("{}px", bar.pixels)></i>{format!("{} mm", bar.mm)}</span>
            })
        }
        _ => None,
    };
    view! {
        {letters}
        <span class="corner plane-name">{super::pane::pane_name(pane)}</span>
        <span class="corner counter number">{counter}</span>
        <span class="corner window number">{window}</span>
        {bar}
    }
}

/// Faces to click, so that one sees the patient from there.
#[component]
fn SpaceCorners() -> impl IntoView {
    let room: Room = expect_context();
    let sides = [
        ("A", PatientDirection::Anterior, t("side.anterior")),
        ("P", PatientDirection::Posterior, t("side.posterior")),
        ("L", PatientDirection::Left, t("side.left")),
        ("R", PatientDirection::Right, t("side.right")),
        ("S", PatientDirection::Superior, t("side.superior")),
        ("I", PatientDirection::Inferior, t("side.inferior")),
    ];
    // The cube: each face where its direction points in the picture, those in front on top.
    let faces = move || {
        let camera = room.view.with(|view| view.as_ref().map(|view| view.camera))?;
        let forward = (camera.target_mm - camera.eye_mm).normalize_or(DVec3::Y);
        let right = forward.cross(camera.up).normalize_or(DVec3::X);
        let up = right.cross(forward);
        Some(
            sides
                .into_iter()
                .map(|(letter, side, name)| {
                    let direction = side.in_patient();
                    let (x, y, depth) = (direction.dot(right), direction.dot(up), direction.dot(forward));
                    let press = move |event: web_sys::MouseEvent| {
                        event.stop_propagation();
                        let bounds = room.status.with_untracked(|status| status.grid.map(|grid| grid.bounds_mm()));
                        room.change(|view| {
                            let bounds = bounds.unwrap_or_else(|| {
                                let half = DVec3::splat(view.camera.eye_mm.distance(view.camera.target_mm) * 0.15);
                                geometry::Aabb::around([view.camera.target_mm - half, view.camera.target_mm + half])
                            });
                            view.look_from(side, bounds);
                        });
                    };
                    view! {
                        <button class="face" class:behind={depth > 0.2} title=name aria-label=name
                            style:left=format!("{:.1}px", 34.0 + x * 26.0) style:top=format!("{:.1}px", 34.0 - y * 26.0)
                            style:z-index=format!("{}", 10 - (depth * 8.0) as i32)
                            on:pointerdown=|event| event.stop_propagation() on:dblclick=|event| event.stop_propagation()
                            on:click=press>{letter}</button>
                    }
                })
                .collect_view(),
        )
    };
    view! { <div class="cube" role="group" aria-label=t("side.group")>{faces}</div> }
}

/// Asks for the values inside a region and keeps them for the list of marks.
pub(crate) fn ask_region(room: Room, points: Vec<DVec3>, told: RwSignal<Option<RegionValues>>) {
    room.with_painter(|painter| {
        painter.ask(Question::Region(
            points,
            Box::new(move |values| {
                // The row may be gone by now.
                let _ = told.try_set(values);
            }),
        ))
    });
}
