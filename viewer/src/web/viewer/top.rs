//! What one does: layouts, tools, windows and presets.

use domain::AnnotationKind;
use leptos::prelude::*;
use leptos_router::components::A;
use renderer::SlabProjection;

use super::look::choose_preset;
use super::together::Present;
use super::{Cine, Open, Room, Tool, Width, Within, page_width};
use crate::texts::t;
use crate::view_state::{Layout, Pane};
use crate::web::icons::{Icon, Name};

/// Windows of CT by their names, width and center in HU.
pub(crate) const WINDOWS: &[(&str, f64, f64)] = &[
    ("window.soft", 400.0, 40.0),
    ("window.lung", 1500.0, -600.0),
    ("window.liver", 150.0, 90.0),
    ("window.bone", 2500.0, 480.0),
    ("window.brain", 80.0, 40.0),
];

pub(crate) fn set_window(room: Room, width: f64, center: f64) {
    room.change(|view| (view.window_width, view.window_center) = (width, center));
}

#[component]
pub(crate) fn Top() -> impl IntoView {
    let room: Room = expect_context();
    let back = match room.within {
        Within::Case => format!("/cases/{}", room.case.get_value()),
        Within::Space => "/".to_owned(),
    };
    let has_planes = Memo::new(move |_| room.known.grid.with(Option::is_some));
    view! {
        <header class="viewer-top">
            <A href=back attr:rel="external" attr:class="icon-button" attr:title=t("top.back") attr:aria-label=t("top.back")><Icon name=Name::Back/></A>
            <h1>{move || room.title.get()}</h1>
            <div class="tools" role="toolbar" aria-label=t("top.layouts")>
                <LayoutButton layout=Layout::FourUp name=t("layout.four") icon=Name::FourUp/>
                <LayoutButton layout=Layout::OneAndThree name=t("layout.one_three") icon=Name::OneAndThree/>
                <LayoutButton layout=Layout::Slices name=t("layout.slices") icon=Name::Slices/>
                <LayoutButton layout=Layout::Single(Pane::Space) name=t("layout.single") icon=Name::Single/>
            </div>
            <div class="tools" role="toolbar" aria-label=t("top.tools")>
                <ToolButton tool=Tool::Pointer name=t("tool.pointer") icon=Name::Pointer/>
                <ToolButton tool=Tool::Crosshair name=t("tool.crosshair") icon=Name::Crosshair/>
                <ToolButton tool=Tool::Scroll name=t("tool.scroll") icon=Name::Scroll/>
                <ToolButton tool=Tool::Pan name=t("tool.pan") icon=Name::Pan/>
                <ToolButton tool=Tool::Zoom name=t("tool.zoom") icon=Name::Zoom/>
                {move || room.marks.can_mark().then(|| view! { <MarkTools/> })}
            </div>
            {move || has_planes.get().then(|| view! { <Planes/> })}
            {move || room.marks.can_mark().then(|| view! { <Undo/> })}
            {move || has_planes.get().then(|| view! { <Looks/> })}
            <span class="grow"></span>
            <div class="viewer-end">
                <Present/>
                <button class="icon-button" title=t("top.items") aria-label=t("top.items") aria-pressed=move || room.sides.get().has_items().to_string()
                    on:click=move |_| fold(room, Open::Items)><Icon name=Name::FoldLeft/></button>
                {(room.within == Within::Case).then(|| view! {
                    <button class="icon-button" title=t("top.said") aria-label=t("top.said") aria-pressed=move || room.sides.get().has_said().to_string()
                        on:click=move |_| fold(room, Open::Said)><Icon name=Name::FoldRight/></button>
                })}
                <button class="icon-button" title=t("top.help") aria-label=t("top.help") on:click=move |_| room.help.set(true)>
                    <Icon name=Name::Help/></button>
            </div>
        </header>
    }
}

/// What marks are made with.
#[component]
fn MarkTools() -> impl IntoView {
    let kinds = [
        (AnnotationKind::Distance, t("tool.distance"), Name::Distance),
        (AnnotationKind::Angle, t("tool.angle"), Name::Angle),
        (AnnotationKind::Polyline, t("tool.polyline"), Name::Polyline),
        (AnnotationKind::Region, t("tool.region"), Name::Region),
        (AnnotationKind::Pin, t("tool.pin"), Name::Pin),
        (AnnotationKind::Arrow, t("tool.arrow"), Name::Arrow),
        (AnnotationKind::Text, t("tool.text"), Name::Text),
    ];
    let buttons =
        kinds.map(|(kind, name, icon)| view! { <ToolButton tool=Tool::Mark(kind) name=name icon=icon/> });
    view! { <span class="gap"></span> {buttons.into_iter().collect_view()} }
}

#[component]
fn Undo() -> impl IntoView {
    let marks = expect_context::<Room>().marks;
    view! {
        <div class="tools">
            <button class="icon-button" title=t("top.undo") aria-label=t("top.undo") disabled=move || !marks.can_undo()
                on:click=move |_| marks.undo()><Icon name=Name::Undo/></button>
            <button class="icon-button" title=t("top.redo") aria-label=t("top.redo") disabled=move || !marks.can_redo()
                on:click=move |_| marks.redo()><Icon name=Name::Redo/></button>
        </div>
    }
}

/// Folds a side away or opens it; on a narrow page one at a time.
pub(super) fn fold(room: Room, side: Open) {
    room.sides.update(|open| {
        let items = (side == Open::Items) != open.has_items();
        let said = (side == Open::Said) != open.has_said();
        *open = match (items, said, page_width()) {
            (true, true, Width::Wide) => Open::Both,
            (true, true, Width::Narrow) => side,
            (true, false, _) => Open::Items,
            (false, true, _) => Open::Said,
            (false, false, _) => Open::Neither,
        };
    });
}

/// What the planes can do besides: play, turn, and lie straight again.
#[component]
fn Planes() -> impl IntoView {
    let room: Room = expect_context();
    let is_playing = move || matches!(room.cine.get(), Cine::Playing(_));
    let rate = RwSignal::new(RATES[1]);
    let toggle = move |_| toggle_cine(room, rate.get_untracked());
    let choose = move |event| {
        let chosen: f64 = event_target_value(&event).parse().unwrap_or(RATES[1]);
        rate.set(chosen);
        room.cine.update(|cine| {
            if matches!(cine, Cine::Playing(_)) {
                *cine = Cine::Playing(chosen);
            }
        });
    };
    let is_tilted = move || {
        room.view
            .with(|view| view.as_ref().is_some_and(|view| view.is_tilted()))
    };
    view! {
        <div class="tools" role="toolbar" aria-label=t("top.planes")>
            <button class="icon-button" title=t("top.play") aria-label=t("top.play") aria-pressed=move || is_playing().to_string() on:click=toggle>
                {move || if is_playing() { view! { <Icon name=Name::Pause/> } } else { view! { <Icon name=Name::Play/> } }}</button>
            <select class="small" aria-label=t("top.rate") title=t("top.rate") on:change=choose>
                {RATES.iter().map(|&each| view! { <option value=each.to_string() selected=move || rate.get() == each>{format!("{each} / s")}</option> }).collect_view()}
            </select>
            <button class="icon-button" title=t("top.straighten") aria-label=t("top.straighten") disabled=move || !is_tilted()
                on:click=move |_| room.change(|view| view.straighten())><Icon name=Name::Straighten/></button>
        </div>
    }
}

/// Slices a second to choose from.
pub(super) const RATES: [f64; 4] = [5.0, 10.0, 20.0, 30.0];

pub(super) fn toggle_cine(room: Room, rate: f64) {
    room.cine.update(|cine| {
        *cine = match cine {
            Cine::Still => Cine::Playing(rate),
            Cine::Playing(_) => Cine::Still,
        }
    });
}

#[component]
fn LayoutButton(layout: Layout, name: &'static str, icon: Name) -> impl IntoView {
    let room: Room = expect_context();
    let is_on = move || room.layout.get().word() == layout.word();
    view! {
        <button class="icon-button" class:on=is_on aria-pressed=move || is_on().to_string() title=name aria-label=name
            on:click=move |_| room.layout.set(layout)><Icon name=icon/></button>
    }
}

#[component]
fn ToolButton(tool: Tool, name: &'static str, icon: Name) -> impl IntoView {
    let room: Room = expect_context();
    let is_on = move || room.tool.get() == tool;
    let press = move |_| {
        room.marks.draft.set(None);
        room.tool.set(tool);
    };
    view! {
        <button class="icon-button" class:on=is_on aria-pressed=move || is_on().to_string() title=name aria-label=name
            on:click=press><Icon name=icon/></button>
    }
}

/// Presets of the picture in space, windows and slabs of the planes.
#[component]
fn Looks() -> impl IntoView {
    let room: Room = expect_context();
    let preset_now = move || {
        room.view
            .with(|view| view.as_ref().map(|view| view.preset.clone()).unwrap_or_default())
    };
    let slab_now = move || {
        room.view
            .with(|view| view.as_ref().map_or(0.0, |view| view.slab.mm))
    };
    let is_ct = Memo::new(move |_| room.known.unit.with(|unit| unit == "HU"));
    let choose_window = move |event| {
        let index: usize = event_target_value(&event).parse().unwrap_or(usize::MAX);
        if let Some(&(_, width, center)) = WINDOWS.get(index) {
            set_window(room, width, center);
        }
    };
    let choose_slab = move |event| {
        let text = event_target_value(&event);
        let (kind, mm) = text.split_once(' ').unwrap_or(("mip", "0"));
        let projection = match kind {
            "min" => SlabProjection::Minimum,
            "mean" => SlabProjection::Mean,
            _ => SlabProjection::Maximum,
        };
        let mm = mm.parse().unwrap_or(0.0);
        room.change(|view| view.slab = crate::view_state::ThickSlab { mm, projection });
    };
    view! {
        <div class="tools">
            <select class="small" aria-label=t("top.preset") title=t("top.preset") prop:value=preset_now
                on:change=move |event| choose_preset(room, event_target_value(&event))>
                {renderer::preset_names().map(|name| view! { <option value=name selected=move || preset_now() == name>{name}</option> }).collect_view()}
            </select>
            {move || is_ct.get().then(|| view! {
                <select class="small" aria-label=t("top.window") title=t("top.window") on:change=choose_window>
                    <option value="">{t("top.window")}</option>
                    {WINDOWS.iter().enumerate().map(|(i, (name, width, center))| view! {
                        <option value=i.to_string()>{format!("{}  {width:.0} / {center:.0}", t(name))}</option>
                    }).collect_view()}
                </select>
            })}
            <select class="small" aria-label=t("top.slab") title=t("top.slab") on:change=choose_slab>
                <option value="mip 0" selected=move || slab_now() == 0.0>{t("slab.thin")}</option>
                <option value="mip 5">{t("slab.mip5")}</option>
                <option value="mip 20">{t("slab.mip20")}</option>
                <option value="mean 5">{t("slab.mean5")}</option>
                <option value="min 10">{t("slab.min10")}</option>
            </select>
        </div>
    }
}
