//! The left side: the items of the case, and how the one that is shown is looked at.

use leptos::prelude::*;

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
                    let can_add = move || other.with_value(|other| room.shares_frame(other));
                    let add = format!("{}: {}", item.name, t("side.add_surfaces"));
                    view! {
                        <li class="item-row">
                            <ItemButton room beside item=item.clone()/>
                            {move || can_add().then(|| view! {
                                <button class="icon-button on-hover" title=t("side.add_surfaces") aria-label=add.clone()
                                    on:click=move |_| room.add_surfaces(other.get_value())><Icon name=Name::Add/></button>
                            })}
                            {can_compare().then(|| view! {
                                <button class="icon-button on-hover" title=t("side.compare") aria-label=format!("{}: {}", item.name, t("side.compare"))
                                    on:click=move |_| compare(room, beside, shown.clone())><Icon name=Name::Compare/></button>
                            })}
                        </li>
                    }
                }).collect_view()}
            </ul>
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
    view! {
        <button class="item" class:on=move || is_in(room) class:beside=move || is_compared() && is_in(beside)
            on:click=move |_| room.open(opened.clone())>
            <Thumbnail item=item.clone()/>
            <span class="item-name">{item.name.clone()}</span>
            <span class="quiet">{item.modality.clone().unwrap_or_else(|| item.kind.clone())}</span>
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
    room.layout.set(Layout::Compare(pane));
    beside.open(item);
    room.active.set(pane);
}
