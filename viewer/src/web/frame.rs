//! What all pages share: the frame around them, fields, questions before something is lost, lists read from the server.

use leptos::html;
use leptos::prelude::*;
use leptos_router::components::A;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::api::{self, Failure};
use super::{Session, Visitor};
use crate::texts::{fill, t};

/// What stands around a page, which is called `title` in the browser's tab.
#[component]
pub(crate) fn Frame(#[prop(into)] title: Signal<String>, children: Children) -> impl IntoView {
    let session: Session = expect_context();
    let is_member = move || session.me().is_some_and(|me| !me.memberships.is_empty());
    let is_administrator = move || {
        session
            .practice()
            .is_some_and(|member| member.role == "administrator")
    };
    let has_record = move || session.me().is_some_and(|me| !me.records.is_empty());
    let name = move || session.me().map(|me| me.name).unwrap_or_default();
    let is_demo = move || session.me().is_some_and(|me| me.demo);
    let leave = move |_| {
        spawn_local(async move {
            drop(api::act("POST", "/api/sign-out").await);
            session.visitor.set(Visitor::Out);
        });
    };
    Effect::new(move |_| name_page(&title.get()));
    let main = NodeRef::<html::Main>::new();
    Effect::new(move |_| {
        if let Some(main) = main.get() {
            // Who reads with ears begins at what is new; the first page of a visit is announced by the browser.
            if session.has_moved() {
                drop(main.focus());
            }
        }
    });
    view! {
        <a class="skip" href="#main">{t("frame.skip")}</a>
        <header>
            {move || is_demo().then(|| view! { <p class="demo" role="note">{t("frame.demo")}</p> })}
            <div class="frame">
                <A href="/" attr:class="brand">"Vitrine"</A>
                <nav aria-label=t("frame.nav")>
                    <A href="/" exact=true>{t("frame.today")}</A>
                    {move || is_member().then(|| view! {
                        <A href="/patients">{t("frame.patients")}</A>
                        <A href="/practice">{t("frame.practice")}</A>
                    })}
                    {move || is_administrator().then(|| view! { <A href="/audit">{t("frame.audit")}</A> })}
                    {move || has_record().then(|| view! { <A href="/record">{t("frame.record")}</A> })}
                </nav>
                <span class="grow"></span>
                <Practices/>
                <span class="self"><A href="/account">{name}</A>
                    <button class="plain" on:click=leave>{t("frame.leave")}</button></span>
            </div>
        </header>
        <main id="main" class="page" tabindex="-1" node_ref=main>{children()}</main>
        <Undone/>
    }
}

/// Calls the page something in the browser's tab.
pub(crate) fn name_page(title: &str) {
    if let Some(document) = web_sys::window().and_then(|window| window.document()) {
        document.set_title(&match title.is_empty() {
            true => "Vitrine".to_owned(),
            false => format!("{title} · Vitrine"),
        });
    }
}

/// Which practice one works in now, for those who work in several.
#[component]
fn Practices() -> impl IntoView {
    let session: Session = expect_context();
    move || {
        let all = session.me().map(|me| me.memberships).unwrap_or_default();
        (all.len() > 1).then(|| {
            view! {
                <select class="small" aria-label=t("frame.which") prop:value=move || session.place.get().to_string()
                    on:change=move |event| session.place.set(event_target_value(&event).parse().unwrap_or(0))>
                    {all.into_iter().enumerate().map(|(at, one)| view! {
                        <option value=at.to_string() selected=at == session.place.get_untracked()>{one.name}</option>
                    }).collect_view()}
                </select>
            }
        })
    }
}

/// What was deleted last and how it comes back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Undo {
    /// What it was called.
    pub(crate) name: String,
    /// The route that brings it back.
    pub(crate) path: String,
    /// The page on which it is then.
    pub(crate) page: String,
}

#[component]
fn Undone() -> impl IntoView {
    let session: Session = expect_context();
    let trouble = RwSignal::new(None::<Failure>);
    view! {
        <div class="undo-place" role="status">
            {move || session.undo.get().map(|undo| {
                let text = fill(t("undo.deleted"), &[("what", &undo.name)]);
                let back = move |_| {
                    let undo = undo.clone();
                    spawn_local(async move {
                        match api::act("POST", &undo.path).await {
                            Ok(_) => {
                                session.undo.set(None);
                                go(&undo.page);
                            }
                            Err(failure) => trouble.set(Some(failure)),
                        }
                    });
                };
                view! {
                    <div class="undo"><span>{text}</span><Trouble of=trouble/>
                        <button on:click=back>{t("undo.undo")}</button>
                        <button class="plain" on:click=move |_| session.undo.set(None)>{t("undo.close")}</button></div>
                }
            })}
        </div>
    }
}

/// Opens a page anew, as following a link from elsewhere does.
pub(crate) fn go(page: &str) {
    if let Some(window) = web_sys::window() {
        drop(window.location().assign(page));
    }
}

/// What went wrong, where something did.
#[component]
pub(crate) fn Trouble(of: RwSignal<Option<Failure>>) -> impl IntoView {
    move || {
        of.get()
            .map(|failure| view! { <p class="trouble" role="alert">{failure.title}</p> })
    }
}

/// A text field with its name above it.
#[component]
pub(crate) fn Field(
    name: &'static str,
    value: RwSignal<String>,
    #[prop(default = "text")] kind: &'static str,
    #[prop(default = "off")] complete: &'static str,
    #[prop(optional)] required: bool,
    /// Whether one writes here first.
    #[prop(optional)]
    first: bool,
) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    if first {
        focus(input);
    }
    view! {
        <label class="field"><span>{name}</span>
            <input node_ref=input type=kind autocomplete=complete required=required prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))/></label>
    }
}

/// Sets the focus on a field as soon as it is there.
fn focus(input: NodeRef<html::Input>) {
    Effect::new(move |_| {
        if let Some(input) = input.get() {
            request_animation_frame(move || drop(input.focus()));
        }
    });
}

/// A field for several lines.
#[component]
pub(crate) fn Area(
    name: &'static str,
    value: RwSignal<String>,
    #[prop(optional)] required: bool,
) -> impl IntoView {
    view! {
        <label class="field"><span>{name}</span>
            <textarea rows="3" required=required prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))></textarea></label>
    }
}

/// One of some choices: the value of each, and what it is called.
#[component]
pub(crate) fn Choice(
    name: &'static str,
    value: RwSignal<String>,
    #[prop(into)] choices: Signal<Vec<(String, String)>>,
) -> impl IntoView {
    view! {
        <label class="field"><span>{name}</span>
            <select prop:value=move || value.get() on:change=move |event| value.set(event_target_value(&event))>
                {move || choices.get().into_iter().map(|(word, text)| {
                    let selected = word == value.get_untracked();
                    view! { <option value=word selected=selected>{text}</option> }
                }).collect_view()}
            </select></label>
    }
}

/// Choices that are always the same.
pub(crate) fn fixed(choices: &[(&str, &str)]) -> Signal<Vec<(String, String)>> {
    let owned: Vec<_> = choices
        .iter()
        .map(|(word, text)| ((*word).to_owned(), (*text).to_owned()))
        .collect();
    Signal::stored(owned)
}

/// A button that asks first and says what will be lost.
#[component]
pub(crate) fn Sure(
    /// What the button and the one that confirms say.
    name: &'static str,
    /// What will be lost.
    #[prop(into)]
    loss: String,
    act: Callback<()>,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let call = move |method: &str| {
        if let Some(dialog) = dialog.get_untracked() {
            let function = js_sys::Reflect::get(&dialog, &method.into());
            if let Some(function) = function
                .ok()
                .and_then(|found| found.dyn_into::<js_sys::Function>().ok())
            {
                drop(function.call0(&dialog));
            }
        }
    };
    view! {
        <button type="button" class="danger" on:click=move |_| call("showModal")>{name}</button>
        <dialog node_ref=dialog class="sure" aria-label=name>
            <p>{loss}</p>
            <div class="actions">
                <button type="button" class="danger" on:click=move |_| { call("close"); act.run(()); }>{name}</button>
                <button type="button" class="plain" on:click=move |_| call("close")>{t("sure.cancel")}</button>
            </div>
        </dialog>
    }
}

/// Something of the server's that a page shows, read anew after each change.
pub(crate) struct Read<T: 'static> {
    pub(crate) value: RwSignal<Option<T>>,
    pub(crate) trouble: RwSignal<Option<Failure>>,
    path: StoredValue<String>,
}

impl<T> Clone for Read<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Read<T> {}

impl<T: DeserializeOwned + PartialEq + Send + Sync + 'static> Read<T> {
    /// Reads it for the first time.
    pub(crate) fn new(path: impl Into<String>) -> Self {
        let read = Self {
            value: RwSignal::new(None),
            trouble: RwSignal::new(None),
            path: StoredValue::new(path.into()),
        };
        read.again();
        read
    }

    /// Reads it anew.
    pub(crate) fn again(self) {
        let take = move |found| {
            let found = Some(api::of(found)?);
            // What is the same stays in its place, with what people have begun to write there.
            if self.value.try_with_untracked(|value| *value != found) == Some(true) {
                self.value.set(found);
            }
            Ok(())
        };
        read(self.path, self.trouble, Box::new(take));
    }

    /// Does something to it and reads it anew.
    pub(crate) fn act(self, method: &'static str, path: impl Into<String>) {
        self.tell(method, path, Value::Null, || {});
    }

    /// Sends something about it, reads it anew, and goes on where that was taken.
    pub(crate) fn tell(
        self,
        method: &'static str,
        path: impl Into<String>,
        body: Value,
        done: impl FnOnce() + 'static,
    ) {
        let done = move || {
            done();
            self.again();
        };
        tell(method, path.into(), body, self.trouble, Box::new(done));
    }
}

/// Reads JSON from the server, for any type that is made of it.
fn read(
    path: StoredValue<String>,
    trouble: RwSignal<Option<Failure>>,
    take: Box<dyn FnOnce(Value) -> api::Answer<()>>,
) {
    spawn_local(async move {
        let Some(path) = path.try_get_value() else {
            return;
        };
        if let Err(failure) = api::found(&path).await.and_then(take) {
            drop(trouble.try_set(Some(failure)));
        }
    });
}

/// Sends JSON to the server, and goes on where that was taken.
fn tell(
    method: &'static str,
    path: String,
    body: Value,
    trouble: RwSignal<Option<Failure>>,
    done: Box<dyn FnOnce()>,
) {
    trouble.set(None);
    spawn_local(async move {
        let sent = match body.is_null() {
            true => api::act(method, &path).await,
            false => api::tell(method, &path, &body).await,
        };
        match sent {
            Ok(_) => done(),
            Err(failure) => drop(trouble.try_set(Some(failure))),
        }
    });
}
