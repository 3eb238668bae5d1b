//! The right side: views, tours and marks.

use domain::{AnnotationKind, MarkColor};
use geometry::DVec3;
use leptos::prelude::*;

use super::Room;
use super::marks::Trouble;
use super::overlay::ask_region;
use super::thread::Thread;
use super::tours::Views;
use crate::marking::{RegionValues, css_of, measured};
use crate::texts::t;
use crate::web::api::Annotation;
use crate::web::icons::{Icon, Name};

/// Views and marks.
#[component]
pub(crate) fn Said() -> impl IntoView {
    let room: Room = expect_context();
    let ids = Memo::new(move |_| {
        let item = room.item.with(|item| item.as_ref().map(|item| item.id.clone()));
        room.marks.all.with(|all| {
            let shown = all.iter().filter(|mark| mark.item == item);
            shown.map(|mark| mark.id.clone()).collect::<Vec<_>>()
        })
    });
    let trouble = move || {
        room.marks.trouble.get().map(|trouble| {
            let words = match trouble {
                Trouble::Lost => t("side.unsaved").to_owned(),
                Trouble::Refused(why) => format!("{} {why}", t("side.refused")),
            };
            view! { <p class="caution note" role="status">{words}</p> }
        })
    };
    let empty = move || match room.marks.can_mark() {
        true => t("side.no_marks"),
        false => t("side.none_marked"),
    };
    view! {
        <aside class="side right" class:folded=move || !room.sides.get().has_said() aria-label=t("side.said")>
            <Views/>
            <h2>{t("side.marks")}
                <button class="icon-button" title=t("side.hide") aria-label=t("side.hide") aria-pressed=move || room.marks.hidden.get().to_string()
                    on:click=move |_| room.marks.hidden.update(|hidden| *hidden = !*hidden)><Icon name=Name::Eye/></button>
            </h2>
            {trouble}
            {move || ids.with(Vec::is_empty).then(|| view! { <p class="quiet note">{empty()}</p> })}
            <ul class="marks">
                <For each=move || ids.get() key=String::clone children=move |id| view! { <MarkRow id/> }/>
            </ul>
        </aside>
    }
}

fn kind_name(kind: AnnotationKind) -> &'static str {
    match kind {
        AnnotationKind::Pin => t("tool.pin"),
        AnnotationKind::Distance => t("tool.distance"),
        AnnotationKind::Angle => t("tool.angle"),
        AnnotationKind::Polyline => t("tool.polyline"),
        AnnotationKind::Region => t("tool.region"),
        AnnotationKind::Arrow => t("tool.arrow"),
        AnnotationKind::Text => t("tool.text"),
    }
}

fn color_name(color: MarkColor) -> &'static str {
    match color {
        MarkColor::Cyan => t("color.cyan"),
        MarkColor::Yellow => t("color.yellow"),
        MarkColor::Orange => t("color.orange"),
        MarkColor::Pink => t("color.pink"),
        MarkColor::Violet => t("color.violet"),
        MarkColor::Green => t("color.green"),
        MarkColor::White => t("color.white"),
    }
}

/// Shows where a mark is: the planes meet in its middle.
fn go_to(room: Room, mark: &Annotation) {
    let points = mark.geometry.points();
    let middle = points.iter().copied().sum::<DVec3>() / points.len().max(1) as f64;
    room.change(|view| view.cross_mm = middle);
}

#[component]
fn MarkRow(id: String) -> impl IntoView {
    let room: Room = expect_context();
    let mark = {
        let id = id.clone();
        Memo::new(move |_| room.marks.find(&id))
    };
    let is_on = {
        let id = id.clone();
        Memo::new(move |_| {
            room.marks
                .selected
                .with(|selected| selected.as_deref() == Some(id.as_str()))
        })
    };
    let kind = mark.with_untracked(|mark| mark.as_ref().map(|mark| mark.geometry.kind()));
    let values = RwSignal::new(None::<RegionValues>);
    if kind == Some(AnnotationKind::Region) {
        let is_whole = Memo::new(move |_| room.status.with(|status| status.fraction >= 1.0));
        let points =
            Memo::new(move |_| mark.with(|mark| mark.as_ref().map(|mark| mark.geometry.points().to_vec())));
        Effect::new(move |_| {
            if let (true, Some(points)) = (is_whole.get(), points.get()) {
                ask_region(room, points, values);
            }
        });
    }
    let name = move || {
        mark.with(|mark| {
            let mark = mark.as_ref()?;
            Some(
                mark.label
                    .clone()
                    .unwrap_or_else(|| kind_name(mark.geometry.kind()).to_owned()),
            )
        })
    };
    let told = move || mark.with(|mark| measured(&mark.as_ref()?.geometry));
    let color = move || mark.with(|mark| mark.as_ref().map_or("", Annotation::css));
    let count = move || mark.with(|mark| mark.as_ref().map_or(0, |mark| mark.comments.len()));
    let choose = {
        let id = id.clone();
        move |_| {
            let selected = room.marks.selected.get_untracked();
            room.marks
                .selected
                .set((selected.as_deref() != Some(id.as_str())).then(|| id.clone()));
            if let Some(mark) = mark.get_untracked() {
                go_to(room, &mark);
            }
        }
    };
    let unit = room.known.unit;
    let is_hidden = {
        let id = id.clone();
        move || room.marks.is_hidden(&id)
    };
    let details = {
        let id = id.clone();
        move || is_on.get().then(|| view! { <Details id=id.clone() mark/> })
    };
    view! {
        <li class="mark-row" class:on=move || is_on.get() class:unseen=is_hidden data-kind=kind.map(AnnotationKind::word) data-measure=told>
            <button class="row" aria-expanded=move || is_on.get().to_string() on:click=choose>
                <i class="swatch" style:background=color></i>
                <span class="mark-name">{name}</span>
                {move || (count() > 0).then(|| view! { <span class="count number" title=t("side.comments")>{count()}</span> })}
                <span class="number">{told}</span>
            </button>
            {move || values.get().map(|v| view! {
                <p class="quiet number region-values" data-test="region" data-mean=format!("{:.2}", v.mean) data-sd=format!("{:.2}", v.sd)
                    data-min=format!("{:.2}", v.min) data-max=format!("{:.2}", v.max)>
                    {format!("{:.0} ± {:.0} {}  ({:.0} – {:.0})", v.mean, v.sd, unit.get(), v.min, v.max)}
                </p>
            })}
            {details}
        </li>
    }
}

/// What can be done with the mark that is chosen, and what was said about it.
#[component]
fn Details(id: String, mark: Memo<Option<Annotation>>) -> impl IntoView {
    let room: Room = expect_context();
    let id = StoredValue::new(id);
    let label = move || {
        mark.with(|mark| {
            mark.as_ref()
                .and_then(|mark| mark.label.clone())
                .unwrap_or_default()
        })
    };
    let rename = move |event| {
        let words = event_target_value(&event).trim().to_owned();
        id.with_value(|id| {
            room.marks
                .change(id, |content| content.label = (!words.is_empty()).then_some(words));
        });
    };
    let whose = move || mark.with(|mark| mark.as_ref().map(|mark| room.marks.whose(&mark.author)));
    let can_amend = Memo::new(move |_| whose().is_some_and(|whose| room.marks.rights.get().can_amend(whose)));
    let can_remove =
        Memo::new(move |_| whose().is_some_and(|whose| room.marks.rights.get().can_withdraw(whose)));
    let color = Memo::new(move |_| mark.with(|mark| mark.as_ref().and_then(|mark| mark.color)));
    let swatch = move |&choice: &MarkColor| {
        let choose =
            move |_| id.with_value(|id| room.marks.change(id, |content| content.color = Some(choice)));
        view! {
            <button class="swatch-button" title=color_name(choice) aria-label=color_name(choice)
                aria-pressed=move || (color.get() == Some(choice)).to_string()
                on:click=choose><i class="swatch" style:background=css_of(choice)></i></button>
        }
    };
    let is_hidden = move || id.with_value(|id| room.marks.is_hidden(id));
    let hide = move |_| {
        let id = id.get_value();
        room.marks.hidden_marks.update(|hidden| {
            if !hidden.remove(&id) {
                hidden.insert(id);
            }
        });
    };
    let remove = move |_| room.marks.remove(&id.get_value());
    view! {
        <div class="mark-details">
            <div class="inline">
                {move || can_amend.get().then(|| view! {
                    <input type="text" maxlength="400" placeholder=t("side.label") aria-label=t("side.label")
                        prop:value=label on:change=rename/>
                })}
                <button class="icon-button" title=t("side.hide_one") aria-label=t("side.hide_one")
                    aria-pressed=move || is_hidden().to_string() on:click=hide><Icon name=Name::Eye/></button>
                {move || can_remove.get().then(|| view! {
                    <button class="icon-button" title=t("side.delete") aria-label=t("side.delete") on:click=remove><Icon name=Name::Delete/></button>
                })}
            </div>
            {move || can_amend.get().then(|| view! {
                <div class="swatches" role="group" aria-label=t("side.color")>{MarkColor::ALL.iter().map(swatch).collect_view()}</div>
            })}
            <Thread id mark/>
        </div>
    }
}
