//! The way in: signing in and up, and links from mails.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_navigate};
use serde_json::{Value, json};
use wasm_bindgen_futures::spawn_local;

use super::api::{self, Failure};
use super::frame::{Field, Trouble, name_page};
use super::{Session, passkeys};
use crate::texts::t;

#[component]
pub(crate) fn SignIn() -> impl IntoView {
    let is_new = RwSignal::new(false);
    let recovering = RwSignal::new(false);
    name_page(t("in.title"));
    view! {
        <main class="narrow entry">
            <p class="brand">"Vitrine"</p>
            {move || if is_new.get() {
                view! { <SignUp is_new/> }.into_any()
            } else if recovering.get() {
                view! { <Recover recovering/> }.into_any()
            } else {
                view! { <Known is_new recovering/> }.into_any()
            }}
        </main>
    }
}

#[component]
fn Known(is_new: RwSignal<bool>, recovering: RwSignal<bool>) -> impl IntoView {
    let session: Session = expect_context();
    let (email, password, code) = (text(), text(), text());
    let wants_code = RwSignal::new(false);
    let trouble = RwSignal::new(None::<Failure>);
    let busy = RwSignal::new(false);
    let send = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        busy.set(true);
        trouble.set(None);
        spawn_local(async move {
            let mut body = json!({ "email": email.get_untracked(), "password": password.get_untracked() });
            let shown = code.get_untracked();
            let shown = shown.trim();
            if !shown.is_empty() {
                // One-time codes have six digits; recovery codes are longer.
                let field = if shown.len() <= 8 { "code" } else { "recovery_code" };
                body[field] = shown.into();
            }
            match api::send::<_, Value>("POST", "/api/sign-in", &body).await {
                Ok(_) => session.ask(),
                Err(failure) if failure.code == "second_factor_required" => wants_code.set(true),
                Err(failure) => trouble.set(Some(failure)),
            }
            busy.set(false);
        });
    };
    let by_passkey = move |_| {
        busy.set(true);
        trouble.set(None);
        spawn_local(async move {
            match passkeys::sign_in().await {
                Ok(()) => session.ask(),
                Err(failure) => trouble.set(Some(failure)),
            }
            busy.set(false);
        });
    };
    view! {
        <h1>{t("in.title")}</h1>
        <form on:submit=send>
            <Field name=t("in.email") value=email kind="email" complete="username webauthn" required=true first=true/>
            <Field name=t("in.password") value=password kind="password" complete="current-password" required=true/>
            {move || wants_code.get().then(|| view! {
                <Field name=t("in.code") value=code complete="one-time-code" required=true first=true/>
                <p class="quiet">{t("in.code_help")}</p>
            })}
            <Trouble of=trouble/>
            <button class="primary" disabled=move || busy.get()>{t("in.send")}</button>
        </form>
        {passkeys::are_known().then(|| view! {
            <p class="or"><span>{t("in.or")}</span></p>
            <button class="wide" disabled=move || busy.get() on:click=by_passkey>{t("in.passkey")}</button>
        })}
        <p class="below">
            <button class="plain" on:click=move |_| is_new.set(true)>{t("in.new")}</button>
            <button class="plain" on:click=move |_| recovering.set(true)>{t("in.forgot")}</button>
        </p>
    }
}

fn text() -> RwSignal<String> {
    RwSignal::new(String::new())
}

#[component]
fn SignUp(is_new: RwSignal<bool>) -> impl IntoView {
    let (practice, name, email, password) = (text(), text(), text(), text());
    let trouble = RwSignal::new(None::<Failure>);
    let sent = RwSignal::new(None::<Option<String>>);
    let send = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        trouble.set(None);
        spawn_local(async move {
            let body = json!({
                "practice": practice.get_untracked(), "name": name.get_untracked(),
                "email": email.get_untracked(), "password": password.get_untracked(),
            });
            match api::send::<_, Value>("POST", "/api/practices", &body).await {
                Ok(answer) => sent.set(Some(demo_link(&answer))),
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    move || {
        match sent.get() {
        Some(link) => view! { <Mailed link/> }.into_any(),
        None => view! {
            <h1>{t("up.title")}</h1>
            <form on:submit=send>
                <Field name=t("up.practice") value=practice complete="organization" required=true first=true/>
                <Field name=t("up.name") value=name complete="name" required=true/>
                <Field name=t("in.email") value=email kind="email" complete="username" required=true/>
                <Field name=t("in.password") value=password kind="password" complete="new-password" required=true/>
                <p class="quiet">{t("up.password_help")}</p>
                <Trouble of=trouble/>
                <button class="primary">{t("up.send")}</button>
            </form>
            <p class="below"><button class="plain" on:click=move |_| is_new.set(false)>{t("up.known")}</button></p>
        }
        .into_any(),
    }
    }
}

#[component]
fn Recover(recovering: RwSignal<bool>) -> impl IntoView {
    let email = text();
    let trouble = RwSignal::new(None::<Failure>);
    let sent = RwSignal::new(false);
    let send = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        spawn_local(async move {
            let body = json!({ "email": email.get_untracked() });
            match api::tell("POST", "/api/recover", &body).await {
                Ok(_) => sent.set(true),
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    view! {
        <h1>{t("recover.title")}</h1>
        {move || if sent.get() {
            view! { <p role="status">{t("recover.sent")}</p> }.into_any()
        } else {
            view! {
                <form on:submit=send>
                    <Field name=t("in.email") value=email kind="email" complete="username" required=true first=true/>
                    <Trouble of=trouble/>
                    <button class="primary">{t("recover.send")}</button>
                </form>
            }.into_any()
        }}
        <p class="below"><button class="plain" on:click=move |_| recovering.set(false)>{t("recover.back")}</button></p>
    }
}

/// The link of a mail that a demonstration shows.
pub(crate) fn demo_link(answer: &Value) -> Option<String> {
    let found = answer
        .pointer("/demo_link")
        .or_else(|| answer.pointer("/mailed/demo_link"));
    found.and_then(Value::as_str).map(str::to_owned)
}

/// A mail was sent; a demonstration shows its link.
#[component]
pub(crate) fn Mailed(link: Option<String>) -> impl IntoView {
    view! {
        <p role="status">{t("mailed.text")}</p>
        {link.map(|link| view! { <p class="note">{t("mailed.demo")} " " <a href=link.clone() rel="external">{t("mailed.open")}</a></p> })}
    }
}

/// What a link of a mail leads to: `/link/PURPOSE#WORD`.
#[component]
pub(crate) fn Link() -> impl IntoView {
    let location = use_location();
    let purpose = location
        .pathname
        .get_untracked()
        .trim_start_matches("/link/")
        .to_owned();
    let word = location.hash.get_untracked().trim_start_matches('#').to_owned();
    let session: Session = expect_context();
    let (name, password) = (text(), text());
    let trouble = RwSignal::new(None::<Failure>);
    let done = RwSignal::new(false);
    let needs_account = RwSignal::new(purpose != "verify");
    let navigate = use_navigate();
    let go = {
        let purpose = purpose.clone();
        move || {
            let (purpose, word) = (purpose.clone(), word.clone());
            trouble.set(None);
            spawn_local(async move {
                let mut body = json!({ "word": word });
                let (name, password) = (name.get_untracked(), password.get_untracked());
                let path = match purpose.as_str() {
                    "verify" => "/api/verify",
                    "recover" => {
                        body["password"] = password.into();
                        "/api/reset"
                    }
                    _ => {
                        if !password.is_empty() {
                            body["name"] = name.into();
                            body["password"] = password.into();
                        }
                        "/api/accept"
                    }
                };
                match api::tell("POST", path, &body).await {
                    Ok(_) => done.set(true),
                    Err(failure) => trouble.set(Some(failure)),
                }
            });
        }
    };
    let is_reset = purpose == "recover";
    let title = match purpose.as_str() {
        "verify" => t("link.verify"),
        "recover" => t("link.reset"),
        _ => t("link.accept"),
    };
    name_page(title);
    if purpose == "verify" {
        needs_account.set(false);
        go();
    }
    let send = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        go();
    };
    let enter = move |_| {
        session.ask();
        navigate("/", leptos_router::NavigateOptions::default());
    };
    view! {
        <main class="narrow entry">
            <p class="brand">"Vitrine"</p>
            <h1>{title}</h1>
            <Trouble of=trouble/>
            {move || if done.get() {
                view! { <p role="status">{t("link.done")}</p><button class="primary" on:click=enter.clone()>{t("link.enter")}</button> }.into_any()
            } else if needs_account.get() {
                view! {
                    <form on:submit=send.clone()>
                        {(!is_reset).then(|| view! { <p class="quiet">{t("link.accept_help")}</p><Field name=t("up.name") value=name complete="name"/> })}
                        <Field name=t("in.password") value=password kind="password" complete="new-password" required=is_reset/>
                        <button class="primary">{t("link.send")}</button>
                    </form>
                }.into_any()
            } else {
                ().into_any()
            }}
        </main>
    }
}
