//! Signed checkpoints: the size and root of the log at a moment, under an Ed25519 signature.
//!
//! The text is a checkpoint of C2SP `tlog-checkpoint` in a `signed-note`, which other programs verify too:
//!
//! ```text
//! vitrine/7d1c…          the name of the log
//! 1234                   its size
//! CsUYapGGPo4dkMgIAUqo…  its root hash, base64
//! time 1795000000000     when it was signed, milliseconds since 1970 in UTC
//!
//! — vitrine/7d1c… Az3grl…
//! ```

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;

use crate::error::LedgerError;
use crate::merkle::{Hash, sha256};

/// Marks an Ed25519 signature in a signed note (C2SP `signed-note`, signature types).
const ED25519_NOTE: u8 = 1;

/// The name of one log: `vitrine/` and 32 hexadecimal digits that are drawn when the log begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogName(String);

impl LogName {
    /// The name of a log, from 16 random bytes that are kept as long as the log.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("vitrine/{digits}"))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first bytes of a signature tell who signed: a hash of name, algorithm and key.
    fn key_hash(&self, public_key: &[u8]) -> [u8; 4] {
        let hash = sha256(&[self.0.as_bytes(), b"\n", &[ED25519_NOTE], public_key]);
        let mut short = [0; 4];
        for (to, from) in short.iter_mut().zip(hash.0) {
            *to = from;
        }
        short
    }
}

/// How the log stood at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Events.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
    /// When it was signed.
    pub at: Timestamp,
}

impl Checkpoint {
    fn body(&self, name: &LogName) -> String {
        format!(
            "{}\n{}\n{}\ntime {}\n",
            name.0,
            self.size,
            STANDARD.encode(self.root.0),
            self.at.ms()
        )
    }

    fn from_body(body: &str, name: &LogName) -> Result<Self, LedgerError> {
        let broken = LedgerError::NotACheckpoint;
        let mut lines = body.lines();
        let mut line = |what| lines.next().ok_or(broken(what));
        if line("it is empty")? != name.0 {
            return Err(LedgerError::Signature);
        }
        let size = line("it has no size")?
            .parse()
            .map_err(|_| broken("its size is no number"))?;
        let root = STANDARD
            .decode(line("it has no root")?)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(broken("its root is no hash"))?;
        let at = line("it has no time")?
            .strip_prefix("time ")
            .and_then(|ms| ms.parse().ok())
            .ok_or(broken("its time is no number"))?;
        let checkpoint = Self {
            size,
            root: Hash(root),
            at: Timestamp::from_ms(at),
        };
        if checkpoint.body(name) == body {
            Ok(checkpoint)
        } else {
            Err(broken("it is not in the form that this program writes"))
        }
    }
}

/// The key that signs checkpoints. It does not lie beside the data.
pub struct LogKey {
    name: LogName,
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for LogKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogKey({})", self.name.0)
    }
}

impl LogKey {
    /// The key of a log from a secret of 32 bytes, such as the vault derives from its root key.
    ///
    /// # Errors
    /// [`LedgerError::Key`].
    pub fn from_seed(name: LogName, seed: &[u8; 32]) -> Result<Self, LedgerError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| LedgerError::Key)?;
        Ok(Self { name, pair })
    }

    /// The name of its log.
    pub fn name(&self) -> &LogName {
        &self.name
    }

    /// What checks its signatures.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey {
            name: self.name.clone(),
            public_key: self.pair.public_key().as_ref().to_vec(),
        }
    }

    /// The signed text of a checkpoint.
    pub fn sign(&self, checkpoint: &Checkpoint) -> String {
        let body = checkpoint.body(&self.name);
        let signature = self.pair.sign(body.as_bytes());
        let hash = self.name.key_hash(self.pair.public_key().as_ref());
        let line = STANDARD.encode([&hash[..], signature.as_ref()].concat());
        format!("{body}\n\u{2014} {} {line}\n", self.name.0)
    }
}

/// What checks the signatures of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    name: LogName,
    public_key: Vec<u8>,
}

impl VerifyingKey {
    /// As text, `name+hash+key` (C2SP `signed-note`, verifier keys), to give to an auditor.
    pub fn to_text(&self) -> String {
        let hash: String = self
            .name
            .key_hash(&self.public_key)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let key = STANDARD.encode([&[ED25519_NOTE][..], &self.public_key].concat());
        format!("{}+{hash}+{key}", self.name.0)
    }

    /// The key with this text.
    ///
    /// # Errors
    /// [`LedgerError::Key`].
    pub fn from_text(text: &str) -> Result<Self, LedgerError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(LedgerError::Key);
        };
        let bytes = STANDARD.decode(key).map_err(|_| LedgerError::Key)?;
        let Some((&ED25519_NOTE, public_key)) = bytes.split_first() else {
            return Err(LedgerError::Key);
        };
        let key = Self {
            name: LogName(name.to_owned()),
            public_key: public_key.to_vec(),
        };
        if public_key.len() == 32 && key.to_text() == text.trim() {
            Ok(key)
        } else {
            Err(LedgerError::Key)
        }
    }

    /// The checkpoint in a signed text.
    ///
    /// # Errors
    /// [`LedgerError::NotACheckpoint`], or [`LedgerError::Signature`] where the signature is not this log's.
    pub fn open(&self, text: &str) -> Result<Checkpoint, LedgerError> {
        let (body, signatures) = text
            .split_once("\n\n")
            .ok_or(LedgerError::NotACheckpoint("it has no signature"))?;
        let body = format!("{body}\n");
        let hash = self.name.key_hash(&self.public_key);
        let is_signed = signatures
            .lines()
            .filter_map(|line| line.strip_prefix("\u{2014} ")?.split_once(' '))
            .filter(|(name, _)| *name == self.name.0)
            .filter_map(|(_, signature)| STANDARD.decode(signature).ok())
            .filter_map(|bytes| Some((bytes.get(..4)? == hash, bytes.get(4..)?.to_vec())))
            .any(|(is_ours, signature)| {
                is_ours
                    && UnparsedPublicKey::new(&ED25519, &self.public_key)
                        .verify(body.as_bytes(), &signature)
                        .is_ok()
            });
        if !is_signed {
            return Err(LedgerError::Signature);
        }
        Checkpoint::from_body(&body, &self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> LogKey {
        LogKey::from_seed(LogName::from_random([3; 16]), &[seed; 32]).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            size: 1234,
            root: Hash([9; 32]),
            at: Timestamp::from_ms(1_795_000_000_000),
        }
    }

    #[test]
    fn what_was_signed_is_what_is_read() {
        let text = key(1).sign(&checkpoint());
        assert!(
            text.starts_with("vitrine/03030303030303030303030303030303\n1234\nCQkJ"),
            "{text}"
        );
        assert_eq!(key(1).verifying_key().open(&text).unwrap(), checkpoint());
        let kept = VerifyingKey::from_text(&key(1).verifying_key().to_text()).unwrap();
        assert_eq!(kept.open(&text).unwrap(), checkpoint());
    }

    #[test]
    fn any_change_breaks_the_signature() {
        let text = key(1).sign(&checkpoint());
        let open = key(1).verifying_key();
        for (at, _) in text.char_indices().filter(|(_, c)| c.is_ascii_alphanumeric()) {
            let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
            let mut changed = text.clone();
            changed.replace_range(at..=at, other);
            assert!(open.open(&changed).is_err(), "at {at}: {changed}");
        }
        assert!(key(2).verifying_key().open(&text).is_err());
        assert!(open.open("").is_err());
        assert!(open.open(&text.replace("\n\n", "\n")).is_err());
        assert!(VerifyingKey::from_text("vitrine/03+00000000+AQ==").is_err());
    }

    #[test]
    fn the_signature_is_that_of_rfc_8032() {
        // RFC 8032, 7.1, test 1: the public key of this seed.
        let seed = [
            0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
            0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
        ];
        let key = LogKey::from_seed(LogName::from_random([0; 16]), &seed).unwrap();
        let public: String = key
            .verifying_key()
            .public_key
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            public,
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
    }
}
