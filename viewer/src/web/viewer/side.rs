//! The sides: what one looks at, and what was said.

use domain::AnnotationKind;
use geometry::DVec3;
use leptos::prelude::*;
use serde_json::json;
use wasm_bindgen_futures::spawn_local;

use super::overlay::ask_region;
use super::painter::{now_ms, sleep};
use super::{Room, is_shown};
use crate::marking::{RegionValues, measured};
use crate::texts::t;
use crate::view_state::{Layout, SavedCamera, ViewState};
use crate::web::api::{Annotation, SavedView};
use crate::web::icons::{Icon, Name};
use crate::web::thumbnail::Thumbnail;

/// The items of the case and the layers of the one that is shown.
#[component]
pub(crate) fn Items() -> impl IntoView {
    let room: Room = expect_context();
    let items = move || room.items.get().into_iter().filter(is_shown).collect::<Vec<_>>();
    let others = move || {
        room.items
            .with(|items| items.iter().filter(|item| !item.own).count())
    };
    view! {
        <aside class="side left" class:folded=move || !room.sides.get().0 aria-label=t("side.items")>
            <h2>{t("side.items")}</h2>
            <ul class="item-list">
                {move || items().into_iter().map(|item| {
                    let id = item.id.clone();
                    let is_on = move || room.item.with(|shown| shown.as_ref().is_some_and(|shown| shown.id == id));
                    let opened = item.clone();
                    view! {
                        <li><button class="item" class:on=is_on on:click=move |_| room.open(opened.clone())>
                            <Thumbnail item=item.id.clone()/>
                            <span class="item-name">{item.name.clone()}</span>
                            <span class="quiet">{item.modality.clone().unwrap_or_else(|| item.kind.clone())}</span>
                        </button></li>
                    }
                }).collect_view()}
            </ul>
            {move || (others() > 0).then(|| view! { <p class="quiet note">{t("side.others")}</p> })}
            {move || (!room.layers.with(Vec::is_empty)).then(|| view! { <Layers/> })}
        </aside>
    }
}

#[component]
fn Layers() -> impl IntoView {
    let room: Room = expect_context();
    let has_volume = move || room.status.with(|status| status.grid.is_some());
    view! {
        <h2>{t("side.layers")}</h2>
        <ul class="layers">
            {move || has_volume().then(|| view! {
                <li><label><input type="checkbox" prop:checked=move || room.volume_shown.get()
                    on:change=move |event| room.volume_shown.set(event_target_checked(&event))/>{t("side.volume")}</label></li>
            })}
            {move || room.layers.get().into_iter().enumerate().map(|(index, layer)| {
                let set = move |opacity: f64| room.layers.update(|layers| if let Some(layer) = layers.get_mut(index) { layer.opacity = opacity });
                let opacity = move || room.layers.with(|layers| layers.get(index).map_or(0.0, |layer| layer.opacity));
                view! {
                    <li>
                        <label><input type="checkbox" prop:checked=move || { opacity() > 0.0 }
                            on:change=move |event| set(if event_target_checked(&event) { 1.0 } else { 0.0 })/>{layer.name.clone()}</label>
                        <input type="range" min="0" max="1" step="0.05" aria-label=format!("{}: {}", layer.name, t("side.opacity"))
                            prop:value=move || opacity().to_string()
                            on:change=move |event| set(event_target_value(&event).parse().unwrap_or(1.0))/>
                    </li>
                }
            }).collect_view()}
        </ul>
    }
}

/// Views and marks.
#[component]
pub(crate) fn Said() -> impl IntoView {
    let room: Room = expect_context();
    let caption = RwSignal::new(String::new());
    let keep = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let words = caption.get_untracked().trim().to_owned();
        if let Some(view) = room.view.get_untracked().filter(|_| !words.is_empty()) {
            let item = room
                .item
                .with_untracked(|item| item.as_ref().map(|item| item.id.clone()));
            let state = json!({ "item": item, "layout": room.layout.get_untracked(), "view": view });
            room.marks.save_view(words, state);
            caption.set(String::new());
        }
    };
    let marks = move || {
        let item = room.item.with(|item| item.as_ref().map(|item| item.id.clone()));
        room.marks
            .all
            .get()
            .into_iter()
            .filter(|mark| mark.item == item)
            .collect::<Vec<_>>()
    };
    view! {
        <aside class="side right" class:folded=move || !room.sides.get().1 aria-label=t("side.said")>
            <h2>{t("side.views")}</h2>
            <ol class="views">
                {move || room.marks.views.get().into_iter().map(|saved| {
                    let caption = saved.body["caption"].as_str().unwrap_or_default().to_owned();
                    view! { <li><button class="row" on:click=move |_| show(room, &saved)>{caption}</button></li> }
                }).collect_view()}
            </ol>
            <form class="inline" on:submit=keep>
                <input type="text" maxlength="200" placeholder=t("side.caption") aria-label=t("side.caption")
                    prop:value=move || caption.get() on:input=move |event| caption.set(event_target_value(&event))/>
                <button class="icon-button" title=t("side.save_view") aria-label=t("side.save_view")><Icon name=Name::Add/></button>
            </form>
            <h2>{t("side.marks")}
                <button class="icon-button" title=t("side.hide") aria-label=t("side.hide") aria-pressed=move || room.marks.hidden.get().to_string()
                    on:click=move |_| room.marks.hidden.update(|hidden| *hidden = !*hidden)><Icon name=Name::Eye/></button>
            </h2>
            {move || room.marks.unsaved.get().map(|why| view! { <p class="caution" role="status">{t("side.unsaved")} " " {why}</p> })}
            {move || marks().is_empty().then(|| view! { <p class="quiet note">{t("side.no_marks")}</p> })}
            <ul class="marks">
                {move || marks().into_iter().map(|mark| view! { <MarkRow mark/> }).collect_view()}
            </ul>
        </aside>
    }
}

fn kind_name(kind: AnnotationKind) -> &'static str {
    match kind {
        AnnotationKind::Pin => t("tool.pin"),
        AnnotationKind::Distance => t("tool.distance"),
        AnnotationKind::Angle => t("tool.angle"),
        AnnotationKind::Polyline => t("tool.polyline"),
        AnnotationKind::Region => t("tool.region"),
        AnnotationKind::Arrow => t("tool.arrow"),
        AnnotationKind::Text => t("tool.text"),
    }
}

#[component]
fn MarkRow(mark: Annotation) -> impl IntoView {
    let room: Room = expect_context();
    let values = RwSignal::new(None::<RegionValues>);
    let kind = mark.geometry.kind();
    if kind == AnnotationKind::Region {
        let points = mark.geometry.points().to_vec();
        let is_whole = Memo::new(move |_| room.status.with(|status| status.fraction >= 1.0));
        Effect::new(move |_| {
            if is_whole.get() {
                ask_region(room, points.clone(), values);
            }
        });
    }
    let is_on = {
        let id = mark.id.clone();
        move || {
            room.marks
                .selected
                .with(|selected| selected.as_ref() == Some(&id))
        }
    };
    let points = mark.geometry.points().to_vec();
    let (chosen, removed) = (mark.id.clone(), mark.id.clone());
    let choose = move |_| {
        room.marks.selected.set(Some(chosen.clone()));
        // To where it is: the planes meet in its middle.
        let middle = points.iter().copied().sum::<DVec3>() / points.len().max(1) as f64;
        room.change(|view| view.cross_mm = middle);
    };
    let told = measured(&mark.geometry);
    let attribute = told.clone();
    let unit = move || room.status.with(|status| status.unit.clone());
    view! {
        <li class="mark-row" class:on=is_on data-kind=kind.word() data-measure=attribute>
            <button class="row" on:click=choose>
                <span>{mark.label.clone().unwrap_or_else(|| kind_name(kind).to_owned())}</span>
                <span class="number">{told}</span>
            </button>
            <button class="icon-button" title=t("side.delete") aria-label=t("side.delete")
                on:click=move |_| room.marks.remove(&removed)><Icon name=Name::Delete/></button>
            {move || values.get().map(|v| view! {
                <p class="quiet number" data-test="region" data-mean=format!("{:.2}", v.mean)>
                    {format!("{:.0} ± {:.0} {}  ({:.0} – {:.0})", v.mean, v.sd, unit(), v.min, v.max)}
                </p>
            })}
            {(!mark.comments.is_empty()).then(|| mark.comments.iter().map(|comment| view! {
                <p class="comment" title=comment.created.clone()>{comment.text.clone()}</p>
            }).collect_view())}
        </li>
    }
}

/// How long the camera flies, milliseconds.
const FLIGHT_MS: f64 = 400.0;

/// Flies to a saved view.
fn show(room: Room, saved: &SavedView) {
    let state = &saved.body["state"];
    let Ok(wanted) = serde_json::from_value::<ViewState>(state["view"].clone()) else {
        return;
    };
    if let Ok(layout) = serde_json::from_value::<Layout>(state["layout"].clone()) {
        room.layout.set(layout);
    }
    let item = state["item"].as_str().map(str::to_owned);
    let shown = room
        .item
        .with_untracked(|shown| shown.as_ref().map(|shown| shown.id.clone()));
    if item != shown {
        let other = room.items.with_untracked(|items| {
            items
                .iter()
                .find(|other| Some(&other.id) == item.as_ref())
                .cloned()
        });
        if let Some(other) = other.filter(is_shown) {
            room.open(other);
        }
    }
    spawn_local(async move {
        // A volume that is only coming has no view yet.
        for _ in 0..200 {
            if room.view.with_untracked(Option::is_some) {
                break;
            }
            sleep(25).await;
        }
        let Some(from) = room.view.get_untracked() else {
            return;
        };
        let began = now_ms();
        let is_still = web_sys::window()
            .and_then(|window| {
                window
                    .match_media("(prefers-reduced-motion: reduce)")
                    .ok()
                    .flatten()
            })
            .is_some_and(|query| query.matches());
        while !is_still {
            let part = (now_ms() - began) / FLIGHT_MS;
            if part >= 1.0 {
                break;
            }
            let eased = 1.0 - (1.0 - part).powi(3);
            room.change(|view| view.camera = between(from.camera, wanted.camera, eased));
            sleep(16).await;
        }
        room.change(|view| *view = wanted);
    });
}

/// A camera on the way from one to the other along an arc about what it looks at.
fn between(a: SavedCamera, b: SavedCamera, part: f64) -> SavedCamera {
    let target = a.target_mm.lerp(b.target_mm, part);
    let (from, to) = (a.eye_mm - a.target_mm, b.eye_mm - b.target_mm);
    let length = from.length() * (1.0 - part) + to.length() * part;
    let direction = from
        .normalize_or(DVec3::NEG_Y)
        .lerp(to.normalize_or(DVec3::NEG_Y), part);
    // Opposite sides have no shortest arc: by way of the patient's left.
    let direction = (direction + DVec3::X * 1e-3 * (1.0 - part)).normalize_or(DVec3::X);
    SavedCamera {
        eye_mm: target + direction * length,
        target_mm: target,
        up: a.up.lerp(b.up, part).normalize_or(DVec3::Z),
        field_of_view_radians: b.field_of_view_radians,
    }
}
