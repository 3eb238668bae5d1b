//! What the pages say: one catalog of texts a language, chosen once when the page opens.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, Ordering};

/// A language with a catalog of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// How browsers name it (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// What its speakers call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    /// The first of the tags, in the order of preference, that there is a catalog for; regions do not matter.
    pub fn preferred<'a>(tags: impl IntoIterator<Item = &'a str>) -> Self {
        tags.into_iter()
            .find_map(|tag| {
                let primary = tag.split('-').next().unwrap_or_default();
                Self::ALL
                    .into_iter()
                    .find(|language| language.tag().eq_ignore_ascii_case(primary))
            })
            .unwrap_or(Self::English)
    }

    fn catalog(self) -> &'static Catalog {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }
}

type Catalog = LazyLock<HashMap<&'static str, &'static str>>;

static ENGLISH: Catalog = LazyLock::new(|| read(include_str!("../../assets/texts/en.tsv")));
static GERMAN: Catalog = LazyLock::new(|| read(include_str!("../../assets/texts/de.tsv")));

/// Place in [`Language::ALL`] of the language that is spoken.
static SPOKEN: AtomicU8 = AtomicU8::new(0);

/// A catalog: a key, a tab, a text in each line.
fn read(catalog: &'static str) -> HashMap<&'static str, &'static str> {
    catalog.lines().filter_map(|line| line.split_once('\t')).collect()
}

/// From now on texts are in this language; those that were asked for before stay as they are.
pub fn speak(language: Language) {
    SPOKEN.store(language as u8, Ordering::Relaxed);
}

/// The language that is spoken.
pub fn spoken() -> Language {
    Language::ALL[usize::from(SPOKEN.load(Ordering::Relaxed)) % Language::ALL.len()]
}

/// The text called `key`; the key itself where there is none, which a test forbids.
pub fn t(key: &'static str) -> &'static str {
    spoken().catalog().get(key).copied().unwrap_or(key)
}

/// The text called `prefix.word`, for words that come from the server; `None` where there is none.
pub fn of_word(prefix: &str, word: &str) -> Option<&'static str> {
    spoken()
        .catalog()
        .get(format!("{prefix}.{word}").as_str())
        .copied()
}

/// A text with values in place of their names in braces: `{name}`.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The sources of the pages, one after another.
    fn sources(folder: &Path, all: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, all);
            } else if path.extension().is_some_and(|end| end == "rs") {
                all.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }

    /// Texts that are looked up by words of the server's: `of_word("kind", ..)` asks for all that begin with `kind.`.
    fn prefixes(all: &str) -> Vec<&str> {
        all.split("of_word(\"")
            .skip(1)
            .filter_map(|rest| rest.split_once('"'))
            .map(|(prefix, _)| prefix)
            .collect()
    }

    #[test]
    fn every_text_that_is_asked_for_is_there_and_every_other_is_not() {
        let mut all = String::new();
        sources(
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/web")),
            &mut all,
        );
        let calls = all
            .split("t(\"")
            .skip(1)
            .filter_map(|rest| rest.split_once("\")"));
        let asked: Vec<&str> = calls
            .map(|(key, _)| key)
            .filter(|key| {
                let is_key = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c);
                key.contains('.') && key.chars().all(is_key)
            })
            .collect();
        assert!(asked.len() > 100, "the pages say {} texts", asked.len());
        let missing: Vec<_> = asked.iter().filter(|key| !ENGLISH.contains_key(**key)).collect();
        assert!(missing.is_empty(), "without a text: {missing:?}");
        let prefixes = prefixes(&all);
        let unused: Vec<_> = ENGLISH
            .keys()
            .filter(|key| {
                let prefix = key.split('.').next().unwrap_or_default();
                !all.contains(&format!("\"{key}\"")) && !prefixes.contains(&prefix)
            })
            .collect();
        assert!(unused.is_empty(), "nobody says: {unused:?}");
    }

    #[test]
    fn all_languages_say_the_same_things() {
        let keys = |language: Language| language.catalog().keys().copied().collect::<BTreeSet<_>>();
        for language in Language::ALL {
            let missing: Vec<_> = keys(Language::English)
                .difference(&keys(language))
                .copied()
                .collect();
            let extra: Vec<_> = keys(language)
                .difference(&keys(Language::English))
                .copied()
                .collect();
            assert!(missing.is_empty(), "not said in {language:?}: {missing:?}");
            assert!(extra.is_empty(), "said in {language:?} only: {extra:?}");
            for (key, text) in language.catalog().iter() {
                assert!(!text.is_empty() && !text.contains('!'), "{language:?}: {key}");
                assert_eq!(
                    names(text),
                    names(ENGLISH[key]),
                    "{language:?}: {key} has other values to fill in"
                );
            }
        }
        let same = ENGLISH
            .iter()
            .filter(|(key, text)| GERMAN[*key] == **text)
            .count();
        assert!(
            same * 8 < ENGLISH.len(),
            "{same} texts are the same in both languages"
        );
    }

    /// The names in braces of a text.
    fn names(text: &str) -> BTreeSet<&str> {
        text.split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}'))
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn no_key_stands_twice() {
        for catalog in [
            include_str!("../../assets/texts/en.tsv"),
            include_str!("../../assets/texts/de.tsv"),
        ] {
            let mut seen = BTreeSet::new();
            for line in catalog.lines() {
                let (key, _) = line.split_once('\t').unwrap_or_else(|| panic!("no text: {line}"));
                assert!(seen.insert(key), "twice: {key}");
            }
        }
    }

    #[test]
    fn languages_are_chosen_by_preference() {
        let check =
            |tags: &[&str], wanted| assert_eq!(Language::preferred(tags.iter().copied()), wanted, "{tags:?}");
        check(&[], Language::English);
        check(&["de-AT", "en"], Language::German);
        check(&["fr", "EN-gb", "de"], Language::English);
        check(&["fr", "sv"], Language::English);
        check(&["den"], Language::English);
        assert_eq!(fill("{a} of {b}", &[("b", "9"), ("a", "1")]), "1 of 9");
    }
}
