//! A practice: who works there, inviting more, and how long records are kept.

use leptos::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_bindgen_futures::spawn_local;

use super::Session;
use super::api::{self, Failure};
use super::dates::size;
use super::frame::{Choice, Field, Frame, Read, Sure, Trouble, fixed};
use super::sign_in::{Mailed, demo_link};
use crate::texts::{fill, of_word, t};

/// Someone who works in a practice.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Member {
    pub(crate) user: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: String,
    pub(crate) state: String,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Practice {
    name: String,
    retention_years: u8,
    majority_years: u8,
    kept_bytes: f64,
    quota_bytes: f64,
}

/// What members can be.
pub(crate) fn roles() -> Signal<Vec<(String, String)>> {
    fixed(&[
        ("clinician", t("role.clinician")),
        ("staff", t("role.staff")),
        ("administrator", t("role.administrator")),
    ])
}

#[component]
pub(crate) fn PracticePage() -> impl IntoView {
    let session: Session = expect_context();
    move || {
        match session.practice() {
        Some(practice) => {
            let is_administrator = practice.role == "administrator";
            view! { <Shown id=practice.practice is_administrator/> }.into_any()
        }
        None => view! { <Frame title=t("practice.title")><h1>{t("practice.title")}</h1><p>{t("patients.no_practice")}</p></Frame> }.into_any(),
    }
    }
}

#[component]
fn Shown(id: String, is_administrator: bool) -> impl IntoView {
    let path = StoredValue::new(format!("/api/practices/{id}"));
    let practice = Read::<Practice>::new(path.get_value());
    let members = Read::<Vec<Member>>::new(format!("{}/members", path.get_value()));
    let name = Signal::derive(move || {
        practice
            .value
            .with(|found| found.as_ref().map(|found| found.name.clone()).unwrap_or_default())
    });
    view! {
        <Frame title=name>
            <h1>{name}</h1>
            <Trouble of=practice.trouble/>
            {move || practice.value.get().map(|found| view! {
                <p class="quiet number">{fill(t("practice.kept"), &[("kept", &size(found.kept_bytes)), ("quota", &size(found.quota_bytes))])}</p>
            })}
            <section>
                <h2>{t("practice.members")}</h2>
                <Trouble of=members.trouble/>
                <ul class="rows">
                    {move || members.value.get().unwrap_or_default().into_iter().filter(|one| one.state != "left").map(|one| view! {
                        <MemberRow member=one members path is_administrator/>
                    }).collect_view()}
                </ul>
                {is_administrator.then(|| view! { <Invite members path/> })}
            </section>
            {move || practice.value.get().filter(|_| is_administrator).map(|found| view! { <Settings practice=found path read=practice/> })}
        </Frame>
    }
}

#[component]
fn MemberRow(
    member: Member,
    members: Read<Vec<Member>>,
    path: StoredValue<String>,
    is_administrator: bool,
) -> impl IntoView {
    let session: Session = expect_context();
    let is_me = session.me().is_some_and(|me| me.id == member.user);
    let place = StoredValue::new(format!("{}/members/{}", path.get_value(), member.user));
    let role = RwSignal::new(member.role.clone());
    let is_active = member.state == "active";
    let change = move |event| {
        let word = event_target_value(&event);
        members.tell("PUT", place.get_value(), json!({ "role": word }), || {});
    };
    let loss = fill(t("member.loss"), &[("name", &member.name)]);
    let label = fill(t("member.role_of"), &[("name", &member.name)]);
    view! {
        <li>
            <span><strong>{member.name}</strong> " " <span class="quiet">{member.email}</span>
                {(!is_active).then(|| view! { " " <span class="tag">{t("member.invited")}</span> })}
                {is_me.then(|| view! { " " <span class="tag">{t("member.you")}</span> })}</span>
            {if is_administrator && is_active && !is_me {
                view! {
                    <span class="actions">
                        <select class="small" aria-label=label prop:value=move || role.get() on:change=change>
                            {roles().get_untracked().into_iter().map(|(word, text)| {
                                let selected = word == role.get_untracked();
                                view! { <option value=word selected=selected>{text}</option> }
                            }).collect_view()}
                        </select>
                        <Sure name=t("member.remove") loss act=Callback::new(move |()| members.act("DELETE", place.get_value()))/>
                    </span>
                }.into_any()
            } else {
                view! { <span class="quiet">{of_word("role", &member.role)}</span> }.into_any()
            }}
        </li>
    }
}

#[component]
fn Invite(members: Read<Vec<Member>>, path: StoredValue<String>) -> impl IntoView {
    let (email, name) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let role = RwSignal::new("clinician".to_owned());
    let trouble = RwSignal::new(None::<Failure>);
    let sent = RwSignal::new(None::<Option<String>>);
    let invite = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        trouble.set(None);
        sent.set(None);
        let body = json!({ "email": email.get_untracked(), "name": name.get_untracked(), "role": role.get_untracked() });
        spawn_local(async move {
            match api::send::<_, Value>("POST", &format!("{}/members", path.get_value()), &body).await {
                Ok(answer) => {
                    sent.set(Some(demo_link(&answer)));
                    email.set(String::new());
                    name.set(String::new());
                    members.again();
                }
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    view! {
        <form class="panel" on:submit=invite>
            <h3>{t("member.invite")}</h3>
            <Field name=t("member.name") value=name required=true/>
            <Field name=t("in.email") value=email kind="email" required=true/>
            <Choice name=t("member.role") value=role choices=roles()/>
            <p class="quiet">{t("member.role_help")}</p>
            <Trouble of=trouble/>
            {move || sent.get().map(|link| view! { <Mailed link/> })}
            <button class="primary">{t("people.send")}</button>
        </form>
    }
}

#[component]
fn Settings(practice: Practice, path: StoredValue<String>, read: Read<Practice>) -> impl IntoView {
    let session: Session = expect_context();
    let name = RwSignal::new(practice.name);
    let years = RwSignal::new(practice.retention_years.to_string());
    let majority = RwSignal::new(practice.majority_years.to_string());
    let rename = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        read.tell(
            "PUT",
            path.get_value(),
            json!({ "name": name.get_untracked() }),
            move || session.ask(),
        );
    };
    let retain = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let number = |signal: RwSignal<String>| signal.get_untracked().parse::<u8>().unwrap_or(0);
        let body = json!({ "retention_years": number(years), "majority_years": number(majority) });
        read.tell("PUT", format!("{}/retention", path.get_value()), body, || {});
    };
    view! {
        <section>
            <h2>{t("practice.settings")}</h2>
            <form class="inline-form" on:submit=rename>
                <Field name=t("practice.name") value=name required=true/>
                <button>{t("account.keep")}</button>
            </form>
            <form class="inline-form" on:submit=retain>
                <Field name=t("practice.retention") value=years kind="number" required=true/>
                <Field name=t("practice.majority") value=majority kind="number" required=true/>
                <button>{t("account.keep")}</button>
            </form>
            <p class="quiet">{t("practice.retention_help")}</p>
        </section>
    }
}
