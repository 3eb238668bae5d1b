//! The marks of a case: kept on the server at once, undone and redone by their opposites.

use domain::{AnnotationGeometry, AnnotationKind};
use geometry::DVec3;
use leptos::prelude::*;
use serde_json::json;
use wasm_bindgen_futures::spawn_local;

use super::painter::sleep;
use crate::marking::geometry_of;
use crate::web::api::{self, Annotation, Answer, SavedView};

/// A mark under way: its points so far.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draft {
    pub(crate) kind: AnnotationKind,
    pub(crate) points: Vec<DVec3>,
    pub(crate) pane: crate::view_state::Pane,
}

/// What was done, and can be undone.
#[derive(Clone, Debug)]
enum Done {
    Added(Annotation),
    Removed(Annotation),
    Moved(String, AnnotationGeometry, AnnotationGeometry),
}

/// The marks, as everyone in the viewer shares them.
#[derive(Clone, Copy)]
pub(crate) struct Marks {
    case: StoredValue<String>,
    pub(crate) all: RwSignal<Vec<Annotation>>,
    pub(crate) views: RwSignal<Vec<SavedView>>,
    pub(crate) draft: RwSignal<Option<Draft>>,
    pub(crate) selected: RwSignal<Option<String>>,
    pub(crate) hidden: RwSignal<bool>,
    /// What could not be saved, in words; it is tried again.
    pub(crate) unsaved: RwSignal<Option<String>>,
    done: RwSignal<Vec<Done>>,
    undone: RwSignal<Vec<Done>>,
    /// Counts marks that the server does not know yet.
    number: RwSignal<u32>,
}

/// How long it is waited before a mark is sent again, milliseconds.
const AGAIN_MS: i32 = 3_000;

impl Marks {
    pub(crate) fn new(case: String) -> Self {
        Self {
            case: StoredValue::new(case),
            all: RwSignal::new(Vec::new()),
            views: RwSignal::new(Vec::new()),
            draft: RwSignal::new(None),
            selected: RwSignal::new(None),
            hidden: RwSignal::new(false),
            unsaved: RwSignal::new(None),
            done: RwSignal::new(Vec::new()),
            undone: RwSignal::new(Vec::new()),
            number: RwSignal::new(0),
        }
    }

    fn path(&self) -> String {
        format!("/api/cases/{}/annotations", self.case.get_value())
    }

    pub(crate) async fn load(self) -> Answer<()> {
        self.all.set(api::get(&self.path()).await?);
        self.views
            .set(api::get(&format!("/api/cases/{}/views", self.case.get_value())).await?);
        Ok(())
    }

    /// Adds a mark; it is there at once and sent to the server.
    pub(crate) fn add(
        self,
        item: Option<String>,
        kind: AnnotationKind,
        points: &[DVec3],
        label: Option<String>,
    ) {
        let Some(geometry) = geometry_of(kind, points) else {
            return;
        };
        self.number.update(|number| *number += 1);
        let mark = Annotation {
            id: format!("new-{}", self.number.get_untracked()),
            item,
            version: 0,
            geometry,
            label,
            comments: Vec::new(),
        };
        self.note(Done::Added(mark.clone()));
        self.put(mark);
    }

    fn note(&self, done: Done) {
        self.done.update(|all| all.push(done));
        self.undone.set(Vec::new());
    }

    /// Shows a mark, and sends it until it is kept.
    fn put(self, mark: Annotation) {
        self.selected.set(Some(mark.id.clone()));
        self.all.update(|all| all.push(mark.clone()));
        spawn_local(async move {
            let body = json!({ "item": mark.item, "geometry": mark.geometry, "label": mark.label });
            let kept: Option<Annotation> = self
                .until_kept(async || api::send("POST", &self.path(), &body).await)
                .await;
            let Some(kept) = kept else {
                self.all.update(|all| all.retain(|other| other.id != mark.id));
                return;
            };
            self.rename(&mark.id, &kept);
        });
    }

    /// A mark got its name from the server; it may have been moved or removed meanwhile.
    fn rename(self, before: &str, kept: &Annotation) {
        let mut moved = None;
        let mut is_there = false;
        self.all.update(|all| {
            for mark in all.iter_mut().filter(|mark| mark.id == before) {
                is_there = true;
                moved = (mark.geometry != kept.geometry).then(|| mark.geometry.clone());
                mark.id.clone_from(&kept.id);
                mark.version = kept.version;
            }
        });
        let rename = |all: &mut Vec<Done>| {
            for done in all {
                match done {
                    Done::Added(mark) | Done::Removed(mark) if mark.id == before => {
                        mark.id.clone_from(&kept.id)
                    }
                    Done::Moved(id, ..) if id == before => id.clone_from(&kept.id),
                    _ => {}
                }
            }
        };
        self.done.update(rename);
        self.undone.update(rename);
        if self
            .selected
            .with_untracked(|selected| selected.as_deref() == Some(before))
        {
            self.selected.set(Some(kept.id.clone()));
        }
        if let Some(geometry) = moved {
            self.send_moved(kept.id.clone(), geometry);
        }
        if !is_there {
            self.send_removed(kept.id.clone());
        }
    }

    /// Tries until it is kept; a refusal is told and ends it.
    async fn until_kept<T>(self, ask: impl AsyncFn() -> Answer<T>) -> Option<T> {
        loop {
            match ask().await {
                Ok(kept) => {
                    self.unsaved.set(None);
                    return Some(kept);
                }
                Err(failure) => {
                    let is_refused = (400..500).contains(&failure.status) && failure.status != 429;
                    self.unsaved.set(Some(failure.title));
                    if is_refused {
                        return None;
                    }
                }
            }
            sleep(AGAIN_MS).await;
        }
    }

    /// Moves a mark on the screen only, while the hand moves it.
    pub(crate) fn drag(&self, id: &str, geometry: AnnotationGeometry) {
        self.all.update(|all| {
            for mark in all.iter_mut().filter(|mark| mark.id == id) {
                mark.geometry = geometry.clone();
            }
        });
    }

    /// The hand let go.
    pub(crate) fn moved(self, id: String, before: AnnotationGeometry) {
        let now = self.all.with_untracked(|all| {
            all.iter()
                .find(|mark| mark.id == id)
                .map(|mark| mark.geometry.clone())
        });
        let Some(now) = now.filter(|now| *now != before) else {
            return;
        };
        self.note(Done::Moved(id.clone(), before, now.clone()));
        self.send_moved(id, now);
    }

    fn send_moved(self, id: String, geometry: AnnotationGeometry) {
        // One that is not kept yet is sent where it is when it is.
        let found = self
            .all
            .with_untracked(|all| all.iter().find(|mark| mark.id == id && mark.version > 0).cloned());
        let Some(mark) = found else { return };
        spawn_local(async move {
            let body = json!({ "item": mark.item, "version": mark.version, "geometry": geometry, "label": mark.label });
            let path = format!("/api/annotations/{id}");
            let kept: Option<Annotation> = self
                .until_kept(async || api::send("PUT", &path, &body).await)
                .await;
            let version = kept.map(|kept| kept.version);
            self.all.update(|all| {
                for mark in all.iter_mut().filter(|mark| mark.id == id) {
                    mark.version = version.unwrap_or(mark.version);
                }
            });
        });
    }

    /// Removes a mark.
    pub(crate) fn remove(self, id: &str) {
        let found = self
            .all
            .with_untracked(|all| all.iter().find(|mark| mark.id == id).cloned());
        if let Some(mark) = found {
            self.note(Done::Removed(mark));
            self.take(id);
        }
    }

    fn take(self, id: &str) {
        let is_kept = self
            .all
            .with_untracked(|all| all.iter().any(|mark| mark.id == id && mark.version > 0));
        self.all.update(|all| all.retain(|mark| mark.id != id));
        self.selected.set(None);
        if is_kept {
            self.send_removed(id.to_owned());
        }
    }

    fn send_removed(self, id: String) {
        spawn_local(async move {
            let path = format!("/api/annotations/{id}");
            self.until_kept(async || api::act("DELETE", &path).await).await;
        });
    }

    pub(crate) fn can_undo(&self) -> bool {
        self.done.with(|done| !done.is_empty())
    }

    pub(crate) fn can_redo(&self) -> bool {
        self.undone.with(|undone| !undone.is_empty())
    }

    pub(crate) fn undo(self) {
        if let Some(done) = self.done.try_update(Vec::pop).flatten() {
            let opposite = self.revert(done);
            self.undone.update(|all| all.push(opposite));
        }
    }

    pub(crate) fn redo(self) {
        if let Some(undone) = self.undone.try_update(Vec::pop).flatten() {
            let opposite = self.revert(undone);
            self.done.update(|all| all.push(opposite));
        }
    }

    /// Does the opposite; gives what undoes that.
    fn revert(self, done: Done) -> Done {
        match done {
            Done::Added(mark) => {
                let present = self
                    .all
                    .with_untracked(|all| all.iter().find(|other| other.id == mark.id).cloned());
                self.take(&mark.id);
                Done::Removed(present.unwrap_or(mark))
            }
            Done::Removed(mark) => {
                self.number.update(|number| *number += 1);
                let id = format!("new-{}", self.number.get_untracked());
                let again = Annotation {
                    id,
                    version: 0,
                    ..mark
                };
                self.put(again.clone());
                Done::Added(again)
            }
            Done::Moved(id, before, after) => {
                self.drag(&id, before.clone());
                self.send_moved(id.clone(), before.clone());
                Done::Moved(id, after, before)
            }
        }
    }

    /// Saves a view of the case.
    pub(crate) fn save_view(self, caption: String, state: serde_json::Value) {
        spawn_local(async move {
            let path = format!("/api/cases/{}/views", self.case.get_value());
            let body = json!({ "caption": caption, "state": state });
            let kept: Option<SavedView> = self
                .until_kept(async || api::send("POST", &path, &body).await)
                .await;
            if let Some(kept) = kept {
                self.views.update(|views| views.push(kept));
            }
        });
    }
}
