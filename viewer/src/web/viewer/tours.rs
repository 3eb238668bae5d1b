//! Saved views, to which the camera flies, and tours through them.

use leptos::prelude::*;
use serde_json::json;
use wasm_bindgen_futures::spawn_local;

use super::painter::{Layer, now_ms, sleep};
use super::{Room, is_shown};
use crate::texts::t;
use crate::view_state::{Layout, ViewState};
use crate::web::api::{self, SavedTour, SavedView};
use crate::web::icons::{Icon, Name};

/// How long the camera flies, and how long a view of a tour is shown, milliseconds.
const FLIGHT_MS: f64 = 400.0;
const HOLD_MS: i32 = 5_000;
/// How often it is looked whether an item that is only coming can be shown, and how many times.
const WAIT_MS: i32 = 25;
const WAITS: u32 = 400;

/// A tour that is being shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Playing {
    views: Vec<SavedView>,
    at: usize,
    is_held: bool,
}

impl Playing {
    fn view(&self) -> Option<&SavedView> {
        self.views.get(self.at)
    }
}

fn caption_of(saved: &SavedView) -> String {
    saved.body["caption"].as_str().unwrap_or_default().to_owned()
}

/// What a view keeps of the viewer.
fn state_of(room: Room) -> Option<serde_json::Value> {
    let view = room.view.get_untracked()?;
    let item = room
        .item
        .with_untracked(|item| item.as_ref().map(|item| item.id.clone()));
    let layers = room.layers.with_untracked(|layers| {
        let kept = layers.iter().map(|layer| {
            json!({ "name": layer.name, "opacity": layer.opacity, "color": layer.color, "distances_mm": layer.distances_mm })
        });
        kept.collect::<Vec<_>>()
    });
    Some(json!({
        "item": item, "layout": room.layout.get_untracked(), "view": view, "layers": layers,
        "volume_shown": room.volume_shown.get_untracked(),
    }))
}

/// Whether one may remove what somebody saved.
fn can_remove(room: Room, author: &str) -> impl Fn() -> bool + Copy + use<> {
    let whose = room.marks.whose(author);
    move || room.marks.rights.get().can_withdraw(whose)
}

/// The views of the case and tours through them.
#[component]
pub(crate) fn Views() -> impl IntoView {
    let room: Room = expect_context();
    let caption = RwSignal::new(String::new());
    let keep = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let words = caption.get_untracked().trim().to_owned();
        if let Some(state) = state_of(room).filter(|_| !words.is_empty()) {
            save(room, words, state);
            caption.set(String::new());
        }
    };
    let rows = move || {
        room.marks.views.get().into_iter().enumerate().map(move |(index, saved)| {
            let (shown, removed) = (saved.clone(), StoredValue::new(saved.id.clone()));
            let can_remove = can_remove(room, &saved.author);
            view! {
                <li class="view-row">
                    <button class="row" on:click=move |_| show(room, &shown)>
                        <span class="quiet number">{index + 1}</span><span class="mark-name">{caption_of(&saved)}</span></button>
                    {move || can_remove().then(|| view! {
                        <button class="icon-button on-hover" title=t("side.delete_view") aria-label=t("side.delete_view")
                            on:click=move |_| remove_view(room, removed.get_value())><Icon name=Name::Delete/></button>
                    })}
                </li>
            }
        })
    };
    let has_views = move || room.marks.views.with(|views| views.len() > 1);
    // Who saves none and finds none has no use for the title of a list.
    let is_there = move || room.marks.can_mark() || room.marks.views.with(|views| !views.is_empty());
    view! {
        {move || is_there().then(|| view! {
            <h2>{t("side.views")}
                {move || has_views().then(|| view! {
                    <button class="icon-button" title=t("tour.play_all") aria-label=t("tour.play_all")
                        on:click=move |_| play(room, room.marks.views.get_untracked())><Icon name=Name::Play/></button>
                })}
            </h2>
        })}
        <ol class="views">{move || rows().collect_view()}</ol>
        {move || room.marks.can_mark().then(|| view! {
            <form class="inline" on:submit=keep>
                <input type="text" maxlength="200" placeholder=t("side.caption") aria-label=t("side.caption")
                    prop:value=move || caption.get() on:input=move |event| caption.set(event_target_value(&event))/>
                <button class="icon-button" title=t("side.save_view") aria-label=t("side.save_view")><Icon name=Name::Add/></button>
            </form>
        })}
        <Tours/>
    }
}

#[component]
fn Tours() -> impl IntoView {
    let room: Room = expect_context();
    let title = RwSignal::new(String::new());
    let keep = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let words = title.get_untracked().trim().to_owned();
        let views: Vec<String> = room
            .marks
            .views
            .with_untracked(|views| views.iter().map(|saved| saved.id.clone()).collect());
        if !words.is_empty() && !views.is_empty() {
            title.set(String::new());
            save_tour(room, words, views);
        }
    };
    let rows = move || {
        room.marks.tours.get().into_iter().map(move |tour| {
            let removed = StoredValue::new(tour.id.clone());
            let can_remove = can_remove(room, &tour.author);
            let name = tour.body.title.clone();
            let start = move |_| {
                play(room, of_tour(&tour, &room.marks.views.get_untracked()));
            };
            view! {
                <li class="view-row">
                    <button class="row" on:click=start><Icon name=Name::Play/><span class="mark-name">{name}</span></button>
                    {move || can_remove().then(|| view! {
                        <button class="icon-button on-hover" title=t("tour.delete") aria-label=t("tour.delete")
                            on:click=move |_| remove_tour(room, removed.get_value())><Icon name=Name::Delete/></button>
                    })}
                </li>
            }
        })
    };
    let can_save = move || room.marks.can_mark() && room.marks.views.with(|views| views.len() > 1);
    let has_tours = move || room.marks.tours.with(|tours| !tours.is_empty());
    view! {
        {move || (can_save() || has_tours()).then(|| view! {
            <h2>{t("tour.title")}</h2>
            <ul class="views">{rows().collect_view()}</ul>
        })}
        {move || can_save().then(|| view! {
            <form class="inline" on:submit=keep>
                <input type="text" maxlength="200" placeholder=t("tour.name") aria-label=t("tour.name")
                    prop:value=move || title.get() on:input=move |event| title.set(event_target_value(&event))/>
                <button class="icon-button" title=t("tour.save") aria-label=t("tour.save")><Icon name=Name::Add/></button>
            </form>
        })}
    }
}

/// What is said over the pictures while a tour is shown.
#[component]
pub(crate) fn Caption() -> impl IntoView {
    let room: Room = expect_context();
    let step = move |by: isize| {
        room.tour.update(|tour| {
            if let Some(tour) = tour {
                tour.at = tour.at.saturating_add_signed(by).min(tour.views.len() - 1);
                tour.is_held = true;
            }
        });
    };
    // A view is shown when the tour comes to it, and left after a while unless it is held.
    let at = Memo::new(move |_| {
        room.tour
            .with(|tour| tour.as_ref().map(|tour| (tour.at, tour.is_held)))
    });
    let shown = Memo::new(move |_| {
        room.tour
            .with(|tour| tour.as_ref().and_then(Playing::view).cloned())
    });
    Effect::new(move |_| {
        if let Some(saved) = shown.get() {
            show(room, &saved);
        }
    });
    Effect::new(move |_| {
        let now = at.get();
        if let Some((index, false)) = now {
            spawn_local(async move {
                sleep(HOLD_MS).await;
                if at.try_get_untracked() == Some(now) {
                    room.tour.update(|tour| {
                        *tour = tour
                            .take()
                            .filter(|tour| index + 1 < tour.views.len())
                            .map(|tour| Playing {
                                at: index + 1,
                                ..tour
                            });
                    });
                }
            });
        }
    });
    // Whoever comes to be shown around begins with the first tour.
    if leptos_router::hooks::use_location().hash.get_untracked() == "#tour" {
        let begun = StoredValue::new(false);
        Effect::new(move |_| {
            let (tours, views) = (room.marks.tours.get(), room.marks.views.get());
            if let Some(tour) = tours.first().filter(|_| !views.is_empty() && !begun.get_value()) {
                begun.set_value(true);
                play(room, of_tour(tour, &views));
            }
        });
    }
    move || {
        room.tour.get().map(|tour| {
            let words = tour.view().map(caption_of).unwrap_or_default();
            let icon = if tour.is_held { Name::Play } else { Name::Pause };
            let hold = move |_| room.tour.update(|tour| if let Some(tour) = tour { tour.is_held = !tour.is_held });
            view! {
                <div class="caption" role="group" aria-label=t("tour.title")>
                    <button class="icon-button" title=t("tour.back") aria-label=t("tour.back") on:click=move |_| step(-1)><Icon name=Name::Back/></button>
                    <p role="status"><span class="quiet number">{format!("{} / {}  ", tour.at + 1, tour.views.len())}</span>{words}</p>
                    <button class="icon-button" title=t("tour.hold") aria-label=t("tour.hold") on:click=hold><Icon name=icon/></button>
                    <button class="icon-button" title=t("tour.next") aria-label=t("tour.next") on:click=move |_| step(1)><Icon name=Name::Next/></button>
                    <button class="icon-button" title=t("tour.end") aria-label=t("tour.end") on:click=move |_| room.tour.set(None)><Icon name=Name::Close/></button>
                </div>
            }
        })
    }
}

/// The views of a tour in its order.
fn of_tour(tour: &SavedTour, views: &[SavedView]) -> Vec<SavedView> {
    let find = |id: &String| views.iter().find(|saved| saved.id == *id).cloned();
    tour.body.views.iter().filter_map(find).collect()
}

fn play(room: Room, views: Vec<SavedView>) {
    let tour = Playing {
        views,
        at: 0,
        is_held: false,
    };
    room.tour.set((!tour.views.is_empty()).then_some(tour));
}

/// Saves a view of the case.
fn save(room: Room, caption: String, state: serde_json::Value) {
    spawn_local(async move {
        let path = format!("/api/cases/{}/views", room.marks.case.get_value());
        let body = json!({ "caption": caption, "state": state });
        let kept: api::Answer<SavedView> = api::send("POST", &path, &body).await;
        match kept {
            // It may have been read anew meanwhile.
            Ok(kept) => room.marks.views.update(|views| {
                views.retain(|view| view.id != kept.id);
                views.push(kept);
            }),
            Err(failure) => room.refused(failure.title),
        }
    });
}

fn save_tour(room: Room, title: String, views: Vec<String>) {
    spawn_local(async move {
        let path = format!("/api/cases/{}/tours", room.marks.case.get_value());
        let kept: api::Answer<SavedTour> =
            api::send("POST", &path, &json!({ "title": title, "views": views })).await;
        match kept {
            Ok(kept) => room.marks.tours.update(|tours| {
                tours.retain(|tour| tour.id != kept.id);
                tours.push(kept);
            }),
            Err(failure) => room.refused(failure.title),
        }
    });
}

fn remove_view(room: Room, id: String) {
    spawn_local(async move {
        match api::act("DELETE", &format!("/api/views/{id}")).await {
            Ok(_) => room
                .marks
                .views
                .update(|views| views.retain(|view| view.id != id)),
            Err(failure) => room.refused(failure.title),
        }
    });
}

fn remove_tour(room: Room, id: String) {
    spawn_local(async move {
        match api::act("DELETE", &format!("/api/tours/{id}")).await {
            Ok(_) => room
                .marks
                .tours
                .update(|tours| tours.retain(|tour| tour.id != id)),
            Err(failure) => room.refused(failure.title),
        }
    });
}

/// Flies to a saved view.
fn show(room: Room, saved: &SavedView) {
    let state = saved.body["state"].clone();
    let Ok(wanted) = crate::json::of::<ViewState>(state["view"].clone()) else {
        return;
    };
    let item = state["item"].as_str().map(str::to_owned);
    let shown = room
        .item
        .with_untracked(|shown| shown.as_ref().map(|shown| shown.id.clone()));
    if item != shown {
        let other = room.items.with_untracked(|items| {
            let found = items.iter().find(|other| Some(&other.id) == item.as_ref());
            found.cloned()
        });
        if let Some(other) = other.filter(is_shown) {
            room.open(other);
        }
    }
    if let Ok(layout) = crate::json::of::<Layout>(state["layout"].clone()) {
        room.layout.set(layout);
    }
    spawn_local(async move {
        // A volume that is only coming has no view yet.
        for _ in 0..WAITS {
            if room.view.with_untracked(Option::is_some) {
                break;
            }
            sleep(WAIT_MS).await;
        }
        let Some(from) = room.view.get_untracked() else {
            return;
        };
        put_layers(room, &state);
        room.view.set(Some(ViewState {
            camera: from.camera,
            ..wanted.clone()
        }));
        let began = now_ms();
        while !is_still() {
            let part = (now_ms() - began) / FLIGHT_MS;
            if part >= 1.0 {
                break;
            }
            let eased = 1.0 - (1.0 - part).powi(3);
            room.change(|view| view.camera = from.camera.toward(&wanted.camera, eased));
            sleep(16).await;
        }
        room.change(|view| view.camera = wanted.camera);
    });
}

/// What of the item the view shows.
fn put_layers(room: Room, state: &serde_json::Value) {
    if let Some(is_shown) = state["volume_shown"].as_bool() {
        room.volume_shown.set(is_shown);
    }
    let Some(saved) = state["layers"].as_array() else {
        return;
    };
    let find = |layer: &Layer| {
        saved
            .iter()
            .find(|saved| saved["name"].as_str() == Some(&layer.name))
    };
    room.layers.update(|layers| {
        for layer in layers {
            if let Some(saved) = find(layer) {
                layer.opacity = saved["opacity"].as_f64().unwrap_or(layer.opacity).clamp(0.0, 1.0);
                layer.color = crate::json::of(saved["color"].clone()).unwrap_or(None);
                layer.distances_mm = saved["distances_mm"].as_f64().or(layer.distances_mm);
            }
        }
    });
}

/// Whether this person wants nothing to move by itself.
fn is_still() -> bool {
    let query = web_sys::window().and_then(|window| {
        let query = window.match_media("(prefers-reduced-motion: reduce)");
        query.ok().flatten()
    });
    query.is_some_and(|query| query.matches())
}
