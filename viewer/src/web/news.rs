//! What one is told of: that somebody named one, that a sweep was noticed, that something was asked or answered.

use leptos::prelude::*;
use serde::Deserialize;
use wasm_bindgen_futures::spawn_local;

use super::Session;
use super::api;
use super::dates::moment;
use super::frame::Read;
use crate::texts::{fill, of_word, t};

#[derive(Clone, PartialEq, Deserialize)]
struct News {
    what: String,
    by: Option<String>,
    case: Option<String>,
    title: Option<String>,
    patient: Option<String>,
    at: String,
    seen: bool,
}

/// What has happened that concerns one, the latest first; nothing where nothing has.
#[component]
pub(crate) fn NewsList() -> impl IntoView {
    let session: Session = expect_context();
    let news = Read::<Vec<News>>::new("/api/me/news");
    let has_record = session.me().is_some_and(|me| !me.records.is_empty());
    Effect::new(move |_| {
        let is_unseen = news
            .value
            .with(|all| all.as_ref().is_some_and(|all| all.iter().any(|one| !one.seen)));
        if is_unseen {
            spawn_local(async { drop(api::act("POST", "/api/me/news/seen").await) });
        }
    });
    let row = move |one: News| {
        let who = one.by.unwrap_or_else(|| t("looked.somebody").to_owned());
        let mut text = fill(of_word("news", &one.what).unwrap_or_default(), &[("who", &who)]);
        if let Some(title) = one.title {
            text.push_str(" · ");
            text.push_str(&title);
        }
        let page = match (one.case, one.patient) {
            (Some(case), _) => format!("/cases/{case}"),
            (_, Some(patient)) if !has_record => format!("/patients/{patient}"),
            _ if has_record => "/record".to_owned(),
            _ => "/".to_owned(),
        };
        view! {
            <li><a href=page>{text}</a>
                {(!one.seen).then(|| view! { <span class="tag">{t("news.new")}</span> })}
                <span class="quiet number">{moment(&one.at)}</span></li>
        }
    };
    move || {
        news.value.get().filter(|all| !all.is_empty()).map(|all| {
            view! {
                <section><h2>{t("news.title")}</h2>
                    <ul class="rows scroll" tabindex="0" aria-label=t("news.title")>{all.into_iter().map(row).collect_view()}</ul></section>
            }
        })
    }
}
