//! Uploads: folders, ZIPs and files, sent many at once where they are small and in pieces where they are large.
//!
//! What the server has acknowledged it has. A piece that did not arrive is sent again; after the page was closed, the
//! server tells which files of the set it has and how much of each, and only the rest is sent.

use std::collections::HashMap;
use std::rc::Rc;

use leptos::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    DataTransfer, File, FileSystemDirectoryEntry, FileSystemDirectoryReader, FileSystemEntry,
    FileSystemFileEntry,
};

use super::api::{self, Answer, Failure, UploadSet};
use super::viewer_sleep as sleep;
use crate::texts::{of_word, t};

/// Files up to this size travel together.
const SMALL_BYTES: f64 = 4e6;
/// Bytes and files of one request that brings many.
const MANY_BYTES: f64 = 24e6;
const MANY_FILES: usize = 500;
/// Bytes of a piece of a large file.
const PIECE_BYTES: f64 = 8_388_608.0;
/// How often the work on a set is asked after, and whether a pause is over, milliseconds.
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

/// A file that the server knows of.
#[derive(Clone, Deserialize)]
struct Arrived {
    id: String,
    path: String,
    bytes: f64,
    received: f64,
}

/// What became of one file, or of several that became one item.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Became {
    pub(crate) name: String,
    /// What it is, in words.
    pub(crate) what: String,
}

/// Where an upload stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Bytes are on their way.
    #[default]
    Sending,
    /// The person has stopped them for a while.
    Paused,
    /// The server works on what has arrived.
    Working,
    /// It is over.
    Done,
}

/// How far an upload is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    pub(crate) phase: Phase,
    pub(crate) sent_bytes: f64,
    pub(crate) of_bytes: f64,
    pub(crate) files: usize,
    /// What the pipeline does, and how far it is, 0 to 1.
    pub(crate) step: Option<(String, f64)>,
    pub(crate) became: Vec<Became>,
    /// Files that nothing was made of, with the reason.
    pub(crate) refused: Vec<(String, String)>,
    pub(crate) failure: Option<Failure>,
    /// The set, where the work on it has failed and can be tried again.
    pub(crate) failed: Option<String>,
    /// When bytes began to go, milliseconds, and how many had gone before.
    pub(crate) begun: (f64, f64),
}

/// How the work on a set begins.
enum Begin {
    /// It has begun already.
    Already,
    /// What has arrived is all that comes.
    Close,
    /// It has failed, and is tried again.
    Retry,
}

/// A set that was broken off: the page was closed before all files had arrived.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Broken {
    pub(crate) set: String,
    pub(crate) files: usize,
}

/// The uploads into a case, or one's own space, from this page.
#[derive(Clone, Copy)]
pub(crate) struct Upload {
    /// Where sets are opened.
    sets: StoredValue<String>,
    pub(crate) progress: RwSignal<Option<Progress>>,
    pub(crate) broken: RwSignal<Option<Broken>>,
    pub(crate) shows_face: RwSignal<bool>,
    is_paused: RwSignal<bool>,
    done: StoredValue<Rc<dyn Fn()>, LocalStorage>,
}

impl Upload {
    pub(crate) fn into_case(case: &str, done: impl Fn() + 'static) -> Self {
        Self::new(format!("/api/cases/{case}/upload-sets"), Rc::new(done))
    }

    pub(crate) fn into_space(done: impl Fn() + 'static) -> Self {
        Self::new("/api/space/upload-sets".to_owned(), Rc::new(done))
    }

    /// Whether files can be dropped on the page for it, as on that of a case.
    pub(crate) fn can_drop(self) -> bool {
        self.sets.with_value(|sets| sets.starts_with("/api/cases/"))
    }

    fn new(sets: String, done: Rc<dyn Fn()>) -> Self {
        Self {
            sets: StoredValue::new(sets),
            progress: RwSignal::new(None),
            broken: RwSignal::new(None),
            shows_face: RwSignal::new(false),
            is_paused: RwSignal::new(false),
            done: StoredValue::new_local(done),
        }
    }

    /// Looks for what was begun before this page was opened: follows what is worked on, and offers to go on with what
    /// was broken off.
    pub(crate) fn go_on(self) {
        spawn_local(async move {
            let path = self.sets.get_value();
            let Ok(sets) = api::get::<Vec<UploadSet>>(&path).await else {
                return;
            };
            for set in sets {
                match set.state.as_str() {
                    "open" if set.files > 0 => drop(self.broken.try_set(Some(Broken {
                        set: set.id,
                        files: set.files,
                    }))),
                    "open" => {}
                    _ => self.work(set.id, set.files, Begin::Already).await,
                }
            }
        });
    }

    /// Stops sending for a while, or goes on.
    pub(crate) fn pause(self) {
        self.is_paused.update(|paused| *paused = !*paused);
        let phase = if self.is_paused.get_untracked() {
            Phase::Paused
        } else {
            Phase::Sending
        };
        self.update(|progress| progress.phase = phase);
    }

    /// Works on what has arrived of a broken set, without the rest.
    pub(crate) fn finish(self, broken: Broken) {
        self.broken.set(None);
        spawn_local(self.work(broken.set, broken.files, Begin::Close));
    }

    /// Has the work on a set that has failed tried again.
    pub(crate) fn retry(self, set: String, files: usize) {
        spawn_local(self.work(set, files, Begin::Retry));
    }

    /// Begins the work on a set, and follows it to its end.
    async fn work(self, set: String, files: usize, begin: Begin) {
        self.progress.try_set(Some(Progress {
            phase: Phase::Working,
            files,
            ..Progress::default()
        }));
        let worked = async {
            match begin {
                Begin::Already => {}
                Begin::Close => {
                    drop_incomplete(&set).await?;
                    return self.close(&set).await;
                }
                Begin::Retry => drop(api::act("POST", &format!("/api/upload-sets/{set}/retry")).await?),
            }
            self.follow(&set).await
        };
        if let Err(failure) = worked.await {
            self.update(|progress| progress.failure = Some(failure));
        }
    }

    /// Throws away what has arrived of a broken set.
    pub(crate) fn drop_broken(self, broken: Broken) {
        spawn_local(async move {
            match api::act("DELETE", &format!("/api/upload-sets/{}", broken.set)).await {
                Ok(_) => drop(self.broken.try_set(None)),
                Err(failure) => drop(self.progress.try_set(Some(Progress {
                    failure: Some(failure),
                    ..Progress::default()
                }))),
            }
        });
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

    pub(crate) fn choose(self, list: &web_sys::FileList) {
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
        self.is_paused.set(false);
        self.progress.set(Some(Progress {
            of_bytes,
            files: files.len(),
            begun: (js_sys::Date::now(), 0.0),
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

    /// Waits while the person has stopped the upload; an error where the page is gone.
    async fn unless_paused(self) -> Answer<()> {
        while self.is_paused.try_get_untracked().ok_or_else(unreadable)? {
            sleep(ASK_MS).await;
        }
        Ok(())
    }

    async fn transfer(self, files: Vec<Chosen>, bytes: f64) -> Answer<()> {
        let (set, known) = self.set_for(bytes).await?;
        let there: HashMap<&str, &Arrived> = known.iter().map(|file| (file.path.as_str(), file)).collect();
        let is_whole = |chosen: &Chosen| {
            there
                .get(chosen.path.as_str())
                .is_some_and(|file| file.bytes == chosen.file.size() && file.received == file.bytes)
        };
        let (whole, rest): (Vec<_>, Vec<_>) = files.into_iter().partition(is_whole);
        let kept: f64 = whole.iter().map(|chosen| chosen.file.size()).sum();
        self.update(|progress| {
            progress.sent_bytes += kept;
            progress.begun.1 = kept;
        });
        let is_begun = |chosen: &Chosen| there.contains_key(chosen.path.as_str());
        let (small, large): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|chosen| chosen.file.size() <= SMALL_BYTES && !is_begun(chosen));
        let mut batch = Vec::new();
        let mut size = 0.0;
        for chosen in small {
            size += chosen.file.size();
            batch.push(chosen);
            if size > MANY_BYTES || batch.len() >= MANY_FILES {
                self.send_many(&set, std::mem::take(&mut batch)).await?;
                size = 0.0;
            }
        }
        if !batch.is_empty() {
            self.send_many(&set, batch).await?;
        }
        for chosen in large {
            let begun = there
                .get(chosen.path.as_str())
                .filter(|file| file.bytes == chosen.file.size());
            self.send_large(&set, &chosen, begun.copied()).await?;
        }
        self.broken.try_set(None);
        if !known.is_empty() {
            drop_incomplete(&set).await?;
        }
        self.close(&set).await
    }

    /// The set that files go into: one that was broken off, with what has arrived of it, or another.
    async fn set_for(self, bytes: f64) -> Answer<(String, Vec<Arrived>)> {
        if let Some(broken) = self.broken.get_untracked() {
            let known = api::get(&format!("/api/upload-sets/{}/files", broken.set)).await?;
            return Ok((broken.set, known));
        }
        let biometric = match self.shows_face.get_untracked() {
            true => "face_or_head",
            false => "no",
        };
        let path = self.sets.get_value();
        let body = json!({ "biometric": biometric, "bytes": bytes as u64 });
        let set: UploadSet = api::send("POST", &path, &body).await?;
        Ok((set.id, Vec::new()))
    }

    async fn close(self, set: &str) -> Answer<()> {
        api::act("POST", &format!("/api/upload-sets/{set}/close")).await?;
        self.update(|progress| progress.phase = Phase::Working);
        self.follow(set).await
    }

    /// Many small files in one request, as `application/vnd.vitrine.files`.
    async fn send_many(self, set: &str, files: Vec<Chosen>) -> Answer<()> {
        self.unless_paused().await?;
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

    /// A large file in pieces (tus 1.0.0), from where it was broken off.
    async fn send_large(self, set: &str, chosen: &Chosen, begun: Option<&Arrived>) -> Answer<()> {
        let size = chosen.file.size();
        let (place, mut offset) = match begun {
            Some(file) => (format!("/api/uploads/{}", file.id), file.received),
            None => (announce(set, chosen).await?, 0.0),
        };
        self.update(|progress| progress.sent_bytes += offset);
        while offset < size {
            self.unless_paused().await?;
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
                        progress.phase = Phase::Done;
                        (progress.became, progress.refused) = report(&outcome);
                        if job.state == "failed" {
                            progress.failed = Some(set.to_owned());
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
                    self.done.try_with_value(|done| done());
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

/// What became of a set: its items, and what was refused for what reason.
fn report(outcome: &Value) -> (Vec<Became>, Vec<(String, String)>) {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = outcome["items"].as_array().into_iter().flatten().map(|item| {
        let what = [
            Some(
                of_word("kind", &word(&item["kind"]))
                    .unwrap_or_default()
                    .to_owned(),
            ),
            item["originals"]
                .as_u64()
                .map(|files| super::dates::count(files as usize, t("upload.file"), t("upload.many"))),
            (item["state"] == "already_there").then(|| t("upload.already").to_owned()),
        ];
        let what: Vec<String> = what
            .into_iter()
            .flatten()
            .filter(|text| !text.is_empty())
            .collect();
        Became {
            name: word(&item["name"]),
            what: what.join(" · "),
        }
    });
    let refused = outcome["refused"].as_array().into_iter().flatten();
    (
        items.collect(),
        refused
            .map(|refused| (word(&refused["file"]), word(&refused["reason"])))
            .collect(),
    )
}

/// Takes back what has arrived in part only: a set is worked on when all of its files are whole.
async fn drop_incomplete(set: &str) -> Answer<()> {
    let files: Vec<Arrived> = api::get(&format!("/api/upload-sets/{set}/files")).await?;
    for file in files.iter().filter(|file| file.received < file.bytes) {
        api::act("DELETE", &format!("/api/uploads/{}", file.id)).await?;
    }
    Ok(())
}

/// Announces a large file; gives where its pieces go.
async fn announce(set: &str, chosen: &Chosen) -> Answer<String> {
    let name = encode(&chosen.path);
    let create = async || {
        let init = web_sys::RequestInit::new();
        init.set_method("POST");
        let headers = [
            ("tus-resumable", "1.0.0".to_owned()),
            ("upload-length", format!("{:.0}", chosen.file.size())),
            ("upload-metadata", format!("filename {name}")),
        ];
        ask(&format!("/api/upload-sets/{set}/files"), &init, &headers).await
    };
    let response = again(create).await?;
    let place = response.headers().get("location").ok().flatten();
    place.ok_or_else(unreadable)
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
