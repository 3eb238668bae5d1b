//! A patient's own record: the cases that are shared, who looked, what was signed, what was asked of the practice.

use leptos::prelude::*;
use serde::Deserialize;
use serde_json::json;
use wasm_bindgen_futures::spawn_local;

use super::Session;
use super::agreements::{Releases, Signing};
use super::api::{self, Case, Failure, Patient};
use super::audit::act_in_words;
use super::dates::{day, moment};
use super::frame::{Area, Choice, Field, Frame, Read, Sure, Trouble, fixed};
use super::patient::{Answering, Requests};
use super::today::CaseList;
use crate::texts::{fill, of_word, t};

#[component]
pub(crate) fn RecordPage() -> impl IntoView {
    let session: Session = expect_context();
    let records = session.me().map(|me| me.records).unwrap_or_default();
    let is_none = records.is_empty();
    view! {
        <Frame title=t("record.title")>
            <h1>{t("record.title")}</h1>
            {is_none.then(|| view! { <p class="empty">{t("record.none")}</p> })}
            {records.into_iter().map(|record| view! { <OneRecord id=record.patient link=record.link/> }).collect_view()}
        </Frame>
    }
}

#[component]
fn OneRecord(id: String, link: String) -> impl IntoView {
    let profile = Read::<Patient>::new(format!("/api/patients/{id}"));
    let cases = Read::<Vec<Case>>::new(format!("/api/patients/{id}/cases"));
    let is_guardian = link == "guardian";
    view! {
        <article class="large">
            <Trouble of=profile.trouble/>
            {move || profile.value.get().map(|found| {
                let person = found.demographics;
                view! {
                    <p class="lead"><strong>{person.name}</strong> {is_guardian.then(|| view! { " " <span class="tag">{t("record.guardian")}</span> })}
                        <span class="quiet number">" " {person.born.as_deref().map(day)}</span></p>
                }
            })}
            <section>
                <h2>{t("record.cases")}</h2>
                {move || cases.value.get().map(|cases| if cases.is_empty() {
                    view! { <p class="quiet">{t("record.no_cases")}</p> }.into_any()
                } else {
                    view! { <CaseList cases/> }.into_any()
                })}
            </section>
            <WhoLooked patient=id.clone()/>
            <Releases patient=id.clone() signing=Signing::Signs/>
            <Connections patient=id.clone()/>
            <Ask patient=id/>
        </article>
    }
}

/// Someone who looked at a record.
#[derive(Clone, PartialEq, Deserialize)]
struct Looked {
    at: String,
    name: Option<String>,
    capacity: String,
    action: String,
}

/// Who looked at one's record, the latest first; what one person did in one minute is told once.
#[component]
fn WhoLooked(patient: String) -> impl IntoView {
    let looked = Read::<Vec<Looked>>::new(format!("/api/patients/{patient}/who-looked?limit=200"));
    let rows = move || {
        let mut rows: Vec<Looked> = Vec::new();
        for one in looked.value.get().unwrap_or_default() {
            let is_same = rows.last().is_some_and(|last| {
                last.name == one.name && last.action == one.action && last.at.get(..16) == one.at.get(..16)
            });
            if !is_same {
                rows.push(one);
            }
        }
        rows
    };
    view! {
        <section>
            <h2>{t("looked.title")}</h2>
            <p class="quiet">{t("looked.help")}</p>
            <Trouble of=looked.trouble/>
            <ul class="rows scroll" tabindex="0" aria-label=t("looked.title")>
                {move || rows().into_iter().map(|one| view! {
                    <li><span><strong>{one.name.unwrap_or_else(|| t("looked.somebody").to_owned())}</strong>
                        <span class="quiet">" " {of_word("capacity", &one.capacity)}</span>
                        <br/>{act_in_words(&one.action)}</span>
                        <span class="quiet number">{moment(&one.at)}</span></li>
                }).collect_view()}
            </ul>
            {move || looked.value.with(|all| all.as_ref().is_some_and(Vec::is_empty)).then(|| view! { <p class="empty">{t("looked.none")}</p> })}
        </section>
    }
}

/// A connection with a doctor.
#[derive(Clone, PartialEq, Deserialize)]
struct Connection {
    id: String,
    state: String,
    created: String,
}

/// Connections with doctors, which only the patient starts.
#[component]
fn Connections(patient: String) -> impl IntoView {
    let all = Read::<Vec<Connection>>::new("/api/connections");
    let doctor = RwSignal::new(String::new());
    let start = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let path = format!("/api/patients/{patient}/connections");
        all.tell(
            "POST",
            path,
            json!({ "doctor": doctor.get_untracked() }),
            move || doctor.set(String::new()),
        );
    };
    view! {
        <section>
            <h2>{t("connection.title")}</h2>
            <p class="quiet">{t("connection.help")}</p>
            <Trouble of=all.trouble/>
            <ul class="rows">
                {move || all.value.get().unwrap_or_default().into_iter().map(|one| {
                    let path = format!("/api/connections/{}", one.id);
                    let is_over = matches!(one.state.as_str(), "ended" | "declined");
                    view! {
                        <li><span>{of_word("connection_state", &one.state)} " " <span class="quiet number">{day(&one.created)}</span></span>
                            {(!is_over).then(|| view! { <Sure name=t("connection.end") loss=t("connection.loss")
                                act=Callback::new(move |()| all.act("DELETE", path.clone()))/> })}</li>
                    }
                }).collect_view()}
            </ul>
            <form class="inline-form" on:submit=start>
                <Field name=t("connection.doctor") value=doctor kind="email" required=true/>
                <button>{t("connection.start")}</button>
            </form>
        </section>
    }
}

/// What one asks of the practice: a correction, or a copy.
#[component]
fn Ask(patient: String) -> impl IntoView {
    let path = StoredValue::new(format!("/api/patients/{patient}/requests"));
    let kind = RwSignal::new("amendment".to_owned());
    let text = RwSignal::new(String::new());
    let trouble = RwSignal::new(None::<Failure>);
    let sent = RwSignal::new(0_u32);
    let ask = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        trouble.set(None);
        spawn_local(async move {
            let body = json!({ "kind": kind.get_untracked(), "text": text.get_untracked() });
            match api::tell("POST", &path.get_value(), &body).await {
                Ok(_) => {
                    text.set(String::new());
                    sent.update(|sent| *sent += 1);
                }
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    view! {
        <section>
            <h2>{t("ask.title")}</h2>
            <p class="quiet">{t("ask.help")}</p>
            {move || { sent.track(); view! { <Requests path answering=Answering::Waits/> } }}
            <form class="panel" on:submit=ask>
                <Choice name=t("ask.kind") value=kind choices=fixed(&[("amendment", t("request.amendment")), ("copy", t("request.copy"))])/>
                <Area name=t("ask.text") value=text required=true/>
                <Trouble of=trouble/>
                <p role="status">{move || (sent.get() > 0).then(|| fill(t("ask.sent"), &[]))}</p>
                <button class="primary">{t("ask.send")}</button>
            </form>
        </section>
    }
}
