//! A case: its title and state, its picture, what is in it, who may see it, and what has happened.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_params_map};
use serde_json::json;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::Session;
use super::api::{self, Case, Item, Patient};
use super::case_items::Items;
use super::case_people::People;
use super::dates::{day, moment};
use super::frame::{Choice, Field, Frame, Read, Sure, Trouble, Undo, fixed};
use super::sights::SightsList;
use super::thumbnail::Thumbnail;
use super::upload::Upload;
use super::upload_list::UploadList;
use super::viewer::is_shown;
use crate::texts::{fill, t};

#[component]
pub(crate) fn CasePage() -> impl IntoView {
    let session: Session = expect_context();
    let id = use_params_map().with_untracked(|params| params.get("id").unwrap_or_default());
    let path = StoredValue::new(format!("/api/cases/{id}"));
    let case = Read::<Case>::new(path.get_value());
    let items = Read::<Vec<Item>>::new(format!("{}/items", path.get_value()));
    let me = StoredValue::new(session.me());
    let is_member = me.with_value(|me| me.as_ref().is_some_and(|me| !me.memberships.is_empty()));
    // As what one works in the practice that the case belongs to; nothing for colleagues of others and patients.
    let role = Memo::new(move |_| {
        let practice = case
            .value
            .with(|case| case.as_ref().map(|case| case.practice.clone()))?;
        let all = me.with_value(|me| me.as_ref().map(|me| me.memberships.clone()))?;
        all.into_iter()
            .find(|one| one.practice == practice)
            .map(|one| one.role)
    });
    let is_team = Memo::new(move |_| role.get().is_some());
    let is_gone = StoredValue::new(false);
    let id = StoredValue::new(id);
    let upload = Upload::into_case(&id.get_value(), move || items.again());
    if is_member {
        upload.go_on();
    }
    listen(move || {
        if !is_gone.get_value() {
            case.again();
            items.again();
        }
    });
    let over = RwSignal::new(false);
    let view_path = StoredValue::new(format!("/cases/{}/view", id.get_value()));
    let first = move || {
        items.value.with(|items| {
            items
                .as_ref()
                .and_then(|items| items.iter().find(|item| is_shown(item)).cloned())
        })
    };
    let has_own = Memo::new(move |_| {
        items.value.with(|items| {
            items
                .as_ref()
                .is_some_and(|items| items.iter().any(|item| item.own))
        })
    });
    let takes_more = move || {
        case.value.with(|case| {
            case.as_ref()
                .is_some_and(|case| case.state == "open" && case.takes_uploads == Some(true))
        })
    };
    let dropped = move |event: web_sys::DragEvent| {
        event.prevent_default();
        over.set(false);
        if let (Some(data), true) = (event.data_transfer(), untrack(takes_more)) {
            upload.drop_in(&data);
        }
    };
    let name = Signal::derive(move || {
        case.value
            .with(|case| case.as_ref().map(|case| case.title.clone()).unwrap_or_default())
    });
    view! {
        <Frame title=name>
            <div class="drop" class:over=move || over.get() on:dragover=move |event| { event.prevent_default(); over.set(untrack(takes_more)); }
                on:dragleave=move |_| over.set(false) on:drop=dropped>
                <Trouble of=case.trouble/>
                {move || case.value.get().map(|found| {
                    let is_own = me.with_value(|me| me.as_ref().is_some_and(|me| me.records.iter().any(|one| Some(&one.patient) == found.patient.as_ref())));
                    view! { <Head case=found read=case is_team=is_team.get() is_own/> }
                })}
                {move || first().map(|item| view! {
                    <A href=view_path.get_value() attr:class="stage-card" attr:rel="external">
                        <Thumbnail item/><span class="button primary">{t("case.open")}</span>
                    </A>
                })}
                <section>
                    <h2>{t("case.items")}</h2>
                    <Items items case=id.get_value() is_team/>
                    {move || takes_more().then(|| view! { <UploadList upload/> })}
                </section>
                // Only who may invite sees who was invited.
                {move || role.get().filter(|role| role != "staff").and_then(|_| case.value.get()).map(|found| view! { <People case=found/> })}
                {move || has_own.get().then(|| view! { <SightsList case=id.get_value()/> })}
                {move || case.value.get().zip(items.value.get()).map(|(case, items)| view! { <History case items/> })}
                {move || case.value.get().filter(|_| is_team.get()).map(|found| view! { <End case=found read=case is_gone/> })}
            </div>
        </Frame>
    }
}

/// Reads anew what events say has changed, for as long as the page is there.
fn listen(load: impl Fn() + 'static) {
    let Ok(source) = web_sys::EventSource::new("/api/events") else {
        return;
    };
    let heard = Closure::<dyn FnMut()>::new(load);
    for event in [
        "item.added",
        "item.deleted",
        "item.changed",
        "case.changed",
        "access.changed",
        "missed",
    ] {
        drop(source.add_event_listener_with_callback(event, heard.as_ref().unchecked_ref()));
    }
    let kept = StoredValue::new_local(Some((source, heard)));
    on_cleanup(move || {
        if let Some(Some((source, _))) = kept.try_update_value(Option::take) {
            source.close();
        }
    });
}

/// The title with the patient it is of, and changing it.
#[component]
fn Head(case: Case, read: Read<Case>, is_team: bool, is_own: bool) -> impl IntoView {
    let editing = RwSignal::new(false);
    let patient = case.patient.clone();
    let form = case.clone();
    view! {
        <div class="title-row">
            <div>
                {patient.filter(|_| is_team || is_own).map(|id| view! { <OfPatient id is_team/> })}
                <h1>{case.title}</h1>
                <p class="quiet number">{case.date.as_deref().map(day)}
                    {(case.state == "closed").then(|| view! { " " <span class="tag">{t("case.closed")}</span> })}</p>
            </div>
            {is_team.then(|| view! {
                <button aria-expanded=move || editing.get().to_string()
                    on:click=move |_| editing.update(|editing| *editing = !*editing)>{t("case.edit")}</button>
            })}
        </div>
        {move || editing.get().then(|| view! { <Edit case=form.clone() read/> })}
    }
}

#[component]
fn OfPatient(id: String, is_team: bool) -> impl IntoView {
    let patient = Read::<Patient>::new(format!("/api/patients/{id}"));
    let href = if is_team {
        format!("/patients/{id}")
    } else {
        "/record".to_owned()
    };
    move || {
        patient
            .value
            .get()
            .map(|found| view! { <p class="crumb"><A href=href.clone()>{found.demographics.name}</A></p> })
    }
}

#[component]
fn Edit(case: Case, read: Read<Case>) -> impl IntoView {
    let (title, date) = (
        RwSignal::new(case.title),
        RwSignal::new(case.date.unwrap_or_default()),
    );
    let names = RwSignal::new(case.names);
    let keep = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let mut body = json!({ "version": case.version, "title": title.get_untracked(), "names": names.get_untracked() });
        let date = date.get_untracked();
        if !date.is_empty() {
            body["date"] = date.into();
        }
        read.tell("PUT", format!("/api/cases/{}", case.id), body, || {});
    };
    view! {
        <form class="panel" on:submit=keep>
            <Field name=t("patient.case_title") value=title required=true first=true/>
            <Field name=t("patient.case_date") value=date kind="date"/>
            <Choice name=t("case.names") value=names choices=fixed(&[("withheld", t("case.names_withheld")), ("shown", t("case.names_shown"))])/>
            <Trouble of=read.trouble/>
            <button class="primary">{t("account.keep")}</button>
        </form>
    }
}

/// What has happened, the latest first.
#[component]
fn History(case: Case, items: Vec<Item>) -> impl IntoView {
    let mut told: Vec<(String, String)> = vec![(case.created, t("history.created").to_owned())];
    for item in items {
        told.push((item.created, fill(t("history.item"), &[("name", &item.name)])));
    }
    told.sort_by(|a, b| b.0.cmp(&a.0));
    view! {
        <section>
            <h2>{t("history.title")}</h2>
            <ol class="timeline calm">
                {told.into_iter().map(|(at, text)| view! { <li><span class="when number">{moment(&at)}</span><span>{text}</span></li> }).collect_view()}
            </ol>
        </section>
    }
}

/// Closing and deleting.
#[component]
fn End(case: Case, read: Read<Case>, is_gone: StoredValue<bool>) -> impl IntoView {
    let session: Session = expect_context();
    let path = StoredValue::new(format!("/api/cases/{}", case.id));
    let is_open = case.state == "open";
    let step = move |_| {
        let verb = if is_open { "close" } else { "reopen" };
        read.act("POST", format!("{}/{verb}", path.get_value()));
    };
    let undo = Undo {
        name: case.title,
        path: format!("{}/undo-delete", path.get_value()),
        page: format!("/cases/{}", case.id),
    };
    let back = match case.patient {
        Some(patient) => format!("/patients/{patient}"),
        None => "/".to_owned(),
    };
    let navigate = use_navigate();
    let remove = Callback::new(move |()| {
        let (navigate, undo, back) = (navigate.clone(), undo.clone(), back.clone());
        // What is deleted is not read anew: nobody may.
        is_gone.set_value(true);
        spawn_local(async move {
            match api::act("DELETE", &path.get_value()).await {
                Ok(_) => {
                    session.undo.set(Some(undo));
                    navigate(&back, leptos_router::NavigateOptions::default());
                }
                Err(failure) => {
                    is_gone.set_value(false);
                    read.trouble.set(Some(failure));
                }
            }
        });
    });
    view! {
        <section class="end actions">
            <button on:click=step>{if is_open { t("case.close") } else { t("case.reopen") }}</button>
            <Sure name=t("case.delete") loss=t("case.loss") act=remove/>
        </section>
    }
}
