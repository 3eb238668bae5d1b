//! How the item is looked at: its transfer function, its surfaces, and what is cut away.

use leptos::prelude::*;

use super::Room;
use super::curve::CurveEditor;
use crate::curve::{color_of, hex};
use crate::texts::t;
use crate::view_state::End;
use crate::web::icons::{Icon, Name};

/// Distances of full color to choose from, mm.
const FULL_MM: [f64; 8] = [0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0];

/// Everything of it.
#[component]
pub(crate) fn Look() -> impl IntoView {
    let room: Room = expect_context();
    let has_volume = Memo::new(move |_| room.known.grid.with(Option::is_some));
    let has_layers = Memo::new(move |_| room.layers.with(|layers| !layers.is_empty()));
    let has_space = Memo::new(move |_| room.known.bounds_mm.with(Option::is_some));
    view! {
        {move || has_volume.get().then(|| view! {
            <details class="fold"><summary>{t("curve.title")}</summary><CurveEditor/></details>
        })}
        {move || (has_layers.get() || has_volume.get()).then(|| view! { <Layers/> })}
        {move || has_space.get().then(|| view! {
            <details class="fold"><summary>{t("clip.title")}</summary><ClipBox/></details>
        })}
    }
}

/// Looks through a preset; one's own corners go.
pub(super) fn choose_preset(room: Room, name: String) {
    room.change(|view| {
        view.preset = name;
        view.transfer = None;
    });
}

/// The volume and the surfaces: seen or not, how much, in which color.
#[component]
fn Layers() -> impl IntoView {
    let room: Room = expect_context();
    let has_volume = Memo::new(move |_| room.known.grid.with(Option::is_some));
    // Rows stay while their layers change, so that a slider is not taken from the hand.
    let names = Memo::new(move |_| {
        room.layers
            .with(|layers| layers.iter().map(|layer| layer.name.clone()).collect::<Vec<_>>())
    });
    view! {
        <h2>{t("side.layers")}</h2>
        <ul class="layers">
            {move || has_volume.get().then(|| view! {
                <li><label><input type="checkbox" prop:checked=move || room.volume_shown.get()
                    on:change=move |event| room.volume_shown.set(event_target_checked(&event))/>{t("side.volume")}</label></li>
            })}
            <For each=move || names.get() key=String::clone children=move |name| view! { <LayerRow name/> }/>
        </ul>
    }
}

#[component]
fn LayerRow(name: String) -> impl IntoView {
    let room: Room = expect_context();
    let name = StoredValue::new(name);
    let layer = Memo::new(move |_| {
        let find = |layers: &Vec<super::Layer>| {
            layers
                .iter()
                .find(|layer| name.with_value(|name| layer.name == *name))
                .cloned()
        };
        room.layers.with(find)
    });
    let set = move |change: &dyn Fn(&mut super::Layer)| {
        room.layers.update(|layers| {
            for layer in layers
                .iter_mut()
                .filter(|layer| name.with_value(|name| layer.name == *name))
            {
                change(layer);
            }
        });
    };
    let opacity = move || layer.with(|layer| layer.as_ref().map_or(0.0, |layer| layer.opacity));
    let full_mm = move || layer.with(|layer| layer.as_ref().and_then(|layer| layer.distances_mm));
    let color = move || {
        let chosen = layer.with(|layer| layer.as_ref().and_then(|layer| layer.color));
        hex(chosen.unwrap_or([0.82, 0.78, 0.72]))
    };
    let recolor = move |event| {
        if let Some(color) = color_of(&event_target_value(&event)) {
            set(&|layer| layer.color = Some(color));
        }
    };
    let tell = move |what: &str| name.with_value(|name| format!("{name}: {what}"));
    view! {
        <li>
            <div class="layer-head">
                <label><input type="checkbox" prop:checked=move || { opacity() > 0.0 }
                    on:change=move |event| { let to = if event_target_checked(&event) { 1.0 } else { 0.0 }; set(&|layer| layer.opacity = to); }/>
                    {name.get_value()}</label>
                {move || full_mm().is_none().then(|| view! {
                    <input type="color" aria-label=tell(t("curve.color")) title=t("curve.color") prop:value=color on:input=recolor/>
                })}
            </div>
            <input type="range" min="0" max="1" step="0.05" aria-label=tell(t("side.opacity"))
                prop:value=move || opacity().to_string()
                on:input=move |event| { let to: f64 = event_target_value(&event).parse().unwrap_or(1.0); set(&|layer| layer.opacity = to); }/>
            {move || full_mm().map(|now| view! {
                <label class="slider-row"><span class="quiet">{t("side.full_color")}</span>
                    <select class="small" on:change=move |event| {
                        if let Ok(mm) = event_target_value(&event).parse::<f64>() { set(&|layer| layer.distances_mm = Some(mm)); }
                    }>
                        {(!FULL_MM.contains(&now)).then(|| view! { <option value=now.to_string() selected=true>{format!("± {now} mm")}</option> })}
                        {FULL_MM.iter().map(|&mm| view! { <option value=mm.to_string() selected={mm == now}>{format!("± {mm} mm")}</option> }).collect_view()}
                    </select></label>
            })}
        </li>
    }
}

/// Six sides of a box, each where it lies between the ends of what there is.
#[component]
fn ClipBox() -> impl IntoView {
    let room: Room = expect_context();
    let is_cut = move || {
        room.view
            .with(|view| view.as_ref().is_some_and(|view| view.clip_mm.is_some()))
    };
    let sides = [
        (0, End::Low, "clip.right"),
        (0, End::High, "clip.left"),
        (1, End::Low, "clip.front"),
        (1, End::High, "clip.back"),
        (2, End::Low, "clip.below"),
        (2, End::High, "clip.above"),
    ];
    let rows = sides.into_iter().map(|(axis, end, name)| {
        let bounds = room.known.bounds_mm;
        let ends = move || {
            bounds.get().map_or((0.0, 1.0), |bounds| (bounds.min.to_array()[axis], bounds.max.to_array()[axis]))
        };
        let now = move || {
            let kept = room.view.with(|view| view.as_ref().and_then(|view| view.clip_mm)).or(bounds.get());
            kept.map_or(0.0, |kept| match end {
                End::Low => kept.min.to_array()[axis],
                End::High => kept.max.to_array()[axis],
            })
        };
        let slide = move |event| {
            if let (Ok(mm), Some(bounds)) = (event_target_value(&event).parse::<f64>(), bounds.get_untracked()) {
                room.change(|view| view.clip_to(axis, end, mm, bounds));
            }
        };
        view! {
            <label class="slider-row"><span class="quiet">{t(name)}</span>
                <input type="range" step="0.5" min=move || format!("{:.1}", ends().0) max=move || format!("{:.1}", ends().1)
                    prop:value=move || format!("{:.1}", now()) aria-valuetext=move || format!("{:.1} mm", now()) on:input=slide/></label>
        }
    });
    view! {
        {rows.collect_view()}
        <button class="small" disabled=move || !is_cut() on:click=move |_| room.change(|view| view.clip_mm = None)>
            <Icon name=Name::Reset/>{t("clip.reset")}</button>
    }
}
