//! A patient's own record: the cases that are shared, who looked, what was signed, what was asked of the practice.

use leptos::prelude::*;
use serde::Deserialize;
use serde_json::json;
use wasm_bindgen_futures::spawn_local;

use super::Session;
use super::agreements::{Releases, Signing};
use super::api::{self, Case, Failure, Item, Patient, SavedTour};
use super::audit::act_in_words;
use super::dates::{day, last_day, moment};
use super::frame::{Area, Choice, Frame, Read, Trouble, fixed};
use super::own::Own;
use super::patient::{Answering, Requests};
use super::thumbnail::Thumbnail;
use super::viewer::is_shown;
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
                    cases.into_iter().map(|case| view! { <Shared case/> }).collect_view().into_any()
                })}
            </section>
            <WhoSees patient=id.clone()/>
            <WhoLooked patient=id.clone()/>
            <Releases patient=id.clone() signing=Signing::Signs/>
            <Own patient=Some(id.clone())/>
            <Ask patient=id/>
        </article>
    }
}

/// A case that is shared: a large picture that opens it, and being shown around where somebody has made a tour.
#[component]
fn Shared(case: Case) -> impl IntoView {
    let path = format!("/api/cases/{}", case.id);
    let items = Read::<Vec<Item>>::new(format!("{path}/items"));
    let tours = Read::<Vec<SavedTour>>::new(format!("{path}/tours"));
    let view_path = StoredValue::new(format!("/cases/{}/view", case.id));
    let has_tour = move || {
        tours
            .value
            .with(|tours| tours.as_ref().is_some_and(|tours| !tours.is_empty()))
    };
    let first = move || {
        let items = items.value.get().unwrap_or_default();
        items.into_iter().find(is_shown)
    };
    view! {
        <h3>{case.title} " " <span class="quiet number">{case.date.as_deref().map(day)}</span></h3>
        {move || first().map(|item| view! {
            <a href=view_path.get_value() rel="external" class="stage-card"><Thumbnail item/><span class="button primary">{t("case.open")}</span></a>
        })}
        {move || has_tour().then(|| view! {
            <p class="note"><a href=format!("{}#tour", view_path.get_value()) rel="external" class="button wide">{t("record.around")}</a></p>
        })}
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

/// Someone who can look at a record.
#[derive(Clone, PartialEq, Deserialize)]
struct Seer {
    name: Option<String>,
    capacity: String,
    title: Option<String>,
    until: Option<String>,
}

/// Who can look at one's record now, and why.
#[component]
fn WhoSees(patient: String) -> impl IntoView {
    let seers = Read::<Vec<Seer>>::new(format!("/api/patients/{patient}/who-sees"));
    let row = |one: Seer| {
        let mut why = of_word("capacity", &one.capacity).unwrap_or_default().to_owned();
        if let Some(title) = one.title {
            why.push_str(" · ");
            why.push_str(&title);
        }
        if let Some(until) = one.until {
            why.push_str(" · ");
            why.push_str(&fill(t("sees.until"), &[("day", &day(&last_day(&until)))]));
        }
        view! { <li><strong>{one.name}</strong><span class="quiet number">{why}</span></li> }
    };
    view! {
        <section>
            <h2>{t("sees.title")}</h2>
            <p class="quiet">{t("sees.help")}</p>
            <Trouble of=seers.trouble/>
            <ul class="rows">{move || seers.value.get().unwrap_or_default().into_iter().map(row).collect_view()}</ul>
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
