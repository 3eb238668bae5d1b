//! The start: the cases that one may see, the latest first.

use leptos::prelude::*;
use leptos_router::components::A;
use wasm_bindgen_futures::spawn_local;

use super::api::{self, Case, Failure, Page};
use super::{Frame, Session, Trouble, day};
use crate::texts::t;

#[component]
pub(crate) fn Today() -> impl IntoView {
    let session: Session = expect_context();
    let me = session.me();
    let practices: Vec<String> = me
        .map(|me| me.memberships.into_iter().map(|member| member.practice).collect())
        .unwrap_or_default();
    let is_member = !practices.is_empty();
    let own: Vec<String> = practices
        .iter()
        .map(|id| format!("/api/practices/{id}/cases?limit=30"))
        .collect();
    view! {
        <Frame>
            <h1>{t("today.title")}</h1>
            {is_member.then(|| view! {
                <Cases title=t("today.practice") paths=own empty=t("today.none")/>
                <p><A href="/patients" attr:class="button">{t("today.patients")}</A></p>
            })}
            <Cases title=t("today.invited") paths=vec!["/api/cases?as=collaborator".to_owned()] empty=""/>
            <Cases title=t("today.own") paths=vec!["/api/cases?as=patient".to_owned()] empty=""/>
            {(!is_member).then(|| view! { <p class="quiet">{t("today.shared_help")}</p> })}
        </Frame>
    }
}

/// A list of cases; one without any is left out unless something is to be said of it.
#[component]
fn Cases(title: &'static str, paths: Vec<String>, empty: &'static str) -> impl IntoView {
    let cases = RwSignal::new(None::<Vec<Case>>);
    let trouble = RwSignal::new(None::<Failure>);
    spawn_local(async move {
        let mut all = Vec::new();
        for path in paths {
            match api::get::<Page<Case>>(&path).await {
                Ok(page) => all.extend(page.items),
                Err(failure) => trouble.set(Some(failure)),
            }
        }
        cases.set(Some(all));
    });
    move || match cases.get() {
        None => view! { <section class="list-space" aria-busy="true"><h2>{title}</h2></section> }.into_any(),
        Some(cases) if cases.is_empty() && empty.is_empty() => view! { <Trouble of=trouble/> }.into_any(),
        Some(cases) if cases.is_empty() => {
            view! { <section><h2>{title}</h2><Trouble of=trouble/><p class="quiet">{empty}</p></section> }
                .into_any()
        }
        Some(cases) => view! {
            <section><h2>{title}</h2><Trouble of=trouble/><CaseList cases/></section>
        }
        .into_any(),
    }
}

/// Cases as rows.
#[component]
pub(crate) fn CaseList(cases: Vec<Case>) -> impl IntoView {
    view! {
        <ul class="cards">
            {cases.into_iter().map(|case| {
                let when = case.date.as_deref().map(day).unwrap_or_default();
                view! {
                    <li><A href=format!("/cases/{}", case.id) attr:class="card">
                        <strong>{case.title}</strong>
                        <span class="quiet number">{when}</span>
                        {(case.state == "closed").then(|| view! { <span class="tag">{t("case.closed")}</span> })}
                        {(case.sharing == "with_patient").then(|| view! { <span class="tag">{t("case.shared")}</span> })}
                    </A></li>
                }
            }).collect_view()}
        </ul>
    }
}
