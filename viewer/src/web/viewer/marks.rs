//! The marks of a case: there at once, sent to the server in order, kept in this browser until they are there, undone and
//! redone by their opposites.

use std::collections::BTreeSet;

use domain::{AnnotationGeometry, AnnotationKind, MarkColor, MarkSpace};
use geometry::DVec3;
use leptos::prelude::*;
use protocol::Said;
use serde_json::json;
use wasm_bindgen_futures::spawn_local;

use super::kept;
use super::painter::sleep;
use crate::marking::color_of_author;
use crate::outbox::{Act, Content, Entry, Known, Outbox};
use crate::web::api::{self, Annotation, Answer, Comment, Failure, SavedTour, SavedView};

/// A mark under way: its points so far.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draft {
    pub(crate) kind: AnnotationKind,
    pub(crate) space: MarkSpace,
    pub(crate) points: Vec<DVec3>,
    pub(crate) pane: crate::view_state::Pane,
}

/// What was done, and can be undone.
#[derive(Clone, Debug)]
enum Done {
    Added(Annotation),
    Removed(Annotation),
    /// Before and after.
    Changed(String, Content, Content),
}

/// What is not on the server, and why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Trouble {
    /// There is no connection; all is kept.
    Lost,
    /// The server does not want it.
    Refused(String),
}

/// The marks, as everyone in the viewer shares them.
#[derive(Clone, Copy)]
pub(crate) struct Marks {
    pub(super) case: StoredValue<String>,
    author: StoredValue<String>,
    pub(crate) all: RwSignal<Vec<Annotation>>,
    pub(crate) views: RwSignal<Vec<SavedView>>,
    pub(crate) tours: RwSignal<Vec<SavedTour>>,
    pub(crate) draft: RwSignal<Option<Draft>>,
    pub(crate) selected: RwSignal<Option<String>>,
    pub(crate) hidden: RwSignal<bool>,
    pub(crate) hidden_marks: RwSignal<BTreeSet<String>>,
    pub(crate) trouble: RwSignal<Option<Trouble>>,
    outbox: RwSignal<Outbox>,
    is_sending: RwSignal<bool>,
    done: RwSignal<Vec<Done>>,
    undone: RwSignal<Vec<Done>>,
    /// Counts marks that the server does not know yet, and what was sealed.
    number: RwSignal<u32>,
    sealing: RwSignal<u32>,
    /// Counts what the server has taken.
    settled: StoredValue<u32>,
    /// The mark that the hand moves.
    held: StoredValue<Option<String>>,
}

/// How long it is waited before something is sent again, milliseconds.
const AGAIN_MS: i32 = 2_000;
/// How long it is waited while something is on its way, milliseconds.
const QUIET_MS: i32 = 100;

impl Marks {
    pub(crate) fn new(case: String, author: String) -> Self {
        Self {
            case: StoredValue::new(case),
            author: StoredValue::new(author),
            all: RwSignal::new(Vec::new()),
            views: RwSignal::new(Vec::new()),
            tours: RwSignal::new(Vec::new()),
            draft: RwSignal::new(None),
            selected: RwSignal::new(None),
            hidden: RwSignal::new(false),
            hidden_marks: RwSignal::new(BTreeSet::new()),
            trouble: RwSignal::new(None),
            outbox: RwSignal::new(Outbox::default()),
            is_sending: RwSignal::new(false),
            done: RwSignal::new(Vec::new()),
            undone: RwSignal::new(Vec::new()),
            number: RwSignal::new(0),
            sealing: RwSignal::new(0),
            settled: StoredValue::new(0),
            held: StoredValue::new(None),
        }
    }

    /// Points of what is being measured, patient mm: of the mark under way, or of the one that is selected. Of more than
    /// `most` some are left out.
    pub(super) fn measured_mm(&self, most: usize) -> Vec<DVec3> {
        let points = self.draft.with_untracked(|draft| {
            let draft = draft.as_ref()?;
            let is_measure = !matches!(
                draft.kind,
                AnnotationKind::Pin | AnnotationKind::Arrow | AnnotationKind::Text
            );
            (is_measure && draft.space == MarkSpace::Patient).then(|| draft.points.clone())
        });
        let selected = || {
            let selected = self.selected.get_untracked()?;
            self.all.with_untracked(|all| {
                let mark = all.iter().find(|mark| mark.id == selected)?;
                mark.geometry.measure()?;
                Some(mark.geometry.points().to_vec())
            })
        };
        let points = points.or_else(selected).unwrap_or_default();
        let step = points.len().div_ceil(most).max(1);
        points.into_iter().step_by(step).collect()
    }

    fn path(&self) -> String {
        format!("/api/cases/{}/annotations", self.case.get_value())
    }

    /// Who looks.
    pub(crate) fn author(&self) -> String {
        self.author.get_value()
    }

    /// The color of marks that are being made.
    pub(crate) fn own_color(&self) -> MarkColor {
        self.author.with_value(|author| color_of_author(author))
    }

    pub(crate) fn is_hidden(&self, id: &str) -> bool {
        self.hidden_marks.with(|hidden| hidden.contains(id))
    }

    pub(crate) fn find(&self, id: &str) -> Option<Annotation> {
        self.all
            .with(|all| all.iter().find(|mark| mark.id == id).cloned())
    }

    pub(crate) async fn load(self) -> Answer<()> {
        let case = self.case.get_value();
        self.views
            .set(api::get(&format!("/api/cases/{case}/views")).await?);
        self.tours
            .set(api::get(&format!("/api/cases/{case}/tours")).await?);
        let outbox = kept::restored(&case).await.unwrap_or_default();
        let waits = !outbox.is_empty();
        self.outbox.set(outbox);
        self.merge().await?;
        if waits {
            self.keep();
            self.pump();
        }
        Ok(())
    }

    /// Adds a mark; it is there at once and sent to the server.
    pub(crate) fn add(self, item: Option<String>, geometry: AnnotationGeometry, label: Option<String>) {
        let mark = Annotation {
            id: self.new_id(),
            item,
            author: self.author(),
            version: 0,
            geometry,
            label,
            color: None,
            comments: Vec::new(),
        };
        self.note(Done::Added(mark.clone()));
        self.put(mark);
    }

    /// A name that only this browser knows.
    fn new_id(&self) -> String {
        self.number.update(|number| *number += 1);
        format!("new-{:.0}-{}", js_sys::Date::now(), self.number.get_untracked())
    }

    fn note(&self, done: Done) {
        self.done.update(|all| all.push(done));
        self.undone.set(Vec::new());
    }

    fn put(self, mark: Annotation) {
        self.selected.set(Some(mark.id.clone()));
        let (id, content) = (mark.id.clone(), mark.content());
        self.all.update(|all| all.push(mark));
        self.post(&id, Act::Add(content));
    }

    /// Notes that something has to be sent, and sends it.
    fn post(self, id: &str, act: Act) {
        self.outbox.update(|outbox| outbox.push(id, act));
        self.keep();
        self.pump();
    }

    /// Keeps what waits in this browser, where the page is left or the connection lost.
    fn keep(self) {
        self.sealing.update(|number| *number += 1);
        let number = self.sealing.get_untracked();
        let case = self.case.get_value();
        if self.outbox.with_untracked(Outbox::is_empty) {
            kept::forget(&case);
            return;
        }
        spawn_local(async move {
            let Some(outbox) = self.outbox.try_get_untracked() else {
                return;
            };
            let sealed = kept::sealed(&case, &outbox).await;
            // What is older than something that was sealed meanwhile is of no use.
            if let Some(sealed) = sealed
                && self.sealing.try_get_untracked() == Some(number)
            {
                kept::keep(&case, &sealed);
            }
        });
    }

    /// Sends what waits, one after the other.
    fn pump(self) {
        if self.is_sending.get_untracked() {
            return;
        }
        self.is_sending.set(true);
        spawn_local(async move {
            while let Some(Some(entry)) = self.outbox.try_update(Outbox::send) {
                let answer = self.send(&entry).await;
                if self.outbox.try_get_untracked().is_none() {
                    // The viewer was left; what was kept is sent when it is opened again.
                    return;
                }
                match answer {
                    Ok(kept) => {
                        self.settle(&entry, kept.as_ref());
                        self.trouble.set(None);
                    }
                    Err(failure) if is_refusal(&failure) => {
                        self.outbox.update(|outbox| drop(outbox.refused()));
                        self.trouble.set(Some(Trouble::Refused(failure.title)));
                        drop(self.merge().await);
                    }
                    Err(failure) => {
                        self.outbox.update(Outbox::lost);
                        if failure.status != 409 {
                            self.trouble.set(Some(Trouble::Lost));
                            sleep(AGAIN_MS).await;
                        }
                        drop(self.merge().await);
                    }
                }
                self.keep();
            }
            self.is_sending.set(false);
        });
    }

    async fn send(self, entry: &Entry) -> Answer<Option<Annotation>> {
        let id = &entry.mark;
        match &entry.act {
            Act::Add(content) => api::send("POST", &self.path(), content).await.map(Some),
            Act::Amend(content) => {
                let found = self
                    .all
                    .with_untracked(|all| all.iter().find(|mark| mark.id == *id).map(|mark| mark.version));
                let body = json!({
                    "item": content.item, "version": found.unwrap_or(1), "geometry": content.geometry,
                    "label": content.label, "color": content.color,
                });
                api::send("PUT", &format!("/api/annotations/{id}"), &body)
                    .await
                    .map(Some)
            }
            Act::Remove => match api::act("DELETE", &format!("/api/annotations/{id}")).await {
                // Somebody was quicker.
                Err(failure) if failure.status == 404 => Ok(None),
                answer => answer.map(|_| None),
            },
            Act::Comment(text) => {
                let path = format!("/api/annotations/{id}/comments");
                let comment: Comment = api::send("POST", &path, &json!({ "text": text })).await?;
                self.all.update(|all| {
                    for mark in all.iter_mut().filter(|mark| mark.id == *id) {
                        let waiting = mark
                            .comments
                            .iter_mut()
                            .find(|known| known.id.is_empty() && known.text == *text);
                        if let Some(waiting) = waiting {
                            *waiting = comment.clone();
                        }
                    }
                });
                Ok(None)
            }
        }
    }

    /// The server has what was sent.
    fn settle(self, entry: &Entry, kept: Option<&Annotation>) {
        let id = kept.map_or(&entry.mark, |kept| &kept.id);
        self.outbox.update(|outbox| outbox.settled(id));
        self.settled.update_value(|count| *count += 1);
        if let Some(kept) = kept {
            self.rename(&entry.mark, &kept.id, kept.version);
        }
    }

    /// A mark got its name and version from the server.
    fn rename(self, before: &str, id: &str, version: u64) {
        self.all.update(|all| {
            for mark in all.iter_mut().filter(|mark| mark.id == before) {
                id.clone_into(&mut mark.id);
                mark.version = version;
            }
        });
        if before == id {
            return;
        }
        let rename = |all: &mut Vec<Done>| {
            for done in all {
                let known = match done {
                    Done::Added(mark) | Done::Removed(mark) => &mut mark.id,
                    Done::Changed(id, ..) => id,
                };
                if known == before {
                    id.clone_into(known);
                }
            }
        };
        self.done.update(rename);
        self.undone.update(rename);
        self.hidden_marks.update(|hidden| {
            if hidden.remove(before) {
                hidden.insert(id.to_owned());
            }
        });
        let is_selected = self
            .selected
            .with_untracked(|selected| selected.as_deref() == Some(before));
        if is_selected {
            self.selected.set(Some(id.to_owned()));
        }
    }

    async fn merge(self) -> Answer<()> {
        let there: Vec<Annotation> = api::get(&self.path()).await?;
        self.take_in(&there);
        Ok(())
    }

    /// Reads anew what others have said; while something is on its way to the server, after that.
    pub(super) async fn reread(self, said: &BTreeSet<Said>) -> Answer<()> {
        let case = self.case.get_value();
        if said.contains(&Said::Views) {
            let views = api::get(&format!("/api/cases/{case}/views")).await?;
            let tours = api::get(&format!("/api/cases/{case}/tours")).await?;
            let _ = self.views.try_set(views);
            let _ = self.tours.try_set(tours);
        }
        while said.contains(&Said::Marks) {
            let Some(before) = self.at_rest() else { break };
            if let Some(settled) = before {
                let there: Vec<Annotation> = api::get(&self.path()).await?;
                if self.at_rest() == Some(Some(settled)) {
                    self.take_in(&there);
                    break;
                }
            }
            sleep(QUIET_MS).await;
        }
        Ok(())
    }

    /// How much the server has taken while nothing is on its way; none where the viewer was left.
    fn at_rest(&self) -> Option<Option<u32>> {
        let is_sending = self.is_sending.try_get_untracked()?;
        let settled = self.settled.try_get_value()?;
        Some((!is_sending).then_some(settled))
    }

    /// Takes what the server has, with what was done here and is not there yet.
    fn take_in(self, there: &[Annotation]) {
        let known = |mark: &Annotation| Known {
            id: mark.id.clone(),
            content: mark.content(),
        };
        let here = self.all.get_untracked();
        let unheard: Vec<Known> = there
            .iter()
            .filter(|mark| here.iter().all(|other| other.id != mark.id))
            .map(known)
            .collect();
        let first = self.outbox.with_untracked(|outbox| {
            let entry = outbox.entries().next().cloned()?;
            Some((entry, outbox.arrived(&unheard)?))
        });
        if let Some((entry, id)) = first {
            self.outbox.update(|outbox| outbox.settled(&id));
            self.rename(&entry.mark, &id, 1);
        }
        let merged = self
            .outbox
            .with_untracked(|outbox| outbox.merged(there.iter().map(known).collect()));
        let all = merged.into_iter().map(|known| {
            let present = there.iter().chain(&here).find(|mark| mark.id == known.id);
            Annotation {
                author: present.map_or_else(|| self.author(), |mark| mark.author.clone()),
                version: present.map_or(0, |mark| mark.version),
                comments: present.map_or_else(Vec::new, |mark| mark.comments.clone()),
                id: known.id,
                item: known.content.item,
                geometry: known.content.geometry,
                label: known.content.label,
                color: known.content.color,
            }
        });
        let mut all: Vec<Annotation> = all.collect();
        // What the hand holds stays in it.
        let held = self.held.get_value();
        for mark in all.iter_mut().filter(|mark| held.as_ref() == Some(&mark.id)) {
            if let Some(seen) = here.iter().find(|seen| seen.id == mark.id) {
                mark.geometry.clone_from(&seen.geometry);
            }
        }
        self.all.set(all);
    }

    /// Moves a mark on the screen only, while the hand moves it.
    pub(crate) fn drag(&self, id: &str, geometry: &AnnotationGeometry) {
        self.held.set_value(Some(id.to_owned()));
        self.all.update(|all| {
            for mark in all.iter_mut().filter(|mark| mark.id == id) {
                mark.geometry = geometry.clone();
            }
        });
    }

    /// The hand let go.
    pub(crate) fn moved(self, id: &str, before: AnnotationGeometry) {
        self.held.set_value(None);
        if let Some(now) = untrack(|| self.find(id)).filter(|now| now.geometry != before) {
            let content = now.content();
            let old = Content {
                geometry: before,
                ..content.clone()
            };
            self.note(Done::Changed(id.to_owned(), old, content.clone()));
            self.post(id, Act::Amend(content));
        }
    }

    /// Changes what a mark says or how it looks.
    pub(crate) fn change(self, id: &str, change: impl FnOnce(&mut Content)) {
        let Some(mark) = untrack(|| self.find(id)) else {
            return;
        };
        let before = mark.content();
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            self.note(Done::Changed(id.to_owned(), before, after.clone()));
            self.apply(id, after);
        }
    }

    fn apply(self, id: &str, content: Content) {
        self.all.update(|all| {
            for mark in all.iter_mut().filter(|mark| mark.id == id) {
                mark.geometry = content.geometry.clone();
                mark.label.clone_from(&content.label);
                mark.color = content.color;
            }
        });
        self.post(id, Act::Amend(content));
    }

    /// Removes a mark.
    pub(crate) fn remove(self, id: &str) {
        if let Some(mark) = untrack(|| self.find(id)) {
            self.note(Done::Removed(mark));
            self.take(id);
        }
    }

    fn take(self, id: &str) {
        self.all.update(|all| all.retain(|mark| mark.id != id));
        self.selected.set(None);
        self.post(id, Act::Remove);
    }

    /// Says something about a mark.
    pub(crate) fn comment(self, id: &str, text: String) {
        self.all.update(|all| {
            for mark in all.iter_mut().filter(|mark| mark.id == id) {
                mark.comments.push(Comment {
                    id: String::new(),
                    author: self.author(),
                    text: text.clone(),
                    created: String::new(),
                });
            }
        });
        self.post(id, Act::Comment(text));
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
                let present = untrack(|| self.find(&mark.id));
                self.take(&mark.id);
                Done::Removed(present.unwrap_or(mark))
            }
            Done::Removed(mark) => {
                // What was said about it stays with the one that was removed.
                let again = Annotation {
                    id: self.new_id(),
                    version: 0,
                    comments: Vec::new(),
                    ..mark
                };
                self.put(again.clone());
                Done::Added(again)
            }
            Done::Changed(id, before, after) => {
                self.apply(&id, before.clone());
                Done::Changed(id, after, before)
            }
        }
    }
}

/// Whether it is of no use to send the same again.
fn is_refusal(failure: &Failure) -> bool {
    // 401 is mended by signing in, 409 by taking what the server has, 429 by waiting.
    (400..500).contains(&failure.status) && !matches!(failure.status, 401 | 408 | 409 | 429)
}
