//! What was done in a practice, for its administrators: by person, by act, page by page.

use std::collections::HashMap;

use leptos::prelude::*;
use serde::Deserialize;
use wasm_bindgen_futures::spawn_local;

use super::Session;
use super::api::{self, Failure};
use super::dates::moment;
use super::frame::{Choice, Frame, Read, Trouble};
use super::practice::Member;
use crate::texts::{of_word, t};

#[derive(Clone, PartialEq, Deserialize)]
struct Event {
    seq: u64,
    at: String,
    actor: Option<String>,
    action: String,
    outcome: String,
    capacity: String,
    case: Option<String>,
}

/// Rows of a page.
const ROWS: usize = 50;

/// Acts that are worth asking for, as the record names them.
const ACTS: &[&str] = &[
    "SignIn",
    "SeeCase",
    "RenderLocally",
    "DownloadOriginal",
    "StartUpload",
    "Ingest",
    "CreatePatient",
    "ReadProfile",
    "EditProfile",
    "CreateCase",
    "ShareWithPatient",
    "StopSharing",
    "InviteCollaborator",
    "ChangeGrant",
    "RevokeGrant",
    "InviteMember",
    "ChangeMember",
    "RemoveMember",
    "ChangeCareTeam",
    "DeleteItem",
    "DeleteCase",
    "DeleteProfile",
    "OpenEmergencyAccess",
];

/// What was done in words; what no catalog names is the record's own word, spaced.
pub(crate) fn act_in_words(action: &str) -> String {
    match of_word("did", action) {
        Some(text) => text.to_owned(),
        None => spaced(action),
    }
}

fn spaced(word: &str) -> String {
    let mut text = String::new();
    for letter in word.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
            text.push(letter.to_ascii_lowercase());
        } else {
            text.push(letter);
        }
    }
    text
}

#[component]
pub(crate) fn AuditPage() -> impl IntoView {
    let session: Session = expect_context();
    move || {
        match session.practice().filter(|practice| practice.role == "administrator") {
        Some(practice) => view! { <Shown id=practice.practice/> }.into_any(),
        None => view! { <Frame title=t("missing.title")><h1>{t("missing.title")}</h1><p>{t("missing.text")}</p></Frame> }.into_any(),
    }
    }
}

#[component]
fn Shown(id: String) -> impl IntoView {
    let path = StoredValue::new(format!("/api/practices/{id}/audit"));
    let members = Read::<Vec<Member>>::new(format!("/api/practices/{id}/members"));
    let (who, act) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let events = RwSignal::new(Vec::<Event>::new());
    let (is_loaded, has_more) = (RwSignal::new(false), RwSignal::new(false));
    let trouble = RwSignal::new(None::<Failure>);
    let read = move |before: Option<u64>| {
        // Nothing where the page is gone.
        let now = move || Some((who.try_get_untracked()?, act.try_get_untracked()?));
        let asked = (who.get_untracked(), act.get_untracked());
        let mut address = format!("{}?limit={ROWS}", path.get_value());
        for (name, value) in [("actor", &asked.0), ("action", &asked.1)] {
            if !value.is_empty() {
                address.push_str(&format!("&{name}={value}"));
            }
        }
        if let Some(before) = before {
            address.push_str(&format!("&before={before}"));
        }
        spawn_local(async move {
            match api::get::<Vec<Event>>(&address).await {
                // An answer to an older question comes too late.
                Ok(_) if now() != Some(asked) => {}
                Ok(page) => {
                    has_more.set(page.len() == ROWS);
                    events.update(|events| {
                        if before.is_none() {
                            events.clear();
                        }
                        events.extend(page);
                    });
                    is_loaded.set(true);
                }
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    Effect::new(move |_| {
        who.track();
        act.track();
        read(None);
    });
    let names = move || -> HashMap<String, String> {
        let all = members.value.get().unwrap_or_default();
        all.into_iter().map(|member| (member.user, member.name)).collect()
    };
    let people = Signal::derive(move || {
        let all = members.value.get().unwrap_or_default();
        let people = all.into_iter().map(|member| (member.user, member.name));
        std::iter::once((String::new(), t("audit.everybody").to_owned()))
            .chain(people)
            .collect::<Vec<_>>()
    });
    let acts = Signal::derive(|| {
        let acts = ACTS.iter().map(|act| ((*act).to_owned(), act_in_words(act)));
        std::iter::once((String::new(), t("audit.everything").to_owned()))
            .chain(acts)
            .collect::<Vec<_>>()
    });
    view! {
        <Frame title=t("audit.title")>
            <div class="title-row"><h1>{t("audit.title")}</h1>
                <a class="button" href=move || format!("{}.ndjson", path.get_value()) download="audit.ndjson" rel="external">{t("audit.export")}</a></div>
            <p class="quiet">{t("audit.help")}</p>
            <div class="filters">
                <Choice name=t("audit.who") value=who choices=people/>
                <Choice name=t("audit.act") value=act choices=acts/>
            </div>
            <Trouble of=trouble/>
            <div class="table" role="region" aria-label=t("audit.title") tabindex="0">
                <table>
                    <thead><tr><th scope="col">{t("audit.when")}</th><th scope="col">{t("audit.who")}</th>
                        <th scope="col">{t("audit.act")}</th><th scope="col">{t("audit.outcome")}</th></tr></thead>
                    <tbody>
                        {move || {
                            let names = names();
                            events.get().into_iter().map(|event| {
                                let who = match &event.actor {
                                    Some(actor) => names.get(actor).cloned().unwrap_or_else(|| t("audit.outside").to_owned()),
                                    None => t("audit.nobody").to_owned(),
                                };
                                let is_refused = event.outcome != "allowed";
                                view! {
                                    <tr>
                                        <td class="number">{moment(&event.at)}</td>
                                        <td>{who} <span class="quiet">" " {of_word("capacity", &event.capacity)}</span></td>
                                        <td>{act_in_words(&event.action)} {event.case.map(|case| view! { " " <span class="quiet number" title=case.clone()>{case.get(..8).unwrap_or_default().to_owned()}</span> })}</td>
                                        <td class:caution=is_refused>{outcome(&event.outcome)}</td>
                                    </tr>
                                }
                            }).collect_view()
                        }}
                    </tbody>
                </table>
            </div>
            {move || (is_loaded.get() && events.with(Vec::is_empty)).then(|| view! { <p class="empty">{t("audit.none")}</p> })}
            {move || has_more.get().then(|| view! {
                <p><button on:click=move |_| read(events.with_untracked(|events| events.last().map(|event| event.seq)))>{t("patients.more")}</button></p>
            })}
        </Frame>
    }
}

fn outcome(text: &str) -> String {
    match text {
        "allowed" => t("audit.allowed").to_owned(),
        other => other.to_owned(),
    }
}
