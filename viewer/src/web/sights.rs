//! Who looked at what one uploaded to a case: when, for how long, how much of it.

use leptos::prelude::*;
use serde::Deserialize;

use super::dates::{count, moment};
use super::frame::{Read, Trouble};
use crate::texts::{fill, t};

#[derive(Clone, PartialEq, Deserialize)]
struct Sights {
    item_name: String,
    name: Option<String>,
    first: String,
    last: String,
    seconds: f64,
    slices: usize,
    of_slices: Option<usize>,
    directions: usize,
    sweeps: usize,
}

/// Directions that are told apart.
const DIRECTIONS: usize = 864;

/// Whoever looked, the latest first.
#[component]
pub(crate) fn SightsList(case: String) -> impl IntoView {
    let sights = Read::<Vec<Sights>>::new(format!("/api/cases/{case}/sights"));
    view! {
        <section>
            <h2>{t("sights.title")}</h2>
            <p class="quiet">{t("sights.help")}</p>
            <Trouble of=sights.trouble/>
            <ul class="rows scroll" tabindex="0" aria-label=t("sights.title")>
                {move || sights.value.get().unwrap_or_default().into_iter().map(row).collect_view()}
            </ul>
            {move || sights.value.with(|all| all.as_ref().is_some_and(Vec::is_empty)).then(|| view! { <p class="empty">{t("looked.none")}</p> })}
        </section>
    }
}

fn row(one: Sights) -> impl IntoView {
    let mut parts = vec![one.item_name, duration(one.seconds)];
    let mut part = |text, number: usize, of: Option<usize>| {
        if number > 0 {
            let of = of.map(|of| format!(" / {of}")).unwrap_or_default();
            parts.push(fill(t(text), &[("number", &format!("{number}{of}"))]));
        }
    };
    part("sights.slices", one.slices, one.of_slices);
    part("sights.directions", one.directions, Some(DIRECTIONS));
    // Of one day: the clock alone tells the second moment.
    let (first, last) = (moment(&one.first), moment(&one.last));
    let clock = last.rsplit(' ').next().unwrap_or_default();
    let when = match first == last {
        true => first,
        false => format!("{first}–{clock}"),
    };
    view! {
        <li><span><strong>{one.name.unwrap_or_else(|| t("looked.somebody").to_owned())}</strong>
            {(one.sweeps > 0).then(|| view! { " " <span class="tag caution">{count(one.sweeps, t("sights.sweep"), t("sights.sweeps"))}</span> })}
            <br/><span class="quiet number">{parts.join(" · ")}</span></span>
            <span class="quiet number">{when}</span></li>
    }
}

fn duration(seconds: f64) -> String {
    match seconds {
        short if short < 60.0 => fill(t("sights.secs"), &[("number", &format!("{short:.0}"))]),
        long => fill(t("sights.mins"), &[("number", &format!("{:.0}", long / 60.0))]),
    }
}
