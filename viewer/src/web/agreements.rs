//! Agreements: what must be accepted before anything else, and what one has agreed to.

use leptos::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_bindgen_futures::spawn_local;

use super::Session;
use super::api::{self, Failure};
use super::dates::day;
use super::frame::{Read, Trouble, name_page};
use crate::texts::{fill, of_word, t};

/// A text in force.
#[derive(Clone, PartialEq, Deserialize)]
pub(crate) struct AgreementText {
    pub(crate) kind: String,
    pub(crate) version: u32,
    pub(crate) text: String,
}

/// Headings and paragraphs of a text; a line that begins with a number begins a paragraph. Nothing else of Markdown is in
/// them but bold words, which are shown as they are.
pub(crate) fn paragraphs(text: &str) -> impl IntoView + use<> {
    let mut blocks = vec![String::new()];
    for line in text.lines().map(str::trim) {
        let begins =
            line.is_empty() || line.starts_with(|first: char| first.is_ascii_digit() || first == '#');
        match blocks.last_mut() {
            Some(block) if !begins => {
                block.push(' ');
                block.push_str(line);
            }
            _ => blocks.push(line.to_owned()),
        }
    }
    blocks
        .into_iter()
        .filter(|block| !block.is_empty())
        .map(|block| match block.strip_prefix('#') {
            Some(heading) => {
                view! { <h2>{heading.trim_start_matches('#').trim().to_owned()}</h2> }.into_any()
            }
            None => view! { <p>{bold(&block)}</p> }.into_any(),
        })
        .collect_view()
}

/// A line with its bold words, which stand between pairs of stars.
fn bold(line: &str) -> impl IntoView + use<> {
    line.split("**")
        .enumerate()
        .map(|(at, part)| {
            let part = part.to_owned();
            match at % 2 {
                1 => view! { <strong>{part}</strong> }.into_any(),
                _ => part.into_any(),
            }
        })
        .collect_view()
}

/// The texts that must be accepted before anything else.
#[component]
pub(crate) fn Before() -> impl IntoView {
    let session: Session = expect_context();
    name_page(t("agree.title"));
    let trouble = RwSignal::new(None::<Failure>);
    let texts = RwSignal::new(Vec::<AgreementText>::new());
    spawn_local(async move {
        let pending = session.me().map(|me| me.pending_agreements).unwrap_or_default();
        match api::get::<Vec<AgreementText>>("/api/agreements").await {
            Ok(mut all) => {
                all.retain(|text| pending.iter().any(|wanted| wanted.kind == text.kind));
                texts.set(all);
            }
            Err(failure) => trouble.set(Some(failure)),
        }
    });
    let accept = move |_| {
        spawn_local(async move {
            let pending = session.me().map(|me| me.pending_agreements).unwrap_or_default();
            for agreement in pending {
                if let Err(failure) = api::tell("POST", "/api/me/agreements", &agreement).await {
                    trouble.set(Some(failure));
                    return;
                }
            }
            session.ask();
        });
    };
    view! {
        <main class="narrow wide">
            <h1>{t("agree.title")}</h1>
            {move || texts.get().into_iter().map(|text| view! { <article class="agreement">{paragraphs(&text.text)}</article> }).collect_view()}
            <Trouble of=trouble/>
            <button class="primary" disabled=move || texts.with(Vec::is_empty) on:click=accept>{t("agree.send")}</button>
        </main>
    }
}

/// Something that one accepted.
#[derive(Clone, PartialEq, Deserialize)]
struct Accepted {
    kind: String,
    version: String,
    accepted: String,
    withdrawn: Option<String>,
}

#[derive(Clone, PartialEq, Deserialize)]
struct Marketing {
    choice: String,
    on: bool,
}

/// What one agreed to and when, the texts themselves, and choices about advertising.
#[component]
pub(crate) fn Mine() -> impl IntoView {
    let accepted = Read::<Vec<Accepted>>::new("/api/me/agreements");
    let texts = Read::<Vec<AgreementText>>::new("/api/agreements");
    let marketing = Read::<Vec<Marketing>>::new("/api/me/marketing");
    view! {
        <section>
            <h2>{t("agreed.title")}</h2>
            <Trouble of=accepted.trouble/>
            <ul class="rows">
                {move || accepted.value.get().unwrap_or_default().into_iter()
                    .filter(|one| of_word("agreement", &one.kind).is_some())
                    .map(|one| {
                        let name = of_word("agreement", &one.kind).unwrap_or_default();
                        let text = fill(t("agreed.when"), &[("name", name), ("version", &one.version), ("day", &day(&one.accepted))]);
                        let back = one.withdrawn.map(|when| fill(t("agreed.back"), &[("day", &day(&when))]));
                        view! { <li><span>{text} <span class="quiet">{back}</span></span></li> }
                    }).collect_view()}
            </ul>
            {move || texts.value.get().unwrap_or_default().into_iter().filter(|text| text.kind != "release").map(|text| {
                let name = of_word("agreement", &text.kind).unwrap_or_default();
                view! { <details class="agreement"><summary>{fill(t("agreed.read"), &[("name", name)])}</summary>{paragraphs(&text.text)}</details> }
            }).collect_view()}
            <p class="quiet">{t("agreed.end")}</p>
        </section>
        <section>
            <h2>{t("marketing.title")}</h2>
            <p class="quiet">{t("marketing.help")}</p>
            <Trouble of=marketing.trouble/>
            {move || marketing.value.get().unwrap_or_default().into_iter().map(|one| {
                let name = of_word("marketing", &one.choice).unwrap_or_default();
                let change = move |_| {
                    let method = if one.on { "DELETE" } else { "PUT" };
                    marketing.act(method, format!("/api/me/marketing/{}", one.choice));
                };
                view! { <label class="check"><input type="checkbox" prop:checked=one.on on:change=change/>{name}</label> }
            }).collect_view()}
        </section>
    }
}

/// A signed release.
#[derive(Clone, PartialEq, Deserialize)]
struct Release {
    name: String,
    version: u32,
    scope: String,
    signed: String,
    withdrawn: Option<String>,
}

/// Whether one only reads a patient's releases or may sign and withdraw them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signing {
    Reads,
    Signs,
}

/// The biometric releases of a patient: what was signed, and signing or withdrawing.
#[component]
pub(crate) fn Releases(patient: String, signing: Signing) -> impl IntoView {
    let mut path = patient;
    path.insert_str(0, "/api/patients/");
    path.push_str("/releases");
    let path = StoredValue::new(path);
    let releases = Read::<Vec<Release>>::new(path.get_value());
    let texts = Read::<Vec<AgreementText>>::new("/api/agreements");
    let holds = move || {
        releases.value.with(|all| {
            all.as_ref()
                .is_some_and(|all| all.iter().any(|one| one.withdrawn.is_none()))
        })
    };
    view! {
        <section>
            <h2>{t("release.title")}</h2>
            <p class="quiet">{match signing { Signing::Signs => t("release.help"), Signing::Reads => t("release.staff") }}</p>
            <Trouble of=releases.trouble/>
            <ul class="rows">
                {move || releases.value.get().unwrap_or_default().into_iter().map(|one| {
                    let scope = of_word("scope", &one.scope).unwrap_or_default();
                    let text = fill(t("release.signed"), &[("name", &one.name), ("day", &day(&one.signed)), ("version", &one.version.to_string())]);
                    let back = one.withdrawn.map(|when| fill(t("agreed.back"), &[("day", &day(&when))]));
                    view! { <li><span>{text} " " <span class="quiet">{scope}</span></span>{back.map(|back| view! { <span class="tag">{back}</span> })}</li> }
                }).collect_view()}
            </ul>
            {move || (releases.value.with(|all| all.as_ref().is_some_and(Vec::is_empty)))
                .then(|| view! { <p class="quiet">{t("release.none")}</p> })}
            {(signing == Signing::Signs).then(|| view! {
                {move || if holds() {
                    view! { <super::frame::Sure name=t("release.withdraw") loss=t("release.loss")
                        act=Callback::new(move |()| releases.act("DELETE", path.get_value()))/> }.into_any()
                } else {
                    let text = texts.value.get().unwrap_or_default().into_iter().find(|text| text.kind == "release");
                    text.map(|text| view! { <Sign text releases path/> }).into_any()
                }}
            })}
        </section>
    }
}

#[component]
fn Sign(text: AgreementText, releases: Read<Vec<Release>>, path: StoredValue<String>) -> impl IntoView {
    let name = RwSignal::new(String::new());
    let scope = RwSignal::new("treatment".to_owned());
    let version = text.version;
    let sign = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let body: Value =
            json!({ "version": version, "scope": scope.get_untracked(), "name": name.get_untracked() });
        releases.tell("POST", path.get_value(), body, || {});
    };
    view! {
        <details class="agreement panel"><summary>{t("release.read")}</summary>
            {paragraphs(&text.text)}
            <form on:submit=sign>
                <super::frame::Choice name=t("release.scope") value=scope
                    choices=super::frame::fixed(&[("treatment", t("scope.treatment")), ("collaboration", t("scope.collaboration"))])/>
                <super::frame::Field name=t("release.name") value=name complete="name" required=true/>
                <button class="primary">{t("release.sign")}</button>
            </form>
        </details>
    }
}
