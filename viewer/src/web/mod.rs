//! The web client: its pages, and who may see which.

#![expect(
    unreachable_pub,
    private_interfaces,
    reason = "the macro that makes components gives some of its functions a wider view"
)]

mod account;
mod api;
mod case;
mod icons;
mod patients;
mod sign_in;
mod thumbnail;
mod today;
mod upload;
mod viewer;

use leptos::mount::mount_to_body;
use leptos::prelude::*;
use leptos_router::components::{A, Route, Router, Routes};
use leptos_router::hooks::use_location;
use leptos_router::path;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use self::api::{Failure, Me};
pub(crate) use self::viewer::sleep as viewer_sleep;
use crate::texts::t;

/// Who looks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Visitor {
    /// Not yet known.
    Unknown,
    /// Nobody is signed in.
    Out,
    /// Somebody is.
    In(Me),
    /// The server could not be asked.
    Lost(Failure),
}

/// Who looks, shared by all pages.
#[derive(Clone, Copy)]
pub(crate) struct Session(pub(crate) RwSignal<Visitor>);

impl Session {
    /// Asks the server who is signed in.
    pub(crate) fn ask(self) {
        spawn_local(async move {
            self.0.set(match api::get::<Me>("/api/me").await {
                Ok(me) => Visitor::In(me),
                Err(failure) if failure.status == 401 => Visitor::Out,
                Err(failure) => Visitor::Lost(failure),
            });
        });
    }

    pub(crate) fn me(self) -> Option<Me> {
        self.0.with(|visitor| match visitor {
            Visitor::In(me) => Some(me.clone()),
            _ => None,
        })
    }
}

/// Shows the client in the page.
#[wasm_bindgen]
pub fn mount() {
    mount_to_body(App);
}

#[component]
fn App() -> impl IntoView {
    let session = Session(RwSignal::new(Visitor::Unknown));
    provide_context(session);
    session.ask();
    view! {
        <Router>
            <Gate/>
        </Router>
    }
}

/// The pages behind the sign-in; before it, the way in.
#[component]
fn Gate() -> impl IntoView {
    let session: Session = expect_context();
    let location = use_location();
    let is_link = move || location.pathname.with(|path| path.starts_with("/link/"));
    // A page is made anew only when who looks changes, not when a detail of them does.
    let stage = Memo::new(move |_| {
        if is_link() {
            return Stage::Link;
        }
        session.0.with(|visitor| match visitor {
            Visitor::Unknown => Stage::Waiting,
            Visitor::Out => Stage::Out,
            Visitor::Lost(_) => Stage::Lost,
            Visitor::In(me) if !me.pending_agreements.is_empty() => Stage::Agreements,
            Visitor::In(me) if me.strength == "single" => Stage::SecondFactor,
            Visitor::In(_) => Stage::In,
        })
    });
    move || match stage.get() {
        Stage::Waiting => view! { <p class="waiting" role="status">{t("wait.opening")}</p> }.into_any(),
        Stage::Link => view! { <sign_in::Link/> }.into_any(),
        Stage::Out => view! { <sign_in::SignIn/> }.into_any(),
        Stage::Lost => view! {
            <main class="narrow"><h1>{t("lost.title")}</h1><p>{t("failure.unreachable")}</p>
                <button class="primary" on:click=move |_| session.ask()>{t("lost.again")}</button></main>
        }
        .into_any(),
        Stage::Agreements => view! { <sign_in::Agreements/> }.into_any(),
        Stage::SecondFactor => view! { <account::SecondFactor/> }.into_any(),
        Stage::In => view! { <Pages/> }.into_any(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Waiting,
    Link,
    Out,
    Lost,
    Agreements,
    SecondFactor,
    In,
}

#[component]
fn Pages() -> impl IntoView {
    view! {
        <Routes fallback=|| view! { <Frame><h1>{t("missing.title")}</h1><p>{t("missing.text")}</p></Frame> }>
            <Route path=path!("/") view=today::Today/>
            <Route path=path!("/patients") view=patients::Patients/>
            <Route path=path!("/patients/:id") view=patients::PatientPage/>
            <Route path=path!("/cases/:id") view=case::CasePage/>
            <Route path=path!("/cases/:id/view") view=viewer::Viewer/>
            <Route path=path!("/cases/:id/view/:item") view=viewer::Viewer/>
            <Route path=path!("/account") view=account::Account/>
        </Routes>
    }
}

/// What stands around a page.
#[component]
pub(crate) fn Frame(children: Children) -> impl IntoView {
    let session: Session = expect_context();
    let is_member = move || session.me().is_some_and(|me| !me.memberships.is_empty());
    let name = move || session.me().map(|me| me.name).unwrap_or_default();
    let is_demo = move || session.me().is_some_and(|me| me.demo);
    let leave = move |_| {
        spawn_local(async move {
            drop(api::act("POST", "/api/sign-out").await);
            session.0.set(Visitor::Out);
        });
    };
    view! {
        <a class="skip" href="#main">{t("frame.skip")}</a>
        {move || is_demo().then(|| view! { <p class="demo" role="note">{t("frame.demo")}</p> })}
        <header class="frame">
            <A href="/" attr:class="brand">"Vitrine"</A>
            <nav aria-label=t("frame.nav")>
                <A href="/" exact=true>{t("frame.today")}</A>
                {move || is_member().then(|| view! { <A href="/patients">{t("frame.patients")}</A> })}
            </nav>
            <span class="grow"></span>
            <A href="/account">{name}</A>
            <button class="plain" on:click=leave>{t("frame.leave")}</button>
        </header>
        <main id="main" class="page">{children()}</main>
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
) -> impl IntoView {
    view! {
        <label class="field"><span>{name}</span>
            <input type=kind autocomplete=complete required=required prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))/></label>
    }
}

/// A number of things in words.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A day as people write it: 12 Mar 2026.
pub(crate) fn day(text: &str) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut parts = text.get(..10).unwrap_or_default().split('-');
    let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next()) else {
        return text.to_owned();
    };
    let name = month
        .parse::<usize>()
        .ok()
        .and_then(|month| MONTHS.get(month.wrapping_sub(1)));
    match (name, day.parse::<u32>()) {
        (Some(name), Ok(day)) => format!("{day} {name} {year}"),
        _ => text.to_owned(),
    }
}
