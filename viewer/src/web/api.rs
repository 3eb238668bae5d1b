//! Questions to the server and what it answers.

use std::cell::Cell;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, RequestInit, Response};

/// Why there is no answer, in words for people.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    /// HTTP status; 0 where the server could not be reached.
    pub(crate) status: u16,
    /// Stable name of the problem.
    pub(crate) code: String,
    /// One sentence.
    pub(crate) title: String,
}

impl Failure {
    fn unreachable() -> Self {
        Self {
            status: 0,
            code: "unreachable".to_owned(),
            title: crate::texts::t("failure.unreachable").to_owned(),
        }
    }
}

pub(crate) type Answer<T> = Result<T, Failure>;

#[derive(Deserialize)]
struct Problem {
    code: String,
    title: String,
}

/// Sends a request; an answer that is a problem is a failure.
pub(crate) async fn request(
    method: &str,
    path: &str,
    body: Option<JsValue>,
    media: Option<&str>,
) -> Answer<Response> {
    let lost = |_: JsValue| Failure::unreachable();
    let init = RequestInit::new();
    init.set_method(method);
    if let Some(body) = &body {
        init.set_body(body);
    }
    let request = Request::new_with_str_and_init(path, &init).map_err(lost)?;
    if let Some(media) = media {
        request.headers().set("content-type", media).map_err(lost)?;
    }
    answered(request).await
}

/// The answer to a request; one that is a problem is a failure.
pub(crate) async fn answered(request: Request) -> Answer<Response> {
    let lost = |_: JsValue| Failure::unreachable();
    let window = web_sys::window().ok_or_else(Failure::unreachable)?;
    // What goes wrong is told in the language of the page, which may be another than the browser's.
    let language = crate::texts::spoken().tag();
    request.headers().set("accept-language", language).map_err(lost)?;
    let response = JsFuture::from(window.fetch_with_request(&request))
        .await
        .map_err(lost)?;
    let response: Response = response.dyn_into().map_err(lost)?;
    if response.ok() {
        return Ok(response);
    }
    let problem = match response.text() {
        Ok(text) => JsFuture::from(text).await.ok().and_then(|text| text.as_string()),
        Err(_) => None,
    };
    let problem = problem.and_then(|text| serde_json::from_str(&text).ok());
    let problem = problem.and_then(|value| of::<Problem>(value).ok());
    let status = response.status();
    Err(match problem {
        Some(problem) => Failure {
            status,
            // What needs no detail is said in the language of the page.
            title: crate::texts::of_word("problem", &problem.code).map_or(problem.title, str::to_owned),
            code: problem.code,
        },
        None => Failure {
            status,
            code: "unknown".to_owned(),
            title: crate::texts::t("failure.unknown").to_owned(),
        },
    })
}

/// The JSON of an answer.
async fn json(response: Response) -> Answer<Value> {
    let text = response.text().map_err(|_| unreadable())?;
    let text = JsFuture::from(text).await.map_err(|_| Failure::unreachable())?;
    serde_json::from_str(&text.as_string().unwrap_or_default()).map_err(|_| unreadable())
}

fn unreadable() -> Failure {
    Failure {
        status: 200,
        code: "unreadable".to_owned(),
        title: crate::texts::t("failure.unknown").to_owned(),
    }
}

/// What JSON says. All JSON is read by one piece of code, which is large, and then taken apart by a small one a type.
pub(crate) fn of<T: DeserializeOwned>(found: Value) -> Answer<T> {
    crate::json::of(found).map_err(|_| unreadable())
}

/// Asks for something.
pub(crate) async fn get<T: DeserializeOwned>(path: &str) -> Answer<T> {
    of(found(path).await?)
}

/// Asks for something, as JSON.
pub(crate) async fn found(path: &str) -> Answer<Value> {
    let response = match early(path).await {
        Some(response) => response,
        None => request("GET", path, None, None).await?,
    };
    json(response).await
}

/// What the page has asked for before this module was there; once, and nothing where it failed.
async fn early(path: &str) -> Option<Response> {
    let all = js_sys::Reflect::get(&js_sys::global(), &"early".into()).ok()?;
    let all = all.dyn_ref::<js_sys::Map>()?;
    let promise = all.get(&path.into()).dyn_into::<js_sys::Promise>().ok()?;
    all.delete(&path.into());
    let response = JsFuture::from(promise).await.ok()?;
    response.dyn_into::<Response>().ok().filter(Response::ok)
}

/// Sends something and reads what comes back.
pub(crate) async fn send<B: Serialize, T: DeserializeOwned>(method: &str, path: &str, body: &B) -> Answer<T> {
    of(json(tell(method, path, body).await?).await?)
}

/// Sends something of which nothing comes back.
pub(crate) async fn tell<B: Serialize>(method: &str, path: &str, body: &B) -> Answer<Response> {
    tell_text(method, path, serde_json::to_string(body).unwrap_or_default()).await
}

async fn tell_text(method: &str, path: &str, json: String) -> Answer<Response> {
    request(method, path, Some(json.into()), Some("application/json")).await
}

/// Asks without a body: to delete, to close.
pub(crate) async fn act(method: &str, path: &str) -> Answer<Response> {
    request(method, path, None, None).await
}

/// Bytes that are read at once, at most.
const PIECE_BYTES: u32 = 256 << 10;

thread_local! {
    /// A buffer that streams are read into, while none is read.
    static BUFFER: Cell<Option<js_sys::ArrayBuffer>> = const { Cell::new(None) };
}

/// Bytes as they arrive, all or some of them. `take` says whether more are wanted.
pub(crate) async fn stream(
    path: &str,
    range: Option<std::ops::Range<u64>>,
    mut take: impl AsyncFnMut(Vec<u8>) -> bool,
) -> Answer<()> {
    let request = Request::new_with_str(path).map_err(|_| Failure::unreachable())?;
    if let Some(range) = range {
        let text = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let header = request.headers().set("range", &text);
        header.map_err(|_| Failure::unreachable())?;
    }
    let response = answered(request).await?;
    let Some(body) = response.body() else {
        return Ok(());
    };
    // One buffer goes to the stream and comes back: a new one for each piece would stay in the memory of the tab until
    // garbage is collected, many times the pieces. Where the browser cannot do that, it makes them.
    let options = js_sys::Object::new();
    drop(js_sys::Reflect::set(&options, &"mode".into(), &"byob".into()));
    let own = called(&body, "getReader", &options);
    let mut buffer = own.as_ref().map(|_| {
        BUFFER
            .take()
            .unwrap_or_else(|| js_sys::ArrayBuffer::new(PIECE_BYTES))
    });
    let reader = own.or_else(|| called(&body, "getReader", &JsValue::UNDEFINED));
    let reader = reader.ok_or_else(Failure::unreachable)?;
    loop {
        let into = buffer
            .as_ref()
            .map(|buffer| js_sys::Uint8Array::new(buffer).into());
        let step = called(&reader, "read", &into.unwrap_or(JsValue::UNDEFINED));
        let step: js_sys::Promise = step.ok_or_else(Failure::unreachable)?.unchecked_into();
        let step = JsFuture::from(step).await.map_err(|_| Failure::unreachable())?;
        let field = |name: &str| js_sys::Reflect::get(&step, &name.into()).unwrap_or(JsValue::UNDEFINED);
        let value = field("value");
        let array = value.dyn_ref::<js_sys::Uint8Array>();
        if let (Some(buffer), Some(array)) = (&mut buffer, array) {
            *buffer = array.buffer();
        }
        if field("done").is_truthy() {
            BUFFER.set(buffer);
            return Ok(());
        }
        let piece = array.map_or_else(Vec::new, js_sys::Uint8Array::to_vec);
        if !take(piece).await {
            BUFFER.set(buffer);
            drop(called(&reader, "cancel", &JsValue::UNDEFINED));
            return Ok(());
        }
    }
}

/// What a method gives; nothing where there is none, or it fails.
fn called(of: &JsValue, method: &str, argument: &JsValue) -> Option<JsValue> {
    let method = js_sys::Reflect::get(of, &method.into()).ok()?;
    method.dyn_ref::<js_sys::Function>()?.call1(of, argument).ok()
}

/// All bytes of a part.
pub(crate) async fn bytes(path: &str) -> Answer<Vec<u8>> {
    let mut all = Vec::new();
    stream(path, None, async |piece| {
        all.extend_from_slice(&piece);
        true
    })
    .await?;
    Ok(all)
}

/// Who looks: nobody where there is no `me`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Visit {
    pub(crate) me: Option<Me>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Me {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) strength: String,
    pub(crate) memberships: Vec<Membership>,
    pub(crate) records: Vec<Record>,
    pub(crate) pending_agreements: Vec<Agreement>,
    pub(crate) demo: bool,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Membership {
    pub(crate) practice: String,
    pub(crate) name: String,
    pub(crate) role: String,
}

/// A profile that one sees as the patient or as a guardian.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Record {
    pub(crate) patient: String,
    pub(crate) link: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Agreement {
    pub(crate) kind: String,
    pub(crate) version: u32,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Patient {
    pub(crate) id: String,
    pub(crate) version: u64,
    pub(crate) demographics: Demographics,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Demographics {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) born: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sex: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gender: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) contact: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) race: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) eye_color: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) height_cm: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) practice: String,
    pub(crate) patient: Option<String>,
    pub(crate) title: String,
    pub(crate) date: Option<String>,
    pub(crate) state: String,
    pub(crate) sharing: String,
    pub(crate) names: String,
    pub(crate) created: String,
    pub(crate) version: u64,
    /// Whether one may add files; told of one case alone.
    #[serde(default)]
    pub(crate) takes_uploads: Option<bool>,
    /// Whether one may mark it, and take away what others marked; told of one case alone.
    #[serde(default)]
    pub(crate) annotates: Option<bool>,
    #[serde(default)]
    pub(crate) withdraws: Option<bool>,
    /// One's color in it; told of one case alone.
    #[serde(default)]
    pub(crate) color: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) modality: Option<String>,
    pub(crate) own: bool,
    pub(crate) created: String,
    #[serde(default)]
    pub(crate) findings: Vec<Finding>,
    /// What tells which items share a frame of reference; of one's own items only.
    #[serde(default)]
    pub(crate) frame: Option<String>,
    /// In whose space it lies, and where; told in the list of a case.
    #[serde(default)]
    pub(crate) space: Option<Space>,
    /// What it was laid onto; told in the list of a case.
    #[serde(default)]
    pub(crate) registration: Option<Registration>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Space {
    pub(crate) item: String,
    pub(crate) from_item: [f64; 16],
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Registration {
    pub(crate) id: String,
    pub(crate) onto: String,
    pub(crate) state: String,
    pub(crate) residual_mm: f64,
    pub(crate) percentile_95_mm: f64,
    pub(crate) agreeing: f64,
}

impl Item {
    /// Takes points of this item to where they are in another one's millimeters; nothing where the two do not lie in one
    /// space.
    pub(crate) fn motion_to(&self, other: &Self) -> Option<geometry::DAffine3> {
        match (&self.space, &other.space) {
            (Some(from), Some(to)) => (from.item == to.item)
                .then(|| domain::from_rows(&to.from_item).inverse() * domain::from_rows(&from.from_item)),
            _ => (self.frame.is_some() && self.frame == other.frame).then_some(geometry::DAffine3::IDENTITY),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Finding {
    #[serde(default)]
    pub(crate) severity: String,
    pub(crate) message: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Artifact {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

impl Artifact {
    /// Where a part of it is read.
    pub(crate) fn path(&self, item: &str, part: &str) -> String {
        format!("/api/items/{item}/artifacts/{}/{part}", self.id)
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Grant {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) right: String,
    pub(crate) until: String,
    pub(crate) live: bool,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Annotation {
    pub(crate) id: String,
    pub(crate) item: Option<String>,
    pub(crate) author: String,
    pub(crate) author_color: u8,
    pub(crate) version: u64,
    pub(crate) geometry: domain::AnnotationGeometry,
    pub(crate) label: Option<String>,
    #[serde(default)]
    pub(crate) color: Option<domain::MarkColor>,
    #[serde(default)]
    pub(crate) comments: Vec<Comment>,
}

impl Annotation {
    /// What it says.
    pub(crate) fn content(&self) -> crate::outbox::Content {
        crate::outbox::Content {
            item: self.item.clone(),
            geometry: self.geometry.clone(),
            label: self.label.clone(),
            color: self.color,
        }
    }

    /// Its color, or its author's, as it is written in styles.
    pub(crate) fn css(&self) -> &'static str {
        match self.color {
            Some(color) => crate::marking::css_of(color),
            None => crate::together::css_of_person(self.author_color),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Comment {
    pub(crate) id: String,
    pub(crate) author: String,
    pub(crate) author_color: u8,
    /// What its author is called.
    #[serde(default)]
    pub(crate) author_name: Option<String>,
    pub(crate) text: String,
    /// Empty until the server has it.
    pub(crate) created: String,
}

impl Comment {
    /// Whether the server does not have it yet.
    pub(crate) fn is_waiting(&self) -> bool {
        self.created.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct SavedView {
    pub(crate) id: String,
    pub(crate) author: String,
    pub(crate) body: Value,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct SavedTour {
    pub(crate) id: String,
    pub(crate) author: String,
    pub(crate) body: TourBody,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct TourBody {
    pub(crate) title: String,
    pub(crate) views: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct UploadSet {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) files: usize,
    pub(crate) job: Option<Job>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Job {
    pub(crate) state: String,
    pub(crate) progress: Value,
    pub(crate) outcome: Option<Value>,
}
