//! Patients: the list, and one with the cases.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_params_map};
use serde_json::{Value, json};
use wasm_bindgen_futures::spawn_local;

use super::api::{self, Case, Demographics, Failure, Page, Patient};
use super::sign_in::{Mailed, demo_link};
use super::today::CaseList;
use super::{Field, Frame, Session, Trouble, day};
use crate::texts::t;

#[component]
pub(crate) fn Patients() -> impl IntoView {
    let session: Session = expect_context();
    let practice = session
        .me()
        .and_then(|me| me.memberships.first().map(|member| member.practice.clone()));
    let Some(practice) = practice else {
        return view! { <Frame><h1>{t("patients.title")}</h1><p>{t("patients.no_practice")}</p></Frame> }
            .into_any();
    };
    let search = RwSignal::new(String::new());
    let patients = RwSignal::new(Vec::<Patient>::new());
    let next = RwSignal::new(None::<String>);
    let is_loaded = RwSignal::new(false);
    let trouble = RwSignal::new(None::<Failure>);
    let path = format!("/api/practices/{practice}/patients");
    let load = {
        let path = path.clone();
        move |words: String, after: Option<String>| {
            let mut address = format!("{path}?limit=50&q={}", encoded(&words));
            if let Some(after) = &after {
                address.push_str(&format!("&after={}", encoded(after)));
            }
            spawn_local(async move {
                match api::get::<Page<Patient>>(&address).await {
                    // An answer to an older question comes too late.
                    Ok(_) if search.get_untracked() != words => {}
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
        }
    };
    load(String::new(), None);
    let more = load.clone();
    let asked = move |event| {
        let words = event_target_value(&event);
        search.set(words.clone());
        load(words, None);
    };
    let adding = RwSignal::new(false);
    view! {
        <Frame>
            <div class="title-row"><h1>{t("patients.title")}</h1>
                <button class="primary" on:click=move |_| adding.update(|adding| *adding = !*adding)>{t("patients.new")}</button></div>
            {move || adding.get().then(|| view! { <NewPatient path=path.clone()/> })}
            <label class="field"><span>{t("patients.search")}</span>
                <input type="search" prop:value=move || search.get() on:input=asked/></label>
            <Trouble of=trouble/>
            <ul class="cards">
                {move || patients.get().into_iter().map(|patient| view! {
                    <li><A href=format!("/patients/{}", patient.id) attr:class="card">
                        <strong>{patient.demographics.name.clone()}</strong>
                        <span class="quiet number">{patient.demographics.born.as_deref().map(day)}</span>
                    </A></li>
                }).collect_view()}
            </ul>
            {move || (is_loaded.get() && patients.with(Vec::is_empty)).then(|| view! { <p class="quiet">{t("patients.none")}</p> })}
            {move || next.get().map(|after| {
                let more = more.clone();
                view! { <button on:click=move |_| more(search.get_untracked(), Some(after.clone()))>{t("patients.more")}</button> }
            })}
        </Frame>
    }
    .into_any()
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
            <Field name=t("patients.name") value=name required=true/>
            <Field name=t("patients.born") value=born kind="date"/>
            <Trouble of=trouble/>
            <button class="primary">{t("patients.add")}</button>
        </form>
    }
}

#[component]
pub(crate) fn PatientPage() -> impl IntoView {
    let session: Session = expect_context();
    let id = use_params_map().with_untracked(|params| params.get("id").unwrap_or_default());
    let practice = session
        .me()
        .and_then(|me| me.memberships.first().map(|member| member.practice.clone()));
    let patient = RwSignal::new(None::<Patient>);
    let cases = RwSignal::new(None::<Vec<Case>>);
    let trouble = RwSignal::new(None::<Failure>);
    {
        let id = id.clone();
        spawn_local(async move {
            match api::get::<Patient>(&format!("/api/patients/{id}")).await {
                Ok(found) => patient.set(Some(found)),
                Err(failure) => trouble.set(Some(failure)),
            }
            if let Some(practice) = practice {
                let path = format!("/api/practices/{practice}/cases?limit=100&patient={id}");
                match api::get::<Page<Case>>(&path).await {
                    Ok(page) => cases.set(Some(page.items)),
                    Err(failure) => trouble.set(Some(failure)),
                }
            }
        });
    }
    let (title, date) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let navigate = use_navigate();
    let open = {
        let id = id.clone();
        move |event: web_sys::SubmitEvent| {
            event.prevent_default();
            let (path, navigate) = (format!("/api/patients/{id}/cases"), navigate.clone());
            spawn_local(async move {
                let date = date.get_untracked();
                let mut body = json!({ "title": title.get_untracked() });
                if !date.is_empty() {
                    body["date"] = date.into();
                }
                match api::send::<_, Case>("POST", &path, &body).await {
                    Ok(case) => navigate(
                        &format!("/cases/{}", case.id),
                        leptos_router::NavigateOptions::default(),
                    ),
                    Err(failure) => trouble.set(Some(failure)),
                }
            });
        }
    };
    view! {
        <Frame>
            <Trouble of=trouble/>
            {move || patient.get().map(|patient| {
                let person = patient.demographics;
                view! {
                    <h1>{person.name}</h1>
                    <p class="quiet number">{person.born.as_deref().map(day)} "  " {person.sex} "  " {person.contact}</p>
                }
            })}
            <h2>{t("patient.cases")}</h2>
            {move || cases.get().map(|cases| if cases.is_empty() {
                view! { <p class="quiet">{t("patient.no_cases")}</p> }.into_any()
            } else {
                view! { <CaseList cases/> }.into_any()
            })}
            <form class="panel" on:submit=open>
                <h2>{t("patient.new_case")}</h2>
                <Field name=t("patient.case_title") value=title required=true/>
                <Field name=t("patient.case_date") value=date kind="date"/>
                <button class="primary">{t("patient.open_case")}</button>
            </form>
            {move || patient.get().map(|patient| view! { <InvitePatient id=patient.id name=patient.demographics.name/> })}
        </Frame>
    }
}

/// Invites the person to see what is shared.
#[component]
fn InvitePatient(id: String, name: String) -> impl IntoView {
    let email = RwSignal::new(String::new());
    let trouble = RwSignal::new(None::<Failure>);
    let sent = RwSignal::new(None::<Option<String>>);
    let send = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let path = format!("/api/patients/{id}/people");
        let body = json!({ "email": email.get_untracked(), "name": name });
        spawn_local(async move {
            match api::send::<_, Value>("POST", &path, &body).await {
                Ok(answer) => sent.set(Some(demo_link(&answer))),
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    view! {
        <form class="panel" on:submit=send>
            <h2>{t("patient.invite")}</h2>
            <p class="quiet">{t("patient.invite_help")}</p>
            <Field name=t("in.email") value=email kind="email" required=true/>
            <Trouble of=trouble/>
            {move || sent.get().map(|link| view! { <Mailed link/> })}
            <button>{t("patient.invite_send")}</button>
        </form>
    }
}
