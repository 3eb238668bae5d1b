//! What people say about a mark.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::Room;
use crate::texts::t;
use crate::together::css_of_person;
use crate::web::api::{self, Annotation, Comment};
use crate::web::icons::{Icon, Name};

/// The comments on a mark, the oldest first, and a line to add one.
#[component]
pub(crate) fn Thread(id: StoredValue<String>, mark: Memo<Option<Annotation>>) -> impl IntoView {
    let room: Room = expect_context();
    let text = RwSignal::new(String::new());
    // Those who can be named, for who may say something.
    let names = RwSignal::new(Vec::<(String, String)>::new());
    let can_say = Memo::new(move |_| room.marks.can_mark());
    let ask_names = move || {
        spawn_local(async move {
            let path = format!("/api/cases/{}/colleagues", room.marks.case.get_value());
            if let Ok(serde_json::Value::Array(all)) = api::get(&path).await {
                let name = |one: &serde_json::Value| {
                    Some((one["user"].as_str()?.to_owned(), one["name"].as_str()?.to_owned()))
                };
                names.try_set(all.iter().filter_map(name).collect());
            }
        })
    };
    Effect::new(move |_| {
        if can_say.get() {
            ask_names();
        }
    });
    let mention = move |event| {
        let list: web_sys::HtmlSelectElement = event_target(&event);
        text.update(|text| {
            text.push('@');
            text.push_str(&list.value());
            text.push(' ');
        });
        list.set_value("");
    };
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
            {move || comments().into_iter().map(|comment| said(room, id, comment, names)).collect_view()}
        </ul>
        {move || can_say.get().then(|| view! {
            <form class="inline" on:submit=send>
                <input type="text" maxlength="4000" placeholder=t("thread.say") aria-label=t("thread.say")
                    prop:value=move || text.get() on:input=move |event| text.set(event_target_value(&event))/>
                {move || names.with(|names| names.len() > 1).then(|| view! {
                    <select class="mention" aria-label=t("thread.mention") title=t("thread.mention") on:change=mention>
                        <option value="">"@"</option>
                        {names.get().into_iter().filter(|one| one.0 != room.marks.author()).map(|one| view! { <option>{one.1}</option> }).collect_view()}
                    </select>
                })}
                <button class="icon-button" title=t("thread.send") aria-label=t("thread.send")><Icon name=Name::Send/></button>
            </form>
        })}
    }
}

/// One comment; its author can take it back, and who may take away what others say.
fn said(
    room: Room,
    mark: StoredValue<String>,
    comment: Comment,
    names: RwSignal<Vec<(String, String)>>,
) -> impl IntoView {
    let is_own = comment.author == room.marks.author();
    let who = match &comment.author_name {
        _ if is_own => t("thread.you").to_owned(),
        Some(name) => name.clone(),
        None => names.with(|names| {
            let known = names.iter().find(|one| one.0 == comment.author);
            known.map_or_else(|| t("thread.other").to_owned(), |one| one.1.clone())
        }),
    };
    let color = css_of_person(comment.author_color);
    let when = match comment.created.get(..16) {
        Some(minute) => minute.replace('T', " "),
        None => t("thread.waiting").to_owned(),
    };
    let id = StoredValue::new(comment.id.clone());
    let withdraw = move |_| {
        let comment = id.get_value();
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
    };
    let (whose, is_there) = (room.marks.whose(&comment.author), !comment.is_waiting());
    let can_withdraw = move || is_there && room.marks.rights.get().can_withdraw(whose);
    view! {
        <li class="comment">
            <p class="comment-head"><i class="swatch" style:background=color></i>{who}<span class="quiet number">{when}</span>
                {move || can_withdraw().then(|| view! {
                    <button class="icon-button small-icon" title=t("thread.withdraw") aria-label=t("thread.withdraw") on:click=withdraw>
                        <Icon name=Name::Delete/></button>
                })}</p>
            <p>{comment.text}</p>
        </li>
    }
}
