//! What belongs to a person alone: connections with others, and captures that go over them or into a case.

use leptos::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Session;
use super::api::{Case, Item, Page};
use super::case_items::Files;
use super::dates::day;
use super::frame::{Choice, Field, Read, Sure, Trouble};
use super::thumbnail::Thumbnail;
use super::upload::Upload;
use super::upload_list::UploadList;
use super::viewer::is_shown;
use crate::texts::{fill, of_word, t};

/// A connection with somebody.
#[derive(Clone, PartialEq, Deserialize)]
struct Connection {
    id: String,
    patient: String,
    doctor: String,
    /// What the other of the two is called.
    name: Option<String>,
    state: String,
    created: String,
}

/// What is one's own: as the patient of the profile `patient`, who starts connections, or as a doctor, who answers.
#[component]
pub(crate) fn Own(patient: Option<String>) -> impl IntoView {
    let all = Read::<Vec<Connection>>::new("/api/connections");
    let captures = Read::<Vec<Item>>::new("/api/space/captures");
    let is_patient = patient.is_some();
    let is_shown = move || {
        let has_nothing = all.value.with(|all| all.as_ref().is_none_or(Vec::is_empty))
            && captures.value.with(|all| all.as_ref().is_none_or(Vec::is_empty));
        is_patient || !has_nothing
    };
    view! {
        {move || is_shown().then(|| view! {
            <Connections all patient=patient.clone()/>
            <Captures captures all is_patient/>
        })}
    }
}

/// Connections: only the patient starts one, the doctor accepts it, either ends it.
#[component]
fn Connections(all: Read<Vec<Connection>>, patient: Option<String>) -> impl IntoView {
    let session: Session = expect_context();
    let me = StoredValue::new(session.me().map(|me| me.id).unwrap_or_default());
    let row = move |one: Connection| {
        let path = StoredValue::new(format!("/api/connections/{}", one.id));
        let is_over = matches!(one.state.as_str(), "ended" | "declined");
        let answers = one.doctor == me.get_value() && one.state == "asked";
        let answer = move |accept: bool| {
            let path = format!("{}/answer", path.get_value());
            all.tell("POST", path, json!({ "accept": accept }), || {});
        };
        view! {
            <li><span><strong>{one.name}</strong> " " <span class="quiet number">{of_word("connection_state", &one.state)} " · " {day(&one.created)}</span></span>
                {answers.then(|| view! { <button on:click=move |_| answer(true)>{t("connection.accept")}</button>
                    <button class="plain" on:click=move |_| answer(false)>{t("connection.decline")}</button> })}
                {(!is_over && !answers).then(|| view! { <Sure name=t("connection.end") loss=t("connection.loss")
                    act=Callback::new(move |()| all.act("DELETE", path.get_value()))/> })}</li>
        }
    };
    let (title, help) = match patient {
        Some(_) => (t("connection.title"), t("connection.help")),
        None => (t("connection.of_doctor"), t("connection.doctor_help")),
    };
    view! {
        <section>
            <h2>{title}</h2>
            <p class="quiet">{help}</p>
            <Trouble of=all.trouble/>
            <ul class="rows">{move || all.value.get().unwrap_or_default().into_iter().map(row).collect_view()}</ul>
            {patient.map(|patient| view! { <Start patient all/> })}
        </section>
    }
}

#[component]
fn Start(patient: String, all: Read<Vec<Connection>>) -> impl IntoView {
    let doctor = RwSignal::new(String::new());
    let start = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let path = format!("/api/patients/{patient}/connections");
        let body = json!({ "doctor": doctor.get_untracked() });
        all.tell("POST", path, body, move || doctor.set(String::new()));
    };
    view! {
        <form class="inline-form" on:submit=start>
            <Field name=t("connection.doctor") value=doctor kind="email" required=true/>
            <button>{t("connection.start")}</button>
        </form>
    }
}

/// The captures of one's own space.
#[component]
fn Captures(captures: Read<Vec<Item>>, all: Read<Vec<Connection>>, is_patient: bool) -> impl IntoView {
    let session: Session = expect_context();
    let cases = RwSignal::new(Vec::new());
    if let Some(practice) = session.practice().filter(|_| !is_patient) {
        let read = Read::<Page<Case>>::new(format!(
            "/api/practices/{}/cases?state=open&limit=100",
            practice.practice
        ));
        Effect::new(move |_| cases.set(read.value.get().map(|page| page.items).unwrap_or_default()));
    }
    let me = session.me().map(|me| me.id).unwrap_or_default();
    // Where a capture can go: its place, and what that is called.
    let places = Signal::derive(move || {
        let mut places = vec![(String::new(), t("capture.choose").to_owned())];
        for one in all.value.get().unwrap_or_default() {
            if one.state == "active" {
                let name = one.name.unwrap_or_default();
                let other = if one.doctor == me { one.patient } else { one.doctor };
                places.push((other, fill(t("capture.to"), &[("name", &name)])));
            }
        }
        for case in cases.get() {
            let case: Case = case;
            places.push((
                format!("case {}", case.id),
                fill(t("capture.into"), &[("name", &case.title)]),
            ));
        }
        places
    });
    let upload = Upload::into_space(move || captures.again());
    view! {
        <section>
            <h2>{t("capture.title")}</h2>
            <p class="quiet">{if is_patient { t("capture.help") } else { t("capture.doctor_help") }}</p>
            <Trouble of=captures.trouble/>
            <ul class="rows">
                {move || captures.value.get().unwrap_or_default().into_iter().map(|item| view! { <Capture item captures places/> }).collect_view()}
            </ul>
            <UploadList upload/>
        </section>
    }
}

#[component]
fn Capture(item: Item, captures: Read<Vec<Item>>, places: Signal<Vec<(String, String)>>) -> impl IntoView {
    let path = StoredValue::new(format!("/api/captures/{}", item.id));
    let place = RwSignal::new(String::new());
    let (sent, shows_face) = (RwSignal::new(false), RwSignal::new(false));
    let give = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let to = place.get_untracked();
        let (verb, body) = match to.strip_prefix("case ") {
            Some(case) => {
                let biometric = if shows_face.get_untracked() {
                    "face_or_head"
                } else {
                    "no"
                };
                ("file", json!({ "case": case, "biometric": biometric }))
            }
            None => ("transfer", json!({ "to": to })),
        };
        if !to.is_empty() {
            sent.set(false);
            captures.tell("POST", format!("{}/{verb}", path.get_value()), body, move || {
                sent.set(true)
            });
        }
    };
    let title = item.name.clone();
    let name = match is_shown(&item) {
        true => {
            let path = format!("/captures/{}", item.id);
            view! { <a href=path rel="external">{title}</a> }.into_any()
        }
        false => view! { <strong>{title}</strong> }.into_any(),
    };
    let remove = Callback::new(move |()| captures.tell("DELETE", path.get_value(), Value::Null, || {}));
    view! {
        <li><div class="pictured"><Thumbnail item=item.clone()/>
                <div>{name}
                    <p class="quiet number">{of_word("kind", &item.kind)} " · " {day(&item.created)}</p>
                    {(!item.own).then(|| view! { <p class="quiet">{t("item.others")}</p> })}</div></div>
            <Sure name=t("item.delete") loss=t("capture.loss") act=remove/>
            <form class="inline-form all" on:submit=give>
                <Choice name=t("capture.give") value=place choices=places/>
                {move || place.with(|place| place.starts_with("case ")).then(|| view! {
                    <label class="check"><input type="checkbox" on:change=move |event| shows_face.set(event_target_checked(&event))/>{t("upload.face")}</label>
                })}
                <button>{t("capture.send")}</button>
                <span role="status">{move || sent.get().then(|| t("capture.sent"))}</span>
            </form>
            {item.own.then(|| view! { <details class="all more"><summary>{t("item.more")}</summary><Files path=path.get_value()/></details> })}</li>
    }
}
