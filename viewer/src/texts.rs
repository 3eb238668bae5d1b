//! What the pages say: one catalog of texts a language.

use std::collections::HashMap;
use std::sync::LazyLock;

static ENGLISH: LazyLock<HashMap<&'static str, &'static str>> =
    LazyLock::new(|| read(include_str!("../../assets/texts/en.tsv")));

/// A catalog: a key, a tab, a text in each line.
fn read(catalog: &'static str) -> HashMap<&'static str, &'static str> {
    catalog.lines().filter_map(|line| line.split_once('\t')).collect()
}

/// The text called `key`; the key itself where there is none, which a test forbids.
pub fn t(key: &'static str) -> &'static str {
    ENGLISH.get(key).copied().unwrap_or(key)
}

#[cfg(test)]
mod tests {
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
        let unused: Vec<_> = ENGLISH
            .keys()
            .filter(|key| !all.contains(&format!("\"{key}\"")))
            .collect();
        assert!(unused.is_empty(), "nobody says: {unused:?}");
        assert!(
            ENGLISH
                .values()
                .all(|text| !text.is_empty() && !text.contains('!'))
        );
    }
}
