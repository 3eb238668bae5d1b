//! What lies over a picture: letters, counters, scale, crosshair and marks, drawn sharp by the browser.

use domain::AnnotationKind;
use geometry::{Aabb, DVec2, DVec3, PatientDirection};
use leptos::either::Either;
use leptos::prelude::*;
use renderer::SlabProjection;

use super::Room;
use super::painter::Question;
use super::together::pointers;
use crate::labels::{Placed, Wanted, place_labels};
use crate::marking::{Projector, RegionValues, geometry_of, measured, place};
use crate::texts::t;
use crate::together::css_of_person;
use crate::view_state::{Pane, Size};

/// Everything over one picture.
#[component]
pub(crate) fn Overlay(pane: Pane, size: RwSignal<Size>) -> impl IntoView {
    let room: Room = expect_context();
    let projector = Memo::new(move |_| room.shown_projector(pane, size.get()));
    view! {
        <svg class="overlay" aria-hidden="true">
            {move || kept_box(room, projector.get())}
            {move || crosshair(room, pane, size.get())}
            {move || marks(room, projector.get(), size.get())}
            {move || draft(room, pane, projector.get(), size.get())}
            {move || pointers(room, projector.get())}
        </svg>
        {if pane == Pane::Space { Either::Left(view! { <SpaceCorners/> }) } else { Either::Right(view! { <PlaneCorners pane projector/> }) }}
        <Badge/>
        {ring(room, pane)}
    }
}

/// While what a pane shows is coarse, a thin ring in its corner.
fn ring(room: Room, pane: Pane) -> impl IntoView {
    let is_coarse = Memo::new(move |_| {
        room.status.with(|status| {
            let level = status.level_of(pane);
            status.grid.is_some() && status.fraction < 1.0 && level.is_none_or(|level| level > status.level)
        })
    });
    let arrived = Memo::new(move |_| room.status.with(|status| status.arrived));
    let length = 2.0 * std::f64::consts::PI * 7.0;
    move || {
        is_coarse.get().then(|| {
            view! {
                <svg class="ring" viewBox="0 0 18 18" role="img" aria-label=t("viewer.arriving")>
                    <circle cx="9" cy="9" r="7"/>
                    <circle class="done" cx="9" cy="9" r="7"
                        stroke-dasharray=move || format!("{} {length}", arrived.get() * length)/>
                </svg>
            }
        })
    }
}

/// What was found out about the item, where it bears on what is seen.
#[component]
fn Badge() -> impl IntoView {
    let room: Room = expect_context();
    let is_open = RwSignal::new(false);
    let cautions = move || {
        room.item.with(|item| {
            let findings = item.iter().flat_map(|item| item.findings.iter());
            let grave = findings.filter(|finding| finding.severity != "info");
            grave.map(|finding| finding.message.clone()).collect::<Vec<_>>()
        })
    };
    move || {
        let cautions = cautions();
        (!cautions.is_empty()).then(|| {
            let all = cautions.join(" ");
            let lines = move || {
                is_open.get().then(|| {
                    let lines = cautions.iter().map(|text| view! { <li>{text.clone()}</li> });
                    view! { <ul class="badge-lines">{lines.collect_view()}</ul> }
                })
            };
            view! {
                <div class="badge" on:pointerdown=|event| event.stop_propagation() on:dblclick=|event| event.stop_propagation()>
                    <button class="badge-mark" title=all.clone() aria-label=all aria-expanded=move || is_open.get().to_string()
                        on:click=move |_| is_open.update(|is_open| *is_open = !*is_open)>"!"</button>
                    {lines}
                </div>
            }
        })
    }
}

/// The lines in which the other planes cut that of a pane, from edge to edge, CSS pixels.
fn lines(room: Room, pane: Pane, size: Size) -> Vec<(Pane, [DVec2; 2])> {
    let Some(Projector::Plane { plane, .. }) = room.projector(pane, size) else {
        return Vec::new();
    };
    let others = Pane::PLANES.into_iter().filter(|other| *other != pane);
    others
        .filter_map(|other| match room.projector(other, size)? {
            Projector::Plane { plane: cut, .. } => {
                Some((other, plane.line_of(&cut, size.width, size.height)?))
            }
            Projector::Space { .. } | Projector::Photo(_) => None,
        })
        .collect()
}

/// Where the lines of other planes are taken to tilt them, near their ends, CSS pixels.
pub(super) fn tilt_handles(room: Room, pane: Pane, size: Size) -> Vec<(Pane, DVec2)> {
    let cross = room.view.with(|view| view.as_ref().map(|view| view.cross_mm));
    let middle = cross.and_then(|cross| room.projector(pane, size)?.pixel_of(cross));
    let Some(middle) = middle else {
        return Vec::new();
    };
    let far = f64::from(size.width.min(size.height)) * TILT_REACH;
    let picture = DVec2::new(f64::from(size.width), f64::from(size.height));
    lines(room, pane, size)
        .into_iter()
        .flat_map(|(plane, [a, b])| {
            let along = (b - a).normalize_or_zero() * far;
            [(plane, middle - along), (plane, middle + along)]
        })
        .filter(|(_, p)| p.cmpge(DVec2::ZERO).all() && p.cmple(picture).all())
        .collect()
}

/// How far from the crosshair planes are taken, as a part of the smaller side of the picture.
const TILT_REACH: f64 = 0.38;

/// The lines of the other planes, with the handles that tilt them in the active picture.
fn crosshair(room: Room, pane: Pane, size: Size) -> impl IntoView {
    let is_active = room.active.get() == pane;
    let lines = lines(room, pane, size).into_iter().map(|(other, [a, b])| {
        view! { <line class=format!("cross {}", other.word()) x1=a.x y1=a.y x2=b.x y2=b.y/> }
    });
    let handles = is_active.then(|| {
        let handles = tilt_handles(room, pane, size).into_iter().map(|(plane, at)| {
            view! { <circle class=format!("tilt {}", plane.word()) cx=at.x cy=at.y r="5"/> }
        });
        handles.collect_view()
    });
    view! { {lines.collect_view()} {handles} }
}

/// The edges of the clipping box in space.
fn kept_box(room: Room, projector: Option<Projector>) -> Option<impl IntoView> {
    let projector = projector.filter(|projector| matches!(projector, Projector::Space { .. }))?;
    let kept: Aabb = room
        .view
        .with(|view| view.as_ref().and_then(|view| view.clip_mm))?;
    let corner = |i: usize| {
        let pick = |bit: usize, low: f64, high: f64| if i & bit == 0 { low } else { high };
        DVec3::new(
            pick(1, kept.min.x, kept.max.x),
            pick(2, kept.min.y, kept.max.y),
            pick(4, kept.min.z, kept.max.z),
        )
    };
    let edges = (0..8_usize).flat_map(|i| {
        [1, 2, 4]
            .into_iter()
            .filter(move |bit| i & bit == 0)
            .map(move |bit| (i, i | bit))
    });
    let lines = edges.filter_map(|(i, j)| {
        let (a, b) = (projector.pixel_of(corner(i))?, projector.pixel_of(corner(j))?);
        Some(view! { <line class="kept-edge" x1=a.x y1=a.y x2=b.x y2=b.y/> })
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

/// A mark as it is drawn.
struct Drawn {
    pixels: Vec<DVec2>,
    kind: AnnotationKind,
    words: String,
    color: &'static str,
    is_selected: bool,
}

fn marks(room: Room, projector: Option<Projector>, size: Size) -> Option<impl IntoView> {
    let projector = projector?;
    if room.marks.hidden.get() {
        return None;
    }
    let item = room.item.with(|item| item.as_ref().map(|item| item.id.clone()));
    let selected = room.marks.selected.get();
    // Points of what is being laid are seen like pins, each by its number.
    let landmarks = room.landmarks().into_iter().zip(1_u32..);
    let landmarks = landmarks.filter_map(|(p_mm, number)| {
        Some(Drawn {
            pixels: place(&projector, &[p_mm])?,
            kind: AnnotationKind::Pin,
            words: number.to_string(),
            color: crate::marking::css_of(domain::MarkColor::White),
            is_selected: false,
        })
    });
    let shown: Vec<Drawn> = room.marks.all.with(|all| {
        all.iter()
            .filter(|mark| mark.item == item && !room.marks.is_hidden(&mark.id))
            .filter(|mark| mark.geometry.space() == projector.space())
            .filter_map(|mark| {
                let words = match (measured(&mark.geometry), &mark.label) {
                    (Some(measure), Some(label)) => format!("{label}  {measure}"),
                    (Some(measure), None) => measure,
                    (None, label) => label.clone().unwrap_or_default(),
                };
                Some(Drawn {
                    pixels: place(&projector, mark.geometry.points())?,
                    kind: mark.geometry.kind(),
                    words,
                    color: mark.css(),
                    is_selected: selected.as_ref() == Some(&mark.id),
                })
            })
            .chain(landmarks)
            .collect()
    });
    let wanted: Vec<Wanted> = shown.iter().map(wanted).collect();
    let places = place_labels(&wanted, size);
    let drawn = shown
        .iter()
        .zip(wanted)
        .zip(places)
        .map(|((mark, wanted), at)| drawn(mark, wanted.size, at));
    Some(drawn.collect_view())
}

/// The room that the words of a mark take.
fn wanted(mark: &Drawn) -> Wanted {
    let width = match mark.words.chars().count() {
        0 => 0.0,
        count => 14.0 + count as f64 * 7.2,
    };
    Wanted {
        points: mark.pixels.clone(),
        is_closed: mark.kind == AnnotationKind::Region,
        size: DVec2::new(width, if width > 0.0 { 22.0 } else { 0.0 }),
    }
}

/// A mark: its lines with a halo, its handles, its words off to the side with a leader.
fn drawn(mark: &Drawn, size: DVec2, at: Placed) -> impl IntoView + use<> {
    let pixels = &mark.pixels;
    let line = path(pixels, mark.kind == AnnotationKind::Region);
    let is_arrow = mark.kind == AnnotationKind::Arrow && pixels.len() == 2;
    let arrow = is_arrow.then(|| head(pixels[0], pixels[1]));
    let handle = if mark.is_selected { 5.0 } else { 3.0 };
    let dots = pixels
        .iter()
        .map(|p| view! { <circle class="handle" cx=p.x cy=p.y r=handle/> })
        .collect_view();
    let words = mark.words.clone();
    // The leader ends at the side of the label that is nearest.
    let end = at.anchor.clamp(at.corner, at.corner + size);
    view! {
        <g class="mark" class:selected=mark.is_selected data-kind=mark.kind.word() style:--mark=mark.color>
            <path class="halo" d=line.clone()/>
            <path class="line" d=line/>
            {arrow.map(|d| view! { <path class="halo" d=d.clone()/><path class="line" d=d/> })}
            {dots}
            {(!words.is_empty()).then(|| view! {
                <line class="leader" x1=at.anchor.x y1=at.anchor.y x2=end.x y2=end.y/>
                <rect class="pill" x=at.corner.x y=at.corner.y width=size.x height=size.y rx="6"/>
                <text class="words" x=at.corner.x + 7.0 y=at.corner.y + 15.0>{words}</text>
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

fn draft(room: Room, pane: Pane, projector: Option<Projector>, size: Size) -> Option<impl IntoView> {
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
    let words = (points.len() >= least)
        .then(|| geometry_of(draft.kind, draft.space, &points).and_then(|geometry| measured(&geometry)))
        .flatten()
        .unwrap_or_default();
    let mark = Drawn {
        pixels: place(&projector, &points)?,
        kind: draft.kind,
        words,
        color: css_of_person(room.marks.color.get()),
        is_selected: false,
    };
    let wanted = wanted(&mark);
    let label = wanted.size;
    let at = place_labels(&[wanted], size).into_iter().next()?;
    Some(drawn(&mark, label, at))
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
        let grid = room.known.grid.get()?;
        let (slice, count) = room.view.with(|view| view.as_ref()?.slice_of(pane, &grid))?;
        Some(format!("{} / {count}", slice + 1))
    };
    let window = move || {
        room.view.with(|view| {
            view.as_ref().map(|view| {
                let slab = if view.slab.mm > 0.0 {
                    let kind = match view.slab.projection {
                        SlabProjection::Maximum => "MIP",
                        SlabProjection::Minimum => "MinIP",
                        SlabProjection::Mean => "Ø",
                    };
                    format!("  {kind} {:.0} mm", view.slab.mm)
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

/// A cube with faces to click, so that one sees the patient from there; and the scale of measured distances.
#[component]
fn SpaceCorners() -> impl IntoView {
    let room: Room = expect_context();
    let has_space =
        Memo::new(move |_| room.view.with(Option::is_some) && room.known.photo.with(Option::is_none));
    let turned = move || {
        let camera = room.view.with(|view| view.as_ref().map(|view| view.camera));
        camera.map_or_else(String::new, |camera| {
            let forward = (camera.target_mm - camera.eye_mm).normalize_or(DVec3::Y);
            let right = forward.cross(camera.up).normalize_or(DVec3::X);
            let up = right.cross(forward);
            // Columns are the patient's axes on the page: x right, y down, z toward the viewer.
            let column = |axis: DVec3| {
                let (x, y, z) = (axis.dot(right), -axis.dot(up), -axis.dot(forward));
                format!("{x:.4},{y:.4},{z:.4},0")
            };
            let columns = [DVec3::X, DVec3::Y, DVec3::Z].map(column).join(",");
            format!("matrix3d({columns},0,0,0,1)")
        })
    };
    let look = move |side: PatientDirection| {
        let bounds = room.known.bounds_mm.get_untracked();
        if let Some(bounds) = bounds {
            room.change(|view| view.look_from(side, bounds));
        }
    };
    let faces = move || {
        SIDES.into_iter().map(move |(letter, side, name, placed)| {
            view! {
                <button class="face" title=t(name) aria-label=t(name) style:transform=placed
                    on:pointerdown=|event| event.stop_propagation() on:dblclick=|event| event.stop_propagation()
                    on:click=move |_| look(side)>{letter}</button>
            }
        })
    };
    view! {
        {move || has_space.get().then(|| view! {
            <div class="cube" role="group" aria-label=t("side.group")>
                <div class="cube-body" style:transform=turned>{faces().collect_view()}</div>
            </div>
        })}
        {move || distance_scale(room)}
    }
}

/// The sides of the cube: letter, direction, name, and where the face is on a cube of 48 px along the patient's axes.
const SIDES: [(&str, PatientDirection, &str, &str); 6] = [
    (
        "A",
        PatientDirection::Anterior,
        "side.anterior",
        "matrix3d(1,0,0,0,0,0,-1,0,0,-1,0,0,0,-24,0,1)",
    ),
    (
        "P",
        PatientDirection::Posterior,
        "side.posterior",
        "matrix3d(-1,0,0,0,0,0,-1,0,0,1,0,0,0,24,0,1)",
    ),
    (
        "L",
        PatientDirection::Left,
        "side.left",
        "matrix3d(0,1,0,0,0,0,-1,0,1,0,0,0,24,0,0,1)",
    ),
    (
        "R",
        PatientDirection::Right,
        "side.right",
        "matrix3d(0,-1,0,0,0,0,-1,0,-1,0,0,0,-24,0,0,1)",
    ),
    (
        "S",
        PatientDirection::Superior,
        "side.superior",
        "matrix3d(-1,0,0,0,0,1,0,0,0,0,1,0,0,0,24,1)",
    ),
    (
        "I",
        PatientDirection::Inferior,
        "side.inferior",
        "matrix3d(1,0,0,0,0,1,0,0,0,0,-1,0,0,0,-24,1)",
    ),
];

/// The colors of measured distances with their values.
fn distance_scale(room: Room) -> Option<impl IntoView> {
    let full_mm = room.layers.with(|layers| {
        let seen = layers.iter().filter(|layer| layer.opacity > 0.0);
        seen.filter_map(|layer| layer.distances_mm).next()
    })?;
    let scale = renderer::ColorScale::of_distances(full_mm as f32);
    let stops: Vec<String> = (0..=12)
        .map(|i| crate::curve::hex(scale.color((f64::from(i) / 6.0 - 1.0) as f32 * full_mm as f32)))
        .collect();
    let gradient = format!("linear-gradient(to top,{})", stops.join(","));
    let values = [1.0, 0.5, 0.0, -0.5, -1.0].map(|part| {
        let mm = part * full_mm;
        view! { <span>{if mm == 0.0 { "0 mm".to_owned() } else { format!("{mm:+.1}") }}</span> }
    });
    Some(view! {
        <div class="distance-scale number" role="img" aria-label=format!("{} −{full_mm:.1} – +{full_mm:.1} mm", t("side.distances"))>
            <i style:background=gradient></i><div>{values.into_iter().collect_view()}</div>
        </div>
    })
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
        ));
    });
}
