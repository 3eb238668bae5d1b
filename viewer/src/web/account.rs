//! One's own account: name, what one signs in with and where one is signed in, the language, what one agreed to, the end.

use leptos::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_bindgen_futures::spawn_local;

use super::api::{self, Failure};
use super::dates::{day, moment};
use super::frame::{Field, Frame, Read, Sure, Trouble, name_page};
use super::{Session, Visitor, agreements, language, passkeys};
use crate::texts::{Language, fill, spoken, t};

#[derive(Clone, PartialEq, Deserialize)]
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
    view! {
        <Frame title=t("account.title")>
            <h1>{t("account.title")}</h1>
            {me.map(|me| view! { <Myself name=me.name email=me.email/> })}
            <section>
                <h2>{t("passkey.title")}</h2>
                <Passkeys/>
                <h2>{t("account.factor")}</h2>
                <Enrol/>
            </section>
            <Password/>
            <SignIns/>
            <section>
                <h2 id="language">{t("account.language")}</h2>
                <select class="small" aria-labelledby="language" on:change=move |event| {
                    let tag = event_target_value(&event);
                    if let Some(chosen) = Language::ALL.into_iter().find(|language| language.tag() == tag) {
                        language::change(chosen);
                    }
                }>
                    {Language::ALL.into_iter().map(|language| view! {
                        <option value=language.tag() lang=language.tag() selected=language == spoken()>{language.name()}</option>
                    }).collect_view()}
                </select>
            </section>
            <agreements::Mine/>
            <Close/>
        </Frame>
    }
}

#[component]
fn Myself(name: String, email: String) -> impl IntoView {
    let session: Session = expect_context();
    let name = RwSignal::new(name);
    let trouble = RwSignal::new(None::<Failure>);
    let kept = RwSignal::new(false);
    let keep = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        trouble.set(None);
        spawn_local(async move {
            match api::tell("PUT", "/api/me", &json!({ "name": name.get_untracked() })).await {
                Ok(_) => {
                    kept.set(true);
                    session.ask();
                }
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    view! {
        <p class="quiet">{email}</p>
        <form class="inline-form" on:submit=keep>
            <Field name=t("up.name") value=name complete="name" required=true/>
            <button>{t("account.keep")}</button>
        </form>
        <Trouble of=trouble/>
        <p class="quiet" role="status">{move || kept.get().then(|| t("account.kept"))}</p>
    }
}

#[derive(Clone, PartialEq, Deserialize)]
struct Passkey {
    id: String,
    name: Option<String>,
    created: Option<String>,
    used: Option<String>,
}

/// One's passkeys: adding, naming, removing.
#[component]
fn Passkeys() -> impl IntoView {
    let all = Read::<Vec<Passkey>>::new("/api/me/passkeys");
    let add = move |_| {
        all.trouble.set(None);
        spawn_local(async move {
            match passkeys::enroll().await {
                Ok(()) => all.again(),
                Err(failure) => all.trouble.set(Some(failure)),
            }
        });
    };
    view! {
        <p class="quiet">{t("passkey.help")}</p>
        <Trouble of=all.trouble/>
        <ul class="rows">
            {move || all.value.get().unwrap_or_default().into_iter().map(|key| view! { <PasskeyRow key all/> }).collect_view()}
        </ul>
        {if passkeys::are_known() {
            view! { <p><button on:click=add>{t("passkey.add")}</button></p> }.into_any()
        } else {
            view! { <p class="quiet">{t("passkey.unknown")}</p> }.into_any()
        }}
    }
}

#[component]
fn PasskeyRow(key: Passkey, all: Read<Vec<Passkey>>) -> impl IntoView {
    let path = StoredValue::new(format!("/api/me/passkeys/{}", key.id));
    let naming = RwSignal::new(false);
    let name = RwSignal::new(key.name.clone().unwrap_or_default());
    let shown = key.name.unwrap_or_else(|| t("passkey.one").to_owned());
    let keep = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        all.tell(
            "PUT",
            path.get_value(),
            json!({ "name": name.get_untracked() }),
            || {},
        );
    };
    let made = key
        .created
        .map(|when| fill(t("passkey.made"), &[("day", &day(&when))]));
    let used = key
        .used
        .map(|when| fill(t("passkey.used"), &[("day", &day(&when))]));
    view! {
        <li>
            <span><strong>{shown}</strong> " " <span class="quiet number">{made} " " {used}</span></span>
            <span class="actions">
                {move || if naming.get() {
                    view! { <form class="inline-form" on:submit=keep><Field name=t("passkey.name") value=name required=true first=true/>
                        <button>{t("account.keep")}</button></form> }.into_any()
                } else {
                    view! { <button on:click=move |_| naming.set(true)>{t("passkey.rename")}</button> }.into_any()
                }}
                <Sure name=t("passkey.remove") loss=t("passkey.loss") act=Callback::new(move |()| all.act("DELETE", path.get_value()))/>
            </span>
        </li>
    }
}

#[component]
fn Password() -> impl IntoView {
    let (old, new) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let trouble = RwSignal::new(None::<Failure>);
    let done = RwSignal::new(false);
    let change = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        trouble.set(None);
        spawn_local(async move {
            let body = json!({ "old": old.get_untracked(), "new": new.get_untracked() });
            match api::tell("POST", "/api/me/password", &body).await {
                Ok(_) => {
                    done.set(true);
                    old.set(String::new());
                    new.set(String::new());
                }
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    view! {
        <section>
            <h2>{t("in.password")}</h2>
            <details><summary>{t("password.change")}</summary>
                <form class="panel" on:submit=change>
                    <Field name=t("password.old") value=old kind="password" complete="current-password" required=true/>
                    <Field name=t("password.new") value=new kind="password" complete="new-password" required=true/>
                    <p class="quiet">{t("password.help")}</p>
                    <Trouble of=trouble/>
                    <p role="status">{move || done.get().then(|| t("password.done"))}</p>
                    <button class="primary">{t("password.change")}</button>
                </form>
            </details>
        </section>
    }
}

#[component]
fn SignIns() -> impl IntoView {
    let all = Read::<Vec<SignedIn>>::new("/api/me/sign-ins");
    view! {
        <section>
            <h2>{t("account.sign_ins")}</h2>
            <Trouble of=all.trouble/>
            <ul class="rows">
                {move || all.value.get().unwrap_or_default().into_iter().map(|one| {
                    let path = format!("/api/me/sign-ins/{}", one.id);
                    view! {
                        <li><span>{browser_of(&one.agent)} " " <span class="quiet number">{one.address.clone()} " · " {moment(&one.seen)}</span></span>
                            {if one.present {
                                view! { <span class="tag">{t("account.present")}</span> }.into_any()
                            } else {
                                view! { <button on:click=move |_| all.act("DELETE", path.clone())>{t("account.end")}</button> }.into_any()
                            }}</li>
                    }
                }).collect_view()}
            </ul>
        </section>
    }
}

/// A browser and its system by how it calls itself, as far as a person knows them; else its own words.
fn browser_of(agent: &str) -> String {
    let first = |known: &[(&str, &'static str)]| {
        known
            .iter()
            .find(|(word, _)| agent.contains(word))
            .map(|(_, name)| *name)
    };
    let browser = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser}, {system}"),
        _ if agent.is_empty() => t("account.program").to_owned(),
        _ => agent.chars().take(60).collect(),
    }
}

#[component]
fn Close() -> impl IntoView {
    let session: Session = expect_context();
    let trouble = RwSignal::new(None::<Failure>);
    let close = Callback::new(move |()| {
        spawn_local(async move {
            match api::act("DELETE", "/api/me").await {
                Ok(_) => session.visitor.set(Visitor::Out),
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    });
    view! {
        <section class="end">
            <Trouble of=trouble/>
            <Sure name=t("account.close") loss=t("account.loss") act=close/>
        </section>
    }
}

/// Before anything else: who sees content has two factors.
#[component]
pub(crate) fn SecondFactor() -> impl IntoView {
    let session: Session = expect_context();
    name_page(t("factor.title"));
    let trouble = RwSignal::new(None::<Failure>);
    let add = move |_| {
        trouble.set(None);
        spawn_local(async move {
            match passkeys::enroll().await {
                Ok(()) => session.ask(),
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    view! {
        <main class="narrow"><h1>{t("factor.title")}</h1><p>{t("factor.why")}</p>
            {passkeys::are_known().then(|| view! {
                <p><button class="primary wide" on:click=add>{t("factor.passkey")}</button></p>
                <Trouble of=trouble/>
                <p class="or"><span>{t("in.or")}</span></p>
            })}
            <Enrol/></main>
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
            <p role="status">{t("factor.codes")}</p>
            <ul class="codes number">{codes.into_iter().map(|code| view! { <li>{code}</li> }).collect_view()}</ul>
            <button class="primary" on:click=move |_| session.ask()>{t("factor.kept")}</button>
        }
        .into_any(),
        (None, Some((_, secret))) => view! {
            <p>{t("factor.enter")}</p>
            <p class="secret number">{secret}</p>
            <form on:submit=confirm>
                <Field name=t("in.code") value=code complete="one-time-code" required=true first=true/>
                <Trouble of=trouble/>
                <button class="primary">{t("factor.confirm")}</button>
            </form>
        }
        .into_any(),
        (None, None) => view! { <Trouble of=trouble/><p><button on:click=start>{t("factor.start")}</button></p> }.into_any(),
    }
    }
}
