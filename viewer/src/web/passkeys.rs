//! Passkeys: the browser's side of setting one up and of signing in with one (WebAuthn level 3, section 5).

use serde_json::{Value, json};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::api::{self, Answer, Failure};
use crate::texts::t;

/// Whether this browser knows passkeys.
pub(crate) fn are_known() -> bool {
    class().is_some()
}

fn class() -> Option<JsValue> {
    let window = web_sys::window()?;
    let class = js_sys::Reflect::get(&window, &"PublicKeyCredential".into()).ok()?;
    class.is_function().then_some(class)
}

/// Sets a passkey up for whoever is signed in.
pub(crate) async fn enroll() -> Answer<()> {
    let begun: Value = api::send("POST", "/api/me/passkeys/start", &json!({})).await?;
    let made = ceremony("create", "parseCreationOptionsFromJSON", &begun).await?;
    api::tell("POST", "/api/me/passkeys/finish", &made).await?;
    Ok(())
}

/// Signs in with a passkey that the person chooses.
pub(crate) async fn sign_in() -> Answer<()> {
    let begun: Value = api::send("POST", "/api/sign-in/passkey/start", &json!({})).await?;
    let got = ceremony("get", "parseRequestOptionsFromJSON", &begun).await?;
    api::tell("POST", "/api/sign-in/passkey/finish", &got).await?;
    Ok(())
}

/// Lets the browser do its part: what the second step of the server takes.
async fn ceremony(method: &str, parser: &str, begun: &Value) -> Answer<Value> {
    let credential = ask(method, parser, &begun["options"]["publicKey"])
        .await
        .map_err(|_| Failure {
            status: 0,
            code: "passkey".to_owned(),
            title: t("passkey.refused").to_owned(),
        })?;
    Ok(json!({ "ceremony": begun["ceremony"], "credential": credential }))
}

async fn ask(method: &str, parser: &str, options: &Value) -> Result<Value, JsValue> {
    let class = class().ok_or(JsValue::NULL)?;
    let options = js_sys::JSON::parse(&options.to_string())?;
    let options = call(&class, parser, &options)?;
    let wrapped = js_sys::Object::new();
    js_sys::Reflect::set(&wrapped, &"publicKey".into(), &options)?;
    let navigator = js_sys::Reflect::get(&js_sys::global(), &"navigator".into())?;
    let credentials = js_sys::Reflect::get(&navigator, &"credentials".into())?;
    let promise: js_sys::Promise = call(&credentials, method, &wrapped)?.dyn_into()?;
    let credential = JsFuture::from(promise).await?;
    let text = js_sys::JSON::stringify(&credential)?;
    serde_json::from_str(&String::from(text)).map_err(|_| JsValue::NULL)
}

fn call(of: &JsValue, name: &str, argument: &JsValue) -> Result<JsValue, JsValue> {
    let function: js_sys::Function = js_sys::Reflect::get(of, &name.into())?.dyn_into()?;
    function.call1(of, argument)
}
