//! The marks of a case: there at once, sent to the server in order, kept in this browser until they are there, undone and
//! redone by their opposites. Their names are made here and are the same everywhere.

use std::collections::BTreeSet;

use domain::{AnnotationGeometry, AnnotationKind, MarkSpace};
use geometry::DVec3;
use leptos::prelude::*;
use protocol::Said;
use wasm_bindgen_futures::spawn_local;

use super::kept;
use super::painter::sleep;
use crate::outbox::{Act, Content, Entry, Known, Outbox, Verdict};
use crate::rights::{Rights, Whose};
use crate::web::api::{self, Annotation, Answer, Case, Comment, SavedTour, SavedView};

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
    /// What one may do with what is said.
    pub(crate) rights: RwSignal<Rights>,
    /// One's own color.
    pub(super) color: RwSignal<u8>,
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
    /// Counts what was sealed.
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
            rights: RwSignal::new(Rights::default()),
            color: RwSignal::new(0),
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

    /// Reads the case, and what one may do in it.
    pub(crate) async fn read_case(self) -> Answer<Case> {
        let case: Case = api::get(&format!("/api/cases/{}", self.case.get_value())).await?;
        let rights = Rights::told(case.annotates, case.withdraws);
        self.rights.try_set(rights);
        self.color.try_set(case.color.unwrap_or_default());
        Ok(case)
    }

    /// Whether one makes marks here.
    pub(crate) fn can_mark(&self) -> bool {
        self.rights.get().can_mark()
    }

    /// Whose something is.
    pub(crate) fn whose(&self, author: &str) -> Whose {
        self.author.with_value(|me| match me == author {
            true => Whose::Own,
            false => Whose::Anothers,
        })
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
            id: new_id(),
            item,
            author: self.author(),
            author_color: self.color.get_untracked(),
            version: 0,
            geometry,
            label,
            color: None,
            comments: Vec::new(),
        };
        self.note(Done::Added(mark.clone()));
        self.put(mark);
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
        spawn_local(self.kept());
    }

    /// Keeps what waits, and is done when that is kept.
    async fn kept(self) {
        self.sealing.update(|number| *number += 1);
        let number = self.sealing.get_untracked();
        let case = self.case.get_value();
        let Some(outbox) = self.outbox.try_get_untracked() else {
            return;
        };
        if outbox.is_empty() {
            kept::forget(&case);
            return;
        }
        let sealed = kept::sealed(&case, &outbox).await;
        // What is older than something that was sealed meanwhile is of no use.
        if let Some(sealed) = sealed
            && self.sealing.try_get_untracked() == Some(number)
        {
            kept::keep(&case, &sealed);
        }
    }

    /// Sends what waits, one after the other.
    fn pump(self) {
        if self.is_sending.get_untracked() {
            return;
        }
        self.is_sending.set(true);
        spawn_local(async move {
            while let Some(Some(entry)) = self.outbox.try_update(Outbox::send) {
                self.kept().await;
                let answer = self.send(&entry).await;
                if self.outbox.try_get_untracked().is_none() {
                    // The viewer was left; what was kept is sent when it is opened again.
                    return;
                }
                let status = answer.as_ref().map_or_else(|failure| failure.status, |()| 200);
                match (entry.verdict(status), answer) {
                    (Verdict::Settled, _) => {
                        self.outbox.update(Outbox::settled);
                        self.settled.update_value(|count| *count += 1);
                        self.trouble.set(None);
                    }
                    (Verdict::Refused, Err(failure)) => {
                        self.outbox.update(|outbox| drop(outbox.refused()));
                        self.trouble.set(Some(Trouble::Refused(failure.title)));
                        drop(self.merge().await);
                        // One may have lost the right to it.
                        drop(self.read_case().await);
                    }
                    _ => {
                        if status != 409 {
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

    /// Sends something and takes in what came back of it.
    async fn send(self, entry: &Entry) -> Answer<()> {
        let id = &entry.mark;
        let version = self
            .all
            .with_untracked(|all| all.iter().find(|mark| mark.id == *id).map(|mark| mark.version));
        let case = self.case.get_value();
        let request = entry.request(&case, version.unwrap_or(1));
        let Some(body) = &request.body else {
            return api::act(request.method, &request.path).await.map(drop);
        };
        if let Act::Comment { id: comment, .. } = &entry.act {
            let there: Comment = api::send(request.method, &request.path, body).await?;
            let _ = self.all.try_update(|all| {
                let comments = all.iter_mut().filter(|mark| mark.id == *id);
                let mut comments = comments.flat_map(|mark| &mut mark.comments);
                if let Some(waiting) = comments.find(|known| known.id == *comment) {
                    *waiting = there;
                }
            });
            return Ok(());
        }
        let there: Annotation = api::send(request.method, &request.path, body).await?;
        let _ = self.all.try_update(|all| {
            for mark in all.iter_mut().filter(|mark| mark.id == *id) {
                (mark.version, mark.author_color) = (there.version, there.author_color);
            }
        });
        Ok(())
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
        let merged = self
            .outbox
            .with_untracked(|outbox| outbox.merged(there.iter().map(known).collect()));
        let all = merged.into_iter().map(|known| {
            let present = there.iter().chain(&here).find(|mark| mark.id == known.id);
            Annotation {
                author_color: present.map_or_else(|| self.color.get_untracked(), |mark| mark.author_color),
                author: present.map_or_else(|| self.author(), |mark| mark.author.clone()),
                version: present.map_or(0, |mark| mark.version),
                comments: present.map_or_else(Vec::new, |mark| with_waiting(mark, &here)),
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

    /// Removes a mark that one may remove.
    pub(crate) fn remove_if_allowed(self, id: &str) -> bool {
        let can_remove = untrack(|| {
            let mark = self.find(id)?;
            Some(self.rights.get().can_withdraw(self.whose(&mark.author)))
        });
        let can_remove = can_remove == Some(true);
        if can_remove {
            self.remove(id);
        }
        can_remove
    }

    fn take(self, id: &str) {
        self.all.update(|all| all.retain(|mark| mark.id != id));
        self.selected.set(None);
        self.post(id, Act::Remove);
    }

    /// Says something about a mark.
    pub(crate) fn comment(self, id: &str, text: String) {
        let comment = new_id();
        self.all.update(|all| {
            for mark in all.iter_mut().filter(|mark| mark.id == id) {
                mark.comments.push(Comment {
                    id: comment.clone(),
                    author: self.author(),
                    author_color: self.color.get_untracked(),
                    author_name: None,
                    text: text.clone(),
                    created: String::new(),
                });
            }
        });
        self.post(id, Act::Comment { id: comment, text });
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
                    id: new_id(),
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

/// A name for a mark or a comment.
fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// The comments on a mark, with those of it in `here` that the server does not have yet.
fn with_waiting(mark: &Annotation, here: &[Annotation]) -> Vec<Comment> {
    let mut comments = mark.comments.clone();
    let seen = here.iter().filter(|other| other.id == mark.id);
    let waiting = seen
        .flat_map(|other| &other.comments)
        .filter(|comment| comment.is_waiting());
    for comment in waiting {
        if comments.iter().all(|known| known.id != comment.id) {
            comments.push(comment.clone());
        }
    }
    comments
}
