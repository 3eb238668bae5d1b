//! Finding names that are sealed: tokens of the beginnings of their words.
//!
//! # Limits
//! Who holds the database sees how many rows share a beginning, though not which one. Beginnings are kept up to twelve
//! letters: longer words are told apart by those only.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest beginning, letters.
const LONGEST: usize = 12;
/// Words of a text that count.
const MOST_WORDS: usize = 12;

/// The words of a text as they are compared: in lower case, without accents.
pub(crate) fn words(text: &str) -> Vec<String> {
    let plain: String = text
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect();
    let mut words: Vec<String> = plain
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(MOST_WORDS)
        .map(|word| word.chars().take(LONGEST).collect())
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// All beginnings of the words of a text. One ASCII letter alone is no beginning: it would find nearly everything.
pub(crate) fn beginnings(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for word in words(text) {
        let ends: Vec<usize> = word.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
        for (count, &end) in ends.iter().enumerate() {
            let is_whole = count + 1 == ends.len();
            if count > 0 || is_whole || !word.is_ascii() {
                all.push(word[..end].to_owned());
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_case_and_accents() {
        assert_eq!(words("Müller^Änne-Marie"), ["anne", "marie", "muller"]);
        assert_eq!(words("  "), Vec::<String>::new());
        assert_eq!(words("Ærø Straße"), ["straße", "ærø"]);
        assert_eq!(words(&"x".repeat(40)), ["x".repeat(12)]);
    }

    #[test]
    fn beginnings_are_those_that_people_type() {
        assert_eq!(beginnings("Doe"), ["do", "doe"]);
        assert_eq!(beginnings("J Li"), ["j", "li"]);
        assert_eq!(beginnings("山田"), ["山", "山田"]);
        assert_eq!(beginnings("Ann Anna"), ["an", "ann", "anna"]);
    }
}
