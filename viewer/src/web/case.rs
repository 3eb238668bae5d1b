//! A case: what is in it, who may see it, and the way to add more.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::api::{self, Case, Failure, Grant, Item};
use super::sign_in::{Mailed, demo_link};
use super::thumbnail::Thumbnail;
use super::upload::{Upload, UploadList};
use super::viewer::is_shown;
use super::{Field, Frame, Session, Trouble, day};
use crate::texts::t;

#[component]
pub(crate) fn CasePage() -> impl IntoView {
    let session: Session = expect_context();
    let id = use_params_map().with_untracked(|params| params.get("id").unwrap_or_default());
    let case = RwSignal::new(None::<Case>);
    let items = RwSignal::new(None::<Vec<Item>>);
    let grants = RwSignal::new(None::<Vec<Grant>>);
    let trouble = RwSignal::new(None::<Failure>);
    let load = {
        let id = id.clone();
        move || {
            let id = id.clone();
            spawn_local(async move {
                match api::get::<Case>(&format!("/api/cases/{id}")).await {
                    Ok(found) => case.set(Some(found)),
                    Err(failure) => trouble.set(Some(failure)),
                }
                match api::get::<Vec<Item>>(&format!("/api/cases/{id}/items")).await {
                    Ok(found) => items.set(Some(found)),
                    Err(failure) => trouble.set(Some(failure)),
                }
                // Only who may invite sees who was invited.
                grants.set(
                    api::get::<Vec<Grant>>(&format!("/api/cases/{id}/grants"))
                        .await
                        .ok(),
                );
            });
        }
    };
    load();
    let upload = Upload::new(id.clone(), load.clone());
    listen(load.clone());
    let is_member = session.me().is_some_and(|me| !me.memberships.is_empty());
    let over = RwSignal::new(false);
    let view_path = format!("/cases/{id}/view");
    let has_picture =
        move || items.with(|items| items.as_ref().is_some_and(|items| items.iter().any(is_shown)));
    let dropped = move |event: web_sys::DragEvent| {
        event.prevent_default();
        over.set(false);
        if let Some(data) = event.data_transfer() {
            upload.drop_in(&data);
        }
    };
    view! {
        <Frame>
            <div class="drop" class:over=move || over.get() on:dragover=move |event| { event.prevent_default(); over.set(true); }
                on:dragleave=move |_| over.set(false) on:drop=dropped>
                <Trouble of=trouble/>
                {move || case.get().map(|case| view! {
                    <div class="title-row">
                        <div><h1>{case.title.clone()}</h1>
                            <p class="quiet number">{case.date.as_deref().map(day)}
                                {(case.state == "closed").then(|| view! { " " <span class="tag">{t("case.closed")}</span> })}</p></div>
                        {has_picture().then(|| view! { <A href=view_path.clone() attr:class="button primary">{t("case.open")}</A> })}
                    </div>
                })}
                <section>
                    <h2>{t("case.items")}</h2>
                    {move || items.get().map(|items| if items.is_empty() {
                        view! { <p class="empty">{t("case.empty")}</p> }.into_any()
                    } else {
                        view! { <ul class="items">{items.into_iter().map(|item| view! { <ItemCard item case=id.clone()/> }).collect_view()}</ul> }.into_any()
                    })}
                    {is_member.then(|| view! { <UploadList upload/> })}
                </section>
                {move || grants.get().zip(case.get()).map(|(grants, case)| view! { <People case grants load=Callback::new({ let load = load.clone(); move |()| load() })/> })}
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
    for event in ["item.added", "item.deleted", "access.changed", "missed"] {
        drop(source.add_event_listener_with_callback(event, heard.as_ref().unchecked_ref()));
    }
    let kept = StoredValue::new_local(Some((source, heard)));
    on_cleanup(move || {
        if let Some(Some((source, _))) = kept.try_update_value(Option::take) {
            source.close();
        }
    });
}

#[component]
fn ItemCard(item: Item, case: String) -> impl IntoView {
    let opened = is_shown(&item).then(|| format!("/cases/{case}/view/{}", item.id));
    let kind = match item.kind.as_str() {
        "volume" => t("kind.volume"),
        "frames" => t("kind.frames"),
        "mesh" => t("kind.mesh"),
        "capture" => t("kind.capture"),
        "photo" => t("kind.photo"),
        _ => t("kind.document"),
    };
    let name = item.name.clone();
    view! {
        <li class="item-card">
            {if item.own { view! { <Thumbnail item=item.id.clone()/> }.into_any() } else { view! { <span class="thumbnail"></span> }.into_any() }}
            <div>
                {match opened {
                    Some(path) => view! { <A href=path>{name}</A> }.into_any(),
                    None => view! { <strong>{name}</strong> }.into_any(),
                }}
                <p class="quiet">{item.modality.clone().map(|modality| format!("{modality} · "))}{kind}</p>
                {(!item.own).then(|| view! { <p class="quiet">{t("item.others")}</p> })}
                {item.findings.into_iter().map(|finding| view! { <p class=format!("finding {}", finding.severity)>{finding.message}</p> }).collect_view()}
            </div>
        </li>
    }
}

/// Who may do what and until when, and inviting more.
#[component]
fn People(case: Case, grants: Vec<Grant>, load: Callback<()>) -> impl IntoView {
    let (email, until) = (RwSignal::new(String::new()), RwSignal::new(in_a_month()));
    let right = RwSignal::new("see".to_owned());
    let trouble = RwSignal::new(None::<Failure>);
    let sent = RwSignal::new(None::<Option<String>>);
    let id = StoredValue::new(case.id);
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
                    load.run(());
                }
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    let is_shared = case.sharing == "with_patient";
    let share = move |_| {
        spawn_local(async move {
            let method = if is_shared { "DELETE" } else { "PUT" };
            match api::act(method, &format!("/api/cases/{}/sharing", id.get_value())).await {
                Ok(_) => load.run(()),
                Err(failure) => trouble.set(Some(failure)),
            }
        });
    };
    view! {
        <section class="people">
            <h2>{t("people.title")}</h2>
            <p>{if is_shared { t("people.shared") } else { t("people.private") }} " "
                <button on:click=share>{if is_shared { t("people.stop") } else { t("people.share") }}</button></p>
            <ul class="rows">
                {grants.into_iter().map(|grant| {
                    let revoke = move |_| {
                        let path = format!("/api/cases/{}/grants/{}", id.get_value(), grant.id);
                        spawn_local(async move {
                            match api::act("DELETE", &path).await {
                                Ok(_) => load.run(()),
                                Err(failure) => trouble.set(Some(failure)),
                            }
                        });
                    };
                    let may = match grant.right.as_str() {
                        "annotate" => t("right.annotate"),
                        "contribute" => t("right.contribute"),
                        _ => t("right.see"),
                    };
                    view! {
                        <li><span>{grant.name} " " {may} " " {t("people.until")} " " {day(&grant.until)}
                            {(!grant.live).then(|| view! { " " <span class="tag">{t("people.ended")}</span> })}</span>
                            <button on:click=revoke>{t("people.revoke")}</button></li>
                    }
                }).collect_view()}
            </ul>
            <form class="panel" on:submit=invite>
                <Field name=t("people.invite") value=email kind="email" required=true/>
                <label class="field"><span>{t("people.may")}</span>
                    <select prop:value=move || right.get() on:change=move |event| right.set(event_target_value(&event))>
                        <option value="see">{t("right.see")}</option>
                        <option value="annotate">{t("right.annotate")}</option>
                        <option value="contribute">{t("right.contribute")}</option>
                    </select></label>
                <Field name=t("people.until_day") value=until kind="date" required=true/>
                <p class="quiet">{t("people.promise")}</p>
                <Trouble of=trouble/>
                {move || sent.get().map(|link| view! { <Mailed link/> })}
                <button class="primary">{t("people.send")}</button>
            </form>
        </section>
    }
}

/// The day thirty days from now, as forms write it.
fn in_a_month() -> String {
    let then = js_sys::Date::new(&JsValue::from_f64(js_sys::Date::now() + 30.0 * 86_400_000.0));
    String::from(then.to_iso_string())
        .get(..10)
        .unwrap_or_default()
        .to_owned()
}
