//! The editor of the transfer function: its corners over the values of the volume, by pointer and by keys.

use geometry::DVec2;
use leptos::prelude::*;
use leptos::svg;
use renderer::{ControlPoint, preset};
use web_sys::{KeyboardEvent, MouseEvent, PointerEvent};

use super::Room;
use crate::curve::{Spread, add_point, at, color_of, hex, move_point, remove_point, shift, split_at};
use crate::texts::t;
use crate::web::icons::{Icon, Name};

/// Size of the drawing, its own units; above and below is room for the corners.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 110.0;
const EDGE: f64 = 8.0;
/// Opacity a press of a key.
const KEY_OPACITY: f64 = 0.02;
/// How many times farther with shift.
const KEY_FAST: f64 = 5.0;
/// Slices of the axis whose colors are drawn.
const SHADES: usize = 48;

/// The corners as they are now: one's own, or those of the preset.
fn points(room: Room) -> Option<Vec<ControlPoint>> {
    let range = room.status.with(|status| status.range);
    room.view.with(|view| {
        let view = view.as_ref()?;
        view.transfer.clone().or_else(|| {
            let preset = preset(&view.preset)?;
            Some(preset.transfer((range[0], range[1])).points().to_vec())
        })
    })
}

/// Changes the corners; from then on they are one's own.
fn edit(room: Room, change: impl FnOnce(&mut Vec<ControlPoint>)) {
    if let Some(mut points) = untrack(|| points(room)) {
        change(&mut points);
        room.change(|view| view.transfer = Some(points));
    }
}

/// Where a value and an opacity are drawn. The square root of the opacity, so that faint ones can be told apart.
fn place(spread: &Spread, value: f64, opacity: f64) -> DVec2 {
    let x = EDGE + spread.part_of(value) * (WIDTH - 2.0 * EDGE);
    let y = HEIGHT - EDGE - opacity.max(0.0).sqrt() * (HEIGHT - 2.0 * EDGE);
    DVec2::new(x.clamp(EDGE, WIDTH - EDGE), y)
}

/// What is drawn at a place.
fn value_at(spread: &Spread, p: DVec2) -> (f64, f64) {
    let part = ((p.x - EDGE) / (WIDTH - 2.0 * EDGE)).clamp(0.0, 1.0);
    let height = ((HEIGHT - EDGE - p.y) / (HEIGHT - 2.0 * EDGE)).clamp(0.0, 1.0);
    (spread.value_at(part), height * height)
}

/// The editor.
#[component]
pub(crate) fn CurveEditor() -> impl IntoView {
    let room: Room = expect_context();
    let frame = NodeRef::<svg::Svg>::new();
    let chosen = RwSignal::new(0_usize);
    let held = RwSignal::new(None::<usize>);
    let spread = Memo::new(move |_| room.status.with(|status| status.spread.clone()));
    let points = Memo::new(move |_| points(room).unwrap_or_default());
    let place_of = move |event: &MouseEvent| {
        let rect = frame
            .get_untracked()
            .map(|frame| frame.get_bounding_client_rect());
        rect.filter(|rect| rect.width() > 0.0).map(|rect| {
            DVec2::new(
                (f64::from(event.client_x()) - rect.x()) / rect.width() * WIDTH,
                (f64::from(event.client_y()) - rect.y()) / rect.height() * HEIGHT,
            )
        })
    };
    let moved = move |event: PointerEvent| {
        let (Some(index), Some(spread)) = (held.get_untracked(), spread.get_untracked()) else {
            return;
        };
        if let Some(p) = place_of(&event) {
            let (value, opacity) = value_at(&spread, p);
            edit(room, |points| move_point(points, index, value, opacity));
        }
    };
    let added = move |event: MouseEvent| {
        if let (Some(spread), Some(p)) = (spread.get_untracked(), place_of(&event)) {
            let (value, opacity) = value_at(&spread, p);
            edit(room, |points| {
                if let Some(index) = add_point(points, value, opacity) {
                    chosen.set(index);
                }
            });
        }
    };
    let drawing = move || {
        let spread = spread.get()?;
        Some(view! { {bars(&spread)} {shades(&spread, &points.get())} })
    };
    let corners = move || {
        let spread = spread.get()?;
        let unit = room.known.unit.get();
        let count = points.with(Vec::len);
        let corners = points.get().into_iter().enumerate().map(|(index, point)| {
            let p = place(&spread, point.value, f64::from(point.opacity));
            let down = move |event: PointerEvent| {
                event.prevent_default();
                chosen.set(index);
                held.set(Some(index));
                if let Some(frame) = frame.get_untracked() {
                    drop(frame.set_pointer_capture(event.pointer_id()));
                }
            };
            let told = format!(
                "{:.0} {unit}, {} {:.0} %",
                point.value,
                t("side.opacity"),
                point.opacity * 100.0
            );
            view! {
                <g class="corner-point" class:on=move || chosen.get() == index on:pointerdown=down>
                    <circle class="corner-reach" cx=p.x cy=p.y r="12"/>
                    <circle class="corner-dot" cx=p.x cy=p.y r="5" fill=hex(point.color)>
                        <title>{format!("{} / {count}: {told}", index + 1)}</title></circle>
                </g>
            }
        });
        Some(corners.collect_view())
    };
    let told = move || {
        let unit = room.known.unit.get();
        points.with(|points| {
            points.get(chosen.get()).map(|point| {
                let percent = point.opacity * 100.0;
                format!(
                    "{} / {}: {:.0} {unit}, {percent:.0} %",
                    chosen.get() + 1,
                    points.len(),
                    point.value
                )
            })
        })
    };
    let pressed = move |event: KeyboardEvent| {
        if let Some(spread) = spread.get_untracked() {
            press(room, &spread, chosen, &event);
        }
    };
    view! {
        <div class="curve" data-test="curve" tabindex="0" role="slider" aria-label=t("curve.corners") aria-valuetext=told
            aria-valuemin="1" aria-valuemax=move || points.with(Vec::len).to_string() aria-valuenow=move || (chosen.get() + 1).to_string()
            on:keydown=pressed>
            <svg node_ref=frame viewBox=format!("0 0 {WIDTH} {HEIGHT}") on:pointermove=moved on:dblclick=added
                on:pointerup=move |_| held.set(None) on:pointercancel=move |_| held.set(None)>
                {drawing} {corners}
            </svg>
        </div>
        <Corner chosen points/>
        <Shift/>
    }
}

/// What a key does to the corner that is chosen.
fn press(room: Room, spread: &Spread, chosen: RwSignal<usize>, event: &KeyboardEvent) {
    let index = chosen.get_untracked();
    let times = if event.shift_key() { KEY_FAST } else { 1.0 };
    let by = |value: f64, opacity: f64| {
        edit(room, |points| {
            if let Some(point) = points.get(index).copied() {
                move_point(
                    points,
                    index,
                    point.value + value,
                    f64::from(point.opacity) + opacity,
                );
            }
        });
    };
    let count = untrack(|| points(room)).map_or(0, |points| points.len());
    match event.key().as_str() {
        "ArrowLeft" => by(-spread.step() * times, 0.0),
        "ArrowRight" => by(spread.step() * times, 0.0),
        "ArrowUp" => by(0.0, KEY_OPACITY * times),
        "ArrowDown" => by(0.0, -KEY_OPACITY * times),
        "PageDown" => chosen.set((index + 1).min(count.saturating_sub(1))),
        "PageUp" => chosen.set(index.saturating_sub(1)),
        "Insert" | "+" => edit(room, |points| {
            if let Some(index) = split_at(points, index) {
                chosen.set(index);
            }
        }),
        "Delete" | "Backspace" => remove(room, chosen),
        _ => return,
    }
    event.prevent_default();
    event.stop_propagation();
}

fn remove(room: Room, chosen: RwSignal<usize>) {
    let index = chosen.get_untracked();
    edit(room, |points| {
        remove_point(points, index);
        chosen.set(index.min(points.len().saturating_sub(1)));
    });
}

/// How often which values occur.
fn bars(spread: &Spread) -> impl IntoView + use<> {
    let width = (WIDTH - 2.0 * EDGE) / spread.bars.len() as f64;
    let mut path = format!("M{EDGE} {}", HEIGHT - EDGE);
    for (i, bar) in spread.bars.iter().enumerate() {
        let x = EDGE + i as f64 * width;
        let y = HEIGHT - EDGE - f64::from(*bar) * (HEIGHT - 2.0 * EDGE);
        path.push_str(&format!("L{x:.1} {y:.1}L{:.1} {y:.1}", x + width));
    }
    path.push_str(&format!("L{} {}Z", WIDTH - EDGE, HEIGHT - EDGE));
    view! { <path class="bars" d=path/> }
}

/// The curve, and under it the colors of its values.
fn shades(spread: &Spread, points: &[ControlPoint]) -> impl IntoView + use<> {
    let width = (WIDTH - 2.0 * EDGE) / SHADES as f64;
    let sample = |part: f64| at(points, spread.value_at(part));
    let mut line = String::new();
    let mut slices = Vec::new();
    for i in 0..SHADES {
        if let Some(point) = sample((i as f64 + 0.5) / SHADES as f64) {
            let x = EDGE + i as f64 * width;
            let top = place(spread, point.value, f64::from(point.opacity)).y;
            let (height, color) = (HEIGHT - EDGE - top, hex(point.color));
            slices.push(view! { <rect class="shade" x=x y=top width=width + 0.3 height=height fill=color/> });
        }
    }
    // Straight lines of opacity are curves here: between corners they are drawn in steps.
    let steps = SHADES * 2;
    for i in 0..=steps {
        if let Some(point) = sample(i as f64 / steps as f64) {
            let p = place(spread, point.value, f64::from(point.opacity));
            line.push_str(&format!(
                "{}{:.1} {:.1}",
                if i == 0 { "M" } else { "L" },
                p.x,
                p.y
            ));
        }
    }
    view! { {slices} <path class="curve-line" d=line/> }
}

/// The corner that is chosen, in numbers.
#[component]
fn Corner(chosen: RwSignal<usize>, points: Memo<Vec<ControlPoint>>) -> impl IntoView {
    let room: Room = expect_context();
    let point = Memo::new(move |_| points.with(|points| points.get(chosen.get()).copied()));
    let number =
        move |part: fn(&ControlPoint) -> f64| move || point.get().map(|p| format!("{:.0}", part(&p)));
    let set = move |change: fn(&mut (f64, f64), f64)| {
        move |event: web_sys::Event| {
            let Ok(number) = event_target_value(&event).parse::<f64>() else {
                return;
            };
            let index = chosen.get_untracked();
            edit(room, |points| {
                if let Some(point) = points.get(index).copied() {
                    let mut to = (point.value, f64::from(point.opacity));
                    change(&mut to, number);
                    move_point(points, index, to.0, to.1);
                }
            });
        }
    };
    let color = move |event| {
        let index = chosen.get_untracked();
        if let Some(color) = color_of(&event_target_value(&event)) {
            edit(room, |points| {
                if let Some(point) = points.get_mut(index) {
                    point.color = color;
                }
            });
        }
    };
    let split = move |_| {
        let index = chosen.get_untracked();
        edit(room, |points| {
            if let Some(index) = split_at(points, index) {
                chosen.set(index);
            }
        });
    };
    let unit = room.known.unit;
    view! {
        <div class="corner-row">
            <input type="color" aria-label=t("curve.color") title=t("curve.color")
                prop:value=move || point.get().map(|p| hex(p.color)) on:input=color/>
            <label class="unit-field"><input type="number" step="1" aria-label=t("curve.value") title=t("curve.value")
                prop:value=number(|p| p.value) on:change=set(|to, number| to.0 = number)/><span class="quiet">{move || unit.get()}</span></label>
            <label class="unit-field"><input type="number" min="0" max="100" step="1" aria-label=t("side.opacity") title=t("side.opacity")
                prop:value=number(|p| f64::from(p.opacity) * 100.0) on:change=set(|to, number| to.1 = number / 100.0)/><span class="quiet">"%"</span></label>
            <button class="icon-button" title=t("curve.add") aria-label=t("curve.add") on:click=split><Icon name=Name::Add/></button>
            <button class="icon-button" title=t("curve.remove") aria-label=t("curve.remove") on:click=move |_| remove(room, chosen)>
                <Icon name=Name::Delete/></button>
        </div>
    }
}

/// Moves all corners at once, and gives those of the preset back.
#[component]
fn Shift() -> impl IntoView {
    let room: Room = expect_context();
    let is_own = move || {
        room.view
            .with(|view| view.as_ref().is_some_and(|view| view.transfer.is_some()))
    };
    // The slider springs back to its middle when it is let go.
    let before = StoredValue::new(0.0_f64);
    let slide = move |event| {
        let now: f64 = event_target_value(&event).parse().unwrap_or(0.0);
        let span = room
            .status
            .with_untracked(|status| status.spread.as_ref().map(|spread| spread.step()));
        edit(room, |points| {
            shift(points, (now - before.get_value()) * span.unwrap_or(1.0));
        });
        before.set_value(now);
    };
    let rest = RwSignal::new(0_u32);
    let let_go = move |_| {
        before.set_value(0.0);
        rest.update(|count| *count += 1);
    };
    let slider = NodeRef::<leptos::html::Input>::new();
    Effect::new(move |_| {
        rest.track();
        if let Some(slider) = slider.get_untracked() {
            slider.set_value("0");
        }
    });
    view! {
        <label class="slider-row"><span class="quiet">{t("curve.shift")}</span>
            <input node_ref=slider type="range" min="-30" max="30" step="0.25" value="0" on:input=slide on:change=let_go/></label>
        <button class="small" disabled=move || !is_own() on:click=move |_| room.change(|view| view.transfer = None)>{t("curve.reset")}</button>
    }
}
