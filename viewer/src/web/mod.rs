//! The web client: its pages, and who may see which.
//!
//! Browsers load it in two modules, by the features `pages` and `viewer`, so that the way in does not wait for the
//! renderer. A page that a module does not have is opened anew, and the start script loads the other.

#![cfg_attr(
    not(all(feature = "pages", feature = "viewer")),
    allow(dead_code, reason = "each module has a part of the pages")
)]
#![expect(
    unreachable_pub,
    reason = "the macro that makes components gives some of its functions a wider view"
)]

mod account;
mod agreements;
mod api;
mod audit;
mod case;
mod case_items;
mod case_people;
mod dates;
#[cfg(not(all(feature = "pages", feature = "viewer")))]
mod elsewhere;
mod frame;
mod icons;
mod language;
mod news;
mod own;
mod passkeys;
mod patient;
mod patients;
mod practice;
mod record;
mod sights;
mod sign_in;
mod socket;
mod thumbnail;
mod today;
mod upload;
mod upload_list;
mod viewer;

use leptos::mount::mount_to_body;
use leptos::prelude::*;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::hooks::use_location;
use leptos_router::path;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use self::api::{Failure, Me, Membership};
#[cfg(not(feature = "viewer"))]
use self::elsewhere::Elsewhere as Viewer;
#[cfg(not(feature = "pages"))]
use self::elsewhere::{
    Elsewhere as Account, Elsewhere as AuditPage, Elsewhere as CasePage, Elsewhere as PatientPage,
    Elsewhere as Patients, Elsewhere as PracticePage, Elsewhere as RecordPage, Elsewhere as Today,
};
use self::frame::{Frame, Undo};
#[cfg(feature = "viewer")]
use self::viewer::Viewer;
pub(crate) use self::viewer::sleep as viewer_sleep;
#[cfg(feature = "pages")]
use self::{
    account::Account, audit::AuditPage, case::CasePage, patient::PatientPage, patients::Patients,
    practice::PracticePage, record::RecordPage, today::Today,
};
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

/// Who looks and where, shared by all pages.
#[derive(Clone, Copy)]
pub(crate) struct Session {
    pub(crate) visitor: RwSignal<Visitor>,
    /// Which of one's practices one works in.
    pub(crate) place: RwSignal<usize>,
    /// What was deleted last.
    pub(crate) undo: RwSignal<Option<Undo>>,
    /// Pages that were shown.
    pages: StoredValue<u32>,
}

impl Session {
    fn new() -> Self {
        Self {
            visitor: RwSignal::new(Visitor::Unknown),
            place: RwSignal::new(0),
            undo: RwSignal::new(None),
            pages: StoredValue::new(0),
        }
    }

    /// Asks the server who is signed in.
    pub(crate) fn ask(self) {
        spawn_local(async move {
            self.visitor
                .set(match api::get::<api::Visit>("/api/visitor").await {
                    Ok(api::Visit { me: Some(me) }) => {
                        tell_start();
                        Visitor::In(me)
                    }
                    Ok(api::Visit { me: None }) => Visitor::Out,
                    Err(failure) => Visitor::Lost(failure),
                });
        });
    }

    pub(crate) fn me(self) -> Option<Me> {
        self.visitor.with(|visitor| match visitor {
            Visitor::In(me) => Some(me.clone()),
            _ => None,
        })
    }

    /// The practice that one works in now.
    pub(crate) fn practice(self) -> Option<Membership> {
        let all = self.me()?.memberships;
        all.get(self.place.get()).or(all.first()).cloned()
    }

    /// Whether this is not the first page of the visit.
    pub(crate) fn has_moved(self) -> bool {
        let before = self.pages.get_value();
        self.pages.set_value(before + 1);
        before > 0
    }
}

/// Shows the client in the page, in a language with its catalog of texts.
#[wasm_bindgen]
pub fn mount(language: &str, texts: String) {
    language::choose(language, texts);
    mount_to_body(App);
}

#[component]
fn App() -> impl IntoView {
    let session = Session::new();
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
        session.visitor.with(|visitor| match visitor {
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
        Stage::Lost => view! {
            <main class="narrow"><h1>{t("lost.title")}</h1><p>{t("failure.unreachable")}</p>
                <button class="primary" on:click=move |_| session.ask()>{t("lost.again")}</button></main>
        }
        .into_any(),
        Stage::In => view! { <Pages/> }.into_any(),
        before => view! { <WayIn stage=before/> }.into_any(),
    }
}

/// What is to be done before one is in.
#[cfg(feature = "pages")]
#[component]
fn WayIn(stage: Stage) -> impl IntoView {
    match stage {
        Stage::Link => view! { <sign_in::Link/> }.into_any(),
        Stage::Agreements => view! { <agreements::Before/> }.into_any(),
        Stage::SecondFactor => view! { <account::SecondFactor/> }.into_any(),
        _ => view! { <sign_in::SignIn/> }.into_any(),
    }
}

/// The way in is in the other module, which leads back here.
#[cfg(not(feature = "pages"))]
#[component]
fn WayIn(stage: Stage) -> impl IntoView {
    let _ = stage;
    let here = use_location().pathname.get_untracked();
    frame::go(&format!("/?{NEXT}={here}"));
    view! { <p class="waiting" role="status">{t("wait.opening")}</p> }
}

/// Name of what the address says after `?` where one wanted to go before the way in.
const NEXT: &str = "next";

/// Where one wanted to go: a page of this server's.
fn wanted_next() -> Option<String> {
    let search = web_sys::window()?.location().search().ok()?;
    let next = search
        .trim_start_matches('?')
        .strip_prefix(NEXT)?
        .strip_prefix('=')?;
    let is_viewer = next.starts_with("/cases/") || next.starts_with("/captures/");
    is_viewer.then(|| next.to_owned())
}

/// Tells the start script that somebody is in, who will open a case.
fn tell_start() {
    if let Some(window) = web_sys::window()
        && let Ok(event) = web_sys::Event::new("vitrine-in")
    {
        drop(window.dispatch_event(&event));
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
    if let Some(next) = wanted_next() {
        frame::go(&next);
    }
    view! {
        <Routes fallback=|| view! { <Frame title=t("missing.title")><h1>{t("missing.title")}</h1><p>{t("missing.text")}</p></Frame> }>
            <Route path=path!("/") view=Today/>
            <Route path=path!("/patients") view=Patients/>
            <Route path=path!("/patients/:id") view=PatientPage/>
            <Route path=path!("/practice") view=PracticePage/>
            <Route path=path!("/audit") view=AuditPage/>
            <Route path=path!("/record") view=RecordPage/>
            <Route path=path!("/cases/:id") view=CasePage/>
            <Route path=path!("/cases/:id/view") view=Viewer/>
            <Route path=path!("/cases/:id/view/:item") view=Viewer/>
            <Route path=path!("/captures/:capture") view=Viewer/>
            <Route path=path!("/account") view=Account/>
        </Routes>
    }
}
