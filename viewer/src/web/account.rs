//! One's own account: the second factor, where one is signed in, what was accepted.

use leptos::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_bindgen_futures::spawn_local;

use super::api::{self, Failure};
use super::{Field, Frame, Session, Trouble, day};
use crate::texts::t;

#[derive(Clone, Deserialize)]
struct SignedIn {
    id: String,
    present: bool,
    seen: String,
    address: String,
    agent: String,
}

#[component]
pub(crate) fn Account() -> impl IntoView {
    let session: Session = expect_context();
    let me = session.me();
    let sign_ins = RwSignal::new(Vec::<SignedIn>::new());
    let trouble = RwSignal::new(None::<Failure>);
    let load = move || {
        spawn_local(async move {
            match api::get("/api/me/sign-ins").await {
                Ok(found) => sign_ins.set(found),
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    load();
    view! {
        <Frame>
            {me.map(|me| view! { <h1>{me.name}</h1><p class="quiet">{me.email}</p> })}
            <h2>{t("account.sign_ins")}</h2>
            <Trouble of=trouble/>
            <ul class="rows">
                {move || sign_ins.get().into_iter().map(|one| {
                    let end = move |_| {
                        let path = format!("/api/me/sign-ins/{}", one.id);
                        spawn_local(async move {
                            match api::act("DELETE", &path).await {
                                Ok(_) => load(),
                                Err(failure) => trouble.set(Some(failure)),
                            }
                        });
                    };
                    view! {
                        <li><span>{one.agent.clone()} " " <span class="quiet number">{one.address.clone()} " · " {day(&one.seen)}</span></span>
                            {if one.present {
                                view! { <span class="tag">{t("account.present")}</span> }.into_any()
                            } else {
                                view! { <button on:click=end>{t("account.end")}</button> }.into_any()
                            }}</li>
                    }
                }).collect_view()}
            </ul>
            <h2>{t("account.factor")}</h2>
            <Enrol/>
        </Frame>
    }
}

/// Before anything else: who sees content has two factors.
#[component]
pub(crate) fn SecondFactor() -> impl IntoView {
    view! {
        <main class="narrow"><h1>{t("factor.title")}</h1><p>{t("factor.why")}</p><Enrol/></main>
    }
}

#[component]
fn Enrol() -> impl IntoView {
    let session: Session = expect_context();
    let secret = RwSignal::new(None::<(String, String)>);
    let code = RwSignal::new(String::new());
    let codes = RwSignal::new(None::<Vec<String>>);
    let trouble = RwSignal::new(None::<Failure>);
    let start = move |_| {
        spawn_local(async move {
            match api::send::<_, Value>("POST", "/api/me/totp", &json!({})).await {
                Ok(answer) => {
                    let word = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
                    secret.set(Some((word("credential"), word("secret"))));
                }
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    let confirm = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let Some((credential, _)) = secret.get_untracked() else {
            return;
        };
        trouble.set(None);
        spawn_local(async move {
            let body = json!({ "credential": credential, "code": code.get_untracked().trim() });
            match api::send::<_, Value>("POST", "/api/me/totp/confirm", &body).await {
                Ok(answer) => {
                    let list = answer["codes"].as_array().cloned().unwrap_or_default();
                    codes.set(Some(
                        list.iter()
                            .filter_map(|code| code.as_str().map(str::to_owned))
                            .collect(),
                    ));
                }
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    move || {
        match (codes.get(), secret.get()) {
        (Some(codes), _) => view! {
            <p>{t("factor.codes")}</p>
            <ul class="codes number">{codes.into_iter().map(|code| view! { <li>{code}</li> }).collect_view()}</ul>
            <button class="primary" on:click=move |_| session.ask()>{t("factor.kept")}</button>
        }
        .into_any(),
        (None, Some((_, secret))) => view! {
            <p>{t("factor.enter")}</p>
            <p class="secret number">{secret}</p>
            <form on:submit=confirm>
                <Field name=t("in.code") value=code complete="one-time-code" required=true/>
                <Trouble of=trouble/>
                <button class="primary">{t("factor.confirm")}</button>
            </form>
        }
        .into_any(),
        (None, None) => view! { <Trouble of=trouble/><button on:click=start>{t("factor.start")}</button> }.into_any(),
    }
    }
}
