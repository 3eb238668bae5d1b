//! What the pages say: one catalog of texts a language, chosen once when the page opens.

use std::collections::HashMap;
use std::sync::OnceLock;

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

    /// The one that browsers name so.
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }
}

type Catalog = HashMap<&'static str, &'static str>;

/// The language that is spoken, and what it says.
static SPOKEN: OnceLock<(Language, Catalog)> = OnceLock::new();

/// What is said where nothing was chosen: outside of browsers, which bring their catalog.
#[cfg(not(target_family = "wasm"))]
const ENGLISH: &str = include_str!("../../assets/texts/en.tsv");
#[cfg(target_family = "wasm")]
const ENGLISH: &str = "";

/// A catalog: a key, a tab, a text in each line.
fn read(catalog: &'static str) -> Catalog {
    catalog.lines().filter_map(|line| line.split_once('\t')).collect()
}

/// Texts are in this language from now on, which is chosen once.
pub fn speak(language: Language, catalog: &'static str) {
    drop(SPOKEN.set((language, read(catalog))));
}

fn catalog() -> &'static (Language, Catalog) {
    SPOKEN.get_or_init(|| (Language::English, read(ENGLISH)))
}

/// The language that is spoken.
pub fn spoken() -> Language {
    catalog().0
}

/// The text called `key`; the key itself where there is none, which a test forbids.
pub fn t(key: &'static str) -> &'static str {
    catalog().1.get(key).copied().unwrap_or(key)
}

/// The text called `prefix.word`, for words that come from the server; `None` where there is none.
pub fn of_word(prefix: &str, word: &str) -> Option<&'static str> {
    catalog().1.get(format!("{prefix}.{word}").as_str()).copied()
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

    fn of(language: Language) -> Catalog {
        read(match language {
            Language::English => ENGLISH,
            Language::German => include_str!("../../assets/texts/de.tsv"),
        })
    }

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
        let english = of(Language::English);
        assert!(asked.len() > 100, "the pages say {} texts", asked.len());
        let missing: Vec<_> = asked.iter().filter(|key| !english.contains_key(**key)).collect();
        assert!(missing.is_empty(), "without a text: {missing:?}");
        let prefixes = prefixes(&all);
        let unused: Vec<_> = english
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
        let keys = |language: Language| of(language).into_keys().collect::<BTreeSet<_>>();
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
            for (key, text) in of(language) {
                assert!(!text.is_empty() && !text.contains('!'), "{language:?}: {key}");
                assert_eq!(
                    names(text),
                    names(of(Language::English)[key]),
                    "{language:?}: {key} has other values to fill in"
                );
            }
        }
        let (english, german) = (of(Language::English), of(Language::German));
        let same = english
            .iter()
            .filter(|(key, text)| german[*key] == **text)
            .count();
        assert!(
            same * 8 < english.len(),
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
    fn values_are_filled_in_by_name() {
        assert_eq!(fill("{a} of {b}", &[("b", "9"), ("a", "1")]), "1 of 9");
    }
}
