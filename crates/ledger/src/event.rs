//! What happened, as words and identifiers, and as the bytes that are hashed.

use std::collections::BTreeMap;

use domain::{
    Capacity, CaseId, PatientId, PracticeId, RequestId, SessionId, SignInId, Timestamp, UserId, Verb,
};
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;

/// A word of the log: 1 to 64 of ASCII letters, digits, `_`, `-`, `.` and `:`. Nothing else gets into an event beside
/// identifiers and numbers, so that no name and no sentence does.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Word(String);

impl Word {
    /// A word.
    ///
    /// # Errors
    /// [`LedgerError::NotAWord`].
    pub fn new(text: &str) -> Result<Self, LedgerError> {
        let is_fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':');
        if (1..=64).contains(&text.len()) && text.bytes().all(is_fine) {
            Ok(Self(text.to_owned()))
        } else {
            Err(LedgerError::NotAWord)
        }
    }

    /// A word of the program's own. What a word cannot hold becomes `_`, and what is too long is cut off.
    pub fn fixed(text: &'static str) -> Self {
        let fine = |c: char| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' | ':' => c,
            _ => '_',
        };
        Self(text.chars().map(fine).take(64).collect())
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Word {
    type Error = LedgerError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        word.0
    }
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was allowed and done.
    Allowed,
    /// It was refused, for this reason.
    Refused(Word),
    /// It was allowed, and failed for this reason.
    Failed(Word),
}

/// The thing that it was done to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Object {
    /// Its identifier.
    pub id: Word,
    /// Its kind, such as `Item`.
    pub kind: Word,
}

impl Object {
    /// A thing of a kind, by the 16 bytes of its identifier.
    pub fn new(kind: &'static str, id: &[u8; 16]) -> Self {
        Self {
            id: Word(domain::EventId::from_bytes(*id).to_string()),
            kind: Word::fixed(kind),
        }
    }
}

impl Outcome {
    /// It was refused, for this reason.
    pub fn refused(reason: &'static str) -> Self {
        Self::Refused(Word::fixed(reason))
    }

    /// As people read it: `allowed`, `refused: ` and why, `failed: ` and why.
    pub fn text(&self) -> String {
        match self {
            Self::Allowed => "allowed".to_owned(),
            Self::Refused(reason) => format!("refused: {reason}"),
            Self::Failed(reason) => format!("failed: {reason}"),
        }
    }
}

/// Something more to know, without personal data.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Detail {
    /// A number: a count, a version, a moment in milliseconds.
    Number(i64),
    /// A word or an identifier.
    Word(Word),
}

/// Something that was decided or done. Its fields stand in the order of their names: that is the order of its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// What was done, or would have been: an action of the policy, or an act of the server.
    pub action: Word,
    /// Who; nobody where the server itself acts, or a visitor.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub actor: Option<UserId>,
    /// When.
    pub at: Timestamp,
    /// In which capacity.
    pub capacity: Capacity,
    /// In which case.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub case: Option<CaseId>,
    /// What more there is to know.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub details: BTreeMap<Word, Detail>,
    /// The thing that it was done to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub object: Option<Object>,
    /// How it ended.
    pub outcome: Outcome,
    /// Concerning whom.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub patient: Option<PatientId>,
    /// In which practice.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub practice: Option<PracticeId>,
    /// In which request to the server.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<RequestId>,
    /// In which session of looking.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session: Option<SessionId>,
    /// Under which sign-in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sign_in: Option<SignInId>,
    /// What kind of act.
    pub verb: Verb,
}

impl Event {
    /// An event about nothing in particular yet.
    pub fn new(at: Timestamp, action: Word, verb: Verb, outcome: Outcome, capacity: Capacity) -> Self {
        Self {
            action,
            actor: None,
            at,
            capacity,
            case: None,
            details: BTreeMap::new(),
            object: None,
            outcome,
            patient: None,
            practice: None,
            request: None,
            session: None,
            sign_in: None,
            verb,
        }
    }

    /// The canonical bytes: JSON without space, names in order, absent values left out, all of it ASCII without
    /// escapes. This is the form of RFC 8785 (JCS), so that any program can make it again.
    ///
    /// # Errors
    /// [`LedgerError::NotAnEvent`], which cannot happen for what these types can hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LedgerError> {
        serde_json::to_vec(self).map_err(|error| LedgerError::NotAnEvent(Some(error)))
    }

    /// The event whose canonical bytes these are. Other bytes of the same meaning are refused, so that one event has
    /// one hash.
    ///
    /// # Errors
    /// [`LedgerError::NotAnEvent`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LedgerError> {
        let event: Self =
            serde_json::from_slice(bytes).map_err(|error| LedgerError::NotAnEvent(Some(error)))?;
        if event.to_bytes()? == bytes {
            Ok(event)
        } else {
            Err(LedgerError::NotAnEvent(None))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Event {
        let word = |text| Word::new(text).unwrap();
        Event {
            actor: Some(UserId::from_bytes([7; 16])),
            object: Some(Object {
                id: word("0b0b0b0b-0b0b-0b0b-0b0b-0b0b0b0b0b0b"),
                kind: word("Item"),
            }),
            details: BTreeMap::from([
                (word("slices"), Detail::Number(-3)),
                (word("part"), Detail::Word(word("bone"))),
            ]),
            ..Event::new(
                Timestamp::from_ms(1_795_000_000_000),
                word("LookAtItem"),
                Verb::Read,
                Outcome::Refused(word("not_allowed")),
                Capacity::Stranger,
            )
        }
    }

    #[test]
    fn the_bytes_are_these() {
        let bytes = String::from_utf8(sample().to_bytes().unwrap()).unwrap();
        assert_eq!(
            bytes,
            "{\"action\":\"LookAtItem\",\"actor\":\"07070707-0707-0707-0707-070707070707\",\
             \"at\":1795000000000,\"capacity\":\"stranger\",\"details\":{\"part\":\"bone\",\"slices\":-3},\
             \"object\":{\"id\":\"0b0b0b0b-0b0b-0b0b-0b0b-0b0b0b0b0b0b\",\"kind\":\"Item\"},\
             \"outcome\":{\"refused\":\"not_allowed\"},\"verb\":\"read\"}"
        );
        assert_eq!(Event::from_bytes(bytes.as_bytes()).unwrap(), sample());
    }

    #[test]
    fn other_bytes_of_the_same_meaning_are_refused() {
        let bytes = String::from_utf8(sample().to_bytes().unwrap()).unwrap();
        for other in [
            bytes.replace(":", ": "),
            bytes.replace("\"case\"", ""),
            bytes.replace("LookAtItem", "Look\\u0041tItem"),
            bytes.replace("\"verb\":\"read\"", "\"verb\":\"read\",\"zeal\":1"),
            bytes.replace("{\"action\":\"LookAtItem\",", "{") + " ",
            bytes.replace("\"verb\":\"read\"", "\"session\":null,\"verb\":\"read\""),
            String::new(),
        ] {
            if other != bytes {
                assert!(Event::from_bytes(other.as_bytes()).is_err(), "{other}");
            }
        }
    }

    #[test]
    fn a_name_is_no_word() {
        for text in [
            "Doe, Jane",
            "Jane Doe",
            "",
            "Müller",
            "a\"b",
            "a/b",
            &"x".repeat(65),
        ] {
            assert!(Word::new(text).is_err(), "{text}");
        }
        assert!(Word::new(&"x".repeat(64)).is_ok());
        assert_eq!(Word::fixed("no account").as_str(), "no_account");
        let named = "{\"action\":\"Jane Doe\",\"at\":1,\"capacity\":\"system\",\"outcome\":\"allowed\",\"verb\":\"read\"}";
        assert!(Event::from_bytes(named.as_bytes()).is_err());
    }
}
