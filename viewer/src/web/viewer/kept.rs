//! What stays in this browser: the habits of the hand, and for the session the marks that are not on the server yet, under
//! a key that goes with the tab.

use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::Storage;

use crate::bindings::Habits;
use crate::outbox::Outbox;

const HABITS: &str = "vitrine.habits";
const KEY: &str = "vitrine.session-key";
const KEY_BYTES: u32 = 32;
const NONCE_BYTES: u32 = 12;

fn local() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

fn session() -> Option<Storage> {
    web_sys::window()?.session_storage().ok().flatten()
}

/// The cipher of the browser, by the names of the Web Cryptography API.
fn crypto() -> Option<JsValue> {
    let window = web_sys::window()?;
    Reflect::get(&window, &"crypto".into())
        .ok()
        .filter(|crypto| crypto.is_object())
}

/// Calls a method of the cipher that gives a promise; `None` where the page is no secure one, for then there is none.
async fn subtle(method: &str, arguments: &[JsValue]) -> Option<JsValue> {
    let subtle = Reflect::get(&crypto()?, &"subtle".into()).ok()?;
    let method: Function = Reflect::get(&subtle, &method.into()).ok()?.dyn_into().ok()?;
    let arguments: Array = arguments.iter().collect();
    let promise: Promise = method.apply(&subtle, &arguments).ok()?.dyn_into().ok()?;
    JsFuture::from(promise).await.ok()
}

/// The habits that were chosen last.
pub(super) fn habits() -> Habits {
    let word = local().and_then(|local| local.get_item(HABITS).ok().flatten());
    Habits::named(&word.unwrap_or_default())
}

pub(super) fn keep_habits(habits: Habits) {
    if let Some(local) = local() {
        drop(local.set_item(HABITS, habits.word()));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digits = |i: usize| u8::from_str_radix(hex.get(i..i + 2)?, 16).ok();
    (0..hex.len()).step_by(2).map(digits).collect()
}

fn random(count: u32) -> Option<Vec<u8>> {
    let array = Uint8Array::new_with_length(count);
    let crypto = crypto()?;
    let fill: Function = Reflect::get(&crypto, &"getRandomValues".into())
        .ok()?
        .dyn_into()
        .ok()?;
    fill.call1(&crypto, &array).ok()?;
    Some(array.to_vec())
}

/// The key of this tab.
async fn key() -> Option<JsValue> {
    let session = session()?;
    let known = session
        .get_item(KEY)
        .ok()
        .flatten()
        .and_then(|text| bytes_of(&text));
    let bytes = match known.filter(|bytes| bytes.len() == KEY_BYTES as usize) {
        Some(bytes) => bytes,
        None => {
            let bytes = random(KEY_BYTES)?;
            session.set_item(KEY, &hex(&bytes)).ok()?;
            bytes
        }
    };
    let uses = Array::of2(&"encrypt".into(), &"decrypt".into());
    let raw = Uint8Array::from(bytes.as_slice());
    let arguments: [JsValue; 5] = [
        "raw".into(),
        raw.into(),
        "AES-GCM".into(),
        JsValue::FALSE,
        uses.into(),
    ];
    subtle("importKey", &arguments).await
}

/// AES-GCM with this nonce, for this case.
fn cipher(nonce: &[u8], case: &str) -> Option<JsValue> {
    let cipher = Object::new();
    let put = |name: &str, value: JsValue| Reflect::set(&cipher, &name.into(), &value).ok();
    put("name", "AES-GCM".into())?;
    put("iv", Uint8Array::from(nonce).into())?;
    put("additionalData", Uint8Array::from(case.as_bytes()).into())?;
    Some(cipher.into())
}

fn place(case: &str) -> String {
    format!("vitrine.marks.{case}")
}

/// What waits, encrypted; to be given to [`keep`].
pub(super) async fn sealed(case: &str, outbox: &Outbox) -> Option<String> {
    let text = serde_json::to_vec(outbox).ok()?;
    let (key, nonce) = (key().await?, random(NONCE_BYTES)?);
    let text = Uint8Array::from(text.as_slice());
    let sealed = subtle("encrypt", &[cipher(&nonce, case)?, key, text.into()]).await?;
    let sealed = Uint8Array::new(&sealed).to_vec();
    Some(hex(&nonce) + &hex(&sealed))
}

/// Keeps what was sealed.
pub(super) fn keep(case: &str, sealed: &str) {
    if let Some(local) = local() {
        drop(local.set_item(&place(case), sealed));
    }
}

/// Forgets what was kept.
pub(super) fn forget(case: &str) {
    if let Some(local) = local() {
        drop(local.remove_item(&place(case)));
    }
}

/// What was kept and can still be read; what another session left cannot, and goes.
pub(super) async fn restored(case: &str) -> Option<Outbox> {
    let sealed = local()?.get_item(&place(case)).ok().flatten()?;
    let outbox = opened(case, &sealed).await;
    if outbox.is_none() {
        forget(case);
    }
    outbox
}

async fn opened(case: &str, sealed: &str) -> Option<Outbox> {
    let bytes = bytes_of(sealed)?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES as usize)?;
    let key = key().await?;
    let sealed = Uint8Array::from(sealed);
    let text = subtle("decrypt", &[cipher(nonce, case)?, key, sealed.into()]).await?;
    let text = Uint8Array::new(&text).to_vec();
    serde_json::from_slice(&text).ok()
}
