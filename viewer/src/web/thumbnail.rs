//! The small picture of an item: its own where one uploaded it oneself, else one with one's name on it.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::api::{self, Artifact, Item};

/// A picture in a frame that has its size before the picture comes.
#[component]
pub(crate) fn Thumbnail(item: Item) -> impl IntoView {
    let address = RwSignal::new(None::<String>);
    spawn_local(async move {
        let path = match item.own {
            true => own_path(&item.id).await,
            false => Some(format!("/api/items/{}/thumbnail", item.id)),
        };
        let Some(path) = path else { return };
        if let Ok(bytes) = api::bytes(&path).await {
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

/// Where the small picture of one's own item lies, if it has one.
async fn own_path(item: &str) -> Option<String> {
    let artifacts: Vec<Artifact> = api::get(&format!("/api/items/{item}/artifacts")).await.ok()?;
    let thumbnail = artifacts.iter().find(|artifact| artifact.kind == "thumbnail")?;
    Some(thumbnail.path(item, &thumbnail.parts.first()?.name))
}
