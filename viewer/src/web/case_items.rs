//! What is in a case: each item with its picture, what was found out about it, its files for who uploaded them.

use leptos::prelude::*;
use leptos_router::components::A;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Session;
use super::api::Item;
use super::dates::{count, day, size};
use super::frame::{Field, Read, Sure, Trouble, Undo};
use super::thumbnail::Thumbnail;
use super::viewer::is_shown;
use crate::texts::{fill, of_word, t};

#[component]
pub(crate) fn Items(items: Read<Vec<Item>>, case: String, is_team: Memo<bool>) -> impl IntoView {
    view! {
        <Trouble of=items.trouble/>
        {move || items.value.get().map(|all| if all.is_empty() {
            view! { <p class="empty">{t("case.empty")}</p> }.into_any()
        } else {
            view! { <ul class="items">{all.into_iter().map(|item| view! { <ItemCard item items case=case.clone() is_team/> }).collect_view()}</ul> }.into_any()
        })}
    }
}

#[component]
fn ItemCard(item: Item, items: Read<Vec<Item>>, case: String, is_team: Memo<bool>) -> impl IntoView {
    let session: Session = expect_context();
    // The start script asks early for what one's own is made into; others would be refused it.
    let own = if item.own { "#own" } else { "" };
    let opened = is_shown(&item).then(|| format!("/cases/{case}/view/{}{own}", item.id));
    let kind = of_word("kind", &item.kind).unwrap_or_default();
    let name = item.name.clone();
    let path = StoredValue::new(format!("/api/items/{}", item.id));
    let undo = Undo {
        name: item.name.clone(),
        path: format!("{}/undo-delete", path.get_value()),
        page: format!("/cases/{case}"),
    };
    let remove = Callback::new(move |()| {
        let undo = undo.clone();
        items.tell("DELETE", path.get_value(), Value::Null, move || {
            session.undo.set(Some(undo));
        });
    });
    let renamed = RwSignal::new(item.name.clone());
    let rename = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        items.tell(
            "PUT",
            path.get_value(),
            json!({ "name": renamed.get_untracked() }),
            || {},
        );
    };
    view! {
        <li class="item-card">
            <Thumbnail item=item.clone()/>
            <div class="grow">
                {match opened {
                    Some(path) => view! { <A href=path attr:rel="external">{name}</A> }.into_any(),
                    None => view! { <strong>{name}</strong> }.into_any(),
                }}
                <p class="quiet number">{item.modality.clone().map(|modality| format!("{modality} · "))}{kind} " · " {day(&item.created)}</p>
                {(!item.own).then(|| view! { <p class="quiet">{t("item.others")}</p> })}
                {item.findings.into_iter().map(|finding| view! { <p class=format!("finding {}", finding.severity)>{finding.message}</p> }).collect_view()}
                {move || (is_team.get() || item.own).then(|| view! {
                    <details class="more"><summary>{t("item.more")}</summary>
                        {item.own.then(|| view! { <Files path=path.get_value()/> })}
                        {is_team.get().then(|| view! {
                            <form class="inline-form" on:submit=rename>
                                <Field name=t("item.name") value=renamed required=true/>
                                <button>{t("item.rename")}</button>
                            </form>
                            <Sure name=t("item.delete") loss=t("item.loss") act=remove/>
                        })}
                    </details>
                })}
            </div>
        </li>
    }
}

#[derive(Clone, PartialEq, Deserialize)]
struct Original {
    id: String,
    name: String,
    bytes: f64,
}

/// Originals that are listed by name; beyond that a number says how many there are.
const LISTED: usize = 20;

/// The files of an item that one uploaded oneself, to be had back as they were.
#[component]
pub(crate) fn Files(path: String) -> impl IntoView {
    let files = Read::<Vec<Original>>::new(format!("{path}/originals"));
    view! {
        <Trouble of=files.trouble/>
        {move || files.value.get().map(|files| {
            let bytes: f64 = files.iter().map(|file| file.bytes).sum();
            let many = files.len();
            view! {
                <p class="quiet number">{count(many, t("upload.file"), t("upload.many"))} ", " {size(bytes)}</p>
                <ul class="files">
                    {files.into_iter().take(LISTED).map(|file| {
                        let label = fill(t("item.download"), &[("name", &file.name)]);
                        view! { <li><a href=format!("/api/originals/{}/content", file.id) download rel="external" aria-label=label>{file.name.clone()}</a>
                            <span class="quiet number">" " {size(file.bytes)}</span></li> }
                    }).collect_view()}
                </ul>
                {(many > LISTED).then(|| view! { <p class="quiet number">{fill(t("item.rest"), &[("number", &(many - LISTED).to_string())])}</p> })}
            }
        })}
    }
}
