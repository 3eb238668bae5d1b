//! The start: the cases that one may see, the latest first.

use leptos::prelude::*;
use leptos_router::components::A;
use wasm_bindgen_futures::spawn_local;

use super::Session;
use super::api::{self, Case, Failure, Page, Patient};
use super::dates::day;
use super::frame::{Frame, Read, Trouble};
use super::news::NewsList;
use super::own::Own;
use super::patients::PatientRow;
use crate::texts::t;

#[component]
pub(crate) fn Today() -> impl IntoView {
    let session: Session = expect_context();
    view! {
        <Frame title=t("today.title")>
            <h1>{t("today.title")}</h1>
            <NewsList/>
            {move || session.practice().map(|practice| view! { <OfPractice practice=practice.practice/> })}
            <Cases title=t("today.invited") path="/api/cases?as=collaborator"/>
            <Cases title=t("today.own") path="/api/cases?as=patient"/>
            {move || session.practice().is_some().then(|| view! { <Own patient=None/> })}
            {move || session.practice().is_none().then(|| view! { <p class="quiet">{t("today.shared_help")}</p> })}
            {move || session.me().is_some_and(|me| !me.records.is_empty()).then(|| view! {
                <p><A href="/record" attr:class="button">{t("today.record")}</A></p>
            })}
        </Frame>
    }
}

/// The latest cases and patients of the practice, searched and paged.
#[component]
fn OfPractice(practice: String) -> impl IntoView {
    let patients = Read::<Page<Patient>>::new(format!("/api/practices/{practice}/patients?limit=6"));
    let is_new = move || {
        patients
            .value
            .with(|page| page.as_ref().is_some_and(|page| page.items.is_empty()))
    };
    view! {
        {move || is_new().then(|| view! {
            <section class="empty"><p>{t("today.first")}</p>
                <p><A href="/patients?new" attr:class="button primary">{t("patients.new")}</A></p></section>
        })}
        {move || (patients.value.with(Option::is_some) && !is_new()).then(|| view! { <Search practice=practice.clone()/> })}
        {move || patients.value.get().filter(|page| !page.items.is_empty()).map(|page| view! {
            <section>
                <h2>{t("today.patients_latest")}</h2>
                <ul class="cards">
                    {page.items.into_iter().map(|patient| view! { <PatientRow patient/> }).collect_view()}
                </ul>
                <p><A href="/patients" attr:class="button">{t("today.patients")}</A></p>
            </section>
        })}
    }
}

/// Rows of a page of cases.
const ROWS: usize = 20;

#[component]
fn Search(practice: String) -> impl IntoView {
    let (words, state) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let cases = RwSignal::new(None::<Vec<Case>>);
    let next = RwSignal::new(None::<String>);
    let trouble = RwSignal::new(None::<Failure>);
    let path = StoredValue::new(format!("/api/practices/{practice}/cases?limit={ROWS}"));
    let read = move |after: Option<String>| {
        // Nothing where the page is gone.
        let now = move || Some((words.try_get_untracked()?, state.try_get_untracked()?));
        let asked = (words.get_untracked(), state.get_untracked());
        let mut address = path.get_value();
        for (name, value) in [
            ("q", asked.0.as_str()),
            ("state", &asked.1),
            ("after", after.as_deref().unwrap_or("")),
        ] {
            if !value.is_empty() {
                address.push_str(&format!(
                    "&{name}={}",
                    String::from(js_sys::encode_uri_component(value))
                ));
            }
        }
        spawn_local(async move {
            match api::get::<Page<Case>>(&address).await {
                // An answer to an older question comes too late.
                Ok(_) if now() != Some(asked) => {}
                Ok(page) => {
                    let before = if after.is_some() {
                        cases.get_untracked().unwrap_or_default()
                    } else {
                        Vec::new()
                    };
                    cases.set(Some(before.into_iter().chain(page.items).collect()));
                    next.set(page.next);
                }
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    Effect::new(move |_| {
        words.track();
        state.track();
        read(None);
    });
    let is_narrowed = move || !words.get().is_empty() || !state.get().is_empty();
    view! {
        <section class="list-space" aria-busy=move || cases.with(Option::is_none).to_string()>
            <h2>{t("today.practice")}</h2>
            <div class="filters">
                <label class="field"><span>{t("cases.search")}</span>
                    <input type="search" prop:value=move || words.get() on:input=move |event| words.set(event_target_value(&event))/></label>
                <label class="field"><span>{t("cases.state")}</span>
                    <select on:change=move |event| state.set(event_target_value(&event))>
                        <option value="">{t("cases.all")}</option>
                        <option value="open">{t("cases.open")}</option>
                        <option value="closed">{t("cases.closed")}</option>
                    </select></label>
            </div>
            <Trouble of=trouble/>
            {move || cases.get().map(|cases| match cases.is_empty() {
                true if is_narrowed() => view! { <p class="quiet">{t("cases.none")}</p> }.into_any(),
                true => view! { <p class="quiet">{t("today.none")}</p> }.into_any(),
                false => view! { <CaseList cases/> }.into_any(),
            })}
            {move || next.get().map(|after| view! {
                <p><button on:click=move |_| read(Some(after.clone()))>{t("patients.more")}</button></p>
            })}
        </section>
    }
}

/// A list of cases of others; one without any is left out.
#[component]
fn Cases(title: &'static str, path: &'static str) -> impl IntoView {
    let cases = Read::<Page<Case>>::new(path);
    view! {
        <Trouble of=cases.trouble/>
        {move || cases.value.get().filter(|page| !page.items.is_empty()).map(|page| view! {
            <section><h2>{title}</h2><CaseList cases=page.items/></section>
        })}
    }
}

/// Cases as rows.
#[component]
fn CaseList(cases: Vec<Case>) -> impl IntoView {
    view! {
        <ul class="cards">
            {cases.into_iter().map(|case| {
                let when = case.date.as_deref().map(day).unwrap_or_default();
                view! {
                    <li><A href=format!("/cases/{}", case.id) attr:class="card">
                        <strong>{case.title}</strong>
                        {(case.state == "closed").then(|| view! { <span class="tag">{t("case.closed")}</span> })}
                        {(case.sharing == "with_patient").then(|| view! { <span class="tag">{t("case.shared")}</span> })}
                        <span class="quiet number">{when}</span>
                    </A></li>
                }
            }).collect_view()}
        </ul>
    }
}
