//! Uploads: folders, ZIPs and files, sent many at once where they are small and in pieces where they are large.
//!
//! What the server has acknowledged it has; a piece that did not arrive is sent again from where the server says it is.

use std::rc::Rc;

use leptos::html;
use leptos::prelude::*;
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    DataTransfer, File, FileSystemDirectoryEntry, FileSystemDirectoryReader, FileSystemEntry,
    FileSystemFileEntry,
};

use super::api::{self, Answer, Failure, UploadSet};
use super::viewer_sleep as sleep;
use crate::texts::t;

/// Files up to this size travel together.
const SMALL_BYTES: f64 = 4e6;
/// Bytes and files of one request that brings many.
const MANY_BYTES: f64 = 24e6;
const MANY_FILES: usize = 500;
/// Bytes of a piece of a large file.
const PIECE_BYTES: f64 = 8_388_608.0;
/// How often the work on a set is asked after, milliseconds.
const ASK_MS: i32 = 300;
/// How often a piece is sent again, and after which time, milliseconds.
const TRIES: u32 = 8;
const AGAIN_MS: i32 = 1_000;

/// A file with the path that it has in its folder.
#[derive(Clone)]
struct Chosen {
    path: String,
    file: File,
}

/// How far an upload is.
#[derive(Clone, Debug, Default, PartialEq)]
struct Progress {
    sent_bytes: f64,
    of_bytes: f64,
    files: usize,
    /// What the pipeline does, and how far it is, 0 to 1.
    step: Option<(String, f64)>,
    /// What became of it: how many items, and refused files with reasons.
    became: usize,
    refused: Vec<(String, String)>,
    failure: Option<Failure>,
    is_done: bool,
}

/// The uploads into a case from this page.
#[derive(Clone, Copy)]
pub(crate) struct Upload {
    case: StoredValue<String>,
    progress: RwSignal<Option<Progress>>,
    shows_face: RwSignal<bool>,
    done: StoredValue<Rc<dyn Fn()>, LocalStorage>,
}

impl Upload {
    pub(crate) fn new(case: String, done: impl Fn() + 'static) -> Self {
        Self {
            case: StoredValue::new(case),
            progress: RwSignal::new(None),
            shows_face: RwSignal::new(false),
            done: StoredValue::new_local(Rc::new(done)),
        }
    }

    /// Takes what was dropped on the page: files, and folders with all that is in them.
    pub(crate) fn drop_in(self, data: &DataTransfer) {
        let items = data.items();
        let entries: Vec<FileSystemEntry> = (0..items.length())
            .filter_map(|i| items.get(i)?.webkit_get_as_entry().ok().flatten())
            .collect();
        spawn_local(async move {
            let mut files = Vec::new();
            for entry in entries {
                walk(entry, &mut files).await;
            }
            self.send(files).await;
        });
    }

    fn choose(self, list: &web_sys::FileList) {
        let files: Vec<Chosen> = (0..list.length())
            .filter_map(|i| {
                let file = list.get(i)?;
                let path = js_sys::Reflect::get(&file, &"webkitRelativePath".into())
                    .ok()
                    .and_then(|path| path.as_string())
                    .filter(|path| !path.is_empty())
                    .unwrap_or_else(|| file.name());
                Some(Chosen { path, file })
            })
            .collect();
        spawn_local(self.send(files));
    }

    async fn send(self, files: Vec<Chosen>) {
        if files.is_empty() {
            return;
        }
        let of_bytes = files.iter().map(|chosen| chosen.file.size()).sum();
        self.progress.set(Some(Progress {
            of_bytes,
            files: files.len(),
            ..Progress::default()
        }));
        if let Err(failure) = self.transfer(files, of_bytes).await {
            self.update(|progress| progress.failure = Some(failure));
        }
    }

    fn update(self, change: impl FnOnce(&mut Progress)) {
        self.progress.try_update(|progress| {
            if let Some(progress) = progress {
                change(progress);
            }
        });
    }

    async fn transfer(self, files: Vec<Chosen>, bytes: f64) -> Answer<()> {
        let biometric = if self.shows_face.get_untracked() {
            "face_or_head"
        } else {
            "no"
        };
        let path = format!("/api/cases/{}/upload-sets", self.case.get_value());
        let set: UploadSet = api::send(
            "POST",
            &path,
            &json!({ "biometric": biometric, "bytes": bytes as u64 }),
        )
        .await?;
        let (small, large): (Vec<_>, Vec<_>) = files
            .into_iter()
            .partition(|chosen| chosen.file.size() <= SMALL_BYTES);
        let mut batch = Vec::new();
        let mut size = 0.0;
        for chosen in small {
            size += chosen.file.size();
            batch.push(chosen);
            if size > MANY_BYTES || batch.len() >= MANY_FILES {
                self.send_many(&set.id, std::mem::take(&mut batch)).await?;
                size = 0.0;
            }
        }
        if !batch.is_empty() {
            self.send_many(&set.id, batch).await?;
        }
        for chosen in large {
            self.send_large(&set.id, &chosen).await?;
        }
        api::act("POST", &format!("/api/upload-sets/{}/close", set.id)).await?;
        self.follow(&set.id).await
    }

    /// Many small files in one request, as `application/vnd.vitrine.files`.
    async fn send_many(self, set: &str, files: Vec<Chosen>) -> Answer<()> {
        let parts = js_sys::Array::new();
        let mut sum = 0.0;
        for chosen in &files {
            let size = chosen.file.size();
            let mut head = Vec::with_capacity(12 + chosen.path.len());
            head.extend_from_slice(&(chosen.path.len() as u32).to_le_bytes());
            head.extend_from_slice(&(size as u64).to_le_bytes());
            head.extend_from_slice(chosen.path.as_bytes());
            parts.push(&js_sys::Uint8Array::from(head.as_slice()));
            parts.push(&chosen.file);
            sum += size;
        }
        let path = format!("/api/upload-sets/{set}/many");
        again(async || {
            let body = web_sys::Blob::new_with_blob_sequence(&parts).map_err(|_| unreadable())?;
            api::request(
                "POST",
                &path,
                Some(body.into()),
                Some("application/vnd.vitrine.files"),
            )
            .await
        })
        .await?;
        self.update(|progress| progress.sent_bytes += sum);
        Ok(())
    }

    /// A large file in pieces (tus 1.0.0).
    async fn send_large(self, set: &str, chosen: &Chosen) -> Answer<()> {
        let size = chosen.file.size();
        let name = encode(&chosen.path);
        let create = async || {
            let init = web_sys::RequestInit::new();
            init.set_method("POST");
            let headers = [
                ("tus-resumable", "1.0.0".to_owned()),
                ("upload-length", format!("{size:.0}")),
                ("upload-metadata", format!("filename {name}")),
            ];
            ask(&format!("/api/upload-sets/{set}/files"), &init, &headers).await
        };
        let response = again(create).await?;
        let place = response
            .headers()
            .get("location")
            .ok()
            .flatten()
            .ok_or_else(unreadable)?;
        let mut offset = 0.0;
        while offset < size {
            let end = (offset + PIECE_BYTES).min(size);
            let piece = chosen
                .file
                .slice_with_f64_and_f64(offset, end)
                .map_err(|_| unreadable())?;
            let append = async || {
                let init = web_sys::RequestInit::new();
                init.set_method("PATCH");
                init.set_body(&piece);
                let headers = [
                    ("tus-resumable", "1.0.0".to_owned()),
                    ("upload-offset", format!("{offset:.0}")),
                    ("content-type", "application/offset+octet-stream".to_owned()),
                ];
                ask(&place, &init, &headers).await
            };
            again(append).await?;
            self.update(|progress| progress.sent_bytes += end - offset);
            offset = end;
        }
        Ok(())
    }

    /// Follows the work on a set to its end.
    async fn follow(self, set: &str) -> Answer<()> {
        loop {
            let now: UploadSet = api::get(&format!("/api/upload-sets/{set}")).await?;
            if let Some(job) = &now.job {
                self.update(|progress| progress.step = step_of(&job.progress));
                if matches!(job.state.as_str(), "done" | "failed") {
                    let outcome = job.outcome.clone().unwrap_or_default();
                    self.update(|progress| {
                        progress.step = None;
                        progress.is_done = true;
                        (progress.became, progress.refused) = report(&outcome);
                        if job.state == "failed" {
                            let title = outcome["reason"]
                                .as_str()
                                .unwrap_or(t("upload.failed"))
                                .to_owned();
                            progress.failure = Some(Failure {
                                status: 0,
                                code: "failed".to_owned(),
                                title,
                            });
                        }
                    });
                    self.done.with_value(|done| done());
                    return Ok(());
                }
            }
            sleep(ASK_MS).await;
        }
    }
}

/// The step that is under way, and how far it is.
fn step_of(progress: &Value) -> Option<(String, f64)> {
    let steps = progress.as_object()?;
    let part = |step: &Value| {
        let number = |name: &str| step[name].as_f64().unwrap_or(0.0);
        match (number("of_bytes"), number("of_count")) {
            (bytes, _) if bytes > 0.0 => number("bytes") / bytes,
            (_, count) if count > 0.0 => number("count") / count,
            _ => 0.0,
        }
    };
    steps
        .iter()
        .filter(|(_, step)| part(step) < 1.0)
        .map(|(name, step)| (name.clone(), part(step)))
        .next()
}

/// What became of a set: how many items, and what was refused for what reason.
fn report(outcome: &Value) -> (usize, Vec<(String, String)>) {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = outcome["items"].as_array().map_or(0, Vec::len);
    let refused = outcome["refused"].as_array().into_iter().flatten();
    (
        items,
        refused
            .map(|refused| (word(&refused["file"]), word(&refused["reason"])))
            .collect(),
    )
}

fn unreadable() -> Failure {
    Failure {
        status: 0,
        code: "unreadable".to_owned(),
        title: t("upload.unreadable").to_owned(),
    }
}

/// Asks with headers of its own.
async fn ask(
    path: &str,
    init: &web_sys::RequestInit,
    headers: &[(&str, String)],
) -> Answer<web_sys::Response> {
    let lost = |_: JsValue| unreadable();
    let request = web_sys::Request::new_with_str_and_init(path, init).map_err(lost)?;
    for (name, value) in headers {
        request.headers().set(name, value).map_err(lost)?;
    }
    api::answered(request).await
}

/// Tries until the server can be reached, a bounded number of times.
async fn again<T>(act: impl AsyncFn() -> Answer<T>) -> Answer<T> {
    let mut tries = 0;
    loop {
        match act().await {
            Err(failure) if tries < TRIES && (failure.status == 0 || failure.status >= 500) => {
                tries += 1;
                sleep(AGAIN_MS * tries as i32).await;
            }
            other => return other,
        }
    }
}

fn encode(text: &str) -> String {
    let binary: String = text.bytes().map(char::from).collect();
    web_sys::window()
        .and_then(|window| window.btoa(&binary).ok())
        .unwrap_or_default()
}

/// All files under an entry.
async fn walk(entry: FileSystemEntry, files: &mut Vec<Chosen>) {
    let mut waiting = vec![entry];
    while let Some(entry) = waiting.pop() {
        let path = entry.full_path().trim_start_matches('/').to_owned();
        if entry.is_file() {
            let entry: FileSystemFileEntry = entry.unchecked_into();
            let promise = js_sys::Promise::new(&mut |done, failed| {
                entry.file_with_callback_and_callback(&done, &failed);
            });
            if let Ok(file) = JsFuture::from(promise).await {
                files.push(Chosen {
                    path,
                    file: file.unchecked_into(),
                });
            }
        } else {
            let entry: FileSystemDirectoryEntry = entry.unchecked_into();
            let reader: FileSystemDirectoryReader = entry.create_reader();
            // A reader gives some at a time, and nothing at the end.
            loop {
                let promise = js_sys::Promise::new(&mut |done, failed| {
                    drop(reader.read_entries_with_callback_and_callback(&done, &failed));
                });
                let Ok(some) = JsFuture::from(promise).await else {
                    break;
                };
                let some: js_sys::Array = some.unchecked_into();
                if some.length() == 0 {
                    break;
                }
                waiting.extend(some.iter().map(JsCast::unchecked_into::<FileSystemEntry>));
            }
        }
    }
}

/// Where files are chosen, and how far they are.
#[component]
pub(crate) fn UploadList(upload: Upload) -> impl IntoView {
    let files = NodeRef::<html::Input>::new();
    let folder = NodeRef::<html::Input>::new();
    let chosen = move |input: NodeRef<html::Input>| {
        move |_| {
            if let Some(input) = input.get_untracked()
                && let Some(list) = input.files()
            {
                upload.choose(&list);
                input.set_value("");
            }
        }
    };
    Effect::new(move |_| {
        if let Some(folder) = folder.get() {
            drop(folder.set_attribute("webkitdirectory", ""));
        }
    });
    view! {
        <div class="upload">
            <p>{t("upload.drop")}</p>
            <label class="button">{t("upload.files")}<input node_ref=files class="hidden" type="file" multiple on:change=chosen(files)/></label>
            " "
            <label class="button">{t("upload.folder")}<input node_ref=folder class="hidden" type="file" multiple on:change=chosen(folder)/></label>
            <label class="check"><input type="checkbox" prop:checked=move || upload.shows_face.get()
                on:change=move |event| upload.shows_face.set(event_target_checked(&event))/>{t("upload.face")}</label>
            {move || upload.progress.get().map(|progress| view! { <Shown progress/> })}
        </div>
    }
}

#[component]
fn Shown(progress: Progress) -> impl IntoView {
    let part = if progress.of_bytes > 0.0 {
        progress.sent_bytes / progress.of_bytes
    } else {
        1.0
    };
    let megabytes = |bytes: f64| format!("{:.1}", bytes / 1e6);
    view! {
        <div class="progress" role="status" data-done=progress.is_done.to_string()>
            {(!progress.is_done && progress.failure.is_none()).then(|| match &progress.step {
                Some((step, part)) => view! {
                    <p>{t("upload.working")} " " {step.clone()}</p><progress max="1" value=part.to_string()></progress>
                }.into_any(),
                None => view! {
                    <p class="number">{format!("{} · {} / {} MB", super::count(progress.files, t("upload.file"), t("upload.many")), megabytes(progress.sent_bytes), megabytes(progress.of_bytes))}</p>
                    <progress max="1" value=part.to_string()></progress>
                    <p class="quiet">{t("upload.safe")}</p>
                }.into_any(),
            })}
            {progress.failure.clone().map(|failure| view! { <p class="trouble" role="alert">{failure.title}</p> })}
            {(progress.is_done && progress.failure.is_none()).then(|| view! {
                <p>{super::count(progress.became, t("upload.item"), t("upload.items"))} " " {t("upload.became")}</p>
            })}
            {(!progress.refused.is_empty()).then(|| view! {
                <p class="caution">{t("upload.refused")}</p>
                <ul>{progress.refused.into_iter().map(|(file, reason)| view! { <li><strong>{file}</strong> " " {reason}</li> }).collect_view()}</ul>
            })}
        </div>
    }
}
