//! An item is laid onto the one that is shown: the server looks for the place, from points on both where there are any,
//! and what it finds is seen in the pictures before it is kept.

use geometry::DVec3;
use leptos::prelude::*;
use serde_json::json;
use wasm_bindgen_futures::spawn_local;

use super::{Layout, Room, Tool, side};
use crate::rights::Rights;
use crate::texts::t;
use crate::view_state::Pane;
use crate::web::api::{self, Item, Registration};

/// Pairs of points that are needed, where there are any.
const LEAST_PAIRS: usize = 3;

/// An item on its way onto another one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Laying {
    /// The item, and the one that is shown.
    item: Item,
    onto: Item,
    /// Points on the item, and on the other, in their order, patient mm of each.
    points: [Vec<DVec3>; 2],
    step: Step,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Asked,
    /// Points are set on both.
    Pointing,
    Working,
    Found(Registration),
    Refused(String),
}

/// Whether an item has a surface that can be laid, as far as its kind tells.
fn has_surface(item: &Item) -> bool {
    matches!(item.kind.as_str(), "volume" | "mesh" | "capture")
}

impl Room {
    /// Whether one may say where items lie.
    pub(crate) fn can_lay(&self) -> bool {
        self.marks.rights.get() == Rights::Withdraw
    }

    /// Whether an item can be laid onto the one that is shown.
    pub(crate) fn can_lay_onto_shown(&self, item: &Item) -> bool {
        let is_apart = self.item.with(|shown| {
            shown
                .as_ref()
                .is_some_and(|shown| shown.id != item.id && has_surface(shown))
        });
        self.can_lay() && has_surface(item) && is_apart && self.motion_from(item).is_none()
    }

    /// Begins to lay an item onto the one that is shown.
    pub(crate) fn begin_laying(self, item: Item) {
        if let Some(onto) = self.item.get_untracked() {
            self.laying.set(Some(Laying {
                item,
                onto,
                points: [Vec::new(), Vec::new()],
                step: Step::Asked,
            }));
        }
    }

    /// Comes back to what one proposed before.
    pub(crate) fn resume_laying(self, item: Item, found: Registration) {
        let onto = self
            .items
            .with_untracked(|items| items.iter().find(|known| known.id == found.onto).cloned());
        if let Some(onto) = onto {
            self.laying.set(Some(Laying {
                item,
                onto,
                points: [Vec::new(), Vec::new()],
                step: Step::Found(found),
            }));
        }
    }

    /// Takes a point of the item that is shown here, where points are set; whether it did.
    pub(crate) fn takes_landmark(&self, p_mm: DVec3) -> bool {
        let id = self
            .item
            .with_untracked(|item| item.as_ref().map(|item| item.id.clone()));
        let is_pointing = self.laying.with_untracked(|laying| {
            laying
                .as_ref()
                .is_some_and(|laying| laying.step == Step::Pointing)
        });
        if is_pointing {
            self.laying.update(|laying| {
                let Some(laying) = laying else { return };
                if id.as_deref() == Some(&laying.item.id) {
                    laying.points[0].push(p_mm);
                } else if id.as_deref() == Some(&laying.onto.id) {
                    laying.points[1].push(p_mm);
                }
            });
        }
        is_pointing
    }

    /// The points that were set on the item that is shown here.
    pub(crate) fn landmarks(&self) -> Vec<DVec3> {
        let id = self.item.with(|item| item.as_ref().map(|item| item.id.clone()));
        self.laying.with(|laying| match laying {
            Some(laying) if id.as_deref() == Some(&laying.item.id) => laying.points[0].clone(),
            Some(laying) if id.as_deref() == Some(&laying.onto.id) => laying.points[1].clone(),
            _ => Vec::new(),
        })
    }

    fn step(self, step: Step) {
        self.laying.update(|laying| {
            if let Some(laying) = laying {
                laying.step = step;
            }
        });
    }

    /// Points are set on both, side by side.
    fn point_out(self, beside: Self) {
        let Some(laying) = self.laying.get_untracked() else {
            return;
        };
        self.laying.set(Some(Laying {
            points: [Vec::new(), Vec::new()],
            step: Step::Pointing,
            ..laying.clone()
        }));
        self.layout_before.set(Some(self.layout.get_untracked()));
        side::compare_in(self, beside, laying.item, Pane::Space);
        self.tool.set(Tool::Mark(domain::AnnotationKind::Pin));
    }

    /// No points are set any more.
    fn leave_pointing(self) {
        if matches!(self.layout.get_untracked(), Layout::Compare(_)) {
            let before = self.layout_before.get_untracked();
            self.layout.set(before.unwrap_or(Layout::Single(Pane::Space)));
        }
        if self.tool.get_untracked() == Tool::Mark(domain::AnnotationKind::Pin) {
            self.tool.set(Tool::Pointer);
        }
    }

    /// Has the server look for the place.
    fn find_place(self) {
        let Some(laying) = self.laying.get_untracked() else {
            return;
        };
        self.leave_pointing();
        self.step(Step::Working);
        let [on_item, on_other] = &laying.points;
        let pairs = on_item.iter().zip(on_other);
        let landmarks: Vec<_> = pairs.map(|(a, b)| [a.to_array(), b.to_array()]).collect();
        let body = json!({ "onto": laying.onto.id, "landmarks": landmarks });
        spawn_local(async move {
            let path = format!("/api/items/{}/registrations", laying.item.id);
            match api::send::<_, Registration>("POST", &path, &body).await {
                Ok(found) => {
                    self.read_items_anew().await;
                    self.step(Step::Found(found));
                    self.add_surfaces(laying.item);
                }
                Err(failure) => self.step(Step::Refused(failure.title)),
            }
        });
    }

    /// From now on all see it so.
    fn keep_place(self, item: Item, found: Registration) {
        spawn_local(async move {
            let path = format!("/api/items/{}/registrations/{}", item.id, found.id);
            match api::act("PUT", &path).await {
                Ok(_) => {
                    self.read_items_anew().await;
                    self.laying.set(None);
                }
                Err(failure) => self.step(Step::Refused(failure.title)),
            }
        });
    }

    /// The item lies by itself again.
    pub(crate) fn lay_apart(self, item: Item, registration: String) {
        self.leave_surfaces(&item);
        self.laying.set(None);
        spawn_local(async move {
            let path = format!("/api/items/{}/registrations/{registration}", item.id);
            if let Err(failure) = api::act("DELETE", &path).await {
                self.refused(failure.title);
            }
            self.read_items_anew().await;
        });
    }

    async fn read_items_anew(self) {
        let path = format!("/api/cases/{}/items", self.case.get_value());
        if let Ok(items) = api::get::<Vec<Item>>(&path).await {
            self.items.try_set(items);
        }
    }
}

/// What is under way, and what was found.
#[component]
pub(crate) fn LayingPanel(beside: Room) -> impl IntoView {
    let room: Room = expect_context();
    let names = move || {
        let names = room.laying.with(|laying| {
            let laying = laying.as_ref()?;
            Some((laying.item.name.clone(), laying.onto.name.clone()))
        });
        names.map(|(item, onto)| view! { <p class="laying-names">{item}" → "{onto}</p> })
    };
    let step = move || {
        let laying = room.laying.get()?;
        let [on_item, on_other] = laying.points.each_ref().map(Vec::len);
        Some(match laying.step {
            Step::Asked => view! {
                <p class="quiet">{t("lay.what")}</p>
                <Choices room beside/>
            }
            .into_any(),
            Step::Pointing => {
                let has_enough = on_item >= LEAST_PAIRS && on_item == on_other;
                view! {
                    <p class="quiet">{t("lay.point")}</p>
                    <p class="number" role="status">{format!("{} {on_other} · {} {on_item}", t("lay.on_left"), t("lay.on_right"))}</p>
                    <div class="actions">
                        <button class="small" disabled=!has_enough on:click=move |_| room.find_place()>{t("lay.find")}</button>
                        <button class="small" on:click=move |_| { room.leave_pointing(); room.laying.set(None); }>{t("sure.cancel")}</button>
                    </div>
                }
                .into_any()
            }
            Step::Working => view! { <p class="quiet" role="status">{t("lay.working")}</p> }.into_any(),
            Step::Refused(why) => view! {
                <p class="caution" role="alert">{why}</p>
                <Choices room beside/>
            }
            .into_any(),
            Step::Found(found) => {
                let (item, id) = (laying.item.clone(), found.id.clone());
                let keep = {
                    let (item, found) = (item.clone(), found.clone());
                    move |_| room.keep_place(item.clone(), found.clone())
                };
                view! {
                    <Fit found/>
                    <p class="quiet">{t("lay.only_you")}</p>
                    <div class="actions">
                        <button class="small" on:click=keep>{t("lay.keep")}</button>
                        <button class="small" on:click=move |_| room.lay_apart(item.clone(), id.clone())>{t("lay.discard")}</button>
                    </div>
                }
                .into_any()
            }
        })
    };
    let is_shown = Memo::new(move |_| room.laying.with(Option::is_some));
    move || {
        is_shown.get().then(|| {
            view! {
                <section class="laying" aria-label=t("lay.title")>
                    <h2>{t("lay.title")}</h2>
                    {names}
                    {step}
                </section>
            }
        })
    }
}

/// How a place can be looked for.
#[component]
fn Choices(room: Room, beside: Room) -> impl IntoView {
    view! {
        <div class="actions">
            <button class="small" on:click=move |_| {
                room.laying.update(|laying| if let Some(laying) = laying { laying.points = [Vec::new(), Vec::new()]; });
                room.find_place();
            }>{t("lay.find")}</button>
            <button class="small" on:click=move |_| room.point_out(beside)>{t("lay.points")}</button>
            <button class="small" on:click=move |_| room.laying.set(None)>{t("sure.cancel")}</button>
        </div>
    }
}

/// How well it lies.
#[component]
fn Fit(found: Registration) -> impl IntoView {
    view! {
        <div role="status"><dl class="fit">
            <dt>{t("lay.residual")}</dt><dd class="number">{format!("{:.2} mm", found.residual_mm)}</dd>
            <dt>{t("lay.within")}</dt><dd class="number">{format!("{:.2} mm", found.percentile_95_mm)}</dd>
            <dt>{t("lay.agreeing")}</dt><dd class="number">{format!("{:.0} %", found.agreeing * 100.0)}</dd>
        </dl></div>
    }
}
