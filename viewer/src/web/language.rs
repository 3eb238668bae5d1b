//! Which language the pages speak: the start script chooses, by what was chosen in this browser or what the browser
//! prefers, and brings the texts.

use crate::texts::{Language, speak};

/// Where the choice is kept in the browser, for the start script.
const KEY: &str = "vitrine.language";

/// Speaks what the start script has chosen, before the first text is asked for.
pub(crate) fn choose(tag: &str, texts: String) {
    speak(Language::from_tag(tag).unwrap_or(Language::English), texts.leak());
}

/// Keeps another choice and opens the page anew in it.
pub(crate) fn change(language: Language) {
    let Some(window) = web_sys::window() else { return };
    if let Ok(Some(storage)) = window.local_storage() {
        drop(storage.set_item(KEY, language.tag()));
    }
    drop(window.location().reload());
}
