//! Questions that were asked before.
//!
//! A stream asks the same question for every frame, and only the time goes on. An answer holds until a moment of the
//! facts is passed ([`crate::encode::Encoder::validity`]); until then it is given again without asking the policies.
//! A question is all of its facts: where one of them changes it is another question. So this changes no answer, only
//! how long it takes.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{LazyLock, Mutex, PoisonError};

use domain::{Timestamp, Window};

use crate::action::Action;
use crate::decide::Verdict;
use crate::facts::{Resource, Subject};

/// Places that are locked apart, so that streams do not wait for one another.
const SHARDS: usize = 16;
/// Questions that one of them keeps; then it begins anew. All of them take some megabytes at most.
const KEPT: usize = 512;

pub(crate) static MEMO: LazyLock<Memo> = LazyLock::new(Memo::default);

/// All that an answer depends on beside the time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    action: Action,
    subject: Subject,
    thing: Resource,
}

impl Question {
    pub(crate) fn new(action: Action, subject: &Subject, thing: &Resource) -> Self {
        Self {
            action,
            subject: *subject,
            thing: *thing,
        }
    }
}

#[derive(Default)]
pub(crate) struct Memo {
    hasher: RandomState,
    shards: [Mutex<HashMap<Question, (Verdict, Window)>>; SHARDS],
}

impl Memo {
    /// The answer that still holds, or a fresh one, which is kept.
    pub(crate) fn answer(
        &self,
        question: Question,
        now: Timestamp,
        ask: impl FnOnce() -> Option<(Verdict, Window)>,
    ) -> Option<Verdict> {
        let place = self.hasher.hash_one(question) as usize % SHARDS;
        let shard = self.shards.get(place)?;
        let lock = || shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((verdict, validity)) = lock().get(&question)
            && validity.contains(now)
        {
            return Some(*verdict);
        }
        let (verdict, validity) = ask()?;
        let mut kept = lock();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(question, (verdict, validity));
        Some(verdict)
    }
}
