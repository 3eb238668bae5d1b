//! The small picture of an item that one uploaded oneself.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::api::{self, Artifact};

/// A picture in a frame that has its size before the picture comes.
#[component]
pub(crate) fn Thumbnail(item: String) -> impl IntoView {
    let address = RwSignal::new(None::<String>);
    spawn_local(async move {
        let Ok(artifacts) = api::get::<Vec<Artifact>>(&format!("/api/items/{item}/artifacts")).await else {
            return;
        };
        let Some(thumbnail) = artifacts.iter().find(|artifact| artifact.kind == "thumbnail") else {
            return;
        };
        let Some(part) = thumbnail.parts.first() else {
            return;
        };
        if let Ok(bytes) = api::bytes(&thumbnail.path(&item, &part.name)).await {
            let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes.as_slice()));
            let made = web_sys::Blob::new_with_u8_array_sequence(&parts)
                .and_then(|blob| web_sys::Url::create_object_url_with_blob(&blob));
            address.try_set(made.ok());
        }
    });
    on_cleanup(move || {
        if let Some(address) = address.try_get_untracked().flatten() {
            drop(web_sys::Url::revoke_object_url(&address));
        }
    });
    view! { <span class="thumbnail">{move || address.get().map(|address| view! { <img src=address alt=""/> })}</span> }
}
