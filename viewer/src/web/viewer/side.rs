//! The left side: the items of the case, and how the one that is shown is looked at.

use leptos::prelude::*;

use super::laying::LayingPanel;
use super::look::Look;
use super::{Room, is_shown};
use crate::texts::t;
use crate::view_state::{Layout, Pane};
use crate::web::api::Item;
use crate::web::icons::{Icon, Name};
use crate::web::thumbnail::Thumbnail;

/// The items of the case; one of them can be put beside the one that is shown.
#[component]
pub(crate) fn Items(beside: Room) -> impl IntoView {
    let room: Room = expect_context();
    let items = Memo::new(move |_| {
        room.items.with(|items| {
            items
                .iter()
                .filter(|item| is_shown(item))
                .cloned()
                .collect::<Vec<_>>()
        })
    });
    let can_compare = move || items.with(|items| items.len() > 1);
    view! {
        <aside class="side left" class:folded=move || !room.sides.get().has_items() aria-label=t("side.items")>
            <h2>{t("side.items")}</h2>
            <ul class="item-list">
                {move || items.get().into_iter().map(|item| {
                    let shown = item.clone();
                    let other = StoredValue::new(item.clone());
                    let can_add = Memo::new(move |_| other.with_value(|other| room.motion_from(other).is_some()));
                    let can_lay = Memo::new(move |_| other.with_value(|other| room.can_lay_onto_shown(other)));
                    let named = { let name = item.name.clone(); move |what: &'static str| format!("{name}: {}", t(what)) };
                    let add = { let named = named.clone(); move || {
                        let is_there = other.with_value(|other| room.has_surfaces_of(other));
                        let toggle = move |_| if is_there {
                            other.with_value(|other| room.leave_surfaces(other));
                        } else {
                            room.add_surfaces(other.get_value());
                        };
                        let what = if is_there { "side.leave_surfaces" } else { "side.add_surfaces" };
                        can_add.get().then(|| view! {
                            <button class="icon-button" data-test="add" title=t(what) aria-label=named(what) aria-pressed=is_there.to_string()
                                on:click=toggle><Icon name=Name::Add/></button>
                        })
                    } };
                    let lay = { let named = named.clone(); move || can_lay.get().then(|| view! {
                        <button class="icon-button" data-test="lay" title=t("lay.onto") aria-label=named("lay.onto")
                            on:click=move |_| room.begin_laying(other.get_value())><Icon name=Name::Lay/></button>
                    }) };
                    let laid = StoredValue::new(item.registration.clone());
                    let apart = move || laid.get_value().filter(|_| room.can_lay()).map(|laid| {
                        let proposed = (laid.state == "proposed").then(|| {
                            let (named, laid) = (named.clone(), laid.clone());
                            view! {
                                <button class="icon-button" data-test="lay" title=t("lay.title") aria-label=named("lay.title")
                                    on:click=move |_| room.resume_laying(other.get_value(), laid.clone())><Icon name=Name::Lay/></button>
                            }
                        });
                        view! {
                            {proposed}
                            <button class="icon-button" data-test="lay-apart" title=t("lay.apart") aria-label=named("lay.apart")
                                on:click=move |_| room.lay_apart(other.get_value(), laid.id.clone())><Icon name=Name::Close/></button>
                        }
                    });
                    view! {
                        <li>
                            <ItemButton room beside item=item.clone()/>
                            <div class="item-acts">
                                {add}
                                {lay}
                                {apart}
                                {can_compare().then(|| view! {
                                    <button class="icon-button" title=t("side.compare") aria-label=format!("{}: {}", item.name, t("side.compare"))
                                        on:click=move |_| compare(room, beside, shown.clone())><Icon name=Name::Compare/></button>
                                })}
                            </div>
                        </li>
                    }
                }).collect_view()}
            </ul>
            <LayingPanel beside/>
            <Look/>
        </aside>
    }
}

#[component]
fn ItemButton(room: Room, beside: Room, item: Item) -> impl IntoView {
    let id = StoredValue::new(item.id.clone());
    let is_in = move |place: Room| {
        place.item.with(|shown| {
            shown
                .as_ref()
                .is_some_and(|shown| id.with_value(|id| shown.id == *id))
        })
    };
    let is_compared = move || matches!(room.layout.get(), Layout::Compare(_));
    let opened = item.clone();
    let laid = item.registration.as_ref().map(|laid| {
        view! { <span class="number laid" data-test="laid" title=t("lay.residual")>{format!(" · {:.2} mm", laid.residual_mm)}</span> }
    });
    view! {
        <button class="item" class:on=move || is_in(room) class:beside=move || is_compared() && is_in(beside)
            on:click=move |_| room.open(opened.clone())>
            <Thumbnail item=item.clone()/>
            <span class="item-name">{item.name.clone()}</span>
            <span class="quiet">{item.modality.clone().unwrap_or_else(|| item.kind.clone())}{laid}</span>
        </button>
    }
}

/// Puts an item beside the one that is shown.
fn compare(room: Room, beside: Room, item: Item) {
    let pane = match (room.layout.get_untracked(), item.kind.as_str()) {
        (Layout::Single(pane) | Layout::Compare(pane), "volume") => pane,
        (_, "volume") => room.active.get_untracked(),
        _ => Pane::Space,
    };
    compare_in(room, beside, item, pane);
}

/// Puts an item beside the one that is shown, each in this pane.
pub(super) fn compare_in(room: Room, beside: Room, item: Item, pane: Pane) {
    room.layout.set(Layout::Compare(pane));
    beside.open(item);
    room.active.set(pane);
}
