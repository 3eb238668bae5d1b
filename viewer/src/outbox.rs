//! What was done to marks and is not on the server yet: kept in order, so that nothing is lost with a connection.
//!
//! Marks and comments have the names that this browser gave them, so what is sent again, because no answer came, is done
//! once. What was sent is not changed any more; what happens to its mark later is sent after it.

use std::collections::VecDeque;

use domain::{AnnotationGeometry, MarkColor};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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
    Comment {
        /// The name of the comment.
        id: String,
        /// What it says.
        text: String,
    },
}

/// What was done to which mark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub mark: String,
    /// What was done.
    pub act: Act,
}

/// What is sent to the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// HTTP method.
    pub method: &'static str,
    /// Where.
    pub path: String,
    /// JSON, where there is something to say.
    pub body: Option<Value>,
}

/// What an answer of the server means for what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done, now or before.
    Settled,
    /// It will not be done.
    Refused,
    /// It is sent again, after what the server has by now was read.
    Again,
}

impl Entry {
    /// What is sent for it. `version` is that of the mark as it was last read.
    pub fn request(&self, case: &str, version: u64) -> Request {
        let of_mark = format!("/api/annotations/{}", self.mark);
        let told = |content: &Content, key: &str, value: Value| {
            let mut body = json!(content);
            if let Some(fields) = body.as_object_mut() {
                fields.insert(key.to_owned(), value);
            }
            Some(body)
        };
        let (method, path, body) = match &self.act {
            Act::Add(content) => {
                let path = format!("/api/cases/{case}/annotations");
                ("POST", path, told(content, "id", json!(self.mark)))
            }
            Act::Amend(content) => ("PUT", of_mark, told(content, "version", json!(version))),
            Act::Remove => ("DELETE", of_mark, None),
            Act::Comment { id, text } => {
                let body = json!({ "id": id, "text": text });
                ("POST", format!("{of_mark}/comments"), Some(body))
            }
        };
        Request { method, path, body }
    }

    /// What an answer with this HTTP status means; 0 where none came.
    pub fn verdict(&self, status: u16) -> Verdict {
        match (&self.act, status) {
            (_, 200..300) => Verdict::Settled,
            // Somebody was quicker.
            (Act::Remove, 404) => Verdict::Settled,
            // It was there, and was withdrawn since.
            (Act::Add(_) | Act::Comment { .. }, 409) => Verdict::Settled,
            // 401 is mended by signing in, 409 by taking what the server has, 429 by waiting.
            (_, 401 | 408 | 409 | 429) => Verdict::Again,
            (_, 400..500) => Verdict::Refused,
            _ => Verdict::Again,
        }
    }
}

/// A mark of the server, as far as the outbox needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Its name.
    pub id: String,
    /// What it says.
    pub content: Content,
}

/// What waits, in order. The first may have been sent; then it is not changed any more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outbox {
    entries: VecDeque<Entry>,
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
            Act::Add(_) | Act::Comment { .. } => self.put(mark, act),
        }
    }

    fn put(&mut self, mark: &str, act: Act) {
        let mark = mark.to_owned();
        self.entries.push_back(Entry { mark, act });
    }

    /// The next to be sent; from now on it stays as it is. It has to be kept so before it is sent: who goes on from what
    /// was kept must not change it either.
    pub fn send(&mut self) -> Option<Entry> {
        let first = self.entries.front().cloned();
        self.is_first_sent = first.is_some();
        first
    }

    /// The server has the first.
    pub fn settled(&mut self) {
        self.is_first_sent = false;
        self.entries.pop_front();
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

    /// What the marks are with all that waits: those of the server, changed, added and removed.
    pub fn merged(&self, mut marks: Vec<Known>) -> Vec<Known> {
        for entry in &self.entries {
            match &entry.act {
                // It may have arrived although its answer did not.
                Act::Add(_) if marks.iter().any(|mark| mark.id == entry.mark) => {}
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
                Act::Comment { .. } => {}
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
        outbox.push("new-2", comment("here"));
        outbox.push("new-2", Act::Remove);
        assert_eq!(acts(&outbox), [("new-1", &Act::Add(content(2.0)))]);
        outbox.push("kept", Act::Amend(content(3.0)));
        outbox.push("kept", Act::Remove);
        assert_eq!(acts(&outbox)[1], ("kept", &Act::Remove));
    }

    fn comment(text: &str) -> Act {
        Act::Comment {
            id: format!("c-{text}"),
            text: text.to_owned(),
        }
    }

    #[test]
    fn what_is_on_its_way_is_followed_by_what_happens_meanwhile() {
        let mut outbox = Outbox::default();
        outbox.push("a7", Act::Add(content(1.0)));
        assert_eq!(outbox.send().unwrap().act, Act::Add(content(1.0)));
        // No answer came, and the page was opened anew: the same is sent again.
        let text = serde_json::to_string(&outbox).unwrap();
        let mut outbox: Outbox = serde_json::from_str(&text).unwrap();
        outbox.push("a7", Act::Amend(content(2.0)));
        outbox.push("a7", comment("margin?"));
        assert_eq!(outbox.send().unwrap().act, Act::Add(content(1.0)));
        outbox.settled();
        assert_eq!(
            acts(&outbox),
            [("a7", &Act::Amend(content(2.0))), ("a7", &comment("margin?"))]
        );
        // One that was sent and is then removed has to be removed there too.
        let mut outbox = Outbox::default();
        outbox.push("a8", Act::Add(content(1.0)));
        outbox.send();
        outbox.push("a8", Act::Remove);
        outbox.settled();
        assert_eq!(acts(&outbox), [("a8", &Act::Remove)]);
    }

    #[test]
    fn what_is_sent_names_what_it_is_of() {
        let entry = |act| Entry {
            mark: "a7".to_owned(),
            act,
        };
        let request = entry(Act::Add(content(1.0))).request("c1", 0);
        assert_eq!(
            (request.method, request.path.as_str()),
            ("POST", "/api/cases/c1/annotations")
        );
        let body = request.body.unwrap();
        assert_eq!(
            (&body["id"], &body["geometry"]["kind"]),
            (&json!("a7"), &json!("pin"))
        );
        let request = entry(Act::Amend(content(1.0))).request("c1", 4);
        assert_eq!(
            (request.method, request.path.as_str()),
            ("PUT", "/api/annotations/a7")
        );
        assert_eq!(request.body.unwrap()["version"], json!(4));
        let request = entry(Act::Remove).request("c1", 4);
        assert_eq!((request.method, request.body), ("DELETE", None));
        let request = entry(comment("so")).request("c1", 4);
        assert_eq!(request.path, "/api/annotations/a7/comments");
        assert_eq!(request.body, Some(json!({ "id": "c-so", "text": "so" })));
    }

    #[test]
    fn answers_settle_refuse_or_ask_again() {
        let check = |act: Act, status: u16, wanted: Verdict| {
            let entry = Entry {
                mark: "a7".to_owned(),
                act,
            };
            assert_eq!(entry.verdict(status), wanted, "{entry:?} {status}");
        };
        for act in [
            Act::Add(content(1.0)),
            Act::Amend(content(1.0)),
            Act::Remove,
            comment("so"),
        ] {
            check(act.clone(), 201, Verdict::Settled);
            for again in [0, 401, 429, 500, 503] {
                check(act.clone(), again, Verdict::Again);
            }
            check(act.clone(), 403, Verdict::Refused);
            check(act, 422, Verdict::Refused);
        }
        check(Act::Remove, 404, Verdict::Settled);
        check(Act::Amend(content(1.0)), 404, Verdict::Refused);
        check(Act::Add(content(1.0)), 409, Verdict::Settled);
        check(comment("so"), 409, Verdict::Settled);
        check(Act::Amend(content(1.0)), 409, Verdict::Again);
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
        outbox.push("mine", comment("so"));
        let text = serde_json::to_string(&outbox).unwrap();
        let read: Outbox = serde_json::from_str(&text).unwrap();
        assert_eq!(read, outbox);
        let known = |id: &str, x| Known {
            id: id.to_owned(),
            content: content(x),
        };
        // One that arrived although its answer did not is there once.
        let arrived = read.merged(vec![known("new-1", 9.0), known("mine", 0.0)]);
        assert_eq!(arrived, [known("new-1", 9.0), known("mine", 7.0)]);
        let merged = read.merged(vec![known("mine", 0.0), known("gone", 0.0), known("theirs", 4.0)]);
        let expected = vec![
            known("mine", 7.0),
            known("theirs", 4.0),
            known("new-1", 1.0 / 3.0),
        ];
        assert_eq!(merged, expected);
    }
}
