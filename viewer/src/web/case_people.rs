//! Who may see a case, with what and until when: the patient, and colleagues who are invited by name.

use leptos::prelude::*;
use serde_json::{Value, json};
use wasm_bindgen_futures::spawn_local;

use super::api::{self, Case, Failure, Grant};
use super::dates::{day, in_days, last_day};
use super::frame::{Choice, Field, Read, Sure, Trouble, fixed};
use super::sign_in::{Mailed, demo_link};
use crate::texts::{fill, of_word, t};

/// For how long an invitation is good unless something else is chosen, days.
const USUAL_DAYS: f64 = 30.0;

fn rights() -> Signal<Vec<(String, String)>> {
    fixed(&[
        ("see", t("right.see")),
        ("annotate", t("right.annotate")),
        ("contribute", t("right.contribute")),
    ])
}

#[component]
pub(crate) fn People(case: Case) -> impl IntoView {
    let grants = Read::<Vec<Grant>>::new(format!("/api/cases/{}/grants", case.id));
    let id = StoredValue::new(case.id);
    let is_shared = RwSignal::new(case.sharing == "with_patient");
    let trouble = RwSignal::new(None::<Failure>);
    let share = move |_| {
        trouble.set(None);
        spawn_local(async move {
            let method = if is_shared.get_untracked() {
                "DELETE"
            } else {
                "PUT"
            };
            match api::act(method, &format!("/api/cases/{}/sharing", id.get_value())).await {
                Ok(_) => is_shared.update(|shared| *shared = !*shared),
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    let is_none = move || grants.value.with(|all| all.as_ref().is_some_and(Vec::is_empty));
    view! {
        <section class="people">
            <h2>{t("people.title")}</h2>
            <div class="share"><span role="status">{move || if is_shared.get() { t("people.shared") } else { t("people.private") }}</span>
                <button on:click=share>{move || if is_shared.get() { t("people.stop") } else { t("people.share") }}</button></div>
            <Trouble of=trouble/>
            <Trouble of=grants.trouble/>
            <ul class="rows">{move || grants.value.get().unwrap_or_default().into_iter().map(|grant| view! { <GrantRow grant grants id/> }).collect_view()}</ul>
            {move || is_none().then(|| view! { <p class="quiet">{t("people.none")}</p> })}
            <Invite id grants/>
        </section>
    }
}

#[component]
fn GrantRow(grant: Grant, grants: Read<Vec<Grant>>, id: StoredValue<String>) -> impl IntoView {
    let place = StoredValue::new(format!("/api/cases/{}/grants/{}", id.get_value(), grant.id));
    let changing = RwSignal::new(false);
    let last = last_day(&grant.until);
    let (right, until) = (RwSignal::new(grant.right.clone()), RwSignal::new(last.clone()));
    let keep = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let body = json!({ "right": right.get_untracked(), "until": until.get_untracked() });
        grants.tell("PUT", place.get_value(), body, || {});
    };
    let name = grant.name.unwrap_or_default();
    let loss = fill(t("people.loss"), &[("name", &name)]);
    let may = of_word("right", &grant.right).unwrap_or_default();
    let sentence = fill(t("people.sentence"), &[("may", may), ("day", &day(&last))]);
    view! {
        <li>
            <span><strong>{name}</strong> " " {sentence}
                {(!grant.live).then(|| view! { " " <span class="tag">{t("people.ended")}</span> })}</span>
            <span class="actions">
                <button aria-expanded=move || changing.get().to_string() on:click=move |_| changing.update(|on| *on = !*on)>{t("people.change")}</button>
                <Sure name=t("people.revoke") loss act=Callback::new(move |()| grants.act("DELETE", place.get_value()))/>
            </span>
            {move || changing.get().then(|| view! {
                <form class="inline-form all" on:submit=keep>
                    <Choice name=t("people.may") value=right choices=rights()/>
                    <Field name=t("people.until_day") value=until kind="date" required=true/>
                    <button>{t("account.keep")}</button>
                </form>
            })}
        </li>
    }
}

#[component]
fn Invite(id: StoredValue<String>, grants: Read<Vec<Grant>>) -> impl IntoView {
    let (email, until) = (RwSignal::new(String::new()), RwSignal::new(in_days(USUAL_DAYS)));
    let right = RwSignal::new("see".to_owned());
    let trouble = RwSignal::new(None::<Failure>);
    let sent = RwSignal::new(None::<Option<String>>);
    let invite = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        trouble.set(None);
        spawn_local(async move {
            let body = json!({ "email": email.get_untracked(), "right": right.get_untracked(), "until": until.get_untracked() });
            match api::send::<_, Value>("POST", &format!("/api/cases/{}/grants", id.get_value()), &body).await
            {
                Ok(answer) => {
                    sent.set(Some(demo_link(&answer)));
                    email.set(String::new());
                    grants.again();
                }
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    let summary = move || {
        let may = right.with(|right| of_word("right", right)).unwrap_or_default();
        fill(
            t("people.preview"),
            &[("may", may), ("day", &until.with(|until| day(until)))],
        )
    };
    view! {
        {move || sent.get().map(|link| view! { <Mailed link/> })}
        <details><summary>{t("people.invite_title")}</summary>
            <form class="panel" on:submit=invite>
                <Field name=t("people.invite") value=email kind="email" required=true/>
                <Choice name=t("people.may") value=right choices=rights()/>
                <Field name=t("people.until_day") value=until kind="date" required=true/>
                <p>{summary}</p>
                <p class="quiet">{t("people.promise")}</p>
                <Trouble of=trouble/>
                <button class="primary">{t("people.send")}</button>
            </form>
        </details>
    }
}
