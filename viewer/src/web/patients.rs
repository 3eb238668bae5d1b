//! Patients: the list, searched and paged, and adding one.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_query_map};
use wasm_bindgen_futures::spawn_local;

use super::Session;
use super::api::{self, Demographics, Failure, Page, Patient};
use super::dates::day;
use super::frame::{Field, Frame, Trouble};
use crate::texts::t;

#[component]
pub(crate) fn Patients() -> impl IntoView {
    let session: Session = expect_context();
    move || {
        match session.practice() {
        Some(practice) => view! { <Shown practice=practice.practice/> }.into_any(),
        None => view! { <Frame title=t("patients.title")><h1>{t("patients.title")}</h1><p>{t("patients.no_practice")}</p></Frame> }.into_any(),
    }
    }
}

#[component]
fn Shown(practice: String) -> impl IntoView {
    let search = RwSignal::new(String::new());
    let patients = RwSignal::new(Vec::<Patient>::new());
    let next = RwSignal::new(None::<String>);
    let is_loaded = RwSignal::new(false);
    let trouble = RwSignal::new(None::<Failure>);
    let path = StoredValue::new(format!("/api/practices/{practice}/patients"));
    let load = move |words: String, after: Option<String>| {
        let mut address = format!("{}?limit=50&q={}", path.get_value(), encoded(&words));
        if let Some(after) = &after {
            address.push_str(&format!("&after={}", encoded(after)));
        }
        spawn_local(async move {
            match api::get::<Page<Patient>>(&address).await {
                // An answer to an older question comes too late, as does one to a page that is gone.
                Ok(_) if search.try_get_untracked() != Some(words) => {}
                Ok(page) => {
                    patients.update(|patients| {
                        if after.is_none() {
                            patients.clear();
                        }
                        patients.extend(page.items);
                    });
                    next.set(page.next);
                    is_loaded.set(true);
                }
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    load(String::new(), None);
    let asked = move |event| {
        let words = event_target_value(&event);
        search.set(words.clone());
        load(words, None);
    };
    let adding = RwSignal::new(use_query_map().with_untracked(|query| query.get("new").is_some()));
    let is_empty = move || is_loaded.get() && patients.with(Vec::is_empty);
    view! {
        <Frame title=t("patients.title")>
            <div class="title-row"><h1>{t("patients.title")}</h1>
                <button class="primary" aria-expanded=move || adding.get().to_string()
                    on:click=move |_| adding.update(|adding| *adding = !*adding)>{t("patients.new")}</button></div>
            {move || adding.get().then(|| view! { <NewPatient path=path.get_value()/> })}
            <label class="field"><span>{t("patients.search")}</span>
                <input type="search" prop:value=move || search.get() on:input=asked/></label>
            <Trouble of=trouble/>
            <p class="hidden" role="status">{move || is_loaded.get().then(|| super::dates::count(patients.with(Vec::len), t("patients.one"), t("patients.many")))}</p>
            <ul class="cards">
                {move || patients.get().into_iter().map(|patient| view! { <PatientRow patient/> }).collect_view()}
            </ul>
            {move || is_empty().then(|| view! {
                <p class="empty">{if search.with(String::is_empty) { t("patients.empty") } else { t("patients.none") }}</p>
            })}
            {move || next.get().map(|after| view! {
                <p><button on:click=move |_| load(search.get_untracked(), Some(after.clone()))>{t("patients.more")}</button></p>
            })}
        </Frame>
    }
}

/// A patient in a list: the name and the day of birth.
#[component]
pub(crate) fn PatientRow(patient: Patient) -> impl IntoView {
    let born = patient.demographics.born.as_deref().map(day);
    view! {
        <li><A href=format!("/patients/{}", patient.id) attr:class="card">
            <strong>{patient.demographics.name}</strong>
            <span class="quiet number">{born}</span>
        </A></li>
    }
}

fn encoded(text: &str) -> String {
    String::from(js_sys::encode_uri_component(text))
}

#[component]
fn NewPatient(path: String) -> impl IntoView {
    let (name, born) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let trouble = RwSignal::new(None::<Failure>);
    let navigate = use_navigate();
    let send = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let (path, navigate) = (path.clone(), navigate.clone());
        spawn_local(async move {
            let born = born.get_untracked();
            let body = Demographics {
                name: name.get_untracked(),
                born: (!born.is_empty()).then_some(born),
                ..Demographics::default()
            };
            match api::send::<_, Patient>("POST", &path, &body).await {
                Ok(patient) => navigate(
                    &format!("/patients/{}", patient.id),
                    leptos_router::NavigateOptions::default(),
                ),
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    view! {
        <form class="panel" on:submit=send>
            <Field name=t("patients.name") value=name required=true first=true/>
            <Field name=t("patients.born") value=born kind="date"/>
            <Trouble of=trouble/>
            <button class="primary">{t("patients.add")}</button>
        </form>
    }
}
