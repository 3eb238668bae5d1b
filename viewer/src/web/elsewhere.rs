//! A page that another module of the client shows.

use leptos::prelude::*;

use crate::texts::t;

/// Opens the address anew: the start script then loads the module that shows it.
#[component]
pub(crate) fn Elsewhere() -> impl IntoView {
    // The router writes the address after it has shown the page.
    request_animation_frame(|| {
        if let Some(window) = web_sys::window() {
            drop(window.location().reload());
        }
    });
    view! { <p class="waiting" role="status">{t("wait.opening")}</p> }
}
