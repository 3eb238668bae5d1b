//! Which language the pages speak: what was chosen in this browser, or what the browser prefers.

use wasm_bindgen::JsValue;

use crate::texts::{Language, speak};

/// Where the choice is kept in the browser.
const KEY: &str = "vitrine.language";

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

fn kept() -> Option<Language> {
    let tag = storage()?.get_item(KEY).ok().flatten()?;
    Language::ALL.into_iter().find(|language| language.tag() == tag)
}

/// What the browser prefers, in its order.
fn preferred() -> Language {
    let tags: Vec<String> = js_sys::Reflect::get(&js_sys::global(), &"navigator".into())
        .and_then(|navigator| js_sys::Reflect::get(&navigator, &"languages".into()))
        .map(|list| {
            js_sys::Array::from(&list)
                .iter()
                .filter_map(|tag: JsValue| tag.as_string())
                .collect()
        })
        .unwrap_or_default();
    Language::preferred(tags.iter().map(String::as_str))
}

/// Chooses once, before the first text is asked for.
pub(crate) fn choose() {
    let language = kept().unwrap_or_else(preferred);
    speak(language);
    let root = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.document_element());
    if let Some(root) = root {
        drop(root.set_attribute("lang", language.tag()));
    }
}

/// Keeps another choice and opens the page anew in it.
pub(crate) fn change(language: Language) {
    if let Some(storage) = storage() {
        drop(storage.set_item(KEY, language.tag()));
    }
    if let Some(window) = web_sys::window() {
        drop(window.location().reload());
    }
}
