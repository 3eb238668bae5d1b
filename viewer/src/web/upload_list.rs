//! Where files are chosen, how far they are, and what became of each.

use leptos::html;
use leptos::prelude::*;

use super::dates::{count, size};
use super::upload::{Broken, Phase, Progress, Upload};
use crate::texts::{fill, of_word, t};

/// Seconds of sending after which it is said how long it will still take.
const TOLD_AFTER_SECS: f64 = 3.0;

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
            {move || upload.broken.get().map(|broken| view! { <GoOn broken upload/> })}
            {upload.can_drop().then(|| view! { <p>{t("upload.drop")}</p> })}
            <div class="actions">
                <label class="button">{t("upload.folder")}<input node_ref=folder class="hidden" type="file" multiple on:change=chosen(folder)/></label>
                <label class="button">{t("upload.files")}<input node_ref=files class="hidden" type="file" multiple on:change=chosen(files)/></label>
            </div>
            <label class="check"><input type="checkbox" prop:checked=move || upload.shows_face.get()
                on:change=move |event| upload.shows_face.set(event_target_checked(&event))/>{t("upload.face")}</label>
            {move || upload.progress.get().map(|progress| view! { <Shown progress upload/> })}
        </div>
    }
}

/// An upload that was broken off: choosing the same files again goes on with it.
#[component]
fn GoOn(broken: Broken, upload: Upload) -> impl IntoView {
    let text = fill(
        t("upload.broken"),
        &[("files", &count(broken.files, t("upload.file"), t("upload.many")))],
    );
    let (finished, dropped) = (broken.clone(), broken);
    view! {
        <div class="panel broken" role="status">
            <p>{text}</p>
            <div class="actions">
                <button on:click=move |_| upload.finish(finished.clone())>{t("upload.finish")}</button>
                <button class="plain" on:click=move |_| upload.drop_broken(dropped.clone())>{t("upload.discard")}</button>
            </div>
        </div>
    }
}

#[component]
fn Shown(progress: Progress, upload: Upload) -> impl IntoView {
    let is_failed = progress.failure.is_some();
    view! {
        <div class="progress" data-done=(progress.phase == Phase::Done).to_string()>
            {match progress.phase {
                _ if is_failed => ().into_any(),
                Phase::Sending | Phase::Paused => view! { <Sending progress=progress.clone() upload/> }.into_any(),
                Phase::Working => view! { <Working progress=progress.clone()/> }.into_any(),
                Phase::Done => view! { <Report progress=progress.clone()/> }.into_any(),
            }}
            {progress.failure.map(|failure| view! { <p class="trouble" role="alert">{failure.title}</p> })}
            {progress.failed.map(|set| view! {
                <button on:click=move |_| upload.retry(set.clone(), progress.files)>{t("lost.again")}</button>
            })}
        </div>
    }
}

#[component]
fn Sending(progress: Progress, upload: Upload) -> impl IntoView {
    let part = if progress.of_bytes > 0.0 {
        progress.sent_bytes / progress.of_bytes
    } else {
        1.0
    };
    let text = fill(
        t("upload.sent"),
        &[
            (
                "files",
                &count(progress.files, t("upload.file"), t("upload.many")),
            ),
            ("sent", &size(progress.sent_bytes)),
            ("all", &size(progress.of_bytes)),
        ],
    );
    let is_paused = progress.phase == Phase::Paused;
    view! {
        <p class="number" role="status">{text} {time_left(&progress).filter(|_| !is_paused).map(|left| format!(" · {left}"))}
            {is_paused.then(|| view! { " " <span class="tag">{t("upload.paused")}</span> })}</p>
        <progress max="1" value=part.to_string() aria-label=t("upload.progress")></progress>
        <div class="actions"><span class="quiet grow">{t("upload.safe")}</span>
            <button on:click=move |_| upload.pause()>{if is_paused { t("upload.resume") } else { t("upload.pause") }}</button></div>
    }
}

/// How long the rest takes at the speed so far.
fn time_left(progress: &Progress) -> Option<String> {
    let (begun, before) = progress.begun;
    let secs = (js_sys::Date::now() - begun) / 1000.0;
    let sent = progress.sent_bytes - before;
    if secs < TOLD_AFTER_SECS || sent <= 0.0 {
        return None;
    }
    let left = (progress.of_bytes - progress.sent_bytes) * secs / sent;
    Some(match left {
        left if left < 60.0 => fill(t("upload.secs"), &[("number", &format!("{:.0}", left.max(1.0)))]),
        left => fill(
            t("upload.mins"),
            &[("number", &format!("{:.0}", (left / 60.0).ceil()))],
        ),
    })
}

#[component]
fn Working(progress: Progress) -> impl IntoView {
    let (name, part) = match &progress.step {
        Some((step, part)) => (of_word("step", step).unwrap_or(t("upload.waiting")), *part),
        None => (t("upload.waiting"), 0.0),
    };
    view! {
        <p role="status">{name}</p>
        <progress max="1" value=part.to_string() aria-label=t("upload.progress")></progress>
        <p class="quiet">{t("upload.may_leave")}</p>
    }
}

/// What each file became, or why not.
#[component]
fn Report(progress: Progress) -> impl IntoView {
    let (became, refused) = (progress.became, progress.refused);
    let text = fill(
        t("upload.became"),
        &[("items", &count(became.len(), t("upload.item"), t("upload.items")))],
    );
    view! {
        <p role="status"><strong>{text}</strong></p>
        <ul class="rows">{became.into_iter().map(|one| view! { <li><span>{one.name}</span><span class="quiet number">{one.what}</span></li> }).collect_view()}</ul>
        {(!refused.is_empty()).then(|| view! {
            <p class="caution">{t("upload.refused")}</p>
            <ul class="rows">{refused.into_iter().map(|(file, reason)| view! { <li><strong class="path">{file}</strong><span>{reason}</span></li> }).collect_view()}</ul>
        })}
    }
}
