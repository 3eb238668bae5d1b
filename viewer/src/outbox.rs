//! What was done to marks and is not on the server yet: kept in order, so that nothing is lost with a connection, and what
//! happens to a mark that has no name there yet is done when it has one.

use std::collections::VecDeque;

use domain::{AnnotationGeometry, MarkColor};
use serde::{Deserialize, Serialize};

/// What a mark says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// The item that it is on.
    pub item: Option<String>,
    /// Kind, space and points.
    pub geometry: AnnotationGeometry,
    /// Words beside it.
    pub label: Option<String>,
    /// Its color; its author's where there is none.
    pub color: Option<MarkColor>,
}

/// Something done to a mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// It was set.
    Add(Content),
    /// It says something else.
    Amend(Content),
    /// It was removed.
    Remove,
    /// Somebody commented on it.
    Comment(String),
}

/// What was done to which mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name: of the server, or one that only this browser knows.
    pub mark: String,
    /// What was done.
    pub act: Act,
}

/// A mark of the server, as far as the outbox needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Its name.
    pub id: String,
    /// What it says.
    pub content: Content,
}

/// What waits, in order. The first may be on its way; it is not changed any more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outbox {
    entries: VecDeque<Entry>,
    #[serde(skip)]
    is_first_sent: bool,
}

impl Outbox {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What waits.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Notes what was done. What is replaced before it was sent is not sent.
    pub fn push(&mut self, mark: &str, act: Act) {
        let first = usize::from(self.is_first_sent);
        let of_mark = |entry: &Entry| entry.mark == mark;
        match act {
            Act::Amend(content) => {
                let waiting = self
                    .entries
                    .iter_mut()
                    .skip(first)
                    .rev()
                    .find(|entry| of_mark(entry));
                match waiting.map(|entry| &mut entry.act) {
                    Some(Act::Add(said) | Act::Amend(said)) => *said = content,
                    _ => self.put(mark, Act::Amend(content)),
                }
            }
            Act::Remove => {
                let mut index = 0;
                let mut is_unknown = false;
                self.entries.retain(|entry| {
                    let goes = index >= first && of_mark(entry);
                    is_unknown |= goes && matches!(entry.act, Act::Add(_));
                    index += 1;
                    !goes
                });
                if !is_unknown {
                    self.put(mark, Act::Remove);
                }
            }
            Act::Add(_) | Act::Comment(_) => self.put(mark, act),
        }
    }

    fn put(&mut self, mark: &str, act: Act) {
        let mark = mark.to_owned();
        self.entries.push_back(Entry { mark, act });
    }

    /// The next to be sent; from now on it stays as it is until it is settled, refused or comes back.
    pub fn send(&mut self) -> Option<Entry> {
        let first = self.entries.front().cloned();
        self.is_first_sent = first.is_some();
        first
    }

    /// The connection was lost before an answer came: whether the server has it is not known.
    pub fn lost(&mut self) {
        self.is_first_sent = false;
    }

    /// The server has the first; a mark that was new is called `id` there.
    pub fn settled(&mut self, id: &str) {
        self.is_first_sent = false;
        let Some(done) = self.entries.pop_front() else {
            return;
        };
        for entry in self.entries.iter_mut().filter(|entry| entry.mark == done.mark) {
            id.clone_into(&mut entry.mark);
        }
    }

    /// The server does not want the first; nor will it what else was done to a mark that it does not know.
    pub fn refused(&mut self) -> Option<Entry> {
        self.is_first_sent = false;
        let refused = self.entries.pop_front()?;
        if matches!(refused.act, Act::Add(_)) {
            self.entries.retain(|entry| entry.mark != refused.mark);
        }
        Some(refused)
    }

    /// After a lost connection: where the server has the first already, its name there. A mark that was added may have
    /// arrived although its answer did not; `known` are the marks of the server that this browser had not heard of.
    pub fn arrived(&self, known: &[Known]) -> Option<String> {
        match self.entries.front().map(|entry| &entry.act) {
            Some(Act::Add(content)) => {
                let found = known.iter().find(|mark| mark.content == *content);
                found.map(|mark| mark.id.clone())
            }
            _ => None,
        }
    }

    /// What the marks are with all that waits: those of the server, changed, added and removed.
    pub fn merged(&self, mut marks: Vec<Known>) -> Vec<Known> {
        for entry in &self.entries {
            match &entry.act {
                Act::Add(content) => marks.push(Known {
                    id: entry.mark.clone(),
                    content: content.clone(),
                }),
                Act::Amend(content) => {
                    for mark in marks.iter_mut().filter(|mark| mark.id == entry.mark) {
                        mark.content = content.clone();
                    }
                }
                Act::Remove => marks.retain(|mark| mark.id != entry.mark),
                Act::Comment(_) => {}
            }
        }
        marks
    }
}

#[cfg(test)]
mod tests {
    use domain::{AnnotationKind, MarkSpace};
    use geometry::DVec3;

    use super::*;

    fn content(x: f64) -> Content {
        Content {
            item: None,
            geometry: AnnotationGeometry::new(
                AnnotationKind::Pin,
                MarkSpace::Patient,
                vec![DVec3::new(x, 0.1 + 0.2, -3.0)],
            )
            .unwrap(),
            label: None,
            color: None,
        }
    }

    fn acts(outbox: &Outbox) -> Vec<(&str, &Act)> {
        outbox
            .entries()
            .map(|entry| (entry.mark.as_str(), &entry.act))
            .collect()
    }

    #[test]
    fn what_is_replaced_before_it_was_sent_is_not_sent() {
        let mut outbox = Outbox::default();
        outbox.push("new-1", Act::Add(content(1.0)));
        outbox.push("new-1", Act::Amend(content(2.0)));
        outbox.push("new-2", Act::Add(content(5.0)));
        outbox.push("new-2", Act::Comment("here".to_owned()));
        outbox.push("new-2", Act::Remove);
        assert_eq!(acts(&outbox), [("new-1", &Act::Add(content(2.0)))]);
        outbox.push("kept", Act::Amend(content(3.0)));
        outbox.push("kept", Act::Remove);
        assert_eq!(acts(&outbox)[1], ("kept", &Act::Remove));
    }

    #[test]
    fn what_is_on_its_way_is_followed_by_what_happens_meanwhile() {
        let mut outbox = Outbox::default();
        outbox.push("new-1", Act::Add(content(1.0)));
        assert_eq!(outbox.send().unwrap().act, Act::Add(content(1.0)));
        outbox.push("new-1", Act::Amend(content(2.0)));
        outbox.push("new-1", Act::Comment("margin?".to_owned()));
        outbox.settled("a7");
        assert_eq!(
            acts(&outbox),
            [
                ("a7", &Act::Amend(content(2.0))),
                ("a7", &Act::Comment("margin?".to_owned()))
            ]
        );
        // One that was sent and is then removed has to be removed there too.
        let mut outbox = Outbox::default();
        outbox.push("new-1", Act::Add(content(1.0)));
        outbox.send();
        outbox.push("new-1", Act::Remove);
        outbox.settled("a8");
        assert_eq!(acts(&outbox), [("a8", &Act::Remove)]);
    }

    #[test]
    fn a_lost_answer_adds_no_mark_twice() {
        let mut outbox = Outbox::default();
        outbox.push("new-1", Act::Add(content(1.0)));
        outbox.send();
        outbox.lost();
        let known = |id: &str, content| Known {
            id: id.to_owned(),
            content,
        };
        assert_eq!(outbox.arrived(&[known("b1", content(9.0))]), None);
        let there = [known("b1", content(9.0)), known("b2", content(1.0))];
        assert_eq!(outbox.arrived(&there).as_deref(), Some("b2"));
        outbox.settled("b2");
        assert!(outbox.is_empty());
    }

    #[test]
    fn what_the_server_does_not_want_takes_along_what_follows_from_it() {
        let mut outbox = Outbox::default();
        outbox.push("new-1", Act::Add(content(1.0)));
        outbox.send();
        outbox.push("new-1", Act::Amend(content(2.0)));
        outbox.push("kept", Act::Remove);
        assert_eq!(outbox.refused().unwrap().mark, "new-1");
        assert_eq!(acts(&outbox), [("kept", &Act::Remove)]);
        assert!(outbox.refused().is_some() && outbox.refused().is_none());
    }

    #[test]
    fn all_is_restored_exactly_and_merged_with_what_others_did() {
        let mut outbox = Outbox::default();
        outbox.push("new-1", Act::Add(content(1.0 / 3.0)));
        outbox.push("mine", Act::Amend(content(7.0)));
        outbox.push("gone", Act::Remove);
        outbox.push("mine", Act::Comment("so".to_owned()));
        let text = serde_json::to_string(&outbox).unwrap();
        let read: Outbox = serde_json::from_str(&text).unwrap();
        assert_eq!(read, outbox);
        let known = |id: &str, x| Known {
            id: id.to_owned(),
            content: content(x),
        };
        let merged = read.merged(vec![known("mine", 0.0), known("gone", 0.0), known("theirs", 4.0)]);
        let expected = vec![
            known("mine", 7.0),
            known("theirs", 4.0),
            known("new-1", 1.0 / 3.0),
        ];
        assert_eq!(merged, expected);
    }
}
