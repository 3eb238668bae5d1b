//! What people say about a mark.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::Room;
use crate::marking::{color_of_author, css_of};
use crate::texts::t;
use crate::web::api::{self, Annotation, Comment};
use crate::web::icons::{Icon, Name};

/// The comments on a mark, the oldest first, and a line to add one.
#[component]
pub(crate) fn Thread(id: StoredValue<String>, mark: Memo<Option<Annotation>>) -> impl IntoView {
    let room: Room = expect_context();
    let text = RwSignal::new(String::new());
    let comments =
        move || mark.with(|mark| mark.as_ref().map_or_else(Vec::new, |mark| mark.comments.clone()));
    let send = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let words = text.get_untracked().trim().to_owned();
        if !words.is_empty() {
            text.set(String::new());
            room.marks.comment(&id.get_value(), words);
        }
    };
    view! {
        <ul class="thread">
            {move || comments().into_iter().map(|comment| said(room, id, comment)).collect_view()}
        </ul>
        <form class="inline" on:submit=send>
            <input type="text" maxlength="4000" placeholder=t("thread.say") aria-label=t("thread.say")
                prop:value=move || text.get() on:input=move |event| text.set(event_target_value(&event))/>
            <button class="icon-button" title=t("thread.send") aria-label=t("thread.send")><Icon name=Name::Send/></button>
        </form>
    }
}

/// One comment; its author can take it back.
fn said(room: Room, mark: StoredValue<String>, comment: Comment) -> impl IntoView {
    let is_own = comment.author == room.marks.author();
    let who = if is_own {
        t("thread.you")
    } else {
        t("thread.other")
    };
    let color = css_of(color_of_author(&comment.author));
    let when = match comment.created.get(..16) {
        Some(minute) => minute.replace('T', " "),
        None => t("thread.waiting").to_owned(),
    };
    let withdraw = {
        let comment = comment.id.clone();
        move |_| {
            let comment = comment.clone();
            spawn_local(async move {
                if api::act("DELETE", &format!("/api/comments/{comment}"))
                    .await
                    .is_ok()
                {
                    room.marks.all.update(|all| {
                        for known in all.iter_mut().filter(|known| known.id == mark.get_value()) {
                            known.comments.retain(|other| other.id != comment);
                        }
                    });
                }
            });
        }
    };
    let can_withdraw = is_own && !comment.id.is_empty();
    view! {
        <li class="comment">
            <p class="comment-head"><i class="swatch" style:background=color></i>{who}<span class="quiet number">{when}</span>
                {can_withdraw.then(|| view! {
                    <button class="icon-button small-icon" title=t("thread.withdraw") aria-label=t("thread.withdraw") on:click=withdraw>
                        <Icon name=Name::Delete/></button>
                })}</p>
            <p>{comment.text}</p>
        </li>
    }
}
