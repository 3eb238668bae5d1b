//! Passwords, one-time codes, and random words that open something.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::{digest, hmac};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use domain::{Phi, Timestamp};
use tokio::sync::Semaphore;

use super::problem::{Answer, Problem};

/// Memory that one hash takes, KiB, passes and lanes: the second choice of OWASP's password storage cheat sheet, which
/// is as strong as the first and takes less memory.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Shortest and longest password, letters.
const SHORTEST: usize = 12;
const LONGEST: usize = 200;
/// Seconds of a one-time code (RFC 6238).
const STEP_SECS: i64 = 30;
/// Bytes of the secret of one-time codes (RFC 4226 section 4: 160 bits).
const TOTP_BYTES: usize = 20;

/// Hashes passwords, a few at a time.
#[derive(Clone)]
pub(crate) struct Hasher {
    argon2: Argon2<'static>,
    /// Each hash takes a processor and its memory.
    at_once: Arc<Semaphore>,
    /// Compared against where there is no account, so that an answer takes as long.
    nobody: Arc<str>,
}

impl Hasher {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
            .map_err(|error| anyhow::anyhow!("parameters of the password hash: {error}"))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = argon2
            .hash_password(b"nobody has this password")
            .map_err(|error| anyhow::anyhow!("hashing a password: {error}"))?
            .to_string();
        Ok(Self {
            argon2,
            at_once: Arc::new(Semaphore::new(2)),
            nobody: nobody.into(),
        })
    }

    /// A hash in PHC string format.
    pub(crate) async fn hash(&self, password: Phi<String>) -> Answer<Phi<String>> {
        let this = self.clone();
        self.run(move || {
            let hash = this.argon2.hash_password(password.reveal().as_bytes());
            hash.map(|hash| Phi::new(hash.to_string())).ok()
        })
        .await?
        .ok_or_else(|| Problem::internal(&std::io::Error::other("a password could not be hashed")))
    }

    /// Whether the password is the one that was hashed. Without a hash it takes as long and says no.
    pub(crate) async fn verify(&self, password: Phi<String>, hash: Option<Phi<String>>) -> Answer<bool> {
        let this = self.clone();
        self.run(move || {
            let text = hash.as_ref().map_or(&*this.nobody, |hash| hash.reveal().as_str());
            let right = PasswordHash::new(text).is_ok_and(|parsed| {
                this.argon2
                    .verify_password(password.reveal().as_bytes(), &parsed)
                    .is_ok()
            });
            right && hash.is_some()
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
        let _turn = self.at_once.acquire().await.map_err(|e| Problem::internal(&e))?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|e| Problem::internal(&e))
    }
}

/// Checks a password that somebody chooses: length, not composition (NIST SP 800-63B section 5.1.1.2), and that it is
/// not among those that are tried first.
pub(crate) fn check_password(password: &Phi<String>, email: &Phi<String>) -> Answer<()> {
    let text = password.reveal();
    let letters = text.chars().count();
    if !(SHORTEST..=LONGEST).contains(&letters) {
        return Err(Problem::invalid(format!(
            "A password has {SHORTEST} to {LONGEST} letters."
        )));
    }
    let folded = text.to_lowercase();
    let name = email
        .reveal()
        .split('@')
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let mut distinct: Vec<char> = folded.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    // One of them, once or repeated, with at most four letters after it.
    let is_common = COMMON.lines().filter(|common| !common.is_empty()).any(|common| {
        let rest = folded.trim_start_matches(common);
        rest.len() < folded.len() && rest.chars().count() < 5
    });
    if is_common
        || distinct.len() < 5
        || (name.len() > 3 && folded.starts_with(&name) && folded.len() < name.len() + 5)
    {
        return Err(Problem::invalid(
            "This password is among those that are tried first. Take another.",
        ));
    }
    Ok(())
}

/// Passwords of twelve letters and more that leaks show again and again, and the beginnings of others.
const COMMON: &str = include_str!("../../../assets/passwords/common.txt");

/// A random word of 256 bits, as text; it opens something once it was sent.
pub(crate) fn random_word() -> Answer<Phi<String>> {
    let mut bytes = [0; 32];
    fill(&mut bytes)?;
    Ok(Phi::new(BASE64URL_NOPAD.encode(&bytes)))
}

/// What is kept of such a word.
pub(crate) fn word_hash(word: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, word.as_bytes()).as_ref());
    hash
}

/// Ten recovery codes, 80 bits each, in groups that can be read out.
pub(crate) fn recovery_codes() -> Answer<Vec<Phi<String>>> {
    (0..10)
        .map(|_| {
            let mut bytes = [0; 10];
            fill(&mut bytes)?;
            let letters = BASE32_NOPAD.encode(&bytes).to_lowercase();
            let groups: Vec<&str> = [0..4, 4..8, 8..12, 12..16]
                .into_iter()
                .filter_map(|range| letters.get(range))
                .collect();
            Ok(Phi::new(groups.join("-")))
        })
        .collect()
}

/// A recovery code as it is compared.
pub(crate) fn folded_code(code: &str) -> String {
    code.chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// 16 random bytes.
pub(crate) fn random_id() -> Answer<[u8; 16]> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    Ok(bytes)
}

fn fill(bytes: &mut [u8]) -> Answer<()> {
    getrandom::fill(bytes).map_err(|error| Problem::internal(&std::io::Error::other(error.to_string())))
}

/// The secret of one-time codes (RFC 6238: HMAC-SHA-1, six digits, 30 seconds).
pub(crate) struct Totp(Vec<u8>);

impl Totp {
    pub(crate) fn random() -> Answer<Self> {
        let mut bytes = vec![0; TOTP_BYTES];
        fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        BASE32_NOPAD.decode(text.as_bytes()).ok().map(Self)
    }

    /// As applications take it: base 32.
    pub(crate) fn text(&self) -> String {
        BASE32_NOPAD.encode(&self.0)
    }

    /// As QR codes hold it.
    pub(crate) fn uri(&self, account: &Phi<String>) -> String {
        let account: String = account
            .reveal()
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            })
            .collect();
        format!(
            "otpauth://totp/Vitrine:{account}?secret={}&issuer=Vitrine&algorithm=SHA1&digits=6&period={STEP_SECS}",
            self.text()
        )
    }

    /// The time step that a code is of, if it is the present one or a neighbor: clocks differ.
    pub(crate) fn step_of(&self, code: &str, now: Timestamp) -> Option<i64> {
        let present = now.ms().div_euclid(STEP_SECS * 1000);
        let code = code.trim();
        (present - 1..=present + 1).find(|&step| self.code(step) == code)
    }

    /// The code of a time step: dynamic truncation of RFC 4226 section 5.3.
    pub(crate) fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let bytes = tag.as_ref();
        let offset = usize::from(bytes.last().copied().unwrap_or_default() & 15);
        let four = bytes.get(offset..offset + 4).unwrap_or(&[0; 4]);
        let number = four.iter().fold(0_u32, |sum, &byte| sum << 8 | u32::from(byte)) & 0x7FFF_FFFF;
        format!("{:06}", number % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, SHA-1, the last six of eight digits.
        let totp = Totp(b"12345678901234567890".to_vec());
        for (secs, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = Timestamp::from_ms(secs * 1000);
            assert_eq!(totp.step_of(code, now), Some(secs / 30));
            assert_eq!(totp.step_of(code, now.plus_ms(-30_000)), Some(secs / 30));
            assert_eq!(totp.step_of(code, now.plus_ms(90_000)), None);
        }
        assert_eq!(Totp::from_text(&totp.text()).unwrap().text(), totp.text());
    }

    #[test]
    fn passwords_are_judged_by_length_and_by_what_is_tried_first() {
        let email = Phi::new("margarete.roe@example.org".to_owned());
        let check = |text: &str| check_password(&Phi::new(text.to_owned()), &email).is_ok();
        assert!(check("four words of mine"));
        assert!(check("ümläutige wörter"));
        for weak in [
            "short",
            "password1234",
            "PasswordPassword",
            "aaaaaaaaaaaaaaaa",
            "123456789012",
            "margarete.roe12",
            &"x y z w v ".repeat(21),
        ] {
            assert!(!check(weak), "{weak}");
        }
    }

    #[tokio::test]
    async fn a_hash_knows_its_password_only() {
        let hasher = Hasher::new().unwrap();
        let word = |text: &str| Phi::new(text.to_owned());
        let hash = hasher.hash(word("correct horse battery")).await.unwrap();
        assert!(hash.reveal().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let verify = |text: &str, hash| hasher.verify(word(text), hash);
        assert!(verify("correct horse battery", Some(hash.clone())).await.unwrap());
        assert!(!verify("correct horse batterz", Some(hash)).await.unwrap());
        assert!(!verify("nobody has this password", None).await.unwrap());
    }

    #[test]
    fn recovery_codes_are_read_as_people_type_them() {
        let codes = recovery_codes().unwrap();
        assert_eq!(codes.len(), 10);
        assert_eq!(codes[0].reveal().len(), 19);
        assert_eq!(folded_code(" ABCD efgh-ijkl mnop "), "abcdefghijklmnop");
    }
}
